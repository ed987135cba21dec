#!/usr/bin/env python3
"""Makes doc/performance-figures.md and doc/performance-*.svg of one run of the benchmarks.

bench-report.py FOLDER OUTPUT. FOLDER holds PROGRAM.json for each program, as Google Benchmark writes
it with repetitions, and machine.txt; scripts/bench.sh makes them. Everything is read and checked
before anything is written. A benchmark that the program skipped (a CPU feature is missing) is listed
as such; one that PEERS or PLOTS name and the program does not know is an error.
"""

import argparse
import json
import math
import pathlib
import re
import statistics
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
# What Google Benchmark says of each repetition; other numbers are counters of the benchmark's own.
STANDARD = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
            "iterations", "real_time", "cpu_time", "items_per_second", "bytes_per_second"}

# For each program: a pattern of names, and the benchmark that they are compared with.
Peers = Dict[str, Tuple[Tuple[str, str], ...]]
PEERS: Peers = {
    "batch": ((r".*/1_core", "Kernel/1_core"), (r".*/2_cores", "Kernel/2_cores")),
    "boot": ((r".*", "PlainKernelToInit"),),
    "lease": ((r"from_.*|straightforward.*", "straightforward"),),
    "fleet": ((r".*", "NginxStaticFiles"),),
    "library": ((r"Sign.*", "SignNettle"), (r"Verify.*", "VerifyNettle")),
    "p384": ((r"Nettle|Openssl|Kernel.*", "Nettle"),),
    "verify": (
        (r"OneShot.*/amd", "OneShotPlainOpenssl/amd"),
        (r"OneShot.*/model", "OneShotPlainOpenssl/model"),
        (r"KeptPlainOpenssl|KeptExtreq/.*", "KeptPlainOpenssl"),
        (r"ParseLeaf.*", "ParseLeafPlainOpenssl"),
    ),
    "vmm": ((r"from_.*|straightforward", "straightforward"),),
}
# Present only where somebody else's files and programs are: a pattern of theirs in PEERS may match nothing.
OPTIONAL_PEERS = {("verify", "OneShotPlainOpenssl/amd"), ("batch", "Kernel/2_cores"),
                  ("boot", "PlainKernelToInit"), ("fleet", "NginxStaticFiles")}
# What measured a program's figures, where it is not bench/PROGRAM_bench.cpp.
SOURCES = {"batch": "scripts/bench-batch.py", "boot": "scripts/bench-machine.py",
           "fleet": "scripts/bench-fleet.py"}


class Bar(NamedTuple):
    label: str
    program: str
    benchmark: str


class Plot(NamedTuple):
    file: str
    title: str
    axis: str  # says the unit
    rate: bool  # items a second; else microseconds for one
    bars: Tuple[Bar, ...]


PLOTS = (
    Plot("performance-signatures.svg", "ECDSA P-384 signatures verified",
         "signatures a second of CPU time", True,
         (Bar("OpenSSL", "p384", "Openssl"),
          Bar("GnuTLS", "library", "VerifyGnutls"),
          Bar("nettle", "p384", "Nettle"),
          Bar("extreq, fresh keys", "p384", "KernelFreshKeys"),
          Bar("extreq, 1000 known keys", "p384", "KernelThousandKnownKeys"))),
    Plot("performance-lease.svg", "One lease of certificates and their copy, by source",
         "CPU time in microseconds", False,
         (Bar("in memory", "lease", "from_memory"),
          Bar("blob with a state page", "lease", "from_blob/with_state_page"),
          Bar("blob of any writer", "lease", "from_blob/foreign"),
          Bar("socket, both ends", "lease", "from_socket/process_time/real_time"),
          Bar("straightforward", "lease", "straightforward"),
          Bar("straightforward, sleeping", "lease", "straightforward_with_sleep/real_time"))),
    Plot("performance-verification.svg", "Verifying one report",
         "CPU time in microseconds", False,
         (Bar("with its chain, OpenSSL", "verify", "OneShotPlainOpenssl/model"),
          Bar("with its chain, extreq", "verify", "OneShotExtreq/model"),
          Bar("chain kept, OpenSSL", "verify", "KeptPlainOpenssl"),
          Bar("chain kept, extreq", "verify", "KeptExtreq/real_time/threads:1"))),
)


class Bad(Exception):
    """The results cannot be used."""


