#!/usr/bin/env python3
"""The rules of the house that a machine can check: who includes whom, file length, #pragma once, and
that nothing is kept which a build made.

Fails with file:line. Without arguments: first the self-test, which plants violations and must find
each, then the project; the table in CONTRIBUTING.md must say the same as the one here.

Tests (*_test.*, test_*) may include whatever stands above their folder in the house: what a test
uses does not become a part of what it tests.
"""

import pathlib
import re
import shutil
import subprocess
import sys
from typing import Dict, Iterator, List, Optional, Tuple

import cpp_tokens
import source_check
from source_check import Finding

FOLDERS = ("src", "include", "fuzz", "bench", "examples", "tests")
BYTES = ("fuzz/corpus/", "tests/data/amd/")  # a corpus, and what AMD served
MADE = {".git", ".cache", "build", "__pycache__"}
LENGTH_MAX = 700
LENGTH_SUFFIXES = cpp_tokens.SUFFIXES | {".py", ".sh", ".cmake", ".pml"}

# The house from top to bottom: what each folder of src may include besides itself.
_BOTTOM = ("abi", "base")
HOUSE: Dict[str, Tuple[str, ...]] = {
    "base": (),
    "abi": (),
    "http": ("base",),
    "crypto": ("base",),
    "message": (*_BOTTOM, "crypto"),
    "attestation": (*_BOTTOM, "crypto"),
    "lease": _BOTTOM,
    "firmware": _BOTTOM,
    "trace": (*_BOTTOM, "lease", "firmware"),
    "firmware/model": (*_BOTTOM, "crypto", "message", "attestation", "firmware"),
    "hypervisor": (*_BOTTOM, "firmware"),
    "vmm": (*_BOTTOM, "lease"),
    "guest": (*_BOTTOM, "crypto", "message", "attestation"),
    "host": (*_BOTTOM, "crypto", "attestation", "lease", "firmware"),
    "fleet": (*_BOTTOM, "http", "crypto", "attestation", "lease", "firmware", "host"),
}
ABOVE_SIM = tuple(HOUSE)
HOUSE["sim"] = ABOVE_SIM
HOUSE["machine"] = ABOVE_SIM
HOUSE["cli"] = (*ABOVE_SIM, "sim", "machine")

# include/extreq is what users see. It includes nothing of src, so every folder may implement it but
# the two that include nothing.
PUBLIC = "extreq"
WITHOUT_PUBLIC = ("base", "abi")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?P<path>"[^"]*"|<[^>]*>)')
PRAGMA_ONCE = re.compile(r"^\s*#\s*pragma\s+once\b", re.MULTILINE)
STANDARD_HEADER = re.compile(r"^[a-z][a-z0-9_]*$")
CODE_SPAN = re.compile(r"`([^`]*)`")


def without_comments(source: str) -> str:
    """The same lines, comments and the contents of raw strings blanked."""
    lines = source.split("\n")
    for token in cpp_tokens.tokens(source):
        if token.kind != "comment" and 'R"' not in token.text[:4]:
            continue
        parts = token.text.split("\n")
        for number, part in enumerate(parts, start=token.line - 1):
            lines[number] = lines[number].replace(part, " ", 1)
    return "\n".join(lines)


def folder_of(path: str) -> Optional[str]:
    """The folder of the house in which a path relative to src lies; None if it lies in none."""
    found = [folder for folder in HOUSE if path.startswith(folder + "/")]
    return max(found, key=len, default=None)


def may_include(folder: str, test: bool) -> Tuple[str, ...]:
    if not test:
        return HOUSE[folder]
    order = list(HOUSE)
    return tuple(order[: order.index(folder)])


