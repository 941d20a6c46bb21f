/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

enum { FILE_MAX = 64 * 1024, VALUE_MAX = 16 * 1024, NAME_SIZE = 128, VARIABLES_MAX = 512 };

static const char COMMAND[] = "a command tells it, and an rc file is not executed";
static const char EXPANSION[] = "only a shell can expand it, and an rc file is not executed";
static const char ASKED[] = "it is asked for";

const char *vmtp_os_variable(const struct vmtp_os_variables *variables, const char *name)
{
    const char *text = vmtp_pairs_get(&variables->known, name);
    return text && *text ? text : NULL;
}

void vmtp_os_variables_clear(struct vmtp_os_variables *variables)
{
    vmtp_pairs_clear(&variables->known);
    vmtp_pairs_clear(&variables->unknown);
}

/* What is read, and where in it we are. A pass over the text without steps back. */
struct reader {
    vmtp_ctx *ctx;
    const char *source, *at, *end;
    int line;
    bool env;
    int depth;        /* of if, while, case ... */
    bool conditional; /* behind && or || */
    const char *why;  /* the word that is read cannot be known; NULL: it can */
    struct vmtp_os_variables *variables;
};

static bool more(const struct reader *reader)
{
    return reader->at < reader->end;
}

static char take(struct reader *reader)
{
    char c = *reader->at++;
    reader->line += c == '\n';
    return c;
}

static char peek(const struct reader *reader, size_t ahead)
{
    return (size_t)(reader->end - reader->at) > ahead ? reader->at[ahead] : '\0';
}

static bool is_name_char(char c, bool first)
{
    return c == '_' || isalpha((unsigned char)c) || (!first && isdigit((unsigned char)c));
}

/* Length of the name of a variable at text, 0 when there is none or it is too long for one. */
static size_t name_length(const char *text, const char *end)
{
    size_t n = 0;
    while (text + n < end && is_name_char(text[n], n == 0))
        n++;
    return n < NAME_SIZE ? n : 0;
}

/* ---- variables ---- */

static int set_variable(struct reader *reader, const char *name, const char *text, const char *why)
{
    struct vmtp_os_variables *variables = reader->variables;
    if (!vmtp_pairs_get(&variables->known, name) && variables->known.n >= VARIABLES_MAX)
        return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s:%d: more than %d variables: not an rc file", reader->source,
                         reader->line, VARIABLES_MAX);
    bool only_shell = reader->depth > 0 || reader->conditional;
    if (only_shell && (vmtp_os_variable(variables, name) || (why && vmtp_pairs_get(&variables->unknown, name))))
        return VMTP_OK;
    VMTP_CLEAN(mem) char *reason = why ? vmtp_format("line %d: %s", reader->line, why) : NULL;
    if ((why && !reason) || vmtp_pairs_set(&variables->known, name, why ? "" : text) < 0 ||
        vmtp_pairs_set(&variables->unknown, name, reason) < 0)
        return vmtp_fail(reader->ctx, VMTP_ENOMEM, "out of memory");
    return VMTP_OK;
}

/* The value of an expansion; "" as in a shell when nobody knows the name. */
static const char *value_of(struct reader *reader, const char *name)
{
    if (vmtp_pairs_get(&reader->variables->unknown, name)) {
        reader->why = ASKED;
        return "";
    }
    const char *text = vmtp_pairs_get(&reader->variables->known, name);
    if (!text && (reader->env || strcmp(name, "HOME") == 0))
        text = vmtp_secret_env(name);
    return text ? text : "";
}

/* ---- words ---- */

static int add(struct reader *reader, struct vmtp_buf *word, const char *text, size_t n)
{
    int rc = vmtp_buf_add(word, text, n);
    if (rc < 0)
        return vmtp_fail(reader->ctx, rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG, "%s:%d: a value of more than %d bytes",
                         reader->source, reader->line, VALUE_MAX);
    return VMTP_OK;
}

static int not_closed(struct reader *reader, int line, const char *what)
{
    return vmtp_fail(reader->ctx, VMTP_ECONFIG, "%s:%d: %s that is not closed", reader->source, line, what);
}

static void skip_quotes(struct reader *reader, char quote)
{
    while (more(reader)) {
        char c = take(reader);
        if (c == quote)
            return;
        if (c == '\\' && quote == '"' && more(reader))
            take(reader);
    }
}

/* Behind the bracket that closes the one before `at`. */
static int skip_bracket(struct reader *reader, char open, char closing)
{
    int line = reader->line;
    for (size_t depth = 1; more(reader);) {
        char c = take(reader);
        if (c == '\\' && more(reader))
            take(reader);
        else if ((c == '\'' || c == '"') && closing != '`')
            skip_quotes(reader, c);
        else if (c == closing && --depth == 0)
            return VMTP_OK;
        else if (c == open && open != closing)
            depth++;
    }
    return not_closed(reader, line, closing == '`' ? "a backquote" : "a bracket");
}

