/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/openstack/image-file.h"
#include "core/openstack/names.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/json.h"
#include "core/util/str.h"

static const char RUN_TAG[] = "vmtp:";
static const double ACTIVE_SECONDS = 600, TELL_SECONDS = 1, GB = 1024.0 * 1024 * 1024;
enum { WORDS_MAX = 3000 };

void vmtp_os_image_clear(struct vmtp_os_image *image)
{
    free(image->id);
    free(image->name);
    free(image->url);
    *image = (struct vmtp_os_image){0};
}

static int no_memory(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* ---- finding it ---- */

/* One that another run will take away again is none. */
static bool is_of_a_run(const json_t *item)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (json_object_get(item, "tags"), i, tag)
        if (json_is_string(tag) && strncmp(json_string_value(tag), RUN_TAG, sizeof RUN_TAG - 1) == 0)
            return true;
    return false;
}

static bool is_usable(const void *arg, const json_t *item)
{
    (void)arg;
    return strcmp(vmtp_json_text(item, "status"), "active") == 0 && !is_of_a_run(item);
}

static int64_t whole_gb(double bytes)
{
    return bytes > 0 && bytes < 1e18 ? (int64_t)((bytes + GB - 1) / GB) : 0;
}

static void take_sizes(const json_t *item, struct vmtp_os_image *image)
{
    int64_t disk = whole_gb((double)vmtp_json_int(item, "virtual_size", 0));
    image->min_disk = vmtp_json_int(item, "min_disk", 0);
    if (disk > image->min_disk)
        image->min_disk = disk;
    image->min_ram = vmtp_json_int(item, "min_ram", 0);
}

static int take(vmtp_ctx *ctx, const json_t *item, struct vmtp_os_image *image)
{
    take_sizes(item, image);
    if (!*vmtp_json_text(item, "id"))
        return vmtp_fail(ctx, VMTP_EPARSE, "image: an image without an id");
    return vmtp_set_text(&image->id, vmtp_json_text(item, "id")) < 0 ||
                   vmtp_set_text(&image->name, vmtp_json_text(item, "name")) < 0
               ? no_memory(ctx)
               : VMTP_OK;
}

static int ambiguous(vmtp_ctx *ctx, const char *name, const json_t *items)
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    size_t i;
    const json_t *item;
    json_array_foreach ((json_t *)items, i, item)
        if (is_usable(NULL, item))
            (void)vmtp_buf_printf(&words, "%s%s (%s, of %s)", words.len ? ", " : "", vmtp_json_text(item, "id"),
                                  vmtp_json_text(item, "visibility"), vmtp_json_text(item, "created_at"));
    return vmtp_fail(ctx, VMTP_EFAIL, "several images are called '%s': set image_name to the id of one: %s", name,
                     vmtp_buf_text(&words));
}

/* The image that has the name as its id; *found stays false when there is none. */
static int find_by_id(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *id, struct vmtp_os_image *image,
                      bool *found)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s", id);
    if (!path)
        return no_memory(ctx);
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "GET", .path = path, .expect = 404};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    if (rc < 0 || reply.status == 404)
        return rc;
    if (strcmp(vmtp_json_text(reply.json, "status"), "active") != 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "image %s is %s, not active", id, vmtp_json_text(reply.json, "status"));
    *found = true;
    return take(ctx, reply.json, image);
}

/* *other: the state of one of that name that is not active; NULL: there is none. The caller frees it. */
static int find_by_name(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *name, struct vmtp_os_image *image,
                        bool *found, char **other)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images?name=%s", name);
    VMTP_CLEAN(json) json_t *items = NULL;
    if (!path)
        return no_memory(ctx);
    int rc = vmtp_os_list(ctx, session, VMTP_OS_IMAGE, NULL, path, "images", &items);
    if (rc < 0)
        return rc;
    size_t i, n = 0;
    const json_t *item, *usable = NULL;
    json_array_foreach (items, i, item) {
        if (is_usable(NULL, item)) {
            usable = item;
            n++;
        } else if (!is_of_a_run(item) && vmtp_set_text(other, vmtp_json_text(item, "status")) < 0) {
            return no_memory(ctx);
        }
    }
    *found = n == 1;
    return n > 1 ? ambiguous(ctx, name, items) : n == 1 ? take(ctx, usable, image) : VMTP_OK;
}

