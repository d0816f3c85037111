/* Ends, unloads and surprises the module in every way that a process can. */

#define _GNU_SOURCE
#include "p11.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

static ulong session;
static struct pair key;

static void start(void)
{
    load();
    OK(C_Initialize(NULL));
    session = open_session();
    OK(log_in(session));
    key = generate(session, 0, "session");
    OK(try_key(session, key));
}

static void *leave_something(void *unused)
{
    (void)unused;
    OK(try_key(open_session(), key));
    return NULL;
}

static void in_thread(void *(*run)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, NULL);
    pthread_join(thread, NULL);
}

/* Returns from main with sessions open and an operation under way. */
static void no_finalize(void)
{
    start();
    in_thread(leave_something);
    struct mechanism mechanism = { CKM_ECDSA, NULL, 0 };
    OK(C_SignInit(session, &mechanism, key.private));
}

static void *leave_from_thread(void *unused)
{
    leave_something(unused);
    exit(0);
}

static void exit_in_thread(void)
{
    start();
    in_thread(leave_from_thread);
    FAIL("still there");
}

/* What libp11 and pkcs11-provider do from OpenSSL's exit handler. */
static void end_calls(void)
{
    OK(try_key(session, key));
    OK(C_CloseAllSessions(0));
    OK(C_Finalize(NULL));
    EXPECT(C_CloseAllSessions(0), CKR_NOT_INITIALIZED);
    OK(C_Initialize(NULL));
    session = open_session();
    OK(log_in(session));
    OK(try_key(session, generate(session, 0, "late")));
    OK(C_Finalize(NULL));
}

static void atexit_after(void)
{
    start();
    in_thread(leave_something);
    atexit(end_calls);
}

/* Handlers run in reverse: this one comes after whatever the module might have registered. */
static void atexit_before(void)
{
    atexit(end_calls);
    start();
    in_thread(leave_something);
}

static pthread_key_t thread_end;

static void at_thread_end(void *unused)
{
    (void)unused;
    OK(try_key(session, key));
}

/* A destructor of thread-specific data calls when the module's own thread-locals may be gone. */
static void *ends_with_call(void *unused)
{
    (void)unused;
    pthread_setspecific(thread_end, &key);
    OK(try_key(session, key));
    return NULL;
}

static void thread_destructor(void)
{
    pthread_key_create(&thread_end, at_thread_end);
    start();
    for (int i = 0; i < 20; i++) in_thread(ends_with_call);
}

static void unload(int finalize)
{
    for (int round = 0; round < 10; round++) {
        void *library = load();
        OK(C_Initialize(NULL));
        ulong own = open_session();
        OK(log_in(own));
        in_thread(leave_something);
        if (finalize) OK(C_Finalize(NULL));
        if (dlclose(library)) FAIL("%s", dlerror());
        if (!finalize) {
            /* The module stays in memory, and what was open stays open. */
            load();
            OK(try_key(own, key));
            OK(C_Finalize(NULL));
        }
    }
}

static void make_token_key(void)
{
    start();
    key = generate(session, 1, "token");
    OK(C_Finalize(NULL));
}

static void dlclose_open(void)
{
    make_token_key();
    unload(0);
}

static void dlclose_finalized(void)
{
    make_token_key();
    unload(1);
}

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1) FAIL("no statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void cycle(void)
{
    OK(C_Initialize(NULL));
    session = open_session();
    OK(log_in(session));
    OK(try_key(session, key));
    OK(C_Finalize(NULL));
}

/* C_Initialize and C_Finalize, 50 times: descriptors and memory stay as they are. */
static void again_and_again(void)
{
    make_token_key();
    for (int i = 0; i < 10; i++) cycle();
    int before = descriptors();
    long memory = resident();
    for (int i = 0; i < 50; i++) cycle();
    if (descriptors() != before) FAIL("%d descriptors are %d", before, descriptors());
    long grown = resident() - memory;
    if (grown > 512 * 1024) FAIL("memory has grown by %ld bytes", grown);
    printf("50 times C_Initialize and C_Finalize: memory has grown by %ld KiB\n", grown / 1024);
}

static void *finalize(void *unused)
{
    (void)unused;
    OK(C_Finalize(NULL));
    return NULL;
}

static void finalize_elsewhere(void)
{
    start();
    in_thread(finalize);
    EXPECT(C_CloseSession(session), CKR_NOT_INITIALIZED);
}

/* Daemons close all they don't know, and what they open then gets the same numbers. */
static void closes_all(void)
{
    start();
    key = generate(session, 1, "token");
    close_range(3, ~0U, 0);
    int files[40];
    files[0] = memfd_create("application's", 0);
    for (int i = 1; i < 40; i++) files[i] = dup(files[0]);
    for (int i = 0; i < 5; i++) OK(try_key(session, key));
    EXPECT(state_of(session), CKS_RW_USER);
    EXPECT(find(session, "token"), 2);
    OK(C_Finalize(NULL));
    off_t written = lseek(files[0], 0, SEEK_END);
    if (written != 0) FAIL("%ld bytes were written to a file that isn't the module's", (long)written);
    for (int i = 0; i < 40; i++) {
        if (fcntl(files[i], F_GETFD) < 0) FAIL("descriptor %d of the application was closed", files[i]);
    }
}

/* Sockets of the application's own in the places of the module's connections, too. */
static void closes_all_sockets(void)
{
    start();
    key = generate(session, 1, "token");
    close_range(3, ~0U, 0);
    int ends[40];
    for (int i = 0; i < 40; i += 2) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends + i)) FAIL("no sockets");
    }
    for (int i = 0; i < 5; i++) OK(try_key(session, key));
    OK(C_Finalize(NULL));
    for (int i = 0; i < 40; i++) {
        char byte;
        if (recv(ends[i], &byte, 1, MSG_DONTWAIT) >= 0) FAIL("something was done to socket %d of the application", ends[i]);
    }
}

