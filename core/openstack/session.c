/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/ctx.h"
#include "core/openstack/auth.h"
#include "core/openstack/catalog.h"
#include "core/openstack/http.h"
#include "core/openstack/message.h"
#include "core/openstack/session-inside.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const double REQUEST_TIMEOUT = 60; /* s */

struct vmtp_os_session {
    const struct vmtp_os_credentials *credentials;
    struct vmtp_http *http;
    char *identity_url;
    struct vmtp_os_token token;
    char *endpoints[VMTP_OS_SERVICES];
};

/* ---- the session ---- */

void vmtp_os_close(struct vmtp_os_session *session)
{
    if (!session)
        return;
    vmtp_http_free(session->http);
    vmtp_os_token_clear(&session->token);
    for (int i = 0; i < VMTP_OS_SERVICES; i++)
        free(session->endpoints[i]);
    free(session->identity_url);
    free(session);
}

static void warn_clear_text(vmtp_ctx *ctx, const struct vmtp_os_session *session)
{
    for (int i = 0; i < VMTP_OS_SERVICES; i++)
        if (strncasecmp(session->identity_url, "https:", 6) == 0 &&
            strncasecmp(session->endpoints[i], "http:", 5) == 0)
            vmtp_warn(ctx, "%s: the login is over https, but the catalog gives %s: the token is sent in the clear",
                      vmtp_os_service_name(i), session->endpoints[i]);
}

static int start(vmtp_ctx *ctx, struct vmtp_os_session *session)
{
    const struct vmtp_os_credentials *credentials = session->credentials;
    if (credentials->insecure)
        vmtp_warn(ctx, "the certificates of the cloud are not verified (%s): anybody on the way there can read and "
                  "change everything", credentials->source);
    int rc = vmtp_os_login(ctx, session->http, credentials, &session->identity_url, &session->token);
    if (rc < 0)
        return rc;
    rc = vmtp_os_endpoints(ctx, credentials, session->token.catalog, session->token.project_id,
                           session->identity_url, session->endpoints);
    if (rc == VMTP_ECONFIG && !session->token.project_id[0])
        return vmtp_fail(ctx, rc, "%s: the login is for no project: name one with OS_PROJECT_NAME or project_name",
                         credentials->source);
    if (rc == VMTP_OK)
        warn_clear_text(ctx, session);
    return rc < 0 ? vmtp_fail(ctx, rc, "%s", credentials->source) : rc;
}

int vmtp_os_open(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, struct vmtp_os_session **session)
{
    struct vmtp_os_session *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    fresh->credentials = credentials;
    fresh->http = vmtp_http_new(&(struct vmtp_http_tls){
        .ca_file = credentials->ca_file, .client_cert = credentials->client_cert,
        .client_key = credentials->client_key, .insecure = credentials->insecure});
    int rc = fresh->http ? start(ctx, fresh) : vmtp_fail(ctx, VMTP_ENOMEM, "libcurl does not start");
    if (rc < 0)
        vmtp_os_close(fresh);
    else
        *session = fresh;
    return rc;
}

const char *vmtp_os_project_id(const struct vmtp_os_session *session)
{
    return session->token.project_id;
}

const char *vmtp_os_user_id(const struct vmtp_os_session *session)
{
    return session->token.user_id;
}

bool vmtp_os_has_role(const struct vmtp_os_session *session, const char *role)
{
    size_t i;
    json_t *entry;
    json_array_foreach(session->token.roles, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name && strcmp(name, role) == 0)
            return true;
    }
    return false;
}

const char *vmtp_os_endpoint(const struct vmtp_os_session *session, int service)
{
    return session->endpoints[service];
}

unsigned vmtp_os_requests(const struct vmtp_os_session *session)
{
    return vmtp_http_requests(session->http);
}

/* ---- for transfer.c and tests ---- */

struct vmtp_http *vmtp_os_http(struct vmtp_os_session *session)
{
    return session->http;
}

const char *vmtp_os_token_text(const struct vmtp_os_session *session)
{
    return session->token.text;
}

int vmtp_os_login_again(vmtp_ctx *ctx, struct vmtp_os_session *session)
{
    vmtp_debug(ctx, "the token is not accepted any more: another login");
    return vmtp_os_login(ctx, session->http, session->credentials, &session->identity_url, &session->token);
}

char *vmtp_os_error_text(int service, const char *method, const char *path, const struct vmtp_http_job *job,
                         const json_t *json)
{
    const char *name = vmtp_os_service_name(service);
    int plain = (int)strcspn(path, "?");
    if (!job->status)
        return vmtp_format("%s: %s %.*s: %s", name, method, plain, path, job->error ? job->error : "out of memory");
    VMTP_CLEAN(mem) char *message = vmtp_os_message(json, vmtp_buf_text(&job->answer), job->answer.len);
    char status[VMTP_OS_STATUS_TEXT];
    const char *odd = job->status < 300 ? ", but the answer is not JSON" : "";
    bool id = job->request_id[0];
    return vmtp_format("%s: %s %.*s: %s%s%s%s%s%s%s", name, method, plain, path,
                       vmtp_os_status_text(job->status, status), odd, message ? ": " : "", message ? message : "",
                       id ? " (" : "", job->request_id, id ? ")" : "");
}

