/* Forks with the module loaded, in every way that clients do. */

#include "p11.h"

#include <time.h>

static ulong session;
static struct pair token_key, session_key;

static void start(void)
{
    load();
    OK(C_Initialize(NULL));
    session = open_session();
    OK(log_in(session));
    token_key = generate(session, 1, "token");
    session_key = generate(session, 0, "session");
}

static void works(void)
{
    EXPECT(state_of(session), CKS_RW_USER);
    OK(try_key(session, token_key));
    OK(try_key(session, session_key));
    EXPECT(find(session, "token"), 2);
    EXPECT(find(session, "session"), 2);
}

static void works_with_own_sessions(void)
{
    works();
    ulong own = open_session();
    EXPECT(log_in(own), CKR_USER_ALREADY_LOGGED_IN);
    OK(try_key(own, token_key));
    OK(try_key(own, session_key));
    struct pair made = generate(own, 0, "child's");
    OK(try_key(own, made));
    OK(C_CloseSession(own));
    works();
}

/* Without C_Initialize: all is there as the parent had it. */
static void without(void)
{
    start();
    in_child(works_with_own_sessions);
    in_child(works_with_own_sessions);
    works();
    EXPECT(find(session, "child's"), 0);
}

/* C_Initialize again, as NGINX's workers do, is granted once. */
static void initialize_again(void)
{
    ulong code = C_Initialize(NULL);
    if (code != CKR_OK && code != CKR_ALREADY_INITIALIZED) FAIL("C_Initialize in a child is %#lx", code);
    EXPECT(C_Initialize(NULL), CKR_ALREADY_INITIALIZED);
    works_with_own_sessions();
}

static void with(void)
{
    start();
    in_child(initialize_again);
    in_child(initialize_again);
    works();
}

static void finalize(void)
{
    works();
    OK(C_Finalize(NULL));
    EXPECT(C_SignInit(session, NULL, 0), CKR_NOT_INITIALIZED);
    OK(C_Initialize(NULL));
    EXPECT(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
    ulong own = open_session();
    EXPECT(state_of(own), CKS_RW_PUBLIC);
    OK(log_in(own));
    OK(try_key(own, token_key));
    OK(C_Finalize(NULL));
}

static void finalize_at_once(void) { OK(C_Finalize(NULL)); }

static void log_out(void)
{
    OK(C_Logout(session));
    EXPECT(state_of(session), CKS_RW_PUBLIC);
    EXPECT(find(session, "token"), 1);
    OK(log_in(session));
    OK(try_key(session, token_key));
    OK(C_Logout(session));
}

static void log_out_at_once(void) { OK(C_Logout(session)); }

static void close_all(void)
{
    OK(C_CloseAllSessions(0));
    EXPECT(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

static void leave(void) { exit(0); }

static void leave_after_work(void)
{
    works();
    exit(0);
}

/* Whatever a child ends for itself, its parent keeps. */
static void ending(void)
{
    start();
    void (*ends[])(void) = {
        finalize, finalize_at_once, log_out, log_out_at_once, close_all, leave, leave_after_work,
    };
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        in_child(ends[i]);
        works();
    }
}

/* A process that has never called C_Initialize has children that haven't either. */
static void uninitialized_child(void)
{
    EXPECT(C_CloseSession(1), CKR_NOT_INITIALIZED);
    EXPECT(C_Finalize(NULL), CKR_NOT_INITIALIZED);
    OK(C_Initialize(NULL));
    ulong own = open_session();
    OK(log_in(own));
    OK(try_key(own, generate(own, 0, "child's")));
    OK(C_Finalize(NULL));
}

static void uninitialized(void)
{
    load();
    in_child(uninitialized_child);
    OK(C_Initialize(NULL));
    OK(C_Finalize(NULL));
    in_child(uninitialized_child);
    uninitialized_child();
}

static void grandchild(void)
{
    works_with_own_sessions();
    in_child(works_with_own_sessions);
}

static void child_with_child(void)
{
    in_child(grandchild);
    works();
    in_child(finalize);
    works();
    in_child(initialize_again);
}

static void orphan(void)
{
    int done[2];
    if (pipe(done)) FAIL("no pipe");
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            /* The parent of this one is gone, and its parent has another login. */
            usleep(100000);
            works_with_own_sessions();
            if (write(done[1], "x", 1) != 1) FAIL("write failed");
        }
        _exit(0);
    }
    wait_for(child);
    close(done[1]);
    char x;
    if (read(done[0], &x, 1) != 1) FAIL("the grandchild failed");
    works();
}

