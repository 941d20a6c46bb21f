/* SPDX-License-Identifier: Apache-2.0 */
#include "core/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char OPTION_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
enum { OPTIONS_MAX = 200, STRIDE_MAX = 4096, OPTS_SIZE_MAX = 1 << 16, NAME_LEN_MAX = 40, SPEC_MAX = 8192 };

/* What an option is called, what its text looks like, and how large its field is. */
static const struct {
    const char *word, *expected, *unit;
    uint32_t size;
    bool numeric;
} types[] = {
    [VMTP_OPT_BOOL] = {"yes|no", "neither true nor false", "", sizeof(bool), false},
    [VMTP_OPT_INT] = {"NUMBER", "not a whole number", "", sizeof(int64_t), true},
    [VMTP_OPT_SIZE] = {"SIZE", "not a size such as 64K", " bytes", sizeof(uint64_t), true},
    [VMTP_OPT_RATE] = {"RATE", "not a rate such as 100M", " bit/s", sizeof(uint64_t), true},
    [VMTP_OPT_SECONDS] = {"SECONDS", "not a time such as 10 or 200ms", " s", sizeof(double), true},
    [VMTP_OPT_STRING] = {"TEXT", "not a text", "", sizeof(const char *), false},
    [VMTP_OPT_CHOICE] = {NULL, NULL, "", sizeof(int), false},
};
enum { TYPES = sizeof types / sizeof types[0] };

const struct vmtp_option *vmtp_option_at(const struct vmtp_plugin *plugin, size_t i)
{
    if (!plugin->options || i >= OPTIONS_MAX)
        return NULL;
    const void *entry = (const char *)plugin->options + i * plugin->option_size;
    const struct vmtp_option *option = entry;
    return option->name ? option : NULL;
}

static const struct vmtp_option *find_option(const struct vmtp_plugin *plugin, const char *name, size_t *index)
{
    const struct vmtp_option *option;
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++) {
        if (vmtp_same_name(option->name, name)) {
            if (index)
                *index = i;
            return option;
        }
    }
    return NULL;
}

/* ", did you mean 'x'?" or "" */
static void suggest(const struct vmtp_plugin *plugin, const char *name, char out[VMTP_OPTION_WHY])
{
    const char *names[OPTIONS_MAX + 1] = {NULL};
    const struct vmtp_option *option;
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++)
        names[i] = option->name;
    const char *near = vmtp_nearest(name, names);
    if (near)
        snprintf(out, VMTP_OPTION_WHY, ": did you mean '%s'?", near);
    else
        snprintf(out, VMTP_OPTION_WHY, names[0] ? " (`vmtp plugin show %s` lists them)" : ": %s has no options",
                 plugin->name);
}

/* ---- one value ---- */

static bool store_choice(const struct vmtp_option *option, const char *text, int *field)
{
    for (int i = 0; option->choices[i]; i++) {
        if (vmtp_same_name(option->choices[i], text)) {
            *field = i;
            return true;
        }
    }
    return false;
}

/* Converts; *number is what min and max are compared with. */
static bool convert(const struct vmtp_option *option, const char *text, void *field, double *number)
{
    bool good = false;
    *number = 0;
    switch (option->type) {
    case VMTP_OPT_BOOL:
        good = vmtp_parse_bool(text, field);
        break;
    case VMTP_OPT_INT:
        good = vmtp_parse_int(text, field);
        *number = good ? (double)*(int64_t *)field : 0;
        break;
    case VMTP_OPT_SIZE:
        good = vmtp_parse_size(text, field);
        *number = good ? (double)*(uint64_t *)field : 0;
        break;
    case VMTP_OPT_RATE:
        good = vmtp_parse_rate(text, field);
        *number = good ? (double)*(uint64_t *)field : 0;
        break;
    case VMTP_OPT_SECONDS:
        good = vmtp_parse_seconds(text, field);
        *number = good ? *(double *)field : 0;
        break;
    case VMTP_OPT_STRING:
        *(const char **)field = text;
        good = true;
        break;
    case VMTP_OPT_CHOICE:
        good = store_choice(option, text, field);
        break;
    }
    return good;
}

