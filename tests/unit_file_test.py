#!/usr/bin/env python3
"""systemd understands the service's unit as it is meant, and reports a mistake that is planted.

usage: unit_file_test.py SOURCE_FOLDER EXTREQ. Exits 77, with a line that says so, where
systemd-analyze is missing.
"""

import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import model_platform

SOURCE, PROGRAM = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
INSTALLED = "/usr/bin/extreq"


# Options that a version before had, as a drop-in gives them: no longer obeyed, and never refused.
RETIRED = ("--metrics 9464", "--metrics [::1]:9464", "--metrics=127.0.0.1:9464")


def verify(text, drop_in=""):
    """What systemd-analyze says of a unit of this text; the program need not be installed."""
    assert INSTALLED in text
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder, "extreq-host.service")
        unit.write_text(text.replace(INSTALLED, str(PROGRAM)), encoding="utf-8")
        if drop_in:
            more = pathlib.Path(folder, "extreq-host.service.d/override.conf")
            more.parent.mkdir()
            more.write_text(drop_in.replace(INSTALLED, str(PROGRAM)), encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                              check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
    said = [line for line in done.stdout.splitlines() if "extreq-host.service" in line]
    return done.returncode, said


def started(command):
    """Runs a service until it has told systemd that it is ready, or has ended; then ends it. Its exit
    status, what systemd was told, and its log."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(folder + "/notify")
        systemd.settimeout(0.2)
        told = ""
        with subprocess.Popen(command, stderr=log,
                              env={**os.environ, "NOTIFY_SOCKET": folder + "/notify"}) as service:
            while "READY=1" not in told and service.poll() is None:
                try:
                    told += systemd.recv(4096).decode() + "\n"
                except TimeoutError:
                    pass
            service.terminate()
            code = service.wait(timeout=120)
        log.seek(0)
        return code, told, log.read()


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

    def test_a_drop_in_with_an_option_of_earlier_versions_still_starts(self):
        start, = re.findall(r"(?m)^ExecStart=(.*)$", self.text)
        for option in RETIRED:
            with self.subTest(option=option), tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                drop_in = f"[Service]\nExecStart=\nExecStart={start} {option}\n"
                self.assertEqual(verify(self.text, drop_in), (0, []))
                words = shlex.split(drop_in.splitlines()[-1].removeprefix("ExecStart="))
                words[words.index("--socket") + 1] = folder / "socket"
                model_platform.copy_to(PROGRAM, folder / "platform")
                code, states, log = started([PROGRAM, *words[1:], "--offline", "--platform",
                                             folder / "platform", "--blob", folder / "host.blob",
                                             "--store", folder / "certificates.db"])
                self.assertIn("READY=1", states, log)
                self.assertEqual(code, 0, log)
                self.assertIn(f"{option.replace('=', ' ')} is ignored", log)


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("*** SKIPPED, NOT TESTED: no systemd-analyze to check the unit with")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
