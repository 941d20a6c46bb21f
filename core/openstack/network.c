/* SPDX-License-Identifier: Apache-2.0 */
/* Makes what the run needs of networks: the two networks with their subnets, the router, its interfaces. */
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { FIRST_MAX = VMTP_CLOUD_NETWORKS + 2 };

static char *look(const struct vmtp_cloud *cloud, const char *plural)
{
    VMTP_CLEAN(mem) char *mark = vmtp_os_path("%s", cloud->mark);
    return mark ? vmtp_format("/%s?description=%s", plural, mark) : NULL;
}

static struct vmtp_os_creation network_creation(struct vmtp_cloud *cloud, const struct vmtp_cloud_network *network)
{
    return (struct vmtp_os_creation){
        .service = VMTP_OS_NETWORK,
        .kind = "network",
        .label = network->name,
        .path = "/networks",
        .singular = "network",
        .plural = "networks",
        .look = look(cloud, "networks"),
        .field = "name",
        .value = network->name,
        .body = json_pack("{s:{s:s,s:s,s:b}}", "network", "name", network->name, "description", cloud->mark,
                          "admin_state_up", 1),
    };
}

static struct vmtp_os_creation router_creation(struct vmtp_cloud *cloud)
{
    return (struct vmtp_os_creation){
        .service = VMTP_OS_NETWORK,
        .kind = "router",
        .label = cloud->router_name,
        .path = "/routers",
        .singular = "router",
        .plural = "routers",
        .look = look(cloud, "routers"),
        .field = "name",
        .value = cloud->router_name,
        .body = json_pack("{s:{s:s,s:s,s:b,s:{s:s}}}", "router", "name", cloud->router_name, "description",
                          cloud->mark, "admin_state_up", 1, "external_gateway_info", "network_id",
                          cloud->external_id),
    };
}

static struct vmtp_os_creation group_creation(struct vmtp_cloud *cloud)
{
    return (struct vmtp_os_creation){
        .service = VMTP_OS_NETWORK,
        .kind = "security-group",
        .label = cloud->settings->security_group_name,
        .path = "/security-groups",
        .singular = "security_group",
        .plural = "security_groups",
        .look = look(cloud, "security-groups"),
        .field = "name",
        .value = cloud->settings->security_group_name,
        .body = json_pack("{s:{s:s,s:s}}", "security_group", "name", cloud->settings->security_group_name,
                          "description", cloud->mark),
    };
}

/* What the answer says of a thing that was made. */
static int note_made(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_creation *creation)
{
    if (strcmp(creation->kind, "security-group") == 0)
        return vmtp_os_take(ctx, creation->made, "id", &cloud->group_id);
    if (strcmp(creation->kind, "router") == 0) {
        const json_t *gateway = json_object_get(creation->made, "external_gateway_info");
        const json_t *address = json_array_get(json_object_get(gateway, "external_fixed_ips"), 0);
        int rc = vmtp_os_take(ctx, creation->made, "id", &cloud->router_id);
        if (rc == VMTP_OK && *vmtp_os_text(address, "ip_address"))
            rc = vmtp_os_take(ctx, address, "ip_address", &cloud->router_address);
        return rc;
    }
    for (size_t i = 0; i < cloud->n_networks; i++) {
        struct vmtp_cloud_network *network = &cloud->networks[i];
        if (network->name != creation->label)
            continue;
        const char *type = vmtp_os_text(creation->made, "provider:network_type");
        network->mtu = (long)vmtp_os_number(creation->made, "mtu", 0);
        network->open = json_is_false(json_object_get(creation->made, "port_security_enabled"));
        int rc = vmtp_os_take(ctx, creation->made, "id", &network->id);
        return rc == VMTP_OK && *type ? vmtp_set_text(&network->type, type) : rc;
    }
    return VMTP_OK;
}

static int make_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creations, size_t n)
{
    int rc = vmtp_os_create_all(ctx, cloud, creations, n);
    for (size_t i = 0; i < n; i++) {
        if (rc == VMTP_OK && creations[i].rc < 0)
            rc = vmtp_fail(ctx, creations[i].rc, "cannot make %s %s: %s", creations[i].kind, creations[i].label,
                           creations[i].error ? creations[i].error : "no answer");
        else if (rc == VMTP_OK)
            rc = note_made(ctx, cloud, &creations[i]);
        if (rc == VMTP_OK)
            vmtp_info(ctx, "%s %s made", creations[i].kind, creations[i].label);
    }
    for (size_t i = 0; i < n; i++)
        vmtp_os_creation_clear(&creations[i]);
    return rc;
}