/* A choice without a name stands for "nothing"; it is not offered. */
static void list_choices(const struct vmtp_option *option, struct vmtp_buf *out, const char *separator)
{
    bool first = true;
    for (size_t i = 0; option->choices[i]; i++) {
        if (!*option->choices[i])
            continue;
        (void)vmtp_buf_printf(out, "%s%s", first ? "" : separator, option->choices[i]);
        first = false;
    }
}

static bool has_range(const struct vmtp_option *option)
{
    return types[option->type].numeric && (option->min || option->max);
}

/* "1 to 65535", "at least 1 s", "at most 5": an end of the int64_t range is no end. */
static void print_range(const struct vmtp_option *option, struct vmtp_buf *out)
{
    const char *unit = types[option->type].unit;
    if (option->max == INT64_MAX)
        (void)vmtp_buf_printf(out, "at least %" PRId64 "%s", option->min, unit);
    else if (option->min == INT64_MIN)
        (void)vmtp_buf_printf(out, "at most %" PRId64 "%s", option->max, unit);
    else
        (void)vmtp_buf_printf(out, "%" PRId64 " to %" PRId64 "%s", option->min, option->max, unit);
}

bool vmtp_option_store(const struct vmtp_option *option, const char *text, void *field, char why[VMTP_OPTION_WHY])
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(VMTP_OPTION_WHY - 1);
    double number;
    union {
        bool truth;
        int64_t integer;
        uint64_t amount;
        double seconds;
        const char *text;
        int choice;
    } value = {0};
    bool converted = convert(option, text, &value, &number);
    if (converted && !(has_range(option) && (number < (double)option->min || number > (double)option->max))) {
        memcpy(field, &value, types[option->type].size);
        return true;
    }
    if (option->flags & VMTP_OPT_SECRET)
        (void)vmtp_buf_text_add(&words, "the value is ");
    else
        (void)vmtp_buf_printf(&words, "'%.60s' is ", text);
    if (converted) {
        (void)vmtp_buf_text_add(&words, "out of range: ");
        print_range(option, &words);
    } else if (option->type == VMTP_OPT_CHOICE) {
        (void)vmtp_buf_text_add(&words, "none of ");
        list_choices(option, &words, ", ");
    } else {
        (void)vmtp_buf_text_add(&words, types[option->type].expected);
    }
    snprintf(why, VMTP_OPTION_WHY, "%s", vmtp_buf_text(&words));
    return false;
}

/* ---- is the table a good one? ---- */

static bool good_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len >= 1 && len <= NAME_LEN_MAX && !name[len] && islower((unsigned char)name[0]);
}

/* What is wrong with one entry by itself; NULL: nothing. */
static const char *fault_of(const struct vmtp_plugin *plugin, const struct vmtp_option *option,
                            char why[VMTP_OPTION_WHY])
{
    uint64_t scratch;
    if (!good_name(option->name))
        return "its name is not made of lower case letters, digits and '_'";
    if (!option->help || !*option->help)
        return "it has no help";
    if (option->type >= TYPES)
        return "its type is unknown";
    if (option->size != types[option->type].size)
        return "the size of its field is not that of its type";
    if (option->offset > plugin->opts_size || option->size > plugin->opts_size - option->offset)
        return "its field is outside of the option struct";
    if (option->offset % option->size)
        return "its field is not aligned";
    if (option->min > option->max)
        return "its minimum is above its maximum";
    if (option->type == VMTP_OPT_CHOICE && (!option->choices || !option->choices[0]))
        return "it has no choices";
    if (option->fallback && (option->flags & VMTP_OPT_REQUIRED))
        return "it is required and has a default";
    if (option->fallback && !vmtp_option_store(option, option->fallback, &scratch, why))
        return why;
    return NULL;
}

