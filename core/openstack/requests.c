/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the cloud do with requests and replies. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { CREATE_TRIES = 3, CONFLICT = 409 };
static const char MARK[] = "vmtp run ";
static const double LOOK_AGAIN_S = 1; /* after a creation that was not answered */

const char *vmtp_os_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long vmtp_os_number(const json_t *object, const char *key, long long fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (long long)json_integer_value(value) : fallback;
}

int vmtp_os_take(vmtp_ctx *ctx, const json_t *object, const char *key, char **member)
{
    const char *text = vmtp_os_text(object, key);
    if (!*text)
        return vmtp_fail(ctx, VMTP_EPARSE, "the answer has no \"%s\"", key);
    return vmtp_set_text(member, text) < 0 ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

void vmtp_cloud_name_run(struct vmtp_cloud *cloud, const char *run_uuid)
{
    snprintf(cloud->run, sizeof cloud->run, "%s", run_uuid);
    snprintf(cloud->run_id, sizeof cloud->run_id, "%.7s", run_uuid);
    snprintf(cloud->mark, sizeof cloud->mark, "%s%s", MARK, cloud->run);
    snprintf(cloud->tag, sizeof cloud->tag, "vmtp:%s", cloud->run);
}

bool vmtp_cloud_is_marked(const json_t *object)
{
    return strncmp(vmtp_os_text(object, "description"), MARK, sizeof MARK - 1) == 0;
}

static int track(vmtp_ctx *parent, const struct vmtp_cloud *cloud, const char *kind, const char *id,
                 int (*service)(vmtp_ctx *, const char *, const char *))
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    ctx.topology = cloud->topology;
    int rc = service(&ctx, kind, id);
    return rc < 0 ? vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc)) : rc;
}

int vmtp_cloud_track(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const char *kind, const char *id)
{
    return track(ctx, cloud, kind, id, vmtp_track);
}

int vmtp_cloud_untrack(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const char *kind, const char *id)
{
    return track(ctx, cloud, kind, id, vmtp_untrack);
}

/* --- several at once --- */

static bool grow(struct vmtp_os_batch *batch)
{
    size_t n = batch->n + 1;
    struct vmtp_os_request *requests = realloc(batch->requests, n * sizeof *requests);
    if (requests)
        batch->requests = requests;
    struct vmtp_os_reply *replies = realloc(batch->replies, n * sizeof *replies);
    if (replies)
        batch->replies = replies;
    char **paths = realloc(batch->paths, n * sizeof(char *));
    if (paths)
        batch->paths = paths;
    json_t **bodies = realloc(batch->bodies, n * sizeof(json_t *));
    if (bodies)
        batch->bodies = bodies;
    return requests && replies && paths && bodies;
}

void vmtp_os_batch_add(struct vmtp_os_batch *batch, struct vmtp_os_request request, char *path, json_t *body)
{
    if (!path || batch->failed || !grow(batch)) {
        batch->failed = true;
        free(path);
        json_decref(body);
        return;
    }
    request.path = path;
    request.body = body;
    batch->requests[batch->n] = request;
    batch->replies[batch->n] = (struct vmtp_os_reply){0};
    batch->paths[batch->n] = path;
    batch->bodies[batch->n++] = body;
}

int vmtp_os_batch_run(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_batch *batch)
{
    if (batch->failed)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return batch->n ? vmtp_os_call_all(ctx, session, batch->requests, batch->replies, batch->n) : VMTP_OK;
}

void vmtp_os_batch_clear(struct vmtp_os_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        vmtp_os_reply_clear(&batch->replies[i]);
        free(batch->paths[i]);
        json_decref(batch->bodies[i]);
    }
    free(batch->requests);
    free(batch->replies);
    free(batch->paths);
    free(batch->bodies);
    *batch = (struct vmtp_os_batch){0};
}

json_t *vmtp_os_item(const struct vmtp_os_reply *reply, const char *key, size_t i)
{
    return json_array_get(json_object_get(reply->json, key), i);
}

/* --- making --- */

void vmtp_os_creation_clear(struct vmtp_os_creation *creation)
{
    free(creation->look);
    free(creation->error);
    json_decref(creation->body);
    json_decref(creation->made);
    *creation = (struct vmtp_os_creation){0};
}

static void keep_outcome(struct vmtp_os_creation *creation, struct vmtp_os_reply *reply)
{
    json_t *made = json_object_get(reply->json, creation->singular);
    creation->rc = reply->rc;
    creation->conflict = reply->status == CONFLICT;
    if (reply->rc == VMTP_OK && json_is_object(made)) {
        creation->made = json_incref(made);
        return;
    }
    if (reply->rc == VMTP_OK)
        creation->rc = VMTP_EPARSE;
    (void)vmtp_set_text(&creation->error, reply->error ? reply->error : "the answer is not understood");
}

