"""C_GetMechanismList and C_GetMechanismInfo tell the truth: each mechanism works with keys of the smallest and the
largest size that it names, and the next sizes outside are refused. Keys of all sizes are generated here."""

from ctypes import byref

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import keys
import parameters
import reference
from module import (
    ATTRIBUTE_VALUE_INVALID, BUFFER_TOO_SMALL, CURVE_NOT_SUPPORTED, KEY_SIZE_RANGE, MECHANISM_INVALID, ULONG,
    MechanismInfo,
)
from parameters import HASHES
from session import (
    AES, AES_XTS, CHACHA20, CLASS, DES, DES2, DES3, EC, EC_PARAMS, EC_POINT, GENERIC_SECRET, KEY_TYPE, LOCAL, MODULUS, MODULUS_BITS, OPEN,
    POLY1305, PRIVATE_KEY, PUBLIC_EXPONENT, PUBLIC_KEY, RSA, SECRET_KEY, TOKEN, UNWRAP, VALUE, VALUE_LEN, WRAP, refusal,
)

SLOT = 0
# By the algorithm of a mechanism that makes secret keys: lengths that it makes, and some that it doesn't.
GENERATED = {
    "AesKeyGen": ((16, 24, 32), (0, 1, 15, 17, 20, 31, 33, 64)),
    "AesXtsKeyGen": ((32, 64), (0, 16, 31, 33, 48, 63, 65)),
    "GenericKeyGen": ((1, 20, 64, 4096), (0, 4097, 2**32 + 16)),
    "DesKeyGen": ((), (0, 1, 7, 9, 25, 32)),
    "ChaChaKeyGen": ((), (0, 1, 16, 31, 33, 64)),
}
# CKF_HW: what is done in a node counts as done by a device.
BY_HARDWARE = 1
CKF_MULTI_MESSAGE = 32
# By OID: secp112r1 below the smallest, sect571r1 beyond the largest, and secp224k1 and SM2 in between.
OTHER_CURVES = ["06052b81040006", "06052b81040027", "06052b81040020", "06082a811ccf5501822d"]
ABLE, ABLE_TOO = {WRAP: True}, {UNWRAP: True}
# brainpoolP160r1 and secp521r1.
SMALLEST_CURVE, LARGEST_CURVE = bytes.fromhex("06092b2403030208010101"), bytes.fromhex("06052b81040023")


def compare(session):
    listed(session)
    described(session)
    generated_rsa(session)
    generated_ec(session)
    generated_secrets(session)
    rsa_bounds(session)
    ec_bounds(session)
    secret_bounds(session)


# What the module says


def listed(session):
    count = ULONG()
    session.global_call("C_GetMechanismList", SLOT, None, byref(count))
    assert count.value == len(session.rows)
    kinds, short = (ULONG * count.value)(), ULONG(count.value - 1)
    assert refusal(session.global_call, "C_GetMechanismList", SLOT, kinds, byref(short)) == BUFFER_TOO_SMALL
    assert short.value == count.value and not any(kinds)
    session.global_call("C_GetMechanismList", SLOT, kinds, byref(count))
    assert list(kinds) == [row["kind"] for row in session.rows.values()]


def described(session):
    info, kinds = MechanismInfo(), {row["kind"] for row in session.rows.values()}
    for row in session.rows.values():
        session.global_call("C_GetMechanismInfo", SLOT, row["kind"], byref(info))
        flags = row["flags"] | BY_HARDWARE | of_messages(row)
        assert (info.min, info.max, info.flags) == (row["min"], row["max"], flags), row["name"]
    for kind in set(range(0x3000)) - kinds:
        assert refusal(session.global_call, "C_GetMechanismInfo", SLOT, kind, byref(info)) == MECHANISM_INVALID


def of_messages(row):
    """The flags CKF_MESSAGE_*: all that signs or verifies does so to messages; what encrypts must have a tag."""
    pairs = [(0x800, 8), (0x2000, 16)]
    if row["name"] in ("CKM_AES_GCM", "CKM_AES_CCM", "CKM_CHACHA20_POLY1305"):
        pairs += [(0x100, 2), (0x200, 4)]
    flags = sum(flag for purpose, flag in pairs if row["flags"] & purpose)
    return flags | CKF_MULTI_MESSAGE if flags else 0