static void same_disposition(int number, const struct sigaction *before)
{
    struct sigaction now;
    sigaction(number, NULL, &now);
    if (now.sa_handler != before[number].sa_handler || now.sa_flags != before[number].sa_flags)
        FAIL("the disposition of signal %d has changed", number);
}

/* No signal's disposition or mask changes, and a daemon that goes away is no SIGPIPE. */
static void signals(void)
{
    struct sigaction before[NSIG];
    sigset_t mask, now;
    for (int i = 1; i < NSIG; i++) sigaction(i, NULL, before + i);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    start();
    key = generate(session, 1, "token");
    puts("ready");
    fflush(stdout);
    /* The test restarts the daemon and says so. */
    if (getchar() == EOF) FAIL("nothing to go on");
    OK(try_key(session, key));
    in_thread(leave_something);
    OK(C_Finalize(NULL));
    for (int i = 1; i < NSIG; i++) same_disposition(i, before);
    sigprocmask(SIG_SETMASK, NULL, &now);
    if (memcmp(&mask, &now, sizeof mask)) FAIL("the mask of signals has changed");
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

/* System calls that a signal interrupts are begun again. */
static void interrupted(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = { { 0, 200 }, { 0, 200 } };
    start();
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < 300; i++) {
        ulong own = open_session();
        OK(try_key(own, key));
        OK(C_CloseSession(own));
    }
    OK(C_Finalize(NULL));
    OK(C_Initialize(NULL));
    OK(log_in(open_session()));
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    if (alarms < 100) FAIL("only %d signals came, so this shows nothing", (int)alarms);
}

/* All descriptors have to go when the process turns into another program. */
static void close_on_exec(void)
{
    start();
    execl("/bin/ls", "ls", "/proc/self/fd", NULL);
    FAIL("exec failed");
}

static void leave_from_child(void) { OK(try_key(session, key)); }

/* What servers do after they have started as root: another user, no environment, another folder, no inherited
   descriptors. The module has to connect anew then, by what it knew. */
static void turns_into_a_server(void)
{
    start();
    key = generate(session, 1, "token");
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534))) FAIL("can't become nobody");
    clearenv();
    if (chdir("/")) FAIL("can't go to /");
    close_range(3, ~0U, 0);
    OK(try_key(session, key));
    in_thread(leave_something);
    in_child(leave_from_child);
    OK(C_Finalize(NULL));
}

/* One of many processes at once. */
static void client(void)
{
    load();
    OK(C_Initialize(NULL));
    session = open_session();
    OK(log_in(session));
    key = generate(session, 0, "session");
    for (int i = 0; i < 50; i++) OK(try_key(session, key));
    OK(C_Finalize(NULL));
}

/* Works until it's killed. */
static void busy(void)
{
    start();
    for (;;) {
        struct pair made = generate(session, 0, "made");
        OK(try_key(session, made));
        OK(C_DestroyObject(session, made.private));
    }
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        { "no_finalize", no_finalize }, { "exit_in_thread", exit_in_thread }, { "atexit_after", atexit_after },
        { "atexit_before", atexit_before }, { "thread_destructor", thread_destructor },
        { "dlclose_open", dlclose_open }, { "dlclose_finalized", dlclose_finalized },
        { "again_and_again", again_and_again }, { "finalize_elsewhere", finalize_elsewhere },
        { "closes_all", closes_all }, { "closes_all_sockets", closes_all_sockets }, { "signals", signals },
        { "interrupted", interrupted }, { "close_on_exec", close_on_exec }, { "turns_into_a_server", turns_into_a_server }, { "client", client }, { "busy", busy }, { NULL, NULL },
    };
    return play(scenarios, argc, argv);
}
