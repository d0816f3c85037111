"""DSA: parameters, key pairs, signatures with and without hash, and keys that come and go."""

import ctypes
import hashlib

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, utils

from derivation_params import Structure
from keys import number
from module import (
    ATTRIBUTE_VALUE_INVALID, DATA_LEN_RANGE, KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID, SIGNATURE_LEN_RANGE, ULONG,
)
from parameters import HASHES
from session import (
    AES, CLASS, KEY_TYPE, OPEN, PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY_INFO, TOKEN, UNWRAP, VALUE, WRAP, refusal,
)

DSA, DOMAIN_PARAMETERS, DOMAIN_PARAMS_INVALID = 0x1, 6, 0x130
PRIME, SUBPRIME, BASE, PRIME_BITS, SUBPRIME_BITS = 0x130, 0x131, 0x132, 0x133, 0x134
KINDS = {"sha1": 0x220, "sha256": 0x250, "sha512": 0x270}
SIZES = ((1024, 160), (2048, 224), (2048, 256), (3072, 256))



class Generation(Structure):
    """CK_DSA_PARAMETER_GEN_PARAM."""

    _fields_ = [("hash", ULONG), ("seed", ctypes.c_void_p), ("seed_len", ULONG), ("index", ULONG)]


def compare(session):
    assert {(row["min"], row["max"]) for row in session.rows.values() if row["key_type"] == "Dsa"} == {(1024, 3072)}
    parameters(session)
    seeded(session)
    key_pairs = [(dsa.generate_private_key(bits), None) for bits, _ in SIZES[1:]]
    # The second implementation makes subprimes of 256 bits alone.
    key_pairs += [(of_group(session, bits, order), order) for bits, order in ((1024, 160), (2048, 224))]
    for key, _ in key_pairs:
        pair = imported(session, key)
        hashed(session, key, pair)
        digests(session, key, pair)
        formats(session, key, pair)
    generated(session, key_pairs)
    refused(session, key_pairs[0][0])


def parameters(session):
    mechanism = session.mechanism("CKM_DSA_PARAMETER_GEN")
    for bits, order, stated in ((1024, 160, False), (1024, 160, True), (2048, 224, True)):
        template = {PRIME_BITS: bits} | ({SUBPRIME_BITS: order} if stated else {})
        handle = session.generate(mechanism, template)
        kind, key_type, *group = session.get(handle, CLASS, KEY_TYPE, PRIME, SUBPRIME, BASE)
        assert (kind[0], key_type[0]) == (DOMAIN_PARAMETERS, DSA)
        p, q, g = (int.from_bytes(value, "big") for value in group)
        assert (p.bit_length(), q.bit_length(), (p - 1) % q, pow(g, q, p)) == (bits, order, 0, 1) and 1 < g < p
        assert pow(3, p - 1, p) == 1 == pow(3, q - 1, q)
    for bits in (0, 512, 1023, 1025, 4096):
        assert refusal(session.generate, mechanism, {PRIME_BITS: bits}) == ATTRIBUTE_VALUE_INVALID
    assert refusal(session.generate, mechanism, {PRIME_BITS: 1024, SUBPRIME_BITS: 161}) == ATTRIBUTE_VALUE_INVALID


