#!/usr/bin/env python3
"""extreq verify with policies and revocation lists: each rule and list is met by one report and failed
by another.

usage: policy_cli_test.py EXTREQ WRITE_TEST_EVIDENCE
"""

import base64
import contextlib
import hashlib
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

EXTREQ, WRITE_TEST_EVIDENCE = sys.argv[1:3]
OK, NOT_GENUINE, NOT_ACCEPTABLE, UNREADABLE = 0, 2, 3, 4
VCEK_GUID = "63da758d-e664-4564-adc5-f4b93be8accd"
FOLDER = pathlib.Path()


def extreq(*arguments):
    return subprocess.run([EXTREQ, *map(str, arguments)], capture_output=True, text=True, check=False)


def policy_file(policy: dict) -> pathlib.Path:
    path = FOLDER / "policy.json"
    path.write_text(json.dumps(policy))
    return path


def at(path: str, value) -> dict:
    """A policy that is `value` at that path."""
    for key in reversed(path.split("/")):
        value = {key: value}
    return {"version": 1, **value}


# Every validate.Options of google/go-sev-guest: a rule (or option) that the report of version 5 meets,
# and one that it does not, with the check that then fails. Of the written evidence nothing changes.
REPORT_DATA = "5d" * 64
TRUE = {"waive_report_data": True}
PLAIN_REPORT: dict = {}  # the same rule, and the report that has neither ID block nor author key


def rule(path: str, value) -> dict:
    return {"policy": {**at(path, value), **TRUE}}


def pair(check: str, path: str, good, bad) -> tuple:
    return check, rule(path, good), rule(path, bad)


OPTIONS = {
    "GuestPolicy": pair("guest_policy", "guest_policy/smt", "require", "forbid"),
    "MinimumGuestSvn": pair("identity", "minimum_guest_svn", 4, 5),
    "ReportData": ("report_data", {"arguments": ("--report-data", REPORT_DATA)},
                   {"arguments": ("--report-data", REPORT_DATA[2:])}),
    "HostData": pair("host_data", "host_data", ["da" * 32], ["db" * 32]),
    "ImageID": pair("identity", "image_ids", ["1a" * 16], ["1b" * 16]),
    "FamilyID": pair("identity", "family_ids", ["fa" * 16], ["fb" * 16]),
    "ReportID": pair("identity", "report_ids", ["4e" * 32], ["4f" * 32]),
    "ReportIDMA": pair("identity", "report_ids_ma", ["ff" * 32], ["00" * 32]),
    "Measurement": pair("measurement", "measurements", ["3f" * 48, "3e" * 48], ["3f" * 48]),
    "ChipID": ("platform", {"chip": 0}, {"chip": 1}),
    "MinimumBuild": pair("minimum_version", "minimum_build", {"current": 21, "committed": 20},
                         {"committed": 21}),
    "MinimumVersion": pair("minimum_version", "minimum_version/committed", "1.55", "1.56"),
    "MinimumTCB": pair("minimum_tcb", "minimum_tcb/Genoa/current", {"snp": 5, "microcode": 217},
                       {"snp": 6}),
    "MinimumLaunchTCB": pair("minimum_tcb", "minimum_tcb/Genoa/launch/bootloader", 2, 3),
    "PermitProvisionalFirmware": pair("committed_firmware", "forbid_provisional_firmware", False,
                                      True),
    "PlatformInfo": pair("platform_info", "platform_info/ecc_en", "require", "forbid"),
    "RequireAuthorKey": ("id_block", rule("id_block/require_author_key", True), PLAIN_REPORT),
    "VMPL": pair("vmpl", "vmpls", [0], [1, 2, 3]),
    "RequireIDBlock": ("id_block", rule("id_block/require", True), PLAIN_REPORT),
    "TrustedAuthorKeys": pair("id_block", "id_block/author_key_digests", ["a0" * 48], ["a1" * 48]),
    "TrustedAuthorKeyHashes": pair("id_block", "id_block",
                                   {"author_key_digests": ["a0" * 48], "id_key_digests": ["aa" * 48]},
                                   {"author_key_digests": ["a1" * 48], "id_key_digests": ["aa" * 48]}),
    "TrustedIDKeys": pair("id_block", "id_block/id_key_digests", ["1d" * 48], ["1e" * 48]),
    "TrustedIDKeyHashes": pair("id_block", "id_block/id_key_digests", ["1e" * 48, "1d" * 48],
                               ["1e" * 48, "1f" * 48]),
    "CertTableOptions": pair("certificate_table", f"certificate_table/{VCEK_GUID}/presence",
                             "require", "forbid"),
    "MinimumLaunchMitigationVector": pair("mitigations", "mitigations/launch", 1, 2),
    "MinimumCurrentMitigationVector": pair("mitigations", "mitigations/current", 3, 4),
}
ALL_OPTIONS = """GuestPolicy MinimumGuestSvn ReportData HostData ImageID FamilyID ReportID ReportIDMA
    Measurement ChipID MinimumBuild MinimumVersion MinimumTCB MinimumLaunchTCB
    PermitProvisionalFirmware PlatformInfo RequireAuthorKey VMPL RequireIDBlock TrustedAuthorKeys
    TrustedAuthorKeyHashes TrustedIDKeys TrustedIDKeyHashes CertTableOptions
    MinimumLaunchMitigationVector MinimumCurrentMitigationVector""".split()


