/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for people: printed without their secrets. */
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cli.h"
#include "core/keys.h"
#include "core/secret.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

/* As a double-quoted YAML scalar unless it is plain beyond doubt. */
static void print_scalar(FILE *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+";
    if (*text && *text != '.' && *text != '+' && text[strspn(text, plain)] == '\0' && strcasecmp(text, "null") != 0) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\x%02X", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void print_without(FILE *out, const char *text, size_t from, size_t to)
{
    VMTP_CLEAN(mem) char *masked = vmtp_format("%.*s" VMTP_CLI_MASK "%s", (int)from, text, text + to);
    print_scalar(out, masked ? masked : VMTP_CLI_MASK);
}

/* user@host:<MASKED>: an interface behind the password goes too, as nothing tells where a password ends. */
static void print_host(FILE *out, const char *text)
{
    const char *at = strchr(text, '@');
    const char *host = at ? at + 1 : text;
    size_t colon = (size_t)(host - text) + (*host == '[' ? strcspn(host, "]") : 0);
    colon += strcspn(text + colon, ":");
    if (text[colon])
        print_without(out, text, colon + 1, strlen(text));
    else
        print_scalar(out, text);
}

/* A value that may hold a password: as a URL does, or behind a key of a specification. */
static void print_careful(FILE *out, const char *text, bool specification)
{
    size_t from, to;
    if (vmtp_cli_find_secret(text, specification, &from, &to))
        print_without(out, text, from, to);
    else
        print_scalar(out, text);
}

enum show { SHOW_ALL, SHOW_HOST, SHOW_SPEC, SHOW_NOTHING };

static void print_text(FILE *out, const char *text, enum show show)
{
    fputc(' ', out);
    if (show == SHOW_NOTHING)
        print_scalar(out, VMTP_CLI_MASK);
    else if (show == SHOW_HOST)
        print_host(out, text);
    else
        print_careful(out, text, show == SHOW_SPEC);
    fputc('\n', out);
}

/* How the i-th member of a list or map is shown. */
static enum show inner_show(const struct vmtp_node *node, size_t i, enum show show)
{
    if (node->kind != VMTP_NODE_MAP)
        return show;
    if (vmtp_secret_name(node->keys[i], strlen(node->keys[i])))
        return SHOW_NOTHING;
    return show == SHOW_HOST ? SHOW_ALL : show; /* a host as a map: its parts */
}

static void print_node(FILE *out, const struct vmtp_node *node, unsigned depth, enum show show)
{
    switch (node->kind) {
    case VMTP_NODE_NULL:
        fputs("\n", out);
        return;
    case VMTP_NODE_SCALAR:
        print_text(out, node->text, show);
        return;
    case VMTP_NODE_LIST:
    case VMTP_NODE_MAP:
        break;
    }
    if (node->n == 0)
        fputs(node->kind == VMTP_NODE_MAP ? " {}" : " []", out);
    fputc('\n', out);
    for (size_t i = 0; i < node->n; i++) {
        fprintf(out, "%*s", (int)(2 * depth + 2), "");
        bool map = node->kind == VMTP_NODE_MAP;
        if (map)
            print_scalar(out, node->keys[i]);
        fputs(map ? ":" : "-", out);
        print_node(out, node->items[i], depth + 1, inner_show(node, i, show));
    }
}

static enum show show_of(const struct vmtp_key *key)
{
    if (!key)
        return SHOW_ALL;
    switch (key->type) {
    case VMTP_KEY_HOST:
    case VMTP_KEY_HOSTS:
        return SHOW_HOST;
    case VMTP_KEY_SPEC:
    case VMTP_KEY_SPECS:
    case VMTP_KEY_PLUGINS:
        return SHOW_SPEC;
    default:
        return key->flags & VMTP_KEY_SECRET ? SHOW_NOTHING : SHOW_ALL;
    }
}

void vmtp_settings_print(const struct vmtp_settings *settings, FILE *out)
{
    const struct vmtp_node *tree = settings->tree;
    fputs("---\n", out);
    for (size_t i = 0; tree && i < tree->n; i++) {
        fprintf(out, "%s:", tree->keys[i]);
        print_node(out, tree->items[i], 0, show_of(vmtp_key_find(tree->keys[i])));
    }
}

/* ---- is there one? ---- */

static bool host_has_password(const struct vmtp_node *node)
{
    struct vmtp_hostspec spec;
    (void)vmtp_hostspec_parse(NULL, node, true, &spec); /* what is wrong with it is told elsewhere */
    bool has = spec.password != NULL;
    vmtp_hostspec_clear(&spec);
    return has;
}

static bool text_has_secret(const struct vmtp_node *node, enum show show)
{
    size_t from, to;
    if (!node->text || !*node->text)
        return false;
    if (show == SHOW_HOST)
        return host_has_password(node);
    return show == SHOW_NOTHING || vmtp_cli_find_secret(node->text, show == SHOW_SPEC, &from, &to);
}

static bool node_has_secret(const struct vmtp_node *node, enum show show)
{
    if (node->kind == VMTP_NODE_SCALAR)
        return text_has_secret(node, show);
    bool has = false;
    for (size_t i = 0; i < node->n && !has; i++)
        has = node_has_secret(node->items[i], inner_show(node, i, show));
    return has;
}

bool vmtp_settings_hold_secret(const struct vmtp_node *layer)
{
    bool has = false;
    for (size_t i = 0; i < layer->n && !has; i++)
        has = node_has_secret(layer->items[i], show_of(vmtp_key_find(layer->keys[i])));
    return has;
}
