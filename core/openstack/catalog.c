/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { LIST_MAX = 400, NAMES_MAX = 40 };

static const struct {
    const char *name;
    const char *version; /* what requests are made for */
} services[VMTP_OS_SERVICES] = {
    [VMTP_OS_IDENTITY] = {"identity", "/v3"},
    [VMTP_OS_COMPUTE] = {"compute", "/v2.1"},
    [VMTP_OS_NETWORK] = {"network", "/v2.0"},
    [VMTP_OS_IMAGE] = {"image", "/v2"},
};

const char *vmtp_os_service_name(int service)
{
    return services[service].name;
}

/* ---- URLs ---- */

bool vmtp_os_is_url(const char *url)
{
    bool https = strncasecmp(url, "https://", 8) == 0;
    if (!https && strncasecmp(url, "http://", 7) != 0)
        return false;
    const char *host = url + (https ? 8 : 7);
    size_t n = strcspn(host, "/?#");
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7F)
            return false;
    return n > 0 && !memchr(host, '@', n);
}

/* The first part of the path that is a version ("/v2.1"), or NULL; *n its length. */
static const char *find_version(const char *url, size_t *n)
{
    const char *host = strstr(url, "://");
    for (const char *at = host ? strchr(host + 3, '/') : NULL; at; at = strchr(at + 1, '/')) {
        *n = 1 + strcspn(at + 1, "/");
        if (at[1] == 'v' && isdigit((unsigned char)at[2]) && strspn(at + 2, "0123456789.") == *n - 2)
            return at;
    }
    return NULL;
}

char *vmtp_os_versioned(int service, const char *url)
{
    size_t len = strcspn(url, "?#"), n;
    while (len > 0 && url[len - 1] == '/')
        len--;
    VMTP_CLEAN(mem) char *plain = strndup(url, len);
    if (!plain)
        return NULL;
    const char *at = find_version(plain, &n);
    if (!at)
        return vmtp_format("%s%s", plain, services[service].version);
    return vmtp_format("%.*s%s%s", (int)(at - plain), plain, services[service].version, at + n);
}

/* An override may have a place for the project's id, as catalogs are written. */
static char *with_project(const char *url, const char *project_id)
{
    static const char *const places[] = {"%(project_id)s", "$(project_id)s", "%(tenant_id)s", "$(tenant_id)s"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *at = strstr(url, places[i]);
        if (at)
            return vmtp_format("%.*s%s%s", (int)(at - url), url, project_id, at + strlen(places[i]));
    }
    return strdup(url);
}

/* ---- the catalog ---- */

