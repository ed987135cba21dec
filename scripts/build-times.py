#!/usr/bin/env python3
"""What a build's steps cost: all of them, and the slowest ones, from ninja's own log.

build-times.py BUILD_FOLDER [HOW_MANY]

A step's time is the clock's while others ran beside it; what the compiler's cache had costs nothing.
So figures are compared between builds from nothing, on one machine, with as many jobs.
"""

import pathlib
import sys
from typing import Dict, List, Tuple

HEADER = "# ninja log v"


def seconds_of_steps(log: str) -> Dict[str, float]:
    """Each output's last step: a build that was continued has older ones of the same name."""
    lines = log.splitlines()
    if not lines or not lines[0].startswith(HEADER):
        raise ValueError(f"{lines[0] if lines else 'an empty file'}: no log of ninja")
    steps = {}
    for line in lines[1:]:
        begin, end, _, output, *_ = line.split("\t")
        steps[output] = (int(end) - int(begin)) / 1000
    return steps


def slowest(steps: Dict[str, float], count: int) -> List[Tuple[str, float]]:
    return sorted(steps.items(), key=lambda step: (-step[1], step[0]))[:count]


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    steps = seconds_of_steps((folder / ".ninja_log").read_text(encoding="utf-8"))
    print(f"{folder}: {len(steps)} steps of {sum(steps.values()):.0f} s in all; the slowest:")
    for output, seconds in slowest(steps, count):
        print(f"{seconds:8.1f} s  {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
