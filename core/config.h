/* SPDX-License-Identifier: Apache-2.0 */
/* YAML and command line as one tree that remembers where each value was written. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stddef.h>

#include "vmtp/plugin.h"

enum vmtp_node_kind { VMTP_NODE_NULL, VMTP_NODE_SCALAR, VMTP_NODE_LIST, VMTP_NODE_MAP };

struct vmtp_node {
    enum vmtp_node_kind kind;
    char *source;             /* "vmtp.cfg", or the option as the user wrote it: "--time" */
    int line, column;         /* from 1; 0: not from a file */
    int key_line, key_column; /* of its key, in a MAP; 0: not from a file */
    char *text;               /* SCALAR */
    char **keys;              /* MAP: n of them */
    struct vmtp_node **items; /* LIST and MAP: n of them */
    size_t n;
};

/* New nodes; NULL when out of memory. The tree owns what is put into it. */
struct vmtp_node *vmtp_node_scalar(const char *source, const char *text);
struct vmtp_node *vmtp_node_new(enum vmtp_node_kind kind, const char *source);
void vmtp_node_free(struct vmtp_node *node);

/* Puts value under a dotted key, making maps on the way; replaces what was there. Owns value also on failure, NULL is
 * VMTP_ENOMEM: the answer of vmtp_node_scalar() may be passed straight on. */
int vmtp_node_set(struct vmtp_node *map, const char *key, struct vmtp_node *value);
int vmtp_node_append(struct vmtp_node *list, struct vmtp_node *value);

/* The node under a dotted key, NULL when there is none. map may be NULL. */
const struct vmtp_node *vmtp_node_get(const struct vmtp_node *map, const char *key);

/* Takes the member at index i out of a map or list: frees it and its key. */
void vmtp_node_drop(struct vmtp_node *node, size_t i);

/* "a text", "a list" ...: what the user wrote there, for messages. */
const char *vmtp_node_kind_name(const struct vmtp_node *node);

/* Parses one YAML document, which is a map. An empty one gives an empty map. Errors are VMTP_ECONFIG
 * "file:line:column: words". Anchors are allowed, aliases expand within a fixed limit, depth and size are limited,
 * duplicate keys are refused. A plain scalar that is empty, "~" or "null" is NULL; everything else is text. */
int vmtp_config_parse(vmtp_ctx *ctx, const char *text, size_t len, const char *source, struct vmtp_node **root);
int vmtp_config_read(vmtp_ctx *ctx, const char *path, struct vmtp_node **root);

/* Lays upper over lower: maps key by key at every depth, everything else whole; null replaces. Consumes upper. */
int vmtp_config_merge(struct vmtp_node *lower, struct vmtp_node *upper);

/* VMTP_ECONFIG with "file:line:column: words" or "--time: words". */
int vmtp_node_fail(vmtp_ctx *ctx, const struct vmtp_node *node, const char *fmt, ...) VMTP_PRINTF(3);
void vmtp_node_warn(vmtp_ctx *ctx, const struct vmtp_node *node, const char *fmt, ...) VMTP_PRINTF(3);

/* Stands for the key of a value in those two; borrows from it. */
struct vmtp_node vmtp_node_key(const struct vmtp_node *value);

static inline void vmtp_clean_node(struct vmtp_node **node)
{
    vmtp_node_free(*node);
}
#endif
