/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/quote.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { ARGS_MAX = 1 << 20, OPTIONS_MAX = VMTP_CLI_OPTIONS_MAX, NAMES_MAX = 2 * OPTIONS_MAX };

/* A part of argv[word] that nobody may see. */
struct hidden {
    int word;
    size_t from, to;
};

struct parser {
    vmtp_ctx *ctx;
    int argc, at; /* at: the next word */
    char **argv;
    struct vmtp_cli *cli;
    struct vmtp_node *lists[OPTIONS_MAX]; /* of REPEAT options, by index; the tree owns them */
    const char *given[OPTIONS_MAX];       /* how the user spelt it; NULL: not given */
    struct hidden *hidden;
    size_t n_hidden;
    const char *group;                      /* first word of a command of two: "plugin" */
    const struct vmtp_cli_command *command; /* NULL: no word yet */
    bool help, version, show_config;
    bool help_word, topic_unknown; /* `vmtp help`; the word behind it is no command */
};

/* ---- secrets ---- */

static int hide(struct parser *parser, int word, size_t from, size_t to)
{
    struct hidden *more = realloc(parser->hidden, (parser->n_hidden + 1) * sizeof *more);
    if (!more)
        return VMTP_ENOMEM;
    parser->hidden = more;
    parser->hidden[parser->n_hidden++] = (struct hidden){word, from, to};
    return VMTP_OK;
}

static int hide_value(struct parser *parser, const struct vmtp_cli_option *option, int word, size_t start)
{
    const char *value = parser->argv[word] + start;
    size_t from = 0, to = strlen(value);
    if (!(option->flags & VMTP_CLI_SECRET) && !vmtp_cli_find_secret(value, option->flags & VMTP_CLI_SPEC, &from, &to))
        return VMTP_OK;
    return hide(parser, word, start + from, start + to);
}

static void scrub(const struct parser *parser)
{
    for (size_t i = 0; i < parser->n_hidden; i++) {
        const struct hidden *hidden = &parser->hidden[i];
        memset(parser->argv[hidden->word] + hidden->from, '*', hidden->to - hidden->from);
    }
}

/* A word that was not understood may hold a secret that was meant for an option, so none stays. */
static void scrub_all(const struct parser *parser)
{
    for (int i = 1; i < parser->argc; i++)
        memset(parser->argv[i], '*', strlen(parser->argv[i]));
}

/* With '=', unlike vmtp_quote_word(): behind the program's name a shell gives it no meaning. */
static bool plain_word(const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)word[i]) && (!word[i] || !strchr("@%+=:,./_-", word[i])))
            return false;
    return true;
}

static int add_word(struct vmtp_buf *out, const char *word)
{
    return *word && plain_word(word, strlen(word)) ? vmtp_buf_text_add(out, word) : vmtp_quote_word(out, word);
}

/* The mask itself stands there unquoted, as readers of old results know it. */
static int add_masked(struct vmtp_buf *out, const char *word, const struct hidden *hidden)
{
    const char *rest = word + hidden->to;
    VMTP_CLEAN(mem) char *masked = vmtp_format("%.*s" VMTP_CLI_MASK "%s", (int)hidden->from, word, rest);
    if (!masked)
        return VMTP_ENOMEM;
    bool plain = plain_word(word, hidden->from) && plain_word(rest, strlen(rest));
    return plain ? vmtp_buf_text_add(out, masked) : vmtp_quote_word(out, masked);
}

static int make_args(struct parser *parser)
{
    VMTP_CLEAN(buf) struct vmtp_buf out = VMTP_BUF(ARGS_MAX);
    int rc = VMTP_OK;
    size_t next = 0; /* words are hidden in their order, each once */
    for (int i = 0; i < parser->argc && rc == VMTP_OK; i++) {
        const struct hidden *hidden = NULL;
        if (next < parser->n_hidden && parser->hidden[next].word == i)
            hidden = &parser->hidden[next++];
        if (i)
            rc = vmtp_buf_text_add(&out, " ");
        if (rc == VMTP_OK)
            rc = hidden ? add_masked(&out, parser->argv[i], hidden) : add_word(&out, parser->argv[i]);
    }
    if (rc < 0 && !out.cut)
        return rc;
    parser->cli->args = vmtp_buf_take(&out);
    if (!parser->cli->args)
        return VMTP_ENOMEM;
    vmtp_printable(parser->cli->args);
    return VMTP_OK;
}

/* ---- finding options ---- */

