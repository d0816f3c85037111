"""Digests, HMACs and CMACs of random messages of any length."""

import hashlib
import hmac

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import algorithms

from module import KEY_INDIGESTIBLE, KEY_TYPE_INCONSISTENT, SIGNATURE_LEN_RANGE
from session import AES, CLASS, GENERIC_SECRET, KEY_TYPE, SECRET_KEY, SENSITIVE, VALUE, refusal

# Nothing, around the blocks of hashes and of AES, and more than the module keeps before it sends.
LENGTHS = [0, 1, 15, 16, 17, 55, 56, 64, 111, 112, 128, 1000, 70_000]

# Key types of secrets that serve one HMAC only.
HMAC_KEYS = {"Sha1": 0x28, "Sha224": 0x2E, "Sha256": 0x2B, "Sha384": 0x2C, "Sha512": 0x2D}


def compare(session):
    digests(session)
    hmacs(session)
    one_hmac_only(session)
    cmacs(session)


def digests(session):
    for row in session.with_algorithm("Digest", "digest"):
        mechanism = session.mechanism(row["name"])
        for length in LENGTHS:
            data = session.rng.randbytes(length)
            expected = hashlib.new(row["hash"], data).digest()
            for digest in session.both("Digest", mechanism, None, data):
                assert digest == expected, f"{row['name']} of {length} bytes differs"
        of_a_key(session, mechanism, row["hash"])


def of_a_key(session, mechanism, hash_):
    """A key's value is part of a message if it may be read."""
    value, data = session.some(1, 200), session.some(0, 200)
    session.begin("Digest", mechanism, None)
    session.call("C_DigestUpdate", data, len(data))
    session.call("C_DigestKey", session.secret(GENERIC_SECRET, value))
    assert session.output("C_DigestFinal") == hashlib.new(hash_, data + value).digest()
    hidden = session.create({CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: value, SENSITIVE: True})
    session.begin("Digest", mechanism, None)
    assert session.code("C_DigestKey", hidden) == KEY_INDIGESTIBLE
    session.expect_over("C_DigestFinal")


def hmacs(session):
    # Shorter than a hash's block, as long, and longer, of which HMAC takes the hash.
    for key_len in (1, 20, 64, 65, 128, 129, 4096):
        value = session.rng.randbytes(key_len)
        for token in (False, True):
            key = session.secret(GENERIC_SECRET, value, token)
            for row in session.with_algorithm("Hmac", "sign"):
                for length in LENGTHS:
                    data = session.rng.randbytes(length)
                    check(session, session.mechanism(row["name"]), key, data, hmac.digest(value, data, row["hash"]))


def one_hmac_only(session):
    for hash_, key_type in HMAC_KEYS.items():
        value, data = session.some(1, 200), session.some(0, 200)
        key = session.secret(key_type, value)
        for row in session.with_algorithm("Hmac", "sign"):
            mechanism = session.mechanism(row["name"])
            if row["hash"] == hash_:
                check(session, mechanism, key, data, hmac.digest(value, data, hash_))
            else:
                assert refusal(session.begin, "Sign", mechanism, key) == KEY_TYPE_INCONSISTENT


def cmacs(session):
    for size in (16, 24, 32):
        value = session.rng.randbytes(size)
        for token in (False, True):
            key = session.secret(AES, value, token)
            for length in LENGTHS:
                data = session.rng.randbytes(length)
                expected = cmac.CMAC(algorithms.AES(value))
                expected.update(data)
                check(session, session.mechanism("CKM_AES_CMAC"), key, data, expected.finalize())


def check(session, mechanism, key, data, expected):
    for mac in session.both("Sign", mechanism, key, data):
        assert mac == expected, f"{mechanism.name} of {len(data)} bytes differs"
    assert session.verifies(mechanism, key, data, expected)
    at = session.rng.randrange(len(expected))
    changed = expected[:at] + bytes([expected[at] ^ 1]) + expected[at + 1 :]
    assert not session.verifies(mechanism, key, data, changed)
    assert not session.verifies(mechanism, key, data + b"x", expected)
    assert refusal(session.verifies, mechanism, key, data, expected[1:]) == SIGNATURE_LEN_RANGE
