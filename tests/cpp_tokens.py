"""C++ source as tokens, for the tests that read the source itself. Python's standard library only."""

import pathlib
import re
from typing import Iterator, NamedTuple, Optional

SUFFIXES = {".c", ".cc", ".cpp", ".h", ".hpp", ".inc", ".ipp"}


class Token(NamedTuple):
    kind: str  # comment, string, char, number, word, other
    text: str
    line: int


# In this order: what starts a comment or a string hides everything inside it, and a digit
# separator is part of its number, not the start of a character.
_TOKEN = re.compile(
    r"""
    (?P<comment> //(?:\\\n|[^\n])* | /\*.*?(?:\*/|\Z) )
  | (?P<string> (?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
              | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*" )
  | (?P<char> (?:u8|[uUL])?'(?:\\.|[^'\\\n])+' )
  | (?P<number> \.?[0-9](?:[eEpP][+-]|'[0-9A-Za-z_]|[0-9A-Za-z_.])* )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<other> \S )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(source: str) -> Iterator[Token]:
    line, end = 1, 0
    for match in _TOKEN.finditer(source):
        line += source.count("\n", end, match.start())
        end = match.start()
        yield Token(match.lastgroup if match.lastgroup != "mark" else "string", match[0], line)


_INTEGER = re.compile(r"(?i)(0x[0-9a-f]+|0b[01]+|0[0-7]*|[1-9][0-9]*)(?:u|l|ll|z|ul|ull|uz|lu|llu|zu)?$")


def integer(text: str) -> Optional[int]:
    """The value of an integer literal in any spelling; None for what is not an integer."""
    match = _INTEGER.match(text.replace("'", ""))
    if not match:
        return None
    digits = match[1].lower()
    if digits.startswith("0x"):
        return int(digits[2:], 16)
    if digits.startswith("0b"):
        return int(digits[2:], 2)
    return int(digits, 8) if digits.startswith("0") else int(digits)


def is_test(path: pathlib.PurePath) -> bool:
    """Tests, and what only tests use: a_test.cpp, layout_test.hpp, test_keys.cpp."""
    return path.stem.endswith("_test") or path.stem.startswith("test_")


def source_files(root: pathlib.Path, folders) -> Iterator[pathlib.Path]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path
