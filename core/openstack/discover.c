/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud has already: external network, router, networks, security group, agents. Makes nothing. */
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"
#include "core/openstack/names.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

/* The requests of the first look, in this order. */
enum { EXTERNAL, NETWORKS, ROUTERS, GROUPS, AGENTS, LOOKS };
static const char *const list_keys[LOOKS] = {"networks", "networks", "routers", "security_groups", "agents"};
enum { WORDS_MAX = 1000 };

static struct vmtp_os_request get_network(void)
{
    return (struct vmtp_os_request){.service = VMTP_OS_NETWORK, .method = "GET"};
}

/* By name; when one of them is given by its id, all that there are, as the service joins its filters by "and". */
static char *networks_path(const struct vmtp_settings *settings, size_t n)
{
    const char *const *names = settings->internal_network_name.items;
    if (vmtp_os_is_uuid(names[0]) || (n > 1 && vmtp_os_is_uuid(names[1])))
        return strdup("/networks");
    return n > 1 ? vmtp_os_path("/networks?name=%s&name=%s", names[0], names[1])
                 : vmtp_os_path("/networks?name=%s", names[0]);
}

static char *groups_path(const struct vmtp_settings *settings, const char *project)
{
    const char *name = settings->security_group_name;
    return vmtp_os_is_uuid(name) ? vmtp_os_path("/security-groups?id=%s", name)
                                 : vmtp_os_path("/security-groups?name=%s&project_id=%s", name, project);
}

static int first_look(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_batch *batch)
{
    const struct vmtp_settings *settings = cloud->settings;
    const char *project = vmtp_os_project_id(cloud->session);
    vmtp_os_batch_add(batch, get_network(), strdup("/networks?router:external=true"), NULL);
    vmtp_os_batch_add(batch, get_network(), networks_path(settings, cloud->n_networks), NULL);
    vmtp_os_batch_add(batch, get_network(), vmtp_os_path("/routers?project_id=%s", project), NULL);
    vmtp_os_batch_add(batch, get_network(), groups_path(settings, project), NULL);
    struct vmtp_os_request agents = get_network();
    agents.expect = 403; /* not for everybody */
    vmtp_os_batch_add(batch, agents, strdup("/agents?fields=agent_type&fields=alive"), NULL);
    int rc = vmtp_os_batch_run(ctx, cloud->session, batch);
    for (size_t i = 0; i < AGENTS && rc == VMTP_OK; i++)
        if (batch->replies[i].rc < 0)
            rc = vmtp_fail(ctx, batch->replies[i].rc, "%s", batch->replies[i].error);
        else
            rc = vmtp_os_list_rest(ctx, cloud->session, &batch->requests[i], list_keys[i], &batch->replies[i]);
    return rc;
}

/* --- what the user names, by its id or its name --- */

typedef bool (*fits_fn)(const struct vmtp_cloud *cloud, const json_t *object);

/* Of the things of that name, when there are several. */
static int ambiguous(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply, const char *key,
                     fits_fn fits, const char *setting, const char *wanted)
{
    VMTP_CLEAN(buf) struct vmtp_buf ids = VMTP_BUF(WORDS_MAX);
    const json_t *object;
    for (size_t i = 0; (object = vmtp_os_item(reply, key, i)); i++)
        if (strcmp(vmtp_os_text(object, "name"), wanted) == 0 && fits(cloud, object))
            (void)vmtp_buf_printf(&ids, "%s%s", ids.len ? ", " : "", vmtp_os_text(object, "id"));
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: several are called '%s': give the id of one: %s", setting, wanted,
                     vmtp_buf_text(&ids));
}

