"""What Google Benchmark writes with repetitions, of what is measured in other ways: bench-report.py
reads both alike."""

import datetime
import json
import os
import pathlib
from typing import Any, Dict, List, Sequence, Tuple

# Wall time and CPU time of one repetition, and numbers of the benchmark's own.
Measured = Tuple[float, float, Dict[str, float]]


def context() -> Dict[str, Any]:
    """When it was measured, and how busy the machine was: to be asked before measuring."""
    return {"date": datetime.datetime.now().astimezone().isoformat(), "load_avg": list(os.getloadavg())}


def repetitions(name: str, unit: str, measured: Sequence[Measured], iterations: int = 1) -> List[Dict[str, Any]]:
    return [{"name": name, "run_name": name, "run_type": "iteration", "repetitions": len(measured),
             "repetition_index": index, "iterations": iterations, "time_unit": unit, "real_time": wall,
             "cpu_time": cpu, **counters} for index, (wall, cpu, counters) in enumerate(measured)]


def write(file: pathlib.Path, asked: Dict[str, Any], benchmarks: List[Dict[str, Any]]) -> None:
    """`asked`: of context()."""
    file.write_text(json.dumps({"context": asked, "benchmarks": benchmarks}, indent=1))
