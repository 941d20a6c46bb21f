/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/util/str.h"

int vmtp_plan_init(struct vmtp_plan *plan, const struct vmtp_settings *settings)
{
    *plan = (struct vmtp_plan){.settings = settings};
    plan->hosts = calloc(settings->n_hosts + 1, sizeof *plan->hosts);
    if (!plan->hosts)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < settings->n_hosts; i++) {
        const struct vmtp_hostspec *host = &settings->hosts[i];
        plan->hosts[i] = (struct vmtp_login){
            .struct_size = sizeof plan->hosts[i],
            .port = host->port,
            .transport = "ssh",
            .user = host->user,
            .host = host->host,
            .key_file = host->key_file,
            .password = host->password,
        };
    }
    return VMTP_OK;
}

static struct vmtp_endpoint *find_endpoint(const struct vmtp_plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->n_endpoints; i++)
        if (strcmp(plan->endpoints[i]->id, id) == 0)
            return plan->endpoints[i];
    return NULL;
}

int vmtp_plan_endpoint(vmtp_plan *plan, const char *id)
{
    if (find_endpoint(plan, id))
        return VMTP_OK;
    size_t n = plan->n_endpoints + 1;
    struct vmtp_endpoint **endpoints = realloc(plan->endpoints, n * sizeof(struct vmtp_endpoint *));
    if (!endpoints)
        return VMTP_ENOMEM;
    plan->endpoints = endpoints;
    size_t *owners = realloc(plan->endpoint_topology, n * sizeof *owners);
    if (!owners)
        return VMTP_ENOMEM;
    plan->endpoint_topology = owners;
    endpoints[n - 1] = vmtp_endpoint_new(id);
    if (!endpoints[n - 1])
        return VMTP_ENOMEM;
    owners[n - 1] = plan->topology;
    plan->n_endpoints = n;
    return VMTP_OK;
}

static void flow_clear(struct vmtp_planned_flow *planned)
{
    free((void *)planned->flow.id);
    free((void *)planned->flow.client);
    free((void *)planned->flow.server);
    free((void *)planned->flow.path);
    free((void *)planned->flow.scenario);
    free((void *)planned->flow.label);
}

static int copy_text(const char **member, const char *text)
{
    *member = strdup(text ? text : "");
    return *member ? VMTP_OK : VMTP_ENOMEM;
}

static bool is_complete(const struct vmtp_plan *plan, const struct vmtp_flow *flow)
{
    if (!flow->id || !flow->client || !flow->server || !flow->path)
        return false;
    for (size_t i = 0; i < plan->n_flows; i++)
        if (strcmp(plan->flows[i].flow.id, flow->id) == 0)
            return false;
    return true;
}

int vmtp_plan_flow(vmtp_plan *plan, const struct vmtp_flow *theirs)
{
    struct vmtp_flow flow = {0};
    size_t size = theirs->struct_size < sizeof flow ? theirs->struct_size : sizeof flow;
    memcpy(&flow, theirs, size);
    if (!is_complete(plan, &flow) || !find_endpoint(plan, flow.client) || !find_endpoint(plan, flow.server))
        return VMTP_EFAIL;

    struct vmtp_planned_flow *flows = realloc(plan->flows, (plan->n_flows + 1) * sizeof *flows);
    if (!flows)
        return VMTP_ENOMEM;
    plan->flows = flows;
    struct vmtp_planned_flow *planned = &flows[plan->n_flows];
    *planned = (struct vmtp_planned_flow){
        .flow = {.struct_size = sizeof flow, .order = flow.order},
        .client = find_endpoint(plan, flow.client),
        .server = find_endpoint(plan, flow.server),
        .topology = plan->topology,
        .sequence = plan->n_flows,
    };
    if (copy_text(&planned->flow.id, flow.id) < 0 || copy_text(&planned->flow.client, flow.client) < 0 ||
        copy_text(&planned->flow.server, flow.server) < 0 || copy_text(&planned->flow.path, flow.path) < 0 ||
        copy_text(&planned->flow.scenario, flow.scenario) < 0 || copy_text(&planned->flow.label, flow.label) < 0) {
        flow_clear(planned);
        return VMTP_ENOMEM;
    }
    plan->n_flows++;
    return VMTP_OK;
}

int vmtp_plan_note(vmtp_plan *plan, const char *text)
{
    struct vmtp_plan_note *notes = realloc(plan->notes, (plan->n_notes + 1) * sizeof *notes);
    if (!notes)
        return VMTP_ENOMEM;
    plan->notes = notes;
    char *copy = strdup(text);
    if (!copy)
        return VMTP_ENOMEM;
    vmtp_printable(copy);
    notes[plan->n_notes++] = (struct vmtp_plan_note){.topology = plan->topology, .text = copy};
    return VMTP_OK;
}

int vmtp_flow_relabel(vmtp_ctx *ctx, const char *id, const char *scenario, const char *label)
{
    struct vmtp_plan *plan = ctx->plan;
    for (size_t i = 0; plan && i < plan->n_flows; i++) {
        struct vmtp_planned_flow *planned = &plan->flows[i];
        if (strcmp(planned->flow.id, id) != 0)
            continue;
        char *texts[] = {strdup(scenario), strdup(label)};
        if (!texts[0] || !texts[1]) {
            free(texts[0]);
            free(texts[1]);
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        }
        free((void *)planned->flow.scenario);
        free((void *)planned->flow.label);
        planned->flow.scenario = texts[0];
        planned->flow.label = texts[1];
        return VMTP_OK;
    }
    return vmtp_fail(ctx, VMTP_EFAIL, "there is no flow %s to be given another label", id);
}

const struct vmtp_login *vmtp_plan_host(const vmtp_plan *plan, size_t i)
{
    return i < plan->settings->n_hosts ? &plan->hosts[i] : NULL;
}

const char *vmtp_plan_interface(const vmtp_plan *plan)
{
    for (size_t i = 0; i < plan->settings->n_hosts; i++)
        if (plan->settings->hosts[i].interface && plan->settings->hosts[i].interface[0])
            return plan->settings->hosts[i].interface;
    return NULL;
}

bool vmtp_plan_inter_node_only(const vmtp_plan *plan)
{
    return plan->settings->inter_node_only;
}

static int compare_flows(const void *a, const void *b)
{
    const struct vmtp_planned_flow *x = a, *y = b;
    if (x->flow.order != y->flow.order)
        return x->flow.order < y->flow.order ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void vmtp_plan_sort(struct vmtp_plan *plan)
{
    if (plan->n_flows)
        qsort(plan->flows, plan->n_flows, sizeof *plan->flows, compare_flows);
}

void vmtp_plan_clear(struct vmtp_plan *plan)
{
    for (size_t i = 0; i < plan->n_flows; i++)
        flow_clear(&plan->flows[i]);
    for (size_t i = 0; i < plan->n_endpoints; i++)
        vmtp_endpoint_free(plan->endpoints[i]);
    for (size_t i = 0; i < plan->n_notes; i++)
        free(plan->notes[i].text);
    free(plan->notes);
    free(plan->flows);
    free(plan->endpoints);
    free(plan->endpoint_topology);
    free(plan->hosts);
    vmtp_pairs_clear(&plan->facts);
    if (plan->cloud)
        plan->cloud_close(plan->cloud);
    *plan = (struct vmtp_plan){0};
}