class Figure(NamedTuple):
    """One benchmark: medians of its repetitions. An item is an iteration unless it counts items."""

    seconds: float  # CPU time of an item
    spread: float  # largest less smallest, as a part of the median
    counters: Dict[str, float]
    skipped: str = ""  # why there are no figures

    @property
    def rate(self) -> float:
        return 1 / self.seconds if self.seconds > 0 else math.inf


Figures = Dict[str, Dict[str, Figure]]  # by program, then by benchmark, in the order of the run


class Run(NamedTuple):
    figures: Figures
    machine: str
    date: str
    load: float
    repetitions: int


def seconds_of_item(one: Dict[str, Any]) -> float:
    """CPU time of an item. The rate is of wall time where the benchmark asked for that."""
    unit = SECONDS[one["time_unit"]]
    cpu = one["cpu_time"] * unit
    if "items_per_second" not in one:
        return cpu
    of_rate = one["real_time"] * unit if "/real_time" in one["run_name"] else cpu
    return cpu / (one["items_per_second"] * of_rate)


def figure_of(repetitions: Sequence[Dict[str, Any]]) -> Figure:
    for one in repetitions:
        if one.get("error_occurred"):
            return Figure(math.nan, math.nan, {}, one.get("error_message") or "skipped")
    times = [seconds_of_item(one) for one in repetitions]
    median = statistics.median(times)
    names = [name for name, value in repetitions[0].items()
             if name not in STANDARD and type(value) in (int, float)]
    counters = {name: statistics.median(one[name] for one in repetitions) for name in names}
    return Figure(median, (max(times) - min(times)) / median if median > 0 else 0.0, counters)


def read_run(folder: pathlib.Path) -> Run:
    figures: Figures = {}
    dates: List[str] = []
    loads: List[float] = []
    counts: List[int] = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text())
            by_name: Dict[str, List[Dict[str, Any]]] = {}
            for one in content["benchmarks"]:
                if one["run_type"] == "iteration":
                    by_name.setdefault(one["run_name"], []).append(one)
            figures[path.stem] = {name: figure_of(each) for name, each in sorted(
                by_name.items(), key=lambda item: item[1][0].get("family_index", 0))}
            dates.append(content["context"]["date"][:10])
            loads += content["context"].get("load_avg", [])[:1]
            counts += [len(each) for name, each in by_name.items()
                       if not figures[path.stem][name].skipped]
        except (ValueError, KeyError, TypeError, ZeroDivisionError) as problem:
            raise Bad(f"{path.name}: not what Google Benchmark writes: {problem!r}") from problem
        if not by_name:
            raise Bad(f"{path.name}: no benchmark ran")
    if not counts:
        raise Bad(f"{folder}: no results")
    machine = (folder / "machine.txt").read_text().strip()
    return Run(figures, machine, max(dates), max(loads, default=0.0), min(counts))


def peer_of(program: str, benchmark: str, peers: Peers) -> Optional[str]:
    for pattern, peer in peers.get(program, ()):
        if re.fullmatch(pattern, benchmark):
            return peer
    return None


def check_names(figures: Figures, peers: Peers, plots: Sequence[Plot]) -> None:
    named = [(program, peer) for program, each in peers.items() for _, peer in each
             if (program, peer) not in OPTIONAL_PEERS]
    named += [(bar.program, bar.benchmark) for plot in plots for bar in plot.bars]
    for program, benchmark in named:
        if benchmark not in figures.get(program, {}):
            raise Bad(f"{program}: there is no benchmark {benchmark}, which this script names")


