#!/usr/bin/env python3
"""Boots stock kernels as SNP guests and checks what the guests and the host say.

boot_test.py PROGRAM KERNELS [TEST]...: PROGRAM is extreq, KERNELS the folder that
scripts/fetch-kernel.sh fills. Ends with 77 (skipped) where there is no kernel or no emulator.

Each guest is booted once and asked many things. All of them are started at the beginning, one for
each processor at a time and one more that sleeps for most of its time. A test that fails prints
what the guests that it asked have said, with the end of their kernels' messages.
"""

import concurrent.futures
import http.server
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from guest_session import Place, count_in_memory, emulator_of, processes_with

SKIPPED = 77
SCRIPTS = pathlib.Path(__file__).parent
REPORT_DATA = "5a" * 64
WITHDRAWN_S = 40
# The driver's answer to a request with no room for certificates: EIO in Linux 6.1 as in 6.12.
TOO_SMALL = (
    "VMM error 0x1 (buffer too small): the table needs 8192 bytes, 0 bytes were offered; "
    "the driver's errno: 5 (Input/output error)"
)
PATIENCE_S = 300

place = None
web = None


class Guests:
    """The guests that tests share: a name for each, booted when the tests begin."""

    def __init__(self):
        self.recipes = {}
        self.futures = {}
        self.asked = set()

    def add(self, recipe):
        self.recipes[recipe.__name__] = recipe
        return recipe

    def start(self, names):
        pool = concurrent.futures.ThreadPoolExecutor(max_workers=1 + (os.cpu_count() or 1))
        for name in names:
            self.futures[name] = pool.submit(self.recipes[name])

    def __getitem__(self, name):
        if name not in self.futures:
            self.start([name])
        self.asked.add(name)
        return self.futures[name].result()

    def transcripts(self):
        """What the guests have said that were asked since this was called last."""
        asked, self.asked = sorted(self.asked), set()
        ended = [name for name in asked if self.futures[name].exception() is None]
        return "".join(f"---- guest {name}\n{self.futures[name].result().transcript()}" for name in ended)


guests = Guests()


@guests.add
def changing_certificates():
    """Its certificates are withdrawn at first; asks until they come back, and then a hundred times.
    All the while the TCB changes."""
    one = "extreq request --match --transport device --json"
    return place.boot_with(
        {
            "withdrawn": f"while {one} >/tmp/last 2>/dev/null; [ $? = 3 ]; do cat /tmp/last; sleep 1; "
            "done; cat /tmp/last",
            "hundred": f"{one} --count 100 2>/tmp/said",
        },
        "--fault", f"no-certificates@{WITHDRAWN_S}s", "--rotate",
        "--cert-source", place.path("changing.blob"), "--trace", place.path("changing.json"),
    )


@guests.add
def newer_decompressed():
    return place.boot("--through-decompressor", "--json", image=place.backports)


@guests.add
def decompressed():
    return place.boot("--through-decompressor", "--json")


SCRIPT = [
    "pass            # plain",
    "pass            # length_first: what Linux's driver sends to use the number up",
    "pass            # length_first: with room",
    "busy            # busy",
    "slow=300        # slow",
    "large-table=5   # large",
    "pass            # large: the report alone",
    "tcb             # changed",
    "no-certificates # withdrawn",
    "pass            # key",
    "replay          # replayed",
    "flip-tag        # flipped",
    "status=0x16     # refused",
]


def key(number):
    """Loads the driver again, with another of the guest's keys: it has given up the one that it had."""
    return f"dmesg -c >/tmp/dmesg-{number}; rmmod sev-guest && insmod /share/sev-guest.ko vmpck_id={number}"


