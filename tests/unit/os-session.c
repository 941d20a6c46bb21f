/* SPDX-License-Identifier: Apache-2.0 */
/* The session against a web server on loopback that plays a script: logins, what is sent, and every way to go wrong. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/ctx.h"
#include "core/log.h"
#include "core/openstack/session-inside.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/json.h"
#include "core/util/str.h"
#include "tests/unit/scripted-http.h"

/* A login that works, for project p1; the catalog names this server. */
#define PUBLIC(service, url)                                                                                         \
    "{'type': '" service "', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url': '@URL@" url "'}]}"
#define TOKEN_BODY                                                                                                   \
    "{'token': {'user': {'id': 'u1'}, 'project': {'id': 'p1'}, 'roles': [{'name': 'member'}, {'name': 'admin'}],"    \
    " 'catalog': [" PUBLIC("compute", "/c/v2.1") ", " PUBLIC("network", "/n") ", " PUBLIC("image", "/i/v2") "]}}"
#define LOGIN                                                                                                        \
    "{'method': 'POST', 'path': '/v3/auth/tokens', 'status': 201, 'headers': {'X-Subject-Token': 'token-1'},"        \
    " 'body': " TOKEN_BODY "}"
#define LOGIN_2                                                                                                      \
    "{'method': 'POST', 'path': '/v3/auth/tokens', 'status': 201, 'headers': {'X-Subject-Token': 'token-2'},"        \
    " 'body': " TOKEN_BODY "}"

static struct scripted server;
static struct vmtp_ctx ctx;
static atomic_bool cancel;

/* JSON may be written with ' in place of " here. */
static char *quoted(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return copy;
}

static void say(const char *rules)
{
    VMTP_CLEAN(mem) char *text = quoted(rules);
    scripted_say(&server, text);
}

static struct vmtp_os_credentials user(const char *below)
{
    static char url[200];
    snprintf(url, sizeof url, "%s%s", server.url, below);
    return (struct vmtp_os_credentials){.source = (char *)"openrc", .auth_url = url, .username = (char *)"jane",
        .password = (char *)"pass-word\"", .project_name = (char *)"lab"};
}

/* A session with short pauses, and what the server has to say to it. */
static struct vmtp_os_session *session_with(const char *rules)
{
    static struct vmtp_os_credentials credentials;
    struct vmtp_os_session *session = NULL;
    VMTP_CLEAN(mem) char *all = vmtp_format("[" LOGIN ", %s]", rules);
    say(all);
    credentials = user("/v3");
    vmtp_ctx_forget(&ctx);
    if (vmtp_os_open(&ctx, &credentials, &session) < 0) {
        printf("Bail out! no session: %s\n", vmtp_ctx_error(&ctx, 0));
        exit(99);
    }
    vmtp_http_policy(vmtp_os_http(session))->first_pause = 0.01;
    return session;
}

static const char *logged(const json_t *log, size_t i, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(log, i), name));
    return text ? text : "";
}

static const char *logged_header(const json_t *log, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_object_get(json_array_get(log, i), "headers"), name));
}

/* How many requests the server saw since the script, the login apart. */
static long long seen(void)
{
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    long long n = 0;
    for (size_t i = 0; i < json_array_size(log); i++)
        n += strcmp(logged(log, i, "path"), "/v3/auth/tokens") != 0;
    return n;
}

/* ---- logins ---- */

static void is_login(const struct vmtp_os_credentials *credentials, const char *want, const char *name)
{
    struct vmtp_os_session *session = NULL;
    say("[" LOGIN "]");
    vmtp_ctx_forget(&ctx);
    is(vmtp_os_open(&ctx, credentials, &session) == VMTP_OK ? "in" : vmtp_ctx_error(&ctx, 0), "in", name);
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    VMTP_CLEAN(mem) char *text = quoted(want);
    VMTP_CLEAN(json) json_t *wanted = json_loads(text, 0, NULL);
    VMTP_CLEAN(json) json_t *sent = json_loads(logged(log, 0, "body"), 0, NULL);
    ok(wanted && json_equal(sent, wanted), "%s: what is sent", name);
    vmtp_os_close(session);
}

static void test_passwords(void)
{
    struct vmtp_os_credentials c = user("/v3");
    is_login(&c, "{'auth': {'identity': {'methods': ['password'], 'password': {'user': {'name': 'jane', 'domain': "
             "{'id': 'default'}, 'password': 'pass-word\\\"'}}}, 'scope': {'project': {'name': 'lab', 'domain': "
             "{'id': 'default'}}}}}", "a password without domains");
    c.user_domain_name = (char *)"People";
    c.project_domain_id = (char *)"d2";
    is_login(&c, "{'auth': {'identity': {'methods': ['password'], 'password': {'user': {'name': 'jane', 'domain': "
             "{'name': 'People'}, 'password': 'pass-word\\\"'}}}, 'scope': {'project': {'name': 'lab', 'domain': "
             "{'id': 'd2'}}}}}", "a password with domains");
    c.user_id = (char *)"u9";
    c.project_id = (char *)"p9";
    is_login(&c, "{'auth': {'identity': {'methods': ['password'], 'password': {'user': {'id': 'u9', 'password': "
             "'pass-word\\\"'}}}, 'scope': {'project': {'id': 'p9'}}}}", "ids need no domains");
    c.password = (char *)"\xff";
    struct vmtp_os_session *session = NULL;
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_ECONFIG, "a password that is not UTF-8");
}

