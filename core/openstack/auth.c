/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/ctx.h"
#include "core/openstack/catalog.h"
#include "core/openstack/message.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

static const char DEFAULT_DOMAIN[] = "default"; /* the id of the domain that every Keystone starts with */
static const double LOGIN_TIMEOUT = 60;         /* s */

void vmtp_os_token_clear(struct vmtp_os_token *token)
{
    vmtp_secret_free(token->text);
    free(token->project_id);
    free(token->user_id);
    json_decref(token->roles);
    json_decref(token->catalog);
    *token = (struct vmtp_os_token){0};
}

static json_t *answer_of(const struct vmtp_http_job *job)
{
    return json_loadb(vmtp_buf_text(&job->answer), job->answer.len, 0, NULL);
}

/* ---- where v3 is ---- */

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && strncasecmp(text + len - n, end, n) == 0;
}

/* The path of a URL, "" when it has none. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "";
}

static const json_t *v3_of(const json_t *answer)
{
    size_t i;
    json_t *entry, *versions = json_object_get(answer, "versions");
    json_t *one = json_object_get(answer, "version");
    if (json_is_object(versions))
        versions = json_object_get(versions, "values");
    json_array_foreach(versions, i, entry) {
        const char *id = json_string_value(json_object_get(entry, "id"));
        if (id && strncmp(id, "v3", 2) == 0)
            return entry;
    }
    const char *id = json_string_value(json_object_get(one, "id"));
    return id && strncmp(id, "v3", 2) == 0 ? one : NULL;
}

/* The URL of v3 on the host that base names, wherever the link points: behind a proxy it names another scheme or host,
 * and a token is not to go there. */
static char *v3_url(const char *base, const json_t *version)
{
    json_t *links = json_object_get(version, "links");
    const char *href = json_string_value(json_object_get(json_array_get(links, 0), "href"));
    const char *path = href && vmtp_os_is_url(href) ? path_of(href) : "", *prefix = path_of(base);
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    if (ends_with(path, n, "/v3") || (n == 3 && strncmp(path, "/v3", 3) == 0))
        if (strncmp(path, prefix, strlen(prefix)) == 0)
            return vmtp_format("%.*s%.*s", (int)(prefix - base), base, (int)n, path);
    return vmtp_format("%s/v3", base);
}

/* Asks url which versions there are. *found stays NULL when v3 is not among them. */
static int ask_versions(vmtp_ctx *ctx, struct vmtp_http *http, const char *base, const char *below, char **found,
                        long *status)
{
    VMTP_CLEAN(mem) char *url = vmtp_format("%s%s", base, below);
    VMTP_CLEAN(http_job) struct vmtp_http_job job = {.method = "GET", .url = url,
                                                                    .timeout = LOGIN_TIMEOUT};
    if (!url)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_http_run(ctx, http, &job, 1);
    if (rc < 0)
        return rc;
    *status = job.status;
    if (!job.status)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s", job.error ? job.error : "out of memory");
    VMTP_CLEAN(json) json_t *answer = answer_of(&job);
    const json_t *version = v3_of(answer);
    if (!version)
        return VMTP_OK;
    *found = v3_url(base, version);
    return *found ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* auth_url as users give it: with /v3, with the old /v2.0, or without a version. */
static int find_identity(vmtp_ctx *ctx, struct vmtp_http *http, const struct vmtp_os_credentials *credentials,
                         char **found)
{
    const char *auth_url = credentials->auth_url ? credentials->auth_url : "";
    long status = 0;
    size_t len = strcspn(auth_url, "?#");
    if (!vmtp_os_is_url(auth_url))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: the auth URL is not http:// or https://, a host, and no password in "
                         "it: check OS_AUTH_URL or auth_url", credentials->source);
    while (len > 0 && auth_url[len - 1] == '/')
        len--;
    bool old = ends_with(auth_url, len, "/v2.0") || ends_with(auth_url, len, "/v2");
    bool plain = !old && !ends_with(auth_url, len, "/v3");
    while (old && auth_url[len - 1] != '/')
        len--;
    VMTP_CLEAN(mem) char *base = strndup(auth_url, old ? len - 1 : len);
    if (!base)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!old && !plain) {
        *found = VMTP_TAKE(base);
        return VMTP_OK;
    }
    int rc = ask_versions(ctx, http, base, "/", found, &status);
    if (rc == VMTP_OK && !*found) /* nothing else may be at the root */
        rc = ask_versions(ctx, http, base, "/v3", found, &status);
    if (rc < 0 || *found)
        return rc;
    char text[VMTP_OS_STATUS_TEXT];
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: no Keystone v3 at %s (%s)%s: OS_AUTH_URL names the identity service, for "
                     "example http://cloud:5000/v3", credentials->source, base, vmtp_os_status_text(status, text),
                     old ? "; version 2.0 is gone from every supported release" : "");
}

