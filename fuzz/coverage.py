#!/usr/bin/env python3
"""coverage.py FUZZER RUNS FLOOR FILE...: reads `llvm-cov export -summary-only` from standard input,
prints how many lines of these files were reached, and fails if one of them is below FLOOR percent.
"""

import json
import os.path
import sys


def main() -> int:
    name, runs, floor, wanted = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
    files = json.load(sys.stdin)["data"][0]["files"]
    covered = total = 0
    status = 0
    for path in wanted:
        # A compiler cache hands the compiler relative paths: the names need not be normal.
        lines = [
            file["summary"]["lines"]
            for file in files
            if os.path.normpath(file["filename"]).endswith("/" + path)
        ]
        if len(lines) != 1:
            print(f"{name}: no coverage of {path}: is it still there?")
            return 1
        covered += lines[0]["covered"]
        total += lines[0]["count"]
        if lines[0]["percent"] < floor:
            print(f"  {path}: {lines[0]['percent']:.1f} % of its lines, {floor:.0f} % are wanted")
            status = 1
    print(f"{name}: {runs} runs, {covered} of {total} lines ({100 * covered / total:.1f} %)")
    return status


sys.exit(main())
