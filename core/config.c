/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

/* A configuration is small; these keep a hostile one small too. */
enum {
    FILE_MAX = 1 << 20,
    DEPTH_MAX = 24,
    NODES_MAX = 20000,         /* aliases expanded */
    TEXT_MAX_TOTAL = 4 << 20,  /* bytes of all scalars, aliases expanded */
    MAP_MAX = 1000,            /* duplicates are looked for pair by pair */
    ANCHORS_MAX = 100,
};

struct vmtp_node *vmtp_node_new(enum vmtp_node_kind kind, const char *source)
{
    struct vmtp_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->kind = kind;
    if (vmtp_set_text(&node->source, source) < 0) {
        free(node);
        return NULL;
    }
    return node;
}

struct vmtp_node *vmtp_node_scalar(const char *source, const char *text)
{
    struct vmtp_node *node = vmtp_node_new(VMTP_NODE_SCALAR, source);
    if (node && vmtp_set_text(&node->text, text) < 0) {
        vmtp_node_free(node);
        return NULL;
    }
    return node;
}

void vmtp_node_free(struct vmtp_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->n; i++) {
        vmtp_node_free(node->items[i]);
        if (node->keys)
            free(node->keys[i]);
    }
    free(node->items);
    free(node->keys);
    if (node->text)
        explicit_bzero(node->text, strlen(node->text)); /* it may be a password */
    free(node->text);
    free(node->source);
    free(node);
}

void vmtp_node_drop(struct vmtp_node *node, size_t i)
{
    vmtp_node_free(node->items[i]);
    memmove(node->items + i, node->items + i + 1, (node->n - i - 1) * sizeof *node->items);
    if (node->keys) {
        free(node->keys[i]);
        memmove(node->keys + i, node->keys + i + 1, (node->n - i - 1) * sizeof *node->keys);
    }
    node->n--;
}

/* Adds a member; owns key and value also on failure. key is NULL in a list. */
static int add_member(struct vmtp_node *node, char *key, struct vmtp_node *value)
{
    bool power_of_two = (node->n & (node->n - 1)) == 0; /* the room is the next power of two */
    size_t room = node->n ? node->n * 2 : 1;
    bool grown = value && (key || node->kind == VMTP_NODE_LIST);
    if (grown && power_of_two) {
        struct vmtp_node **items = realloc(node->items, room * sizeof *items);
        if (items)
            node->items = items;
        char **keys = items && key ? realloc(node->keys, room * sizeof *keys) : NULL;
        if (keys)
            node->keys = keys;
        grown = items && (keys || !key);
    }
    if (!grown) {
        free(key);
        vmtp_node_free(value);
        return VMTP_ENOMEM;
    }
    if (key)
        node->keys[node->n] = key;
    node->items[node->n++] = value;
    return VMTP_OK;
}

/* The member of that very name, node->n when there is none. */
static size_t find_member(const struct vmtp_node *node, const char *key, size_t len)
{
    size_t i = 0;
    while (i < node->n && (strncmp(node->keys[i], key, len) != 0 || node->keys[i][len]))
        i++;
    return i;
}

/* Makes node an empty map, whatever it was; its place stays. */
static void become_map(struct vmtp_node *node)
{
    while (node->n)
        vmtp_node_drop(node, node->n - 1);
    free(VMTP_TAKE(node->items)); /* the room of a list differs from that of a map */
    free(VMTP_TAKE(node->keys));
    free(VMTP_TAKE(node->text));
    node->kind = VMTP_NODE_MAP;
}

static int put_member(struct vmtp_node *map, const char *key, size_t len, struct vmtp_node *value)
{
    size_t i = find_member(map, key, len);
    if (i == map->n)
        return add_member(map, strndup(key, len), value);
    if (!value)
        return VMTP_ENOMEM;
    vmtp_node_free(map->items[i]);
    map->items[i] = value;
    return VMTP_OK;
}

int vmtp_node_set(struct vmtp_node *map, const char *key, struct vmtp_node *value)
{
    for (;;) {
        if (map->kind != VMTP_NODE_MAP)
            become_map(map);
        size_t len = strcspn(key, ".");
        if (!key[len])
            return put_member(map, key, len, value);
        size_t i = find_member(map, key, len);
        if (i == map->n) {
            struct vmtp_node *inner = value ? vmtp_node_new(VMTP_NODE_MAP, value->source) : NULL;
            int rc = put_member(map, key, len, inner);
            if (rc < 0) {
                vmtp_node_free(value);
                return rc;
            }
        }
        map = map->items[i];
        key += len + 1;
    }
}

