#!/usr/bin/env python3
"""What libextreq-vmm promises to those who link it: symbols, name, nothing large behind it, and that
C11 and Rust programs are served through it.

abi_test.py SHARED_LIBRARY SOURCE_DIR COMMAND, with COMMAND one of
  symbols   the exported symbols equal libextreq-vmm.symbols, the header declares just these, and the
            header for C++ calls each of them
  needed    SONAME, and only the C and C++ run-time libraries and fmt behind it
  c         examples/vmm_c, as C11 by gcc and clang with -Wall -Wextra -Werror, serves requests
  rust      examples/rust, by rustc alone, serves requests
Exit status 77: what the test needs is not on this machine.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SKIP = 77
REQUESTS = 1000
# libasan and its kind come with sanitizer builds.
MAY_NEED = re.compile(
    r"^(libfmt|libstdc\+\+|libgcc_s|libc|libm|libpthread|ld-linux-x86-64|lib[a-z]+san)\.so"
)


def output(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, timeout=120, **keywords).stdout


def exported(library):
    lines = output("nm", "-D", "--defined-only", "--with-symbol-versions", library).decode()
    fields = [line.split() for line in lines.splitlines()]
    # "A" is the version itself; sanitizers add symbols of their own to every object.
    return sorted(f[2] for f in fields if f[1] != "A" and not re.match(r"_*(asan|odr_asan|tsan)", f[2]))


def check_symbols(library, source):
    wanted = (source / "tests/abi/libextreq-vmm.symbols").read_text().split()
    found = exported(library)
    assert wanted, "the list is empty"
    assert found == wanted, f"exported: {sorted(set(found) ^ set(wanted))} differ from the list"
    header = re.sub(r"/\*.*?\*/", "", (source / "include/extreq/vmm.h").read_text(), flags=re.S)
    declared = sorted(re.findall(r"EXTREQ_VMM_API[^;(]*?(extreq_vmm_\w+)\(", header))
    assert declared == [symbol.split("@")[0] for symbol in wanted], "header and list differ"
    cpp = (source / "include/extreq/vmm.hpp").read_text()
    missing = [name for name in declared if not re.search(rf"::{name}\(", cpp)]
    assert not missing, f"extreq/vmm.hpp has nothing for {missing}"


def check_needed(library, _):
    dynamic = output("readelf", "-d", library).decode()
    assert re.search(r"SONAME.*\[libextreq-vmm\.so\.2\]", dynamic), "SONAME"
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    assert "libc.so.6" in needed, f"readelf said {needed}"
    wrong = [name for name in needed if not MAY_NEED.match(name)]
    assert not wrong, f"needs {wrong}"


def table():
    """One entry (VCEK's place is not read by a VMM), the closing one, and its data."""
    data = bytes(range(256)) * 20
    return os.urandom(16) + struct.pack("<II", 48, len(data)) + bytes(24) + data


def check_serves(program, library, folder):
    blob = pathlib.Path(folder, "host.blob")
    blob.write_bytes(table())
    environment = dict(os.environ, LD_LIBRARY_PATH=str(library.parent))
    said = output(program, blob, str(REQUESTS), env=environment)
    line, _, memory = said.partition(b"\n")
    assert line == b"served %d" % REQUESTS, line
    assert memory.startswith(blob.read_bytes()), "the guest's pages do not hold the table"


def sanitizers(library):
    """Whoever links a library of a sanitizer build needs the sanitizer's run time."""
    needed = output("readelf", "-d", library).decode()
    return [f"-fsanitize={name}" for name, lib in
            (("address", "libasan"), ("undefined", "libubsan"), ("thread", "libtsan")) if lib in needed]


def check_c(library, source):
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    flags = sanitizers(library)
    if not compilers:
        return SKIP
    for compiler in compilers:
        if flags and compiler != "gcc":
            continue  # another run time than the library's
        with tempfile.TemporaryDirectory() as folder:
            program = f"{folder}/vmm_c"
            output(compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags,
                   f"-I{source}/include", f"{source}/examples/vmm_c/serve.c", "-o", program, library)
            check_serves(program, library, folder)
    return 0


def check_rust(library, source):
    if sanitizers(library) or not shutil.which("rustc"):
        print("*** SKIPPED, NOT TESTED: no rustc here, or a library that wants a sanitizer's run time")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/serve"
        output("rustc", "--edition", "2021", "-D", "warnings", "-A", "dead_code", "-L",
               library.parent, "-o", program, f"{source}/examples/rust/serve.rs")
        check_serves(program, library, folder)
    return 0


def main():
    library, source, command = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    checks = {"symbols": check_symbols, "needed": check_needed, "c": check_c, "rust": check_rust}
    try:
        return checks[command](library, source) or 0
    except subprocess.CalledProcessError as error:
        print(f"{error}\n{error.stderr.decode(errors='replace')}", file=sys.stderr)
    except AssertionError as error:
        print(f"{command}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
