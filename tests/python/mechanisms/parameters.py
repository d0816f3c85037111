"""Mechanism parameters as C has them, and the hashes that they name."""

import ctypes
from collections import namedtuple

from cryptography.hazmat.primitives import hashes

from module import ULONG

# Of a hash: cryptography's, the number of its digest mechanism, of its MGF1 and of its X9.63 KDF.
Hash = namedtuple("Hash", "reference mechanism mgf kdf")

HASHES = {
    "Sha1": Hash(hashes.SHA1(), 0x220, 1, 2),
    "Sha224": Hash(hashes.SHA224(), 0x255, 5, 5),
    "Sha256": Hash(hashes.SHA256(), 0x250, 2, 6),
    "Sha384": Hash(hashes.SHA384(), 0x260, 3, 7),
    "Sha512": Hash(hashes.SHA512(), 0x270, 4, 8),
    "Sha3_224": Hash(hashes.SHA3_224(), 0x2B5, 6, 10),
    "Sha3_256": Hash(hashes.SHA3_256(), 0x2B0, 7, 11),
    "Sha3_384": Hash(hashes.SHA3_384(), 0x2C0, 8, 12),
    "Sha3_512": Hash(hashes.SHA3_512(), 0x2D0, 9, 13),
}
# The second implementation has no OAEP with SHA-3; `openssl` compares those in the tests of crates/crypto.
OAEP_HASHES = {name: hash_ for name, hash_ in HASHES.items() if not name.startswith("Sha3")}
# MD5 has no mask generation function and no KDF.
SIGNED = HASHES | {"Md5": Hash(hashes.MD5(), 0x210, 0, 0)}

KDF_NULL = 1
BYTES = ctypes.c_char_p


class Ctr(ctypes.Structure):
    _fields_ = [("bits", ULONG), ("block", ctypes.c_ubyte * 16)]


class Gcm(ctypes.Structure):
    _fields_ = [("iv", BYTES), ("iv_len", ULONG), ("iv_bits", ULONG)]
    _fields_ += [("aad", BYTES), ("aad_len", ULONG), ("tag_bits", ULONG)]


class GcmWithoutIvBits(ctypes.Structure):
    """As PKCS#11 2.30 had it."""

    _fields_ = [field for field in Gcm._fields_ if field[0] != "iv_bits"]


class Ccm(ctypes.Structure):
    _fields_ = [("data_len", ULONG), ("nonce", BYTES), ("nonce_len", ULONG)]
    _fields_ += [("aad", BYTES), ("aad_len", ULONG), ("mac_len", ULONG)]


class ChaCha20(ctypes.Structure):
    _fields_ = [("counter", BYTES), ("counter_bits", ULONG), ("nonce", BYTES), ("nonce_bits", ULONG)]


class ChaCha20Poly1305(ctypes.Structure):
    _fields_ = [("nonce", BYTES), ("nonce_bits", ULONG), ("aad", BYTES), ("aad_len", ULONG)]


class Pss(ctypes.Structure):
    _fields_ = [("hash", ULONG), ("mgf", ULONG), ("salt_len", ULONG)]


class Oaep(ctypes.Structure):
    _fields_ = [("hash", ULONG), ("mgf", ULONG), ("source", ULONG), ("label", BYTES), ("label_len", ULONG)]


class EcdhWrap(ctypes.Structure):
    _fields_ = [("key_bits", ULONG), ("kdf", ULONG), ("shared_len", ULONG), ("shared", BYTES)]


class RsaWrap(ctypes.Structure):
    _fields_ = [("key_bits", ULONG), ("oaep", ctypes.POINTER(Oaep))]


class Ecdh(ctypes.Structure):
    _fields_ = [("kdf", ULONG), ("shared_len", ULONG), ("shared", BYTES), ("public_len", ULONG), ("public", BYTES)]


class Eddsa(ctypes.Structure):
    _fields_ = [("prehash", ctypes.c_ubyte), ("context_len", ULONG), ("context", BYTES)]


def eddsa(prehash, context):
    return Eddsa(prehash, len(context), context or None)


def ctr(bits, block):
    return Ctr(bits, (ctypes.c_ubyte * 16)(*block))


def gcm(iv, aad=b"", tag_bits=128, layout=Gcm):
    return layout(iv=iv, iv_len=len(iv), aad=aad or None, aad_len=len(aad), tag_bits=tag_bits)


def ccm(data_len, nonce, aad=b"", mac_len=16):
    return Ccm(data_len, nonce, len(nonce), aad or None, len(aad), mac_len)


def chacha20(counter, nonce):
    """With a nonce of 12 bytes the counter has 32 bits, else 64."""
    bits = 32 if len(nonce) == 12 else 64
    return ChaCha20(counter.to_bytes(bits // 8, "little"), bits, nonce, len(nonce) * 8)


def chacha20_poly1305(nonce, aad=b""):
    return ChaCha20Poly1305(nonce, len(nonce) * 8, aad or None, len(aad))


def mac_length(length):
    return ULONG(length)


def pss(hash_, mgf, salt_len):
    return Pss(hash_.mechanism, mgf.mgf, salt_len)


def oaep(hash_, mgf, label=b""):
    return Oaep(hash_.mechanism, mgf.mgf, 1, label or None, len(label))


def ecdh(public, kdf=None, shared=b""):
    """`kdf` is a hash; without one the shared secret is given as it is."""
    return Ecdh(kdf.kdf if kdf else KDF_NULL, len(shared), shared or None, len(public), public)


def rsa_wrap(key_bits, oaep_):
    return RsaWrap(key_bits, ctypes.pointer(oaep_))


def ecdh_wrap(key_bits, kdf=None, shared=b""):
    return EcdhWrap(key_bits, kdf.kdf if kdf else KDF_NULL, len(shared), shared or None)
