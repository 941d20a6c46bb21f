/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud has of a run: asked by the run's mark, which everything that it makes carries. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/catalog.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

void vmtp_census_clear(struct vmtp_census *census)
{
    json_t *const lists[] = {census->servers, census->addresses, census->ports, census->networks, census->routers,
                             census->groups,  census->keys,      census->flavors, census->images,
                             census->togethers};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        json_decref(lists[i]);
    *census = (struct vmtp_census){0};
}

size_t vmtp_census_count(const struct vmtp_census *census)
{
    return json_array_size(census->servers) + json_array_size(census->addresses) + json_array_size(census->ports) +
           json_array_size(census->networks) + json_array_size(census->routers) + json_array_size(census->groups) +
           json_array_size(census->keys) + json_array_size(census->flavors) + json_array_size(census->images) +
           json_array_size(census->togethers);
}

bool vmtp_cloud_ends_in_run(const struct vmtp_cloud *cloud, const char *name)
{
    size_t len = strlen(name), run = strlen(cloud->run_id);
    return len > run + 1 && name[len - run - 1] == '-' && strcmp(name + len - run, cloud->run_id) == 0;
}

struct look {
    int service;
    const char *microversion, *path, *key, *inner; /* inner: items are wrapped, and known by their name */
    bool named;
    size_t offset;
};

bool vmtp_os_has_tag(const json_t *object, const char *tag)
{
    const json_t *tags = json_object_get(object, "tags"), *entry;
    size_t i;
    json_array_foreach(tags, i, entry)
        if (json_is_string(entry) && strcmp(json_string_value(entry), tag) == 0)
            return true;
    return false;
}

/* A service that does not know a filter may answer with everything there is, and what is in the census is removed: so
 * each object has to show the mark itself. */
static bool is_ours(const struct vmtp_cloud *cloud, const struct look *look, const json_t *object)
{
    if (look->named)
        return vmtp_cloud_ends_in_run(cloud, vmtp_os_text(object, "name"));
    if (look->service == VMTP_OS_NETWORK)
        return strcmp(vmtp_os_text(object, "description"), cloud->mark) == 0;
    return vmtp_os_has_tag(object, cloud->tag);
}

/* NULL: out of memory. */
static json_t *keep_ours(const struct vmtp_cloud *cloud, const struct look *look, const json_t *items)
{
    json_t *kept = json_array(), *item;
    size_t i;
    json_array_foreach((json_t *)items, i, item) {
        json_t *object = look->inner ? json_object_get(item, look->inner) : item;
        if (kept && is_ours(cloud, look, object) && json_array_append(kept, object) < 0) {
            json_decref(kept);
            kept = NULL;
        }
    }
    return kept;
}

#define LIST(member) offsetof(struct vmtp_census, member)
static const struct look looks[] = {
    {VMTP_OS_COMPUTE, VMTP_COMPUTE_VERSION, "/servers/detail?tags=%s", "servers", NULL, false, LIST(servers)},
    {VMTP_OS_NETWORK, NULL, "/floatingips?description=%s", "floatingips", NULL, false, LIST(addresses)},
    {VMTP_OS_NETWORK, NULL, "/ports?description=%s", "ports", NULL, false, LIST(ports)},
    {VMTP_OS_NETWORK, NULL, "/networks?description=%s", "networks", NULL, false, LIST(networks)},
    {VMTP_OS_NETWORK, NULL, "/routers?description=%s", "routers", NULL, false, LIST(routers)},
    {VMTP_OS_NETWORK, NULL, "/security-groups?description=%s", "security_groups", NULL, false, LIST(groups)},
    {VMTP_OS_COMPUTE, NULL, "/os-server-groups", "server_groups", NULL, true, LIST(togethers)},
    {VMTP_OS_COMPUTE, NULL, "/os-keypairs", "keypairs", "keypair", true, LIST(keys)},
    {VMTP_OS_COMPUTE, NULL, "/flavors", "flavors", NULL, true, LIST(flavors)},
    {VMTP_OS_IMAGE, NULL, "/images?tag=%s", "images", NULL, false, LIST(images)},
};
enum { LOOKS = sizeof looks / sizeof looks[0] };

static char *look_path(const struct vmtp_cloud *cloud, const struct look *look)
{
    if (!strstr(look->path, "%s"))
        return strdup(look->path);
    bool tagged = look->service != VMTP_OS_NETWORK;
    VMTP_CLEAN(mem) char *value = vmtp_os_path("%s", tagged ? cloud->tag : cloud->mark);
    const char *place = strstr(look->path, "%s");
    return value ? vmtp_format("%.*s%s", (int)(place - look->path), look->path, value) : NULL;
}

/* What the answer to a look says; NULL with an error. */
static int take_look(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct look *look,
                     const struct vmtp_os_request *request, struct vmtp_os_reply *reply, json_t **list)
{
    /* a cloud without server groups has none of ours */
    bool without = look->offset == LIST(togethers) && (reply->status == 403 || reply->status == 404);
    const json_t *items = json_object_get(reply->json, look->key);
    if (reply->rc < 0 && !without)
        return vmtp_fail(ctx, reply->rc, "%s", reply->error);
    if (!json_is_array(items) && !without)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s: GET %s: an answer without a list",
                         vmtp_os_service_name(look->service), request->path);
    int rc = vmtp_os_list_rest(ctx, cloud->session, request, look->key, reply);
    if (rc < 0)
        return rc;
    *list = keep_ours(cloud, look, items);
    return *list ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_cloud_census(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_census *census)
{
    struct vmtp_os_batch batch = {0};
    for (size_t i = 0; i < LOOKS; i++)
        vmtp_os_batch_add(&batch,
                          (struct vmtp_os_request){.service = looks[i].service,
                                                   .method = "GET",
                                                   .microversion = looks[i].microversion},
                          look_path(cloud, &looks[i]), NULL);
    int rc = vmtp_os_batch_run(ctx, cloud->session, &batch);
    for (size_t i = 0; i < batch.n && rc == VMTP_OK; i++)
        rc = take_look(ctx, cloud, &looks[i], &batch.requests[i], &batch.replies[i],
                       (json_t **)((char *)census + looks[i].offset));
    vmtp_os_batch_clear(&batch);
    if (rc < 0)
        vmtp_ctx_frame(ctx, "cannot ask the cloud what is left of the run");
    return rc;
}