def check_include(path: str, folder: Optional[str], test: bool, quoted: str) -> Optional[str]:
    """Why the file may not include this, or None. `folder`: None for a file outside src."""
    included, angled = quoted[1:-1], quoted[0] == "<"
    target = PUBLIC if included.startswith(PUBLIC + "/") else folder_of(included)
    if path.startswith("include/"):
        if target == PUBLIC or (angled and target is None):
            return None
        return f"include/extreq may not include {quoted}: its users have nothing but include/extreq"
    if target is None:
        # Outside src a file may include what lies in its own top folder.
        own = folder is None and included.startswith(path.split("/")[0] + "/") and ".." not in included
        if not angled and not own:
            return f'{quoted}: write "folder/file" with a folder of the house'
        if folder == "abi" and not test and not STANDARD_HEADER.match(included):
            return f"abi may not include {quoted}: only abi and the C++ standard library"
        return None
    if angled:
        return f"{quoted} is the project's own: write it in quotes"
    if folder is None or target == folder:
        return None
    if target == PUBLIC:
        return f"{folder} may not include {quoted}" if folder in WITHOUT_PUBLIC and not test else None
    if target in may_include(folder, test):
        return None
    allowed = ", ".join(may_include(folder, test)) or "nothing"
    return f"{folder} may not include {quoted}: only {allowed}"


def check_source(path: str, source: str) -> Iterator[Finding]:
    pure = pathlib.PurePosixPath(path)
    test = cpp_tokens.is_test(pure)
    folder = None
    if path.startswith("src/"):
        folder = folder_of(path[len("src/") :])
        if folder is None:
            yield Finding(path, 1, "lies in no folder of the house")
            return
    code = without_comments(source)
    for number, line in enumerate(code.split("\n"), start=1):
        match = INCLUDE.match(line)
        problem = match and check_include(path, folder, test, match["path"])
        if problem:
            yield Finding(path, number, problem)
    if pure.suffix in (".h", ".hpp") and not PRAGMA_ONCE.search(code):
        yield Finding(path, 1, "a header without #pragma once")


def kept_files(root: pathlib.Path) -> List[str]:
    """What git keeps; where git does not tell, all but what a build makes."""
    listed = None
    if (root / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True)
    if listed and listed.returncode == 0:
        return listed.stdout.decode("utf-8").split("\0")[:-1]
    files = [file.relative_to(root) for file in sorted(root.rglob("*")) if file.is_file()]
    return [file.as_posix() for file in files if not MADE.intersection(file.parts)]


def check_text(root: pathlib.Path) -> Iterator[Finding]:
    """What is no text, a build or a test has made: only a corpus and AMD's data are kept."""
    for path in kept_files(root):
        if path.startswith(BYTES) or not (root / path).is_file():
            continue
        if b"\0" in (root / path).read_bytes():
            yield Finding(path, 1, f"no text, and not in {' or '.join(BYTES)}")