static char dash(char c)
{
    return c == '_' ? '-' : c;
}

/* Are the n characters of word the beginning of name? */
static bool begins(const char *name, const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!name[i] || dash(word[i]) != name[i])
            return false;
    return true;
}

static bool option_begins(const struct vmtp_cli_option *option, const char *word, size_t n)
{
    return begins(option->name, word, n) || (option->alias && begins(option->alias, word, n));
}

static bool option_is(const struct vmtp_cli_option *option, const char *word, size_t n)
{
    return (strlen(option->name) == n && begins(option->name, word, n)) ||
           (option->alias && strlen(option->alias) == n && begins(option->alias, word, n));
}

/* How many options with these flags begin with the word; the last of them goes to *found. */
static size_t count_prefix(const char *word, size_t n, unsigned flags, const struct vmtp_cli_option **found)
{
    size_t count = 0;
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
        if ((option->flags & flags) == flags && option_begins(option, word, n)) {
            *found = option;
            count++;
        }
    }
    return count;
}

static const struct vmtp_cli_option *find_exact(const char *word, size_t n)
{
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++)
        if (option_is(option, word, n))
            return option;
    return NULL;
}

static const struct vmtp_cli_option *find_brief(const char *word, size_t n)
{
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++)
        if (option->brief && strlen(option->brief) == n && strncmp(option->brief, word, n) == 0)
            return option;
    return NULL;
}

static int fail_ambiguous(struct parser *parser, const char *word, size_t n)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2048);
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++)
        if (option_begins(option, word, n))
            (void)vmtp_buf_printf(&list, "%s--%s", list.len ? ", " : "", option->name);
    return vmtp_fail(parser->ctx, VMTP_ECONFIG, "--%.*s can mean %s", (int)n, word, vmtp_buf_text(&list));
}

static const char *nearest_option(const char *word, size_t n)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)) && count + 2 <= NAMES_MAX; i++) {
        names[count++] = option->name;
        if (option->alias)
            names[count++] = option->alias;
    }
    names[count] = NULL;
    VMTP_CLEAN(mem) char *copy = strndup(word, n);
    return copy ? vmtp_nearest(copy, names) : NULL;
}

/* "--passwordS3cret": an option whose value is secret, joined to it. */
static const struct vmtp_cli_option *joined_secret(const char *word, size_t n)
{
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++)
        if ((option->flags & VMTP_CLI_SECRET) && n > strlen(option->name) &&
            begins(option->name, word, strlen(option->name)))
            return option;
    return NULL;
}

static int fail_unknown(struct parser *parser, const char *dashes, const char *word, size_t n)
{
    const struct vmtp_cli_option *secret = joined_secret(word, n);
    if (secret)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "--%s: its value follows behind '=' or as the next word",
                         secret->name);
    const char *near = nearest_option(word, n);
    if (near)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s%.*s: no such option; did you mean --%s?", dashes, (int)n, word,
                         near);
    return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s%.*s: no such option", dashes, (int)n, word);
}

/* A prefix is judged among the old program's options alone if it fits any of them. */
static int find_long(struct parser *parser, const char *word, size_t n, const struct vmtp_cli_option **option)
{
    *option = find_exact(word, n);
    if (*option)
        return VMTP_OK;
    size_t count = n ? count_prefix(word, n, VMTP_CLI_OLD, option) : 0;
    if (n && count == 0)
        count = count_prefix(word, n, 0, option);
    if (count > 1)
        return fail_ambiguous(parser, word, n);
    return count ? VMTP_OK : fail_unknown(parser, "--", word, n);
}

/* ---- values ---- */

static int put(struct parser *parser, const struct vmtp_cli_option *option, struct vmtp_node *value)
{
    struct vmtp_node *tree = option->key ? parser->cli->tree : parser->cli->own;
    return value ? vmtp_node_set(tree, option->key ? option->key : option->name, value) : VMTP_ENOMEM;
}

static int put_repeat(struct parser *parser, const struct vmtp_cli_option *option, size_t index, const char *source,
                      const char *text)
{
    if (!parser->lists[index]) {
        struct vmtp_node *list = vmtp_node_new(VMTP_NODE_LIST, source);
        int rc = put(parser, option, list);
        if (rc < 0)
            return rc;
        parser->lists[index] = list;
    }
    struct vmtp_node *item = vmtp_node_scalar(source, text);
    return item ? vmtp_node_append(parser->lists[index], item) : VMTP_ENOMEM;
}

