#!/usr/bin/env python3
"""The command line contract of `extreq verify` and `extreq show`: exit codes and JSON.

usage: verify_cli_test.py PROGRAM WRITE_TEST_EVIDENCE

Most of it runs on evidence made by WRITE_TEST_EVIDENCE; the rest on the real report under
$EXTREQ_TESTDATA.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

OK, USAGE, NOT_GENUINE, NOT_ACCEPTABLE, UNREADABLE = range(5)
CHECKS = [
    "signing_key", "root_trusted", "root", "intermediate", "leaf", "validity", "product",
    "revocation", "signature_algorithm", "signature", "reported_tcb", "chip_id", "runtime_data",
    "report_data", "vmpl", "guest_policy", "platform_info", "minimum_tcb", "minimum_version", "committed_firmware",
    "mitigations", "measurement", "host_data", "identity", "platform", "id_block",
    "certificate_table",
]
AT = ("--at", "2026-06-01T12:00:00Z")
REPORT_DATA = "5d" * 64

PROGRAM = ""
EVIDENCE = pathlib.Path()


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=60)


def flipped(source, name, bit):
    data = bytearray(source.read_bytes())
    data[bit // 8] ^= 1 << (bit % 8)
    target = EVIDENCE / name
    target.write_bytes(data)
    return target


class Contract(unittest.TestCase):
    def expect(self, code, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def verify(self, code, *arguments, report="report.bin"):
        return self.expect(code, "verify", "--report", EVIDENCE / report, *AT, *arguments)

    def states(self, *arguments):
        done = run("verify", "--json", *arguments)
        result = json.loads(done.stdout)
        self.assertEqual(result["exit_code"], done.returncode)
        return result, {check["name"]: check["state"] for check in result["checks"]}


class Made(Contract):
    def trusted(self, *more):
        return ("--certs", EVIDENCE / "table.bin", "--trust", EVIDENCE / "ark.der", *more)

    def test_a_genuine_report_passes_with_every_form_of_its_certificates(self):
        self.verify(OK, *self.trusted())
        for leaf in ("vcek.der", "vcek.pem"):
            self.verify(OK, "--leaf", EVIDENCE / leaf, "--chain", EVIDENCE / "chain.pem",
                        "--trust", EVIDENCE / "ark.der")
        self.verify(OK, "--leaf", EVIDENCE / "vcek.der", "--trust", EVIDENCE / "chain.pem")

    def test_options_that_may_be_repeated_take_one_value_each(self):
        self.verify(OK, "--chain", EVIDENCE / "vcek.der", "--chain", EVIDENCE / "chain.pem",
                    "--trust", EVIDENCE / "ark.der")
        self.verify(USAGE, "--chain", EVIDENCE / "vcek.der", EVIDENCE / "chain.pem")

    def test_without_trust_only_amds_roots_count(self):
        done = self.verify(NOT_GENUINE, "--certs", EVIDENCE / "table.bin")
        self.assertIn(b"neither AMD's nor named by the user", done.stdout)

    def test_the_output_lists_each_check_and_closes_with_what_was_not_checked(self):
        done = self.verify(OK, *self.trusted())
        lines = done.stdout.decode().splitlines()
        self.assertEqual(sum(line.startswith(("passed  ", "not done  ")) for line in lines),
                         len(CHECKS))
        self.assertTrue(lines[-1].startswith("genuine: signed by a VCEK"), lines[-1])
        self.assertIn("not checked: revocation, runtime_data, report_data, vmpl", lines[-1])

    def test_json_is_one_object_with_every_check(self):
        result, states = self.states("--report", EVIDENCE / "report.bin", *AT, *self.trusted())
        self.assertEqual(list(states), CHECKS)
        self.assertEqual(result["verdict"], "genuine")
        self.assertEqual(result["signing_key"], "VCEK")
        self.assertEqual(result["product"], "Genoa")
        self.assertEqual(result["root"]["trusted_as"], "named by the user")
        self.assertEqual(states["signature"], "passed")
        self.assertEqual(states["revocation"], "not_done")

    def test_report_data_is_compared_whole(self):
        self.verify(OK, *self.trusted("--report-data", REPORT_DATA))
        self.verify(OK, *self.trusted("--report-data", REPORT_DATA.upper()))
        self.verify(NOT_ACCEPTABLE, *self.trusted("--report-data", REPORT_DATA[:-2]))
        self.verify(NOT_ACCEPTABLE, *self.trusted("--report-data", "00" * 64))

    def test_not_genuine_goes_before_not_acceptable(self):
        self.verify(NOT_GENUINE, "--certs", EVIDENCE / "table.bin", "--report-data", "00")

    def test_wrong_command_lines_are_usage_errors(self):
        for arguments in ((), ("nonsense",), ("verify",), ("show",), ("verify", "--nonsense"),
                          ("show", "a", "b")):
            self.expect(USAGE, *arguments)
        for data in ("", "5", "zz", "00" * 65):
            self.verify(USAGE, *self.trusted("--report-data", data))
        self.expect(USAGE, "verify", "--report", EVIDENCE / "report.bin", "--at", "today")

    def test_help_is_no_error(self):
        for arguments in (("--help",), ("verify", "--help"), ("show", "--help")):
            self.expect(OK, *arguments)

    def test_files_that_cannot_be_read_are_said_to_be(self):
        self.verify(UNREADABLE, report="missing.bin")
        self.verify(UNREADABLE, report="vcek.der")
        for option in ("--certs", "--leaf", "--chain", "--trust"):
            done = self.verify(UNREADABLE, option, EVIDENCE / "missing")
            self.assertIn(b"missing", done.stderr)
            self.verify(UNREADABLE, option, EVIDENCE / "report.bin")
        (EVIDENCE / "zero.bin").write_bytes(bytes(0x4A0))
        self.verify(UNREADABLE, report="zero.bin")
        short = EVIDENCE / "short.bin"
        short.write_bytes((EVIDENCE / "report.bin").read_bytes()[:-1])
        self.verify(UNREADABLE, report="short.bin")
        self.verify(UNREADABLE, "--trust", EVIDENCE / "vcek.der")

    def test_an_unreadable_input_is_said_in_json_too(self):
        done = self.verify(UNREADABLE, "--json", report="missing.bin")
        self.assertEqual(json.loads(done.stdout)["exit_code"], UNREADABLE)

    def test_missing_certificates_make_a_report_not_genuine(self):
        self.verify(NOT_GENUINE)
        self.verify(NOT_GENUINE, "--leaf", EVIDENCE / "vcek.der", "--trust", EVIDENCE / "ark.der")
        (EVIDENCE / "empty.bin").write_bytes(bytes(24))
        self.verify(NOT_GENUINE, "--certs", EVIDENCE / "empty.bin")

    def test_certificates_must_be_valid_at_the_time(self):
        self.expect(NOT_GENUINE, "verify", "--report", EVIDENCE / "report.bin", *self.trusted(),
                    "--at", "2031-01-01T00:00:00+01:00")

    def test_a_flipped_bit_is_not_genuine(self):
        for at in (0x08, 0x50, 0x90, 0x180, 0x1A0, 0x29F, 0x2A0, 0x2E8, 0x330, 0x49F):
            flipped(EVIDENCE / "report.bin", "flipped.bin", at * 8)
            self.verify(NOT_GENUINE, *self.trusted(), report="flipped.bin")

    def test_show_recognises_each_kind_by_its_content(self):
        for name, kind in (("report.bin", "report"), ("table.bin", "certificate_table"),
                           ("vcek.der", "certificate"), ("vcek.pem", "certificate"),
                           ("chain.pem", "certificates")):
            done = self.expect(OK, "show", EVIDENCE / name, "--json")
            self.assertEqual(json.loads(done.stdout)["type"], kind, name)
            text = self.expect(OK, "show", EVIDENCE / name).stdout.decode()
            self.assertRegex(text, rf"(?m)^type +{kind}$")

    def test_show_gives_absent_fields_as_absent(self):
        shown = json.loads(self.expect(OK, "show", EVIDENCE / "report.bin", "--json").stdout)
        self.assertEqual(shown["version"], 3)
        self.assertEqual(shown["cpuid"]["product"], "Genoa")
        self.assertEqual(shown["reported_tcb"]["microcode"], 0xD9)
        self.assertIsNone(shown["current_mit_vector"])

    def test_show_refuses_what_it_does_not_know(self):
        for content in (b"", b"hello", bytes(0x4A0), b"\x30\x03abc", b"-----BEGIN nothing"):
            (EVIDENCE / "unknown").write_bytes(content)
            self.expect(UNREADABLE, "show", EVIDENCE / "unknown")
        self.expect(UNREADABLE, "show", EVIDENCE / "missing")
        self.expect(UNREADABLE, "show", EVIDENCE)


class Real(Contract):
    def setUp(self):
        folder = pathlib.Path(os.environ["EXTREQ_TESTDATA"])
        self.report = folder / "milan/report.bin"
        self.leaf = folder / "milan/vcek.der"
        self.chain = folder / "roots/milan_vcek_chain.pem"

    def milan(self, report=None, leaf=None):
        return ("--report", report or self.report, "--leaf", leaf or self.leaf, "--chain",
                self.chain)

    def test_the_milan_report_is_genuine(self):
        done = self.expect(OK, "verify", *self.milan(), "--report-data", "0102030405")
        self.assertIn(b"AMD's root \"ARK-Milan\"", done.stdout)

    def test_a_report_of_version_2_takes_its_product_from_the_leaf(self):
        result, states = self.states(*self.milan())
        self.assertEqual(result["product"], "Milan")
        self.assertEqual(states["product"], "passed")
        shown = json.loads(self.expect(OK, "show", self.report, "--json").stdout)
        self.assertIsNone(shown["cpuid"])

    # All bits are flipped in src/attestation/damage_test.cpp; here a few go through the program.
    def test_a_flipped_bit_of_report_or_leaf_is_refused(self):
        for bit in range(5, 0x2A0 * 8, 61 * 8 + 1):
            damaged = flipped(self.report, "damaged.bin", bit)
            done = run("verify", *self.milan(report=damaged))
            self.assertIn(done.returncode, (NOT_GENUINE, UNREADABLE), f"report bit {bit}")
        for bit in range(3, 767 * 8, 61 * 8 + 1):
            damaged = flipped(self.leaf, "damaged.der", bit)
            done = run("verify", *self.milan(leaf=damaged))
            self.assertIn(done.returncode, (NOT_GENUINE, UNREADABLE), f"leaf bit {bit}")

    def test_the_reserved_part_of_the_signature_must_be_zero(self):
        for at in (0x330, 0x400, 0x49F):
            damaged = flipped(self.report, "damaged.bin", at * 8)
            self.expect(NOT_GENUINE, "verify", *self.milan(report=damaged))

    def test_the_chains_of_others_are_refused(self):
        for other in ("genoa_vcek", "turin_vcek", "milan_vlek"):
            chain = self.chain.parent / f"{other}_chain.pem"
            self.expect(NOT_GENUINE, "verify", "--report", self.report, "--leaf", self.leaf,
                        "--chain", chain)

    def test_show_knows_amds_roots(self):
        shown = json.loads(self.expect(OK, "show", self.chain, "--json").stdout)
        ask, ark = shown["certificates"]
        self.assertEqual((ask["role"], ark["role"]), ("ASK", "ARK"))
        self.assertTrue(ark["pinned_as_amds"])
        self.assertFalse(ark["software_model"])


if __name__ == "__main__":
    PROGRAM, WRITER = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="extreq-verify-cli-") as scratch:
        EVIDENCE = pathlib.Path(scratch)
        subprocess.run([WRITER, scratch], check=True)
        unittest.main(argv=[sys.argv[0], "-v"])