static void test_application_credentials(void)
{
    struct vmtp_os_credentials c = user("/v3");
    c.auth = VMTP_OS_APPLICATION_CREDENTIAL;
    c.application_secret = (char *)"s";
    c.application_name = (char *)"app";
    is_login(&c, "{'auth': {'identity': {'methods': ['application_credential'], 'application_credential': {'name': "
             "'app', 'user': {'name': 'jane', 'domain': {'id': 'default'}}, 'secret': 's'}}}}",
             "an application credential by name, without a scope");
    c.application_id = (char *)"a1";
    is_login(&c, "{'auth': {'identity': {'methods': ['application_credential'], 'application_credential': {'id': "
             "'a1', 'secret': 's'}}}}", "an application credential by id");
}

static void test_tokens(void)
{
    struct vmtp_os_credentials c = user("/v3");
    struct vmtp_os_session *session = NULL;
    c.auth = VMTP_OS_TOKEN;
    c.token = (char *)"mine";
    is_login(&c, "{'auth': {'identity': {'methods': ['token'], 'token': {'id': 'mine'}}, 'scope': {'project': {'name': "
             "'lab', 'domain': {'id': 'default'}}}}}", "a token for a project");
    c.project_name = NULL;
    say("[{'method': 'GET', 'path': '/v3/auth/tokens', 'body': " TOKEN_BODY "}]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "a token as it is");
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    is(logged_header(log, 0, "x-subject-token"), "mine", "it is looked at");
    is(vmtp_os_token_text(session), "mine", "and used");
    vmtp_os_close(session);
    session = NULL;
    c.project_name = (char *)"lab";
    say("[{'method': 'POST', 'status': 403}, {'method': 'GET', 'path': '/v3/auth/tokens', 'body': " TOKEN_BODY "}]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "a cloud that exchanges no tokens");
    vmtp_os_close(session);
    c.token = (char *)"a\r\nX-Evil: 1";
    c.project_name = NULL;
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_ECONFIG, "a token with a line end in it");
}

/* ---- where v3 is ---- */

static void is_found(const char *below, const char *rules, const char *name)
{
    struct vmtp_os_credentials c = user(below);
    struct vmtp_os_session *session = NULL;
    say(rules);
    vmtp_ctx_forget(&ctx);
    is(vmtp_os_open(&ctx, &c, &session) == VMTP_OK ? "in" : vmtp_ctx_error(&ctx, 0), "in", name);
    vmtp_os_close(session);
}

static void isnt_found(const char *below, const char *rules, const char *want, const char *name)
{
    struct vmtp_os_credentials c = user(below);
    struct vmtp_os_session *session = NULL;
    say(rules);
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_ECONFIG, name);
    contains(vmtp_ctx_error(&ctx, 0), want, "what is said of it");
    vmtp_os_close(session);
}

#define AT_ROOT                                                                                                      \
    "{'method': 'GET', 'path': '/', 'status': 300, 'body': {'versions': {'values': [{'id': 'v2.0'}, {'id': 'v3.14',"  \
    " 'links': [{'rel': 'self', 'href': 'https://elsewhere:1/v3/'}]}]}}}"

static void test_discovery(void)
{
    is_found("/v3/", "[" LOGIN "]", "a URL that ends in /v3/");
    is_found("", "[" AT_ROOT ", " LOGIN "]", "a URL without a version; its link to another host is not followed");
    is_found("/v2.0", "[" AT_ROOT ", " LOGIN "]", "a URL that ends in /v2.0, with v3 beside it");
    is_found("/", "[{'path': '/', 'body': 'hello'}, {'path': '/v3', 'body': {'version': {'id': 'v3.8'}}}, " LOGIN "]",
             "a root that says nothing, with v3 below it");
    is_found("/identity", "[{'path': '/identity/', 'status': 300, 'body': {'versions': [{'id': 'v3.1', 'links': "
             "[{'href': 'http://x/identity/v3'}]}]}}, {'method': 'POST', 'path': '/identity/v3/auth/tokens', 'status': "
             "201, 'headers': {'X-Subject-Token': 't'}, 'body': " TOKEN_BODY "}]", "v3 below a path");
    isnt_found("/v2.0", "[{'path': '/', 'body': {'versions': {'values': [{'id': 'v2.0'}]}}}, {'status': 404}]",
               "version 2.0 is gone from every supported release", "v2.0 alone");
    isnt_found("", "[{'status': 404, 'times': 0}]", "no Keystone v3 at http://127.0.0.1", "something else");
    isnt_found("/v3", "[{'status': 404}]", "check OS_AUTH_URL", "a /v3 that is none");
    isnt_found("", "[{'body': {'versions': [[], 1, {'id': 3, 'links': 1}], 'version': []}, 'times': 0}]",
               "no Keystone v3", "versions of the wrong shape");
}