/* Networks, router and security group need nothing of each other. */
static int make_first(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_creation creations[FIRST_MAX];
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_networks; i++)
        if (cloud->networks[i].ours)
            creations[n++] = network_creation(cloud, &cloud->networks[i]);
    if (cloud->router_ours)
        creations[n++] = router_creation(cloud);
    if (cloud->group_ours)
        creations[n++] = group_creation(cloud);
    return make_all(ctx, cloud, creations, n);
}

/* --- subnets; they go with their network, so they are not in the ledger --- */

static json_t *subnet_body(const struct vmtp_cloud *cloud, const struct vmtp_cloud_network *network)
{
    const struct vmtp_text_list *servers = &cloud->settings->dns_nameservers;
    json_t *names = json_array();
    for (size_t i = 0; i < servers->n; i++)
        (void)json_array_append_new(names, json_string(servers->items[i]));
    return json_pack("{s:{s:s,s:s,s:s,s:s,s:i,s:b,s:o}}", "subnet", "name", network->subnet_name, "description",
                     cloud->mark, "network_id", network->id, "cidr", network->cidr, "ip_version", 4, "enable_dhcp", 1,
                     "dns_nameservers", names);
}

static int make_subnets(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_creation creations[VMTP_CLOUD_NETWORKS];
    struct vmtp_cloud_network *networks[VMTP_CLOUD_NETWORKS];
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_networks; i++) {
        struct vmtp_cloud_network *network = &cloud->networks[i];
        if (!network->ours)
            continue;
        networks[n] = network;
        creations[n++] = (struct vmtp_os_creation){
            .service = VMTP_OS_NETWORK,
            .label = network->subnet_name,
            .path = "/subnets",
            .singular = "subnet",
            .plural = "subnets",
            .look = vmtp_os_path("/subnets?network_id=%s", network->id),
            .field = "name",
            .value = network->subnet_name,
            .body = subnet_body(cloud, network),
        };
    }
    int rc = vmtp_os_create_all(ctx, cloud, creations, n);
    for (size_t i = 0; i < n; i++) {
        if (rc == VMTP_OK && creations[i].rc < 0)
            rc = vmtp_fail(ctx, creations[i].rc, "cannot make subnet %s: %s", creations[i].label,
                           creations[i].error ? creations[i].error : "no answer");
        if (rc == VMTP_OK)
            rc = vmtp_os_take(ctx, creations[i].made, "id", &networks[i]->subnet_id);
        vmtp_os_creation_clear(&creations[i]);
    }
    return rc;
}

/* --- interfaces of the router --- */

static int attach(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_batch *batch)
{
    const struct vmtp_os_request request = {.service = VMTP_OS_NETWORK, .method = "PUT"};
    for (size_t i = 0; i < cloud->n_networks; i++) {
        const struct vmtp_cloud_network *network = &cloud->networks[i];
        if (network->attached)
            continue;
        VMTP_CLEAN(mem) char *id = vmtp_format("%s/%s", cloud->router_id, network->subnet_id);
        int rc = id ? vmtp_cloud_track(ctx, cloud, "interface", id) : VMTP_ENOMEM;
        if (rc < 0)
            return rc;
        vmtp_os_batch_add(batch, request, vmtp_os_path("/routers/%s/add_router_interface", cloud->router_id),
                          json_pack("{s:s}", "subnet_id", network->subnet_id));
    }
    return vmtp_os_batch_run(ctx, cloud->session, batch);
}

static int make_interfaces(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_batch batch = {0};
    int rc = attach(ctx, cloud, &batch);
    for (size_t i = 0, at = 0; i < cloud->n_networks && rc == VMTP_OK; i++) {
        struct vmtp_cloud_network *network = &cloud->networks[i];
        if (network->attached)
            continue;
        const struct vmtp_os_reply *reply = &batch.replies[at++];
        if (reply->rc < 0)
            rc = vmtp_fail(ctx, reply->rc, "cannot attach network %s to router %s: %s", network->name,
                           cloud->router_name, reply->error);
        network->attached = rc == VMTP_OK;
        if (rc == VMTP_OK)
            vmtp_info(ctx, "network %s (%s) attached to router %s", network->name, network->cidr, cloud->router_name);
    }
    vmtp_os_batch_clear(&batch);
    return rc;
}

int vmtp_cloud_make_network(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = make_first(ctx, cloud);
    if (rc == VMTP_OK)
        rc = make_subnets(ctx, cloud);
    return rc < 0 ? rc : make_interfaces(ctx, cloud);
}