static const char *region_of(const json_t *endpoint)
{
    const char *region = json_string_value(json_object_get(endpoint, "region_id"));
    if (!region)
        region = json_string_value(json_object_get(endpoint, "region"));
    return region ? region : "";
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool same_interface(const char *wanted, const char *have)
{
    size_t n = strlen(wanted);
    if (n > 3 && strcasecmp(wanted + n - 3, "URL") == 0) /* as OS_ENDPOINT_TYPE may say: "publicURL" */
        n -= 3;
    return strlen(have) == n && strncasecmp(wanted, have, n) == 0;
}

struct choice {
    const struct vmtp_os_credentials *credentials;
    const char *url, *region; /* of the endpoint that fits */
    bool several;             /* more than one region fits, and none was chosen */
    bool seen;                /* the service is there at all */
};

static void choose_endpoint(struct choice *choice, const json_t *endpoint)
{
    const char *interface = choice->credentials->interface, *region = choice->credentials->region;
    const char *url = text_of(endpoint, "url");
    choice->seen = true;
    if (!same_interface(interface ? interface : "public", text_of(endpoint, "interface")) || !*url)
        return;
    if (region && *region && strcmp(region, region_of(endpoint)) != 0)
        return;
    if (!choice->url) {
        choice->url = url;
        choice->region = region_of(endpoint);
    } else if (strcmp(choice->region, region_of(endpoint)) != 0) {
        choice->several = true;
    }
}

static void choose(struct choice *choice, const json_t *catalog, int service)
{
    size_t i, j;
    json_t *entry, *endpoint;
    json_array_foreach((json_t *)catalog, i, entry) {
        if (strcmp(text_of(entry, "type"), services[service].name) != 0)
            continue;
        json_array_foreach(json_object_get(entry, "endpoints"), j, endpoint)
            choose_endpoint(choice, endpoint);
    }
}

/* ---- what is said of those that are missing ---- */

struct words {
    const char *items[NAMES_MAX];
    size_t n;
};

/* Adds a word at its place in the alphabet, unless it is there. More than there is room for are left out. */
static void add_word(struct words *words, const char *word)
{
    size_t at = 0;
    while (at < words->n && strcmp(words->items[at], word) < 0)
        at++;
    if (!*word || words->n == NAMES_MAX || (at < words->n && strcmp(words->items[at], word) == 0))
        return;
    memmove(&words->items[at + 1], &words->items[at], (words->n - at) * sizeof words->items[0]);
    words->items[at] = word;
    words->n++;
}

static void print_words(struct vmtp_buf *out, const struct words *words)
{
    for (size_t i = 0; i < words->n; i++)
        (void)vmtp_buf_printf(out, "%s%s", i ? ", " : "", words->items[i]);
}

static void list_all(const json_t *catalog, int service, struct words *regions, struct words *interfaces)
{
    size_t i, j;
    json_t *entry, *endpoint;
    json_array_foreach((json_t *)catalog, i, entry) {
        if (strcmp(text_of(entry, "type"), services[service].name) != 0)
            continue;
        json_array_foreach(json_object_get(entry, "endpoints"), j, endpoint) {
            add_word(regions, region_of(endpoint));
            add_word(interfaces, text_of(endpoint, "interface"));
        }
    }
}

/* Why a service has no endpoint, without its name. The caller frees it; NULL: out of memory. */
static char *why_missing(const struct choice *choice, const json_t *catalog, int service)
{
    VMTP_CLEAN(buf) struct vmtp_buf regions = VMTP_BUF(LIST_MAX);
    VMTP_CLEAN(buf) struct vmtp_buf interfaces = VMTP_BUF(LIST_MAX);
    const char *region = choice->credentials->region, *interface = choice->credentials->interface;
    struct words in_regions = {.n = 0}, with_interfaces = {.n = 0};
    list_all(catalog, service, &in_regions, &with_interfaces);
    print_words(&regions, &in_regions);
    print_words(&interfaces, &with_interfaces);
    if (!choice->seen)
        return strdup("not in the catalog at all");
    if (choice->several)
        return vmtp_format("in several regions (%s): choose one with OS_REGION_NAME or region_name",
                           vmtp_buf_text(&regions));
    return vmtp_format("no %s endpoint%s%s in the catalog (regions: %s; interfaces: %s)",
                       interface ? interface : "public", region && *region ? " in region " : "", region ? region : "",
                       vmtp_buf_text(&regions), vmtp_buf_text(&interfaces));
}

/* "compute, image: WHY; network: WHY": services with the same reason stand together. */
static void tell_missing(struct vmtp_buf *words, char *const why[VMTP_OS_SERVICES])
{
    for (int i = 0; i < VMTP_OS_SERVICES; i++) {
        bool told = !why[i];
        for (int j = 0; j < i && !told; j++)
            told = why[j] && strcmp(why[i], why[j]) == 0;
        if (told)
            continue;
        (void)vmtp_buf_printf(words, "%s%s", words->len ? "; " : "", services[i].name);
        for (int j = i + 1; j < VMTP_OS_SERVICES; j++)
            if (why[j] && strcmp(why[i], why[j]) == 0)
                (void)vmtp_buf_printf(words, ", %s", services[j].name);
        (void)vmtp_buf_printf(words, ": %s", why[i]);
    }
}

/* ---- the whole ---- */

static const char *override_of(const struct vmtp_os_credentials *credentials, int service)
{
    const char *url = service == VMTP_OS_COMPUTE   ? credentials->compute_endpoint
                      : service == VMTP_OS_NETWORK ? credentials->network_endpoint
                      : service == VMTP_OS_IMAGE   ? credentials->image_endpoint
                                                   : NULL;
    return url && *url ? url : NULL;
}

static int set_endpoint(vmtp_ctx *ctx, int service, const char *url, const char *project_id, char **endpoint)
{
    VMTP_CLEAN(mem) char *filled = with_project(url, project_id);
    if (!filled)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!vmtp_os_is_url(filled))
        return vmtp_fail(ctx, VMTP_ECONFIG, "the endpoint of %s, %s, is not a URL that starts with http:// or https:// "
                         "and a host", services[service].name, filled);
    *endpoint = vmtp_os_versioned(service, filled);
    return *endpoint ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* One endpoint; *why: why there is none, which is no error here. */
static int find_endpoint(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, const json_t *catalog,
                         int service, const char *project_id, const char *fallback, char **endpoint, char **why)
{
    struct choice choice = {.credentials = credentials};
    const char *url = override_of(credentials, service);
    if (!url) {
        choose(&choice, catalog, service);
        url = choice.several ? NULL : choice.url;
    }
    if (!url)
        url = fallback;
    if (url)
        return set_endpoint(ctx, service, url, project_id, endpoint);
    *why = why_missing(&choice, catalog, service);
    return *why ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_os_endpoints(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, const json_t *catalog,
                      const char *project_id, const char *identity_url, char *endpoints[VMTP_OS_SERVICES])
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(4 * LIST_MAX);
    char *why[VMTP_OS_SERVICES] = {0};
    int rc = VMTP_OK;
    for (int service = 0; rc == VMTP_OK && service < VMTP_OS_SERVICES; service++) {
        /* identity: it may serve all regions, or stand in none */
        const char *fallback = service == VMTP_OS_IDENTITY ? identity_url : NULL;
        rc = find_endpoint(ctx, credentials, catalog, service, project_id, fallback, &endpoints[service],
                           &why[service]);
    }
    tell_missing(&words, why);
    for (int service = 0; service < VMTP_OS_SERVICES; service++)
        free(why[service]);
    return rc == VMTP_OK && words.len ? vmtp_fail(ctx, VMTP_ECONFIG, "%s", vmtp_buf_text(&words)) : rc;
}