static void grandchildren(void)
{
    start();
    in_child(child_with_child);
    orphan();
    works();
}

/* A server that goes into the background: the process that initialised ends, its child has all it had. */
static void daemonized(void)
{
    start();
    if (fork() == 0) {
        usleep(200000);
        works_with_own_sessions();
        puts("the child works");
        exit(0);
    }
    /* The test waits for what the child prints. */
    _exit(0);
}

static void session_key_is_gone(void)
{
    EXPECT(state_of(session), CKS_RW_USER);
    OK(try_key(session, token_key));
    EXPECT(try_key(session, session_key), CKR_KEY_HANDLE_INVALID);
    EXPECT(find(session, "token"), 2);
    EXPECT(find(session, "session"), 0);
}

/* The test restarts the daemon between a fork and the child's first call. */
static void restarted(void)
{
    int go[2];
    start();
    if (pipe(go)) FAIL("no pipe");
    pid_t child = fork();
    if (child == 0) {
        char x;
        if (read(go[0], &x, 1) != 1) FAIL("nothing to go on");
        session_key_is_gone();
        OK(try_key(session, generate(session, 0, "child's")));
        exit(0);
    }
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF) FAIL("nothing to go on");
    session_key_is_gone();
    if (write(go[1], "x", 1) != 1) FAIL("write failed");
    wait_for(child);
    in_child(session_key_is_gone);
}

static int stop;
static unsigned long signatures;

static void *sign_all_the_time(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        ulong own = open_session();
        for (int i = 0; i < 5; i++) OK(try_key(own, i % 2 ? token_key : session_key));
        OK(C_CloseSession(own));
        __atomic_add_fetch(&signatures, 5, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void works_or_wrong_round(void) { works(); }

/* Forks while other threads are inside calls: no locks left behind, no answers mixed up. */
static void busy(void)
{
    enum { THREADS = 8, ROUNDS = 50 };
    start();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, sign_all_the_time, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        /* A child that hangs is killed, and the scenario fails. */
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            (round % 3 == 0 ? initialize_again : round % 3 == 1 ? works_or_wrong_round : finalize)();
            _exit(0);
        }
        wait_for(child);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    works();
    printf("%d forks beside %lu signatures\n", ROUNDS, signatures);
}

/* Children of children, all at once, as a pre-forking server has them. */
static void many(void)
{
    enum { CHILDREN = 20 };
    start();
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        if ((children[i] = fork()) == 0) {
            for (int n = 0; n < 20; n++) {
                OK(try_key(session, token_key));
                OK(try_key(session, session_key));
            }
            exit(0);
        }
    }
    for (int n = 0; n < 50; n++) works();
    for (int i = 0; i < CHILDREN; i++) wait_for(children[i]);
    works();
}

/* A signature that was begun before the fork ends in the parent as it should, and never gives a wrong one in the
   child. */
static void amid_operations(void)
{
    start();
    struct mechanism mechanism = { CKM_ECDSA, NULL, 0 };
    byte digest[32] = { 7 }, signature[64];
    OK(C_SignInit(session, &mechanism, token_key.private));
    pid_t child = fork();
    if (child == 0) {
        ulong len = sizeof signature;
        if (C_Sign(session, digest, sizeof digest, signature, &len) == CKR_OK) {
            OK(C_VerifyInit(session, &mechanism, token_key.public));
            OK(C_Verify(session, digest, sizeof digest, signature, len));
        }
        works();
        _exit(0);
    }
    wait_for(child);
    ulong len = sizeof signature;
    OK(C_Sign(session, digest, sizeof digest, signature, &len));
    OK(C_VerifyInit(session, &mechanism, token_key.public));
    OK(C_Verify(session, digest, sizeof digest, signature, len));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        { "without", without }, { "with", with }, { "ending", ending }, { "uninitialized", uninitialized },
        { "grandchildren", grandchildren }, { "daemonized", daemonized }, { "busy", busy }, { "many", many },
        { "amid_operations", amid_operations }, { "restarted", restarted }, { NULL, NULL },
    };
    return play(scenarios, argc, argv);
}
