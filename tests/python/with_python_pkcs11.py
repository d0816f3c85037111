"""python-pkcs11 with keys in a cluster; the package `cryptography` checks what they make."""

import hashlib
import hmac
import io
import os

import pkcs11
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.util.ec import (
    decode_ec_private_key,
    decode_ec_public_key,
    encode_ec_public_key,
    encode_ecdsa_signature,
    encode_named_curve_parameters,
)
from pkcs11.util.rsa import decode_rsa_private_key, decode_rsa_public_key, encode_rsa_public_key
from pkcs11.util.x509 import decode_x509_certificate, decode_x509_public_key

from scenario import MODULE, PIN, TOKEN, play, refused

LIBRARY = pkcs11.lib(MODULE)
LARGE = os.urandom(300_001)
CURVES = {
    "secp224r1": ec.SECP224R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}


def token():
    return LIBRARY.get_token(token_label=TOKEN)


def session():
    return token().open(rw=True, user_pin=PIN)


def pieces(data, size=4096):
    source = io.BytesIO(data)
    return iter(lambda: source.read(size), b"")


def loaded(der):
    return serialization.load_der_public_key(der)


def ec_pair(at, curve, **options):
    parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
    return at.create_domain_parameters(KeyType.EC, parameters, local=True).generate_keypair(**options)


def rsa_signs():
    with session() as at:
        public, private = at.generate_keypair(KeyType.RSA, 2048, store=True, label="rsa", id=b"\1")
        outside = loaded(encode_rsa_public_key(public))
        for name, digest in [
            ("SHA1", hashes.SHA1()),
            ("SHA224", hashes.SHA224()),
            ("SHA256", hashes.SHA256()),
            ("SHA384", hashes.SHA384()),
            ("SHA512", hashes.SHA512()),
        ]:
            mechanism = Mechanism[f"{name}_RSA_PKCS"]
            for data in (b"", b"short", LARGE):
                signature = private.sign(data, mechanism=mechanism)
                outside.verify(signature, data, padding.PKCS1v15(), digest)
                assert private.sign(pieces(data), mechanism=mechanism) == signature
                assert public.verify(data, signature, mechanism=mechanism)
                assert public.verify(pieces(data), signature, mechanism=mechanism)
                assert not public.verify(data + b"x", signature, mechanism=mechanism)
                assert not public.verify(data, signature[:-1] + bytes([signature[-1] ^ 1]), mechanism=mechanism)
            mechanism = Mechanism[f"{name}_RSA_PKCS_PSS"]
            which = Mechanism.SHA_1 if name == "SHA1" else Mechanism[name]
            parameter = (which, MGF[name], digest.digest_size)
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
            for data in (b"short", pieces(LARGE)):
                signature = private.sign(data, mechanism=mechanism, mechanism_param=parameter)
                whole = LARGE if data != b"short" else data
                outside.verify(signature, whole, pss, digest)
                assert public.verify(whole, signature, mechanism=mechanism, mechanism_param=parameter)
            digested = hashlib.new(name, b"short").digest()
            signature = private.sign(digested, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameter)
            outside.verify(signature, b"short", pss, digest)
        refused(pkcs11.DataLenRange, private.sign, b"x" * 300, mechanism=Mechanism.RSA_PKCS)
        # The session is as good as before.
        assert public.verify(b"x", private.sign(b"x"))


