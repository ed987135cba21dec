#!/usr/bin/env python3
"""The sizes of what is installed, against those recorded in doc/install.md.

sizes.py BUILD_FOLDER [--update]

Sizes are those of code and data (size(1)): symbols are not counted. More than TOLERANCE above what
is recorded fails; --update records what is there.
"""

import pathlib
import re
import subprocess
import sys

TOLERANCE = 0.25
PAGE = pathlib.Path(__file__).parent.parent / "doc/install.md"
FILES = {
    "extreq-guest (static)": "src/cli/extreq_guest_program",
    "libextreq-vmm.so.1": "src/vmm/libextreq-vmm.so.1",
    "libextreq-verify.so.1": "src/attestation/libextreq-verify.so.1",
}
TABLE = re.compile(r"(?<=<!-- sizes -->\n).*?(?=<!-- end of sizes -->)", re.S)


def size(path):
    said = subprocess.run(["size", path], check=True, capture_output=True, text=True).stdout
    return round(sum(map(int, said.splitlines()[1].split()[:2])) / 1024)


def main():
    sizes = {name: size(pathlib.Path(sys.argv[1]) / path) for name, path in FILES.items()}
    page = PAGE.read_text(encoding="utf-8")
    if "--update" in sys.argv:
        rows = "".join(f"| {name} | {kib} |\n" for name, kib in sizes.items())
        PAGE.write_text(TABLE.sub("| file | KiB |\n|---|---|\n" + rows, page), encoding="utf-8")
        return 0
    recorded = {name: int(kib) for name, kib in re.findall(r"^\| (.*) \| (\d+) \|$", TABLE.search(page).group(0), re.M)}
    failed = False
    for name, kib in sizes.items():
        print(f"{name}: {kib} KiB (recorded: {recorded.get(name)})")
        failed |= kib > recorded.get(name, 0) * (1 + TOLERANCE)
    if failed:
        print("larger than recorded: is that wanted? then scripts/sizes.py BUILD_FOLDER --update", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
