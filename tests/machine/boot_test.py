#!/usr/bin/env python3
"""Boots stock kernels as SNP guests and checks what the guests and the host say.

boot_test.py PROGRAM KERNELS [TEST]...: PROGRAM is extreq, KERNELS the folder that
scripts/fetch-kernel.sh fills. Ends with 77 (skipped) where there is no kernel or no emulator.

Each guest is booted once and asked many things. All guests are started at the beginning, as many
at a time as there are processors.
"""

import concurrent.futures
import http.server
import json
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from guest_session import Place, emulator_of, processes_with

SKIPPED = 77
SCRIPTS = pathlib.Path(__file__).parent
REPORT_DATA = "5a" * 64
WITHDRAWN_S = 40

place = None
web = None


class Guests:
    """The guests that tests share: a name for each, booted when the tests begin."""

    def __init__(self):
        self.recipes = {}
        self.futures = {}
        self.pool = None

    def add(self, recipe):
        self.recipes[recipe.__name__] = recipe
        return recipe

    def start(self, names):
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
        for name in names:
            self.futures[name] = self.pool.submit(self.recipes[name])

    def __getitem__(self, name):
        if self.pool is None or name not in self.futures:
            self.start([name])
        return self.futures[name].result()


guests = Guests()


@guests.add
def without_certificates_for_a_while():
    """Asks each second while the certificates are withdrawn and once after; most of it is sleep."""
    one = "extreq request --extended --match --transport device --json"
    return place.boot_with(
        {
            "during": f"date +%s; while :; do {one} || break; date +%s; sleep 1; "
            f"{one} >/tmp/last; cat /tmp/last; grep -q '\"certificate_bytes\":0' /tmp/last || break; done",
            "after": one,
        },
        "--fault", f"no-certificates@{WITHDRAWN_S}s",
    )


@guests.add
def exchange():
    return json.loads(place.boot("--json", "--trace", place.path("trace.json")).stdout)


@guests.add
def newer_exchange():
    return place.boot_with(
        {
            "exchange": "extreq request --extended --transport device --report-data " + REPORT_DATA
            + " --report /tmp/report --certs /tmp/certs --json",
            "verify": "extreq verify --report /tmp/report --certs /tmp/certs --trust /root/ark.der --report-data "
            + REPORT_DATA,
            "tsm": "extreq request --extended --match --transport tsm --report-data " + REPORT_DATA
            + " --report /tmp/report2 --certs /tmp/certs2 --json",
            "verify_tsm": "extreq verify --report /tmp/report2 --certs /tmp/certs2 --trust /root/ark.der",
            "length_first": "extreq request --match --length-first --transport device --json",
            "plain": "extreq request --transport device --json",
            "key": "extreq request --key",
            "provider": "mkdir /sys/kernel/config/tsm/report/mine && cat /sys/kernel/config/tsm/report/mine/provider",
        },
        image=place.backports,
    )


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
]


@guests.add
def scripted():
    """One guest whose messages each meet a fault, with a share and a network."""
    folder = pathlib.Path(place.path("share"))
    folder.mkdir()
    (folder / "from-host").write_text("hello guest\n")
    request = "extreq request --transport device --json"
    return place.boot_with(
        {
            "share": "cat /share/from-host; echo hello host >/share/from-guest",
            "net": f"wget -q -O - http://10.0.2.2:{web.server_port}/",
            "plain": f"{request} --report-data {REPORT_DATA}",
            "length_first": f"{request} --match --length-first",
            "busy": f"{request} --match",
            "slow": f"{request} --match",
            "large": f"{request} --match",
            "changed": f"{request} --match",
            "withdrawn": f"{request} --match",
            "key": "extreq request --key --report /tmp/key && wc -c </tmp/key && cat /tmp/key | sha256sum",
            "replayed": request,
            "after": request,
            "kernel": "dmesg | grep -i -e vmpck -e sev-guest",
        },
        "--share", str(folder), "--net", "--fault-script", place.lines(*SCRIPT),
        "--cert-source", place.path("scripted.blob"), "--trace", place.path("scripted.json"),
    )


@guests.add
def flipped_tag():
    request = "extreq request --transport device"
    return place.boot_with({"first": request, "second": request, "kernel": "dmesg | grep -i -e vmpck -e sev-guest"},
                           "--fault", "flip-tag")


@guests.add
def firmware_status():
    request = "extreq request --transport device"
    return place.boot_with({"first": request, "second": request, "kernel": "dmesg | grep -i vmpck"},
                           "--fault", "status=0x16")


@guests.add
def rotating():
    return place.boot("--cert-source", place.path("rotating.blob"), "--rotate", "--run",
                      "extreq request --match --transport device --count 100 --json")


@guests.add
def status_of_a_command():
    return place.boot("--run", "uname -s; echo no >&2; exit 7", check=False)


@guests.add
def decompressed():
    return json.loads(place.boot("--through-decompressor", "--json").stdout)


