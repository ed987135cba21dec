#!/usr/bin/env python3
"""An oracle for the software secure processor that shares no code with it.

Usage: model_oracle.py ARTIFACTS_PROGRAM. The program (src/firmware/model/test_artifacts.cpp) writes
what a model of each product says; this script computes the same with python3-cryptography, from the
formats in doc/message.md and doc/firmware-model.md, and compares. It also damages what it judges,
to show that it would notice. Without python3-cryptography it skips, loudly, with exit code 77.
"""

import hashlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError as error:
    print(f"*** SKIPPED, NOT TESTED: the model's oracle needs python3-cryptography: {error}")
    sys.exit(77)

warnings.filterwarnings("ignore")  # AMD's serial number 0, which the model copies

ORDER = int(
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
    16,
)
OID = "1.3.6.1.4.1.3704.1."
PRODUCTS = ("Milan", "Genoa", "Turin")
CSP_ID = b"Oracle Cloud"
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        raise AssertionError(what)


def raises(expected, function, *arguments):
    """A check that must fail on damaged input does fail."""
    try:
        function(*arguments)
    except expected:
        check(True, "")
        return
    check(False, f"{function.__name__} accepts damaged input")


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def hkdf(secret, info, size):
    return HKDF(hashes.SHA384(), size, None, info).derive(secret)


def private_key(secret, info):
    """FIPS 186-5, A.2.1: 56 bytes, reduced into 1..n-1."""
    scalar = int.from_bytes(hkdf(secret, info, 56), "big") % (ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP384R1())


def public_numbers(key):
    numbers = key.public_numbers()
    return numbers.x, numbers.y


class State:
    """The state file, as doc/firmware-model.md has it."""

    def __init__(self, data):
        check(len(data) == 0x1A8, "state file: size")
        check(data[:8] == b"EXTREQFW", "state file: magic")
        check(hashlib.sha384(data[:0x178]).digest() == data[0x178:], "state file: digest")
        self.family, self.model, self.stepping = data[0x11:0x14]
        self.current_tcb, self.committed_tcb, self.reported_tcb = struct.unpack_from(
            "<QQQ", data, 0x20
        )
        self.platform_info, self.mit_vector = struct.unpack_from("<QQ", data, 0x40)
        self.chip_id = data[0x58:0x98]
        self.chip_secret = data[0x98:0xD8]
        self.kds_secret = data[0xD8:0x108]
        self.vlek_seed = data[0x108:0x138]
        check(data[0x52] == 1, "state file: the VLEK is loaded")
        check(data[0x138 : 0x138 + data[0x53]] == CSP_ID, "state file: CSP id")


def key_info(label, product, tcb):
    return b"extreq model: " + label + b"\0" + product.encode() + b"\0" + struct.pack("<Q", tcb)


def signed_by(certificate, issuer):
    issuer.public_key().verify(
        certificate.signature,
        certificate.tbs_certificate_bytes,
        padding.PSS(padding.MGF1(hashes.SHA384()), 48),
        hashes.SHA384(),
    )


def extension(certificate, number):
    for found in certificate.extensions:
        if found.oid.dotted_string == OID + number:
            return found.value.value
    return None


def spl(certificate, number):
    value = extension(certificate, number)
    check(value[0] == 2 and value[1] == len(value) - 2, f"SPL {number} is a DER INTEGER")
    check(value[1] == 1 or value[2] == 0, f"SPL {number} is minimal")
    return int.from_bytes(value[2:], "big", signed=True)


def tcb_of(certificate, product):
    """TCB_VERSION out of the certificate's extensions."""
    boot, tee, snp, microcode = (spl(certificate, n) for n in ("3.1", "3.2", "3.3", "3.8"))
    if product == "Turin":
        parts = [spl(certificate, "3.9"), boot, tee, snp, 0, 0, 0, microcode]
    else:
        check(extension(certificate, "3.9") is None, "no FMC before Turin")
        parts = [boot, tee, 0, 0, 0, 0, snp, microcode]
    return int.from_bytes(bytes(parts), "little")


