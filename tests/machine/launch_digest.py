#!/usr/bin/env python3
"""The launch digest of dumped pages, computed without any code of the project.

launch_digest.py FOLDER: reads pages.txt and pages.bin, which `extreq measure --dump-pages FOLDER`
wrote, and prints the digest (AMD document 56860, chapter SNP_LAUNCH_UPDATE, structure PAGE_INFO).
"""

import hashlib
import pathlib
import struct
import sys

PAGE = 4096
MEASURED_CONTENTS = (1, 2)  # normal, VMSA


def main(folder):
    lines = (folder / "pages.txt").read_text().splitlines()
    contents = (folder / "pages.bin").read_bytes()
    if len(contents) != PAGE * len(lines):
        sys.exit(f"{len(lines)} pages are listed, {len(contents)} bytes are there")
    digest = bytes(48)
    for index, line in enumerate(lines):
        page_type, gpa = (int(word, 0) for word in line.split())
        page = contents[index * PAGE : (index + 1) * PAGE]
        of_page = hashlib.sha384(page).digest() if page_type in MEASURED_CONTENTS else bytes(48)
        page_info = digest + of_page + struct.pack("<HBBBBBBQ", 0x70, page_type, 0, 0, 0, 0, 0, gpa)
        digest = hashlib.sha384(page_info).digest()
    print(digest.hex())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
