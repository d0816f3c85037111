"""EdDSA, and key agreement on Montgomery curves, with keys of both sides."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, x448, x25519
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

import keys
import parameters
from curves import derived
from module import (
    ATTRIBUTE_VALUE_INVALID, CURVE_NOT_SUPPORTED, KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID, SIGNATURE_LEN_RANGE,
)
from parameters import HASHES
from session import (
    AES, CLASS, EC, EC_PARAMS, EC_POINT, GENERIC_SECRET, KEY_TYPE, OPEN, PRIVATE_KEY, PUBLIC_KEY, TOKEN, VALUE, refusal,
)

EDWARDS_KEY, MONTGOMERY_KEY = 0x40, 0x41
# The curve: its names in CKA_EC_PARAMS, its private and public keys of the second implementation.
EDWARDS = [
    ((b"\x06\x03\x2b\x65\x70", b"\x13\x0cedwards25519", bytes.fromhex("06092b06010401da470f01")), ed25519.Ed25519PrivateKey),
    ((b"\x06\x03\x2b\x65\x71", b"\x13\x0aedwards448"), ed448.Ed448PrivateKey),
]
MONTGOMERY = [
    ((b"\x06\x03\x2b\x65\x6e", b"\x13\x0acurve25519"), x25519.X25519PrivateKey, x25519.X25519PublicKey),
    ((b"\x06\x03\x2b\x65\x6f", b"\x13\x08curve448"), x448.X448PrivateKey, x448.X448PublicKey),
]


def compare(session):
    for names, private in EDWARDS:
        for token in (False, True):
            for params in names:
                signatures(session, params, private, token)
            generated_signer(session, names, private, token)
    schemes(session)
    for names, private, public in MONTGOMERY:
        for token in (False, True):
            for params in names:
                agreements(session, params, private, public, token)
    other_forms(session)


# EdDSA


def signatures(session, params, private, token):
    key = random_key(session, private)
    for value in (raw(key), keys.octet_string(raw(key))):
        pair = imported(session, EDWARDS_KEY, params, key, value, token)
        data, mechanism = session.some(0, 100_000), session.mechanism("CKM_EDDSA")
        signed(session, mechanism, pair, data, key.sign(data))
        assert session.get(pair[0], EC_POINT) == keys.octet_string(raw_public(key))
        session.destroy(*pair)


def signed(session, mechanism, pair, data, expected):
    public, private = pair
    for signature in session.both("Sign", mechanism, private, data):
        assert signature == expected
    assert session.verifies(mechanism, public, data, expected)
    for changed in (data + b"x", b"x" + data):
        assert not session.verifies(mechanism, public, changed, expected)
    assert not session.verifies(mechanism, public, data, bytes([expected[0] ^ 1]) + expected[1:])
    assert refusal(session.verifies, mechanism, public, data, expected[1:]) == SIGNATURE_LEN_RANGE


def generated_signer(session, names, private, token):
    for params in names:
        generator = session.mechanism("CKM_EC_EDWARDS_KEY_PAIR_GEN")
        public, handle = session.generate_pair(generator, {EC_PARAMS: params, TOKEN: token}, {TOKEN: token, **OPEN})
        key = private.from_private_bytes(session.get(handle, VALUE))
        assert session.get(public, EC_PARAMS, EC_POINT) == [params, keys.octet_string(raw_public(key))]
        data = session.some(0, 1000)
        signed(session, session.mechanism("CKM_EDDSA"), (public, handle), data, key.sign(data))
        session.destroy(public, handle)


def schemes(session):
    """A context and a hash first make other signatures, which only the same ones verify."""
    for names, private in EDWARDS:
        key = random_key(session, private)
        pair = imported(session, EDWARDS_KEY, names[0], key, raw(key), False)
        contexts = [b"", b"a", session.rng.randbytes(255)]
        given = [None] + [parameters.eddsa(prehash, context) for prehash in (False, True) for context in contexts]
        mechanisms = [session.mechanism("CKM_EDDSA", parameter) for parameter in given]
        data, made = session.some(0, 1000), []
        for mechanism in mechanisms:
            if mechanism is mechanisms[1]:
                if private is ed25519.Ed25519PrivateKey:
                    assert refusal(session.whole, "Sign", mechanism, pair[1], data) == MECHANISM_PARAM_INVALID
                else:
                    # Ed448 has a context in any case.
                    assert session.whole("Sign", mechanism, pair[1], data) == made[0]
                continue
            one, other = session.both("Sign", mechanism, pair[1], data)
            assert one == other
            assert session.verifies(mechanism, pair[0], data, one)
            for before in made:
                assert before != one and not session.verifies(mechanism, pair[0], data, before)
            made.append(one)
        assert made[0] == key.sign(data)
        for signature in made[1:]:
            try:
                key.public_key().verify(signature, data)
            except InvalidSignature:
                continue
            raise AssertionError("a signature with a context isn't a pure one")
        long = session.mechanism("CKM_EDDSA", parameters.eddsa(True, bytes(256)))
        assert refusal(session.whole, "Sign", long, pair[1], data) == MECHANISM_PARAM_INVALID


# X25519 and X448


def agreements(session, params, private, public, token):
    key, peer = random_key(session, private), private.generate()
    pair = imported(session, MONTGOMERY_KEY, params, key, raw(key), token)
    generator = session.mechanism("CKM_EC_MONTGOMERY_KEY_PAIR_GEN")
    made = session.generate_pair(generator, {EC_PARAMS: params, TOKEN: token}, {TOKEN: token})
    theirs = public.from_public_bytes(session.get(made[0], EC_POINT)[2:])
    for row in session.with_algorithm("Ecdh", "derive"):
        if "DERIVE" not in row["name"]:
            continue
        agreed(session, row["name"], pair[1], raw_public(peer), key.exchange(peer.public_key()))
        agreed(session, row["name"], made[1], raw_public(peer), peer.exchange(theirs))
        for bad in (bytes(len(raw(key))), b"\x01" + bytes(len(raw(key)) - 1), raw_public(peer)[1:], b"\x04"):
            mechanism = session.mechanism(row["name"], parameters.ecdh(bad))
            assert refusal(derived, session, mechanism, pair[1], GENERIC_SECRET) == MECHANISM_PARAM_INVALID
    session.destroy(*pair, *made)


def agreed(session, name, private, point, secret):
    for public in (point, keys.octet_string(point)):
        mechanism = session.mechanism(name, parameters.ecdh(public))
        assert derived(session, mechanism, private, GENERIC_SECRET) == secret
        assert derived(session, mechanism, private, AES, 32) == secret[-32:]
        assert refusal(derived, session, mechanism, private, GENERIC_SECRET, len(secret) + 1) == KEY_SIZE_RANGE
    hash_, shared = HASHES["Sha384"], session.some(1, 100)
    mechanism = session.mechanism(name, parameters.ecdh(point, hash_, shared))
    assert derived(session, mechanism, private, AES, 32) == X963KDF(hash_.reference, 32, shared).derive(secret)


# What isn't a key


def other_forms(session):
    for key_type, names, other in ((EDWARDS_KEY, EDWARDS[0][0], MONTGOMERY[0][0]), (MONTGOMERY_KEY, MONTGOMERY[0][0], EDWARDS[0][0])):
        for point in (bytes(32), b"\x01" + bytes(31), b"\xff" * 32 if key_type == EDWARDS_KEY else bytes(31), b""):
            attributes = {CLASS: PUBLIC_KEY, KEY_TYPE: key_type, EC_PARAMS: names[0], EC_POINT: point}
            assert refusal(session.create, attributes) == ATTRIBUTE_VALUE_INVALID, point
        for value in (bytes(31), bytes(33), b""):
            attributes = {CLASS: PRIVATE_KEY, KEY_TYPE: key_type, EC_PARAMS: names[0], VALUE: value}
            assert refusal(session.create, attributes) == ATTRIBUTE_VALUE_INVALID, value
        attributes = {CLASS: PRIVATE_KEY, KEY_TYPE: key_type, EC_PARAMS: other[0], VALUE: bytes(32)}
        assert refusal(session.create, attributes) == CURVE_NOT_SUPPORTED
        attributes = {CLASS: PRIVATE_KEY, KEY_TYPE: EC, EC_PARAMS: names[0], VALUE: bytes(32)}
        assert refusal(session.create, attributes) == CURVE_NOT_SUPPORTED


# Keys


def random_key(session, private):
    size = {ed25519.Ed25519PrivateKey: 32, ed448.Ed448PrivateKey: 57, x25519.X25519PrivateKey: 32}.get(private, 56)
    return private.from_private_bytes(session.rng.randbytes(size))


def imported(session, key_type, params, key, value, token):
    shared = {KEY_TYPE: key_type, EC_PARAMS: params, TOKEN: token}
    public = session.create({CLASS: PUBLIC_KEY, EC_POINT: session.rng.choice(points(raw_public(key)))} | shared)
    return public, session.create({CLASS: PRIVATE_KEY, VALUE: value} | shared)


def points(point):
    """Raw, as OCTET STRING, as BIT STRING."""
    return [point, keys.octet_string(point), bytes([3, len(point) + 1, 0]) + point]


def raw(key):
    return key.private_bytes_raw()


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