/* ---- what is sent ---- */

/* Adds a text; text that is not UTF-8 makes *good false. */
static void put(json_t *object, const char *name, const char *text, bool *good)
{
    *good = json_object_set_new(object, name, json_string(text)) == 0 && *good;
}

static json_t *put_object(json_t *object, const char *name, bool *good)
{
    json_t *inner = json_object();
    *good = json_object_set_new(object, name, inner) == 0 && *good;
    return inner;
}

/* {"id": ..} or {"name": .., "domain": {..}} */
static void put_named(json_t *object, const char *id, const char *name, const char *domain_id,
                      const char *domain_name, bool *good)
{
    if (id) {
        put(object, "id", id, good);
        return;
    }
    put(object, "name", name ? name : "", good);
    json_t *domain = put_object(object, "domain", good);
    if (domain_id || !domain_name)
        put(domain, "id", domain_id ? domain_id : DEFAULT_DOMAIN, good);
    else
        put(domain, "name", domain_name, good);
}

static void put_method(json_t *identity, const struct vmtp_os_credentials *c, bool *good)
{
    static const char *const names[] = {
        [VMTP_OS_PASSWORD] = "password",
        [VMTP_OS_TOKEN] = "token",
        [VMTP_OS_APPLICATION_CREDENTIAL] = "application_credential",
    };
    json_t *methods = json_array();
    *good = json_array_append_new(methods, json_string(names[c->auth])) == 0 && *good;
    *good = json_object_set_new(identity, "methods", methods) == 0 && *good;
    json_t *method = put_object(identity, names[c->auth], good);
    if (c->auth == VMTP_OS_TOKEN) {
        put(method, "id", c->token, good);
    } else if (c->auth == VMTP_OS_PASSWORD) {
        json_t *user = put_object(method, "user", good);
        put_named(user, c->user_id, c->username, c->user_domain_id, c->user_domain_name, good);
        put(user, "password", c->password, good);
    } else if (c->application_id) {
        put(method, "id", c->application_id, good);
        put(method, "secret", c->application_secret, good);
    } else {
        put(method, "name", c->application_name, good);
        put_named(put_object(method, "user", good), c->user_id, c->username, c->user_domain_id, c->user_domain_name,
                  good);
        put(method, "secret", c->application_secret, good);
    }
}

/* The body of POST /auth/tokens; the caller wipes it. NULL: text that is not UTF-8, or no memory. */
static char *login_body(const struct vmtp_os_credentials *c)
{
    bool good = true;
    VMTP_CLEAN(json) json_t *body = json_object();
    json_t *auth = put_object(body, "auth", &good);
    put_method(put_object(auth, "identity", &good), c, &good);
    if (c->auth != VMTP_OS_APPLICATION_CREDENTIAL && (c->project_id || c->project_name)) {
        json_t *project = put_object(put_object(auth, "scope", &good), "project", &good);
        put_named(project, c->project_id, c->project_name, c->project_domain_id, c->project_domain_name, &good);
    }
    return good ? json_dumps(body, JSON_COMPACT) : NULL;
}

