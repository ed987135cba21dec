#!/usr/bin/env python3
"""The contract of `extreq host serve`, `extreq host status` and `extreq doctor`, on a model
platform with a key service over HTTP.

usage: host_cli_test.py EXTREQ
"""

import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import model_platform

OK, USAGE, NOT_WELL, UNREADABLE = 0, 1, 3, 4
PATIENCE = 60  # a limit for what should take milliseconds, however slow the machine

PROGRAM = ""
PLATFORM = pathlib.Path()  # one model for all tests: making its keys takes seconds


class Program:
    """A program that runs for as long as a with block."""

    def __init__(self, *arguments, environment=None):
        self.arguments = [PROGRAM, *map(str, arguments)]
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, env=self.environment)
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)
        self.errors.close()

    def end(self, how):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.status = self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()

    def log(self):
        self.errors.seek(0)
        return self.errors.read()


class Contract(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.blob = self.folder / "host.blob"
        self.store = self.folder / "certificates.db"
        self.socket = self.folder / "socket"
        self.metrics = self.folder / "extreq.prom"
        self.change("--config", "--to-tcb", "bl=3,tee=0,snp=20,ucode=200")

    def run_it(self, code, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=PATIENCE, text=True)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def change(self, *form):
        """Changes the signing key as somebody does who knows nothing of our blob."""
        elsewhere = self.folder / "elsewhere.blob"
        self.run_it(OK, "host", "update", "--platform", PLATFORM, "--blob", elsewhere, "--store",
                    self.folder / "elsewhere.db", *form)

    def service(self, *options, blob=None, environment=None):
        return Program("host", "serve", "--platform", PLATFORM, "--blob", blob or self.blob,
                       "--store", self.store, "--socket", self.socket, "--metrics-file", self.metrics,
                       *options, environment=environment)

    def status(self):
        done = subprocess.run([PROGRAM, "host", "status", "--json", "--platform", PLATFORM,
                               "--blob", self.blob], stdout=subprocess.PIPE, check=False,
                              timeout=PATIENCE)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, OK if report["well"] else NOT_WELL)
        for line in report["lines"]:
            self.assertEqual("remedy" in line, line["verdict"] == "bad", line)
        return report

    def wait_until(self, what, program):
        deadline = time.monotonic() + PATIENCE
        while not what():
            self.assertIsNone(program.process.poll(), program.log())
            self.assertLess(time.monotonic(), deadline, program.log())
            time.sleep(0.02)

    def names(self):
        return [line["name"] for line in self.status()["lines"]]

    def wait_until_well(self, program):
        self.wait_until(lambda: self.status()["well"], program)

    def stored(self):
        done = self.run_it(OK, "certs", "list", "--json", "--store", self.store)
        return len(json.loads(done.stdout)["leaves"])

    def metric(self, name):
        for line in self.metrics.read_text().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        self.fail(f"{name} is missing")