def rsa_encrypts():
    with session() as at:
        public, private = at.generate_keypair(KeyType.RSA, 2048)
        outside = loaded(encode_rsa_public_key(public))
        secret = b"for the owner of the private key"
        # Without a word, OAEP with SHA-1.
        assert private.decrypt(public.encrypt(secret)) == secret
        for name, digest in [("SHA1", hashes.SHA1()), ("SHA256", hashes.SHA256()), ("SHA512", hashes.SHA512())]:
            which = Mechanism.SHA_1 if name == "SHA1" else Mechanism[name]
            for label in (None, b"a label"):
                parameter = {"mechanism": Mechanism.RSA_PKCS_OAEP, "mechanism_param": (which, MGF[name], label)}
                oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=label)
                assert private.decrypt(outside.encrypt(secret, oaep), **parameter) == secret
                assert private.decrypt(public.encrypt(secret, **parameter), **parameter) == secret
        pkcs1 = {"mechanism": Mechanism.RSA_PKCS}
        assert private.decrypt(outside.encrypt(secret, padding.PKCS1v15()), **pkcs1) == secret
        assert private.decrypt(public.encrypt(secret, **pkcs1), **pkcs1) == secret
        raw = {"mechanism": Mechanism.RSA_X_509}
        block = b"\0" + os.urandom(255)
        assert private.decrypt(public.encrypt(block, **raw), **raw) == block
        refused(pkcs11.EncryptedDataInvalid, private.decrypt, b"\1" * 256)
        refused(pkcs11.EncryptedDataLenRange, private.decrypt, b"\1" * 255)
        assert private.decrypt(public.encrypt(secret)) == secret


def elliptic_curves():
    with session() as at:
        for name, curve in CURVES.items():
            public, private = ec_pair(at, name, store=True, label=name)
            outside = loaded(encode_ec_public_key(public))
            for digest, mechanism in [
                (hashes.SHA1(), Mechanism.ECDSA_SHA1),
                (hashes.SHA256(), Mechanism.ECDSA_SHA256),
                (hashes.SHA512(), Mechanism.ECDSA_SHA512),
            ]:
                for data in (b"short", LARGE):
                    signature = private.sign(data, mechanism=mechanism)
                    outside.verify(encode_ecdsa_signature(signature), data, ec.ECDSA(digest))
                    assert public.verify(data, signature, mechanism=mechanism)
                    assert not public.verify(data + b"x", signature, mechanism=mechanism)
                signature = private.sign(pieces(LARGE), mechanism=mechanism)
                outside.verify(encode_ecdsa_signature(signature), LARGE, ec.ECDSA(digest))
            digested = hashlib.sha256(b"data").digest()
            signature = private.sign(digested, mechanism=Mechanism.ECDSA)
            hashed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
            outside.verify(encode_ecdsa_signature(signature), digested, hashed)

            other = ec.generate_private_key(curve)
            point = other.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            shared = other.exchange(ec.ECDH(), outside)
            readable = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
            derived = private.derive_key(
                KeyType.GENERIC_SECRET,
                len(shared) * 8,
                mechanism_param=(KDF.NULL, None, point),
                template=readable,
            )
            assert derived[Attribute.VALUE] == shared
            # X9.63 (SEC 1, 3.6.1): the digest of secret, counter and what both sides know.
            derived = private.derive_key(
                KeyType.AES, 256, mechanism_param=(KDF.SHA256, b"both", point), template=readable
            )
            assert derived[Attribute.VALUE] == hashlib.sha256(shared + b"\0\0\0\1both").digest()


