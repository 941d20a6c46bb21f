/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include "core/ctx.h"
#include "core/listener.h"
#include "core/monitor.h"
#include "core/transport.h"

static const double FIRST_LOOK = 3.2, SECOND_LOOK = 4.2; /* s; a SYN is repeated after 1 s and after 3 s */

static void be_patient(struct vmtp_endpoint *ep, double seconds)
{
    if (ep->link && ep->transport->patience)
        ep->transport->patience(ep, seconds);
}

void vmtp_watch_begin(const struct vmtp_watch *watch, double seconds)
{
    be_patient(watch->client, seconds + VMTP_SILENCE_SECONDS);
    be_patient(watch->server, seconds + VMTP_SILENCE_SECONDS);
    if (watch->sampler)
        vmtp_sampler_start(watch->sampler, seconds);
}

static bool is_lost(const struct vmtp_endpoint *ep)
{
    return ep->transport->lost && ep->transport->lost(ep);
}

int vmtp_watch_end(vmtp_ctx *ctx, const struct vmtp_watch *watch, int rc)
{
    if (watch->sampler)
        vmtp_sampler_stop(watch->sampler);
    be_patient(watch->client, VMTP_SILENCE_SECONDS);
    be_patient(watch->server, VMTP_SILENCE_SECONDS);
    if (rc == VMTP_OK || rc == VMTP_ECANCELED || rc == VMTP_EUNREACH || !is_lost(watch->server))
        return rc;
    return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s, the server, is lost", watch->server->id);
}

/* The client has a connection in the making to this port for longer than any network takes: its kernel says so. */
static int look_for_answer(vmtp_ctx *parent, struct vmtp_watch *watch)
{
    const uint16_t ports[] = {watch->control_port, watch->port};
    uint16_t silent = 0;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx; /* its own, without a watch: this is a command of ours */
    vmtp_ctx_child(&ctx, parent, 0);
    ctx.watch = NULL;
    for (size_t i = 0; i < 2 && !silent; i++) {
        bool found = false;
        int rc = ports[i] ? vmtp_port_unanswered(&ctx, watch->client, watch->target, ports[i], &found) : VMTP_OK;
        if (rc < 0)
            return rc == VMTP_EREMOTE ? VMTP_OK : vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
        if (found)
            silent = ports[i];
    }
    bool again = silent && silent == watch->silent;
    watch->silent = silent;
    watch->answered = !silent;
    if (!again)
        return VMTP_OK;
    return vmtp_fail(parent, VMTP_EREMOTE,
                     "%s (%s) gets no answer from %s (%s) at TCP port %u: a firewall or security group filters it; "
                     "open it there",
                     watch->client->id, watch->from ? watch->from : "?", watch->server->id, watch->target, silent);
}

int vmtp_watch_look(vmtp_ctx *ctx, struct vmtp_watch *watch, double seconds)
{
    if (is_lost(watch->server))
        return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s, the server, is lost", watch->server->id);
    if (watch->answered || watch->asked > 1 || seconds < (watch->asked ? SECOND_LOOK : FIRST_LOOK))
        return VMTP_OK;
    watch->asked++;
    return look_for_answer(ctx, watch);
}
