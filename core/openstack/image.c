/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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
    image->format = file.format;
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

/* The record that bytes are to come to, in the ledger before it is there. */
static int make_record(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *tag, const char *format,
                       struct vmtp_os_image *image)
{
    char id[VMTP_OS_UUID];
    int rc = vmtp_os_uuid(ctx, id);
    if (rc == VMTP_OK)
        rc = vmtp_track(ctx, "image", id);
    if (rc < 0)
        return rc;
    image->ours = true;
    return vmtp_set_text(&image->id, id) < 0 ? no_memory(ctx) : post_image(ctx, session, image, format, tag);
}

/* ---- a service that fetches it itself ---- */

static void tell_words(const struct telling *telling, const char *words)
{
    char text[300];
    snprintf(text, sizeof text, "image %.150s: %s", telling->name, words);
    if (telling->tell)
        telling->tell(telling->arg, text);
}

static bool offers_web_download(const json_t *info)
{
    size_t i;
    const json_t *method, *methods = json_object_get(json_object_get(info, "import-methods"), "value");
    json_array_foreach ((json_t *)methods, i, method)
        if (json_is_string(method) && strcmp(json_string_value(method), "web-download") == 0)
            return true;
    return false;
}

/* The sum that the service has made in the way of a checksum as the user writes it; "": it has none of that kind. */
static const char *sum_of(const json_t *item, const char *checksum, const char **hex)
{
    const char *colon = strchr(checksum, ':');
    *hex = colon ? colon + 1 : checksum;
    size_t len = strlen(*hex);
    const char *kind = len == 32 ? "md5" : len == 64 ? "sha256" : "sha512";
    if (strcmp(vmtp_json_text(item, "os_hash_algo"), kind) == 0)
        return vmtp_json_text(item, "os_hash_value");
    return len == 32 ? vmtp_json_text(item, "checksum") : "";
}

static int prove_sum(vmtp_ctx *ctx, const json_t *item, const char *checksum)
{
    const char *hex, *sum = checksum ? sum_of(item, checksum, &hex) : "";
    if (!checksum || (*sum && strcasecmp(sum, hex) == 0))
        return VMTP_OK;
    return *sum ? vmtp_fail(ctx, VMTP_EREMOTE, "what it has fetched has the checksum %s", sum)
                : vmtp_fail(ctx, VMTP_EREMOTE, "it does not tell a checksum of the kind of vm_image_checksum");
}

/* Whether the service has given up, with its words. Older ones have no list of tasks. */
static int look_for_failure(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_image *image,
                            const json_t *item, bool begun)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s/tasks", image->id);
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "GET", .path = path, .expect = 404};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    int rc = path ? vmtp_os_call(ctx, session, &request, &reply) : no_memory(ctx);
    const json_t *task = json_array_get(json_object_get(reply.json, "tasks"), 0);
    if (rc == VMTP_OK && strcmp(vmtp_json_text(task, "status"), "failure") == 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s", vmtp_json_text(task, "message"));
    if (rc == VMTP_OK && (begun || *vmtp_json_text(item, "os_glance_failed_import")))
        return vmtp_fail(ctx, VMTP_EREMOTE, "it has given up");
    return rc;
}

static int await_import(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *checksum,
                        const struct telling *telling, struct vmtp_os_image *image)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s", image->id);
    const struct vmtp_os_request request = {.service = VMTP_OS_IMAGE, .method = "GET", .path = path};
    const double end = vmtp_now() + ACTIVE_SECONDS;
    double pause = 0.25;
    int rc = path ? VMTP_OK : no_memory(ctx);
    for (bool begun = false; rc == VMTP_OK; pause = pause < 2 ? pause * 1.5 : pause) {
        VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
        rc = vmtp_os_call(ctx, session, &request, &reply);
        const char *status = vmtp_json_text(reply.json, "status");
        if (rc == VMTP_OK && strcmp(status, "active") == 0) {
            take_sizes(reply.json, image);
            return prove_sum(ctx, reply.json, checksum);
        }
        if (rc == VMTP_OK && strcmp(status, "queued") == 0)
            rc = look_for_failure(ctx, session, image, reply.json, begun);
        else if (rc == VMTP_OK && strcmp(status, "importing") != 0 && strcmp(status, "saving") != 0)
            rc = vmtp_fail(ctx, VMTP_EREMOTE, "the image became '%s'", status);
        begun = begun || strcmp(status, "queued") != 0;
        if (rc == VMTP_OK && vmtp_now() > end)
            rc = vmtp_fail(ctx, VMTP_ETIMEOUT, "the image is still '%s' after %.0f s", status, ACTIVE_SECONDS);
        if (rc == VMTP_OK)
            tell_words(telling, "fetched by the cloud");
        if (rc == VMTP_OK)
            rc = vmtp_wait(ctx, pause);
    }
    return rc;
}