/* The one that fits; *chosen stays NULL when none does, which for an id is an error. */
static int pick(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply, const char *key,
                fits_fn fits, const char *setting, const char *wanted, const json_t **chosen)
{
    const json_t *object;
    size_t named = 0;
    *chosen = NULL;
    for (size_t i = 0; (object = vmtp_os_item(reply, key, i)); i++) {
        if (!fits(cloud, object))
            continue;
        if (strcmp(vmtp_os_text(object, "id"), wanted) == 0) {
            *chosen = object;
            return VMTP_OK;
        }
        if (strcmp(vmtp_os_text(object, "name"), wanted) == 0 && ++named)
            *chosen = object;
    }
    if (named > 1)
        return ambiguous(ctx, cloud, reply, key, fits, setting, wanted);
    return *chosen || !vmtp_os_is_uuid(wanted)
               ? VMTP_OK
               : vmtp_fail(ctx, VMTP_EFAIL, "%s: there is none with the id %s that this project can use", setting,
                           wanted);
}

/* --- agents --- */

/* What is known of the kinds that carry packets; agents of a back end that the cloud had before may still be listed. */
static const struct {
    const char *type, *told;
} agent_kinds[] = {{"Linux bridge", NULL}, {"Open vSwitch", NULL}, {"OVN Controller", "OVN"}, {"NIC Switch", NULL}};
enum { AGENT_KINDS = sizeof agent_kinds / sizeof agent_kinds[0] };

static const char *find_agent(const struct vmtp_os_reply *reply, bool alive)
{
    json_t *agent;
    for (size_t k = 0; k < AGENT_KINDS; k++) {
        for (size_t i = 0; (agent = vmtp_os_item(reply, "agents", i)); i++) {
            const char *type = vmtp_os_text(agent, "agent_type");
            if (strncmp(type, agent_kinds[k].type, strlen(agent_kinds[k].type)) == 0 &&
                (!alive || json_is_true(json_object_get(agent, "alive"))))
                return agent_kinds[k].told ? agent_kinds[k].told : type;
        }
    }
    return NULL;
}

static void choose_agent(struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply)
{
    const char *found = find_agent(reply, true);
    if (!found)
        found = find_agent(reply, false);
    (void)vmtp_set_text(&cloud->l2agent, found ? found : "Unknown agent");
}

/* --- the external network and the router --- */

static const char *gateway_of(const json_t *router)
{
    return vmtp_os_text(json_object_get(router, "external_gateway_info"), "network_id");
}

static bool usable(const json_t *object)
{
    return !vmtp_cloud_is_marked(object) && json_is_true(json_object_get(object, "admin_state_up"));
}

/* With a gateway, whose network then is the external one. */
static bool is_router(const struct vmtp_cloud *cloud, const json_t *router)
{
    (void)cloud;
    return usable(router) && *gateway_of(router);
}

static bool is_external(const struct vmtp_cloud *cloud, const json_t *network)
{
    (void)cloud;
    (void)network;
    return true;
}

static const json_t *network_with(const struct vmtp_os_reply *reply, const char *field, const char *value)
{
    const json_t *network;
    for (size_t i = 0; (network = vmtp_os_item(reply, "networks", i)); i++)
        if (strcmp(vmtp_os_text(network, field), value) == 0)
            return network;
    return NULL;
}

static int no_external(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply)
{
    if (!cloud->settings->ext_net_name)
        return vmtp_fail(ctx, VMTP_EFAIL, "this project sees no external network, and without one no VM can be "
                         "reached: the cloud's administrator makes one");
    VMTP_CLEAN(buf) struct vmtp_buf names = VMTP_BUF(WORDS_MAX);
    const json_t *network;
    for (size_t i = 0; (network = vmtp_os_item(reply, "networks", i)); i++)
        (void)vmtp_buf_printf(&names, "%s%s", names.len ? ", " : "", vmtp_os_text(network, "name"));
    return vmtp_fail(ctx, VMTP_EFAIL, "ext_net_name: there is no external network \"%s\"; there %s: %s",
                     cloud->settings->ext_net_name, names.len ? "are" : "is none", vmtp_buf_text(&names));
}

