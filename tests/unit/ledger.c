/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

static struct vmtp_ctx ctx;
static char dir[] = "/tmp/vmtp-ledger.XXXXXX";

static const struct vmtp_thing server = {.topology = "cloud", .kind = "server", .id = "47\"11"};
static const struct vmtp_login login = {
    .struct_size = sizeof login, .transport = "ssh", .user = "root", .host = "2001:db8::1", .port = 2222,
    .key_file = "/root/.ssh/lab", .password = "sesame",
};
static const struct vmtp_thing directory = {
    .kind = "directory", .id = "/tmp/vmtp-0123456789abcdef", .endpoint = "root@one", .login = &login,
};

static char *path_of(const char *run)
{
    return vmtp_format("%s/vmtp/runs/%s.ledger", dir, run);
}

static int open_text(const char *text, struct vmtp_ledger **ledger)
{
    VMTP_CLEAN(mem) char *path = path_of("made-up");
    vmtp_ctx_forget(&ctx);
    int rc = vmtp_file_replace(&ctx, path, text, strlen(text));
    return rc < 0 ? rc : vmtp_ledger_open(&ctx, path, ledger);
}

static void test_life(void)
{
    VMTP_CLEAN(mem) char *path = path_of("life");
    struct vmtp_ledger *ledger = vmtp_ledger_new("life"), *other = NULL;
    ok(access(path, F_OK) < 0, "a run that makes nothing has no ledger");
    is_int(vmtp_ledger_track(&ctx, ledger, &server), VMTP_OK, "a thing is tracked");
    is_int(vmtp_ledger_track(&ctx, ledger, &directory), VMTP_OK, "another one");
    is_int(vmtp_ledger_track(&ctx, ledger, &directory), VMTP_OK, "twice is once");
    is_int((long long)vmtp_ledger_left(ledger), 2, "two things");
    char *text = NULL;
    size_t len;
    is_int(vmtp_file_read(&ctx, path, 1 << 20, &text, &len), VMTP_OK, "it is on disk by now");
    ok(strncmp(text, "{\"vmtp_ledger\":1,\"run\":\"life\"}\n", 31) == 0, "the version is in the first line");
    ok(!strstr(text, "sesame"), "no password is in it");
    free(text);
    is_int(vmtp_ledger_open(&ctx, path, &other), VMTP_ENOTSUP, "it cannot be opened while its run is alive");
    is_int(vmtp_ledger_untrack(&ctx, ledger, &server), VMTP_OK, "a thing is gone");
    vmtp_ledger_close(ledger);
    ok(access(path, F_OK) == 0, "the ledger stays as long as something is left");

    struct vmtp_thing thing;
    struct vmtp_login by;
    is_int(vmtp_ledger_open(&ctx, path, &ledger), VMTP_OK, "then it can be opened");
    is(vmtp_ledger_run(ledger), "life", "it knows its run");
    is_int((long long)vmtp_ledger_left(ledger), 1, "and what is left");
    ok(vmtp_ledger_thing(ledger, 0, &thing, &by) && thing.login == &by, "which is on an endpoint");
    is(thing.id, directory.id, "its id");
    is(by.host, login.host, "its host");
    is(by.key_file, login.key_file, "the key");
    is_int(by.port, 2222, "the port");
    ok(by.password == NULL, "no password");
    VMTP_CLEAN(mem) char *words = vmtp_thing_text(&thing);
    is(words, "directory /tmp/vmtp-0123456789abcdef on root@one", "in words");
    is_int(vmtp_ledger_untrack(&ctx, ledger, &directory), VMTP_OK, "the last thing goes");
    vmtp_ledger_close(ledger);
    ok(access(path, F_OK) < 0, "and the ledger with it");
}

