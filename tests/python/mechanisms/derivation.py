"""Keys derived from keys, and made from passwords: values, several keys at once, and what new keys inherit."""

import ctypes
import hashlib
import hmac
from ctypes import byref

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, KBKDFHMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from derivation_params import (
    CMAC, HMACS, CbcData, Counter, CounterOnly, DerivedKey, Feedback, Hkdf, Ike1Extended, Ike1Prf, Ike2PrfPlus, IkePrf,
    Kdf, Length, LengthOnly, Pbe, Pbkdf2, Piece, StringData, VendorKdf,
)
from module import KEY_SIZE_RANGE, MECHANISM_PARAM_INVALID, ULONG
from session import (
    AES, APPLICATION, CLASS, DATA, EXTRACTABLE, GENERIC_SECRET, KEY_TYPE, LOCAL, OBJECT_ID, OPEN, SECRET_KEY, SENSITIVE, TOKEN,
    VALUE, VALUE_LEN, refusal,
)

DERIVE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE = 0x10C, 0x165, 0x164
HKDF_KEY, DES, DES2, DES3 = 0x42, 0x13, 0x14, 0x15
KEY_FUNCTION_NOT_PERMITTED, KEY_HANDLE_INVALID = 0x68, 0x60
TEMPLATE_INCOMPLETE, TEMPLATE_INCONSISTENT = 0xD0, 0xD1
# Of a hash: what `hashlib` calls it.
NAMES = {"Md5": "md5", "Sha512_224": "sha512_224", "Sha512_256": "sha512_256"}
NAMES |= {f"Sha3_{bits}": f"sha3_{bits}" for bits in (224, 256, 384, 512)}


def compare(session):
    sp800_108(session)
    vendors_sp800_108(session)
    several_keys(session)
    hkdf(session)
    pbkdf2(session)
    pkcs12(session)
    joined(session)
    extracted(session)
    encrypted(session)
    hashed(session)
    ike(session)
    heritage(session)
    refused(session)


def base(session, value, key_type=GENERIC_SECRET, **others):
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, VALUE: value, DERIVE: True, **OPEN}
    return session.create(attributes | {int(kind): value for kind, value in others.items()})


def derived(session, mechanism, key, length=None, key_type=GENERIC_SECRET, token=False):
    attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, TOKEN: token, **OPEN}
    attributes |= {} if length is None else {VALUE_LEN: length}
    handle = session.derive(mechanism, key, attributes)
    value, local = session.get(handle, VALUE, LOCAL)
    assert local == b"\x00"
    session.destroy(handle)
    return value


# NIST SP 800-108


def prf(name):
    """A PRF as a function of key and data."""
    if name == "CMAC":
        return lambda key, data: finished(cmac.CMAC(algorithms.AES(key)), data)
    return lambda key, data: hmac.digest(key, data, name.lower())


def finished(context, data):
    context.update(data)
    return context.finalize()


def sp800_108(session):
    for name, mechanism in [*HMACS.items(), ("CMAC", CMAC)]:
        value = session.rng.randbytes(32)
        key_type = session.rng.choice([AES, GENERIC_SECRET])
        key = base(session, value, key_type)
        label, context, iv = session.some(1, 40), session.some(1, 40), session.some(0, 40)
        for length in (16, session.rng.randint(1, 200)):
            counter_mode(session, name, mechanism, key, value, label, context, length)
            feedback_mode(session, name, mechanism, key, value, label, iv, length)
            pipeline_mode(session, name, mechanism, key, value, label, length)