static void test_refused_logins(void)
{
    struct vmtp_os_credentials c = user("/v3");
    struct vmtp_os_session *session = NULL;
    isnt_found("/v3", "[{'status': 401, 'headers': {'X-Openstack-Request-Id': 'req-7'}, 'times': 0,"
               " 'body': {'error': {'code': 401, 'message': 'No such thing.'}}}]",
               "refuses user 'jane' of domain default for project 'lab' of domain default of openrc: HTTP 401 "
               "Unauthorized: No such thing. (req-7): check the name", "a login that is refused");
    isnt_found("/v3", "[{'status': 201, 'headers': {'X-Subject-Token': 't'}, 'body': {'token': {}}}]",
               "the login is for no project", "a login without a project");
    is_int(seen(), 0, "and nothing else was sent");
    say("[{'status': 201, 'body': " TOKEN_BODY "}]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_EREMOTE, "an answer without a token");
    say("[{'status': 201, 'headers': {'X-Subject-Token': 't'}, 'body': '{'}]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_EREMOTE, "an answer that is no JSON");
    say("[{'status': 201, 'headers': {'X-Subject-Token': 't'}, 'body': {'token': {'user': [], 'project': 'x', 'roles': "
        "{'a': 1}, 'catalog': {'b': []}}}}]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_ECONFIG, "a token of the wrong shape");
    c.auth_url = (char *)"http://127.0.0.1:9/v3";
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_EUNREACH, "nobody there");
    contains(vmtp_ctx_error(&ctx, 0), "http://127.0.0.1:9: Failed to connect", "is told");
    c.auth_url = (char *)"http://jane:secret@127.0.0.1/v3";
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_ECONFIG, "a password in the URL");
    ok(!strstr(vmtp_ctx_error(&ctx, 0), "secret"), "is not shown");
}

/* ---- requests ---- */

static const struct vmtp_os_request GET_SERVERS = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = "/servers"};

static void test_request(void)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(json) json_t *body = json_pack("{s:{s:s}}", "server", "name", "x");
    struct vmtp_os_session *session = session_with(
        "{'status': 202, 'body': {'server': {'id': 's1'}}}, {'method': 'DELETE', 'status': 204}");
    is_int(vmtp_os_call(&ctx, session, &(struct vmtp_os_request){.service = VMTP_OS_COMPUTE, .method = "POST",
        .path = "/servers", .microversion = "2.60", .body = body, .once = true}, &reply), VMTP_OK, "a creation");
    is_int(reply.status, 202, "its status");
    is(json_string_value(json_object_get(json_object_get(reply.json, "server"), "id")), "s1", "its answer");
    vmtp_os_reply_clear(&reply);
    is_int(vmtp_os_call(&ctx, session, &(struct vmtp_os_request){.service = VMTP_OS_NETWORK, .method = "DELETE",
        .path = "/ports/1", .microversion = "2.60"}, &reply), VMTP_OK, "a removal, without an answer");
    ok(!reply.json && !reply.error, "gives neither JSON nor words");
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    is(logged(log, 1, "path"), "/c/v2.1/servers", "the path below the endpoint");
    is(logged(log, 1, "body"), "{\"server\":{\"name\":\"x\"}}", "the body");
    is(logged_header(log, 1, "x-auth-token"), "token-1", "the token");
    is(logged_header(log, 1, "openstack-api-version"), "compute 2.60", "the microversion");
    is(logged_header(log, 1, "content-type"), "application/json", "the type of the body");
    is(logged(log, 2, "path"), "/n/v2.0/ports/1", "a version was added");
    ok(!logged_header(log, 2, "openstack-api-version") && !logged_header(log, 2, "content-type"),
       "no microversion of network, no type without a body");
    is_int(vmtp_os_requests(session), 3, "requests are counted");
    is(vmtp_os_project_id(session), "p1", "the project's id");
    is(vmtp_os_user_id(session), "u1", "the user's id");
    ok(vmtp_os_has_role(session, "admin") && !vmtp_os_has_role(session, "reader"), "the roles");
    vmtp_os_close(session);
}

static void test_refusals(void)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    struct vmtp_os_request request = GET_SERVERS;
    struct vmtp_os_session *session = session_with(
        "{'status': 409, 'headers': {'X-Compute-Request-Id': 'req-9'}, 'body': {'conflictingRequest': {'message': "
        "'In use \\u001b[2J'}}}, {'status': 404, 'body': {'x': 1}}, {'status': 302, 'headers': {'Location': "
        "'@URL@/c/v2.1/other'}}, {'status': 500, 'body': '<h1>Oops</h1>'}");
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EREMOTE, "a conflict");
    is(reply.error, "compute: GET /servers: HTTP 409 Conflict: In use [2J (req-9)", "its words");
    is(vmtp_ctx_error(&ctx, 0), reply.error, "are those of the ctx");
    is_int(reply.status, 409, "its status");
    vmtp_os_reply_clear(&reply);
    request.expect = 404;
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_OK, "a 404 that is expected");
    ok(reply.rc == VMTP_OK && reply.status == 404 && reply.json && !reply.error, "is an answer like others");
    vmtp_os_reply_clear(&reply);
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EREMOTE, "a redirect is not followed");
    vmtp_os_reply_clear(&reply);
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EREMOTE, "an error of the service is final");
    is(reply.error, "compute: GET /servers: HTTP 500 Internal Server Error: Oops", "its words");
    is_int(seen(), 4, "each was sent once");
    vmtp_os_close(session);
}

