/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ctx.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/util/clock.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { CAUSES_MAX = 4096 };
static const double LONGEST_NAP = 0.05; /* how long an interrupt may go unnoticed */

static const struct {
    int status;
    const char *name, *words;
} statuses[] = {
    {VMTP_OK, "ok", "no error"},
    {VMTP_EFAIL, "failed", "failed"},
    {VMTP_ENOMEM, "no-memory", "out of memory"},
    {VMTP_ECONFIG, "config", "invalid configuration"},
    {VMTP_ENOTSUP, "not-supported", "not supported"},
    {VMTP_EUNREACH, "unreachable", "not reachable"},
    {VMTP_EREMOTE, "remote", "a remote program failed"},
    {VMTP_EPARSE, "parse", "output not understood"},
    {VMTP_ETIMEOUT, "timeout", "timed out"},
    {VMTP_ECANCELED, "interrupted", "interrupted"},
    {VMTP_EPLACE, "placement", "no host for placement"},
};

static size_t status_index(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return i;
    return 1;
}

const char *vmtp_status_name(int status)
{
    return statuses[status_index(status)].name;
}

void vmtp_ctx_init(struct vmtp_ctx *ctx, const atomic_bool *cancel)
{
    *ctx = (struct vmtp_ctx){.causes = VMTP_BUF(CAUSES_MAX), .cancel = cancel};
}

void vmtp_ctx_clear(struct vmtp_ctx *ctx)
{
    vmtp_buf_clear(&ctx->causes);
}

void vmtp_ctx_child(struct vmtp_ctx *ctx, const struct vmtp_ctx *parent, double seconds)
{
    vmtp_ctx_init(ctx, parent->cancel);
    ctx->deadline = parent->deadline;
    ctx->recorder = parent->recorder;
    ctx->watch = parent->watch;
    ctx->ledger = parent->ledger;
    ctx->bundles = parent->bundles;
    ctx->topology = parent->topology;
    ctx->plan = parent->plan;
    ctx->settings = parent->settings;
    ctx->tell = parent->tell;
    ctx->tell_arg = parent->tell_arg;
    ctx->connected = parent->connected;
    ctx->connected_arg = parent->connected_arg;
    memcpy(ctx->where, parent->where, sizeof ctx->where);
    if (seconds > 0) {
        double own = vmtp_now() + seconds;
        if (ctx->deadline == 0 || own < ctx->deadline)
            ctx->deadline = own;
    }
}

void vmtp_ctx_where(struct vmtp_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(ctx->where, sizeof ctx->where, fmt, args);
    va_end(args);
}

/* False when out of memory: the causes stay as they are. */
static bool put_in_front(struct vmtp_buf *causes, const char *text)
{
    VMTP_CLEAN(buf) struct vmtp_buf joined = VMTP_BUF(causes->max);
    if (vmtp_buf_text_add(&joined, text) == VMTP_ENOMEM)
        return false;
    if (causes->len && (vmtp_buf_text_add(&joined, ": ") == VMTP_ENOMEM ||
                        vmtp_buf_text_add(&joined, vmtp_buf_text(causes)) == VMTP_ENOMEM))
        return false;
    vmtp_buf_clear(causes);
    *causes = joined;
    joined = VMTP_BUF(causes->max);
    return true;
}

__attribute__((format(printf, 2, 0))) static void add_cause(struct vmtp_ctx *ctx, const char *fmt, va_list args)
{
    VMTP_CLEAN(mem) char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0) {
        text = NULL;
        ctx->starved = true;
        return;
    }
    vmtp_printable(text);
    if (!put_in_front(&ctx->causes, text))
        ctx->starved = true;
}

int vmtp_fail(vmtp_ctx *ctx, int status, const char *fmt, ...)
{
    if (ctx) {
        va_list args;
        va_start(args, fmt);
        add_cause(ctx, fmt, args);
        va_end(args);
    }
    return status;
}

void vmtp_ctx_frame(struct vmtp_ctx *ctx, const char *fmt, ...)
{
    if (ctx->causes.len == 0)
        return;
    va_list args;
    va_start(args, fmt);
    add_cause(ctx, fmt, args);
    va_end(args);
}

const char *vmtp_ctx_error(struct vmtp_ctx *ctx, int status)
{
    if (ctx->causes.len)
        return vmtp_buf_text(&ctx->causes);
    return statuses[status_index(ctx->starved && status < 0 ? VMTP_ENOMEM : status)].words;
}

void vmtp_ctx_forget(struct vmtp_ctx *ctx)
{
    vmtp_buf_reset(&ctx->causes);
    ctx->starved = false;
}

__attribute__((format(printf, 3, 0)))
static void ctx_log(vmtp_ctx *ctx, enum vmtp_log_level level, const char *fmt, va_list args)
{
    if (level > vmtp_log_get_level())
        return;
    char text[VMTP_LOG_TEXT_MAX]; /* a lack of memory has to be told as well */
    vsnprintf(text, sizeof text, fmt, args);
    vmtp_log(level, "%s%s", ctx ? ctx->where : "", text);
}

#define LOG_FUNCTION(name, level)                 \
    void name(vmtp_ctx *ctx, const char *fmt, ...) \
    {                                             \
        va_list args;                             \
        va_start(args, fmt);                      \
        ctx_log(ctx, level, fmt, args);           \
        va_end(args);                             \
    }
LOG_FUNCTION(vmtp_warn, VMTP_LOG_WARNING)
LOG_FUNCTION(vmtp_info, VMTP_LOG_INFO)
LOG_FUNCTION(vmtp_debug, VMTP_LOG_DEBUG)

bool vmtp_cancelled(const vmtp_ctx *ctx)
{
    return ctx->cancel && atomic_load(ctx->cancel);
}

double vmtp_remaining(const vmtp_ctx *ctx)
{
    if (ctx->deadline == 0)
        return HUGE_VAL;
    double left = ctx->deadline - vmtp_now();
    return left > 0 ? left : 0;
}

int vmtp_ctx_check(struct vmtp_ctx *ctx)
{
    if (vmtp_cancelled(ctx))
        return vmtp_fail(ctx, VMTP_ECANCELED, "interrupted");
    if (vmtp_remaining(ctx) <= 0)
        return vmtp_fail(ctx, VMTP_ETIMEOUT, "no answer in time");
    return VMTP_OK;
}

int vmtp_ctx_tell(struct vmtp_ctx *ctx, const char *fmt, ...)
{
    char what[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (ctx->tell)
        ctx->tell(ctx->tell_arg, what);
    return vmtp_ctx_check(ctx);
}

int vmtp_wait(vmtp_ctx *ctx, double seconds)
{
    double end = vmtp_now() + seconds;
    for (;;) {
        int rc = vmtp_ctx_check(ctx);
        double left = end - vmtp_now();
        if (rc < 0 || left <= 0)
            return rc;
        double nap = left < LONGEST_NAP ? left : LONGEST_NAP;
        struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)(nap * 1e9)};
        nanosleep(&ts, NULL);
    }
}

void vmtp_free(void *memory)
{
    free(memory);
}
