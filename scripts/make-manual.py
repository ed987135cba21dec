#!/usr/bin/env python3
"""Man pages and completions from the program's own tree of verbs.

make-manual.py FOLDER CLI_MD EXTREQ [EXTREQ_GUEST]

FOLDER gets man1/*.1, extreq.bash, _extreq (zsh) and extreq.fish. The tree comes from
`extreq describe-verbs`, so that nothing is said twice; exit status and environment come from CLI_MD.
"""

import json
import pathlib
import re
import subprocess
import sys


def tree_of(program: str, name: str) -> dict:
    said = subprocess.run([program, "describe-verbs"], check=True, capture_output=True, text=True)
    return {**json.loads(said.stdout), "name": name}


def version_of(program: str) -> str:
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[-1]


def walk(tree: dict, path: tuple = ()):
    """The tree and all below it, each with its path: ("extreq", "host", "serve")."""
    path = (*path, tree["name"])
    yield path, tree
    for verb in tree["verbs"]:
        yield from walk(verb, path)


def table(markdown: str, heading: str) -> list:
    """The rows of the table below a heading, without its head."""
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", markdown, re.M | re.S).group(1)
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows[2:]]


def value_name(option: dict) -> str:
    """FILE of "FILE", SECONDS of "SECONDS:UINT in [1 - 3600]"."""
    return option["value"].split(":")[0]


def value_check(option: dict) -> str:
    """What CLI11 says of values it accepts: a range, or nothing. Choices have their own function."""
    found = re.search(r"in \[.*\]", option["value"])
    return found.group(0) if found else ""


def choices(option: dict) -> list:
    found = re.search(r"\{([^}]*)\}", option["value"])
    # A choice that stands for a number inside the program is "name->number".
    return [choice.split("->")[0].strip() for choice in found.group(1).split(",")] if found else []


def roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def option_lines(option: dict) -> list:
    value = f" \\fI{roff(value_name(option))}\\fR" if option["value"] else ""
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option["names"]) or (
        f"\\fI{roff(option['positional'])}\\fR")
    facts = [value_check(option)]
    if choices(option):
        facts.append("one of " + ", ".join(choices(option)))
    if option["required"]:
        facts.append("must be given")
    if option["default"]:
        facts.append(f"without it: {option['default']}")
    facts = [fact for fact in facts if fact]
    told = first_capital(option["description"]) + (f" ({'; '.join(facts)})" if facts else "")
    return [".TP", names + (value if option["names"] else ""), roff(told)]


def man_page(path: tuple, tree: dict, version: str, markdown: str, guest: bool) -> str:
    page = "-".join(path)
    lines = [f'.TH {roff(page.upper())} 1 "" "extreq {version}" "extreq"', ".SH NAME",
             f"{roff(page)} \\- {roff(tree['description'])}", ".SH SYNOPSIS",
             f"\\fB{roff(' '.join(path))}\\fR"]
    for option in (option for option in tree["options"] if not option["names"]):
        lines.append(f"\\fI{roff(option['positional'])}\\fR" + (" ..." if option["repeated"] else ""))
    lines.append("[\\fIOPTIONS\\fR]")
    if tree["verbs"]:
        lines.append("\\fIVERB\\fR")
    lines += [".SH DESCRIPTION", roff(first_capital(tree["description"])) + "."]
    if tree["footer"]:
        lines += [".PP", roff(tree["footer"])]
    if tree["verbs"]:
        lines.append(".SH VERBS")
        for verb in tree["verbs"]:
            lines += [".TP", f"\\fB{roff(verb['name'])}\\fR", roff(first_capital(verb["description"]))]
    lines.append(".SH OPTIONS")
    for option in tree["options"]:
        lines += option_lines(option)
    for heading, title in (("Exit status", "EXIT STATUS"), ("Environment", "ENVIRONMENT")):
        lines.append(f".SH {title}")
        for row in table(markdown, heading):
            lines += [".TP", f"\\fB{roff(row[0])}\\fR", roff(row[1])]
    others = ["-".join((*path, verb["name"])) for verb in tree["verbs"]]
    if len(path) > 1:
        others.insert(0, "-".join(path[:-1]))
    if guest and not others:
        others = ["extreq"]
    lines += [".SH SEE ALSO", ",\n".join(f"\\fB{roff(other)}\\fR(1)" for other in others)]
    return "\n".join(lines) + "\n"


def is_file(option: dict) -> bool:
    return value_name(option) in ("FILE", "DIR") or "FILE" in option["value"]