/* Which answers lead to how many requests, and for which of them `once` makes a difference. */
static void test_retries(void)
{
    static const struct {
        const char *rule, *name;
        int often, once; /* requests until the answer counts */
    } cases[] = {
        {"'status': 429", "429", 3, 3},
        {"'status': 429, 'headers': {'Retry-After': '0'}", "429 with Retry-After", 3, 3},
        {"'status': 502", "502", 3, 1},
        {"'status': 503", "503", 3, 1},
        {"'status': 504", "504", 3, 1},
        {"'status': 500", "500", 1, 1},
        {"'status': 403", "403", 1, 1},
        {"'end': 'unread'", "a connection that is closed", 3, 1},
        {"'end': 'half', 'body': '{\\'a\\': 1}'", "half an answer", 3, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int once = 0; once < 2; once++) {
            VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
            VMTP_CLEAN(mem) char *rules = vmtp_format("{%s, 'times': 2}, {'body': {}}", cases[i].rule);
            struct vmtp_os_session *session = session_with(rules);
            struct vmtp_os_request request = GET_SERVERS;
            request.method = once ? "POST" : "GET";
            request.once = once;
            int want = once ? cases[i].once : cases[i].often;
            int rc = vmtp_os_call(&ctx, session, &request, &reply);
            /* What libcurl sends again by itself on a connection that was kept is not ours to count. */
            long long got = seen();
            ok(got == want && (rc == VMTP_OK) == (want == 3), "%s%s: %lld requests, %s", cases[i].name,
               once ? ", once" : "", got, rc < 0 ? reply.error : "and then it works");
            vmtp_os_close(session);
        }
    }
}

static void test_endless_refusal(void)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    struct vmtp_os_session *session = session_with("{'status': 503, 'times': 0, 'body': 'busy'}");
    is_int(vmtp_os_call(&ctx, session, &GET_SERVERS, &reply), VMTP_EREMOTE, "a service that stays away");
    is_int(seen(), 6, "is asked six times");
    vmtp_os_close(session);
    vmtp_os_reply_clear(&reply);
    session = session_with("{'status': 429, 'headers': {'Retry-After': '3600'}}, {'body': {}}");
    is_int(vmtp_os_call(&ctx, session, &GET_SERVERS, &reply), VMTP_EREMOTE, "one that wants an hour is not waited for");
    vmtp_os_close(session);
    vmtp_os_reply_clear(&reply);
    session = session_with("{'status': 429, 'headers': {'Retry-After': '1'}}, {'body': {}}");
    double began = vmtp_now();
    is_int(vmtp_os_call(&ctx, session, &GET_SERVERS, &reply), VMTP_OK, "one that wants a second");
    ok(vmtp_now() - began >= 1, "gets it");
    vmtp_os_close(session);
    vmtp_os_reply_clear(&reply);
    session = session_with("{'delay': 3, 'times': 0, 'body': {}}");
    struct vmtp_os_request request = GET_SERVERS;
    request.timeout = 0.3;
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EUNREACH, "no answer in the request's time");
    contains(reply.error, "no answer within 0.3 s", "is told");
    vmtp_os_close(session);
}

static void test_old_token(void)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    struct vmtp_os_request request = GET_SERVERS;
    struct vmtp_os_session *session = session_with("{'path': '/c*', 'status': 401}, " LOGIN_2 ", {'body': {}}");
    request.method = "POST";
    request.once = true;
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_OK, "a token that has expired");
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    is_int((long long)json_array_size(log), 4, "login, refusal, login, request");
    is(logged_header(log, 3, "x-auth-token"), "token-2", "with the new token");
    vmtp_os_close(session);
    vmtp_os_reply_clear(&reply);

    session = session_with("{'path': '/c*', 'status': 401, 'times': 0}, " LOGIN_2);
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EREMOTE, "401 whatever the token");
    is_int(seen(), 2, "is asked twice");
    vmtp_os_close(session);
    vmtp_os_reply_clear(&reply);

    session = session_with("{'path': '/c*', 'status': 401, 'times': 0}, {'status': 401, 'body': {'error': {'message': "
                           "'Locked.'}}}");
    is_int(vmtp_os_call(&ctx, session, &request, &reply), VMTP_EREMOTE, "a second login that is refused");
    vmtp_os_close(session);
}

/* ---- hostile answers ---- */

