#!/usr/bin/env python3
"""No number that a specification owns stands outside its owner's header.

Reads the C++ files of src, include, fuzz, bench and examples without their comments; files of tests
(*_test.*, test_*) are free, since they must say the numbers again. Fails with file:line.

A number that by accident looks like one of these is allowed with its true owner named in a comment
on its line: `// other owner: Linux boot protocol`.

Without arguments: first the self-test, which plants violations and must find each, then the project.
"""

import pathlib
import sys
import tempfile
from typing import Dict, Iterator, List, Set, Tuple

import cpp_tokens
import source_check
from source_check import Finding

FOLDERS = ("src", "include", "fuzz", "bench", "examples")
WAIVER = "other owner:"

GHCB = "src/abi/ghcb.hpp"
FIRMWARE = "src/abi/snp_firmware.hpp"
KDS = "src/abi/kds.hpp"
KVM = "src/abi/kvm.hpp"
SEV = "src/abi/sev.hpp"
SEV_GUEST = "src/abi/sev_guest.hpp"

# Distinctive numbers: found in any spelling, in every file but the owners'.
DISTINCTIVE: Dict[int, Tuple[str, ...]] = {
    0xC0010130: (GHCB,),  # the GHCB's MSR
    2032: (GHCB,),  # shared buffer
    0xFFA: (GHCB,),  # protocol version
    0x100000001: (GHCB,),  # page state change errors
    0x100000002: (GHCB,),
    0x2A0: (FIRMWARE,),  # signed part of a report
    0x4A0: (FIRMWARE,),  # size of a report
    0x404: (FIRMWARE,),  # size of a public key
    432: (FIRMWARE, SEV),  # wrapped VLEK hashstick
    4000: (FIRMWARE, SEV_GUEST),  # payload of a guest message, Linux's buffer for it
    0xFFFFFFFFF000: (FIRMWARE,),  # measured address of a VMSA
}

# In decimal only: in hexadecimal it is any byte.
DECIMAL: Dict[int, Tuple[str, ...]] = {
    253: (GHCB,),  # entries of a page state change
}

# GHCB events: every number in the range, but those that are CPUID leaves.
EVENTS = range(0x80000010, 0x80010000)
CPUID_LEAVES = range(0x80000019, 0x80000030)

# Offsets: only in hexadecimal, because small decimal numbers mean many things, and not in the other
# headers of src/abi, which own layouts of their own.
OFFSETS: Dict[int, Tuple[str, ...]] = {
    **{offset: (GHCB,) for offset in (0x308, 0x310, 0x318, 0x328, 0x330, 0x338)},
    **{offset: (GHCB,) for offset in range(0x340, 0x380, 8)},
    **{offset: (GHCB,) for offset in (0x390, 0x398, 0x3A0, 0x3A8, 0x3E8, 0x3F0, 0xFF0, 0xFFC)},
    **{offset: (FIRMWARE,) for offset in (0x188, 0x189, 0x18A, 0x1A0, 0x1E0, 0x1E8, 0x1EC, 0x1F0)},
    **{offset: (FIRMWARE,) for offset in (0x240, 0x4C0, 0x680, 0x880, 0xC84)},
    0x1F8: (GHCB, FIRMWARE),  # RAX; LAUNCH_MIT_VECTOR
}

# Made of smaller numbers in their owners' headers, so not found there literally.
COMPUTED: Dict[int, Tuple[str, ...]] = {
    0x80000306: (GHCB,),  # #UD and #GP as the GHCB injects them
    0x8000030D: (GHCB,),
    0xAE41: (KVM,),  # ioctls
    0xAE80: (KVM,),
    0xC008AEBA: (KVM,),
    0x4018AEE1: (KVM,),
    0x4018AEE2: (KVM,),
    0x4018AEE3: (KVM,),
    0xC0105300: (SEV,),
    0xC0205300: (SEV_GUEST,),
    0xC0205301: (SEV_GUEST,),
    0xC0205302: (SEV_GUEST,),
}

# GUIDs of the certificate table: their first bytes one after the other, in the order written or
# swapped, and their text.
GUIDS = (
    "63da758d-e664-4564-adc5-f4b93be8accd",
    "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "4ab7b379-bbac-4fe4-a02f-05aef327c782",
    "c0b406a4-a803-4952-9743-3fb6014cd0ae",
    "92f81bc3-5811-4d3d-97ff-d19f88dc67ea",
)
GUID_STARTS = {tuple(bytes.fromhex(guid[:8])) for guid in GUIDS}
GUID_STARTS |= {start[::-1] for start in GUID_STARTS}

TEXTS: Dict[str, Tuple[str, ...]] = {
    **{guid: (GHCB,) for guid in GUIDS},
    "1.3.6.1.4.1.3704": (KDS,),
}


