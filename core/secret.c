/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

extern char **environ;

static const char HOST_PASSWORD[] = "VMTP_HOST_PASSWORD";

/* ---- names ---- */

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && strcmp(text + len - n, end) == 0;
}

bool vmtp_secret_name(const char *name, size_t n)
{
    static const char *const signs[] = {"pass", "pwd", "secret", "token", "credential", "apikey"};
    char plain[64];
    size_t len = 0;
    for (size_t i = 0; i < n && len + 1 < sizeof plain; i++)
        if (name[i] != '_' && name[i] != '-')
            plain[len++] = (char)tolower((unsigned char)name[i]);
    plain[len] = '\0';
    if (ends_with(plain, len, "file") || ends_with(plain, len, "env"))
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strstr(plain, signs[i]))
            return true;
    return false;
}

/* ---- the environment ---- */

/* Written at the start of the program, by its only thread; read by all of them. */
static struct vmtp_pairs taken;

static bool is_ours(const char *name, size_t n)
{
    bool prefix = strncmp(name, "VMTP_", 5) == 0 || strncmp(name, "OS_", 3) == 0;
    return prefix && vmtp_secret_name(name, n);
}

/* The text of the environment stays where the kernel shows it (/proc/PID/environ), whatever unsetenv() does. */
static void take_variable(char *variable)
{
    size_t n = strcspn(variable, "=");
    char name[128];
    if (!variable[n] || n >= sizeof name || !is_ours(variable, n))
        return;
    memcpy(name, variable, n);
    name[n] = '\0';
    char *value = variable + n + 1;
    if (!vmtp_pairs_get(&taken, name)) /* of two with one name the first counts */
        (void)vmtp_pairs_set(&taken, name, value);
    explicit_bzero(value, strlen(value));
}

void vmtp_secrets_guard(void)
{
    /* 1 byte is no room for a file, and the one limit at which the kernel starts no program for dumps either. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 1 ? limit.rlim_max : 1;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    for (char **variable = environ; variable && *variable; variable++)
        take_variable(*variable);
    for (size_t i = 0; i < taken.n; i++)
        (void)unsetenv(taken.items[i].name);
}

const char *vmtp_secret_env(const char *name)
{
    const char *value = vmtp_pairs_get(&taken, name);
    if (!value)
        value = getenv(name);
    return value && *value ? value : NULL;
}

/* ---- files ---- */

static void check_mode(vmtp_ctx *ctx, const char *path, mode_t mode)
{
    if (mode & (S_IRGRP | S_IROTH))
        vmtp_warn(ctx, "%s holds a secret, and %s can read it: chmod 600 %s", path,
                  mode & S_IROTH ? "every user of this machine" : "its group", path);
}

void vmtp_secret_check_mode(vmtp_ctx *ctx, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        check_mode(ctx, path, st.st_mode);
}

static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return n;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* What a secret in a file looks like: one line, with or without its end. */
static int check_line(vmtp_ctx *ctx, const char *path, char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len > VMTP_SECRET_MAX)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: more than %d bytes: not a file with one secret", path,
                         VMTP_SECRET_MAX);
    if (len == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: it is empty, where one line with a secret is expected", path);
    if (memchr(text, '\0', len) || memchr(text, '\n', len))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: not one line of text", path);
    text[len] = '\0';
    return VMTP_OK;
}

int vmtp_secret_file(vmtp_ctx *ctx, const char *path, char **secret)
{
    char text[VMTP_SECRET_MAX + 3]; /* the end of the line, and one more to see that there is more */
    struct stat st;
    VMTP_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s", path, vmtp_errno());
    if (!S_ISREG(st.st_mode))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: not a regular file", path);
    ssize_t len = read_all(fd, text, sizeof text);
    int rc = len < 0 ? vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s", path, vmtp_errno())
                     : check_line(ctx, path, text, (size_t)len);
    if (rc == VMTP_OK) {
        check_mode(ctx, path, st.st_mode);
        *secret = strdup(text);
        rc = *secret ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    explicit_bzero(text, sizeof text);
    return rc;
}

/* ---- hosts ---- */

/* Who names a key wants that one: when it is not there or is none, no other may be tried in its place. What openssh can
 * make of a file, as of a public key whose other half is in an agent, ssh knows best. */
static int check_key(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_hostspec *host)
{
    VMTP_CLEAN(ssh_key) struct vmtp_ssh_key key = {0};
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, 0);
    if (!host->host || !host->key_file)
        return VMTP_OK;
    int rc = vmtp_ssh_key_read(&own, host->key_file, &key);
    if (rc == VMTP_OK || (rc == VMTP_ECONFIG && settings->ssh_transport == VMTP_SSH_OPENSSH))
        return VMTP_OK;
    return vmtp_fail(ctx, rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG, "key file of %s@%s: %s", host->user, host->host,
                     vmtp_ctx_error(&own, rc));
}