static void test_hostile(void)
{
    static const char *const bodies[] = {
        "''", "'{'", "'[]'", "'null'", "'{\\'servers\\': {}}'", "'{\\'servers\\': \\'x\\'}'", "'{\\'servers\\': null}'",
        "'{\\'servers\\': [1, null], \\'servers_links\\': [{\\'rel\\': \\'next\\', \\'href\\': \\'http://x/?a b\\'}]}'",
        "'{\\'servers\\': [1], \\'servers_links\\': [{\\'rel\\': \\'next\\', \\'href\\': \\'http://x/\\'}]}'",
        "'{\\'servers\\': [1], \\'next\\': \\'?\\'}'", "'{\\'servers\\': [\\u0000]}'", "'{\\'a\\\\u0000b\\': []}'",
        "'{\\'servers\\': 1e999}'",
    };
    size_t refused = 0, n = sizeof bodies / sizeof bodies[0];
    for (size_t i = 0; i < n; i++) {
        VMTP_CLEAN(mem) char *rules = vmtp_format("{'times': 0, 'body': %s}", bodies[i]);
        struct vmtp_os_session *session = session_with(rules);
        json_t *items = NULL;
        refused += vmtp_os_list(&ctx, session, VMTP_OS_COMPUTE, NULL, "/servers", "servers", &items) == VMTP_EREMOTE;
        vmtp_os_close(session);
    }
    is_int((long long)refused, (long long)n, "lists of the wrong shape");

    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(buf) struct vmtp_buf deep = VMTP_BUF(1 << 20);
    (void)vmtp_buf_text_add(&deep, "{'body': '");
    for (int i = 0; i < 100000; i++)
        (void)vmtp_buf_add(&deep, "[", 1);
    (void)vmtp_buf_text_add(&deep, "'}, {'size': 17000000}");
    struct vmtp_os_session *session = session_with(vmtp_buf_text(&deep));
    is_int(vmtp_os_call(&ctx, session, &GET_SERVERS, &reply), VMTP_EREMOTE, "a hundred thousand brackets");
    contains(reply.error, "HTTP 200, but the answer is not JSON", "are no JSON for us");
    vmtp_os_reply_clear(&reply);
    is_int(vmtp_os_call(&ctx, session, &GET_SERVERS, &reply), VMTP_EUNREACH, "17 MB");
    contains(reply.error, "an answer of more than 16 MiB", "are too many");
    vmtp_os_close(session);
}

static void test_pages(void)
{
    struct vmtp_os_session *session = session_with(
        "{'path': '/c/v2.1/servers?name=x', 'body': {'servers': [1, 2], 'servers_links': [{'rel': 'self', 'href': '?'},"
        " {'rel': 'next', 'href': 'http://elsewhere/evil/servers?name=x&marker=2'}]}},"
        "{'path': '/c/v2.1/servers?name=x&marker=2', 'body': {'servers': [3]}},"
        "{'path': '/i/v2/images', 'body': {'images': [1], 'next': '/v2/images?marker=1'}},"
        "{'path': '/i/v2/images?marker=1', 'body': {'images': [], 'next': '/v2/images?marker=2'}},"
        "{'path': '/v3/projects', 'body': {'projects': [1, 2], 'links': {'next': null}}},"
        "{'path': '/n/v2.0/ports*', 'times': 0, 'body': {'ports': [1], 'ports_links': [{'rel': 'next', 'href': "
        "'/x?m=1'}]}}");
    json_t *items = NULL;
    is_int(vmtp_os_list(&ctx, session, VMTP_OS_COMPUTE, NULL, "/servers?name=x", "servers", &items), VMTP_OK,
           "pages of compute, whatever host the link names");
    is_int((long long)json_array_size(items), 3, "all items");
    json_decref(items);
    items = NULL;
    is_int(vmtp_os_list(&ctx, session, VMTP_OS_IMAGE, NULL, "/images", "images", &items), VMTP_OK,
           "pages of image, an empty one is the last");
    is_int((long long)json_array_size(items), 1, "all items");
    json_decref(items);
    items = NULL;
    is_int(vmtp_os_list(&ctx, session, VMTP_OS_IDENTITY, NULL, "/projects", "projects", &items), VMTP_OK,
           "a list of identity");
    json_decref(items);
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_list(&ctx, session, VMTP_OS_NETWORK, NULL, "/ports", "ports", &items), VMTP_EREMOTE,
           "a list that goes round in a circle");
    contains(vmtp_ctx_error(&ctx, 0), "network: GET /ports: a page that names itself", "is told");
    vmtp_os_close(session);
}

/* ---- several at once, and the end of patience ---- */

enum { MANY = 20 };

static void test_many(void)
{
    struct vmtp_os_request requests[MANY];
    struct vmtp_os_reply replies[MANY];
    char paths[MANY][20];
    struct vmtp_os_session *session = session_with("{'path': '/c/v2.1/n/7', 'status': 404}, {'path': '/c*', 'times': 0,"
                                                   " 'delay': 0.1, 'body': {'a': 1}}");
    for (int i = 0; i < MANY; i++) {
        snprintf(paths[i], sizeof paths[i], "/n/%d", i);
        requests[i] = GET_SERVERS;
        requests[i].path = paths[i];
    }
    is_int(vmtp_os_call_all(&ctx, session, requests, replies, MANY), VMTP_OK, "twenty requests at once");
    int good = 0;
    for (int i = 0; i < MANY; i++) {
        good += replies[i].rc == VMTP_OK && replies[i].json;
        if (i == 7)
            is(replies[i].error, "compute: GET /n/7: HTTP 404 Not Found", "one of them has its own error");
        vmtp_os_reply_clear(&replies[i]);
    }
    is_int(good, MANY - 1, "the others are answered");
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    json_int_t busy = 0;
    VMTP_CLEAN(json) json_t *connections = json_object();
    for (size_t i = 1; i < json_array_size(log); i++) {
        json_int_t now = json_integer_value(json_object_get(json_array_get(log, i), "busy"));
        char number[20];
        snprintf(number, sizeof number, "%lld",
                 (long long)json_integer_value(json_object_get(json_array_get(log, i), "connection")));
        json_object_set_new(connections, number, json_true());
        busy = now > busy ? now : busy;
    }
    ok(busy > 2 && busy <= VMTP_HTTP_IN_FLIGHT, "never more than eight in flight (%d)", (int)busy);
    ok(json_object_size(connections) <= VMTP_HTTP_IN_FLIGHT, "on connections that are kept (%zu)",
       json_object_size(connections));
    vmtp_os_close(session);
}

