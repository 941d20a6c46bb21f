/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what a run has made, in a cloud whose services ignore the filters of a list: what is not ours is left alone,
 * whatever they answer; and in one where a thing does not go. */
#include <stdlib.h>

#include "core/ctx.h"
#include "core/log.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/json.h"
#include "core/util/str.h"
#include "tests/unit/scripted-http.h"

#define RUN  "01234567-89ab-4def-8123-456789abcdef"
#define MARK "'description': 'vmtp run " RUN "'"
#define TAGS "'tags': ['other', 'vmtp:" RUN "']"

static const char LOGIN[] =
    "{'method': 'POST', 'path': '/v3/auth/tokens', 'status': 201, 'headers': {'X-Subject-Token': 't'}, 'body':"
    "{'token': {'user': {'id': 'u1'}, 'project': {'id': 'p1'}, 'roles': [], 'catalog': ["
    "{'type': 'compute', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url': '@URL@/c/v2.1'}]},"
    "{'type': 'network', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url': '@URL@/n'}]},"
    "{'type': 'image', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url': '@URL@/i/v2'}]}]}}}";

#define LIST(path_, key, ours, others) \
    "{'method': 'GET', 'path': '" path_ "', 'times': 0, 'body': {'" key "': [" others ", " ours ", " others "]}}, "
#define NETWORK(plural) \
    LIST("/n/v2.0/" plural "?*", plural, "{'id': 'ours', 'name': 'n', " MARK "}", \
         "{'id': 'theirs', 'name': 'n', 'description': ''}, {'id': 'theirs', 'description': 'vmtp run 2'}")

/* A second server shows up while the first is awaited; both are gone at the fourth look. */
static const char LISTS[] =
    "{'path': '/c/v2.1/servers/detail*', 'times': 2, 'body': {'servers': [{'id': 'theirs', 'tags': []}, {'id': 'ours', "
    "'name': 's', " TAGS "}, {'id': 'theirs'}, {'id': 'theirs', 'tags': 'vmtp:" RUN "'}]}}, "
    "{'path': '/c/v2.1/servers/detail*', 'body': {'servers': [{'id': 'theirs', 'tags': []}, {'id': 'late', "
    "'name': 't', " TAGS "}]}}, "
    "{'path': '/c/v2.1/servers/detail*', 'times': 0, 'body': {'servers': [{'id': 'theirs', 'tags': []}]}}, "
    LIST("/n/v2.0/security-groups?*", "security_groups", "{'id': 'ours', " MARK "}", "{'id': 'theirs'}")
    NETWORK("floatingips") NETWORK("ports") NETWORK("networks") NETWORK("routers")
    LIST("/c/v2.1/os-keypairs*", "keypairs", "{'keypair': {'name': 'key-0123456'}}",
         "{'keypair': {'name': 'key'}}, {'keypair': {'name': '-0123456x'}}, {'keypair': {'name': '0123456'}}, 7")
    LIST("/c/v2.1/os-server-groups*", "server_groups", "{'id': 'ours', 'name': 'vmtp-0123456'}",
         "{'id': 'theirs', 'name': 'vmtp-1'}")
    LIST("/c/v2.1/flavors*", "flavors", "{'id': 'ours', 'name': 'vmtp-0123456'}", "{'id': 'theirs', 'name': 'vmtp'}")
    LIST("/i/v2/images?*", "images", "{'id': 'ours', 'name': 'i', " TAGS "}", "{'id': 'theirs', 'tags': [1]}")
    "{'method': 'DELETE', 'times': 0, 'status': 204}";

static struct scripted server;

/* The network of the run is gone after its removal was asked for; its server never goes. */
static const char STUCK[] =
    "{'path': '/c/v2.1/servers/detail*', 'times': 0, 'body': {'servers': [{'id': 'ours', 'name': 's', "
    "'status': 'BUILD', 'OS-EXT-STS:task_state': 'deleting', " TAGS "}]}}, "
    "{'path': '/n/v2.0/floatingips?*', 'body': {'floatingips': [{'id': 'ours', " MARK "}]}}, "
    LIST("/n/v2.0/floatingips?*", "floatingips", "{'id': 'theirs'}", "{}")
    LIST("/n/v2.0/ports?*", "ports", "{}", "{}") LIST("/n/v2.0/networks?*", "networks", "{}", "{}")
    LIST("/n/v2.0/routers?*", "routers", "{}", "{}") LIST("/n/v2.0/security-groups?*", "security_groups", "{}", "{}")
    LIST("/c/v2.1/os-keypairs*", "keypairs", "{}", "{}") LIST("/c/v2.1/os-server-groups*", "server_groups", "{}", "{}")
    LIST("/c/v2.1/flavors*", "flavors", "{}", "{}") LIST("/i/v2/images?*", "images", "{}", "{}")
    "{'method': 'DELETE', 'times': 0, 'status': 204}";

