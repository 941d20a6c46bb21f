/* SPDX-License-Identifier: Apache-2.0 */
#include "core/settings.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/keys.h"
#include "core/monitor.h"
#include "core/options.h"
#include "core/secret.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

enum { KEYS_MAX = 200, NAME_SIZE = 128, LIST_MAX = 64, RETRY_SECONDS = 2, MAP_NAME_MAX = 255 };
static const char DEFAULT_SOURCE[] = "default.yaml";
static const char DEFAULT_GROUP[] = "231.1.1.1";

/* ---- tidying a layer: only keys that exist, under the names of today ---- */

/* ": did you mean 'x'?" or where to look; names are those of one map, prefix is its own: "" or "flavor.". */
static int refuse_unknown(vmtp_ctx *ctx, const char *prefix, const char *name, const struct vmtp_node *value)
{
    const char *names[KEYS_MAX + 1];
    const struct vmtp_key *key;
    size_t n = 0, len = strlen(prefix);
    for (size_t i = 0; (key = vmtp_key_at(i)) && n < KEYS_MAX; i++)
        if (strncmp(key->name, prefix, len) == 0 && !strchr(key->name + len, '.'))
            names[n++] = key->name + len;
    names[n] = NULL;
    const char *near = vmtp_nearest(name, names);
    struct vmtp_node place = vmtp_node_key(value);
    if (near)
        return vmtp_node_fail(ctx, &place, "unknown key '%s%s': did you mean '%s%s'?", prefix, name, prefix, near);
    return vmtp_node_fail(ctx, &place, "unknown key '%s%s'; vmtp.yaml(5) and `vmtp -sc` show all", prefix, name);
}

/* The member at i gets the name of today. */
static int rename_key(vmtp_ctx *ctx, struct vmtp_node *map, size_t i, const struct vmtp_key *key)
{
    struct vmtp_node place = vmtp_node_key(map->items[i]);
    if (vmtp_node_get(map, key->target))
        return vmtp_node_fail(ctx, &place, "'%s' is another name of '%s', which is given too", key->name, key->target);
    if (key->flags & VMTP_KEY_OLD_NAME)
        vmtp_node_warn(ctx, &place, "'%s' is the old name of '%s'%s", key->name, key->target,
                       key->type == VMTP_KEY_INVERSE ? ", reversed" : "");
    return vmtp_set_text(&map->keys[i], key->target);
}

static int invert(vmtp_ctx *ctx, struct vmtp_node *value, const struct vmtp_key *key)
{
    bool truth;
    if (value->kind == VMTP_NODE_NULL)
        return VMTP_OK;
    if (value->kind != VMTP_NODE_SCALAR || !vmtp_parse_bool(value->text, &truth))
        return vmtp_node_fail(ctx, value, "%s: neither true nor false", key->name);
    return vmtp_set_text(&value->text, truth ? "false" : "true");
}

/* Deals with a key that is not one of today. *dropped: it is gone from the map. */
static int tidy_old(vmtp_ctx *ctx, struct vmtp_node *map, size_t i, const struct vmtp_key *key, bool *dropped)
{
    struct vmtp_node *value = map->items[i];
    struct vmtp_node place = vmtp_node_key(value);
    bool truth, empty = value->kind == VMTP_NODE_NULL || (value->kind == VMTP_NODE_SCALAR && !*value->text);
    bool off = empty || (value->kind == VMTP_NODE_SCALAR && vmtp_parse_bool(value->text, &truth) && !truth);
    switch (key->type) {
    case VMTP_KEY_INVERSE: {
        int rc = invert(ctx, value, key);
        return rc < 0 ? rc : rename_key(ctx, map, i, key);
    }
    case VMTP_KEY_ALIAS:
        return rename_key(ctx, map, i, key);
    case VMTP_KEY_REFUSED:
        if (!off)
            return vmtp_node_fail(ctx, &place, "'%s' is not supported: %s", key->name, key->target);
        break;
    case VMTP_KEY_DEAD:
        if (!empty)
            vmtp_node_warn(ctx, &place, "'%s' has no effect, as it had none in earlier versions", key->name);
        break;
    default: /* RETRIES: is looked at when all layers are known */
        return VMTP_OK;
    }
    vmtp_node_drop(map, i);
    *dropped = true;
    return VMTP_OK;
}