def owners_of(value: int, text: str, path: str) -> Tuple[str, ...]:
    """The headers that may say this number, or nothing if everybody may."""
    for table in (DISTINCTIVE, COMPUTED):
        if value in table:
            return table[value]
    if value in DECIMAL and text[0] != "0":
        return DECIMAL[value]
    if value in EVENTS and value not in CPUID_LEAVES:
        return (GHCB,)
    if value in OFFSETS and text[:2] in ("0x", "0X") and not path.startswith("src/abi/"):
        return OFFSETS[value]
    return ()


def foreign_numbers(path: str, source: str) -> Iterator[Finding]:
    """What stands in the file and belongs to another, waivers not yet considered."""
    recent: List[int] = []
    for token in cpp_tokens.tokens(source):
        if token.kind == "number":
            value = cpp_tokens.integer(token.text)
            if value is None:
                recent.clear()
                continue
            owners = owners_of(value, token.text, path)
            if owners and path not in owners:
                yield Finding(path, token.line, f"{token.text} belongs to {' or '.join(owners)}")
            recent = (recent + [value])[-4:]
            if tuple(recent) in GUID_STARTS and path != GHCB:
                yield Finding(path, token.line, f"bytes of a certificate GUID belong to {GHCB}")
        elif token.kind == "string":
            recent.clear()
            for text, owners in TEXTS.items():
                if text in token.text.lower() and path not in owners:
                    yield Finding(path, token.line, f'"{text}" belongs to {" or ".join(owners)}')
        elif token.kind != "comment" and token.text != ",":
            recent.clear()


def scan_file(path: str, source: str) -> Iterator[Finding]:
    waived: Set[int] = set()
    for token in cpp_tokens.tokens(source):
        if token.kind == "comment" and WAIVER in token.text:
            if token.text.split(WAIVER, 1)[1].strip(" */"):
                waived.add(token.line)
            else:
                yield Finding(path, token.line, f'"{WAIVER}" names nobody')
    used: Set[int] = set()
    for finding in foreign_numbers(path, source):
        if finding.line in waived:
            used.add(finding.line)
        else:
            yield finding
    for line in sorted(waived - used):
        yield Finding(path, line, f'"{WAIVER}" with nothing to allow')


