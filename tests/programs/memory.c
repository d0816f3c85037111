/* Logs in, imports a key, uses and exports it, and then looks for PIN and key in its own memory. */

#define _GNU_SOURCE
#include "p11.h"

enum {
    CKA_CLASS = 0, CKA_VALUE = 0x11, CKA_KEY_TYPE = 0x100, CKA_SENSITIVE = 0x103, CKA_ENCRYPT = 0x104,
    CKA_EXTRACTABLE = 0x162, MASK = 0x5a, CHUNK = 12,
};

/* What is looked for is kept masked, so that only copies of others are found. */
static byte masked_pin[128], masked_key[32];
static size_t pin_len;

static ulong (*create)(ulong, struct attribute *, ulong, ulong *);
static ulong (*get)(ulong, ulong, struct attribute *, ulong);

static void mask(byte *to, const byte *from, size_t len)
{
    for (size_t i = 0; i < len; i++) to[i] = from[i] ^ MASK;
}

static int is_here(const volatile byte *at, const byte *masked, size_t len)
{
    for (size_t i = 0; i < len; i++) if ((at[i] ^ MASK) != masked[i]) return 0;
    return 1;
}

static unsigned look_for(const char *name, const byte *masked, size_t len, byte *start, byte *end, const char *where)
{
    unsigned found = 0;
    for (byte *at = start; at + len <= end; at++) {
        if (is_here(at, masked, len)) {
            printf("%s is at %p in %s", name, (void *)at, where);
            found++;
        }
    }
    return found;
}

static unsigned search(void)
{
    char line[512];
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx rw", &start, &end) != 2 || !strstr(line, " rw") || strstr(line, "[vvar")) continue;
        found += look_for("the PIN", masked_pin, CHUNK, (byte *)start, (byte *)end, line);
        found += look_for("the key", masked_key, CHUNK, (byte *)start, (byte *)end, line);
        found += look_for("the key's end", masked_key + 32 - CHUNK, CHUNK, (byte *)start, (byte *)end, line);
    }
    fclose(maps);
    return found;
}

static void log_in_by(byte *pin)
{
    ssize_t len = read(0, pin, 128);
    if (len < CHUNK) FAIL("no PIN");
    pin_len = len;
    mask(masked_pin, pin, pin_len);
    ulong session = open_session();
    OK(C_Login(session, 1, (const char *)pin, pin_len));
    OK(C_Logout(session));
    pin[pin_len - 1] ^= 1;
    EXPECT(C_Login(session, 1, (const char *)pin, pin_len), 0xa0);
    pin[pin_len - 1] ^= 1;
    OK(C_Login(session, 1, (const char *)pin, pin_len));
}

static void import(byte *key)
{
    static const ulong class = 4, type = 0x1f;
    static const byte yes = 1, no = 0;
    ulong session = open_session(), object;
    OK(C_GenerateRandom(session, key, 32));
    mask(masked_key, key, 32);
    struct attribute template[] = {
        { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type }, { CKA_VALUE, key, 32 },
        { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 },
    };
    OK(create(session, template, 6, &object));
    memset(key, 0, 32);
    struct attribute question = { CKA_VALUE, NULL, 0 };
    OK(get(session, object, &question, 1));
    question.value = key;
    OK(get(session, object, &question, 1));
    if (!is_here(key, masked_key, 32)) FAIL("another key came back");
}

static void search_all(void)
{
    byte secrets[2][128] = { 0 };
    void *library = load();
    *(void **)&create = dlsym(library, "C_CreateObject");
    *(void **)&get = dlsym(library, "C_GetAttributeValue");
    OK(C_Initialize(NULL));
    log_in_by(secrets[0]);
    import(secrets[1]);
    if (search() < 3) FAIL("the search doesn't find what is there");
    explicit_bzero(secrets, sizeof secrets);
    fflush(stdout);
    if (search()) {
        fflush(stdout);
        FAIL("the module has kept it");
    }
    OK(C_Finalize(NULL));
    if (search()) FAIL("the module has kept it after C_Finalize");
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = { { "search", search_all }, { NULL, NULL } };
    return play(scenarios, argc, argv);
}
