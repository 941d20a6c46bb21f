/* SPDX-License-Identifier: Apache-2.0 */
/* The address of an interface from what programs print. Pure text in, text out. */
#ifndef NATIVE_HOST_PARSE_H
#define NATIVE_HOST_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_TEXT = 64 };

/* The address to dial, from the output of `ip -o addr show dev IF` (iproute2, busybox) or `ifconfig IF` (net-tools old
 * and new, busybox). An address of the wanted family if there is one, else of the other; never a link-local one, which
 * other hosts cannot dial, nor one that is not confirmed (tentative, dadfailed); a deprecated or temporary one only
 * when there is no other. False when there is none. */
bool parse_interface_address(const char *text, bool prefer_ipv6, char address[ADDRESS_TEXT]);

/* True for an IPv6 address of the local link, which means nothing on another host. */
bool parse_is_link_local(const char *address);

#endif