static void *interrupt_soon(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    atomic_store(&cancel, true);
    return NULL;
}

/* What is being made when the interrupt comes would otherwise show up when all else is removed. */
static void test_creation_under_way(void)
{
    struct vmtp_os_request requests[2] = {GET_SERVERS, GET_SERVERS};
    struct vmtp_os_reply replies[2];
    pthread_t thread;
    requests[0].method = "POST";
    requests[0].once = true;
    requests[1].path = "/slow";
    struct vmtp_os_session *session = session_with("{'method': 'POST', 'delay': 1, 'body': {'made': 1}}, {'times': 0, "
                                                   "'delay': 8}");
    pthread_create(&thread, NULL, interrupt_soon, NULL);
    double began = vmtp_now();
    is_int(vmtp_os_call_all(&ctx, session, requests, replies, 2), VMTP_ECANCELED, "an interrupt while one is made");
    pthread_join(thread, NULL);
    ok(replies[0].rc == VMTP_OK && replies[0].json, "the answer to the creation is awaited");
    ok(replies[1].rc == VMTP_ECANCELED && vmtp_now() - began < within(4), "nothing else is");
    for (int i = 0; i < 2; i++)
        vmtp_os_reply_clear(&replies[i]);
    atomic_store(&cancel, false);
    vmtp_os_close(session);
}

static void test_patience(void)
{
    struct vmtp_os_request requests[2] = {GET_SERVERS, GET_SERVERS};
    struct vmtp_os_reply replies[2];
    pthread_t thread;
    requests[0].path = "/quick";
    struct vmtp_os_session *session = session_with("{'path': '/c/v2.1/quick', 'body': {'a': 1}}, {'times': 0, 'delay': "
                                                   "3}");
    pthread_create(&thread, NULL, interrupt_soon, NULL);
    double began = vmtp_now();
    is_int(vmtp_os_call_all(&ctx, session, requests, replies, 2), VMTP_ECANCELED, "an interrupt");
    ok(vmtp_now() - began < within(1.5), "ends the waiting");
    pthread_join(thread, NULL);
    ok(replies[0].rc == VMTP_OK && replies[0].json, "what came before is there");
    ok(replies[1].rc == VMTP_ECANCELED && replies[1].error, "the other says why it is not");
    for (int i = 0; i < 2; i++)
        vmtp_os_reply_clear(&replies[i]);
    atomic_store(&cancel, false);

    VMTP_CLEAN(ctx) struct vmtp_ctx child;
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    vmtp_ctx_child(&child, &ctx, 0.2);
    vmtp_ctx_forget(&child);
    began = vmtp_now();
    is_int(vmtp_os_call(&child, session, &GET_SERVERS, &reply), VMTP_ETIMEOUT, "the deadline");
    ok(vmtp_now() - began < within(1.5), "ends the waiting");
    is(vmtp_ctx_error(&child, 0), "compute: GET /servers: no answer in time", "in words");
    vmtp_os_reply_clear(&reply);

    say("[{'status': 503, 'times': 0, 'headers': {'Retry-After': '30'}}]");
    VMTP_CLEAN(ctx) struct vmtp_ctx second;
    vmtp_ctx_child(&second, &ctx, 0.3);
    began = vmtp_now();
    is_int(vmtp_os_call(&second, session, &GET_SERVERS, &reply), VMTP_ETIMEOUT, "the deadline while it waits");
    ok(vmtp_now() - began < within(1.5), "ends that, too");
    vmtp_os_close(session);
}

/* ---- files ---- */

static int count_calls(void *arg, double done, double total)
{
    int *calls = arg;
    (void)done;
    (void)total;
    return ++*calls < 0 ? VMTP_EFAIL : VMTP_OK;
}

static int stop_it(void *arg, double done, double total)
{
    (void)arg;
    (void)total;
    return done > 0 ? VMTP_ECONFIG : VMTP_OK;
}

/* A file without a name with n bytes. */
static int scratch_file(size_t n)
{
    FILE *file = tmpfile();
    int fd = file ? dup(fileno(file)) : -1;
    if (file)
        fclose(file);
    char bytes[1000];
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 0; i < n; i += sizeof bytes)
        if (vmtp_write_all(fd, bytes, sizeof bytes) < 0)
            return -1;
    return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd;
}

