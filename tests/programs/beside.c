/* Two PKCS#11 modules in one process, their symbols visible to one another. */

#define _GNU_SOURCE
#include "p11.h"

struct list { byte version[2]; void *functions[68]; };

static ulong (*get_list)(struct list **);

static struct list *list_of(void *library)
{
    struct list *list;
    if (!(*(void **)&get_list = dlsym(library, "C_GetFunctionList"))) FAIL("%s", dlerror());
    OK(get_list(&list));
    return list;
}

static void *open_module(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) FAIL("%s", dlerror());
    return library;
}

/* Whether every function of a list lies in the file that the list itself lies in. */
static void keeps_to_itself(struct list *list)
{
    Dl_info own, other;
    if (!dladdr(list, &own)) FAIL("the list is in no file");
    for (int i = 0; i < 68; i++) {
        if (!list->functions[i]) FAIL("entry %d of %s is NULL", i, own.dli_fname);
        if (!dladdr(list->functions[i], &other) || strcmp(own.dli_fname, other.dli_fname))
            FAIL("entry %d of %s leads to %s", i, own.dli_fname, other.dli_fname);
    }
}

static void work(struct list *list)
{
    /* By their places in the list of 2.40. */
    ulong (*initialize)(void *) = list->functions[0], (*end)(void *) = list->functions[1];
    ulong (*slots)(byte, ulong *, ulong *) = list->functions[4];
    ulong (*open_it)(ulong, ulong, void *, void *, ulong *) = list->functions[12];
    ulong (*random_bytes)(ulong, byte *, ulong) = list->functions[64];
    ulong found[8], count = 8, own;
    byte out[16] = { 0 }, none[16] = { 0 };
    OK(initialize(NULL));
    OK(slots(1, found, &count));
    if (!count) FAIL("no token");
    OK(open_it(found[0], 6, NULL, NULL, &own));
    OK(random_bytes(own, out, sizeof out));
    if (!memcmp(out, none, sizeof out)) FAIL("nothing came out");
    OK(end(NULL));
}

static struct list *ours, *others;

static void open_both(const char *first, const char *second, struct list **one, struct list **other)
{
    *one = list_of(open_module(first));
    *other = list_of(open_module(second));
    if (*one == *other) FAIL("one module answers for both");
    keeps_to_itself(ours);
}

static void strongroom_first(void)
{
    /* The other module may well call this one then; that's for its makers to prevent. */
    open_both(getenv("MODULE"), getenv("OTHER"), &ours, &others);
    work(ours);
}

static void strongroom_second(void)
{
    open_both(getenv("OTHER"), getenv("MODULE"), &others, &ours);
    keeps_to_itself(others);
    work(ours);
    work(others);
    work(ours);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        { "strongroom_first", strongroom_first }, { "strongroom_second", strongroom_second }, { NULL, NULL },
    };
    return play(scenarios, argc, argv);
}
