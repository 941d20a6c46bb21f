/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the session share, and tests turn. */
#ifndef CORE_OPENSTACK_SESSION_INSIDE_H
#define CORE_OPENSTACK_SESSION_INSIDE_H

#include "core/openstack/http.h"
#include "core/openstack/session.h"

struct vmtp_http *vmtp_os_http(struct vmtp_os_session *session);
const char *vmtp_os_token_text(const struct vmtp_os_session *session); /* secret */
int vmtp_os_login_again(vmtp_ctx *ctx, struct vmtp_os_session *session);

/* "compute: POST /servers: HTTP 403 Forbidden: Policy ... (req-1)". The caller frees it; NULL: out of memory. */
char *vmtp_os_error_text(int service, const char *method, const char *path, const struct vmtp_http_job *job,
                         const json_t *json);

#endif