bool vmtp_cloud_is_ours(const struct vmtp_cloud *cloud, const json_t *object)
{
    return strcmp(vmtp_os_text(object, "description"), cloud->mark) == 0 || vmtp_os_has_tag(object, cloud->tag) ||
           vmtp_cloud_ends_in_run(cloud, vmtp_os_text(object, "name"));
}

/* Whether a creation that was not answered has happened all the same. */
static int look_up(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creation)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    const struct vmtp_os_request request = {.service = creation->service,
                                            .method = "GET",
                                            .path = creation->look,
                                            .microversion = creation->microversion,
                                            .expect = 404};
    int rc = vmtp_os_call(ctx, cloud->session, &request, &reply);
    if (rc < 0)
        return rc;
    json_t *item;
    for (size_t i = 0; (item = vmtp_os_item(&reply, creation->plural, i)); i++) {
        json_t *inner = json_object_get(item, creation->singular); /* {"keypairs": [{"keypair": ...}]} */
        item = inner ? inner : item;
        if (strcmp(vmtp_os_text(item, creation->field), creation->value) != 0 || !vmtp_cloud_is_ours(cloud, item))
            continue;
        creation->made = json_incref(item);
        creation->rc = VMTP_OK;
        break;
    }
    return VMTP_OK;
}

static bool unanswered(const struct vmtp_os_creation *creation)
{
    return !creation->made && creation->rc == VMTP_EUNREACH && creation->look;
}

/* A service under load repeats by itself what it has done already, and answers that it is there. */
static bool may_be_there(const struct vmtp_os_creation *creation)
{
    return unanswered(creation) || (!creation->made && creation->conflict && creation->look);
}

static int send_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creations, size_t n, bool again)
{
    struct vmtp_os_batch batch = {0};
    for (size_t i = 0; i < n; i++) {
        const struct vmtp_os_creation *c = &creations[i];
        if (c->made || (again && !unanswered(c)))
            continue;
        struct vmtp_os_request request = {
            .service = c->service, .method = "POST", .microversion = c->microversion, .once = true};
        vmtp_os_batch_add(&batch, request, strdup(c->path), json_incref(c->body));
    }
    int rc = vmtp_os_batch_run(ctx, cloud->session, &batch);
    for (size_t i = 0, at = 0; i < n && at < batch.n; i++)
        if (!creations[i].made && !(again && !unanswered(&creations[i])))
            keep_outcome(&creations[i], &batch.replies[at++]);
    vmtp_os_batch_clear(&batch);
    return rc;
}

static int try_again(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creations, size_t n, bool *more)
{
    *more = false;
    for (size_t i = 0; i < n; i++) {
        if (!may_be_there(&creations[i]))
            continue;
        creations[i].conflict = false;
        int rc = vmtp_wait(ctx, LOOK_AGAIN_S);
        if (rc == VMTP_OK)
            rc = look_up(ctx, cloud, &creations[i]);
        if (rc < 0)
            return rc;
        *more |= unanswered(&creations[i]);
    }
    return *more ? send_all(ctx, cloud, creations, n, true) : VMTP_OK;
}

int vmtp_os_create_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creations, size_t n)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        if (!creations[i].body)
            rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        else if (creations[i].kind)
            rc = vmtp_cloud_track(ctx, cloud, creations[i].kind, creations[i].label);
    }
    if (rc == VMTP_OK)
        rc = send_all(ctx, cloud, creations, n, false);
    bool more = true;
    for (int tries = 1; rc == VMTP_OK && more && tries < CREATE_TRIES; tries++)
        rc = try_again(ctx, cloud, creations, n, &more);
    for (size_t i = 0; i < n; i++) /* refused: there is nothing to be removed */
        if (creations[i].kind && !creations[i].made && creations[i].rc == VMTP_EREMOTE)
            (void)vmtp_cloud_untrack(ctx, cloud, creations[i].kind, creations[i].label);
    return rc;
}

int vmtp_os_create(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creation)
{
    int rc = vmtp_os_create_all(ctx, cloud, creation, 1);
    if (rc == VMTP_OK && creation->rc < 0)
        rc = vmtp_fail(ctx, creation->rc, "%s", creation->error ? creation->error : "not made");
    if (rc < 0)
        vmtp_ctx_frame(ctx, "cannot make %s %s", creation->singular, creation->label ? creation->label : "");
    return rc;
}
