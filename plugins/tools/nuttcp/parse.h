/* SPDX-License-Identifier: Apache-2.0 */
/* What nuttcp -fparse prints: lines of key=value, from text to numbers in base units. Touches nothing else. */
#ifndef TOOL_NUTTCP_PARSE_H
#define TOOL_NUTTCP_PARSE_H

#include "plugins/tools/common.h"

enum vmtp_nuttcp_row {
    VMTP_NUTTCP_FLAW = -1,
    VMTP_NUTTCP_END,
    VMTP_NUTTCP_INTERVAL, /* one interval of -i; "seconds" is its length */
    VMTP_NUTTCP_TOTAL,    /* the measurement */
};

struct vmtp_nuttcp_scan {
    const char *next, *end;
    char flaw[VMTP_WORDS]; /* after VMTP_NUTTCP_FLAW: what is wrong */
    bool clock_was_set;    /* it is a time below 0: the clock was set back meanwhile */
};

/* Begins to read an output of len bytes, which must live until the last row. */
void vmtp_nuttcp_begin(struct vmtp_nuttcp_scan *scan, const char *text, size_t len);

/* The next row of numbers. Keys may come in any order, and any of them may be missing except the rate; those that are
 * not known, and lines without any, are passed over. */
enum vmtp_nuttcp_row vmtp_nuttcp_next(struct vmtp_nuttcp_scan *scan, struct vmtp_numbers *row);

/* True when the client has given up on the server and measured the old way, on its own side only. */
bool vmtp_nuttcp_is_classic(const char *text);

#endif
