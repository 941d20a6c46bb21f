/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config-print.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cli.h"

static const char MASK[] = "<MASKED>";

/* Plain where no reader could take it for something else, else in double quotes. */
static bool is_plain(const char *text)
{
    if (!isalnum((unsigned char)text[0]) && text[0] != '/' && text[0] != '_')
        return false;
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-./@+%", *p))
            return false;
    static const char *const words[] = {"yes", "no", "on", "off", "null", "y", "n"}; /* readers differ about these */
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return true;
}

static void print_quoted(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

static bool is_any(const char *key, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

/* The password of USER@ADDRESS:PASSWORD[:INTERFACE][?query]: all behind the address, since its end cannot be told. */
static bool host_secret(const char *text, size_t *from, size_t *to)
{
    const char *at = strchr(text, '@');
    const char *address = at ? at + 1 : text;
    const char *bracket = *address == '[' ? strchr(address, ']') : NULL;
    const char *colon = strchr(bracket ? bracket : address, ':');
    if (!colon || colon[1] == '\0')
        return false;
    *from = (size_t)(colon + 1 - text);
    *to = strlen(text);
    return true;
}

static bool find_secret(const char *key, const char *text, size_t *from, size_t *to)
{
    static const char *const hosts[] = {"hosts", "host", "external_host", "controller_node", NULL};
    static const char *const specs[] = {"sink", "topology", "tp_tool", NULL};
    if (strstr(key, "password") || strstr(key, "secret") || strstr(key, "passphrase")) {
        *from = 0;
        *to = strlen(text);
        return *to > 0;
    }
    return is_any(key, hosts) ? host_secret(text, from, to) : vmtp_cli_find_secret(text, is_any(key, specs), from, to);
}

static void print_scalar(FILE *out, const char *key, const char *text)
{
    size_t from = 0, to = 0;
    bool secret = find_secret(key, text, &from, &to);
    if (!secret && is_plain(text)) {
        fprintf(out, "%s\n", text);
        return;
    }
    fputc('"', out);
    print_quoted(out, text, secret ? from : strlen(text));
    if (secret) {
        fputs(MASK, out);
        print_quoted(out, text + to, strlen(text + to));
    }
    fputs("\"\n", out);
}

/* What stands behind "key:" or "- "; the first key of a map behind "- " stands on the same line. */
static void print_node(FILE *out, const char *key, const struct vmtp_node *node, int depth, bool after_dash)
{
    const char *blank = after_dash ? "" : " ";
    bool map = node->kind == VMTP_NODE_MAP;
    if (node->kind == VMTP_NODE_NULL) {
        fprintf(out, "%snull\n", blank);
    } else if (node->kind == VMTP_NODE_SCALAR) {
        fputs(blank, out);
        print_scalar(out, key, node->text);
    } else if (node->n == 0) {
        fprintf(out, "%s%s\n", blank, map ? "{}" : "[]");
    } else {
        bool same_line = map && after_dash;
        if (!same_line && depth > 0)
            fputc('\n', out);
        for (size_t i = 0; i < node->n; i++) {
            fprintf(out, "%*s", i == 0 && same_line ? 0 : depth * 2, "");
            if (map)
                fprintf(out, "%s:", node->keys[i]);
            else
                fputs("- ", out);
            print_node(out, map ? node->keys[i] : key, node->items[i], depth + 1, !map);
        }
    }
}

void vmtp_config_print(FILE *out, const struct vmtp_node *root)
{
    print_node(out, "", root, 0, true);
}
