/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bundle.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/ctx.h"
#include "core/elf-file.h"
#include "core/quote.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { FILES_MAX = 64, FILE_MAX = 64 << 20, NAME_LEN_MAX = 128, SHA256_HEX = 64 };
static const uint64_t TOTAL_MAX = 128 << 20;

struct bundle_file {
    char *local, *name; /* here, and in the directory there */
    uint64_t size;
    char sha256[SHA256_HEX + 1];
};

/* files: the program, the loader (of a dynamic program), the libraries */
struct bundle {
    char *name;
    struct vmtp_elf elf;
    struct bundle_file files[FILES_MAX];
    size_t n;
    uint64_t size; /* of all files */
    struct bundle *next;
};

struct vmtp_bundles {
    pthread_mutex_t finding; /* the rest is used under it; a bundle that was found does not change any more */
    struct bundle *first;
    struct vmtp_endpoint *here;
};

static void bundle_free(struct bundle *bundle)
{
    for (size_t i = 0; bundle && i < bundle->n; i++) {
        free(bundle->files[i].local);
        free(bundle->files[i].name);
    }
    if (bundle)
        free(bundle->name);
    free(bundle);
}

struct vmtp_bundles *vmtp_bundles_new(void)
{
    struct vmtp_bundles *bundles = calloc(1, sizeof *bundles);
    if (bundles)
        pthread_mutex_init(&bundles->finding, NULL);
    return bundles;
}

void vmtp_bundles_free(struct vmtp_bundles *bundles)
{
    if (!bundles)
        return;
    while (bundles->first) {
        struct bundle *bundle = bundles->first;
        bundles->first = bundle->next;
        bundle_free(bundle);
    }
    vmtp_endpoint_free(bundles->here);
    pthread_mutex_destroy(&bundles->finding);
    free(bundles);
}

/* ---- what a program needs ---- */

/* Names of files there: nothing that a shell, a path or --library-path could take for something else. */
static bool is_plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";
    size_t len = strlen(name);
    return len > 0 && len <= NAME_LEN_MAX && name[0] != '.' && name[0] != '-' && strspn(name, letters) == len;
}

/* libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...); the file may be "not found" */
static int list_line(vmtp_ctx *ctx, char *line, const char *loader,
                     int (*add)(vmtp_ctx *ctx, void *arg, const char *name, const char *file), void *arg)
{
    line += strspn(line, " \t");
    char *address = strstr(line, " (0x");
    if (address)
        *address = '\0';
    char *arrow = strstr(line, " => ");
    const char *file = arrow ? arrow + 4 : line;
    if (arrow)
        *arrow = '\0';
    if (!arrow && !strchr(line, '/'))
        return VMTP_OK; /* what the kernel provides, or "statically linked" */
    VMTP_CLEAN(mem) char *real = realpath(file, NULL);
    VMTP_CLEAN(mem) char *real_loader = realpath(loader, NULL);
    if (file[0] != '/' || !real)
        return vmtp_fail(ctx, VMTP_EPARSE, "it needs the library %s, which is not here", line);
    if (real_loader && strcmp(real, real_loader) == 0)
        return VMTP_OK;
    if (!is_plain_name(line))
        return vmtp_fail(ctx, VMTP_EPARSE, "it needs the library %s at that very path", line);
    return add(ctx, arg, line, file);
}

int vmtp_bundle_list(vmtp_ctx *ctx, const char *text, const char *loader,
                     int (*add)(vmtp_ctx *ctx, void *arg, const char *name, const char *file), void *arg)
{
    int rc = VMTP_OK;
    while (*text && rc == VMTP_OK) {
        size_t n = strcspn(text, "\n");
        VMTP_CLEAN(mem) char *line = strndup(text, n);
        rc = line ? list_line(ctx, line, loader, add, arg) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        text += n + (text[n] == '\n');
    }
    return rc;
}