/* The members of one map: the whole file, or a group. Called again for the groups in it. */
static int tidy(vmtp_ctx *ctx, struct vmtp_node *map, const char *prefix)
{
    for (size_t i = 0; i < map->n;) {
        char name[NAME_SIZE], inner[NAME_SIZE + 1];
        int len = snprintf(name, sizeof name, "%s%s", prefix, map->keys[i]);
        const struct vmtp_key *key = (size_t)len < sizeof name ? vmtp_key_find(name) : NULL;
        if (!key || strchr(map->keys[i], '.'))
            return refuse_unknown(ctx, prefix, map->keys[i], map->items[i]);
        bool dropped = false;
        int rc = vmtp_key_is_old(key) ? tidy_old(ctx, map, i, key, &dropped) : VMTP_OK;
        if (rc == VMTP_OK && key->type == VMTP_KEY_GROUP && map->items[i]->kind == VMTP_NODE_MAP) {
            snprintf(inner, sizeof inner, "%s.", name);
            rc = tidy(ctx, map->items[i], inner);
        } else if (rc == VMTP_OK && key->type == VMTP_KEY_GROUP && map->items[i]->kind != VMTP_NODE_NULL) {
            rc = vmtp_node_fail(ctx, map->items[i], "%s: %s where a map is expected", name,
                                vmtp_node_kind_name(map->items[i]));
        }
        if (rc < 0)
            return rc;
        i += !dropped;
    }
    return VMTP_OK;
}

/* ---- storing values ---- */

struct filling {
    vmtp_ctx *ctx;
    struct vmtp_settings *settings;
};

/* "--time: words" or "vmtp.cfg:3:7: time: words" */
__attribute__((format(printf, 4, 5))) static int wrong(struct filling *fill, const struct vmtp_key *key,
                                                       const struct vmtp_node *node, const char *fmt, ...)
{
    VMTP_CLEAN(mem) char *words = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&words, fmt, args) < 0)
        words = NULL;
    va_end(args);
    return vmtp_node_fail(fill->ctx, node, "%s%s%s", node->line ? key->name : "", node->line ? ": " : "",
                          words ? words : "invalid");
}

/* A text for a message: "'x' is", or without it where it may hold a password. */
static const char *shown(const char *text, char out[NAME_SIZE])
{
    if (strchr(text, '@'))
        snprintf(out, NAME_SIZE, "it is");
    else
        snprintf(out, NAME_SIZE, "'%.60s' is", text);
    return out;
}

/* Converts by the rules of plugin options. */
static int store_as(struct filling *fill, const struct vmtp_key *key, const struct vmtp_node *node,
                    enum vmtp_opt_type type, void *field)
{
    char why[VMTP_OPTION_WHY];
    struct vmtp_option option = {
        .name = key->name, .type = type, .min = key->min, .max = key->max, .choices = key->choices};
    if (node->kind != VMTP_NODE_SCALAR)
        return wrong(fill, key, node, "%s where one value is expected", vmtp_node_kind_name(node));
    if (!vmtp_option_store(&option, node->text, field, why))
        return wrong(fill, key, node, "%s", why);
    return VMTP_OK;
}

static int store_seconds(struct filling *fill, const struct vmtp_key *key, const struct vmtp_node *node, double *field)
{
    int rc = store_as(fill, key, node, VMTP_OPT_SECONDS, field);
    if (rc == VMTP_OK && (key->flags & VMTP_KEY_WHOLE) && *field != floor(*field))
        return wrong(fill, key, node, "'%s' is not a whole number of seconds", node->text);
    if (rc == VMTP_OK && (key->flags & VMTP_KEY_POSITIVE) && *field <= 0)
        return wrong(fill, key, node, "'%s' is not above 0", node->text);
    return rc;
}

static int store_rate(struct filling *fill, const struct vmtp_key *key, const struct vmtp_node *node, uint64_t *field)
{
    const uint64_t most = 1000000000000000; /* 1 Pbit/s */
    double number;
    int64_t kbps;
    if (node->kind != VMTP_NODE_SCALAR)
        return wrong(fill, key, node, "%s where one value is expected", vmtp_node_kind_name(node));
    bool good = false;
    if (vmtp_parse_int(node->text, &kbps)) {
        good = kbps >= 0 && (uint64_t)kbps <= most / 1000;
        *field = good ? (uint64_t)kbps * 1000 : 0;
    } else if (!vmtp_parse_number(node->text, &number, NULL)) { /* 1.5 of what? */
        good = vmtp_parse_rate(node->text, field) && *field <= most;
    }
    if (!good)
        return wrong(fill, key, node, "'%.60s' is not a rate: a number of kbit/s, or one with a unit such as 100M",
                     node->text);
    return VMTP_OK;
}

