/* SPDX-License-Identifier: Apache-2.0 */
/* Removes what a run has made, in a cloud that may not do as it is told: in the order in which things need each other,
 * at once what is independent; a conflict is tried again until the deadline. What counts in the end is the census. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/json.h"
#include "core/util/str.h"

static const double CONFLICT_PAUSE = 0.5, POLL_FIRST = 0.5, POLL_LAST = 2, ASK_AGAIN = 15,
                    TELL_SLOW = 20; /* s */
enum { CONFLICT = 409, GONE = 404, CONFLICT_TRIES = 60, SWEEPS = 3 };

/* Things that are removed together. */
struct removals {
    struct removal {
        int service;
        const char *method;
        char *path, *words; /* words: told when it is gone */
        json_t *body;
        bool done;
    } *items;
    size_t n;
    bool failed; /* out of memory */
};

static void add(struct removals *removals, struct removal removal)
{
    struct removal *items = realloc(removals->items, (removals->n + 1) * sizeof *items);
    if (items)
        removals->items = items;
    if (!items || !removal.path || !removal.words) {
        removals->failed = true;
        free(removal.path);
        free(removal.words);
        json_decref(removal.body);
        return;
    }
    items[removals->n++] = removal;
}

static void clear(struct removals *removals)
{
    for (size_t i = 0; i < removals->n; i++) {
        free(removals->items[i].path);
        free(removals->items[i].words);
        json_decref(removals->items[i].body);
    }
    free(removals->items);
    *removals = (struct removals){0};
}

/* Every object of a list of the census; words has one %s for the member `name` of the object. */
static void add_list(struct removals *removals, int service, const json_t *list, const char *path, const char *by,
                     const char *before, const char *name, const char *after)
{
    const json_t *object;
    size_t i;
    json_array_foreach(list, i, object) {
        add(removals, (struct removal){
                          .service = service,
                          .method = "DELETE",
                          .path = vmtp_os_path(path, vmtp_os_text(object, by)),
                          .words = vmtp_format("%s%s%s", before, vmtp_os_text(object, name), after),
                      });
    }
}

/* One turn over what is not done. *conflicts: how many are to be tried again. */
static int send(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct removals *removals, size_t *conflicts)
{
    struct vmtp_os_batch batch = {0};
    *conflicts = 0;
    for (size_t i = 0; i < removals->n; i++) {
        const struct removal *removal = &removals->items[i];
        if (!removal->done)
            vmtp_os_batch_add(&batch,
                              (struct vmtp_os_request){
                                  .service = removal->service, .method = removal->method, .expect = GONE},
                              strdup(removal->path), json_incref(removal->body));
    }
    int rc = vmtp_os_batch_run(ctx, cloud->session, &batch);
    for (size_t i = 0, at = 0; i < removals->n && at < batch.n && rc == VMTP_OK; i++) {
        struct removal *removal = &removals->items[i];
        if (removal->done)
            continue;
        const struct vmtp_os_reply *reply = &batch.replies[at++];
        removal->done = reply->status != CONFLICT;
        *conflicts += !removal->done;
        if (reply->rc == VMTP_OK)
            vmtp_info(ctx, "%s", removal->words);
        else if (removal->done && ++cloud->refused)
            vmtp_warn(ctx, "not yet: %s: %s", removal->words, reply->error);
    }
    vmtp_os_batch_clear(&batch);
    return rc;
}

static int remove_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct removals *removals)
{
    size_t conflicts = removals->n;
    int rc = removals->failed ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
    for (int tries = 0; rc == VMTP_OK && conflicts && tries < CONFLICT_TRIES; tries++) {
        if (tries > 0)
            rc = vmtp_wait(ctx, CONFLICT_PAUSE);
        if (rc == VMTP_OK)
            rc = send(ctx, cloud, removals, &conflicts);
    }
    cloud->refused += conflicts;
    clear(removals);
    return rc;
}

/* --- the interfaces of routers, which are known by the ledger alone --- */

