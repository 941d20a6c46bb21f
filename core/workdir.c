/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a run on an endpoint. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/ledger.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char DIRECTORY[] = "directory";
static const char NAME[] = "/vmtp-"; /* in front of the random part: nothing else is ever removed */

static struct vmtp_thing thing_of(const struct vmtp_endpoint *ep, const char *path)
{
    return (struct vmtp_thing){.kind = DIRECTORY, .id = path, .endpoint = ep->id, .login = &ep->login};
}

static char *random_name(void)
{
    unsigned char b[8];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return NULL;
    return vmtp_format("%s%02x%02x%02x%02x%02x%02x%02x%02x", NAME + 1, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
}

/* $1: a directory that is not there yet. 3: it cannot be made; 4: programs in it cannot be started. mkdir without -p
 * fails when somebody has put something there. Where others may write and the sticky bit is missing, they could put
 * theirs in its place. A group with the number of the user, who owns the place, is the user's alone. */
static const char make[] = "d=$1 u=$(id -u); set -- $(ls -ldn \"${1%/*}/\"); case $1 in "
                           "d???????w[!tT]*) echo \"${d%/*}: everybody may write there\" >&2; exit 3 ;; "
                           "d????w???[!tT]*) [ \"$3:$4\" = \"$u:$u\" ] || "
                           "{ echo \"${d%/*}: group $4 may write there\" >&2; exit 3; } ;; esac; "
                           "mkdir -m 700 \"$d\" || exit 3; "
                           "{ echo \"#!/bin/sh\" >\"$d/x\" && chmod 700 \"$d/x\" && \"$d/x\" && "
                           "rm \"$d/x\"; } && exit 0; "
                           "rm -rf \"$d\"; exit 4";

static const char home[] = "cd && pwd -P";

static int find_home(vmtp_ctx *ctx, struct vmtp_endpoint *ep, struct vmtp_output *out)
{
    const char *const argv[] = {"sh", "-c", home, NULL};
    int rc = vmtp_exec(ctx, ep, argv, out);
    if (rc == VMTP_OK)
        out->out[strcspn(out->out, "\n")] = '\0';
    return rc;
}

/* *reason: what the far side said when it did not work there. */
static int try_place(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *place, const char *name, char **reason)
{
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/%s", place, name);
    if (!path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const struct vmtp_thing thing = thing_of(ep, path);
    bool tracked = ctx->ledger && !ep->login.fresh; /* such a machine takes its files with it */
    int rc = tracked ? vmtp_ledger_track(ctx, ctx->ledger, &thing) : VMTP_OK;
    if (rc < 0)
        return rc;
    const char *const argv[] = {"sh", "-c", make, "sh", path, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc; /* it may be there: it stays in the ledger */
    if (out.exit_status == 0) {
        ep->workdir = VMTP_TAKE(path);
        return VMTP_OK;
    }
    vmtp_printable(out.err);
    rc = vmtp_set_text(reason, out.err);
    return rc == VMTP_OK && tracked ? vmtp_ledger_untrack(ctx, ctx->ledger, &thing) : rc;
}

int vmtp_workdir(vmtp_ctx *ctx, vmtp_endpoint *ep, const char **path)
{
    VMTP_CLEAN(mem) char *name = random_name();
    VMTP_CLEAN(mem) char *reason = NULL;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    if (!name)
        return vmtp_fail(ctx, VMTP_EFAIL, "no random name for a directory: %s", vmtp_errno());
    static const char *const places[] = {"/tmp", "/var/tmp", NULL};
    for (size_t i = 0; !ep->workdir && i < sizeof places / sizeof places[0]; i++) {
        int rc = places[i] ? VMTP_OK : find_home(ctx, ep, &out);
        if (rc == VMTP_OK && (places[i] || out.out[0] == '/'))
            rc = try_place(ctx, ep, places[i] ? places[i] : out.out, name, &reason);
        if (rc < 0)
            return rc;
    }
    *path = ep->workdir;
    if (ep->workdir)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_EREMOTE,
                     "%s has no place for files: neither /tmp nor /var/tmp nor the home directory lets a program be "
                     "written and started%s%s",
                     ep->id, reason && *reason ? ": " : "", reason ? reason : "");
}

/* A ledger is a file: whatever stands in it, only what this file makes is removed. */
static bool is_ours(const char *path)
{
    const char *last = strrchr(path, '/');
    return path[0] == '/' && !strstr(path, "/../") && strncmp(last, NAME, sizeof NAME - 1) == 0 &&
           strlen(last) == sizeof NAME - 1 + 16;
}

int vmtp_workdir_remove(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *path)
{
    if (!is_ours(path))
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s is no directory that VMTP makes: it is left alone", path);
    const char *const argv[] = {"rm", "-rf", path, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    if (out.exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot remove %s on %s: %s", path, ep->id, out.err);
    const struct vmtp_thing thing = thing_of(ep, path);
    rc = ctx->ledger && !ep->login.fresh ? vmtp_ledger_untrack(ctx, ctx->ledger, &thing) : VMTP_OK;
    if (ep->workdir && strcmp(ep->workdir, path) == 0)
        (void)vmtp_set_text(&ep->workdir, NULL);
    return rc;
}