@guests.add
def scripted():
    """One guest whose messages each meet a fault, with a share and a network. Three faults cost the
    guest a key; each has its own."""
    folder = pathlib.Path(place.path("share"))
    folder.mkdir()
    (folder / "from-host").write_text("hello guest\n")
    shutil.copy(place.module("sev-guest.ko"), folder)
    request = "extreq request --transport device --json"
    return place.boot_with(
        {
            "share": "cat /share/from-host; echo hello host >/share/from-guest",
            "net": f"wget -q -O - http://10.0.2.2:{web.server_port}/",
            "plain": f"{request} --report-data {REPORT_DATA}",
            "length_first": f"{request} --match --length-first",
            "busy": f"{request} --match",
            "slow": f"{request} --match",
            "large": f"{request} --match 2>/dev/null",
            "changed": f"{request} --match --report /tmp/r --certs /tmp/c",
            "changed_files": "ls /tmp/r /tmp/c",
            "withdrawn": f"{request} --match --report /tmp/r --certs /tmp/c 2>/tmp/said",
            "withdrawn_files": "ls /tmp/r /tmp/c; cat /tmp/said",
            "key": "extreq request --key --report /tmp/key && wc -c </tmp/key && cat /tmp/key | sha256sum",
            "replayed": request,
            "after_replayed": request,
            "kernel_replayed": "dmesg | grep -i -e vmpck -e sev-guest",
            "load_1": key(1),
            "flipped": f"{request} --vmpl 1",
            "after_flipped": f"{request} --vmpl 1",
            "kernel_flipped": "dmesg | grep -i -e vmpck -e sev-guest",
            "load_2": key(2),
            "refused": f"{request} --vmpl 2",
            "after_refused": f"{request} --vmpl 2",
            "kernel_refused": "dmesg | grep -i -e vmpck -e sev-guest",
        },
        "--share", str(folder), "--net", "--fault-script", place.lines(*SCRIPT),
        "--cert-source", place.path("scripted.blob"), "--trace", place.path("scripted.json"),
        last="echo to-output; echo to-errors >&2; exit 7", status=7,
    )


@guests.add
def newer_exchange():
    request = "extreq request --transport device --json"
    return place.boot_with(
        {
            "exchange": f"{request} --extended --report-data {REPORT_DATA} --report /tmp/report --certs /tmp/certs",
            "verify": "extreq verify --report /tmp/report --certs /tmp/certs --trust /root/ark.der --report-data "
            + REPORT_DATA,
            "tsm": "extreq request --extended --match --transport tsm --report-data " + REPORT_DATA
            + " --report /tmp/report2 --certs /tmp/certs2 --json",
            "verify_tsm": "extreq verify --report /tmp/report2 --certs /tmp/certs2 --trust /root/ark.der",
            "length_first": f"{request} --match --length-first",
            "plain": request,
            "key": "extreq request --key",
            "provider": "mkdir /sys/kernel/config/tsm/report/mine && cat /sys/kernel/config/tsm/report/mine/provider",
        },
        image=place.backports,
    )


@guests.add
def exchange():
    return place.boot("--json", "--trace", place.path("trace.json"))


def trace_of(name):
    """The spans of a trace: a list of (track, name, start in microseconds, detail). A track's name
    is cut at its colon."""
    events = json.loads(pathlib.Path(place.path(name)).read_text())
    tracks = {event["tid"]: event["args"]["name"].partition(":")[0] for event in events
              if event["name"] == "thread_name"}
    return [(tracks[event["tid"]], event["name"], event["ts"], event.get("args", {}).get("detail"))
            for event in events if event["ph"] == "X"]


class Exchange(unittest.TestCase):
    def genuine(self, name, *how, kernel=None):
        """The exchange ended well, and its MEASUREMENT is the one computed without booting."""
        result = guests[name].json()
        self.assertTrue(result["genuine_in_guest"])
        self.assertTrue(result["genuine_outside"])
        self.assertGreater(result["certificate_bytes"], 0)
        measured = place.run("measure", "--kernel", kernel or place.kernel, *how).stdout.strip()
        self.assertEqual(result["measurement"], measured)
        print(f"\n{result['kernel']}: {result['seconds_to_report']:.1f} s to the report")
        return result

    def test_the_stock_kernel_gets_a_genuine_report_with_certificates(self):
        self.genuine("exchange")

    def test_the_trace_shows_every_stop_exit_request_and_lease(self):
        stops = guests["exchange"].json()["stops"]
        names = [(track, name) for track, name, _, _ in trace_of("trace.json")]
        for kind, count in stops.items():
            self.assertEqual(names.count(("processor", kind)), count, kind)
        exits = [name for track, name in names if track == "hypervisor"]
        self.assertEqual(len(exits), stops["VMGEXIT"] + stops["VMGEXIT, RDMSR"])
        self.assertIn("extended guest request", exits)
        self.assertIn(("firmware", "message type 5"), names)
        self.assertIn(("VMM", "lease"), names)
        self.assertTrue(any(track == "guest" and "extreq verify" in name for track, name in names))

    def test_through_its_own_decompressor_it_gets_one_too(self):
        result = self.genuine("decompressed", "--through-decompressor")
        self.assertNotEqual(result["measurement"], guests["exchange"].json()["measurement"])

    def test_through_its_own_decompressor_a_newer_kernel_gets_one_too(self):
        if place.backports is None:
            self.skipTest("*** SKIPPED, NOT TESTED: no kernel of bookworm-backports")
        self.genuine("newer_decompressed", "--through-decompressor", kernel=place.backports)


