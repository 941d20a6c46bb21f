/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of IPv4 addresses: which overlap, which are free. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"

struct range {
    uint32_t first, last;
};

static bool parse(const char *text, struct range *range)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct in_addr in;
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    char *end = NULL;
    unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 32;
    if (inet_pton(AF_INET, address, &in) != 1 || bits > 32 || (slash && (end == slash + 1 || *end)))
        return false;
    uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    range->first = ntohl(in.s_addr) & mask;
    range->last = range->first | ~mask;
    return true;
}

bool vmtp_cidr_overlap(const char *a, const char *b)
{
    struct range x, y;
    return parse(a, &x) && parse(b, &y) && x.first <= y.last && y.first <= x.last;
}

static bool is_free(const char *cidr, char *const taken[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (taken[i] && vmtp_cidr_overlap(cidr, taken[i]))
            return false;
    return true;
}

bool vmtp_cidr_free(const char *preferred, char *const taken[], size_t n, char out[20])
{
    static const unsigned ranges[][2] = {{192, 168}, {10, 231}, {172, 31}, {10, 97}};
    if (preferred && strlen(preferred) < 20 && is_free(preferred, taken, n)) {
        snprintf(out, 20, "%s", preferred);
        return true;
    }
    for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
        for (unsigned i = 0; i < 255; i++) {
            snprintf(out, 20, "%u.%u.%u.0/24", ranges[r][0], ranges[r][1], (i + 101) % 255);
            if (is_free(out, taken, n))
                return true;
        }
    }
    return false;
}
