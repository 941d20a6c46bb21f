/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/image-file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { HEAD_BYTES = 64 * 1024, CHUNK_BYTES = 64 * 1024 };

void vmtp_image_file_close(struct vmtp_image_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct vmtp_image_file){.fd = -1};
}

/* How much of a URL is for messages: a query may be what lets in. */
static int shown(const char *url)
{
    return (int)strcspn(url, "?");
}

/* ---- formats ---- */

static double big_endian(const unsigned char *bytes, size_t n)
{
    double value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 256 + bytes[i];
    return value;
}

static double little_endian(const unsigned char *bytes, size_t n)
{
    double value = 0;
    while (n-- > 0)
        value = value * 256 + bytes[n];
    return value;
}

static bool has(const unsigned char *head, size_t n, size_t at, const char *mark, size_t len)
{
    return n >= at + len && memcmp(head + at, mark, len) == 0;
}

/* What is no disk, whatever its name says. */
static bool is_something_else(const unsigned char *head, size_t n)
{
    static const struct {
        const char *mark;
        size_t len;
    } marks[] = {{"\x1F\x8B", 2}, {"\xFD" "7zXZ", 5}, {"BZh", 3}, {"\x28\xB5\x2F\xFD", 4}, {"PK\x03\x04", 4},
                 {"7z\xBC\xAF", 4}, {"<", 1}, {"{", 1}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (has(head, n, 0, marks[i].mark, marks[i].len))
            return true;
    size_t text = 0; /* an error message, a list of checksums */
    while (text < n && (isprint(head[text]) || isspace(head[text])))
        text++;
    return text == n;
}

/* The marks are those of the formats' own specifications; ISO 9660 has its in sector 16, VDI behind a text. */
const char *vmtp_image_format(const unsigned char *head, size_t n, double *virtual_size)
{
    *virtual_size = 0;
    if (has(head, n, 0, "QFI\xFB", 4)) {
        *virtual_size = n >= 32 ? big_endian(head + 24, 8) : 0;
        return "qcow2";
    }
    if (has(head, n, 0, "KDMV", 4)) {
        *virtual_size = n >= 20 ? little_endian(head + 12, 8) * 512 : 0;
        return "vmdk";
    }
    if (has(head, n, 0, "vhdxfile", 8))
        return "vhdx";
    if (has(head, n, 0, "conectix", 8))
        return "vhd";
    if (has(head, n, 64, "\x7F\x10\xDA\xBE", 4))
        return "vdi";
    if (has(head, n, 32769, "CD001", 5))
        return "iso";
    return n == 0 || is_something_else(head, n) ? NULL : "raw";
}

/* Reads the beginning of fd and finds out what it is. */
static int look(vmtp_ctx *ctx, const char *url, struct vmtp_image_file *file)
{
    VMTP_CLEAN(mem) unsigned char *head = malloc(HEAD_BYTES);
    size_t n = 0;
    if (!head)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    while (n < HEAD_BYTES) {
        ssize_t got = pread(file->fd, head + n, HEAD_BYTES - n, (off_t)n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "%.*s: %s", shown(url), url, vmtp_errno());
        if (got == 0)
            break;
        n += (size_t)got;
    }
    file->format = vmtp_image_format(head, n, &file->virtual_size);
    if (!file->format)
        return vmtp_fail(ctx, VMTP_EFAIL, "%.*s: not a disk image (%s)", shown(url), url,
                         n == 0 ? "it is empty" : "a text, or something compressed that has to be unpacked first");
    if (strcmp(file->format, "raw") == 0)
        file->virtual_size = file->size;
    return VMTP_OK;
}

/* ---- files ---- */

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

char *vmtp_file_url_path(const char *url)
{
    static const char scheme[] = "file://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0 || url[sizeof scheme - 1] != '/')
        return NULL;
    char *path = strdup(url + sizeof scheme - 1), *out = path;
    for (const char *in = path; in && *in; in++, out++) {
        bool escaped = in[0] == '%' && isxdigit((unsigned char)in[1]) && isxdigit((unsigned char)in[2]);
        *out = escaped ? (char)(hex_value(in[1]) * 16 + hex_value(in[2])) : *in;
        in += escaped ? 2 : 0;
    }
    if (path)
        *out = '\0';
    return path;
}

static bool is_file_url(const char *url)
{
    return strncmp(url, "file:", 5) == 0;
}

static int open_file(vmtp_ctx *ctx, const char *url, struct vmtp_image_file *file)
{
    struct stat st;
    VMTP_CLEAN(mem) char *path = vmtp_file_url_path(url);
    if (!path)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: not of the form file:///PATH", url);
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &st) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%.*s: %s", shown(url), url, vmtp_errno());
    if (!S_ISREG(st.st_mode))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: not a regular file", url);
    file->size = (double)st.st_size;
    return VMTP_OK;
}

