"""Keys wrapped in the module and unwrapped by the second implementation, and the other way round."""

import hashlib
import hmac

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

import keys
import parameters
import reference
from module import KEY_NOT_WRAPPABLE, KEY_SIZE_RANGE, WRAPPED_KEY_INVALID, WRAPPED_KEY_LEN_RANGE
from parameters import HASHES
from session import (
    AES, CLASS, DES3, EC, EXTRACTABLE, GENERIC_SECRET, KEY_TYPE, OPEN, PRIVATE_KEY, RSA, SECRET_KEY, TOKEN, VALUE, VALUE_LEN,
    refusal,
)


def compare(session):
    for token in (False, True):
        for size in (16, 24, 32):
            value = session.rng.randbytes(size)
            wrapping = session.secret(AES, value, token)
            for mechanism, wrapped in aes_mechanisms(session, value):
                secret_keys(session, mechanism, wrapped, (wrapping, wrapping), token)
                private_keys(session, mechanism, wrapped, wrapping, token)
            vendors_gcm(session, wrapping, value)
        des(session, token)
        for bits in (1024, 2048, 3072, 4096):
            rsa_wraps(session, keys.rsa_key(bits), token)


# With AES


def aes_mechanisms(session, value):
    """Mechanisms, and what each makes of a key by the second implementation."""
    iv, aad = session.rng.randbytes(16), session.some(0, 50)
    yield session.mechanism("CKM_AES_CBC_PAD", iv), lambda key: reference.aes(
        value, modes.CBC(iv), reference.padded(key)
    )
    for tag_bits in (128, 96):
        parameter = parameters.gcm(iv, aad, tag_bits)
        yield session.mechanism("CKM_AES_GCM", parameter), lambda key: reference.gcm(value, iv, aad, tag_bits, key)
    nonce = session.some(7, 12)
    yield session.mechanism("CKM_AES_CCM", parameters.ccm(0, nonce, aad, 14)), lambda key: AESCCM(value, 14).encrypt(
        nonce, key, aad
    )
    for row in session.with_algorithm("AesKw", "wrap"):
        yield session.mechanism(row["name"]), lambda key: keywrap.aes_key_wrap(value, key)
    for row in session.with_algorithm("AesKwPkcs7", "wrap"):
        yield session.mechanism(row["name"]), lambda key: keywrap.aes_key_wrap(
            value, key + bytes([8 - len(key) % 8]) * (8 - len(key) % 8)
        )
    for row in session.with_algorithm("AesKwp", "wrap"):
        yield session.mechanism(row["name"]), lambda key: keywrap.aes_key_wrap_with_padding(value, key)


def takes(session, mechanism, length):
    """Whether a mechanism wraps keys of a length."""
    algorithm = session.rows[mechanism.name]["algorithm"]
    return not (algorithm == "AesKw" and length % 8 or algorithm == "AesKwPkcs7" and length < 8)


def vendors_gcm(session, wrapping, value):
    """The IV is made in the module and comes before the wrapped key."""
    parameter = parameters.gcm(b"", b"aad")
    parameter.iv = None
    mechanism, secret = session.mechanism("CKM_CLOUDHSM_AES_GCM", parameter), session.rng.randbytes(32)
    wrapped = session.wrap(mechanism, wrapping, session.secret(AES, secret))
    assert wrapped[12:] == reference.gcm(value, wrapped[:12], b"aad", 128, secret)
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: AES, **OPEN}
    assert session.get(session.unwrap(mechanism, wrapping, wrapped, attributes), VALUE) == secret


def des(session, token):
    value, iv = reference.with_parity(session.rng.randbytes(24)), session.rng.randbytes(8)
    wrapping, mechanism = session.secret(DES3, value, token), session.mechanism("CKM_DES3_CBC_PAD", iv)

    def wrapped(key):
        return reference.des(value, modes.CBC(iv), key + bytes([8 - len(key) % 8]) * (8 - len(key) % 8))

    secret_keys(session, mechanism, wrapped, (wrapping, wrapping), token)
    private_keys(session, mechanism, wrapped, wrapping, token)


def secret_keys(session, mechanism, wrapped, wrapping, token):
    for key_type, length in ((AES, 16), (AES, 24), (AES, 32), (GENERIC_SECRET, 1), (GENERIC_SECRET, 1001)):
        value = session.rng.randbytes(length)
        if not takes(session, mechanism, length):
            key = session.secret(key_type, value)
            assert refusal(session.wrap, mechanism, wrapping[0], key) == KEY_SIZE_RANGE
            continue
        secret_key(session, mechanism, wrapped, wrapping, (key_type, value), token)
    damaged = bytearray(wrapped(session.rng.randbytes(16)))
    damaged[0] ^= 1
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET}
    # CBC alone doesn't see a change of the first block.
    if not mechanism.name.endswith("CBC_PAD"):
        assert refusal(session.unwrap, mechanism, wrapping[1], bytes(damaged), attributes) == WRAPPED_KEY_INVALID
        short = refusal(session.unwrap, mechanism, wrapping[1], b"short", attributes)
        assert short == WRAPPED_KEY_LEN_RANGE, (mechanism.name, hex(short))


def secret_key(session, mechanism, wrapped, wrapping, of, token):
    """Wrapping gives what the second implementation gives, and unwrapping that gives the key."""
    key_type, value = of
    key = session.secret(key_type, value, token)
    expected = wrapped(value)
    assert session.wrap(mechanism, wrapping[0], key) == expected, f"{mechanism.name}: {len(value)} bytes differ"
    unwrapped(session, mechanism, wrapping[1], expected, of, token)
    session.destroy(key)


