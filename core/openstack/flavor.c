/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/flavor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/names.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"

void vmtp_os_flavor_clear(struct vmtp_os_flavor *flavor)
{
    free(flavor->id);
    free(flavor->name);
    *flavor = (struct vmtp_os_flavor){0};
}

static int no_memory(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* A disk of 0 is as large as the image. */
static bool large_enough(int64_t ram, int64_t disk, const struct vmtp_os_image *image)
{
    return ram >= image->min_ram && (disk == 0 || disk >= image->min_disk);
}

static bool image_fits(const void *image, const json_t *item)
{
    return large_enough(vmtp_json_int(item, "ram", 0), vmtp_json_int(item, "disk", 0), image);
}

/* ... and has a disk of its own, which everybody may boot from. */
static bool disk_fits(const void *image, const json_t *item)
{
    return vmtp_json_int(item, "disk", 0) > 0 && image_fits(image, item);
}

static int too_small(vmtp_ctx *ctx, const struct vmtp_os_flavor *flavor, const struct vmtp_os_image *image,
                     const json_t *all)
{
    VMTP_CLEAN(mem) char *others = vmtp_os_names(all, image_fits, image);
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "flavor '%s' (%" PRId64 " MB of RAM, %" PRId64 " GB of disk) is too small for image '%s', which "
                     "needs %" PRId64 " MB and %" PRId64 " GB; flavors that would do: %s", flavor->name, flavor->ram,
                     flavor->disk, image->name ? image->name : "", image->min_ram, image->min_disk,
                     others ? others : "?");
}

/* By id, else by name; no two flavors of a cloud have the same. */
static const json_t *named(const json_t *all, const char *wanted)
{
    static const char *const keys[] = {"id", "name"};
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        const json_t *item;
        json_array_foreach ((json_t *)all, i, item)
            if (strcmp(vmtp_json_text(item, keys[k]), wanted) == 0)
                return item;
    }
    return NULL;
}

static int take(vmtp_ctx *ctx, const json_t *item, struct vmtp_os_flavor *flavor)
{
    flavor->vcpus = vmtp_json_int(item, "vcpus", 1);
    flavor->ram = vmtp_json_int(item, "ram", 0);
    flavor->disk = vmtp_json_int(item, "disk", 0);
    flavor->ephemeral = vmtp_json_int(item, "OS-FLV-EXT-DATA:ephemeral", 0);
    if (!*vmtp_json_text(item, "id"))
        return vmtp_fail(ctx, VMTP_EPARSE, "compute: a flavor without an id");
    return vmtp_set_text(&flavor->id, vmtp_json_text(item, "id")) < 0 ||
                   vmtp_set_text(&flavor->name, vmtp_json_text(item, "name")) < 0
               ? no_memory(ctx)
               : VMTP_OK;
}

/* It is not there: what it will be, if we may make it. */
static int to_be_made(vmtp_ctx *ctx, const struct vmtp_os_session *session, const struct vmtp_settings *settings,
                      const struct vmtp_os_image *image, const json_t *all, struct vmtp_os_flavor *flavor)
{
    if (!vmtp_os_has_role(session, "admin")) {
        VMTP_CLEAN(mem) char *others = vmtp_os_names(all, image_fits, image);
        return vmtp_fail(ctx, VMTP_EFAIL,
                         "there is no flavor '%s', and making one needs the role admin: set flavor_type to one that is "
                         "there; large enough for the image: %s",
                         settings->flavor_type, others ? others : "?");
    }
    flavor->missing = true;
    flavor->vcpus = settings->flavor.vcpus;
    flavor->ram = settings->flavor.ram;
    flavor->disk = settings->flavor.disk;
    flavor->ephemeral = settings->flavor.ephemeral;
    return vmtp_set_text(&flavor->name, settings->flavor_type) < 0 ? no_memory(ctx) : VMTP_OK;
}

int vmtp_os_flavor_find(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                        const struct vmtp_os_image *image, struct vmtp_os_flavor *flavor)
{
    VMTP_CLEAN(json) json_t *all = NULL;
    *flavor = (struct vmtp_os_flavor){0};
    int rc = vmtp_os_list(ctx, session, VMTP_OS_COMPUTE, NULL, "/flavors/detail", "flavors", &all);
    if (rc < 0)
        return rc;
    const json_t *item = named(all, settings->flavor_type);
    rc = item ? take(ctx, item, flavor) : to_be_made(ctx, session, settings, image, all, flavor);
    if (rc < 0)
        return rc;
    if (!large_enough(flavor->ram, flavor->disk, image))
        return too_small(ctx, flavor, image, all);
    if (flavor->disk == 0 && !flavor->missing && !vmtp_os_has_role(session, "admin")) {
        VMTP_CLEAN(mem) char *others = vmtp_os_names(all, disk_fits, image);
        vmtp_warn(ctx, "flavor '%s' has a disk of 0 GB: most clouds let only their administrators boot from it; "
                  "flavors with a disk that would do: %s", flavor->name, others ? others : "?");
    }
    return VMTP_OK;
}

/* ---- making it ---- */

