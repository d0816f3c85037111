"""Secrets, keys and messages of SSL 3.0 and TLS 1.0 to 1.2, against the protocols' own definitions."""

import ctypes
import hashlib
import hmac
from ctypes import byref

from derivation_params import Structure
from module import KEY_SIZE_RANGE, MECHANISM_INVALID, MECHANISM_PARAM_INVALID, ULONG, template
from session import (
    AES, CLASS, EXTRACTABLE, GENERIC_SECRET, KEY_TYPE, OPEN, SECRET_KEY, SENSITIVE, TOKEN, VALUE, VALUE_LEN, refusal,
)

DERIVE, SIGN, ENCRYPT, ALLOWED_MECHANISMS = 0x10C, 0x108, 0x104, 0x40000600
TEMPLATE_INCONSISTENT = 0xD1
TLS_PRF = 0x378
HASHES = {"sha256": 0x250, "sha384": 0x260, "sha512": 0x270}
BYTES, BOOL, POINTER = ctypes.c_char_p, ctypes.c_ubyte, ctypes.c_void_p


class Version(Structure):
    _fields_ = [("major", BOOL), ("minor", BOOL)]


class Randoms(Structure):
    _fields_ = [("client", BYTES), ("client_len", ULONG), ("server", BYTES), ("server_len", ULONG)]

    @classmethod
    def of(cls, client, server):
        return cls(client, len(client), server, len(server))


class Master(Structure):
    _fields_ = [("randoms", Randoms), ("version", POINTER)]


class Master12(Structure):
    _fields_ = [*Master._fields_, ("hash", ULONG)]


class Extended(Structure):
    _fields_ = [("hash", ULONG), ("session_hash", BYTES), ("len", ULONG), ("version", POINTER)]


class Out(Structure):
    _fields_ = [(name, ULONG) for name in ("client_mac", "server_mac", "client_key", "server_key")]
    _fields_ += [("client_iv", POINTER), ("server_iv", POINTER)]


class Keys(Structure):
    _fields_ = [("mac_bits", ULONG), ("key_bits", ULONG), ("iv_bits", ULONG), ("export", BOOL), ("randoms", Randoms)]
    _fields_ += [("out", POINTER)]


class Keys12(Structure):
    _fields_ = [*Keys._fields_, ("hash", ULONG)]


class Prf(Structure):
    _fields_ = [("seed", BYTES), ("seed_len", ULONG), ("label", BYTES), ("label_len", ULONG)]
    _fields_ += [("output", POINTER), ("output_len", POINTER)]


class Exporter(Structure):
    _fields_ = [("prf", ULONG), ("label", BYTES), ("label_len", ULONG), ("randoms", Randoms)]
    _fields_ += [("context", BYTES), ("context_len", ULONG)]


class Finished(Structure):
    _fields_ = [("prf", ULONG), ("len", ULONG), ("side", ULONG)]


def compare(session):
    pre_masters(session)
    masters(session)
    extended_masters(session)
    connections(session)
    outputs(session)
    exporters(session)
    finished(session)
    records(session)


# The protocols


def expanded(hash_, secret, seed, length):
    """P_hash of RFC 5246 section 5."""
    stream, last = b"", seed
    while len(stream) < length:
        last = hmac.digest(secret, last, hash_)
        stream += hmac.digest(secret, last + seed, hash_)
    return stream[:length]


def prf(hash_, secret, label, seed, length):
    """RFC 5246 section 5 with a hash, RFC 2246 section 5 without."""
    if hash_:
        return expanded(hash_, secret, label + seed, length)
    half = (len(secret) + 1) // 2
    md5 = expanded("md5", secret[:half], label + seed, length)
    sha1 = expanded("sha1", secret[-half:], label + seed, length)
    return bytes(one ^ other for one, other in zip(md5, sha1))


def ssl3(secret, seed, length):
    """RFC 6101 section 6.2.2."""
    stream = b""
    for at in range(26):
        letters = bytes([ord("A") + at]) * (at + 1)
        stream += hashlib.md5(secret + hashlib.sha1(letters + secret + seed).digest()).digest()
    return stream[:length]


# Mechanisms


def base(session, value, **flags):
    return session.create({CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: value, DERIVE: True, **OPEN} | flags)


def versions(session):
    """Of each version: the prefix of its mechanisms' names, a hash, and what makes secrets and blocks of keys."""
    yield "CKM_SSL3", None, lambda secret, label, seed, length: ssl3(secret, seed, length)
    yield "CKM_TLS", None, lambda *arguments: prf(None, *arguments)
    for name in HASHES:
        yield "CKM_TLS12", name, lambda *arguments, name=name: prf(name, *arguments)


def pre_masters(session):
    for row in session.with_algorithm("TlsPreMasterGen", "generate"):
        mechanism = session.mechanism(row["name"], Version(3, 3))
        one, other = (session.get(session.generate(mechanism, OPEN), VALUE) for _ in range(2))
        assert one[:2] == b"\x03\x03" == other[:2] and len(one) == 48 and one != other
        assert refusal(session.generate, mechanism, {VALUE_LEN: 47}) == KEY_SIZE_RANGE


