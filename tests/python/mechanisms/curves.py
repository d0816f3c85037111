"""ECDSA and ECDH on each curve, with points in each form."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

import keys
import parameters
from module import (
    ATTRIBUTE_VALUE_INVALID, DATA_LEN_RANGE, KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID, SIGNATURE_LEN_RANGE,
)
from parameters import HASHES, SIGNED
from session import (
    AES, CLASS, EC_PARAMS, EC_POINT, GENERIC_SECRET, KEY_TYPE, OPEN, SECRET_KEY, VALUE, VALUE_LEN, refusal,
)


def compare(session):
    for curve in keys.CURVES:
        for token in (False, True):
            key = keys.ec_key(session, curve)
            pair = keys.import_ec(session, key, token)
            hashed(session, key, pair)
            prepared(session, key, pair)
            for row in session.with_algorithm("Ecdh", "derive"):
                shared_secrets(session, row["name"], key, pair[1])
                derived_keys(session, row["name"], key, pair[1])
                refused_points(session, row["name"], key, pair[1])
        points(session, curve)


# ECDSA


def hashed(session, key, pair):
    for row in session.with_algorithm("Ecdsa", "sign"):
        if row["hash"]:
            data, algorithm = session.some(0, 100_000), ec.ECDSA(SIGNED[row["hash"]].reference)
            check(session, session.mechanism(row["name"]), key, pair, data, data, algorithm)


def prepared(session, key, pair):
    mechanism = session.mechanism("CKM_ECDSA")
    for name, hash_ in HASHES.items():
        data = session.some(0, 100)
        digest = hashlib.new(name.lower(), data).digest()
        check(session, mechanism, key, pair, digest, data, ec.ECDSA(hash_.reference))
    # A digest of any length: what is beyond the order's is cut off, and what is shorter is a small number.
    prehashed = {name: ec.ECDSA(utils.Prehashed(hash_.reference)) for name, hash_ in HASHES.items()}
    short = session.some(1, 27)
    check(session, mechanism, key, pair, short, short.rjust(28, b"\x00"), prehashed["Sha224"])
    if key.key_size == 256:
        long = session.some(33, 100)
        check(session, mechanism, key, pair, long, long[:32], prehashed["Sha256"])
    assert refusal(session.whole, "Sign", mechanism, pair[1], b"") == DATA_LEN_RANGE


def check(session, mechanism, key, pair, message, their_message, algorithm):
    """The module signs `message`, which the other side knows as `their_message`."""
    public, private = pair
    size = keys.size(key)
    theirs = keys.raw_signature(key.sign(their_message, algorithm), size)
    assert session.verifies(mechanism, public, message, theirs)
    for signature in session.both("Sign", mechanism, private, message):
        assert len(signature) == 2 * size
        key.public_key().verify(keys.der_signature(signature), their_message, algorithm)
        assert session.verifies(mechanism, public, message, signature)
    changed = theirs[:-1] + bytes([theirs[-1] ^ 1])
    assert not session.verifies(mechanism, public, message, changed)
    assert refusal(session.verifies, mechanism, public, message, theirs[1:]) == SIGNATURE_LEN_RANGE
    assert refusal(session.verifies, mechanism, public, message, theirs + b"xx") == SIGNATURE_LEN_RANGE


# ECDH


def shared_secrets(session, name, key, private):
    """Without KDF: all of the secret, or the end of it."""
    peer = keys.ec_key(session, type(key.curve))
    secret = key.exchange(ec.ECDH(), peer.public_key())
    plain, compressed = keys.point(peer), keys.point(peer, compressed=True)
    for public in (plain, compressed, keys.octet_string(plain), keys.octet_string(compressed)):
        mechanism = session.mechanism(name, parameters.ecdh(public))
        assert derived(session, mechanism, private, GENERIC_SECRET) == secret
        for length in (1, 16, len(secret)):
            assert derived(session, mechanism, private, GENERIC_SECRET, length) == secret[-length:]
    assert derived(session, mechanism, private, AES, 24) == secret[-24:]
    assert refusal(derived, session, mechanism, private, GENERIC_SECRET, len(secret) + 1) == KEY_SIZE_RANGE


def derived_keys(session, name, key, private):
    peer = keys.ec_key(session, type(key.curve))
    secret = key.exchange(ec.ECDH(), peer.public_key())
    for hash_ in HASHES.values():
        for shared in (None, session.some(1, 200)):
            mechanism = session.mechanism(name, parameters.ecdh(keys.point(peer), hash_, shared or b""))
            for key_type, length in ((AES, 16), (AES, 32), (GENERIC_SECRET, session.rng.randint(1, 4096))):
                expected = X963KDF(hash_.reference, length, shared).derive(secret)
                assert derived(session, mechanism, private, key_type, length) == expected


def derived(session, mechanism, private, key_type, length=None):
    """The value of a key derived from a private key."""
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, **OPEN}
    attributes |= {} if length is None else {VALUE_LEN: length}
    handle = session.derive(mechanism, private, attributes)
    value = session.get(handle, VALUE)
    session.destroy(handle)
    return value


def refused_points(session, name, key, private):
    point = keys.point(key)
    off_the_curve = point[:-1] + bytes([point[-1] ^ 1])
    for public in (off_the_curve, point[:-1], b"\x00", b"\x05" + point[1:]):
        mechanism = session.mechanism(name, parameters.ecdh(public))
        assert refusal(derived, session, mechanism, private, GENERIC_SECRET) == MECHANISM_PARAM_INVALID


# Forms of curves and points


def points(session, curve):
    """However curve and point are written, it's the same public key."""
    key, data, algorithm = keys.ec_key(session, curve), session.some(0, 100), ec.ECDSA(HASHES["Sha256"].reference)
    signature = keys.raw_signature(key.sign(data, algorithm), keys.size(key))
    oid, name = keys.CURVES[curve]
    plain, compressed = keys.point(key), keys.point(key, compressed=True)
    for params in (oid, b"\x13" + bytes([len(name)]) + name):
        for point in (plain, compressed, keys.octet_string(plain), keys.octet_string(compressed)):
            public = session.create(keys.ec_public(key) | {EC_PARAMS: params, EC_POINT: point})
            assert session.get(public, EC_POINT) == keys.octet_string(plain)
            assert session.verifies(session.mechanism("CKM_ECDSA_SHA256"), public, data, signature)
    off_the_curve = keys.ec_public(key) | {EC_POINT: keys.octet_string(plain[:-1] + bytes([plain[-1] ^ 1]))}
    assert refusal(session.create, off_the_curve) == ATTRIBUTE_VALUE_INVALID