static int append_trimmed(struct vmtp_node *list, const char *source, const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (from < to && isspace((unsigned char)to[-1]))
        to--;
    if (from == to)
        return VMTP_ECONFIG;
    VMTP_CLEAN(mem) char *text = strndup(from, (size_t)(to - from));
    struct vmtp_node *item = text ? vmtp_node_scalar(source, text) : NULL;
    return item ? vmtp_node_append(list, item) : VMTP_ENOMEM;
}

static int put_commas(struct parser *parser, const struct vmtp_cli_option *option, const char *source, const char *text)
{
    struct vmtp_node *list = vmtp_node_new(VMTP_NODE_LIST, source);
    int rc = put(parser, option, list);
    for (const char *p = text; rc == VMTP_OK; p++) {
        const char *end = strchrnul(p, ',');
        rc = append_trimmed(list, source, p, end);
        p = end;
        if (!*p)
            break;
    }
    if (rc == VMTP_ECONFIG)
        return vmtp_fail(parser->ctx, rc, "%s: '%s' has an empty place; it takes %s", source, text, option->arg);
    return rc;
}

static int put_bandwidth(struct parser *parser, const struct vmtp_cli_option *option, const char *source,
                         const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || !strchr("KkMmGg", text[digits]) || !text[digits] || text[digits + 1])
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s: '%s' is not an integer followed by K, M or G, as in 500M",
                         source, text);
    return put(parser, option, vmtp_node_scalar(source, text));
}

static int put_command(struct parser *parser, enum vmtp_command command)
{
    parser->help |= command == VMTP_CMD_HELP;
    parser->version |= command == VMTP_CMD_VERSION;
    parser->show_config |= command == VMTP_CMD_SHOW_CONFIG;
    return VMTP_OK;
}

static int put_value(struct parser *parser, const struct vmtp_cli_option *option, const char *source, const char *text)
{
    size_t index = (size_t)(option - vmtp_cli_option_at(0));
    if (option->arg && strcmp(option->arg, "FILE") == 0 && !*text) /* a variable of a script that is not set */
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s: the name of the file is empty", source);
    switch (option->type) {
    case VMTP_CLI_COMMAND:
        return put_command(parser, option->command);
    case VMTP_CLI_CONFIG:
        return vmtp_set_text(&parser->cli->config_file, text);
    case VMTP_CLI_SWITCH:
        parser->cli->switches |= option->switches;
        return VMTP_OK;
    case VMTP_CLI_REPEAT:
        return put_repeat(parser, option, index, source, text);
    case VMTP_CLI_COMMAS:
        return put_commas(parser, option, source, text);
    case VMTP_CLI_BANDWIDTH:
        return put_bandwidth(parser, option, source, text);
    case VMTP_CLI_FLAG:
    case VMTP_CLI_TEXT:
        break;
    }
    return put(parser, option, vmtp_node_scalar(source, text));
}

/* ---- words ---- */

/* -5 is a number, "-" is standard input: both are values. */
static bool looks_like_option(const char *word)
{
    double number;
    return word[0] == '-' && word[1] && !vmtp_parse_number(word, &number, NULL);
}

static int fail_no_value(struct parser *parser, const struct vmtp_cli_option *option, const char *source)
{
    const char *word = parser->at < parser->argc ? " (one that begins with '-' is joined by '=')" : "";
    return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s needs a value: %s%s", source, option->arg, word);
}

/* One option; its value, if joined, begins at argv[word][start] (start 0: not joined). */
static int take_option(struct parser *parser, const struct vmtp_cli_option *option, const char *source, int word,
                       size_t start)
{
    parser->given[option - vmtp_cli_option_at(0)] = option->name;
    if (!option->arg)
        return put_value(parser, option, source, "true");
    if (start == 0) {
        if (parser->at >= parser->argc || looks_like_option(parser->argv[parser->at]))
            return fail_no_value(parser, option, source);
        word = parser->at++;
    }
    int rc = hide_value(parser, option, word, start);
    return rc < 0 ? rc : put_value(parser, option, source, parser->argv[word] + start);
}

static int take_long(struct parser *parser, int word)
{
    const char *text = parser->argv[word];
    size_t len = strcspn(text, "=");
    const struct vmtp_cli_option *option;
    int rc = find_long(parser, text + 2, len - 2, &option);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *source = strndup(text, len);
    if (!source)
        return VMTP_ENOMEM;
    if (text[len] && !option->arg)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s takes no value", source);
    return take_option(parser, option, source, word, text[len] ? len + 1 : 0);
}

