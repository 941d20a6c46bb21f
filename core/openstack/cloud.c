/* SPDX-License-Identifier: Apache-2.0 */
/* The cloud of a run from the plan to the end. */
#include "core/openstack/cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

static void clear_machine(struct vmtp_cloud_machine *m)
{
    char *const texts[] = {m->name, m->port_id, m->fixed_ip,  m->floating_id, m->floating_ip, m->id,
                           m->status, m->zone,  m->host_name, m->host_id,     m->fault};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

void vmtp_cloud_close(struct vmtp_cloud *cloud)
{
    if (!cloud)
        return;
    char *const texts[] = {cloud->auth_url,    cloud->external_id,    cloud->external_name, cloud->router_id,
                           cloud->router_name, cloud->router_address, cloud->group_id,      cloud->l2agent,
                           cloud->together_id,  cloud->dialogue};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (size_t i = 0; i < VMTP_CLOUD_NETWORKS; i++) {
        struct vmtp_cloud_network *network = &cloud->networks[i];
        free(network->name);
        free(network->subnet_name);
        free(network->id);
        free(network->subnet_id);
        free(network->cidr);
        free(network->type);
    }
    for (size_t i = 0; i < cloud->n_taken; i++)
        free(cloud->taken[i]);
    vmtp_os_image_clear(&cloud->image);
    vmtp_os_flavor_clear(&cloud->flavor);
    vmtp_os_placement_clear(&cloud->placement);
    for (size_t i = 0; i < cloud->n_machines; i++)
        clear_machine(&cloud->machines[i]);
    vmtp_census_clear(&cloud->left);
    vmtp_cloud_key_clear(&cloud->key);
    vmtp_os_close(cloud->session);
    vmtp_os_credentials_clear(&cloud->credentials);
    free(cloud);
}

/* --- the plan --- */

static int log_in(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = vmtp_os_credentials_find(ctx, cloud->settings, &cloud->credentials);
    if (rc == VMTP_OK)
        rc = vmtp_set_text(&cloud->auth_url, cloud->credentials.auth_url);
    if (rc == VMTP_OK)
        rc = vmtp_os_open(ctx, &cloud->credentials, &cloud->session);
    return rc;
}

static int note_fact(struct vmtp_cloud *cloud, const char *name, const char *text)
{
    return text && *text ? vmtp_pairs_set(&cloud->plan->facts, name, text) : VMTP_OK;
}

static int note_facts(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    if (note_fact(cloud, "auth_url", cloud->auth_url) < 0 || note_fact(cloud, "l2agent_type", cloud->l2agent) < 0 ||
        note_fact(cloud, "encapsulation", cloud->networks[0].type) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return VMTP_OK;
}

/* What is there, and what it will be made of. */
static int look_around(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_settings *settings = cloud->settings;
    cloud->looked = true;
    cloud->n_networks = settings->same_network_only ? 1 : VMTP_CLOUD_NETWORKS;
    int rc = log_in(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_discover(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_choose(ctx, cloud);
    return rc < 0 ? rc : note_facts(ctx, cloud);
}

int vmtp_cloud_plan(vmtp_ctx *ctx, vmtp_plan *plan, unsigned flows, struct vmtp_cloud **cloud)
{
    if (!plan->cloud) {
        plan->cloud = calloc(1, sizeof *plan->cloud);
        if (!plan->cloud)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        plan->cloud_close = vmtp_cloud_close;
        plan->cloud->plan = plan;
        plan->cloud->settings = plan->settings;
    }
    *cloud = plan->cloud;
    (*cloud)->wanted |= flows;
    bool first = !(*cloud)->looked;
    size_t machines = (*cloud)->n_machines;
    int rc = (*cloud)->looked ? VMTP_OK : look_around(ctx, *cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_plan_flows(ctx, *cloud, flows);
    return rc < 0 ? rc : vmtp_cloud_note_plan(ctx, *cloud, first, machines);
}

int vmtp_cloud_play(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const char *dialogue)
{
    return vmtp_set_text(&cloud->dialogue, dialogue) < 0 ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

/* --- making --- */

/* Which cloud the ledger's things are in: a cleanup refuses to look for them in another one. */
static int track_cloud(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    VMTP_CLEAN(mem) char *id = vmtp_format("%s %s", vmtp_os_project_id(cloud->session), cloud->auth_url);
    return id ? vmtp_cloud_track(ctx, cloud, "cloud", id) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

static void tell_upload(void *arg, const char *text)
{
    (void)vmtp_ctx_tell(arg, "%s", text);
}

/* Image and flavor, where they are missing; both write themselves into the ledger. */
static int make_parts(vmtp_ctx *parent, struct vmtp_cloud *cloud)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    ctx.topology = cloud->topology;
    int rc = VMTP_OK;
    if (cloud->image.missing)
        rc = vmtp_os_image_upload(&ctx, cloud->session, cloud->settings, cloud->tag, tell_upload, parent,
                                  &cloud->image);
    if (rc == VMTP_OK && cloud->flavor.missing)
        rc = vmtp_os_flavor_create(&ctx, cloud->session, cloud->settings, cloud->run_id, &cloud->flavor);
    return rc < 0 ? vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc)) : rc;
}

static int begin(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    if (!ctx->ledger || !ctx->topology)
        return vmtp_fail(ctx, VMTP_EFAIL, "a cloud is used in a run only");
    cloud->topology = ctx->topology;
    cloud->acquired = true;
    vmtp_cloud_name_run(cloud, vmtp_ledger_run(ctx->ledger));
    int rc = track_cloud(ctx, cloud);
    if (rc == VMTP_OK)
        rc = make_parts(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_ctx_tell(ctx, "networks, router, security group");
    if (rc == VMTP_OK)
        rc = vmtp_cloud_make_network(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_make_key(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_make_together(ctx, cloud);
    return rc < 0 ? rc : note_facts(ctx, cloud);
}

static size_t mark_wanted(struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n)
{
    size_t wanted = 0;
    for (size_t m = 0; m < cloud->n_machines; m++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[m];
        machine->wanted = false;
        for (size_t i = 0; i < n && !machine->made; i++) {
            if (strcmp(vmtp_endpoint_id(eps[i]), machine->name) != 0)
                continue;
            machine->ep = eps[i];
            machine->wanted = true;
            wanted++;
            if (machine->host < cloud->placement.n)
                (void)vmtp_set_text(&machine->zone, cloud->placement.where[machine->host]);
        }
    }
    return wanted;
}

/* Where the cloud chooses the host, the hints for clients name the server, which must have its host by then. */
static int make_server_first(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    bool wanted[VMTP_CLOUD_MACHINES];
    for (size_t i = 1; i < cloud->n_machines; i++) {
        wanted[i] = cloud->machines[i].wanted;
        cloud->machines[i].wanted = false;
    }
    int rc = vmtp_cloud_make_machines(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_await_machines(ctx, cloud);
    for (size_t i = 1; i < cloud->n_machines; i++) {
        cloud->machines[i].wanted = wanted[i];
        if (rc == VMTP_OK && wanted[i] && cloud->machines[0].fault)
            rc = vmtp_set_text(&cloud->machines[i].fault, "not made, as the VM of the server has failed");
    }
    return rc;
}

static int make_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = vmtp_cloud_make_ports(ctx, cloud);
    if (rc == VMTP_OK && !cloud->placement.forced && cloud->machines[0].wanted)
        rc = make_server_first(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_make_machines(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_open_group(ctx, cloud);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_await_machines(ctx, cloud);
    return rc < 0 ? rc : vmtp_cloud_label_flows(ctx, cloud);
}

/* --- what the endpoints are --- */

static int set_properties(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine)
{
    const struct vmtp_cloud_network *network = &cloud->networks[machine->network];
    char mtu[24] = "";
    if (network->mtu > 0)
        snprintf(mtu, sizeof mtu, "%ld", network->mtu);
    VMTP_CLEAN(mem) char *az = machine->host_name && machine->zone && !strchr(machine->zone, ':')
                                   ? vmtp_format("%s:%s", machine->zone, machine->host_name)
                                   : NULL;
    const struct {
        const char *name, *text;
    } properties[] = {
        {"az", az ? az : machine->zone},
        {"host", machine->host_name},
        {"vm", machine->name},
        {"vm_id", machine->id},
        {"image", cloud->image.name},
        {"flavor", cloud->flavor.name},
        {"mtu", mtu},
        {"network", network->name},
        {"network_type", network->type ? network->type : "Unknown"},
        {"l2agent_type", cloud->l2agent},
    };
    int rc = VMTP_OK;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && rc == VMTP_OK; i++)
        if (properties[i].text && *properties[i].text)
            rc = vmtp_endpoint_property(ctx, machine->ep, properties[i].name, properties[i].text);
    return rc;
}

static int set_login(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, struct vmtp_cloud_machine *machine)
{
    const struct vmtp_login login = {
        .struct_size = sizeof login,
        .transport = cloud->dialogue ? "replay" : "ssh",
        .dialogue = cloud->dialogue,
        .user = cloud->settings->ssh_vm_username,
        .host = machine->floating_ip,
        .key_file = cloud->key.path,
        .only_key = true,
        .fresh = true,
    };
    int rc = vmtp_endpoint_login(ctx, machine->ep, &login);
    if (rc == VMTP_OK)
        rc = vmtp_endpoint_address(ctx, machine->ep, "fixed", machine->fixed_ip);
    /* a client's packets to a floating address leave from its own fixed one: that is what "from" has always told */
    if (rc == VMTP_OK)
        rc = vmtp_endpoint_address(ctx, machine->ep, "floating",
                                   machine->server ? machine->floating_ip : machine->fixed_ip);
    return rc < 0 ? rc : set_properties(ctx, cloud, machine);
}

static int connect_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_endpoint *eps[VMTP_CLOUD_MACHINES];
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_machines; i++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[i];
        if (!machine->wanted)
            continue;
        int rc = machine->fault ? VMTP_EFAIL : set_login(ctx, cloud, machine);
        if (rc < 0 && !machine->fault)
            return rc;
        if (machine->fault) {
            VMTP_CLEAN(ctx) struct vmtp_ctx own;
            vmtp_ctx_child(&own, ctx, 0);
            (void)vmtp_fail(&own, VMTP_EFAIL, "%s: %s", machine->name, machine->fault);
            vmtp_warn(ctx, "[%s] %s", machine->name, machine->fault);
            vmtp_endpoint_failed(&own, machine->ep, VMTP_EFAIL);
        } else {
            eps[n++] = machine->ep;
        }
    }
    double since = vmtp_now();
    int rc = vmtp_ctx_tell(ctx, "SSH of %zu VMs", n);
    if (rc == VMTP_OK)
        rc = vmtp_connect(ctx, eps, n);
    for (size_t i = 0; i < cloud->n_machines && rc == VMTP_OK; i++)
        if (cloud->machines[i].wanted && !cloud->machines[i].fault && !vmtp_endpoint_usable(cloud->machines[i].ep))
            vmtp_cloud_tell_console(ctx, cloud, &cloud->machines[i]);
    if (rc == VMTP_OK && n)
        vmtp_info(ctx, "SSH of %zu VMs answered after %.0f s", n, vmtp_now() - since);
    return rc;
}

int vmtp_cloud_acquire(vmtp_ctx *ctx, struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n)
{
    if (mark_wanted(cloud, eps, n) == 0)
        return VMTP_OK;
    int rc = cloud->acquired ? VMTP_OK : begin(ctx, cloud);
    if (rc == VMTP_OK)
        rc = make_machines(ctx, cloud);
    return rc < 0 ? rc : connect_machines(ctx, cloud);
}

/* --- the end --- */

static const double LAST_LOOK = 20; /* s, of the time for removing */

/* Removes all and looks what is left. When removing ends early, at its deadline or because a service is away, the cloud
 * is asked all the same: what is gone by then is not told as left behind. */
static int remove_all(vmtp_ctx *parent, struct vmtp_cloud *cloud, struct vmtp_census *left)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    const double seconds = vmtp_remaining(parent) - LAST_LOOK;
    vmtp_ctx_child(&ctx, parent, seconds > 1 ? seconds : 1);
    int rc = vmtp_cloud_sweep_all(&ctx, cloud, left);
    if (rc == VMTP_ECANCELED || rc == VMTP_ENOMEM)
        return vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
    if (rc == VMTP_OK)
        return rc;
    vmtp_warn(parent, "removing has not come to its end: %s", vmtp_ctx_error(&ctx, rc));
    cloud->refused++; /* interfaces show up in no census */
    vmtp_census_clear(left);
    return vmtp_cloud_census(parent, cloud, left);
}

static const json_t *list_of(const struct vmtp_census *census, const char *kind)
{
    const struct {
        const char *kind;
        const json_t *list;
    } lists[] = {
        {"server", census->servers},     {"floating-ip", census->addresses}, {"port", census->ports},
        {"network", census->networks},   {"router", census->routers},        {"security-group", census->groups},
        {"keypair", census->keys},       {"flavor", census->flavors},        {"image", census->images},
        {"server-group", census->togethers},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strcmp(lists[i].kind, kind) == 0)
            return lists[i].list;
    return NULL;
}

/* Whether nothing of the kind is there any more that could be this thing. Interfaces go with their routers and
 * networks; the cloud itself is struck out when nothing at all is left in it. */
static bool is_gone(const struct vmtp_cloud *cloud, const struct vmtp_census *census, const char *kind)
{
    if (strcmp(kind, "cloud") == 0 || strcmp(kind, "interface") == 0)
        return vmtp_census_count(census) == 0 && cloud->refused == 0;
    return json_array_size(list_of(census, kind)) == 0;
}

static int strike_out(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_census *census)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    int rc = VMTP_OK;
    for (size_t i = vmtp_ledger_left(ctx->ledger);
         rc == VMTP_OK && i-- > 0 && vmtp_ledger_thing(ctx->ledger, i, &thing, &login);) {
        if (!thing.topology || strcmp(thing.topology, cloud->topology) != 0 || !is_gone(cloud, census, thing.kind))
            continue;
        VMTP_CLEAN(mem) char *kind = strdup(thing.kind);
        VMTP_CLEAN(mem) char *id = strdup(thing.id);
        rc = kind && id ? vmtp_cloud_untrack(ctx, cloud, kind, id) : VMTP_ENOMEM;
    }
    return rc;
}

static int tell_left(vmtp_ctx *ctx, const struct vmtp_census *census)
{
    return vmtp_census_count(census) == 0
               ? VMTP_OK
               : vmtp_fail(ctx, VMTP_EFAIL, "%zu things of this run are still in the cloud", vmtp_census_count(census));
}

/* Marks the machines of eps as over; how many they are. */
static size_t mark_over(struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n)
{
    size_t marked = 0;
    for (size_t m = 0; m < cloud->n_machines; m++) {
        cloud->machines[m].over = false;
        for (size_t i = 0; i < n; i++)
            if (strcmp(vmtp_endpoint_id(eps[i]), cloud->machines[m].name) == 0)
                cloud->machines[m].over = true;
        marked += cloud->machines[m].over;
    }
    return marked;
}

int vmtp_cloud_release(vmtp_ctx *ctx, struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n)
{
    if (!cloud->acquired)
        return VMTP_OK;
    size_t over = mark_over(cloud, eps, n);
    if (over > 0 && over < cloud->n_machines)
        return vmtp_cloud_remove_machines(ctx, cloud);
    cloud->acquired = false;
    struct vmtp_census census = {0};
    double since = vmtp_now();
    int rc = remove_all(ctx, cloud, &census);
    if (rc == VMTP_OK)
        rc = strike_out(ctx, cloud, &census);
    if (rc == VMTP_OK)
        rc = tell_left(ctx, &census);
    vmtp_census_clear(&census);
    vmtp_info(ctx, "removing took %.0f s; %u requests were sent in all", vmtp_now() - since,
              vmtp_os_requests(cloud->session));
    return rc;
}

/* --- another process's run --- */

/* The entry that says in which project of which cloud the things are. */
static int check_cloud(vmtp_ctx *ctx, const struct vmtp_cloud *cloud)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t i = 0; vmtp_ledger_thing(ctx->ledger, i, &thing, &login); i++) {
        if (strcmp(thing.kind, "cloud") != 0 || !thing.topology || strcmp(thing.topology, cloud->topology) != 0)
            continue;
        const char *project = vmtp_os_project_id(cloud->session), *blank = strchr(thing.id, ' ');
        size_t len = blank ? (size_t)(blank - thing.id) : strlen(thing.id);
        if (strlen(project) == len && strncmp(project, thing.id, len) == 0)
            return VMTP_OK;
        return vmtp_fail(ctx, VMTP_ECONFIG, "the run was in project %.*s of %s, and %s logs in to project %s of %s: "
                         "give the credentials of that one", (int)len, thing.id, blank ? blank + 1 : "?",
                         cloud->credentials.source ? cloud->credentials.source : "this configuration", project,
                         cloud->auth_url);
    }
    return VMTP_OK;
}

static int clean(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    cloud->settings = ctx->settings;
    cloud->topology = ctx->topology;
    vmtp_cloud_name_run(cloud, vmtp_ledger_run(ctx->ledger));
    int rc = log_in(ctx, cloud);
    if (rc == VMTP_OK)
        rc = check_cloud(ctx, cloud);
    return rc < 0 ? rc : remove_all(ctx, cloud, &cloud->left);
}

int vmtp_cloud_remove(vmtp_ctx *ctx, struct vmtp_cloud **cloud, const char *kind, const char *id)
{
    if (!ctx->ledger || !ctx->settings || !ctx->topology)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s %s: only 'vmtp cleanup' can do that", kind, id);
    int rc = VMTP_OK;
    if (!*cloud) {
        *cloud = calloc(1, sizeof **cloud);
        if (!*cloud)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        rc = clean(ctx, *cloud);
        (*cloud)->looked = rc == VMTP_OK;
    }
    if (rc < 0)
        return rc;
    if (!(*cloud)->looked)
        return vmtp_fail(ctx, VMTP_EFAIL, "it could not be looked for, see above");
    return is_gone(*cloud, &(*cloud)->left, kind) ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "%s is still there", id);
}
