#!/usr/bin/env python3
"""`extreq verify` and `extreq show` on evidence in every format (doc/evidence.md).

usage: evidence_cli_test.py PROGRAM WRITE_TEST_EVIDENCE
"""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

OK, USAGE, NOT_GENUINE, NOT_ACCEPTABLE, UNREADABLE = range(5)
AT = ("--at", "2026-06-01T12:00:00Z")

PROGRAM = ""
EVIDENCE = pathlib.Path()


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=60)


def response(report, status=0):
    """MSG_REPORT_RSP in the 4000 bytes of sev-guest's answer."""
    return (struct.pack("<II24x", status, len(report)) + report).ljust(4000, b"\0")


def write_containers():
    """What needs no key, from the files of the helper; each with the format's name."""
    report = (EVIDENCE / "report.bin").read_bytes()
    table = (EVIDENCE / "table.bin").read_bytes()
    (EVIDENCE / "extended.bin").write_bytes(report + table)
    (EVIDENCE / "response.bin").write_bytes(response(report))
    (EVIDENCE / "tsm").mkdir()
    for name, content in (("outblob", report), ("auxblob", table), ("provider", b"sev_guest\n"),
                          ("generation", b"3\n")):
        (EVIDENCE / "tsm" / name).write_bytes(content)


# (file, format, has its own certificates, --more)
CONTAINERS = (
    ("report.bin", "raw", False), ("extended.bin", "extended", True), ("tsm", "tsm", True),
    ("response.bin", "ioctl", False), ("hcl.bin", "hcl", False), ("trustee.json", "json", True),
    ("azure.json", "json", "VCEK"),
)


