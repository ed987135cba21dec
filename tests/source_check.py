"""What the tests that read the project's own source have in common: they plant violations and must
find each, then they read the project, and fail with file:line.
"""

import argparse
import pathlib
import sys
import tempfile
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

ROOT = pathlib.Path(__file__).parents[1]


class Finding(NamedTuple):
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


# (path, text, lines at which something must be found)
Planted = Tuple[str, str, List[int]]


def planted_failures(planted: Sequence[Planted], lines: Callable[[pathlib.Path], Iterable[int]],
                     beside: Sequence[str] = ()) -> List[str]:
    """Each text alone in a tree, but for empty files `beside`: `lines` says where it found something."""
    failures = []
    for path, text, wanted in planted:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in (*((name, "") for name in beside), (path, text)):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content, encoding="utf-8")
            found = sorted(lines(root))
        if found != wanted:
            failures.append(f"self-test: {path}: {text!r}: found {found}, planted {wanted}")
    return failures


def run(self_test: Callable[[], List[str]],
        check: Callable[[pathlib.Path], Tuple[List[str], int]],
        description: Optional[str] = None) -> int:
    """`check` answers what it found in the project, and how many files it read."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--self-test", action="store_true", help="the self-test alone")
    arguments = parser.parse_args()

    failures = self_test()
    if not arguments.self_test:
        found, count = check(arguments.root)
        failures += found
        if count == 0:
            failures.append(f"{arguments.root}: no files to read")
        print(f"read {count} files")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0
