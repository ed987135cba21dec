#!/usr/bin/env python3
"""Help, man pages, completions, README and the documents say the same about the command line.

usage: manual_test.py SOURCE_FOLDER MANUAL_FOLDER EXTREQ
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

SOURCE, MANUAL = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
PROGRAM = sys.argv[3]
TREE = {}


def output(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **keywords).stdout


def paths(tree, above=()):
    path = (*above, tree["name"])
    yield path, tree
    for verb in tree["verbs"]:
        yield from paths(verb, path)


def option_names(tree):
    return {name for option in tree["options"] for name in option["names"]}


def plain(roff):
    """What a reader sees of a man page, near enough to find words in it."""
    return re.sub(r"\\f[BIR]|\\&", "", roff).replace("\\-", "-").replace("\\e", "\\")


def find(path):
    """The verb that words of a command line name, and the words left; None if they name none."""
    tree, words = TREE, list(path)
    while words and tree["verbs"]:
        inner = [verb for verb in tree["verbs"] if verb["name"] == words[0]]
        if not inner:
            return None, words
        tree = inner[0]
        words.pop(0)
    return tree, words


COMMAND = re.compile(r"^\s*(?:\$ |guest\$ )?(?:sudo )?(?:\S*/)?extreq(?=\s)(.*)$")


def commands(markdown):
    """The command lines of `extreq` in code blocks, fenced or indented, whole over a backslash."""
    fenced = False
    lines = iter(markdown.splitlines())
    for line in lines:
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found = COMMAND.match(line.split(" | ")[0])
            if found:
                words = found.group(1)
                while words.endswith("\\"):
                    words = words[:-1] + next(lines).strip()
                yield re.split(r"\s#|[|;&>]", words)[0]


def complaint(words):
    """What is wrong with a command line, or nothing."""
    verb, rest = find([word for word in shlex.split(words, posix=False)])
    if verb is None:
        return f"no verb '{rest[0]}'" if not rest[0].startswith("-") else None
    if "--" in rest:
        rest = rest[:rest.index("--")]
    for word in rest:
        name = word.split("=")[0].strip("[]")
        if name.startswith("--") and name not in option_names(verb):
            return f"{verb['name']} has no option {name}"
    return None


class Help(unittest.TestCase):
    def test_help_and_the_tree_name_the_same_options_and_verbs(self):
        seen = 0
        for path, verb in paths(TREE):
            said = output(PROGRAM, *path[1:], "--help")
            listed = set(re.findall(r"^ +(?:-\w,)?(--[\w-]+)", said, re.M))
            self.assertEqual(listed, {n for n in option_names(verb) if n.startswith("--")}, path)
            for inner in verb["verbs"]:
                self.assertRegex(said, rf"(?m)^  {inner['name']} ", path)
            self.assertIn(verb["description"], said)
            seen += 1
        self.assertGreater(seen, 20)

    def test_every_verb_and_option_says_what_it_is_for(self):
        for path, verb in paths(TREE):
            self.assertTrue(verb["description"], path)
            for option in verb["options"]:
                self.assertTrue(option["description"], (path, option["names"]))


class ManPages(unittest.TestCase):
    def test_there_is_one_for_each_verb_and_no_other(self):
        wanted = {"-".join(path) + ".1" for path, _ in paths(TREE)} | {"extreq-guest.1"}
        found = {page.name for page in (MANUAL / "man1").iterdir()}
        self.assertEqual(found - {"extreq-guest.1"}, wanted - {"extreq-guest.1"})

    def test_each_has_what_help_says(self):
        for path, verb in paths(TREE):
            page = plain((MANUAL / "man1" / ("-".join(path) + ".1")).read_text())
            for option in verb["options"]:
                text = option["description"]
                self.assertIn(text[:1].upper() + text[1:], page)
            options = page.split(".SH OPTIONS")[1].split(".SH ")[0]
            listed = set(re.findall(r"^(?:-\w, )?(--[\w-]+)", options, re.M))
            self.assertEqual(listed, {n for n in option_names(verb) if n.startswith("--")}, path)
            if verb["footer"]:
                self.assertIn(verb["footer"], page)
            self.assertTrue(page.replace("\n", "").isprintable(), path)


class Completions(unittest.TestCase):
    def bash(self, *words):
        script = (f"source {shlex.quote(str(MANUAL / 'extreq.bash'))}; COMP_WORDS=({shlex.join(words)}); "
                  f"COMP_CWORD={len(words) - 1}; _extreq; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        return output("bash", "-c", script, cwd=MANUAL / "man1").split()

    def test_bash_offers_the_verbs_options_and_choices_at_their_place(self):
        self.assertEqual(self.bash("extreq", "host", "st"), ["status"])
        self.assertIn("--kds-url", self.bash("extreq", "host", "serve", "--k"))
        self.assertNotIn("--kds-url", self.bash("extreq", "verify", "--k"))
        self.assertIn("--report", self.bash("extreq", "verify", "--"))
        self.assertEqual(self.bash("extreq", "verify", "--revocation", "req"), ["required"])
        self.assertEqual(self.bash("extreq", "fleet", "simulate", "--strategy", "on"), ["on-demand"])
        self.assertEqual(set(self.bash("extreq", "kds", "")) & {"fetch", "verify"}, {"fetch"})

    def test_zsh_reads_its_file_and_it_names_every_option(self):
        self.check_names((MANUAL / "_extreq").read_text(), "{}[")
        if shutil.which("zsh"):
            output("zsh", "-n", MANUAL / "_extreq")

    def test_fish_offers_the_verbs_and_options_at_their_place(self):
        text = (MANUAL / "extreq.fish").read_text()
        self.check_names(text.replace("-l ", "--"), "{} ")
        if not shutil.which("fish"):
            return
        said = output("fish", "--no-config", "-c",
                      f"source {MANUAL / 'extreq.fish'}; complete -C 'extreq host st'; "
                      "complete -C 'extreq host serve --kd'", env={**os.environ, "HOME": str(MANUAL)})
        self.assertIn("status", said)
        self.assertIn("--kds-url", said)

    def check_names(self, text, form):
        for path, verb in paths(TREE):
            for name in option_names(verb):
                if name.startswith("--"):
                    self.assertIn(form.format(name), text, path)


class Documents(unittest.TestCase):
    def test_the_readme_names_every_verb(self):
        readme = (SOURCE / "README.md").read_text() + (SOURCE / "doc/cli.md").read_text()
        for path, _ in paths(TREE):
            if len(path) == 2:
                self.assertRegex(readme, rf"(?:extreq |`){path[1]}\b", path)

    def test_a_wrong_command_would_be_found(self):
        block = "```\n$ extreq verify --nonsense x\nextreq hosts serve\n  extreq verify \\\n  --json --bad\n```\n"
        found = [complaint(words) for words in commands(block)]
        self.assertEqual(found, ["verify has no option --nonsense", "no verb 'hosts'", "verify has no option --bad"])

    def test_every_command_in_the_documents_exists(self):
        seen = 0
        for page in [SOURCE / "README.md", *sorted((SOURCE / "doc").rglob("*.md"))]:
            for words in commands(page.read_text()):
                seen += 1
                with self.subTest(page=page.name, command=words):
                    self.assertIsNone(complaint(words))
        self.assertGreater(seen, 30)

    def test_every_link_in_the_documents_leads_somewhere(self):
        pages = [*SOURCE.glob("*.md"), *sorted((SOURCE / "doc").rglob("*.md"))]
        for page in pages:
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
                if not re.match(r"[a-z]+:", target):
                    with self.subTest(page=page.name, target=target):
                        self.assertTrue((page.parent / target).exists())

    def test_every_page_is_in_the_index(self):
        index = (SOURCE / "doc/README.md").read_text()
        for page in sorted((SOURCE / "doc").glob("*.md")):
            if page.name != "README.md":
                self.assertIn(f"({page.name})", index)

    def test_every_picture_is_the_one_that_its_text_makes(self):
        sys.path.insert(0, str(SOURCE / "scripts"))
        import draw  # pylint: disable=import-error,import-outside-toplevel
        texts = sorted((SOURCE / "doc/pictures").glob("*.txt"))
        self.assertGreater(len(texts), 2)
        for text in texts:
            drawn = text.with_suffix(".svg").read_text()
            self.assertTrue(draw.draw(text.read_text()) == drawn, f"run scripts/draw.py {text}")

    def test_the_change_log_names_this_version_and_its_abi(self):
        version = re.search(r"project\(extreq VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)
        log = (SOURCE / "CHANGELOG.md").read_text()
        sections = log.split("\n## ")[1:]
        newest = sections[0]
        released = sections[1] if newest.startswith("Unreleased\n") else newest
        self.assertTrue(released.startswith(version + "\n"), released[:20])
        packaged = (SOURCE / "packaging/debian/changelog").read_text()
        self.assertTrue(packaged.startswith(f"extreq ({version})"), packaged[:20])
        for script in ("src/vmm/libextreq-vmm.map", "src/attestation/c_verify.map"):
            nodes = re.findall(r"^(EXTREQ_\w+[\w.]*) \{", (SOURCE / script).read_text(), re.M)
            self.assertIn(f"`{nodes[-1]}`", newest)

    def test_the_table_of_exit_statuses_is_the_programs(self):
        codes = set(re.findall(r"= (\d+),", (SOURCE / "src/cli/exit_code.hpp").read_text()))
        text = (SOURCE / "doc/cli.md").read_text()
        section = text.split("## Exit status")[1].split("## ")[0]
        self.assertEqual(set(re.findall(r"^\| (\d+) \|", section, re.M)), codes)

    def test_every_variable_that_the_source_reads_is_in_the_table(self):
        section = (SOURCE / "doc/cli.md").read_text().split("## Environment")[1]
        for file in sorted((SOURCE / "src").rglob("*.cpp")):
            if "test" in file.name:
                continue
            for name in re.findall(r'getenv\("(\w+)"\)', file.read_text()):
                self.assertIn(f"`{name}`", section, file)


if __name__ == "__main__":
    TREE = json.loads(output(PROGRAM, "describe-verbs"))
    unittest.main(argv=sys.argv[:1])