# Keys that the module generates


def generated_rsa(session):
    for row in session.with_algorithm("RsaKeyPairGen", "generate_key_pair"):
        mechanism = session.mechanism(row["name"])
        assert (row["min"], row["max"]) == (1024, 8192)
        for bits in (1024, 2048, 3072, 4096) if row["name"] == "CKM_RSA_PKCS_KEY_PAIR_GEN" else (1024, 2048):
            for token, exponent in ((False, 65537), (True, 3)) if bits == 1024 else ((False, 65537),):
                generated_rsa_pair(session, mechanism, bits, token, exponent)
        for bits in (0, 512, 896, 1016, 1023, 8193, 8200, 8320, 16384, 2**32 + 2048):
            assert refusal(session.generate_pair, mechanism, {MODULUS_BITS: bits}, {}) == KEY_SIZE_RANGE, bits
        # The largest takes too long to be made here; that its exponent is refused shows that its size isn't.
        largest = {MODULUS_BITS: 8192, PUBLIC_EXPONENT: b"\x04"}
        assert refusal(session.generate_pair, mechanism, largest, {}) == ATTRIBUTE_VALUE_INVALID


def generated_rsa_pair(session, mechanism, bits, token, exponent):
    template = {MODULUS_BITS: bits, PUBLIC_EXPONENT: keys.number(exponent), TOKEN: token}
    public, private = session.generate_pair(mechanism, template, {TOKEN: token})
    modulus, said, e, local = session.get(public, MODULUS, MODULUS_BITS, PUBLIC_EXPONENT, LOCAL)
    assert (said, e, local) == (bits.to_bytes(8, "little"), keys.number(exponent), b"\x01")
    n = int.from_bytes(modulus, "big")
    assert n.bit_length() == bits
    key, hash_, data = rsa.RSAPublicNumbers(exponent, n).public_key(), HASHES["Sha256"].reference, session.some(0, 1000)
    signature = session.whole("Sign", session.mechanism("CKM_SHA256_RSA_PKCS"), private, data)
    key.verify(signature, data, padding.PKCS1v15(), hash_)
    encrypted = key.encrypt(b"secret", padding.OAEP(padding.MGF1(hash_), hash_, b""))
    oaep = session.mechanism("CKM_RSA_PKCS_OAEP", parameters.oaep(HASHES["Sha256"], HASHES["Sha256"]))
    assert session.whole("Decrypt", oaep, private, encrypted) == b"secret"
    session.destroy(public, private)


def generated_ec(session):
    for mechanism in map(session.mechanism, ("CKM_EC_KEY_PAIR_GEN", "CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS")):
        generated_ec_by(session, mechanism)


def generated_ec_by(session, mechanism):
    for curve, (oid, name) in keys.CURVES.items():
        for params in (oid, b"\x13" + bytes([len(name)]) + name):
            for token in (False, True):
                public, private = session.generate_pair(mechanism, {EC_PARAMS: params, TOKEN: token}, {TOKEN: token})
                point = session.get(public, EC_POINT)
                key = ec.EllipticCurvePublicKey.from_encoded_point(curve(), point[2 if point[1] < 0x80 else 3 :])
                data = session.some(0, 1000)
                signature = session.whole("Sign", session.mechanism("CKM_ECDSA_SHA256"), private, data)
                key.verify(keys.der_signature(signature), data, ec.ECDSA(HASHES["Sha256"].reference))
                session.destroy(public, private)
    for oid in OTHER_CURVES:
        assert refusal(session.generate_pair, mechanism, {EC_PARAMS: bytes.fromhex(oid)}, {}) == CURVE_NOT_SUPPORTED