class Exchange(unittest.TestCase):
    def test_the_stock_kernel_gets_a_genuine_report_with_certificates(self):
        result = guests["exchange"]
        self.assertTrue(result["genuine_in_guest"])
        self.assertTrue(result["genuine_outside"])
        self.assertGreater(result["certificate_bytes"], 0)
        print(f"\n{result['kernel']}: {result['seconds_to_report']:.1f} s to the report")

    def test_its_measurement_is_the_one_computed_without_booting(self):
        measured = place.run("measure", "--kernel", place.kernel).stdout.strip()
        self.assertEqual(guests["exchange"]["measurement"], measured)

    def test_the_trace_shows_every_stop_exit_request_and_lease(self):
        stops = guests["exchange"]["stops"]
        events = json.loads(pathlib.Path(place.path("trace.json")).read_text())
        names = [(event["tid"], event["name"]) for event in events if event["ph"] == "X"]
        for kind, count in stops.items():
            self.assertEqual(names.count((0, kind)), count, kind)
        exits = [name for track, name in names if track == 1]
        self.assertEqual(len(exits), stops["VMGEXIT"] + stops["VMGEXIT, RDMSR"])
        self.assertIn("extended guest request", exits)
        self.assertIn((2, "message type 5"), names)
        self.assertIn((3, "lease"), names)
        self.assertTrue(any(track == 4 and "extreq verify" in name for track, name in names))

    def test_a_command_gives_back_output_errors_and_status(self):
        done = guests["status_of_a_command"]
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "Linux\n", "no\n"))

    def test_through_its_own_decompressor_it_gets_one_too(self):
        result = guests["decompressed"]
        self.assertTrue(result["genuine_in_guest"])
        self.assertTrue(result["genuine_outside"])
        measured = place.run("measure", "--kernel", place.kernel, "--through-decompressor").stdout.strip()
        self.assertEqual(result["measurement"], measured)
        self.assertNotEqual(result["measurement"], guests["exchange"]["measurement"])


class NewerKernel(unittest.TestCase):
    def setUp(self):
        if place.backports is None:
            self.skipTest("no kernel of bookworm-backports")
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
        self.assertGreater(asked["certificate_bytes"], 0)
        self.assertEqual(self.guest.status["plain"], 0)
        self.assertIn("derived key   32 bytes", self.guest.text["key"])


class Scripted(unittest.TestCase):
    """The stock kernel's driver, when each message meets another fault."""

    def setUp(self):
        self.guest = guests["scripted"]

    def exits(self, name):
        events = json.loads(pathlib.Path(place.path("scripted.json")).read_text())
        return [event["args"]["detail"] for event in events if event["ph"] == "X" and event["name"] == name]

    def test_a_plain_request_holds_what_was_asked(self):
        asked = self.guest.json("plain")
        self.assertEqual((asked["report_data"], asked["vmpl"], asked["policy"]), (REPORT_DATA, 0, 0x30000))

    def test_with_no_room_it_learns_the_length_and_then_gets_the_certificates(self):
        asked = self.guest.json("length_first")
        self.assertEqual((asked["table_growths"], asked["pages_wanted"]), (1, 2))
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
        self.assertIn("changed 1 times, 0 changes failed", self.guest.host_says)

    def test_without_certificates_the_report_comes_alone(self):
        self.assertEqual(self.guest.status["withdrawn"], 0)
        self.assertEqual(self.guest.json("withdrawn")["certificate_bytes"], 0)

    def test_a_key_is_derived_into_a_file(self):
        self.assertIn("derived key   32 bytes", self.guest.text["key"])
        self.assertIn("\n32\n", self.guest.text["key"])

    def test_a_replayed_response_disables_the_key(self):
        self.assertNotEqual(self.guest.status["replayed"], 0)
        self.assertNotEqual(self.guest.status["after"], 0)
        self.assertIn("to prevent IV reuse", self.guest.text["kernel"])

    def test_every_step_was_met(self):
        self.assertNotIn("no request met", self.guest.host_says)

    def test_the_share_is_the_hosts_folder(self):
        self.assertEqual(self.guest.text["share"], "hello guest\n")
        self.assertEqual(pathlib.Path(place.path("share"), "from-guest").read_text(), "hello host\n")

    def test_the_network_reaches_the_host(self):
        self.assertEqual(self.guest.text["net"], "hello from the host\n")


