/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools of this folder share: building a command, reading text that a program printed, handing numbers over.
 * All of it is inline, so that each plugin stays complete by itself, also when several are built into one library. */
#ifndef PLUGINS_TOOLS_COMMON_H
#define PLUGINS_TOOLS_COMMON_H

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmtp/plugin.h"

/* --- the arguments of a program --- */

enum { VMTP_ARGS_MAX = 40, VMTP_ARGS_TEXT = 1024 };

struct vmtp_args {
    const char *argv[VMTP_ARGS_MAX + 1]; /* NULL-ended */
    size_t n, used;
    char text[VMTP_ARGS_TEXT];
};

/* A word that lives longer than args. */
static inline void vmtp_arg(struct vmtp_args *args, const char *word)
{
    assert(args->n < VMTP_ARGS_MAX);
    args->argv[args->n++] = word;
}

/* A word that is made here. */
static inline void VMTP_PRINTF(2) vmtp_argf(struct vmtp_args *args, const char *fmt, ...)
{
    va_list values;
    va_start(values, fmt);
    int n = vsnprintf(args->text + args->used, sizeof args->text - args->used, fmt, values);
    va_end(values);
    assert(n >= 0 && (size_t)n < sizeof args->text - args->used);
    vmtp_arg(args, args->text + args->used);
    args->used += (size_t)n + 1;
}

/* Programs would take such an address for an option. */
static inline int vmtp_check_target(vmtp_ctx *ctx, const char *target)
{
    if (!target || !*target || *target == '-')
        return vmtp_fail(ctx, VMTP_ECONFIG, "'%s' is not an address to measure to", target ? target : "");
    return VMTP_OK;
}

/* True when the address is one of the endpoint's own, so that a server can be bound to it: behind address translation,
 * the one that is dialled is not. What cannot be told counts as no. */
static inline bool vmtp_has_address(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    char pattern[80] = "";
    const char *file = NULL;
    if (inet_pton(AF_INET, address, &four) == 1) {
        file = "/proc/net/fib_trie";
        snprintf(pattern, sizeof pattern, "|-- %s", address);
    } else if (inet_pton(AF_INET6, address, &six) == 1) {
        file = "/proc/net/if_inet6";
        for (size_t i = 0; i < sizeof six.s6_addr; i++)
            snprintf(pattern + 2 * i, 3, "%02x", six.s6_addr[i]);
    }
    if (!file)
        return false;
    const char *const argv[] = {"grep", "-qwF", "-e", pattern, file, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    return vmtp_exec(ctx, ep, argv, &out) == VMTP_OK && out.exit_status == 0;
}

/* --- text that a program printed: hostile until checked --- */

enum { VMTP_LINE_MAX = 4096, VMTP_WORDS = 200 };

/* What is wrong with a whole output, or NULL. Text that passes is lines that end with a newline, without a NUL. */
static inline const char *vmtp_text_flaw(const char *text, size_t len)
{
    if (len == 0)
        return "it is empty";
    if (memchr(text, '\0', len))
        return "it has a NUL character";
    if (text[len - 1] != '\n')
        return "it ends in the middle of a line";
    for (const char *line = text, *end; line < text + len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + len - line));
        if (end - line > VMTP_LINE_MAX)
            return "it has a line of more than 4096 characters";
    }
    return NULL;
}

/* Takes the next line of checked text. False at the end. */
static inline bool vmtp_next_line(const char **text, const char *end, char line[VMTP_LINE_MAX + 1])
{
    if (*text >= end)
        return false;
    const char *stop = memchr(*text, '\n', (size_t)(end - *text));
    size_t len = stop ? (size_t)(stop - *text) : (size_t)(end - *text);
    if (len > VMTP_LINE_MAX)
        len = VMTP_LINE_MAX;
    memcpy(line, *text, len);
    line[len] = '\0';
    *text = stop ? stop + 1 : end;
    return true;
}

/* Reads digits with an optional fraction, without a sign or an exponent, in any locale. False when there is none, or
 * when the value is more than most. *text is behind it afterwards. */
static inline bool vmtp_scan_number(const char **text, double most, double *value)
{
    const char *p = *text;
    double mantissa = 0, scale = 1;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if ((mantissa = mantissa * 10 + (*p - '0')) > most)
            return false;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++) {
            if (scale < 1e15) { /* what is beyond does not count in a double */
                mantissa = mantissa * 10 + (*p - '0');
                scale *= 10;
            }
        }
    }
    if (mantissa / scale > most)
        return false;
    *text = p;
    *value = mantissa / scale;
    return true;
}

/* Goes on behind a word if the text begins with it. */
static inline bool vmtp_scan_word(const char **text, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*text, word, len) != 0)
        return false;
    *text += len;
    return true;
}

static inline void vmtp_skip_blanks(const char **text)
{
    *text += strspn(*text, " \t\r");
}

static inline void vmtp_copy_words(char words[VMTP_WORDS], const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t len = strcspn(text, "\r\n");
    if (len >= VMTP_WORDS)
        len = VMTP_WORDS - 1;
    memcpy(words, text, len);
    words[len] = '\0';
}