def aes_encrypts():
    with session() as at:
        for bits in (128, 192, 256):
            value = os.urandom(bits // 8)
            key = at.create_object(
                {
                    Attribute.CLASS: ObjectClass.SECRET_KEY,
                    Attribute.KEY_TYPE: KeyType.AES,
                    Attribute.VALUE: value,
                    Attribute.TOKEN: bits == 256,
                }
            )
            assert key.key_length == bits
            iv = os.urandom(16)

            def outside(mode, data):
                encryptor = Cipher(algorithms.AES(value), mode).encryptor()
                return encryptor.update(data) + encryptor.finalize()

            blocks = LARGE[:200_000]
            padded = LARGE + bytes([16 - len(LARGE) % 16]) * (16 - len(LARGE) % 16)
            for mechanism, mode, parameter, data, whole in [
                (Mechanism.AES_ECB, modes.ECB(), None, blocks, blocks),
                (Mechanism.AES_CBC, modes.CBC(iv), iv, blocks, blocks),
                (Mechanism.AES_CBC_PAD, modes.CBC(iv), iv, LARGE, padded),
                (Mechanism.AES_CTR, modes.CTR(iv), pkcs11.CTRParams(iv[:8]), LARGE, LARGE),
            ]:
                if mechanism == Mechanism.AES_CTR:
                    mode = modes.CTR(iv[:8] + bytes(7) + b"\1")
                options = {"mechanism": mechanism, "mechanism_param": parameter}
                expected = outside(mode, whole)
                assert key.encrypt(data, **options) == expected, mechanism
                assert b"".join(key.encrypt(pieces(data, 5000), **options)) == expected, mechanism
                assert key.decrypt(expected, **options) == data, mechanism
                assert b"".join(key.decrypt(pieces(expected, 7000), **options)) == data, mechanism

            for aad in (None, b"also authentic"):
                gcm = pkcs11.GCMParams(iv[:12], aad, 128)
                options = {"mechanism": Mechanism.AES_GCM, "mechanism_param": gcm}
                expected = AESGCM(value).encrypt(iv[:12], LARGE, aad)
                assert key.encrypt(LARGE, **options) == expected
                assert b"".join(key.encrypt(pieces(LARGE), **options)) == expected
                assert key.decrypt(expected, **options) == LARGE
                assert b"".join(key.decrypt(pieces(expected), **options)) == LARGE
                forged = expected[:-1] + bytes([expected[-1] ^ 1])
                refused(pkcs11.EncryptedDataInvalid, key.decrypt, forged, **options)

            mac = CMAC(algorithms.AES(value))
            mac.update(LARGE)
            made = key.sign(LARGE, mechanism=Mechanism.AES_CMAC)
            assert made == mac.finalize() == key.sign(pieces(LARGE), mechanism=Mechanism.AES_CMAC)
            assert key.verify(LARGE, made, mechanism=Mechanism.AES_CMAC)
            refused(pkcs11.DataLenRange, key.encrypt, b"odd", mechanism=Mechanism.AES_CBC, mechanism_param=iv)


def macs_and_digests():
    with session() as at:
        value = os.urandom(40)
        key = at.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
                Attribute.VALUE: value,
                Attribute.SIGN: True,
                Attribute.VERIFY: True,
            }
        )
        for name in ("SHA_1", "SHA224", "SHA256", "SHA384", "SHA512"):
            which = name.replace("_", "").lower()
            mechanism = Mechanism[f"{name}_HMAC"]
            for data in (b"", b"short", LARGE):
                expected = hmac.new(value, data, which).digest()
                assert key.sign(data, mechanism=mechanism) == expected
                assert key.sign(pieces(data), mechanism=mechanism) == expected
                assert key.verify(data, expected, mechanism=mechanism)
                assert key.verify(pieces(data), expected, mechanism=mechanism)
                assert not key.verify(data + b"x", expected, mechanism=mechanism)
                digest = hashlib.new(which, data).digest()
                assert at.digest(data, mechanism=Mechanism[name]) == digest
                assert at.digest(pieces(data), mechanism=Mechanism[name]) == digest
        assert len(at.generate_random(80_000)) == 10_000
        assert at.generate_random(256) != at.generate_random(256)


