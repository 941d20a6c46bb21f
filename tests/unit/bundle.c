/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are brought along: what an ELF file says, what a loader lists, what becomes of a bad copy. */
#include <elf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/bundle.h"
#include "core/ctx.h"
#include "core/elf-file.h"
#include "core/log.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

static void test_elf(void)
{
    VMTP_CLEAN(mem) char *bytes = NULL;
    size_t n = 0;
    struct vmtp_elf elf;
    struct utsname here;
    uname(&here);
    if (vmtp_file_read(NULL, "/proc/self/exe", 64 << 20, &bytes, &n) < 0 || !ok(n > 1000, "this program can be read"))
        return;
    ok(vmtp_elf_parse(bytes, n, &elf), "this program is one");
    ok(access(elf.interpreter, X_OK) == 0, "with a loader that is there: %s", elf.interpreter);
    ok(vmtp_elf_runs_on(&elf, here.machine), "it runs on this machine");
    ok(!vmtp_elf_runs_on(&elf, "sparc64"), "not on another");
    ok(!vmtp_elf_runs_on(&elf, ""), "not on one without a name");

    size_t parsed = 0;
    for (size_t cut = 0; cut < 512; cut++) { /* in a block of its own size, so that a sanitizer sees reads beyond it */
        VMTP_CLEAN(mem) char *part = malloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        parsed += vmtp_elf_parse(part, cut, &elf);
    }
    is_int((long long)parsed, 0, "none that is cut off before its loader's name");
    for (size_t i = 4; i < 1024 && i < n; i++) { /* each byte wrong in turn */
        bytes[i] ^= (char)0xff;
        if (vmtp_elf_parse(bytes, n, &elf) && !memchr(elf.interpreter, '\0', sizeof elf.interpreter))
            ok(false, "a wrong byte %zu", i);
        bytes[i] ^= (char)0xff;
    }
    static const char script[] = "#!/bin/sh\nexec nuttcp.real \"$@\"\n# and some more text\n";
    ok(!vmtp_elf_parse(script, sizeof script, &elf), "a script is none");
}

static int keep(vmtp_ctx *ctx, void *arg, const char *name, const char *file)
{
    (void)ctx;
    return vmtp_buf_printf(arg, "%s=%s ", name, file);
}

static void test_list(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(buf) struct vmtp_buf found = VMTP_BUF(1000);
    is_int(vmtp_bundle_list(&ctx,
                            "\tlinux-vdso.so.1 (0x00007ffd3a5f2000)\n"
                            "\tlibc.so.6 => /etc/passwd (0x00007f4f3c000000)\n"
                            "\t/bin/sh (0x00007f4f3c400000)\n",
                            "/bin/sh", keep, &found),
           VMTP_OK, "what glibc's loader prints");
    is(vmtp_buf_text(&found), "libc.so.6=/etc/passwd ", "is understood");
    vmtp_buf_reset(&found);
    is_int(vmtp_bundle_list(&ctx,
                            "\t/bin/sh (0x7f0a8d5e4000)\n"
                            "\tlibz.so.1 => /etc/passwd (0x7f0a8d5c0000)\n"
                            "\tlibc.musl-x86_64.so.1 => /bin/sh (0x7f0a8d5e4000)\n",
                            "/bin/sh", keep, &found),
           VMTP_OK, "what musl's loader prints");
    is(vmtp_buf_text(&found), "libz.so.1=/etc/passwd ", "too");
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"\tlibx.so => not found\n", "needs the library libx.so, which is not here"},
        {"\t/opt/none/libx.so (0x00007f4f3c000000)\n", "which is not here"},
        {"\t/etc/passwd (0x00007f4f3c000000)\n", "needs the library /etc/passwd at that very path"},
        {"\t../x => /etc/passwd (0x1)\n", "at that very path"},
        {"\t-rf => /etc/passwd (0x1)\n", "at that very path"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        is_int(vmtp_bundle_list(&ctx, bad[i].text, "/bin/sh", keep, &found), VMTP_EPARSE, bad[i].text + 1);
        contains(vmtp_ctx_error(&ctx, VMTP_EPARSE), bad[i].words, "is told");
        vmtp_ctx_forget(&ctx);
    }
}