/* ${NAME}, ${NAME:-text}, ${NAME-text}; at is behind the brace. */
static int expand_braces(struct reader *reader, struct vmtp_buf *word)
{
    char name[NAME_SIZE];
    size_t n = name_length(reader->at, reader->end);
    memcpy(name, reader->at, n);
    name[n] = '\0';
    reader->at += n;
    const char *rest = reader->at;
    int rc = skip_bracket(reader, '{', '}');
    if (rc < 0)
        return rc;
    size_t len = (size_t)(reader->at - 1 - rest);
    if (n == 0 || (len > 0 && rest[0] != '-' && !(rest[0] == ':' && len > 1 && rest[1] == '-'))) {
        reader->why = EXPANSION;
        return VMTP_OK;
    }
    const char *why = reader->why, *value = value_of(reader, name);
    if (*value || len == 0 || reader->why != why)
        return add(reader, word, value, strlen(value));
    size_t sign = rest[0] == ':' ? 2 : 1;
    for (size_t i = sign; i < len; i++)
        if (strchr("$`\"'\\", rest[i]))
            reader->why = EXPANSION;
    return add(reader, word, rest + sign, len - sign);
}

/* What follows a '$', which has been taken. */
static int expand(struct reader *reader, struct vmtp_buf *word)
{
    char name[NAME_SIZE];
    size_t n = name_length(reader->at, reader->end);
    if (n) {
        memcpy(name, reader->at, n);
        name[n] = '\0';
        reader->at += n;
        const char *value = value_of(reader, name);
        return add(reader, word, value, strlen(value));
    }
    switch (peek(reader, 0)) {
    case '(':
        take(reader);
        reader->why = COMMAND;
        return skip_bracket(reader, '(', ')');
    case '{':
        take(reader);
        return expand_braces(reader, word);
    case '\'':
        reader->why = EXPANSION;
        return VMTP_OK;
    default:
        return add(reader, word, "$", 1);
    }
}

static int read_backquotes(struct reader *reader)
{
    reader->why = COMMAND;
    return skip_bracket(reader, '`', '`');
}

/* A backslash has been taken; at the end of a line both are nothing. */
static int read_escaped(struct reader *reader, struct vmtp_buf *word, const char *special)
{
    if (!more(reader))
        return add(reader, word, "\\", 1);
    if (peek(reader, 0) == '\r' && peek(reader, 1) == '\n')
        take(reader);
    char c = take(reader);
    if (c == '\n')
        return VMTP_OK;
    if (special && !strchr(special, c)) {
        int rc = add(reader, word, "\\", 1);
        if (rc < 0)
            return rc;
    }
    return add(reader, word, &c, 1);
}

static int read_single(struct reader *reader, struct vmtp_buf *word)
{
    int line = reader->line;
    while (more(reader)) {
        char c = take(reader);
        if (c == '\'')
            return VMTP_OK;
        int rc = add(reader, word, &c, 1);
        if (rc < 0)
            return rc;
    }
    return not_closed(reader, line, "a single quote");
}

static int read_double(struct reader *reader, struct vmtp_buf *word)
{
    int line = reader->line, rc = VMTP_OK;
    while (more(reader) && rc == VMTP_OK) {
        char c = take(reader);
        if (c == '"')
            return VMTP_OK;
        if (c == '\\')
            rc = read_escaped(reader, word, "$`\"\\");
        else if (c == '$')
            rc = expand(reader, word);
        else if (c == '`')
            rc = read_backquotes(reader);
        else
            rc = add(reader, word, &c, 1);
    }
    return rc < 0 ? rc : not_closed(reader, line, "a double quote");
}

static bool ends_word(const struct reader *reader)
{
    char c = peek(reader, 0);
    return strchr(" \t\n;&|()<>", c) || (c == '\r' && strchr("\n", peek(reader, 1)));
}

/* Everything up to the next blank or separator, put together. */
static int read_word(struct reader *reader, struct vmtp_buf *word)
{
    int rc = VMTP_OK;
    vmtp_buf_reset(word);
    reader->why = NULL;
    while (more(reader) && rc == VMTP_OK && !ends_word(reader)) {
        char c = take(reader);
        if (c == '\'')
            rc = read_single(reader, word);
        else if (c == '"')
            rc = read_double(reader, word);
        else if (c == '\\')
            rc = read_escaped(reader, word, NULL);
        else if (c == '$')
            rc = expand(reader, word);
        else if (c == '`')
            rc = read_backquotes(reader);
        else
            rc = add(reader, word, &c, 1);
    }
    return rc;
}

/* ---- commands ---- */

