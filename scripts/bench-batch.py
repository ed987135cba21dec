#!/usr/bin/env python3
"""`extreq verify --batch` beside the batch kernel alone, on the same reports, by turns.

bench-batch.py BUILD OUTPUT [--reports N] [--chips N] [--repetitions N] [--fleet FOLDER]

Has the model make a fleet (in a folder of its own unless --fleet names one that make_fleet filled),
then runs build/bench/batch_kernel and the verb on one core and on two, and writes what they took to
OUTPUT in Google Benchmark's form, so that bench-report.py lists it with the rest. CPU time of the
verb is all of the process: reading, parsing, the RSA signatures of the leaves, writing.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Tuple

import benchmark_json


def on_cores(count: int):
    cores = sorted(os.sched_getaffinity(0))[:count]
    return lambda: os.sched_setaffinity(0, cores)


def run_kernel(build: pathlib.Path, fleet: pathlib.Path, cores: int, reports: int) -> Tuple[float, float]:
    line = subprocess.run([build / "bench/extreq_batch_kernel", fleet, str(cores)], check=True, text=True,
                          stdout=subprocess.PIPE, preexec_fn=on_cores(cores)).stdout.split()
    if int(line[0]) != reports or int(line[1]) != reports:
        sys.exit(f"bench-batch.py: the kernel judged {line[0]} signatures and found {line[1]} good")
    return float(line[2]), float(line[3])


def run_verb(build: pathlib.Path, fleet: pathlib.Path, cores: int, reports: int) -> Tuple[float, float]:
    with tempfile.TemporaryFile() as lines:
        before = os.times()
        start = time.perf_counter()
        subprocess.run([build / "src/cli/extreq", "verify", "--batch", fleet / "reports", "--leaves",
                        fleet / "leaves", "--trust", fleet / "ark.der", "--threads", str(cores)],
                       check=True, stdout=lines, preexec_fn=on_cores(cores))
        wall = time.perf_counter() - start
        after = os.times()
        lines.seek(0)
        good = sum(b'"verdict":"genuine"' in line for line in lines)
    if good != reports:
        sys.exit(f"bench-batch.py: {good} of {reports} reports are genuine")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def measure(build: pathlib.Path, fleet: pathlib.Path, reports: int, repetitions: int) -> List[Dict[str, Any]]:
    found: Dict[str, List[benchmark_json.Measured]] = {}
    all_cores = len(os.sched_getaffinity(0))
    for _ in range(repetitions):
        for cores in range(1, min(all_cores, 2) + 1):
            for name, run in (("Kernel", run_kernel), ("VerifyBatch", run_verb)):
                wall, cpu = run(build, fleet, cores, reports)
                label = f"{name}/{cores}_core{'s' if cores > 1 else ''}"
                print(f"{label}: {reports / cpu:,.0f} a second of CPU time, {reports / wall:,.0f} a second")
                found.setdefault(label, []).append((wall / reports * 1e6, cpu / reports * 1e6,
                                                    {"a_second_of_wall_time": reports / wall}))
    return [one for label, measured in found.items()
            for one in benchmark_json.repetitions(label, "us", measured, reports)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--reports", type=int, default=100000)
    parser.add_argument("--chips", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--fleet", type=pathlib.Path)
    options = parser.parse_args()
    context = benchmark_json.context()
    with tempfile.TemporaryDirectory() as folder:
        fleet = options.fleet or pathlib.Path(folder)
        if options.fleet is None:
            subprocess.run([options.build / "bench/extreq_make_fleet", fleet, str(options.chips),
                            str(options.reports)], check=True)
        benchmarks = measure(options.build, fleet, options.reports, options.repetitions)
    benchmark_json.write(options.output, context, benchmarks)


if __name__ == "__main__":
    main()