class NewerKernel(unittest.TestCase):
    def setUp(self):
        if place.backports is None:
            self.skipTest("*** SKIPPED, NOT TESTED: no kernel of bookworm-backports")
        self.guest = guests["newer_exchange"]

    def test_the_device_gives_report_and_certificates_that_verify(self):
        asked = self.guest.json("exchange")
        self.assertEqual((asked["report_data"], asked["vmpl"], asked["policy"]), (REPORT_DATA, 0, 0x30000))
        measured = place.run("measure", "--kernel", place.backports).stdout.strip()
        self.assertEqual(asked["measurement"], measured)
        self.assertEqual(self.guest.status["verify"], 0, self.guest.text["verify"])

    def test_configfs_tsm_gives_both_blobs_and_they_verify(self):
        asked = self.guest.json("tsm")
        self.assertGreater(asked["certificate_bytes"], 0)
        self.assertEqual(asked["report_data"], REPORT_DATA)
        self.assertEqual(self.guest.status["verify_tsm"], 0, self.guest.text["verify_tsm"])
        self.assertEqual(self.guest.text["provider"], "sev_guest\n")

    def test_it_learns_the_length_and_derives_a_key(self):
        asked = self.guest.json("length_first")
        self.assertEqual((asked["table_growths"], asked["pages_wanted"]), (1, 2))
        self.assertEqual(asked["too_small"], TOO_SMALL)
        self.assertGreater(asked["certificate_bytes"], 0)
        self.assertEqual(self.guest.status["plain"], 0)
        self.assertIn("derived key   32 bytes", self.guest.text["key"])