static int choose_external(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply,
                           const json_t **chosen)
{
    const char *wanted = cloud->settings->ext_net_name;
    const json_t *network;
    int rc = wanted ? pick(ctx, cloud, reply, "networks", is_external, "ext_net_name", wanted, chosen) : VMTP_OK;
    if (rc < 0)
        return rc;
    for (size_t i = 0; !wanted && !*chosen && (network = vmtp_os_item(reply, "networks", i)); i++)
        if (json_array_size(json_object_get(network, "subnets")))
            *chosen = network;
    return *chosen ? VMTP_OK : no_external(ctx, cloud, reply);
}

static const json_t *router_to(const struct vmtp_os_reply *routers, const char *external)
{
    const json_t *router;
    for (size_t i = 0; (router = vmtp_os_item(routers, "routers", i)); i++)
        if (usable(router) && strcmp(gateway_of(router), external) == 0)
            return router;
    return NULL;
}

static int use_router(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const json_t *router)
{
    int rc = vmtp_os_take(ctx, router, "id", &cloud->router_id);
    if (rc == VMTP_OK)
        rc = vmtp_set_text(&cloud->router_name, vmtp_os_text(router, "name"));
    const json_t *address = json_array_get(
        json_object_get(json_object_get(router, "external_gateway_info"), "external_fixed_ips"), 0);
    if (rc == VMTP_OK && *vmtp_os_text(address, "ip_address"))
        rc = vmtp_set_text(&cloud->router_address, vmtp_os_text(address, "ip_address"));
    return rc;
}

static int choose_router(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_batch *looks)
{
    const struct vmtp_os_reply *routers = &looks->replies[ROUTERS], *networks = &looks->replies[EXTERNAL];
    const json_t *router = NULL, *external = NULL;
    int rc = pick(ctx, cloud, routers, "routers", is_router, "router_name", cloud->settings->router_name, &router);
    if (rc < 0)
        return rc;
    if (router)
        external = network_with(networks, "id", gateway_of(router));
    if (!external) {
        rc = choose_external(ctx, cloud, networks, &external);
        if (rc < 0)
            return rc;
        router = router_to(routers, vmtp_os_text(external, "id"));
    }
    rc = vmtp_os_take(ctx, external, "id", &cloud->external_id);
    if (rc == VMTP_OK)
        rc = vmtp_set_text(&cloud->external_name, vmtp_os_text(external, "name"));
    if (rc == VMTP_OK && router)
        return use_router(ctx, cloud, router);
    cloud->router_ours = true;
    return rc < 0 ? rc : vmtp_set_text(&cloud->router_name, cloud->settings->router_name);
}

/* --- the networks --- */

static int note_network(struct vmtp_cloud_network *network, const json_t *found)
{
    const char *type = vmtp_os_text(found, "provider:network_type");
    network->mtu = (long)vmtp_os_number(found, "mtu", 0);
    network->open = json_is_false(json_object_get(found, "port_security_enabled"));
    return *type ? vmtp_set_text(&network->type, type) : VMTP_OK;
}

/* One that the project may use: its own or a shared one, and of no run of VMTP. */
static bool is_network(const struct vmtp_cloud *cloud, const json_t *network)
{
    bool own = strcmp(vmtp_os_text(network, "project_id"), vmtp_os_project_id(cloud->session)) == 0;
    return usable(network) && (own || json_is_true(json_object_get(network, "shared")));
}

static int choose_network(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply,
                          struct vmtp_cloud_network *network)
{
    const json_t *chosen = NULL;
    int rc = pick(ctx, cloud, reply, "networks", is_network, "internal_network_name", network->name, &chosen);
    network->ours = true;
    if (rc < 0 || !chosen)
        return rc;
    network->ours = false;
    rc = vmtp_os_take(ctx, chosen, "id", &network->id);
    if (rc == VMTP_OK && *vmtp_os_text(chosen, "name")) /* when it was given by its id */
        rc = vmtp_os_take(ctx, chosen, "name", &network->name);
    return rc < 0 ? rc : note_network(network, chosen);
}

