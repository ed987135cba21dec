#!/usr/bin/env python3
"""Boots a stock kernel as an SNP guest and checks what the guest and the host say.

boot_test.py PROGRAM KERNELS [TEST]...: PROGRAM is extreq, KERNELS the folder that
scripts/fetch-kernel.sh fills. Ends with 77 (skipped) where there is no kernel or no emulator.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77
BOOT_TIMEOUT = 300
SCRIPTS = pathlib.Path(__file__).parent

program = None
kernel = None
backports = None
work = None


def run(*arguments, check=True):
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=BOOT_TIMEOUT, cwd=work
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def boot(*arguments, check=True, image=None):
    platform = os.path.join(work, "platform")
    return run("boot", "--kernel", image or kernel, "--platform", platform, *arguments, check=check)


def emulators():
    """The process ids of emulators of machines: by their memory, since names can be others'."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"memdev=private,addr=" in command:
            found.add(int(entry.name))
    return found


def temporary_folder():
    """Where machines of these tests would put files, apart from those of other programs."""
    folder = os.path.join(work, "tmp")
    os.makedirs(folder, exist_ok=True)
    return folder


def files_left():
    left = {os.path.join(temporary_folder(), name) for name in os.listdir(temporary_folder())}
    shared = {os.path.join("/dev/shm", name) for name in os.listdir("/dev/shm")}
    return left | {name for name in shared if "extreq" in name}


class Boot(unittest.TestCase):
    def check_exchange(self, image):
        result = json.loads(boot("--json", image=image).stdout)
        self.assertTrue(result["genuine_in_guest"])
        self.assertTrue(result["genuine_outside"])
        measured = run("measure", "--kernel", image).stdout.strip()
        self.assertEqual(result["measurement"], measured)
        return result

    def test_the_stock_kernel_gets_a_genuine_report_with_certificates(self):
        result = self.check_exchange(kernel)
        print(f"\n{result['kernel']}: {result['seconds_to_report']:.1f} s to the report")

    def test_the_kernel_of_backports_does_too_through_both_interfaces(self):
        if backports is None:
            self.skipTest("no kernel of bookworm-backports")
        self.check_exchange(backports)
        done = boot(
            "--run",
            "extreq request --match --transport tsm && extreq request --match --transport device",
            image=backports,
        )
        self.assertEqual(done.stdout.count("REPORT_DATA"), 2)

    def test_run_gives_back_output_and_status_and_a_key_is_derived(self):
        done = boot("--run", "uname -s; echo no >&2; extreq request --key; exit 7", check=False)
        self.assertEqual(done.returncode, 7)
        self.assertIn("Linux\n", done.stdout)
        self.assertIn("derived key   32 bytes", done.stdout)
        self.assertIn("no\n", done.stderr)

    def test_the_share_is_the_hosts_folder(self):
        folder = pathlib.Path(work) / "share"
        folder.mkdir(exist_ok=True)
        (folder / "from-host").write_text("hello guest\n")
        done = boot("--share", str(folder), "--run", "cat /share/from-host; echo hello host >/share/from-guest")
        self.assertEqual(done.stdout, "hello guest\n")
        self.assertEqual((folder / "from-guest").read_text(), "hello host\n")

    def test_busy_is_waited_out_by_the_driver(self):
        done = boot("--fault", "busy*2", "--run", "extreq request --match --transport device")
        self.assertIn("REPORT_DATA", done.stdout)

    def test_a_request_with_no_room_for_certificates_learns_their_size(self):
        done = boot("--run", "extreq request --match --length-first --transport device")
        self.assertIn("1 table growths", done.stdout)

    def test_a_flipped_tag_disables_the_key(self):
        done = boot(
            "--fault", "flip-tag", "--run",
            "extreq request --transport device; extreq request --transport device; dmesg | grep -i vmpck",
            check=False,
        )
        self.assertNotIn("REPORT_DATA", done.stdout)
        self.assertIn("to prevent IV reuse", done.stdout)

    def test_a_firmware_status_disables_the_key(self):
        done = boot("--fault", "status=0x16", "--run",
                    "extreq request --transport device; dmesg | grep -i vmpck", check=False)
        self.assertIn("firmware status 0x16", done.stderr)
        self.assertIn("to prevent IV reuse", done.stdout)

    def test_without_certificates_the_report_comes_alone(self):
        done = boot("--fault", "no-certificates", "--run",
                    "extreq request --extended --transport device && extreq request --match --transport device")
        self.assertEqual(done.stdout.count("REPORT_DATA"), 2)
        self.assertIn("certificates  0 bytes", done.stdout)


    def test_no_request_sees_a_mismatch_while_the_tcb_rotates_under_the_lock(self):
        done = boot(
            "--cert-source", os.path.join(work, "host.blob"), "--rotate", "--run",
            "extreq request --match --transport device --count 100 --json",
        )
        result = json.loads(done.stdout)
        self.assertEqual(result["requests"], 100)
        self.assertEqual(result["failures"], 0)
        self.assertEqual(result["mismatches"], 0)
        self.assertLess(result["without_certificates"], 100)
        print("\n" + done.stderr.strip().splitlines()[-1])


