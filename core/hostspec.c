/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hostspec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { SPEC_MAX = 4096, HOST_MAX = 253, LABEL_MAX = 63, INTERFACE_MAX = 15, USER_MAX = 255, PORT_MAX = 65535 };

void vmtp_hostspec_clear(struct vmtp_hostspec *spec)
{
    free(spec->user);
    free(spec->host);
    if (spec->password)
        explicit_bzero(spec->password, strlen(spec->password));
    free(spec->password);
    free(spec->interface);
    free(spec->key_file);
    free(spec->password_file);
    free(spec->password_env);
    *spec = (struct vmtp_hostspec){0};
}

static bool is_ipv6(const char *host)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr in6;
    size_t len = strcspn(host, "%");
    if (len >= sizeof address)
        return false;
    memcpy(address, host, len);
    address[len] = '\0';
    if (inet_pton(AF_INET6, address, &in6) != 1)
        return false;
    if (!host[len])
        return true;
    const char *zone = host + len + 1; /* an interface: fe80::1%eth0 */
    size_t zone_len = strlen(zone);
    return zone_len >= 1 && zone_len <= INTERFACE_MAX &&
           strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == zone_len;
}

/* RFC 1123, 2.1, and '_', which some zones use. A last label of digits only would be an address. */
static bool is_name(const char *host)
{
    if (strlen(host) > HOST_MAX)
        return false;
    for (const char *label = host;; label++) {
        size_t len = 0, digits = 0;
        for (; isalnum((unsigned char)label[len]) || label[len] == '-' || label[len] == '_'; len++)
            digits += isdigit((unsigned char)label[len]) != 0;
        bool last = label[len] == '\0' || (label[len] == '.' && label[len + 1] == '\0');
        if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-' || (last && digits == len))
            return false;
        if (last)
            return true;
        if (label[len] != '.')
            return false;
        label += len;
    }
}

bool vmtp_host_is_valid(const char *host)
{
    struct in_addr in;
    return inet_pton(AF_INET, host, &in) == 1 || is_ipv6(host) || is_name(host);
}

bool vmtp_server_split(const char *text, char host[VMTP_HOST_SIZE], uint16_t *port)
{
    const char *begin = text, *end = text + strcspn(text, ":"), *rest = end;
    int64_t number = 0;
    if (*text == '[') {
        begin = text + 1;
        end = strchr(text, ']');
        rest = end ? end + 1 : NULL;
    } else if (strchr(end + (*end != '\0'), ':')) {
        end = rest = text + strlen(text); /* a bare IPv6 address */
    }
    if (!end || (size_t)(end - begin) >= VMTP_HOST_SIZE)
        return false;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (*rest && (*rest != ':' || !vmtp_parse_int(rest + 1, &number) || number < 1 || number > UINT16_MAX))
        return false;
    *port = (uint16_t)number;
    return vmtp_host_is_valid(host);
}

static bool is_user(const char *user)
{
    size_t len = strlen(user);
    if (len == 0 || len > USER_MAX || user[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)user[i]) && !((unsigned char)user[i] & 0x80))
            return false;
    return strpbrk(user, ":@/") == NULL;
}

static bool is_interface(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > INTERFACE_MAX || name[0] == '-' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)name[i]) || strchr("/:", name[i]))
            return false;
    return true;
}

/* One part of a spec while it is read: all that an error needs. */
struct parsing {
    vmtp_ctx *ctx;
    const struct vmtp_node *node; /* whose place an error names */
    bool with_interface;
    struct vmtp_hostspec *spec;
};

static int store(char **member, const char *text)
{
    return *text ? vmtp_set_text(member, text) : VMTP_OK;
}

/* "h?prot=22" came here whole, as no query was found in it. What stands behind the '=' may be a secret: not shown. */
static int unknown_query(struct parsing *p, const char *query)
{
    static const char *const names[] = {"port", "key", "password_file", "password_env", NULL};
    VMTP_CLEAN(mem) char *key = strndup(query, strcspn(query, "="));
    if (!key)
        return VMTP_ENOMEM;
    const char *near = vmtp_nearest(key, names);
    if (near)
        return vmtp_node_fail(p->ctx, p->node, "unknown key '%s' behind '?': did you mean '%s'?", key, near);
    return vmtp_node_fail(p->ctx, p->node, "unknown key '%s' behind '?'; port, key, password_file and password_env can "
                          "stand there", key);
}