def wraps():
    with session() as at:
        wrapping_value = os.urandom(32)
        common = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        wrapping = at.create_object({**common, Attribute.VALUE: wrapping_value})
        readable = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
        key = at.generate_key(KeyType.AES, 256, template=readable)
        value = key[Attribute.VALUE]
        wrapped = wrapping.wrap_key(key)
        assert wrapped == keywrap.aes_key_wrap(wrapping_value, value)
        padded = wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_KWP)
        assert padded == keywrap.aes_key_wrap_with_padding(wrapping_value, value)
        options = {"template": readable}
        for given, mechanism in [(wrapped, None), (padded, Mechanism.AES_KEY_WRAP_KWP)]:
            back = wrapping.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, given, mechanism=mechanism, **options)
            assert back[Attribute.VALUE] == value
        forged = bytes([wrapped[0] ^ 1]) + wrapped[1:]
        refused(pkcs11.WrappedKeyInvalid, wrapping.unwrap_key, ObjectClass.SECRET_KEY, KeyType.AES, forged)

        # RSA around AES, and AES around RSA and EC.
        public, private = at.generate_keypair(KeyType.RSA, 2048)
        for mechanism in (Mechanism.RSA_PKCS, Mechanism.RSA_PKCS_OAEP):
            given = public.wrap_key(key, mechanism=mechanism)
            back = private.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, given, mechanism=mechanism, **options)
            assert back[Attribute.VALUE] == value

        iv = os.urandom(16)
        padding_cbc = {"mechanism": Mechanism.AES_CBC_PAD, "mechanism_param": iv}
        pairs = [
            (KeyType.RSA, at.generate_keypair(KeyType.RSA, 2048, private_template={Attribute.EXTRACTABLE: True})),
            (KeyType.EC, ec_pair(at, "secp256r1", private_template={Attribute.EXTRACTABLE: True})),
        ]
        # What Python says of every key it unwraps, but private keys don't have.
        private_only = dict.fromkeys((Attribute.ENCRYPT, Attribute.WRAP, Attribute.VERIFY), pkcs11.constants.DEFAULT)
        for kind, (public, private) in pairs:
            for options in ({"mechanism": Mechanism.AES_KEY_WRAP_KWP}, padding_cbc):
                given = wrapping.wrap_key(private, **options)
                if options is not padding_cbc:
                    inside = keywrap.aes_key_unwrap_with_padding(wrapping_value, given)
                    assert serialization.load_der_private_key(inside, None)
                back = wrapping.unwrap_key(ObjectClass.PRIVATE_KEY, kind, given, template=private_only, **options)
                assert public.verify(b"data", back.sign(b"data"))

        kept = at.generate_key(KeyType.AES, 256)
        refused(pkcs11.KeyUnextractable, wrapping.wrap_key, kept)


def objects():
    with session() as at:
        for number in range(25):
            at.generate_key(KeyType.AES, 128, store=True, label=f"key{number % 5}", id=bytes([number]))
        found = list(at.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: "key3"}))
        assert sorted(key.id for key in found) == [bytes([number]) for number in (3, 8, 13, 18, 23)]
        assert len(list(at.get_objects())) == 25
        key = at.get_key(id=b"\7", object_class=ObjectClass.SECRET_KEY)
        assert (key.label, key.key_type, key.key_length) == ("key2", KeyType.AES, 128)
        refused(pkcs11.MultipleObjectsReturned, at.get_key, label="key1")
        refused(pkcs11.NoSuchKey, at.get_key, label="none")
        refused(pkcs11.AttributeSensitive, key.__getitem__, Attribute.VALUE)

        # A search goes on while what it finds is destroyed.
        for key in at.get_objects({Attribute.LABEL: "key4"}):
            key.destroy()
        assert len(list(at.get_objects())) == 20

        key = at.get_key(id=b"\0")
        key[Attribute.LABEL] = "renamed"
        assert at.get_key(label="renamed").id == b"\0"
        copied = key.copy({Attribute.LABEL: "copy", Attribute.TOKEN: False})
        iv = bytes(16)
        assert copied.encrypt(b"data", mechanism_param=iv) == key.encrypt(b"data", mechanism_param=iv)
        key.destroy()
        assert copied.decrypt(copied.encrypt(b"data", mechanism_param=iv), mechanism_param=iv) == b"data"
    # With its session, the session key is gone.
    with session() as at:
        assert [key.label for key in at.get_objects({Attribute.LABEL: "copy"})] == []
        assert len(list(at.get_objects())) == 19


def imports():
    pem = serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    with session() as at:
        outside = rsa.generate_private_key(65537, 2048)
        private = at.create_object({**decode_rsa_private_key(outside.private_bytes(*pem)), Attribute.TOKEN: True})
        spki = serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        public = at.create_object(decode_rsa_public_key(outside.public_key().public_bytes(*spki)))
        signature = private.sign(b"data", mechanism=Mechanism.SHA256_RSA_PKCS)
        assert signature == outside.sign(b"data", padding.PKCS1v15(), hashes.SHA256())
        assert public.verify(b"data", signature, mechanism=Mechanism.SHA256_RSA_PKCS)
        assert private.decrypt(public.encrypt(b"secret")) == b"secret"
        for curve in CURVES.values():
            outside = ec.generate_private_key(curve)
            private = at.create_object(decode_ec_private_key(outside.private_bytes(*pem)))
            der = outside.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            public = at.create_object(decode_ec_public_key(der))
            signature = private.sign(b"data", mechanism=Mechanism.ECDSA_SHA256)
            outside.public_key().verify(encode_ecdsa_signature(signature), b"data", ec.ECDSA(hashes.SHA256()))
            assert public.verify(b"data", signature, mechanism=Mechanism.ECDSA_SHA256)