/* A creation that is refused: said with what else there is to be done. */
static int refused(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_reply *reply)
{
    VMTP_CLEAN(json) json_t *all = NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx looking;
    vmtp_ctx_child(&looking, ctx, 0);
    int rc = vmtp_fail(ctx, VMTP_EREMOTE, "%s", reply->error ? reply->error : "refused");
    if (reply->status != 403 ||
        vmtp_os_list(&looking, session, VMTP_OS_COMPUTE, NULL, "/flavors/detail", "flavors", &all) < 0)
        return rc;
    VMTP_CLEAN(mem) char *others = vmtp_os_names(all, NULL, NULL);
    return vmtp_fail(ctx, rc, "making a flavor is for administrators; set flavor_type to one that is there (%s)",
                     others ? others : "?");
}

static json_t *flavor_body(const struct vmtp_os_flavor *flavor)
{
    return json_pack("{s:{s:s,s:s,s:I,s:I,s:I,s:I,s:b}}", "flavor", "id", flavor->id, "name", flavor->name, "vcpus",
                     (json_int_t)flavor->vcpus, "ram", (json_int_t)flavor->ram, "disk", (json_int_t)flavor->disk,
                     "OS-FLV-EXT-DATA:ephemeral", (json_int_t)flavor->ephemeral, "os-flavor-access:is_public", 1);
}

/* The id is ours, so that the request may be sent twice: a conflict with a flavor that has it is a success. */
static int is_there(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *path)
{
    const struct vmtp_os_request request = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = path};
    struct vmtp_os_reply reply = {0};
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    vmtp_os_reply_clear(&reply);
    return rc;
}

static int post_flavor(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_flavor *flavor,
                       const char *path)
{
    VMTP_CLEAN(json) json_t *body = flavor_body(flavor);
    const struct vmtp_os_request request = {
        .service = VMTP_OS_COMPUTE, .method = "POST", .path = "/flavors", .body = body, .expect = 409};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    if (!body)
        return no_memory(ctx);
    int rc = vmtp_os_call_all(ctx, session, &request, &reply, 1);
    if (rc == VMTP_OK && reply.rc == VMTP_EREMOTE) {
        (void)!vmtp_untrack(ctx, "flavor", flavor->id);
        return refused(ctx, session, &reply);
    }
    if (rc == VMTP_OK && reply.rc < 0)
        rc = vmtp_fail(ctx, reply.rc, "%s", reply.error ? reply.error : "no answer");
    return rc == VMTP_OK && reply.status == 409 ? is_there(ctx, session, path) : rc;
}

static int post_specs(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_node *specs, const char *path)
{
    VMTP_CLEAN(json) json_t *map = json_object();
    for (size_t i = 0; map && i < specs->n; i++)
        if (specs->items[i]->kind == VMTP_NODE_SCALAR &&
            json_object_set_new(map, specs->keys[i], json_string(specs->items[i]->text)) < 0)
            return vmtp_fail(ctx, VMTP_ECONFIG, "flavor.extra_specs: '%s' is not valid UTF-8", specs->keys[i]);
    VMTP_CLEAN(json) json_t *body = map ? json_pack("{s:O}", "extra_specs", map) : NULL;
    VMTP_CLEAN(mem) char *specs_path = vmtp_format("%s/os-extra_specs", path);
    if (!body || !specs_path)
        return no_memory(ctx);
    const struct vmtp_os_request request = {
        .service = VMTP_OS_COMPUTE, .method = "POST", .path = specs_path, .body = body};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    return vmtp_os_call(ctx, session, &request, &reply);
}

int vmtp_os_flavor_create(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                          const char *run_id, struct vmtp_os_flavor *flavor)
{
    char id[VMTP_OS_UUID];
    VMTP_CLEAN(mem) char *name = vmtp_format("%s-%s", settings->flavor_type, run_id);
    int rc = vmtp_os_uuid(ctx, id);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/flavors/%s", id);
    if (!name || !path || vmtp_set_text(&flavor->name, name) < 0)
        return no_memory(ctx);
    rc = vmtp_track(ctx, "flavor", id);
    if (rc < 0)
        return rc;
    flavor->ours = true;
    if (vmtp_set_text(&flavor->id, id) < 0)
        return no_memory(ctx);
    rc = post_flavor(ctx, session, flavor, path);
    const struct vmtp_node *specs = settings->flavor.extra_specs;
    if (rc == VMTP_OK && specs && specs->n > 0)
        rc = post_specs(ctx, session, specs, path);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "flavor '%s'", name);
    flavor->missing = false;
    vmtp_info(ctx, "flavor '%s' created: %" PRId64 " vCPU, %" PRId64 " MB, %" PRId64 " GB", name, flavor->vcpus,
              flavor->ram, flavor->disk);
    return VMTP_OK;
}

int vmtp_os_flavor_delete(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *id)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/flavors/%s", id);
    if (!path)
        return no_memory(ctx);
    const struct vmtp_os_request request = {
        .service = VMTP_OS_COMPUTE, .method = "DELETE", .path = path, .expect = 404};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    return vmtp_os_call(ctx, session, &request, &reply);
}
