"""What PKCS#11 has and `cryptography` has no function of its own for, built of what it has."""

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
