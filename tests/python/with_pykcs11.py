"""PyKCS11 with keys in a cluster; the package `cryptography` checks what they make."""

import hashlib
import hmac
import multiprocessing
import os
import sys
import threading

import PyKCS11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PyKCS11 import *

from scenario import MODULE, PIN, TOKEN, play, refused

LIBRARY = PyKCS11.PyKCS11Lib()
LIBRARY.load(MODULE)
LARGE = os.urandom(300_001)
P256 = bytes.fromhex("06082a8648ce3d030107")
DIGESTS = {
    "SHA_1": (hashes.SHA1(), CKG_MGF1_SHA1),
    "SHA224": (hashes.SHA224(), CKG_MGF1_SHA224),
    "SHA256": (hashes.SHA256(), CKG_MGF1_SHA256),
    "SHA384": (hashes.SHA384(), CKG_MGF1_SHA384),
    "SHA512": (hashes.SHA512(), CKG_MGF1_SHA512),
}


def mechanism(name):
    return getattr(PyKCS11, f"CKM_{name}")


def open_session(flags=CKF_SERIAL_SESSION | CKF_RW_SESSION):
    (slot,) = LIBRARY.getSlotList(tokenPresent=True)
    return LIBRARY.openSession(slot, flags)


def logged_in():
    session = open_session()
    session.login(PIN)
    return session


def code(call, *arguments):
    """The name of the error that a call ends with."""
    error = refused(PyKCS11Error, call, *arguments)
    return PyKCS11.CKR[error.value]


def secret(kind, **more):
    attributes = {"CLASS": CKO_SECRET_KEY, "KEY_TYPE": kind, "TOKEN": False, **more}
    return [(getattr(PyKCS11, f"CKA_{name}"), value) for name, value in attributes.items()]


def read(session, key, *names):
    return session.getAttributeValue(key, [getattr(PyKCS11, f"CKA_{name}") for name in names])


def rsa_pair(session, label="rsa", token=True):
    public = [
        (CKA_TOKEN, token),
        (CKA_LABEL, label),
        (CKA_MODULUS_BITS, 2048),
        (CKA_PUBLIC_EXPONENT, (1, 0, 1)),
        (CKA_VERIFY, True),
        (CKA_ENCRYPT, True),
    ]
    private = [(CKA_TOKEN, token), (CKA_LABEL, label), (CKA_SIGN, True), (CKA_DECRYPT, True)]
    public, private = session.generateKeyPair(public, private)
    modulus, exponent = (int.from_bytes(bytes(part), "big") for part in read(session, public, "MODULUS", "PUBLIC_EXPONENT"))
    return public, private, rsa.RSAPublicNumbers(exponent, modulus).public_key()


def ec_pair(session):
    public, private = session.generateKeyPair(
        [(CKA_EC_PARAMS, P256), (CKA_TOKEN, True)], [(CKA_TOKEN, True), (CKA_DERIVE, True), (CKA_SIGN, True)],
        Mechanism(CKM_EC_KEY_PAIR_GEN, None),
    )
    point = bytes(read(session, public, "EC_POINT")[0])
    assert point[:2] == b"\x04\x41", "CKA_EC_POINT is a DER OCTET STRING"
    return public, private, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point[2:])


def signs():
    session = logged_in()
    public, private, outside = rsa_pair(session)
    for name, (digest, mgf) in DIGESTS.items():
        short = name.replace("_", "")
        # PyKCS11 itself refuses empty data.
        for data in (b"short", LARGE):
            pkcs1 = Mechanism(mechanism(f"{short}_RSA_PKCS"))
            signature = bytes(session.sign(private, data, pkcs1))
            outside.verify(signature, data, padding.PKCS1v15(), digest)
            assert session.verify(public, data, signature, pkcs1)
            assert not session.verify(public, data + b"x", signature, pkcs1)
            pss = RSA_PSS_Mechanism(mechanism(f"{short}_RSA_PKCS_PSS"), mechanism(name), mgf, digest.digest_size)
            signature = bytes(session.sign(private, data, pss))
            parameters = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
            outside.verify(signature, data, parameters, digest)
            assert session.verify(public, data, signature, pss)
    public, private, outside = ec_pair(session)
    for data in (b"short", LARGE):
        digested = hashlib.sha256(data).digest()
        for given, name, check in [
            (data, "ECDSA_SHA256", hashes.SHA256()),
            (data, "ECDSA_SHA512", hashes.SHA512()),
            (digested, "ECDSA", utils.Prehashed(hashes.SHA256())),
        ]:
            how = Mechanism(mechanism(name))
            signature = bytes(session.sign(private, given, how))
            halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            outside.verify(utils.encode_dss_signature(*halves), given, ec.ECDSA(check))
            assert session.verify(public, given, signature, how)
            assert not session.verify(public, given[:-1] + b"\0", signature, how)
    session.logout()


