/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints out of catalogs, words out of refusals, paths: all that needs no server. */
#include "core/ctx.h"
#include "core/openstack/catalog.h"
#include "core/openstack/message.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "tests/tap.h"

/* Two regions; compute with the project's id, network without a version, image with an old one. */
static const char CATALOG[] =
    "[{'type': 'compute', 'name': 'nova', 'endpoints': ["
    "  {'interface': 'admin', 'region_id': 'east', 'region': 'east', 'url': 'http://admin:8774/v2.1'},"
    "  {'interface': 'public', 'region_id': 'west', 'url': 'https://west/compute/v2/p1/'},"
    "  {'interface': 'public', 'region_id': 'east', 'url': 'http://east:8774/v2.1/p1'}]},"
    " {'type': 'network', 'endpoints': ["
    "  {'interface': 'public', 'region': 'west', 'url': 'https://west/network'},"
    "  {'interface': 'public', 'region': 'east', 'url': 'http://east:9696/'}]},"
    " {'type': 'image', 'endpoints': ["
    "  {'interface': 'public', 'region_id': 'west', 'url': 'https://west/image/v1'},"
    "  {'interface': 'public', 'region_id': 'east', 'url': 'http://east:9292'},"
    "  {'interface': 'internal', 'region_id': 'east', 'url': 'http://in:9292/v2/'}]},"
    " {'type': 'identity', 'endpoints': ["
    "  {'interface': 'public', 'region_id': 'west', 'url': 'https://west/identity/v2.0'}]}]";

static json_t *parse(const char *text)
{
    char json[4000];
    snprintf(json, sizeof json, "%s", text);
    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return json_loads(json, JSON_DECODE_ANY, NULL);
}

static int find(struct vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, const char *catalog,
                char *endpoints[VMTP_OS_SERVICES])
{
    VMTP_CLEAN(json) json_t *json = parse(catalog);
    vmtp_ctx_forget(ctx);
    for (int i = 0; i < VMTP_OS_SERVICES; i++) {
        free(endpoints[i]);
        endpoints[i] = NULL;
    }
    return vmtp_os_endpoints(ctx, credentials, json, "p1", "http://login:5000/v3", endpoints);
}

static void test_choice(struct vmtp_ctx *ctx)
{
    char *endpoints[VMTP_OS_SERVICES] = {0};
    struct vmtp_os_credentials credentials = {.region = (char *)"east"};
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_OK, "a region is chosen");
    is(endpoints[VMTP_OS_COMPUTE], "http://east:8774/v2.1/p1", "compute keeps the id of the project");
    is(endpoints[VMTP_OS_NETWORK], "http://east:9696/v2.0", "network gets its version");
    is(endpoints[VMTP_OS_IMAGE], "http://east:9292/v2", "so does image");
    is(endpoints[VMTP_OS_IDENTITY], "http://login:5000/v3", "identity is not in this region: where the login went");

    credentials.region = (char *)"west";
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_OK, "the other one");
    is(endpoints[VMTP_OS_COMPUTE], "https://west/compute/v2.1/p1", "an old version is replaced, a prefix kept");
    is(endpoints[VMTP_OS_NETWORK], "https://west/network/v2.0", "a version behind a prefix");
    is(endpoints[VMTP_OS_IMAGE], "https://west/image/v2", "image v1 is replaced");
    is(endpoints[VMTP_OS_IDENTITY], "https://west/identity/v3", "identity v2.0 is replaced");

    credentials = (struct vmtp_os_credentials){.region = (char *)"east", .interface = (char *)"internalURL",
        .compute_endpoint = (char *)"http://mine:1/%(project_id)s", .network_endpoint = (char *)"https://mine/n/v2.0"};
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_OK, "overrides, and an interface in its old spelling");
    is(endpoints[VMTP_OS_COMPUTE], "http://mine:1/p1/v2.1", "an override with a place for the project");
    is(endpoints[VMTP_OS_NETWORK], "https://mine/n/v2.0", "an override with its version");
    is(endpoints[VMTP_OS_IMAGE], "http://in:9292/v2", "the interface");
    credentials.compute_endpoint = (char *)"ftp://mine/";
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_ECONFIG, "an override that is no URL of the web");
    for (int i = 0; i < VMTP_OS_SERVICES; i++)
        free(endpoints[i]);
}

