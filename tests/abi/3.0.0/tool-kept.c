/* SPDX-License-Identifier: Apache-2.0 */
/* A tool of VMTP 3.0.0 with every member of its structs. What it reports is always the same. */
#include <stdlib.h>
#include <string.h>

#include <vmtp/plugin.h>

#include "tests/abi/later.h"

struct kept_opts {
    bool quick;
    int64_t port;
    uint64_t size, rate;
    double pause;
    const char *word;
    int mood;
};

static const char *const moods[] = {"calm", "lively", NULL};

/* Between two entries of this table there is nothing: a member that is read past the end of one is the next one's. */
static const struct vmtp_option kept_options[] = {
    VMTP_OPTION(struct kept_opts, quick, BOOL, .help = "be quick", .fallback = "true"),
    VMTP_OPTION(struct kept_opts, port, INT, .help = "a port", .fallback = "5477", .min = 1, .max = 65535),
    VMTP_OPTION(struct kept_opts, size, SIZE, .help = "a size", .fallback = "64K"),
    VMTP_OPTION(struct kept_opts, rate, RATE, .help = "a rate", .fallback = "10M"),
    VMTP_OPTION(struct kept_opts, pause, SECONDS, .help = "a time", .fallback = "0.5"),
    VMTP_OPTION(struct kept_opts, word, STRING, .help = "a text", .fallback = "hello", .flags = VMTP_OPT_SECRET),
    VMTP_OPTION(struct kept_opts, mood, CHOICE, .help = "a choice", .fallback = "lively", .choices = moods),
    {.name = NULL},
};

struct kept {
    const struct kept_opts *opts;
    vmtp_process *server;
};

static int kept_check(vmtp_ctx *ctx, const void *opts)
{
    const struct kept_opts *o = opts;
    bool defaults = o->quick && o->size == 64000 && o->rate == 10000000 && o->mood == 1;
    return defaults ? VMTP_OK : vmtp_fail(ctx, VMTP_ECONFIG, "the options are not what they were");
}

static int kept_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct kept *tool = calloc(1, sizeof *tool);
    if (!tool)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    tool->opts = opts;
    *state = tool;
    return VMTP_OK;
}

static int kept_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    struct kept *tool = state;
    const char *path;
    *caps &= ~(uint32_t)VMTP_TOOL_UDP;
    int rc = vmtp_program(ctx, ep, "sleep", NULL, &path);
    return rc < 0 ? rc : vmtp_property(ctx, "tool_version", tool->opts->word);
}

static int kept_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct kept *tool = state;
    const char *const argv[] = {"sleep", "60", NULL};
    if (tool->server && vmtp_running(ctx, tool->server))
        return VMTP_OK;
    return vmtp_start(ctx, job->server, argv, VMTP_TCP, 0, &tool->server);
}

static int kept_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct kept *tool = state;
    const char *const argv[] = {"echo", tool->opts->word, job->target, NULL};
    const struct vmtp_value values[] = {
        {.metric = "throughput", .value = 1e9},
        {.metric = "retransmits", .value = 7},
        {.metric = "cwnd", .value = 5e5},
    };
    struct {
        struct vmtp_output output;
        uint64_t guard;
    } echo = {{0}, 4711};
    if (job->load->proto != VMTP_TCP || job->load->seconds <= 0 || !job->port)
        return vmtp_fail(ctx, VMTP_EFAIL, "the job is not what it was");
    int rc = vmtp_exec(ctx, job->client, argv, &echo.output);
    if (rc == VMTP_OK && (echo.guard != 4711 || !strstr(echo.output.out, tool->opts->word)))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "the output is not what it was");
    vmtp_output_clear(&echo.output);
    if (rc == VMTP_OK)
        rc = vmtp_sample(ctx, 0, 1, values, sizeof values / sizeof values[0]);
    if (rc == VMTP_OK)
        rc = vmtp_metric(ctx, "throughput", 1e9);
    if (rc == VMTP_OK)
        rc = vmtp_metric(ctx, "retransmits", 7);
    return rc < 0 ? rc : vmtp_property(ctx, "flag", "kept");
}

static void kept_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct kept *tool = state;
    (void)job;
    vmtp_stop(ctx, tool->server);
    tool->server = NULL;
}

static const struct {
    struct vmtp_tool_ops ops;
    uint64_t behind[16];
} kept = {
    .ops = {
        .struct_size = sizeof kept.ops,
        .caps = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_RATE | VMTP_TOOL_SAMPLES,
        .port = 5477,
        .open = kept_open,
        .prepare = kept_prepare,
        .serve = kept_serve,
        .measure = kept_measure,
        .unserve = kept_unserve,
        .close = free,
        LATER_MEMBERS
    },
    .behind = NOT_ZERO,
};

VMTP_PLUGIN(tool_kept) = {
    VMTP_PLUGIN_HEAD,
    .name = "kept",
    .version = "3.0.0",
    .summary = "a tool of VMTP 3.0.0",
    .options = kept_options,
    .option_size = sizeof kept_options[0],
    .opts_size = sizeof(struct kept_opts),
    .check = kept_check,
    .tool = &kept.ops,
    LATER_MEMBERS
};
