#!/usr/bin/env python3
"""The scripts that draw pictures for documents: what they draw is SVG, and shows what there is.

pictures_test.py SCRIPTS
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

scripts = None

EVENTS = [
    {"ph": "M", "name": "thread_name", "tid": 1, "args": {"name": "hypervisor: exits"}},
    {"ph": "M", "name": "thread_name", "tid": 2, "args": {"name": "firmware: guest requests"}},
    {"ph": "X", "name": "request", "tid": 1, "ts": 1000.0, "dur": 500.0, "args": {"detail": "a < b"}},
    {"ph": "X", "name": "message", "tid": 2, "ts": 1100.0, "dur": 300.0},
    {"ph": "X", "name": "far away", "tid": 2, "ts": 9000.0, "dur": 300.0},
    {"ph": "X", "name": "request", "tid": 1, "ts": 9500.0, "dur": 500.0},
]


class Pictures(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def draw(self, script, content, *options, check=True):
        source, picture = pathlib.Path(self.folder.name, "in"), pathlib.Path(self.folder.name, "out.svg")
        source.write_text(content, encoding="utf-8")
        done = subprocess.run([sys.executable, "-B", pathlib.Path(scripts, script), source, picture, *options],
                              capture_output=True, text=True)
        if not check:
            return done
        self.assertEqual(done.returncode, 0, done.stderr)
        return ["".join(text.itertext()) for text in xml.etree.ElementTree.parse(picture).iter()
                if text.tag.endswith("}text")]

    def test_a_part_of_a_trace_shows_its_spans_and_tracks_and_no_others(self):
        texts = self.draw("trace-svg.py", json.dumps(EVENTS), "--around", "request", "--title", "One & only")
        for text in ("One & only", "hypervisor exits", "firmware guest requests", "request: a < b", "message", "0 µs"):
            self.assertIn(text, texts)
        self.assertNotIn("far away", texts)

    def test_a_longer_part_reaches_to_a_later_span(self):
        texts = self.draw("trace-svg.py", json.dumps(EVENTS), "--around", "request", "--next", "1")
        self.assertIn("far away", texts)
        self.assertIn("12 ms", texts)

    def test_a_span_that_is_not_there_is_said(self):
        done = self.draw("trace-svg.py", json.dumps(EVENTS), "--around", "request", "--nth", "3", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 spans are named 'request', 3 are needed", done.stderr)

    def test_a_terminal_shows_each_line_without_escapes_and_long_ones_in_two(self):
        texts = self.draw("terminal-svg.py", "$ make run\n\n\x1b[1m   <bold>\x1b[0m\r\n" + "a" * 30 + "\n",
                          "--columns", "20", "--title", "a title")
        self.assertEqual(texts, ["a title", "$ make run", "<bold>", "a" * 20, "a" * 10])


if __name__ == "__main__":
    scripts = sys.argv.pop(1)
    unittest.main()
