/* SPDX-License-Identifier: Apache-2.0 */
/* Which machines and flows a run has, and what they are called: first by what is asked of the scheduler, then by where
 * the machines really are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { FLOW_ORDER = 100 }; /* behind the flows of hosts */
enum flow_kind { SAME_FIXED, DIFFERENT_FIXED, DIFFERENT_FLOATING, FLOW_KINDS };

static const struct {
    const char *id, *path, *label;
    const char *scenario[2]; /* intra-node, inter-node */
    unsigned wanted;         /* enum vmtp_cloud_flows */
    size_t network;          /* of the client */
} kinds[FLOW_KINDS] = {
    [SAME_FIXED] = {"same-network:fixed", "fixed", "VM to VM same network fixed IP", {"1", "2"}, VMTP_CLOUD_FIXED, 0},
    [DIFFERENT_FIXED] = {"different-network:fixed", "fixed", "VM to VM different network fixed IP", {"3", "4"},
                         VMTP_CLOUD_FIXED, 1},
    [DIFFERENT_FLOATING] = {"different-network:floating", "floating", "VM to VM different network floating IP",
                            {"5", "6"}, VMTP_CLOUD_FLOATING, 1},
};
static const char *const where[] = {"intra-node", "inter-node"};

static void flow_texts(unsigned kind, size_t host, bool inter, char id[64], char label[80])
{
    snprintf(id, 64, "vm:%s:%s", kinds[kind].id, where[host > 0]);
    snprintf(label, 80, "%s (%s)", kinds[kind].label, where[inter]);
}

/* The machine of a role, made known when it is new. */
static int find_machine(vmtp_ctx *ctx, struct vmtp_cloud *cloud, bool server, size_t network, size_t host, size_t *at)
{
    const struct vmtp_settings *settings = cloud->settings;
    for (*at = 0; *at < cloud->n_machines; (*at)++) {
        const struct vmtp_cloud_machine *m = &cloud->machines[*at];
        if (m->server == server && m->network == network && m->host == host)
            return VMTP_OK;
    }
    struct vmtp_cloud_machine *machine = &cloud->machines[cloud->n_machines];
    size_t number = server ? 1 : 1 + 2 * host + network;
    *machine = (struct vmtp_cloud_machine){.server = server, .network = network, .host = host};
    machine->name = vmtp_format("%s%zu", server ? settings->vm_name_server : settings->vm_name_client, number);
    if (!machine->name || vmtp_plan_endpoint(cloud->plan, machine->name) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    cloud->n_machines++;
    return VMTP_OK;
}

static int plan_flow(vmtp_ctx *ctx, struct vmtp_cloud *cloud, unsigned kind, size_t host)
{
    size_t server, client;
    int rc = find_machine(ctx, cloud, true, 0, 0, &server);
    if (rc == VMTP_OK)
        rc = find_machine(ctx, cloud, false, kinds[kind].network, host, &client);
    if (rc < 0)
        return rc;
    char id[64], label[80];
    flow_texts(kind, host, host > 0, id, label);
    const struct vmtp_flow flow = {
        .struct_size = sizeof flow,
        .order = (uint32_t)(FLOW_ORDER + host * FLOW_KINDS + kind),
        .id = id,
        .client = cloud->machines[client].name,
        .server = cloud->machines[server].name,
        .path = kinds[kind].path,
        .scenario = kinds[kind].scenario[host > 0],
        .label = label,
    };
    rc = vmtp_plan_flow(cloud->plan, &flow); /* refuses one that is planned already: a topology named twice */
    if (rc < 0)
        return vmtp_fail(ctx, rc == VMTP_EFAIL ? VMTP_ECONFIG : rc, "the flow %s is asked for twice", label);
    cloud->flows[cloud->n_flows++] = (struct vmtp_cloud_flow){.kind = kind, .client = client, .inter = host > 0};
    return VMTP_OK;
}

int vmtp_cloud_plan_flows(vmtp_ctx *ctx, struct vmtp_cloud *cloud, unsigned flows)
{
    size_t first = cloud->settings->inter_node_only && cloud->placement.n > 1, hosts = cloud->placement.n;
    int rc = VMTP_OK;
    for (size_t host = first; host < hosts && rc == VMTP_OK; host++)
        for (unsigned kind = 0; kind < FLOW_KINDS && rc == VMTP_OK; kind++)
            if ((kinds[kind].wanted & flows) && kinds[kind].network < cloud->n_networks)
                rc = plan_flow(ctx, cloud, kind, host);
    return rc;
}

/* Whether both machines are on one host; false in *known: nobody tells. */
static bool same_host(const struct vmtp_cloud_machine *a, const struct vmtp_cloud_machine *b, bool *known)
{
    *known = true;
    if (a->host_name && b->host_name)
        return strcmp(a->host_name, b->host_name) == 0;
    if (a->host_id && *a->host_id && b->host_id && *b->host_id)
        return strcmp(a->host_id, b->host_id) == 0;
    *known = false;
    return false;
}

static int label_flow(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_cloud_flow *flow)
{
    const struct vmtp_cloud_machine *client = &cloud->machines[flow->client], *server = &cloud->machines[0];
    bool known = false, same = client->active && server->active && same_host(client, server, &known);
    if (!known || same == !flow->inter)
        return VMTP_OK;
    char id[64], label[80];
    flow_texts(flow->kind, client->host, !same, id, label);
    vmtp_warn(ctx, "%s was asked for on %s host as %s but is on %s one: the flow is %s", client->name,
              flow->inter ? "another" : "the same", server->name, same ? "the same" : "another", where[!same]);
    return vmtp_flow_relabel(ctx, id, kinds[flow->kind].scenario[!same], label);
}

int vmtp_cloud_label_flows(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < cloud->n_flows && rc == VMTP_OK; i++)
        if (cloud->machines[cloud->flows[i].client].wanted)
            rc = label_flow(ctx, cloud, &cloud->flows[i]);
    return rc;
}
