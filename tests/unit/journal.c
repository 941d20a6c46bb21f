/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/event.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

static struct vmtp_ctx ctx;
static char dir[] = "/tmp/vmtp-journal.XXXXXX";

/* What a replay gave. */
struct seen {
    unsigned events;
    uint32_t last_type;
    uint64_t last_seq;
    char status[32];
    unsigned stop_after;
};

static int see(vmtp_ctx *c, void *arg, const struct vmtp_event *ev)
{
    struct seen *seen = arg;
    seen->events++;
    seen->last_type = ev->type;
    seen->last_seq = ev->seq;
    const char *status = vmtp_event_text(ev, "status");
    snprintf(seen->status, sizeof seen->status, "%s", status ? status : "");
    return seen->stop_after && seen->events == seen->stop_after ? vmtp_fail(c, VMTP_ECANCELED, "enough") : VMTP_OK;
}

static int append(struct vmtp_journal *journal, uint64_t seq, uint32_t type)
{
    const struct vmtp_value values[] = {{"throughput", "bit/s", 1e9 + (double)seq}, {"loss", "ratio", 0.1}};
    const struct vmtp_event ev = {.struct_size = sizeof ev, .type = type, .value_size = sizeof values[0], .seq = seq,
                                  .time_ns = 1760000000000000000 + (int64_t)seq, .run_id = "run", .flow_id = "flow",
                                  .values = values, .n_values = 2};
    return vmtp_journal_append(&ctx, journal, &ev);
}

/* A file in the test's directory with this text; replays it. */
static int replay_text(const char *text, size_t len, struct seen *seen)
{
    char *path = vmtp_format("%s/made-up.jsonl", dir);
    int rc = vmtp_file_replace(&ctx, path, text, len);
    if (rc == VMTP_OK)
        rc = vmtp_journal_replay(&ctx, path, see, seen);
    free(path);
    return rc;
}

#define HEAD "{\"vmtp_journal\":1}\n"
#define EVENT(seq, type) "{\"seq\":" #seq ",\"type\":\"" type "\",\"run\":\"r\"}\n"

static void refused(const char *text, const char *words, const char *name)
{
    struct seen seen = {0};
    ok(replay_text(text, strlen(text), &seen) == VMTP_EPARSE, "%s is refused", name);
    contains(vmtp_ctx_error(&ctx, VMTP_EPARSE), words, "... in words");
    vmtp_ctx_forget(&ctx);
}

static void accepted(const char *text, size_t len, unsigned events, const char *status, const char *name)
{
    struct seen seen = {0};
    int rc = replay_text(text, len, &seen);
    if (!ok(rc == VMTP_OK && seen.events == events && seen.last_type == VMTP_EV_RUN_END, "%s", name))
        printf("# %s, %u events\n", vmtp_ctx_error(&ctx, rc), seen.events);
    is(seen.status, status, "... its status");
    vmtp_ctx_forget(&ctx);
}

static void test_damage(void)
{
    accepted(HEAD EVENT(1, "run-begin") EVENT(2, "run-end"), strlen(HEAD EVENT(1, "run-begin") EVENT(2, "run-end")), 2,
             "", "a whole journal");
    static const char torn[] = HEAD EVENT(1, "run-begin") "{\"seq\":2,\"ty";
    accepted(torn, sizeof torn - 1, 2, "incomplete", "a torn last line is left out, an end is made up");
    static const char zeroes[] = HEAD EVENT(1, "run-begin") "\0\0\0\0";
    accepted(zeroes, sizeof zeroes - 1, 2, "incomplete", "zeroes at the end, as file systems leave them after a crash");
    static const char unknown[] = HEAD EVENT(1, "run-begin") EVENT(2, "teleport") EVENT(3, "run-end");
    accepted(unknown, sizeof unknown - 1, 2, "", "an unknown type is passed over");
    static const char gap[] = HEAD EVENT(1, "run-begin") EVENT(3, "run-end");
    accepted(gap, sizeof gap - 1, 2, "", "a missing number is only a warning");

    refused("", "holds no event", "an empty file");
    refused(HEAD, "holds no event", "a run without an event");
    refused("hello\n", ":1:", "text");
    refused("{\"seq\":1}\n", "not a journal", "other JSON");
    refused("{\"vmtp_journal\":2}\n", "reads version 1", "a later version");
    refused(HEAD EVENT(1, "run-begin") "garbage\n" EVENT(2, "run-end"), "made-up.jsonl:3", "garbage in the middle");
    refused(HEAD EVENT(1, "run-begin") "{\"seq\":2,\"type\":\"result\",\"load\":3}\n", ":3: \"load\"", "a bad event");
    refused(HEAD EVENT(1, "run-begin") EVENT(1, "run-end"), "event 1 after event 1", "an event twice");
    refused(HEAD EVENT(1, "run-begin") "{\"seq\":2,\"type\":\"run-end\",\"run\":\"other\"}\n", "another run",
            "a mixture of two runs");
    refused(HEAD EVENT(1, "run-begin") "{\"seq\":2,\"type\":\"result\"}\n" EVENT(3, "run-end"), "of which run",
            "an event without a run, which a sink would not expect");
    refused(HEAD EVENT(1, "run-end") EVENT(2, "result"), "after the end", "an event after the end");
    refused("{\"vmtp_journal\":1}", "holds no event", "a head alone, without its newline");
    refused("{\"vmtp_jour", ":1:", "a torn head");
}

