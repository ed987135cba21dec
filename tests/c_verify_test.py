#!/usr/bin/env python3
"""libextreq_verify as its users see it: its symbols, its header in C and C++, its example at work.

usage: c_verify_test.py LIBRARY EXAMPLE WRITE_TEST_EVIDENCE SOURCE_FOLDER
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

LIBRARY, EXAMPLE, WRITE_TEST_EVIDENCE = sys.argv[1:4]
SOURCE = pathlib.Path(sys.argv[4])
HEADER = SOURCE / "include/extreq/verify.h"


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Symbols(unittest.TestCase):
    def test_what_is_exported_is_what_the_header_declares(self) -> None:
        declared = set(re.findall(r"^[a-z].*?\b(extreq_\w+)\(", HEADER.read_text(), re.MULTILINE))
        nm = run("nm", "-D", "--defined-only", "--with-symbol-versions", LIBRARY)
        self.assertEqual(nm.returncode, 0, nm.stderr)
        exported = {line.split()[-1] for line in nm.stdout.splitlines()}
        versions = {name for name in exported if "@" not in name or name.startswith("EXTREQ")}
        self.assertEqual({name.split("@")[0] for name in exported - versions}, declared)
        later = {"extreq_verify_evidence": "EXTREQ_VERIFY_2"}
        for name, _, version in (name.partition("@@") for name in exported - versions):
            self.assertEqual(version, later.get(name, "EXTREQ_VERIFY_1"), name)
        self.assertGreater(len(declared), 8)


class Header(unittest.TestCase):
    def compile(self, compiler: str, language: str, standard: str) -> None:
        if shutil.which(compiler) is None:
            self.skipTest(f"*** SKIPPED, NOT TESTED: no {compiler}")
        source = (SOURCE / "examples/verify_c.c").read_text() if language == "c" else (
            '#include "extreq/verify.h"\n')
        done = subprocess.run(
            [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
             "-fsyntax-only", f"-I{SOURCE}/include", "-"],
            input=source, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_compiles_with_gcc(self) -> None:
        self.compile("gcc", "c", "c11")

    def test_compiles_with_clang(self) -> None:
        self.compile("clang", "c", "c11")

    def test_compiles_as_cpp(self) -> None:
        self.compile("g++", "c++", "c++11")


class Example(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        subprocess.run([WRITE_TEST_EVIDENCE, folder.name], check=True)

    def verify(self, *arguments: str) -> subprocess.CompletedProcess:
        return run(EXAMPLE, *[name if name == "-" else str(self.folder / name)
                              for name in arguments])

    def test_a_genuine_report_passes_under_a_named_root(self) -> None:
        done = self.verify("report.bin", "table.bin", "ark.der")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("genuine: signed by a VCEK", done.stdout)

    def test_evidence_with_its_own_certificates_needs_no_table(self) -> None:
        done = self.verify("trustee.json", "-", "ark.der")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.verify("report.bin", "-", "ark.der").returncode, 2)

    def test_an_unknown_root_is_not_trusted(self) -> None:
        done = self.verify("report.bin", "table.bin")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, r"FAILED\s+root_trusted")

    def test_what_is_no_report_is_refused(self) -> None:
        self.assertEqual(self.verify("table.bin", "table.bin").returncode, 4)
        self.assertEqual(self.verify("missing", "table.bin").returncode, 4)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