static bool digest(const char *bytes, size_t n, char hex[SHA256_HEX + 1])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!EVP_Digest(bytes, n, raw, &len, EVP_sha256(), NULL) || len * 2 != SHA256_HEX)
        return false;
    for (unsigned i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    return true;
}

/* elf: NULL, or filled. */
static int add_file(vmtp_ctx *ctx, struct bundle *bundle, const char *name, const char *local, struct vmtp_elf *elf)
{
    VMTP_CLEAN(mem) char *bytes = NULL;
    size_t n = 0;
    for (size_t i = 0; i < bundle->n; i++)
        if (strcmp(bundle->files[i].name, name) == 0)
            return VMTP_OK;
    if (bundle->n == FILES_MAX)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "it needs more than %d libraries", FILES_MAX - 2);
    int rc = vmtp_file_read(ctx, local, FILE_MAX, &bytes, &n);
    if (rc < 0)
        return rc;
    if (elf && !vmtp_elf_parse(bytes, n, elf))
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s is no ELF program of this machine", local);
    bundle->size += n;
    if (bundle->size > TOTAL_MAX)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "with its libraries it has more than %llu MB",
                         (unsigned long long)TOTAL_MAX >> 20);
    struct bundle_file *file = &bundle->files[bundle->n++];
    *file = (struct bundle_file){.local = strdup(local), .name = strdup(name), .size = n};
    if (!file->local || !file->name)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return digest(bytes, n, file->sha256) ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "no SHA-256 of %s", local);
}

static int add_library(vmtp_ctx *ctx, void *arg, const char *name, const char *file)
{
    return add_file(ctx, arg, name, file, NULL);
}

/* The loader maps the program and its libraries, and runs nothing of them. Without our environment: LD_LIBRARY_PATH. */
static int add_libraries(vmtp_ctx *ctx, struct vmtp_endpoint *here, struct bundle *bundle)
{
    const char *loader = bundle->elf.interpreter, *program = bundle->files[0].local;
    VMTP_CLEAN(mem) char *name = vmtp_format("%s-loader", bundle->name); /* shown by ps(1) */
    if (!name)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = add_file(ctx, bundle, name, loader, NULL);
    if (rc < 0)
        return rc;
    const char *const argv[] = {"env", "-i", loader, "--list", program, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, here, argv, &out);
    if (rc < 0)
        return rc;
    vmtp_printable(out.err);
    if (out.exit_status != 0)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s --list %s: exit %d: %s", loader, program, out.exit_status, out.err);
    return vmtp_bundle_list(ctx, out.out, loader, add_library, bundle);
}

static int open_here(vmtp_ctx *ctx, struct vmtp_bundles *bundles)
{
    const struct vmtp_login login = {.struct_size = sizeof login, .transport = "local"};
    if (bundles->here)
        return VMTP_OK;
    bundles->here = vmtp_endpoint_new("this machine");
    if (!bundles->here)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_endpoint_login(ctx, bundles->here, &login);
    return rc < 0 ? rc : vmtp_connect(ctx, &bundles->here, 1);
}

static int find_bundle(vmtp_ctx *ctx, struct vmtp_bundles *bundles, const char *name, const struct bundle **found)
{
    for (struct bundle *bundle = bundles->first; bundle; bundle = bundle->next)
        if (strcmp(bundle->name, name) == 0) {
            *found = bundle;
            return VMTP_OK;
        }
    if (!is_plain_name(name))
        return vmtp_fail(ctx, VMTP_ENOTSUP, "'%s' is no name of a program", name);
    const char *path = NULL;
    int rc = open_here(ctx, bundles);
    if (rc == VMTP_OK)
        rc = vmtp_program(ctx, bundles->here, name, NULL, &path);
    if (rc < 0)
        return rc;
    struct bundle *made = calloc(1, sizeof *made);
    if (made)
        made->name = strdup(name);
    rc = made && made->name ? add_file(ctx, made, name, path, &made->elf) : VMTP_ENOMEM;
    if (rc == VMTP_OK && made->elf.interpreter[0])
        rc = add_libraries(ctx, bundles->here, made);
    if (rc < 0) {
        bundle_free(made);
        return rc;
    }
    made->next = bundles->first;
    bundles->first = made;
    *found = made;
    return VMTP_OK;
}

