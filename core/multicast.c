/* SPDX-License-Identifier: Apache-2.0 */
/* The route that multicast needs on an endpoint without a default route. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/ledger.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

const char vmtp_multicast_route_kind[] = "route";
static const char ID[] = "224.0.0.0/4 dev ";
enum { LINK_TEXT = 16 }; /* IFNAMSIZ */

static struct vmtp_thing thing_of(const struct vmtp_endpoint *ep, const char *id)
{
    return (struct vmtp_thing){
        .kind = vmtp_multicast_route_kind, .id = id, .endpoint = ep->id, .login = &ep->login};
}

/* The interface in a line such as "10.77.0.1 via 10.1.1.1 dev eth0 src 10.77.0.2 uid 0". */
static bool find_link(const char *text, char link[LINK_TEXT])
{
    const char *begin = strstr(text, " dev ");
    size_t len = begin ? strcspn(begin + 5, " \n") : 0;
    if (len == 0 || len >= LINK_TEXT || begin[5] == '-')
        return false;
    memcpy(link, begin + 5, len);
    link[len] = '\0';
    return true;
}

/* *needed is false when there is a route already. */
static int look(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *towards, bool *needed, char link[LINK_TEXT])
{
    const char *const probe[] = {"ip", "-o", "route", "get", "224.0.0.1", NULL};
    VMTP_CLEAN(output) struct vmtp_output there = {0};
    int rc = vmtp_exec(ctx, ep, probe, &there);
    *needed = there.exit_status != 0;
    if (rc < 0 || !*needed)
        return rc;
    if (there.exit_status == 127)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s has no program ip to add a route with", ep->id);
    const char *const way[] = {"ip", "-o", "route", "get", towards, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, ep, way, &out);
    if (rc == VMTP_OK && (out.exit_status != 0 || !find_link(out.out, link)))
        rc = vmtp_fail(ctx, VMTP_EREMOTE, "%s has no interface towards %s: %s%s", ep->id, towards, out.out, out.err);
    return rc;
}

static int add(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *link, const char *id)
{
    const struct vmtp_thing thing = thing_of(ep, id);
    /* a namespace or a new machine takes its routes with it */
    bool tracked = ctx->ledger && !ep->login.netns && !ep->login.fresh;
    int rc = tracked ? vmtp_ledger_track(ctx, ctx->ledger, &thing) : VMTP_OK;
    if (rc < 0)
        return rc;
    const char *const argv[] = {"ip", "route", "add", "224.0.0.0/4", "dev", link, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc; /* it may be there: it stays in the ledger */
    if (out.exit_status == 0)
        return VMTP_OK;
    rc = tracked ? vmtp_ledger_untrack(ctx, ctx->ledger, &thing) : VMTP_OK;
    if (rc < 0 || strstr(out.err, "File exists")) /* another run has been quicker: it is its route */
        return rc;
    return vmtp_fail(ctx, VMTP_EREMOTE, "cannot add a route for multicast on %s: %s", ep->id, out.err);
}

int vmtp_multicast_route(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *towards)
{
    char link[LINK_TEXT];
    bool needed = false;
    int rc = look(ctx, ep, towards, &needed, link);
    if (rc < 0 || !needed)
        return rc;
    VMTP_CLEAN(mem) char *id = vmtp_format("%s%s", ID, link);
    return id ? add(ctx, ep, link, id) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* A ledger is a file: whatever stands in it, only a route that this file makes is removed. */
int vmtp_multicast_route_remove(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *id)
{
    const char *link = id + sizeof ID - 1;
    if (strncmp(id, ID, sizeof ID - 1) != 0 || *link == '-' || *link == '\0' || strpbrk(link, " \t\n"))
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s is no route that VMTP makes: it is left alone", id);
    const char *const argv[] = {"ip", "route", "del", "224.0.0.0/4", "dev", link, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    if (out.exit_status != 0 && !strstr(out.err, "No such process") && !strstr(out.err, "Cannot find device"))
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot remove the route %s on %s: %s", id, ep->id, out.err);
    const struct vmtp_thing thing = thing_of(ep, id);
    return ctx->ledger ? vmtp_ledger_untrack(ctx, ctx->ledger, &thing) : VMTP_OK;
}
