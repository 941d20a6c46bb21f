/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of the machines and the floating addresses at which they are reached. They are made before the machines: so
 * addresses and rules are ready while the machines still boot. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

/* --- ports --- */

static json_t *port_body(const struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine)
{
    const struct vmtp_cloud_network *network = &cloud->networks[machine->network];
    json_t *port = json_pack("{s:s,s:s,s:s,s:[{s:s}]}", "name", machine->name, "description", cloud->mark,
                             "network_id", network->id, "fixed_ips", "subnet_id", network->subnet_id);
    if (port && !network->open)
        (void)json_object_set_new(port, "security_groups", json_pack("[s]", cloud->group_id));
    return port;
}

static bool lacks_port(const struct vmtp_cloud_machine *machine)
{
    return machine->wanted && !machine->port_id;
}

/* Takes the ports of an answer by the names of their machines. */
static int take_ports(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply)
{
    const json_t *port;
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && (port = vmtp_os_item(reply, "ports", i)); i++) {
        for (size_t m = 0; m < cloud->n_machines && rc == VMTP_OK; m++) {
            struct vmtp_cloud_machine *machine = &cloud->machines[m];
            if (!lacks_port(machine) || strcmp(vmtp_os_text(port, "name"), machine->name) != 0 ||
                !vmtp_cloud_is_ours(cloud, port))
                continue;
            rc = vmtp_os_take(ctx, json_array_get(json_object_get(port, "fixed_ips"), 0), "ip_address",
                              &machine->fixed_ip);
            if (rc == VMTP_OK)
                rc = vmtp_os_take(ctx, port, "id", &machine->port_id);
        }
    }
    return rc;
}

static int send_ports(vmtp_ctx *ctx, struct vmtp_cloud *cloud, bool *answered)
{
    json_t *ports = json_array();
    for (size_t i = 0; i < cloud->n_machines; i++)
        if (lacks_port(&cloud->machines[i]))
            (void)json_array_append_new(ports, port_body(cloud, &cloud->machines[i]));
    json_t *body = json_pack("{s:o}", "ports", ports);
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, 0);
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    const struct vmtp_os_request request = {
        .service = VMTP_OS_NETWORK, .method = "POST", .path = "/ports", .body = body, .once = true};
    int rc = body ? vmtp_os_call(&own, cloud->session, &request, &reply) : VMTP_ENOMEM;
    json_decref(body);
    *answered = rc != VMTP_EUNREACH;
    if (rc == VMTP_OK)
        return take_ports(ctx, cloud, &reply);
    return *answered ? vmtp_fail(ctx, rc, "cannot make the ports of the VMs: %s", vmtp_ctx_error(&own, rc)) : VMTP_OK;
}

static int look_for_ports(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/ports?description=%s", cloud->mark);
    const struct vmtp_os_request request = {.service = VMTP_OS_NETWORK, .method = "GET", .path = path};
    int rc = path ? vmtp_os_call(ctx, cloud->session, &request, &reply) : VMTP_ENOMEM;
    return rc < 0 ? rc : take_ports(ctx, cloud, &reply);
}

static size_t count_lacking(const struct vmtp_cloud *cloud)
{
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_machines; i++)
        n += lacks_port(&cloud->machines[i]);
    return n;
}

/* All in one request. When it was not answered, those that are there are looked up before the rest is sent again. */
int vmtp_cloud_make_ports(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = VMTP_OK;
    bool answered = false;
    for (size_t i = 0; i < cloud->n_machines && rc == VMTP_OK; i++)
        if (lacks_port(&cloud->machines[i]))
            rc = vmtp_cloud_track(ctx, cloud, "port", cloud->machines[i].name);
    for (int tries = 0; rc == VMTP_OK && tries < 3 && !answered && count_lacking(cloud); tries++) {
        if (tries > 0)
            rc = vmtp_wait(ctx, 1);
        if (rc == VMTP_OK && tries > 0)
            rc = look_for_ports(ctx, cloud);
        if (rc == VMTP_OK && count_lacking(cloud))
            rc = send_ports(ctx, cloud, &answered);
    }
    if (rc == VMTP_OK && count_lacking(cloud))
        rc = vmtp_fail(ctx, VMTP_EUNREACH, "the network service has not answered when the ports of the VMs were made");
    return rc;
}

/* --- floating addresses --- */

size_t vmtp_cloud_add_addresses(struct vmtp_cloud *cloud, struct vmtp_os_creation creations[VMTP_CLOUD_MACHINES])
{
    VMTP_CLEAN(mem) char *mark = vmtp_os_path("%s", cloud->mark);
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_machines; i++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[i];
        if (!machine->wanted || machine->floating_id || machine->fault)
            continue;
        creations[n++] = (struct vmtp_os_creation){
            .service = VMTP_OS_NETWORK,
            .kind = "floating-ip",
            .label = machine->name,
            .path = "/floatingips",
            .singular = "floatingip",
            .plural = "floatingips",
            .look = mark ? vmtp_format("/floatingips?description=%s", mark) : NULL,
            .field = "port_id",
            .value = machine->port_id,
            .body = json_pack("{s:{s:s,s:s,s:s}}", "floatingip", "floating_network_id", cloud->external_id, "port_id",
                              machine->port_id, "description", cloud->mark),
        };
    }
    return n;
}

static int take_address(vmtp_ctx *ctx, struct vmtp_cloud_machine *machine, const struct vmtp_os_creation *creation)
{
    if (creation->rc < 0 || !creation->made) {
        VMTP_CLEAN(mem) char *words = vmtp_format("no floating IP: %s",
                                              creation->error ? creation->error : "no answer");
        return words ? vmtp_set_text(&machine->fault, words) : VMTP_ENOMEM;
    }
    int rc = vmtp_os_take(ctx, creation->made, "floating_ip_address", &machine->floating_ip);
    if (rc == VMTP_OK)
        rc = vmtp_os_take(ctx, creation->made, "id", &machine->floating_id);
    if (rc == VMTP_OK)
        vmtp_info(ctx, "[%s] Floating IP %s created", machine->name, machine->floating_ip);
    return rc;
}

int vmtp_cloud_take_addresses(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_creation *creations,
                              size_t n)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++)
        for (size_t m = 0; m < cloud->n_machines && rc == VMTP_OK; m++)
            if (cloud->machines[m].name == creations[i].label)
                rc = take_address(ctx, &cloud->machines[m], &creations[i]);
    return rc;
}