static int name_networks(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_settings *settings = cloud->settings;
    for (size_t i = 0; i < cloud->n_networks; i++) {
        if (i >= settings->internal_network_name.n || i >= settings->internal_subnet_name.n)
            return vmtp_fail(ctx, VMTP_ECONFIG, "internal_network_name and internal_subnet_name need %zu names each",
                             cloud->n_networks);
        struct vmtp_cloud_network *network = &cloud->networks[i];
        if (vmtp_set_text(&network->name, settings->internal_network_name.items[i]) < 0 ||
            vmtp_set_text(&network->subnet_name, settings->internal_subnet_name.items[i]) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    return VMTP_OK;
}

/* --- addresses --- */

static void take_cidr(struct vmtp_cloud *cloud, const char *cidr)
{
    if (*cidr && cloud->n_taken < sizeof cloud->taken / sizeof cloud->taken[0])
        cloud->n_taken += (cloud->taken[cloud->n_taken] = strdup(cidr)) != NULL;
}

static bool is_interface(const json_t *port, const char *subnet)
{
    const json_t *ips = json_object_get(port, "fixed_ips");
    for (size_t i = 0; i < json_array_size(ips); i++)
        if (strcmp(vmtp_os_text(json_array_get(ips, i), "subnet_id"), subnet) == 0)
            return true;
    return false;
}

static bool on_router(const struct vmtp_os_reply *ports, const char *subnet)
{
    const json_t *port;
    for (size_t i = 0; (port = vmtp_os_item(ports, "ports", i)); i++)
        if (is_interface(port, subnet))
            return true;
    return false;
}

static int use_subnet(struct vmtp_cloud_network *network, const json_t *subnet, const struct vmtp_os_reply *ports)
{
    network->attached = on_router(ports, vmtp_os_text(subnet, "id"));
    int rc = vmtp_set_text(&network->subnet_id, vmtp_os_text(subnet, "id"));
    return rc < 0 ? rc : vmtp_set_text(&network->cidr, vmtp_os_text(subnet, "cidr"));
}

/* Takes the subnets of what is reused, and notes which addresses are taken: on the external network, on the router, and
 * in the reused networks. */
static int read_subnets(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_batch *second)
{
    const struct vmtp_os_reply *subnets = &second->replies[0];
    const struct vmtp_os_reply none = {0}, *ports = second->n > 1 ? &second->replies[1] : &none;
    const json_t *subnet;
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && (subnet = vmtp_os_item(subnets, "subnets", i)); i++) {
        if (vmtp_os_number(subnet, "ip_version", 4) != 4)
            continue;
        const char *network = vmtp_os_text(subnet, "network_id"), *id = vmtp_os_text(subnet, "id");
        bool external = strcmp(network, cloud->external_id) == 0, mine = false;
        for (size_t n = 0; n < cloud->n_networks && rc == VMTP_OK; n++) {
            struct vmtp_cloud_network *ours = &cloud->networks[n];
            if (!ours->id || strcmp(ours->id, network) != 0)
                continue;
            mine = true;
            if (!ours->subnet_id)
                rc = use_subnet(ours, subnet, ports);
        }
        if (external || mine || on_router(ports, id))
            take_cidr(cloud, vmtp_os_text(subnet, "cidr"));
    }
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

static int choose_cidrs(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_text_list *wanted = &cloud->settings->internal_cidr;
    for (size_t i = 0; i < cloud->n_networks; i++) {
        struct vmtp_cloud_network *network = &cloud->networks[i];
        char cidr[20];
        if (!network->ours && !network->subnet_id)
            return vmtp_fail(ctx, VMTP_EFAIL, "network %s is there already and has no IPv4 subnet: give it one, or "
                             "choose another name with internal_network_name", network->name);
        if (!network->ours)
            continue;
        const char *preferred = i < wanted->n ? wanted->items[i] : NULL;
        if (!vmtp_cidr_free(preferred, cloud->taken, cloud->n_taken, cidr))
            return vmtp_fail(ctx, VMTP_EFAIL, "no range of addresses is free for network %s: name one with "
                             "internal_cidr", network->name);
        if (preferred && strcmp(cidr, preferred) != 0)
            vmtp_info(ctx, "%s is taken: network %s gets %s", preferred, network->name, cidr);
        if (vmtp_set_text(&network->cidr, cidr) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        take_cidr(cloud, cidr);
    }
    return VMTP_OK;
}

static int second_look(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_batch batch = {0};
    bool reuse = cloud->router_id != NULL;
    for (size_t i = 0; i < cloud->n_networks; i++)
        reuse = reuse || cloud->networks[i].id;
    /* what is on a router may be in any network that the project sees */
    vmtp_os_batch_add(&batch, get_network(),
                      reuse ? strdup("/subnets") : vmtp_os_path("/subnets?network_id=%s", cloud->external_id), NULL);
    if (cloud->router_id)
        vmtp_os_batch_add(&batch, get_network(), vmtp_os_path("/ports?device_id=%s", cloud->router_id), NULL);
    int rc = vmtp_os_batch_run(ctx, cloud->session, &batch);
    for (size_t i = 0; i < batch.n && rc == VMTP_OK; i++)
        if (batch.replies[i].rc < 0)
            rc = vmtp_fail(ctx, batch.replies[i].rc, "%s", batch.replies[i].error);
        else
            rc = vmtp_os_list_rest(ctx, cloud->session, &batch.requests[i], i ? "ports" : "subnets",
                                   &batch.replies[i]);
    if (rc == VMTP_OK)
        rc = read_subnets(ctx, cloud, &batch);
    vmtp_os_batch_clear(&batch);
    return rc < 0 ? rc : choose_cidrs(ctx, cloud);
}

/* --- all of it --- */

static bool is_group(const struct vmtp_cloud *cloud, const json_t *group)
{
    (void)cloud;
    return !vmtp_cloud_is_marked(group);
}

static int choose_group(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_reply *reply)
{
    const json_t *group = NULL;
    int rc = pick(ctx, cloud, reply, "security_groups", is_group, "security_group_name",
                  cloud->settings->security_group_name, &group);
    cloud->group_ours = !group;
    return rc < 0 || !group ? rc : vmtp_os_take(ctx, group, "id", &cloud->group_id);
}

static int choose_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_batch *looks)
{
    choose_agent(cloud, &looks->replies[AGENTS]);
    int rc = choose_router(ctx, cloud, looks);
    for (size_t i = 0; i < cloud->n_networks && rc == VMTP_OK; i++)
        rc = choose_network(ctx, cloud, &looks->replies[NETWORKS], &cloud->networks[i]);
    if (rc == VMTP_OK)
        rc = choose_group(ctx, cloud, &looks->replies[GROUPS]);
    return rc < 0 ? rc : second_look(ctx, cloud);
}

int vmtp_cloud_discover(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_batch looks = {0};
    int rc = name_networks(ctx, cloud);
    if (rc == VMTP_OK)
        rc = first_look(ctx, cloud, &looks);
    if (rc == VMTP_OK)
        rc = choose_all(ctx, cloud, &looks);
    vmtp_os_batch_clear(&looks);
    if (rc < 0)
        return rc;
    vmtp_info(ctx, "external network: %s", cloud->external_name);
    vmtp_info(ctx, "router: %s%s", cloud->router_name, cloud->router_ours ? ", to be made" : ", which is there");
    for (size_t i = 0; i < cloud->n_networks; i++)
        vmtp_info(ctx, "network: %s %s%s", cloud->networks[i].name, cloud->networks[i].cidr,
                  cloud->networks[i].ours ? ", to be made" : ", which is there");
    vmtp_info(ctx, "security group: %s%s", cloud->settings->security_group_name,
              cloud->group_ours ? ", to be made" : ", which is there and stays as it is");
    return VMTP_OK;
}