/* What is joined to a letter is never shown: it may be a password. */
static int fail_brief(struct parser *parser, const char *text, size_t at, size_t len)
{
    if (at > 1)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "-%c takes no value", text[at - 1]);
    const char *near = nearest_option(text + 1, len - 1);
    if (near)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "-%c: no such option; did you mean --%s?", text[1], near);
    return vmtp_fail(parser->ctx, VMTP_ECONFIG, "-%c: no such option", text[1]);
}

/* "-t5" "-t=5" "-dq" "-sc" */
static int take_brief(struct parser *parser, int word)
{
    const char *text = parser->argv[word];
    size_t len = strcspn(text, "=");
    if (len > 3 && find_exact(text + 1, len - 1)) /* "-password": hardly -p with "assword" */
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%.*s: did you mean -%.*s?", (int)len, text, (int)len, text);
    size_t n = find_brief(text + 1, len - 1) ? len - 1 : 1;
    for (size_t at = 1;; at += n, n = 1) {
        const struct vmtp_cli_option *option = find_brief(text + at, n);
        if (!option)
            return fail_brief(parser, text, at, len);
        const char *rest = text + at + n;
        const char source[] = {'-', text[at], n == 2 ? text[at + 1] : '\0', '\0'};
        if (!option->arg && *rest == '=')
            return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s takes no value", source);
        size_t start = option->arg && *rest ? (size_t)(rest - text) + (*rest == '=') : 0;
        int rc = take_option(parser, option, source, word, start);
        if (rc < 0 || option->arg || !*rest)
            return rc;
    }
}

/* ---- the command and its operands ---- */

/* A word that nobody asked for may be the rest of a password with a blank in it. */
static int fail_word(struct parser *parser, int word, const char *what, const char *const names[])
{
    const char *text = parser->argv[word];
    bool after_secret = parser->n_hidden && parser->hidden[parser->n_hidden - 1].word == word - 1;
    const char *near = names ? vmtp_nearest(text, names) : NULL;
    VMTP_CLEAN(mem) char *shown = after_secret || strpbrk(text, "@:=") ? vmtp_format("word %d", word)
                                                                       : vmtp_format("'%s'", text);
    VMTP_CLEAN(mem) char *hint = near ? vmtp_format("; did you mean '%s'?", near) : strdup("");
    if (!shown || !hint)
        return VMTP_ENOMEM;
    return vmtp_fail(parser->ctx, VMTP_ECONFIG, "%s %s%s", shown, what, hint);
}

/* The first words of all commands, or the second ones of those that begin with `first`. */
static void command_names(const char *first, const char *names[OPTIONS_MAX])
{
    size_t n = 0;
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)) && n + 1 < OPTIONS_MAX; i++) {
        if (!first)
            names[n++] = command->word;
        else if (command->sub && strcmp(command->word, first) == 0)
            names[n++] = command->sub;
    }
    names[n] = NULL;
}

static int take_command(struct parser *parser, int word)
{
    const char *text = parser->argv[word];
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)); i++) {
        bool same_group = parser->group && strcmp(parser->group, command->word) == 0;
        if (same_group ? strcmp(text, command->sub) != 0 : parser->group || strcmp(text, command->word) != 0)
            continue;
        if (command->command == VMTP_CMD_HELP)
            parser->help = parser->help_word = true;
        else if (command->sub && !parser->group)
            parser->group = command->word;
        else
            parser->command = command;
        return VMTP_OK;
    }
    const char *names[OPTIONS_MAX];
    parser->topic_unknown = parser->help_word;
    command_names(parser->group, names);
    VMTP_CLEAN(mem) char *what = vmtp_format("is no command of vmtp%s%s", parser->group ? " " : "",
                                             parser->group ? parser->group : "");
    return what ? fail_word(parser, word, what, names) : VMTP_ENOMEM;
}