/* Puts what can be done instead in front of the causes. */
static int nothing_to_use(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings, int rc,
                          const char *state)
{
    VMTP_CLEAN(json) json_t *items = NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx looking;
    vmtp_ctx_child(&looking, ctx, 0);
    if (rc == VMTP_ECANCELED || rc == VMTP_ENOMEM)
        return rc;
    int listed = vmtp_os_list(&looking, session, VMTP_OS_IMAGE, NULL, "/images?status=active", "images", &items);
    VMTP_CLEAN(mem) char *names = listed < 0 ? NULL : vmtp_os_names(items, is_usable, NULL);
    return vmtp_fail(ctx, rc, "there is no active image '%s'%s%s%s (set image_name to one that is there: %s%s)%s",
                     settings->image_name, state ? " (one is " : "", state ? state : "", state ? ")" : "",
                     names ? names : "?",
                     settings->vm_image_url ? "" : ", or vm_image_url to where it can be uploaded from",
                     settings->vm_image_url ? ", and its vm_image_url cannot be used" : "");
}

int vmtp_os_image_find(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                       struct vmtp_os_image *image)
{
    const char *name = settings->image_name;
    VMTP_CLEAN(mem) char *other = NULL;
    bool found = false;
    *image = (struct vmtp_os_image){0};
    if (!name)
        return vmtp_fail(ctx, VMTP_ECONFIG, "image_name: it is empty, where the image of the VMs is expected");
    int rc = vmtp_os_is_uuid(name) ? find_by_id(ctx, session, name, image, &found) : VMTP_OK;
    if (rc == VMTP_OK && !found)
        rc = find_by_name(ctx, session, name, image, &found, &other);
    if (rc < 0 || found)
        return rc;
    if (!settings->vm_image_url)
        return nothing_to_use(ctx, session, settings, VMTP_EFAIL, other);
    struct vmtp_image_file file = {.fd = -1};
    rc = vmtp_image_probe(ctx, settings->vm_image_url, &file);
    if (rc < 0)
        return nothing_to_use(ctx, session, settings, rc, other);
    image->missing = true;
    image->size = file.size;
    image->min_disk = whole_gb(file.virtual_size);
    vmtp_image_file_close(&file);
    return vmtp_set_text(&image->name, name) < 0 || vmtp_set_text(&image->url, settings->vm_image_url) < 0
               ? no_memory(ctx)
               : VMTP_OK;
}

/* ---- uploading it ---- */

struct telling {
    vmtp_ctx *ctx;
    vmtp_os_tell_fn tell;
    void *arg;
    const char *name, *what;
    double last, last_done; /* vmtp_now() scale; bytes */
};

static int tell_progress(void *arg, double done, double total)
{
    struct telling *telling = arg;
    double now = vmtp_now();
    if (vmtp_cancelled(telling->ctx))
        return VMTP_ECANCELED;
    bool complete = total > 0 && done >= total;
    if (!telling->tell || done <= 0 || done == telling->last_done || (now - telling->last < TELL_SECONDS && !complete))
        return VMTP_OK;
    telling->last = now;
    telling->last_done = done;
    char text[300];
    if (total > 0)
        snprintf(text, sizeof text, "image %.150s: %s, %.0f of %.0f MB", telling->name, telling->what, done / 1e6,
                 total / 1e6);
    else
        snprintf(text, sizeof text, "image %.150s: %s, %.0f MB", telling->name, telling->what, done / 1e6);
    telling->tell(telling->arg, text);
    return VMTP_OK;
}

/* The record, by an id of our own: a second request for it is a conflict, which is fine. */
static int post_image(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_image *image,
                      const char *format, const char *tag)
{
    VMTP_CLEAN(json) json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:[s]}", "id", image->id, "name", image->name,
                                              "disk_format", format, "container_format", "bare", "tags", tag);
    if (!body)
        return vmtp_fail(ctx, VMTP_ECONFIG, "image_name: not valid UTF-8");
    const struct vmtp_os_request request = {
        .service = VMTP_OS_IMAGE, .method = "POST", .path = "/images", .body = body, .expect = 409};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    if (rc == VMTP_EREMOTE)
        (void)!vmtp_untrack(ctx, "image", image->id);
    if (reply.status == 403)
        return vmtp_fail(ctx, rc, "uploading an image is refused; set image_name to one that is there, or ask an "
                                  "administrator to upload it");
    return rc;
}