static int store_text(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node, const char **field)
{
    char text[NAME_SIZE];
    if (node->kind != VMTP_NODE_SCALAR && node->kind != VMTP_NODE_NULL)
        return wrong(fill, key, node, "%s where a text is expected", vmtp_node_kind_name(node));
    *field = node->kind == VMTP_NODE_SCALAR && *node->text ? node->text : key->fallback;
    if (*field && key->check && !key->check(*field))
        return wrong(fill, key, node, "%s not %s", shown(*field, text), key->expected);
    return VMTP_OK;
}

static int store_path(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node, const char **field)
{
    int rc = store_text(fill, key, node, field);
    if (rc < 0 || !*field)
        return rc;
    char *expanded = vmtp_expand_home(*field);
    if (!expanded)
        return VMTP_ENOMEM;
    free(node->text);
    *field = node->text = expanded;
    struct stat st;
    if (key->type == VMTP_KEY_FILE && (stat(expanded, &st) < 0 || !S_ISREG(st.st_mode))) {
        vmtp_node_warn(fill->ctx, node, "%s: '%s' is not a file: left out", key->name, expanded);
        *field = NULL;
    }
    return VMTP_OK;
}

/* The name in a spec is put into lower case, in place. */
static int check_spec(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node)
{
    VMTP_CLEAN(mem) char *name = NULL;
    if (node->kind != VMTP_NODE_SCALAR)
        return wrong(fill, key, node, "%s where NAME[:option=value,...] is expected", vmtp_node_kind_name(node));
    int rc = vmtp_spec_name(NULL, node->text, "", &name);
    if (rc == VMTP_ENOMEM)
        return rc;
    if (rc < 0)
        return wrong(fill, key, node, "not of the form NAME[:option=value,...]");
    memcpy(node->text, name, strlen(name));
    return VMTP_OK;
}

static int store_spec(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node, const char **field)
{
    *field = key->fallback;
    if (node->kind == VMTP_NODE_NULL || (node->kind == VMTP_NODE_SCALAR && !*node->text))
        return VMTP_OK;
    *field = node->text;
    return check_spec(fill, key, node);
}

static int store_protocols(struct filling *fill, const struct vmtp_key *key, const struct vmtp_node *node,
                           unsigned *field)
{
    static const char letters[] = "TUIM"; /* enum vmtp_protocols: bit n */
    if (node->kind != VMTP_NODE_SCALAR)
        return wrong(fill, key, node, "%s where letters are expected", vmtp_node_kind_name(node));
    *field = 0;
    bool good = *node->text;
    for (const char *p = node->text; *p && good; p++) {
        const char *letter = strchr(letters, toupper((unsigned char)*p));
        good = letter != NULL;
        *field |= good ? 1u << (letter - letters) : 0;
    }
    if (!good)
        return wrong(fill, key, node, "'%.60s' is not made of the letters T (TCP), U (UDP), I (ICMP), M (multicast)",
                     node->text);
    return VMTP_OK;
}

/* ---- lists ---- */

/* A text where a list is expected is a list of one, or of what stands between commas. */
static int become_list(struct vmtp_node *node, bool commas)
{
    VMTP_CLEAN(secret) char *text = VMTP_TAKE(node->text);
    node->kind = VMTP_NODE_LIST;
    char *rest = *text ? text : NULL;
    while (rest) {
        char *item = commas ? strsep(&rest, ",") : VMTP_TAKE(rest);
        while (commas && isblank((unsigned char)*item))
            item++;
        for (size_t len = strlen(item); commas && len && isblank((unsigned char)item[len - 1]);)
            item[--len] = '\0';
        struct vmtp_node *piece = vmtp_node_scalar(node->source, item);
        if (piece) {
            piece->line = node->line;
            piece->column = node->column;
        }
        if (vmtp_node_append(node, piece) < 0)
            return VMTP_ENOMEM;
    }
    return VMTP_OK;
}

