#!/usr/bin/env python3
"""scripts/run.sh, what `make run` shows: which kernel it boots, and what it does where there is none.

run_script_test.py PROJECT. Each test has a tree of its own with the scripts in it, a program that
only says how it was called, and a PATH on which apt-get fails.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

project = None

# Says how it was called. A kernel whose file says "bad" cannot be used.
PROGRAM = """#!/bin/sh
case "$1" in
  measure) ! grep -q bad "$3" || { echo "no site VMGEXIT" >&2; exit 2; } ;;
  *) echo "called: $*"; exit 5 ;;
esac
"""
LOUD = "*** {}: showing the demo in one process instead. ***"
DEMO = "called: demo --vcpus 4 --requests 2000 --rotate\n"


class RunScript(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.tree = pathlib.Path(self.folder.name, "tree")
        (self.tree / "scripts").mkdir(parents=True)
        for script in ("run.sh", "fetch-kernel.sh"):
            shutil.copy(pathlib.Path(project, "scripts", script), self.tree / "scripts")
        self.executable(self.tree / "build/release/src/cli/extreq", PROGRAM)
        self.tools = pathlib.Path(self.folder.name, "tools")
        self.executable(self.tools / "apt-get", "#!/bin/sh\necho 'no such host' >&2\nexit 100\n")
        self.executable(self.tools / "qemu-system-x86_64", "#!/bin/sh\n")
        for tool in ("awk", "bash", "cat", "dirname", "find", "grep", "mkdir", "mktemp", "rm", "sed", "sh", "sort", "tail"):
            os.symlink(shutil.which(tool), self.tools / tool)
        self.boot = pathlib.Path(self.folder.name, "boot")

    def executable(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def kernel(self, path, text="good"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_script(self):
        done = subprocess.run(
            [self.tree / "scripts/run.sh"], capture_output=True, text=True,
            env={"PATH": str(self.tools), "EXTREQ_BOOT_FOLDER": str(self.boot)},
        )
        self.assertEqual(done.returncode, 5, f"{done.stdout}{done.stderr}")  # that of the program
        return done

    def test_a_kernel_that_was_fetched_is_booted(self):
        self.executable(self.tree / "build/kernels/busybox", "")
        kernel = self.kernel(self.tree / "build/kernels/host/boot/vmlinuz-6.1")
        self.kernel(self.boot / "vmlinuz-6.9")
        done = self.run_script()
        self.assertEqual(done.stdout, f"called: boot --kernel {kernel}\n")
        self.assertEqual(done.stderr, "")

    def test_without_a_package_the_newest_usable_kernel_of_the_host_is_booted(self):
        self.kernel(self.boot / "vmlinuz-6.9")
        kernel = self.kernel(self.boot / "vmlinuz-6.10")
        bad = self.kernel(self.boot / "vmlinuz-6.11", "bad")
        done = self.run_script()
        self.assertEqual(done.stdout, f"called: boot --kernel {kernel}\n")
        self.assertIn("no such host", done.stderr)
        self.assertIn(f"No kernel from the packages; looking in {self.boot}", done.stderr)
        self.assertIn(f"{bad} cannot be used: no site VMGEXIT", done.stderr)

    def test_without_any_usable_kernel_the_demo_runs_and_says_so(self):
        self.kernel(self.boot / "vmlinuz-6.11", "bad")
        done = self.run_script()
        self.assertEqual(done.stdout, DEMO)
        self.assertIn(LOUD.format("No kernel that can run as an SNP guest was found"), done.stderr)

    def test_without_a_folder_of_kernels_the_demo_runs_too(self):
        done = self.run_script()
        self.assertEqual(done.stdout, DEMO)
        self.assertIn(LOUD.format("No kernel that can run as an SNP guest was found"), done.stderr)

    def test_without_an_emulator_the_demo_runs_and_says_so(self):
        (self.tools / "qemu-system-x86_64").unlink()
        self.kernel(self.boot / "vmlinuz-6.9")
        done = self.run_script()
        self.assertEqual(done.stdout, DEMO)
        self.assertIn(LOUD.format("There is no qemu-system-x86_64, so no kernel can run here"), done.stderr)


if __name__ == "__main__":
    project = sys.argv.pop(1)
    unittest.main()