def check_certificates(folder, product, state):
    load = lambda name: x509.load_der_x509_certificate((folder / name).read_bytes())
    ark, ask, asvk, vcek, vlek = map(load, ("ark.der", "ask.der", "asvk.der", "vcek.der", "vlek.der"))
    for certificate, issuer in ((ark, ark), (ask, ark), (asvk, ark), (vcek, ask), (vlek, asvk)):
        signed_by(certificate, issuer)
        raises(InvalidSignature, signed_by, certificate, another_ca(issuer, ark, ask))
        check(certificate.issuer == issuer.subject, "issuer's name")
        organizations = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
        check([o.value for o in organizations] == ["extreq software model"], "marked as a model's")
    for leaf in (vcek, vlek):
        check(leaf.serial_number == 0, "serial number 0, as AMD's")
        check(tcb_of(leaf, product) == state.reported_tcb, "SPLs are the reported TCB")
    hwid = state.chip_id[:8] if product == "Turin" else state.chip_id
    check(extension(vcek, "4") == hwid and extension(vcek, "5") is None, "HWID of the VCEK")
    check(extension(vlek, "5") == b"\x16" + bytes([len(CSP_ID)]) + CSP_ID, "CSP id of the VLEK")
    check(extension(vlek, "4") is None, "a VLEK has no HWID")

    key = private_key(state.chip_secret, key_info(b"VCEK", product, state.reported_tcb))
    check(public_numbers(key.public_key()) == public_numbers(vcek.public_key()), "derived VCEK")
    seed = hkdf(state.kds_secret, b"extreq model: VLEK seed\0" + CSP_ID, 48)
    check(seed == state.vlek_seed, "the KDS's seed is the loaded one")
    key = private_key(seed, key_info(b"VLEK", product, state.reported_tcb))
    check(public_numbers(key.public_key()) == public_numbers(vlek.public_key()), "derived VLEK")
    return {"ARK": ark, "ASK": ask, "ASVK": asvk, "VCEK": vcek, "VLEK": vlek}


def another_ca(issuer, ark, ask):
    """A CA that has not signed what `issuer` has."""
    return ask if issuer is not ask else ark


def check_wrapped_vlek(data, state):
    iv, sealed, tcb, tag = data[:12], data[16:400], data[400:408], data[416:432]
    key = AESGCM(hkdf(state.chip_secret, b"extreq model: VLEK wrapping key", 32))
    content = key.decrypt(iv, sealed + tag, tcb)
    check(tcb == struct.pack("<Q", state.reported_tcb), "hashstick's TCB")
    check(content[:48] == state.vlek_seed, "hashstick's seed")
    check(content[48] == len(CSP_ID) and content[49 : 49 + len(CSP_ID)] == CSP_ID, "its CSP id")
    raises(InvalidTag, key.decrypt, iv, sealed + tag, flipped(tcb, 0))


def check_table(data, wanted):
    entries = {}
    for at in range(0, len(data), 24):
        guid, offset, length = data[at : at + 16], *struct.unpack_from("<II", data, at + 16)
        if guid == bytes(16):
            break
        entries[guid.hex()] = data[offset : offset + length]
    check(entries == wanted, "certificate table")


def open_message(page, key, seqno, message_type, version):
    tag, header = page[:16], page[0x30:0x60]
    number, algo, header_version, header_size, kind, found, size = struct.unpack_from(
        "<Q8xBBHBBH", page, 0x20
    )
    check((number, algo, header_version, header_size) == (seqno, 1, 1, 0x60), "message header")
    check((kind, found, page[0x3C]) == (message_type, version, 1), "message type, version, VMPCK")
    check(page[0x60 + size :] == bytes(4000 - size), "nothing behind the payload")
    return AESGCM(key).decrypt(
        struct.pack("<Q4x", seqno), page[0x60 : 0x60 + size] + tag, header
    )


def exchange(folder, name, key, seqno, message_type, version):
    request = (folder / f"{name}_request.bin").read_bytes()
    response = (folder / f"{name}_response.bin").read_bytes()
    raises(InvalidTag, open_message, flipped(response, 0x60), key, seqno + 1, message_type + 1, version)
    return (
        open_message(request, key, seqno, message_type, version),
        open_message(response, key, seqno + 1, message_type + 1, version),
    )


def launch_digest(pages):
    digest = bytes(48)
    size = 12 + 4096
    for at in range(0, len(pages), size):
        kind, vmpl1, vmpl2, vmpl3, gpa = struct.unpack_from("<BBBBQ", pages, at)
        contents = pages[at + 12 : at + size]
        measured = hashlib.sha384(contents).digest() if kind in (1, 2) else bytes(48)
        gpa = 0xFFFFFFFFF000 if kind == 2 else gpa
        info = digest + measured + struct.pack(
            "<HBBBBBBQ", 0x70, kind, 0, vmpl3, vmpl2, vmpl1, 0, gpa
        )
        check(len(info) == 0x70, "PAGE_INFO")
        digest = hashlib.sha384(info).digest()
    return digest


def verify_report(report, public_key):
    r = int.from_bytes(report[0x2A0:0x2E8], "little")
    s = int.from_bytes(report[0x2E8:0x330], "little")
    signature = utils.encode_dss_signature(r, s)
    public_key.verify(signature, report[:0x2A0], ec.ECDSA(hashes.SHA384()))


