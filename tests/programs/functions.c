/* Calls every function of PKCS#11 3.2 once as it's meant and once as it isn't, against the standard's own header, and
   sees to it that none is left out. */

#include "functions.h"

static void encryption(void)
{
    BAD(CKR_MECHANISM_INVALID, C_EncryptInit, session, &unknown, aes);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_Encrypt, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_EncryptUpdate, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_EncryptFinal, session, out, &len);
    BAD(CKR_MECHANISM_INVALID, C_DecryptInit, session, &unknown, aes);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_Decrypt, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptUpdate, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptFinal, session, out, &len);
    GOOD(C_EncryptInit, session, &ecb, aes);
    BAD(CKR_OPERATION_ACTIVE, C_EncryptInit, session, &ecb, aes);
    GOOD(C_Encrypt, session, data, 64, NULL, &len);
    len = 63;
    BAD(CKR_BUFFER_TOO_SMALL, C_Encrypt, session, data, 64, out, &len);
    GOOD(C_Encrypt, session, data, 64, out, &len);
    GOOD(C_DecryptInit, session, &ecb, aes);
    more_len = sizeof more;
    GOOD(C_Decrypt, session, out, len, more, &more_len);
    if (more_len != 64 || memcmp(more, data, 64)) FAIL("decrypted to something else");
    GOOD(C_EncryptInit, session, &ecb, aes);
    len = sizeof out;
    GOOD(C_EncryptUpdate, session, data, 64, out, &len);
    more_len = sizeof more;
    GOOD(C_EncryptFinal, session, more, &more_len);
    GOOD(C_DecryptInit, session, &ecb, aes);
    more_len = sizeof more;
    GOOD(C_DecryptUpdate, session, out, 64, more, &more_len);
    len = sizeof out;
    GOOD(C_DecryptFinal, session, out, &len);
}

static void digests(void)
{
    CK_BYTE state[512];
    CK_ULONG state_len = sizeof state;
    BAD(CKR_MECHANISM_INVALID, C_DigestInit, session, &unknown);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_Digest, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DigestUpdate, session, data, 64);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DigestKey, session, secret);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DigestFinal, session, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_GetOperationState, session, state, &state_len);
    GOOD(C_DigestInit, session, &sha256);
    len = sizeof out;
    GOOD(C_Digest, session, data, 64, out, &len);
    GOOD(C_DigestInit, session, &sha256);
    GOOD(C_DigestUpdate, session, data, 64);
    GOOD(C_DigestKey, session, secret);
    BAD(CKR_KEY_INDIGESTIBLE, C_DigestKey, session, aes);
    GOOD(C_DigestInit, session, &sha256);
    GOOD(C_DigestUpdate, session, data, 32);
    state_len = sizeof state;
    GOOD(C_GetOperationState, session, state, &state_len);
    GOOD(C_DigestFinal, session, more, &more_len);
    GOOD(C_SetOperationState, session, state, state_len, 0, 0);
    GOOD(C_DigestUpdate, session, data + 32, 32);
    more_len = sizeof more;
    GOOD(C_DigestFinal, session, more, &more_len);
    if (len != 32 || more_len != 32 || memcmp(out, more, 32)) FAIL("the saved digest went on otherwise");
    state[20] ^= 1;
    BAD(CKR_SAVED_STATE_INVALID, C_SetOperationState, session, state, state_len, 0, 0);
}

