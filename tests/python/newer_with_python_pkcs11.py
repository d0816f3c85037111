"""What python-pkcs11 offers beyond RSA, ECDSA and AES: Edwards curves, DSA, Diffie-Hellman, domain parameters."""

import hashlib

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, dsa as outside_dsa, ed448, ed25519, utils
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.dsa import (
    decode_dsa_domain_parameters, decode_dsa_public_key, encode_dsa_domain_parameters, encode_dsa_public_key,
    encode_dsa_signature,
)

from scenario import MODULE, PIN, TOKEN, play, refused

LIBRARY = pkcs11.lib(MODULE)
PRIME, SUBPRIME, BASE = Attribute.PRIME, Attribute.SUBPRIME, Attribute.BASE
READABLE = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def session():
    return LIBRARY.get_token(token_label=TOKEN).open(rw=True, user_pin=PIN)


def number(bytes_):
    return int.from_bytes(bytes_, "big")


def edwards():
    with session() as at:
        # The curves' names in DER: RFC 8410.
        for name, kind in [
            (bytes.fromhex("06032b6570"), ed25519.Ed25519PublicKey),
            (bytes.fromhex("06032b6571"), ed448.Ed448PublicKey),
        ]:
            parameters = {Attribute.EC_PARAMS: name}
            domain = at.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True)
            public, private = domain.generate_keypair(mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN)
            outside = kind.from_public_bytes(public[Attribute.EC_POINT][2:])
            signature = private.sign(b"message", mechanism=Mechanism.EDDSA)
            outside.verify(signature, b"message")
            refused(InvalidSignature, outside.verify, signature, b"massage")
            assert public.verify(b"message", signature, mechanism=Mechanism.EDDSA)
            assert not public.verify(b"massage", signature, mechanism=Mechanism.EDDSA)


def dsa():
    with session() as at:
        made = at.generate_domain_parameters(KeyType.DSA, 1024)
        again = at.create_domain_parameters(
            KeyType.DSA, decode_dsa_domain_parameters(encode_dsa_domain_parameters(made)), local=True
        )
        for parameters in (made, again):
            public, private = parameters.generate_keypair()
            group = outside_dsa.DSAParameterNumbers(*(number(public[at_]) for at_ in (PRIME, SUBPRIME, BASE)))
            outside = outside_dsa.DSAPublicNumbers(number(public[Attribute.VALUE]), group).public_key()
            for mechanism, hash_ in (
                (Mechanism.DSA_SHA1, hashes.SHA1()), (Mechanism.DSA_SHA256, hashes.SHA256()),
                (Mechanism.DSA_SHA512, hashes.SHA512()),
            ):
                signature = private.sign(b"message", mechanism=mechanism)
                outside.verify(encode_dsa_signature(signature), b"message", hash_)
                assert public.verify(b"message", signature, mechanism=mechanism)
                assert not public.verify(b"massage", signature, mechanism=mechanism)
            digest = hashlib.sha1(b"message").digest()
            signature = private.sign(digest, mechanism=Mechanism.DSA)
            outside.verify(encode_dsa_signature(signature), digest, utils.Prehashed(hashes.SHA1()))
            encoded = encode_dsa_public_key(public)
            assert number(decode_dsa_public_key(encoded)) == outside.public_numbers().y


def diffie_hellman():
    with session() as at:
        prime = number(bytes.fromhex(GROUP_14))
        parameters = {Attribute.PRIME: prime.to_bytes(256, "big"), Attribute.BASE: b"\x02"}
        domain = at.create_domain_parameters(KeyType.DH, parameters, local=True)
        public, private = domain.generate_keypair()
        numbers = dh.DHParameterNumbers(prime, 2)
        other = numbers.parameters().generate_private_key()
        value = other.public_key().public_numbers().y.to_bytes(256, "big")
        derived = private.derive_key(KeyType.GENERIC_SECRET, 256 * 8, mechanism_param=value, template=READABLE)
        mine = dh.DHPublicNumbers(number(public[Attribute.VALUE]), numbers).public_key()
        assert derived[Attribute.VALUE] == other.exchange(mine)


def domain_parameters():
    with session() as at:
        made = at.generate_domain_parameters(KeyType.DH, 2048)
        assert number(made[Attribute.PRIME]).bit_length() == 2048
        (mine, secret), (yours, other) = made.generate_keypair(), made.generate_keypair()
        agreed = [
            private.derive_key(
                KeyType.GENERIC_SECRET, 256 * 8, mechanism_param=public[Attribute.VALUE], template=READABLE
            )[Attribute.VALUE]
            for public, private in [(mine, other), (yours, secret)]
        ]
        assert agreed[0] == agreed[1]
        parameters = {Attribute.PRIME: bytes.fromhex(GROUP_14), Attribute.BASE: b"\x02"}
        kept = at.create_domain_parameters(KeyType.DH, parameters, local=False)
        assert kept[Attribute.PRIME] == bytes.fromhex(GROUP_14)
        kept.generate_keypair()


# RFC 3526 section 3.
GROUP_14 = """
    FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD
    EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F
    83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B
    E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510
    15728E5A8AACAA68FFFFFFFFFFFFFFFF
"""

play([edwards, dsa, diffie_hellman, domain_parameters])