def check_tree(root: pathlib.Path) -> Tuple[List[Finding], int]:
    findings: List[Finding] = list(check_text(root))
    count = 0
    for file in cpp_tokens.source_files(root, FOLDERS):
        count += 1
        path = file.relative_to(root).as_posix()
        findings += check_source(path, file.read_text(encoding="utf-8"))
    for folder in (*FOLDERS, "scripts", "cmake", "protocols"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in LENGTH_SUFFIXES or not file.is_file():
                continue
            length = len(file.read_bytes().splitlines())
            if length > LENGTH_MAX:
                path = file.relative_to(root).as_posix()
                findings.append(Finding(path, length, f"{length} lines, more than {LENGTH_MAX}"))
    return findings, count


def documented_house(markdown: str) -> Dict[str, Tuple[str, ...]]:
    """The table of CONTRIBUTING.md in the form of HOUSE."""
    table: Dict[str, Tuple[str, ...]] = {}
    for line in markdown.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = CODE_SPAN.fullmatch(cells[0])
        if not line.startswith("|") or len(cells) != 3 or not name or name[1] not in HOUSE:
            continue
        what = re.sub(r"\s*\([^)]*\)", "", cells[2])
        if what == "nothing":
            table[name[1]] = ()
        elif what == "all above":
            table[name[1]] = tuple(table)
        elif what == "all above sim":
            table[name[1]] = tuple(folder for folder in table if folder != "sim")
        elif what == "all":
            table[name[1]] = tuple(folder for folder in HOUSE if folder != name[1])
        else:
            table[name[1]] = tuple(part.strip() for part in what.split(","))
    return table


def check_documentation(markdown: str) -> Iterator[str]:
    documented = documented_house(markdown)
    for folder, allowed in HOUSE.items():
        if folder not in documented:
            yield f"CONTRIBUTING.md: its table of the house lacks `{folder}`"
        elif set(documented[folder]) != set(allowed):
            yield (
                f"CONTRIBUTING.md: `{folder}` may include {sorted(documented[folder])} there, "
                f"{sorted(allowed)} in tests/house_test.py"
            )


# ---------------------------------------------------------------------------------------------

# (path, source, lines at which something must be found)
PLANTED = (
    # one wrong direction from each folder
    ("src/base/a.cpp", '#include "abi/kvm.hpp"\n', [1]),
    ("src/abi/a.cpp", '\n#include "base/bytes.hpp"\n', [2]),
    ("src/crypto/a.cpp", '#include "abi/ghcb.hpp"\n', [1]),
    ("src/message/a.cpp", '#include "attestation/tcb.hpp"\n', [1]),
    ("src/attestation/a.cpp", '#include "message/seal.hpp"\n', [1]),
    ("src/lease/a.cpp", '#include "crypto/hash.hpp"\n', [1]),
    ("src/firmware/a.cpp", '#include "firmware/model/platform.hpp"\n', [1]),
    ("src/trace/a.cpp", '#include "firmware/model/platform.hpp"\n', [1]),
    ("src/firmware/model/a.cpp", '#include "hypervisor/vm.hpp"\n', [1]),
    ("src/hypervisor/a.cpp", '#include "firmware/model/platform.hpp"\n', [1]),
    ("src/vmm/a.cpp", '#include "hypervisor/vm.hpp"\n', [1]),
    ("src/guest/a.cpp", '#include "firmware/platform.hpp"\n', [1]),
    ("src/host/a.cpp", '#include "message/seal.hpp"\n', [1]),
    ("src/fleet/a.cpp", '#include "guest/channel.hpp"\n', [1]),
    ("src/sim/a.cpp", '#include "machine/a.hpp"\n', [1]),
    ("src/machine/a.cpp", '#include "sim/recorder.hpp"\n', [1]),
    # other ways to write it
    ("src/base/a.cpp", '#  include"abi/kvm.hpp"\n', [1]),
    ("src/base/a.cpp", "#include <abi/kvm.hpp>\n", [1]),
    ("src/vmm/a.cpp", "#include <lease/blob.hpp>\n", [1]),
    ("src/vmm/a.cpp", '#include "exit.hpp"\n', [1]),
    ("src/vmm/a.cpp", '#include "../host/update.hpp"\n', [1]),
    ("src/vmm/a.cpp", "/* \n */ #include \"host/update.hpp\"\n", [2]),
    ("src/utils/a.cpp", "int a;\n", [1]),
    ("src/a.cpp", "int a;\n", [1]),
    # abi and the public headers stand alone
    ("src/abi/a.hpp", "#pragma once\n#include <linux/kvm.h>\n", [2]),
    ("src/abi/a.hpp", "#pragma once\n#include <unistd.h>\n", [2]),
    ("src/abi/a.hpp", '#pragma once\n#include "extreq/vmm.h"\n', [2]),
    ("include/extreq/vmm.h", '#pragma once\n#include "vmm/exit.hpp"\n', [2]),
    ("include/extreq/vmm.h", '#pragma once\n#include "exit.h"\n', [2]),
    ("include/extreq/vmm.h", "#pragma once\n#include <base/bytes.hpp>\n", [2]),
    # tests: no upward includes either
    ("src/message/a_test.cpp", '#include "hypervisor/vm.hpp"\n', [1]),
    ("src/crypto/test_keys.hpp", '#pragma once\n#include "message/seal.hpp"\n', [2]),
    # headers
    ("src/base/a.hpp", "int a;\n", [1]),
    ("src/base/a.hpp", "// #pragma once\n", [1]),
    ("src/base/a.hpp", 'auto a = R"(\n#pragma once\n)";\n', [1]),
    ("include/extreq/vmm.h", "#ifndef VMM_H\n#define VMM_H\n#endif\n", [1]),
    ("fuzz/a.hpp", "int a;\n", [1]),
    # outside src: the house and the own folder, no neighbour
    ("fuzz/a.cpp", '#include "bench/a.hpp"\n', [1]),
    ("fuzz/a.cpp", '#include "a.hpp"\n', [1]),
    ("fuzz/a.cpp", '#include "fuzz/../bench/a.hpp"\n', [1]),
    ("src/base/a.cpp", '#include "fuzz/a.hpp"\n', [1]),
    # length
    ("src/base/a.cpp", "\n" * 701, [701]),
    ("tests/a.py", "\n" * 701, [701]),
    ("scripts/a.sh", "\n" * 702, [702]),
    # what a program left behind
    ("default.profraw", "\0", [1]),
    ("doc/a.o", "ELF\0", [1]),
    ("tests/data/a.bin", "\0", [1]),
    ("build/a.o", "ELF\0", []),
    # nothing to find
    ("fuzz/corpus/a/b", "\0", []),
    ("tests/data/amd/milan/report.bin", "\0", []),
    ("src/base/a.cpp", "\n" * 700, []),
    ("src/base/a.hpp", "// Says.\n#pragma once\n#include <sys/mman.h>\n#include <fmt/format.h>\n", []),
    ("src/abi/a.hpp", '#pragma once\n#include <cstdint>\n#include "abi/kvm.hpp"\n', []),
    ("src/abi/a_test.cpp", "#include <linux/kvm.h>\n", []),
    ("src/firmware/model/a.cpp", '#include "firmware/platform.hpp"\n#include "message/seal.hpp"\n', []),
    ("src/hypervisor/a.cpp", '#include "firmware/guest_requests.hpp"\n', []),
    ("src/hypervisor/a_test.cpp", '#include "firmware/model/platform.hpp"\n', []),
    ("src/vmm/a_test.cpp", '#include "hypervisor/vm.hpp"\n', []),
    ("src/vmm/c_interface.cpp", '#include "extreq/vmm.h"\n#include "lease/blob.hpp"\n', []),
    ("src/sim/a.cpp", '#include "host/update.hpp"\n#include "guest/channel.hpp"\n', []),
    ("src/cli/a.cpp", '#include "sim/recorder.hpp"\n#include "machine/qemu.hpp"\n', []),
    ("src/vmm/a.cpp", '// #include "host/update.hpp"\n/*\n#include "host/update.hpp"\n*/\n', []),
    ("include/extreq/vmm.h", '#pragma once\n#include <stdint.h>\n#include "extreq/types.h"\n', []),
    ("fuzz/a.cpp", '#include "attestation/report.hpp"\n#include "host/update.hpp"\n', []),
    ("fuzz/a.cpp", '#include "fuzz/a.hpp"\n', []),
)

_HOUSE_IN_WORDS = """
| folder | question | may include |
|---|---|---|
| `base` | ? | nothing |
| `crypto` | ? | base |
| `hypervisor` | ? | firmware (ports), abi, base |
| `sim` | ? | all above |
| `machine` | ? | all above sim |
| `make run` | no folder |
"""


def self_test() -> List[str]:
    failures = source_check.planted_failures(
        PLANTED, lambda root: [finding.line for finding in check_tree(root)[0]])
    for folder, allowed in HOUSE.items():
        for other in HOUSE:
            source = f'#include "{other}/a.hpp"'
            found = bool(list(check_source(f"src/{folder}/a.cpp", source)))
            if found == (other in (folder, *allowed)):
                failures.append(f"self-test: {folder} including {other}: wrong answer {found}")
    words = documented_house(_HOUSE_IN_WORDS)
    above = ("base", "crypto", "hypervisor")
    wanted_words = {
        "base": (),
        "crypto": ("base",),
        "hypervisor": ("firmware", "abi", "base"),
        "sim": above,
        "machine": above,
    }
    if words != wanted_words:
        failures.append(f"self-test: the table in words was read as {words}")
    if len(list(check_documentation(_HOUSE_IN_WORDS))) != len(HOUSE) - 3:
        failures.append("self-test: what lacks or differs in a table in words was not found")
    return failures


def check(root: pathlib.Path) -> Tuple[List[str], int]:
    findings, count = check_tree(root)
    failures = [str(finding) for finding in findings]
    failures += check_documentation((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    return failures, count


if __name__ == "__main__":
    sys.exit(source_check.run(self_test, check, __doc__.splitlines()[0]))