def three_digits(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    if rounded != 0:
        digits = 2 - math.floor(math.log10(abs(rounded)))  # 999.6 has become 1000
    return f"{rounded:,.{max(digits, 0)}f}"


def time_text(seconds: float) -> str:
    for unit in ("s", "ms", "us"):
        if seconds >= SECONDS[unit] * 0.9995:
            return f"{three_digits(seconds / SECONDS[unit])} {unit}"
    return f"{three_digits(seconds / SECONDS['ns'])} ns"


def ratio_text(figure: Figure, name: str, peer: Optional[str], others: Dict[str, Figure]) -> str:
    if peer is None or peer not in others or others[peer].skipped:
        return ""
    if peer == name:
        return "1"
    return f"{three_digits(figure.rate / others[peer].rate)} x {peer}"


def row_of(name: str, figure: Figure, peer: Optional[str], others: Dict[str, Figure]) -> str:
    if figure.skipped:
        return f"| {name} | not measured: {figure.skipped} | | | | |"
    counters = ", ".join(f"{key} {three_digits(value)}" for key, value in figure.counters.items())
    cells = [name, time_text(figure.seconds), f"{100 * figure.spread:.0f} %",
             three_digits(figure.rate), ratio_text(figure, name, peer, others), counters]
    return "| " + " | ".join(cells) + " |"


def figures_page(run: Run, peers: Peers) -> str:
    lines = [
        "# Performance: figures", "",
        "`make bench` wrote this page and the plots; do not edit them. "
        "[performance.md](performance.md) explains them.", "",
        f"{run.date}, {run.repetitions} repetitions. {run.machine} "
        f"Load average up to {run.load:.1f}: what other programs took is not in CPU time, but their "
        "use of caches and clock is.", "",
        "CPU time is the median for one item: a signature, a report, a request, an exit. The spread "
        "is the largest repetition less the smallest, as a part of the median. The rate is of one "
        "core. The ratio is of rates: 2 x is twice as fast as the benchmark named. The last column "
        "is what the benchmark counts itself.",
    ]
    for program, each in run.figures.items():
        lines += ["", f"## {program} (`{SOURCES.get(program, f'bench/{program}_bench.cpp')}`)",
                  "| benchmark | CPU time | spread | a second and core | rate to its peer's | |",
                  "|---|---|---|---|---|---|"]
        lines += [row_of(name, figure, peer_of(program, name, peers), each)
                  for name, figure in each.items()]
    return "\n".join(lines) + "\n"


STYLE = """<style>
text { font: 13px sans-serif; fill: #1f2328; }
.title { font-weight: bold; font-size: 15px; }
.axis { fill: #59636e; }
.grid { stroke: #d1d9e0; }
.peer { fill: #8c959f; }
.own { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .axis { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .peer { fill: #6e7681; }
  .own { fill: #4493f8; }
}
</style>"""
PEER_WORDS = ("OpenSSL", "GnuTLS", "nettle", "straightforward")
LEFT, WIDTH, ROW, TOP, RIGHT = 220, 480, 30, 44, 100


def step_of(largest: float) -> float:
    """The distance of the axis's marks: 1, 2 or 5 times a power of ten, four to ten of them."""
    power = 10.0 ** math.floor(math.log10(largest / 4))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= largest / 4)


def bar_chart(plot: Plot, figures: Figures) -> str:
    """Horizontal bars. One whose benchmark was skipped is named, without a bar."""
    values = []
    for bar in plot.bars:
        figure = figures[bar.program][bar.benchmark]
        value = figure.rate if plot.rate else figure.seconds * 1e6
        values.append(None if figure.skipped else value)
    known = [value for value in values if value is not None]
    if not known:
        raise Bad(f"{plot.file}: every benchmark of it was skipped")
    scale = WIDTH / max(known)
    bottom = TOP + ROW * len(values)
    total = LEFT + WIDTH + RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {bottom + 50}" '
           f'width="{total}" height="{bottom + 50}" role="img">',
           f"<title>{escape(plot.title)}: {escape(plot.axis)}</title>", STYLE,
           f'<text class="title" x="12" y="24">{escape(plot.title)}</text>']
    step = step_of(max(known))
    for i in range(int(max(known) / step * (1 + 1e-9)) + 1):
        x = LEFT + i * step * scale
        out += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>',
                f'<text class="axis" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">'
                f"{i * step:,.10g}</text>"]
    for row, (bar, value) in enumerate(zip(plot.bars, values)):
        y = TOP + ROW * row
        kind = "peer" if any(word in bar.label for word in PEER_WORDS) else "own"
        length = 0.0 if value is None else value * scale
        text = "not measured" if value is None else three_digits(value)
        out += [f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(bar.label)}</text>',
                f'<rect class="{kind}" x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="20"/>',
                f'<text x="{LEFT + length + 6:.1f}" y="{y + 16}">{text}</text>']
    out += [f'<text class="axis" x="{LEFT + WIDTH / 2:.0f}" y="{bottom + 39}" '
            f'text-anchor="middle">{escape(plot.axis)}</text>', "</svg>"]
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    try:
        run = read_run(options.folder)
        check_names(run.figures, PEERS, PLOTS)
        made = {"performance-figures.md": figures_page(run, PEERS)}
        made.update({plot.file: bar_chart(plot, run.figures) for plot in PLOTS})
    except (Bad, OSError) as problem:
        sys.exit(f"bench-report.py: {problem}")
    for name, text in made.items():
        (options.output / name).write_text(text)
        print(f"wrote {options.output / name}")


if __name__ == "__main__":
    main()
