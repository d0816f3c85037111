"""AES in its modes, with keys of each size, in the session and on the token."""

import ctypes
from ctypes import byref

from cryptography.hazmat.primitives.ciphers import modes

import parameters
import reference
from module import (
    DATA_LEN_RANGE, ENCRYPTED_DATA_INVALID, ENCRYPTED_DATA_LEN_RANGE, MECHANISM_PARAM_INVALID, ULONG,
)
from session import AES, refusal

# Nothing, around one block, and more than the module keeps before it sends.
LENGTHS = [0, 1, 15, 16, 17, 4096, 70_000]


def compare(session):
    for size in (16, 24, 32):
        value = session.rng.randbytes(size)
        for token in (False, True):
            key = session.secret(AES, value, token)
            for check in (blocks, padding, counters, gcm, key_wraps, padded_key_wraps, in_place):
                check(session, key, value)


def blocks(session, key, value):
    iv = session.rng.randbytes(16)
    ecb = session.mechanism("CKM_AES_ECB")
    cbc = session.mechanism("CKM_AES_CBC", iv)
    for length in LENGTHS:
        data = session.rng.randbytes(length // 16 * 16)
        both_ways(session, ecb, key, data, reference.aes(value, modes.ECB(), data))
        both_ways(session, cbc, key, data, reference.aes(value, modes.CBC(iv), data))
    for mechanism in (ecb, cbc):
        refuses_length(session, mechanism, key, session.some(17, 31), session.some(1, 15))
    assert refusal(session.begin, "Encrypt", session.mechanism("CKM_AES_CBC", iv[1:]), key) == MECHANISM_PARAM_INVALID


def padding(session, key, value):
    iv = session.rng.randbytes(16)
    mechanism = session.mechanism("CKM_AES_CBC_PAD", iv)
    for length in LENGTHS:
        data = session.rng.randbytes(length)
        both_ways(session, mechanism, key, data, reference.aes(value, modes.CBC(iv), reference.padded(data)))
    badly_padded = reference.aes(value, modes.CBC(iv), bytes(32))
    refuses_content(session, mechanism, key, badly_padded)


def counters(session, key, value):
    # Low enough that even 20 bits don't wrap around, and such that the counter carries into its upper half.
    low, carrying = session.rng.randbytes(13) + bytes(3), session.rng.randbytes(8) + b"\xff" * 8
    for bits, block in ((128, low), (64, low), (32, low), (session.rng.randint(20, 127), low), (128, carrying)):
        mechanism = session.mechanism("CKM_AES_CTR", parameters.ctr(bits, block))
        for length in LENGTHS:
            data = session.rng.randbytes(length)
            both_ways(session, mechanism, key, data, reference.aes(value, modes.CTR(block), data))
    # Two blocks are left to a counter of 8 bits that is at 254.
    block = session.rng.randbytes(15) + b"\xfe"
    mechanism = session.mechanism("CKM_AES_CTR", parameters.ctr(8, block))
    data = session.rng.randbytes(33)
    both_ways(session, mechanism, key, data[:32], reference.aes(value, modes.CTR(block), data[:32]))
    refuses_length(session, mechanism, key, data, data)


def gcm(session, key, value):
    cases = [(12, 128, length) for length in LENGTHS]
    cases += [(session.rng.randint(8, 128), tag_bits, session.rng.randint(0, 100)) for tag_bits in range(8, 129, 8)]
    cases += [(iv_len, 128, 50) for iv_len in (1, 7, 8, 128, 129, 1024)]
    for iv_len, tag_bits, length in cases:
        iv, aad, data = session.rng.randbytes(iv_len), session.some(0, 40), session.rng.randbytes(length)
        layout = session.rng.choice([parameters.Gcm, parameters.GcmWithoutIvBits])
        mechanism = session.mechanism("CKM_AES_GCM", parameters.gcm(iv, aad, tag_bits, layout))
        sealed = reference.gcm(value, iv, aad, tag_bits, data)
        both_ways(session, mechanism, key, data, sealed)
    refuses_content(session, mechanism, key, flipped(session, sealed))
    other = session.mechanism("CKM_AES_GCM", parameters.gcm(iv, aad + b"x"))
    refuses_content(session, other, key, sealed)


def key_wraps(session, key, value):
    mechanism = session.mechanism("CKM_AES_KEY_WRAP")
    for length in (16, 24, 40, 4096):
        data, initial = session.rng.randbytes(length), session.rng.randbytes(8)
        both_ways(session, mechanism, key, data, reference.key_wrap(value, data))
        own = session.mechanism("CKM_AES_KEY_WRAP", initial)
        both_ways(session, own, key, data[:40], reference.key_wrap(value, data[:40], initial))
    for length in (0, 8, 17):
        refuses_length(session, mechanism, key, bytes(length), bytes(length))
    refuses_content(session, mechanism, key, flipped(session, reference.key_wrap(value, data)))


def padded_key_wraps(session, key, value):
    for row in session.with_algorithm("AesKwp", "encrypt"):
        mechanism = session.mechanism(row["name"])
        for length in (1, 7, 8, 9, 16, 1001):
            data, initial = session.rng.randbytes(length), session.rng.randbytes(4)
            both_ways(session, mechanism, key, data, reference.key_wrap_padded(value, data))
            own = session.mechanism(row["name"], initial)
            both_ways(session, own, key, data[:40], reference.key_wrap_padded(value, data[:40], initial))
        refuses_length(session, mechanism, key, b"", bytes(15))
        refuses_content(session, mechanism, key, flipped(session, reference.key_wrap_padded(value, data)))


def in_place(session, key, value):
    """The result may go where the data is."""
    data, iv = session.rng.randbytes(64), session.rng.randbytes(16)
    buffer, len_ = ctypes.create_string_buffer(data, 64), ULONG(64)
    session.begin("Encrypt", session.mechanism("CKM_AES_CBC", iv), key)
    session.call("C_Encrypt", buffer, 64, buffer, byref(len_))
    assert buffer.raw == reference.aes(value, modes.CBC(iv), data)


def both_ways(session, mechanism, key, plain, encrypted):
    """Encrypts and decrypts, in one piece and in several."""
    for verb, given, expected in (("Encrypt", plain, encrypted), ("Decrypt", encrypted, plain)):
        for result in session.both(verb, mechanism, key, given):
            assert result == expected, f"{mechanism.name}: {verb} of {len(given)} bytes differs"


def refuses_length(session, mechanism, key, plain, encrypted):
    for run in (session.whole, session.parts):
        assert refusal(run, "Encrypt", mechanism, key, plain) == DATA_LEN_RANGE
        assert refusal(run, "Decrypt", mechanism, key, encrypted) == ENCRYPTED_DATA_LEN_RANGE


def refuses_content(session, mechanism, key, encrypted):
    for run in (session.whole, session.parts):
        assert refusal(run, "Decrypt", mechanism, key, encrypted) == ENCRYPTED_DATA_INVALID


def flipped(session, data):
    """Data with one bit changed."""
    at = session.rng.randrange(len(data) * 8)
    return (int.from_bytes(data, "big") ^ 1 << at).to_bytes(len(data), "big")
