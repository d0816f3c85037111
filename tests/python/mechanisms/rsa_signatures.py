"""RSA signatures: PKCS #1 v1.5, PSS and raw, with and without hash, by keys of each size."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import padding, utils

import keys
import parameters
import reference
from module import DATA_INVALID, DATA_LEN_RANGE, KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID, SIGNATURE_LEN_RANGE
from parameters import HASHES, SIGNED
from session import refusal


def compare(session):
    # A modulus needn't have whole bytes, and with one bit more than that, a PSS block has a byte less.
    for bits in (1024, 2048, 3072, 4096, session.rng.randint(1025, 2047), 1025):
        key = keys.rsa_key(bits)
        for token in (False, True):
            pair = keys.import_rsa(session, key, token)
            hashed(session, key, pair)
            prepared(session, key, pair)
            raw(session, key, pair)
            x931(session, key, pair)
            pss(session, key, pair, all_masks=bits == 2048 and not token)
    largest(session)


def hashed(session, key, pair):
    for row in session.with_algorithm("RsaPkcs", "sign"):
        if row["hash"]:
            data = session.some(0, 100_000)
            expected = key.sign(data, padding.PKCS1v15(), SIGNED[row["hash"]].reference)
            check(session, session.mechanism(row["name"]), pair, data, expected)


def x931(session, key, pair):
    """ANSI X9.31: padding, digest, trailer; of the two numbers that verify, the smaller one."""
    size, numbers = keys.size(key), key.private_numbers()
    n = numbers.public_numbers.n
    hashed_, given = session.mechanism("CKM_SHA1_RSA_X9_31"), session.mechanism("CKM_RSA_X9_31")
    if key.key_size % 256:
        refuses(session, hashed_, pair, b"data", KEY_SIZE_RANGE)
        return
    for data in (b"", session.some(1, 1000)):
        trailed = hashlib.sha1(data).digest() + b"\x33\xcc"
        block = b"\x6b" + b"\xbb" * (size - len(trailed) - 2) + b"\xba" + trailed
        one = pow(int.from_bytes(block, "big"), numbers.d, n)
        expected, other = (value.to_bytes(size, "big") for value in (min(one, n - one), max(one, n - one)))
        check(session, hashed_, pair, data, expected)
        check(session, given, pair, trailed, expected)
        assert not session.verifies(hashed_, pair[0], data, other)
        assert not session.verifies(hashed_, pair[0], data + b"x", expected)
        for nonsense in (0, 1, n - 1, n):
            assert not session.verifies(hashed_, pair[0], data, nonsense.to_bytes(size, "big"))
    refuses(session, given, pair, bytes(size - 2) + b"\xcc", DATA_LEN_RANGE)
    refuses(session, given, pair, bytes(20), DATA_INVALID)
    longest = bytes(size - 3) + b"\xcc"
    assert session.verifies(given, pair[0], longest, session.whole("Sign", given, pair[1], longest))


def prepared(session, key, pair):
    """PKCS #1 v1.5 pads whatever it's given."""
    mechanism, longest = session.mechanism("CKM_RSA_PKCS"), keys.size(key) - 11
    for length in (0, 1, 20, longest):
        data = session.rng.randbytes(length)
        check(session, mechanism, pair, data, key.sign(data, padding.PKCS1v15(), utils.NoDigestInfo()))
    refuses(session, mechanism, pair, bytes(longest + 1), DATA_LEN_RANGE)


def raw(session, key, pair):
    mechanism, size = session.mechanism("CKM_RSA_X_509"), keys.size(key)
    numbers = key.private_numbers()
    for data in (b"", b"\x01", session.some(2, size - 1), b"\x00" + session.rng.randbytes(size - 1)):
        check(session, mechanism, pair, data, reference.power(data, numbers.d, numbers.public_numbers))
    refuses(session, mechanism, pair, keys.number(numbers.public_numbers.n), DATA_INVALID)
    refuses(session, mechanism, pair, bytes(size + 1), DATA_LEN_RANGE)


def pss(session, key, pair, all_masks):
    for name, hash_ in HASHES.items():
        longest = (key.key_size - 1 + 7) // 8 - hash_.reference.digest_size - 2
        salts = {0, 1, min(hash_.reference.digest_size, longest), longest}
        for mgf in HASHES.values() if all_masks else [hash_]:
            for salt in salts:
                check_pss(session, key, pair, name, mgf, salt)
            too_long = parameters.pss(hash_, mgf, longest + 1)
            mechanism = session.mechanism("CKM_RSA_PKCS_PSS", too_long)
            refuses(session, mechanism, pair, bytes(hash_.reference.digest_size), MECHANISM_PARAM_INVALID)


def check_pss(session, key, pair, hash_name, mgf, salt):
    """With the hash in the mechanism, and with one that the caller has made; and those of the other side."""
    public, private = pair
    hash_, data = HASHES[hash_name], session.some(0, 1000)
    scheme = padding.PSS(padding.MGF1(mgf.reference), salt)
    digest = hashlib.new(hash_name.lower(), data).digest()
    parameter = parameters.pss(hash_, mgf, salt)
    theirs = key.sign(data, scheme, hash_.reference)
    for row in session.with_algorithm("RsaPss", "sign"):
        if row["hash"] not in (None, hash_name):
            continue
        mechanism, message = session.mechanism(row["name"], parameter), data if row["hash"] else digest
        for signature in session.both("Sign", mechanism, private, message):
            key.public_key().verify(signature, data, scheme, hash_.reference)
            assert session.verifies(mechanism, public, message, signature)
        assert session.verifies(mechanism, public, message, theirs)
        assert not session.verifies(mechanism, public, hashlib.new(hash_name.lower(), b"other" + data).digest(), theirs)
        if not row["hash"]:
            refuses(session, mechanism, pair, digest[1:], DATA_LEN_RANGE)


def largest(session):
    key = keys.rsa_key(8192)
    public, private = pair = keys.import_rsa(session, key)
    data, hash_ = session.some(0, 1000), HASHES["Sha512"]
    expected = key.sign(data, padding.PKCS1v15(), hash_.reference)
    check(session, session.mechanism("CKM_SHA512_RSA_PKCS"), pair, data, expected)
    check_pss(session, key, pair, "Sha512", hash_, 1024 - 64 - 2)


def check(session, mechanism, pair, data, expected):
    """Of a signature that is always the same."""
    public, private = pair
    for signature in session.both("Sign", mechanism, private, data):
        assert signature == expected, f"{mechanism.name} of {len(data)} bytes differs"
    assert session.verifies(mechanism, public, data, expected)
    assert not session.verifies(mechanism, public, data, expected[:-1] + bytes([expected[-1] ^ 1]))
    assert refusal(session.verifies, mechanism, public, data, expected + b"x") == SIGNATURE_LEN_RANGE


def refuses(session, mechanism, pair, data, code):
    for run in (session.whole, session.parts):
        assert refusal(run, "Sign", mechanism, pair[1], data) == code