def scan(root: pathlib.Path) -> Tuple[List[Finding], int]:
    findings: List[Finding] = []
    count = 0
    for file in cpp_tokens.source_files(root, FOLDERS):
        if cpp_tokens.is_test(file):
            continue
        count += 1
        findings += scan_file(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    return findings, count


def numbers_without_owner(root: pathlib.Path) -> Iterator[str]:
    """Numbers of the tables that their owners no longer say: the table would guard nothing."""
    said: Dict[str, Set[int]] = {}
    for owner in (GHCB, FIRMWARE, SEV, SEV_GUEST):
        source = (root / owner).read_text(encoding="utf-8")
        said[owner] = {
            value
            for token in cpp_tokens.tokens(source)
            if token.kind == "number" and (value := cpp_tokens.integer(token.text)) is not None
        }
    for table in (DISTINCTIVE, DECIMAL, OFFSETS):
        for value, owners in table.items():
            for owner in owners:
                if value not in said[owner]:
                    yield f"{owner} does not contain {value:#x}, which this test guards for it"


# ---------------------------------------------------------------------------------------------

# (path, source, lines at which something must be found)
PLANTED = (
    # every spelling of one number
    ("src/vmm/a.cpp", "auto msr = 0xC0010130;\n", [1]),
    ("src/vmm/a.cpp", "auto msr = 0Xc0010130ULL;\n", [1]),
    ("src/vmm/a.cpp", "\n\nauto msr = 3221291312u;\n", [3]),
    ("src/vmm/a.cpp", "auto msr = 3'221'291'312;\n", [1]),
    ("src/vmm/a.cpp", "auto msr = 0xC001'0130;\n", [1]),
    ("src/vmm/a.cpp", "auto msr = 030000200460;\n", [1]),
    ("src/vmm/a.cpp", "auto msr = 0b11000000000000010000000100110000;\n", [1]),
    # every folder, every kind of file
    ("include/extreq/vmm.h", "#define MSR 0xC0010130\n", [1]),
    ("fuzz/fuzz_a.cpp", "int a = 0xC0010130;\n", [1]),
    ("bench/bench_a.cpp", "int a = 0xC0010130;\n", [1]),
    ("examples/a.c", "int a = 0xC0010130;\n", [1]),
    ("src/firmware/model/a.hpp", "int a = 0x4A0;\n", [1]),
    ("src/abi/kvm.hpp", "int a = 0xC0010130;\n", [1]),
    ("src/abi/snp_firmware.hpp", "int a = 0xC0010130;\n", [1]),
    # every list
    ("src/guest/a.cpp", "switch (code) {\n  case 0x80000010:\n  case 0x80000018:\n", [2, 3]),
    ("src/guest/a.cpp", "a = 0x8000FFFD;\na = 0x8000fffe;\na = 2147549183;\n", [1, 2, 3]),
    ("src/guest/a.cpp", "a = 0x80000030; b = 0x80001234;\n", [1, 1]),
    ("src/guest/a.cpp", "a = 253; b = 2032; c = 4090;\n", [1, 1, 1]),
    ("src/guest/a.cpp", "a = 672; b = 1184; c = 432; d = 4000;\n", [1, 1, 1, 1]),
    ("src/guest/a.cpp", "a = 0x3F0; b = 0x3a0; c = 0x1F8; d = 0x1A0;\n", [1, 1, 1, 1]),
    ("src/guest/a.cpp", "a = 0xC0205302; b = 0xAE80; c = 0x80000306;\n", [1, 1, 1]),
    ("src/guest/a.cpp", "a = 0xFFFFFFFFF000; b = 0x100000001;\n", [1, 1]),
    ("src/guest/a.cpp", "Guid a{0x63, 0xDA,\n  0x75, 0x8d, 0xE6};\n", [2]),
    ("src/guest/a.cpp", "Guid a{0x8D, 0x75, 0xDA, 0x63};\n", [1]),
    ("src/guest/a.cpp", 'auto a = "C0B406A4-A803-4952-9743-3FB6014CD0AE";\n', [1]),
    ("src/attestation/a.cpp", 'auto a = "1.3.6.1.4.1.3704.1.4";\n', [1]),
    # after what could hide it
    ("src/vmm/a.cpp", "/* one\n two */ int a = 0x4A0;\n", [2]),
    ("src/vmm/a.cpp", 'auto s = "// \\" /*"; int a = 0x4A0;\n', [1]),
    ("src/vmm/a.cpp", 'auto s = R"x(" \n )" 0x4A0 )x"; int a = 0x4A0;\n', [2]),
    ("src/vmm/a.cpp", "char q = '\"'; int a = 1'184; char r = '\\'';\n", [1]),
    # a waiver must name somebody, and something must be there to allow
    ("src/vmm/a.cpp", "int a = 0x4A0;  // other owner:\n", [1, 1]),
    ("src/vmm/a.cpp", "int a = 5;  // other owner: nobody\n", [1]),
    ("src/vmm/a.cpp", "int a = 0x4A0;\n// other owner: the line above\n", [1, 2]),
    # nothing to find
    ("src/abi/ghcb.hpp", "a = 0xC0010130; b = 0x3F0; c = 253; d = 0x80000012;\n", []),
    ("src/abi/snp_firmware.hpp", "a = 0x4A0; b = 0x1A0; c = 4000; d = 0x1F8;\n", []),
    ("src/abi/x86_snp.hpp", "vmsa_rax = 0x1F8; vmsa_rbx = 0x318;\n", []),
    ("src/vmm/a_test.cpp", "a = 0xC0010130;\n", []),
    ("src/crypto/test_keys.cpp", "a = 0x4A0;\n", []),
    ("src/vmm/a.cpp", "// 0xC0010130\n/* 0x4A0\n0x80000012 */\n", []),
    ("src/vmm/a.cpp", 'auto s = "0xC0010130 0x4A0"; auto r = R"(0x4A0)";\n', []),
    ("src/vmm/a.cpp", "int x0xC0010130 = 0; int r4000 = 0; double d = 4000.0;\n", []),
    ("src/vmm/a.cpp", "leaf = 0x8000001F; offset = 1016; a = 928; b = 0x3F8; c = 0xFD;\n", []),
    ("src/vmm/a.cpp", "a = 0x1E8;  // other owner: Linux boot protocol\n", []),
    ("src/vmm/a.txt", "0xC0010130\n", []),
)


def self_test() -> List[str]:
    failures = source_check.planted_failures(
        PLANTED, lambda root: [finding.line for finding in scan(root)[0]])
    for guarded in (*DISTINCTIVE, *COMPUTED, *DECIMAL, *EVENTS[:9], *EVENTS[-3:]):
        if not list(scan_file("src/vmm/a.cpp", f"auto a = {guarded};")):
            failures.append(f"self-test: {guarded:#x} in decimal was not found")
    for guarded in OFFSETS:
        if not list(scan_file("src/vmm/a.cpp", f"auto a = {guarded:#x};")):
            failures.append(f"self-test: {guarded:#x} was not found")
    with tempfile.TemporaryDirectory() as folder:
        for owner in (GHCB, FIRMWARE, SEV, SEV_GUEST):
            file = pathlib.Path(folder, owner)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("// says nothing\n", encoding="utf-8")
        guarded_count = sum(len(o) for t in (DISTINCTIVE, DECIMAL, OFFSETS) for o in t.values())
        if len(list(numbers_without_owner(pathlib.Path(folder)))) != guarded_count:
            failures.append("self-test: numbers that their owners do not say were not found")
    return failures


def check(root: pathlib.Path) -> Tuple[List[str], int]:
    findings, count = scan(root)
    return [*map(str, findings), *numbers_without_owner(root)], count


if __name__ == "__main__":
    sys.exit(source_check.run(self_test, check, __doc__.splitlines()[0]))
