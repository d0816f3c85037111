"""Diffie-Hellman in groups of numbers: pairs, secrets, parameters; and public keys of private ones."""

import ctypes
import hashlib
import warnings

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import load_der_public_key

import groups
import keys
import parameters
from derivation_params import Structure
from module import KEY_SIZE_RANGE, KEY_TYPE_INCONSISTENT, MECHANISM_PARAM_INVALID, ULONG
from parameters import HASHES
from session import (
    AES, CLASS, EC_POINT, GENERIC_SECRET, ID, KEY_TYPE, LABEL, MODULUS, OPEN, PRIVATE_KEY, PUBLIC_EXPONENT, PUBLIC_KEY,
    PUBLIC_KEY_INFO, SECRET_KEY, SENSITIVE, TOKEN, VALUE, VALUE_LEN, refusal,
)

DH, X942, DERIVE = 0x2, 0x4, 0x10C
PRIME, SUBPRIME, BASE, PRIME_BITS, SUBPRIME_BITS, VALUE_BITS = 0x130, 0x131, 0x132, 0x133, 0x134, 0x160
DOMAIN_PARAMETERS, ATTRIBUTE_VALUE_INVALID = 6, 0x13
KEY_FUNCTION_NOT_PERMITTED = 0x68
BYTES = ctypes.c_char_p


class Derive(Structure):
    """CK_X9_42_DH1_DERIVE_PARAMS."""

    _fields_ = [("kdf", ULONG), ("other_len", ULONG), ("other", BYTES), ("public_len", ULONG), ("public", BYTES)]

    @classmethod
    def of(cls, public, kdf=1, other=b""):
        return cls(kdf, len(other), other or None, len(public), public)


def compare(session):
    made = made_parameters(session)
    pkcs3(session, made)
    x942(session, made)
    refused(session, made)
    public_halves(session)
    curves(session)


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def made_parameters(session):
    """Objects with parameters: those of RFC 7919, and new ones."""
    made = {}
    mechanism = session.mechanism("CKM_DH_PKCS_PARAMETER_GEN")
    for bits in (2048, 4096):
        handle = session.generate(mechanism, {PRIME_BITS: bits})
        kind, key_type, prime, base = session.get(handle, CLASS, KEY_TYPE, PRIME, BASE)
        assert (kind[0], key_type[0], base) == (DOMAIN_PARAMETERS, DH, b"\x02")
        assert len(prime) * 8 == bits
        made[bits] = int.from_bytes(prime, "big")
    assert made[4096] == groups.ffdhe_4096()
    for bits in (0, 512, 2047, 2049, 16384):
        assert refusal(session.generate, mechanism, {PRIME_BITS: bits}) == ATTRIBUTE_VALUE_INVALID
    mechanism = session.mechanism("CKM_X9_42_DH_PARAMETER_GEN")
    handle = session.generate(mechanism, {PRIME_BITS: 2048})
    p, q, g = (int.from_bytes(value, "big") for value in session.get(handle, PRIME, SUBPRIME, BASE))
    assert (p, q, g) == (made[2048], (made[2048] - 1) // 2, 2)
    handle = session.generate(mechanism, {PRIME_BITS: 1024, SUBPRIME_BITS: 160, CLASS: DOMAIN_PARAMETERS})
    p, q, g = (int.from_bytes(value, "big") for value in session.get(handle, PRIME, SUBPRIME, BASE))
    assert (p.bit_length(), q.bit_length(), (p - 1) % q, pow(g, q, p)) == (1024, 160, 0, 1) and g > 1
    assert pow(2, p - 1, p) == 1 == pow(2, q - 1, q)
    made["x942"] = p, q, g
    return made


def derived(session, mechanism, private, length=None, key_type=GENERIC_SECRET):
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, **OPEN} | ({} if length is None else {VALUE_LEN: length})
    handle = session.derive(mechanism, private, attributes)
    value = session.get(handle, VALUE)
    session.destroy(handle)
    return value


