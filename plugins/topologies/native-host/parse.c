/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char BLANKS[] = " \t\r\\"; /* iproute2 joins lines by a backslash */

bool parse_is_link_local(const char *address)
{
    char plain[ADDRESS_TEXT];
    struct in6_addr ipv6;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(address, "%"), address);
    return inet_pton(AF_INET6, plain, &ipv6) == 1 && ipv6.s6_addr[0] == 0xFE && (ipv6.s6_addr[1] & 0xC0) == 0x80;
}

/* The next word of a line, cut at a '/' and after "addr:"; its length, 0 at the end of the line. */
static size_t next_word(const char **p, const char *end, char word[ADDRESS_TEXT])
{
    for (;;) {
        while (*p < end && strchr(BLANKS, **p))
            (*p)++;
        const char *begin = *p;
        while (*p < end && !strchr(BLANKS, **p))
            (*p)++;
        size_t len = (size_t)(*p - begin);
        if (len >= 5 && memcmp(begin, "addr:", 5) == 0) {
            begin += 5;
            len -= 5;
            if (len == 0) /* "inet6 addr: fe80::1/64" */
                continue;
        }
        const char *slash = memchr(begin, '/', len);
        if (slash)
            len = (size_t)(slash - begin);
        snprintf(word, ADDRESS_TEXT, "%.*s", len < ADDRESS_TEXT ? (int)len : 0, begin);
        return len;
    }
}

static bool line_has(const char *line, const char *end, const char *word)
{
    return memmem(line, (size_t)(end - line), word, strlen(word)) != NULL;
}

/* 0: not to be dialled. */
static int score(const char *line, const char *end, int family, const char *address, bool prefer_ipv6)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(family, address, bytes) != 1 || parse_is_link_local(address) || line_has(line, end, "tentative") ||
        line_has(line, end, "dadfailed"))
        return 0;
    bool fading = line_has(line, end, "deprecated") || line_has(line, end, "temporary");
    return 1 + !fading + 2 * ((family == AF_INET6) == prefer_ipv6);
}

bool parse_interface_address(const char *text, bool prefer_ipv6, char address[ADDRESS_TEXT])
{
    int best = 0;
    for (const char *line = text; *line; line += *line == '\n') {
        const char *end = line + strcspn(line, "\n"), *p = line;
        char word[ADDRESS_TEXT];
        while (next_word(&p, end, word) > 0) {
            int family = strcmp(word, "inet") == 0 ? AF_INET : strcmp(word, "inet6") == 0 ? AF_INET6 : AF_UNSPEC;
            if (family == AF_UNSPEC || next_word(&p, end, word) == 0)
                continue;
            int points = score(line, end, family, word, prefer_ipv6);
            if (points > best) {
                best = points;
                memcpy(address, word, ADDRESS_TEXT);
            }
        }
        line = end;
    }
    return best > 0;
}
