/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-config.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { FILE_MAX = 1 << 20, PASSWD_MAX = 16384 };
static const double ANSWER_S = 5; /* ssh -G looks nothing up, but a Match block of the user's may run a program */
static const char SYSTEM_FILE[] = "/etc/ssh/ssh_config", SYSTEM_DIR[] = "/etc/ssh/ssh_config.d";

/* Steps to the next line. True when its keyword is this one; *value: what follows, *n bytes. */
static bool keyword(const char *line, const char *name, const char **value, size_t *n)
{
    line += strspn(line, " \t");
    size_t len = strlen(name);
    if (strncasecmp(line, name, len) != 0 || !strchr(" \t=\"", line[len]) || line[len] == '\0')
        return false;
    *value = line + len + strspn(line + len, " \t=");
    *n = strcspn(*value, "\r\n");
    return true;
}

bool vmtp_ssh_config_matters(const char *text)
{
    static const char *const names[] = {"HostName", "IdentityFile", "Include", "Port", "ProxyCommand", "ProxyJump"};
    const char *value;
    size_t n;
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (keyword(text, names[i], &value, &n) && strncmp(value, SYSTEM_DIR, sizeof SYSTEM_DIR - 1) != 0)
                return true;
    return false;
}

static bool file_matters(const char *path)
{
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    return path && vmtp_file_read(NULL, path, FILE_MAX, &text, &len) == VMTP_OK && vmtp_ssh_config_matters(text);
}

static bool system_files_matter(void)
{
    if (file_matters(SYSTEM_FILE))
        return true;
    bool found = false;
    DIR *dir = opendir(SYSTEM_DIR);
    for (const struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        VMTP_CLEAN(mem) char *path = entry->d_name[0] == '.' ? NULL : vmtp_format("%s/%s", SYSTEM_DIR, entry->d_name);
        found = file_matters(path);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* ssh takes the home directory from passwd(5), not from the environment. */
static bool users_file_matters(void)
{
    struct passwd entry, *found = NULL;
    VMTP_CLEAN(mem) char *space = malloc(PASSWD_MAX);
    if (!space || getpwuid_r(getuid(), &entry, space, PASSWD_MAX, &found) != 0 || !found)
        return false;
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/.ssh/config", found->pw_dir);
    return file_matters(path);
}

/* A key that is looked for anyway: ssh -G names those of ssh when the configuration names none. */
static bool is_usual_key(const char *path, size_t n)
{
    static const char *const names[] = {"rsa", "dsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss"};
    static const char folder[] = "~/.ssh/id_";
    const size_t begin = sizeof folder - 1;
    for (size_t i = 0; n > begin && i < sizeof names / sizeof names[0]; i++)
        if (strncmp(path, folder, begin) == 0 && strlen(names[i]) == n - begin &&
            strncmp(path + begin, names[i], n - begin) == 0)
            return true;
    return false;
}

static bool has_credentials(const struct vmtp_login *login)
{
    return (login->password && login->password[0]) || (login->key_file && login->key_file[0]) ||
           (vmtp_ssh_defaults.private_key_file && vmtp_ssh_defaults.private_key_file[0]);
}

const char *vmtp_ssh_config_reason(const char *said, const struct vmtp_login *login)
{
    const char *value, *reason = NULL;
    const size_t host = strlen(login->host);
    size_t n;
    for (; *said; said += strcspn(said, "\n"), said += *said == '\n') {
        if ((keyword(said, "proxyjump", &value, &n) || keyword(said, "proxycommand", &value, &n)) &&
            !(n == 4 && strncasecmp(value, "none", n) == 0))
            return "the jump host or proxy that ssh_config gives it";
        if (keyword(said, "hostname", &value, &n) && (n != host || strncasecmp(value, login->host, n) != 0))
            reason = "the other name that ssh_config gives it";
        if (keyword(said, "port", &value, &n) && !login->port && (n != 2 || strncmp(value, "22", 2) != 0))
            reason = reason ? reason : "the port that ssh_config gives it";
        if (keyword(said, "identityfile", &value, &n) && !is_usual_key(value, n) && !has_credentials(login))
            reason = reason ? reason : "the key that ssh_config gives it";
    }
    return reason;
}

static int run_ssh(vmtp_ctx *ctx, const char *const argv[], struct vmtp_output *out)
{
    const struct vmtp_login here = {.struct_size = sizeof here, .transport = "local"};
    struct vmtp_endpoint *ep = vmtp_endpoint_new("this machine");
    if (!ep)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_endpoint_login(ctx, ep, &here);
    if (rc == VMTP_OK)
        rc = vmtp_connect(ctx, &ep, 1);
    if (rc == VMTP_OK)
        rc = vmtp_exec(ctx, ep, argv, out);
    vmtp_endpoint_free(ep);
    return rc;
}

const char *vmtp_ssh_config_wants(vmtp_ctx *ctx, const struct vmtp_login *login)
{
    VMTP_CLEAN(mem) char *ssh = NULL;
    if (vmtp_find_here("ssh", &ssh) < 0 || !ssh || !(users_file_matters() || system_files_matter()))
        return NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    vmtp_ctx_child(&own, ctx, ANSWER_S);
    char port[8];
    snprintf(port, sizeof port, "%u", login->port ? login->port : 22u);
    const char *const argv[] = {"ssh", "-G", "-l", login->user, login->port ? "-p" : "-T", login->port ? port : "-T",
                                "--", login->host, NULL};
    int rc = run_ssh(&own, argv, &out);
    if (rc == VMTP_OK && out.exit_status == 0)
        return vmtp_ssh_config_reason(out.out, login);
    vmtp_debug(ctx, "%s: what ssh_config says of it is not known: %s", login->host,
               rc < 0 ? vmtp_ctx_error(&own, rc) : out.err);
    return NULL;
}

bool vmtp_ssh_names_askers(vmtp_ctx *ctx)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    const char *const argv[] = {"ssh", "-V", NULL};
    int major = 0, minor = 0;
    vmtp_ctx_child(&own, ctx, ANSWER_S);
    return run_ssh(&own, argv, &out) == VMTP_OK && sscanf(out.err, "OpenSSH_%4d.%4d", &major, &minor) == 2 &&
           (major > 8 || (major == 8 && minor >= 5));
}