static void test_upload(void)
{
    VMTP_CLEAN(fd) int fd = scratch_file(1000000);
    int calls = 0;
    struct vmtp_os_session *session = session_with("{'path': '/i*', 'status': 401}, " LOGIN_2 ", {'path': '/i*', "
        "'status': 204}, {'status': 413, 'body': {'message': 'Too big'}}, {'end': 'unread', 'times': 0}");
    is_int(vmtp_os_upload(&ctx, session, VMTP_OS_IMAGE, "/images/1/file", fd, count_calls, &calls), VMTP_OK,
           "a file goes up, after another login");
    ok(calls > 0, "progress is told");
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    is(logged(log, 3, "method"), "PUT", "by PUT");
    is_int((long long)json_string_length(json_object_get(json_array_get(log, 3), "body")), 1000000, "all of it");
    is(logged_header(log, 3, "content-type"), "application/octet-stream", "its type");
    is(logged_header(log, 3, "content-length"), "1000000", "its length");
    lseek(fd, 0, SEEK_SET);
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_upload(&ctx, session, VMTP_OS_IMAGE, "/images/1/file", fd, NULL, NULL), VMTP_EREMOTE, "refused");
    is(vmtp_ctx_error(&ctx, 0), "image: PUT /images/1/file: HTTP 413 Too Large: Too big", "with the service's words");
    lseek(fd, 0, SEEK_SET);
    is_int(vmtp_os_upload(&ctx, session, VMTP_OS_IMAGE, "/images/1/file", fd, NULL, NULL), VMTP_EUNREACH,
           "a connection that breaks");
    vmtp_os_close(session);
}

static void test_download(void)
{
    VMTP_CLEAN(fd) int fd = scratch_file(0);
    VMTP_CLEAN(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    VMTP_CLEAN(mem) char *url = vmtp_format("%s/image", server.url);
    struct stat st = {0};
    int calls = 0;
    say("[{'path': '/image', 'status': 302, 'headers': {'Location': '/other'}, 'body': 'moved', 'times': 0},"
        " {'path': '/other', 'size': 3000000}, {'path': '/other', 'status': 404, 'body': 'nothing'},"
        " {'path': '/other', 'end': 'half', 'body': 'abcdefgh'}, {'path': '/other', 'size': 3000000, 'times': 0}]");
    is_int(vmtp_os_download(&ctx, url, fd, count_calls, &calls), VMTP_OK, "a file comes down, from where it is now");
    is_int(fstat(fd, &st) == 0 ? st.st_size : -1, 3000000, "all of it");
    ok(calls > 0, "progress is told");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_download(&ctx, url, fd, NULL, NULL), VMTP_EREMOTE, "404");
    contains(vmtp_ctx_error(&ctx, 0), "/image: HTTP 404 Not Found", "is told");
    is_int(fstat(fd, &st) == 0 ? st.st_size : -1, 3000000, "and is not written into the file");
    is_int(vmtp_os_download(&ctx, url, fd, NULL, NULL), VMTP_EUNREACH, "half a file is an error");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_os_download(&ctx, url, full, NULL, NULL), VMTP_EFAIL, "a full disk");
    contains(vmtp_ctx_error(&ctx, 0), "No space left on device", "is told");
    is_int(vmtp_os_download(&ctx, url, fd, stop_it, NULL), VMTP_ECONFIG, "progress may stop it");
    is_int(vmtp_os_download(&ctx, "file:///etc/passwd", fd, NULL, NULL), VMTP_ECONFIG, "no other scheme");
}

/* ---- secrets ---- */

static void test_secrets(void)
{
    char log[] = "/tmp/vmtp-os-session.XXXXXX";
    VMTP_CLEAN(fd) int fd = mkstemp(log);
    VMTP_CLEAN(mem) char *text = NULL;
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    size_t len = 0;
    ok(fd >= 0 && vmtp_log_open_file(&ctx, log) == VMTP_OK, "a log");
    vmtp_log_set_level(VMTP_LOG_DEBUG);
    struct vmtp_os_session *session = session_with("{'path': '/c*', 'status': 401}, " LOGIN_2
        ", {'headers': {'X-Compute-Request-Id': 'req-5'}, 'body': {}}");
    (void)vmtp_os_call(&ctx, session, &GET_SERVERS, &reply);
    vmtp_os_close(session);
    vmtp_log_set_level(VMTP_LOG_ERROR);
    (void)vmtp_log_open_file(&ctx, NULL);
    ok(vmtp_file_read(&ctx, log, 1 << 20, &text, &len) == VMTP_OK, "is read");
    contains(text, "/v3, user 'jane' of domain default for project 'lab' of domain default, from openrc",
             "who logged in where is in it");
    contains(text, "/c/v2.1/servers: 200, ", "so are requests");
    contains(text, " s, req-5", "with their ids");
    ok(!strstr(text, "token-") && !strstr(text, "pass-word"), "tokens and passwords are not");
    unlink(log);
}

/* ---- proxies and TLS ---- */

static void test_proxy(void)
{
    struct vmtp_os_credentials c = user("/v3");
    struct vmtp_os_session *session = NULL;
    c.auth_url = (char *)"http://cloud.invalid/v3";
    setenv("http_proxy", server.url, 1);
    say("[{'method': 'POST', 'path': 'http://cloud.invalid/v3/auth/tokens', 'status': 201, 'headers': "
        "{'X-Subject-Token': 't'}, 'body': " TOKEN_BODY "}]");
    vmtp_ctx_forget(&ctx);
    is(vmtp_os_open(&ctx, &c, &session) == VMTP_OK ? "in" : vmtp_ctx_error(&ctx, 0), "in", "through a proxy");
    vmtp_os_close(session);
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("no_proxy", "127.0.0.1", 1);
    c = user("/v3");
    say("[" LOGIN "]");
    session = NULL;
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "around it");
    vmtp_os_close(session);
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}

