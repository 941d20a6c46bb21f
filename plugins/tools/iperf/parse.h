/* SPDX-License-Identifier: Apache-2.0 */
/* What the client of iperf 2 prints, from text to numbers in base units. Touches nothing else. */
#ifndef TOOL_IPERF_PARSE_H
#define TOOL_IPERF_PARSE_H

#include "plugins/tools/common.h"

enum { VMTP_IPERF_STREAMS_MAX = 128 };

struct vmtp_iperf_interval {
    double from, to; /* s */
    struct vmtp_numbers numbers;
};

struct vmtp_iperf_result {
    struct vmtp_numbers total;
    struct vmtp_iperf_interval *intervals; /* of all streams together, in order */
    size_t n_intervals, room;
    size_t streams; /* over which something went */
    bool no_report; /* datagrams were sent, but the server's report has not come */
    char flaw[VMTP_WORDS];
};

/* What is measured decides which rows count: datagrams from client to server are counted by the server, all else is
 * told by the client. False with words in flaw when the text is not understood. Free the result in either case. */
bool vmtp_iperf_parse(const char *text, size_t len, bool datagrams, bool reverse, struct vmtp_iperf_result *result);
void vmtp_iperf_clear(struct vmtp_iperf_result *result);

#endif
