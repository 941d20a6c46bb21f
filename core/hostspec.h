/* SPDX-License-Identifier: Apache-2.0 */
/* USER@ADDR[:PASSWORD[:IFNAME]] and what it grew: names, [IPv6], a port, a key file. */
#ifndef CORE_HOSTSPEC_H
#define CORE_HOSTSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "vmtp/plugin.h"

struct vmtp_hostspec {
    char *user, *host; /* host: a name or an address without brackets */
    uint16_t port;     /* 0: not given */
    char *password, *interface, *key_file; /* NULL: not given */
    char *password_file, *password_env;    /* where the password stands instead; secret.h looks there */
};

/* Parses one host. node is a scalar in the classic form, "user@host[:password[:interface]]" with, behind '?', the query
 * "port=2222&key=/path" for what that form cannot say ("user@[2001:db8::1]?port=2222"); or a map with the keys user,
 * host, port, password, password_file, password_env, interface, key_file. Where an interface can be chosen (--host),
 * two or more colons mean that the last part is one. VMTP_ECONFIG names the source, never the password. *spec is to be
 * cleared in any case. */
int vmtp_hostspec_parse(vmtp_ctx *ctx, const struct vmtp_node *node, bool with_interface, struct vmtp_hostspec *spec);
void vmtp_hostspec_clear(struct vmtp_hostspec *spec);

/* A name as DNS has it ('_' too), an IPv4 or an IPv6 address (with %zone) without brackets. */
bool vmtp_host_is_valid(const char *host);

/* A server: HOST, HOST:PORT, [IPV6]:PORT or a bare IPv6 address. False for anything else. *port is 0 without one. */
enum { VMTP_HOST_SIZE = 256 };
bool vmtp_server_split(const char *text, char host[VMTP_HOST_SIZE], uint16_t *port);

static inline void vmtp_clean_hostspec(struct vmtp_hostspec *spec)
{
    vmtp_hostspec_clear(spec);
}

#endif