static int put_file(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_image *image, int fd,
                    struct telling *telling)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s/file", image->id);
    telling->what = "uploading";
    telling->last_done = 0;
    if (!path)
        return no_memory(ctx);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "image file: %s", vmtp_errno());
    return vmtp_os_upload(ctx, session, VMTP_OS_IMAGE, path, fd, tell_progress, telling);
}

static int await_active(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_image *image)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s", image->id);
    double end = vmtp_now() + ACTIVE_SECONDS, pause = 0.25;
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "GET", .path = path};
    if (!path)
        return no_memory(ctx);
    for (;;) {
        VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
        int rc = vmtp_os_call(ctx, session, &request, &reply);
        if (rc < 0)
            return rc;
        const char *status = vmtp_json_text(reply.json, "status");
        if (strcmp(status, "active") == 0) {
            take_sizes(reply.json, image);
            return VMTP_OK;
        }
        if (strcmp(status, "queued") != 0 && strcmp(status, "saving") != 0 && strcmp(status, "importing") != 0)
            return vmtp_fail(ctx, VMTP_EREMOTE, "it became '%s' after the upload", status);
        if (vmtp_now() > end)
            return vmtp_fail(ctx, VMTP_ETIMEOUT, "it is still '%s' %.0f s after the upload", status, ACTIVE_SECONDS);
        rc = vmtp_wait(ctx, pause);
        if (rc < 0)
            return rc;
        pause = pause < 2 ? pause * 1.5 : pause;
    }
}

/* What stays is no longer the run's. */
static int let_go(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_image *image, const char *tag)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s/tags/%s", image->id, tag);
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "DELETE", .path = path, .expect = 404};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    if (!path)
        return no_memory(ctx);
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    if (rc == VMTP_OK)
        rc = vmtp_untrack(ctx, "image", image->id);
    image->ours = rc < 0;
    return rc;
}

static int make(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *tag, const struct vmtp_image_file *file,
                struct telling *telling, struct vmtp_os_image *image)
{
    char id[VMTP_OS_UUID];
    int rc = vmtp_os_uuid(ctx, id);
    if (rc == VMTP_OK)
        rc = vmtp_track(ctx, "image", id);
    if (rc < 0)
        return rc;
    image->ours = true;
    if (vmtp_set_text(&image->id, id) < 0)
        return no_memory(ctx);
    rc = post_image(ctx, session, image, file->format, tag);
    if (rc == VMTP_OK)
        rc = put_file(ctx, session, image, file->fd, telling);
    return rc == VMTP_OK ? await_active(ctx, session, image) : rc;
}

int vmtp_os_image_upload(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                         const char *tag, vmtp_os_tell_fn progress, void *arg, struct vmtp_os_image *image)
{
    struct telling telling = {
        .ctx = ctx, .tell = progress, .arg = arg, .name = settings->image_name, .what = "downloading",
        .last = vmtp_now()};
    struct vmtp_image_file file = {.fd = -1};
    double begin = vmtp_now();
    int rc = vmtp_image_fetch(ctx, image->url, settings->vm_image_checksum, tell_progress, &telling, &file);
    if (rc == VMTP_OK)
        rc = make(ctx, session, tag, &file, &telling, image);
    if (rc == VMTP_OK && !settings->delete_image_after_run)
        rc = let_go(ctx, session, image, tag);
    if (rc == VMTP_OK) {
        image->missing = false;
        vmtp_info(ctx, "image '%s' uploaded from %.*s: %s, %.0f MB, %.0f s", image->name,
                  (int)strcspn(image->url, "?"), image->url, file.format, file.size / 1e6, vmtp_now() - begin);
    }
    vmtp_image_file_close(&file);
    return rc < 0 ? vmtp_fail(ctx, rc, "image '%s'", settings->image_name) : rc;
}

int vmtp_os_image_delete(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *id)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s", id);
    if (!path)
        return no_memory(ctx);
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "DELETE", .path = path, .expect = 404};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    return vmtp_os_call(ctx, session, &request, &reply);
}