def encrypts():
    session = logged_in()
    public, private, outside = rsa_pair(session, token=False)
    for name in ("SHA_1", "SHA256", "SHA512"):
        digest, mgf = DIGESTS[name]
        for label in (None, b"label"):
            oaep = RSAOAEPMechanism(mechanism(name), mgf, label)
            sealed = outside.encrypt(b"data", padding.OAEP(padding.MGF1(digest), digest, label))
            assert bytes(session.decrypt(private, sealed, oaep)) == b"data"
            sealed = session.encrypt(public, b"data", oaep)
            assert bytes(session.decrypt(private, sealed, oaep)) == b"data"
    assert bytes(session.decrypt(private, outside.encrypt(b"data", padding.PKCS1v15()))) == b"data"

    for length in (16, 24, 32):
        value, iv = os.urandom(length), os.urandom(16)
        key = session.createObject(secret(CKK_AES, VALUE=value))

        def outside(mode, data):
            encryptor = Cipher(algorithms.AES(value), mode).encryptor()
            return encryptor.update(data) + encryptor.finalize()

        gap = 16 - len(LARGE) % 16
        for how, data, expected in [
            (Mechanism(CKM_AES_ECB), LARGE[:4096], outside(modes.ECB(), LARGE[:4096])),
            (Mechanism(CKM_AES_CBC, iv), LARGE[:4096], outside(modes.CBC(iv), LARGE[:4096])),
            (Mechanism(CKM_AES_CBC_PAD, iv), LARGE, outside(modes.CBC(iv), LARGE + bytes([gap] * gap))),
            (AES_CTR_Mechanism(32, iv[:12] + b"\0\0\0\1"), LARGE, outside(modes.CTR(iv[:12] + b"\0\0\0\1"), LARGE)),
            (AES_GCM_Mechanism(iv[:12], b"", 128), LARGE, AESGCM(value).encrypt(iv[:12], LARGE, None)),
            (AES_GCM_Mechanism(iv[:12], b"aad", 96), b"short", AESGCM(value).encrypt(iv[:12], b"short", b"aad")[:-4]),
        ]:
            assert bytes(session.encrypt(key, data, how)) == expected
            assert bytes(session.decrypt(key, expected, how)) == data
            for init, update, final, source, result in [
                (session.encryptInit, session.encryptUpdate, session.encryptFinal, data, expected),
                (session.decryptInit, session.decryptUpdate, session.decryptFinal, expected, data),
            ]:
                init(how, key)
                parts = [bytes(update(source[at : at + 9999])) for at in range(0, len(source), 9999)]
                assert b"".join(parts) + bytes(final()) == result


def hashes_and_macs():
    session = logged_in()
    value = os.urandom(32)
    key = session.createObject(secret(CKK_GENERIC_SECRET, VALUE=value, SIGN=True, VERIFY=True))
    for name in DIGESTS:
        which = name.replace("_", "").lower()
        how = Mechanism(mechanism(name))
        for data in (b"short", LARGE):
            expected = hashlib.new(which, data).digest()
            assert bytes(session.digest(data, how)) == expected
            running = session.digestSession(how)
            for at in range(0, len(data), 7777):
                running.update(data[at : at + 7777])
            assert bytes(running.final()) == expected
            mac = bytes(session.sign(key, data, Mechanism(mechanism(f"{name}_HMAC"))))
            assert mac == hmac.new(value, data, which).digest()
            assert session.verify(key, data, mac, Mechanism(mechanism(f"{name}_HMAC")))
    assert len(session.generateRandom(10_000)) == 10_000


