"""Signs in a parent and in its children, with and without a second C_Initialize, by ctypes alone."""

import ctypes
import hashlib
import multiprocessing
import os
import signal
import sys

MODULE = ctypes.CDLL(os.environ["MODULE"])
PIN = os.environ["PIN"].encode()
ULONG = ctypes.c_ulong

OK, ALREADY_INITIALIZED, NOT_INITIALIZED = 0, 0x191, 0x190
ECDSA, EC_KEY_PAIR_GEN = 0x1041, 0x1040
TOKEN, LABEL, SIGN, VERIFY, EC_PARAMS = 1, 3, 0x108, 0x10A, 0x180


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_char_p), ("len", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("kind", ULONG), ("parameter", ctypes.c_void_p), ("len", ULONG)]


def code(name, *arguments):
    function = getattr(MODULE, name)
    function.restype = ULONG
    return function(*arguments)


def call(name, *arguments):
    answer = code(name, *arguments)
    assert answer == OK, f"{name} answered {answer:#x} in process {os.getpid()}"


def template(*attributes):
    return (Attribute * len(attributes))(*[(kind, value, len(value)) for kind, value in attributes])


def open_session():
    session = ULONG()
    call("C_OpenSession", ULONG(0), ULONG(6), None, None, ctypes.byref(session))
    return session


def generate(session, token):
    mechanism = Mechanism(EC_KEY_PAIR_GEN, None, 0)
    place = (TOKEN, bytes([token]))
    curve = bytes.fromhex("06082a8648ce3d030107")
    public = template((EC_PARAMS, curve), place, (VERIFY, b"\1"))
    private = template(place, (SIGN, b"\1"))
    pair = ULONG(), ULONG()
    call("C_GenerateKeyPair", session, ctypes.byref(mechanism), public, ULONG(3), private, ULONG(2),
         ctypes.byref(pair[0]), ctypes.byref(pair[1]))
    return pair


def sign_and_verify(session, pair):
    mechanism = Mechanism(ECDSA, None, 0)
    digest = hashlib.sha256(os.urandom(8)).digest()
    signature, length = ctypes.create_string_buffer(64), ULONG(64)
    call("C_SignInit", session, ctypes.byref(mechanism), pair[1])
    call("C_Sign", session, digest, ULONG(32), signature, ctypes.byref(length))
    call("C_VerifyInit", session, ctypes.byref(mechanism), pair[0])
    call("C_Verify", session, digest, ULONG(32), signature, length)


def work(session, pairs):
    for _ in range(20):
        for pair in pairs:
            sign_and_verify(session, pair)


def wait_for(child):
    _, status = os.waitpid(child, 0)
    assert status == 0, f"a child ended with status {status:#x}"


def in_child(task):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(30)
            task()
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    wait_for(child)


def main():
    call("C_Initialize", None)
    session = open_session()
    call("C_Login", session, ULONG(1), PIN, ULONG(len(PIN)))
    pairs = [generate(session, token) for token in (0, 1)]

    def without():
        work(session, pairs)
        work(open_session(), pairs)

    def with_second():
        answer = code("C_Initialize", None)
        assert answer in (OK, ALREADY_INITIALIZED), f"C_Initialize in a child answered {answer:#x}"
        work(session, pairs)
        work(open_session(), pairs)
        call("C_Finalize", None)
        assert code("C_CloseSession", session) == NOT_INITIALIZED

    for _ in range(5):
        in_child(without)
        in_child(with_second)
        work(session, pairs)

    # As Python's own pool of processes does it, with Python's threads beside.
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(work, [(session, pairs)] * 16)
    work(session, pairs)
    call("C_Finalize", None)


main()
