/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/str.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmtp/plugin.h"

enum { NAME_MAX_COMPARED = 63 };

char *vmtp_format(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return n < 0 ? NULL : text;
}

static locale_t c_locale;
static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t vmtp_c_locale(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    return c_locale;
}

const char *vmtp_errno(void)
{
    return strerror_l(errno, vmtp_c_locale());
}

static char name_char(char c)
{
    return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

bool vmtp_same_name(const char *a, const char *b)
{
    while (*a && name_char(*a) == name_char(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment distance, three rolling rows (Navarro, "A guided tour to approximate string matching"). One
 * that is not below the limit may be told as the limit. */
static unsigned edit_distance(const char *a, size_t la, const char *b, size_t lb, unsigned limit)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1], least = 0, least_above;
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= lb; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        least_above = least;
        least = row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
            least = row[j] < least ? row[j] : least;
        }
        if (least >= limit && least_above >= limit) /* what follows is made of these two rows */
            return limit;
        unsigned *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[lb];
}

/* The name as it is compared. False when it is too long for that. */
static bool fold_name(const char *name, char folded[NAME_MAX_COMPARED + 1])
{
    size_t len = strlen(name);
    for (size_t i = 0; i <= len && len <= NAME_MAX_COMPARED; i++)
        folded[i] = name_char(name[i]);
    return len <= NAME_MAX_COMPARED;
}

const char *vmtp_nearest(const char *misspelt, const char *const names[])
{
    char ours[NAME_MAX_COMPARED + 1], theirs[NAME_MAX_COMPARED + 1];
    if (!*misspelt || !fold_name(misspelt, ours))
        return NULL;
    const size_t len = strlen(ours);
    const char *best = NULL;
    unsigned best_distance = (unsigned)(len / 3 + 1) + 1; /* one third of the word wrong is still a misspelling */
    for (size_t i = 0; names[i]; i++) {
        const size_t other = strlen(names[i]);
        if ((other > len ? other - len : len - other) >= best_distance || !fold_name(names[i], theirs))
            continue;
        unsigned distance = edit_distance(ours, len, theirs, other, best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = *p >= 0xF0 && *p <= 0xF4 ? 4 : *p >= 0xE0 && *p < 0xF0 ? 3 : *p >= 0xC2 && *p < 0xE0 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) ||
        (*p == 0xF4 && p[1] > 0x8F))
        return 0;
    if (*p == 0xC2 && p[1] < 0xA0) /* C1 control characters: some terminals obey them */
        return 0;
    /* Line separators and marks that turn the direction of writing: they make a text look like another one. */
    if (*p == 0xE2 && p[1] == 0x80 && (p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAE)))
        return 0;
    if (*p == 0xE2 && p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9)
        return 0;
    return n;
}

void vmtp_printable(char *text)
{
    size_t len = strlen(text);
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    for (unsigned char *p = (unsigned char *)text; *p;) {
        size_t n = *p < 0x80 ? 1 : utf8_length(p);
        if (n == 0 || (n == 1 && (*p < 0x20 || *p == 0x7F))) {
            *p = *p == '\n' || *p == '\t' ? ' ' : '?';
            n = 1;
        }
        p += n;
    }
}

int vmtp_set_text(char **member, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return VMTP_ENOMEM;
    if (*member)
        explicit_bzero(*member, strlen(*member));
    free(*member);
    *member = copy;
    return VMTP_OK;
}