def wraps_and_derives():
    session = logged_in()
    wrapping = session.generateKey(secret(CKK_AES, VALUE_LEN=32, WRAP=True, UNWRAP=True, ENCRYPT=True, DECRYPT=True))
    value = os.urandom(32)
    key = session.createObject(secret(CKK_AES, VALUE=value, EXTRACTABLE=True, SENSITIVE=False))
    iv = os.urandom(16)
    for how in (Mechanism(CKM_AES_KEY_WRAP), Mechanism(CKM_AES_CBC_PAD, iv), AES_GCM_Mechanism(iv[:12], b"", 128)):
        wrapped = session.wrapKey(wrapping, key, how)
        back = session.unwrapKey(wrapping, wrapped, secret(CKK_AES, EXTRACTABLE=True, SENSITIVE=False), how)
        assert bytes(read(session, back, "VALUE")[0]) == value
    # What GCM or CBC-PAD wrapped is what they encrypt.
    assert bytes(session.decrypt(wrapping, wrapped, how)) == value
    public, private = session.generateKeyPair(
        [(CKA_MODULUS_BITS, 2048), (CKA_WRAP, True)], [(CKA_UNWRAP, True), (CKA_TOKEN, False)]
    )
    for how in (MechanismRSAPKCS1, RSAOAEPMechanism(CKM_SHA256, CKG_MGF1_SHA256)):
        wrapped = session.wrapKey(public, key, how)
        back = session.unwrapKey(private, wrapped, secret(CKK_AES, EXTRACTABLE=True, SENSITIVE=False), how)
        assert bytes(read(session, back, "VALUE")[0]) == value

    _, private, outside = ec_pair(session)
    other = ec.generate_private_key(ec.SECP256R1())
    numbers = other.public_key().public_numbers()
    point = b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    readable = secret(CKK_GENERIC_SECRET, VALUE_LEN=32, EXTRACTABLE=True, SENSITIVE=False)
    # The standard wants the point as it is, older clients send it as a DER OCTET STRING.
    for given in (point, b"\4\x41" + point):
        derived = session.deriveKey(private, readable, ECDH1_DERIVE_Mechanism(given))
        assert bytes(read(session, derived, "VALUE")[0]) == other.exchange(ec.ECDH(), outside)


def attributes():
    session = logged_in()
    public, private, _ = rsa_pair(session, label="näme")
    # Known, absent and secret ones in one call.
    mixed = read(session, private, "LABEL", "CLASS", "PRIVATE_EXPONENT", "VALUE_LEN", "TOKEN", "EC_POINT", "MODULUS")
    assert mixed[:2] == ["näme", CKO_PRIVATE_KEY] and mixed[2:6] == [None, None, True, None]
    assert len(mixed[6]) == 256
    assert read(session, public, "MODULUS", "MODULUS_BITS") == [mixed[6], 2048]
    # What clients read of every key.
    always = ("LOCAL", "TRUSTED", "ALWAYS_AUTHENTICATE", "ID", "SENSITIVE", "EXTRACTABLE", "NEVER_EXTRACTABLE")
    for name, expected in zip(always, (True, None, False, (), True, False, True)):
        (value,) = read(session, private, name)
        assert (tuple(value) if name == "ID" else value) == expected, name
    assert read(session, public, "TRUSTED") == [False]
    assert bytes(session.getAttributeValue(private, [CKA_ALLOWED_MECHANISMS], True)[0]) == b""

    session.setAttributeValue(private, [(CKA_LABEL, "other"), (CKA_ID, b"\1\2")])
    assert bytes(read(session, private, "ID")[0]) == b"\1\2"
    # All or nothing.
    bad = [(CKA_LABEL, "third"), (CKA_EXTRACTABLE, True)]
    assert code(session.setAttributeValue, private, bad) == "CKR_ATTRIBUTE_READ_ONLY"
    assert read(session, private, "LABEL") == ["other"]
    assert code(session.setAttributeValue, private, [(CKA_VALUE_LEN, 16)]) == "CKR_TEMPLATE_INCONSISTENT"


