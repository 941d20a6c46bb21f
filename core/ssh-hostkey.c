/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-hostkey.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum {
    KNOWN_HOSTS_MAX = 16 << 20, /* bytes of a file */
    LINE_MAX_ = 64 << 10,       /* a longer line is none of known_hosts */
    HASH_SIZE = 20,             /* of SHA-1 */
    DEFAULT_PORT = 22,
    WORDS_MAX = 10000, /* of a refusal: the path of a file is in it twice */
};

/* ---- one line ---- */

struct field {
    const char *text;
    size_t len;
};

/* Takes the next word off *p, up to `end`. */
static struct field take_field(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t'))
        (*p)++;
    struct field field = {.text = *p};
    while (*p < end && **p != ' ' && **p != '\t')
        (*p)++;
    field.len = (size_t)(*p - field.text);
    return field;
}

static bool field_is(struct field field, const char *text)
{
    return field.len == strlen(text) && memcmp(field.text, text, field.len) == 0;
}

/* '*' and '?', letters of either case. Goes back to the last star only, so a pattern of many stars costs no more than
 * the product of the lengths. */
static bool matches_pattern(struct field pattern, const char *name)
{
    size_t p = 0, star = 0;
    const char *resume = NULL;
    while (*name) {
        if (p < pattern.len && pattern.text[p] == '*') {
            star = ++p;
            resume = name;
        } else if (p < pattern.len &&
                   (pattern.text[p] == '?' || tolower((unsigned char)pattern.text[p]) == (unsigned char)*name)) {
            p++;
            name++;
        } else if (resume) {
            p = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.text[p] == '*')
        p++;
    return p == pattern.len;
}

/* A list of patterns with commas; one that is negated with '!' and matches wins over all others. */
static bool matches_list(struct field hosts, const char *name)
{
    bool found = false;
    for (size_t begin = 0; begin < hosts.len;) {
        const char *comma = memchr(hosts.text + begin, ',', hosts.len - begin);
        struct field pattern = {.text = hosts.text + begin};
        pattern.len = comma ? (size_t)(comma - pattern.text) : hosts.len - begin;
        begin += pattern.len + 1;
        const bool negated = pattern.len && pattern.text[0] == '!';
        pattern.text += negated;
        pattern.len -= negated;
        if (pattern.len && matches_pattern(pattern, name)) {
            if (negated)
                return false;
            found = true;
        }
    }
    return found;
}

/* True when the field is base64 of HASH_SIZE bytes; *rc is VMTP_ENOMEM when that could not be found out. */
static bool take_hash(const char *text, size_t len, unsigned char hash[HASH_SIZE], int *rc)
{
    VMTP_CLEAN(mem) unsigned char *bytes = NULL;
    size_t n = 0;
    int decoded = vmtp_ssh_base64(text, len, &bytes, &n);
    if (decoded == VMTP_ENOMEM)
        *rc = decoded;
    if (decoded < 0 || n != HASH_SIZE)
        return false;
    memcpy(hash, bytes, HASH_SIZE);
    return true;
}

/* "|1|SALT|HASH": HMAC-SHA1 of the name, the salt is the key (hostfile of OpenSSH). */
static int matches_hash(struct field hosts, const char *name, bool *same)
{
    const char *salt = hosts.text + 3, *end = hosts.text + hosts.len;
    const char *bar = memchr(salt, '|', (size_t)(end - salt));
    int rc = VMTP_OK;
    unsigned char key[HASH_SIZE], hash[HASH_SIZE], ours[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!bar || !take_hash(salt, (size_t)(bar - salt), key, &rc) ||
        !take_hash(bar + 1, (size_t)(end - bar - 1), hash, &rc))
        return rc;
    if (!HMAC(EVP_sha1(), key, HASH_SIZE, (const unsigned char *)name, strlen(name), ours, &n))
        return VMTP_ENOMEM;
    *same = n == HASH_SIZE && memcmp(ours, hash, HASH_SIZE) == 0;
    return VMTP_OK;
}

/* VMTP_ENOMEM: a line that was passed over could be the one that revokes the key. */
static int matches(struct field hosts, const char *name, bool *same)
{
    *same = false;
    if (hosts.len > 3 && memcmp(hosts.text, "|1|", 3) == 0)
        return matches_hash(hosts, name, same);
    *same = hosts.len && hosts.text[0] != '|' && matches_list(hosts, name);
    return VMTP_OK;
}

/* The key's own first string must be the type that stands in front of it: else *blob stays NULL. */
static int decode_key(struct field type, struct field base64, unsigned char **blob, size_t *len)
{
    VMTP_CLEAN(mem) unsigned char *bytes = NULL;
    int rc = vmtp_ssh_base64(base64.text, base64.len, &bytes, len);
    if (rc < 0)
        return rc == VMTP_ENOMEM ? rc : VMTP_OK;
    const unsigned char *p = bytes, *inner;
    size_t left = *len, inner_len;
    if (vmtp_ssh_take_string(&p, &left, &inner, &inner_len) && inner_len == type.len &&
        memcmp(inner, type.text, type.len) == 0)
        *blob = VMTP_TAKE(bytes);
    return VMTP_OK;
}

static int add_key(struct vmtp_known_hosts *known, const struct vmtp_known_key *key, struct field type,
                   const char *file, unsigned long line)
{
    struct vmtp_known_key *keys = realloc(known->keys, (known->n + 1) * sizeof *keys);
    if (!keys)
        return VMTP_ENOMEM;
    known->keys = keys;
    keys[known->n] = *key;
    memcpy(keys[known->n].type, type.text, type.len);
    keys[known->n].type[type.len] = '\0';
    keys[known->n].place = vmtp_format("%s:%lu", file, line);
    return keys[known->n++].place ? VMTP_OK : VMTP_ENOMEM;
}

static int parse_line(struct vmtp_known_hosts *known, const char *file, unsigned long line, struct field text)
{
    const char *p = text.text, *end = text.text + text.len;
    struct vmtp_known_key key = {.marker = VMTP_KNOWN_KEY};
    struct field hosts = take_field(&p, end);
    if (hosts.len == 0 || hosts.text[0] == '#')
        return VMTP_OK;
    if (hosts.text[0] == '@') {
        if (!field_is(hosts, "@revoked") && !field_is(hosts, "@cert-authority"))
            return VMTP_OK;
        key.marker = field_is(hosts, "@revoked") ? VMTP_KNOWN_REVOKED : VMTP_KNOWN_AUTHORITY;
        hosts = take_field(&p, end);
    }
    struct field type = take_field(&p, end), base64 = take_field(&p, end);
    if (type.len == 0 || type.len >= sizeof key.type || base64.len == 0 || memchr(type.text, '\0', type.len))
        return VMTP_OK;
    bool same = false;
    int rc = matches(hosts, known->name, &same);
    if (rc == VMTP_OK && !same && known->host) {
        key.plain = true;
        rc = matches(hosts, known->host, &same);
    }
    if (rc < 0 || !same)
        return rc;
    rc = decode_key(type, base64, &key.blob, &key.blob_len);
    if (rc < 0 || !key.blob)
        return rc;
    rc = add_key(known, &key, type, file, line);
    if (rc < 0 && (known->n == 0 || known->keys[known->n - 1].blob != key.blob))
        free(key.blob);
    return rc;
}

int vmtp_known_hosts_parse(struct vmtp_known_hosts *known, const char *file, const char *text)
{
    for (unsigned long line = 1; *text; line++) {
        struct field field = {.text = text, .len = strcspn(text, "\n")};
        text += field.len + (text[field.len] == '\n');
        if (field.len && field.text[field.len - 1] == '\r')
            field.len--;
        int rc = field.len <= LINE_MAX_ ? parse_line(known, file, line, field) : VMTP_OK;
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

/* ---- all files ---- */

int vmtp_known_hosts_init(vmtp_ctx *ctx, struct vmtp_known_hosts *known, const char *host, uint16_t port)
{
    *known = (struct vmtp_known_hosts){0};
    if (!host[0] || strpbrk(host, " \t\r\n,*?!|#@[]\"") || host[0] == '-')
        return vmtp_fail(ctx, VMTP_ECONFIG, "'%s' is not the name of a host", host);
    const bool usual = port == 0 || port == DEFAULT_PORT;
    known->name = usual ? strdup(host) : vmtp_format("[%s]:%u", host, port);
    known->host = usual ? NULL : strdup(host);
    if (!known->name || (!usual && !known->host)) {
        vmtp_known_hosts_clear(known);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    for (char *p = known->name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *p = known->host; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return VMTP_OK;
}

void vmtp_known_hosts_clear(struct vmtp_known_hosts *known)
{
    for (size_t i = 0; i < known->n; i++) {
        free(known->keys[i].blob);
        free(known->keys[i].place);
    }
    free(known->keys);
    free(known->name);
    free(known->host);
    *known = (struct vmtp_known_hosts){0};
}

char *vmtp_known_hosts_own(void)
{
    return vmtp_state_path("known_hosts");
}

/* A file that is there and cannot be read may hold what would refuse the key: that is an error. */
static int load_file(vmtp_ctx *ctx, struct vmtp_known_hosts *known, const char *path)
{
    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return VMTP_OK;
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    int rc = vmtp_file_read(ctx, path, KNOWN_HOSTS_MAX, &text, &len);
    if (rc == VMTP_OK && vmtp_known_hosts_parse(known, path, text) < 0)
        rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (rc < 0)
        vmtp_ctx_frame(ctx, "reading the known hosts");
    return rc;
}

int vmtp_known_hosts_load(vmtp_ctx *ctx, struct vmtp_known_hosts *known)
{
    static const char *const files[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts",
                                        "/etc/ssh/ssh_known_hosts2"};
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && i < sizeof files / sizeof files[0]; i++) {
        VMTP_CLEAN(mem) char *path = vmtp_expand_home(files[i]);
        rc = path ? load_file(ctx, known, path) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    VMTP_CLEAN(mem) char *own = vmtp_known_hosts_own();
    if (rc == VMTP_OK)
        rc = own ? load_file(ctx, known, own) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return rc;
}

/* ---- judging ---- */

enum vmtp_known_verdict vmtp_known_hosts_judge(const struct vmtp_known_hosts *known, const unsigned char *blob,
                                               size_t len, const struct vmtp_known_key **reason)
{
    const struct vmtp_known_key *same = NULL, *other = NULL, *alike = NULL;
    const unsigned char *p = blob, *type = NULL;
    size_t left = len, type_len = 0;
    (void)vmtp_ssh_take_string(&p, &left, &type, &type_len);
    for (size_t i = 0; i < known->n; i++) {
        const struct vmtp_known_key *key = &known->keys[i];
        const bool equal = key->blob_len == len && memcmp(key->blob, blob, len) == 0;
        if (key->marker == VMTP_KNOWN_REVOKED && equal) {
            *reason = key;
            return VMTP_KNOWN_BAD;
        }
        if (key->marker != VMTP_KNOWN_KEY)
            continue;
        if (equal)
            same = key;
        else if (!key->plain && strlen(key->type) == type_len && memcmp(key->type, type, type_len) == 0)
            alike = alike ? alike : key;
        else if (!key->plain)
            other = other ? other : key;
    }
    *reason = same ? same : alike ? alike : other;
    return same ? VMTP_KNOWN_SAME : *reason ? VMTP_KNOWN_CHANGED : VMTP_KNOWN_NEW;
}

bool vmtp_known_hosts_authority(const struct vmtp_known_hosts *known)
{
    for (size_t i = 0; i < known->n; i++)
        if (known->keys[i].marker == VMTP_KNOWN_AUTHORITY)
            return true;
    return false;
}

/* True when a list with commas has the word. */
static bool has_word(const char *list, const char *word)
{
    const size_t len = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p++)
        if ((p == list || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
            return true;
    return false;
}

/* A line for exactly this port. */
static const struct vmtp_known_key *strict_key(const struct vmtp_known_hosts *known)
{
    for (size_t i = 0; i < known->n; i++)
        if (known->keys[i].marker == VMTP_KNOWN_KEY && !known->keys[i].plain)
            return &known->keys[i];
    return NULL;
}

int vmtp_known_hosts_algorithms(const struct vmtp_known_hosts *known, struct vmtp_buf *list)
{
    if (!strict_key(known) || vmtp_known_hosts_authority(known))
        return VMTP_OK;
    for (size_t i = 0; i < known->n; i++) {
        const struct vmtp_known_key *key = &known->keys[i];
        if (key->marker != VMTP_KNOWN_KEY || has_word(vmtp_buf_text(list), key->type))
            continue;
        const bool rsa = strcmp(key->type, "ssh-rsa") == 0; /* a type of key with three algorithms (RFC 8332) */
        int rc = vmtp_buf_printf(list, "%s%s", list->len ? "," : "",
                                 rsa ? "rsa-sha2-512,rsa-sha2-256,ssh-rsa" : key->type);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

const char *vmtp_ssh_fingerprint(const unsigned char *blob, size_t len, char out[VMTP_FINGERPRINT])
{
    unsigned char hash[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(blob, len, hash, &n, EVP_sha256(), NULL))
        n = 0;
    int used = EVP_EncodeBlock(text, hash, (int)n);
    while (used > 0 && text[used - 1] == '=')
        text[--used] = '\0';
    snprintf(out, VMTP_FINGERPRINT, "SHA256:%.44s", (const char *)text);
    return out;
}

/* ---- deciding ---- */

static void type_of(const unsigned char *blob, size_t len, char type[48])
{
    const unsigned char *string = NULL;
    size_t n = 0;
    if (!vmtp_ssh_take_string(&blob, &len, &string, &n) || n >= 48)
        n = 0;
    if (n)
        memcpy(type, string, n);
    type[n] = '\0';
    vmtp_printable(type);
}

static void add_remedy(struct vmtp_buf *words, const struct vmtp_known_hosts *known, const struct vmtp_known_key *key)
{
    char held[VMTP_FINGERPRINT];
    (void)vmtp_buf_printf(words,
                          "%s holds %s %s. Somebody may be posing as this host. If its key was changed on purpose, "
                          "remove the old one: ssh-keygen -R '%s' -f '%.*s'",
                          key->place, key->type, vmtp_ssh_fingerprint(key->blob, key->blob_len, held), known->name,
                          (int)(strrchr(key->place, ':') - key->place), key->place);
}

void vmtp_known_hosts_remedy(const struct vmtp_known_hosts *known, struct vmtp_buf *words)
{
    const struct vmtp_known_key *key = strict_key(known);
    if (key)
        add_remedy(words, known, key);
}

static int refuse_changed(vmtp_ctx *ctx, const char *name, const struct vmtp_known_hosts *known,
                          const unsigned char *blob, size_t len, const struct vmtp_known_key *reason)
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    char type[48], shown[VMTP_FINGERPRINT];
    type_of(blob, len, type);
    add_remedy(&words, known, reason);
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: the host key has changed: the server shows %s %s, %s", name, type,
                     vmtp_ssh_fingerprint(blob, len, shown), vmtp_buf_text(&words));
}

static int refuse_unknown(vmtp_ctx *ctx, const char *name, const struct vmtp_known_hosts *known,
                          const unsigned char *blob, size_t len)
{
    char type[48], shown[VMTP_FINGERPRINT], port[16] = "";
    type_of(blob, len, type);
    if (known->host)
        snprintf(port, sizeof port, "-p %.5s ", strrchr(known->name, ':') + 1);
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "%s: the host key, %s %s, is not known, and ssh_host_key is strict. Compare it with what the "
                     "host's owner says, then add it: ssh-keyscan %s%s >>~/.ssh/known_hosts",
                     name, type, vmtp_ssh_fingerprint(blob, len, shown), port,
                     known->host ? known->host : known->name);
}

/* Waits for a lock that others hold only for moments. */
static int lock(vmtp_ctx *ctx, int fd, const char *path)
{
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return vmtp_fail(ctx, VMTP_EFAIL, "cannot lock %s: %s", path, vmtp_errno());
        int rc = vmtp_wait(ctx, 0.005);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

/* One write, so that a reader sees a whole line. */
static int append(vmtp_ctx *ctx, int fd, const char *path, const struct vmtp_known_hosts *known,
                  const unsigned char *blob, size_t len)
{
    char type[48], last = '\n';
    type_of(blob, len, type);
    VMTP_CLEAN(mem) unsigned char *base64 = malloc(len * 4 / 3 + 8);
    if (!base64)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    EVP_EncodeBlock(base64, blob, (int)len);
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end > 0)
        (void)!pread(fd, &last, 1, end - 1);
    VMTP_CLEAN(mem) char *line =
        vmtp_format("%s%s %s %s\n", last == '\n' ? "" : "\n", known->name, type, (const char *)base64);
    if (!line)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    ssize_t n = write(fd, line, strlen(line));
    if (n == (ssize_t)strlen(line))
        return VMTP_OK;
    if (n >= 0)
        errno = ENOSPC;
    return vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: %s", path, vmtp_errno());
}

static int open_own(vmtp_ctx *ctx, char **path, int *fd)
{
    *path = vmtp_known_hosts_own();
    VMTP_CLEAN(mem) char *copy = *path ? strdup(*path) : NULL;
    if (!copy)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_make_dirs(ctx, dirname(copy));
    if (rc < 0)
        return rc;
    *fd = open(*path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? vmtp_fail(ctx, VMTP_EFAIL, "cannot open %s: %s", *path, vmtp_errno()) : VMTP_OK;
}

int vmtp_known_hosts_create(vmtp_ctx *ctx, char **path)
{
    VMTP_CLEAN(fd) int fd = -1;
    return open_own(ctx, path, &fd);
}

/* Another connection to the host may have come here first: its line decides. */
static int remember(vmtp_ctx *ctx, const char *name, struct vmtp_known_hosts *known, const unsigned char *blob,
                    size_t len)
{
    VMTP_CLEAN(mem) char *path = NULL;
    VMTP_CLEAN(fd) int fd = -1;
    int rc = open_own(ctx, &path, &fd);
    if (rc < 0)
        return rc;
    rc = lock(ctx, fd, path);
    if (rc == VMTP_OK)
        rc = load_file(ctx, known, path);
    const struct vmtp_known_key *reason = NULL;
    if (rc < 0 || vmtp_known_hosts_judge(known, blob, len, &reason) != VMTP_KNOWN_NEW)
        return rc;
    rc = append(ctx, fd, path, known, blob, len);
    char shown[VMTP_FINGERPRINT];
    if (rc == VMTP_OK)
        vmtp_info(ctx, "%s: new host key %s, remembered in %s", name, vmtp_ssh_fingerprint(blob, len, shown), path);
    return rc;
}

static int accept_new(vmtp_ctx *ctx, const char *name, struct vmtp_known_hosts *known, const unsigned char *blob,
                      size_t len)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, 0);
    int rc = remember(&own, name, known, blob, len);
    if (rc == VMTP_ECANCELED)
        return vmtp_fail(ctx, rc, "interrupted");
    if (rc < 0)
        vmtp_warn(ctx, "%s: the host key is new and cannot be remembered: %s", name, vmtp_ctx_error(&own, rc));
    const struct vmtp_known_key *reason = NULL;
    if (vmtp_known_hosts_judge(known, blob, len, &reason) == VMTP_KNOWN_CHANGED)
        return refuse_changed(ctx, name, known, blob, len, reason);
    return VMTP_OK;
}

int vmtp_host_key_check(vmtp_ctx *ctx, const char *name, struct vmtp_known_hosts *known, const unsigned char *blob,
                        size_t len)
{
    char shown[VMTP_FINGERPRINT];
    const struct vmtp_known_key *reason = NULL;
    (void)vmtp_ssh_fingerprint(blob, len, shown);
    if (vmtp_ssh_defaults.host_key == VMTP_HOST_KEY_OFF) {
        vmtp_debug(ctx, "%s: host key %s, not checked", name, shown);
        return VMTP_OK;
    }
    switch (vmtp_known_hosts_judge(known, blob, len, &reason)) {
    case VMTP_KNOWN_SAME:
        vmtp_debug(ctx, "%s: host key %s, known from %s", name, shown, reason->place);
        return VMTP_OK;
    case VMTP_KNOWN_BAD:
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: the host key, %s, is revoked by %s: do not use this host", name, shown,
                         reason->place);
    case VMTP_KNOWN_CHANGED:
        return refuse_changed(ctx, name, known, blob, len, reason);
    case VMTP_KNOWN_NEW:
        break;
    }
    if (vmtp_ssh_defaults.host_key == VMTP_HOST_KEY_STRICT)
        return refuse_unknown(ctx, name, known, blob, len);
    return accept_new(ctx, name, known, blob, len);
}