static void test_missing(struct vmtp_ctx *ctx)
{
    static const char *const wrong[] = {
        "null", "{}", "[]", "[[]]", "[1, 'x', null]", "[{'type': 'compute'}]", "[{'type': 1, 'endpoints': {}}]",
        "[{'type': 'compute', 'endpoints': 'x'}]", "[{'type': 'compute', 'endpoints': [1, [], null]}]",
        "[{'type': 'compute', 'endpoints': [{'interface': 1, 'url': []}]}]",
        "[{'type': 'compute', 'endpoints': [{'interface': 'public', 'url': ''}]}]",
    };
    char *endpoints[VMTP_OS_SERVICES] = {0};
    struct vmtp_os_credentials credentials = {.region = (char *)"north"};
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_ECONFIG, "a region that is not there");
    contains(vmtp_ctx_error(ctx, 0), "compute: no public endpoint in region north in the catalog (regions: east, west; "
             "interfaces: admin, public)", "is told with those that are");
    contains(vmtp_ctx_error(ctx, 0), "; network: no public endpoint", "for each service");
    credentials.region = NULL;
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_ECONFIG, "no region, where there are two");
    contains(vmtp_ctx_error(ctx, 0), "compute, network, image: in several regions (east, west): choose one with "
             "OS_REGION_NAME or region_name", "is told with the remedy");
    credentials.interface = (char *)"admin";
    is_int(find(ctx, &credentials, CATALOG, endpoints), VMTP_ECONFIG, "an interface that only compute has");
    contains(vmtp_ctx_error(ctx, 0), "image: no admin endpoint in the catalog (regions: east, west; interfaces: "
             "internal, public)", "is told with those that are");
    size_t refused = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused += find(ctx, &credentials, wrong[i], endpoints) == VMTP_ECONFIG;
    is_int((long long)refused, sizeof wrong / sizeof wrong[0], "catalogs of the wrong shape");
    contains(vmtp_ctx_error(ctx, 0), "network, image: not in the catalog at all",
             "what is said of a service that is missing");
    for (int i = 0; i < VMTP_OS_SERVICES; i++)
        free(endpoints[i]);
}

static void test_urls(void)
{
    static const char *const good[] = {"http://a", "HTTPS://a:1/x?y", "https://[::1]:5000/v3"};
    static const char *const bad[] = {"", "a", "http://", "https:///x", "ftp://a", "http://u:p@a/", "http://a/\n",
                                      "http://a /", "file:///etc/passwd", "http://\xc3\xa4/"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        n += vmtp_os_is_url(good[i]);
    is_int((long long)n, 3, "URLs");
    n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        n += vmtp_os_is_url(bad[i]);
    is_int((long long)n, 0, "what is none, or holds a password");
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/servers/%s?name=%s&x=100", "a/../b?c", "Debian 12 \xc3\xa4&=#+%");
    is(path, "/servers/a%2F..%2Fb%3Fc?name=Debian%2012%20%C3%A4%26%3D%23%2B%25&x=100", "a path with names in it");
}

static void is_message(const char *text, const char *want, const char *name)
{
    VMTP_CLEAN(json) json_t *json = json_loadb(text, strlen(text), 0, NULL);
    VMTP_CLEAN(mem) char *message = vmtp_os_message(json, text, strlen(text));
    is(message, want, name);
}

static void test_messages(void)
{
    is_message("{\"badRequest\": {\"code\": 400, \"message\": \"Invalid key\"}}", "Invalid key", "as compute says it");
    is_message("{\"NeutronError\": {\"type\": \"T\", \"message\": \"In use\", \"detail\": \"\"}}", "In use", "network");
    is_message("{\"NeutronError\": \"In use\"}", "In use", "network, in short");
    is_message("{\"message\": \"No image<br /><br />\\n\\n\", \"code\": \"404 Not Found\"}", "No image", "image");
    is_message("{\"error\": {\"code\": 401, \"message\": \"Who?\", \"title\": \"Unauthorized\"}}", "Who?", "identity");
    is_message("{\"errors\": [{\"status\": 404, \"detail\": \"Gone\"}]}", "Gone", "placement");
    is_message("<html><head><title>503</title><style>b {x}</style></head><body><h1>503 Service\nUnavailable</h1>\n"
               "No server <b>is</b> available. </body></html>", "503 Service Unavailable No server is available.",
               "a proxy's page");
    is_message("{\"message\": \"a\\u001b[31mb\\nc \\u202e d\"}", "a [31mb c ??? d", "what a terminal would obey");
    is_message("{}", NULL, "nothing");
    is_message("{\"message\": [1], \"a\": {\"message\": {}}}", NULL, "words that are no text");
    is_message("", NULL, "an empty body");
    is_message("<", NULL, "half a tag");
    is_message("<head", NULL, "half a head");
    is_message("<style>never closed", "never closed", "a style that is never closed");
    char text[3000] = "";
    memset(text, 'x', sizeof text - 1);
    VMTP_CLEAN(mem) char *message = vmtp_os_message(NULL, text, strlen(text));
    is_int((long long)strlen(message), 500, "a long text is shortened");
    char *tags = malloc(1 << 20);
    memset(tags, '<', 1 << 20);
    VMTP_CLEAN(mem) char *none = vmtp_os_message(NULL, tags, 1 << 20);
    ok(none == NULL, "a million tags, soon");
    free(tags);
}

int main(void)
{
    struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    test_choice(&ctx);
    test_missing(&ctx);
    test_urls();
    test_messages();
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
