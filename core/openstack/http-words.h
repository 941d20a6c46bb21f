/* SPDX-License-Identifier: Apache-2.0 */
/* Why no answer came, in words that say what can be done about it. */
#ifndef CORE_OPENSTACK_HTTP_WORDS_H
#define CORE_OPENSTACK_HTTP_WORDS_H

#include <stdbool.h>

struct vmtp_http_failure {
    int code;          /* CURLcode */
    const char *words; /* libcurl's own, may be "" */
    const char *url, *ca_file, *client_cert;
    bool sent;         /* the request may have arrived */
    bool answered;     /* the host has answered to another request */
    bool begun;        /* some of the answer's body came */
    bool too_long;     /* the answer was cut off */
    double connect, timeout; /* s: the limits that held */
};

/* The caller frees it; NULL: out of memory. */
char *vmtp_http_words(const struct vmtp_http_failure *failure);

#endif
