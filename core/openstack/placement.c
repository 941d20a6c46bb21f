/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/placement.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"

enum { WORDS_MAX = 3000, SHOWN = 30 };

void vmtp_os_placement_clear(struct vmtp_os_placement *placement)
{
    for (size_t i = 0; i < VMTP_OS_PLACES; i++)
        free(placement->where[i]);
    *placement = (struct vmtp_os_placement){0};
}

json_t *vmtp_os_place_hints(const struct vmtp_os_placement *placement, size_t place, const char *server_id)
{
    if (placement->forced || !server_id)
        return NULL;
    return json_pack("{s:[s]}", place == 0 ? "same_host" : "different_host", server_id);
}

/* ---- hosts as the compute service knows them ---- */

struct search {
    vmtp_ctx *ctx;
    struct vmtp_os_session *session;
    const struct vmtp_settings *settings;
    json_t *services;    /* array; NULL: not for us */
    json_t *hypervisors; /* array; NULL: not asked yet, or not for us */
};

static bool is_usable(const json_t *service)
{
    return strcmp(vmtp_json_text(service, "status"), "enabled") == 0 &&
           strcmp(vmtp_json_text(service, "state"), "up") == 0;
}

/* "nova:compute1", "nova:compute2 (disabled: being repaired)" */
static void add_host(struct vmtp_buf *words, const json_t *service)
{
    const char *reason = vmtp_json_text(service, "disabled_reason");
    bool up = strcmp(vmtp_json_text(service, "state"), "up") == 0;
    (void)vmtp_buf_printf(words, "%s%s:%s", words->len ? ", " : "", vmtp_json_text(service, "zone"),
                          vmtp_json_text(service, "host"));
    if (strcmp(vmtp_json_text(service, "status"), "enabled") != 0)
        (void)vmtp_buf_printf(words, " (disabled%s%.100s%s)", *reason ? ": " : "", reason, up ? "" : ", down");
    else if (!up)
        (void)vmtp_buf_text_add(words, " (down)");
}

/* All hosts, and the names that hypervisors have beside those. The caller frees it. */
static char *known_hosts(const struct search *search)
{
    struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    size_t i;
    const json_t *item;
    json_array_foreach (search->services, i, item)
        if (i < SHOWN)
            add_host(&words, item);
    json_array_foreach (search->hypervisors, i, item) {
        const char *name = vmtp_json_text(item, "hypervisor_hostname");
        const char *host = vmtp_json_text(json_object_get(item, "service"), "host");
        if (i < SHOWN && strcmp(name, host) != 0)
            (void)vmtp_buf_printf(&words, ", %s is hypervisor %s", host, name);
    }
    if (!words.len)
        (void)vmtp_buf_text_add(&words, "none");
    char *text = vmtp_buf_take(&words);
    if (text)
        vmtp_printable(text);
    return text;
}

/* *items stays NULL when it is refused. */
static int ask(struct search *search, const char *path, const char *key, json_t **items)
{
    const struct vmtp_os_request request = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = path, .expect = 403};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    int rc = vmtp_os_call(search->ctx, search->session, &request, &reply);
    if (rc == VMTP_OK && reply.status != 403)
        *items = json_incref(json_object_get(reply.json, key));
    return rc;
}

static const json_t *service_of(const struct search *search, const char *host)
{
    size_t i;
    const json_t *item;
    json_array_foreach (search->services, i, item)
        if (strcmp(vmtp_json_text(item, "host"), host) == 0)
            return item;
    return NULL;
}

/* The service on a host that is named as compute names it, or as its hypervisor is called. *service: NULL for none. */
static int find_host(struct search *search, const char *host, const json_t **service)
{
    *service = service_of(search, host);
    if (*service)
        return VMTP_OK;
    if (!search->hypervisors) {
        int rc = ask(search, "/os-hypervisors/detail", "hypervisors", &search->hypervisors);
        if (rc < 0)
            return rc;
    }
    size_t i;
    const json_t *item;
    json_array_foreach (search->hypervisors, i, item)
        if (strcmp(vmtp_json_text(item, "hypervisor_hostname"), host) == 0)
            *service = service_of(search, vmtp_json_text(json_object_get(item, "service"), "host"));
    return VMTP_OK;
}

static int add_place(vmtp_ctx *ctx, struct vmtp_os_placement *placement, const char *zone, const char *host)
{
    char *where = host ? vmtp_format("%s:%s", zone, host) : zone ? strdup(zone) : NULL;
    if (!where && (zone || host))
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    placement->where[placement->n++] = where;
    return VMTP_OK;
}

/* ---- the hosts that the user names ---- */

static int place_named(struct search *search, const char *spec, struct vmtp_os_placement *placement)
{
    vmtp_ctx *ctx = search->ctx;
    const char *colon = strchr(spec, ':'), *host = colon ? colon + 1 : spec;
    const json_t *service = NULL;
    int rc = find_host(search, host, &service);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *zone = colon ? strndup(spec, (size_t)(colon - spec)) : NULL;
    VMTP_CLEAN(mem) char *known = known_hosts(search);
    if ((colon && !zone) || !known)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!service)
        return vmtp_fail(ctx, VMTP_EPLACE, "--hypervisor %s: there is no such compute host; there are: %s", spec,
                         known);
    if (zone && strcmp(zone, vmtp_json_text(service, "zone")) != 0)
        return vmtp_fail(ctx, VMTP_EPLACE, "--hypervisor %s: host %s is in zone %s", spec, host,
                         vmtp_json_text(service, "zone"));
    if (!is_usable(service))
        return vmtp_fail(ctx, VMTP_EPLACE, "--hypervisor %s: no machine can be started there now; hosts: %s", spec,
                         known);
    return add_place(ctx, placement, vmtp_json_text(service, "zone"), vmtp_json_text(service, "host"));
}

