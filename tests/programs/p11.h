/* As much of PKCS#11 as the programs here need, and calls that end the program when they fail. */

#ifndef P11_H
#define P11_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef unsigned char byte;

struct attribute { ulong type; const void *value; ulong len; };
struct mechanism { ulong kind; const void *parameter; ulong len; };
struct session_info { ulong slot, state, flags, error; };

enum {
    CKR_OK = 0, CKR_KEY_HANDLE_INVALID = 0x60, CKR_SESSION_HANDLE_INVALID = 0xb3, CKR_USER_ALREADY_LOGGED_IN = 0x100,
    CKR_USER_NOT_LOGGED_IN = 0x101, CKR_NOT_INITIALIZED = 0x190, CKR_ALREADY_INITIALIZED = 0x191,
    CKM_EC_KEY_PAIR_GEN = 0x1040, CKM_ECDSA = 0x1041,
    CKA_TOKEN = 1, CKA_LABEL = 3, CKA_SIGN = 0x108, CKA_VERIFY = 0x10a, CKA_EC_PARAMS = 0x180,
    CKS_RW_PUBLIC = 2, CKS_RW_USER = 3,
};

#define FUNCTIONS(f) \
    f(C_Initialize, (void *)) \
    f(C_Finalize, (void *)) \
    f(C_GetSlotList, (byte, ulong *, ulong *)) \
    f(C_OpenSession, (ulong, ulong, void *, void *, ulong *)) \
    f(C_CloseSession, (ulong)) \
    f(C_CloseAllSessions, (ulong)) \
    f(C_GetSessionInfo, (ulong, struct session_info *)) \
    f(C_Login, (ulong, ulong, const char *, ulong)) \
    f(C_Logout, (ulong)) \
    f(C_DestroyObject, (ulong, ulong)) \
    f(C_GenerateRandom, (ulong, byte *, ulong)) \
    f(C_GenerateKey, (ulong, struct mechanism *, struct attribute *, ulong, ulong *)) \
    f(C_GenerateKeyPair, (ulong, struct mechanism *, struct attribute *, ulong, struct attribute *, ulong, ulong *, ulong *)) \
    f(C_SignInit, (ulong, struct mechanism *, ulong)) \
    f(C_Sign, (ulong, const byte *, ulong, byte *, ulong *)) \
    f(C_VerifyInit, (ulong, struct mechanism *, ulong)) \
    f(C_Verify, (ulong, const byte *, ulong, const byte *, ulong)) \
    f(C_FindObjectsInit, (ulong, struct attribute *, ulong)) \
    f(C_FindObjects, (ulong, ulong *, ulong, ulong *)) \
    f(C_FindObjectsFinal, (ulong))

#define DECLARE(name, arguments) static ulong (*name) arguments __attribute__((unused));
FUNCTIONS(DECLARE)

/* Ends the program, without exit handlers so that a failure in a child or a handler gets out. */
#define FAIL(...) do { \
    fprintf(stderr, "%s:%d (process %d): ", __FILE__, __LINE__, getpid()); \
    fprintf(stderr, __VA_ARGS__); \
    fputc('\n', stderr); \
    _exit(1); \
} while (0)

#define EXPECT(call, code) do { \
    ulong got_ = (call), want_ = (code); \
    if (got_ != want_) FAIL("%s is %#lx, not %#lx", #call, got_, want_); \
} while (0)

#define OK(call) EXPECT(call, CKR_OK)

static inline void *load_with(int flags)
{
    const char *path = getenv("MODULE");
    void *library = dlopen(path, flags);
    if (!library) FAIL("%s", dlerror());
#define LOOK_UP(name, arguments) if (!(*(void **)&name = dlsym(library, #name))) FAIL("%s", dlerror());
    FUNCTIONS(LOOK_UP)
    return library;
}

static inline void *load(void) { return load_with(RTLD_NOW | RTLD_LOCAL); }

static inline ulong open_session(void)
{
    ulong session;
    OK(C_OpenSession(0, 6, NULL, NULL, &session));
    return session;
}

static inline ulong log_in(ulong session)
{
    const char *pin = getenv("PIN");
    return C_Login(session, 1, pin, strlen(pin));
}

struct pair { ulong public, private; };

static inline struct pair generate(ulong session, byte token, const char *label)
{
    static const byte p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, yes = 1;
    struct attribute public[] = {
        { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_TOKEN, &token, 1 }, { CKA_LABEL, label, strlen(label) },
        { CKA_VERIFY, &yes, 1 },
    };
    struct attribute private[] = {
        { CKA_TOKEN, &token, 1 }, { CKA_LABEL, label, strlen(label) }, { CKA_SIGN, &yes, 1 },
    };
    struct mechanism mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
    struct pair pair;
    OK(C_GenerateKeyPair(session, &mechanism, public, 4, private, 3, &pair.public, &pair.private));
    return pair;
}

/* Signs something new and verifies it; the first code that isn't CKR_OK. A wrong signature ends the program: it
   would mean that an answer went to the wrong caller. */
static inline ulong try_key(ulong session, struct pair key)
{
    static unsigned count;
    struct mechanism mechanism = { CKM_ECDSA, NULL, 0 };
    byte digest[32] = { 0 }, signature[64];
    unsigned number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    pid_t pid = getpid();
    memcpy(digest, &pid, sizeof pid);
    memcpy(digest + sizeof pid, &number, sizeof number);
    ulong len = sizeof signature, code;
    if ((code = C_SignInit(session, &mechanism, key.private)) != CKR_OK) return code;
    if ((code = C_Sign(session, digest, sizeof digest, signature, &len)) != CKR_OK) return code;
    OK(C_VerifyInit(session, &mechanism, key.public));
    OK(C_Verify(session, digest, sizeof digest, signature, len));
    return CKR_OK;
}

static inline ulong state_of(ulong session)
{
    struct session_info info;
    OK(C_GetSessionInfo(session, &info));
    return info.state;
}

/* How many objects with a label there are. */
static inline ulong find(ulong session, const char *label)
{
    struct attribute template[] = { { CKA_LABEL, label, strlen(label) } };
    ulong found[16], count;
    OK(C_FindObjectsInit(session, template, 1));
    OK(C_FindObjects(session, found, 16, &count));
    OK(C_FindObjectsFinal(session));
    return count;
}

static inline void wait_for(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child) FAIL("waitpid failed");
    if (WIFSIGNALED(status)) FAIL("a child was killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) FAIL("a child ended with %d", WEXITSTATUS(status));
}

/* Runs a function in a child and waits for it. */
static inline void in_child(void (*run)(void))
{
    pid_t child = fork();
    if (child < 0) FAIL("fork failed");
    if (child == 0) {
        run();
        _exit(0);
    }
    wait_for(child);
}

struct scenario { const char *name; void (*run)(void); };

static inline int play(const struct scenario *scenarios, int argc, char **argv)
{
    /* Whatever hangs is killed, and the scenario fails. */
    alarm(100);
    for (; argc == 2 && scenarios->name; scenarios++) {
        if (strcmp(scenarios->name, argv[1]) == 0) {
            scenarios->run();
            return 0;
        }
    }
    FAIL("there is no such scenario");
}

#endif