class Serve(Contract):
    def test_the_blob_follows_the_platform_with_a_key_service_over_http(self):
        with Program("kds", "serve", "--platform", PLATFORM) as kds:
            url = kds.process.stdout.readline().strip()
            # Only inotify can be quick enough here.
            with self.service("--kds-url", url, "--proxy", "none", "--interval", "3600") as service:
                self.wait_until_well(service)
                self.wait_until(lambda: self.stored() == 2, service)
                self.wait_until(lambda: "table CRL" in self.names(), service)
                first = self.blob.read_bytes()
                self.wait_until(self.metrics.exists, service)
                # What a commit leads to is in the store by now: the key service gives two
                # certificates at once, and then one in ten seconds.
                self.change("--commit")
                self.wait_until(lambda: self.blob.read_bytes() != first, service)
                self.wait_until_well(service)
                self.wait_until(
                    lambda: self.metric("extreq_host_mismatches_prevented_total") == 1, service)
                self.assertEqual(self.metric("extreq_host_healthy"), 1)
                self.assertGreater(self.metric("extreq_host_crl_next_update_seconds"), time.time())
                self.assertGreater(self.metric('extreq_host_kds_answers_total{status="200"}'), 0)
                self.assertIn("withdrew a table that did not fit", service.log())
            self.assertEqual(service.status, 0, "a stop is no failure")
        self.assertFalse(self.socket.exists())
        self.assertTrue(self.status()["well"], "the blob outlives the service")

    def test_without_inotify_the_interval_does_it(self):
        with self.service("--interval", "0.05") as service:
            self.wait_until_well(service)
            self.blob.unlink()
            self.wait_until_well(service)

    def test_killed_at_any_time_the_next_one_repairs(self):
        with self.service() as service:
            self.wait_until_well(service)
            service.end(signal.SIGKILL)
        self.change("--commit")
        report = self.status()
        self.assertFalse(report["well"])
        match = [line for line in report["lines"] if line["name"] == "match"][0]
        self.assertIn("for another key", match["value"])
        self.assertIn("systemctl start", match["remedy"])
        self.blob.write_bytes(self.blob.read_bytes()[:1000])  # and torn
        with self.service() as service:
            self.wait_until_well(service)
            self.wait_until(self.socket.exists, service)  # the dead one's is no obstacle

    def test_in_an_outage_it_says_so_and_recovers(self):
        self.change("--commit")  # nothing to prefetch: a stop would wait for its turn
        with Program("kds", "serve", "--platform", PLATFORM, "--fault", "503") as kds:
            url = kds.process.stdout.readline().strip()
            with self.service("--kds-url", url, "--proxy", "none", "--kds-wait", "30") as service:
                self.wait_until_well(service)
            self.assertEqual(service.status, 0)

    def test_offline_with_an_empty_store_guests_get_an_empty_table(self):
        with self.service("--offline") as service:
            self.wait_until(lambda: "guests get no certificates" in service.log(), service)
            self.assertFalse(any(self.blob.read_bytes()[:24]))
            self.assertFalse(self.status()["well"])

    def test_systemd_is_told(self):
        address = str(self.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(address)
            listener.settimeout(PATIENCE)
            heard = ""
            with self.service(environment={"NOTIFY_SOCKET": address, "JOURNAL_STREAM": "8:1"}
                              ) as service:
                while "READY=1" not in heard or "STATUS=" not in heard:
                    heard += listener.recv(4096).decode() + "\n"
                self.assertIn("WATCHDOG=1", heard)
                self.wait_until(lambda: "<6>published the table" in service.log(), service)
                service.end(signal.SIGTERM)
            while "STOPPING=1" not in heard:
                heard += listener.recv(4096).decode() + "\n"

    def test_the_metrics_file_has_what_prometheus_is_promised(self):
        with self.service("--offline") as service:
            self.wait_until(self.metrics.exists, service)
            text = self.metrics.read_text()
        for name in ("leases_held", "lease_wait_seconds_total", "mismatches_prevented_total",
                     "lock_wait_seconds_total", "reported_tcb", "current_tcb"):
            self.assertRegex(text, rf"(?m)^extreq_host_{name}(\{{.*\}})? \d")

    def test_the_option_of_the_former_metrics_server_is_ignored_with_one_warning(self):
        def listening(program):
            """The inodes of the sockets that the program has, among those that listen for TCP."""
            listeners = {line.split()[9] for table in ("tcp", "tcp6")
                         for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]
                         if line.split()[3] == "0A"}
            links = [os.readlink(fd) for fd in
                     pathlib.Path("/proc", str(program.process.pid), "fd").iterdir()]
            return listeners & {link[8:-1] for link in links if link.startswith("socket:[")}
        with socket.socket() as other:  # a port that is taken is no obstacle
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            for value in ("0", taken, "[::1]:9464", "127.0.0.1:http"):
                with self.service("--metrics", value) as service:
                    self.wait_until_well(service)
                    self.wait_until(self.metrics.exists, service)
                    self.assertEqual(listening(service), set())
                    said = [line for line in service.log().splitlines() if "--metrics " in line]
                    self.assertEqual(len(said), 1, service.log())
                    self.assertIn(f"--metrics {value} is ignored", said[0])
                    self.assertIn("--metrics-file", said[0])
                self.assertEqual(service.status, OK)

    def test_readers_may_keep_their_copy_only_after_a_sole_writer(self):
        def sole_writer_said():
            page = pathlib.Path(f"{self.blob}.state").read_bytes()
            return int.from_bytes(page[0x0C:0x10], sys.byteorder)
        update = ["host", "update", "--platform", PLATFORM, "--blob", self.blob, "--store",
                  self.store]
        for said, option in ((0, []), (1, ["--sole-writer"]), (0, [])):
            self.blob.unlink(missing_ok=True)
            with self.service(*option) as service:
                self.wait_until_well(service)
            self.assertEqual(sole_writer_said(), said, f"serve {option}")
        for said, option in ((1, ["--sole-writer"]), (0, [])):
            self.run_it(OK, *update, *option, "--commit")
            self.assertEqual(sole_writer_said(), said, f"update {option}")

    def test_what_cannot_be_served_is_said(self):
        with self.service(blob=self.folder / "no" / "host.blob") as service:
            self.wait_until(lambda: "guests get no certificates" in service.log(), service)
            self.assertIn("no/host.blob", service.log())
        self.run_it(UNREADABLE, "host", "serve", "--device", self.folder / "sev", "--store",
                    self.store)
        self.run_it(USAGE, "host", "serve", "--interval", "0")


