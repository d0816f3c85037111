/* What functions.c is made of: calls that count themselves, and all functions but those of cryptography. */

#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkcs11.h"

#define FAIL(...) do { \
    fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
    fprintf(stderr, __VA_ARGS__); \
    fputc('\n', stderr); \
    exit(1); \
} while (0)

#define NAMES(f) \
    f(C_Initialize) f(C_Finalize) f(C_GetInfo) f(C_GetFunctionList) f(C_GetSlotList) f(C_GetSlotInfo) \
    f(C_GetTokenInfo) f(C_GetMechanismList) f(C_GetMechanismInfo) f(C_InitToken) f(C_InitPIN) f(C_SetPIN) \
    f(C_OpenSession) f(C_CloseSession) f(C_CloseAllSessions) f(C_GetSessionInfo) f(C_GetOperationState) \
    f(C_SetOperationState) f(C_Login) f(C_Logout) f(C_CreateObject) f(C_CopyObject) f(C_DestroyObject) \
    f(C_GetObjectSize) f(C_GetAttributeValue) f(C_SetAttributeValue) f(C_FindObjectsInit) f(C_FindObjects) \
    f(C_FindObjectsFinal) f(C_EncryptInit) f(C_Encrypt) f(C_EncryptUpdate) f(C_EncryptFinal) f(C_DecryptInit) \
    f(C_Decrypt) f(C_DecryptUpdate) f(C_DecryptFinal) f(C_DigestInit) f(C_Digest) f(C_DigestUpdate) f(C_DigestKey) \
    f(C_DigestFinal) f(C_SignInit) f(C_Sign) f(C_SignUpdate) f(C_SignFinal) f(C_SignRecoverInit) f(C_SignRecover) \
    f(C_VerifyInit) f(C_Verify) f(C_VerifyUpdate) f(C_VerifyFinal) f(C_VerifyRecoverInit) f(C_VerifyRecover) \
    f(C_DigestEncryptUpdate) f(C_DecryptDigestUpdate) f(C_SignEncryptUpdate) f(C_DecryptVerifyUpdate) \
    f(C_GenerateKey) f(C_GenerateKeyPair) f(C_WrapKey) f(C_UnwrapKey) f(C_DeriveKey) f(C_SeedRandom) \
    f(C_GenerateRandom) f(C_GetFunctionStatus) f(C_CancelFunction) f(C_WaitForSlotEvent) f(C_GetInterfaceList) \
    f(C_GetInterface) f(C_LoginUser) f(C_SessionCancel) f(C_MessageEncryptInit) f(C_EncryptMessage) \
    f(C_EncryptMessageBegin) f(C_EncryptMessageNext) f(C_MessageEncryptFinal) f(C_MessageDecryptInit) \
    f(C_DecryptMessage) f(C_DecryptMessageBegin) f(C_DecryptMessageNext) f(C_MessageDecryptFinal) \
    f(C_MessageSignInit) f(C_SignMessage) f(C_SignMessageBegin) f(C_SignMessageNext) f(C_MessageSignFinal) \
    f(C_MessageVerifyInit) f(C_VerifyMessage) f(C_VerifyMessageBegin) f(C_VerifyMessageNext) \
    f(C_MessageVerifyFinal) f(C_EncapsulateKey) f(C_DecapsulateKey) f(C_VerifySignatureInit) f(C_VerifySignature) \
    f(C_VerifySignatureUpdate) f(C_VerifySignatureFinal) f(C_GetSessionValidationFlags) f(C_AsyncComplete) \
    f(C_AsyncGetID) f(C_AsyncJoin) f(C_WrapKeyAuthenticated) f(C_UnwrapKeyAuthenticated)

#define NUMBER(name) N_##name,
enum number { NAMES(NUMBER) COUNT };
#define TEXT(name) #name,
static const char *const names[] = { NAMES(TEXT) };
static int good[COUNT], bad[COUNT];

static CK_FUNCTION_LIST_3_2 *p11;

