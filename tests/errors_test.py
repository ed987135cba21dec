#!/usr/bin/env python3
"""doc/errors.md has every error message of the program, with its remedy, and no other.

usage: errors_test.py SOURCE_FOLDER [--list]

A message is what stands in fail(...), fail_errno(...) and Error{...}, without what fills its
placeholders. --list prints the messages that the page lacks, in the page's form.
"""

import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(sys.argv[1])
LITERAL = r'"(?:[^"\\]|\\.)*"'
LITERALS = rf"{LITERAL}(?:\s*{LITERAL})*"
# fail(Code::x, "...") or fail(cause.code, "..."); fail_errno("..."); Error{Code::x, "..."}. The first
# text is the message; what comes before it is the code alone.
SITE = re.compile(
    rf"\b(?:fail\s*\(\s*[\w:.()>-]+,\s*|fail_errno\s*\(\s*|Error\s*\{{\s*[\w:.()>-]+,\s*(?:fmt::format\()?)({LITERALS})")
# Tests and what only tests link.
NOT_THE_PROGRAM = re.compile(r"_test\.|_test_|/test_|/testing")
COMMENT = re.compile(r"^\s*//.*$", re.M)


def unquoted(literals):
    text = "".join(part[1:-1] for part in re.findall(LITERAL, literals))
    return text.replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\")


def template(message):
    """Placeholders without their form: {:#x} and {0} are {}; doubled braces stay what they mean."""
    message = message.replace("{{", "\0").replace("}}", "\1")
    return re.sub(r"\{[^{}]*\}", "{}", message).replace("\0", "{").replace("\1", "}")


def says_something(message):
    """Not only placeholders around another error's message: those stand where they were made."""
    return re.search(r"[a-z]{2}", message.replace("{}", "")) is not None


def messages_of(text):
    return {message for found in SITE.finditer(COMMENT.sub("", text))
            if says_something(message := template(unquoted(found.group(1))))}


def messages_of_the_source(source):
    """{folder under src: {message: file}}"""
    found = {}
    for file in sorted([*source.glob("src/**/*.cpp"), *source.glob("src/**/*.hpp")]):
        if NOT_THE_PROGRAM.search(str(file)):
            continue
        folder = file.relative_to(source / "src").parts[0]
        for message in messages_of(file.read_text(encoding="utf-8")):
            found.setdefault(folder, {}).setdefault(message, file)
    return found


def messages_of_the_page(page):
    """{folder: {message: remedy}} and what is wrong with the page's form."""
    found, wrong, folder, remedy = {}, [], None, ""
    for line in page.splitlines():
        if line.startswith("## "):
            folder = line[3:].strip().strip("`") if re.fullmatch(r"## `\w+`", line) else None
            remedy = ""
        elif line.startswith("### "):
            remedy = ""
        elif folder and line.startswith("- "):
            entry = re.fullmatch(r"- (`+) ?(.*?) ?\1", line)
            if not entry:
                wrong.append(f"not a message in backticks: {line}")
            elif not remedy:
                wrong.append(f"no remedy above: {line}")
            elif entry.group(2) in found.setdefault(folder, {}):
                wrong.append(f"twice: {line}")
            else:
                found[folder][entry.group(2)] = remedy
        elif folder and line.strip():
            remedy += line
    return found, wrong


def entry(message):
    mark = "``" if "`" in message else "`"
    return f"- {mark}{message}{mark}"


class Errors(unittest.TestCase):
    def test_messages_are_found_in_all_their_forms(self):
        text = ('return fail(Code::io, "a {} of {:#x}"\n  " and more", x); fail_errno("open {}", p);\n'
                'fail(e.error().code, "{}: {}", p, e); Error{Code::busy, "it is \\"so\\""};'
                'return fail(good.error().code, "{}: while {}", a, b);')
        self.assertEqual(messages_of(text), {"a {} of {} and more", "open {}", 'it is "so"', "{}: while {}"})

    def test_a_page_without_remedy_or_with_a_message_twice_is_refused(self):
        page = "## `x`\n### a\n- `one`\n### b\nDo it.\n- `two`\n- `two`\n- three\n"
        found, wrong = messages_of_the_page(page)
        self.assertEqual(found, {"x": {"two": "Do it."}})
        self.assertEqual(len(wrong), 3)

    def test_the_page_has_every_message_and_no_other(self):
        page, wrong = messages_of_the_page((SOURCE / "doc/errors.md").read_text(encoding="utf-8"))
        self.assertEqual(wrong, [])
        source = messages_of_the_source(SOURCE)
        self.assertGreater(sum(map(len, source.values())), 300)
        for folder in sorted({*source, *page}):
            there, told = source.get(folder, {}), page.get(folder, {})
            missing = [f"{entry(m)}    ({f.name})" for m, f in there.items() if m not in told]
            stale = [entry(m) for m in told if m not in there]
            with self.subTest(folder=folder):
                self.assertEqual(missing, [], f"\nadd to doc/errors.md, below a remedy under `{folder}`")
                self.assertEqual(stale, [], "\nno message of the source any more: remove")


def main():
    if "--list" in sys.argv:
        page, _ = messages_of_the_page((SOURCE / "doc/errors.md").read_text(encoding="utf-8"))
        for folder, messages in messages_of_the_source(SOURCE).items():
            for message, file in messages.items():
                if message not in page.get(folder, {}):
                    print(f"{folder}/{file.name} {entry(message)}")
        return
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