static struct vmtp_os_session *log_in(vmtp_ctx *ctx, const char *rules, struct vmtp_os_credentials *credentials,
                                      char **url)
{
    struct vmtp_os_session *session = NULL;
    VMTP_CLEAN(mem) char *script = vmtp_format("[%s, %s]", LOGIN, rules);
    for (char *c = script; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    scripted_say(&server, script);
    free(*url);
    *url = vmtp_format("%s/v3", server.url);
    *credentials = (struct vmtp_os_credentials){.source = (char *)"rc", .auth_url = *url, .username = (char *)"u",
        .password = (char *)"p", .project_name = (char *)"n"};
    if (vmtp_os_open(ctx, credentials, &session) < 0) {
        printf("Bail out! no session: %s\n", vmtp_ctx_error(ctx, 0));
        exit(99);
    }
    return session;
}

/* "PATH PATH ..." of what was asked to be deleted, sorted by the order of asking. The caller frees it. */
static char *deleted(void)
{
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    struct vmtp_buf words = VMTP_BUF(4000);
    json_t *entry;
    size_t i;
    json_array_foreach(log, i, entry)
        if (strcmp(vmtp_json_text(entry, "method"), "DELETE") == 0)
            (void)vmtp_buf_printf(&words, "%s ", vmtp_json_text(entry, "path"));
    return vmtp_buf_take(&words);
}

static void test_ignored_filters(void)
{
    static struct vmtp_cloud cloud;
    static struct vmtp_ctx ctx;
    static const char *const ours[] = {
        "/c/v2.1/servers/ours ",      "/n/v2.0/floatingips/ours ", "/c/v2.1/os-keypairs/key-0123456 ",
        "/c/v2.1/servers/late ",
        "/n/v2.0/routers/ours ",      "/n/v2.0/ports/ours ",       "/n/v2.0/networks/ours ",
        "/n/v2.0/security-groups/ours ", "/c/v2.1/flavors/ours ",  "/i/v2/images/ours ",
        "/c/v2.1/os-server-groups/ours ",
    };
    struct vmtp_os_credentials credentials;
    VMTP_CLEAN(mem) char *url = NULL;
    vmtp_ctx_init(&ctx, NULL);
    cloud.session = log_in(&ctx, LISTS, &credentials, &url);
    vmtp_cloud_name_run(&cloud, RUN);

    struct vmtp_census census = {0};
    ok(vmtp_cloud_census(&ctx, &cloud, &census) == VMTP_OK, "a census of a cloud that ignores filters");
    ok(vmtp_census_count(&census) == 10, "one thing of each kind is the run's (%zu)", vmtp_census_count(&census));
    vmtp_census_clear(&census);
    ok(vmtp_cloud_sweep(&ctx, &cloud) == VMTP_OK, "all of it is removed: %s", vmtp_ctx_error(&ctx, 0));
    VMTP_CLEAN(mem) char *paths = deleted();
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        ok(paths && strstr(paths, ours[i]), "deleted: %s", ours[i]);
    ok(paths && !strstr(paths, "theirs") && !strstr(paths, "keypairs/key ") && !strstr(paths, "-0123456x"),
       "nothing else: %s", paths);
    vmtp_os_close(cloud.session);
}

/* The time for removing ends while a server is still there. */
static void test_deadline(void)
{
    static struct vmtp_cloud cloud = {.topology = "fixed-ip", .acquired = true};
    static struct vmtp_ctx ctx;
    struct vmtp_os_credentials credentials;
    struct vmtp_thing thing = {.kind = ""};
    struct vmtp_login login;
    VMTP_CLEAN(mem) char *url = NULL;
    vmtp_ctx_init(&ctx, NULL);
    vmtp_log_set_level(VMTP_LOG_ERROR);
    cloud.session = log_in(&ctx, STUCK, &credentials, &url);
    vmtp_cloud_name_run(&cloud, RUN);
    ctx.ledger = vmtp_ledger_new(RUN);
    ctx.topology = "fixed-ip";
    ctx.deadline = vmtp_now() + 23; /* 20 s of it are for the last look */
    ok(vmtp_cloud_track(&ctx, &cloud, "server", "TestServer1") == VMTP_OK &&
           vmtp_cloud_track(&ctx, &cloud, "floating-ip", "TestServer1") == VMTP_OK, "two things in the ledger");
    const double begin = vmtp_now();
    ok(vmtp_cloud_release(&ctx, &cloud, NULL, 0) == VMTP_EFAIL, "a server does not go");
    contains(vmtp_ctx_error(&ctx, 0), "1 things of this run are still in the cloud", "... and that is told");
    ok(vmtp_now() - begin < 20, "... in time");
    ok(vmtp_ledger_left(ctx.ledger) == 1 && vmtp_ledger_thing(ctx.ledger, 0, &thing, &login) &&
           strcmp(thing.kind, "server") == 0, "what is gone is struck out of the ledger, the server is not");
    (void)vmtp_cloud_untrack(&ctx, &cloud, "server", "TestServer1");
    vmtp_ledger_close(ctx.ledger);
    vmtp_os_close(cloud.session);
}

int main(void)
{
    char directory[] = "/tmp/vmtp-os-census.XXXXXX";
    vmtp_log_set_level(VMTP_LOG_ERROR);
    if (!mkdtemp(directory) || setenv("XDG_STATE_HOME", directory, 1) < 0)
        return 99;
    if (!scripted_start(&server, NULL, NULL)) {
        skip(1, "there is no python3 for the web server");
        return done_testing();
    }
    test_ignored_filters();
    test_deadline();
    scripted_stop(&server);
    VMTP_CLEAN(mem) char *runs = vmtp_format("%s/vmtp/runs", directory), *own = vmtp_format("%s/vmtp", directory);
    const char *const leftovers[] = {runs, own, directory};
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0]; i++)
        (void)remove(leftovers[i]);
    return done_testing();
}
