"""RSA encryption: PKCS #1 v1.5, OAEP with every hash, mask and label, and raw, each way."""

from cryptography.hazmat.primitives.asymmetric import padding

import keys
import parameters
import reference
from module import DATA_INVALID, DATA_LEN_RANGE, ENCRYPTED_DATA_INVALID, ENCRYPTED_DATA_LEN_RANGE
from parameters import OAEP_HASHES as HASHES
from session import refusal


def compare(session):
    for bits in (1024, 2048, 3072, 4096, session.rng.randint(1025, 2047)):
        key = keys.rsa_key(bits)
        for token in (False, True):
            pair = keys.import_rsa(session, key, token)
            pkcs1(session, key, pair)
            raw(session, key, pair)
            oaep(session, key, pair, everything=bits == 2048)


def pkcs1(session, key, pair):
    mechanism, size = session.mechanism("CKM_RSA_PKCS"), keys.size(key)
    for length in (0, 1, session.rng.randint(2, size - 12), size - 11):
        each_way(session, mechanism, key, pair, session.rng.randbytes(length), padding.PKCS1v15())
    refuses(session, "Encrypt", mechanism, pair, bytes(size - 10), DATA_LEN_RANGE)
    refuses(session, "Decrypt", mechanism, pair, bytes(size - 1), ENCRYPTED_DATA_LEN_RANGE)
    # Bad padding isn't told, but answered with a message that depends on key and ciphertext alone. OpenSSL makes it
    # up in the same way (draft-irtf-cfrg-rsa-guidance).
    garbage = b"\x00" + session.rng.randbytes(size - 1)
    expected = key.decrypt(garbage, padding.PKCS1v15())
    for made_up in session.both("Decrypt", mechanism, pair[1], garbage):
        assert made_up == expected


def raw(session, key, pair):
    mechanism, size = session.mechanism("CKM_RSA_X_509"), keys.size(key)
    private = key.private_numbers()
    public = private.public_numbers
    for data in (b"\x00" * size, b"\x02", session.some(2, size - 1), b"\x00" + session.rng.randbytes(size - 1)):
        encrypted = reference.power(data, public.e, public)
        for result in session.both("Encrypt", mechanism, pair[0], data):
            assert result == encrypted
        for result in session.both("Decrypt", mechanism, pair[1], encrypted):
            assert result == data.rjust(size, b"\x00") == reference.power(encrypted, private.d, public)
    refuses(session, "Encrypt", mechanism, pair, keys.number(public.n), DATA_INVALID)
    refuses(session, "Decrypt", mechanism, pair, keys.number(public.n), ENCRYPTED_DATA_INVALID)
    refuses(session, "Encrypt", mechanism, pair, bytes(size + 1), DATA_LEN_RANGE)


def oaep(session, key, pair, everything):
    for hash_ in HASHES.values():
        longest = keys.size(key) - 2 * hash_.reference.digest_size - 2
        masks = list(HASHES.values())
        for mgf in masks if everything else [hash_, session.rng.choice(masks)]:
            for label in (b"", session.some(1, 300)):
                mechanism = session.mechanism("CKM_RSA_PKCS_OAEP", parameters.oaep(hash_, mgf, label))
                if longest < 0:
                    refuses(session, "Encrypt", mechanism, pair, b"", DATA_LEN_RANGE)
                    continue
                scheme = padding.OAEP(padding.MGF1(mgf.reference), hash_.reference, label)
                for length in (0, session.rng.randint(0, longest), longest):
                    each_way(session, mechanism, key, pair, session.rng.randbytes(length), scheme)
                refuses(session, "Encrypt", mechanism, pair, bytes(longest + 1), DATA_LEN_RANGE)
                other = session.mechanism("CKM_RSA_PKCS_OAEP", parameters.oaep(hash_, mgf, label + b"x"))
                encrypted = key.public_key().encrypt(b"", scheme)
                refuses(session, "Decrypt", other, pair, encrypted, ENCRYPTED_DATA_INVALID)


def each_way(session, mechanism, key, pair, data, scheme):
    """Encrypted here and decrypted there, and the other way round."""
    for encrypted in session.both("Encrypt", mechanism, pair[0], data):
        assert key.decrypt(encrypted, scheme) == data, f"{mechanism.name} of {len(data)} bytes can't be decrypted"
    for decrypted in session.both("Decrypt", mechanism, pair[1], key.public_key().encrypt(data, scheme)):
        assert decrypted == data, f"{mechanism.name} of {len(data)} bytes is decrypted to something else"


def refuses(session, verb, mechanism, pair, data, code):
    key = pair[verb == "Decrypt"]
    for run in (session.whole, session.parts):
        assert refusal(run, verb, mechanism, key, data) == code
