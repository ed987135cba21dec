#!/usr/bin/env python3
"""Boot times: the same kernel and initramfs as an SNP guest, and plainly under the same emulator.

bench-machine.py [PROGRAM [KERNEL]] [--runs N]. Prints, as medians: seconds to the guest's init and
to the verified report as an SNP guest; seconds to init plainly, with the vmlinux loaded directly as
the SNP guest's is, and through the kernel's own decompressor as QEMU usually loads it; stops in all,
how many of them a second are served, and where their time goes (from a trace of the last boot).
"""

import argparse
import collections
import json
import lzma
import pathlib
import socket
import statistics
import struct
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


def vmlinux_of(kernel):
    """The vmlinux in a bzImage that is packed with xz, as Debian's are; None for others."""
    file = pathlib.Path(kernel).read_bytes()
    start = (file[0x1F1] + 1) * 512 + struct.unpack_from("<I", file, 0x248)[0]
    try:
        return lzma.LZMADecompressor().decompress(file[start:])
    except lzma.LZMAError:
        return None


def stop_costs(trace):
    """Microseconds of each stop by kind, and of each exit."""
    costs = collections.defaultdict(list)
    for event in json.loads(pathlib.Path(trace).read_text()):
        if event["ph"] == "X" and event["tid"] in (0, 1):
            costs[("exit: " if event["tid"] == 1 else "stop: ") + event["name"]].append(event["dur"])
    return costs


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
        vmlinux = vmlinux_of(kernel)
        if vmlinux:
            pathlib.Path(work, "vmlinux").write_bytes(vmlinux)
        snp, plain, direct = [], [], []
        for run in range(options.runs + 2):  # the last one is traced, and not counted
            done = subprocess.run([options.program, "boot", "--kernel", kernel, "--json", "--platform", platform,
                                   *(["--trace", f"{work}/trace"] if run == options.runs + 1 else [])],
                                  check=True, capture_output=True, text=True)
            if 0 < run <= options.runs:  # the first one makes the platform's keys
                snp.append(json.loads(done.stdout))
                plain.append(plain_boot(kernel, f"{work}/initrd", plan["command_line"], memory))
                if vmlinux:
                    direct.append(plain_boot(f"{work}/vmlinux", f"{work}/initrd", plan["command_line"], memory))
        costs = stop_costs(f"{work}/trace")
    stops = sum(snp[0]["stops"].values())
    to_guest = statistics.median(one["seconds_to_guest"] for one in snp)
    to_report = statistics.median(one["seconds_to_report"] for one in snp)
    to_init = statistics.median(plain)
    print(f"kernel                {plan['kernel']}")
    print(f"SNP guest, to init    {to_guest:.2f} s")
    print(f"SNP guest, to report  {to_report:.2f} s")
    print(f"plain TCG, to init    {to_init:.2f} s")
    print(f"report / plain        {to_report / to_init:.2f}")
    if direct:
        to_init = statistics.median(direct)
        print(f"the same, vmlinux loaded directly: {to_init:.2f} s, report / plain {to_report / to_init:.2f}")
    served = sum(sum(each) for kind, each in costs.items()) / 1e6
    print(f"stops                 {stops}, {stops / served:.0f} a second served")
    for kind, each in sorted(costs.items(), key=lambda one: -sum(one[1])):
        print(f"  {kind:38} {len(each):5} x {statistics.median(each):7.0f} us = {sum(each) / 1e6:.2f} s")


if __name__ == "__main__":
    main()