/* Makes node a list whose length is in the range, of texts where `texts`. */
static int want_list(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node, bool commas, size_t min,
                     size_t max)
{
    if (node->kind == VMTP_NODE_SCALAR && become_list(node, commas) < 0)
        return VMTP_ENOMEM;
    if (node->kind != VMTP_NODE_LIST)
        return wrong(fill, key, node, "%s where a list is expected", vmtp_node_kind_name(node));
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind != VMTP_NODE_SCALAR && key->type != VMTP_KEY_HOSTS)
            return wrong(fill, key, node->items[i], "%s in a list of single values",
                         vmtp_node_kind_name(node->items[i]));
    if (min == max && node->n != max)
        return wrong(fill, key, node, "a list of %zu, where %zu are expected", node->n, max);
    if (node->n < min || node->n > max)
        return wrong(fill, key, node, "a list of %zu, where %zu to %zu are expected", node->n, min, max);
    return VMTP_OK;
}

static int store_texts(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node,
                       struct vmtp_text_list *field)
{
    char text[NAME_SIZE];
    bool specs = key->type == VMTP_KEY_SPECS;
    int rc = want_list(fill, key, node, !specs, (size_t)key->min, key->max ? (size_t)key->max : LIST_MAX);
    if (rc < 0)
        return rc;
    free(field->items);
    field->n = 0;
    field->items = calloc(node->n + 1, sizeof *field->items);
    if (!field->items)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < node->n && rc == VMTP_OK; i++) {
        struct vmtp_node *item = node->items[i];
        if (specs)
            rc = check_spec(fill, key, item);
        else if (!*item->text)
            rc = wrong(fill, key, item, "an empty text in the list");
        else if (key->check && !key->check(item->text))
            rc = wrong(fill, key, item, "%s not %s", shown(item->text, text), key->expected);
        field->items[field->n++] = item->text;
    }
    return rc;
}

static int store_ints(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node,
                      struct vmtp_int_list *field)
{
    int rc = want_list(fill, key, node, true, 1, LIST_MAX);
    if (rc < 0)
        return rc;
    free(field->items);
    field->n = 0;
    field->items = calloc(node->n, sizeof *field->items);
    if (!field->items)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < node->n && rc == VMTP_OK; i++)
        rc = store_as(fill, key, node->items[i], VMTP_OPT_INT, &field->items[field->n++]);
    return rc;
}

static int store_percents(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node, double field[2])
{
    double percent[2] = {0, 0};
    int rc = want_list(fill, key, node, true, 2, 2);
    for (size_t i = 0; i < 2 && rc == VMTP_OK; i++) {
        const char *end, *text = node->items[i]->text;
        bool good = vmtp_parse_number(text, &percent[i], &end) && (!*end || strcmp(end, "%") == 0) &&
                    percent[i] >= 0 && percent[i] <= 100;
        if (!good)
            rc = wrong(fill, key, node->items[i], "'%.60s' is not a number of percent, 0 to 100", text);
        field[i] = percent[i] / 100;
    }
    if (rc == VMTP_OK && percent[0] > percent[1])
        rc = wrong(fill, key, node, "the minimum is above the maximum");
    return rc;
}

static void free_hosts(struct vmtp_settings *settings)
{
    for (size_t i = 0; i < settings->n_hosts; i++)
        vmtp_hostspec_clear(&settings->hosts[i]);
    free(settings->hosts);
    settings->hosts = NULL;
    settings->n_hosts = 0;
}

static int store_hosts(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node)
{
    struct vmtp_settings *settings = fill->settings;
    bool one = node->kind == VMTP_NODE_MAP;
    int rc = one ? VMTP_OK : want_list(fill, key, node, false, 0, 1000);
    if (rc < 0)
        return rc;
    size_t n = one ? 1 : node->n;
    free_hosts(settings);
    settings->hosts = calloc(n + 1, sizeof *settings->hosts);
    if (!settings->hosts)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        rc = vmtp_hostspec_parse(fill->ctx, one ? node : node->items[i], true, &settings->hosts[i]);
        settings->n_hosts++;
    }
    return rc;
}

static int store_host(struct filling *fill, const struct vmtp_node *node, struct vmtp_hostspec *field)
{
    vmtp_hostspec_clear(field);
    if (node->kind == VMTP_NODE_NULL || (node->kind == VMTP_NODE_SCALAR && !*node->text))
        return VMTP_OK;
    return vmtp_hostspec_parse(fill->ctx, node, false, field);
}

