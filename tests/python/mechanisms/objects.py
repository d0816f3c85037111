"""Imports: keys from the parts of their PKCS#8 encoding, certificates and data, in the session and on the token."""

import datetime
from ctypes import byref

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

import keys
from module import ATTRIBUTE_SENSITIVE, ATTRIBUTE_VALUE_INVALID, ULONG, template
from session import (
    APPLICATION, CERTIFICATE, CERTIFICATE_TYPE, CLASS, COEFFICIENT, DATA, EC_PARAMS, EC_POINT, EXPONENT_1,
    EXPONENT_2, EXTRACTABLE, ID, ISSUER, LABEL, LOCAL, MODULUS, MODULUS_BITS, OBJECT_ID, OPEN, PRIME_1, PRIME_2,
    PRIVATE, PRIVATE_EXPONENT, PUBLIC_EXPONENT, PUBLIC_KEY_INFO, SENSITIVE, SERIAL_NUMBER, SUBJECT, TOKEN, VALUE,
    refusal,
)

SECRETS = [PRIVATE_EXPONENT, PRIME_1, PRIME_2, EXPONENT_1, EXPONENT_2, COEFFICIENT]
ALL_PARTS = [MODULUS, PUBLIC_EXPONENT, *SECRETS]

# What applications leave out of an RSA key's parts.
OMISSIONS = [
    [],
    [EXPONENT_1, EXPONENT_2, COEFFICIENT],
    [COEFFICIENT],
    [PRIME_2],
    [PUBLIC_EXPONENT],
    [PRIME_1, PRIME_2, EXPONENT_1, EXPONENT_2, COEFFICIENT],
    [PUBLIC_EXPONENT, PRIME_1, PRIME_2, EXPONENT_1, EXPONENT_2, COEFFICIENT],
]


def compare(session):
    for token in (False, True):
        for bits in (1024, 2048, 3072, 4096):
            rsa(session, keys.rsa_key(bits), token)
        for curve in keys.CURVES:
            elliptic(session, keys.ec_key(session, curve), token)
        hidden(session, token)
        certificates(session, token)
        data(session, token)


def rsa(session, key, token):
    whole, public = keys.rsa_private(key), session.create(keys.rsa_public(key) | {TOKEN: token})
    assert session.get(public, MODULUS_BITS) == key.key_size.to_bytes(8, "little")
    assert session.get(public, PUBLIC_KEY_INFO) == info(key)
    message = session.some(0, 1000)
    expected = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    mechanism = session.mechanism("CKM_SHA256_RSA_PKCS")
    for omitted in OMISSIONS:
        parts = {kind: value for kind, value in whole.items() if kind not in omitted}
        # Some applications send what they lack with a length of 0, others send zeros in front.
        parts |= session.rng.choice([{}, {kind: b"" for kind in omitted}])
        parts |= session.rng.choice([{}, {PRIVATE_EXPONENT: b"\x00" + whole[PRIVATE_EXPONENT]}])
        private = session.create(parts | {TOKEN: token} | OPEN)
        assert session.whole("Sign", mechanism, private, message) == expected
        worked_out = dict(zip(ALL_PARTS, session.get(private, *ALL_PARTS)))
        # Without the primes there's no telling which of them came first.
        if PRIME_1 not in omitted:
            assert worked_out == {kind: whole[kind] for kind in ALL_PARTS}
        else:
            assert {worked_out[PRIME_1], worked_out[PRIME_2]} == {whole[PRIME_1], whole[PRIME_2]}
        assert session.get(private, PUBLIC_KEY_INFO, LOCAL) == [info(key), b"\x00"]
        session.destroy(private)
    for damage in ({PRIME_1: whole[PRIME_2]}, {PRIVATE_EXPONENT: whole[PRIVATE_EXPONENT][:-1] + b"\x01"}):
        if whole | damage != whole:
            assert refusal(session.create, whole | damage) == ATTRIBUTE_VALUE_INVALID
    session.destroy(public)


