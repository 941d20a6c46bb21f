/* SPDX-License-Identifier: Apache-2.0 */
#include "core/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/str.h"

enum {
    LINE_MAX_READ = 256, /* the columns that are read stand in the first 150 characters */
    STATE_LISTEN = 0x0A, /* TCP_LISTEN */
    STATE_CONNECTING = 0x02, /* TCP_SYN_SENT */
    STATE_BOUND = 0x07,  /* TCP_CLOSE: what an unconnected UDP socket shows */
};

static unsigned wanted_state(uint32_t proto)
{
    return proto == VMTP_UDP ? STATE_BOUND : STATE_LISTEN;
}

/* "  0: 0100007F:138A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 12345 ..." */
static bool parse_line(const char *line, uint32_t proto, uint16_t port, struct vmtp_listener *listener)
{
    unsigned local_port, state;
    unsigned long uid, inode;
    if (sscanf(line, " %*u: %*32[0-9A-Fa-f]:%4x %*32[0-9A-Fa-f]:%*4x %2x %*s %*s %*s %9lu %*s %18lu", &local_port,
               &state, &uid, &inode) != 4)
        return false;
    if (local_port != port || state != wanted_state(proto))
        return false;
    *listener = (struct vmtp_listener){.found = true, .uid = uid, .inode = inode};
    return true;
}

/* Copies the first line, as much of it as is needed; gives what follows it. */
static const char *take_line(const char *text, char line[LINE_MAX_READ])
{
    size_t n = strcspn(text, "\n");
    size_t used = n < LINE_MAX_READ - 1 ? n : LINE_MAX_READ - 1;
    memcpy(line, text, used);
    line[used] = '\0';
    return text + n + (text[n] == '\n');
}

void vmtp_listener_parse(const char *text, uint32_t proto, uint16_t port, struct vmtp_listener *listener)
{
    char line[LINE_MAX_READ];
    *listener = (struct vmtp_listener){0};
    while (*text) {
        text = take_line(text, line);
        if (parse_line(line, proto, port, listener))
            return;
    }
}

int vmtp_port_listens(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint32_t proto, uint16_t port,
                      struct vmtp_listener *listener)
{
    *listener = (struct vmtp_listener){0};
    bool udp = proto == VMTP_UDP;
    /* A busy host has thousands of sockets: the lines are picked over there. */
    char pattern[64];
    snprintf(pattern, sizeof pattern, "^ *[0-9]*: [0-9A-F]*:%04X [0-9A-F:]* %02X ", port, wanted_state(proto));
    const char *const argv[] = {"grep",
                                "-hs",
                                pattern,
                                udp ? "/proc/net/udp" : "/proc/net/tcp",
                                udp ? "/proc/net/udp6" : "/proc/net/tcp6",
                                NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    if (out.exit_status > 2) /* 1: no line; 2: one of the files is missing, as without IPv6 */
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot read /proc/net on %s: exit %d: %s", ep->id, out.exit_status,
                         out.err);
    vmtp_listener_parse(out.out, proto, port, listener);
    return VMTP_OK;
}

/* IPv4 becomes v4-mapped, as a socket of IPv6 shows it; a zone is no part of the address. False: it is a name. */
static bool numeric(const char *target, struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN + sizeof "::ffff:"];
    snprintf(text, sizeof text, "%s%.*s", strchr(target, ':') ? "" : "::ffff:", (int)strcspn(target, "%"), target);
    return inet_pton(AF_INET6, text, address) == 1;
}

/* Words of 32 bits, each in the byte order of that host: the little one, or that of the network. */
static bool is_address(const char *column, const struct in6_addr *address)
{
    static const size_t orders[] = {3, 0};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char words[2 * sizeof address->s6_addr + 1];
        for (size_t k = 0; k < sizeof address->s6_addr; k++)
            snprintf(words + 2 * k, 3, "%02X", address->s6_addr[k ^ orders[i]]);
        const char *as_ipv4 = IN6_IS_ADDR_V4MAPPED(address) ? words + 24 : words;
        if (strcmp(column, words) == 0 || strcmp(column, as_ipv4) == 0)
            return true;
    }
    return false;
}

bool vmtp_unanswered_parse(const char *text, const char *target, uint16_t port)
{
    char line[LINE_MAX_READ], column[33];
    struct in6_addr address;
    if (!numeric(target, &address))
        return false;
    while (*text) {
        unsigned remote_port, state;
        text = take_line(text, line);
        if (sscanf(line, " %*u: %*32[0-9A-Fa-f]:%*4x %32[0-9A-Fa-f]:%4x %2x ", column, &remote_port, &state) == 3 &&
            remote_port == port && state == STATE_CONNECTING && is_address(column, &address))
            return true;
    }
    return false;
}

int vmtp_port_unanswered(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *target, uint16_t port, bool *found)
{
    struct in6_addr address;
    *found = false;
    if (!numeric(target, &address))
        return VMTP_OK;
    char pattern[80];
    snprintf(pattern, sizeof pattern, "^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:%04X %02X ", port, STATE_CONNECTING);
    const char *const argv[] = {"grep", "-hs", pattern, "/proc/net/tcp", "/proc/net/tcp6", NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    *found = rc == VMTP_OK && vmtp_unanswered_parse(out.out, target, port);
    return rc;
}

/* $1 is the inode. The first line of the answer is the process id, the second the program. */
static const char find_holder[] =
    "d=$(ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n \"/^\\/proc/h;/socket:\\[$1\\]\\$/{g;p;q;}\"); "
    "d=${d%/fd:}; "
    "[ -n \"$d\" ] && echo \"${d#/proc/}\" && cat \"$d/comm\"";

static int name_holder(vmtp_ctx *ctx, struct vmtp_endpoint *ep, struct vmtp_listener *listener)
{
    char inode[24];
    snprintf(inode, sizeof inode, "%lu", listener->inode);
    const char *const argv[] = {"sh", "-c", find_holder, "vmtp-holder", inode, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    char *end = NULL;
    long pid = strtol(out.out, &end, 10);
    if (pid <= 0 || *end != '\n')
        return VMTP_OK; /* not ours to see */
    listener->pid = pid;
    snprintf(listener->program, sizeof listener->program, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
    vmtp_printable(listener->program);
    return VMTP_OK;
}

int vmtp_port_listener(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint32_t proto, uint16_t port,
                       struct vmtp_listener *listener)
{
    int rc = vmtp_port_listens(ctx, ep, proto, port, listener);
    if (rc < 0 || !listener->found)
        return rc;
    return name_holder(ctx, ep, listener);
}

const char *vmtp_listener_text(const struct vmtp_listener *listener, char out[VMTP_LISTENER_TEXT])
{
    if (listener->pid && listener->program[0])
        snprintf(out, VMTP_LISTENER_TEXT, "%s (process %ld)", listener->program, listener->pid);
    else
        snprintf(out, VMTP_LISTENER_TEXT, "a process of user id %lu", listener->uid);
    return out;
}
