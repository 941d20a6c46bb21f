/* SPDX-License-Identifier: Apache-2.0 */
/* A login at a cloud, and the one place that sends requests to it. Used from one thread. */
#ifndef CORE_OPENSTACK_SESSION_H
#define CORE_OPENSTACK_SESSION_H

#include <jansson.h>
#include <stddef.h>

#include "core/openstack/credentials.h"
#include "vmtp/plugin.h"

enum vmtp_os_service { VMTP_OS_IDENTITY, VMTP_OS_COMPUTE, VMTP_OS_NETWORK, VMTP_OS_IMAGE };

struct vmtp_os_session;

/* Logs in and reads the catalog. VMTP_ECONFIG: refused (wrong password, no such project, a service that is not in the
 * catalog), told with the service's words; VMTP_EUNREACH, VMTP_ETIMEOUT: no answer. credentials are borrowed until
 * vmtp_os_close(). */
int vmtp_os_open(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, struct vmtp_os_session **session);
void vmtp_os_close(struct vmtp_os_session *session); /* takes NULL */

/* Ids of the token's project and user; "" when there is none. Live as long as the session. */
const char *vmtp_os_project_id(const struct vmtp_os_session *session);
const char *vmtp_os_user_id(const struct vmtp_os_session *session);
/* Whether the token has the role. */
bool vmtp_os_has_role(const struct vmtp_os_session *session, const char *role);
/* The endpoint of a service with its version: "http://c:8774/v2.1". For messages. */
const char *vmtp_os_endpoint(const struct vmtp_os_session *session, int service);
/* Requests sent so far, retries included. */
unsigned vmtp_os_requests(const struct vmtp_os_session *session);

struct vmtp_os_request {
    int service;              /* enum vmtp_os_service */
    const char *method;       /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;         /* below the versioned endpoint: "/servers/detail?name=x"; values in it are escaped by
                                 the caller with vmtp_os_path() */
    const char *microversion; /* of compute: "2.1" when NULL */
    const char *content_type; /* NULL: application/json */
    const json_t *body;       /* borrowed; NULL: none */
    unsigned expect;          /* a status that is no error although it is >= 400, 404 for example; 0: none */
    bool once;                /* not to be sent again after it may have arrived: the caller looks up what became of
                                 it; refusals that did nothing (401, 429) are no reason to */
    double timeout;           /* s; 0: 60 */
};

/* rc: VMTP_OK for 2xx and `expect`. VMTP_EREMOTE: refused, the words in `error` hold the service, its message and the
 * request id; VMTP_EUNREACH: no answer, retries included. */
struct vmtp_os_reply {
    int rc;
    long status;  /* HTTP; 0: none came */
    json_t *json; /* NULL: no body, or none that is JSON */
    char *error;  /* NULL when rc is VMTP_OK */
};
void vmtp_os_reply_clear(struct vmtp_os_reply *reply);

/* One request. What went wrong is in ctx as well. Retried with back-off on 429, 502, 503, 504 and broken connections
 * where that is safe; logs in again once after 401. */
int vmtp_os_call(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *request,
                 struct vmtp_os_reply *reply);

/* n requests in flight together. Each reply has its own rc and words; only VMTP_ECANCELED, VMTP_ETIMEOUT (of ctx) and
 * VMTP_ENOMEM are errors of the function, and then the replies that came are filled. */
int vmtp_os_call_all(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *requests,
                     struct vmtp_os_reply *replies, size_t n);

/* A whole list, page by page: the arrays under `key` of all pages put together; the caller decrefs *items. */
int vmtp_os_list(vmtp_ctx *ctx, struct vmtp_os_session *session, int service, const char *microversion,
                 const char *path, const char *key, json_t **items);

/* For a list whose first page is in reply: the other pages, their items added to it. */
int vmtp_os_list_rest(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *request,
                      const char *key, struct vmtp_os_reply *reply);

/* Bytes to a service (PUT below its endpoint) or from a http or https URL, streamed from and to where fd stands.
 * progress (may be NULL) is told the bytes so far; total < 0: unknown; when it returns a negative status, the transfer
 * ends with it. No limit in size or time, but nothing may stand still for a minute. Sent once: VMTP_EUNREACH when the
 * connection broke, VMTP_EREMOTE when the other side refuses, VMTP_EFAIL when fd cannot be read or written. */
typedef int (*vmtp_os_progress_fn)(void *arg, double done, double total);
int vmtp_os_upload(vmtp_ctx *ctx, struct vmtp_os_session *session, int service, const char *path, int fd,
                   vmtp_os_progress_fn progress, void *arg);
int vmtp_os_download(vmtp_ctx *ctx, const char *url, int fd, vmtp_os_progress_fn progress, void *arg);

/* "/servers/%s" with every argument percent-encoded; the caller frees it; NULL: out of memory. Only %s is known. */
char *vmtp_os_path(const char *format, ...);

static inline void vmtp_clean_os_reply(struct vmtp_os_reply *reply)
{
    vmtp_os_reply_clear(reply);
}
#endif
