/* Makes and deletes token keys in two threads and says, line by line, what it's about to do and what was
   acknowledged:

     C label kind        about to make a key
     c label key...      made, with these handles
     X label code        that failed, with this code; it may have been made
     D key               about to delete an object
     d key               deleted
     x key code          that failed; it may have been deleted

   It rests when it hears `rest`, says `resting`, and goes on when it hears `go`. */

#include "p11.h"

enum { THREADS = 2, KEPT = 16, CKM_AES_KEY_GEN = 0x1080, CKA_VALUE_LEN = 0x161, CKR_DEVICE_ERROR = 0x30 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int may_work, working;

/* One write, so that lines of different threads don't mix. */
#define SAY(...) do { \
    char line_[160]; \
    int len_ = snprintf(line_, sizeof line_, __VA_ARGS__); \
    if (write(1, line_, len_) != len_) FAIL("nobody hears"); \
} while (0)

static void failed(const char *event, const char *name, ulong code)
{
    SAY("%s %s %#lx\n", event, name, code);
    /* The daemon was killed, and nobody knows whether it had done what it was asked. */
    if (code != CKR_DEVICE_ERROR) FAIL("%s of %s answered %#lx", event, name, code);
    usleep(2000);
}

static ulong make_pair(ulong session, const char *label, ulong keys[2])
{
    static const byte p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, yes = 1;
    struct attribute common[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, label, strlen(label) } };
    struct attribute public[] = { common[0], common[1], { CKA_VERIFY, &yes, 1 }, { CKA_EC_PARAMS, p256, sizeof p256 } };
    struct attribute private[] = { common[0], common[1], { CKA_SIGN, &yes, 1 } };
    struct mechanism mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
    return C_GenerateKeyPair(session, &mechanism, public, 4, private, 3, &keys[0], &keys[1]);
}

static ulong make_secret(ulong session, const char *label, ulong keys[2])
{
    static const byte yes = 1;
    static const ulong len = 32;
    struct attribute template[] = {
        { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, label, strlen(label) }, { CKA_VALUE_LEN, &len, sizeof len },
    };
    struct mechanism mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
    keys[1] = 0;
    return C_GenerateKey(session, &mechanism, template, 3, &keys[0]);
}

static void make(ulong session, ulong kept[], int *count, const char *label)
{
    ulong keys[2], code;
    int pair = strlen(label) % 2;
    SAY("C %s %s\n", label, pair ? "pair" : "secret");
    code = (pair ? make_pair : make_secret)(session, label, keys);
    if (code != CKR_OK) {
        failed("X", label, code);
        return;
    }
    if (pair) SAY("c %s %lu %lu\n", label, keys[0], keys[1]);
    else SAY("c %s %lu\n", label, keys[0]);
    for (int i = 0; i < 1 + pair; i++) kept[(*count)++] = keys[i];
}

static void delete(ulong session, ulong kept[], int *count, int which)
{
    char name[24];
    ulong key = kept[which], code;
    snprintf(name, sizeof name, "%lu", key);
    kept[which] = kept[--*count];
    SAY("D %s\n", name);
    if ((code = C_DestroyObject(session, key)) == CKR_OK) SAY("d %s\n", name);
    else failed("x", name, code);
}

static void *work(void *seed)
{
    ulong session = open_session(), kept[KEPT + 2], number = 0;
    unsigned state = (unsigned)(ulong)seed;
    int count = 0;
    char label[40];
    for (;;) {
        pthread_mutex_lock(&lock);
        if (!may_work) {
            if (--working == 0) SAY("resting\n");
            while (!may_work) pthread_cond_wait(&changed, &lock);
            working++;
        }
        pthread_mutex_unlock(&lock);
        if (count == 0 || (count < KEPT && rand_r(&state) % 5 < 3)) {
            /* Its length says which kind it is. */
            snprintf(label, sizeof label, "%08x-%08lu%s", (unsigned)(ulong)seed, number++, rand_r(&state) % 3 ? "" : "-");
            make(session, kept, &count, label);
        } else {
            delete(session, kept, &count, rand_r(&state) % count);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char line[16];
    if (argc != 2) FAIL("no seed");
    load();
    OK(C_Initialize(NULL));
    OK(log_in(open_session()));
    working = THREADS;
    for (ulong i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, (void *)(strtoul(argv[1], NULL, 10) + i));
    }
    while (fgets(line, sizeof line, stdin)) {
        pthread_mutex_lock(&lock);
        may_work = strcmp(line, "go\n") == 0;
        if (!may_work && working == 0) SAY("resting\n");
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}
