/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/http-stream.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"

static const double TELL_EVERY = 0.1; /* s */

static size_t give_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct vmtp_http_job *job = arg;
    ssize_t got;
    do
        got = read(job->stream->read_fd, bytes, size * n);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return (size_t)got;
    job->stream->failed = errno;
    return CURL_READFUNC_ABORT;
}

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct vmtp_http_job *job = arg;
    long status = 0;
    (void)size;
    curl_easy_getinfo(vmtp_http_handle(job), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300) /* the words of a refusal */
        return vmtp_buf_add(&job->answer, bytes, n) == VMTP_OK ? n : 0;
    if (vmtp_write_all(job->stream->write_fd, bytes, n) == 0)
        return n;
    job->stream->failed = errno;
    return 0;
}

/* Called often, also while nothing moves. Not 0: the transfer ends. */
static int look(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct vmtp_http_stream *stream = arg;
    bool sends = stream->read_fd >= 0;
    double now = vmtp_now(), done = (double)(sends ? up : down);
    double total = sends ? stream->length : down_total > 0 ? (double)down_total : -1;
    (void)up_total;
    bool more = stream->moved == 0 || done != stream->done;
    if (more)
        stream->moved = now;
    stream->done = done;
    double patience = sends && stream->length >= 0 && done >= stream->length ? stream->thinking : stream->stall;
    stream->stalled = now - stream->moved > patience;
    if (stream->stalled)
        return 1;
    if (!stream->progress || (now - stream->told < TELL_EVERY && !(more && done == total)))
        return 0;
    stream->told = now;
    stream->stopped = stream->progress(stream->arg, done, total);
    return stream->stopped != 0;
}

void vmtp_http_stream_set(void *handle, struct vmtp_http_job *job)
{
    CURL *easy = handle;
    struct vmtp_http_stream *stream = job->stream;
    stream->moved = 0;
    stream->done = 0;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, stream);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    if (stream->write_fd >= 0)
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    if (stream->read_fd >= 0) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_bytes);
        curl_easy_setopt(easy, CURLOPT_READDATA, job);
        if (stream->length >= 0)
            curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)stream->length);
    }
    if (stream->follow) {
        bool https = strncasecmp(job->url, "https:", 6) == 0;
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
#if LIBCURL_VERSION_NUM >= 0x075500
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
#else
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                         (long)(https ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    }
}

char *vmtp_http_stream_words(const struct vmtp_http_job *job)
{
    const struct vmtp_http_stream *stream = job->stream;
    if (!stream)
        return NULL;
    int n = (int)strcspn(job->url, "?"); /* a query may be what lets in */
    if (stream->failed) {
        errno = stream->failed;
        return vmtp_format("%.*s: the file on this machine: %s", n, job->url, vmtp_errno());
    }
    if (stream->stalled)
        return vmtp_format("%.*s: nothing moved any more for %g s, after %.1f MB", n, job->url,
                           stream->read_fd >= 0 && stream->done >= stream->length ? stream->thinking : stream->stall,
                           stream->done / 1e6);
    return stream->stopped ? vmtp_format("%.*s: stopped after %.1f MB", n, job->url, stream->done / 1e6) : NULL;
}
