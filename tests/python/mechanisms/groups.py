"""Two primes of 4,096 bits that everybody knows: the product is an RSA key that needs no minutes to make."""


def modp_4096():
    """The prime of group 16 (RFC 3526 section 5), from its definition by pi."""
    return prime(scaled_pi(3966), 240904)


def ffdhe_4096():
    """The prime of ffdhe4096 (RFC 7919 appendix A.3), from its definition by e."""
    return prime(scaled_e(3966), 5736041)


def prime(scaled, offset):
    return 2**4096 - 2**4032 + (scaled + offset) * 2**64 - 1


def scaled_pi(bits):
    """floor(2^bits * pi), by Machin's formula with guard bits."""
    one = 1 << (bits + 64)
    return 4 * (4 * arctan_inverse(5, one) - arctan_inverse(239, one)) >> 64


def arctan_inverse(x, one):
    power = total = one // x
    divisor, sign = 1, 1
    while power:
        power //= x * x
        divisor += 2
        sign = -sign
        total += sign * (power // divisor)
    return total


def scaled_e(bits):
    """floor(2^bits * e), with guard bits."""
    term = total = 1 << (bits + 64)
    count = 1
    while term:
        term //= count
        total += term
        count += 1
    return total >> 64
