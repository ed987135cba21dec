#!/usr/bin/env python3
"""Runs what the documents tell their readers to run: the blocks marked `sh run`, page by page, as
they are printed, in an empty folder, with an installation made for it.

usage: documents_test.py SOURCE_FOLDER BUILD_FOLDER [--boot]

The blocks of a page share a shell, so that what one makes the next one finds; a command that fails
fails the page. --boot: those marked `sh run=boot` too, which boot guests.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = pathlib.Path(sys.argv[1]), sys.argv[2]
MARKS = {"run", "run=boot"} if "--boot" in sys.argv else {"run"}
PATIENCE = 1800 if "--boot" in sys.argv else 120


def blocks(markdown):
    """The content of each block that is to be run."""
    found = re.findall(r"^```sh (\S+)\n(.*?)^```$", markdown, re.M | re.S)
    return [content for mark, content in found if mark in MARKS]


def pages():
    for page in [*sorted(SOURCE.glob("*.md")), *sorted((SOURCE / "doc").rglob("*.md"))]:
        told = blocks(page.read_text(encoding="utf-8"))
        if told:
            yield page, told


def run(script, folder, environment):
    """Ends what the page left running too: all of it is one process group."""
    process = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        subprocess.run(["cmake", "--install", BUILD], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": folder.name})
        program = next(cls.root.rglob("bin/extreq"))
        library = next(cls.root.rglob("libextreq-vmm.a")).parent
        cls.environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}",
                           "PKG_CONFIG_PATH": str(library / "pkgconfig"),
                           "PKG_CONFIG_SYSROOT_DIR": str(cls.root), "LD_LIBRARY_PATH": str(library),
                           "EXAMPLES": str(program.parent.parent / "share/doc/extreq/examples")}

    def test_a_page_whose_command_fails_would_be_found(self):
        told = blocks("```sh run\ntrue\nfalse\necho late\n```\n```sh\nexit 0\n```\n")
        self.assertEqual(told, ["true\nfalse\necho late\n"])
        status, said = run(told[0], self.root, self.environment)
        self.assertEqual((status, said), (1, ""))

    def test_every_page_works_as_it_is_printed(self):
        done = 0
        for page, told in pages():
            with self.subTest(page=page.name), tempfile.TemporaryDirectory() as folder:
                # Where `extreq boot` looks for the kernel that scripts/fetch-kernel.sh fetched.
                os.symlink(SOURCE / "build", pathlib.Path(folder, "build"))
                status, said = run("".join(told), folder, self.environment)
                self.assertEqual(status, 0, said)
            done += 1
        self.assertGreater(done, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
