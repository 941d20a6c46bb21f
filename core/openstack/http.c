/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/http.h"

#include <curl/curl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/ctx.h"
#include "core/openstack/http-stream.h"
#include "core/openstack/http-words.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/prompt.h"
#include "core/util/sigpipe.h"
#include "core/util/str.h"
#include "vmtp/version.h"

static const double LONGEST_NAP = 0.05; /* s; how long an interrupt may go unnoticed */
static const double FINISH_SECONDS = 15; /* for what is under way when the interrupt comes */

struct vmtp_http {
    CURLM *multi;
    CURLSH *share; /* of TLS sessions: a second connection needs no whole handshake */
    struct vmtp_http_tls tls;
    struct vmtp_http_policy policy;
    unsigned requests;
    bool answered; /* anything, ever */
    uint64_t random;
};

/* One try of a job. */
struct vmtp_http_try {
    CURL *easy;
    struct curl_slist *headers;
    char words[CURL_ERROR_SIZE];
    double began;
};

/* ---- the handle ---- */

static bool curl_is_ready;

static void start_curl(void)
{
    curl_is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static bool start_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    return curl_is_ready;
}

void vmtp_http_free(struct vmtp_http *http)
{
    if (!http)
        return;
    if (http->multi)
        curl_multi_cleanup(http->multi);
    if (http->share)
        curl_share_cleanup(http->share);
    free(http);
}

struct vmtp_http *vmtp_http_new(const struct vmtp_http_tls *tls)
{
    struct vmtp_http *http = start_once() ? calloc(1, sizeof *http) : NULL;
    if (!http)
        return NULL;
    http->multi = curl_multi_init();
    http->tls = *tls;
    http->policy = (struct vmtp_http_policy){
        .tries = 6, .unknown_tries = 2, .first_pause = 0.5, .longest_pause = 10, .longest_wait = 60, .connect = 10};
    http->random = (uint64_t)vmtp_wall_ns();
    http->share = curl_share_init();
    if (!http->multi || !http->share) {
        vmtp_http_free(http);
        return NULL;
    }
    (void)curl_share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)4 * VMTP_HTTP_IN_FLIGHT);
    return http;
}

struct vmtp_http_policy *vmtp_http_policy(struct vmtp_http *http)
{
    return &http->policy;
}

unsigned vmtp_http_requests(const struct vmtp_http *http)
{
    return http->requests;
}

void *vmtp_http_handle(const struct vmtp_http_job *job)
{
    return job->now->easy;
}

/* ---- one try ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct vmtp_http_job *job = arg;
    (void)size;
    return vmtp_buf_add(&job->answer, bytes, n) == VMTP_OK ? n : 0;
}

/* The value of a header line when it has this name, without blanks around it; *n its length. */
static const char *header_value(const char *line, size_t len, const char *name, size_t *n)
{
    size_t head = strlen(name);
    if (len <= head || strncasecmp(line, name, head) != 0 || line[head] != ':')
        return NULL;
    const char *value = line + head + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    *n = (size_t)(end - value);
    return value;
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
    static const char *const ids[] = {"X-Openstack-Request-Id", "X-Compute-Request-Id"};
    struct vmtp_http_job *job = arg;
    size_t len;
    const char *value = header_value(line, n, "X-Subject-Token", &len);
    (void)size;
    if (value) {
        vmtp_secret_free(job->new_token);
        job->new_token = strndup(value, len);
        if (!job->new_token)
            return 0; /* ends the transfer */
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        value = header_value(line, n, ids[i], &len);
        if (value) {
            snprintf(job->request_id, sizeof job->request_id, "%.*s", (int)len, value);
            vmtp_printable(job->request_id);
        }
    }
    return n;
}

static bool add_line(struct vmtp_http_try *now, const char *line)
{
    struct curl_slist *longer = line ? curl_slist_append(now->headers, line) : NULL;
    if (longer)
        now->headers = longer;
    return longer;
}

/* Adds "NAME: value"; value may be secret. false: out of memory. */
static bool add_header(struct vmtp_http_try *now, const char *name, const char *value)
{
    if (!value)
        return true;
    char *line = vmtp_format("%s: %s", name, value);
    bool good = add_line(now, line);
    vmtp_secret_free(line);
    return good;
}

static bool add_headers(const struct vmtp_http_job *job, struct vmtp_http_try *now)
{
    return add_header(now, "Accept", "application/json") && add_header(now, "X-Auth-Token", job->token) &&
           add_header(now, "X-Subject-Token", job->subject) &&
           add_header(now, "OpenStack-API-Version", job->api_version) &&
           add_header(now, "Content-Type", job->content_type) &&
           add_line(now, "Expect:"); /* no "100 Continue" is waited for */
}

