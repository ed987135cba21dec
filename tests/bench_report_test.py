#!/usr/bin/env python3
"""scripts/bench-report.py on results made up here: medians, ratios, what is refused, and the plots.

bench_report_test.py SCRIPT
"""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from typing import Any, Dict, List

SCRIPT = pathlib.Path(sys.argv.pop(1)).resolve()
SPEC = importlib.util.spec_from_file_location("bench_report", SCRIPT)
report = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(report)


def repetitions(name: str, cpu_times: List[float], unit: str = "us", **more: Any) -> List[Dict[str, Any]]:
    """As Google Benchmark writes them, with one of the aggregates that are to be left out."""
    common = {"name": name, "run_name": name, "repetitions": len(cpu_times), "threads": 1,
              "iterations": 10, "time_unit": unit}
    each = [{**common, "run_type": "iteration", "repetition_index": i, "real_time": time * 3,
             "cpu_time": time, **more} for i, time in enumerate(cpu_times)]
    return each + [{**common, "run_type": "aggregate", "aggregate_name": "median",
                    "real_time": 1e9, "cpu_time": 1e9}]


def write(folder: str, programs: Dict[str, List[Dict[str, Any]]]) -> pathlib.Path:
    path = pathlib.Path(folder)
    (path / "machine.txt").write_text("A machine.\n")
    for program, benchmarks in programs.items():
        context = {"date": "2030-01-02T03:04:05+00:00", "load_avg": [0.25, 1, 2], "host_name": "secret"}
        (path / f"{program}.json").write_text(
            json.dumps({"context": context, "benchmarks": benchmarks}))
    return path


def all_that_is_named() -> Dict[str, List[Dict[str, Any]]]:
    """Results with each benchmark that the script's own tables name; each takes 1 us more."""
    named = [(program, peer) for program, each in report.PEERS.items() for _, peer in each]
    named += [(bar.program, bar.benchmark) for plot in report.PLOTS for bar in plot.bars]
    programs: Dict[str, List[Dict[str, Any]]] = {}
    for i, (program, name) in enumerate(dict.fromkeys(named)):
        programs.setdefault(program, []).extend(repetitions(name, [1.0 + i]))
    return programs