def certificates():
    with open("certificate.der", "rb") as file:
        der = file.read()
    with session() as at:
        attributes = decode_x509_certificate(der, extended_set=True)
        at.create_object({**attributes, Attribute.TOKEN: True, Attribute.LABEL: "mine", Attribute.ID: b"\1"})
        key = at.create_object(decode_x509_public_key(der))
        assert len(key.encrypt(b"data")) == 256
    with token().open() as at:
        (found,) = at.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        assert (found[Attribute.LABEL], found[Attribute.ID], found[Attribute.VALUE]) == ("mine", b"\1", der)
        assert found[Attribute.SUBJECT] == attributes[Attribute.SUBJECT]
        refused(pkcs11.SessionReadOnly, found.destroy)


def logins():
    wrong = PIN + "x"
    for _ in range(2):
        refused(pkcs11.PinIncorrect, token().open, user_pin=wrong)
        with session() as at:
            refused(pkcs11.UserAlreadyLoggedIn, token().open, user_pin=PIN)
            at.generate_key(KeyType.AES, 256, label="mine", store=True)
    with token().open() as at:
        assert list(at.get_objects()) == []
        refused(pkcs11.UserNotLoggedIn, at.generate_key, KeyType.AES, 256, template={Attribute.PRIVATE: True})
    with session() as at:
        assert len(list(at.get_objects())) == 2
        at.set_pin(PIN, "app:another-secret")
    refused(pkcs11.PinIncorrect, token().open, user_pin=PIN)
    token().open(user_pin="app:another-secret").close()


def usage():
    with session() as at:
        key = at.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.DECRYPT | MechanismFlag.WRAP)
        assert not key[Attribute.ENCRYPT] and key[Attribute.DECRYPT] and key[Attribute.WRAP]
        # Python has no `encrypt` on such a key; one that has it is asked for what it may not.
        assert not hasattr(key, "encrypt")
        given = at.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.VALUE: bytes(range(16)),
                Attribute.EXTRACTABLE: True,
            }
        )
        refused(pkcs11.AttributeReadOnly, given.__setitem__, Attribute.KEY_TYPE, KeyType.GENERIC_SECRET)
        given[Attribute.EXTRACTABLE] = False
        refused(pkcs11.KeyUnextractable, key.wrap_key, given)
        refused(pkcs11.AttributeReadOnly, given.__setitem__, Attribute.EXTRACTABLE, True)


def describes():
    (slot,) = LIBRARY.get_slots(token_present=True)
    described = slot.get_token()
    assert (described.label, described.manufacturer_id) == (TOKEN, "Strongroom")
    flags = described.flags
    assert pkcs11.TokenFlag.LOGIN_REQUIRED in flags and pkcs11.TokenFlag.TOKEN_INITIALIZED in flags
    assert pkcs11.TokenFlag.WRITE_PROTECTED not in flags
    mechanisms = slot.get_mechanisms()
    assert {Mechanism.AES_GCM, Mechanism.ECDSA, Mechanism.RSA_PKCS_OAEP} <= mechanisms
    for mechanism in mechanisms:
        slot.get_mechanism_info(mechanism)
    info = slot.get_mechanism_info(Mechanism.RSA_PKCS_KEY_PAIR_GEN)
    assert (info.min_key_length, info.max_key_length) == (1024, 8192)


play([
    rsa_signs,
    rsa_encrypts,
    elliptic_curves,
    aes_encrypts,
    macs_and_digests,
    wraps,
    objects,
    imports,
    certificates,
    logins,
    usage,
    describes,
])