/* ---- bringing it ---- */

static int check_machine(vmtp_ctx *ctx, const struct vmtp_endpoint *ep, const struct bundle *bundle)
{
    const char *arch = vmtp_endpoint_text(ep, "arch");
    if (!arch)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "what machine %s is cannot be told (uname -m)", ep->id);
    if (vmtp_elf_runs_on(&bundle->elf, arch))
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ENOTSUP, "%s is %s and %s, which is installed here, is for %s", ep->id, arch,
                     bundle->files[0].local, vmtp_elf_machine(&bundle->elf));
}

/* $1: the script that starts the program; $1.d: the files; $2: the text of the script */
static const char unfold[] = "umask 077; rm -rf \"$1\" \"$1.d\" && mkdir \"$1.d\" && printf %s \"$2\" >\"$1\" && "
                             "chmod 700 \"$1\"";

static int make_script(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct bundle *bundle, const char *path)
{
    VMTP_CLEAN(mem) char *dir = vmtp_format("%s.d", path);
    VMTP_CLEAN(mem) char *program = vmtp_format("%s.d/%s", path, bundle->name);
    VMTP_CLEAN(mem) char *loader = vmtp_format("%s.d/%s-loader", path, bundle->name);
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(16384);
    if (!dir || !program || !loader)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const char *const dynamic[] = {"exec", loader, "--library-path", dir, program, NULL};
    const char *const fixed[] = {"exec", program, NULL};
    int rc = vmtp_buf_text_add(&text, "#!/bin/sh\nunset LD_LIBRARY_PATH LD_PRELOAD\n"); /* of the login's */
    if (rc == VMTP_OK)
        rc = vmtp_quote_argv(&text, bundle->elf.interpreter[0] ? dynamic : fixed);
    if (rc == VMTP_OK)
        rc = vmtp_buf_text_add(&text, " \"$@\"\n");
    if (rc < 0 || strpbrk(dir, ":;")) /* --library-path is a list */
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s on %s is no path that can be used", dir, ep->id);
    const char *const argv[] = {"sh", "-c", unfold, "sh", path, vmtp_buf_text(&text), NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc == VMTP_OK && out.exit_status != 0)
        rc = vmtp_fail(ctx, VMTP_EREMOTE, "cannot make %s on %s: %s", dir, ep->id, out.err);
    return rc;
}

/* The CRC of cksum(1), POSIX. */
static uint32_t cksum(const unsigned char *bytes, size_t n)
{
    uint32_t crc = 0;
    for (size_t i = 0, length = n; i < n || length; i++) {
        unsigned char byte = i < n ? bytes[i] : (unsigned char)length;
        if (i >= n)
            length >>= 8;
        crc ^= (uint32_t)byte << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x80000000u ? 0x04c11db7u : 0);
    }
    return ~crc;
}

/* What the target must say of the files, word for word. */
static int expect(vmtp_ctx *ctx, const struct bundle *bundle, bool by_sha256, struct vmtp_buf *text)
{
    int rc = vmtp_buf_text_add(text, by_sha256 ? "sha256\n" : "cksum\n");
    for (size_t i = 0; i < bundle->n && rc == VMTP_OK; i++) {
        const struct bundle_file *file = &bundle->files[i];
        VMTP_CLEAN(mem) char *bytes = NULL;
        size_t n = 0;
        if (by_sha256) {
            rc = vmtp_buf_printf(text, "%s  %s\n", file->sha256, file->name);
            continue;
        }
        rc = vmtp_file_read(ctx, file->local, FILE_MAX, &bytes, &n);
        if (rc == VMTP_OK)
            rc = vmtp_buf_printf(text, "%lu %zu %s\n", (unsigned long)cksum((unsigned char *)bytes, n), n, file->name);
    }
    return rc;
}