class Scripted(unittest.TestCase):
    """The stock kernel's driver, when each message meets another fault."""

    def setUp(self):
        self.guest = guests["scripted"]

    def exits(self, wanted):
        return [detail for _, name, _, detail in trace_of("scripted.json") if name == wanted]

    def test_a_plain_request_holds_what_was_asked(self):
        asked = self.guest.json("plain")
        self.assertEqual((asked["report_data"], asked["vmpl"], asked["policy"]), (REPORT_DATA, 0, 0x30000))

    def test_with_no_room_it_learns_the_length_and_then_gets_the_certificates(self):
        asked = self.guest.json("length_first")
        self.assertEqual((asked["table_growths"], asked["pages_wanted"]), (1, 2))
        self.assertEqual(asked["too_small"], TOO_SMALL)
        self.assertGreater(asked["certificate_bytes"], 0)
        self.assertIn("SW_EXITINFO2 0x100000000", self.exits("extended guest request")[0])

    def test_a_busy_host_is_waited_for(self):
        self.assertEqual(self.guest.status["busy"], 0)
        busy = [text for text in self.exits("extended guest request") if "SW_EXITINFO2 0x200000000" in text]
        self.assertEqual(len(busy), 1)

    def test_a_slow_firmware_is_waited_for(self):
        self.assertEqual(self.guest.status["slow"], 0, self.guest.text["slow"])
        self.assertGreater(self.guest.json("slow")["certificate_bytes"], 0)

    def test_a_table_that_the_driver_has_no_room_for_leaves_the_report(self):
        asked = self.guest.json("large")
        self.assertEqual((asked["pages_wanted"], asked["certificate_bytes"]), (5, 0))

    def test_a_tcb_that_changes_between_requests_changes_report_and_certificates(self):
        before, changed = self.guest.json("busy"), self.guest.json("changed")
        self.assertNotEqual(before["reported_tcb"], changed["reported_tcb"])
        self.assertEqual(self.guest.status["changed"], 0)
        self.assertGreater(changed["certificate_bytes"], 0)
        self.assertIn("changed 1 times, 0 changes failed", self.guest.done.stderr)

    def test_without_certificates_the_report_comes_alone(self):
        self.assertEqual(self.guest.status["withdrawn"], 3)
        self.assertEqual(self.guest.json("withdrawn")["certificate_bytes"], 0)
        self.assertIn("1 of 1 reports came without certificates", self.guest.text["withdrawn_files"])

    def test_no_certificates_of_an_earlier_report_stay_beside_a_new_one(self):
        self.assertEqual(self.guest.text["changed_files"].split(), ["/tmp/c", "/tmp/r"])
        self.assertIn("/tmp/r\n", self.guest.text["withdrawn_files"])
        self.assertNotIn("/tmp/c\n", self.guest.text["withdrawn_files"])

    def test_a_key_is_derived_into_a_file(self):
        self.assertIn("derived key   32 bytes", self.guest.text["key"])
        self.assertIn("\n32\n", self.guest.text["key"])

    def gave_up_its_key(self, step):
        self.assertNotEqual(self.guest.status[step], 0)
        self.assertNotEqual(self.guest.status[f"after_{step}"], 0)
        self.assertIn("to prevent IV reuse", self.guest.text[f"kernel_{step}"])

    def test_a_replayed_response_disables_the_key(self):
        self.gave_up_its_key("replayed")

    def test_a_flipped_tag_disables_the_key(self):
        self.gave_up_its_key("flipped")
        self.assertIn("decode failure", self.guest.text["kernel_flipped"])

    def test_a_firmware_status_is_told_and_disables_the_key(self):
        self.gave_up_its_key("refused")
        self.assertIn("firmware status 0x16", self.guest.text["refused"])

    def test_a_driver_with_another_key_starts_anew(self):
        for number in (1, 2):
            self.assertEqual(self.guest.status[f"load_{number}"], 0, self.guest.text[f"load_{number}"])

    def test_output_errors_and_status_of_the_command_come_back(self):
        self.assertEqual(self.guest.done.returncode, 7)
        self.assertIn("to-output\n", self.guest.done.stdout)
        self.assertNotIn("to-output\n", self.guest.done.stderr)
        self.assertIn("to-errors\n", self.guest.done.stderr)
        self.assertNotIn("to-errors\n", self.guest.done.stdout)

    def test_every_step_was_met(self):
        self.assertNotIn("no request met", self.guest.done.stderr)

    def test_the_share_is_the_hosts_folder(self):
        self.assertEqual(self.guest.text["share"], "hello guest\n")
        self.assertEqual(pathlib.Path(place.path("share"), "from-guest").read_text(), "hello host\n")

    def test_the_network_reaches_the_host(self):
        self.assertEqual(self.guest.text["net"], "hello from the host\n")


class ChangingCertificates(unittest.TestCase):
    def setUp(self):
        self.guest = guests["changing_certificates"]

    def test_certificates_withdrawn_for_40_seconds_are_survived(self):
        self.assertEqual(self.guest.status["withdrawn"], 0, self.guest.text["withdrawn"])
        sizes = [json.loads(line)["certificate_bytes"] for line in self.guest.text["withdrawn"].splitlines()]
        self.assertEqual([size for size in sizes if size != 0], sizes[-1:], sizes)
        # The host's clock: the guest's stands still at each stop.
        leases = [(start, detail) for _, name, start, detail in trace_of("changing.json") if name == "lease"]
        came_back = next(start for start, detail in leases if detail != "0 bytes")
        self.assertGreaterEqual(came_back - leases[0][0], 0.99 * WITHDRAWN_S * 1e6)
        print(f"\n{len(sizes) - 1} requests without certificates in {(came_back - leases[0][0]) / 1e6:.1f} s")

    def test_no_request_sees_a_mismatch_while_the_tcb_rotates_under_the_lock(self):
        result = self.guest.json("hundred")
        self.assertEqual(result["requests"], 100)
        self.assertEqual(result["failures"], 0)
        self.assertEqual(result["mismatches"], 0)
        self.assertLess(result["without_certificates"], 100)
        changes = re.search(r"changed (\d+) times, (\d+) changes failed", self.guest.done.stderr)
        self.assertEqual(changes[2], "0")
        self.assertGreater(int(changes[1]), 2)
        shown = [name for track, name, _, _ in trace_of("changing.json") if track == "host"]
        self.assertEqual(shown.count("TCB change"), int(changes[1]))
        self.assertIn("SNP_CONFIG under the lock", shown)
        print(f"\n{changes[1]} TCB changes")


