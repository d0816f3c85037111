"""What all parts do in a session: make and read objects, and run operations in one piece and in several."""

import ctypes
from ctypes import byref

from module import OK, OPERATION_NOT_INITIALIZED, SIGNATURE_INVALID, ULONG, Mechanism, Module, Refused, template

CLASS, TOKEN, PRIVATE, LABEL, APPLICATION, VALUE, OBJECT_ID = 0x0, 0x1, 0x2, 0x3, 0x10, 0x11, 0x12
CERTIFICATE_TYPE, ISSUER, SERIAL_NUMBER, CHECK_VALUE = 0x80, 0x81, 0x82, 0x90
KEY_TYPE, SUBJECT, ID, SENSITIVE = 0x100, 0x101, 0x102, 0x103
MODULUS, MODULUS_BITS, PUBLIC_EXPONENT, PRIVATE_EXPONENT = 0x120, 0x121, 0x122, 0x123
PRIME_1, PRIME_2, EXPONENT_1, EXPONENT_2, COEFFICIENT = 0x124, 0x125, 0x126, 0x127, 0x128
PUBLIC_KEY_INFO, VALUE_LEN, EXTRACTABLE, LOCAL = 0x129, 0x161, 0x162, 0x163
EC_PARAMS, EC_POINT = 0x180, 0x181
WRAP, UNWRAP = 0x106, 0x107

DATA, CERTIFICATE, PUBLIC_KEY, PRIVATE_KEY, SECRET_KEY = range(5)
RSA, EC, GENERIC_SECRET, AES = 0x0, 0x3, 0x10, 0x1F
DES, DES2, DES3, CHACHA20, POLY1305, AES_XTS = 0x13, 0x14, 0x15, 0x33, 0x34, 0x35

# A secret or private key whose value may be read.
OPEN = {SENSITIVE: False, EXTRACTABLE: True}


class Session(Module):
    """A session; `rows` are those of the mechanism table, and `rng` is seeded."""

    def __init__(self, path, pin, rows, rng):
        super().__init__(path, pin)
        self.rows = {row["name"]: row for row in rows}
        self.rng = rng
        # Pairs of a mechanism's name and what it was used for.
        self.compared = set()

    def mechanism(self, name, parameter=None):
        return Mechanism(name, self.rows[name]["kind"], parameter)

    def with_algorithm(self, algorithm, purpose):
        """The rows of an algorithm that serve a purpose."""
        return [row for row in self.rows.values() if row["algorithm"] == algorithm and purpose in row["purposes"]]

    def some(self, shortest, longest):
        """Random bytes of a random length."""
        return self.rng.randbytes(self.rng.randint(shortest, longest))

    # Objects

    def create(self, attributes):
        handle = ULONG()
        self.call("C_CreateObject", *template(attributes), byref(handle))
        return handle

    def secret(self, key_type, value, token=False):
        """A secret key from its value, which can be read again."""
        return self.create({CLASS: SECRET_KEY, KEY_TYPE: key_type, VALUE: value, TOKEN: token, **OPEN})

    def get(self, handle, *kinds):
        """The values of attributes, as bytes; of one alone if only one is asked for."""
        array, count = template({kind: b"" for kind in kinds})
        for entry in array:
            entry.value = None
        self.call("C_GetAttributeValue", handle, array, count)
        for entry in array:
            array.kept.append(ctypes.create_string_buffer(entry.len))
            entry.value = ctypes.addressof(array.kept[-1])
        self.call("C_GetAttributeValue", handle, array, count)
        values = [ctypes.string_at(entry.value, entry.len) for entry in array]
        return values[0] if len(kinds) == 1 else values

    def destroy(self, *handles):
        for handle in handles:
            self.call("C_DestroyObject", handle)

    # Keys

    def generate(self, mechanism, attributes):
        handle = ULONG()
        self.call("C_GenerateKey", byref(mechanism), *template(attributes), byref(handle))
        self.compared.add((mechanism.name, "generate"))
        return handle

    def generate_pair(self, mechanism, public, private):
        handles = ULONG(), ULONG()
        (public, count), (private, private_count) = template(public), template(private)
        self.call("C_GenerateKeyPair", byref(mechanism), public, count, private, private_count, *map(byref, handles))
        self.compared.add((mechanism.name, "generate_key_pair"))
        return handles

    def wrap(self, mechanism, wrapping, key):
        self.compared.add((mechanism.name, "wrap"))
        return self.output("C_WrapKey", byref(mechanism), wrapping, key)

    def unwrap(self, mechanism, unwrapping, wrapped, attributes):
        handle = ULONG()
        arguments = byref(mechanism), unwrapping, wrapped, len(wrapped), *template(attributes), byref(handle)
        self.call("C_UnwrapKey", *arguments)
        self.compared.add((mechanism.name, "unwrap"))
        return handle

    def derive(self, mechanism, base, attributes):
        handle = ULONG()
        self.call("C_DeriveKey", byref(mechanism), base, *template(attributes), byref(handle))
        self.compared.add((mechanism.name, "derive"))
        return handle

    # Operations: `verb` is Encrypt, Decrypt, Sign or Digest

    def both(self, verb, mechanism, key, data):
        """What an operation gives for data in one piece and in several. It must be the same for all but signatures
        with a random number, of which two are returned."""
        return self.whole(verb, mechanism, key, data), self.parts(verb, mechanism, key, data)

    def whole(self, verb, mechanism, key, data):
        self.begin(verb, mechanism, key)
        # No data is NULL with some clients.
        result = self.output(f"C_{verb}", data or self.rng.choice([None, b""]), len(data))
        self.expect_over(f"C_{verb}Final")
        return result

    def parts(self, verb, mechanism, key, data):
        self.begin(verb, mechanism, key)
        result = b""
        for piece in self.pieces(data):
            if verb in ("Encrypt", "Decrypt"):
                result += self.output(f"C_{verb}Update", piece, len(piece))
            else:
                self.call(f"C_{verb}Update", piece, len(piece))
        result += self.output(f"C_{verb}Final")
        self.expect_over(f"C_{verb}Final")
        return result

    def verifies(self, mechanism, key, data, signature):
        """Whether a signature is good, found out in one piece and in several."""
        self.begin("Verify", mechanism, key)
        whole = self.code("C_Verify", data, len(data), signature, len(signature))
        self.begin("Verify", mechanism, key)
        for piece in self.pieces(data):
            self.call("C_VerifyUpdate", piece, len(piece))
        parts = self.code("C_VerifyFinal", signature, len(signature))
        assert whole == parts, (mechanism.name, hex(whole), hex(parts))
        if whole not in (OK, SIGNATURE_INVALID):
            raise Refused("C_Verify", whole)
        return whole == OK

    def begin(self, verb, mechanism, key):
        self.call(f"C_{verb}Init", byref(mechanism), *([] if key is None else [key]))
        self.compared.add((mechanism.name, verb.lower()))

    def expect_over(self, function):
        """An operation that gave its result is over."""
        len_ = ULONG()
        code = self.code(function, None, byref(len_))
        assert code == OPERATION_NOT_INITIALIZED, (function, hex(code))

    def pieces(self, data):
        """Data cut at random places; pieces may be empty."""
        cuts = sorted(self.rng.randint(0, len(data)) for _ in range(self.rng.randint(0, 5)))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)])]


def refusal(action, *arguments):
    """The code with which a call is refused."""
    try:
        action(*arguments)
    except Refused as refused:
        return refused.code
    raise AssertionError(f"{action.__name__} should have been refused")