class Verdicts(unittest.TestCase):
    def verify(self, case: dict, report: str = "report-5.bin") -> tuple:
        arguments = list(case.get("arguments", ()))
        if "policy" in case:
            arguments += ["--policy", policy_file(case["policy"])]
        done = extreq("verify", "--json", "--report", FOLDER / report, "--certs", FOLDER / "table.bin",
                      "--trust", FOLDER / "ark.der", "--at", "2026-06-01T12:00:00Z", *arguments)
        self.assertIn(done.returncode, (OK, NOT_GENUINE, NOT_ACCEPTABLE), done.stderr)
        checks = json.loads(done.stdout)["checks"]
        return done.returncode, {check["name"]: check["state"] for check in checks}

    def failed(self, *case) -> tuple:
        code, states = self.verify(*case)
        return code, [name for name, state in states.items() if state == "failed"]

    def chip(self, flipped: int) -> dict:
        report = bytearray((FOLDER / "report-5.bin").read_bytes()[0x1A0:0x1E0])
        report[0] ^= flipped
        return rule("chip_ids", [report.hex()])

    def test_each_option_passes_and_fails(self) -> None:
        self.assertEqual(sorted(OPTIONS), sorted(ALL_OPTIONS))
        for name, (check, good, bad) in OPTIONS.items():
            with self.subTest(option=name):
                if "chip" in good:
                    good, bad = self.chip(good["chip"]), self.chip(bad["chip"])
                code, states = self.verify(good)
                asked = name != "PermitProvisionalFirmware"  # it permits: nothing is asked
                self.assertEqual((code, states[check]), (OK, "passed" if asked else "not_done"))
                if bad is PLAIN_REPORT:
                    self.assertEqual(self.failed(good, "report.bin"), (NOT_ACCEPTABLE, [check]))
                else:
                    self.assertEqual(self.failed(bad), (NOT_ACCEPTABLE, [check]))

    def test_a_policy_wants_report_data_unless_it_waives_it(self) -> None:
        policy = {"policy": {"version": 1}}
        self.assertEqual(self.failed(policy), (NOT_ACCEPTABLE, ["report_data"]))
        given = {**policy, "arguments": ("--report-data", REPORT_DATA)}
        self.assertEqual(self.failed(given), (OK, []))

    def test_lists_count_as_the_mode_says(self) -> None:
        lists = {  # the verdict under if-present and required alike
            "crl.der": True, "crl-serial-0.der": True, "crl-ask.der": False, "crl-vcek.der": False,
            "crl-stale.der": False, "crl-forged.der": False}
        for name, good in lists.items():
            for mode in ("if-present", "required"):
                with self.subTest(list=name, mode=mode):
                    case = {"arguments": ("--vcek-crl", FOLDER / name, "--revocation", mode)}
                    code, states = self.verify(case)
                    self.assertEqual((code, states["revocation"]),
                                     (OK, "passed") if good else (NOT_GENUINE, "failed"))
            off = {"arguments": ("--vcek-crl", FOLDER / name, "--revocation", "off")}
            self.assertEqual(self.verify(off)[1]["revocation"], "not_done")
        self.assertEqual(self.failed({"arguments": ("--revocation", "required")}),
                         (NOT_GENUINE, ["revocation"]))

    def test_a_list_below_the_known_number_is_refused(self) -> None:
        for number, good in (("012c", True), ("00012c", True), ("012d", False)):
            case = {"arguments": ("--vcek-crl", FOLDER / "crl.der", "--crl-number", number)}
            self.assertEqual(self.failed(case), (OK, []) if good else (NOT_GENUINE, ["revocation"]))

    def test_an_empty_number_is_refused_and_not_taken_for_none(self) -> None:
        done = extreq("verify", "--report", FOLDER / "report-5.bin", "--vcek-crl", FOLDER / "crl.der", "--crl-number", "")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("--crl-number: it is empty", done.stderr)

    def test_a_certificate_on_any_list_is_revoked(self) -> None:
        for option in ("--crl", "--vcek-crl", "--vlek-crl"):
            case = {"arguments": ("--vcek-crl", FOLDER / "crl.der", option, FOLDER / "crl-ask.der")}
            self.assertEqual(self.failed(case), (NOT_GENUINE, ["revocation"]))

    def test_a_report_by_a_vlek_wants_the_list_for_vleks(self) -> None:
        def verdict(*more, report="vlek.bin", mode="required"):
            done = extreq("verify", "--json", "--report", FOLDER / report, "--chain", FOLDER / "vlek-chain.pem",
                          "--trust", FOLDER / "ark.der", "--at", "2026-06-01T12:00:00Z", "--revocation", mode,
                          *more)
            states = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
            return done.returncode, states["revocation"]

        clean, revoking, stale = (FOLDER / f"crl{name}.der" for name in ("", "-asvk", "-stale"))
        self.assertEqual(verdict("--vcek-crl", clean), (NOT_GENUINE, "failed"))
        self.assertEqual(verdict("--crl", clean), (NOT_GENUINE, "failed"))
        self.assertEqual(verdict(report="vlek-crl.bin"), (NOT_GENUINE, "failed"))
        self.assertEqual(verdict(report="vlek-crl.bin", mode="if-present"), (OK, "not_done"))
        self.assertEqual(verdict("--vlek-crl", clean), (OK, "passed"))
        self.assertEqual(verdict("--vlek-crl", revoking), (NOT_GENUINE, "failed"))
        self.assertEqual(verdict("--vlek-crl", clean, "--vcek-crl", stale), (OK, "passed"))
        self.assertEqual(verdict("--vlek-crl", stale, "--vcek-crl", clean), (NOT_GENUINE, "failed"))
        self.assertEqual(verdict("--vlek-crl", stale, "--vcek-crl", clean, mode="if-present"),
                         (NOT_GENUINE, "failed"))
        self.assertEqual(verdict("--vcek-crl", stale, mode="if-present"), (OK, "not_done"))

    def test_a_store_serves_certificates_and_lists(self) -> None:
        # Written here: importing holds everything against today, and these are of the time of the report.
        store = FOLDER / "store.db"
        self.assertEqual(extreq("certs", "list", "--store", store).returncode, OK)
        chip = (FOLDER / "report-5.bin").read_bytes()[0x1A0:0x1E0]
        pem = (FOLDER / "chain.pem").read_text().split("-----END")[0].split("CERTIFICATE-----")[1]
        ask, ark = base64.b64decode(pem), (FOLDER / "ark.der").read_bytes()
        cases = (("VCEK", "crl.der", "required", True), ("VCEK", "crl-ask.der", "required", False),
                 ("VLEK", "crl.der", "required", False), ("VLEK", "crl-stale.der", "if-present", True),
                 ("VCEK", "crl-stale.der", "if-present", False))
        for kind, name, mode, good in cases:
            with contextlib.closing(sqlite3.connect(store)) as database, database:
                database.execute("REPLACE INTO leaf VALUES ('Genoa', 'VCEK', ?, ?, 1, ?)",
                                 (chip, bytes.fromhex("d905000000000002"), (FOLDER / "vcek.der").read_bytes()))
                database.execute("REPLACE INTO authority VALUES ('Genoa', 'VCEK', ?, 1, ?)",
                                 (hashlib.sha256(ask).digest(), ask))
                database.execute("DELETE FROM crl")
                database.execute("INSERT INTO crl VALUES ('Genoa', ?, ?, x'01', 0, 1, ?)",
                                 (kind, hashlib.sha256(ark).digest(), (FOLDER / name).read_bytes()))
            done = extreq("verify", "--json", "--report", FOLDER / "report-5.bin", "--trust", FOLDER / "ark.der",
                          "--at", "2026-06-01T12:00:00Z", "--store", store, "--revocation", mode)
            failed = [check["name"] for check in json.loads(done.stdout)["checks"] if check["state"] == "failed"]
            self.assertEqual((done.returncode, failed), (OK, []) if good else (NOT_GENUINE, ["revocation"]),
                             (kind, name))
        missing = FOLDER / "missing.db"
        done = extreq("verify", "--report", FOLDER / "report-5.bin", "--store", missing)
        self.assertEqual((done.returncode, missing.exists()), (UNREADABLE, False), done.stderr)

    def test_explain_says_each_rule(self) -> None:
        done = extreq("policy", "explain", policy_file(at("guest_policy/debug", "forbid")))
        self.assertEqual(done.returncode, OK)
        self.assertIn("- POLICY must not have set: debug\n", done.stdout)
        self.assertEqual(extreq("policy", "explain", FOLDER / "missing").returncode, UNREADABLE)
        self.assertEqual(extreq("verify", "--report", FOLDER / "report.bin", "--policy",
                                FOLDER / "report.bin").returncode, UNREADABLE)
        self.assertEqual(extreq("verify", "--report", FOLDER / "report.bin", "--crl",
                                FOLDER / "report.bin").returncode, UNREADABLE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="extreq-policy-cli-") as scratch:
        FOLDER = pathlib.Path(scratch)
        subprocess.run([WRITE_TEST_EVIDENCE, scratch], check=True)
        unittest.main(argv=[sys.argv[0], "-v"])