int vmtp_node_append(struct vmtp_node *list, struct vmtp_node *value)
{
    return add_member(list, NULL, value);
}

const struct vmtp_node *vmtp_node_get(const struct vmtp_node *map, const char *key)
{
    while (map && map->kind == VMTP_NODE_MAP) {
        size_t len = strcspn(key, ".");
        size_t i = find_member(map, key, len);
        map = i < map->n ? map->items[i] : NULL;
        if (!key[len])
            return map;
        key += len + 1;
    }
    return NULL;
}

const char *vmtp_node_kind_name(const struct vmtp_node *node)
{
    static const char *const names[] = {"nothing", "a text", "a list", "a map"};
    return names[node->kind];
}

int vmtp_config_merge(struct vmtp_node *lower, struct vmtp_node *upper)
{
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && i < upper->n; i++) {
        size_t at = find_member(lower, upper->keys[i], strlen(upper->keys[i]));
        struct vmtp_node *value = VMTP_TAKE(upper->items[i]);
        if (at < lower->n && value->kind == VMTP_NODE_MAP && lower->items[at]->kind == VMTP_NODE_MAP)
            rc = vmtp_config_merge(lower->items[at], value);
        else
            rc = put_member(lower, upper->keys[i], strlen(upper->keys[i]), value);
    }
    vmtp_node_free(upper);
    return rc;
}

/* "vmtp.cfg:3:7: " or "--time: "; "" for a node of no known origin. */
static const char *place_of(const struct vmtp_node *node, char **buffer)
{
    const char *source = node->source ? node->source : "";
    *buffer = node->line ? vmtp_format("%s:%d:%d: ", source, node->line, node->column)
                         : vmtp_format(*source ? "%s: " : "%s", source);
    return *buffer ? *buffer : "";
}

int vmtp_node_fail(vmtp_ctx *ctx, const struct vmtp_node *node, const char *fmt, ...)
{
    VMTP_CLEAN(mem) char *text = NULL, *place = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s%s", place_of(node, &place), text ? text : "invalid");
}

void vmtp_node_warn(vmtp_ctx *ctx, const struct vmtp_node *node, const char *fmt, ...)
{
    VMTP_CLEAN(mem) char *text = NULL, *place = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    vmtp_warn(ctx, "%s%s", place_of(node, &place), text ? text : "");
}

struct vmtp_node vmtp_node_key(const struct vmtp_node *value)
{
    return (struct vmtp_node){
        .kind = VMTP_NODE_NULL, .source = value->source, .line = value->key_line, .column = value->key_column};
}

/* ---- reading YAML: events put together on a stack of the maps and lists that are open ---- */

struct open_node {
    struct vmtp_node *node; /* owned by the one below it, the first by the reader */
    char *key;              /* MAP: read, its value is awaited */
    int key_line, key_column;
};

struct reader {
    vmtp_ctx *ctx;
    const char *source;
    yaml_parser_t parser;
    yaml_event_t event;
    struct vmtp_node *root;
    struct open_node open[DEPTH_MAX];
    size_t depth;
    struct {
        char *name;
        const struct vmtp_node *node; /* lives in the tree */
    } anchors[ANCHORS_MAX];
    size_t n_anchors, n_nodes, n_bytes, n_documents;
};

/* An error at the event that was read last. */
static int refuse(struct reader *reader, const char *words)
{
    return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s:%zu:%zu: %s", reader->source, reader->event.start_mark.line + 1,
                     reader->event.start_mark.column + 1, words);
}

static int syntax_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return vmtp_fail(reader->ctx, VMTP_ENOMEM, "%s: out of memory", reader->source);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR)
        return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s: byte %zu: %s", reader->source, parser->problem_offset,
                         problem);
    return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s:%zu:%zu: %s%s%s", reader->source, parser->problem_mark.line + 1,
                     parser->problem_mark.column + 1, problem, parser->context ? ", " : "",
                     parser->context ? parser->context : "");
}

static int count_node(struct reader *reader, size_t bytes)
{
    reader->n_bytes += bytes;
    if (++reader->n_nodes > NODES_MAX || reader->n_bytes > TEXT_MAX_TOTAL)
        return refuse(reader, "too many values for a configuration");
    return VMTP_OK;
}

static const char *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static int note_anchor(struct reader *reader, const struct vmtp_node *node)
{
    const char *name = anchor_of(&reader->event);
    if (!name)
        return VMTP_OK;
    if (reader->n_anchors == ANCHORS_MAX)
        return refuse(reader, "too many anchors for a configuration");
    char *copy = strdup(name);
    if (!copy)
        return VMTP_ENOMEM;
    reader->anchors[reader->n_anchors].name = copy;
    reader->anchors[reader->n_anchors++].node = node;
    return VMTP_OK;
}