def unwrapped(session, mechanism, unwrapping, wrapped, of, token):
    """Unwraps a secret key, and sees that it's the one it should be and does what it should."""
    key_type, value = of
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, TOKEN: token, **OPEN}
    key = session.unwrap(mechanism, unwrapping, wrapped, attributes)
    assert session.get(key, VALUE, VALUE_LEN) == [value, len(value).to_bytes(8, "little")]
    data = session.some(0, 100)
    if key_type == AES:
        data = reference.padded(data)
        result, expected = "CKM_AES_ECB", reference.aes(value, modes.ECB(), data)
        assert session.whole("Encrypt", session.mechanism(result), key, data) == expected
    else:
        mac = session.whole("Sign", session.mechanism("CKM_SHA256_HMAC"), key, data)
        assert mac == hmac.digest(value, data, hashlib.sha256)
    session.destroy(key)


def private_keys(session, mechanism, wrapped, wrapping, token):
    """Private keys are wrapped as PKCS#8."""
    rsa_key = keys.rsa_key(1024)
    _, handle = keys.import_rsa(session, rsa_key, token, {EXTRACTABLE: True})
    private_key(session, mechanism, wrapped, wrapping, (RSA, rsa_key, handle), token)
    for curve in keys.CURVES:
        ec_key = keys.ec_key(session, curve)
        _, handle = keys.import_ec(session, ec_key, token, {EXTRACTABLE: True})
        private_key(session, mechanism, wrapped, wrapping, (EC, ec_key, handle), token)


def private_key(session, mechanism, wrapped, wrapping, of, token):
    key_type, key, handle = of
    encoding = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pkcs8 = key.private_bytes(*encoding)
    if not takes(session, mechanism, len(pkcs8)):
        # KW takes whole half blocks only, so whether it wraps a private key is chance.
        assert refusal(session.wrap, mechanism, wrapping, handle) == KEY_SIZE_RANGE
        return
    expected = wrapped(pkcs8)
    assert session.wrap(mechanism, wrapping, handle) == expected, f"{mechanism.name}: {key} differs"
    attributes = {CLASS: PRIVATE_KEY, KEY_TYPE: key_type, TOKEN: token}
    again = session.unwrap(mechanism, wrapping, expected, attributes)
    data, hash_ = session.some(0, 100), HASHES["Sha256"].reference
    if key_type == RSA:
        signature = session.whole("Sign", session.mechanism("CKM_SHA256_RSA_PKCS"), again, data)
        assert signature == key.sign(data, padding.PKCS1v15(), hash_)
    else:
        signature = session.whole("Sign", session.mechanism("CKM_ECDSA_SHA256"), again, data)
        key.public_key().verify(keys.der_signature(signature), data, ec.ECDSA(hash_))
    session.destroy(handle, again)


# With RSA


def rsa_wraps(session, key, token):
    public, private = keys.import_rsa(session, key, token)
    secrets = [(AES, session.rng.randbytes(size)) for size in (16, 24, 32)]
    secrets.append((GENERIC_SECRET, session.some(1, keys.size(key) - 2 * 32 - 2)))
    schemes = [(session.mechanism("CKM_RSA_PKCS"), padding.PKCS1v15())]
    for hash_ in HASHES.values():
        mgf, label = session.rng.choice(list(HASHES.values())), session.some(0, 20)
        if keys.size(key) - 2 * hash_.reference.digest_size - 2 >= 32:
            mechanism = session.mechanism("CKM_RSA_PKCS_OAEP", parameters.oaep(hash_, mgf, label))
            schemes.append((mechanism, padding.OAEP(padding.MGF1(mgf.reference), hash_.reference, label)))
    for of in secrets:
        handle = session.secret(*of, token)
        for mechanism, scheme in schemes:
            if len(of[1]) > longest(key, scheme):
                assert refusal(session.wrap, mechanism, public, handle) == KEY_SIZE_RANGE
                continue
            assert key.decrypt(session.wrap(mechanism, public, handle), scheme) == of[1]
            unwrapped(session, mechanism, private, key.public_key().encrypt(of[1], scheme), of, token)
        raw(session, key, (public, private, handle), of, token)
        session.destroy(handle)
    not_wrappable(session, public, token)


def raw(session, key, handles, of, token):
    """Raw RSA loses leading zeros, so the template must say how long the key was."""
    public, private, handle = handles
    key_type, value = of
    mechanism, numbers = session.mechanism("CKM_RSA_X_509"), key.public_key().public_numbers()
    wrapped = reference.power(value, numbers.e, numbers)
    assert session.wrap(mechanism, public, handle) == wrapped
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, VALUE_LEN: len(value), TOKEN: token, **OPEN}
    again = session.unwrap(mechanism, private, wrapped, attributes)
    assert session.get(again, VALUE) == value
    session.destroy(again)


def not_wrappable(session, public, token):
    """RSA wraps secret keys only."""
    _, private = keys.import_ec(session, keys.ec_key(session, ec.SECP256R1), token, {EXTRACTABLE: True})
    assert refusal(session.wrap, session.mechanism("CKM_RSA_PKCS"), public, private) == KEY_NOT_WRAPPABLE


def longest(key, scheme):
    if isinstance(scheme, padding.PKCS1v15):
        return keys.size(key) - 11
    return keys.size(key) - 2 * scheme.algorithm.digest_size - 2
