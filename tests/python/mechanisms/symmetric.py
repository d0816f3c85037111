"""The other modes of AES, DES, and ChaCha20."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305

import parameters
import reference
from ciphers import both_ways, flipped, refuses_content, refuses_length
from module import (
    ATTRIBUTE_VALUE_INVALID, ENCRYPTED_DATA_LEN_RANGE, MECHANISM_INVALID, MECHANISM_PARAM_INVALID,
)
from session import AES, AES_XTS, CHACHA20, DES, DES2, DES3, refusal

# Nothing, around one block, and more than the module keeps before it sends.
LENGTHS = [0, 1, 15, 16, 17, 4096, 70_000]
# Of modes that take a block or more.
LONGER = [16, 17, 31, 32, 33, 47, 48, 49, 4099, 70_000, 70_001]


def compare(session):
    for size in (16, 24, 32):
        value = session.rng.randbytes(size)
        for token in (False, True):
            key = session.secret(AES, value, token)
            for check in (feedback, stealing, ccm, pkcs7_key_wraps, vendors_gcm):
                check(session, key, value)
    xts(session)
    for key_type, size in ((DES, 8), (DES2, 16), (DES3, 24)):
        for token in (False, True):
            des(session, key_type, size, token)
            des_feedback(session, token)
    for token in (False, True):
        value = session.rng.randbytes(32)
        key = session.secret(CHACHA20, value, token)
        chacha20(session, key, value)
        chacha20_poly1305(session, key, value)


def feedback(session, key, value):
    iv = session.rng.randbytes(16)
    for name, cipher in (
        ("CKM_AES_OFB", lambda data: reference.aes(value, reference.OFB(iv), data)),
        ("CKM_AES_CFB128", lambda data: reference.aes(value, reference.CFB(iv), data)),
        ("CKM_AES_CFB8", lambda data: reference.aes(value, reference.CFB8(iv), data)),
        ("CKM_AES_CFB64", lambda data: reference.cfb(value, iv, 64, data)),
        ("CKM_AES_CFB1", lambda data: reference.cfb(value, iv, 1, data)),
    ):
        mechanism = session.mechanism(name, iv)
        for length in LENGTHS:
            by_hand = name in ("CKM_AES_CFB64", "CKM_AES_CFB1")
            data = session.rng.randbytes(length if not by_hand else min(length, 130))
            both_ways(session, mechanism, key, data, cipher(data))
        # More than the module keeps; there and back.
        data = session.rng.randbytes(70_001)
        for encrypted in session.both("Encrypt", mechanism, key, data):
            assert session.both("Decrypt", mechanism, key, encrypted) == (data, data), name
        for wrong in (None, iv[1:], iv + b"x"):
            begun = refusal(session.begin, "Encrypt", session.mechanism(name, wrong), key)
            assert begun == MECHANISM_PARAM_INVALID


def stealing(session, key, value):
    iv = session.rng.randbytes(16)
    mechanism = session.mechanism("CKM_AES_CTS", iv)
    for length in LONGER:
        data = session.rng.randbytes(length)
        both_ways(session, mechanism, key, data, reference.cts(value, iv, data))
    for length in (0, 1, 15):
        refuses_length(session, mechanism, key, bytes(length), bytes(length))


def xts(session):
    for size in (32, 64):
        value, unit = session.rng.randbytes(size), session.rng.randbytes(16)
        for token in (False, True):
            key, mechanism = session.secret(AES_XTS, value, token), session.mechanism("CKM_AES_XTS", unit)
            for length in LONGER:
                data = session.rng.randbytes(length)
                both_ways(session, mechanism, key, data, reference.aes(value, modes.XTS(unit), data))
            for length in (0, 15):
                refuses_length(session, mechanism, key, bytes(length), bytes(length))
        assert refusal(session.secret, AES_XTS, value[: size // 2] * 2) == ATTRIBUTE_VALUE_INVALID
        assert refusal(session.secret, AES_XTS, value[1:]) == ATTRIBUTE_VALUE_INVALID


def ccm(session, key, value):
    for length in LENGTHS:
        nonce, aad = session.some(7, 13) if length < 65_536 else session.some(7, 12), session.some(0, 40)
        mac_len, data = session.rng.choice(range(4, 17, 2)), session.rng.randbytes(length)
        sealed = AESCCM(value, mac_len).encrypt(nonce, data, aad)
        mechanism = session.mechanism("CKM_AES_CCM", parameters.ccm(length, nonce, aad, mac_len))
        both_ways(session, mechanism, key, data, sealed)
        refuses_content(session, mechanism, key, flipped(session, sealed))
        refuses_length(session, mechanism, key, data + b"x", sealed + b"x")
        other = session.mechanism("CKM_AES_CCM", parameters.ccm(length, nonce, aad + b"x", mac_len))
        refuses_content(session, other, key, sealed)
    for wrong in ((nonce[:6], 16), (nonce + bytes(14 - len(nonce)), 16), (nonce, 5), (nonce, 2), (nonce, 18)):
        mechanism = session.mechanism("CKM_AES_CCM", parameters.ccm(length, wrong[0], b"", wrong[1]))
        assert refusal(session.begin, "Encrypt", mechanism, key) == MECHANISM_PARAM_INVALID


def pkcs7_key_wraps(session, key, value):
    mechanism = session.mechanism("CKM_AES_KEY_WRAP_PKCS7")
    for length in (8, 9, 15, 16, 17, 1001):
        data, initial = session.rng.randbytes(length), session.rng.randbytes(8)
        padded = data + bytes([8 - length % 8]) * (8 - length % 8)
        both_ways(session, mechanism, key, data, reference.key_wrap(value, padded))
        own = session.mechanism("CKM_AES_KEY_WRAP_PKCS7", initial)
        both_ways(session, own, key, data[:40], reference.key_wrap(value, padded, initial)) if length < 40 else None
    refuses_length(session, mechanism, key, bytes(7), bytes(17))
    refuses_content(session, mechanism, key, flipped(session, reference.key_wrap(value, padded)))
    refuses_content(session, mechanism, key, reference.key_wrap(value, bytes(16)))


def vendors_gcm(session, key, value):
    """CKM_CLOUDHSM_AES_GCM puts an IV that it makes before the ciphertext."""
    seen = set()
    for length in (0, 1, 16, 4096):
        aad, tag_bits, data = session.some(0, 40), session.rng.choice([96, 128]), session.rng.randbytes(length)
        parameter = parameters.gcm(b"", aad, tag_bits)
        parameter.iv = None
        mechanism = session.mechanism("CKM_CLOUDHSM_AES_GCM", parameter)
        sealed = session.whole("Encrypt", mechanism, key, data)
        iv = sealed[:12]
        assert sealed[12:] == reference.gcm(value, iv, aad, tag_bits, data)
        assert session.whole("Decrypt", mechanism, key, sealed) == data
        session.begin("Encrypt", mechanism, key)
        assert refusal(session.output, "C_EncryptUpdate", data, len(data)) == MECHANISM_INVALID
        seen.add(iv)
    assert len(seen) == 4
    given = session.mechanism("CKM_CLOUDHSM_AES_GCM", parameters.gcm(bytes(12)))
    assert refusal(session.begin, "Encrypt", given, key) == MECHANISM_PARAM_INVALID


def des(session, key_type, size, token):
    value, iv = reference.with_parity(session.rng.randbytes(size)), session.rng.randbytes(8)
    key = session.secret(key_type, value, token)
    prefix = "CKM_DES" if key_type == DES else "CKM_DES3"
    ecb, cbc = session.mechanism(f"{prefix}_ECB"), session.mechanism(f"{prefix}_CBC", iv)
    pad = session.mechanism(f"{prefix}_CBC_PAD", iv)
    for length in (0, 1, 7, 8, 9, 16, 4096, 70_000):
        data = session.rng.randbytes(length)
        whole = data[: length // 8 * 8]
        both_ways(session, ecb, key, whole, reference.des(value, modes.ECB(), whole))
        both_ways(session, cbc, key, whole, reference.des(value, modes.CBC(iv), whole))
        padding = bytes([8 - length % 8]) * (8 - length % 8)
        both_ways(session, pad, key, data, reference.des(value, modes.CBC(iv), data + padding))
    for mechanism in (ecb, cbc):
        refuses_length(session, mechanism, key, session.some(9, 15), session.some(1, 7))
    refuses_content(session, pad, key, reference.des(value, modes.CBC(iv), bytes(16)))
    wrong = session.mechanism(f"{prefix}_CBC", iv + iv)
    assert refusal(session.begin, "Encrypt", wrong, key) == MECHANISM_PARAM_INVALID
    even = bytes([value[0] ^ 1]) + value[1:]
    assert refusal(session.secret, key_type, even) == ATTRIBUTE_VALUE_INVALID
    assert refusal(session.secret, key_type, value + value) == ATTRIBUTE_VALUE_INVALID


def des_feedback(session, token):
    value, iv = reference.with_parity(session.rng.randbytes(8)), session.rng.randbytes(8)
    key = session.secret(DES, value, token)
    for name, segment, output in (("OFB64", 8, True), ("OFB8", 1, True), ("CFB64", 8, False), ("CFB8", 1, False)):
        mechanism = session.mechanism(f"CKM_DES_{name}", iv)
        for length in (0, 1, 7, 8, 9, 16, 1001):
            data = session.rng.randbytes(length)
            sealed = reference.des_feedback(value, iv, segment, output, True, data)
            assert reference.des_feedback(value, iv, segment, output, False, sealed) == data
            both_ways(session, mechanism, key, data, sealed)
        for wrong in (None, iv[1:], iv + b"x"):
            begun = refusal(session.begin, "Encrypt", session.mechanism(f"CKM_DES_{name}", wrong), key)
            assert begun == MECHANISM_PARAM_INVALID


def chacha20(session, key, value):
    for nonce_len in (8, 12, 24):
        nonce, counter = session.rng.randbytes(nonce_len), session.rng.randint(0, 2**31)
        mechanism = session.mechanism("CKM_CHACHA20", parameters.chacha20(counter, nonce))
        subkey, rest = reference.xchacha(value, nonce) if nonce_len == 24 else (value, nonce)
        start = counter.to_bytes(16 - len(rest), "little")
        for length in (0, 1, 63, 64, 65, 4096, 70_000):
            data = session.rng.randbytes(length)
            encryptor = Cipher(algorithms.ChaCha20(subkey, start + rest), None).encryptor()
            both_ways(session, mechanism, key, data, encryptor.update(data))
    last = session.mechanism("CKM_CHACHA20", parameters.chacha20(2**32 - 1, bytes(12)))
    refuses_length(session, last, key, bytes(65), bytes(65))
    for bits in ((32, 64), (64, 96), (32, 192), (16, 96), (64, 0)):
        parameter = parameters.chacha20(0, bytes(24))
        parameter.counter_bits, parameter.nonce_bits = bits
        mechanism = session.mechanism("CKM_CHACHA20", parameter)
        assert refusal(session.begin, "Encrypt", mechanism, key) == MECHANISM_PARAM_INVALID


def chacha20_poly1305(session, key, value):
    for nonce_len in (12, 24):
        for length in LENGTHS:
            nonce, aad, data = session.rng.randbytes(nonce_len), session.some(0, 40), session.rng.randbytes(length)
            subkey, rest = value, nonce
            if nonce_len == 24:
                subkey, rest = reference.xchacha(value, nonce)
                rest = bytes(4) + rest
            sealed = ChaCha20Poly1305(subkey).encrypt(rest, data, aad)
            mechanism = session.mechanism("CKM_CHACHA20_POLY1305", parameters.chacha20_poly1305(nonce, aad))
            both_ways(session, mechanism, key, data, sealed)
            refuses_content(session, mechanism, key, flipped(session, sealed))
            for run in (session.whole, session.parts):
                assert refusal(run, "Decrypt", mechanism, key, sealed[:15]) == ENCRYPTED_DATA_LEN_RANGE
    wrong = parameters.chacha20_poly1305(nonce)
    wrong.nonce_bits = 64
    mechanism = session.mechanism("CKM_CHACHA20_POLY1305", wrong)
    assert refusal(session.begin, "Encrypt", mechanism, key) == MECHANISM_PARAM_INVALID
