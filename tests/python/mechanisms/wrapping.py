"""Keys wrapped in the module and unwrapped by the second implementation, and the other way round."""

import hashlib
import hmac

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, x448, x25519
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

import keys
import parameters
import reference
from edwards import MONTGOMERY_KEY
from module import KEY_NOT_WRAPPABLE, KEY_SIZE_RANGE, WRAPPED_KEY_INVALID, WRAPPED_KEY_LEN_RANGE
from parameters import HASHES, OAEP_HASHES
from session import (
    AES, CLASS, DES3, EC, EC_PARAMS, EC_POINT, EXTRACTABLE, GENERIC_SECRET, KEY_TYPE, OPEN, PRIVATE_KEY, PUBLIC_KEY, RSA,
    SECRET_KEY, TOKEN, UNWRAP, VALUE, VALUE_LEN, WRAP, refusal,
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
        hybrids(session, token)


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
    for hash_ in OAEP_HASHES.values():
        mgf, label = session.rng.choice(list(OAEP_HASHES.values())), session.some(0, 20)
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


# With an AES key made for this once


def hybrids(session, token):
    """Secret and private keys under an AES key that RSA or a new key pair tells the other side."""
    for key_bits in (128, 192, 256):
        rsa_key = keys.rsa_key(2048)
        (public, private), (name, hash_) = keys.import_rsa(session, rsa_key, token), session.rng.choice(list(OAEP_HASHES.items()))
        mgf, label = session.rng.choice(list(OAEP_HASHES.values())), session.some(0, 20)
        mechanism = session.mechanism("CKM_RSA_AES_KEY_WRAP", parameters.rsa_wrap(key_bits, parameters.oaep(hash_, mgf, label)))
        scheme = padding.OAEP(padding.MGF1(mgf.reference), hash_.reference, label)
        hybrid(session, mechanism, (public, private), token, *with_rsa(session, rsa_key, scheme, key_bits // 8))
        for curve in keys.CURVES:
            key = keys.ec_key(session, curve)
            able = {WRAP: True, TOKEN: token}
            public = session.create(keys.ec_public(key) | able)
            private = session.create(keys.ec_private(key) | {UNWRAP: True, TOKEN: token})
            for name in ("CKM_ECDH_AES_KEY_WRAP", "CKM_ECDH_COF_AES_KEY_WRAP"):
                kdf, shared = session.rng.choice(list(HASHES.values())), session.some(0, 20)
                mechanism = session.mechanism(name, parameters.ecdh_wrap(key_bits, kdf, shared))
                hybrid(session, mechanism, (public, private), token, *with_curve(session, key, kdf, shared, key_bits // 8))
        with_montgomery(session, key_bits, token)


def hybrid(session, mechanism, pair, token, unwraps, wraps):
    """`unwraps` and `wraps` are the second implementation's."""
    public, private = pair
    for key_type, length in ((AES, 16), (GENERIC_SECRET, 1), (GENERIC_SECRET, 1001)):
        value = session.rng.randbytes(length)
        key = session.secret(key_type, value, token)
        assert unwraps(session.wrap(mechanism, public, key)) == value
        unwrapped(session, mechanism, private, wraps(value), (key_type, value), token)
        session.destroy(key)
    ec_key = keys.ec_key(session, ec.SECP384R1)
    _, handle = keys.import_ec(session, ec_key, token, {EXTRACTABLE: True})
    encoding = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    assert unwraps(session.wrap(mechanism, public, handle)) == ec_key.private_bytes(*encoding)
    wrapped = wraps(ec_key.private_bytes(*encoding))
    again = session.unwrap(mechanism, private, wrapped, {CLASS: PRIVATE_KEY, KEY_TYPE: EC, TOKEN: token})
    data, hash_ = session.some(0, 100), HASHES["Sha256"].reference
    signature = session.whole("Sign", session.mechanism("CKM_ECDSA_SHA256"), again, data)
    ec_key.public_key().verify(keys.der_signature(signature), data, ec.ECDSA(hash_))
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET}
    damaged = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    assert refusal(session.unwrap, mechanism, private, damaged, attributes) == WRAPPED_KEY_INVALID
    assert refusal(session.unwrap, mechanism, private, b"short", attributes) == WRAPPED_KEY_LEN_RANGE
    session.destroy(handle, again)


def with_rsa(session, key, scheme, length):
    def unwraps(wrapped):
        temporary = key.decrypt(wrapped[: keys.size(key)], scheme)
        assert len(temporary) == length
        return keywrap.aes_key_unwrap_with_padding(temporary, wrapped[keys.size(key) :])

    def wraps(value):
        temporary = session.rng.randbytes(length)
        return key.public_key().encrypt(temporary, scheme) + keywrap.aes_key_wrap_with_padding(temporary, value)

    return unwraps, wraps


def with_curve(session, key, kdf, shared, length):
    derive = lambda secret: X963KDF(kdf.reference, length, shared).derive(secret)

    def unwraps(wrapped):
        header = 2 if wrapped[1] < 0x80 else 3
        end = header + 1 + 2 * ((key.curve.key_size + 7) // 8)
        peer = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, wrapped[header:end])
        return keywrap.aes_key_unwrap_with_padding(derive(key.exchange(ec.ECDH(), peer)), wrapped[end:])

    def wraps(value):
        ours = keys.ec_key(session, type(key.curve))
        temporary = derive(ours.exchange(ec.ECDH(), key.public_key()))
        return keys.octet_string(keys.point(ours)) + keywrap.aes_key_wrap_with_padding(temporary, value)

    return unwraps, wraps


def with_montgomery(session, key_bits, token):
    for params, private_of, public_of, size in (
        (b"\x06\x03\x2b\x65\x6e", x25519.X25519PrivateKey, x25519.X25519PublicKey, 32),
        (b"\x06\x03\x2b\x65\x6f", x448.X448PrivateKey, x448.X448PublicKey, 56),
    ):
        key = private_of.generate()
        shared_attributes = {KEY_TYPE: MONTGOMERY_KEY, EC_PARAMS: params, TOKEN: token}
        point = key.public_key().public_bytes_raw()
        public = session.create(shared_attributes | {CLASS: PUBLIC_KEY, EC_POINT: point, WRAP: True})
        private = session.create(shared_attributes | {CLASS: PRIVATE_KEY, VALUE: key.private_bytes_raw(), UNWRAP: True})
        for name in ("CKM_ECDH_AES_KEY_WRAP", "CKM_ECDH_X_AES_KEY_WRAP"):
            kdf, shared = session.rng.choice(list(HASHES.values())), session.some(0, 20)
            mechanism = session.mechanism(name, parameters.ecdh_wrap(key_bits, kdf, shared))
            derive = lambda secret: X963KDF(kdf.reference, key_bits // 8, shared).derive(secret)

            def unwraps(wrapped):
                secret = key.exchange(public_of.from_public_bytes(wrapped[:size]))
                return keywrap.aes_key_unwrap_with_padding(derive(secret), wrapped[size:])

            def wraps(value):
                ours = private_of.generate()
                temporary = derive(ours.exchange(key.public_key()))
                return ours.public_key().public_bytes_raw() + keywrap.aes_key_wrap_with_padding(temporary, value)

            hybrid(session, mechanism, (public, private), token, unwraps, wraps)
