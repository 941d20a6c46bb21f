/* SPDX-License-Identifier: Apache-2.0 */
/* malloc() and its kin of the whole program, libraries included, with a counter in front. */
#include "tests/oom/oom.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

#ifdef __GLIBC__
#include <execinfo.h>
#else
#define backtrace(frames, n) ((void)(frames), 0)
#endif

enum { WORDS_MAX = 600, RESULT_MAX = 1 << 20, PATIENCE = 60 };

/* Shared with the child. */
static struct shared {
    atomic_ulong calls, failed;
} *shared;

static unsigned long fail_at; /* 0: none */
static bool fail_all, armed;  /* all that follow */

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} real;

/* dlsym() may allocate before we know what is behind us. */
static _Alignas(16) char early[4096];
static size_t early_used;

static bool is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *early_alloc(size_t n)
{
    n = (n + 15) / 16 * 16;
    if (n > sizeof early - early_used)
        abort();
    early_used += n;
    return early + early_used - n;
}

static void find_real(void)
{
    static bool busy;
    if (busy || real.free)
        return;
    busy = true;
    *(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real.free = dlsym(RTLD_NEXT, "free");
    busy = false;
}

/* True when this call has to fail. */
static bool fails(void)
{
    if (!armed)
        return false;
    unsigned long n = atomic_fetch_add(&shared->calls, 1) + 1;
    if (!fail_at || n < fail_at || (n > fail_at && !fail_all))
        return false;
    atomic_fetch_add(&shared->failed, 1);
    errno = ENOMEM;
    return true;
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
    find_real();
    return fails() ? NULL : real.malloc ? real.malloc(n) : early_alloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    find_real();
    return fails() ? NULL : real.calloc ? real.calloc(n, size) : early_alloc(n * size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
    find_real();
    if (is_early(p))
        abort();
    return fails() ? NULL : real.realloc(p, n);
}

__attribute__((visibility("default"))) void free(void *p)
{
    find_real();
    if (!is_early(p))
        real.free(p);
}

void oom_arm(void)
{
    armed = true;
}

void oom_disarm(void)
{
    armed = false;
}

const char *oom_missing(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "a sanitizer has an allocator of its own";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return "a sanitizer has an allocator of its own";
#endif
#endif
    find_real();
    void *p = malloc(100);
    free(p);
    return real.malloc ? NULL : "the allocator cannot be replaced";
}

/* ---- running ---- */

struct outcome {
    int wait_status;
    unsigned long calls, failed;
    char words[WORDS_MAX]; /* the end of standard error */
    char *result;
    size_t len;
};

static int scratch(void)
{
    char path[] = "/tmp/vmtp-oom.XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || unlink(path) < 0) {
        printf("Bail out! no file in /tmp\n");
        exit(99);
    }
    return fd;
}

/* Whether a frame of a crash is the handler's, the C library's or that of an allocation: what called it is to blame. */
static bool is_below(const Dl_info *where)
{
    static const char *const names[] = {"malloc", "calloc", "realloc", "free"};
    for (size_t i = 0; where->dli_sname && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(where->dli_sname, names[i]) == 0)
            return true;
    return strstr(where->dli_fname, "libc.so");
}

/* Whose code it was that crashed, or that had freed what it had overwritten before. */
static void on_crash(int number)
{
    static const char words[] = "crashed in libjansson\n";
    void *frames[30];
    int n = backtrace(frames, 30);
    Dl_info where;
    for (int i = 1; i < n && dladdr(frames[i], &where) && where.dli_fname; i++) {
        if (is_below(&where))
            continue;
        if (strstr(where.dli_fname, "libjansson"))
            (void)!write(STDERR_FILENO, words, sizeof words - 1);
        break;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static _Noreturn void child(oom_work work, const void *arg, int out, int err)
{
    void *frame;
    (void)backtrace(&frame, 1); /* takes memory the first time */
    alarm(PATIENCE);
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    dup2(err, STDERR_FILENO);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    int status = work(arg, out);
    oom_disarm();
    fflush(stdout);
    _exit(status);
}

static void run(oom_work work, const void *arg, unsigned long at, bool all, struct outcome *outcome)
{
    int out = scratch(), err = scratch();
    *outcome = (struct outcome){0};
    atomic_store(&shared->calls, 0);
    atomic_store(&shared->failed, 0);
    fail_at = at;
    fail_all = all;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        child(work, arg, out, err);
    while (waitpid(pid, &outcome->wait_status, 0) < 0 && errno == EINTR)
        ;
    outcome->calls = atomic_load(&shared->calls);
    outcome->failed = atomic_load(&shared->failed);
    off_t end = lseek(err, 0, SEEK_END);
    ssize_t n = pread(err, outcome->words, WORDS_MAX - 1, end > WORDS_MAX - 1 ? end - (WORDS_MAX - 1) : 0);
    outcome->words[n > 0 ? n : 0] = '\0';
    outcome->result = malloc(RESULT_MAX + 1);
    if (!outcome->result)
        exit(99);
    n = pread(out, outcome->result, RESULT_MAX, 0);
    outcome->result[n > 0 ? n : 0] = '\0';
    outcome->len = n > 0 ? (size_t)n : 0;
    close(out);
    close(err);
}

/* NULL: as it should be. */
static const char *flaw(const struct outcome *outcome, const struct outcome *whole)
{
    /* jansson 2.14 and before, when a character of a text got lost that it reads, and it copies up to the next
     * quotation mark, wherever that is; the last is how glibc says an assertion when there is no memory for its
     * words. */
    if (WIFSIGNALED(outcome->wait_status) && (strstr(outcome->words, "crashed in libjansson") ||
                                              strstr(outcome->words, "lex_scan_string: Assertion") ||
                                              strcmp(outcome->words, "Unexpected error.\n") == 0))
        return NULL;
    if (WIFSIGNALED(outcome->wait_status))
        return WTERMSIG(outcome->wait_status) == SIGALRM ? "hangs" : "crashes";
    bool same = outcome->wait_status == whole->wait_status && outcome->len == whole->len &&
                memcmp(outcome->result, whole->result, whole->len) == 0;
    if (same)
        return NULL;
    if (WEXITSTATUS(outcome->wait_status) == 0)
        return "says that all is well, but the result is another one";
    return strstr(outcome->words, "memory") ? NULL : "fails without a word about memory";
}

static unsigned long step_for(unsigned long calls)
{
    const char *step = getenv("VMTP_OOM_STEP"), *runs = getenv("VMTP_OOM_RUNS");
    unsigned long n = step ? strtoul(step, NULL, 10) : 0, wanted = runs ? strtoul(runs, NULL, 10) : 40;
    if (n == 0 && wanted > 0)
        n = calls / wanted | 1;
    return n ? n : 1;
}

/* What there is instead of the result, from where they differ. */
static void show_result(const struct outcome *outcome, const struct outcome *whole)
{
    size_t at = 0;
    while (at < outcome->len && at < whole->len && outcome->result[at] == whole->result[at])
        at++;
    printf("# from byte %zu: got %.60s\n", at, at < outcome->len ? outcome->result + at : "nothing");
    printf("#          expected %.60s\n", at < whole->len ? whole->result + at : "nothing");
}

/* Returns how many runs went wrong; the first few are described. */
static unsigned try_each(const char *name, oom_work work, const void *arg, const struct outcome *whole, bool all)
{
    unsigned bad = 0;
    unsigned long step = step_for(whole->calls);
    for (unsigned long n = 1; n <= whole->calls; n += step) {
        struct outcome outcome;
        run(work, arg, n, all, &outcome);
        const char *what = outcome.failed ? flaw(&outcome, whole) : NULL;
        if (what && ++bad <= 10)
            printf("# %s: allocation %lu%s: %s (%s %d): %s\n", name, n, all ? " and all that follow" : "", what,
                   WIFSIGNALED(outcome.wait_status) ? "signal" : "exit",
                   WIFSIGNALED(outcome.wait_status) ? WTERMSIG(outcome.wait_status)
                                                    : WEXITSTATUS(outcome.wait_status),
                   outcome.words);
        if (what && bad <= 10 && outcome.wait_status == whole->wait_status)
            show_result(&outcome, whole);
        free(outcome.result);
    }
    return bad;
}

void oom_try(const char *name, oom_work work, const void *arg, int expected)
{
    if (!shared)
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct outcome whole;
    run(work, arg, 0, false, &whole);
    if (WIFSIGNALED(whole.wait_status) || WEXITSTATUS(whole.wait_status) != expected || whole.calls == 0) {
        ok(false, "%s: %lu allocations, wait status %d: %s", name, whole.calls, whole.wait_status, whole.words);
    } else {
        unsigned bad = try_each(name, work, arg, &whole, false) + try_each(name, work, arg, &whole, true);
        ok(bad == 0, "%s: %lu allocations, each %lu. fails", name, whole.calls, step_for(whole.calls));
    }
    free(whole.result);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about, (void)type, (void)where;
    return remove(path);
}

void oom_remove(const char *directory)
{
    if (nftw(directory, remove_one, 20, FTW_DEPTH | FTW_PHYS) < 0)
        printf("# %s stays\n", directory);
}

int oom_done(void)
{
    return done_testing();
}