/* ---- what comes back ---- */

static void put_domain(struct vmtp_buf *out, const char *domain_id, const char *domain_name)
{
    (void)vmtp_buf_printf(out, " of domain %s", domain_name ? domain_name : domain_id ? domain_id : DEFAULT_DOMAIN);
}

/* "user 'demo' of domain Default for project 'demo' of domain Default" */
static void describe(struct vmtp_buf *out, const struct vmtp_os_credentials *c)
{
    const char *application = c->application_name ? c->application_name : c->application_id;
    if (c->auth == VMTP_OS_TOKEN) {
        (void)vmtp_buf_text_add(out, "the token");
    } else if (c->auth == VMTP_OS_APPLICATION_CREDENTIAL) {
        (void)vmtp_buf_printf(out, "application credential '%s'", application ? application : "");
        return;
    } else {
        (void)vmtp_buf_printf(out, "user '%s'", c->username ? c->username : c->user_id ? c->user_id : "");
        if (!c->user_id)
            put_domain(out, c->user_domain_id, c->user_domain_name);
    }
    if (c->project_id || c->project_name) {
        (void)vmtp_buf_printf(out, " for project '%s'", c->project_name ? c->project_name : c->project_id);
        if (!c->project_id)
            put_domain(out, c->project_domain_id, c->project_domain_name);
    }
}

static const char *remedy(const struct vmtp_os_credentials *c)
{
    switch (c->auth) {
    case VMTP_OS_TOKEN:
        return "it has expired, is wrong, or may not be used for this project: get a new one";
    case VMTP_OS_APPLICATION_CREDENTIAL:
        return "check its id or name, its secret, and whether it has expired";
    default:
        return "check the name, the password, the project and both domains";
    }
}

static int refused(vmtp_ctx *ctx, const struct vmtp_os_credentials *c, const struct vmtp_http_job *job,
                   const json_t *answer)
{
    VMTP_CLEAN(buf) struct vmtp_buf who = VMTP_BUF(600);
    VMTP_CLEAN(mem) char *message = vmtp_os_message(answer, vmtp_buf_text(&job->answer), job->answer.len);
    char status[VMTP_OS_STATUS_TEXT];
    bool ours = job->status == 400 || job->status == 401 || job->status == 403;
    if (job->status == 404)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: there is no Keystone v3 at %s (HTTP 404): check OS_AUTH_URL",
                         c->source, job->url);
    describe(&who, c);
    return vmtp_fail(ctx, ours ? VMTP_ECONFIG : VMTP_EREMOTE, "%s refuses %s of %s: %s%s%s%s%s%s%s%s", job->url,
                     vmtp_buf_text(&who), c->source, vmtp_os_status_text(job->status, status), message ? ": " : "",
                     message ? message : "", job->request_id[0] ? " (" : "", job->request_id,
                     job->request_id[0] ? ")" : "", ours ? ": " : "", ours ? remedy(c) : "");
}

static char *id_in(const json_t *token, const char *name)
{
    const char *id = json_string_value(json_object_get(json_object_get(token, name), "id"));
    return strdup(id ? id : "");
}

/* Whether a token can stand in a header. */
static bool is_token(const char *text)
{
    size_t n = 0;
    while (text && (unsigned char)text[n] > ' ' && (unsigned char)text[n] < 0x7F)
        n++;
    return n > 0 && text[n] == '\0';
}

