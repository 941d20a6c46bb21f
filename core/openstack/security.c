/* SPDX-License-Identifier: Apache-2.0 */
/* The run's own security group: open for what its flows need, from where they come, and for nothing else. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/tools.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char ANYWHERE[] = "0.0.0.0/0";
enum { SSH_PORT = 22, CONFLICT = 409 };

/* A range of ports; first 0: the protocol has none. */
struct opening {
    const char *protocol;
    unsigned first, last;
};

static int add_rule(json_t *rules, const struct vmtp_cloud *cloud, const struct opening *opening, const char *from)
{
    json_t *rule = json_pack("{s:s,s:s,s:s,s:s,s:s}", "security_group_id", cloud->group_id, "direction", "ingress",
                             "ethertype", "IPv4", "protocol", opening->protocol, "remote_ip_prefix", from);
    if (rule && opening->first) {
        (void)json_object_set_new(rule, "port_range_min", json_integer(opening->first));
        (void)json_object_set_new(rule, "port_range_max", json_integer(opening->last));
    }
    return rule && json_array_append_new(rules, rule) == 0 ? VMTP_OK : VMTP_ENOMEM;
}

/* The ports of the tool that measures; parallel streams use those above. */
static int tool_ports(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct opening *opening)
{
    const struct vmtp_loaded *loaded;
    VMTP_CLEAN(mem) char *name = NULL;
    VMTP_CLEAN(node) struct vmtp_node *given = NULL;
    VMTP_CLEAN(mem) void *opts = NULL;
    int rc = vmtp_spec_name(ctx, settings->tp_tool, "--tp-tool", &name);
    if (rc == VMTP_OK)
        rc = vmtp_registry_get(ctx, VMTP_KIND_TOOL, name, &loaded);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(ctx, settings->tp_tool, "--tp-tool", &loaded->plugin, &given);
    if (rc < 0)
        return rc;
    const struct vmtp_node *maps[] = {vmtp_node_get(settings->tools, loaded->plugin.name), given};
    rc = vmtp_options_fill(ctx, &loaded->plugin, maps, 2, &opts);
    if (rc < 0)
        return rc;
    const unsigned data = vmtp_tool_port(&loaded->plugin, opts, "port", loaded->tool.port);
    const unsigned control = vmtp_tool_port(&loaded->plugin, opts, "control_port", loaded->tool.control_port);
    opening->first = control && control < data ? control : data;
    opening->last = (control > data ? control : data) + (settings->streams > 1 ? (unsigned)settings->streams : 0);
    if (opening->last > 65535)
        opening->last = 65535;
    return VMTP_OK;
}

static int add_address(json_t *sources, const char *address)
{
    VMTP_CLEAN(mem) char *one = address ? vmtp_format("%s/32", address) : NULL;
    return address ? json_array_append_new(sources, one ? json_string(one) : NULL) : 0;
}

/* Where the packets of the flows come from: the networks and the router, the first time, and the floating addresses of
 * the machines that are made now. */
static int add_sources(json_t *sources, const struct vmtp_cloud *cloud)
{
    int rc = cloud->group_open ? 0 : add_address(sources, cloud->router_address);
    for (size_t i = 0; i < cloud->n_networks && rc == 0 && !cloud->group_open; i++)
        rc = json_array_append_new(sources, json_string(cloud->networks[i].cidr));
    for (size_t i = 0; i < cloud->n_machines && rc == 0; i++)
        if (cloud->machines[i].wanted)
            rc = add_address(sources, cloud->machines[i].floating_ip);
    return rc == 0 ? VMTP_OK : VMTP_ENOMEM;
}

static bool anywhere(const char *source)
{
    return !source || strcmp(source, ANYWHERE) == 0;
}

static int add_rules(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, json_t *rules, const json_t *sources)
{
    const char *ssh_source = cloud->settings->ssh_source;
    const struct opening ssh = {"tcp", SSH_PORT, SSH_PORT}, icmp = {"icmp", 0, 0};
    struct opening tcp = {"tcp", 0, 0};
    int rc = tool_ports(ctx, cloud->settings, &tcp);
    if (rc < 0)
        return rc;
    const struct opening udp = {"udp", tcp.first, tcp.last};
    if (!cloud->group_open)
        rc = add_rule(rules, cloud, &ssh, ssh_source ? ssh_source : ANYWHERE);
    if (rc == VMTP_OK && !cloud->group_open)
        rc = add_rule(rules, cloud, &icmp, ssh_source ? ssh_source : ANYWHERE);
    for (size_t i = 0; i < json_array_size(sources) && rc == VMTP_OK; i++) {
        const char *from = json_string_value(json_array_get(sources, i));
        if (!anywhere(ssh_source))
            rc = add_rule(rules, cloud, &icmp, from);
        if (rc == VMTP_OK && tcp.first)
            rc = add_rule(rules, cloud, &tcp, from);
        if (rc == VMTP_OK && tcp.first)
            rc = add_rule(rules, cloud, &udp, from);
    }
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

static int send_rules(vmtp_ctx *ctx, struct vmtp_cloud *cloud, json_t *rules, bool *conflict)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    json_t *body = json_pack("{s:O}", "security_group_rules", rules);
    const struct vmtp_os_request request = {.service = VMTP_OS_NETWORK,
                                            .method = "POST",
                                            .path = "/security-group-rules",
                                            .body = body,
                                            .expect = CONFLICT};
    int rc = body ? vmtp_os_call(ctx, cloud->session, &request, &reply) : VMTP_ENOMEM;
    *conflict = reply.status == CONFLICT;
    json_decref(body);
    return rc;
}

/* When one of them is there already, none is made: then each is sent alone. */
static int send_each(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const json_t *rules)
{
    struct vmtp_os_batch batch = {0};
    const struct vmtp_os_request request = {.service = VMTP_OS_NETWORK, .method = "POST", .expect = CONFLICT};
    json_t *rule;
    size_t i;
    json_array_foreach(rules, i, rule) {
        vmtp_os_batch_add(&batch, request, strdup("/security-group-rules"),
                          json_pack("{s:O}", "security_group_rule", rule));
    }
    int rc = vmtp_os_batch_run(ctx, cloud->session, &batch);
    for (i = 0; i < batch.n && rc == VMTP_OK; i++)
        if (batch.replies[i].rc < 0)
            rc = vmtp_fail(ctx, batch.replies[i].rc, "%s", batch.replies[i].error);
    vmtp_os_batch_clear(&batch);
    return rc;
}

/* One request for all rules. They go with the group, so they are not in the ledger. */
int vmtp_cloud_open_group(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    if (!cloud->group_ours)
        return VMTP_OK;
    json_t *rules = json_array(), *sources = json_array();
    bool conflict = false;
    int rc = rules && sources ? add_sources(sources, cloud) : VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = add_rules(ctx, cloud, rules, sources);
    if (rc == VMTP_OK)
        rc = send_rules(ctx, cloud, rules, &conflict);
    if (rc == VMTP_OK && conflict)
        rc = send_each(ctx, cloud, rules);
    vmtp_ctx_frame(ctx, "cannot open security group %s", cloud->settings->security_group_name);
    cloud->group_open = cloud->group_open || rc == VMTP_OK;
    json_decref(rules);
    json_decref(sources);
    return rc;
}