/* ---- maps whose keys are the user's ---- */

static int store_map(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node,
                     const struct vmtp_node **field)
{
    bool plugins = key->type == VMTP_KEY_PLUGINS;
    if (node->kind != VMTP_NODE_MAP)
        return wrong(fill, key, node, "%s where a map is expected", vmtp_node_kind_name(node));
    for (size_t i = 0; i < node->n; i++) {
        const struct vmtp_node *item = node->items[i];
        if (strlen(node->keys[i]) > MAP_NAME_MAX) /* nova takes no longer one, nor does YAML once it is printed */
            return wrong(fill, key, item, "%.40s...: a name of more than %d bytes", node->keys[i], MAP_NAME_MAX);
        bool good = item->kind == VMTP_NODE_NULL || item->kind == (plugins ? VMTP_NODE_MAP : VMTP_NODE_SCALAR);
        if (!good)
            return wrong(fill, key, item, "%s: %s where %s expected", node->keys[i], vmtp_node_kind_name(item),
                         plugins ? "the options of this plugin, as 'name: value', are" : "one value is");
    }
    *field = node;
    return VMTP_OK;
}

/* ---- the whole ---- */

static int store(struct filling *fill, const struct vmtp_key *key, struct vmtp_node *node)
{
    void *field = (char *)fill->settings + key->offset;
    switch (key->type) {
    case VMTP_KEY_TEXT:
        return store_text(fill, key, node, field);
    case VMTP_KEY_PATH:
    case VMTP_KEY_FILE:
        return store_path(fill, key, node, field);
    case VMTP_KEY_SPEC:
        return store_spec(fill, key, node, field);
    case VMTP_KEY_INT:
        return store_as(fill, key, node, VMTP_OPT_INT, field);
    case VMTP_KEY_BOOL:
        return store_as(fill, key, node, VMTP_OPT_BOOL, field);
    case VMTP_KEY_SECONDS:
        return store_seconds(fill, key, node, field);
    case VMTP_KEY_CHOICE:
        return store_as(fill, key, node, VMTP_OPT_CHOICE, field);
    case VMTP_KEY_RATE:
        return store_rate(fill, key, node, field);
    case VMTP_KEY_PERCENTS:
        return store_percents(fill, key, node, field);
    case VMTP_KEY_PROTOCOLS:
        return store_protocols(fill, key, node, field);
    case VMTP_KEY_TEXTS:
    case VMTP_KEY_SPECS:
        return store_texts(fill, key, node, field);
    case VMTP_KEY_INTS:
        return store_ints(fill, key, node, field);
    case VMTP_KEY_HOST:
        return store_host(fill, node, field);
    case VMTP_KEY_HOSTS:
        return store_hosts(fill, key, node);
    case VMTP_KEY_EXPECT:
        return vmtp_expect_parse(fill->ctx, node, field);
    case VMTP_KEY_SCALARS:
    case VMTP_KEY_PLUGINS:
        return store_map(fill, key, node, field);
    default:
        return VMTP_OK;
    }
}

/* A null takes back what lower layers say; only a text can be without a value, others have their default again. */
static bool can_be_null(const struct vmtp_key *key)
{
    return key->type == VMTP_KEY_TEXT || key->type == VMTP_KEY_PATH || key->type == VMTP_KEY_FILE ||
           key->type == VMTP_KEY_SPEC || key->type == VMTP_KEY_HOST;
}

static void drop_nulls(struct vmtp_node *map, const char *prefix)
{
    for (size_t i = 0; i < map->n;) {
        char name[NAME_SIZE], inner[NAME_SIZE + 1];
        snprintf(name, sizeof name, "%s%s", prefix, map->keys[i]);
        const struct vmtp_key *key = vmtp_key_find(name);
        if (key && key->type == VMTP_KEY_GROUP && map->items[i]->kind == VMTP_NODE_MAP) {
            snprintf(inner, sizeof inner, "%s.", name);
            drop_nulls(map->items[i], inner);
        }
        if (map->items[i]->kind == VMTP_NODE_NULL && key && !can_be_null(key))
            vmtp_node_drop(map, i);
        else
            i++;
    }
}

