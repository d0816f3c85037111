"""Key pairs of the second implementation, and their way into the module."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

import groups
from session import (
    CLASS, COEFFICIENT, EC, EC_PARAMS, EC_POINT, EXPONENT_1, EXPONENT_2, KEY_TYPE, MODULUS, PRIME_1,
    PRIME_2, PRIVATE_EXPONENT, PRIVATE_KEY, PUBLIC_EXPONENT, PUBLIC_KEY, RSA, TOKEN, VALUE,
)

# By cryptography's class: the curve's OID and name as CKA_EC_PARAMS has them.
CURVES = {
    ec.SECP224R1: (bytes.fromhex("06052b81040021"), b"secp224r1"),
    ec.SECP256R1: (bytes.fromhex("06082a8648ce3d030107"), b"secp256r1"),
    ec.SECP384R1: (bytes.fromhex("06052b81040022"), b"secp384r1"),
    ec.SECP521R1: (bytes.fromhex("06052b81040023"), b"secp521r1"),
    ec.SECP256K1: (bytes.fromhex("06052b8104000a"), b"secp256k1"),
}


def rsa_key(bits):
    """A new key; the largest, which would take half a minute to make, of primes that everybody knows."""
    if bits == 8192:
        return rsa_of(groups.modp_4096(), groups.ffdhe_4096())
    return rsa.generate_private_key(65537, bits)


def rsa_of(p, q, e=65537):
    """The key of two primes."""
    d = pow(e, -1, (p - 1) * (q - 1))
    parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *parts, rsa.RSAPublicNumbers(e, p * q)).private_key()


def size(key):
    """Of what a key makes, in bytes: an RSA key's modulus, or half an ECDSA signature."""
    return (key.key_size + 7) // 8


def ec_key(session, curve):
    """A key from the seed: any number below the smallest order of a curve of its length will do."""
    bits = curve().key_size
    return ec.derive_private_key(session.rng.randint(1, 2 ** (bits - 33)), curve())


def import_rsa(session, key, token=False, private=None):
    """The public and private key in the module; `private` adds to the attributes of the private one."""
    private = rsa_private(key) | {TOKEN: token} | (private or {})
    return session.create(rsa_public(key) | {TOKEN: token}), session.create(private)


def rsa_public(key):
    numbers = key.public_key().public_numbers()
    return {CLASS: PUBLIC_KEY, KEY_TYPE: RSA, MODULUS: number(numbers.n), PUBLIC_EXPONENT: number(numbers.e)}


def rsa_private(key):
    numbers = key.private_numbers()
    attributes = {CLASS: PRIVATE_KEY, KEY_TYPE: RSA, MODULUS: number(numbers.public_numbers.n)}
    attributes |= {PUBLIC_EXPONENT: number(numbers.public_numbers.e), PRIVATE_EXPONENT: number(numbers.d)}
    attributes |= {PRIME_1: number(numbers.p), PRIME_2: number(numbers.q), EXPONENT_1: number(numbers.dmp1)}
    return attributes | {EXPONENT_2: number(numbers.dmq1), COEFFICIENT: number(numbers.iqmp)}


def import_ec(session, key, token=False, private=None):
    """As `import_rsa`."""
    private = ec_private(key) | {TOKEN: token} | (private or {})
    return session.create(ec_public(key) | {TOKEN: token}), session.create(private)


def ec_public(key):
    params, _ = CURVES[type(key.curve)]
    return {CLASS: PUBLIC_KEY, KEY_TYPE: EC, EC_PARAMS: params, EC_POINT: octet_string(point(key))}


def ec_private(key):
    params, _ = CURVES[type(key.curve)]
    value = key.private_numbers().private_value.to_bytes(size(key), "big")
    return {CLASS: PRIVATE_KEY, KEY_TYPE: EC, EC_PARAMS: params, VALUE: value}


def point(key, compressed=False):
    form = serialization.PublicFormat
    form = form.CompressedPoint if compressed else form.UncompressedPoint
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def octet_string(content):
    """In DER, for lengths below 256."""
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return b"\x04" + length + content


def raw_signature(signature, size):
    """From DER to r and s, one after the other, of `size` bytes each."""
    return b"".join(half.to_bytes(size, "big") for half in utils.decode_dss_signature(signature))


def der_signature(signature):
    half = len(signature) // 2
    return utils.encode_dss_signature(*(int.from_bytes(part, "big") for part in (signature[:half], signature[half:])))


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
