#!/usr/bin/env python3
"""Boot times: the same kernel and initramfs as an SNP guest, and plainly under the same emulator.

bench-machine.py [PROGRAM [KERNEL]] [--runs N] [--json FILE]. Prints, as medians: seconds to the guest's init and
to the verified report as an SNP guest; seconds to init plainly, with the vmlinux loaded directly as
the SNP guest's is, and through the kernel's own decompressor as QEMU usually loads it; stops in all,
how many of them a second are served, and where their time goes (from a trace of the last boot). Times
are wall time, which a loaded machine stretches; beside them stands the CPU time of all that took part.
--json writes each boot as Google Benchmark writes a repetition, for bench-report.py.
"""

import argparse
import collections
import json
import lzma
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import benchmark_json

PAGE = 4096


def cpu_of(process):
    """Waits for the end of a process: the CPU seconds of it and of its children, and its status."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def snp_boot(program, kernel, platform, *more):
    """What extreq says about its boot, and the CPU seconds of all of it."""
    process = subprocess.Popen([program, "boot", "--kernel", kernel, "--json", "--platform", platform, *more],
                               stdout=subprocess.PIPE, text=True)
    result = process.stdout.read()
    cpu = cpu_of(process)
    if process.returncode != 0:
        sys.exit(f"extreq boot: status {process.returncode}")
    return json.loads(result), cpu


def plain_boot(kernel, initrd, command_line, memory):
    """Seconds from the emulator's start to the ready frame of the guest's init: wall, CPU."""
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
        wall = time.monotonic() - started
    finally:
        process.kill()
        cpu = cpu_of(process)
        ours.close()
    return wall, cpu


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
    events = json.loads(pathlib.Path(trace).read_text())
    kinds = {"processor: stops": "stop: ", "hypervisor: exits": "exit: "}
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    for event in events:
        if event["ph"] == "X" and tracks[event["tid"]] in kinds:
            costs[kinds[tracks[event["tid"]]] + event["name"]].append(event["dur"])
    return costs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/release/src/cli/extreq")
    parser.add_argument("kernel", nargs="?")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    context = benchmark_json.context()
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
            traced = ["--trace", f"{work}/trace"] if run == options.runs + 1 else []
            done = snp_boot(options.program, kernel, platform, *traced)
            if 0 < run <= options.runs:  # the first one makes the platform's keys
                snp.append(done)
                plain.append(plain_boot(kernel, f"{work}/initrd", plan["command_line"], memory))
                if vmlinux:
                    direct.append(plain_boot(f"{work}/vmlinux", f"{work}/initrd", plan["command_line"], memory))
        costs = stop_costs(f"{work}/trace")
    if options.json:
        named = {"SnpGuestToReport": [(said["seconds_to_report"], cpu) for said, cpu in snp],
                 "PlainKernelToInit": plain, "PlainVmlinuxToInit": direct}
        # One item is one boot, to the report or to the init.
        benchmarks = [one for name, boots in named.items() for one in benchmark_json.repetitions(
            name, "s", [(wall, cpu, {"seconds_of_wall_time": wall}) for wall, cpu in boots])]
        benchmark_json.write(options.json, context, benchmarks)
    stops = sum(snp[0][0]["stops"].values())
    to_guest = statistics.median(said["seconds_to_guest"] for said, _ in snp)
    to_report = statistics.median(said["seconds_to_report"] for said, _ in snp)
    cpu = statistics.median(one for _, one in snp)
    print(f"kernel                {plan['kernel']}")
    print(f"SNP guest, to init    {to_guest:.2f} s")
    print(f"SNP guest, to report  {to_report:.2f} s; to the end {cpu:.2f} s of CPU time")
    for what, boots in (("plain TCG", plain), ("plain TCG, vmlinux", direct)):
        if not boots:
            continue
        wall_to_init, cpu_to_init = (statistics.median(each) for each in zip(*boots))
        print(f"{what + ', to init':27} {wall_to_init:.2f} s; {cpu_to_init:.2f} s of CPU time")
        print(f"  SNP to report / this      {to_report / wall_to_init:.2f}; CPU time {cpu / cpu_to_init:.2f}")
    served = sum(sum(each) for kind, each in costs.items()) / 1e6
    print(f"stops                 {stops}, {stops / served:.0f} a second served")
    for kind, each in sorted(costs.items(), key=lambda one: -sum(one[1])):
        print(f"  {kind:38} {len(each):5} x {statistics.median(each):7.0f} us = {sum(each) / 1e6:.2f} s")


if __name__ == "__main__":
    main()
