#!/usr/bin/env python3
"""An installation as strangers use it: find_package and pkg-config, C and C++, shared and static.

usage: consumer_test.py SOURCE_FOLDER BUILD_FOLDER WRITE_TEST_EVIDENCE
"""

import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD, WRITE_TEST_EVIDENCE = pathlib.Path(sys.argv[1]), *sys.argv[2:4]
LIBRARIES = {"vmm": "libextreq-vmm.so.2", "verify": "libextreq-verify.so.1"}
NODES = {"vmm": r"2\.0", "verify": "[12]"}  # of symbol versions


def run(*command, **keywords):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          timeout=300, **keywords)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def table():
    data = bytes(range(256)) * 20
    return os.urandom(16) + struct.pack("<II", 48, len(data)) + bytes(24) + data


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.root = cls.folder / "root"
        run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(cls.root)})
        cls.prefix = next(path.parent.parent for path in cls.root.rglob("bin/extreq"))
        cls.libraries = next(cls.root.rglob("libextreq-vmm.a")).parent
        cls.evidence = cls.folder / "evidence"
        cls.evidence.mkdir()
        run(WRITE_TEST_EVIDENCE, cls.evidence)
        (cls.folder / "host.blob").write_bytes(table())

    def check_vmm(self, program, **keywords):
        done = subprocess.run([program, self.folder / "host.blob", "100"], capture_output=True, check=True,
                              timeout=60, **keywords)
        self.assertTrue(done.stdout.startswith(b"served 100\n"), done.stdout[:100])

    def check_verify(self, program, **keywords):
        words = [self.evidence / name for name in ("report.bin", "table.bin", "ark.der")]
        run(program, *words, **keywords)

    def needed(self, program):
        return set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", program)))

    def test_find_package_brings_both_libraries_in_both_forms(self):
        build = self.folder / "build"
        run("cmake", "-S", SOURCE / "tests/consumer", "-B", build, "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DEXAMPLES={self.prefix}/share/doc/extreq/examples")
        run("cmake", "--build", build)
        for form in ("", "_static"):
            self.check_vmm(build / f"vmm_c{form}")
            self.check_verify(build / f"verify_c{form}")
            self.check_verify(build / f"both_cpp{form}")
        self.assertLessEqual(set(LIBRARIES.values()), self.needed(build / "both_cpp"))
        self.assertFalse(set(LIBRARIES.values()) & self.needed(build / "both_cpp_static"))

    def test_a_component_that_is_not_there_is_told(self):
        (self.folder / "wrong").mkdir()
        (self.folder / "wrong/CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(wrong C)\n"
            "find_package(extreq REQUIRED COMPONENTS vmm nonsense)\n")
        with self.assertRaisesRegex(AssertionError, "nonsense"):
            run("cmake", "-S", self.folder / "wrong", "-B", self.folder / "wrong/build", "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_pkg_config_alone_is_enough(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.libraries / "pkgconfig"),
                       "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        examples = self.prefix / "share/doc/extreq/examples"
        at_run_time = {"env": {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}}
        for name, source, check in (("vmm", "vmm_c/serve.c", self.check_vmm),
                                    ("verify", "verify_c.c", self.check_verify)):
            flags = run("pkg-config", "--cflags", "--libs", f"extreq-{name}", env=environment).split()
            program = self.folder / f"{name}_shared"
            run("cc", "-std=c11", "-D_GNU_SOURCE", examples / source, "-o", program, *flags)
            self.assertIn(LIBRARIES[name], self.needed(program))
            check(program, **at_run_time)
            flags = run("pkg-config", "--static", "--cflags", "--libs", f"extreq-{name}", env=environment).split()
            flags[flags.index(f"-lextreq-{name}")] = f"-l:libextreq-{name}.a"
            program = self.folder / f"{name}_static"
            run("cc", "-std=c11", "-D_GNU_SOURCE", examples / source, "-o", program, *flags)
            self.assertNotIn(LIBRARIES[name], self.needed(program))
            check(program)

    def test_names_and_versions_of_the_libraries_are_what_programs_link(self):
        for name, soname in LIBRARIES.items():
            library = self.libraries / soname
            self.assertTrue(library.is_symlink(), library)
            self.assertIn(f"[{soname}]", run("readelf", "-d", library))
            symbols = run("nm", "-D", "--defined-only", "--with-symbol-versions", library).split("\n")
            names = [line.split()[-1] for line in symbols if " T " in line]
            self.assertGreater(len(names), 8)
            for symbol in names:
                self.assertRegex(symbol, rf"^extreq_\w+@@EXTREQ_{name.upper()}_{NODES[name]}$")

    def test_nothing_installed_names_the_folder_of_the_build(self):
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix in (".pc", ".cmake", ".service", ".1"):
                text = path.read_text()
                self.assertNotIn(str(SOURCE), text, path)
                self.assertNotIn(str(self.root), text, path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