def check_report(payload, folder, state, leaf, signing_key):
    status, size = struct.unpack_from("<II", payload)
    check((status, size, payload[8:0x20]) == (0, 0x4A0, bytes(24)), "MSG_REPORT_RSP")
    report = payload[0x20:]
    check(len(report) == 0x4A0, "report's size")
    verify_report(report, leaf.public_key())
    raises(InvalidSignature, verify_report, flipped(report, 0x29F), leaf.public_key())
    check(report[0x330:] == bytes(0x4A0 - 0x330), "behind the signature is nothing")
    number = lambda at: struct.unpack_from("<Q", report, at)[0]
    version, svn = struct.unpack_from("<II", report)
    check((version, svn, number(0x08)) == (5, 5, 0x30000), "version, SVN, policy")
    check(report[0x10:0x30] == b"\xFA" * 16 + b"\x1A" * 16, "family and image")
    check(struct.unpack_from("<II", report, 0x30) == (2, 1), "VMPL and algorithm")
    check(struct.unpack_from("<II", report, 0x48) == (1 | signing_key << 2, 0), "key information")
    check(number(0x38) == state.current_tcb and number(0x180) == state.reported_tcb, "TCBs")
    check(number(0x1E0) == state.committed_tcb and number(0x1F0) == state.current_tcb, "TCBs")
    check(number(0x40) == state.platform_info, "platform info")
    check(report[0x50:0x90] == bytes(range(64)), "report data")
    check(report[0x90:0xC0] == launch_digest((folder / "pages.bin").read_bytes()), "measurement")
    check(report[0xC0:0xE0] == b"\x4D" * 32, "host data")
    auth = (folder / "id_auth.bin").read_bytes()
    check(report[0xE0:0x110] == hashlib.sha384(auth[0x240:0x644]).digest(), "ID key digest")
    check(report[0x110:0x140] == hashlib.sha384(auth[0x880:0xC84]).digest(), "author key digest")
    check(report[0x160:0x180] == b"\xFF" * 32, "no migration agent")
    check(tuple(report[0x188:0x18B]) == (state.family, state.model, state.stepping), "CPUID")
    check(report[0x1A0:0x1E0] == state.chip_id, "chip id")
    check((number(0x1F8), number(0x200)) == (state.mit_vector, state.mit_vector), "mitigations")
    return report


def check_key(request, response, product, state, report):
    check(struct.unpack_from("<I", response)[0] == 0 and response[4:0x20] == bytes(28), "KEY_RSP")
    root = hkdf(
        state.chip_secret, key_info(b"derivation root VCEK", product, state.reported_tcb), 48
    )
    fields, vmpl, svn, tcb, mit = struct.unpack_from("<QIIQQ", request, 8)
    info = b"extreq model: derived key\0" + struct.pack("<QIQ", fields, vmpl, 0x30000)
    info += b"\x1A" * 16 + b"\xFA" * 16 + report[0x90:0xC0]
    info += struct.pack("<IQQ", svn, tcb, mit)
    check(fields == 0x7F, "all fields are selected")
    check(response[0x20:] == hkdf(root, info, 32), "derived key")


def judge(folder, product):
    state = State((folder / "state").read_bytes())
    certificates = check_certificates(folder, product, state)
    check_wrapped_vlek((folder / "wrapped_vlek.bin").read_bytes(), state)
    der = lambda name: certificates[name].public_bytes(Encoding.DER)
    ask_guid, ark_guid = "4ab7b379bbac4fe4a02f05aef327c782", "c0b406a4a803495297433fb6014cd0ae"
    for name, guid, ca in (
        ("vcek", "63da758de6644564adc5f4b93be8accd", "ASK"),
        ("vlek", "a8074bc2a25a483eaae639c045a0b8a1", "ASVK"),
    ):
        wanted = {guid: der(name.upper()), ask_guid: der(ca), ark_guid: der("ARK")}
        check_table((folder / f"{name}_table.bin").read_bytes(), wanted)

    vmpck1 = (folder / "secrets.bin").read_bytes()[0x40:0x60]
    _, response = exchange(folder, "vcek_report", vmpck1, 1, 5, 1)
    report = check_report(response, folder, state, certificates["VCEK"], 0)
    request, response = exchange(folder, "key", vmpck1, 3, 3, 2)
    check_key(request, response, product, state, report)
    _, response = exchange(folder, "vlek_report", vmpck1, 5, 5, 1)
    check_report(response, folder, state, certificates["VLEK"], 1)


def main():
    with tempfile.TemporaryDirectory(prefix="extreq-oracle-") as folder:
        subprocess.run([sys.argv[1], folder], check=True, env=os.environ)
        for product in PRODUCTS:
            judge(pathlib.Path(folder) / product, product)
    print(f"the oracle agrees: {checks} checks on {', '.join(PRODUCTS)}")


if __name__ == "__main__":
    main()