/* Puts a value where the document has it; owns it also on failure. */
static int place_value(struct reader *reader, struct vmtp_node *value)
{
    if (!value)
        return VMTP_ENOMEM;
    if (reader->depth == 0) {
        reader->root = value;
        return note_anchor(reader, value);
    }
    struct open_node *top = &reader->open[reader->depth - 1];
    if (top->node->kind == VMTP_NODE_MAP && !top->key) {
        vmtp_node_free(value);
        return refuse(reader, "a key must be a text");
    }
    value->key_line = top->key_line;
    value->key_column = top->key_column;
    int rc = add_member(top->node, VMTP_TAKE(top->key), value);
    return rc < 0 ? rc : note_anchor(reader, value);
}

static struct vmtp_node *new_here(const struct reader *reader, enum vmtp_node_kind kind)
{
    struct vmtp_node *node = vmtp_node_new(kind, reader->source);
    if (node) {
        node->line = (int)reader->event.start_mark.line + 1;
        node->column = (int)reader->event.start_mark.column + 1;
    }
    return node;
}

/* The tags of YAML's core schema say nothing that we need; others ask for objects that we do not have. */
static bool tag_is_known(const yaml_char_t *tag)
{
    static const char *const known[] = {YAML_NULL_TAG, YAML_BOOL_TAG, YAML_STR_TAG, YAML_INT_TAG,
                                        YAML_FLOAT_TAG, YAML_SEQ_TAG, YAML_MAP_TAG, "!"};
    for (size_t i = 0; tag && i < sizeof known / sizeof known[0]; i++)
        if (strcmp((const char *)tag, known[i]) == 0)
            return true;
    return tag == NULL;
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    const char *tag = (const char *)event->data.scalar.tag;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || (tag && strcmp(tag, YAML_NULL_TAG) != 0))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp((const char *)event->data.scalar.value, words[i]) == 0)
            return true;
    return false;
}

static int read_key(struct reader *reader, struct open_node *top)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    if (!*text)
        return refuse(reader, "a key is empty");
    size_t twin = find_member(top->node, text, strlen(text));
    if (twin < top->node->n)
        return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s:%zu:%zu: key '%s' stands in line %d already", reader->source,
                         reader->event.start_mark.line + 1, reader->event.start_mark.column + 1, text,
                         top->node->items[twin]->key_line);
    if (top->node->n == MAP_MAX)
        return refuse(reader, "too many keys for a configuration");
    top->key_line = (int)reader->event.start_mark.line + 1;
    top->key_column = (int)reader->event.start_mark.column + 1;
    top->key = strdup(text);
    return top->key ? VMTP_OK : VMTP_ENOMEM;
}

static int read_scalar(struct reader *reader)
{
    const yaml_event_t *event = &reader->event;
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, "a text has a NUL character in it");
    if (!tag_is_known(event->data.scalar.tag))
        return refuse(reader, "tags are not supported");
    int rc = count_node(reader, event->data.scalar.length);
    if (rc < 0)
        return rc;
    struct open_node *top = reader->depth ? &reader->open[reader->depth - 1] : NULL;
    if (top && top->node->kind == VMTP_NODE_MAP && !top->key)
        return read_key(reader, top);
    struct vmtp_node *node = new_here(reader, is_null(event) ? VMTP_NODE_NULL : VMTP_NODE_SCALAR);
    if (node && node->kind == VMTP_NODE_SCALAR && vmtp_set_text(&node->text, text) < 0) {
        vmtp_node_free(node);
        return VMTP_ENOMEM;
    }
    return place_value(reader, node);
}

static int open_node(struct reader *reader, enum vmtp_node_kind kind, const yaml_char_t *tag)
{
    if (!tag_is_known(tag))
        return refuse(reader, "tags are not supported");
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, "nested too deeply for a configuration");
    int rc = count_node(reader, 0);
    if (rc < 0)
        return rc;
    struct vmtp_node *node = new_here(reader, kind);
    rc = place_value(reader, node);
    if (rc < 0)
        return rc;
    reader->open[reader->depth++] = (struct open_node){.node = node};
    return VMTP_OK;
}