def elliptic(session, key, token):
    public, private = keys.import_ec(session, key, token, OPEN)
    message, parts = session.some(0, 1000), keys.ec_private(key)
    signature = session.whole("Sign", session.mechanism("CKM_ECDSA_SHA256"), private, message)
    key.public_key().verify(keys.der_signature(signature), message, ec.ECDSA(hashes.SHA256()))
    assert session.get(private, VALUE, EC_PARAMS, PUBLIC_KEY_INFO) == [parts[VALUE], parts[EC_PARAMS], info(key)]
    assert session.get(public, PUBLIC_KEY_INFO) == info(key)
    assert session.get(public, EC_POINT) == keys.octet_string(keys.point(key))
    # Some encodings leave out leading zeros.
    short = session.create(parts | {VALUE: parts[VALUE].lstrip(b"\x00")} | {TOKEN: token} | OPEN)
    assert session.get(short, VALUE) == parts[VALUE]
    for impossible in (b"\x00", b"\xff" * len(parts[VALUE])):
        assert refusal(session.create, parts | {VALUE: impossible}) == ATTRIBUTE_VALUE_INVALID
    session.destroy(public, private, short)


def hidden(session, token):
    """What a key that is sensitive or can't be extracted keeps to itself."""
    _, private = keys.import_rsa(session, keys.rsa_key(1024), token)
    for kind in SECRETS:
        assert refusal(session.get, private, kind) == ATTRIBUTE_SENSITIVE
    for sensitive, extractable in ((True, True), (True, False), (False, False)):
        more = {SENSITIVE: sensitive, EXTRACTABLE: extractable}
        _, private = keys.import_ec(session, keys.ec_key(session, ec.SECP256R1), token, more)
        assert refusal(session.get, private, VALUE) == ATTRIBUTE_SENSITIVE


def certificates(session, token):
    key = keys.ec_key(session, ec.SECP256R1)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, session.rng.randbytes(8).hex())])
    begins = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), session.rng.getrandbits(100) + 1)
    builder = builder.not_valid_before(begins).not_valid_after(begins + datetime.timedelta(days=36500))
    certificate = builder.sign(key, hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    attributes = {SUBJECT: name.public_bytes(), ISSUER: name.public_bytes(), VALUE: der, ID: session.some(1, 20)}
    attributes |= {SERIAL_NUMBER: keys.number(certificate.serial_number), LABEL: "Zürich".encode()}
    handle = session.create({CLASS: CERTIFICATE, CERTIFICATE_TYPE: 0, TOKEN: token} | attributes)
    kept(session, handle, attributes)
    assert x509.load_der_x509_certificate(session.get(handle, VALUE)) == certificate
    session.destroy(handle)
    assert found(session, {SUBJECT: name.public_bytes()}) == []


def data(session, token):
    for length in (0, 1, 100_000):
        for private in (False, True):
            attributes = {LABEL: session.some(1, 50), APPLICATION: session.some(1, 50)}
            attributes |= {OBJECT_ID: bytes.fromhex("06032a0304"), VALUE: session.rng.randbytes(length)}
            handle = session.create({CLASS: DATA, TOKEN: token, PRIVATE: private} | attributes)
            kept(session, handle, attributes)
            session.destroy(handle)


def kept(session, handle, attributes):
    """The object has its attributes, and is found by each that tells it from others."""
    assert session.get(handle, *attributes) == list(attributes.values())
    for kind, value in attributes.items():
        if len(value) > 8:
            assert found(session, {kind: value}) == [handle.value]


def found(session, attributes):
    session.call("C_FindObjectsInit", *template(attributes))
    handles, count = (ULONG * 10)(), ULONG()
    session.call("C_FindObjects", handles, 10, byref(count))
    session.call("C_FindObjectsFinal")
    return handles[: count.value]


def info(key):
    """CKA_PUBLIC_KEY_INFO."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)
