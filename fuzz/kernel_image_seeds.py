#!/usr/bin/env python3
"""kernel_image_seeds.py DIRECTORY: writes the seeds of fuzz_kernel_image: a small kernel file, its
payload in each compression, and its vmlinux. The same bytes each time."""

import gzip
import lzma
import pathlib
import struct
import sys

VIRTUAL, PHYSICAL, CODE_AT = 0xFFFFFFFF81000000, 0x1000000, 0x200
SITES = bytes.fromhex(
    "90" * 8 + "b81f00008031c90fa2" + "90" * 4 + "b9310101c00f32" + "f20f01ff" + "f30f01fe" + "f30f01d9" + "90" * 4
    + "f30f01d90f32" + "b9300101c090900f32" + "90" * 32
)
COPY = bytes.fromhex("8b9e6002000081eb00900000" + "4801eb")
STUB = bytes.fromhex("0fa290" + "0f22df0f20d9" + "0f011d00000000" + "f30f01d90f32" + "4c89feffe0")


def vmlinux():
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, 62, 1, PHYSICAL, 64, 120, 0, 64, 56, 1, 64, 1, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, CODE_AT, VIRTUAL, PHYSICAL, len(SITES), len(SITES) + 0x3000, 0x200000)
    section = struct.pack("<IIQQQQIIQQ", 0, 1, 6, VIRTUAL, CODE_AT, len(SITES), 0, 0, 16, 0)
    return (header + segment + section).ljust(CODE_AT, b"\0") + SITES


def bzimage(payload):
    file = bytearray(3 * 512)
    file[0x1F1] = 2
    struct.pack_into("<H", file, 0x1FE, 0xAA55)
    file[0x200:0x202] = b"\xeb\x6a"
    struct.pack_into("<4sH", file, 0x202, b"HdrS", 0x20F)
    struct.pack_into("<H", file, 0x20E, 0x200)
    struct.pack_into("<IH", file, 0x22C, 0x7FFFFFFF, 0)
    struct.pack_into("<HI", file, 0x236, 1, 2047)
    struct.pack_into("<II", file, 0x248, 0x100, len(payload))
    struct.pack_into("<QI", file, 0x258, PHYSICAL, 0x10000)
    file[0x400:0x40A] = b"6.1.0-seed"
    return bytes(file) + COPY.ljust(0x100, b"\0") + payload + STUB


def lz4(data):
    """One legacy frame of literals alone."""
    length = len(data) - 15
    block = b"\xf0" + b"\xff" * (length // 255) + bytes([length % 255]) + data
    return struct.pack("<II", 0x184C2102, len(block)) + block


def zstd(data):
    """One frame with one raw block."""
    block = struct.pack("<I", len(data) << 3 | 1)[:3] + data
    return b"\x28\xb5\x2f\xfd\x60" + struct.pack("<H", len(data) - 256) + block


def main(folder):
    image = vmlinux()
    packed = {
        "gzip": gzip.compress(image, mtime=0),
        "xz": lzma.compress(image, check=lzma.CHECK_CRC32),
        "lzma": lzma.compress(image, format=lzma.FORMAT_ALONE),
        "lz4": lz4(image),
        "zstd": zstd(image),
        "none": b"\xde\xad\xbe\xef" * 8,
    }
    moved = SITES[:12] + struct.pack("<I", 0x8C400123) + SITES[16:]
    linked = SITES[:12] + struct.pack("<I", 0x81000123) + SITES[16:]
    seeds = {f"payload-{name}": b"\x01" + data for name, data in packed.items()}
    seeds |= {f"bzimage-{name}": b"\x00" + bzimage(data) for name, data in packed.items()}
    seeds["vmlinux"] = b"\x02" + image
    seeds["moved"] = b"\x03" + bytes([len(moved)]) + moved + bytes([len(linked)]) + linked
    seeds["not-moved"] = b"\x03" + bytes([len(linked)]) + linked + bytes([len(linked)]) + linked
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