static void free_try(struct vmtp_http_job *job)
{
    struct vmtp_http_try *now = VMTP_TAKE(job->now);
    if (!now)
        return;
    curl_easy_cleanup(now->easy);
    for (struct curl_slist *line = now->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(now->headers);
    free(now);
}

/* What no request of ours does without. */
static void set_common(CURL *easy, char *words)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "vmtp/" VMTP_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* an interrupt does not wait for the name service */
#endif
}

/* What libcurl keeps a copy of. false: out of memory. */
static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return !text || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_tls(CURL *easy, const struct vmtp_http_tls *tls)
{
    if (tls->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return set_text(easy, CURLOPT_CAINFO, tls->ca_file) && set_text(easy, CURLOPT_SSLCERT, tls->client_cert) &&
           set_text(easy, CURLOPT_SSLKEY, tls->client_key);
}

/* false: out of memory. */
static bool set_request(const struct vmtp_http *http, struct vmtp_http_job *job)
{
    CURL *easy = job->now->easy;
    bool has_body = !job->stream && (job->body || strcmp(job->method, "POST") == 0 || strcmp(job->method, "PUT") == 0);
    set_common(easy, job->now->words);
    curl_easy_setopt(easy, CURLOPT_SHARE, http->share);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job->now->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(http->policy.connect * 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(job->timeout * 1000));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)job->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, job->body ? job->body : "");
    }
    /* On a connection that turns out to be closed libcurl itself sends a second time, not knowing what arrived. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, job->once ? 1L : 0L);
    if (job->stream)
        vmtp_http_stream_set(easy, job);
    return set_text(easy, CURLOPT_URL, job->url) && set_text(easy, CURLOPT_CUSTOMREQUEST, job->method) &&
           set_tls(easy, &http->tls);
}

static int start_try(vmtp_ctx *ctx, struct vmtp_http *http, struct vmtp_http_job *job)
{
    job->answer = VMTP_BUF(VMTP_HTTP_ANSWER_MAX);
    job->now = calloc(1, sizeof *job->now);
    if (!job->now || !(job->now->easy = curl_easy_init()) || !add_headers(job, job->now))
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!set_request(http, job) || curl_multi_add_handle(http->multi, job->now->easy) != CURLM_OK)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    job->now->began = vmtp_now();
    job->tries++;
    http->requests++;
    return VMTP_OK;
}

/* ---- what becomes of a try ---- */

static bool may_have_arrived(const struct vmtp_http_job *job)
{
    long sent = 0;
    curl_easy_getinfo(job->now->easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0;
}

static bool is_broken(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_SEND_ERROR ||
           code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE;
}

static bool asks_for_another(const struct vmtp_http_job *job)
{
    /* 413 is how older services say 429: our requests are too small to be too large, but for a file; that has been read
     * by then and cannot be sent again */
    if (job->stream && job->stream->read_fd >= 0)
        return false;
    return job->status == 429 || job->status == 413 || (!job->once && job->status >= 502 && job->status <= 504);
}

static double pause_before(struct vmtp_http *http, const struct vmtp_http_job *job)
{
    double pause = http->policy.first_pause * exp2((double)job->tries - 1);
    if (pause > http->policy.longest_pause)
        pause = http->policy.longest_pause;
    http->random = http->random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
    return pause * (0.5 + 0.5 * (double)(http->random >> 40) / (double)(1 << 24));
}

/* Seconds to wait before the job is sent again; negative: not again. */
static double again_in(struct vmtp_http *http, const struct vmtp_http_job *job, CURLcode code)
{
    curl_off_t asked = 0;
    bool wanted = code == CURLE_OK ? asks_for_another(job) : is_broken(code) && !(job->once && may_have_arrived(job));
    unsigned most = http->answered ? http->policy.tries : http->policy.unknown_tries;
    if (code == CURLE_OPERATION_TIMEDOUT) /* each has taken the whole time-out already */
        most = http->answered ? 2 : 1;
    if (!wanted || job->tries >= most)
        return -1;
    curl_easy_getinfo(job->now->easy, CURLINFO_RETRY_AFTER, &asked);
    if ((double)asked > http->policy.longest_wait)
        return -1;
    double pause = pause_before(http, job);
    return pause > (double)asked ? pause : (double)asked;
}

static void log_try(vmtp_ctx *ctx, const struct vmtp_http_job *job, const char *what)
{
    vmtp_debug(ctx, "%s %s: %s, %.3f s%s%s", job->method, job->url, what, vmtp_now() - job->now->began,
               job->request_id[0] ? ", " : "", job->request_id);
}

/* A try is over: the job is finished, or waits to be sent again. */
static void end_try(vmtp_ctx *ctx, struct vmtp_http *http, struct vmtp_http_job *job, CURLcode code)
{
    char status[32];
    job->status = 0;
    if (code == CURLE_OK) {
        curl_easy_getinfo(job->now->easy, CURLINFO_RESPONSE_CODE, &job->status);
        http->answered = true;
    }
    snprintf(status, sizeof status, "%ld", job->status);
    log_try(ctx, job, code == CURLE_OK ? status : curl_easy_strerror(code));

    double pause = again_in(http, job, code);
    job->not_before = vmtp_now() + (pause > 0 ? pause : 0);
    job->finished = pause < 0;
    if (job->finished && code != CURLE_OK)
        job->error = vmtp_http_stream_words(job);
    if (job->finished && code != CURLE_OK && !job->error)
        job->error = vmtp_http_words(&(struct vmtp_http_failure){.code = (int)code, .words = job->now->words,
            .url = job->url, .ca_file = http->tls.ca_file, .client_cert = http->tls.client_cert,
            .sent = may_have_arrived(job), .answered = http->answered, .begun = job->answer.len > 0,
            .too_long = job->answer.cut, .connect = http->policy.connect, .timeout = job->timeout});
    if (!job->finished) {
        vmtp_debug(ctx, "%s %s: sent again in %.1f s", job->method, job->url, pause);
        vmtp_buf_clear(&job->answer);
    }
    curl_multi_remove_handle(http->multi, job->now->easy);
    free_try(job);
}

void vmtp_http_job_clear(struct vmtp_http_job *job)
{
    vmtp_buf_clear(&job->answer);
    vmtp_secret_free(VMTP_TAKE(job->new_token));
    free(VMTP_TAKE(job->error));
    job->request_id[0] = '\0';
    job->status = 0;
    job->tries = 0;
    job->not_before = 0;
    job->finished = false;
}

/* ---- all of them ---- */

struct batch {
    struct vmtp_http_job *jobs;
    size_t n, in_flight, left;
    double next; /* when the first of those that wait may go; vmtp_now() scale */
};

static int start_some(vmtp_ctx *ctx, struct vmtp_http *http, struct batch *batch)
{
    double now = vmtp_now();
    batch->next = HUGE_VAL;
    for (size_t i = 0; i < batch->n; i++) {
        struct vmtp_http_job *job = &batch->jobs[i];
        if (job->finished || job->now)
            continue;
        if (job->not_before > now) {
            batch->next = fmin(batch->next, job->not_before);
            continue;
        }
        if (batch->in_flight == VMTP_HTTP_IN_FLIGHT)
            break;
        int rc = start_try(ctx, http, job);
        if (rc < 0)
            return rc;
        batch->in_flight++;
    }
    return VMTP_OK;
}

static void take_ended(vmtp_ctx *ctx, struct vmtp_http *http, struct batch *batch)
{
    int queued;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &queued));) {
        struct vmtp_http_job *job = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        end_try(ctx, http, job, code);
        batch->in_flight--;
        batch->left -= job->finished;
    }
}

