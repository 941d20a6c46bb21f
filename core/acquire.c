/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of a run brought into being and removed: all of a topology at once, or, where fewer may exist at the
 * same time than the plan has, those that the next flows need. */
#include <stdio.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/log.h"
#include "core/run.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"

const double VMTP_RELEASE_SECONDS = 30;
/* Of what a topology has made outside this process. nova removes a machine that it is just making when it has made it,
 * and with its defaults it waits 300 s for the network of one: a run that is interrupted then sees its machines go
 * after those, and has its networks to remove behind them. */
static const double REMOVAL_SECONDS = 600;
static const double MAKING_SECONDS = 3600; /* of that: many machines that boot one behind the other */

/* Endpoints of one topology. */
struct group {
    struct vmtp_endpoint **items;
    size_t n;
};

static int no_memory(struct vmtp_run *run)
{
    return vmtp_fail(&run->ctx, VMTP_ENOMEM, "out of memory");
}

static bool has(const struct group *group, const struct vmtp_endpoint *ep)
{
    for (size_t i = 0; i < group->n; i++)
        if (group->items[i] == ep)
            return true;
    return false;
}

/* An empty group with room for all endpoints. */
static struct group new_group(const struct vmtp_run *run)
{
    return (struct group){.items = calloc(run->plan.n_endpoints + 1, sizeof(struct vmtp_endpoint *))};
}

static size_t index_of(const struct vmtp_run *run, const struct vmtp_endpoint *ep)
{
    size_t i = 0;
    while (i + 1 < run->plan.n_endpoints && run->plan.endpoints[i] != ep)
        i++;
    return i;
}

static size_t topology_of(const struct vmtp_run *run, const struct vmtp_endpoint *ep)
{
    return run->plan.endpoint_topology[index_of(run, ep)];
}

/* Those that the topology has named. */
static struct group members(const struct vmtp_run *run, size_t topology)
{
    struct group group = new_group(run);
    for (size_t i = 0; group.items && i < run->plan.n_endpoints; i++)
        if (run->plan.endpoint_topology[i] == topology)
            group.items[group.n++] = run->plan.endpoints[i];
    return group;
}

/* How many of a topology's endpoints may be there at the same time. */
static size_t limit_of(const struct vmtp_run *run, size_t topology, size_t n)
{
    const bool cloud = run->topologies[topology].loaded->topology.caps & VMTP_TOPO_CLOUD;
    return cloud && run->plan.at_once && run->plan.at_once < n ? run->plan.at_once : n;
}

/* The endpoints of a topology that the flows from first on need, as many as may be there together, flow by flow. */
static struct group needed(const struct vmtp_run *run, size_t topology, size_t first, size_t limit)
{
    struct group group = new_group(run);
    for (size_t i = first; group.items && i < run->plan.n_flows; i++) {
        struct vmtp_endpoint *const ends[] = {run->plan.flows[i].server, run->plan.flows[i].client};
        size_t more = 0;
        for (size_t e = 0; e < 2; e++)
            more += topology_of(run, ends[e]) == topology && !has(&group, ends[e]) && (e == 0 || ends[0] != ends[1]);
        if (group.n + more > limit && group.n > 0)
            break;
        for (size_t e = 0; e < 2; e++)
            if (topology_of(run, ends[e]) == topology && !has(&group, ends[e]))
                group.items[group.n++] = ends[e];
    }
    return group;
}

/* --- making --- */

static int connect_rest(struct vmtp_run *run, struct vmtp_endpoint *const *eps, size_t n)
{
    int rc = vmtp_connect(&run->ctx, eps, n);
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_child(&ctx, &run->ctx, 0);
        if (vmtp_endpoint_usable(eps[i]) && vmtp_endpoint_facts(&ctx, eps[i]) == VMTP_ECANCELED)
            rc = VMTP_ECANCELED;
    }
    return rc;
}

static int make(struct vmtp_run *run, struct vmtp_topology_instance *topology, vmtp_endpoint *const *eps, size_t n)
{
    const struct vmtp_loaded *loaded = topology->loaded;
    const struct vmtp_node *maps[] = {vmtp_node_get(run->settings->topologies, loaded->plugin.name), topology->options};
    int rc = vmtp_ledger_topology(&run->ctx, run->ledger, &loaded->plugin, maps, 2);
    if (rc < 0)
        return rc;
    topology->acquired = true; /* also half-way: release() undoes what there is */
    run->ctx.topology = loaded->plugin.name;
    VMTP_CLEAN(ctx) struct vmtp_ctx limit; /* for a plugin that does not return; its waits have limits of their own */
    const bool makes = loaded->topology.caps & (VMTP_TOPO_CREATES | VMTP_TOPO_CLOUD);
    vmtp_ctx_child(&limit, &run->ctx, makes ? MAKING_SECONDS : run->settings->ssh_timeout + VMTP_RELEASE_SECONDS);
    run->ctx.plan = &run->plan;
    if (loaded->topology.acquire)
        rc = VMTP_CALL(loaded, topology, acquire, &limit, &run->ctx, topology->state, eps, n);
    run->ctx.topology = NULL;
    run->ctx.plan = NULL;
    return rc == VMTP_OK ? connect_rest(run, eps, n) : rc;
}