static void signatures(void)
{
    BAD(CKR_KEY_FUNCTION_NOT_PERMITTED, C_SignInit, session, &rsa, public_rsa);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_Sign, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignUpdate, session, data, 64);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignFinal, session, out, &len);
    BAD(CKR_KEY_HANDLE_INVALID, C_VerifyInit, session, &rsa, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_Verify, session, data, 64, out, 32);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyUpdate, session, data, 64);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyFinal, session, out, 32);
    GOOD(C_SignInit, session, &hmac, secret);
    len = sizeof out;
    GOOD(C_Sign, session, data, 64, out, &len);
    GOOD(C_SignInit, session, &hmac, secret);
    GOOD(C_SignUpdate, session, data, 64);
    len = sizeof out;
    GOOD(C_SignFinal, session, out, &len);
    GOOD(C_VerifyInit, session, &hmac, secret);
    GOOD(C_Verify, session, data, 64, out, len);
    GOOD(C_VerifyInit, session, &hmac, secret);
    GOOD(C_VerifyUpdate, session, data, 64);
    GOOD(C_VerifyFinal, session, out, len);
    BAD(CKR_ARGUMENTS_BAD, C_VerifySignatureInit, session, &hmac, secret, NULL, 32);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifySignature, session, data, 64);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifySignatureUpdate, session, data, 64);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifySignatureFinal, session);
    GOOD(C_VerifySignatureInit, session, &hmac, secret, out, len);
    GOOD(C_VerifySignature, session, data, 64);
    GOOD(C_VerifySignatureInit, session, &hmac, secret, out, len);
    GOOD(C_VerifySignatureUpdate, session, data, 64);
    GOOD(C_VerifySignatureFinal, session);
    GOOD(C_VerifySignatureInit, session, &hmac, secret, out, len);
    BAD(CKR_SIGNATURE_INVALID, C_VerifySignature, session, data, 63);

    BAD(CKR_MECHANISM_INVALID, C_SignRecoverInit, session, &hmac, secret);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignRecover, session, data, 64, out, &len);
    BAD(CKR_KEY_FUNCTION_NOT_PERMITTED, C_VerifyRecoverInit, session, &rsa, private_rsa);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyRecover, session, data, 64, out, &len);
    GOOD(C_SignRecoverInit, session, &rsa, private_rsa);
    len = sizeof out;
    GOOD(C_SignRecover, session, data, 64, out, &len);
    GOOD(C_VerifyRecoverInit, session, &rsa, public_rsa);
    more_len = sizeof more;
    GOOD(C_VerifyRecover, session, out, len, more, &more_len);
    if (more_len != 64 || memcmp(more, data, 64)) FAIL("recovered something else");
}

static void dual(void)
{
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DigestEncryptUpdate, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptDigestUpdate, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignEncryptUpdate, session, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptVerifyUpdate, session, data, 64, out, &len);
    GOOD(C_EncryptInit, session, &ecb, aes);
    GOOD(C_DigestInit, session, &sha256);
    GOOD(C_SignInit, session, &hmac, secret);
    len = sizeof out;
    GOOD(C_DigestEncryptUpdate, session, data, 64, out, &len);
    len = sizeof out;
    GOOD(C_SignEncryptUpdate, session, data, 64, out, &len);
    GOOD(C_SessionCancel, session, CKF_ENCRYPT | CKF_DIGEST);
    more_len = sizeof more;
    GOOD(C_SignFinal, session, more, &more_len);
    GOOD(C_DecryptInit, session, &ecb, aes);
    GOOD(C_DigestInit, session, &sha256);
    GOOD(C_VerifyInit, session, &hmac, secret);
    CK_BYTE plain[64];
    len = sizeof plain;
    GOOD(C_DecryptDigestUpdate, session, out, 64, plain, &len);
    len = sizeof plain;
    GOOD(C_DecryptVerifyUpdate, session, out, 64, plain, &len);
    GOOD(C_VerifyFinal, session, more, more_len);
    GOOD(C_SessionCancel, session, CKF_DECRYPT | CKF_DIGEST);
}

