/* SPDX-License-Identifier: Apache-2.0 */
/* Text and numbers for a page. Nothing here depends on the locale. */
#ifndef SINKS_HTML_TEXT_H
#define SINKS_HTML_TEXT_H

#include <stdio.h>

enum { TEXT_MAX = 160 };

/* Text for an element or a quoted attribute. What means something to HTML is escaped; control characters, and those
 * that turn the direction of writing, are replaced; at most max bytes are taken (0: all), and then an ellipsis. NULL is
 * nothing. */
void text_html(FILE *out, const char *text, size_t max);

/* Text for a cell of a Markdown table: no markup, no link, no mention and no end of the cell is left in it. */
void text_markdown(FILE *out, const char *text);

/* A decimal number with a point: 12.50 for 12.5 and 2. out is returned. */
const char *text_fixed(double value, int decimals, char out[TEXT_MAX]);

/* Three significant digits, without an exponent and, unless it is tiny, not more than three decimals: 941, 9.41, 0.031.
 * 0 is "0". */
const char *text_number(double value, char out[TEXT_MAX]);

/* Percent from a percentage: "0 %", "2.31 %", "0.004 %". */
const char *text_percent(double percent, char out[TEXT_MAX]);

/* The unit that suits numbers up to max: "Gbit/s" and 1e9. */
struct text_unit {
    const char *name;
    double factor;
};
struct text_unit text_rate_unit(double max_bps);
/* From milliseconds: "us", "ms" or "s"; the factor is in milliseconds. */
struct text_unit text_time_unit(double max_ms);

/* "941 Mbit/s", "0.231 ms" */
const char *text_rate(double bps, char out[TEXT_MAX]);
const char *text_ms(double ms, char out[TEXT_MAX]);

#endif