/* ssh_retry_count: 50 becomes ssh_timeout: 100, unless the user has set that too. */
static int apply_retries(struct filling *fill, struct vmtp_node *user)
{
    const struct vmtp_key *key;
    for (size_t k = 0; (key = vmtp_key_at(k)); k++) {
        const struct vmtp_node *node = key->type == VMTP_KEY_RETRIES ? vmtp_node_get(user, key->name) : NULL;
        if (!node)
            continue;
        int64_t tries;
        char seconds[32];
        int rc = store_as(fill, key, node, VMTP_OPT_INT, &tries);
        if (rc < 0)
            return rc;
        snprintf(seconds, sizeof seconds, "%lld", (long long)tries * RETRY_SECONDS);
        if (!vmtp_node_get(user, key->target))
            rc = vmtp_node_set(user, key->target, vmtp_node_scalar(node->source, seconds));
        if (rc < 0)
            return rc;
        size_t i = 0;
        while (strcmp(user->keys[i], key->name) != 0)
            i++;
        vmtp_node_drop(user, i);
    }
    return VMTP_OK;
}

/* Whether the user's value is something and not the default. */
static bool asks_for_something(const struct vmtp_key *key, const struct vmtp_node *node, const struct vmtp_node *usual)
{
    bool truth;
    if (node->kind == VMTP_NODE_NULL || (node->kind == VMTP_NODE_SCALAR && !*node->text))
        return false;
    if (node->kind == VMTP_NODE_LIST || node->kind == VMTP_NODE_MAP)
        return node->n > 0;
    if (key->type == VMTP_KEY_BOOL)
        return vmtp_parse_bool(node->text, &truth) && truth; /* all of them are off by default */
    return !usual || usual->kind != VMTP_NODE_SCALAR || strcmp(usual->text, node->text) != 0;
}

/* Fills cloud_option and later_option. */
static int note_options(struct vmtp_settings *settings, const struct vmtp_node *user, const struct vmtp_node *usual)
{
    const struct vmtp_key *key;
    for (size_t k = 0; (key = vmtp_key_at(k)); k++) {
        const struct vmtp_node *node = vmtp_node_get(user, key->name);
        if (!node || !(key->flags & (VMTP_KEY_CLOUD | VMTP_KEY_CLOUD_CLI | VMTP_KEY_LATER)) ||
            ((key->flags & VMTP_KEY_CLOUD_CLI) && node->line != 0) ||
            !asks_for_something(key, node, vmtp_node_get(usual, key->name)))
            continue;
        VMTP_CLEAN(mem) char *name = node->line ? vmtp_format("%s:%d:%d: %s", node->source, node->key_line,
                                                              node->key_column, key->name)
                                                : strdup(node->source ? node->source : key->name);
        if (!name || (!settings->cloud_option && vmtp_set_text(&settings->cloud_option, name) < 0))
            return VMTP_ENOMEM;
        if ((key->flags & VMTP_KEY_LATER) && vmtp_set_text(&settings->later_option, name) < 0)
            return VMTP_ENOMEM;
    }
    return VMTP_OK;
}

/* vmtp_node_get() is for reading; this tree is ours. */
static struct vmtp_node *own_node(struct vmtp_settings *settings, const char *name)
{
    return (struct vmtp_node *)vmtp_node_get(settings->tree, name);
}

static int fill_all(struct filling *fill)
{
    struct vmtp_settings *settings = fill->settings;
    const struct vmtp_key *key;
    for (size_t k = 0; (key = vmtp_key_at(k)); k++) {
        struct vmtp_node *node = own_node(settings, key->name);
        if (!node && key->fallback) {
            int rc = vmtp_node_set(settings->tree, key->name, vmtp_node_scalar(DEFAULT_SOURCE, key->fallback));
            if (rc < 0)
                return rc;
            node = own_node(settings, key->name);
        }
        int rc = node ? store(fill, key, node) : VMTP_OK;
        if (rc < 0)
            return rc;
    }
    if (settings->multicast_addr)
        settings->protocols |= VMTP_ASK_MULTICAST;
    else if (settings->protocols & VMTP_ASK_MULTICAST)
        settings->multicast_addr = DEFAULT_GROUP;
    settings->ports_fixed = settings->ports == VMTP_PORTS_FIXED;
    settings->time_asked = settings->time;
    if (settings->monitor && settings->time < VMTP_MONITOR_SECONDS)
        settings->time = VMTP_MONITOR_SECONDS;
    return VMTP_OK;
}