static void messages(void)
{
    BAD(CKR_MECHANISM_INVALID, C_MessageEncryptInit, session, &ecb, aes);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_EncryptMessage, session, &params, sizeof params, NULL, 0, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_EncryptMessageBegin, session, &params, sizeof params, NULL, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_EncryptMessageNext, session, &params, sizeof params, data, 64, out, &len, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_MessageEncryptFinal, session);
    BAD(CKR_KEY_TYPE_INCONSISTENT, C_MessageDecryptInit, session, &gcm, secret);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptMessage, session, &params, sizeof params, NULL, 0, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptMessageBegin, session, &params, sizeof params, NULL, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_DecryptMessageNext, session, &params, sizeof params, data, 64, out, &len, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_MessageDecryptFinal, session);
    GOOD(C_MessageEncryptInit, session, &gcm, aes);
    GOOD(C_MessageDecryptInit, session, &gcm, aes);
    len = sizeof out;
    GOOD(C_EncryptMessage, session, &params, sizeof params, data, 10, data, 64, out, &len);
    more_len = sizeof more;
    GOOD(C_DecryptMessage, session, &params, sizeof params, data, 10, out, len, more, &more_len);
    if (len != 64 || more_len != 64 || memcmp(more, data, 64)) FAIL("the message came back otherwise");
    tag[0] ^= 1;
    BAD(CKR_AEAD_DECRYPT_FAILED, C_DecryptMessage, session, &params, sizeof params, data, 10, out, len, more, &more_len);
    BAD(CKR_MECHANISM_PARAM_INVALID, C_EncryptMessageBegin, session, &params, 7, data, 10);
    GOOD(C_EncryptMessageBegin, session, &params, sizeof params, data, 10);
    BAD(CKR_OPERATION_ACTIVE, C_MessageEncryptFinal, session);
    len = sizeof out;
    GOOD(C_EncryptMessageNext, session, &params, sizeof params, data, 30, out, &len, 0);
    more_len = sizeof out - len;
    GOOD(C_EncryptMessageNext, session, &params, sizeof params, data + 30, 34, out + len, &more_len, CKF_END_OF_MESSAGE);
    if (len + more_len != 64) FAIL("64 bytes have become %lu", len + more_len);
    GOOD(C_DecryptMessageBegin, session, &params, sizeof params, data, 10);
    len = sizeof more;
    GOOD(C_DecryptMessageNext, session, &params, sizeof params, out, 30, more, &len, 0);
    more_len = sizeof more - len;
    GOOD(C_DecryptMessageNext, session, &params, sizeof params, out + 30, 34, more + len, &more_len, CKF_END_OF_MESSAGE);
    if (len + more_len != 64 || memcmp(more, data, 64)) FAIL("the message in parts came back otherwise");
    GOOD(C_MessageEncryptFinal, session);
    GOOD(C_MessageDecryptFinal, session);

    BAD(CKR_MECHANISM_INVALID, C_MessageSignInit, session, &unknown, secret);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignMessage, session, NULL, 0, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignMessageBegin, session, NULL, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_SignMessageNext, session, NULL, 0, data, 64, out, &len);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_MessageSignFinal, session);
    BAD(CKR_MECHANISM_INVALID, C_MessageVerifyInit, session, &unknown, secret);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyMessage, session, NULL, 0, data, 64, out, 32);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyMessageBegin, session, NULL, 0);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_VerifyMessageNext, session, NULL, 0, data, 64, out, 32);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_MessageVerifyFinal, session);
    GOOD(C_MessageSignInit, session, &hmac, secret);
    GOOD(C_MessageVerifyInit, session, &hmac, secret);
    len = sizeof out;
    GOOD(C_SignMessage, session, NULL, 0, data, 64, out, &len);
    GOOD(C_VerifyMessage, session, NULL, 0, data, 64, out, len);
    BAD(CKR_SIGNATURE_INVALID, C_VerifyMessage, session, NULL, 0, data, 63, out, len);
    BAD(CKR_MECHANISM_PARAM_INVALID, C_SignMessageBegin, session, &params, sizeof params);
    GOOD(C_SignMessageBegin, session, NULL, 0);
    GOOD(C_SignMessageNext, session, NULL, 0, data, 30, NULL, NULL);
    more_len = sizeof more;
    GOOD(C_SignMessageNext, session, NULL, 0, data + 30, 34, more, &more_len);
    if (more_len != len || memcmp(more, out, len)) FAIL("in parts it's signed otherwise");
    GOOD(C_VerifyMessageBegin, session, NULL, 0);
    GOOD(C_VerifyMessageNext, session, NULL, 0, data, 30, NULL, 0);
    GOOD(C_VerifyMessageNext, session, NULL, 0, data + 30, 34, out, len);
    GOOD(C_MessageSignFinal, session);
    GOOD(C_MessageVerifyFinal, session);
}