def pkcs3(session, made):
    for prime, bits in ((made[2048], None), (made[2048], 320), (groups.modp_4096(), None), (made["x942"][0], None)):
        base = made["x942"][2] if prime == made["x942"][0] else 2
        mechanism = session.mechanism("CKM_DH_PKCS_KEY_PAIR_GEN")
        token = session.rng.choice([False, True])
        private = {DERIVE: True, TOKEN: token, **OPEN} | ({VALUE_BITS: bits} if bits else {})
        public, private = session.generate_pair(mechanism, {PRIME: number(prime), BASE: number(base), TOKEN: token}, private)
        x, y = (int.from_bytes(session.get(handle, VALUE), "big") for handle in (private, public))
        assert pow(base, x, prime) == y and (not bits or x.bit_length() <= bits)
        theirs = session.rng.getrandbits(500)
        their_public, secret = pow(base, theirs, prime), pow(y, theirs, prime)
        length = len(number(prime))
        secret = secret.to_bytes(length, "big")
        for public_value in (number(their_public), b"\x00" + number(their_public)):
            mechanism = session.mechanism("CKM_DH_PKCS_DERIVE", public_value)
            assert derived(session, mechanism, private) == secret
            assert derived(session, mechanism, private, 32, AES) == secret[-32:]
        assert refusal(derived, session, mechanism, private, length + 1) == KEY_SIZE_RANGE
        imported = session.create(
            {CLASS: PRIVATE_KEY, KEY_TYPE: DH, PRIME: number(prime), BASE: number(base), VALUE: number(x), DERIVE: True}
        )
        assert derived(session, mechanism, imported) == secret
        if prime == made[2048]:
            known_to_others(session, public, prime, y)


