/* SPDX-License-Identifier: Apache-2.0 */
/* Text to base units and back. Steps are decimal: 1 kbit = 1000 bit. No locale. */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmtp/plugin.h"

/* Each returns false for text that is not wholly understood, negative, not finite or out of range. */

/* "64K" "1.5M" "9000": decimal steps K M G T, optional "B". */
bool vmtp_parse_size(const char *text, uint64_t *bytes);
/* "500M" "1.2Gbit/s" "64000": decimal steps K M G T, then nothing, "bit/s", "bps" or "bit". Result in bit/s. */
bool vmtp_parse_rate(const char *text, uint64_t *bps);
/* "10" "0.5" "200ms" "3s" "2m" "1h". */
bool vmtp_parse_seconds(const char *text, double *seconds);
/* Decimal digits with an optional sign, nothing else. */
bool vmtp_parse_int(const char *text, int64_t *value);
/* A finite decimal number with a point, whatever the locale. end may be NULL: then the whole text must be used. */
bool vmtp_parse_number(const char *text, double *value, const char **end);
/* true yes on 1, false no off 0 in any case. */
bool vmtp_parse_bool(const char *text, bool *value);

/* Printing: vmtp_print_rate() and vmtp_print_seconds() of plugin.h. */

#endif