class EvidenceTest(unittest.TestCase):
    def expect(self, code, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def verify(self, code, name, *arguments):
        return self.expect(code, "verify", "--report", EVIDENCE / name, *AT, "--trust",
                           EVIDENCE / "ark.der", *arguments)

    def states(self, code, name, *arguments):
        result = json.loads(self.verify(code, name, "--json", *arguments).stdout)
        return {check["name"]: check["state"] for check in result["checks"]}

    def more(self, own):
        if own is True:
            return ()
        return ("--chain", EVIDENCE / "chain.pem",
                *(() if own else ("--leaf", EVIDENCE / "vcek.der")))

    def test_evidence_in_each_format_is_genuine_told_by_content_or_by_name(self):
        for name, kind, own in CONTAINERS:
            self.verify(OK, name, *self.more(own))
            self.verify(OK, name, "--format", "auto", *self.more(own))
            self.verify(OK, name, "--format", kind, *self.more(own))

    def test_a_format_that_is_named_is_not_guessed(self):
        for name, kind, _ in CONTAINERS:
            for other in {"raw", "extended", "tsm", "ioctl", "hcl", "json"} - {kind}:
                if (kind, other) == ("raw", "extended"):
                    continue  # a report with an empty table behind it
                done = self.verify(UNREADABLE, name, "--format", other)
                self.assertIn(name.encode(), done.stderr)
                self.expect(UNREADABLE, "show", EVIDENCE / name, "--format", other)

    def test_without_their_certificates_reports_are_not_genuine(self):
        for name, _, own in CONTAINERS:
            if own is not True:
                self.verify(NOT_GENUINE, name)

    def test_certs_stand_in_for_the_evidences_own_table(self):
        (EVIDENCE / "none.bin").write_bytes(bytes(24))
        self.verify(NOT_GENUINE, "extended.bin", "--certs", EVIDENCE / "none.bin")
        self.verify(OK, "report.bin", "--certs", EVIDENCE / "table.bin")

    def test_a_policy_sees_the_evidences_table(self):
        policy = EVIDENCE / "policy.json"
        for presence, code in (("require", OK), ("forbid", NOT_ACCEPTABLE)):
            policy.write_text(json.dumps({
                "version": 1, "waive_report_data": True, "certificate_table": {
                    "63da758d-e664-4564-adc5-f4b93be8accd": {"presence": presence}}}))
            for name in ("extended.bin", "tsm", "trustee.json"):
                self.verify(code, name, "--policy", policy)

    def test_a_flipped_bit_of_a_report_is_refused_in_each_format(self):
        at = {"raw": 0, "extended": 0, "ioctl": 0x20, "hcl": 0x20}
        for name, kind, own in CONTAINERS:
            if kind not in at:
                continue
            for field in (0x30, 0x90, 0x1A0, 0x2A0, 0x2E8):
                data = bytearray((EVIDENCE / name).read_bytes())
                data[at[kind] + field] ^= 1
                (EVIDENCE / "damaged").write_bytes(data)
                self.verify(NOT_GENUINE, "damaged", *self.more(own))

    def test_runtime_data_that_report_data_does_not_bind_are_not_genuine(self):
        self.assertEqual(self.states(OK, "hcl.bin", *self.more(False))["runtime_data"], "passed")
        self.assertEqual(self.states(OK, "extended.bin")["runtime_data"], "not_done")
        data = bytearray((EVIDENCE / "hcl.bin").read_bytes())
        data[0x4D4 + 3] ^= 0x20
        (EVIDENCE / "unbound.bin").write_bytes(data)
        states = self.states(NOT_GENUINE, "unbound.bin", *self.more(False))
        self.assertEqual([name for name, state in states.items() if state == "failed"],
                         ["runtime_data"])

    def test_truncated_evidence_is_unreadable(self):
        for name, kind, _ in CONTAINERS:
            if kind == "tsm":
                continue
            data = (EVIDENCE / name).read_bytes()
            for size in (0, 1, 4, 0x20, 0x49F, 0x4B0, len(data) // 2):
                (EVIDENCE / "cut").write_bytes(data[:min(size, len(data) - 1)])
                if (kind, size) == ("ioctl", len(data) // 2):
                    continue  # only zeros behind the report are gone
                done = self.verify(UNREADABLE, "cut")
                self.assertIn(b"cut", done.stderr)

    def test_errors_say_what_was_found_and_wanted(self):
        def says(words, content, *arguments):
            (EVIDENCE / "odd").write_bytes(content)
            self.assertIn(words, self.verify(UNREADABLE, "odd", *arguments).stderr.decode())

        report = (EVIDENCE / "report.bin").read_bytes()
        says("0x3 bytes found", b"abc")
        says("0x49f bytes found, 0x4a0 wanted", report[:-1], "--format", "raw")
        says("status 0x16", response(bytes(0x4A0), status=0x16))
        says("REPORT_SIZE 0x0 found, 0x4a0 wanted", bytes(4000))
        says("behind the report, at 0x4a0", report + b"table")
        says("/cert_chain/0/cert_type",
             json.dumps({"attestation_report": [], "cert_chain": []})
             .encode().replace(b"[]}", b'[{"cert_type":"X","data":[]}]}')
             .replace(b'"attestation_report": []',
                      b'"attestation_report": ' + json.dumps(list(report)).encode()))
        says("version 1 found", struct.pack("<I", 1) + report[4:])
        hcl = bytearray((EVIDENCE / "hcl.bin").read_bytes())
        hcl[0x4C8] = 4
        says("(TDX)", hcl)

    def test_a_configfs_tsm_folder_of_another_provider_or_without_a_report_is_unreadable(self):
        shutil.copytree(EVIDENCE / "tsm", EVIDENCE / "other")
        (EVIDENCE / "other/provider").write_text("tdx_guest\n")
        self.assertIn(b"\"tdx_guest\" found", self.verify(UNREADABLE, "other").stderr)
        (EVIDENCE / "other/provider").unlink()
        self.verify(OK, "other")
        (EVIDENCE / "other/outblob").unlink()
        self.assertIn(b"other/outblob", self.verify(UNREADABLE, "other").stderr)
        shutil.rmtree(EVIDENCE / "other")

    def test_a_later_version_is_shown_raw_and_verified_by_its_signature(self):
        done = self.verify(OK, "version-7.bin", *self.more(False))
        self.assertIn(b"report of version 7, which is later than 5", done.stdout)
        shown = json.loads(self.expect(OK, "show", EVIDENCE / "version-7.bin", "--json").stdout)
        self.assertFalse(shown["version_is_known"])
        self.assertEqual(bytes.fromhex(shown["bytes"]), (EVIDENCE / "version-7.bin").read_bytes())

    def test_an_unknown_processor_is_named_and_not_genuine(self):
        done = self.verify(NOT_GENUINE, "unknown-processor.bin", *self.more(False))
        self.assertIn(b"CPUID family 0x1c model", done.stdout)
        self.assertIn(b"from Milan to Venice", done.stdout)
        shown = json.loads(self.expect(OK, "show", EVIDENCE / "unknown-processor.bin",
                                       "--json").stdout)
        self.assertIsNone(shown["cpuid"]["product"])

    def test_show_gives_all_that_the_evidence_holds(self):
        for name, kind, own in CONTAINERS:
            shown = json.loads(self.expect(OK, "show", EVIDENCE / name, "--json").stdout)
            if kind == "raw":
                self.assertEqual(shown["type"], "report")
                continue
            self.assertEqual((shown["type"], shown["format"]), ("evidence", kind), name)
            self.assertEqual(shown["report"]["version"], 3)
            entries = (shown["certificate_table"] or {"entries": []})["entries"]
            self.assertEqual(len(entries), 3 if own is True else 1 if own else 0, name)
            self.assertEqual(shown["runtime_data"] is not None, name in ("hcl.bin", "azure.json"))
            self.assertIn(f"format {kind}".encode(),
                          b" ".join(self.expect(OK, "show", EVIDENCE / name).stdout.split()))

    def test_show_gives_runtime_data_and_whether_they_are_bound(self):
        shown = json.loads(self.expect(OK, "show", EVIDENCE / "hcl.bin", "--json").stdout)
        self.assertEqual(json.loads(shown["runtime_data"]["text"])["user-data"], "5D5D")
        self.assertTrue(shown["runtime_data"]["bound_by_report_data"])
        data = bytearray((EVIDENCE / "hcl.bin").read_bytes())
        data[0x4D4] = 0x1B
        (EVIDENCE / "steering.bin").write_bytes(data)
        done = self.expect(OK, "show", EVIDENCE / "steering.bin")
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertRegex(done.stdout, rb"bound_by_report_data +no")

    def test_wrong_command_lines_are_usage_errors(self):
        self.verify(USAGE, "report.bin", "--format", "pem")
        self.expect(USAGE, "show", EVIDENCE / "report.bin", "--format", "")
        self.expect(USAGE, "verify", "--batch", EVIDENCE, "--format", "pem")

    def batch(self, source, *arguments, stdin=b""):
        done = subprocess.run(
            [PROGRAM, "verify", "--batch", str(source), *AT, "--trust", str(EVIDENCE / "ark.der"),
             "--leaf", str(EVIDENCE / "vcek.der"), "--chain", str(EVIDENCE / "chain.pem"), *arguments],
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_batch_takes_evidence_in_each_format_from_a_folder(self):
        folder = EVIDENCE / "batch"
        folder.mkdir()
        for name, _, _ in CONTAINERS:
            copy = shutil.copytree if (EVIDENCE / name).is_dir() else shutil.copy
            copy(EVIDENCE / name, folder / name)
        (folder / "no-evidence").mkdir()
        done, lines = self.batch(folder)
        self.assertEqual(done.returncode, OK, done)
        self.assertEqual([line["name"] for line in lines], sorted(name for name, _, _ in CONTAINERS))
        for line in lines:
            self.assertEqual(line["verdict"], "genuine", line)
            self.assertEqual("runtime_data" not in line["not_checked"],
                             line["name"] in ("hcl.bin", "azure.json"), line)
        for kind in ("raw", "extended", "tsm", "ioctl", "hcl", "json"):
            fitting = {name for name, of, _ in CONTAINERS if of == kind}
            if kind == "extended":
                fitting.add("report.bin")  # a report with an empty table behind it
            done, lines = self.batch(folder, "--format", kind)
            self.assertEqual(done.returncode, UNREADABLE, (kind, done))
            self.assertEqual({line["name"] for line in lines if line["verdict"] == "genuine"}, fitting)
            self.assertEqual({line["name"] for line in lines if "error" in line},
                             {name for name, _, _ in CONTAINERS} - fitting)

    def test_a_batch_tells_unbound_runtime_data_from_bound_ones(self):
        folder = EVIDENCE / "batch-hcl"
        folder.mkdir()
        good = (EVIDENCE / "hcl.bin").read_bytes()
        bad = bytearray(good)
        bad[0x4D4 + 3] ^= 0x20
        for name, content in (("a", good), ("b", bytes(bad)), ("c", good)):
            (folder / name).write_bytes(content)
        done, lines = self.batch(folder, "--format", "hcl")
        self.assertEqual(done.returncode, NOT_GENUINE)
        self.assertEqual([list(line["failed"]) for line in lines], [[], ["runtime_data"], []])

    def test_a_batch_takes_json_line_by_line_and_responses_one_after_the_other(self):
        lines = [(EVIDENCE / name).read_bytes() for name in ("trustee.json", "azure.json")]
        self.assertFalse(any(b"\n" in line for line in lines))
        stream = b"\n".join([lines[0], b"", lines[1], b"{}", b" " * (1 << 20) + b"{}", lines[0]])
        done, answers = self.batch("-", "--format", "json", stdin=stream)
        self.assertEqual(done.returncode, UNREADABLE)
        self.assertEqual([line["verdict"] for line in answers],
                         ["genuine", "genuine", None, None, "genuine"])
        self.assertIn("a line of more than 1048576 bytes", answers[3]["error"])
        report = response((EVIDENCE / "report.bin").read_bytes())
        (EVIDENCE / "responses").write_bytes(report * 3 + report[:100])
        done, answers = self.batch(EVIDENCE / "responses", "--format", "ioctl")
        self.assertEqual([line["verdict"] for line in answers], ["genuine"] * 3 + [None])
        self.assertIn("0x64 bytes found", answers[3]["error"])

    def test_a_stream_of_what_has_no_end_of_its_own_is_refused(self):
        for kind in ("extended", "hcl", "tsm"):
            done, answers = self.batch("-", "--format", kind)
            self.assertEqual((done.returncode, answers), (UNREADABLE, []))
            self.assertIn(f"--format {kind}".encode(), done.stderr)


if __name__ == "__main__":
    PROGRAM, WRITER = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="extreq-evidence-cli-") as scratch:
        EVIDENCE = pathlib.Path(scratch)
        subprocess.run([WRITER, scratch], check=True)
        write_containers()
        unittest.main(argv=[sys.argv[0], "-v"])