class Measurement(unittest.TestCase):
    def measure(self, *arguments):
        return place.run("measure", "--kernel", place.kernel, *arguments).stdout.strip()

    def test_an_independent_program_computes_the_same_digest(self):
        for more in ([], ["--through-decompressor"]):
            folder = tempfile.mkdtemp(dir=place.work)
            measured = self.measure("--dump-pages", folder, *more)
            computed = subprocess.run(
                [sys.executable, SCRIPTS / "launch_digest.py", folder], capture_output=True, text=True, check=True
            ).stdout.strip()
            self.assertEqual(measured, computed)
            shutil.rmtree(folder)

    def test_one_byte_of_command_line_or_initrd_changes_it(self):
        initrd = pathlib.Path(place.path("initrd"))
        initrd.write_bytes(bytes(512))
        digests = {self.measure("--initrd", str(initrd), "--append", "a")}
        digests.add(self.measure("--initrd", str(initrd), "--append", "b"))
        initrd.write_bytes(bytes(511) + b"\1")
        digests.add(self.measure("--initrd", str(initrd), "--append", "a"))
        self.assertEqual(len(digests), 3)


class Refusals(unittest.TestCase):
    """What cannot be done is said in words, before anything runs."""

    def refused(self, *arguments):
        done = place.run("boot", *arguments, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_a_file_that_is_no_kernel(self):
        path = place.lines("no kernel" * 100)
        self.assertIn("not a bzImage", self.refused("--scan", "--kernel", path))
        self.assertIn("not a bzImage", self.refused("--kernel", path))

    def test_a_kernel_whose_payload_is_damaged(self):
        damaged = bytearray(pathlib.Path(place.kernel).read_bytes())
        middle = len(damaged) // 2
        damaged[middle : middle + 64] = bytes(64)
        path = pathlib.Path(place.path("vmlinuz-damaged"))
        path.write_bytes(damaged)
        self.assertIn("vmlinuz-damaged", self.refused("--scan", "--kernel", str(path)))

    def test_the_scan_of_a_good_kernel_lists_its_sites(self):
        text = place.run("boot", "--scan", "--kernel", place.kernel).stdout
        self.assertIn("this kernel can run as an SNP guest", text)
        self.assertIn("RDMSR SEV_STATUS", text)

    def test_faults_that_do_not_exist(self):
        self.assertIn("not one of", self.refused("--kernel", place.kernel, "--fault", "nothing"))
        script = place.lines("pass", "nothing")
        self.assertIn("line 2", self.refused("--kernel", place.kernel, "--fault-script", script))

    def test_a_tcb_change_without_certificates_that_follow(self):
        self.assertIn("--cert-source FILE", self.refused("--kernel", place.kernel, "--rotate"))

    def test_an_emulator_that_is_not_there(self):
        self.assertIn("no-such-qemu", self.refused("--kernel", place.kernel, "--qemu", "/no-such-qemu"))


class Machine(unittest.TestCase):
    """What a machine leaves behind, and what of the guest can be seen."""

    def setUp(self):
        self.tag = f"EXTREQ_BOOT_TEST={random.getrandbits(64):016x}"
        self.temporary = tempfile.mkdtemp(dir=place.work)

    def start(self, *arguments, **streams):
        name, value = self.tag.split("=")
        return subprocess.Popen(
            [place.program, *place.boot_arguments(*arguments)], cwd=place.work,
            env={**os.environ, "TMPDIR": self.temporary, name: value}, **streams,
        )

    def check_nothing_left(self):
        deadline = time.monotonic() + PATIENCE_S
        while processes_with(self.tag) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(processes_with(self.tag), set())
        self.assertEqual(os.listdir(self.temporary), [])
        # The machine's memory files have these names, and no other program's have.
        named = ("extreq-shared", "extreq-private")
        self.assertEqual([name for name in os.listdir("/dev/shm") if name.startswith(named)], [])

    def test_nothing_outlives_kill_9(self):
        seed = random.randrange(1 << 32)
        print(f"\nseed {seed}")
        moments = random.Random(seed)
        for _ in range(4):
            process = self.start("--run", "sleep 1000", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0.05, 4))
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.check_nothing_left()

    def test_interactive_is_a_shell_on_this_terminal_and_guest_text_is_in_private_memory_only(self):
        ours, theirs = pty.openpty()
        process = self.start("--interactive", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            said = self.read_until(ours, b"# ")
            counts = count_in_memory(emulator_of(process.pid), b"Linux version 6")
            self.assertEqual(counts["extreq-shared"], 0)
            self.assertGreater(counts["extreq-private"], 0)
            mapped = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
            self.assertIn("extreq-shared", mapped)
            self.assertNotIn("extreq-private", mapped)
            os.write(ours, b"echo answer-$((6*7)); exit 5\r")
            said += self.read_until(ours, None)
            self.assertEqual(process.wait(PATIENCE_S), 5, said)
            self.assertIn(b"answer-42", said)
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        self.check_nothing_left()

    def read_until(self, terminal, wanted):
        """What is written to a terminal up to these bytes, or up to its end."""
        said = b""
        deadline = time.monotonic() + PATIENCE_S
        while wanted is None or wanted not in said:
            ready = select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]
            self.assertTrue(ready, f"waited {PATIENCE_S} s for {wanted}; the terminal shows: {said}")
            try:
                part = os.read(terminal, 4096)
            except OSError:
                part = b""  # the other end is closed
            if not part:
                self.assertIsNone(wanted, f"the terminal ended; it shows: {said}")
                break
            said += part
        return said


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"hello from the host\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Result(unittest.TextTestResult):
    """Shows with each failure what the guests have said that the test asked."""

    def startTest(self, test):
        guests.transcripts()
        super().startTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.stream.write(guests.transcripts())

    def addError(self, test, err):
        super().addError(test, err)
        self.stream.write(guests.transcripts())


