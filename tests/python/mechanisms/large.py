"""20 MiB through every mechanism that takes a message of any length, in one call and in several."""

import hashlib
import hmac

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers import algorithms, modes

import keys
import parameters
import reference
from ciphers import both_ways
from module import ENCRYPTED_DATA_LEN_RANGE
from parameters import HASHES
from session import AES, GENERIC_SECRET, refusal

MIB = 1024 * 1024


def compare(session):
    data = session.rng.randbytes(20 * MIB)
    digests(session, data)
    macs(session, data)
    signatures(session, data)
    ciphers(session, data)
    sealed(session, data)


def digests(session, data):
    for row in session.with_algorithm("Digest", "digest"):
        expected = hashlib.new(row["hash"].lower(), data).digest()
        for digest in session.both("Digest", session.mechanism(row["name"]), None, data):
            assert digest == expected


def macs(session, data):
    value = session.rng.randbytes(32)
    key = session.secret(GENERIC_SECRET, value)
    for row in session.with_algorithm("Hmac", "sign"):
        mac(session, session.mechanism(row["name"]), key, data, hmac.digest(value, data, row["hash"].lower()))
    expected = cmac.CMAC(algorithms.AES(value))
    expected.update(data)
    mac(session, session.mechanism("CKM_AES_CMAC"), session.secret(AES, value), data, expected.finalize())


def mac(session, mechanism, key, data, expected):
    for made in session.both("Sign", mechanism, key, data):
        assert made == expected, mechanism.name
    assert session.verifies(mechanism, key, data, expected)
    assert not session.verifies(mechanism, key, data[1:], expected)


def signatures(session, data):
    """Hashed in the module, so that only digests go to a node."""
    rsa_key, ec_key = keys.rsa_key(2048), keys.ec_key(session, ec.SECP256R1)
    (public, private), hash_ = keys.import_rsa(session, rsa_key), HASHES["Sha256"].reference
    mechanism = session.mechanism("CKM_SHA256_RSA_PKCS")
    expected = rsa_key.sign(data, padding.PKCS1v15(), hash_)
    for signature in session.both("Sign", mechanism, private, data):
        assert signature == expected
    assert session.verifies(mechanism, public, data, expected)
    _, private = keys.import_ec(session, ec_key)
    for signature in session.both("Sign", session.mechanism("CKM_ECDSA_SHA256"), private, data):
        ec_key.public_key().verify(keys.der_signature(signature), data, ec.ECDSA(hash_))


def ciphers(session, data):
    value, iv = session.rng.randbytes(32), session.rng.randbytes(15) + b"\0"
    key = session.secret(AES, value)
    cbc = reference.aes(value, modes.CBC(iv), reference.padded(data))
    both_ways(session, session.mechanism("CKM_AES_CBC_PAD", iv), key, data, cbc)
    both_ways(session, session.mechanism("CKM_AES_CBC", iv), key, data, cbc[: len(data)])
    both_ways(session, session.mechanism("CKM_AES_ECB"), key, data, reference.aes(value, modes.ECB(), data))
    counted = reference.aes(value, modes.CTR(iv), data)
    both_ways(session, session.mechanism("CKM_AES_CTR", parameters.ctr(128, iv)), key, data, counted)


def sealed(session, data):
    """GCM gives nothing out before it has seen the tag, so what it decrypts in one operation is limited to 16 MiB."""
    value, iv = session.rng.randbytes(32), session.rng.randbytes(12)
    key, mechanism = session.secret(AES, value), session.mechanism("CKM_AES_GCM", parameters.gcm(iv))
    both_ways(session, mechanism, key, data[: 16 * MIB], reference.gcm(value, iv, b"", 128, data[: 16 * MIB]))
    expected = reference.gcm(value, iv, b"", 128, data)
    for result in session.both("Encrypt", mechanism, key, data):
        assert result == expected
    for run in (session.whole, session.parts):
        assert refusal(run, "Decrypt", mechanism, key, expected) == ENCRYPTED_DATA_LEN_RANGE