static void test_long_line(void)
{
    enum { BYTES = 9 << 20 };
    char *text = malloc(BYTES + 1);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    memcpy(text, HEAD, strlen(HEAD));
    refused(text, "longer than", "a line without an end");
    memset(text + strlen(HEAD), '[', 4 << 20);
    text[4 << 20] = '\n';
    refused(text, ":2:", "millions of open brackets");
    free(text);
}

static void test_write_and_find(void)
{
    struct vmtp_journal *journal = NULL, *second = NULL;
    ok(vmtp_journal_create(&ctx, "aaaa-1", &journal) == VMTP_OK, "create, with its directories");
    struct stat st;
    ok(stat(vmtp_journal_path(journal), &st) == 0 && (st.st_mode & 0777) == 0600, "nobody else may read it");
    ok(vmtp_journal_create(&ctx, "aaaa-1", &second) == VMTP_EFAIL && !second, "an existing one is never written over");
    vmtp_ctx_forget(&ctx);
    ok(append(journal, 1, VMTP_EV_RUN_BEGIN) == VMTP_OK && append(journal, 2, VMTP_EV_RESULT) == VMTP_OK, "append");

    struct seen seen = {0};
    ok(vmtp_journal_replay(&ctx, vmtp_journal_path(journal), see, &seen) == VMTP_OK && seen.events == 3 &&
       seen.last_seq == 3, "a journal that is still open is readable, and gets an end");
    is(seen.status, "incomplete", "... a made-up one");
    ok(append(journal, 3, VMTP_EV_RUN_END) == VMTP_OK, "the end");
    seen = (struct seen){.stop_after = 2};
    ok(vmtp_journal_replay(&ctx, vmtp_journal_path(journal), see, &seen) == VMTP_ECANCELED && seen.events == 2,
       "the reader may stop");
    vmtp_ctx_forget(&ctx);
    vmtp_journal_close(journal);
    vmtp_journal_close(NULL);

    usleep(20000); /* file times are only so fine */
    ok(vmtp_journal_create(&ctx, "aabb-2", &second) == VMTP_OK, "a second run");
    vmtp_journal_close(second);
    char *path = NULL;
    ok(vmtp_journal_find(&ctx, "aaa", &path) == VMTP_OK, "found by its first characters");
    contains(path, "/vmtp/runs/aaaa-1.jsonl", "... the right one");
    free(path);
    ok(vmtp_journal_find(&ctx, "last", &path) == VMTP_OK, "found as the last");
    contains(path, "aabb-2.jsonl", "... the right one");
    free(path);
    ok(vmtp_journal_find(&ctx, "aa", &path) == VMTP_ECONFIG && !path, "two begin alike");
    contains(vmtp_ctx_error(&ctx, 0), "2 runs", "... in words");
    vmtp_ctx_forget(&ctx);
    ok(vmtp_journal_find(&ctx, "zz", &path) == VMTP_ECONFIG && vmtp_journal_find(&ctx, "", &path) == VMTP_ECONFIG,
       "none begins so");
    ok(vmtp_journal_find(&ctx, "./x/y.jsonl", &path) == VMTP_OK, "a path is a path");
    is(path, "./x/y.jsonl", "... unchanged");
    free(path);
    vmtp_ctx_forget(&ctx);
}