static int host_secret(vmtp_ctx *ctx, struct vmtp_hostspec *host)
{
    if (!host->host || host->password)
        return VMTP_OK;
    if (host->password_file) {
        int rc = vmtp_secret_file(ctx, host->password_file, &host->password);
        return rc < 0 ? vmtp_fail(ctx, rc, "password_file of %s@%s", host->user, host->host) : rc;
    }
    const char *value = vmtp_secret_env(host->password_env ? host->password_env : HOST_PASSWORD);
    if (host->password_env && !value)
        return vmtp_fail(ctx, VMTP_ECONFIG, "password_env of %s@%s: there is no %s in the environment", host->user,
                         host->host, host->password_env);
    /* A host that has a key of its own does not get to see the password of the others. */
    return value && (host->password_env || !host->key_file) ? vmtp_set_text(&host->password, value) : VMTP_OK;
}

/* Asks for the password of one host; *last is the answer before, which an empty one repeats. */
static int ask_host(vmtp_ctx *ctx, struct vmtp_hostspec *host, const char **last)
{
    if (!host->host || host->password || host->key_file)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *question = vmtp_format("Password of %s@%s%s: ", host->user, host->host,
                                                 *last ? " (empty: the same)" : "");
    if (!question)
        return VMTP_ENOMEM;
    char *answer = NULL;
    int rc = vmtp_prompt_secret(ctx, question, &answer);
    if (rc == VMTP_ENOTSUP)
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "ask_password: there is no terminal to ask on: give the password of %s@%s by password_file, "
                         "or that of all hosts in %s", host->user, host->host, HOST_PASSWORD);
    if (rc == VMTP_OK && (*answer || *last)) /* neither: there is none, so keys are tried */
        rc = vmtp_set_text(&host->password, *answer ? answer : *last);
    vmtp_secret_free(answer);
    if (host->password)
        *last = host->password;
    return rc;
}

int vmtp_secret_of_login(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_login *login,
                         const char *last, char **password)
{
    *password = NULL;
    /* Its members are the login's, but for the password. */
    struct vmtp_hostspec host = {
        .user = (char *)login->user, .host = (char *)login->host, .key_file = (char *)login->key_file};
    int rc = host_secret(ctx, &host);
    if (rc == VMTP_OK && settings->ask_password)
        rc = ask_host(ctx, &host, &last);
    *password = host.password;
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

/* The i-th of all hosts that settings name, NULL past the end. */
static struct vmtp_hostspec *host_at(struct vmtp_settings *settings, size_t i)
{
    if (i < settings->n_hosts)
        return &settings->hosts[i];
    i -= settings->n_hosts;
    return i == 0 ? &settings->external_host : i == 1 ? &settings->controller_node : NULL;
}

/* ---- the whole ---- */

static int find_os_password(vmtp_ctx *ctx, struct vmtp_settings *settings)
{
    if (settings->password || !settings->os_password_file)
        return VMTP_OK;
    char *secret = NULL;
    int rc = vmtp_secret_file(ctx, settings->os_password_file, &secret);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "os_password_file");
    struct vmtp_node *node = vmtp_node_scalar(settings->os_password_file, secret);
    vmtp_secret_free(secret);
    rc = vmtp_node_set(settings->tree, "password", node);
    if (rc == VMTP_OK)
        settings->password = node->text;
    return rc;
}

static int find_passphrase(vmtp_ctx *ctx, struct vmtp_settings *settings)
{
    if (!settings->key_passphrase_file)
        return VMTP_OK;
    int rc = vmtp_secret_file(ctx, settings->key_passphrase_file, &settings->key_passphrase);
    return rc < 0 ? vmtp_fail(ctx, rc, "key_passphrase_file") : rc;
}

int vmtp_secrets_find(vmtp_ctx *ctx, struct vmtp_settings *settings, bool ask)
{
    struct vmtp_hostspec *host;
    const char *last = NULL;
    int rc = find_os_password(ctx, settings);
    if (rc == VMTP_OK)
        rc = find_passphrase(ctx, settings);
    for (size_t i = 0; rc == VMTP_OK && (host = host_at(settings, i)); i++) {
        rc = check_key(ctx, settings, host);
        if (rc == VMTP_OK)
            rc = host_secret(ctx, host);
    }
    for (size_t i = 0; rc == VMTP_OK && ask && settings->ask_password && (host = host_at(settings, i)); i++)
        rc = ask_host(ctx, host, &last);
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}
