"""Digests and HMACs of random messages of any length."""

import hashlib
import hmac

import parameters
from module import KEY_INDIGESTIBLE, KEY_TYPE_INCONSISTENT, MECHANISM_PARAM_INVALID, SIGNATURE_LEN_RANGE
from session import CLASS, GENERIC_SECRET, KEY_TYPE, SECRET_KEY, SENSITIVE, VALUE, refusal

# Nothing, around the blocks of hashes and of AES, and more than the module keeps before it sends.
LENGTHS = [0, 1, 15, 16, 17, 55, 56, 64, 111, 112, 128, 1000, 70_000]

# Key types of secrets that serve one HMAC only.
HMAC_KEYS = {"Md5": 0x27, "Sha1": 0x28, "Sha224": 0x2E, "Sha256": 0x2B, "Sha384": 0x2C, "Sha512": 0x2D}
HMAC_KEYS |= {"Sha3_224": 0x36, "Sha3_256": 0x37, "Sha3_384": 0x38, "Sha3_512": 0x39}
HMAC_KEYS |= {"Sha512_224": 0x43, "Sha512_256": 0x44}


def compare(session):
    digests(session)
    hmacs(session)
    shortened(session)
    one_hmac_only(session)


def digests(session):
    for row in session.with_algorithm("Digest", "digest"):
        mechanism = session.mechanism(row["name"])
        for length in LENGTHS:
            data = session.rng.randbytes(length)
            expected = hashed(row["hash"], data)
            for digest in session.both("Digest", mechanism, None, data):
                assert digest == expected, f"{row['name']} of {length} bytes differs"
        of_a_key(session, mechanism, row["hash"])


def of_a_key(session, mechanism, hash_):
    """A key's value is part of a message if it may be read."""
    value, data = session.some(1, 200), session.some(0, 200)
    session.begin("Digest", mechanism, None)
    session.call("C_DigestUpdate", data, len(data))
    session.call("C_DigestKey", session.secret(GENERIC_SECRET, value))
    assert session.output("C_DigestFinal") == hashed(hash_, data + value)
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
                    check(session, session.mechanism(row["name"]), key, data, hmac_of(value, data, row["hash"]))


def shortened(session):
    """HMACs of any length from one byte to the whole."""
    for key_len in (1, 64, 200):
        value, data = session.rng.randbytes(key_len), session.some(0, 300)
        key = session.secret(GENERIC_SECRET, value)
        for row in session.with_algorithm("HmacGeneral", "sign"):
            expected = hmac_of(value, data, row["hash"])
            for length in {1, session.rng.randint(2, len(expected) - 1), len(expected)}:
                mechanism = session.mechanism(row["name"], parameters.mac_length(length))
                check(session, mechanism, key, data, expected[:length])
            for length in (0, len(expected) + 1, 2**32 + 8):
                mechanism = session.mechanism(row["name"], parameters.mac_length(length))
                assert refusal(session.begin, "Sign", mechanism, key) == MECHANISM_PARAM_INVALID


def one_hmac_only(session):
    for hash_, key_type in HMAC_KEYS.items():
        value, data = session.some(1, 200), session.some(0, 200)
        key = session.secret(key_type, value)
        for row in session.with_algorithm("Hmac", "sign"):
            mechanism = session.mechanism(row["name"])
            if row["hash"] == hash_:
                check(session, mechanism, key, data, hmac_of(value, data, hash_))
            else:
                assert refusal(session.begin, "Sign", mechanism, key) == KEY_TYPE_INCONSISTENT


def hashed(hash_, data):
    return hashlib.new(hash_.lower(), data).digest()


def hmac_of(key, data, hash_):
    return hmac.digest(key, data, hash_.lower())


def check(session, mechanism, key, data, expected):
    for mac in session.both("Sign", mechanism, key, data):
        assert mac == expected, f"{mechanism.name} of {len(data)} bytes differs"
    assert session.verifies(mechanism, key, data, expected)
    at = session.rng.randrange(len(expected))
    changed = expected[:at] + bytes([expected[at] ^ 1]) + expected[at + 1 :]
    assert not session.verifies(mechanism, key, data, changed)
    # By chance, a short one is that of another message too.
    if len(expected) > 3:
        assert not session.verifies(mechanism, key, data + b"x", expected)
    assert refusal(session.verifies, mechanism, key, data, expected[1:]) == SIGNATURE_LEN_RANGE
