#!/usr/bin/env python3
"""Whoever names a page names one that is there.

Looks for `doc/NAME.md` (also .json, .svg) in the sources, scripts and pages of the project, and in the
pages of doc/ also for `NAME.md` alone, which is a page beside them. Fails with file:line.

Without arguments: first the self-test, which plants violations and must find each, then the project.
"""

import pathlib
import re
import sys
from typing import Iterator, List, Tuple

import source_check
from source_check import Finding

FOLDERS = ("src", "include", "fuzz", "bench", "examples", "tests", "scripts", "protocols", "packaging",
           "cmake", "doc")
SUFFIXES = {".c", ".cpp", ".h", ".hpp", ".py", ".sh", ".md", ".txt", ".cmake", ".pml", ".rs", ".service"}
FULL = re.compile(r"(?<![\w/.])doc/(?P<name>[\w./-]*\w\.(?:md|json|svg))")
BESIDE = re.compile(r"(?<![\w/.-])(?P<name>[\w-]+\.md)\b")
AT_THE_TOP = ("README.md", "CONTRIBUTING.md")


def check_text(path: str, text: str, root: pathlib.Path) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        names = {"doc/" + found["name"] for found in FULL.finditer(line)}
        if path.startswith("doc/") and path.endswith(".md"):
            beside = {found["name"] for found in BESIDE.finditer(line)}
            names |= {"doc/" + name for name in beside - set(AT_THE_TOP)}
        for name in sorted(names):
            if not (root / name).is_file():
                yield Finding(path, number, f"{name} is not there")


def check_tree(root: pathlib.Path) -> Tuple[List[Finding], int]:
    files = [root / name for name in AT_THE_TOP if (root / name).is_file()]
    for folder in FOLDERS:
        files += [file for file in sorted((root / folder).rglob("*")) if file.suffix in SUFFIXES]
    findings: List[Finding] = []
    for file in files:
        path = str(file.relative_to(root))
        if path == "tests/pages_test.py":  # it plants names
            continue
        text = file.read_text(encoding="utf-8")
        findings += check_text(path, text, root)
    return findings, len(files)


# (path, text, lines at which something must be found)
PLANTED = (
    ("src/a.hpp", "// (doc/there.md)\n// doc/missing.md.\n", [2]),
    ("src/a.cpp", "// doc/there.json, doc/missing.json\n", [1]),
    ("README.md", "see [x](doc/missing.md), doc/there.md\n", [1]),
    ("doc/a.md", "`there.md`\nmissing.md\n(README.md)\ndoc/missing.md\n", [2, 4]),
    ("src/b.cpp", "// missing.md is not of doc\n// https://x.example/doc/missing.md\n", []),
)


def self_test() -> List[str]:
    return source_check.planted_failures(
        PLANTED, lambda root: [finding.line for finding in check_tree(root)[0]],
        beside=("doc/there.md", "doc/there.json"))


def check(root: pathlib.Path) -> Tuple[List[str], int]:
    findings, count = check_tree(root)
    return [str(finding) for finding in findings], count


if __name__ == "__main__":
    sys.exit(source_check.run(self_test, check, __doc__.splitlines()[0]))
