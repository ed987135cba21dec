#!/usr/bin/env python3
"""Instructions of the hot paths against the recorded ones: a guard against getting slower that does
not depend on how busy a machine is.

instruction_counts_test.py PROGRAM TABLE COMPILER [--update]

Each workload of PROGRAM is run under callgrind, which sees its repetitions alone. More than TOLERANCE above the recorded count fails. TABLE
is a JSON file; the counts are those of one compiler, with another one nothing is compared (exit
status 77, as without valgrind). --update records what was counted.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.10
REPETITIONS = {"verify_one_shot": 3, "model_report": 5}  # the rest
USUAL_REPETITIONS = 200


def instructions(program: str, workload: str, times: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={folder}/out", program, workload, str(times)],
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"Collected : (\d+)", finished.stderr)
    if finished.returncode != 0 or not found:
        sys.exit(f"instruction_counts: {workload}: valgrind failed:\n{finished.stderr}")
    return int(found.group(1))


def count(program: str, workload: str) -> int:
    times = REPETITIONS.get(workload, USUAL_REPETITIONS)
    return round(instructions(program, workload, times) / times)


def main() -> int:
    program, table, compiler = sys.argv[1:4]
    path = pathlib.Path(table)
    recorded = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    update = "--update" in sys.argv[4:]
    if not shutil.which("valgrind"):
        print("*** No valgrind: instructions are not counted. ***", file=sys.stderr)
        return 77
    if not update and recorded.get("compiler") != compiler:
        print(
            f"*** Compiled by {compiler}, the counts are for {recorded.get('compiler')}: not compared. ***",
            file=sys.stderr,
        )
        return 77

    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    counted = {workload: count(program, workload) for workload in listed}
    if update:
        path.write_text(json.dumps({"compiler": compiler, "instructions": counted}, indent=2) + "\n", encoding="utf-8")
        return 0

    failures = []
    for workload in sorted({*listed, *recorded["instructions"]}):
        now, before = counted.get(workload), recorded["instructions"].get(workload)
        print(f"{workload:24} {now} (recorded: {before})")
        if now is None or before is None:
            failures.append(f"{workload}: counted {now}, recorded {before}")
        elif now > before * (1 + TOLERANCE):
            failures.append(f"{workload}: {now} instructions, {now / before - 1:.0%} more than the recorded {before}")
        elif now < before * (1 - TOLERANCE):
            print(f"{workload}: {1 - now / before:.0%} fewer than recorded: please record it (--update)")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