def masters(session):
    for prefix, hash_, make in versions(session):
        client, server = session.rng.randbytes(32), session.rng.randbytes(32)
        for suffix, size in (("", 48), ("_DH", session.rng.randint(1, 300))):
            value = session.rng.randbytes(size)
            version = Version(9, 9)
            randoms = Randoms.of(client, server)
            address = None if suffix else ctypes.addressof(version)
            params = Master12(randoms, address, HASHES[hash_]) if hash_ else Master(randoms, address)
            mechanism = session.mechanism(f"{prefix}_MASTER_KEY_DERIVE{suffix}", params)
            made = session.derive(mechanism, base(session, value), OPEN)
            assert session.get(made, VALUE) == make(value, b"master secret", client + server, 48), mechanism.name
            assert bytes(version) == (b"\x09\x09" if suffix else value[:2])
            limited(session, made, bool(hash_))
            assert refusal(session.derive, mechanism, base(session, value), {VALUE_LEN: 47}) == KEY_SIZE_RANGE
            if not suffix:
                assert refusal(session.derive, mechanism, base(session, value[1:]), {}) == KEY_SIZE_RANGE


def limited(session, made, tls12):
    """A master secret of TLS 1.2 is for TLS 1.2 only."""
    assert bool(session.get(made, ALLOWED_MECHANISMS)) == tls12


def extended_masters(session):
    for hash_ in HASHES:
        digest = session.rng.randbytes(hashlib.new(hash_).digest_size)
        for suffix, size in (("", 48), ("_DH", session.rng.randint(1, 300))):
            value, version = session.rng.randbytes(size), Version(9, 9)
            address = None if suffix else ctypes.addressof(version)
            params = Extended(HASHES[hash_], digest, len(digest), address)
            mechanism = session.mechanism(f"CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE{suffix}", params)
            made = session.derive(mechanism, base(session, value), OPEN)
            assert session.get(made, VALUE) == prf(hash_, value, b"extended master secret", digest, 48)
            assert bytes(version) == (b"\x09\x09" if suffix else value[:2])
            limited(session, made, True)


def connections(session):
    for prefix, hash_, make in versions(session):
        for mac, key, iv in ((20, 16, 16), (32, 32, 4), (0, 16, 0), (20, 24, 0)):
            connection(session, prefix, hash_, make, "KEY_AND_MAC_DERIVE", (mac, key, iv))
            if hash_:
                connection(session, prefix, hash_, make, "KEY_SAFE_DERIVE", (mac, key, iv))


def connection(session, prefix, hash_, make, suffix, sizes):
    mac, key, iv = sizes
    safe = "SAFE" in suffix
    value, client, server = session.rng.randbytes(48), session.rng.randbytes(32), session.rng.randbytes(32)
    ivs = [ctypes.create_string_buffer(b"\xa5" * (iv + 1), iv + 1) for _ in range(2)]
    out = Out(1, 1, 1, 1, *map(ctypes.addressof, ivs))
    randoms = Randoms.of(client, server)
    common = 8 * mac, 8 * key, 8 * iv, False, randoms, ctypes.addressof(out)
    params = Keys12(*common, HASHES[hash_]) if hash_ else Keys(*common)
    mechanism = session.mechanism(f"{prefix}_{suffix}", params)
    master = base(session, value)
    block = make(value, b"key expansion", server + client, 2 * (mac + key + iv))
    token = session.rng.choice([False, True])
    keyless(session, mechanism, master, {KEY_TYPE: AES, TOKEN: token})
    handles = [out.client_mac, out.server_mac, out.client_key, out.server_key]
    for handle, size, type_, usage in zip(handles, [mac, mac, key, key], [GENERIC_SECRET] * 2 + [AES] * 2, [SIGN] * 2 + [ENCRYPT] * 2):
        if not size:
            assert handle == 0
            continue
        made, block = block[:size], block[size:]
        found = session.get(ULONG(handle), VALUE, KEY_TYPE, usage)
        assert found == [made, type_.to_bytes(8, "little"), b"\x01"], mechanism.name
        session.destroy(ULONG(handle))
    for buffer, told in zip(ivs, (block[:iv], block[iv : 2 * iv])):
        assert buffer.raw == (b"\xa5" * (iv + 1) if safe else told + b"\xa5"), mechanism.name
    # All keys are as their secret, and the template can't say otherwise; a failure makes none and tells nothing.
    guarded = base(session, value) if token else session.create(
        {CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: value, DERIVE: True, SENSITIVE: True, EXTRACTABLE: False}
    )
    weaker = {SENSITIVE: True} if token else {EXTRACTABLE: True}
    assert code(session, mechanism, guarded, {KEY_TYPE: AES, **weaker}) == TEMPLATE_INCONSISTENT
    assert code(session, mechanism, master, {KEY_TYPE: AES, VALUE_LEN: key + 1}) == KEY_SIZE_RANGE
    params.export = True
    assert code(session, mechanism, master, {KEY_TYPE: AES}) == MECHANISM_PARAM_INVALID
    params.export, params.out = False, None
    assert code(session, mechanism, master, {KEY_TYPE: AES}) == MECHANISM_PARAM_INVALID