static int store_host(struct parsing *p, const char *host)
{
    const char *query = strchr(host, '?');
    if (query && strchr(query, '='))
        return unknown_query(p, query + 1);
    if (!vmtp_host_is_valid(host)) {
        bool dotted = strspn(host, "0123456789.") == strlen(host);
        return vmtp_node_fail(p->ctx, p->node, "'%s' is %s", host,
                              dotted ? "not an IPv4 address" : "neither an address nor a host name");
    }
    return vmtp_set_text(&p->spec->host, host);
}

static int store_user(struct parsing *p, const char *user)
{
    /* not shown: "user:password@host" is a common slip */
    if (!is_user(user))
        return vmtp_node_fail(p->ctx, p->node, "the user name %s",
                              strchr(user, ':')
                                  ? "has a ':' in it; a password stands behind the host, user@host:password"
                                  : "is empty or not one");
    return vmtp_set_text(&p->spec->user, user);
}

static int store_interface(struct parsing *p, const char *name)
{
    if (*name && !p->with_interface)
        return vmtp_node_fail(p->ctx, p->node, "an interface cannot be chosen for this host");
    if (*name && !is_interface(name))
        return vmtp_node_fail(p->ctx, p->node, "what follows the last ':' is not the name of an interface");
    return store(&p->spec->interface, name);
}

static int store_port(struct parsing *p, const char *text)
{
    int64_t port;
    if (!vmtp_parse_int(text, &port) || port < 1 || port > PORT_MAX)
        return vmtp_node_fail(p->ctx, p->node, "the port is not a number from 1 to %d", PORT_MAX);
    p->spec->port = (uint16_t)port;
    return VMTP_OK;
}

static int store_key(struct parsing *p, const char *path)
{
    if (!*path)
        return vmtp_node_fail(p->ctx, p->node, "the key file is empty");
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(path);
    return expanded ? vmtp_set_text(&p->spec->key_file, expanded) : VMTP_ENOMEM;
}

static int store_password_file(struct parsing *p, const char *path)
{
    if (!*path)
        return vmtp_node_fail(p->ctx, p->node, "the path of the password file is empty");
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(path);
    return expanded ? vmtp_set_text(&p->spec->password_file, expanded) : VMTP_ENOMEM;
}

/* Only such a name is taken out of the environment of what VMTP starts. What is none may be the password: not shown. */
static int store_password_env(struct parsing *p, const char *name)
{
    static const char prefix[] = "VMTP_HOST_PASSWORD";
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || name[len] || !vmtp_secret_name(name, len))
        return vmtp_node_fail(p->ctx, p->node, "password_env: not the name of a variable that begins with %s, as in "
                                               "%s_A", prefix, prefix);
    return vmtp_set_text(&p->spec->password_env, name);
}

/* What a query can say. */
static const struct {
    const char *name; /* with its '=' */
    int (*store)(struct parsing *p, const char *text);
} queries[] = {
    {"port=", store_port},
    {"key=", store_key},
    {"password_file=", store_password_file},
    {"password_env=", store_password_env},
};

/* The entry of queries that text begins with; -1: none. */
static int query_at(const char *text)
{
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        if (strncmp(text, queries[i].name, strlen(queries[i].name)) == 0)
            return (int)i;
    return -1;
}

/* The '?' where the query begins: the last one that one of its names follows, since a password may hold '?' too. */
static char *find_query(char *text)
{
    char *query = NULL;
    for (char *mark = strchr(text, '?'); mark; mark = strchr(mark + 1, '?'))
        if (query_at(mark + 1) >= 0)
            query = mark;
    return query;
}

/* Takes "port=2222&key=/path" apart, in place. */
static int parse_query(struct parsing *p, char *query)
{
    while (query) {
        char *next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        int which = query_at(query);
        if (which < 0)
            return vmtp_node_fail(p->ctx, p->node,
                                  "only port=NUMBER, key=FILE, password_file=FILE and password_env=NAME can follow "
                                  "'?', joined by '&'");
        int rc = queries[which].store(p, query + strlen(queries[which].name));
        if (rc < 0)
            return rc;
        query = next;
    }
    return VMTP_OK;
}

/* Cuts the host off the front of text; *rest is what follows its ':', or NULL. */
static int split_host(struct parsing *p, char *text, char **host, char **rest)
{
    *host = text;
    char *end = text + strcspn(text, ":");
    if (*text == '[') {
        *host = text + 1;
        end = strchr(text, ']');
        if (!end)
            return vmtp_node_fail(p->ctx, p->node, "']' is missing behind the IPv6 address");
        *end++ = '\0';
        if (!is_ipv6(*host))
            return vmtp_node_fail(p->ctx, p->node, "'%s' is not an IPv6 address", *host);
    } else if (is_ipv6(text)) {
        return vmtp_node_fail(p->ctx, p->node, "an IPv6 address stands in brackets: user@[2001:db8::1]");
    }
    if (*end && *end != ':')
        return vmtp_node_fail(p->ctx, p->node, "only ':' or '?' can follow ']'");
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return VMTP_OK;
}

