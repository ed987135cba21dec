#!/usr/bin/env python3
"""extreq verify --batch, extreq measure --ovmf and extreq idblock: the contract of their output.

usage: batch_cli_test.py EXTREQ WRITE_TEST_EVIDENCE

The measurement is computed here a second time, from the formula in doc/measurement.md alone.
"""

import base64
import hashlib
import json
import pathlib
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid

EXTREQ, WRITE_TEST_EVIDENCE = sys.argv[1:3]
AT = "2026-06-01T12:00:00Z"  # when the written revocation lists are fresh


def extreq(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([EXTREQ, *arguments], input=stdin, capture_output=True, check=False)


class WithFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def path(self, name: str) -> str:
        return str(self.folder / name)


class Batch(WithFolder):
    def setUp(self) -> None:
        super().setUp()
        subprocess.run([WRITE_TEST_EVIDENCE, str(self.folder)], check=True)
        (self.folder / "leaves").mkdir()
        (self.folder / "in").mkdir()
        for name in ("vcek.der", "chain.pem"):
            shutil.copy(self.path(name), self.path("leaves"))
        self.report = (self.folder / "report.bin").read_bytes()
        self.bad = bytearray(self.report)
        self.bad[0x51] ^= 1

    def verify(self, source: str, *more: str, stdin: bytes = b""):
        done = extreq("verify", "--batch", source, "--leaves", self.path("leaves"), "--trust",
                      self.path("ark.der"), *more, stdin=stdin)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_report_is_answered_before_the_next_one_comes(self) -> None:
        with subprocess.Popen([EXTREQ, "verify", "--batch", "-", "--leaves", self.path("leaves"), "--trust",
                               self.path("ark.der")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            for number in range(2):
                program.stdin.write(self.report)
                program.stdin.flush()
                answered, _, _ = select.select([program.stdout], [], [], 120)
                if not answered:
                    program.kill()
                    self.fail("no answer in two minutes")
                self.assertEqual(json.loads(program.stdout.readline())["number"], number)
            program.stdin.close()
            self.assertEqual(program.wait(), 0)

    def test_a_folder_is_answered_file_by_file_in_order(self) -> None:
        table = (self.folder / "table.bin").read_bytes()
        files = {"a.bin": self.report, "b.bin": bytes(self.bad), 'c"\n.bin': b"short",
                 "d.bin": self.report + table, "e.bin": self.report + b"no table"}
        for name, content in files.items():
            (self.folder / "in" / name).write_bytes(content)
        code, lines = self.verify(self.path("in"))
        self.assertEqual(code, 2)
        self.assertEqual([line["name"] for line in lines], list(files))
        self.assertEqual([line["number"] for line in lines], list(range(5)))
        self.assertEqual([line["verdict"] for line in lines],
                         ["genuine", "not_genuine", None, "genuine", None])
        self.assertEqual(list(lines[1]["failed"]), ["signature"])
        self.assertIn("revocation", lines[0]["not_checked"])
        self.assertIn("0x5 bytes", lines[2]["error"])

    def test_the_list_in_a_table_revokes_and_satisfies_nothing(self) -> None:
        for name, table in {"a.bin": "table.bin", "b.bin": "table-crl.bin",
                            "c.bin": "table-crl-ask.bin"}.items():
            (self.folder / "in" / name).write_bytes(self.report + (self.folder / table).read_bytes())

        def failed(*more: str) -> list:
            code, lines = self.verify(self.path("in"), "--at", AT, *more)
            self.assertEqual(code, 2 if any(line["failed"] for line in lines) else 0)
            return [list(line["failed"]) for line in lines]

        none, out = [], ["revocation"]
        self.assertEqual(failed(), [none, none, out])
        self.assertEqual(failed("--revocation", "required"), [out, out, out])
        self.assertEqual(failed("--revocation", "off"), [none, none, none])
        required = ("--revocation", "required")
        self.assertEqual(failed(*required, "--vcek-crl", self.path("crl.der")), [none, none, out])
        self.assertEqual(failed(*required, "--vlek-crl", self.path("crl.der")), [out, out, out])
        self.assertEqual(failed(*required, "--crl", self.path("crl.der")), [out, out, out])
        for option in ("--crl", "--vcek-crl", "--vlek-crl"):
            self.assertEqual(failed(option, self.path("crl-vcek.der")), [out, out, out])
        self.assertEqual(failed("--crl-number", "012d"), [none, none, out])

    def test_a_policy_is_asked_of_each_report_and_its_table(self) -> None:
        for name, content in {"a.bin": self.report, "b.bin": self.report +
                              (self.folder / "table-crl.bin").read_bytes()}.items():
            (self.folder / "in" / name).write_bytes(content)

        def verdicts(**rules) -> list:
            policy = self.folder / "policy.json"
            policy.write_text(json.dumps({"version": 1, "waive_report_data": True, **rules}))
            _, lines = self.verify(self.path("in"), "--at", AT, "--policy", str(policy))
            return [line["verdict"] for line in lines]

        crl = "92f81bc3-5811-4d3d-97ff-d19f88dc67ea"
        self.assertEqual(verdicts(vmpls=[0]), ["genuine", "genuine"])
        self.assertEqual(verdicts(vmpls=[1]), ["not_acceptable", "not_acceptable"])
        self.assertEqual(verdicts(certificate_table={crl: {"presence": "require"}}),
                         ["not_acceptable", "genuine"])

    def test_a_stream_is_answered_report_by_report(self) -> None:
        many = [self.report] * 20 + [bytes(self.bad)] + [self.report] * 3
        for threads in ("1", "3"):
            code, lines = self.verify("-", "--threads", threads, "--wait", "0", stdin=b"".join(many))
            self.assertEqual(code, 2)
            self.assertEqual([line["verdict"] for line in lines],
                             ["genuine"] * 20 + ["not_genuine"] + ["genuine"] * 3)
        (self.folder / "all").write_bytes(self.report * 3)
        self.assertEqual(self.verify(self.path("all"))[0], 0)

    def test_a_stream_that_is_cut_off_says_so(self) -> None:
        code, lines = self.verify("-", stdin=self.report + self.report[:100])
        self.assertEqual(code, 4)
        self.assertEqual(lines[0]["verdict"], "genuine")
        self.assertIn("0x64 bytes", lines[1]["error"])

    def test_a_report_of_an_unknown_chip_has_no_leaf(self) -> None:
        other = bytearray(self.report)
        other[0x1A0] ^= 1
        code, lines = self.verify("-", stdin=bytes(other))
        self.assertEqual(code, 4)
        self.assertIn("no VCEK for chip", lines[0]["error"])

    def test_what_was_asked_for_is_checked(self) -> None:
        wanted = self.report[0x50:0x90].hex()
        self.assertEqual(self.verify("-", "--report-data", wanted, stdin=self.report)[0], 0)
        code, lines = self.verify("-", "--report-data", "00", stdin=self.report)
        self.assertEqual((code, lines[0]["verdict"]), (3, "not_acceptable"))

    def test_nothing_in_nothing_out(self) -> None:
        self.assertEqual(self.verify("-"), (0, []))
        self.assertEqual(self.verify(self.path("in")), (0, []))

    def test_a_source_that_is_not_there_is_an_error(self) -> None:
        self.assertEqual(self.verify(self.path("missing")), (4, []))
        self.assertEqual(extreq("verify").returncode, 1)
        self.assertEqual(extreq("verify", "--batch", "-", "--report", "x").returncode, 1)


PAGE = 4096


class Digest:
    def __init__(self) -> None:
        self.value = bytes(48)

    def page(self, kind: int, gpa: int, contents: bytes = b"") -> None:
        hashed = hashlib.sha384(contents).digest() if contents else bytes(48)
        self.value = hashlib.sha384(self.value + hashed + struct.pack("<HBBBBBBQ", 0x70, kind, 0, 0, 0,
                                                                      0, 0, gpa)).digest()


def guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


def entry(text: str, data: bytes) -> bytes:
    return data + struct.pack("<H", len(data) + 18) + guid(text)


SECTIONS = [(0x800000, 0x3000, 1), (0x80D000, PAGE, 2), (0x80E000, PAGE, 3), (0x80F000, PAGE, 4),
            (0x810000, PAGE, 0x10), (0x811000, 0x2000, 1)]
HASHES, EIP = 0x810C00, 0x80B004


def image() -> bytes:
    metadata = b"ASEV" + struct.pack("<III", 16 + 12 * len(SECTIONS), 1, len(SECTIONS))
    metadata += b"".join(struct.pack("<III", *section) for section in SECTIONS)
    table = entry("dc886566-984a-4798-a75e-5585a7bf67cc", struct.pack("<I", 0x600))
    table += entry("7255371f-3a3b-4b04-927b-1da6efa8d454", struct.pack("<II", HASHES, 0x400))
    table += entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", struct.pack("<I", EIP))
    table += struct.pack("<H", len(table) + 18) + guid("96b582de-1fb2-45f7-baea-a366c55a082d")
    content = bytearray(b"\x90" * (3 * PAGE))
    content[-0x600:-0x600 + len(metadata)] = metadata
    content[-32 - len(table):-32] = table
    return bytes(content)


def vmsa(eip: int, signature: int, features: int) -> bytes:
    page = bytearray(PAGE)

    def segment(at: int, selector: int, attributes: int, base: int = 0) -> None:
        struct.pack_into("<HHIQ", page, at, selector, attributes, 0xFFFF, base)

    segment(0x10, 0xF000, 0x9B, eip & 0xFFFF0000)
    for at in (0x00, 0x20, 0x30, 0x40, 0x50):
        segment(at, 0, 0x93)
    for at, attributes in ((0x60, 0), (0x70, 0x82), (0x80, 0), (0x90, 0x8B)):
        segment(at, 0, attributes)
    for at, value in ((0xD0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400),
                      (0x168, 0xFFFF0FF0), (0x170, 2), (0x178, eip & 0xFFFF),
                      (0x268, 0x0007040600070406), (0x310, signature), (0x3B0, features), (0x3E8, 1)):
        struct.pack_into("<Q", page, at, value)
    struct.pack_into("<I", page, 0x408, 0x1F80)
    struct.pack_into("<H", page, 0x410, 0x37F)
    return bytes(page)


def hash_page(kernel: bytes, initrd: bytes, command_line: bytes) -> bytes:
    def one(text: str, content: bytes) -> bytes:
        return guid(text) + struct.pack("<H", 50) + hashlib.sha256(content).digest()

    table = guid("9438d606-4f22-4cc9-b479-a793d411fd21") + struct.pack("<H", 168)
    table += one("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", command_line + b"\0")
    table += one("44baf731-3a2f-4bd7-9af1-41e29169781d", initrd)
    table += one("4de79437-abd2-427f-b835-d5b172d2045b", kernel)
    return bytes(HASHES % PAGE) + table + bytes(PAGE - HASHES % PAGE - len(table))


def measurement(kernel=None, vcpus: int = 1, signature: int = 0x800F12, features: int = 1) -> str:
    digest = Digest()
    content = image()
    for at in range(0, len(content), PAGE):
        digest.page(1, 2**32 - len(content) + at, content[at:at + PAGE])
    for gpa, size, kind in SECTIONS:
        for at in range(gpa, gpa + size, PAGE):
            if kind == 0x10 and kernel is not None:
                digest.page(1, at, hash_page(*kernel))
            else:
                digest.page({2: 5, 3: 6}.get(kind, 3), at)
    for number in range(vcpus):
        digest.page(2, 0xFFFFFFFFF000, vmsa(EIP if number else 0xFFFFFFF0, signature, features))
    return digest.value.hex()


class Measure(WithFolder):
    def setUp(self) -> None:
        super().setUp()
        for name, content in (("ovmf", image()), ("kernel", b"kernel"), ("initrd", b"initrd")):
            (self.folder / name).write_bytes(content)

    def measure(self, *options: str) -> str:
        done = extreq("measure", "--ovmf", self.path("ovmf"), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def test_is_what_the_formula_says(self) -> None:
        self.assertEqual(self.measure(), measurement())
        self.assertEqual(self.measure("--vcpus", "3", "--guest-features", "0x21"),
                         measurement(vcpus=3, features=0x21))
        self.assertEqual(self.measure("--vcpu-type", "EPYC-Genoa"), measurement(signature=0xA10F10))
        self.assertEqual(self.measure("--vcpu-sig", "0xb00f00"), measurement(signature=0xB00F00))

    def test_of_a_kernel_is_what_the_formula_says(self) -> None:
        kernel = ("--kernel", self.path("kernel"))
        self.assertEqual(self.measure(*kernel), measurement((b"kernel", b"", b"")))
        self.assertEqual(
            self.measure(*kernel, "--initrd", self.path("initrd"), "--append", "console=ttyS0"),
            measurement((b"kernel", b"initrd", b"console=ttyS0")))

    def test_in_json_says_what_went_in(self) -> None:
        document = json.loads(self.measure("--json", "--kernel", self.path("kernel")))
        self.assertEqual(document["measurement"], measurement((b"kernel", b"", b"")))
        self.assertEqual(document["hashes"]["kernel"], hashlib.sha256(b"kernel").hexdigest())

    def test_of_what_cannot_be_is_refused(self) -> None:
        ovmf = ("measure", "--ovmf", self.path("ovmf"))
        self.assertEqual(extreq("measure", "--ovmf", self.path("kernel")).returncode, 4)
        self.assertEqual(extreq(*ovmf, "--vcpu-type", "486").returncode, 4)
        self.assertEqual(extreq(*ovmf, "--append", "quiet").returncode, 4)
        self.assertEqual(extreq(*ovmf, "--kernel", self.path("missing")).returncode, 4)


class IdBlock(WithFolder):
    def setUp(self) -> None:
        super().setUp()
        for name in ("id.pem", "author.pem"):
            subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out",
                            self.path(name)], check=True, capture_output=True)

    def sign(self, *more: str) -> subprocess.CompletedProcess:
        return extreq("idblock", "sign", "--measurement", "ab" * 48, "--id-key", self.path("id.pem"),
                      "--id-block", self.path("block"), "--id-auth", self.path("auth"), "--json", *more)

    def check(self) -> subprocess.CompletedProcess:
        return extreq("idblock", "check", "--id-block", self.path("block"), "--id-auth",
                      self.path("auth"), "--json")

    def test_signed_is_checked_and_holds_what_was_given(self) -> None:
        done = self.sign("--author-key", self.path("author.pem"), "--family-id", "01" * 16,
                         "--image-id", "02" * 16, "--guest-svn", "7", "--policy", "0xb0000")
        self.assertEqual(done.returncode, 0, done.stderr)
        made = json.loads(done.stdout)
        block = (self.folder / "block").read_bytes()
        self.assertEqual(base64.b64decode(made["id_block"]), block)
        self.assertEqual(base64.b64decode(made["id_auth"]), (self.folder / "auth").read_bytes())
        self.assertEqual(block, b"\xab" * 48 + b"\1" * 16 + b"\2" * 16 +
                         struct.pack("<IIQ", 1, 7, 0xB0000))
        found = json.loads(self.check().stdout)
        self.assertEqual(found["id_key_digest"], made["id_key_digest"])
        self.assertEqual(found["author_key_digest"], made["author_key_digest"])
        self.assertIsNotNone(found["author_key_digest"])

    def test_openssl_finds_the_signature_good(self) -> None:
        self.assertEqual(self.sign().returncode, 0)
        auth = (self.folder / "auth").read_bytes()

        def integer(little: bytes) -> bytes:
            big = little[::-1].lstrip(b"\0") or b"\0"
            big = b"\0" + big if big[0] & 0x80 else big
            return b"\x02" + bytes([len(big)]) + big

        body = integer(auth[0x40:0x40 + 72]) + integer(auth[0x88:0x88 + 72])
        (self.folder / "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
        subprocess.run(["openssl", "ec", "-in", self.path("id.pem"), "-pubout", "-out",
                        self.path("public.pem")], check=True, capture_output=True)
        done = subprocess.run(["openssl", "dgst", "-sha384", "-verify", self.path("public.pem"),
                               "-signature", self.path("signature"), self.path("block")],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_changed_is_not_genuine(self) -> None:
        self.assertEqual(self.sign().returncode, 0)
        block = bytearray((self.folder / "block").read_bytes())
        block[0] ^= 1
        (self.folder / "block").write_bytes(block)
        self.assertEqual(self.check().returncode, 2)

    def test_wrong_arguments_and_keys_are_refused(self) -> None:
        self.assertEqual(self.sign("--family-id", "0102").returncode, 1)
        (self.folder / "id.pem").write_bytes(b"no key")
        self.assertEqual(self.sign().returncode, 4)
        self.assertEqual(self.check().returncode, 4)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
