"""MACs made with block ciphers and with Poly1305, of messages of any length."""

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

import parameters
import reference
from digests import check
from module import KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID
from session import AES, DES2, DES3, POLY1305, refusal

# Nothing, around the blocks, and more than the module keeps before it sends.
LENGTHS = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1000, 70_000]


def compare(session):
    for size in (16, 24, 32):
        value = session.rng.randbytes(size)
        for token in (False, True):
            key = session.secret(AES, value, token)
            aes(session, key, value)
            gmac(session, key, value)
        xcbc(session, key, value)
    for key_type, size in ((DES2, 16), (DES3, 24)):
        value = reference.with_parity(session.rng.randbytes(size))
        des(session, session.secret(key_type, value), value)
    poly1305(session)


def aes(session, key, value):
    for length in LENGTHS:
        data = session.rng.randbytes(length)
        expected = cmac_of(algorithms.AES(value), data)
        check(session, session.mechanism("CKM_AES_CMAC"), key, data, expected)
        shortened(session, "CKM_AES_CMAC_GENERAL", key, data, expected)
        # FIPS 113: the last block of CBC from a zero IV over the message padded with zeros.
        whole = reference.aes(value, modes.CBC(bytes(16)), filled(data, 16))[-16:]
        check(session, session.mechanism("CKM_AES_MAC"), key, data, whole[:8])
        shortened(session, "CKM_AES_MAC_GENERAL", key, data, whole)


def des(session, key, value):
    for length in LENGTHS:
        data = session.rng.randbytes(length)
        expected = cmac_of(reference.tripled(value), data)
        check(session, session.mechanism("CKM_DES3_CMAC"), key, data, expected)
        shortened(session, "CKM_DES3_CMAC_GENERAL", key, data, expected)
        whole = reference.des(value, modes.CBC(bytes(8)), filled(data, 8))[-8:]
        check(session, session.mechanism("CKM_DES3_MAC"), key, data, whole[:4])
        shortened(session, "CKM_DES3_MAC_GENERAL", key, data, whole)


def gmac(session, key, value):
    for length in LENGTHS:
        iv_len, tag_bits = session.rng.choice([12, 12, 1, 8, 16, 128, 1024]), session.rng.choice(range(32, 129, 8))
        iv, data = session.rng.randbytes(iv_len), session.rng.randbytes(length)
        expected = reference.gcm(value, iv, data, tag_bits, b"") if length < 2000 or 8 <= iv_len <= 128 else None
        if expected is not None:
            check(session, session.mechanism("CKM_AES_GMAC", parameters.gcm(iv, b"", tag_bits)), key, data, expected)
    for wrong in (parameters.gcm(iv, b"aad"), parameters.gcm(b""), parameters.gcm(iv, b"", 24), iv):
        mechanism = session.mechanism("CKM_AES_GMAC", wrong)
        assert refusal(session.whole, "Sign", mechanism, key, b"data") == MECHANISM_PARAM_INVALID


def xcbc(session, key, value):
    """RFC 3566, which is for keys of 128 bits."""
    for name, length in (("CKM_AES_XCBC_MAC", 16), ("CKM_AES_XCBC_MAC_96", 12)):
        mechanism = session.mechanism(name)
        if len(value) != 16:
            assert refusal(session.whole, "Sign", mechanism, key, b"data") == KEY_SIZE_RANGE
            continue
        for data_len in LENGTHS:
            data = session.rng.randbytes(data_len)
            check(session, mechanism, key, data, reference.xcbc(value, data)[:length])


def poly1305(session):
    for length in LENGTHS:
        value, data = session.rng.randbytes(32), session.rng.randbytes(length)
        key = session.secret(POLY1305, value)
        check(session, session.mechanism("CKM_POLY1305"), key, data, Poly1305.generate_tag(value, data))


def shortened(session, name, key, data, expected):
    for length in {1, session.rng.randint(2, len(expected) - 1), len(expected)}:
        mechanism = session.mechanism(name, parameters.mac_length(length))
        check(session, mechanism, key, data, expected[:length])
    for length in (0, len(expected) + 1):
        mechanism = session.mechanism(name, parameters.mac_length(length))
        assert refusal(session.begin, "Sign", mechanism, key) == MECHANISM_PARAM_INVALID


def cmac_of(cipher, data):
    made = cmac.CMAC(cipher)
    made.update(data)
    return made.finalize()


def filled(data, block):
    return data + bytes(-len(data) % block) or bytes(block)