static void add_interfaces(const vmtp_ctx *ctx, const struct vmtp_cloud *cloud, struct removals *removals)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t i = 0; ctx->ledger && vmtp_ledger_thing(ctx->ledger, i, &thing, &login); i++) {
        if (!thing.topology || strcmp(thing.topology, cloud->topology) != 0 || strcmp(thing.kind, "interface") != 0)
            continue;
        const char *slash = strchr(thing.id, '/');
        VMTP_CLEAN(mem) char *router = slash ? strndup(thing.id, (size_t)(slash - thing.id)) : NULL;
        if (router)
            add(removals, (struct removal){
                              .service = VMTP_OS_NETWORK,
                              .method = "PUT",
                              .path = vmtp_os_path("/routers/%s/remove_router_interface", router),
                              .words = vmtp_format("subnet %s detached from router %s", slash + 1, router),
                              .body = json_pack("{s:s}", "subnet_id", slash + 1),
                          });
    }
}

/* --- servers take their time --- */

/* The servers of the run that are there; the caller decrefs *servers. */
static int list_servers(vmtp_ctx *ctx, struct vmtp_cloud *cloud, json_t **servers)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/servers/detail?tags=%s", cloud->tag);
    int rc = path ? vmtp_os_list(ctx, cloud->session, VMTP_OS_COMPUTE, VMTP_COMPUTE_VERSION, path, "servers", servers)
                  : VMTP_ENOMEM;
    for (size_t i = json_array_size(*servers); i-- > 0;)
        if (!vmtp_os_has_tag(json_array_get(*servers, i), cloud->tag))
            (void)json_array_remove(*servers, i);
    return rc;
}

static bool lists(const json_t *servers, const json_t *server)
{
    const json_t *other;
    size_t i;
    json_array_foreach(servers, i, other) {
        if (strcmp(vmtp_os_text(other, "id"), vmtp_os_text(server, "id")) == 0)
            return true;
    }
    return false;
}

/* A server whose creation was under way when the run ended shows up late; one whose removal a service has lost stays
 * until it is asked for again. */