static int run_batch(vmtp_ctx *ctx, struct vmtp_http *http, struct batch *batch)
{
    while (batch->left) {
        int running, rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = start_some(ctx, http, batch);
        if (rc < 0)
            return rc;
        (void)curl_multi_perform(http->multi, &running);
        size_t before = batch->in_flight;
        take_ended(ctx, http, batch);
        if (batch->left == 0 || batch->in_flight < before)
            continue;
        double nap = fmin(LONGEST_NAP, fmin(vmtp_remaining(ctx), batch->next - vmtp_now()));
        (void)curl_multi_poll(http->multi, NULL, 0, nap > 0 ? (int)ceil(nap * 1000) : 0, NULL);
    }
    return VMTP_OK;
}

static bool any_under_way(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->jobs[i].now && batch->jobs[i].once && may_have_arrived(&batch->jobs[i]))
            return true;
    return false;
}

/* A creation that is dropped half-way may still happen, and what it makes would show up after everything was removed:
 * its answer is waited for. */
static void finish_creations(vmtp_ctx *ctx, struct vmtp_http *http, struct batch *batch)
{
    const double end = vmtp_now() + FINISH_SECONDS;
    int running;
    while (any_under_way(batch) && vmtp_now() < end) {
        (void)curl_multi_perform(http->multi, &running);
        take_ended(ctx, http, batch);
        (void)curl_multi_poll(http->multi, NULL, 0, (int)(LONGEST_NAP * 1000), NULL);
    }
}

int vmtp_http_run(vmtp_ctx *ctx, struct vmtp_http *http, struct vmtp_http_job *jobs, size_t n)
{
    struct batch batch = {.jobs = jobs, .n = n};
    struct vmtp_sigpipe guard;
    for (size_t i = 0; i < n; i++)
        batch.left += !jobs[i].finished;
    vmtp_sigpipe_block(&guard);
    int rc = run_batch(ctx, http, &batch);
    if (rc == VMTP_ECANCELED)
        finish_creations(ctx, http, &batch);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].now && jobs[i].now->easy)
            curl_multi_remove_handle(http->multi, jobs[i].now->easy);
        free_try(&jobs[i]);
    }
    vmtp_sigpipe_restore(&guard);
    return rc;
}