class VmsBlobs(Contract):
    def setUp(self):
        super().setUp()
        self.place = self.folder / "host.blob.d"
        self.place.mkdir()
        self.vms = [self.place / "one.blob", self.place / "two.blob"]
        for vm in self.vms:
            vm.touch(mode=0o640)

    def update(self, *form):
        return self.run_it(OK, "host", "update", "--platform", PLATFORM, "--blob", self.blob,
                           "--store", self.store, *form)

    def wait_until_all_have_it(self, program, *more):
        """Not at one moment: the service may publish a fresh CRL at any time."""
        def have_it():
            table = self.blob.read_bytes()
            return any(table[:24]) and all(vm.read_bytes() == table for vm in (*self.vms, *more))
        self.wait_until_well(program)
        self.wait_until(have_it, program)

    def test_each_vm_gets_its_copy_through_a_change_of_the_key(self):
        with self.service("--interval", "3600") as service:
            self.wait_until_all_have_it(service)
            self.wait_until(lambda: "table CRL" in self.names(), service)
            first = self.blob.read_bytes()
            owner = [(vm.stat().st_ino, vm.stat().st_mode) for vm in self.vms]
            # The command looks at the VMs' blobs: nobody can have a lease while it runs.
            look = ("import fcntl, struct, sys\n"
                    "for path in sys.argv[1:]:\n"
                    "    blob = open(path, 'rb')\n"
                    "    whole = struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0)\n"
                    "    try:\n"
                    "        fcntl.fcntl(blob, 37, whole)  # F_OFD_SETLK\n"
                    "        sys.exit(path + ' is not locked')\n"
                    "    except BlockingIOError:\n"
                    "        pass\n"
                    "    assert not any(blob.read(24)), path + ' is not empty'\n")
            self.update("--", sys.executable, "-c", look, self.blob, *self.vms)
            self.wait_until_all_have_it(service)
            self.update("--commit")
            self.wait_until_all_have_it(service)
            self.assertNotEqual(self.blob.read_bytes(), first)
            self.assertEqual([(vm.stat().st_ino, vm.stat().st_mode) for vm in self.vms], owner)
            # A VM that is started later, and one that ends.
            late = self.place / "late.blob"
            late.touch(mode=0o640)
            self.wait_until_all_have_it(service, late)
            self.wait_until(lambda: self.metric("extreq_host_vm_blobs") == 3, service)
            self.assertIn("vm late", self.names())
            late.unlink()
            self.update("--config", "--to-tcb", "bl=3,tee=0,snp=20,ucode=200")
            self.wait_until_all_have_it(service)
            self.assertFalse(late.exists())

    def test_a_key_that_was_changed_without_the_lock_is_mended_for_each(self):
        with self.service("--interval", "3600") as service:
            self.wait_until_well(service)
            self.change("--commit")
            self.wait_until_all_have_it(service)
            self.wait_until(lambda: "withdrew the tables of 2 VMs" in service.log(), service)


