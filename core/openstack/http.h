/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests over libcurl, several in flight on connections that are reused, repeated where that is safe. Knows
 * nothing of OpenStack but the names of its headers. */
#ifndef CORE_OPENSTACK_HTTP_H
#define CORE_OPENSTACK_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/util/buf.h"
#include "vmtp/plugin.h"

enum { VMTP_HTTP_ANSWER_MAX = 16 << 20, VMTP_HTTP_IN_FLIGHT = 8 };

/* How the other side is believed. All borrowed until vmtp_http_free(). */
struct vmtp_http_tls {
    const char *ca_file, *client_cert, *client_key;
    bool insecure;
};

/* How often and after which pauses a request is sent again. */
struct vmtp_http_policy {
    unsigned tries;         /* in all, after answers that ask for another try and broken connections */
    unsigned unknown_tries; /* the same for a host that has never answered: its address may be wrong */
    double first_pause;     /* s; doubled each time, and shortened by up to a half at random */
    double longest_pause;   /* s */
    double longest_wait;    /* s; a service that asks for more (Retry-After) is not waited for */
    double connect;         /* s; for one connection, TLS included */
};

struct vmtp_http;

/* NULL: out of memory, or libcurl does not start. */
struct vmtp_http *vmtp_http_new(const struct vmtp_http_tls *tls);
void vmtp_http_free(struct vmtp_http *http); /* takes NULL */
struct vmtp_http_policy *vmtp_http_policy(struct vmtp_http *http);
unsigned vmtp_http_requests(const struct vmtp_http *http); /* sent so far */

/* Bytes that go to or come from a file in place of memory. No time-out then: it fails when nothing moves. */
struct vmtp_http_stream {
    int read_fd, write_fd; /* -1: none; from and to where they stand */
    double length;         /* bytes that read_fd has; < 0: unknown */
    bool follow;           /* redirects, from https to https only */
    int (*progress)(void *arg, double done, double total); /* total < 0: unknown; not 0: stop. May be NULL */
    void *arg;
    double stall;          /* s without a byte that are too many */
    double thinking;       /* the same when all is sent and the answer is awaited */

    int stopped;           /* what progress() said */
    int failed;            /* errno of read_fd or write_fd */
    bool stalled;
    double done, moved;    /* bytes so far, and when that was last more; vmtp_now() scale */
    double told;
};

struct vmtp_http_job {
    /* What is asked; borrowed, also between runs. */
    const char *method, *url;
    const char *token;         /* X-Auth-Token; NULL: none */
    const char *subject;       /* X-Subject-Token; NULL: none */
    const char *api_version;   /* OpenStack-API-Version: "compute 2.60"; NULL: none */
    const char *content_type;
    const char *body;          /* NULL: none */
    size_t body_len;
    bool once;                 /* not sent again after it may have arrived; refusals (401, 429) did nothing */
    double timeout;            /* s, for one try */
    struct vmtp_http_stream *stream; /* NULL: none */

    /* What came of it; vmtp_http_job_clear() frees it. */
    bool finished;
    long status;               /* 0: no answer */
    struct vmtp_buf answer;
    char *new_token;           /* X-Subject-Token of the answer */
    char request_id[80];       /* "": none */
    char *error;               /* why there is no answer, with the remedy; NULL: there is one, or memory ran out */

    struct vmtp_http_try *now; /* inside http.c */
    unsigned tries;
    double not_before;         /* vmtp_now() scale */
};
void vmtp_http_job_clear(struct vmtp_http_job *job); /* forgets the answer too: the job can run again */

/* Runs those jobs that are not finished, at most VMTP_HTTP_IN_FLIGHT at a time, first sent in the order of the array.
 * VMTP_ECANCELED, VMTP_ETIMEOUT, VMTP_ENOMEM with words: then some may not be finished. */
int vmtp_http_run(vmtp_ctx *ctx, struct vmtp_http *http, struct vmtp_http_job *jobs, size_t n);

/* The CURL * of a job in flight. */
void *vmtp_http_handle(const struct vmtp_http_job *job);

static inline void vmtp_clean_http_job(struct vmtp_http_job *job)
{
    vmtp_http_job_clear(job);
}
#endif