def bash(tree: dict) -> str:
    """A case for each path; what may follow is its verbs and its options."""
    cases, values = [], []
    for path, verb in walk(tree):
        words = [inner["name"] for inner in verb["verbs"]]
        words += [name for option in verb["options"] for name in option["names"]]
        cases.append(f'    "{" ".join(path)}") words="{" ".join(words)}" ;;')
        for option in verb["options"]:
            if not option["value"]:
                continue
            keys = " | ".join(f'"{" ".join(path)} {name}"' for name in option["names"])
            if keys and choices(option):
                values.append(f'    {keys}) COMPREPLY=($(compgen -W "{" ".join(choices(option))}" -- "$cur")); return ;;')
            elif keys:
                values.append(f'    {keys}) COMPREPLY=($(compgen -f -- "$cur")); return ;;')
    paths = " ".join(f'"{" ".join(path)}"' for path, _ in walk(tree))
    return f"""# bash completion for extreq
_extreq() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} path=extreq word words=
  local -a paths=({paths})
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
    [[ " ${{paths[*]/#/:}} " == *":$path $word "* || " ${{paths[*]/#/:}} " == *":$path $word :"* ]] &&
      path="$path $word"
  done
  case "$path $prev" in
{chr(10).join(values)}
  esac
  case "$path" in
{chr(10).join(cases)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- "$cur"))
}}
complete -o filenames -F _extreq extreq
"""


def zsh_text(text: str) -> str:
    return re.sub(r"([\[\]:])", r"\\\1", text).replace("'", "'\\''")


def zsh_option(option: dict) -> list:
    action = ""
    if option["value"]:
        action = f":{zsh_text(value_name(option).lower())}:"
        if choices(option):
            action += f"({' '.join(choices(option))})"
        elif is_file(option):
            action += "_files"
    star = "*" if option["repeated"] else ""
    return [f"'{star}{name}[{zsh_text(option['description'])}]{action}'" for name in option["names"]]


def zsh(tree: dict) -> str:
    functions = []
    for path, verb in walk(tree):
        function = "_" + "_".join(path).replace("-", "_")
        arguments = [text for option in verb["options"] for text in zsh_option(option)]
        body = " \\\n    ".join(arguments)
        if not verb["verbs"]:
            functions.append(f"{function}() {{\n  _arguments \\\n    {body} \\\n    '*:file:_files'\n}}\n")
            continue
        names = "\n    ".join(f"'{inner['name']}:{zsh_text(inner['description'])}'" for inner in verb["verbs"])
        calls = "\n    ".join(
            f"{inner['name']}) _{'_'.join((*path, inner['name'])).replace('-', '_')} ;;" for inner in verb["verbs"])
        functions.append(f"""{function}() {{
  local line state
  local -a verbs=(
    {names}
  )
  _arguments -C \\
    {body} \\
    '1:verb:->verb' '*::argument:->argument'
  case $state in
    verb) _describe verb verbs ;;
    argument) case $line[1] in
    {calls}
    esac ;;
  esac
}}
""")
    return "#compdef extreq\n\n" + "\n".join(functions) + '\n_extreq "$@"\n'


def fish_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def fish(tree: dict) -> str:
    lines = ["# fish completion for extreq", "complete -c extreq -f"]
    for path, verb in walk(tree):
        inner = [name["name"] for name in verb["verbs"]]
        conditions = [f"__fish_seen_subcommand_from {name}" for name in path[1:]]
        if inner:
            conditions.append(f"not __fish_seen_subcommand_from {' '.join(inner)}")
        when = f" -n '{'; and '.join(conditions)}'" if conditions else ""
        for name in verb["verbs"]:
            lines.append(f"complete -c extreq{when} -a {name['name']} -d '{fish_text(name['description'])}'")
        for option in verb["options"]:
            if not option["names"]:
                lines.append(f"complete -c extreq{when} -F")
                continue
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option["names"])
            value = ""
            if choices(option):
                value = f" -x -a '{' '.join(choices(option))}'"
            elif option["value"]:
                value = " -r -F" if is_file(option) else " -x"
            lines.append(f"complete -c extreq{when} {names}{value} -d '{fish_text(option['description'])}'")
    return "\n".join(lines) + "\n"


def main() -> None:
    folder, markdown = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    pages = folder / "man1"
    pages.mkdir(parents=True, exist_ok=True)
    for old in pages.iterdir():
        old.unlink()
    version = version_of(sys.argv[3])
    tree = tree_of(sys.argv[3], "extreq")
    for path, verb in walk(tree):
        (pages / f"{'-'.join(path)}.1").write_text(man_page(path, verb, version, markdown, False), encoding="utf-8")
    if len(sys.argv) > 4:
        # Its verbs are the program's own, and their pages too.
        guest = tree_of(sys.argv[4], "extreq-guest")
        page = man_page(("extreq-guest",), guest, version, markdown, True)
        page = page.replace("extreq\\-guest\\-", "extreq\\-")
        (pages / "extreq-guest.1").write_text(page, encoding="utf-8")
    (folder / "extreq.bash").write_text(bash(tree), encoding="utf-8")
    (folder / "_extreq").write_text(zsh(tree), encoding="utf-8")
    (folder / "extreq.fish").write_text(fish(tree), encoding="utf-8")


if __name__ == "__main__":
    main()
