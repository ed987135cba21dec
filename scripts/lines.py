#!/usr/bin/env python3
"""How many lines of C and C++ the project has outside its tests, for each folder and in all.

lines.py [--folders] [REVISION]

Counts the files that git tracks: those of the working tree, or those of REVISION. Outside tests are
all C and C++ files but those in tests/, those named *_test.* and those named test_*: what fuzzers,
benches and examples link counts. A line is blank, a comment (it begins with //, /* or *), or code.
Folders are those below the top ones, such as src/lease; --folders counts each folder by itself.
Then come the share of comments in lines that are not blank, the files over FILE_LIMIT lines (tests
too), and the folders that hold more than FOLDER_LIMIT source files (tests apart).
"""

import argparse
import collections
import io
import pathlib
import subprocess
import sys
import tarfile
from typing import Dict, Iterator, Tuple

ROOT = pathlib.Path(__file__).parent.parent
SUFFIXES = (".c", ".h", ".cpp", ".hpp", ".S")
FILE_LIMIT = 500
FOLDER_LIMIT = 30


class Count:
    def __init__(self) -> None:
        self.files = self.code = self.comments = self.blank = 0

    def add(self, text: str) -> None:
        self.files += 1
        for line in text.splitlines():
            words = line.strip()
            if not words:
                self.blank += 1
            elif words.startswith(("//", "/*", "*")):
                self.comments += 1
            else:
                self.code += 1

    def lines(self) -> int:
        return self.code + self.comments + self.blank


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True).stdout


def tracked() -> Iterator[Tuple[str, str]]:
    for name in git("ls-files", "-z").decode().split("\0"):
        if name.endswith(SUFFIXES) and (ROOT / name).is_file():
            yield name, (ROOT / name).read_text(encoding="utf-8")


def archived(revision: str) -> Iterator[Tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", revision))) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(SUFFIXES):
                yield member.name, archive.extractfile(member).read().decode()


def is_test(name: str) -> bool:
    path = pathlib.PurePath(name)
    return path.parts[0] == "tests" or path.stem.endswith("_test") or path.stem.startswith("test_")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--folders", action="store_true", help="each folder by itself")
    arguments.add_argument("revision", nargs="?", help="a commit; without it, the working tree")
    asked = arguments.parse_args()

    shown: Dict[str, Count] = collections.defaultdict(Count)
    sources: Dict[str, int] = collections.defaultdict(int)
    all_of_it = Count()
    long_files = []
    for name, text in archived(asked.revision) if asked.revision else tracked():
        if len(text.splitlines()) > FILE_LIMIT:
            long_files.append(f"{name} ({len(text.splitlines())})")
        if is_test(name):
            continue
        folder = pathlib.PurePath(name).parent
        sources[str(folder)] += 1
        shown[str(folder) if asked.folders else "/".join(folder.parts[:2])].add(text)
        all_of_it.add(text)

    print(f"{'folder':32}{'files':>8}{'code':>8}{'comments':>10}{'lines':>8}")
    for folder, count in [*sorted(shown.items()), ("all", all_of_it)]:
        print(f"{folder:32}{count.files:8}{count.code:8}{count.comments:10}{count.lines():8}")
    written = all_of_it.code + all_of_it.comments
    print(f"share of comments: {100 * all_of_it.comments / max(written, 1):.1f} %")
    print(f"files over {FILE_LIMIT} lines: {', '.join(sorted(long_files)) or 'none'}")
    full = [f"{folder} ({files})" for folder, files in sorted(sources.items()) if files > FOLDER_LIMIT]
    print(f"folders over {FOLDER_LIMIT} source files: {', '.join(full) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
