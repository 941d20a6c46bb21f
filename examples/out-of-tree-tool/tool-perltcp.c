/* SPDX-License-Identifier: Apache-2.0 */
/* A tool plugin, whole: TCP throughput with a few lines of perl on both ends. See README.md beside this file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmtp/plugin.h>

struct perltcp_opts {
    const char *path;
    uint64_t chunk;
};

static const struct vmtp_option perltcp_options[] = {
    VMTP_OPTION(struct perltcp_opts, path, STRING, .help = "perl on the endpoints, instead of the one in PATH"),
    VMTP_OPTION(struct perltcp_opts, chunk, SIZE, .help = "bytes per write when no size is asked for",
                .fallback = "64K",
                .min = 1, .max = 1000000),
    {.name = NULL},
};

/* One instance is used by one thread at a time, so its state needs no lock. */
struct perltcp {
    const struct perltcp_opts *opts;
    vmtp_process *server;
    vmtp_endpoint *server_at;
};

static const char SERVER[] =
    "use IO::Socket::INET; my ($port) = @ARGV;"
    "my $l = IO::Socket::INET->new(LocalPort => $port, Listen => 5, ReuseAddr => 1) or die \"listen: $!\\n\";"
    "while (my $c = $l->accept) { 1 while sysread($c, my $b, 262144); close $c }";

/* Prints "BYTES SECONDS". The shutdown and the read wait until the far end has taken everything. */
static const char CLIENT[] =
    "use IO::Socket::INET; use Time::HiRes 'time'; my ($host, $port, $seconds, $chunk) = @ARGV;"
    "my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5) or die \"connect: $!\\n\";"
    "my ($b, $n, $t) = ('x' x $chunk, 0, time);"
    "while (time - $t < $seconds) { my $w = syswrite($s, $b); defined $w or die \"write: $!\\n\"; $n += $w }"
    "shutdown($s, 1); sysread($s, my $r, 1); printf \"%d %.6f\\n\", $n, time - $t;";

static int perltcp_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct perltcp *tool = calloc(1, sizeof *tool);
    if (!tool)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    tool->opts = opts;
    *state = tool;
    return VMTP_OK;
}

static int perltcp_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    (void)caps; /* any perl can do all of it */
    struct perltcp *tool = state;
    const char *perl;
    int rc = vmtp_program(ctx, ep, "perl", tool->opts->path, &perl);
    return rc < 0 ? rc : vmtp_property(ctx, "tool_version", "1");
}

static int perltcp_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct perltcp *tool = state;
    if (tool->server && tool->server_at == job->server && vmtp_running(ctx, tool->server))
        return VMTP_OK;
    vmtp_stop(ctx, tool->server);
    tool->server = NULL;

    const char *perl;
    int rc = vmtp_program(ctx, job->server, "perl", tool->opts->path, &perl);
    if (rc < 0)
        return rc;
    char port[8];
    snprintf(port, sizeof port, "%u", job->port);
    const char *const argv[] = {perl, "-e", SERVER, port, NULL};
    tool->server_at = job->server;
    return vmtp_start(ctx, job->server, argv, VMTP_TCP, job->port, &tool->server);
}

static int perltcp_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct perltcp *tool = state;
    const char *perl;
    int rc = vmtp_program(ctx, job->client, "perl", tool->opts->path, &perl);
    if (rc < 0)
        return rc;
    uint64_t bytes_per_write = job->load->message_bytes ? job->load->message_bytes : tool->opts->chunk;
    char port[8], seconds[32], chunk[32];
    snprintf(port, sizeof port, "%u", job->port);
    snprintf(seconds, sizeof seconds, "%.3f", job->load->seconds);
    snprintf(chunk, sizeof chunk, "%" PRIu64, bytes_per_write);
    const char *const argv[] = {perl, "-e", CLIENT, job->target, port, seconds, chunk, NULL};

    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, job->client, argv, &out);
    if (rc < 0)
        return rc;
    if (out.exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "perl: exit %d: %s", out.exit_status, out.err);
    double bytes, took;
    if (sscanf(out.out, "%lf %lf", &bytes, &took) != 2 || took <= 0)
        return vmtp_fail(ctx, VMTP_EPARSE, "perl printed: %s", out.out);
    rc = vmtp_metric(ctx, "bytes", bytes);
    if (rc == VMTP_OK)
        rc = vmtp_metric(ctx, "seconds", took);
    return rc < 0 ? rc : vmtp_metric(ctx, "throughput", bytes * 8 / took);
}

static void perltcp_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    (void)job;
    struct perltcp *tool = state;
    vmtp_stop(ctx, tool->server);
    tool->server = NULL;
}

static const struct vmtp_tool_ops perltcp_ops = {
    .struct_size = sizeof perltcp_ops,
    .caps = VMTP_TOOL_TCP,
    .port = 5301,
    .open = perltcp_open,
    .prepare = perltcp_prepare,
    .serve = perltcp_serve,
    .measure = perltcp_measure,
    .unserve = perltcp_unserve,
    .close = free,
};

VMTP_PLUGIN(tool_perltcp) = {
    VMTP_PLUGIN_HEAD,
    .name = "perltcp",
    .version = "1.0",
    .summary = "TCP throughput with perl on both ends (an example)",
    .options = perltcp_options,
    .option_size = sizeof perltcp_options[0],
    .opts_size = sizeof(struct perltcp_opts),
    .tool = &perltcp_ops,
};
