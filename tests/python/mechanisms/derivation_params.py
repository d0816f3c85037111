"""The structures of mechanisms that derive keys. Each keeps what it points to."""

import ctypes

from module import ULONG, Attribute, template

BYTES = ctypes.c_char_p
BOOL = ctypes.c_ubyte
POINTER = ctypes.c_void_p

CMAC = 0x108A
HMACS = {"SHA1": 0x221, "SHA224": 0x256, "SHA256": 0x251, "SHA384": 0x261, "SHA512": 0x271}


class Structure(ctypes.Structure):
    """A structure that may be made of keyword arguments, among them what it points to."""

    def keeping(self, *things):
        self.kept_too = things
        return self


class Counter(Structure):
    _fields_ = [("little_endian", BOOL), ("bits", ULONG)]


class CounterOnly(Structure):
    _fields_ = [("bits", ULONG)]


class Length(Structure):
    _fields_ = [("method", ULONG), ("little_endian", BOOL), ("bits", ULONG)]


class LengthOnly(Structure):
    _fields_ = [("method", ULONG), ("bits", ULONG)]


class Piece(Structure):
    """CK_PRF_DATA_PARAM."""

    _fields_ = [("kind", ULONG), ("value", POINTER), ("len", ULONG)]

    @classmethod
    def typed(cls, kind, value):
        if isinstance(value, bytes):
            value = ctypes.create_string_buffer(value, len(value))
        return cls(kind, ctypes.addressof(value), ctypes.sizeof(value)).keeping(value)

    @classmethod
    def iteration(cls, format_=None):
        return cls(1, None, 0) if format_ is None else cls.typed(1, format_)

    @classmethod
    def counter(cls, format_):
        return cls.typed(2, format_)

    @classmethod
    def length(cls, format_):
        return cls.typed(3, format_)

    @classmethod
    def data(cls, value):
        return cls.typed(4, value)


def pieces(fields):
    array = (Piece * len(fields))(*fields)
    array.fields = fields
    return array


class DerivedKey(Structure):
    _fields_ = [("template", POINTER), ("count", ULONG), ("handle", POINTER)]

    @classmethod
    def of(cls, attributes, handle):
        array, count = template(attributes)
        KEPT.append((array, handle))
        return cls(ctypes.addressof(array), count, None if handle is None else ctypes.addressof(handle))


# What elements of arrays point to: copies of structures don't keep it.
KEPT = []


class Kdf(Structure):
    _fields_ = [("prf", ULONG), ("count", ULONG), ("fields", POINTER), ("keys", ULONG), ("further", POINTER)]

    @classmethod
    def of(cls, prf, fields, further=()):
        array = pieces(fields)
        address = ctypes.addressof(further) if further else None
        return cls(prf, len(fields), ctypes.addressof(array), len(further), address).keeping(array, fields, further)


class VendorKdf(Structure):
    _fields_ = [("prf", ULONG), ("count", ULONG), ("fields", POINTER)]

    @classmethod
    def of(cls, prf, fields):
        array = pieces(fields)
        return cls(prf, len(fields), ctypes.addressof(array)).keeping(array, fields)


class Feedback(Structure):
    _fields_ = [("prf", ULONG), ("count", ULONG), ("fields", POINTER), ("iv_len", ULONG), ("iv", BYTES)]
    _fields_ += [("keys", ULONG), ("further", POINTER)]

    @classmethod
    def of(cls, prf, fields, iv):
        array = pieces(fields)
        return cls(prf, len(fields), ctypes.addressof(array), len(iv), iv or None, 0, None).keeping(array, fields, iv)


class Hkdf(Structure):
    _fields_ = [("extract", BOOL), ("expand", BOOL), ("hash", ULONG), ("salt_type", ULONG), ("salt", BYTES)]
    _fields_ += [("salt_len", ULONG), ("salt_key", ULONG), ("info", BYTES), ("info_len", ULONG)]

    @classmethod
    def of(cls, hash_, info, salt=None, salt_key=None, extract=True, expand=True):
        kind = 1 if salt is None and salt_key is None else 2 if salt is not None else 4
        salt_len = len(salt) if salt is not None else 0
        return cls(extract, expand, hash_, kind, salt, salt_len, salt_key or 0, info or None, len(info))


class Pbkdf2(Structure):
    """CK_PKCS5_PBKD2_PARAMS2."""

    _fields_ = [("source", ULONG), ("salt", BYTES), ("salt_len", ULONG), ("rounds", ULONG), ("prf", ULONG)]
    _fields_ += [("prf_data", POINTER), ("prf_data_len", ULONG), ("password", BYTES), ("password_len", ULONG)]

    @classmethod
    def of(cls, prf, password, salt, rounds):
        return cls(1, salt, len(salt), rounds, prf, None, 0, password or None, len(password))


class Pbe(Structure):
    _fields_ = [("iv", POINTER), ("password", BYTES), ("password_len", ULONG), ("salt", BYTES), ("salt_len", ULONG)]
    _fields_ += [("rounds", ULONG)]

    @classmethod
    def of(cls, password, salt, rounds, iv):
        made = cls(ctypes.addressof(iv), password, len(password), salt or None, len(salt), rounds)
        return made.keeping(iv)


class StringData(Structure):
    _fields_ = [("data", BYTES), ("len", ULONG)]

    @classmethod
    def of(cls, data):
        return cls(data, len(data))


def CbcData(block):
    class Params(Structure):
        _fields_ = [("iv", ctypes.c_ubyte * block), ("data", BYTES), ("len", ULONG)]

    return lambda iv, data: Params((ctypes.c_ubyte * block)(*iv), data, len(data))


class Ike2PrfPlus(Structure):
    _fields_ = [("prf", ULONG), ("has_key", BOOL), ("key", ULONG), ("seed", BYTES), ("seed_len", ULONG)]

    @classmethod
    def of(cls, prf, seed, key=None):
        return cls(prf, key is not None, key or 0, seed or None, len(seed))


class IkePrf(Structure):
    _fields_ = [("prf", ULONG), ("data_as_key", BOOL), ("rekey", BOOL), ("ni", BYTES), ("ni_len", ULONG)]
    _fields_ += [("nr", BYTES), ("nr_len", ULONG), ("new", ULONG)]

    @classmethod
    def of(cls, prf, ni, nr, data_as_key=False, new=None):
        return cls(prf, data_as_key, new is not None, ni, len(ni), nr, len(nr), new or 0)


class Ike1Prf(Structure):
    _fields_ = [("prf", ULONG), ("has_previous", BOOL), ("gxy", ULONG), ("previous", ULONG), ("cky_i", BYTES)]
    _fields_ += [("cky_i_len", ULONG), ("cky_r", BYTES), ("cky_r_len", ULONG), ("number", BOOL)]

    @classmethod
    def of(cls, prf, gxy, cky_i, cky_r, number, previous=None):
        return cls(prf, previous is not None, gxy, previous or 0, cky_i, len(cky_i), cky_r, len(cky_r), number)


class Ike1Extended(Structure):
    _fields_ = [("prf", ULONG), ("has_gxy", BOOL), ("gxy", ULONG), ("extra", BYTES), ("extra_len", ULONG)]

    @classmethod
    def of(cls, prf, extra, gxy=None):
        return cls(prf, gxy is not None, gxy or 0, extra or None, len(extra))
