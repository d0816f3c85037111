"""The module under test, by ctypes: structures, calls, and the protocol of results whose length is asked for first."""

import ctypes
from ctypes import byref

ULONG = ctypes.c_ulong

OK = 0
DATA_INVALID, DATA_LEN_RANGE = 0x20, 0x21
ENCRYPTED_DATA_INVALID, ENCRYPTED_DATA_LEN_RANGE = 0x40, 0x41
ATTRIBUTE_SENSITIVE, ATTRIBUTE_VALUE_INVALID = 0x11, 0x13
KEY_SIZE_RANGE, KEY_TYPE_INCONSISTENT, KEY_INDIGESTIBLE = 0x62, 0x63, 0x67
KEY_NOT_WRAPPABLE = 0x69
MECHANISM_INVALID, MECHANISM_PARAM_INVALID = 0x70, 0x71
OPERATION_NOT_INITIALIZED = 0x91
SIGNATURE_INVALID, SIGNATURE_LEN_RANGE = 0xC0, 0xC1
WRAPPED_KEY_INVALID, WRAPPED_KEY_LEN_RANGE = 0x110, 0x112
CURVE_NOT_SUPPORTED = 0x140
BUFFER_TOO_SMALL = 0x150

# What a buffer holds before it's filled, so that a byte too many is seen.
GUARD = b"\xa5"


class Refused(Exception):
    """A call that answered with something else than CKR_OK."""

    def __init__(self, function, code):
        super().__init__(f"{function} answered {code:#x}")
        self.code = code


class Attribute(ctypes.Structure):
    _fields_ = [("kind", ULONG), ("value", ctypes.c_void_p), ("len", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("kind", ULONG), ("parameter", ctypes.c_void_p), ("len", ULONG)]

    def __init__(self, name, kind, parameter=None):
        """`parameter` is None, bytes, or a structure."""
        self.name = name
        if isinstance(parameter, bytes):
            parameter = ctypes.create_string_buffer(parameter, len(parameter))
        # Kept, since the structure has its address only.
        self.kept = parameter
        address = None if parameter is None else ctypes.addressof(parameter)
        super().__init__(kind, address, 0 if parameter is None else ctypes.sizeof(parameter))


class MechanismInfo(ctypes.Structure):
    _fields_ = [("min", ULONG), ("max", ULONG), ("flags", ULONG)]


class Module:
    """The module, with one session of a crypto user."""

    def __init__(self, path, pin):
        self.library = ctypes.CDLL(path)
        self.session = ULONG()
        self.global_call("C_Initialize", None)
        self.global_call("C_OpenSession", 0, 4 | 2, None, None, byref(self.session))
        self.call("C_Login", 1, pin, len(pin))

    def global_call(self, function, *arguments):
        """Calls a function that isn't one of a session."""
        code = self._answer(function, arguments)
        if code != OK:
            raise Refused(function, code)

    def call(self, function, *arguments):
        """Calls a function of the session, which must answer CKR_OK."""
        self.global_call(function, self.session, *arguments)

    def code(self, function, *arguments):
        """What a function of the session answers."""
        return self._answer(function, (self.session, *arguments))

    def output(self, function, *arguments):
        """What a function gives out: its length is asked for, then it's called with buffers of no bytes, of one
        too few, and of as many as it takes. Before the last it must have touched nothing and forgotten nothing."""
        len_ = ULONG(0xDEAD)
        self.call(function, *arguments, None, byref(len_))
        longest = len_.value
        fits, needed, given = self._fill(function, arguments, 0)
        if fits:
            return given
        assert 0 < needed <= longest, f"{function} wants {needed} bytes, after {longest}"
        fits, again, _ = self._fill(function, arguments, needed - 1)
        assert not fits and again == needed, f"{function} wants {again} bytes, after {needed}"
        fits, final, given = self._fill(function, arguments, needed)
        assert fits and final == needed, f"{function} gave {final} bytes instead of {needed}"
        return given

    def _fill(self, function, arguments, room):
        """Whether a buffer is large enough, the length that the function sets, and what it gives."""
        buffer = ctypes.create_string_buffer(GUARD * (room + 8), room + 8)
        len_ = ULONG(room)
        code = self.code(function, *arguments, buffer, byref(len_))
        if code not in (OK, BUFFER_TOO_SMALL):
            raise Refused(function, code)
        given = buffer.raw[: len_.value if code == OK else 0]
        assert len(given) <= room, f"{function} gave {len(given)} bytes for a buffer of {room}"
        assert buffer.raw[len(given) :].strip(GUARD) == b"", f"{function} wrote more than {len(given)} bytes"
        return code == OK, len_.value, given

    def _answer(self, function, arguments):
        entry = getattr(self.library, function)
        entry.restype = ULONG
        return entry(*[ULONG(value) if isinstance(value, int) else value for value in arguments])


def template(attributes):
    """A template and its length, from attributes by type: values are bool, int or bytes."""
    array = (Attribute * len(attributes))()
    # Kept, since the array has their addresses only.
    array.kept = []
    for entry, (kind, value) in zip(array, attributes.items()):
        value = encoded(value)
        buffer = ctypes.create_string_buffer(value, len(value) or 1)
        array.kept.append(buffer)
        entry.kind, entry.value, entry.len = kind, ctypes.addressof(buffer), len(value)
    return array, len(attributes)


def encoded(value):
    """An attribute's value as PKCS#11 lays it out."""
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return value.to_bytes(8, "little")
    return value