def counter_mode(session, name, number, key, value, label, context, length):
    bits = session.rng.choice([8, 16, 24, 32])
    fixed = label + b"\x00" + context + (8 * length).to_bytes(4, "big")
    common = {"mode": Mode.CounterMode, "length": length, "rlen": bits // 8, "llen": None, "label": None, "context": None}
    for location in CounterLocation.BeforeFixed, CounterLocation.AfterFixed:
        common |= {"location": location, "fixed": fixed}
        if name == "CMAC":
            theirs = KBKDFCMAC(algorithms.AES, **common)
        else:
            theirs = KBKDFHMAC(getattr(hashes, name)(), **common)
        fields = [Piece.data(label), Piece.data(b"\x00"), Piece.data(context), Piece.length(Length(1, False, 32))]
        count = Piece.iteration(Counter(False, bits))
        fields = [count, *fields] if location == CounterLocation.BeforeFixed else [*fields, count]
        mechanism = session.mechanism("CKM_SP800_108_COUNTER_KDF", Kdf.of(number, fields))
        assert derived(session, mechanism, key, length) == theirs.derive(value), (name, location)
    # Little-endian, in the middle, and with the length of whole blocks.
    apply = prf(name)
    blocks = -(-length // len(apply(value, b"")))
    whole = (8 * blocks * len(apply(value, b""))).to_bytes(3, "little")
    stream = b"".join(
        apply(value, label + at.to_bytes(2, "little") + context + whole) for at in range(1, blocks + 1)
    )
    fields = [Piece.data(label), Piece.iteration(Counter(True, 16)), Piece.data(context)]
    fields.append(Piece.length(Length(2, True, 24)))
    mechanism = session.mechanism("CKM_SP800_108_COUNTER_KDF", Kdf.of(number, fields))
    assert derived(session, mechanism, key, length, token=True) == stream[:length]


def feedback_mode(session, name, number, key, value, label, iv, length):
    apply, stream, last, count = prf(name), b"", iv, 0
    while len(stream) < length:
        count += 1
        last = apply(value, last + count.to_bytes(1, "big") + label)
        stream += last
    fields = [Piece.iteration(), Piece.counter(Counter(False, 8)), Piece.data(label)]
    mechanism = session.mechanism("CKM_SP800_108_FEEDBACK_KDF", Feedback.of(number, fields, iv))
    assert derived(session, mechanism, key, length) == stream[:length]


def pipeline_mode(session, name, number, key, value, label, length):
    apply, stream, last = prf(name), b"", label
    while len(stream) < length:
        last = apply(value, last)
        stream += apply(value, last + label)
    fields = [Piece.iteration(), Piece.data(label)]
    mechanism = session.mechanism("CKM_SP800_108_DOUBLE_PIPELINE_KDF", Kdf.of(number, fields))
    assert derived(session, mechanism, key, length) == stream[:length]


def vendors_sp800_108(session):
    """CloudHSM's structures: what stands in order, and what is put together."""
    value, label, context = session.rng.randbytes(32), session.some(1, 20), session.some(1, 20)
    key = base(session, value, AES)
    for bits, length_bits in ((16, 8), (16, 16), (32, 32), (32, 64)):
        length = 24
        end = (8 * length).to_bytes(length_bits // 8, "big")
        stream = b"".join(
            hmac.digest(value, at.to_bytes(bits // 8, "big") + label + b"\x00" + context + end, "sha512") for at in (1, 2)
        )
        fields = [
            Piece.typed(4, CounterOnly(bits)), Piece.typed(7, LengthOnly(1, length_bits)),
            Piece.typed(6, context), Piece.typed(5, label),
        ]
        mechanism = session.mechanism("CKM_CLOUDHSM_SP800_108_COUNTER_KDF", VendorKdf.of(HMACS["SHA512"], fields))
        assert derived(session, mechanism, key, length, AES) == stream[:length]
        stream = finished(cmac.CMAC(algorithms.AES(value)), label + (1).to_bytes(bits // 8, "big") + context + end)
        stream += finished(cmac.CMAC(algorithms.AES(value)), label + (2).to_bytes(bits // 8, "big") + context + end)
        fields = [
            Piece.typed(3, label), Piece.typed(1, CounterOnly(bits)), Piece.typed(3, context),
            Piece.typed(2, LengthOnly(1, length_bits)),
        ]
        mechanism = session.mechanism("CKM_CLOUDHSM_SP800_108_COUNTER_KDF", VendorKdf.of(CMAC, fields))
        assert derived(session, mechanism, key, length, AES) == stream[:length]


def several_keys(session):
    """Further keys, each out of blocks of its own; all are made or none."""
    value, other = session.rng.randbytes(32), session.rng.randbytes(20)
    key, input_ = base(session, value), base(session, other)
    handle = ULONG(input_.value)
    for token in (False, True):
        templates = [
            {CLASS: SECRET_KEY, KEY_TYPE: AES, VALUE_LEN: 16, TOKEN: token, **OPEN},
            {CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE_LEN: 33, TOKEN: not token, **OPEN},
        ]
        handles = [ULONG(0xDEAD), ULONG(0xDEAD)]
        further = (DerivedKey * 2)(*[DerivedKey.of(*pair) for pair in zip(templates, handles)])
        fields = [Piece.iteration(Counter(False, 8)), Piece.typed(5, handle), Piece.length(Length(1, False, 32))]
        mechanism = session.mechanism("CKM_SP800_108_COUNTER_KDF", Kdf.of(HMACS["SHA256"], fields, further))
        first = session.derive(mechanism, key, {VALUE_LEN: 48, **OPEN})
        bits = (8 * (48 + 16 + 33)).to_bytes(4, "big")
        stream = b"".join(hmac.digest(value, bytes([at]) + other + bits, "sha256") for at in range(1, 6))
        assert session.get(first, VALUE) == stream[:48]
        assert [session.get(made, VALUE) for made in handles] == [stream[64:80], stream[96:129]]
        session.destroy(first, *handles)
        # One that can't be made: none is.
        before = count(session)
        templates[1][VALUE_LEN] = 5000
        further[1] = DerivedKey.of(templates[1], handles[1])
        assert refusal(session.derive, mechanism, key, {VALUE_LEN: 48}) == KEY_SIZE_RANGE
        assert [made.value for made in handles] == [0, 0]
        handles[0].value = handles[1].value = 0xDEAD
        templates[1] |= {VALUE_LEN: 16, KEY_TYPE: AES, CLASS: DATA}
        further[1] = DerivedKey.of(templates[1], handles[1])
        assert refusal(session.derive, mechanism, key, {VALUE_LEN: 48}) == TEMPLATE_INCONSISTENT
        assert [made.value for made in handles] == [0, 0]
        assert count(session) == before
        further[1] = DerivedKey.of(templates[0], None)
        assert refusal(session.derive, mechanism, key, {VALUE_LEN: 48}) == MECHANISM_PARAM_INVALID
        assert count(session) == before


def count(session):
    session.call("C_FindObjectsInit", None, 0)
    handles, found, total = (ULONG * 1000)(), ULONG(1), 0
    while found.value:
        session.call("C_FindObjects", handles, 1000, byref(found))
        total += found.value
    session.call("C_FindObjectsFinal")
    return total


# HKDF, passwords


def hkdf(session):
    numbers = {"SHA1": 0x220, "SHA224": 0x255, "SHA256": 0x250, "SHA384": 0x260, "SHA512": 0x270}
    for name, number in numbers.items():
        hash_ = getattr(hashes, name)()
        value, salt, info = session.some(1, 100), session.some(1, 100), session.some(0, 100)
        length = session.rng.randint(1, 255 * min(hash_.digest_size, 16))
        for key_type in (GENERIC_SECRET, HKDF_KEY):
            key, salt_key = base(session, value, key_type), base(session, salt)
            for salted, params in (
                (None, Hkdf.of(number, info)),
                (salt, Hkdf.of(number, info, salt=salt)),
                (salt, Hkdf.of(number, info, salt_key=salt_key.value)),
            ):
                theirs = HKDF(hash_, length, salted, info).derive(value)
                assert derived(session, session.mechanism("CKM_HKDF_DERIVE", params), key, length) == theirs
                named = session.rng.choice([{}, {APPLICATION: b"ours", OBJECT_ID: bytes.fromhex("06032b6570")}])
                handle = session.derive(session.mechanism("CKM_HKDF_DATA", params), key, {CLASS: DATA, VALUE_LEN: length, **named})
                assert session.get(handle, APPLICATION, OBJECT_ID) == [named.get(APPLICATION, b""), named.get(OBJECT_ID, b"")]
                kind, data = session.get(handle, CLASS, VALUE)
                assert (kind, data) == (DATA.to_bytes(8, "little"), theirs)
                session.destroy(handle)
            extracted_ = hmac.digest(salt, value, name.lower())
            only = session.mechanism("CKM_HKDF_DERIVE", Hkdf.of(number, b"", salt=salt, expand=False))
            assert derived(session, only, key) == extracted_
            expand = session.mechanism("CKM_HKDF_DERIVE", Hkdf.of(number, info, extract=False))
            assert derived(session, expand, base(session, extracted_), length) == HKDFExpand(
                hash_, length, info
            ).derive(extracted_)
    made = [session.generate(session.mechanism("CKM_HKDF_KEY_GEN"), {VALUE_LEN: 40, **OPEN}) for _ in range(2)]
    one, other = (session.get(key, VALUE) for key in made)
    assert len(one) == 40 and one != other and session.get(made[0], KEY_TYPE) == HKDF_KEY.to_bytes(8, "little")


def pbkdf2(session):
    prfs = {"SHA1": 1, "SHA224": 3, "SHA256": 4, "SHA384": 5, "SHA512": 6, "SHA512_224": 7, "SHA512_256": 8}
    for name, number in prfs.items():
        password, salt, rounds = session.some(0, 60), session.some(1, 60), session.rng.randint(1, 2000)
        for length, key_type in ((32, AES), (session.rng.randint(1, 100), GENERIC_SECRET)):
            theirs = PBKDF2HMAC(getattr(hashes, name)(), length, salt, rounds).derive(password)
            mechanism = session.mechanism("CKM_PKCS5_PBKD2", Pbkdf2.of(number, password, salt, rounds))
            attributes = {CLASS: SECRET_KEY, KEY_TYPE: key_type, VALUE_LEN: length, **OPEN}
            handle = session.generate(mechanism, attributes)
            assert session.get(handle, VALUE) == theirs
            session.destroy(handle)
    for rounds, length in ((0, 32), (2**32 + 1, 32), (4_000_001, 32), (3_000_000, 64)):
        mechanism = session.mechanism("CKM_PKCS5_PBKD2", Pbkdf2.of(4, b"password", b"salt", rounds))
        attributes = {KEY_TYPE: GENERIC_SECRET, VALUE_LEN: length}
        assert refusal(session.generate, mechanism, attributes) == MECHANISM_PARAM_INVALID


def pkcs12(session):
    """RFC 7292 appendix B, against a translation of it that works on whole numbers."""
    for row in session.with_algorithm("Pkcs12Pbe", "generate"):
        password = "".join(session.rng.choices("abcxyz", k=session.rng.randint(0, 40))).encode("utf-16-be") + bytes(2)
        salt, rounds = session.some(0, 70), session.rng.randint(1, 300)
        iv = ctypes.create_string_buffer(b"\xa5" * 9, 9)
        mechanism = session.mechanism(row["name"], Pbe.of(password, salt, rounds, iv))
        handle = session.generate(mechanism, OPEN)
        value, key_type = session.get(handle, VALUE, KEY_TYPE)
        cipher = int.from_bytes(key_type, "little") in (DES2, DES3)
        theirs = pkcs12_bytes(password, salt, rounds, 1 if cipher else 3, len(value))
        if cipher:
            assert iv.raw == pkcs12_bytes(password, salt, rounds, 2, 8) + b"\xa5"
            assert all(byte.bit_count() % 2 for byte in value)
            value, theirs = (bytes(byte & 0xFE for byte in key) for key in (value, theirs))
        assert value == theirs, row["name"]


def pkcs12_bytes(password, salt, rounds, purpose, length):
    block, output = 64, b""

    def filled(data):
        return (data * (block // max(len(data), 1) + 2))[: -(-len(data) // block) * block] if data else b""

    state = filled(salt) + filled(password)
    while len(output) < length:
        chunk = bytes([purpose]) * block + state
        for _ in range(rounds):
            chunk = hashlib.sha1(chunk).digest()
        output += chunk
        addend = int.from_bytes((chunk * 4)[:block], "big") + 1
        parts = [int.from_bytes(state[at : at + block], "big") for at in range(0, len(state), block)]
        state = b"".join(((part + addend) % 2 ** (8 * block)).to_bytes(block, "big") for part in parts)
    return output[:length]


# Joining, cutting, encrypting, hashing


def joined(session):
    value, other = session.some(14, 100), session.some(14, 100)
    key = base(session, value)
    data = StringData.of(other)
    cases = {
        "CKM_CONCATENATE_BASE_AND_KEY": (ULONG(base(session, other).value), value + other),
        "CKM_CONCATENATE_BASE_AND_DATA": (data, value + other),
        "CKM_CONCATENATE_DATA_AND_BASE": (data, other + value),
        "CKM_XOR_BASE_AND_DATA": (data, bytes(a ^ b for a, b in zip(value, other))),
    }
    for name, (parameter, theirs) in cases.items():
        mechanism = session.mechanism(name, parameter)
        assert derived(session, mechanism, key) == theirs, name
        shortest = 14 if not name.endswith("DATA_AND_BASE") else len(other) + 14
        length = session.rng.randint(shortest, len(theirs))
        assert derived(session, mechanism, key, length) == theirs[:length]
        assert refusal(derived, session, mechanism, key, len(theirs) + 1) == KEY_SIZE_RANGE
        assert refusal(derived, session, mechanism, key, shortest - 1) == KEY_SIZE_RANGE
        assert refusal(derived, session, mechanism, key, None, AES) == TEMPLATE_INCOMPLETE
    des = session.mechanism("CKM_CONCATENATE_BASE_AND_DATA", StringData.of(bytes(range(24))))
    assert all(byte.bit_count() % 2 for byte in derived(session, des, key, None, DES3))


def extracted(session):
    value = session.rng.randbytes(40)
    key, bits = base(session, value), "".join(f"{byte:08b}" for byte in value) * 2
    for first in (0, 1, 7, 8, 319, session.rng.randrange(320)):
        for length in (14, 16, 40):
            mechanism = session.mechanism("CKM_EXTRACT_KEY_FROM_KEY", ULONG(first))
            theirs = int(bits[first : first + 8 * length], 2).to_bytes(length, "big")
            assert derived(session, mechanism, key, length) == theirs
    beyond = session.mechanism("CKM_EXTRACT_KEY_FROM_KEY", ULONG(320))
    assert refusal(derived, session, beyond, key, 16) == MECHANISM_PARAM_INVALID
    first = session.mechanism("CKM_EXTRACT_KEY_FROM_KEY", ULONG(0))
    for length in (1, 13, 41):
        assert refusal(derived, session, first, key, length) == KEY_SIZE_RANGE


def encrypted(session):
    for row in session.with_algorithm("EncryptData", "derive"):
        des = "DES" in row["name"]
        block = 8 if des else 16
        sizes = {16: AES, 24: AES, 32: AES} if not des else {16: DES2, 24: DES3} if "DES3" in row["name"] else {8: DES}
        for size, key_type in sizes.items():
            value, iv = session.rng.randbytes(size), session.rng.randbytes(block)
            data = session.rng.randbytes(block * session.rng.randint(1, 9))
            value = odd(value) if des else value
            key = base(session, value, key_type)
            cbc = "CBC" in row["name"]
            mode = modes.CBC(iv) if cbc else modes.ECB()
            thrice = (value * 3)[:24] if size < 24 and des else value
            theirs = encryption(TripleDES if des else algorithms.AES, thrice, mode, data)
            parameter = CbcData(block)(iv, data) if cbc else StringData.of(data)
            mechanism = session.mechanism(row["name"], parameter)
            assert derived(session, mechanism, key) == theirs, row["name"]
            assert derived(session, mechanism, key, block, AES if block == 16 else GENERIC_SECRET) == theirs[:block]
            assert refusal(derived, session, mechanism, key, len(data) + 1) == KEY_SIZE_RANGE
            parameter = CbcData(block)(iv, data[1:]) if cbc else StringData.of(data[1:])
            part = session.mechanism(row["name"], parameter)
            assert refusal(derived, session, part, key) == MECHANISM_PARAM_INVALID


def odd(key):
    """A key of DES with its parity."""
    return bytes(byte & 0xFE | (byte & 0xFE).bit_count() % 2 ^ 1 for byte in key)


def encryption(cipher, key, mode, data):
    encryptor = Cipher(cipher(key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def hashed(session):
    for row in session.with_algorithm("HashDerive", "derive"):
        value = session.some(1, 200)
        theirs = hashlib.new(NAMES.get(row["hash"], row["hash"].lower()), value).digest()
        key, mechanism = base(session, value), session.mechanism(row["name"])
        assert derived(session, mechanism, key) == theirs, row["name"]
        assert derived(session, mechanism, key, 16, AES) == theirs[:16]
        assert refusal(derived, session, mechanism, key, len(theirs) + 1) == KEY_SIZE_RANGE
        assert refusal(derived, session, mechanism, key, None, AES) == TEMPLATE_INCOMPLETE
    for bits, usual in ((128, 32), (256, 64)):
        value = session.some(1, 200)
        key, mechanism = base(session, value), session.mechanism(f"CKM_SHAKE_{bits}_KEY_DERIVATION")
        shake = hashlib.new(f"shake_{bits}", value)
        assert derived(session, mechanism, key) == shake.digest(usual)
        for length in (1, 16, 4096):
            assert derived(session, mechanism, key, length) == shake.digest(length)


# IKE


def ike(session):
    for name, number in [("SHA1", HMACS["SHA1"]), ("SHA256", HMACS["SHA256"]), ("CMAC", CMAC)]:
        apply = prf(name)
        size = len(apply(bytes(16), b""))
        value, gxy, previous = (session.rng.randbytes(16) for _ in range(3))
        one, other = session.rng.randbytes(8), session.rng.randbytes(8)
        key_type = AES if name == "CMAC" else GENERIC_SECRET
        key, secret, before = base(session, value, key_type), base(session, gxy), base(session, previous, AES)
        number_ = session.rng.randrange(256)

        first = session.mechanism("CKM_IKE_PRF_DERIVE", IkePrf.of(number, one, other))
        assert derived(session, first, key, None, key_type) == apply(value, one + other)
        reversed_ = session.mechanism("CKM_IKE_PRF_DERIVE", IkePrf.of(number, one, other, data_as_key=True))
        assert derived(session, reversed_, key, None, key_type) == apply(one + other, value)
        again = session.mechanism("CKM_IKE_PRF_DERIVE", IkePrf.of(number, one, other, new=secret.value))
        assert derived(session, again, key, None, key_type) == apply(value, gxy + one + other)

        early = session.mechanism("CKM_IKE1_PRF_DERIVE", Ike1Prf.of(number, secret.value, one, other, number_))
        assert derived(session, early, key) == apply(value, gxy + one + other + bytes([number_]))
        late = Ike1Prf.of(number, secret.value, one, other, number_, before.value)
        late = session.mechanism("CKM_IKE1_PRF_DERIVE", late)
        assert derived(session, late, key, 16, AES) == apply(value, previous + gxy + one + other + bytes([number_]))[:16]

        length, stream, last, at = session.rng.randint(17, 200), b"", b"", 0
        while len(stream) < length:
            at += 1
            last = apply(value, last + gxy + one + bytes([at]))
            stream += last
        plus = session.mechanism("CKM_IKE2_PRF_PLUS_DERIVE", Ike2PrfPlus.of(number, one, secret.value))
        assert derived(session, plus, key, length) == stream[:length]
        assert refusal(derived, session, plus, key, 255 * size + 1) == KEY_SIZE_RANGE

        stream, last = b"", b""
        while len(stream) < length:
            last = apply(value, last + gxy + other)
            stream += last
        longer = session.mechanism("CKM_IKE1_EXTENDED_DERIVE", Ike1Extended.of(number, other, secret.value))
        assert derived(session, longer, key, length) == stream[:length]
        alone = session.mechanism("CKM_IKE1_EXTENDED_DERIVE", Ike1Extended.of(number, b""))
        assert derived(session, alone, key, 14) == value[:14]
        stream, last = b"", b"\x00"
        while len(stream) < size + 1:
            last = apply(value, last)
            stream += last
        assert derived(session, alone, key, size + 1) == stream[: size + 1]


# What new keys inherit, and what is refused


def flags(session, handle):
    kinds = SENSITIVE, EXTRACTABLE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE
    return tuple(value == b"\x01" for value in session.get(handle, *kinds))


def heritage(session):
    """PKCS#11 3.2 section 6.43; attacks.md A13 and A14."""
    guarded = session.generate(
        session.mechanism("CKM_AES_KEY_GEN"), {VALUE_LEN: 32, DERIVE: True, SENSITIVE: True, EXTRACTABLE: False}
    )
    open_ = base(session, session.rng.randbytes(32))
    keeping = {
        "CKM_CONCATENATE_BASE_AND_KEY": ULONG(open_.value),
        "CKM_CONCATENATE_BASE_AND_DATA": StringData.of(bytes(16)),
        "CKM_CONCATENATE_DATA_AND_BASE": StringData.of(bytes(16)),
        "CKM_XOR_BASE_AND_DATA": StringData.of(bytes(32)),
        "CKM_EXTRACT_KEY_FROM_KEY": ULONG(8),
        "CKM_AES_ECB_ENCRYPT_DATA": StringData.of(bytes(32)),
        "CKM_AES_CBC_ENCRYPT_DATA": CbcData(16)(bytes(16), bytes(32)),
    }
    for name, parameter in keeping.items():
        mechanism = session.mechanism(name, parameter)
        made = session.derive(mechanism, guarded, {VALUE_LEN: 32})
        both = name.endswith("AND_KEY")
        assert flags(session, made) == (True, False, not both, not both), name
        for weaker in ({SENSITIVE: False}, {EXTRACTABLE: True}, OPEN):
            assert refusal(session.derive, mechanism, guarded, {VALUE_LEN: 32, **weaker}) == TEMPLATE_INCONSISTENT
    # The other key counts, too.
    mechanism = session.mechanism("CKM_CONCATENATE_BASE_AND_KEY", ULONG(guarded.value))
    assert flags(session, session.derive(mechanism, open_, {})) == (True, False, False, False)
    assert refusal(session.derive, mechanism, open_, OPEN) == TEMPLATE_INCONSISTENT
    # A PRF doesn't give the base key away; without a word the new key is as the base key.
    params = Kdf.of(HMACS["SHA256"], [Piece.iteration(Counter(False, 8))])
    mechanism = session.mechanism("CKM_SP800_108_COUNTER_KDF", params)
    for key, expected in ((guarded, (True, False, True, True)), (open_, (False, True, False, False))):
        assert flags(session, session.derive(mechanism, key, {VALUE_LEN: 16})) == expected
    assert flags(session, session.derive(mechanism, guarded, {VALUE_LEN: 16, **OPEN})) == (False, True, False, False)
    digest = session.mechanism("CKM_SHA256_KEY_DERIVATION")
    assert flags(session, session.derive(digest, guarded, OPEN)) == (False, True, False, False)
    assert flags(session, session.derive(digest, guarded, {})) == (True, False, True, True)


def refused(session):
    value = session.rng.randbytes(32)
    key, unable = base(session, value), base(session, value, **{str(DERIVE): False})
    for other, code in ((unable.value, KEY_FUNCTION_NOT_PERMITTED), (0x7777, KEY_HANDLE_INVALID)):
        mechanism = session.mechanism("CKM_CONCATENATE_BASE_AND_KEY", ULONG(other))
        assert refusal(session.derive, mechanism, key, {}) == code
    mechanism = session.mechanism("CKM_CONCATENATE_BASE_AND_KEY", ULONG(key.value))
    assert refusal(session.derive, mechanism, unable, {}) == KEY_FUNCTION_NOT_PERMITTED
    missing = session.mechanism("CKM_SP800_108_COUNTER_KDF", Kdf.of(HMACS["SHA256"], []))
    assert refusal(session.derive, missing, key, {VALUE_LEN: 16}) == MECHANISM_PARAM_INVALID
    kdf = Kdf.of(HMACS["SHA256"], [Piece.iteration(Counter(False, 8))])
    mechanism = session.mechanism("CKM_SP800_108_COUNTER_KDF", kdf)
    assert refusal(session.derive, mechanism, key, {}) == TEMPLATE_INCOMPLETE
    # Structures of CloudHSM's with the standard's number, and the other way round.
    assert refusal(session.derive, session.mechanism("CKM_CLOUDHSM_SP800_108_COUNTER_KDF", kdf), key, {VALUE_LEN: 16}) == (
        MECHANISM_PARAM_INVALID
    )
