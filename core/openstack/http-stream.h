/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OPENSTACK_HTTP_STREAM_H
#define CORE_OPENSTACK_HTTP_STREAM_H

#include "core/openstack/http.h"

/* Makes a request (CURL *) read from and write to the files of job->stream. */
void vmtp_http_stream_set(void *handle, struct vmtp_http_job *job);

/* Why a transfer was ended on this side. The caller frees it; NULL: it was not, or memory ran out. */
char *vmtp_http_stream_words(const struct vmtp_http_job *job);

#endif
