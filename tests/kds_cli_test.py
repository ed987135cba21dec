#!/usr/bin/env python3
"""The contract of `extreq kds`, `extreq certs` and `extreq host update`, on a model platform.

usage: kds_cli_test.py EXTREQ WRITE_TEST_HASHSTICK
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import model_platform

OK, USAGE, UNREADABLE = 0, 1, 4
TCB = "bl=4,tee=0,snp=22,ucode=213"
CHIP = "ab" * 64

PROGRAM = ""
WRITE_HASHSTICK = ""
PLATFORM = pathlib.Path()  # one model for all tests: making its keys takes seconds


class Service:
    """`extreq kds serve` on a port of its own, for as long as a with block."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "kds", "serve", "--platform", PLATFORM, *self.options],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(timeout=30)
        self.process.stdout.close()


class Contract(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store = self.folder / "certificates.db"
        self.blob = self.folder / "host.blob"

    def run_it(self, code, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=120, text=True)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def kds(self, code, verb, *arguments):
        return self.run_it(code, "kds", verb, *arguments)

    def fetch(self, code, *arguments):
        return self.kds(code, "fetch", "--platform", PLATFORM, "--store", self.store, "--proxy",
                        "none", *arguments)

    def content(self):
        return json.loads(self.run_it(OK, "certs", "list", "--json", "--store",
                                      self.store).stdout)

    def update(self, code, *arguments):
        done = self.run_it(code, "host", "update", "--platform", PLATFORM, "--store", self.store,
                           "--blob", self.blob, "--json", *arguments)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def table_is_empty(self):
        return not any(self.blob.read_bytes()[:24])


class Urls(Contract):
    def test_the_urls_of_each_product_are_amds(self):
        base = "https://kdsintf.amd.com/vcek/v1/"
        done = self.kds(OK, "url", "--product", "Milan", "--chip-id", CHIP, "--tcb", TCB)
        self.assertEqual(done.stdout.split(), [
            f"{base}Milan/{CHIP}?blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213",
            f"{base}Milan/cert_chain", f"{base}Milan/crl"])
        done = self.kds(OK, "url", "--product", "Siena", "--chip-id", CHIP, "--tcb", TCB)
        self.assertIn(f"{base}Genoa/{CHIP}?blSPL=04", done.stdout)
        for chip in ("0123456789abcdef", "0123456789abcdef" + "00" * 56):
            done = self.kds(OK, "url", "--product", "Turin", "--chip-id", chip, "--tcb",
                            "fmc=1," + TCB)
            self.assertEqual(done.stdout.split()[0],
                             f"{base}Turin/0123456789abcdef"
                             "?fmcSPL=01&blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213")

    def test_a_vlek_has_paths_of_its_own_and_the_base_can_be_replaced(self):
        done = self.kds(OK, "url", "--product", "Milan", "--vlek", "--tcb", TCB, "--kds-url",
                        "http://mirror/kds/")
        self.assertEqual(done.stdout.split(), [
            "http://mirror/kds/vlek/v1/Milan/cert?blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213",
            "http://mirror/kds/vlek/v1/Milan/cert_chain", "http://mirror/kds/vlek/v1/Milan/crl"])

    def test_what_cannot_be_asked_for_is_a_usage_error(self):
        for chip, tcb in ((CHIP, "bl=4"), ("ab", TCB), (CHIP, "fmc=1," + TCB)):
            self.kds(USAGE, "url", "--product", "Milan", "--chip-id", chip, "--tcb", tcb)

    def test_without_a_name_it_is_the_platforms_own_key(self):
        done = self.kds(OK, "url", "--platform", PLATFORM)
        self.assertIn("https://kdsintf.amd.com/vcek/v1/Milan/", done.stdout)


class Store(Contract):
    def test_a_certificate_goes_from_the_service_to_another_machine(self):
        with Service() as service:
            self.fetch(OK, "--kds-url", service.url)
        self.assertEqual(service.status, OK)
        content = self.content()
        self.assertEqual([leaf["kind"] for leaf in content["leaves"]], ["VCEK"])
        self.assertEqual(len(content["authorities"]), 2)
        self.assertEqual([crl["for"] for crl in content["crls"]], ["VCEK"])
        # Once it is stored, nobody has to answer; a newer CRL is waited for as long as is said.
        done = self.fetch(OK, "--kds-url", service.url, "--kds-wait", "1")
        self.assertIn("no newer CRL: ", done.stderr)
        self.fetch(OK, "--offline")
        out = self.folder / "out"
        self.run_it(OK, "certs", "export", out, "--store", self.store)
        files = sorted(out.iterdir())
        self.assertEqual(len(files), 4)
        other = self.folder / "other.db"
        done = self.run_it(OK, "certs", "import", *files, "--platform", PLATFORM, "--store", other)
        self.assertIn("stored: Milan VCEK of chip ", done.stdout)
        self.assertIn("stored: Milan CRL for VCEKs, number 0x", done.stdout)
        self.run_it(OK, "kds", "fetch", "--platform", PLATFORM, "--store", other, "--offline")

    def test_an_import_without_trust_stores_nothing(self):
        with Service() as service:
            self.fetch(OK, "--kds-url", service.url)
        out = self.folder / "out"
        self.run_it(OK, "certs", "export", out, "--store", self.store)
        other = self.folder / "other.db"
        done = self.run_it(UNREADABLE, "certs", "import", *out.iterdir(), "--store", other)
        self.assertIn("refused: ", done.stderr)
        self.assertEqual(json.loads(self.run_it(OK, "certs", "list", "--json", "--store",
                                                other).stdout)["leaves"], [])

    def test_each_fault_of_the_service_is_said_and_nothing_is_stored(self):
        for fault, said in (("404", "(404)"), ("429:600*0", "Retry-After 600"),
                            ("503*0", "status 503"), ("slow:60*0", "timed out"),
                            ("truncated*0", "/vcek/v1/Milan/"), ("garbage*0", "<html>"),
                            ("wrong-chip*0", "answered wrongly"), ("expired*0", "expired at"),
                            ("other-root*0", "is not signed by")):
            with Service("--fault", fault) as service:
                done = self.fetch(UNREADABLE, "--kds-url", service.url, "--kds-wait", "1")
            self.assertIn(said, done.stderr, fault)
            self.assertEqual(self.content()["leaves"], [], fault)

    def test_a_crl_that_is_not_to_be_trusted_is_said_and_not_stored(self):
        for fault, said in (("other-root@crl", "did not sign it"), ("expired@crl", "fresh until"),
                            ("garbage@crl", "no CRL"), ("huge@crl", "1048576"),
                            ("503*0@crl", "status 503")):
            with Service("--fault", fault) as service:
                done = self.fetch(UNREADABLE, "--kds-url", service.url, "--kds-wait", "2")
            self.assertIn(said, done.stderr, fault)
            self.assertEqual(self.content()["crls"], [], fault)
        with Service("--fault", "404*0@crl") as service:
            done = self.fetch(OK, "--kds-url", service.url)
        self.assertIn("no such list (404)", done.stderr)

    def test_an_older_crl_never_replaces_a_newer_one(self):
        with Service() as service:
            self.fetch(OK, "--kds-url", service.url)
        newest = self.content()["crls"]
        with Service("--fault", "older*0@crl") as service:
            done = self.fetch(OK, "--kds-url", service.url)
        self.assertIn("KDS gave an older list", done.stderr)
        self.assertEqual(self.content()["crls"], newest)

    def test_an_imported_crl_of_vleks_is_known_by_its_name(self):
        with Service() as service:
            self.fetch(OK, "--kds-url", service.url)
        out = self.folder / "out"
        self.run_it(OK, "certs", "export", out, "--store", self.store)
        exported, = out.glob("VCEK-*-crl-*.der")
        renamed = exported.rename(self.folder / "crl-of-vlek.der")
        other = self.folder / "other.db"
        done = self.run_it(OK, "certs", "import", renamed, "--platform", PLATFORM, "--store", other)
        self.assertIn("stored: Milan CRL for VLEKs", done.stdout)
        done = self.run_it(UNREADABLE, "certs", "import", renamed, "--store", other)
        self.assertIn("refused: the CRL in the name of", done.stderr)
        before = self.run_it(OK, "certs", "list", "--json", "--store", other).stdout
        for name in ("crl", "vcek-or-vlek.der"):
            renamed = renamed.rename(self.folder / name)
            done = self.run_it(UNREADABLE, "certs", "import", renamed, "--platform", PLATFORM, "--store", other)
            self.assertIn("does not say whether it is for VCEKs or VLEKs", done.stderr)
        self.assertEqual(self.run_it(OK, "certs", "list", "--json", "--store", other).stdout, before)

    def test_offline_with_nothing_stored_says_so(self):
        done = self.fetch(UNREADABLE, "--offline")
        self.assertIn("the store has no Milan VCEK", done.stderr)

    def test_a_fault_that_is_none_is_a_usage_error(self):
        self.kds(USAGE, "serve", "--platform", PLATFORM, "--fault", "sometimes")


class Update(Contract):
    def test_a_command_runs_under_the_lock_and_the_table_is_there_afterwards(self):
        # The kernel lists the lock of the blob; the command inherits it.
        script = 'ls -l /proc/self/fd | grep -q "$0" && cp "$0" "$0.during"'
        result = self.update(OK, "--", "sh", "-c", script, self.blob)
        self.assertEqual(result["certificates"], "served")
        self.assertIsNone(result["command_error"])
        self.assertFalse(self.table_is_empty())
        during = pathlib.Path(f"{self.blob}.during").read_bytes()
        self.assertEqual(during[:24], bytes(24), "while the command runs there is no table")

    def test_a_command_that_fails_leaves_the_table_for_the_state_that_is(self):
        result = self.update(UNREADABLE, "--", "sh", "-c", "exit 7")
        self.assertIn("exit status 7", result["command_error"])
        self.assertEqual(result["certificates"], "served")
        self.assertFalse(self.table_is_empty())

    def test_a_program_that_does_not_exist_is_named(self):
        result = self.update(UNREADABLE, "--", "no-such-program-here")
        self.assertIn("no-such-program-here", result["command_error"])
        self.assertFalse(self.table_is_empty())

    def test_the_built_in_forms_change_the_platform_and_the_table(self):
        self.update(OK, "--commit")
        first = self.blob.read_bytes()
        result = self.update(OK, "--config", "--to-tcb", "bl=0,tee=0,snp=1,ucode=1")
        self.assertIn("SNP 1, microcode 1", result["after"])
        self.assertNotEqual(self.blob.read_bytes(), first)
        self.assertEqual(len(self.content()["leaves"]), 2)
        result = self.update(UNREADABLE, "--config", "--mask-chip-key")
        self.assertIn("masked", result["no_certificates_because"])
        self.assertTrue(self.table_is_empty())
        self.update(UNREADABLE, "--config")  # a mask that is not named stays
        self.update(OK, "--config", "--no-mask-chip-key")
        self.update(OK, "--commit", "--offline")
        self.assertFalse(self.table_is_empty())

    def hashstick(self, provider):
        """Of this provider, for the reported TCB."""
        path = self.folder / f"hashstick-{provider}"
        subprocess.run([WRITE_HASHSTICK, PLATFORM, provider, path], check=True, timeout=120)
        return path

    def lose_vlek(self):
        """Another reported TCB deletes the VLEK; then the usual one again."""
        self.update(OK, "--config", "--to-tcb", "bl=0,tee=0,snp=1,ucode=1")
        self.update(OK, "--commit")

    def status(self, code, *arguments):
        done = self.run_it(code, "host", "status", "--platform", PLATFORM, "--blob", self.blob, "--json",
                           *arguments)
        return {line["name"]: line for line in json.loads(done.stdout)["lines"]}

    def test_a_vlek_is_loaded_with_its_providers_certificates(self):
        self.lose_vlek()
        self.addCleanup(self.lose_vlek)
        result = self.update(OK, "--vlek-load", self.hashstick("A"), "--csp-id", "A")
        self.assertEqual(result["certificates"], "served")
        self.assertIn("VLEK of provider A", result["after"])
        self.assertFalse(self.table_is_empty())
        self.assertEqual([leaf["csp_id"] for leaf in self.content()["leaves"] if leaf["kind"] == "VLEK"],
                         ["A"])
        self.assertEqual(self.status(OK, "--csp-id", "A")["signing_key"]["value"], "VLEK of provider A")
        # Without the name, and with another one, the same table does not fit.
        self.assertIn("--csp-id", self.status(3)["signing_key"]["remedy"])
        self.assertIn("is of provider A, the loaded one is of B",
                      json.dumps(self.status(3, "--csp-id", "B")))

    def test_a_hashstick_of_another_provider_never_gets_the_stored_certificates(self):
        self.lose_vlek()
        self.addCleanup(self.lose_vlek)
        self.update(OK, "--vlek-load", self.hashstick("A"), "--csp-id", "A")
        self.lose_vlek()
        before = self.blob.read_bytes()
        said = self.update(UNREADABLE, "--vlek-load", self.hashstick("B"))
        self.assertIn("nothing was changed", said)
        self.assertIn("--csp-id", said)
        said = self.update(UNREADABLE, "--vlek-load", self.hashstick("B"), "--csp-id", "B", "--offline")
        self.assertIn("nothing was changed", said)
        self.assertIn("VLEK of provider B", said)
        self.assertEqual(self.blob.read_bytes(), before)

    def test_without_certificates_for_the_plan_nothing_is_changed(self):
        self.update(OK, "--commit")
        before = self.blob.read_bytes()
        mark = self.folder / "ran"
        said = self.update(UNREADABLE, "--offline", "--to-tcb", "bl=0,tee=0,snp=1,ucode=2", "--",
                           "touch", mark)
        self.assertIn("nothing was changed", said)
        self.assertFalse(mark.exists())
        self.assertEqual(self.blob.read_bytes(), before)

    def test_one_form_is_wanted(self):
        self.update(USAGE)
        self.update(USAGE, "--commit", "--", "true")
        self.update(USAGE, "--commit", "--mask-chip-id")
        self.update(USAGE, "--config", "--mask-chip-id", "--no-mask-chip-id")
        self.update(UNREADABLE, "--vlek-load", __file__)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    WRITE_HASHSTICK = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as made:
        PLATFORM = pathlib.Path(made) / "platform"
        model_platform.copy_to(PROGRAM, PLATFORM)
        unittest.main(verbosity=1)