/* This machine as if it were another one, whose files arrive as `arrives` says. */
static enum { WHOLE, CHANGED, LOST } arrives;

static int upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    int rc = vmtp_transport_local.upload(ctx, ep, local, remote, mode);
    if (arrives == CHANGED && strstr(remote, "loader")) {
        FILE *file = fopen(remote, "r+");
        fseek(file, 5000, SEEK_SET);
        int c = fgetc(file);
        fseek(file, 5000, SEEK_SET);
        fputc(c ^ 1, file);
        fclose(file);
    } else if (arrives == LOST && strstr(remote, "libc.")) {
        unlink(remote);
    }
    return rc;
}

static void test_bring(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    vmtp_log_set_level(VMTP_LOG_WARNING);
    struct vmtp_transport other = vmtp_transport_local;
    other.name = "other";
    other.upload = upload;
    struct vmtp_endpoint *ep = vmtp_endpoint_new("there");
    struct vmtp_login login = {.struct_size = sizeof login, .transport = "local"};
    if (vmtp_endpoint_login(&ctx, ep, &login) < 0 || vmtp_connect(&ctx, &ep, 1) < 0)
        ok(false, "cannot connect to this machine");
    ep->transport = &other;
    struct vmtp_bundles *bundles = vmtp_bundles_new();
    char *path = NULL;
    struct stat st;

    arrives = CHANGED;
    is_int(vmtp_bundle_bring(&ctx, bundles, ep, "sleep", &path), VMTP_EREMOTE, "a copy with one wrong bit");
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), "sleep did not arrive unchanged on there", "is told");
    vmtp_ctx_forget(&ctx);
    VMTP_CLEAN(mem) char *dir = vmtp_format("%s/sleep.d", ep->workdir);
    ok(stat(dir, &st) < 0, "and removed");
    arrives = LOST;
    is_int(vmtp_bundle_bring(&ctx, bundles, ep, "sleep", &path), VMTP_EREMOTE, "a file that is not there afterwards");
    vmtp_ctx_forget(&ctx);
    arrives = WHOLE;
    if (is_int(vmtp_bundle_bring(&ctx, bundles, ep, "sleep", &path), VMTP_OK, "a good copy")) {
        VMTP_CLEAN(output) struct vmtp_output out = {0};
        const char *const argv[] = {path, "0", NULL}, *const bad[] = {path, "no number", NULL};
        is_int(vmtp_exec(&ctx, ep, argv, &out), VMTP_OK, "is started");
        is_int(out.exit_status, 0, "and works");
        is_int(vmtp_exec(&ctx, ep, bad, &out), VMTP_OK, "with words that have blanks");
        contains(out.err, "no number", "as one word");
        ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "nobody else sees it");
    }
    free(path);
    is_int(vmtp_bundle_bring(&ctx, bundles, ep, "no-such-program", &path), VMTP_ENOTSUP, "what is not here");
    contains(vmtp_ctx_error(&ctx, VMTP_ENOTSUP), "this machine has no no-such-program", "is told");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_bundle_bring(&ctx, bundles, ep, "ldd", &path), VMTP_ENOTSUP, "a script");
    contains(vmtp_ctx_error(&ctx, VMTP_ENOTSUP), "is no ELF program", "is not brought");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_endpoint_property(&ctx, ep, "arch", "sparc64"), VMTP_OK, "as if it were of another make");
    is_int(vmtp_bundle_bring(&ctx, bundles, ep, "sleep", &path), VMTP_ENOTSUP, "another machine");
    contains(vmtp_ctx_error(&ctx, VMTP_ENOTSUP), "there is sparc64 and ", "is told");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_workdir_remove(&ctx, ep, ep->workdir), VMTP_OK, "all of it is removed");
    vmtp_bundles_free(bundles);
    vmtp_endpoint_free(ep);
}

int main(void)
{
    test_elf();
    test_list();
    test_bring();
    return done_testing();
}
