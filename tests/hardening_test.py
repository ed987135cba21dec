#!/usr/bin/env python3
"""What the compiler and the linker were told to protect is protected in what they made.

usage: hardening_test.py SOURCE_FOLDER PROGRAM STATIC_PROGRAM LIBRARY... -- ARCHIVE...
"""

import re
import subprocess
import sys
import unittest

SOURCE = sys.argv[1]
PROGRAM = sys.argv[2]
STATIC_PROGRAM = sys.argv[3]
LIBRARIES = sys.argv[4:sys.argv.index("--")]
ARCHIVES = sys.argv[sys.argv.index("--") + 1:]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


class Hardening(unittest.TestCase):
    def each(self, *more):
        for file in (PROGRAM, *LIBRARIES, *more):
            with self.subTest(file=file):
                yield file

    def test_the_program_is_position_independent(self):
        self.assertIn("DYN (Position-Independent Executable file)", output("readelf", "-hW", PROGRAM))

    def test_relocations_are_read_only_and_bound_at_the_start(self):
        for file in self.each():
            self.assertIn("GNU_RELRO", output("readelf", "-lW", file))
            dynamic = output("readelf", "-dW", file)
            self.assertRegex(dynamic, r"BIND_NOW|FLAGS_1.*\bNOW\b")
            self.assertNotRegex(dynamic, r"TEXTREL|RPATH")

    def test_the_static_program_loads_nothing_and_its_relocations_are_read_only(self):
        segments = output("readelf", "-lW", STATIC_PROGRAM)
        self.assertIn("GNU_RELRO", segments)
        self.assertNotIn("INTERP", segments)
        self.assertNotIn("(NEEDED)", output("readelf", "-dW", STATIC_PROGRAM))

    def test_no_page_can_be_written_and_executed(self):
        for file in self.each(STATIC_PROGRAM):
            segments = output("readelf", "-lW", file)
            self.assertRegex(segments, r"GNU_STACK .* RW +0x")
            self.assertNotRegex(segments, r" RWE ")

    def test_stacks_are_protected_and_calls_of_libc_are_checked(self):
        for file in self.each():
            symbols = output("readelf", "-W", "--dyn-syms", file)
            self.assertIn("__stack_chk_fail", symbols)
        self.assertRegex(output("readelf", "-W", "--dyn-syms", PROGRAM), r"__\w+_chk@GLIBC")

    def test_objects_are_marked_for_indirect_branch_tracking_and_shadow_stacks(self):
        for archive in ARCHIVES:
            notes = output("readelf", "-nW", archive)
            objects = notes.count("\nFile: ")
            self.assertGreater(objects, 2)
            self.assertEqual(len(re.findall("x86 feature: IBT, SHSTK", notes)), objects, archive)

    def test_nothing_names_the_folder_of_the_build(self):
        for file in (*self.each(STATIC_PROGRAM), *ARCHIVES):
            with open(file, "rb") as content:
                self.assertFalse(SOURCE.encode() in content.read(), file)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