class Faults(unittest.TestCase):
    def test_a_flipped_tag_disables_the_key(self):
        guest = guests["flipped_tag"]
        self.assertNotEqual(guest.status["first"], 0)
        self.assertNotEqual(guest.status["second"], 0)
        self.assertIn("decode failure", guest.text["kernel"])
        self.assertIn("to prevent IV reuse", guest.text["kernel"])

    def test_a_firmware_status_is_told_and_disables_the_key(self):
        guest = guests["firmware_status"]
        self.assertIn("firmware status 0x16", guest.text["first"])
        self.assertNotEqual(guest.status["second"], 0)
        self.assertIn("to prevent IV reuse", guest.text["kernel"])

    def test_no_request_sees_a_mismatch_while_the_tcb_rotates_under_the_lock(self):
        done = guests["rotating"]
        result = json.loads(done.stdout)
        self.assertEqual(result["requests"], 100)
        self.assertEqual(result["failures"], 0)
        self.assertEqual(result["mismatches"], 0)
        self.assertLess(result["without_certificates"], 100)
        changes = int(re.search(r"changed (\d+) times, 0 changes failed", done.stderr).group(1))
        self.assertGreater(changes, 2)
        print(f"\n{changes} TCB changes during 100 requests")

    def test_certificates_withdrawn_for_40_seconds_are_survived(self):
        guest = guests["without_certificates_for_a_while"]
        lines = guest.text["during"].splitlines()
        requests = [json.loads(line) for line in lines if line.startswith("{")]
        times = [int(line) for line in lines if not line.startswith("{")]
        without = [one["certificate_bytes"] == 0 for one in requests]
        self.assertTrue(all(without[:-1]))
        self.assertFalse(without[-1])
        # The window is 40 seconds of the host's clock, which FaultScript's tests hold; the guest's
        # stands still at each stop, so it may see fewer.
        self.assertGreaterEqual(sum(without), 3)
        self.assertEqual(guest.status["after"], 0)
        self.assertGreater(guest.json("after")["certificate_bytes"], 0)
        print(f"\n{sum(without)} requests without certificates in {times[-1] - times[0]} s")


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
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **streams}
        return subprocess.Popen(
            [place.program, *place.boot_arguments(*arguments)], text=True, cwd=place.work,
            env={**os.environ, "TMPDIR": self.temporary, name: value}, **streams,
        )

    def check_nothing_left(self):
        deadline = time.monotonic() + 30
        while processes_with(self.tag) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(processes_with(self.tag), set())
        self.assertEqual(os.listdir(self.temporary), [])

    def test_nothing_outlives_kill_9(self):
        shared = set(os.listdir("/dev/shm"))
        seed = random.randrange(1 << 32)
        print(f"\nseed {seed}")
        moments = random.Random(seed)
        for _ in range(4):
            process = self.start("--run", "sleep 100")
            time.sleep(moments.uniform(0.05, 5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            self.check_nothing_left()
        self.assertEqual([name for name in set(os.listdir("/dev/shm")) - shared if "extreq" in name], [])

    def test_guest_text_is_in_private_memory_only(self):
        process = self.start("--run", "echo ready; sleep 100")
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            counts = count_in_memory(emulator_of(process.pid), b"Linux version 6")
            self.assertEqual(counts["extreq-shared"], 0)
            self.assertGreater(counts["extreq-private"], 0)
            ours = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
            self.assertIn("extreq-shared", ours)
            self.assertNotIn("extreq-private", ours)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        self.check_nothing_left()

    def test_interactive_is_a_shell_on_this_terminal(self):
        ours, theirs = pty.openpty()
        process = self.start("--interactive", stdin=theirs, stdout=theirs)
        os.close(theirs)
        said = b""
        typed = False
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break  # the terminal's other end is closed
            if not part:
                break
            said += part
            if not typed and b"# " in said:
                os.write(ours, b"echo answer-$((6*7)); exit 5\r")
                typed = True
        os.close(ours)
        self.assertEqual(process.wait(), 5, said)
        self.assertIn(b"answer-42", said)
        self.check_nothing_left()


def count_in_memory(process, text):
    """How often the text occurs in what this process has mapped of the machine's two memories."""
    counts = {"extreq-shared": 0, "extreq-private": 0}
    for line in pathlib.Path(f"/proc/{process}/maps").read_text().splitlines():
        name = next((name for name in counts if name in line), None)
        if name is None:
            continue
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
            memory.seek(start)
            left, tail = end - start, b""
            while left > 0:
                part = memory.read(min(left, 1 << 24))
                if not part:
                    break
                counts[name] += (tail + part).count(text)
                tail = part[-len(text) + 1 :]
                left -= len(part)
    return counts


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"hello from the host\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def find(kernels, suite):
    found = sorted(pathlib.Path(kernels, suite, "boot").glob("vmlinuz-*"))
    return str(found[-1].absolute()) if found else None


def main():
    global place, web
    kernel, backports = find(sys.argv[2], "host"), find(sys.argv[2], "bookworm-backports")
    if kernel is None:
        print("SKIPPED: no kernel: run scripts/fetch-kernel.sh")
        sys.exit(SKIPPED)
    if shutil.which("qemu-system-x86_64") is None:
        print("SKIPPED: no qemu-system-x86_64")
        sys.exit(SKIPPED)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    tests = sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="boot-test-") as work:
        place = Place(os.path.abspath(sys.argv[1]), kernel, backports, work)
        # All guests are on one platform: it is there before the first of them starts.
        place.boot("--qemu", "/no-such-qemu", check=False)
        if not tests:
            guests.start([name for name in guests.recipes if backports or name != "newer_exchange"])
        unittest.main(argv=[sys.argv[0], *tests], verbosity=2)


if __name__ == "__main__":
    main()
