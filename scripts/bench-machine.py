#!/usr/bin/env python3
"""Boot times: the same kernel and initramfs as an SNP guest, and plainly under the same emulator.

bench-machine.py [PROGRAM [KERNEL]] [--runs N]. Prints, as medians: seconds to the guest's init and
to the verified report as an SNP guest; seconds to init plainly, through the kernel's own
decompressor as QEMU loads it; stops in all and the cost of one.
"""

import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PAGE = 4096


def plain_boot(kernel, initrd, command_line, memory):
    """Seconds from the emulator's start to the ready frame of the guest's init."""
    ours, theirs = socket.socketpair()
    started = time.monotonic()
    process = subprocess.Popen(
        ["qemu-system-x86_64", "-nodefaults", "-accel", "tcg,thread=single", "-M", "pc,hpet=off",
         "-cpu", "EPYC", "-smp", "1", "-m", f"{memory}M", "-vga", "none", "-display", "none",
         "-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append", command_line,
         "-serial", "null", "-chardev", f"socket,id=control,fd={theirs.fileno()}",
         "-serial", "chardev:control"],
        pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL,
    )
    theirs.close()
    ours.settimeout(300)
    try:
        first = ours.recv(1)
        if first != b"R":
            sys.exit(f"the plain guest said {first!r}")
        return time.monotonic() - started
    finally:
        process.kill()
        process.wait()
        ours.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/release/src/cli/extreq")
    parser.add_argument("kernel", nargs="?")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    memory = 512
    kernel = options.kernel or str(sorted(pathlib.Path("build/kernels/host/boot").glob("vmlinuz-*"))[-1])
    with tempfile.TemporaryDirectory() as work:
        plan = json.loads(
            subprocess.run([options.program, "measure", "--kernel", kernel, "--json", "--dump-pages", work],
                           check=True, capture_output=True, text=True).stdout)
        pages = pathlib.Path(work, "pages.bin").read_bytes()
        at = 0
        for region in plan["regions"]:
            if region["what"] == "initrd":
                pathlib.Path(work, "initrd").write_bytes(pages[at : at + region["pages"] * PAGE])
            at += region["pages"] * PAGE
        platform = f"{work}/platform"
        snp, plain = [], []
        for run in range(options.runs + 1):
            done = subprocess.run([options.program, "boot", "--kernel", kernel, "--json", "--platform", platform],
                                  check=True, capture_output=True, text=True)
            if run > 0:  # the first one makes the platform's keys
                snp.append(json.loads(done.stdout))
                plain.append(plain_boot(kernel, f"{work}/initrd", plan["command_line"], memory))
    stops = sum(snp[0]["stops"].values())
    to_guest = statistics.median(one["seconds_to_guest"] for one in snp)
    to_report = statistics.median(one["seconds_to_report"] for one in snp)
    to_init = statistics.median(plain)
    print(f"kernel                {plan['kernel']}")
    print(f"SNP guest, to init    {to_guest:.2f} s")
    print(f"SNP guest, to report  {to_report:.2f} s")
    print(f"plain TCG, to init    {to_init:.2f} s")
    print(f"report / plain        {to_report / to_init:.2f}")
    print(f"stops                 {stops}")


if __name__ == "__main__":
    main()
