/* SPDX-License-Identifier: Apache-2.0 */
/* What the client of iperf3 prints with -J, from text to numbers in base units. Touches nothing else. */
#ifndef TOOL_IPERF3_PARSE_H
#define TOOL_IPERF3_PARSE_H

#include "plugins/tools/common.h"

enum {
    VMTP_IPERF3_TEXT_MAX = 4 << 20,
    VMTP_IPERF3_STREAMS_MAX = 128, /* iperf3's own limit */
    VMTP_IPERF3_INTERVALS_MAX = 100000,
};

struct vmtp_iperf3_interval {
    double from, to; /* s */
    struct vmtp_numbers numbers;
};

struct vmtp_iperf3_result {
    struct vmtp_numbers total;
    struct vmtp_iperf3_interval *intervals; /* of all streams together, in order */
    size_t n_intervals;
    char error[VMTP_WORDS]; /* iperf3's own words for its failure, "" when it has none */
    char flaw[VMTP_WORDS];  /* why the text is not understood */
};

/* False with words in flaw when the text is not understood. True with words in error when iperf3 says that it has
 * failed: then there are no numbers. Lines before the JSON text are left out. Free the result in any case. */
bool vmtp_iperf3_parse(const char *text, size_t len, bool datagrams, bool reverse, struct vmtp_iperf3_result *result);
void vmtp_iperf3_clear(struct vmtp_iperf3_result *result);

#endif