/* The list of hosts is not for us, but choosing one may be. */
static int place_unseen(struct search *search, const char *spec, struct vmtp_os_placement *placement)
{
    const char *colon = strchr(spec, ':'), *zone = search->settings->availability_zone;
    if (!colon && !zone)
        return vmtp_fail(search->ctx, VMTP_EPLACE,
                         "--hypervisor %s: the zone of the host cannot be looked up without the role admin: write "
                         "ZONE:%s", spec, spec);
    VMTP_CLEAN(mem) char *own = colon ? strndup(spec, (size_t)(colon - spec)) : NULL;
    if (colon && !own)
        return vmtp_fail(search->ctx, VMTP_ENOMEM, "out of memory");
    vmtp_warn(search->ctx, "--hypervisor %s is not checked: the list of hosts is for administrators, and so, in most "
                           "clouds, is choosing one", spec);
    return add_place(search->ctx, placement, own ? own : zone, colon ? colon + 1 : spec);
}

static int place_all_named(struct search *search, struct vmtp_os_placement *placement)
{
    const struct vmtp_text_list *list = &search->settings->hypervisor;
    int rc = VMTP_OK;
    for (size_t i = 0; i < list->n && placement->n < VMTP_OS_PLACES && rc == VMTP_OK; i++)
        rc = search->services ? place_named(search, list->items[i], placement)
                              : place_unseen(search, list->items[i], placement);
    placement->forced = true;
    return rc;
}

/* ---- any hosts ---- */

/* Of two usable services the one that is to be taken first: the cloud lists them in any order. */
static int compare(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int zones = strcmp(vmtp_json_text(x, "zone"), vmtp_json_text(y, "zone"));
    return zones ? zones : strcmp(vmtp_json_text(x, "host"), vmtp_json_text(y, "host"));
}

static int none_usable(const struct search *search)
{
    const char *zone = search->settings->availability_zone;
    VMTP_CLEAN(mem) char *known = known_hosts(search);
    return vmtp_fail(search->ctx, VMTP_EPLACE, "no compute host is enabled and up%s%s; hosts: %s",
                     zone ? " in zone " : "", zone ? zone : "", known ? known : "?");
}

static int place_any(struct search *search, struct vmtp_os_placement *placement)
{
    const char *zone = search->settings->availability_zone;
    size_t n = 0, i, size = json_array_size(search->services);
    VMTP_CLEAN(mem) json_t **usable = calloc(size + 1, sizeof(json_t *));
    if (!usable)
        return vmtp_fail(search->ctx, VMTP_ENOMEM, "out of memory");
    json_t *item;
    json_array_foreach (search->services, i, item)
        if (is_usable(item) && (!zone || strcmp(zone, vmtp_json_text(item, "zone")) == 0))
            usable[n++] = item;
    if (n == 0)
        return none_usable(search);
    qsort(usable, n, sizeof(json_t *), compare);
    int rc = VMTP_OK;
    for (i = 0; i < n && i < VMTP_OS_PLACES && rc == VMTP_OK; i++)
        rc = add_place(search->ctx, placement, vmtp_json_text(usable[i], "zone"), vmtp_json_text(usable[i], "host"));
    placement->forced = true;
    return rc;
}

/* Hosts are not shown to us: the zone, and the cloud chooses. */
static int place_by_cloud(struct search *search, struct vmtp_os_placement *placement)
{
    const char *zone = search->settings->availability_zone;
    VMTP_CLEAN(json) json_t *zones = NULL;
    int rc = zone ? ask(search, "/os-availability-zone", "availabilityZoneInfo", &zones) : VMTP_OK;
    VMTP_CLEAN(buf) struct vmtp_buf names = VMTP_BUF(WORDS_MAX);
    bool found = !zones;
    size_t i;
    const json_t *item;
    json_array_foreach (zones, i, item) {
        bool available = json_is_true(json_object_get(json_object_get(item, "zoneState"), "available"));
        found = found || (available && strcmp(vmtp_json_text(item, "zoneName"), zone) == 0);
        (void)vmtp_buf_printf(&names, "%s%s%s", i ? ", " : "", vmtp_json_text(item, "zoneName"),
                              available ? "" : " (not available)");
    }
    if (rc == VMTP_OK && !found)
        rc = vmtp_fail(search->ctx, VMTP_EPLACE, "there is no availability zone '%s' with hosts; there are: %s", zone,
                       names.len ? vmtp_buf_text(&names) : "none");
    for (i = 0; i < VMTP_OS_PLACES && rc == VMTP_OK; i++)
        rc = add_place(search->ctx, placement, zone, NULL);
    return rc;
}

/* ---- the whole ---- */

static int place(struct search *search, struct vmtp_os_placement *placement)
{
    const struct vmtp_settings *settings = search->settings;
    int rc = ask(search, "/os-services?binary=nova-compute", "services", &search->services);
    if (rc == VMTP_OK)
        rc = settings->hypervisor.n > 0 ? place_all_named(search, placement)
             : search->services         ? place_any(search, placement)
                                        : place_by_cloud(search, placement);
    if (rc < 0 || !settings->inter_node_only || placement->n > 1)
        return rc;
    return vmtp_fail(search->ctx, VMTP_EPLACE, "--inter-node-only needs two compute hosts, and there is only %s",
                     placement->where[0] ? placement->where[0] : "one");
}

int vmtp_os_place(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                  struct vmtp_os_placement *placement)
{
    struct search search = {.ctx = ctx, .session = session, .settings = settings};
    *placement = (struct vmtp_os_placement){0};
    int rc = place(&search, placement);
    json_decref(search.services);
    json_decref(search.hypervisors);
    return rc;
}