def objects():
    session = logged_in()
    made = [
        session.generateKey(secret(CKK_AES, VALUE_LEN=16, TOKEN=True, LABEL=f"key{number % 5}", ID=(number,)))
        for number in range(25)
    ]
    assert len({key.value() for key in made}) == 25
    assert len(session.findObjects()) == 25
    by_label = session.findObjects([(CKA_CLASS, CKO_SECRET_KEY), (CKA_LABEL, "key3")])
    assert sorted(tuple(read(session, key, "ID")[0])[0] for key in by_label) == [3, 8, 13, 18, 23]
    assert session.findObjects([(CKA_LABEL, "none")]) == []
    assert len(session.findObjects([(CKA_ID, (7,))])) == 1
    assert len(session.findObjects([(CKA_KEY_TYPE, CKK_AES), (CKA_TOKEN, True)])) == 25
    assert session.findObjects([(CKA_KEY_TYPE, CKK_RSA)]) == []
    # Another session sees what this one destroyed.
    other = open_session()
    for key in by_label:
        session.destroyObject(key)
        assert code(other.getAttributeValue, key, [CKA_LABEL]) == "CKR_OBJECT_HANDLE_INVALID"
    assert len(other.findObjects()) == 20
    session.logout()
    assert other.findObjects() == []
    assert code(other.destroyObject, made[0]) == "CKR_OBJECT_HANDLE_INVALID"


def imports_and_certificates():
    session = logged_in()
    outside = rsa.generate_private_key(65537, 2048)
    numbers = outside.private_numbers()

    def number(value):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")

    private = session.createObject([
        (CKA_CLASS, CKO_PRIVATE_KEY), (CKA_KEY_TYPE, CKK_RSA), (CKA_TOKEN, True), (CKA_LABEL, "imported"),
        (CKA_MODULUS, number(numbers.public_numbers.n)), (CKA_PUBLIC_EXPONENT, b"\1\0\1"),
        (CKA_PRIVATE_EXPONENT, number(numbers.d)), (CKA_PRIME_1, number(numbers.p)), (CKA_PRIME_2, number(numbers.q)),
        (CKA_EXPONENT_1, number(numbers.dmp1)), (CKA_EXPONENT_2, number(numbers.dmq1)),
        (CKA_COEFFICIENT, number(numbers.iqmp)), (CKA_SIGN, True), (CKA_DECRYPT, True),
    ])
    signature = bytes(session.sign(private, b"data", Mechanism(CKM_SHA256_RSA_PKCS)))
    assert signature == outside.sign(b"data", padding.PKCS1v15(), hashes.SHA256())

    scalar = ec.generate_private_key(ec.SECP256R1())
    private = session.createObject([
        (CKA_CLASS, CKO_PRIVATE_KEY), (CKA_KEY_TYPE, CKK_EC), (CKA_TOKEN, False), (CKA_EC_PARAMS, P256),
        (CKA_VALUE, scalar.private_numbers().private_value.to_bytes(32, "big")), (CKA_SIGN, True),
    ])
    signature = bytes(session.sign(private, b"data", Mechanism(CKM_ECDSA_SHA256)))
    halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    scalar.public_key().verify(utils.encode_dss_signature(*halves), b"data", ec.ECDSA(hashes.SHA256()))

    with open("certificate.der", "rb") as file:
        der = file.read()
    template = [(CKA_CLASS, CKO_CERTIFICATE), (CKA_CERTIFICATE_TYPE, CKC_X_509), (CKA_TOKEN, True)]
    subject = [(CKA_SUBJECT, b"0\0"), (CKA_VALUE, der), (CKA_LABEL, "mine"), (CKA_PRIVATE, False)]
    certificate = session.createObject(template + subject)
    assert bytes(read(session, certificate, "VALUE")[0]) == der
    assert code(session.createObject, template) == "CKR_TEMPLATE_INCOMPLETE"
    data = session.createObject([
        (CKA_CLASS, CKO_DATA), (CKA_TOKEN, True), (CKA_LABEL, "note"), (CKA_APPLICATION, "test"), (CKA_VALUE, LARGE[:9000]),
    ])
    session.logout()
    assert [read(session, found, "LABEL") for found in session.findObjects()] == [["mine"], ["note"]]
    assert bytes(read(session, data, "VALUE")[0]) == LARGE[:9000]


def logins():
    session = open_session()
    for _ in range(3):
        assert code(session.login, PIN + "x") == "CKR_PIN_INCORRECT"
        assert session.getSessionInfo().state == CKS_RW_PUBLIC_SESSION
        session.login(PIN)
        assert code(session.login, PIN) == "CKR_USER_ALREADY_LOGGED_IN"
        assert open_session().getSessionInfo().state == CKS_RW_USER_FUNCTIONS
        session.logout()
        assert code(session.logout) == "CKR_USER_NOT_LOGGED_IN"
    session.login(PIN)
    session.setPin(PIN, "app:another-secret")
    session.generateKey(secret(CKK_AES, VALUE_LEN=16))
    session.logout()
    assert code(session.login, PIN) == "CKR_PIN_INCORRECT"
    session.login("app:another-secret")
    only_reads = open_session(CKF_SERIAL_SESSION)
    assert code(only_reads.generateKey, secret(CKK_AES, VALUE_LEN=16, TOKEN=True)) == "CKR_SESSION_READ_ONLY"
    only_reads.generateKey(secret(CKK_AES, VALUE_LEN=16))