static int take_word(struct parser *parser, int word)
{
    struct vmtp_cli *cli = parser->cli;
    if (!parser->command)
        return take_command(parser, word);
    if (cli->n_operands >= parser->command->most)
        return fail_word(parser, word, "is not expected here: it belongs to no option", NULL);
    char **grown = realloc(cli->operands, (cli->n_operands + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    cli->operands = grown;
    char *copy = strdup(parser->argv[word]);
    if (!copy)
        return VMTP_ENOMEM;
    cli->operands[cli->n_operands++] = copy;
    return VMTP_OK;
}

static int take_words(struct parser *parser)
{
    bool options = true;
    int rc = VMTP_OK;
    while (rc == VMTP_OK && parser->at < parser->argc) {
        int word = parser->at++;
        const char *text = parser->argv[word];
        if (!options || text[0] != '-' || !text[1])
            rc = take_word(parser, word);
        else if (strcmp(text, "--") == 0)
            options = false;
        else
            rc = text[1] == '-' ? take_long(parser, word) : take_brief(parser, word);
    }
    return rc;
}

/* ---- the whole ---- */

static int check_options(struct parser *parser, const struct vmtp_cli_command *command)
{
    for (size_t i = 0; vmtp_cli_option_at(i); i++)
        if (parser->given[i] && !(vmtp_cli_option_at(i)->commands & 1u << command->command))
            return vmtp_fail(parser->ctx, VMTP_ECONFIG, "--%s is not an option of vmtp %s%s%s", parser->given[i],
                             command->word, command->sub ? " " : "", command->sub ? command->sub : "");
    return VMTP_OK;
}

static int check_file(struct parser *parser)
{
    struct vmtp_cli *cli = parser->cli;
    if (cli->n_operands && cli->config_file)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "vmtp config check takes one file: -c or a word, not both");
    return cli->n_operands ? vmtp_set_text(&cli->config_file, cli->operands[0]) : VMTP_OK;
}

static int finish_command(struct parser *parser)
{
    const struct vmtp_cli_command *command = parser->command;
    if (!command && parser->group) {
        const char *names[OPTIONS_MAX];
        VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(1000);
        command_names(parser->group, names);
        for (size_t i = 0; names[i]; i++)
            (void)vmtp_buf_printf(&list, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "vmtp %s needs one more word: %s", parser->group,
                         vmtp_buf_text(&list));
    }
    if (!command)
        command = vmtp_cli_command_at(0);
    parser->cli->command = command->command;
    if (parser->cli->n_operands < command->least)
        return vmtp_fail(parser->ctx, VMTP_ECONFIG, "vmtp %s%s%s needs one more word: %s", command->word,
                         command->sub ? " " : "", command->sub ? command->sub : "", command->operand);
    int rc = check_options(parser, command);
    return rc == VMTP_OK && command->command == VMTP_CMD_CONFIG_CHECK ? check_file(parser) : rc;
}

static enum vmtp_command topic(const struct parser *parser)
{
    if (parser->command)
        return parser->command->command;
    const struct vmtp_cli_command *command;
    for (size_t i = 0; parser->group && (command = vmtp_cli_command_at(i)); i++)
        if (strcmp(command->word, parser->group) == 0)
            return command->command;
    return VMTP_CMD_RUN;
}

static int finish(struct parser *parser)
{
    struct vmtp_cli *cli = parser->cli;
    cli->topic = topic(parser);
    if (!parser->help && !parser->version && !parser->show_config)
        return finish_command(parser);
    cli->command = parser->help      ? VMTP_CMD_HELP
                   : parser->version ? VMTP_CMD_VERSION
                                     : VMTP_CMD_SHOW_CONFIG;
    return VMTP_OK;
}

int vmtp_cli_parse(vmtp_ctx *ctx, int argc, char **argv, struct vmtp_cli *cli)
{
    *cli = (struct vmtp_cli){
        .tree = vmtp_node_new(VMTP_NODE_MAP, "command line"), .own = vmtp_node_new(VMTP_NODE_MAP, "command line")};
    struct parser parser = {.ctx = ctx, .argc = argc, .argv = argv, .at = 1, .cli = cli};
    int rc = cli->tree && cli->own ? take_words(&parser) : VMTP_ENOMEM;
    if (rc == VMTP_ECONFIG && parser.help && !parser.topic_unknown) { /* who asks for help gets it */
        vmtp_ctx_forget(ctx);
        rc = VMTP_OK;
    }
    if (rc == VMTP_OK)
        rc = finish(&parser);
    if (rc == VMTP_OK)
        rc = make_args(&parser);
    if (rc == VMTP_OK)
        scrub(&parser);
    else
        scrub_all(&parser);
    free(parser.hidden);
    return rc;
}

void vmtp_cli_clear(struct vmtp_cli *cli)
{
    vmtp_node_free(cli->tree);
    vmtp_node_free(cli->own);
    for (size_t i = 0; i < cli->n_operands; i++)
        free(cli->operands[i]);
    free(cli->operands);
    free(cli->config_file);
    free(cli->args);
    *cli = (struct vmtp_cli){0};
}