static int remove_late(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const json_t *servers, json_t *asked, double *again)
{
    VMTP_CLEAN(json) json_t *late = json_array();
    const bool all = vmtp_now() >= *again;
    json_t *server;
    size_t i;
    json_array_foreach(servers, i, server) {
        if ((all || !lists(asked, server)) && json_array_append(late, server) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    if (all)
        *again = vmtp_now() + ASK_AGAIN;
    struct removals removals = {0};
    add_list(&removals, VMTP_OS_COMPUTE, late, "/servers/%s", "id", "[", "name", "] Instance deleted");
    if (json_array_extend(asked, late) < 0) {
        clear(&removals);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    return remove_all(ctx, cloud, &removals);
}

/* "[TestClient1] is in status BUILD, deleting, after 15 s": now and then, what keeps the user waiting. */
static void tell_slow(vmtp_ctx *ctx, const json_t *servers, double begin, double *next)
{
    const json_t *server;
    size_t i;
    if (vmtp_now() < *next)
        return;
    *next = vmtp_now() + TELL_SLOW;
    json_array_foreach(servers, i, server) {
        const char *task = vmtp_os_text(server, "OS-EXT-STS:task_state");
        vmtp_info(ctx, "[%s] is to go, and still in status %s%s%s after %.0f s", vmtp_os_text(server, "name"),
                  vmtp_os_text(server, "status"), *task ? ", " : "", task, vmtp_now() - begin);
    }
}

/* asked: the servers that are asked to go; those that come late are added. */
static int await_servers(vmtp_ctx *ctx, struct vmtp_cloud *cloud, json_t *asked)
{
    double pause = POLL_FIRST, begin = vmtp_now(), again = begin + ASK_AGAIN, tell = begin + TELL_SLOW;
    size_t n = json_array_size(asked);
    int rc = VMTP_OK;
    while (n > 0 && rc == VMTP_OK) {
        VMTP_CLEAN(json) json_t *servers = NULL;
        rc = vmtp_ctx_tell(ctx, "VMs to be gone");
        if (rc == VMTP_OK)
            rc = vmtp_wait(ctx, pause);
        if (rc == VMTP_OK)
            rc = list_servers(ctx, cloud, &servers);
        if (rc == VMTP_OK)
            rc = remove_late(ctx, cloud, servers, asked, &again);
        tell_slow(ctx, servers, begin, &tell);
        n = json_array_size(servers);
        pause = pause * 1.3 < POLL_LAST ? pause * 1.3 : POLL_LAST;
    }
    if (rc == VMTP_OK && vmtp_now() > begin)
        vmtp_info(ctx, "all VMs are gone after %.0f s", vmtp_now() - begin);
    return rc;
}

/* --- machines that are not needed any more --- */

static const struct vmtp_cloud_machine *machine_over(const struct vmtp_cloud *cloud, const char *name)
{
    for (size_t i = 0; i < cloud->n_machines; i++)
        if (cloud->machines[i].over && strcmp(cloud->machines[i].name, name) == 0)
            return &cloud->machines[i];
    return NULL;
}

/* The servers of machines that are over; the caller decrefs *servers. */
static int list_over(vmtp_ctx *ctx, struct vmtp_cloud *cloud, json_t **servers)
{
    int rc = list_servers(ctx, cloud, servers);
    for (size_t i = json_array_size(*servers); i-- > 0;)
        if (!machine_over(cloud, vmtp_os_text(json_array_get(*servers, i), "name")))
            (void)json_array_remove(*servers, i);
    return rc;
}

/* One whose creation was not answered is asked to go when it shows up. */
static int await_over(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    double pause = POLL_FIRST, begin = vmtp_now(), again = begin + ASK_AGAIN, tell = begin + TELL_SLOW;
    VMTP_CLEAN(json) json_t *asked = json_array();
    bool there = true;
    int rc = VMTP_OK;
    for (size_t i = 0; i < cloud->n_machines; i++)
        if (cloud->machines[i].over && cloud->machines[i].id)
            (void)json_array_append_new(asked, json_pack("{s:s}", "id", cloud->machines[i].id));
    while (there && rc == VMTP_OK) {
        VMTP_CLEAN(json) json_t *servers = NULL;
        rc = vmtp_wait(ctx, pause);
        if (rc == VMTP_OK)
            rc = list_over(ctx, cloud, &servers);
        if (rc == VMTP_OK)
            rc = remove_late(ctx, cloud, servers, asked, &again);
        tell_slow(ctx, servers, begin, &tell);
        there = json_array_size(servers) > 0;
        pause = pause * 1.3 < POLL_LAST ? pause * 1.3 : POLL_LAST;
    }
    return rc;
}

static int strike_out_machine(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const char *name)
{
    static const char *const made[] = {"server", "floating-ip", "port"};
    int rc = VMTP_OK;
    for (size_t i = 0; i < sizeof made / sizeof made[0] && rc == VMTP_OK; i++)
        rc = vmtp_cloud_untrack(ctx, cloud, made[i], name);
    return rc;
}

static void add_one(struct removals *removals, int service, const char *path, const char *id, char *words)
{
    if (id)
        add(removals, (struct removal){
                          .service = service, .method = "DELETE", .path = vmtp_os_path(path, id), .words = words});
    else
        free(words);
}

int vmtp_cloud_remove_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct removals first = {0}, ports = {0};
    for (size_t i = 0; i < cloud->n_machines; i++) {
        const struct vmtp_cloud_machine *m = &cloud->machines[i];
        if (!m->over)
            continue;
        add_one(&first, VMTP_OS_COMPUTE, "/servers/%s", m->id, vmtp_format("[%s] Instance deleted", m->name));
        add_one(&first, VMTP_OS_NETWORK, "/floatingips/%s", m->floating_id,
                vmtp_format("[%s] Floating IP %s deleted", m->name, m->floating_ip));
        add_one(&ports, VMTP_OS_NETWORK, "/ports/%s", m->port_id, vmtp_format("Port %s deleted", m->name));
    }
    int rc = remove_all(ctx, cloud, &first);
    if (rc == VMTP_OK)
        rc = await_over(ctx, cloud);
    if (rc == VMTP_OK)
        rc = remove_all(ctx, cloud, &ports);
    else
        clear(&ports);
    for (size_t i = 0; i < cloud->n_machines && rc == VMTP_OK; i++)
        if (cloud->machines[i].over)
            rc = strike_out_machine(ctx, cloud, cloud->machines[i].name);
    return rc;
}

/* --- the order --- */

static int remove_first(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_census *census)
{
    struct removals removals = {0};
    add_list(&removals, VMTP_OS_COMPUTE, census->servers, "/servers/%s", "id", "[", "name", "] Instance deleted");
    add_list(&removals, VMTP_OS_NETWORK, census->addresses, "/floatingips/%s", "id", "Floating IP ",
             "floating_ip_address", " deleted");
    add_list(&removals, VMTP_OS_COMPUTE, census->keys, "/os-keypairs/%s", "name", "Removed public key ", "name", "");
    return remove_all(ctx, cloud, &removals);
}

static int remove_routers(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_census *census)
{
    struct removals interfaces = {0}, routers = {0};
    add_interfaces(ctx, cloud, &interfaces);
    int rc = remove_all(ctx, cloud, &interfaces);
    add_list(&routers, VMTP_OS_NETWORK, census->routers, "/routers/%s", "id", "Router ", "name", " deleted");
    if (rc < 0)
        clear(&routers);
    return rc < 0 ? rc : remove_all(ctx, cloud, &routers);
}

static int remove_rest(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_census *census)
{
    struct removals ports = {0}, rest = {0};
    add_list(&ports, VMTP_OS_NETWORK, census->ports, "/ports/%s", "id", "Port ", "name", " deleted");
    int rc = remove_all(ctx, cloud, &ports);
    if (rc < 0)
        return rc;
    add_list(&rest, VMTP_OS_NETWORK, census->networks, "/networks/%s", "id", "Network ", "name", " deleted.");
    add_list(&rest, VMTP_OS_NETWORK, census->groups, "/security-groups/%s", "id", "Deleting security group ", "name",
             "");
    add_list(&rest, VMTP_OS_COMPUTE, census->togethers, "/os-server-groups/%s", "id", "Server group ", "name",
             " deleted");
    add_list(&rest, VMTP_OS_COMPUTE, census->flavors, "/flavors/%s", "id", "Flavor ", "name", " deleted");
    add_list(&rest, VMTP_OS_IMAGE, census->images, "/images/%s", "id", "Image ", "name", " deleted");
    return remove_all(ctx, cloud, &rest);
}

int vmtp_cloud_sweep(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_census census = {0};
    cloud->refused = 0;
    int rc = vmtp_cloud_census(ctx, cloud, &census);
    if (rc == VMTP_OK)
        rc = remove_first(ctx, cloud, &census);
    if (rc == VMTP_OK)
        rc = remove_routers(ctx, cloud, &census);
    if (rc == VMTP_OK)
        rc = await_servers(ctx, cloud, census.servers);
    if (rc == VMTP_OK)
        rc = remove_rest(ctx, cloud, &census);
    vmtp_census_clear(&census);
    return rc;
}

int vmtp_cloud_sweep_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_census *left)
{
    int rc = VMTP_OK;
    for (int i = 0; i < SWEEPS && rc == VMTP_OK; i++) {
        vmtp_census_clear(left);
        rc = vmtp_cloud_sweep(ctx, cloud);
        if (rc == VMTP_OK)
            rc = vmtp_cloud_census(ctx, cloud, left);
        if (vmtp_census_count(left) == 0 && cloud->refused == 0)
            break;
    }
    return rc;
}