/* ---- requests ---- */

void vmtp_os_reply_clear(struct vmtp_os_reply *reply)
{
    json_decref(reply->json);
    free(reply->error);
    *reply = (struct vmtp_os_reply){0};
}

/* One request on its way: the job, and the text that the job borrows. */
struct flight {
    char *url, *body, *api_version;
};

static void free_flights(struct vmtp_http_job *jobs, struct flight *flights, size_t n)
{
    for (size_t i = 0; jobs && flights && i < n; i++) {
        vmtp_http_job_clear(&jobs[i]);
        free(flights[i].url);
        free(flights[i].body);
        free(flights[i].api_version);
    }
    free(jobs);
    free(flights);
}

static bool prepare(const struct vmtp_os_session *session, const struct vmtp_os_request *request,
                    struct flight *flight, struct vmtp_http_job *job)
{
    flight->url = vmtp_format("%s%s", session->endpoints[request->service], request->path);
    flight->body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
    bool versioned = request->microversion && request->service == VMTP_OS_COMPUTE;
    flight->api_version = versioned ? vmtp_format("compute %s", request->microversion) : NULL;
    *job = (struct vmtp_http_job){
        .method = request->method,
        .url = flight->url,
        .token = session->token.text,
        .api_version = flight->api_version,
        .content_type = !request->body ? NULL : request->content_type ? request->content_type : "application/json",
        .body = flight->body,
        .body_len = flight->body ? strlen(flight->body) : 0,
        .once = request->once,
        .timeout = request->timeout > 0 ? request->timeout : REQUEST_TIMEOUT,
    };
    return flight->url && (!request->body || flight->body) && (!versioned || flight->api_version);
}

/* What became of a request when the function was ended early. */
static void fill_unfinished(int rc, struct vmtp_os_reply *reply)
{
    reply->rc = rc;
    reply->error = strdup(rc == VMTP_ECANCELED ? "interrupted" : rc == VMTP_ETIMEOUT ? "no answer in time"
                                                                                       : "out of memory");
}

static void fill_reply(const struct vmtp_os_request *request, const struct vmtp_http_job *job,
                       struct vmtp_os_reply *reply)
{
    reply->status = job->status;
    json_error_t wrong = {.line = 0};
    if (job->status && job->answer.len)
        reply->json = json_loadb(job->answer.data, job->answer.len, 0, &wrong);
    bool good = job->status >= 200 && job->status < 300;
    if (job->status != 204 && !reply->json && strcmp(request->method, "GET") == 0)
        good = false; /* a login page, say, and no empty list */
    if (job->status && (unsigned long)job->status == request->expect)
        good = true;
    if (job->answer.len && !reply->json && json_error_code(&wrong) == json_error_out_of_memory) {
        fill_unfinished(VMTP_ENOMEM, reply);
        return;
    }
    reply->rc = good ? VMTP_OK : job->status ? VMTP_EREMOTE : VMTP_EUNREACH;
    if (!good)
        reply->error = vmtp_os_error_text(request->service, request->method, request->path, job, reply->json);
}

/* Runs all; those that are refused because the token is old run again with a new one. */
static int run_all(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_http_job *jobs, size_t n)
{
    size_t old = 0;
    int rc = vmtp_http_run(ctx, session->http, jobs, n);
    for (size_t i = 0; rc == VMTP_OK && i < n; i++)
        old += jobs[i].status == 401;
    if (rc < 0 || !old)
        return rc;
    rc = vmtp_os_login_again(ctx, session);
    if (rc == VMTP_ECANCELED || rc == VMTP_ETIMEOUT || rc == VMTP_ENOMEM)
        return rc;
    for (size_t i = 0; rc == VMTP_OK && i < n; i++) {
        jobs[i].token = session->token.text;
        if (jobs[i].status == 401)
            vmtp_http_job_clear(&jobs[i]);
    }
    return rc < 0 ? VMTP_OK : vmtp_http_run(ctx, session->http, jobs, n);
}

int vmtp_os_call_all(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *requests,
                     struct vmtp_os_reply *replies, size_t n)
{
    struct vmtp_http_job *jobs = calloc(n ? n : 1, sizeof *jobs);
    struct flight *flights = calloc(n ? n : 1, sizeof *flights);
    bool good = jobs && flights;
    for (size_t i = 0; good && i < n; i++)
        good = prepare(session, &requests[i], &flights[i], &jobs[i]);
    int rc = good ? run_all(ctx, session, jobs, n) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        replies[i] = (struct vmtp_os_reply){0};
        if (good && jobs[i].finished)
            fill_reply(&requests[i], &jobs[i], &replies[i]);
        else
            fill_unfinished(rc, &replies[i]);
    }
    free_flights(jobs, flights, n);
    return rc;
}

int vmtp_os_call(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *request,
                 struct vmtp_os_reply *reply)
{
    int rc = vmtp_os_call_all(ctx, session, request, reply, 1);
    if (rc < 0)
        vmtp_ctx_frame(ctx, "%s: %s %.*s", vmtp_os_service_name(request->service), request->method,
                       (int)strcspn(request->path, "?"), request->path);
    else if (reply->rc < 0)
        rc = vmtp_fail(ctx, reply->rc, "%s", reply->error ? reply->error : "out of memory");
    return rc;
}