bool vmtp_settings_is_default(const struct vmtp_node *node)
{
    return strcmp(node->source, DEFAULT_SOURCE) == 0;
}

static int read_default(vmtp_ctx *ctx, struct vmtp_node **tree)
{
    return vmtp_config_parse(ctx, vmtp_default_yaml, strlen(vmtp_default_yaml), DEFAULT_SOURCE, tree);
}

int vmtp_settings_read(vmtp_ctx *ctx, struct vmtp_node *tree, struct vmtp_settings *settings)
{
    VMTP_CLEAN(node) struct vmtp_node *user = tree;
    *settings = (struct vmtp_settings){0};
    struct filling fill = {.ctx = ctx, .settings = settings};
    int rc = tidy(ctx, user, "");
    if (rc == VMTP_OK)
        rc = read_default(ctx, &settings->tree);
    if (rc < 0)
        return rc;
    drop_nulls(user, "");
    rc = apply_retries(&fill, user);
    if (rc == VMTP_OK)
        rc = note_options(settings, user, settings->tree);
    if (rc == VMTP_OK)
        rc = vmtp_config_merge(settings->tree, VMTP_TAKE(user));
    if (rc == VMTP_OK)
        rc = fill_all(&fill);
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

void vmtp_settings_clear(struct vmtp_settings *settings)
{
    const struct vmtp_key *key;
    for (size_t k = 0; (key = vmtp_key_at(k)); k++) {
        void *field = (char *)settings + key->offset;
        if (key->type == VMTP_KEY_TEXTS || key->type == VMTP_KEY_SPECS)
            free(((struct vmtp_text_list *)field)->items);
        else if (key->type == VMTP_KEY_INTS)
            free(((struct vmtp_int_list *)field)->items);
        else if (key->type == VMTP_KEY_HOST)
            vmtp_hostspec_clear(field);
    }
    free_hosts(settings);
    vmtp_expect_clear(&settings->expect);
    free(settings->cloud_option);
    free(settings->later_option);
    vmtp_secret_free(settings->key_passphrase);
    vmtp_node_free(settings->tree);
    *settings = (struct vmtp_settings){0};
}

/* ---- the layers ---- */

/* Checks the names in a layer and lays it over those below. Consumes it. file: where it is from; NULL: options. */
static int add_layer(vmtp_ctx *ctx, struct vmtp_node *user, struct vmtp_node *layer, const char *file)
{
    int rc = tidy(ctx, layer, "");
    if (rc < 0) {
        vmtp_node_free(layer);
        return rc;
    }
    if (file && vmtp_settings_hold_secret(layer))
        vmtp_secret_check_mode(ctx, file);
    return vmtp_config_merge(user, layer);
}

static int add_file(vmtp_ctx *ctx, struct vmtp_node *user, const char *path)
{
    struct vmtp_node *layer = NULL;
    int rc = vmtp_config_read(ctx, path, &layer);
    return rc < 0 ? rc : add_layer(ctx, user, layer, path);
}

/* ~/.vmtp.yaml, if it is a file */
static int add_home(vmtp_ctx *ctx, struct vmtp_node *user)
{
    struct stat st;
    if (!getenv("HOME"))
        return VMTP_OK;
    VMTP_CLEAN(mem) char *path = vmtp_expand_home("~/.vmtp.yaml");
    if (!path)
        return VMTP_ENOMEM;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? add_file(ctx, user, path) : VMTP_OK;
}

int vmtp_settings_load(vmtp_ctx *ctx, const char *config_file, struct vmtp_node *command_line,
                       struct vmtp_settings *settings)
{
    VMTP_CLEAN(node) struct vmtp_node *options = command_line;
    VMTP_CLEAN(node) struct vmtp_node *user = vmtp_node_new(VMTP_NODE_MAP, NULL);
    *settings = (struct vmtp_settings){0};
    int rc = user ? add_home(ctx, user) : VMTP_ENOMEM;
    if (rc == VMTP_OK && config_file)
        rc = add_file(ctx, user, config_file);
    if (rc == VMTP_OK && options)
        rc = add_layer(ctx, user, VMTP_TAKE(options), NULL);
    if (rc == VMTP_OK)
        return vmtp_settings_read(ctx, VMTP_TAKE(user), settings);
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}