/* A self-signed certificate and its key in one file. */
static bool make_certificate(const char *path, const char *name)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    X509 *cert = X509_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    FILE *file = fopen(path, "w");
    bool good = maker && cert && names && file && EVP_PKEY_keygen_init(maker) > 0 &&
                EVP_PKEY_keygen(maker, &key) > 0;
    if (good) {
        X509_set_version(cert, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert), -60);
        X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
        X509_set_pubkey(cert, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"vmtp test",
                                   -1, -1, 0);
        X509_set_issuer_name(cert, X509_get_subject_name(cert));
        X509_add_ext(cert, names, -1);
        good = X509_sign(cert, key, NULL) > 0 && PEM_write_X509(file, cert) &&
               PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    }
    X509_EXTENSION_free(names);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(maker);
    return file && fclose(file) == 0 && good;
}

static void is_tls_error(struct vmtp_os_credentials c, const char *want, const char *name)
{
    struct vmtp_os_session *session = NULL;
    vmtp_ctx_forget(&ctx);
    say("[" LOGIN "]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_EUNREACH, name);
    contains(vmtp_ctx_error(&ctx, 0), want, "what is said of it");
    vmtp_os_close(session);
}

static void tls_cases(char *ours, char *other, const char *plain_url)
{
    static char url[80];
    struct vmtp_os_session *session = NULL;
    struct vmtp_os_credentials c = user("/v3");
    is_tls_error(c, "in OS_CACERT", "a certificate that nobody knows");
    c.ca_file = other;
    is_tls_error(c, other, "one that the file of CAs does not hold");
    c.ca_file = (char *)"/nonexistent/ca.pem";
    is_tls_error(c, "/nonexistent/ca.pem: no file with CA certificates", "no file of CAs");
    c.ca_file = ours;
    say("[" LOGIN "]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "one that it holds");
    vmtp_os_close(session);
    session = NULL;
    c.ca_file = NULL;
    c.insecure = true;
    say("[" LOGIN "]");
    is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "any, when none is verified");
    vmtp_os_close(session);
    snprintf(url, sizeof url, "http%s/v3", server.url + strlen("https"));
    c.auth_url = url;
    is_tls_error(c, "is it a service of OpenStack, and http the right scheme?", "http where https is spoken");
    snprintf(url, sizeof url, "https%s/v3", plain_url + strlen("http"));
    is_tls_error(c, "speaks no TLS", "https where http is spoken");
}

static void test_tls(void)
{
    char folder[] = "/tmp/vmtp-os-session.XXXXXX", ours[60], other[60];
    struct scripted plain = server;
    ok(mkdtemp(folder) != NULL, "a folder");
    snprintf(ours, sizeof ours, "%s/ours.pem", folder);
    snprintf(other, sizeof other, "%s/other.pem", folder);
    ok(make_certificate(ours, "IP:127.0.0.1") && make_certificate(other, "DNS:elsewhere"), "certificates");
    if (ok(scripted_start(&server, ours, ours), "a server that speaks TLS")) {
        tls_cases(ours, other, plain.url);
        scripted_stop(&server);
    }
    if (ok(scripted_start(&server, other, other), "a server with another's name")) {
        struct vmtp_os_credentials c = user("/v3");
        c.ca_file = other;
        is_tls_error(c, "the certificate is for another name", "a certificate for another name");
        scripted_stop(&server);
    }
    if (ok(scripted_start_tls(&server, ours, ours, other), "a server that asks for a certificate")) {
        struct vmtp_os_credentials c = user("/v3");
        c.ca_file = ours;
        is_tls_error(c, "(OS_CERT, OS_KEY)", "a client without one");
        c.client_cert = (char *)"/nonexistent/client.pem";
        is_tls_error(c, "/nonexistent/client.pem: no usable client certificate", "a file that is not there");
        c.client_cert = other;
        c.client_key = other;
        struct vmtp_os_session *session = NULL;
        say("[" LOGIN "]");
        is_int(vmtp_os_open(&ctx, &c, &session), VMTP_OK, "a client with one");
        vmtp_os_close(session);
        scripted_stop(&server);
    }
    server = plain;
    unlink(ours);
    unlink(other);
    rmdir(folder);
}

int main(void)
{
    vmtp_ctx_init(&ctx, &cancel);
    vmtp_log_set_level(VMTP_LOG_ERROR);
    for (const char *const *name = (const char *const[]){"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", NULL};
         *name; name++)
        unsetenv(*name);
    if (!scripted_start(&server, NULL, NULL)) {
        skip(1, "python3 is not installed");
        return done_testing();
    }
    test_passwords();
    test_application_credentials();
    test_tokens();
    test_discovery();
    test_refused_logins();
    test_request();
    test_refusals();
    test_retries();
    test_endless_refusal();
    test_old_token();
    test_hostile();
    test_pages();
    test_many();
    test_creation_under_way();
    test_patience();
    test_upload();
    test_download();
    test_secrets();
    test_proxy();
    test_tls();
    scripted_stop(&server);
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