/* text: the token, taken over. */
static int take_token(vmtp_ctx *ctx, const struct vmtp_http_job *job, const json_t *answer, char *text,
                      struct vmtp_os_token *token)
{
    const json_t *body = json_object_get(answer, "token");
    if (!is_token(text) || !json_is_object(body)) {
        vmtp_secret_free(text);
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s: an answer without a token: is it Keystone?", job->url);
    }
    struct vmtp_os_token fresh = {.text = text, .project_id = id_in(body, "project"), .user_id = id_in(body, "user"),
                                  .roles = json_incref(json_object_get(body, "roles")),
                                  .catalog = json_incref(json_object_get(body, "catalog"))};
    if (!fresh.project_id || !fresh.user_id) {
        vmtp_os_token_clear(&fresh);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    vmtp_os_token_clear(token);
    *token = fresh;
    return VMTP_OK;
}

/* ---- the whole ---- */

/* What a token is good for, without making another of it. */
static int look_at_token(vmtp_ctx *ctx, struct vmtp_http *http, const struct vmtp_os_credentials *credentials,
                         const char *url, struct vmtp_os_token *token)
{
    VMTP_CLEAN(http_job) struct vmtp_http_job job = {
        .method = "GET", .url = url, .token = credentials->token, .subject = credentials->token,
        .timeout = LOGIN_TIMEOUT};
    int rc = vmtp_http_run(ctx, http, &job, 1);
    if (rc < 0)
        return rc;
    if (!job.status)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s", job.error ? job.error : "out of memory");
    VMTP_CLEAN(json) json_t *answer = answer_of(&job);
    if (job.status != 200)
        return refused(ctx, credentials, &job, answer);
    return take_token(ctx, &job, answer, strdup(credentials->token), token);
}

static int make_token(vmtp_ctx *ctx, struct vmtp_http *http, const struct vmtp_os_credentials *credentials,
                      const char *url, struct vmtp_os_token *token)
{
    VMTP_CLEAN(secret) char *body = login_body(credentials);
    if (!body)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: a name or the password is not UTF-8 text", credentials->source);
    VMTP_CLEAN(http_job) struct vmtp_http_job job = {
        .method = "POST", .url = url, .content_type = "application/json", .body = body, .body_len = strlen(body),
        .timeout = LOGIN_TIMEOUT};
    int rc = vmtp_http_run(ctx, http, &job, 1);
    if (rc < 0)
        return rc;
    if (!job.status)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s", job.error ? job.error : "out of memory");
    VMTP_CLEAN(json) json_t *answer = answer_of(&job);
    if (job.status == 403 && credentials->auth == VMTP_OS_TOKEN) /* a cloud may forbid to exchange tokens */
        return look_at_token(ctx, http, credentials, url, token);
    if (job.status != 201 && job.status != 200)
        return refused(ctx, credentials, &job, answer);
    return take_token(ctx, &job, answer, VMTP_TAKE(job.new_token), token);
}

static void tell_login(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, const char *identity_url)
{
    VMTP_CLEAN(buf) struct vmtp_buf who = VMTP_BUF(600);
    describe(&who, credentials);
    vmtp_info(ctx, "cloud: %s, %s, from %s", identity_url, vmtp_buf_text(&who), credentials->source);
}

int vmtp_os_login(vmtp_ctx *ctx, struct vmtp_http *http, const struct vmtp_os_credentials *credentials,
                  char **identity_url, struct vmtp_os_token *token)
{
    if (credentials->auth == VMTP_OS_TOKEN && !is_token(credentials->token))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: the token is no line of printable characters", credentials->source);
    int rc = *identity_url ? VMTP_OK : find_identity(ctx, http, credentials, identity_url);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *url = vmtp_format("%s/auth/tokens", *identity_url);
    if (!url)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    bool as_it_is = credentials->auth == VMTP_OS_TOKEN && !credentials->project_id && !credentials->project_name;
    bool first = !token->text;
    rc = as_it_is ? look_at_token(ctx, http, credentials, url, token)
                  : make_token(ctx, http, credentials, url, token);
    if (rc == VMTP_OK && first)
        tell_login(ctx, credentials, *identity_url);
    return rc;
}
