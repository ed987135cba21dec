#!/usr/bin/env python3
"""systemd understands the service's unit as it is meant, and reports a mistake that is planted.

usage: unit_file_test.py SOURCE_FOLDER EXTREQ. Exits 77, with a line that says so, where
systemd-analyze is missing.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, PROGRAM = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
INSTALLED = "/usr/bin/extreq"


def verify(text):
    """What systemd-analyze says of a unit of this text; the program need not be installed."""
    assert INSTALLED in text
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder, "extreq-host.service")
        unit.write_text(text.replace(INSTALLED, str(PROGRAM)), encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                              check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
    said = [line for line in done.stdout.splitlines() if "extreq-host.service" in line]
    return done.returncode, said


class Unit(unittest.TestCase):
    text = (SOURCE / "packaging/systemd/extreq-host.service").read_text(encoding="utf-8")

    def test_it_is_understood_whole(self):
        self.assertEqual(verify(self.text), (0, []))

    def test_a_mistake_would_be_found(self):
        for right, wrong in (("WatchdogSec=180", "WatchdogSec=soon"),
                             ("ProtectSystem=strict", "ProtectSystems=strict"),
                             (INSTALLED, INSTALLED + "-of-nobody")):
            self.assertIn(right, self.text)
            self.assertTrue(verify(self.text.replace(right, wrong))[1], wrong)

    def test_its_options_are_the_programs(self):
        help_text = subprocess.run([PROGRAM, "host", "serve", "--help"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout
        start, = [line for line in self.text.splitlines() if line.startswith("ExecStart=")]
        for word in start.split():
            if word.startswith("--"):
                self.assertIn(word + " ", help_text)


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("*** SKIPPED, NOT TESTED: no systemd-analyze to check the unit with")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
