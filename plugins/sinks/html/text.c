/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sinks/html/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The length of the UTF-8 sequence at p and its code point; 0 when it is none, overlong, or a surrogate. */
static size_t decode(const unsigned char *p, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char first[] = {0, 0xC2, 0xE0, 0xF0, 0xF5}; /* of the next length */
    size_t n = 1;
    while (n < 5 && *p >= first[n])
        n++;
    n = n == 5 || (*p >= 0x80 && *p < 0xC2) ? 0 : n;
    if (n == 0)
        return 0;
    *code = n == 1 ? *p : *p & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    bool bad = *code < least[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000);
    return bad && n > 1 ? 0 : n;
}

/* Not shown: control characters, what turns the direction of writing, invisible ones. */
static bool is_hidden(uint32_t code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0) || code == 0x61C ||
           code == 0xAD || (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFB) ||
           (code & 0xFFFE) == 0xFFFE || (code >= 0xE0000 && code <= 0xE0FFF);
}

static bool is_blank(uint32_t code)
{
    return code == '\n' || code == '\t' || code == 0x2028 || code == 0x2029;
}

/* Calls one for each character that may be shown, as UTF-8. */
static void each_char(FILE *out, const char *text, size_t max, void (*one)(FILE *out, const char *bytes, size_t n))
{
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;
    while (p && *p) {
        uint32_t code = 0;
        size_t n = decode(p, &code);
        if (max && used + n > max) {
            fputs("\xE2\x80\xA6", out);
            return;
        }
        if (n == 0 || is_hidden(code))
            one(out, "\xEF\xBF\xBD", 3);
        else if (is_blank(code))
            one(out, " ", 1);
        else
            one(out, (const char *)p, n);
        p += n ? n : 1;
        used += n ? n : 1;
    }
}

static void html_char(FILE *out, const char *bytes, size_t n)
{
    static const char special[] = "&<>\"'`=";
    if (n == 1 && strchr(special, *bytes))
        fprintf(out, "&#%d;", *bytes);
    else
        fwrite(bytes, 1, n, out);
}

void text_html(FILE *out, const char *text, size_t max)
{
    each_char(out, text, max, html_char);
}

/* A number reference is text in Markdown, wherever it is rendered. Renderers that look for addresses and mentions after
 * that, in what is text already, are kept from it by a joiner that nobody sees. */
static void markdown_char(FILE *out, const char *bytes, size_t n)
{
    static const char special[] = "&<>\"'`|*_~[]!#@\\:";
    if (n == 1 && strchr(special, *bytes))
        fprintf(out, "&#%d;", *bytes);
    else
        fwrite(bytes, 1, n, out);
    if (n == 1 && (strchr("#@", *bytes) || strncmp(bytes, "://", 3) == 0 || strncasecmp(bytes, "www.", 4) == 0))
        fputs("&#8288;", out);
}

void text_markdown(FILE *out, const char *text)
{
    each_char(out, text, 0, markdown_char);
}

/* --- numbers --- */

const char *text_fixed(double value, int decimals, char out[TEXT_MAX])
{
    static const long long steps[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    static const int last = sizeof steps / sizeof steps[0] - 1;
    long long step = steps[decimals < 0 ? 0 : decimals > last ? last : decimals];
    if (!isfinite(value) || fabs(value) * (double)step > 9e15) {
        snprintf(out, TEXT_MAX, isfinite(value) && fabs(value) < 1e30 ? "%.0f" : "-", value);
        return out;
    }
    long long whole = llround(fabs(value) * (double)step);
    const char *sign = value < 0 && whole ? "-" : "";
    if (step == 1)
        snprintf(out, TEXT_MAX, "%s%lld", sign, whole);
    else
        snprintf(out, TEXT_MAX, "%s%lld.%0*lld", sign, whole / step, decimals, whole % step);
    return out;
}

const char *text_number(double value, char out[TEXT_MAX])
{
    double size = fabs(value);
    int decimals = size == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : size >= 0.00095 ? 3 : 5;
    return text_fixed(value, decimals, out);
}

const char *text_percent(double percent, char out[TEXT_MAX])
{
    double size = fabs(percent);
    text_fixed(percent, size == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.0995 ? 2 : 4, out);
    size_t len = strlen(out);
    snprintf(out + len, TEXT_MAX - len, " %%");
    return out;
}

struct text_unit text_rate_unit(double max_bps)
{
    static const struct text_unit units[] = {
        {"bit/s", 1}, {"kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"Tbit/s", 1e12}};
    size_t i = 0;
    while (i + 1 < sizeof units / sizeof units[0] && max_bps >= 0.9995 * units[i + 1].factor)
        i++;
    return units[i];
}

struct text_unit text_time_unit(double max_ms)
{
    static const struct text_unit us = {"\xC2\xB5s", 1e-3}, ms = {"ms", 1}, whole = {"s", 1e3};
    return max_ms < 0.1 ? us : max_ms < 1e4 ? ms : whole;
}

static const char *with_unit(double value, struct text_unit unit, char out[TEXT_MAX])
{
    text_number(value / unit.factor, out);
    size_t len = strlen(out);
    snprintf(out + len, TEXT_MAX - len, " %s", unit.name);
    return out;
}

const char *text_rate(double bps, char out[TEXT_MAX])
{
    return with_unit(bps, text_rate_unit(bps), out);
}

const char *text_ms(double ms, char out[TEXT_MAX])
{
    static const struct text_unit unit = {"ms", 1};
    return with_unit(ms, unit, out);
}