static bool overlap(const struct vmtp_option *a, const struct vmtp_option *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static int verify_stride(vmtp_ctx *ctx, const struct vmtp_plugin *plugin)
{
    const uint32_t first_abi_size = (uint32_t)(offsetof(struct vmtp_option, choices) + sizeof plugin->options->choices);
    if (plugin->option_size < first_abi_size || plugin->option_size > STRIDE_MAX ||
        plugin->option_size % _Alignof(struct vmtp_option))
        return vmtp_fail(ctx, VMTP_EFAIL, "option_size %" PRIu32 " is not the size of an option", plugin->option_size);
    return VMTP_OK;
}

int vmtp_options_adopt(vmtp_ctx *ctx, struct vmtp_plugin *plugin, struct vmtp_option **copy)
{
    int rc = plugin->options ? verify_stride(ctx, plugin) : VMTP_OK;
    if (rc < 0 || !plugin->options)
        return rc;
    size_t n = 0;
    while (vmtp_option_at(plugin, n))
        n++;
    struct vmtp_option *ours = calloc(n + 1, sizeof *ours);
    if (!ours)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    size_t size = plugin->option_size < sizeof *ours ? plugin->option_size : sizeof *ours;
    for (size_t i = 0; i < n; i++)
        memcpy(&ours[i], vmtp_option_at(plugin, i), size);
    plugin->options = ours;
    plugin->option_size = sizeof *ours;
    *copy = ours;
    return VMTP_OK;
}

int vmtp_options_verify(vmtp_ctx *ctx, const struct vmtp_plugin *plugin)
{
    if (!plugin->options)
        return VMTP_OK;
    int rc = verify_stride(ctx, plugin);
    if (rc < 0)
        return rc;
    if (plugin->opts_size > OPTS_SIZE_MAX)
        return vmtp_fail(ctx, VMTP_EFAIL, "an option struct of %" PRIu32 " bytes", plugin->opts_size);
    const struct vmtp_option *option, *other;
    size_t n = 0;
    for (; (option = vmtp_option_at(plugin, n)); n++) {
        char why[VMTP_OPTION_WHY];
        const char *fault = fault_of(plugin, option, why);
        if (fault)
            return vmtp_fail(ctx, VMTP_EFAIL, "option %s: %s", option->name, fault);
        for (size_t i = 0; i < n && (other = vmtp_option_at(plugin, i)); i++) {
            if (strcmp(option->name, other->name) == 0)
                return vmtp_fail(ctx, VMTP_EFAIL, "option %s: it is there twice", option->name);
            if (overlap(option, other))
                return vmtp_fail(ctx, VMTP_EFAIL, "option %s: it shares its field with %s", option->name, other->name);
        }
    }
    if (n == OPTIONS_MAX)
        return vmtp_fail(ctx, VMTP_EFAIL, "more than %d options, or no entry without a name ends them",
                         OPTIONS_MAX - 1);
    return VMTP_OK;
}

/* ---- from maps to the struct ---- */

struct filling {
    vmtp_ctx *ctx;
    const struct vmtp_plugin *plugin;
    char *opts;
    bool given[OPTIONS_MAX];
};

/* The default was checked by vmtp_options_verify(). Without one: zero. */
static void store_fallback(struct filling *fill, const struct vmtp_option *option)
{
    char why[VMTP_OPTION_WHY];
    void *field = fill->opts + option->offset;
    if (!option->fallback || !vmtp_option_store(option, option->fallback, field, why))
        memset(field, 0, option->size);
}

static int fill_one(struct filling *fill, const char *name, const struct vmtp_node *value)
{
    char why[VMTP_OPTION_WHY];
    size_t index = 0;
    const struct vmtp_option *option = find_option(fill->plugin, name, &index);
    if (!option) {
        struct vmtp_node place = vmtp_node_key(value);
        suggest(fill->plugin, name, why);
        return vmtp_node_fail(fill->ctx, &place, "%s: unknown option '%s'%s", fill->plugin->name, name, why);
    }
    if (value->kind == VMTP_NODE_NULL) {
        store_fallback(fill, option);
        fill->given[index] = false;
        return VMTP_OK;
    }
    if (value->kind != VMTP_NODE_SCALAR)
        return vmtp_node_fail(fill->ctx, value, "%s: %s: %s where one value is expected", fill->plugin->name,
                              option->name, vmtp_node_kind_name(value));
    if (!vmtp_option_store(option, value->text, fill->opts + option->offset, why))
        return vmtp_node_fail(fill->ctx, value, "%s: %s: %s", fill->plugin->name, option->name, why);
    fill->given[index] = option->type != VMTP_OPT_STRING || *value->text;
    return VMTP_OK;
}

static int fill_map(struct filling *fill, const struct vmtp_node *map)
{
    if (!map || map->kind == VMTP_NODE_NULL)
        return VMTP_OK;
    if (map->kind != VMTP_NODE_MAP)
        return vmtp_node_fail(fill->ctx, map, "%s: %s where its options are expected, as 'name: value'",
                              fill->plugin->name, vmtp_node_kind_name(map));
    for (size_t i = 0; i < map->n; i++) {
        int rc = fill_one(fill, map->keys[i], map->items[i]);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

int vmtp_options_fill(vmtp_ctx *ctx, const struct vmtp_plugin *plugin, const struct vmtp_node *const maps[], size_t n,
                      void **opts)
{
    struct filling fill = {.ctx = ctx, .plugin = plugin};
    const struct vmtp_option *option;
    VMTP_CLEAN(mem) void *memory = calloc(1, plugin->opts_size ? plugin->opts_size : 1);
    if (!memory)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    fill.opts = memory;
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++)
        store_fallback(&fill, option);
    for (size_t i = 0; i < n; i++) {
        int rc = fill_map(&fill, maps[i]);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++)
        if ((option->flags & VMTP_OPT_REQUIRED) && !fill.given[i])
            return vmtp_fail(ctx, VMTP_ECONFIG, "%s: option '%s' is required (%s)", plugin->name, option->name,
                             option->help);
    *opts = plugin->opts_size ? VMTP_TAKE(memory) : NULL;
    int rc = VMTP_OK;
    if (plugin->check) {
        VMTP_CLEAN(call) struct vmtp_call call;
        const char *kind = plugin->tool ? "tool" : plugin->sink ? "sink" : "topology";
        vmtp_call_begin(&call, kind, plugin->name, "check", NULL);
        rc = plugin->check(ctx, *opts);
    }
    if (rc < 0)
        free(VMTP_TAKE(*opts));
    return rc;
}

int vmtp_options_check(vmtp_ctx *ctx, const struct vmtp_plugin *plugin, const struct vmtp_node *map)
{
    VMTP_CLEAN(mem) void *memory = calloc(1, plugin->opts_size ? plugin->opts_size : 1);
    struct filling fill = {.ctx = ctx, .plugin = plugin, .opts = memory};
    return memory ? fill_map(&fill, map) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* ---- NAME:key=value,... ---- */

int vmtp_spec_name(vmtp_ctx *ctx, const char *spec, const char *source, char **name)
{
    size_t len = strcspn(spec, ":");
    bool path = memchr(spec, '/', len) != NULL;
    if (len == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: a name is expected, as in NAME:option=value,...", source);
    VMTP_CLEAN(mem) char *copy = strndup(spec, len);
    if (!copy)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)copy[i];
        if (!path && !isalnum(c) && !strchr("-_", c))
            return vmtp_fail(ctx, VMTP_ECONFIG,
                             "%s: '%.*s%s' is not a name; options follow a colon, NAME:option=value,...", source,
                             (int)strcspn(copy, "=@"), copy, strpbrk(copy, "=@") ? "..." : "");
        if (!path)
            copy[i] = (char)tolower(c);
    }
    *name = VMTP_TAKE(copy);
    return VMTP_OK;
}

/* Whether `name=` of a declared option begins here. */
static bool option_begins(const struct vmtp_plugin *plugin, const char *text)
{
    char name[NAME_LEN_MAX + 1];
    size_t len = strcspn(text, "=,");
    if (text[len] != '=' || len > NAME_LEN_MAX)
        return false;
    memcpy(name, text, len);
    name[len] = '\0';
    return find_option(plugin, name, NULL) != NULL;
}

/* Reads a value up to the comma that ends it, or to the end; returns what follows it, NULL when out of memory. */
static const char *read_value(const struct vmtp_plugin *plugin, const struct vmtp_option *option, const char *text,
                              struct vmtp_buf *value)
{
    for (; *text; text++) {
        if (*text == '\\' && (text[1] == ',' || text[1] == '\\'))
            text++;
        else if (*text == ',' && (option->type != VMTP_OPT_STRING || option_begins(plugin, text + 1)))
            break;
        if (vmtp_buf_add(value, text, 1) == VMTP_ENOMEM)
            return NULL;
    }
    return text;
}

/* Reads one "key=value" into the map; *text moves behind it. */
static int read_pair(vmtp_ctx *ctx, const char *source, const struct vmtp_plugin *plugin, const char **text,
                     struct vmtp_node *map)
{
    char why[VMTP_OPTION_WHY];
    VMTP_CLEAN(buf) struct vmtp_buf value = VMTP_BUF(SPEC_MAX);
    size_t len = strcspn(*text, "=,");
    VMTP_CLEAN(mem) char *name = strndup(*text, len);
    if (!name)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const struct vmtp_option *option = find_option(plugin, name, NULL);
    if (!option && name[strspn(name, OPTION_CHARS)]) /* it may be an address with a password in it: not shown */
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s: what follows is not of the form option=value,...", source,
                         plugin->name);
    if (!option) {
        suggest(plugin, name, why);
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s: unknown option '%.60s'%s", source, plugin->name, name, why);
    }
    bool bare = (*text)[len] != '=';
    if (!bare)
        *text = read_value(plugin, option, *text + len + 1, &value);
    else if (option->type != VMTP_OPT_BOOL)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s: option '%s' needs a value, %s=%s", source, plugin->name,
                         option->name, option->name, types[option->type].word ? types[option->type].word : "CHOICE");
    else
        *text += len;
    if (!*text)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (vmtp_node_get(map, option->name))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s: option '%s' is given twice", source, plugin->name, option->name);
    int rc = vmtp_node_set(map, option->name, vmtp_node_scalar(source, bare ? "true" : vmtp_buf_text(&value)));
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : VMTP_OK;
}