static int ask_to_fetch(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_image *image)
{
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/images/%s/import", image->id);
    VMTP_CLEAN(json) json_t *body = json_pack("{s:{s:s,s:s}}", "method", "name", "web-download", "uri", image->url);
    const struct vmtp_os_request request = {
        .service = VMTP_OS_IMAGE, .method = "POST", .path = path, .body = body, .once = true};
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    if (!path || !body)
        return no_memory(ctx);
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    return rc == VMTP_EUNREACH ? VMTP_OK : rc; /* it may have arrived: the image tells */
}

/* Whether the service is to fetch it: it can, and it will tell the checksum that is asked for. *why_not: NULL, or
 * what is told instead. */
static int can_import(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_image *image,
                      const char *checksum, const char **why_not)
{
    const char *colon = checksum ? strchr(checksum, ':') : NULL;
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    const struct vmtp_os_request request = {
        .service = VMTP_OS_IMAGE, .method = "GET", .path = "/info/import", .expect = 404};
    *why_not = NULL;
    if (strncmp(image->url, "file:", 5) == 0 || !image->format) {
        *why_not = "";
        return VMTP_OK;
    }
    if (checksum && strlen(colon ? colon + 1 : checksum) == 64) {
        *why_not = "it would tell no SHA-256 sum, which vm_image_checksum is";
        return VMTP_OK;
    }
    int rc = vmtp_os_call(ctx, session, &request, &reply);
    if (rc == VMTP_OK && !offers_web_download(reply.json))
        *why_not = "it does not offer to fetch a URL";
    return rc == VMTP_ECANCELED || rc == VMTP_ENOMEM ? rc : VMTP_OK;
}

/* An image that came to nothing. It has the run's tag, so what stays now goes at the end. */
static void drop_record(vmtp_ctx *parent, struct vmtp_os_session *session, struct vmtp_os_image *image)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    if (vmtp_os_image_delete(&ctx, session, image->id) == VMTP_OK)
        (void)!vmtp_untrack(parent, "image", image->id);
}

/* *imported stays false when the image has to be brought there by us; only what stops the run is returned. */
static int try_import(vmtp_ctx *parent, struct vmtp_os_session *session, const char *tag, const char *checksum,
                      const struct telling *telling, struct vmtp_os_image *image, bool *imported)
{
    const char *why_not;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    int rc = can_import(&ctx, session, image, checksum, &why_not);
    if (rc == VMTP_OK && !why_not) {
        rc = make_record(parent, session, tag, image->format, image);
        if (rc < 0)
            return rc;
        rc = ask_to_fetch(&ctx, session, image);
        if (rc == VMTP_OK)
            rc = await_import(&ctx, session, checksum, telling, image);
        *imported = rc == VMTP_OK;
        if (rc == VMTP_ECANCELED || rc == VMTP_ENOMEM)
            return vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
        if (rc < 0)
            drop_record(parent, session, image);
    }
    if (rc < 0)
        why_not = vmtp_ctx_error(&ctx, rc);
    if (why_not && *why_not)
        vmtp_info(parent, "the image service does not fetch image '%s' itself (%s): it is downloaded here and uploaded",
                  image->name, why_not);
    return rc == VMTP_ECANCELED || rc == VMTP_ENOMEM ? rc : VMTP_OK;
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

/* Downloaded here, and uploaded. */
static int bring(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *tag, const char *checksum,
                 struct telling *telling, struct vmtp_os_image *image)
{
    struct vmtp_image_file file = {.fd = -1};
    int rc = vmtp_image_fetch(ctx, image->url, checksum, tell_progress, telling, &file);
    if (rc == VMTP_OK)
        rc = make_record(ctx, session, tag, file.format, image);
    if (rc == VMTP_OK)
        rc = put_file(ctx, session, image, file.fd, telling);
    if (rc == VMTP_OK)
        rc = await_active(ctx, session, image);
    image->format = file.format;
    image->size = file.size;
    vmtp_image_file_close(&file);
    return rc;
}

int vmtp_os_image_upload(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                         const char *tag, vmtp_os_tell_fn progress, void *arg, struct vmtp_os_image *image)
{
    struct telling telling = {
        .ctx = ctx, .tell = progress, .arg = arg, .name = settings->image_name, .what = "downloading",
        .last = vmtp_now()};
    const char *checksum = settings->vm_image_checksum;
    double begin = vmtp_now();
    bool imported = false;
    int rc = try_import(ctx, session, tag, checksum, &telling, image, &imported);
    if (rc == VMTP_OK && !imported)
        rc = bring(ctx, session, tag, checksum, &telling, image);
    if (rc == VMTP_OK && !settings->delete_image_after_run)
        rc = let_go(ctx, session, image, tag);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "image '%s'", settings->image_name);
    image->missing = false;
    vmtp_info(ctx, "image '%s' %s from %.*s: %s, %.0f MB, %.0f s", image->name,
              imported ? "fetched by the cloud" : "uploaded", (int)strcspn(image->url, "?"), image->url, image->format,
              image->size / 1e6, vmtp_now() - begin);
    return VMTP_OK;
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