# Says that it runs, counts the signals it gets, and ends when standard input does.
COUNT_SIGNALS = """
import signal, sys
counts = {}
def count(number, frame):
    counts[number] = counts.get(number, 0) + 1
    print(signal.Signals(number).name, counts[number], file=sys.stderr, flush=True)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, count)
print("runs", file=sys.stderr, flush=True)
sys.stdin.read()
"""


class UpdateAndSignals(Contract):
    """Updates whose command works until it is let go."""

    def arguments(self, *form):
        return ["host", "update", "--json", "--platform", PLATFORM, "--blob", self.blob, "--store",
                self.store, "--lock-wait", str(PATIENCE), *form]

    def start(self, *form):
        errors = open(self.folder / f"errors-{len(list(self.folder.iterdir()))}", "w+b")
        self.addCleanup(errors.close)
        process = subprocess.Popen([PROGRAM, *map(str, self.arguments(*form))],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        process.errors = errors.name
        self.addCleanup(process.kill)
        return process

    def wait_for(self, process, words):
        deadline = time.monotonic() + PATIENCE
        while words not in pathlib.Path(process.errors).read_text():
            self.assertIsNone(process.poll(), pathlib.Path(process.errors).read_text())
            self.assertLess(time.monotonic(), deadline, words)
            time.sleep(0.01)

    def test_an_ending_signal_goes_to_the_command_and_the_update_is_finished(self):
        updater = self.start("--", sys.executable, "-c", COUNT_SIGNALS)
        self.wait_for(updater, "runs")
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            updater.send_signal(number)
            self.wait_for(updater, f"{number.name} 1")
        self.assertFalse(any(self.blob.read_bytes()[:24]))
        said = json.loads(updater.communicate(timeout=PATIENCE)[0])
        self.assertEqual(updater.returncode, OK)
        self.assertEqual(said["certificates"], "served")
        self.assertTrue(any(self.blob.read_bytes()[:24]))
        self.assertIn("signal 1 (Hangup) came", pathlib.Path(updater.errors).read_text())

    def test_a_command_that_a_signal_ends_is_told_with_what_is_served(self):
        updater = self.start("--", "sh", "-c", "echo runs >&2; exec cat")
        self.wait_for(updater, "runs")
        updater.send_signal(signal.SIGTERM)
        said = json.loads(updater.stdout.read())
        self.assertEqual(updater.wait(timeout=PATIENCE), UNREADABLE)
        updater.stdin.close()
        updater.stdout.close()
        self.assertEqual(said["command_error"], "sh: killed by signal 15")
        self.assertEqual(said["certificates"], "served")

    def test_ctrl_c_reaches_the_command_once(self):
        arguments = [PROGRAM, *map(str, self.arguments("--", sys.executable, "-c", COUNT_SIGNALS))]
        process, terminal = pty.fork()
        if process == 0:
            os.execv(PROGRAM, arguments)
        said = b""

        def read_until(words):
            nonlocal said
            while words not in said:
                said += os.read(terminal, 4096)
        read_until(b"runs")
        os.write(terminal, b"\x03")
        read_until(b"SIGINT 1")
        os.kill(process, signal.SIGTERM)  # goes behind whatever the updater makes of the Ctrl-C
        read_until(b"SIGTERM 1")
        os.write(terminal, b"\x04")  # the end of standard input
        try:
            while chunk := os.read(terminal, 4096):
                said += chunk
        except OSError:
            pass  # the terminal's other side is closed
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), OK, said)
        self.assertNotIn(b"SIGINT 2", said)

    def test_a_config_behind_another_update_keeps_the_tcb_that_it_set(self):
        """The second one waits for the lock while the first one's command changes the TCB."""
        change = ["host", "update", "--platform", PLATFORM, "--blob", self.folder / "other.blob",
                  "--store", self.store, "--config", "--to-tcb", "bl=4,tee=0,snp=7,ucode=8"]
        self.run_it(OK, *self.arguments("--config", "--to-tcb", "bl=4,tee=0,snp=7,ucode=8"))
        self.run_it(OK, *self.arguments("--config", "--to-tcb", "bl=3,tee=0,snp=20,ucode=200"))
        first = self.start("--to-tcb", "bl=4,tee=0,snp=7,ucode=8", "--", "sh", "-c",
                           "echo runs >&2; cat >/dev/null; exec \"$@\" >/dev/null", "sh", PROGRAM,
                           *change)
        self.wait_for(first, "runs")
        second = self.start("--config", "--mask-chip-id")
        announcement = pathlib.Path(f"{self.blob}.state")
        while not any(announcement.read_bytes()[0x18:0x20]):  # a writer waits
            self.assertIsNone(second.poll())
            time.sleep(0.01)
        first.communicate(timeout=PATIENCE)
        said = json.loads(second.communicate(timeout=PATIENCE)[0])
        self.assertEqual((first.returncode, second.returncode), (OK, OK), said)
        for when in ("before", "after"):
            self.assertIn("SNP 7, microcode 8", said[when])
        self.run_it(OK, *self.arguments("--config", "--no-mask-chip-id"))

    def test_standard_descriptors_that_are_closed_are_no_place_for_the_blob(self):
        """The next files that are opened would get their numbers, and what is printed."""
        def close_all():
            for number in (0, 1, 2):
                os.close(number)
        look = "for fd in 0 1 2; do [ /proc/self/fd/$fd -ef /dev/null ] || exit 1; done"
        updater = subprocess.Popen([PROGRAM, *map(str, self.arguments("--", "sh", "-c", look))],
                                   preexec_fn=close_all, close_fds=False)
        self.assertEqual(updater.wait(timeout=PATIENCE), OK)