def generated_secrets(session):
    for row in session.rows.values():
        if row["algorithm"] not in GENERATED or "generate" not in row["purposes"]:
            continue
        sizes, others = GENERATED[row["algorithm"]]
        # Of DES and ChaCha20 a mechanism makes keys of one length, which needn't be said.
        fixed = row["min"] == row["max"]
        sizes = (row["min"],) if fixed else sizes
        mechanism = session.mechanism(row["name"])
        assert (row["min"], row["max"]) == (min(sizes), max(sizes))
        for size in sizes:
            for token in (False, True):
                stated = {} if fixed and token else {VALUE_LEN: size}
                made = [session.generate(mechanism, {**stated, TOKEN: token, **OPEN}) for _ in range(2)]
                one, other = (session.get(key, VALUE) for key in made)
                # Two keys of one byte may be the same.
                assert len(one) == len(other) == size and (size == 1 or one != other)
                assert session.get(made[0], LOCAL) == b"\x01"
                if row["algorithm"] == "DesKeyGen":
                    assert one == reference.with_parity(one)
                session.destroy(*made)
        for size in others:
            assert refusal(session.generate, mechanism, {VALUE_LEN: size}) in (ATTRIBUTE_VALUE_INVALID, KEY_SIZE_RANGE)


# The smallest and the largest keys, and those beyond


def rsa_bounds(session):
    rows = [row for row in session.rows.values() if row["algorithm"] in ("RsaPkcs", "RsaPss", "RsaOaep", "RsaX509", "RsaX931", "RsaAesKeyWrap")]
    assert {(row["min"], row["max"]) for row in rows} == {(1024, 8192)}
    for bits in (1024, 8192):
        pair = keys.import_rsa(session, keys.rsa_key(bits))
        for row in rows:
            works(session, row, pair)
    for bits in (1023, 8193):
        attributes = {CLASS: PUBLIC_KEY, KEY_TYPE: RSA, PUBLIC_EXPONENT: b"\x03"}
        modulus = keys.number(1 << bits - 1 | session.rng.getrandbits(bits - 1) | 1)
        assert refusal(session.create, attributes | {MODULUS: modulus}) == ATTRIBUTE_VALUE_INVALID
        private = keys.rsa_private(keys.rsa_key(1024)) | {MODULUS: modulus}
        assert refusal(session.create, private) == ATTRIBUTE_VALUE_INVALID


def ec_bounds(session):
    curves = ("Ecdsa", "Ecdh", "EcKeyPairGen", "EcdhAesKeyWrap")
    rows = [row for row in session.rows.values() if row["algorithm"] in curves and "ECDH_X" not in row["name"]]
    assert {(row["min"], row["max"]) for row in rows} == {(160, 521)}
    generator = session.mechanism("CKM_EC_KEY_PAIR_GEN")
    for params in (SMALLEST_CURVE, LARGEST_CURVE):
        pair, other = (session.generate_pair(generator, {EC_PARAMS: params, **ABLE}, ABLE_TOO) for _ in range(2))
        for row in rows:
            works(session, row, pair, session.get(other[0], EC_POINT))
    rows = [row for row in session.rows.values() if row["algorithm"] in ("Eddsa", "EdwardsKeyPairGen")]
    rows += [row for row in session.rows.values() if row["algorithm"] == "MontgomeryKeyPairGen" or "ECDH_X" in row["name"]]
    assert {(row["min"], row["max"]) for row in rows} == {(255, 448)}
    for oid in OTHER_CURVES:
        for attributes in ({CLASS: PUBLIC_KEY, EC_POINT: b"\x04" * 49}, {CLASS: PRIVATE_KEY, VALUE: b"\x01" * 24}):
            attributes |= {KEY_TYPE: EC, EC_PARAMS: bytes.fromhex(oid)}
            assert refusal(session.create, attributes) == CURVE_NOT_SUPPORTED