/* Makes those of a group that are not there yet. */
static int acquire_group(struct vmtp_run *run, size_t topology, const struct group *group)
{
    struct vmtp_topology_instance *instance = &run->topologies[topology];
    struct group missing = new_group(run);
    VMTP_CLEAN(mem) void *items = missing.items;
    if (!items)
        return no_memory(run);
    for (size_t i = 0; i < group->n; i++) {
        bool *there = &run->there[index_of(run, group->items[i])];
        if (!*there)
            missing.items[missing.n++] = group->items[i];
        *there = true;
    }
    if (instance->acquired && missing.n == 0)
        return VMTP_OK;
    snprintf(run->what, sizeof run->what, "preparing %s", instance->loaded->plugin.name);
    vmtp_run_tell(run);
    const bool one_by_one = run->settings->serial_vms && instance->loaded->topology.caps & VMTP_TOPO_CLOUD;
    const size_t step = one_by_one && missing.n > 0 ? 1 : missing.n;
    int rc = make(run, instance, missing.items, step);
    for (size_t i = step; i < missing.n && rc == VMTP_OK; i++)
        rc = make(run, instance, missing.items + i, 1);
    vmtp_ctx_frame(&run->ctx, "topology %s", instance->loaded->plugin.name);
    return rc;
}

int vmtp_run_acquire(struct vmtp_run *run)
{
    run->there = calloc(run->plan.n_endpoints + 1, sizeof *run->there);
    int rc = run->there ? VMTP_OK : no_memory(run);
    for (size_t i = 0; i < run->n_topologies && rc == VMTP_OK; i++) {
        struct group all = members(run, i);
        size_t limit = limit_of(run, i, all.n);
        struct group first = all.items && limit < all.n ? needed(run, i, 0, limit) : (struct group){0};
        VMTP_CLEAN(mem) void *items = all.items;
        VMTP_CLEAN(mem) void *first_items = first.items;
        rc = !items || (limit < all.n && !first_items) ? no_memory(run)
                                                       : acquire_group(run, i, limit < all.n ? &first : &all);
    }
    return rc;
}

/* --- removing --- */

void vmtp_run_cleaning_ctx(const struct vmtp_run *run, struct vmtp_ctx *ctx, double seconds)
{
    vmtp_ctx_init(ctx, &vmtp_run_abandoned);
    ctx->ledger = run->ledger;
    ctx->deadline = vmtp_now() + seconds;
    ctx->tell = run->ctx.tell;
    ctx->tell_arg = run->ctx.tell_arg;
}

static void release_group(struct vmtp_run *run, size_t i, const struct group *group)
{
    struct vmtp_topology_instance *topology = &run->topologies[i];
    const struct vmtp_loaded *loaded = topology->loaded;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_run_cleaning_ctx(run, &ctx,
                          loaded->topology.caps & VMTP_TOPO_CREATES ? REMOVAL_SECONDS : VMTP_RELEASE_SECONDS);
    ctx.topology = loaded->plugin.name;
    int rc = VMTP_OK;
    if (group->items && loaded->topology.release)
        rc = VMTP_CALL(loaded, topology, release, &ctx, &ctx, topology->state, group->items, group->n);
    if (rc < 0)
        vmtp_log(VMTP_LOG_ERROR, "topology %s: %s", loaded->plugin.name, vmtp_ctx_error(&ctx, rc));
}

/* Whether a topology is left as it is: the user wants to look at it. */
static bool is_kept(const struct vmtp_run *run, const struct vmtp_topology_instance *topology)
{
    return run->keep && (topology->loaded->topology.caps & VMTP_TOPO_CLOUD);
}

void vmtp_run_release(struct vmtp_run *run)
{
    for (size_t i = run->n_topologies; i-- > 0;) {
        if (!run->topologies[i].acquired || is_kept(run, &run->topologies[i]))
            continue;
        run->topologies[i].acquired = false;
        struct group all = members(run, i);
        release_group(run, i, &all);
        free(all.items);
    }
}

/* --- in the middle of the run --- */

/* Removes those of a topology that are there and not in the group. */
static void make_room(struct vmtp_run *run, size_t topology, const struct group *group)
{
    struct group over = new_group(run);
    VMTP_CLEAN(mem) void *items = over.items;
    for (size_t i = 0; items && i < run->plan.n_endpoints; i++) {
        struct vmtp_endpoint *ep = run->plan.endpoints[i];
        if (run->plan.endpoint_topology[i] != topology || !run->there[i] || has(group, ep))
            continue;
        vmtp_endpoint_disconnect(ep);
        over.items[over.n++] = ep;
        run->there[i] = false;
    }
    if (over.n)
        release_group(run, topology, &over);
}

int vmtp_run_acquire_for(struct vmtp_run *run, size_t flow)
{
    struct vmtp_endpoint *const ends[] = {run->plan.flows[flow].server, run->plan.flows[flow].client};
    int rc = VMTP_OK;
    for (size_t e = 0; e < 2 && rc == VMTP_OK; e++) {
        if (run->there[index_of(run, ends[e])])
            continue;
        size_t topology = topology_of(run, ends[e]);
        struct group next = needed(run, topology, flow, limit_of(run, topology, run->plan.n_endpoints));
        VMTP_CLEAN(mem) void *items = next.items;
        if (!items)
            return no_memory(run);
        make_room(run, topology, &next);
        rc = acquire_group(run, topology, &next);
    }
    return rc;
}