/* $1: the directory; then its files */
static const char sums[] = "cd \"$1\" && shift && "
                           "if command -v sha256sum >/dev/null; then echo sha256 && sha256sum \"$@\"; "
                           "else echo cksum && cksum \"$@\"; fi";

static int verify(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct bundle *bundle, const char *dir)
{
    const char *argv[FILES_MAX + 6] = {"sh", "-c", sums, "sh", dir};
    for (size_t i = 0; i < bundle->n; i++)
        argv[5 + i] = bundle->files[i].name;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    VMTP_CLEAN(buf) struct vmtp_buf want = VMTP_BUF(FILES_MAX * (NAME_LEN_MAX + SHA256_HEX + 8));
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc == VMTP_OK)
        rc = expect(ctx, bundle, strncmp(out.out, "sha256\n", 7) == 0, &want);
    if (rc < 0)
        return rc;
    vmtp_printable(out.err);
    if (out.exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s on %s cannot be verified: neither sha256sum nor cksum there: %s", dir,
                         ep->id, out.err);
    if (strcmp(out.out, vmtp_buf_text(&want)) != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s did not arrive unchanged on %s", bundle->name, ep->id);
    return VMTP_OK;
}

static int copy_files(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct bundle *bundle, const char *dir)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < bundle->n && rc == VMTP_OK; i++) {
        VMTP_CLEAN(mem) char *remote = vmtp_format("%s/%s", dir, bundle->files[i].name);
        bool started = i < 2; /* the program and the loader; a library is read only */
        rc = remote ? vmtp_upload(ctx, ep, bundle->files[i].local, remote, started ? 0700 : 0600) : VMTP_ENOMEM;
    }
    return rc;
}

/* What did not arrive is not left lying around for the rest of the run. */
static void discard(vmtp_ctx *parent, struct vmtp_endpoint *ep, const char *path, const char *dir)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    const char *const argv[] = {"rm", "-rf", path, dir, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    if (vmtp_exec(&ctx, ep, argv, &out) < 0)
        vmtp_debug(parent, "%s: %s stays until the end of the run", ep->id, dir);
}

int vmtp_bundle_bring(vmtp_ctx *ctx, struct vmtp_bundles *bundles, struct vmtp_endpoint *ep, const char *name,
                      char **path)
{
    const struct bundle *bundle = NULL;
    const char *workdir = NULL;
    double begin = vmtp_now();
    *path = NULL;
    pthread_mutex_lock(&bundles->finding);
    int rc = find_bundle(ctx, bundles, name, &bundle);
    pthread_mutex_unlock(&bundles->finding);
    if (rc == VMTP_OK)
        rc = check_machine(ctx, ep, bundle);
    if (rc == VMTP_OK)
        rc = vmtp_workdir(ctx, ep, &workdir);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *script = vmtp_format("%s/%s", workdir, name);
    VMTP_CLEAN(mem) char *dir = vmtp_format("%s/%s.d", workdir, name);
    if (!script || !dir)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    rc = make_script(ctx, ep, bundle, script);
    if (rc == VMTP_OK)
        rc = copy_files(ctx, ep, bundle, dir);
    if (rc == VMTP_OK)
        rc = verify(ctx, ep, bundle, dir);
    if (rc < 0) {
        discard(ctx, ep, script, dir);
        return rc;
    }
    vmtp_info(ctx, "%s has no %s: brought %s with its libraries (%zu files, %.1f MB) to %s in %.2f s", ep->id, name,
              bundle->files[0].local, bundle->n, (double)bundle->size / 1e6, workdir, vmtp_now() - begin);
    *path = VMTP_TAKE(script);
    return VMTP_OK;
}
