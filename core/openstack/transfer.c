/* SPDX-License-Identifier: Apache-2.0 */
/* Images: bytes of a file to a service, and of a URL to a file. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/openstack/catalog.h"
#include "core/openstack/message.h"
#include "core/openstack/session-inside.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"

static const double STALL = 60;     /* s */
static const double THINKING = 600; /* s; a service may copy and sum up what it got before it answers */

/* Bytes from where fd stands to its end; -1: unknown. */
static double bytes_left(int fd, off_t at)
{
    struct stat st;
    if (at < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    return at < st.st_size ? (double)(st.st_size - at) : 0;
}

/* VMTP_OK, or why the transfer did not come to its end. */
static int result_of(vmtp_ctx *ctx, const struct vmtp_http_job *job, const char *error)
{
    const struct vmtp_http_stream *stream = job->stream;
    if (stream->stopped)
        return vmtp_fail(ctx, stream->stopped < 0 ? stream->stopped : VMTP_ECANCELED, "%s", error ? error : "stopped");
    if (stream->failed)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s", error ? error : "out of memory");
    if (!job->status)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s", error ? error : "out of memory");
    if (job->status < 200 || job->status >= 300)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s", error ? error : "out of memory");
    return VMTP_OK;
}

int vmtp_os_upload(vmtp_ctx *ctx, struct vmtp_os_session *session, int service, const char *path, int fd,
                   vmtp_os_progress_fn progress, void *arg)
{
    off_t start = lseek(fd, 0, SEEK_CUR);
    VMTP_CLEAN(mem) char *url = vmtp_format("%s%s", vmtp_os_endpoint(session, service), path);
    struct vmtp_http_stream stream = {.read_fd = fd, .write_fd = -1, .length = bytes_left(fd, start),
                                      .progress = progress, .arg = arg, .stall = STALL, .thinking = THINKING};
    VMTP_CLEAN(http_job) struct vmtp_http_job job = {
        .method = "PUT", .url = url, .token = vmtp_os_token_text(session), .once = true, .stream = &stream,
        .content_type = "application/octet-stream"};
    if (!url)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_http_run(ctx, vmtp_os_http(session), &job, 1);
    if (rc == VMTP_OK && job.status == 401 && start >= 0 && lseek(fd, start, SEEK_SET) == start &&
        (rc = vmtp_os_login_again(ctx, session)) == VMTP_OK) {
        vmtp_http_job_clear(&job);
        job.token = vmtp_os_token_text(session);
        rc = vmtp_http_run(ctx, vmtp_os_http(session), &job, 1);
    }
    if (rc < 0) {
        vmtp_ctx_frame(ctx, "%s: PUT %s", vmtp_os_service_name(service), path);
        return rc;
    }
    VMTP_CLEAN(json) json_t *answer = json_loadb(vmtp_buf_text(&job.answer), job.answer.len, 0, NULL);
    VMTP_CLEAN(mem) char *error = vmtp_os_error_text(service, "PUT", path, &job, answer);
    return result_of(ctx, &job, error);
}

int vmtp_os_download(vmtp_ctx *ctx, const char *url, int fd, vmtp_os_progress_fn progress, void *arg)
{
    struct vmtp_http_stream stream = {.read_fd = -1, .write_fd = fd, .follow = true, .length = -1,
                                      .progress = progress, .arg = arg, .stall = STALL};
    VMTP_CLEAN(http_job) struct vmtp_http_job job = {.method = "GET", .url = url, .once = true, .stream = &stream};
    if (!vmtp_os_is_url(url))
        return vmtp_fail(ctx, VMTP_ECONFIG, "not a URL that starts with http:// or https:// and a host");
    struct vmtp_http *http = vmtp_http_new(&(struct vmtp_http_tls){0});
    if (!http)
        return vmtp_fail(ctx, VMTP_ENOMEM, "libcurl does not start");
    int rc = vmtp_http_run(ctx, http, &job, 1);
    vmtp_http_free(http);
    if (rc < 0) {
        vmtp_ctx_frame(ctx, "%.*s", (int)strcspn(url, "?"), url);
        return rc;
    }
    char status[VMTP_OS_STATUS_TEXT];
    VMTP_CLEAN(mem) char *error = job.status ? vmtp_format("%.*s: %s", (int)strcspn(url, "?"), url,
                                                           vmtp_os_status_text(job.status, status))
                                             : job.error ? strdup(job.error) : NULL;
    return result_of(ctx, &job, error);
}