/* A file that nobody else sees and that is gone when it is closed. Images are too large for a /tmp in memory. */
static int open_nameless(vmtp_ctx *ctx, struct vmtp_image_file *file)
{
    const char *directory = getenv("TMPDIR");
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/vmtp-image.XXXXXX", directory && *directory ? directory : "/var/tmp");
    if (!path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    file->fd = mkstemp(path);
    if (file->fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s (TMPDIR says where files are made)", path, vmtp_errno());
    (void)fcntl(file->fd, F_SETFD, FD_CLOEXEC);
    unlink(path);
    return VMTP_OK;
}

/* ---- probing ---- */

struct probe {
    bool enough;
    double total;
};

static int stop_early(void *arg, double done, double total)
{
    struct probe *probe = arg;
    probe->total = total;
    probe->enough = done >= HEAD_BYTES;
    return probe->enough ? VMTP_EFAIL : VMTP_OK;
}

/* A password in a URL would be in messages, and on the way of every redirection. */
static int refuse_login(vmtp_ctx *ctx, const char *url)
{
    const char *host = strstr(url, "://");
    if (is_file_url(url) || !host || host[3 + strcspn(host + 3, "/?#@")] != '@')
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ECONFIG, "vm_image_url: a user and a password in a URL are not supported: download the "
                                        "image, and give file:///PATH");
}

int vmtp_image_probe(vmtp_ctx *ctx, const char *url, struct vmtp_image_file *file)
{
    int rc = refuse_login(ctx, url);
    if (rc < 0)
        return rc;
    if (is_file_url(url)) {
        rc = open_file(ctx, url, file);
    } else {
        struct probe probe = {.total = -1};
        VMTP_CLEAN(ctx) struct vmtp_ctx child;
        vmtp_ctx_child(&child, ctx, 0);
        rc = open_nameless(ctx, file);
        if (rc == VMTP_OK)
            rc = vmtp_os_download(&child, url, file->fd, stop_early, &probe);
        if (probe.enough)
            rc = VMTP_OK;
        else if (rc < 0 && child.causes.len)
            rc = vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&child, rc));
        file->size = probe.total > 0 ? probe.total : 0;
    }
    if (rc == VMTP_OK)
        rc = look(ctx, url, file);
    if (rc < 0)
        vmtp_image_file_close(file);
    return rc;
}

/* ---- fetching ---- */

/* Hex of what fd holds, compared with hex. */
static int compare_sum(vmtp_ctx *ctx, const char *url, int fd, EVP_MD_CTX *sum, const char *hex)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    VMTP_CLEAN(mem) unsigned char *chunk = malloc(CHUNK_BYTES);
    if (!chunk)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, chunk, CHUNK_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "%.*s: %s", shown(url), url, vmtp_errno());
        if (n == 0)
            break;
        if (vmtp_cancelled(ctx))
            return vmtp_fail(ctx, VMTP_ECANCELED, "interrupted");
        if (!EVP_DigestUpdate(sum, chunk, (size_t)n))
            return vmtp_fail(ctx, VMTP_EFAIL, "checksum: the library refuses");
        at += n;
    }
    if (!EVP_DigestFinal_ex(sum, raw, &len))
        return vmtp_fail(ctx, VMTP_EFAIL, "checksum: the library refuses");
    for (unsigned i = 0; i < len; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", raw[i]);
    if (strcasecmp(text, hex) == 0)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_EFAIL, "%.*s: its checksum is %s, where vm_image_checksum is %s", shown(url), url,
                     text, hex);
}

static int check_sum(vmtp_ctx *ctx, const char *url, int fd, const char *checksum)
{
    const char *colon = strchr(checksum, ':'), *hex = colon ? colon + 1 : checksum;
    size_t len = strlen(hex);
    const EVP_MD *kind = len == 32 ? EVP_md5() : len == 64 ? EVP_sha256() : EVP_sha512();
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    int rc = sum && EVP_DigestInit_ex(sum, kind, NULL)
                 ? compare_sum(ctx, url, fd, sum, hex)
                 : vmtp_fail(ctx, VMTP_EFAIL, "checksum: the library does not know this kind");
    EVP_MD_CTX_free(sum);
    return rc;
}

int vmtp_image_fetch(vmtp_ctx *ctx, const char *url, const char *checksum, vmtp_os_progress_fn progress, void *arg,
                     struct vmtp_image_file *file)
{
    int rc;
    struct stat st;
    if (is_file_url(url)) {
        rc = open_file(ctx, url, file);
    } else {
        rc = open_nameless(ctx, file);
        if (rc == VMTP_OK)
            rc = vmtp_os_download(ctx, url, file->fd, progress, arg);
        if (rc == VMTP_OK && fstat(file->fd, &st) == 0)
            file->size = (double)st.st_size;
    }
    if (rc == VMTP_OK)
        rc = look(ctx, url, file);
    if (rc == VMTP_OK && checksum)
        rc = check_sum(ctx, url, file->fd, checksum);
    if (rc < 0)
        vmtp_image_file_close(file);
    return rc;
}