/* A call that answers as it should: one that is meant to work, and one that isn't. */
#define CALL(kind, want, name, ...) do { \
    CK_RV got_ = p11->name(__VA_ARGS__); \
    if (got_ != (want)) FAIL("%s answers %#lx, not %#lx", #name "(" #__VA_ARGS__ ")", got_, (CK_RV)(want)); \
    kind[N_##name]++; \
} while (0)
#define GOOD(name, ...) CALL(good, CKR_OK, name, __VA_ARGS__)
#define BAD(want, name, ...) CALL(bad, want, name, __VA_ARGS__)
/* Every function of a session, in one that isn't there. */
#define LOST(name, ...) BAD(CKR_SESSION_HANDLE_INVALID, name, 0xdeadbeef, ##__VA_ARGS__)

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, secret, public_rsa, private_rsa, public_ec, private_ec, public_kem, private_kem;
static CK_BYTE data[64] = "what is encrypted, signed, digested and told to nobody", out[4096], more[4096];
static CK_ULONG len, more_len;
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
static CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, rsa = { CKM_RSA_PKCS, NULL, 0 }, kem = { CKM_ML_KEM, NULL, 0 };
static CK_MECHANISM wrap = { CKM_AES_KEY_WRAP_KWP, NULL, 0 }, unknown = { 0x77777777, NULL, 0 };
static CK_BYTE nonce[12], tag[16];
static CK_GCM_MESSAGE_PARAMS params = { nonce, sizeof nonce, 0, CKG_GENERATE, tag, 8 * sizeof tag };
static CK_MECHANISM gcm = { CKM_AES_GCM, &params, sizeof params };

static void load(void)
{
    void *library = dlopen(getenv("MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (!library) FAIL("%s", dlerror());
#define EXPORTED(name) if (!dlsym(library, #name)) FAIL("%s isn't exported", #name);
    NAMES(EXPORTED)
    CK_C_GetInterface get = (CK_C_GetInterface)dlsym(library, "C_GetInterface");
    CK_VERSION version = { 3, 2 };
    CK_INTERFACE *interface;
    if (get((CK_UTF8CHAR *)"PKCS 11", &version, &interface, CKF_INTERFACE_FORK_SAFE) != CKR_OK) FAIL("no interface");
    p11 = interface->pFunctionList;
    void **functions = (void **)&p11->C_Initialize;
    size_t room = (sizeof *p11 - offsetof(CK_FUNCTION_LIST_3_2, C_Initialize)) / sizeof(void *);
    if (room != COUNT) FAIL("the list has %zu functions, not %d", room, COUNT);
    for (size_t at = 0; at < room; at++) if (!functions[at]) FAIL("function %zu of the list is NULL", at);
}

static void general(void)
{
    CK_INFO info;
    CK_FUNCTION_LIST *list;
    CK_INTERFACE interfaces[8], *interface;
    CK_ULONG count = 8;
    BAD(CKR_CRYPTOKI_NOT_INITIALIZED, C_GetInfo, &info);
    BAD(CKR_CRYPTOKI_NOT_INITIALIZED, C_Finalize, NULL);
    GOOD(C_GetFunctionList, &list);
    BAD(CKR_ARGUMENTS_BAD, C_GetFunctionList, NULL);
    if (list->version.major != 2 || list->version.minor != 40) FAIL("C_GetFunctionList gives another version");
    GOOD(C_GetInterfaceList, NULL, &count);
    if (count != 3) FAIL("%lu interfaces", count);
    count = 2;
    BAD(CKR_BUFFER_TOO_SMALL, C_GetInterfaceList, interfaces, &count);
    GOOD(C_GetInterfaceList, interfaces, &count);
    for (CK_ULONG at = 0; at < count; at++)
        if (interfaces[at].flags != CKF_INTERFACE_FORK_SAFE) FAIL("interface %lu isn't safe to fork", at);
    GOOD(C_GetInterface, NULL, NULL, &interface, 0);
    if (interface->pFunctionList != p11) FAIL("the default isn't 3.2");
    BAD(CKR_ARGUMENTS_BAD, C_GetInterface, (CK_UTF8CHAR *)"PKCS 12", NULL, &interface, 0);
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK, .pReserved = &info };
    BAD(CKR_ARGUMENTS_BAD, C_Initialize, &arguments);
    arguments.pReserved = NULL;
    GOOD(C_Initialize, &arguments);
    GOOD(C_GetInfo, &info);
    if (info.cryptokiVersion.major != 3 || info.cryptokiVersion.minor != 2) FAIL("C_GetInfo says another version");
}

static void slots(void)
{
    CK_SLOT_ID list[4];
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO token_info;
    CK_MECHANISM_TYPE mechanisms[512];
    CK_MECHANISM_INFO mechanism_info;
    CK_ULONG count = 4;
    GOOD(C_GetSlotList, CK_TRUE, list, &count);
    BAD(CKR_ARGUMENTS_BAD, C_GetSlotList, CK_TRUE, list, NULL);
    slot = list[0];
    GOOD(C_GetSlotInfo, slot, &slot_info);
    BAD(CKR_SLOT_ID_INVALID, C_GetSlotInfo, 99, &slot_info);
    GOOD(C_GetTokenInfo, slot, &token_info);
    BAD(CKR_ARGUMENTS_BAD, C_GetTokenInfo, slot, NULL);
    if (token_info.flags & CKF_ASYNC_SESSION_SUPPORTED) FAIL("the token promises asynchronous sessions");
    count = 512;
    GOOD(C_GetMechanismList, slot, mechanisms, &count);
    BAD(CKR_ARGUMENTS_BAD, C_GetMechanismList, slot, mechanisms, NULL);
    GOOD(C_GetMechanismInfo, slot, CKM_RSA_PKCS, &mechanism_info);
    BAD(CKR_MECHANISM_INVALID, C_GetMechanismInfo, slot, 0x77777777, &mechanism_info);
    if (!(mechanism_info.flags & CKF_SIGN_RECOVER)) FAIL("RSA signs without recovery");
    BAD(CKR_ARGUMENTS_BAD, C_WaitForSlotEvent, CKF_DONT_BLOCK, NULL, NULL);
    /* That nothing has happened is the good answer here. */
    CALL(good, CKR_NO_EVENT, C_WaitForSlotEvent, CKF_DONT_BLOCK, &slot, NULL);
}

static void sessions(void)
{
    CK_SESSION_HANDLE other;
    CK_SESSION_INFO info;
    CK_FLAGS flags = 1;
    const char *pin = getenv("PIN"), *password = strchr(pin, ':') + 1;
    CK_UTF8CHAR *pin_ = (CK_UTF8CHAR *)pin, *password_ = (CK_UTF8CHAR *)password;
    BAD(CKR_SESSION_PARALLEL_NOT_SUPPORTED, C_OpenSession, slot, 0, NULL, NULL, &session);
    BAD(CKR_SESSION_ASYNC_NOT_SUPPORTED, C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL, &session);
    GOOD(C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &other);
    GOOD(C_CloseSession, other);
    BAD(CKR_SESSION_HANDLE_INVALID, C_CloseSession, other);
    GOOD(C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &other);
    GOOD(C_CloseAllSessions, slot);
    BAD(CKR_SLOT_ID_INVALID, C_CloseAllSessions, 99);
    GOOD(C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    GOOD(C_GetSessionInfo, session, &info);
    LOST(C_GetSessionInfo, &info);
    GOOD(C_GetSessionValidationFlags, session, CKS_LAST_VALIDATION_OK, &flags);
    if (flags) FAIL("nothing was validated, but the flags are %#lx", flags);
    BAD(CKR_ARGUMENTS_BAD, C_GetSessionValidationFlags, session, 99, &flags);
    BAD(CKR_PIN_INCORRECT, C_Login, session, CKU_USER, (CK_UTF8CHAR *)"app:no", 6);
    GOOD(C_Login, session, CKU_USER, pin_, strlen(pin));
    GOOD(C_Logout, session);
    BAD(CKR_USER_NOT_LOGGED_IN, C_Logout, session);
    BAD(CKR_PIN_INCORRECT, C_LoginUser, session, CKU_USER, password_, strlen(password), (CK_UTF8CHAR *)"nobody", 6);
    GOOD(C_LoginUser, session, CKU_USER, password_, strlen(password), (CK_UTF8CHAR *)"app", 3);
    GOOD(C_SetPIN, session, pin_, strlen(pin), (CK_UTF8CHAR *)"another", 7);
    BAD(CKR_PIN_INCORRECT, C_SetPIN, session, pin_, strlen(pin), (CK_UTF8CHAR *)"another", 7);
    BAD(CKR_USER_NOT_LOGGED_IN, C_InitPIN, session, (CK_UTF8CHAR *)"another", 7);
    GOOD(C_SessionCancel, session, CKF_ENCRYPT | CKF_FIND_OBJECTS);
    LOST(C_SessionCancel, 0);
    CALL(good, CKR_FUNCTION_NOT_PARALLEL, C_GetFunctionStatus, session);
    CALL(good, CKR_FUNCTION_NOT_PARALLEL, C_CancelFunction, session);
    LOST(C_GetFunctionStatus);
    LOST(C_CancelFunction);
    /* No function is ever pending. */
    CK_ASYNC_DATA result = { 0 };
    CK_ULONG id;
    CK_UTF8CHAR *function = (CK_UTF8CHAR *)"C_Sign";
    CALL(good, CKR_OPERATION_NOT_INITIALIZED, C_AsyncComplete, session, function, &result);
    CALL(good, CKR_OPERATION_NOT_INITIALIZED, C_AsyncGetID, session, function, &id);
    CALL(good, CKR_SAVED_STATE_INVALID, C_AsyncJoin, session, function, 7, out, sizeof out);
    BAD(CKR_ARGUMENTS_BAD, C_AsyncComplete, session, NULL, &result);
    BAD(CKR_ARGUMENTS_BAD, C_AsyncGetID, session, function, NULL);
    BAD(CKR_ARGUMENTS_BAD, C_AsyncJoin, session, NULL, 7, out, sizeof out);
    GOOD(C_SeedRandom, session, data, sizeof data);
    BAD(CKR_ARGUMENTS_BAD, C_SeedRandom, session, NULL, 1);
    GOOD(C_GenerateRandom, session, out, 100);
    BAD(CKR_ARGUMENTS_BAD, C_GenerateRandom, session, NULL, 1);
}

#define ENTRIES(template) template, sizeof template / sizeof *template

static void keys(void)
{
    CK_ULONG bits = 2048, bytes = 32, set = CKP_ML_KEM_768;
    CK_BYTE exponent[] = { 1, 0, 1 }, p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
    CK_ATTRIBUTE symmetric[] = {
        { CKA_VALUE_LEN, &bytes, sizeof bytes }, { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 },
        { CKA_WRAP, &yes, 1 }, { CKA_UNWRAP, &yes, 1 },
    };
    CK_ATTRIBUTE readable[] = {
        { CKA_VALUE_LEN, &bytes, sizeof bytes }, { CKA_SIGN, &yes, 1 }, { CKA_VERIFY, &yes, 1 },
        { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 },
    };
    CK_ATTRIBUTE rsa_public[] = {
        { CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_PUBLIC_EXPONENT, exponent, 3 }, { CKA_VERIFY, &yes, 1 },
        { CKA_VERIFY_RECOVER, &yes, 1 },
    };
    CK_ATTRIBUTE rsa_private[] = { { CKA_SIGN, &yes, 1 }, { CKA_SIGN_RECOVER, &yes, 1 } };
    CK_ATTRIBUTE ec_public[] = { { CKA_EC_PARAMS, p256, sizeof p256 } }, ec_private[] = { { CKA_DERIVE, &yes, 1 } };
    CK_ATTRIBUTE kem_public[] = { { CKA_PARAMETER_SET, &set, sizeof set }, { CKA_ENCAPSULATE, &yes, 1 } };
    CK_ATTRIBUTE kem_private[] = { { CKA_DECAPSULATE, &yes, 1 } };
    CK_MECHANISM make_aes = { CKM_AES_KEY_GEN, NULL, 0 }, make_secret = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
    CK_MECHANISM make_rsa = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 }, make_ec = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
    CK_MECHANISM make_kem = { CKM_ML_KEM_KEY_PAIR_GEN, NULL, 0 };
    GOOD(C_GenerateKey, session, &make_aes, ENTRIES(symmetric), &aes);
    GOOD(C_GenerateKey, session, &make_secret, ENTRIES(readable), &secret);
    BAD(CKR_TEMPLATE_INCOMPLETE, C_GenerateKey, session, &make_aes, NULL, 0, &aes);
    GOOD(C_GenerateKeyPair, session, &make_rsa, ENTRIES(rsa_public), ENTRIES(rsa_private), &public_rsa, &private_rsa);
    GOOD(C_GenerateKeyPair, session, &make_ec, ENTRIES(ec_public), ENTRIES(ec_private), &public_ec, &private_ec);
    GOOD(C_GenerateKeyPair, session, &make_kem, ENTRIES(kem_public), ENTRIES(kem_private), &public_kem, &private_kem);
    BAD(CKR_MECHANISM_INVALID, C_GenerateKeyPair, session, &make_aes, ENTRIES(rsa_public), ENTRIES(rsa_private),
        &public_rsa, &private_rsa);
}

static void objects(void)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE object, copy, found[8];
    CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof class }, { CKA_VALUE, data, 9 }, { CKA_LABEL, "data", 4 } };
    CK_ATTRIBUTE question = { CKA_VALUE, out, sizeof out }, label = { CKA_LABEL, "other", 5 };
    CK_ATTRIBUTE nonsense = { 0x40001234, out, 1 };
    CK_ULONG size, count;
    GOOD(C_CreateObject, session, ENTRIES(template), &object);
    BAD(CKR_ARGUMENTS_BAD, C_CreateObject, session, NULL, 3, &object);
    GOOD(C_CopyObject, session, object, &label, 1, &copy);
    BAD(CKR_OBJECT_HANDLE_INVALID, C_CopyObject, session, 0, &label, 1, &copy);
    GOOD(C_GetObjectSize, session, object, &size);
    BAD(CKR_ARGUMENTS_BAD, C_GetObjectSize, session, object, NULL);
    GOOD(C_GetAttributeValue, session, copy, &question, 1);
    if (question.ulValueLen != 9 || memcmp(out, data, 9)) FAIL("the copy has another value");
    BAD(CKR_ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue, session, copy, &nonsense, 1);
    GOOD(C_SetAttributeValue, session, object, &label, 1);
    BAD(CKR_ATTRIBUTE_TYPE_INVALID, C_SetAttributeValue, session, object, &nonsense, 1);
    GOOD(C_FindObjectsInit, session, &label, 1);
    BAD(CKR_OPERATION_ACTIVE, C_FindObjectsInit, session, &label, 1);
    GOOD(C_FindObjects, session, found, 8, &count);
    if (count != 2) FAIL("%lu objects found", count);
    BAD(CKR_ARGUMENTS_BAD, C_FindObjects, session, found, 8, NULL);
    /* An error ends a search, or it's over with this. */
    p11->C_FindObjectsFinal(session);
    GOOD(C_FindObjectsInit, session, &label, 1);
    GOOD(C_FindObjectsFinal, session);
    BAD(CKR_OPERATION_NOT_INITIALIZED, C_FindObjectsFinal, session);
    GOOD(C_DestroyObject, session, copy);
    BAD(CKR_OBJECT_HANDLE_INVALID, C_DestroyObject, session, copy);
}

#endif