class Measurement(unittest.TestCase):
    def measure(self, *arguments):
        return run("measure", "--kernel", kernel, *arguments).stdout.strip()

    def test_an_independent_program_computes_the_same_digest(self):
        folder = tempfile.mkdtemp(dir=work)
        measured = self.measure("--dump-pages", folder)
        computed = subprocess.run(
            [sys.executable, SCRIPTS / "launch_digest.py", folder], capture_output=True, text=True, check=True
        ).stdout.strip()
        self.assertEqual(measured, computed)
        shutil.rmtree(folder)

    def test_one_byte_of_command_line_or_initrd_changes_it(self):
        initrd = pathlib.Path(work) / "initrd"
        initrd.write_bytes(bytes(512))
        digests = {self.measure("--initrd", str(initrd), "--append", "a")}
        digests.add(self.measure("--initrd", str(initrd), "--append", "b"))
        initrd.write_bytes(bytes(511) + b"\1")
        digests.add(self.measure("--initrd", str(initrd), "--append", "a"))
        self.assertEqual(len(digests), 3)


class Traces(unittest.TestCase):
    """What a machine leaves behind, and what of the guest can be seen."""

    def start(self, command):
        platform = os.path.join(work, "platform")
        return subprocess.Popen(
            [program, "boot", "--kernel", kernel, "--platform", platform, "--run", command],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=work,
            env={**os.environ, "TMPDIR": temporary_folder()},
        )

    def wait_until_gone(self, before):
        deadline = time.monotonic() + 10
        while emulators() - before and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(emulators() - before, set())

    def test_nothing_outlives_kill_9(self):
        before, files = emulators(), files_left()
        seed = random.randrange(1 << 32)
        print(f"\nseed {seed}")
        moments = random.Random(seed)
        for _ in range(8):
            process = self.start("sleep 100")
            time.sleep(moments.uniform(0.05, 6))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            self.wait_until_gone(before)
        self.assertEqual(files_left(), files)

    def test_guest_text_is_in_private_memory_only(self):
        before = emulators()
        process = self.start("echo ready; sleep 100")
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            (emulator,) = emulators() - before
            text = b"Linux version 6"  # the first line of the kernel's log
            counts = {"extreq-shared": 0, "extreq-private": 0}
            for line in pathlib.Path(f"/proc/{emulator}/maps").read_text().splitlines():
                fields = line.split()
                name = next((name for name in counts if name in line), None)
                if name is None:
                    continue
                start, end = (int(part, 16) for part in fields[0].split("-"))
                with open(f"/proc/{emulator}/mem", "rb", buffering=0) as memory:
                    memory.seek(start)
                    left = end - start
                    tail = b""
                    while left > 0:
                        part = memory.read(min(left, 1 << 24))
                        if not part:
                            break
                        counts[name] += (tail + part).count(text)
                        tail = part[-len(text) + 1 :]
                        left -= len(part)
            self.assertEqual(counts["extreq-shared"], 0)
            self.assertGreater(counts["extreq-private"], 0)
            ours = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
            self.assertIn("extreq-shared", ours)
            self.assertNotIn("extreq-private", ours)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        self.wait_until_gone(before)


def find(kernels, suite):
    found = sorted(pathlib.Path(kernels, suite, "boot").glob("vmlinuz-*"))
    return str(found[-1].absolute()) if found else None


def main():
    global program, kernel, backports, work
    program = os.path.abspath(sys.argv[1])
    kernel, backports = find(sys.argv[2], "host"), find(sys.argv[2], "bookworm-backports")
    if kernel is None:
        print("SKIPPED: no kernel: run scripts/fetch-kernel.sh")
        sys.exit(SKIPPED)
    if shutil.which("qemu-system-x86_64") is None:
        print("SKIPPED: no qemu-system-x86_64")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="boot-test-") as work:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