def initialises():
    (slot,) = LIBRARY.getSlotList(tokenPresent=True)
    assert not LIBRARY.getTokenInfo(slot).flags & CKF_TOKEN_INITIALIZED
    LIBRARY.initToken(slot, "officer-secret", "from python")
    info = LIBRARY.getTokenInfo(slot)
    assert (info.label.strip(), info.flags & CKF_USER_PIN_INITIALIZED) == ("from python", 0)
    session = open_session()
    assert code(session.login, "user-secret") == "CKR_USER_PIN_NOT_INITIALIZED"
    session.login("officer-secret", CKU_SO)
    session.initPin("user-secret")
    session.logout()
    session.login("user-secret")
    rsa_pair(session)
    assert LIBRARY.getTokenInfo(slot).flags & CKF_USER_PIN_INITIALIZED


def describes():
    info = LIBRARY.getInfo()
    assert (info.cryptokiVersion, info.manufacturerID.strip()) == ((3, 2), "Strongroom")
    (slot,) = LIBRARY.getSlotList()
    assert LIBRARY.getSlotInfo(slot).flags & CKF_TOKEN_PRESENT
    token = LIBRARY.getTokenInfo(slot)
    assert (token.label.strip(), token.model.strip()) == (TOKEN, "HSM cluster")
    # PyKCS11 adds a mechanism of its own to the list.
    mechanisms = LIBRARY.getMechanismList(slot)[:-1]
    for name in mechanisms:
        LIBRARY.getMechanismInfo(slot, name)
    assert {"CKM_AES_GCM", "CKM_ECDSA", "CKM_SHA256_RSA_PKCS_PSS"} <= set(mechanisms)


def threads():
    session = logged_in()
    public, private, _ = ec_pair(session)
    failures = []

    def work():
        try:
            mine = open_session()
            for _ in range(30):
                data = os.urandom(100)
                signature = mine.sign(private, data, Mechanism(CKM_ECDSA_SHA256))
                assert mine.verify(public, data, signature, Mechanism(CKM_ECDSA_SHA256))
            mine.closeSession()
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=work) for _ in range(16)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert failures == [], failures


def in_worker(number):
    """Signs in a child of the process that logged in, with the parent's session and keys."""
    session, public, private = PARENTS
    for _ in range(20):
        data = os.urandom(50)
        signature = session.sign(private, data, Mechanism(CKM_ECDSA_SHA256))
        assert session.verify(public, data, signature, Mechanism(CKM_ECDSA_SHA256))
    return number


def forks():
    global PARENTS
    session = logged_in()
    PARENTS = (session, *ec_pair(session)[:2])
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(in_worker, range(24), chunksize=1) == list(range(24))
    in_worker(0)

    # A child that begins anew, as programs do that load the module after they fork.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            again = PyKCS11.PyKCS11Lib()
            again.load(MODULE)
            in_worker(0)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    in_worker(0)


def loop():
    """Works until it's told to stop; says what it did, a line for each round."""
    session = logged_in()
    public, private, outside = rsa_pair(session)
    key = session.generateKey(secret(CKK_AES, VALUE_LEN=32, TOKEN=True))
    iv = bytes(16)
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        data = os.urandom(1000)
        signature = bytes(session.sign(private, data, Mechanism(CKM_SHA256_RSA_PKCS)))
        outside.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        sealed = session.encrypt(key, data, Mechanism(CKM_AES_CBC_PAD, iv))
        assert bytes(session.decrypt(key, sealed, Mechanism(CKM_AES_CBC_PAD, iv))) == data
        assert len(session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY)])) == 1
        made = session.generateKey(secret(CKK_AES, VALUE_LEN=16, TOKEN=True))
        session.destroyObject(made)
        print("done", flush=True)


play([
    signs,
    encrypts,
    hashes_and_macs,
    wraps_and_derives,
    attributes,
    objects,
    imports_and_certificates,
    logins,
    initialises,
    describes,
    threads,
    forks,
    loop,
])