/* A deep copy that stands where the alias does; its nodes count. */
static int copy_alias(struct reader *reader, const struct vmtp_node *from, size_t depth, struct vmtp_node **copy)
{
    if (depth > DEPTH_MAX)
        return refuse(reader, "nested too deeply for a configuration");
    int rc = count_node(reader, from->text ? strlen(from->text) : 0);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(node) struct vmtp_node *node = new_here(reader, from->kind);
    if (!node || vmtp_set_text(&node->text, from->text) < 0)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < from->n; i++) {
        struct vmtp_node *item = NULL;
        rc = copy_alias(reader, from->items[i], depth + 1, &item);
        if (rc < 0)
            return rc;
        item->key_line = node->line;
        item->key_column = node->column;
        rc = add_member(node, from->keys ? strdup(from->keys[i]) : NULL, item);
        if (rc < 0)
            return rc;
    }
    *copy = VMTP_TAKE(node);
    return VMTP_OK;
}

static int read_alias(struct reader *reader)
{
    const char *name = (const char *)reader->event.data.alias.anchor;
    const struct vmtp_node *meant = NULL;
    for (size_t i = reader->n_anchors; i > 0 && !meant; i--)
        if (strcmp(reader->anchors[i - 1].name, name) == 0)
            meant = reader->anchors[i - 1].node;
    if (!meant)
        return refuse(reader, "an alias without an anchor of that name before it");
    for (size_t i = 0; i < reader->depth; i++)
        if (reader->open[i].node == meant)
            return refuse(reader, "an alias inside what it stands for");
    struct vmtp_node *copy = NULL;
    int rc = copy_alias(reader, meant, reader->depth, &copy);
    return rc < 0 ? rc : place_value(reader, copy);
}

static int read_event(struct reader *reader)
{
    switch (reader->event.type) {
    case YAML_DOCUMENT_START_EVENT:
        return reader->n_documents++ ? refuse(reader, "a second document; a configuration is one") : VMTP_OK;
    case YAML_SCALAR_EVENT:
        return read_scalar(reader);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(reader, VMTP_NODE_LIST, reader->event.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_node(reader, VMTP_NODE_MAP, reader->event.data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return VMTP_OK;
    case YAML_ALIAS_EVENT:
        return read_alias(reader);
    default:
        return VMTP_OK;
    }
}

static int read_stream(struct reader *reader)
{
    for (bool more = true; more;) {
        if (!yaml_parser_parse(&reader->parser, &reader->event))
            return syntax_error(reader);
        int rc = read_event(reader);
        more = reader->event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&reader->event);
        if (rc == VMTP_ENOMEM)
            return vmtp_fail(reader->ctx, rc, "%s: out of memory", reader->source);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

static int finish_root(struct reader *reader, struct vmtp_node **root)
{
    struct vmtp_node *node = reader->root;
    if (!node)
        node = reader->root = vmtp_node_new(VMTP_NODE_MAP, reader->source);
    if (!node)
        return VMTP_ENOMEM;
    if (node->kind == VMTP_NODE_NULL)
        node->kind = VMTP_NODE_MAP;
    if (node->kind != VMTP_NODE_MAP)
        return vmtp_node_fail(reader->ctx, node, "%s where lines of 'key: value' are expected",
                              vmtp_node_kind_name(node));
    *root = VMTP_TAKE(reader->root);
    return VMTP_OK;
}

int vmtp_config_parse(vmtp_ctx *ctx, const char *text, size_t len, const char *source, struct vmtp_node **root)
{
    if (len > FILE_MAX)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: larger than %d bytes", source, FILE_MAX);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader || !yaml_parser_initialize(&reader->parser)) {
        free(reader);
        return vmtp_fail(ctx, VMTP_ENOMEM, "%s: out of memory", source);
    }
    reader->ctx = ctx;
    reader->source = source;
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, len);
    int rc = read_stream(reader);
    if (rc == VMTP_OK)
        rc = finish_root(reader, root);

    for (size_t i = 0; i < reader->n_anchors; i++)
        free(reader->anchors[i].name);
    for (size_t i = 0; i < DEPTH_MAX; i++)
        free(reader->open[i].key);
    vmtp_node_free(reader->root);
    yaml_parser_delete(&reader->parser);
    free(reader);
    return rc;
}

int vmtp_config_read(vmtp_ctx *ctx, const char *path, struct vmtp_node **root)
{
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    int rc = vmtp_file_read(ctx, path, FILE_MAX, &text, &len);
    if (rc < 0)
        return rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG; /* the words are there; to the user it is a bad configuration */
    rc = vmtp_config_parse(ctx, text, len, path, root);
    explicit_bzero(text, len); /* there may be passwords in it */
    return rc;
}