class NewPlatform(Contract):
    def test_programs_that_make_one_at_the_same_time_use_the_first_ones(self):
        place = self.folder / "new"
        programs = [subprocess.Popen([PROGRAM, "host", "status", "--platform", str(place), "--json"],
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    for _ in range(3)]
        said = [program.communicate(timeout=10 * PATIENCE)[0] for program in programs]
        for text in said:
            self.assertNotIn("holds a platform already", text)
        chips = {line["value"] for text in said for line in json.loads(text)["lines"]
                 if line["name"] == "chip_id"}
        self.assertEqual(len(chips), 1, said)


class Doctor(Contract):
    def doctor(self, code, *options):
        done = self.run_it(code, "doctor", "--json", "--platform", PLATFORM, "--blob", self.blob,
                           "--store", self.store, *options)
        return json.loads(done.stdout)

    def test_the_host_is_well_while_the_service_runs(self):
        report = self.doctor(NOT_WELL, "--socket", self.socket)
        bad = {line["name"] for line in report["host"] if line["verdict"] == "bad"}
        self.assertEqual(bad, {"blob", "socket"})
        with self.service() as service:
            self.wait_until(self.socket.exists, service)
            self.assertTrue(self.doctor(OK, "--socket", self.socket)["well"])

    def test_a_machine_that_is_no_guest_is_told_what_is_missing(self):
        if os.path.exists("/dev/sev-guest"):
            skipped = "*** SKIPPED, NOT TESTED: doctor --guest on a machine that is no guest: this is one"
            print(skipped, file=sys.stderr)
            self.skipTest(skipped)
        done = self.run_it(NOT_WELL, "doctor", "--guest")
        self.assertIn("modprobe sev-guest", done.stdout)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as made:
        PLATFORM = pathlib.Path(made) / "platform"
        model_platform.copy_to(PROGRAM, PLATFORM)
        unittest.main(verbosity=1)