# Those that ask no shared guest stand first: they run while the guests do.
CLASSES = (Machine, Measurement, Refusals, Exchange, NewerKernel, Scripted, ChangingCertificates)


def find(kernels, suite):
    found = sorted(pathlib.Path(kernels, suite, "boot").glob("vmlinuz-*"))
    return str(found[-1].absolute()) if found else None


def main():
    global place, web
    kernel, backports = find(sys.argv[2], "host"), find(sys.argv[2], "bookworm-backports")
    if kernel is None:
        print("*** SKIPPED, NOT TESTED: no kernel: run scripts/fetch-kernel.sh")
        sys.exit(SKIPPED)
    if shutil.which("qemu-system-x86_64") is None:
        print("*** SKIPPED, NOT TESTED: no qemu-system-x86_64")
        sys.exit(SKIPPED)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    tests = sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="boot-test-") as work:
        place = Place(os.path.abspath(sys.argv[1]), kernel, backports, work)
        # Each guest has a copy of this platform (Place.platform): it is there before the first starts.
        place.run(*place.boot_arguments("--qemu", "/no-such-qemu"), check=False)
        if not tests:
            guests.start([name for name in guests.recipes if backports or not name.startswith("newer_")])
            tests = [one.__name__ for one in CLASSES]
        runner = unittest.TextTestRunner(verbosity=2, resultclass=Result)
        unittest.main(argv=[sys.argv[0], *tests], testRunner=runner)


if __name__ == "__main__":
    main()
