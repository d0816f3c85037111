"""What PKCS#11 has and `cryptography` has no function of its own for, built of what it has."""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB, CFB8, OFB  # noqa: F401
from cryptography.hazmat.primitives import keywrap, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


def aes(key, mode, data):
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def padded(data):
    padder = padding.PKCS7(BLOCK * 8).padder()
    return padder.update(data) + padder.finalize()


def gcm(key, iv, aad, tag_bits, data):
    """NIST SP 800-38D; `cryptography` takes IVs of 8 to 128 bytes only."""
    if not 8 <= len(iv) <= 128:
        return gcm_by_hand(key, iv, aad, tag_bits, data)
    encryptor = Cipher(algorithms.AES(key), modes.GCM(iv)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag[: tag_bits // 8]


def gcm_by_hand(key, iv, aad, tag_bits, data):
    subkey = int.from_bytes(aes(key, modes.ECB(), bytes(BLOCK)), "big")
    first = ghash(subkey, b"", iv)
    after = first[:12] + ((int.from_bytes(first[12:], "big") + 1) % 2**32).to_bytes(4, "big")
    ciphertext = aes(key, modes.CTR(after), data)
    mask = aes(key, modes.ECB(), first)
    tag = bytes(one ^ other for one, other in zip(ghash(subkey, aad, ciphertext), mask))
    return ciphertext + tag[: tag_bits // 8]


def ghash(subkey, aad, data):
    lengths = (len(aad) * 8).to_bytes(8, "big") + (len(data) * 8).to_bytes(8, "big")
    blocks = aad + bytes(-len(aad) % BLOCK) + data + bytes(-len(data) % BLOCK) + lengths
    total = 0
    for start in range(0, len(blocks), BLOCK):
        total = multiplied(total ^ int.from_bytes(blocks[start : start + BLOCK], "big"), subkey)
    return total.to_bytes(BLOCK, "big")


def multiplied(one, other):
    """SP 800-38D section 6.3."""
    product = 0
    for bit in reversed(range(128)):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (0xE1 << 120 if other & 1 else 0)
    return product


def key_wrap(key, data, initial=None):
    """RFC 3394; `cryptography` knows the usual initial value only."""
    if initial is None:
        return keywrap.aes_key_wrap(key, data)
    halves = [data[start : start + 8] for start in range(0, len(data), 8)]
    first, step = initial, 0
    for _ in range(6):
        for at, half in enumerate(halves):
            step += 1
            block = aes(key, modes.ECB(), first + half)
            first = (int.from_bytes(block[:8], "big") ^ step).to_bytes(8, "big")
            halves[at] = block[8:]
    return first + b"".join(halves)


def key_wrap_padded(key, data, initial=None):
    """RFC 5649."""
    if initial is None:
        return keywrap.aes_key_wrap_with_padding(key, data)
    initial += len(data).to_bytes(4, "big")
    data += bytes(-len(data) % 8)
    return aes(key, modes.ECB(), initial + data) if len(data) == 8 else key_wrap(key, data, initial)


def power(base, exponent, key):
    """Raw RSA, as long as the modulus; `key` is a private or public key's public numbers."""
    result = pow(int.from_bytes(base, "big"), exponent, key.n)
    return result.to_bytes((key.n.bit_length() + 7) // 8, "big")


def des(key, mode, data):
    encryptor = Cipher(tripled(key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def des_feedback(key, iv, segment, output, encrypts, data):
    """FIPS 81: OFB (`output`) or CFB with segments of so many bytes, the last of which may be short."""
    register, out = iv, b""
    for at in range(0, len(data), segment):
        stream, piece = des(key, modes.ECB(), register)[:segment], data[at : at + segment]
        made = bytes(one ^ other for one, other in zip(piece, stream))
        register = (register + (stream if output else made if encrypts else piece))[segment:][:BLOCK // 2]
        out += made
    return out


def tripled(key):
    """A key of single or double length as one of triple length."""
    return TripleDES({8: key * 3, 16: key + key[:8], 24: key}[len(key)])


def with_parity(key):
    """FIPS 46-3: the lowest bit of each byte makes the number of its bits odd."""
    return bytes(byte & 0xFE | (bin(byte >> 1).count("1") + 1) % 2 for byte in key)


def cfb(key, iv, bits, data):
    """SP 800-38A section 6.3 with segments of any number of bits."""
    register, ones, out, total = int.from_bytes(iv, "big"), (1 << bits) - 1, 0, len(data) * 8
    number = int.from_bytes(data, "big") << -total % bits
    for at in reversed(range(0, total, bits)):
        stream = int.from_bytes(aes(key, modes.ECB(), register.to_bytes(BLOCK, "big")), "big") >> 128 - bits
        segment = number >> at & ones ^ stream
        register = (register << bits | segment) & (1 << 128) - 1
        out = out << bits | segment
    return (out >> -total % bits).to_bytes(len(data), "big")


def cts(key, iv, data):
    """CBC-CS1 of the addendum to SP 800-38A."""
    missing = -len(data) % BLOCK
    whole = aes(key, modes.CBC(iv), data + bytes(missing))
    return whole[: len(whole) - BLOCK - missing] + whole[-BLOCK:]


def xcbc(key, data):
    """RFC 3566."""
    first, for_whole, for_padded = (aes(key, modes.ECB(), bytes([number]) * BLOCK) for number in (1, 2, 3))
    cut = max(0, (len(data) - 1) // BLOCK * BLOCK)
    last, mask = data[cut:], for_whole
    if len(last) < BLOCK:
        last, mask = last + b"\x80" + bytes(BLOCK - 1 - len(last)), for_padded
    last = bytes(one ^ other for one, other in zip(last, mask))
    return aes(first, modes.CBC(bytes(BLOCK)), data[:cut] + last)[-BLOCK:]


def xchacha(key, nonce):
    """draft-irtf-cfrg-xchacha section 2: the key that 16 bytes of the nonce make, and the rest of it."""
    words = [int.from_bytes(block, "little") for block in quarters(b"expand 32-byte k" + key + nonce[:16])]
    for _ in range(10):
        for places in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter_round(words, *places)
        for places in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter_round(words, *places)
    return b"".join(word.to_bytes(4, "little") for word in words[:4] + words[12:]), nonce[16:]


def quarters(data):
    return [data[start : start + 4] for start in range(0, len(data), 4)]


def quarter_round(words, a, b, c, d):
    """RFC 8439 section 2.1."""
    for sum_, with_, mixed, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        words[sum_] = (words[sum_] + words[with_]) & 0xFFFFFFFF
        turned = words[mixed] ^ words[sum_]
        words[mixed] = (turned << by | turned >> 32 - by) & 0xFFFFFFFF