def known_to_others(session, public, prime, y):
    """The encoding of a public key is read by the second implementation, which would rather not have such keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = load_der_public_key(session.get(public, PUBLIC_KEY_INFO)).public_numbers()
    assert (numbers.y, numbers.parameter_numbers.p, numbers.parameter_numbers.g) == (y, prime, 2)


def x942(session, made):
    p, q, g = made["x942"]
    group = {PRIME: number(p), SUBPRIME: number(q), BASE: number(g)}
    mechanism = session.mechanism("CKM_X9_42_DH_KEY_PAIR_GEN")
    public, private = session.generate_pair(mechanism, group, {DERIVE: True, **OPEN})
    x, y = (int.from_bytes(session.get(handle, VALUE), "big") for handle in (private, public))
    assert pow(g, x, p) == y and 0 < x < q
    theirs = session.rng.randrange(1, q)
    their_public, secret = number(pow(g, theirs, p)), pow(y, theirs, p).to_bytes(128, "big")
    name = "CKM_X9_42_DH_DERIVE"
    assert derived(session, session.mechanism(name, Derive.of(their_public)), private) == secret
    other = session.some(1, 60)
    # CKD_SHA1_KDF_CONCATENATE: secret, counter, other info.
    stream = b"".join(hashlib.sha1(secret + at.to_bytes(4, "big") + other).digest() for at in (1, 2, 3))
    assert derived(session, session.mechanism(name, Derive.of(their_public, 4, other)), private, 50) == stream[:50]
    # CKD_SHA1_KDF_ASN1: the counter is in the other info (RFC 2631).
    before, after = bytes.fromhex("301d3013060b2a864886f70d010910030604 04".replace(" ", "")), bytes.fromhex("a2060404000000c0")
    info = before + (1).to_bytes(4, "big") + after
    stream = b"".join(hashlib.sha1(secret + before + at.to_bytes(4, "big") + after).digest() for at in (1, 2))
    assert derived(session, session.mechanism(name, Derive.of(their_public, 3, info)), private, 24) == stream[:24]
    # CKD_SHA256_KDF_SP800, as elliptic curves have it.
    theirs_ = ConcatKDFHash(HASHES["Sha256"].reference, 70, other).derive(secret)
    assert derived(session, session.mechanism(name, Derive.of(their_public, 16, other)), private, 70) == theirs_
    # A number of small order, which isn't in the subgroup.
    outside = next(value for value in range(2, 100) if pow(value, q, p) != 1)
    for value in (b"", b"\x01", number(p - 1), number(p), number(outside)):
        assert refusal(derived, session, session.mechanism(name, Derive.of(value)), private) == MECHANISM_PARAM_INVALID
    wrong = session.mechanism(name, Derive.of(their_public, 3, other))
    assert refusal(derived, session, wrong, private, 24) == MECHANISM_PARAM_INVALID


def refused(session, made):
    p = made[2048]
    group = {PRIME: number(p), BASE: b"\x02"}
    mechanism = session.mechanism("CKM_DH_PKCS_KEY_PAIR_GEN")
    _, private = session.generate_pair(mechanism, group, {DERIVE: True})
    for value in (b"\x00", b"\x01", number(p - 1), number(p), number(p + 1), number(p - 4), b"\xff" * 600):
        mechanism = session.mechanism("CKM_DH_PKCS_DERIVE", value)
        assert refusal(derived, session, mechanism, private) == MECHANISM_PARAM_INVALID
        attributes = {CLASS: PUBLIC_KEY, KEY_TYPE: DH, VALUE: value, **group}
        assert refusal(session.create, attributes) == ATTRIBUTE_VALUE_INVALID


def public_halves(session):
    """CKM_PUB_KEY_FROM_PRIV_KEY for keys of each kind."""
    mechanism = session.mechanism("CKM_PUB_KEY_FROM_PRIV_KEY")
    for name, template_, kinds in (
        ("CKM_RSA_PKCS_KEY_PAIR_GEN", {0x121: 2048}, (MODULUS, PUBLIC_EXPONENT)),
        ("CKM_EC_KEY_PAIR_GEN", {0x180: bytes.fromhex("06082a8648ce3d030107")}, (EC_POINT, 0x180)),
    ):
        public, private = session.generate_pair(
            session.mechanism(name), template_, {DERIVE: True, ID: b"id", SENSITIVE: True}
        )
        made = session.derive(mechanism, private, {LABEL: b"half"})
        assert session.get(made, *kinds, PUBLIC_KEY_INFO) == session.get(public, *kinds, PUBLIC_KEY_INFO)
        assert session.get(made, CLASS, LABEL, ID) == [PUBLIC_KEY.to_bytes(8, "little"), b"half", b"id"]
        session.destroy(made)
    _, unable = session.generate_pair(session.mechanism("CKM_RSA_PKCS_KEY_PAIR_GEN"), {0x121: 1024}, {DERIVE: False})
    assert refusal(session.derive, mechanism, unable, {}) == KEY_FUNCTION_NOT_PERMITTED
    public, _ = session.generate_pair(session.mechanism("CKM_RSA_PKCS_KEY_PAIR_GEN"), {0x121: 1024, DERIVE: True}, {})
    assert refusal(session.derive, mechanism, public, {}) == KEY_TYPE_INCONSISTENT


def curves(session):
    """ECDH with the KDF of SP 800-56A: CKD_*_KDF_SP800."""
    key, peer = (keys.ec_key(session, ec.SECP256R1) for _ in range(2))
    _, private = keys.import_ec(session, key)
    secret, point = key.exchange(ec.ECDH(), peer.public_key()), keys.point(peer)
    for kdf, hash_ in enumerate((hashes.SHA1, hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512), 14):
        shared, length = session.some(0, 60), session.rng.randint(1, 200)
        parameter = parameters.Ecdh(kdf, len(shared), shared or None, len(point), point)
        theirs = ConcatKDFHash(hash_(), length, shared).derive(secret)
        assert derived(session, session.mechanism("CKM_ECDH1_DERIVE", parameter), private, length) == theirs