def read(programs: Dict[str, List[Dict[str, Any]]]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return report.read_run(write(folder, programs))


class Reading(unittest.TestCase):
    def test_the_median_of_the_repetitions_counts_and_aggregates_do_not(self) -> None:
        figure = read({"p": repetitions("A", [10.0, 30.0, 12.0])}).figures["p"]["A"]
        self.assertAlmostEqual(figure.seconds, 12e-6)
        self.assertAlmostEqual(figure.spread, 20 / 12)

    def test_the_cost_is_of_one_item(self) -> None:
        # 64 items in 128 us.
        figure = read({"p": repetitions("A", [128.0], items_per_second=500e3)}).figures["p"]["A"]
        self.assertAlmostEqual(figure.seconds, 2e-6)
        self.assertAlmostEqual(figure.rate, 500e3)

    def test_a_rate_of_wall_time_is_not_taken_for_one_of_cpu_time(self) -> None:
        # One item in 300 us of wall time, of which 100 us are CPU time.
        one = repetitions("A/real_time", [100.0], items_per_second=1 / 300e-6)
        self.assertAlmostEqual(read({"p": one}).figures["p"]["A/real_time"].seconds, 100e-6)

    def test_units_are_read(self) -> None:
        for unit, seconds in (("ns", 1e-9), ("ms", 1e-3), ("s", 1.0)):
            figure = read({"p": repetitions("A", [2.0], unit)}).figures["p"]["A"]
            self.assertAlmostEqual(figure.seconds / seconds, 2.0)

    def test_counters_of_the_benchmark_are_kept(self) -> None:
        figure = read({"p": repetitions("A", [1.0], p99_ns=77.0)}).figures["p"]["A"]
        self.assertEqual(figure.counters, {"p99_ns": 77.0})

    def test_what_is_not_a_result_is_refused_with_its_name(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = write(folder, {"good": repetitions("A", [1.0])})
            for content in ("", "[]", '{"benchmarks": [{}]}', '{"benchmarks": [], "context": {"date": ""}}'):
                (path / "broken.json").write_text(content)
                with self.assertRaisesRegex(report.Bad, "broken.json"):
                    report.read_run(path)

    def test_a_folder_without_results_is_refused(self) -> None:
        with self.assertRaisesRegex(report.Bad, "no results"):
            read({})


class Page(unittest.TestCase):
    PEERS = {"p": ((r"Own.*", "Peer"), (r"Peer", "Peer"))}

    def page(self, programs: Dict[str, List[Dict[str, Any]]]) -> str:
        return report.figures_page(read(programs), self.PEERS)

    def test_a_row_has_time_spread_rate_and_ratio(self) -> None:
        page = self.page({"p": repetitions("Own", [10.0, 9.0, 11.0]) + repetitions("Peer", [25.0] * 3)})
        self.assertIn("| Own | 10.0 us | 20 % | 100,000 | 2.50 x Peer |  |", page)
        self.assertIn("| Peer | 25.0 us | 0 % | 40,000 | 1 |  |", page)

    def test_the_page_says_date_machine_repetitions_and_load_but_no_host(self) -> None:
        page = self.page({"p": repetitions("A", [1.0, 1.0])})
        for wanted in ("2030-01-02", "A machine.", "2 repetitions", "up to 0.2"):
            self.assertIn(wanted, page)
        self.assertNotIn("secret", page)

    def test_a_skipped_benchmark_is_listed_with_its_reason_and_gives_no_ratio(self) -> None:
        skipped = repetitions("Peer", [0.0], error_occurred=True, error_message="no such CPU")
        page = self.page({"p": repetitions("Own", [10.0]) + skipped})
        self.assertIn("| Peer | not measured: no such CPU |", page)
        self.assertIn("| Own | 10.0 us | 0 % | 100,000 |  |  |", page)

    def test_numbers_have_three_digits(self) -> None:
        for value, text in ((0, "0"), (0.01234, "0.0123"), (9.996, "10.0"), (99.96, "100"),
                            (1234567, "1,230,000")):
            self.assertEqual(report.three_digits(value), text)
        for seconds, text in ((2.5e-9, "2.50 ns"), (999.9e-9, "1.00 us"), (0.0123, "12.3 ms"), (7, "7.00 s")):
            self.assertEqual(report.time_text(seconds), text)


class Names(unittest.TestCase):
    def test_what_the_tables_of_the_script_name_is_accepted(self) -> None:
        report.check_names(read(all_that_is_named()).figures, report.PEERS, report.PLOTS)

    def test_a_peer_or_bar_that_no_program_knows_is_refused(self) -> None:
        for program, name in (("p384", "Nettle"), ("library", "SignNettle"), ("p384", "KernelFreshKeys")):
            programs = all_that_is_named()
            programs[program] = [one for one in programs[program] if one["run_name"] != name]
            with self.assertRaisesRegex(report.Bad, name):
                report.check_names(read(programs).figures, report.PEERS, report.PLOTS)


class Chart(unittest.TestCase):
    PLOT = report.Plot("x.svg", "Title <&>", "things a second", True,
                       (report.Bar("OpenSSL", "p", "Peer"), report.Bar("own", "p", "Own")))

    def bars(self, svg: str) -> List[float]:
        return [float(one.get("width")) for one in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")]

    def test_bars_are_as_long_as_their_values_and_the_axis_has_its_unit(self) -> None:
        figures = read({"p": repetitions("Peer", [40.0]) + repetitions("Own", [10.0])}).figures
        svg = report.bar_chart(self.PLOT, figures)
        peer, own = self.bars(svg)
        self.assertAlmostEqual(own / peer, 4.0, places=2)
        for wanted in (">things a second<", ">100,000<", ">25,000<", "Title &lt;&amp;&gt;",
                       "prefers-color-scheme: dark"):
            self.assertIn(wanted, svg)

    def test_costs_are_in_microseconds(self) -> None:
        figures = read({"p": repetitions("Peer", [40.0]) + repetitions("Own", [10.0])}).figures
        self.assertIn(">40.0<", report.bar_chart(self.PLOT._replace(rate=False), figures))

    def test_a_skipped_benchmark_has_a_name_and_no_bar(self) -> None:
        skipped = repetitions("Own", [0.0], error_occurred=True, error_message="no such CPU")
        svg = report.bar_chart(self.PLOT, read({"p": repetitions("Peer", [40.0]) + skipped}).figures)
        self.assertEqual(self.bars(svg)[1], 0.0)
        self.assertIn("not measured", svg)

    def test_the_axis_has_four_to_ten_marks(self) -> None:
        for largest in (0.0123, 1, 4, 7.3, 9.99, 10, 25, 41000):
            self.assertTrue(4 <= largest / report.step_of(largest) <= 10.01, largest)


class Program(unittest.TestCase):
    def run_script(self, folder: pathlib.Path, output: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-B", str(SCRIPT), str(folder), output],
                              capture_output=True, text=True, check=False)

    def test_it_writes_the_page_and_each_plot(self) -> None:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as output:
            done = self.run_script(write(folder, all_that_is_named()), output)
            self.assertEqual(done.returncode, 0, done.stderr)
            written = {path.name for path in pathlib.Path(output).iterdir()}
            self.assertEqual(written, {"performance-figures.md", *(plot.file for plot in report.PLOTS)})
            for plot in report.PLOTS:
                xml.parse(pathlib.Path(output) / plot.file)

    def test_a_run_that_lacks_a_program_changes_nothing(self) -> None:
        programs = all_that_is_named()
        del programs["verify"]
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as output:
            done = self.run_script(write(folder, programs), output)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(re.search(r"bench-report.py: verify: .*OneShot", done.stderr), done.stderr)
            self.assertEqual(list(pathlib.Path(output).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