/* A journal whose first line cannot be written is none: it would be the last one for a replay. */
static void test_no_head(void)
{
    struct vmtp_journal *journal = NULL;
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 10;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    ok(vmtp_journal_create(&ctx, "headless", &journal) == VMTP_EFAIL && !journal, "a head that does not fit");
    setrlimit(RLIMIT_FSIZE, &old);
    contains(vmtp_ctx_error(&ctx, 0), "headless.jsonl", "... names the file");
    vmtp_ctx_forget(&ctx);
    char *path = NULL;
    is_int(vmtp_journal_find(&ctx, "headless", &path), VMTP_ECONFIG, "... and leaves none");
    free(path);
    vmtp_ctx_forget(&ctx);
}

/* A full disk: the line that did not fit must not stay behind half written. */
static void test_full_disk(void)
{
    struct vmtp_journal *journal = NULL;
    if (!ok(vmtp_journal_create(&ctx, "full", &journal) == VMTP_OK && append(journal, 1, VMTP_EV_RUN_BEGIN) == VMTP_OK,
            "a journal"))
        return;
    struct stat st;
    stat(vmtp_journal_path(journal), &st);
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = (rlim_t)st.st_size + 30;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    ok(append(journal, 2, VMTP_EV_RESULT) == VMTP_EFAIL, "a line that does not fit");
    contains(vmtp_ctx_error(&ctx, 0), "full.jsonl", "... names the file");
    vmtp_ctx_forget(&ctx);
    setrlimit(RLIMIT_FSIZE, &old);
    ok(append(journal, 2, VMTP_EV_RUN_END) == VMTP_OK, "there is room again");
    struct seen seen = {0};
    ok(vmtp_journal_replay(&ctx, vmtp_journal_path(journal), see, &seen) == VMTP_OK && seen.events == 2 &&
       seen.last_seq == 2, "the journal is whole");
    vmtp_journal_close(journal);
}

/* Writes a journal of n events and gives the processor time of reading it. */
static double time_of_replay(const char *run, unsigned n)
{
    struct vmtp_journal *journal = NULL;
    ok(vmtp_journal_create(&ctx, run, &journal) == VMTP_OK, "a journal");
    int rc = append(journal, 1, VMTP_EV_RUN_BEGIN);
    for (uint64_t seq = 2; seq <= n && rc == VMTP_OK; seq++)
        rc = append(journal, seq, VMTP_EV_SAMPLE);
    ok(rc == VMTP_OK, "%u events", n);
    struct seen seen = {0};
    clock_t begin = clock();
    rc = vmtp_journal_replay(&ctx, vmtp_journal_path(journal), see, &seen);
    clock_t end = clock();
    ok(rc == VMTP_OK && seen.events == n + 1, "all come back");
    vmtp_journal_close(journal);
    return (double)(end - begin) / CLOCKS_PER_SEC;
}

/* Ten times the events take about ten times as long, on any machine and under any checker; if the time grew with the
 * square, a hundred times. */
static void test_many(void)
{
    enum { MANY = 20000 };
    double few = time_of_replay("few", MANY / 10), many = time_of_replay("many", MANY);
    ok(many <= 40 * few + 0.2, "... in a time that grows with their number (%.3f s, %.3f s)", few, many);
}

int main(void)
{
    vmtp_ctx_init(&ctx, NULL);
    if (!mkdtemp(dir))
        return 99;
    setenv("XDG_STATE_HOME", dir, 1);
    char *path = NULL;
    ok(vmtp_journal_find(&ctx, "last", &path) == VMTP_ECONFIG, "no run yet");
    vmtp_ctx_forget(&ctx);
    test_damage();
    test_long_line();
    test_write_and_find();
    test_no_head();
    test_full_disk();
    test_many();
    vmtp_ctx_clear(&ctx);
    char *clean = vmtp_format("%s/made-up.jsonl", dir);
    unlink(clean);
    free(clean);
    static const char *const made[] = {"aaaa-1", "aabb-2", "few", "full", "many"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        clean = vmtp_format("%s/vmtp/runs/%s.jsonl", dir, made[i]);
        unlink(clean);
        free(clean);
    }
    static const char *const dirs[] = {"/vmtp/runs", "/vmtp", ""};
    for (size_t i = 0; i < 3; i++) {
        clean = vmtp_format("%s%s", dir, dirs[i]);
        rmdir(clean);
        free(clean);
    }
    return done_testing();
}
