/* SPDX-License-Identifier: Apache-2.0 */
/* Result documents in, a page or Markdown out. For the html sink and for vmtp-genchart. */
#ifndef SINKS_HTML_RENDER_H
#define SINKS_HTML_RENDER_H

#include <jansson.h>
#include <stdio.h>

#include "core/results.h"

struct html_options {
    enum vmtp_result_show show;
};

/* Writes the whole page: one file that loads nothing. The documents must be objects; any text in them may be hostile.
 * VMTP_ENOMEM or VMTP_OK; whether out took it all is for the caller to ask. */
int html_page(FILE *out, json_t *const *documents, size_t n, const struct html_options *options);

/* The same numbers as tables for a ticket. */
int html_markdown(FILE *out, json_t *const *documents, size_t n, const struct html_options *options);

/* page.css and page.js, and the SHA-256 of each in base64. */
extern const char html_css[], html_css_digest[], html_js[], html_js_digest[];

#endif