/* What a program says of its failure: the first line that sounds like one, else the first line that is not empty. */
static inline const char *vmtp_error_words(const struct vmtp_output *out, char words[VMTP_WORDS])
{
    static const char *const signs[] = {"rror", "ailed", "refused", "WARNING", "nvalid", "unreachable", "nknown", ""};
    const char *const parts[] = {out->err ? out->err : "", out->out ? out->out : ""};
    for (size_t s = 0; s < sizeof signs / sizeof signs[0]; s++) {
        for (size_t i = 0; i < 2; i++) {
            const char *sign = strstr(parts[i], signs[s]);
            if (!sign || !parts[i][strspn(parts[i], " \t\r\n")])
                continue;
            while (sign > parts[i] && sign[-1] != '\n')
                sign--;
            vmtp_copy_words(words, sign);
            return words;
        }
    }
    vmtp_copy_words(words, "it said nothing");
    return words;
}

/* "6.1.2" behind a prefix, as text and as 60102. False when the prefix with a number behind it is not there. */
enum { VMTP_VERSION_TEXT = 24 };
static inline bool vmtp_scan_version(const char *text, const char *prefix, char version[VMTP_VERSION_TEXT],
                                     unsigned *number)
{
    const char *p = strstr(text, prefix);
    if (!p)
        return false;
    p += strlen(prefix);
    size_t len = strspn(p, "0123456789.");
    if (len == 0 || len >= VMTP_VERSION_TEXT || *p == '.')
        return false;
    memcpy(version, p, len);
    version[len] = '\0';
    *number = 0;
    for (unsigned part = 0; part < 3; part++) {
        double value = 0;
        unsigned digits = 0;
        for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
            value = value * 10 + (*p - '0');
        *number = *number * 100 + (value < 99 ? (unsigned)value : 99);
        p += *p == '.';
    }
    return true;
}

/* Finds a program on the endpoint and asks it for its version: *path is how it is called there, out what it says. */
static inline int vmtp_ask_version(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *name, const char *configured,
                                   const char *option, const char **path, struct vmtp_output *out)
{
    int rc = vmtp_program(ctx, ep, name, configured, path);
    if (rc < 0)
        return rc;
    const char *const argv[] = {*path, option, NULL};
    return vmtp_exec(ctx, ep, argv, out);
}

/* --- what an instance keeps --- */

/* Frees a list whose members have `next` and own nothing else. */
#define VMTP_FREE_LIST(list)                                             \
    do {                                                                 \
        for (__typeof__(list) item_ = (list), next_; item_; item_ = next_) { \
            next_ = item_->next;                                         \
            free(item_);                                                 \
        }                                                                \
    } while (0)

/* The version of the program on each endpoint. */
struct vmtp_version {
    vmtp_endpoint *ep;
    unsigned number; /* 60102 for 6.1.2 */
    struct vmtp_version *next;
};

static inline int vmtp_version_keep(vmtp_ctx *ctx, struct vmtp_version **versions, vmtp_endpoint *ep, unsigned number)
{
    struct vmtp_version *version = calloc(1, sizeof *version);
    if (!version)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *version = (struct vmtp_version){ep, number, *versions};
    *versions = version;
    return VMTP_OK;
}

/* 0: unknown. */
static inline unsigned vmtp_version_of(const struct vmtp_version *version, const vmtp_endpoint *ep)
{
    while (version && version->ep != ep)
        version = version->next;
    return version ? version->number : 0;
}

/* --- numbers on their way to the result --- */

enum { VMTP_NUMBERS_MAX = 24 };

struct vmtp_numbers {
    struct vmtp_value items[VMTP_NUMBERS_MAX];
    size_t n;
};

/* The value of a metric; NULL when it is not among them. */
static inline struct vmtp_value *vmtp_number_find(struct vmtp_numbers *numbers, const char *metric)
{
    for (size_t i = 0; i < numbers->n; i++)
        if (strcmp(numbers->items[i].metric, metric) == 0)
            return &numbers->items[i];
    return NULL;
}

/* metric is a constant. A metric that is set twice: the last counts. */
static inline void vmtp_number_set(struct vmtp_numbers *numbers, const char *metric, double value)
{
    struct vmtp_value *known = vmtp_number_find(numbers, metric);
    if (!known) {
        assert(numbers->n < VMTP_NUMBERS_MAX);
        known = &numbers->items[numbers->n++];
    }
    *known = (struct vmtp_value){.metric = metric, .value = value};
}

static inline double vmtp_number(struct vmtp_numbers *numbers, const char *metric, double fallback)
{
    const struct vmtp_value *known = vmtp_number_find(numbers, metric);
    return known ? known->value : fallback;
}

static inline void vmtp_number_drop(struct vmtp_numbers *numbers, const char *metric)
{
    struct vmtp_value *known = vmtp_number_find(numbers, metric);
    if (known)
        *known = numbers->items[--numbers->n];
}

/* Reports all of them as the result of the measurement that runs. */
static inline int vmtp_numbers_report(vmtp_ctx *ctx, const struct vmtp_numbers *numbers)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < numbers->n && rc == VMTP_OK; i++)
        rc = vmtp_metric(ctx, numbers->items[i].metric, numbers->items[i].value);
    return rc;
}

#endif
