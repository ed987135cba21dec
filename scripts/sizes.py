#!/usr/bin/env python3
"""The sizes of what is installed: none above its limit, and a record of them in doc/install.md.

sizes.py BUILD_FOLDER [--update]

Sizes are those of code and data (size(1)), in KiB: symbols are not counted. A limit leaves room for
what one feature costs and not for a library that comes along by mistake; who raises one says why.
"""

import pathlib
import re
import subprocess
import sys
from typing import List, NamedTuple, Tuple

PAGE = pathlib.Path(__file__).parent.parent / "doc/install.md"
TABLE = re.compile(r"(?<=<!-- sizes -->\n).*?(?=<!-- end of sizes -->)", re.S)


class Shipped(NamedTuple):
    name: str
    path: str
    limit: int
    reason: str


FILES = (
    Shipped("extreq", "src/cli/extreq", 14336, "has `extreq-guest` in it, for `extreq boot`"),
    Shipped("extreq-guest (static)", "src/cli/extreq_guest_program", 8192, "goes into an initramfs; most of it is libcrypto"),
    Shipped("libextreq-vmm.so.2", "src/vmm/libextreq-vmm.so.2", 128, "is in every VMM: no cryptography behind it"),
    Shipped("libextreq-verify.so.1", "src/attestation/libextreq-verify.so.1", 768, "has its own signature kernels, and reads JSON"),
)


def size(path: pathlib.Path) -> int:
    said = subprocess.run(["size", path], check=True, capture_output=True, text=True).stdout
    return -(-sum(map(int, said.splitlines()[1].split()[:2])) // 1024)


def measured(build: pathlib.Path) -> List[Tuple[Shipped, int]]:
    return [(file, size(build / file.path)) for file in FILES]


def complaints(sizes: List[Tuple[Shipped, int]]) -> List[str]:
    return [f"{file.name}: {kib} KiB found, at most {file.limit} wanted: it {file.reason}"
            for file, kib in sizes if kib > file.limit]


def table(sizes: List[Tuple[Shipped, int]]) -> str:
    rows = "".join(f"| {file.name} | {kib} | {file.limit} | {file.reason} |\n" for file, kib in sizes)
    return "| file | KiB | at most | because it |\n|---|---|---|---|\n" + rows


def main() -> int:
    sizes = measured(pathlib.Path(sys.argv[1]))
    for file, kib in sizes:
        print(f"{file.name}: {kib} KiB of {file.limit}")
    if "--update" in sys.argv:
        page = TABLE.sub(lambda _: table(sizes), PAGE.read_text(encoding="utf-8"))
        PAGE.write_text(page, encoding="utf-8")
    found = complaints(sizes)
    print("".join(line + "\n" for line in found), end="", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
