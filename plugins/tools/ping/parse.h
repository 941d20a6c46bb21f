/* SPDX-License-Identifier: Apache-2.0 */
/* What the pings of iputils, BusyBox, the BSDs and inetutils print, from text to numbers in base units. Touches nothing
 * else. */
#ifndef TOOL_PING_PARSE_H
#define TOOL_PING_PARSE_H

#include "plugins/tools/common.h"

/* sent, received, lost, loss and duplicates; rtt_min, rtt_avg, rtt_max and rtt_stddev when there was a reply that says
 * them. Returns NULL, or what is wrong with the text. */
const char *vmtp_ping_parse(const char *text, size_t len, struct vmtp_numbers *numbers);

/* The first line in which a router or the host says why there is no reply, "" when there is none. */
const char *vmtp_ping_complaint(const char *text, char words[VMTP_WORDS]);

#endif
