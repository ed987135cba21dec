#!/usr/bin/env python3
"""scripts/build-times.py: what it makes of ninja's log.

usage: build_times_test.py SOURCE_FOLDER
"""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

source = pathlib.Path(sys.argv.pop())
script = source / "scripts/build-times.py"
spec = importlib.util.spec_from_file_location("build_times", script)
build_times = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_times)

LOG = ("# ninja log v5\n"
       "0\t9000\t1\ta.o\tcafe\n"
       "10\t2510\t1\tb.o\tcafe\n"
       "0\t1500\t2\ta.o\tbeef\n")


class BuildTimes(unittest.TestCase):
    def test_a_step_counts_as_it_was_last_done(self):
        self.assertEqual(build_times.seconds_of_steps(LOG), {"a.o": 1.5, "b.o": 2.5})

    def test_the_slowest_come_first(self):
        steps = {"a": 1.0, "b": 3.0, "c": 2.0}
        self.assertEqual(build_times.slowest(steps, 2), [("b", 3.0), ("c", 2.0)])

    def test_what_is_no_log_is_refused(self):
        for text in ("", "# something else\n"):
            with self.assertRaises(ValueError):
                build_times.seconds_of_steps(text)

    def test_a_build_folder_is_told_in_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, ".ninja_log").write_text(LOG, encoding="utf-8")
            said = subprocess.run([sys.executable, script, folder, "1"], check=True,
                                  capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(said, [f"{folder}: 2 steps of 4 s in all; the slowest:", "     2.5 s  b.o"])


if __name__ == "__main__":
    unittest.main()
