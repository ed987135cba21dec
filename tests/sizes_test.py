#!/usr/bin/env python3
"""What is shipped stays below the limits of scripts/sizes.py, and doc/install.md states them.

usage: sizes_test.py SOURCE_FOLDER BUILD_FOLDER
"""

import pathlib
import sys
import unittest

SOURCE, BUILD = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
sys.path.insert(0, str(SOURCE / "scripts"))
import sizes  # noqa: E402


class Sizes(unittest.TestCase):
    def test_a_file_that_outgrows_its_limit_by_one_would_be_found(self):
        file = sizes.FILES[0]
        self.assertEqual(sizes.complaints([(file, file.limit)]), [])
        found = sizes.complaints([(file, file.limit + 1), (sizes.FILES[1], 1)])
        self.assertEqual(len(found), 1)
        self.assertIn(f"{file.name}: {file.limit + 1} KiB found, at most {file.limit} wanted", found[0])

    def test_no_shipped_file_is_above_its_limit(self):
        found = sizes.measured(BUILD)
        self.assertEqual(sizes.complaints(found), [])
        for file, kib in found:
            self.assertGreater(kib, 0, file.name)

    def test_the_page_states_every_limit_and_its_reason(self):
        stated = sizes.TABLE.search(sizes.PAGE.read_text(encoding="utf-8")).group(0).splitlines()[2:]
        self.assertEqual(len(stated), len(sizes.FILES))
        for row, file in zip(stated, sizes.FILES):
            self.assertRegex(row, rf"^\| \S.* \| \d+ \| {file.limit} \| ")
            self.assertTrue(row.startswith(f"| {file.name} | ") and row.endswith(f" | {file.reason} |"), row)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