static void test_hostile(void)
{
    static const struct {
        const char *text, *what;
        int rc;
    } cases[] = {
        {"", "an empty file", VMTP_EPARSE},
        {"hello\n", "no JSON", VMTP_EPARSE},
        {"{\"vmtp_journal\":1,\"run\":\"x\"}\n", "a journal", VMTP_EPARSE},
        {"{\"vmtp_ledger\":2,\"run\":\"x\"}\n", "a newer version", VMTP_EPARSE},
        {"{\"vmtp_ledger\":1,\"run\":\"x\"}\n{\"made\":5}\n", "a thing that is a number", VMTP_EPARSE},
        {"{\"vmtp_ledger\":1,\"run\":\"x\"}\n{\"made\":{\"kind\":\"a\",\"id\":\"b\"}}\n", "nobody's thing",
         VMTP_EPARSE},
        {"{\"vmtp_ledger\":1,\"run\":\"x\"}\n\n", "an empty line", VMTP_EPARSE},
        {"{\"vmtp_ledger\":1,\"run\":\"x\"}\n{\"gone\":[]}\n{\"later\":1}\n{\"topology\":7}\n", "what is of no use",
         VMTP_OK},
        {"{\"vmtp_ledger\":1,\"run\":\"x\"}\n{\"made\":{\"to", "a torn last line", VMTP_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmtp_ledger *ledger = NULL;
        is_int(open_text(cases[i].text, &ledger), cases[i].rc, cases[i].what);
        vmtp_ledger_close(ledger);
    }
}

/* What is added behind a torn line is read again. */
static void test_torn(void)
{
    struct vmtp_ledger *ledger = NULL;
    VMTP_CLEAN(mem) char *path = path_of("made-up");
    is_int(open_text("{\"vmtp_ledger\":1,\"run\":\"x\"}\n{\"made\":{\"topology\":\"t\",\"kind\":\"a\",\"id\":\"1\"}}\n"
                     "{\"made\":{\"topology\":\"t\",\"kind\":\"a\",\"id\":\"2\"}}\n{\"made\":{\"to", &ledger),
           VMTP_OK, "torn");
    const struct vmtp_thing thing = {.topology = "t", .kind = "a", .id = "2"};
    is_int(vmtp_ledger_untrack(&ctx, ledger, &thing), VMTP_OK, "one is removed");
    vmtp_ledger_close(ledger);
    is_int(vmtp_ledger_open(&ctx, path, &ledger), VMTP_OK, "it can be read again");
    is_int((long long)vmtp_ledger_left(ledger), 1, "one is left");
    vmtp_ledger_close(ledger);
    unlink(path);
}

/* A full disk: the thing must not be made, and what was there before stays readable. */
static void test_full_disk(void)
{
    VMTP_CLEAN(mem) char *path = path_of("full");
    struct vmtp_ledger *ledger = vmtp_ledger_new("full");
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    limit = before;
    limit.rlim_cur = 120;
    is_int(vmtp_ledger_track(&ctx, ledger, &server), VMTP_OK, "one thing");
    setrlimit(RLIMIT_FSIZE, &limit);
    is_int(vmtp_ledger_track(&ctx, ledger, &directory), VMTP_EFAIL, "no room for the next");
    setrlimit(RLIMIT_FSIZE, &before);
    vmtp_ledger_close(ledger);
    is_int(vmtp_ledger_open(&ctx, path, &ledger), VMTP_OK, "it can still be read");
    is_int((long long)vmtp_ledger_left(ledger), 1, "the first thing is in it");
    vmtp_ledger_close(ledger);
    unlink(path);
}

int main(void)
{
    vmtp_ctx_init(&ctx, NULL);
    if (!mkdtemp(dir))
        return 99;
    setenv("XDG_STATE_HOME", dir, 1);
    test_life();
    test_hostile();
    test_torn();
    test_full_disk();
    VMTP_CLEAN(mem) char *runs = vmtp_format("%s/vmtp/runs", dir), *vmtp = vmtp_format("%s/vmtp", dir);
    ok(rmdir(runs) == 0 && rmdir(vmtp) == 0 && rmdir(dir) == 0, "nothing else was made");
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