def code(session, mechanism, key, attributes):
    """What a derivation without a place for a key answers."""
    return session.code("C_DeriveKey", byref(mechanism), key, *template(attributes), None)


def keyless(session, mechanism, key, attributes):
    assert code(session, mechanism, key, attributes) == 0, mechanism.name
    session.compared.add((mechanism.name, "derive"))


def outputs(session):
    value, seed, label = session.some(1, 100), session.some(0, 100), session.some(0, 30)
    length = session.rng.randint(1, 300)
    output, len_ = ctypes.create_string_buffer(b"\xa5" * (length + 1), length + 1), ULONG(length)
    params = Prf(seed or None, len(seed), label or None, len(label), ctypes.addressof(output), ctypes.addressof(len_))
    mechanism = session.mechanism("CKM_TLS_PRF", params)
    key = base(session, value)
    keyless(session, mechanism, key, {})
    assert output.raw == prf(None, value, label, seed, length) + b"\xa5" and len_.value == length
    len_.value = 0
    assert code(session, mechanism, key, {}) == MECHANISM_PARAM_INVALID


def exporters(session):
    """RFC 5705: no context is something else than an empty one."""
    for row in session.with_algorithm("TlsKdf", "derive"):
        for hash_ in (None, *HASHES):
            value, label = session.rng.randbytes(48), session.some(1, 30)
            client, server = session.rng.randbytes(32), session.rng.randbytes(32)
            for context in (None, b"", session.some(1, 100)):
                seed = client + server
                seed += b"" if context is None else len(context).to_bytes(2, "big") + context
                randoms, length = Randoms.of(client, server), session.rng.randint(1, 200)
                number = HASHES[hash_] if hash_ else TLS_PRF
                params = Exporter(number, label, len(label), randoms, context, len(context or b""))
                mechanism = session.mechanism(row["name"], params)
                made = session.derive(mechanism, base(session, value), {VALUE_LEN: length, **OPEN})
                assert session.get(made, VALUE) == prf(hash_, value, label, seed, length), row["name"]


def finished(session):
    for row in session.with_algorithm("TlsMac", "sign"):
        for hash_ in (None, *HASHES):
            value, data = session.rng.randbytes(48), session.some(1, 100)
            key = session.create({CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: value, SIGN: True, **OPEN})
            for side, label in ((1, b"server finished"), (2, b"client finished")):
                length = session.rng.choice([12, 32])
                number = HASHES[hash_] if hash_ else TLS_PRF
                mechanism = session.mechanism(row["name"], Finished(number, length, side))
                theirs = prf(hash_, value, label, data, length)
                assert session.both("Sign", mechanism, key, data) == (theirs, theirs), row["name"]
                assert session.verifies(mechanism, key, data, theirs)
                assert not session.verifies(mechanism, key, data + b"x", theirs)
            for length, side in ((11, 1), (12, 0), (12, 3)):
                wrong = session.mechanism(row["name"], Finished(number, length, side))
                assert refusal(session.begin, "Sign", wrong, key) == MECHANISM_PARAM_INVALID
    # A key that is limited to one mechanism isn't for others.
    only = {ALLOWED_MECHANISMS: (0x3E4).to_bytes(8, "little")}
    key = session.create({CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: bytes(48), DERIVE: True, **only, **OPEN})
    mechanism = session.mechanism("CKM_TLS_KDF", Exporter(TLS_PRF, b"l", 1, Randoms.of(b"c", b"s"), None, 0))
    assert refusal(session.derive, mechanism, key, {VALUE_LEN: 16}) == MECHANISM_INVALID


def records(session):
    """RFC 6101 section 5.2.3.1."""
    for row in session.with_algorithm("Ssl3Mac", "sign"):
        name, pad = ("md5", 48) if row["hash"] == "Md5" else ("sha1", 40)
        value, data = session.some(1, 100), session.some(0, 300)
        inner = hashlib.new(name, value + b"\x36" * pad + data).digest()
        theirs = hashlib.new(name, value + b"\x5c" * pad + inner).digest()
        key = session.create({CLASS: SECRET_KEY, KEY_TYPE: GENERIC_SECRET, VALUE: value, SIGN: True, **OPEN})
        for length in (4, 8, len(theirs)):
            mechanism = session.mechanism(row["name"], ULONG(length))
            assert session.both("Sign", mechanism, key, data) == (theirs[:length], theirs[:length]), row["name"]
            assert session.verifies(mechanism, key, data, theirs[:length])
            assert not session.verifies(mechanism, key, data + b"x", theirs[:length])