def secret_bounds(session):
    rows = [row for row in session.rows.values() if not {"generate", "derive"} & set(row["purposes"])]
    rows = [row for row in rows if row["algorithm"] not in ("TlsMac", "Ssl3Mac")]
    for made_for, (smallest, largest), keys_ in (
        ("Aes", (16, 32), (AES,)),
        ("AesXts", (32, 64), (AES_XTS,)),
        ("Des", (8, 8), (DES,)),
        ("Des3", (16, 24), (DES2, DES3)),
        ("ChaCha20", (32, 32), (CHACHA20,)),
        ("Poly1305", (32, 32), (POLY1305,)),
        ("GenericSecret", (1, 4096), (GENERIC_SECRET,)),
    ):
        users = [row for row in rows if row["key_type"] == made_for]
        narrower = [row for row in users if "XCBC" in row["name"]]
        assert {(row["min"], row["max"]) for row in narrower} <= {(16, 16)}
        assert {(row["min"], row["max"]) for row in users if row not in narrower} == {(smallest, largest)}
        for key_type, size in zip(keys_ * 2, (smallest, largest)):
            key = session.secret(key_type, reference.with_parity(session.rng.randbytes(size)))
            for row in users:
                if size <= row["max"]:
                    works(session, row, (key, key))
        for size in (0, smallest - 1, largest + 1):
            assert refusal(session.secret, keys_[0], b"\x01" * size) == ATTRIBUTE_VALUE_INVALID


def works(session, row, pair, point=None):
    """A mechanism does with a key all that it's for."""
    public, private = pair
    mechanism = session.mechanism(row["name"], usual_parameter(row, point))
    data = session.rng.randbytes(HASHES[row["hash"] or "Sha1"].reference.digest_size if "PSS" in row["name"] else 16)
    # The application puts a trailer behind what it has hashed.
    data = data[:-1] + b"\xcc" if row["algorithm"] == "RsaX931" else data
    if "sign" in row["purposes"]:
        assert session.verifies(mechanism, public, data, session.whole("Sign", mechanism, private, data))
    if "encrypt" in row["purposes"]:
        decrypted = session.whole("Decrypt", mechanism, private, session.whole("Encrypt", mechanism, public, data))
        assert decrypted[-16:] == data
    if "wrap" in row["purposes"]:
        wrapped = session.wrap(mechanism, public, session.secret(AES, data))
        attributes = {CLASS: SECRET_KEY, KEY_TYPE: AES, VALUE_LEN: 16, **OPEN}
        assert session.get(session.unwrap(mechanism, private, wrapped, attributes), VALUE) == data
    if "derive" in row["purposes"]:
        session.derive(mechanism, private, {CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET})


def usual_parameter(row, point):
    hash_ = HASHES.get(row["hash"], HASHES["Sha1"])
    match row["algorithm"]:
        case "AesCbc" | "AesCbcPad" | "AesCts" | "AesXts" | "AesOfb":
            return bytes(16)
        case "AesCfb1" | "AesCfb8" | "AesCfb64" | "AesCfb128":
            return bytes(16)
        case "DesCbc" | "DesCbcPad" | "DesOfb64" | "DesOfb8" | "DesCfb64" | "DesCfb8":
            return bytes(8)
        case "AesCcm":
            return parameters.ccm(16, bytes(12))
        case "ChaCha20":
            return parameters.chacha20(0, bytes(12))
        case "ChaCha20Poly1305":
            return parameters.chacha20_poly1305(bytes(12))
        case "HmacGeneral" | "AesCmacGeneral" | "AesMacGeneral" | "DesCmacGeneral" | "DesMacGeneral":
            return parameters.mac_length(8)
        case "AesGmac":
            return parameters.gcm(bytes(12))
        case "AesGcm" if row["name"] == "CKM_CLOUDHSM_AES_GCM":
            made = parameters.gcm(b"")
            made.iv = None
            return made
        case "AesCtr":
            return parameters.ctr(128, bytes(16))
        case "AesGcm":
            return parameters.gcm(bytes(12))
        case "RsaPss":
            return parameters.pss(hash_, hash_, 0)
        case "RsaOaep":
            return parameters.oaep(hash_, hash_)
        case "Ecdh":
            return parameters.ecdh(point)
        case "RsaAesKeyWrap":
            return parameters.rsa_wrap(128, parameters.oaep(hash_, hash_))
        case "EcdhAesKeyWrap":
            return parameters.ecdh_wrap(128, hash_)
    return None