/* What the words of a command that is read mean. */
enum meaning { BEGINS, ASSIGNS, UNSETS, READS, SOURCES, FOREIGN };

static bool is_one_of(const char *word, const char *const words[])
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static enum meaning first_word(struct reader *reader, const char *word)
{
    static const char *const opening[] = {"if", "while", "until", "for", "case", NULL};
    static const char *const going_on[] = {"then", "do", "else", "elif", "{", "!", "time", NULL};
    static const char *const closing[] = {"fi", "done", "esac", NULL};
    static const char *const exporting[] = {"export", "declare", "typeset", "readonly", "local", NULL};
    if (is_one_of(word, opening)) {
        reader->depth++;
        return word[0] == 'f' || word[0] == 'c' ? FOREIGN : BEGINS;
    }
    if (is_one_of(word, closing)) {
        reader->depth -= reader->depth > 0;
        return FOREIGN;
    }
    if (is_one_of(word, going_on))
        return BEGINS;
    return is_one_of(word, exporting)                             ? ASSIGNS
           : strcmp(word, "unset") == 0                           ? UNSETS
           : strcmp(word, "read") == 0                            ? READS
           : strcmp(word, ".") == 0 || strcmp(word, "source") == 0 ? SOURCES
                                                                  : FOREIGN;
}

/* A word that is no assignment. */
static int other_word(struct reader *reader, const char *word, enum meaning *meaning)
{
    if (*meaning == BEGINS) {
        *meaning = first_word(reader, word);
        return VMTP_OK;
    }
    bool is_name = *word && word[name_length(word, word + strlen(word))] == '\0';
    if (*meaning == READS && is_name)
        return set_variable(reader, word, NULL, ASKED);
    if (*meaning == UNSETS && is_name && reader->depth == 0 && !reader->conditional)
        return set_variable(reader, word, "", NULL);
    if (*meaning == SOURCES) {
        vmtp_warn(reader->ctx, "%s:%d: the file that it reads, '%s', is not looked at", reader->source, reader->line,
                  word);
        *meaning = FOREIGN;
    }
    return VMTP_OK;
}

static int read_command(struct reader *reader, struct vmtp_buf *word)
{
    enum meaning meaning = BEGINS;
    while (more(reader)) {
        char c = peek(reader, 0);
        if (c == ' ' || c == '\t' || c == '\r') {
            take(reader);
            continue;
        }
        if (c == '#')
            while (more(reader) && peek(reader, 0) != '\n')
                take(reader);
        if (!more(reader) || ends_word(reader))
            return VMTP_OK;
        char name[NAME_SIZE];
        size_t n = meaning == BEGINS || meaning == ASSIGNS ? name_length(reader->at, reader->end) : 0;
        bool assignment = n > 0 && peek(reader, n) == '=';
        memcpy(name, reader->at, n);
        name[n] = '\0';
        reader->at += assignment ? n + 1 : 0;
        int rc = read_word(reader, word);
        if (rc == VMTP_OK && assignment)
            rc = set_variable(reader, name, vmtp_buf_text(word), reader->why);
        else if (rc == VMTP_OK)
            rc = other_word(reader, vmtp_buf_text(word), &meaning);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

static void read_separator(struct reader *reader)
{
    char c = take(reader);
    if ((c == '&' || c == '|') && peek(reader, 0) == c) {
        take(reader);
        reader->conditional = true;
    } else if (c == '\n' || c == ';') {
        reader->conditional = false;
    }
}

int vmtp_os_rcfile_parse(vmtp_ctx *ctx, const char *text, size_t len, const char *source, bool env,
                         struct vmtp_os_variables *variables)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    struct reader reader = {
        .ctx = ctx, .source = source, .at = text, .end = text + len, .line = 1, .env = env, .variables = variables};
    if (memchr(text, '\0', len))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: not a text file", source);
    if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0)
        reader.at += 3;
    struct vmtp_buf word = VMTP_BUF(VALUE_MAX);
    int rc = VMTP_OK;
    while (more(&reader) && rc == VMTP_OK) {
        rc = read_command(&reader, &word);
        if (rc == VMTP_OK && more(&reader))
            read_separator(&reader);
    }
    if (word.data)
        explicit_bzero(word.data, word.room);
    vmtp_buf_clear(&word);
    return rc;
}

int vmtp_os_rcfile(vmtp_ctx *ctx, const char *path, bool env, struct vmtp_os_variables *variables)
{
    char *text = NULL;
    size_t len = 0;
    int rc = vmtp_file_read(ctx, path, FILE_MAX, &text, &len);
    if (rc < 0)
        return vmtp_fail(ctx, rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG, "rc file");
    rc = vmtp_os_rcfile_parse(ctx, text, len, path, env, variables);
    explicit_bzero(text, len);
    free(text);
    return rc;
}