static void made_of_keys(void)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG bytes = 32;
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
        { CKA_VALUE_LEN, &bytes, sizeof bytes },
    };
    CK_OBJECT_HANDLE made, other;
    CK_ATTRIBUTE point = { CKA_EC_POINT, out, sizeof out };
    BAD(CKR_MECHANISM_INVALID, C_WrapKey, session, &sha256, aes, secret, out, &len);
    BAD(CKR_MECHANISM_INVALID, C_UnwrapKey, session, &sha256, aes, out, 40, ENTRIES(template), &made);
    BAD(CKR_MECHANISM_INVALID, C_DeriveKey, session, &sha256, private_ec, ENTRIES(template), &made);
    BAD(CKR_MECHANISM_INVALID, C_WrapKeyAuthenticated, session, &wrap, aes, secret, data, 10, out, &len);
    BAD(CKR_MECHANISM_INVALID, C_UnwrapKeyAuthenticated, session, &wrap, aes, out, 40, ENTRIES(template), data, 10, &made);
    BAD(CKR_MECHANISM_INVALID, C_EncapsulateKey, session, &rsa, public_rsa, ENTRIES(template), out, &len, &made);
    BAD(CKR_MECHANISM_INVALID, C_DecapsulateKey, session, &rsa, private_rsa, ENTRIES(template), out, 256, &made);
    len = sizeof out;
    GOOD(C_WrapKey, session, &wrap, aes, secret, out, &len);
    GOOD(C_UnwrapKey, session, &wrap, aes, out, len, ENTRIES(template), &made);
    len = sizeof out;
    GOOD(C_WrapKeyAuthenticated, session, &gcm, aes, secret, data, 10, out, &len);
    if (len != 32) FAIL("32 bytes are wrapped as %lu", len);
    GOOD(C_UnwrapKeyAuthenticated, session, &gcm, aes, out, len, ENTRIES(template), data, 10, &made);
    BAD(CKR_WRAPPED_KEY_INVALID, C_UnwrapKeyAuthenticated, session, &gcm, aes, out, len, ENTRIES(template), data, 9, &made);
    GOOD(C_GetAttributeValue, session, public_ec, &point, 1);
    CK_ECDH1_DERIVE_PARAMS ecdh = { CKD_NULL, 0, NULL, point.ulValueLen, out };
    CK_MECHANISM derive = { CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh };
    GOOD(C_DeriveKey, session, &derive, private_ec, ENTRIES(template), &made);
    GOOD(C_EncapsulateKey, session, &kem, public_kem, ENTRIES(template), NULL, &len, NULL);
    if (len != 1088) FAIL("ML-KEM-768 encapsulates to %lu bytes", len);
    GOOD(C_EncapsulateKey, session, &kem, public_kem, ENTRIES(template), out, &len, &made);
    GOOD(C_DecapsulateKey, session, &kem, private_kem, ENTRIES(template), out, len, &other);
}

/* An officer's functions, on a token of its own. */
static void officer(void)
{
    CK_UTF8CHAR *pin = (CK_UTF8CHAR *)getenv("OFFICER"), label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "anew", 4);
    BAD(CKR_SESSION_EXISTS, C_InitToken, slot, pin, strlen((char *)pin), label);
    GOOD(C_CloseAllSessions, slot);
    GOOD(C_InitToken, slot, pin, strlen((char *)pin), label);
    GOOD(C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    GOOD(C_Login, session, CKU_SO, pin, strlen((char *)pin));
    GOOD(C_InitPIN, session, (CK_UTF8CHAR *)"app:anew", 8);
}

int main(void)
{
    load();
    general();
    slots();
    sessions();
    keys();
    objects();
    encryption();
    digests();
    signatures();
    dual();
    messages();
    made_of_keys();
    officer();
    GOOD(C_Finalize, NULL);
    for (int at = 0; at < COUNT; at++)
        if (!good[at] || !bad[at]) FAIL("%s was called %d times well and %d times badly", names[at], good[at], bad[at]);
    printf("%d functions\n", COUNT);
}