int vmtp_spec_options(vmtp_ctx *ctx, const char *spec, const char *source, const struct vmtp_plugin *plugin,
                      struct vmtp_node **map)
{
    if (strlen(spec) > SPEC_MAX)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: longer than %d characters", source, SPEC_MAX);
    VMTP_CLEAN(node) struct vmtp_node *options = vmtp_node_new(VMTP_NODE_MAP, source);
    if (!options)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const char *text = strchr(spec, ':');
    text = text ? text + 1 : "";
    while (*text) {
        int rc = read_pair(ctx, source, plugin, &text, options);
        if (rc < 0)
            return rc;
        if (*text == ',' && !*++text)
            return vmtp_fail(ctx, VMTP_ECONFIG, "%s: nothing follows the last comma", source);
    }
    *map = VMTP_TAKE(options);
    return VMTP_OK;
}

/* ---- for people ---- */

static void print_marks(const struct vmtp_option *option, struct vmtp_buf *line)
{
    if (has_range(option)) {
        (void)vmtp_buf_text_add(line, ", ");
        print_range(option, line);
    }
    if (option->fallback)
        (void)vmtp_buf_printf(line, ", default %s", *option->fallback ? option->fallback : "empty");
    if (option->flags & VMTP_OPT_REQUIRED)
        (void)vmtp_buf_text_add(line, ", required");
    if (option->flags & VMTP_OPT_SECRET)
        (void)vmtp_buf_text_add(line, ", secret");
}

void vmtp_options_print(FILE *out, const struct vmtp_plugin *plugin)
{
    const struct vmtp_option *option;
    if (!vmtp_option_at(plugin, 0)) {
        fputs("No options.\n", out);
        return;
    }
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++) {
        VMTP_CLEAN(buf) struct vmtp_buf line = VMTP_BUF(4096);
        (void)vmtp_buf_printf(&line, "  %s=", option->name);
        if (option->type == VMTP_OPT_CHOICE)
            list_choices(option, &line, "|");
        else
            (void)vmtp_buf_text_add(&line, types[option->type].word);
        print_marks(option, &line);
        fprintf(out, "%s\n      %s\n", vmtp_buf_text(&line), option->help);
    }
}