def seeded(session):
    """The primes are those of the seed (FIPS 186-4 appendix A.1.1.3)."""
    for bits, order, name in ((1024, 160, "sha1"), (1024, 160, "sha512"), (2048, 256, "sha256")):
        room = ctypes.create_string_buffer(order // 8 + session.rng.randint(0, 8))
        parameter = Generation(KINDS[name], ctypes.addressof(room), len(room), 0)
        mechanism = session.mechanism("CKM_DSA_PROBABILISTIC_PARAMETER_GEN", parameter)
        handle = session.generate(mechanism, {PRIME_BITS: bits, SUBPRIME_BITS: order})
        p, q, g = (int.from_bytes(value, "big") for value in session.get(handle, PRIME, SUBPRIME, BASE))
        seed, size = int.from_bytes(room.raw, "big"), len(room)
        hashed = lambda at: hashlib.new(name, ((seed + at) % 256**size).to_bytes(size, "big")).digest()
        first = int.from_bytes(hashed(0), "big") % 2 ** (order - 1)
        assert q == 2 ** (order - 1) + first + 1 - first % 2 and pow(3, q - 1, q) == 1
        blocks = -(-bits // (8 * hashlib.new(name).digest_size))
        for counter in range(4 * bits):
            start = 1 + counter * blocks
            joined = b"".join(hashed(at) for at in reversed(range(start, start + blocks)))
            x = int.from_bytes(joined, "big") % 2 ** (bits - 1) + 2 ** (bits - 1)
            made = x - (x % (2 * q) - 1)
            if made == p:
                break
            # None before it was one, which takes long to see of larger ones.
            assert bits > 1024 or made < 2 ** (bits - 1) or pow(3, made - 1, made) != 1
        assert made == p and pow(3, p - 1, p) == 1 == pow(g, q, p) and g > 1
    wrong = [(KINDS["sha1"], 32, 256), (KINDS["sha256"], 20, 256), (KINDS["sha256"], 19, 160), (KINDS["sha256"], 65, 160), (0x1, 20, 160)]
    for kind, length, order in wrong:
        mechanism = session.mechanism(
            "CKM_DSA_PROBABILISTIC_PARAMETER_GEN", Generation(kind, ctypes.addressof(room), length, 0)
        )
        template = {PRIME_BITS: 2048, SUBPRIME_BITS: order}
        assert refusal(session.generate, mechanism, template) == MECHANISM_PARAM_INVALID, (kind, length, order)
    mechanism = session.mechanism("CKM_DSA_PROBABILISTIC_PARAMETER_GEN", Generation(KINDS["sha256"], None, 32, 0))
    assert refusal(session.generate, mechanism, {PRIME_BITS: 2048}) == MECHANISM_PARAM_INVALID


def of_group(session, bits, order):
    """A key of the second implementation's in a group of the module's."""
    handle = session.generate(session.mechanism("CKM_DSA_PARAMETER_GEN"), {PRIME_BITS: bits, SUBPRIME_BITS: order})
    group = dsa.DSAParameterNumbers(*(int.from_bytes(v, "big") for v in session.get(handle, PRIME, SUBPRIME, BASE)))
    return group.parameters().generate_private_key()


def group_of(key):
    group = key.parameters().parameter_numbers()
    return {PRIME: number(group.p), SUBPRIME: number(group.q), BASE: number(group.g)}


def private(key):
    return {CLASS: PRIVATE_KEY, KEY_TYPE: DSA, VALUE: number(key.private_numbers().x), **group_of(key)}


def public(key):
    return {CLASS: PUBLIC_KEY, KEY_TYPE: DSA, VALUE: number(key.public_key().public_numbers().y), **group_of(key)}


def imported(session, key, more=None):
    more = more or {}
    token = session.rng.choice([False, True])
    return session.create(public(key) | {TOKEN: token}), session.create(private(key) | {TOKEN: token} | more)


def der(signature):
    half = len(signature) // 2
    return utils.encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def raw(key, signature):
    half = (key.parameters().parameter_numbers().q.bit_length() + 7) // 8
    return b"".join(value.to_bytes(half, "big") for value in utils.decode_dss_signature(signature))


def check(session, mechanism, pair, data, key, theirs):
    """`theirs` signs and verifies with the second implementation."""
    public_, private_ = pair
    sign, verify = theirs
    signatures = session.both("Sign", mechanism, private_, data)
    assert signatures[0] != signatures[1]
    for signature in signatures:
        verify(der(signature))
        assert session.verifies(mechanism, public_, data, signature)
    good = raw(key, sign())
    assert len(good) == len(signatures[0])
    assert session.verifies(mechanism, public_, data, good)
    bad = bytearray(good)
    bad[session.rng.randrange(len(bad))] ^= 1 << session.rng.randrange(8)
    assert not session.verifies(mechanism, public_, data, bytes(bad))
    half = len(good) // 2
    q = key.parameters().parameter_numbers().q
    for r, s in ((bytes(half), good[half:]), (good[:half], bytes(half)), (number(q), good[half:]), (good[:half], number(q))):
        assert not session.verifies(mechanism, public_, data, r + s)
    for wrong in (good[1:], good + b"\x00", good[:-2]):
        assert refusal(session.verifies, mechanism, public_, data, wrong) == SIGNATURE_LEN_RANGE


def hashed(session, key, pair):
    for row in session.with_algorithm("Dsa", "sign"):
        if row["hash"]:
            hash_, data = HASHES[row["hash"]].reference, session.some(0, 100_000)
            theirs = lambda: key.sign(data, hash_), lambda signature: key.public_key().verify(signature, data, hash_)
            check(session, session.mechanism(row["name"]), pair, data, key, theirs)


def digests(session, key, pair):
    """Of a digest that is longer than the subprime, the leading bits count."""
    mechanism = session.mechanism("CKM_DSA")
    for name in ("sha1", "sha224", "sha256", "sha384", "sha512"):
        hash_ = utils.Prehashed(HASHES[name.capitalize()].reference)
        data = hashlib.new(name, session.some(0, 100)).digest()
        theirs = lambda: key.sign(data, hash_), lambda signature: key.public_key().verify(signature, data, hash_)
        check(session, mechanism, pair, data, key, theirs)
    session.begin("Sign", mechanism, pair[1])
    assert refusal(session.output, "C_Sign", None, 0) == DATA_LEN_RANGE


def formats(session, key, pair):
    """Encodings of keys are read by the second implementation, and those that it writes are read here."""
    encoding, format_ = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    info = key.public_key().public_bytes(encoding, format_)
    for handle in pair:
        assert session.get(handle, PUBLIC_KEY_INFO) == info
    encoded = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    wrapping = session.create({CLASS: 4, KEY_TYPE: AES, VALUE: bytes(range(16)), WRAP: True, UNWRAP: True})
    mechanism = session.mechanism("CKM_AES_KEY_WRAP_KWP")
    wrapped = keywrap.aes_key_wrap_with_padding(bytes(range(16)), encoded)
    _, open_ = imported(session, key, OPEN)
    assert keywrap.aes_key_unwrap_with_padding(bytes(range(16)), session.wrap(mechanism, wrapping, open_)) == encoded
    unwrapped = session.unwrap(mechanism, wrapping, wrapped, {CLASS: PRIVATE_KEY, KEY_TYPE: DSA, **OPEN})
    assert session.get(unwrapped, VALUE, PRIME, SUBPRIME, BASE) == session.get(open_, VALUE, PRIME, SUBPRIME, BASE)
    signature = session.whole("Sign", session.mechanism("CKM_DSA_SHA256"), unwrapped, b"data")
    key.public_key().verify(der(signature), b"data", HASHES["Sha256"].reference)


def generated(session, key_pairs):
    mechanism = session.mechanism("CKM_DSA_KEY_PAIR_GEN")
    for key, _ in key_pairs:
        for token in (False, True):
            public_, private_ = session.generate_pair(mechanism, {TOKEN: token, **group_of(key)}, {TOKEN: token, **OPEN})
            group = key.parameters().parameter_numbers()
            x, y = (int.from_bytes(session.get(handle, VALUE), "big") for handle in (private_, public_))
            assert 0 < x < group.q and pow(group.g, x, group.p) == y
            outside = dsa.DSAPublicNumbers(y, group).public_key()
            signature = session.whole("Sign", session.mechanism("CKM_DSA_SHA256"), private_, b"data")
            outside.verify(der(signature), b"data", HASHES["Sha256"].reference)
            session.destroy(public_, private_)


def refused(session, key):
    mechanism = session.mechanism("CKM_DSA_KEY_PAIR_GEN")
    group = key.parameters().parameter_numbers()
    p, q, g = group.p, group.q, group.g
    for wrong in (
        {PRIME: number(p + 2)}, {SUBPRIME: number(q + 2)}, {BASE: b"\x01"}, {BASE: number(p - 1)}, {BASE: b""},
        {BASE: number(p)}, {SUBPRIME: b"\x03"}, {SUBPRIME: b""}, {SUBPRIME: number(q * q)},
    ):
        said = refusal(session.generate_pair, mechanism, group_of(key) | wrong, {})
        assert said in (DOMAIN_PARAMS_INVALID, KEY_SIZE_RANGE), (wrong, hex(said))
        for whole in (public(key), private(key)):
            assert refusal(session.create, whole | wrong) == ATTRIBUTE_VALUE_INVALID, wrong
    for value in (0, q, q + 1, p):
        assert refusal(session.create, private(key) | {VALUE: number(value)}) == ATTRIBUTE_VALUE_INVALID
    for value in (0, 1, p - 1, p, p + 1, 2):
        # 2 is in the subgroup with a chance that nobody need fear.
        assert refusal(session.create, public(key) | {VALUE: number(value)}) == ATTRIBUTE_VALUE_INVALID
    _, private_ = imported(session, key)
    wrong = session.mechanism("CKM_DSA_SHA256", b"parameter")
    assert refusal(session.whole, "Sign", wrong, private_, b"data") == MECHANISM_PARAM_INVALID
