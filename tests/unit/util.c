/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

static void test_buf(void)
{
    VMTP_CLEAN(buf) struct vmtp_buf buf = VMTP_BUF(5);
    is(vmtp_buf_text(&buf), "", "an empty buffer is empty text");
    is_int(vmtp_buf_text_add(&buf, "abc"), VMTP_OK, "what fits is added");
    is_int(vmtp_buf_text_add(&buf, "defg"), VMTP_EFAIL, "the ceiling holds");
    is(vmtp_buf_text(&buf), "abcde", "what fits is kept");
    ok(buf.cut, "and the cut is told");
}

static void test_names(void)
{
    static const char *const names[] = {"protocols", "availability_zone", "tp-tool", "time", "times", NULL};
    is(vmtp_nearest("protocls", names), "protocols", "one letter missing");
    is(vmtp_nearest("availabilty-zone", names), "availability_zone", "hyphen and underscore are the same");
    is(vmtp_nearest("pt-tool", names), "tp-tool", "two letters swapped");
    is(vmtp_nearest("zebra", names), NULL, "nothing near is no suggestion");
    is(vmtp_nearest("tiimes", names), "times", "the nearest one, whichever comes first");
    is(vmtp_nearest("tim", names), "time", "though it is shorter");
    is(vmtp_nearest("itme", names), "time", "the first two letters swapped");
    is(vmtp_nearest("timer", names), "time", "of two that are as near the first");
    ok(vmtp_same_name("Test_Description", "test-description"), "names compare as users spell them");
}

static void test_printable(void)
{
    char hostile[] = "\033[2Jroot\x9b\x07 gr\xc3\xbc\xc3\x9f\xc2\x9b" "\xe2\x82\n";
    vmtp_printable(hostile);
    is(hostile, "?[2Jroot?? gr\xc3\xbc\xc3\x9f????", "no escape reaches a terminal, valid UTF-8 stays");
}

static void test_ctx(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    is(vmtp_ctx_error(&ctx, VMTP_ETIMEOUT), "timed out", "a status without words has standard words");
    int rc = vmtp_fail(&ctx, VMTP_EREMOTE, "exit %d on %s", 1, "vm-b");
    vmtp_ctx_frame(&ctx, "tool %s", "iperf");
    is_int(rc, VMTP_EREMOTE, "vmtp_fail returns the status");
    is(vmtp_ctx_error(&ctx, rc), "tool iperf: exit 1 on vm-b", "frames stand in front");

    VMTP_CLEAN(ctx) struct vmtp_ctx child;
    vmtp_ctx_child(&child, &ctx, 0.01);
    double begin = vmtp_now();
    is_int(vmtp_wait(&child, 5), VMTP_ETIMEOUT, "a wait ends at the deadline");
    ok(vmtp_now() - begin < within(2), "and not later");

    atomic_bool cancel = true;
    VMTP_CLEAN(ctx) struct vmtp_ctx stopped;
    vmtp_ctx_init(&stopped, &cancel);
    is_int(vmtp_wait(&stopped, 5), VMTP_ECANCELED, "an interrupt ends a wait");
}

static int write_three(vmtp_ctx *ctx, void *arg, FILE *out)
{
    (void)ctx;
    for (int i = 0; i < 3; i++)
        fputs(arg, out);
    return VMTP_OK;
}

static int write_in_vain(vmtp_ctx *ctx, void *arg, FILE *out)
{
    fputs(arg, out);
    return vmtp_fail(ctx, VMTP_EPARSE, "it is no use");
}

static void test_streams(vmtp_ctx *ctx, const char *path)
{
    VMTP_CLEAN(mem) char *text = NULL, *again = NULL;
    char words[] = "word ";
    size_t len = 0;
    is_int(vmtp_file_stream(ctx, path, write_three, words), VMTP_OK, "a file is written piece by piece");
    is_int(vmtp_file_read(ctx, path, 100, &text, &len), VMTP_OK, "it is read back");
    is(text, "word word word ", "with all pieces");
    is_int(vmtp_file_stream(ctx, path, write_in_vain, words), VMTP_EPARSE, "a writer that fails is an error");
    contains(vmtp_ctx_error(ctx, VMTP_EPARSE), "it is no use", "with its words");
    is_int(vmtp_file_read(ctx, path, 100, &again, &len), VMTP_OK, "the file is there");
    is(again, "word word word ", "and as it was");
    if (access("/dev/full", W_OK) < 0) {
        skip(2, "no /dev/full");
        return;
    }
    is_int(vmtp_file_stream(ctx, "/dev/full", write_three, words), VMTP_EFAIL, "a full disk is an error");
    contains(vmtp_ctx_error(ctx, VMTP_EFAIL), "cannot write /dev/full: No space", "which is told");
}

static void test_files(void)
{
    char dir[] = "/tmp/vmtp-unit.XXXXXX";
    if (!mkdtemp(dir)) {
        ok(false, "a temporary directory");
        return;
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/a.json", dir);
    is_int(vmtp_file_replace(&ctx, path, "one", 3), VMTP_OK, "a file is written");
    chmod(path, 0640);
    is_int(vmtp_file_replace(&ctx, path, "two", 3), VMTP_OK, "and replaced");
    struct stat st;
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "it keeps its mode");
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    is_int(vmtp_file_read(&ctx, path, 100, &text, &len), VMTP_OK, "it is read back");
    is(text, "two", "with the new content");
    VMTP_CLEAN(mem) char *more = NULL;
    is_int(vmtp_file_read(&ctx, path, 2, &more, &len), VMTP_EFAIL, "a file over the limit is refused");
    contains(vmtp_ctx_error(&ctx, VMTP_EFAIL), path, "naming it");
    VMTP_CLEAN(mem) char *nowhere = vmtp_format("%s/none/a.json", dir);
    is_int(vmtp_file_replace(&ctx, nowhere, "x", 1), VMTP_EFAIL, "a missing directory is an error");
    test_streams(&ctx, path);
    unlink(path);
    ok(rmdir(dir) == 0, "no other file is left beside it");
}

int main(void)
{
    test_buf();
    test_names();
    test_printable();
    test_ctx();
    test_files();
    return done_testing();
}