/* Takes the classic form apart, in place. */
static int parse_classic(struct parsing *p, char *text)
{
    char *at = strchr(text, '@');
    if (!at)
        return vmtp_node_fail(p->ctx, p->node, "'%.*s' is not of the form user@host[:password%s]",
                              (int)strcspn(text, ":?"), text, p->with_interface ? "[:interface]" : "");
    *at = '\0';
    int rc = store_user(p, text);
    if (rc < 0)
        return rc;
    char *query = find_query(at + 1), *host = NULL, *rest = NULL;
    if (query)
        *query++ = '\0';
    rc = split_host(p, at + 1, &host, &rest);
    if (rc < 0)
        return rc;
    char *interface = rest && p->with_interface ? strrchr(rest, ':') : NULL;
    if (interface)
        *interface++ = '\0';
    rc = store_host(p, host);
    if (rc == VMTP_OK && rest)
        rc = store(&p->spec->password, rest);
    if (rc == VMTP_OK && interface)
        rc = store_interface(p, interface);
    return rc < 0 ? rc : parse_query(p, query);
}

static int store_member(struct parsing *p, const char *key, const char *text)
{
    static const char *const names[] = {"user",          "host",         "port",      "password",
                                        "password_file", "password_env", "interface", "key_file", NULL};
    if (strcmp(key, "user") == 0)
        return store_user(p, text);
    if (strcmp(key, "host") == 0)
        return store_host(p, text);
    if (strcmp(key, "port") == 0)
        return store_port(p, text);
    if (strcmp(key, "password") == 0)
        return store(&p->spec->password, text);
    if (strcmp(key, "password_file") == 0)
        return store_password_file(p, text);
    if (strcmp(key, "password_env") == 0)
        return store_password_env(p, text);
    if (strcmp(key, "interface") == 0)
        return store_interface(p, text);
    if (strcmp(key, "key_file") == 0)
        return store_key(p, text);
    struct vmtp_node place = vmtp_node_key(p->node);
    const char *near = vmtp_nearest(key, names);
    return vmtp_node_fail(p->ctx, &place, "unknown key '%s' of a host%s%s%s", key, near ? ": did you mean '" : "",
                          near ? near : "", near ? "'?" : "");
}

static int parse_map(struct parsing *p, const struct vmtp_node *map)
{
    for (size_t i = 0; i < map->n; i++) {
        p->node = map->items[i];
        if (p->node->kind != VMTP_NODE_SCALAR && p->node->kind != VMTP_NODE_NULL)
            return vmtp_node_fail(p->ctx, p->node, "'%s' of a host must be a text, not %s", map->keys[i],
                                  vmtp_node_kind_name(p->node));
        if (p->node->kind == VMTP_NODE_NULL)
            continue;
        int rc = store_member(p, map->keys[i], p->node->text);
        if (rc < 0)
            return rc;
    }
    p->node = map;
    if (!p->spec->user || !p->spec->host)
        return vmtp_node_fail(p->ctx, map, "a host needs 'user' and 'host'");
    return VMTP_OK;
}

static int check_passwords(struct parsing *p)
{
    const struct vmtp_hostspec *spec = p->spec;
    if (!!spec->password + !!spec->password_file + !!spec->password_env > 1)
        return vmtp_node_fail(p->ctx, p->node,
                              "one host takes one of password, password_file and password_env, not two");
    return VMTP_OK;
}

int vmtp_hostspec_parse(vmtp_ctx *ctx, const struct vmtp_node *node, bool with_interface, struct vmtp_hostspec *spec)
{
    *spec = (struct vmtp_hostspec){0};
    struct parsing p = {.ctx = ctx, .node = node, .with_interface = with_interface, .spec = spec};
    int rc;
    if (node->kind == VMTP_NODE_MAP) {
        rc = parse_map(&p, node);
    } else if (node->kind == VMTP_NODE_SCALAR) {
        if (strlen(node->text) > SPEC_MAX)
            return vmtp_node_fail(ctx, node, "a host specification of more than %d characters", SPEC_MAX);
        char *copy = strdup(node->text);
        if (!copy)
            return VMTP_ENOMEM;
        rc = parse_classic(&p, copy);
        explicit_bzero(copy, strlen(node->text));
        free(copy);
    } else {
        return vmtp_node_fail(ctx, node, "%s where a host is expected", vmtp_node_kind_name(node));
    }
    return rc < 0 ? rc : check_passwords(&p);
}
