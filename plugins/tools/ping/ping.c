/* SPDX-License-Identifier: Apache-2.0 */
/* ping: round trip times and loss of ICMP echo, with the ping that the host has. */
#include <math.h>
#include <stdlib.h>

#include "parse.h"

enum {
    ICMP_HEADER = 8,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    LARGEST_PACKET = 65535,
    SIX_SINCE = 20150815, /* iputils: -6 instead of a program of its own */
    LAST_WAIT = 2,        /* s that the last reply may take */
};
static const double GRACE = 12; /* s that ping may need beyond its time, looking up names for one */

struct ping_opts {
    const char *path, *path6;
};

static const struct vmtp_option ping_options[] = {
    VMTP_OPTION(struct ping_opts, path, STRING, .help = "ping on the hosts; looked up in PATH when not given"),
    VMTP_OPTION(struct ping_opts, path6, STRING, .help = "ping6 on hosts whose ping has no IPv6; looked up in PATH"),
    {0},
};

/* What the ping of an endpoint is like. */
struct ping_at {
    vmtp_endpoint *ep;
    bool separate_six; /* IPv6 is a program of its own */
    bool whole_seconds; /* it has refused a fraction of a second between two packets */
    struct ping_at *next;
};

struct ping {
    const struct ping_opts *opts;
    struct ping_at *at;
};

static int ping_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct ping *ping = calloc(1, sizeof *ping);
    if (!ping)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    ping->opts = opts;
    *state = ping;
    return VMTP_OK;
}

static void ping_close(void *state)
{
    struct ping *ping = state;
    VMTP_FREE_LIST(ping->at);
    free(ping);
}

/* "ping from iputils 20221126", before 2020 "ping utility, iputils-s20190709"; BusyBox knows no -V and says what it is
 * in its help. */
static bool has_separate_six(const char *text)
{
    const char *iputils = strstr(text, "iputils");
    if (!iputils)
        return strstr(text, "inetutils") != NULL;
    iputils += strcspn(iputils, "0123456789\n");
    double date;
    return vmtp_scan_number(&iputils, 1e9, &date) && date < SIX_SINCE;
}

static int ping_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    (void)caps;
    struct ping *ping = state;
    const char *path;
    int rc = vmtp_program(ctx, ep, "ping", ping->opts->path, &path);
    if (rc == VMTP_ENOTSUP)
        return VMTP_OK; /* a server needs none; a client without one is told when it measures */
    if (rc < 0)
        return rc;
    const char *const argv[] = {path, "-V", NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    struct ping_at *at = calloc(1, sizeof *at);
    if (!at)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *at = (struct ping_at){.ep = ep, .separate_six = has_separate_six(out.out), .next = ping->at};
    ping->at = at;
    return VMTP_OK;
}

static struct ping_at *find_at(struct ping *ping, const vmtp_endpoint *ep)
{
    struct ping_at *at = ping->at;
    while (at && at->ep != ep)
        at = at->next;
    return at;
}

/* The bytes behind the headers: the size that is asked for is that of the IP packet. */
static int payload_of(vmtp_ctx *ctx, const struct vmtp_load *load, unsigned *payload)
{
    unsigned headers = ICMP_HEADER + (load->ipv6 ? IPV6_HEADER : IPV4_HEADER);
    if (load->message_bytes < headers || load->message_bytes > LARGEST_PACKET)
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "an ICMP packet of %u bytes cannot be: with its headers it has %u to %u over IPv%u",
                         load->message_bytes, headers, LARGEST_PACKET, load->ipv6 ? 6u : 4u);
    *payload = load->message_bytes - headers;
    return VMTP_OK;
}

static int find_program(vmtp_ctx *ctx, const struct ping *ping, const struct ping_at *at, bool six, const char **path)
{
    if (six && at->separate_six)
        return vmtp_program(ctx, at->ep, "ping6", ping->opts->path6, path);
    return vmtp_program(ctx, at->ep, "ping", ping->opts->path, path);
}

static int run(vmtp_ctx *ctx, const struct ping *ping, const struct ping_at *at, const struct vmtp_job *job,
               struct vmtp_output *out)
{
    const struct vmtp_load *load = job->load;
    const char *program;
    unsigned payload = 0, count = load->count ? load->count : 1;
    int rc = payload_of(ctx, load, &payload);
    if (rc == VMTP_OK)
        rc = find_program(ctx, ping, at, load->ipv6, &program);
    if (rc < 0)
        return rc;
    double interval = load->interval_s > 0 ? load->interval_s : 1;
    if (at->whole_seconds)
        interval = ceil(interval);

    struct vmtp_args args = {0};
    vmtp_arg(&args, program);
    if (load->ipv6 && !at->separate_six)
        vmtp_arg(&args, "-6");
    vmtp_arg(&args, "-n");
    vmtp_arg(&args, "-c");
    vmtp_argf(&args, "%u", count);
    vmtp_arg(&args, "-i");
    vmtp_argf(&args, "%.10g", interval);
    vmtp_arg(&args, "-s");
    vmtp_argf(&args, "%u", payload);
    if (!(load->ipv6 && at->separate_six)) { /* the ping6 of inetutils has no -W */
        vmtp_arg(&args, "-W");
        vmtp_argf(&args, "%d", LAST_WAIT);
    }
    vmtp_arg(&args, job->target);
    rc = vmtp_exec_within(ctx, job->client, args.argv, count * interval + LAST_WAIT + GRACE, out);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return vmtp_fail(ctx, rc, "ping on %s does not end", vmtp_endpoint_id(job->client));
    return rc;
}

/* A BusyBox without fractions, or the ping6 of inetutils. */
static bool wants_whole_seconds(const struct vmtp_output *out, double interval)
{
    return interval != floor(interval) && strstr(out->err, "nvalid") && !strstr(out->out, "packets transmitted");
}

static int report(vmtp_ctx *ctx, const struct vmtp_output *out)
{
    struct vmtp_numbers numbers;
    char words[VMTP_WORDS];
    const char *flaw = vmtp_ping_parse(out->out, out->out_len, &numbers);
    if (flaw && (out->exit_status != 0 || out->out_len == 0))
        return vmtp_fail(ctx, VMTP_EREMOTE, "exit %d: %s", out->exit_status, vmtp_error_words(out, words));
    if (flaw)
        return vmtp_fail(ctx, VMTP_EPARSE, "the output of ping is not understood: %s", flaw);
    bool all_lost = vmtp_number(&numbers, "received", 0) <= 0;
    if (all_lost && out->err_len > 0) /* it could not even send */
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s", vmtp_error_words(out, words));
    int rc = vmtp_numbers_report(ctx, &numbers);
    if (rc == VMTP_OK && all_lost && *vmtp_ping_complaint(out->out, words))
        rc = vmtp_property(ctx, "warning", words);
    return rc;
}

static int ping_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct ping *ping = state;
    struct ping_at *at = find_at(ping, job->client);
    int rc = vmtp_check_target(ctx, job->target);
    if (rc < 0)
        return rc;
    if (!at) {
        const char *path; /* there was none */
        rc = vmtp_program(ctx, job->client, "ping", ping->opts->path, &path);
        return rc < 0 ? rc : vmtp_fail(ctx, VMTP_EFAIL, "%s was not prepared", vmtp_endpoint_id(job->client));
    }
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = run(ctx, ping, at, job, &out);
    if (rc == VMTP_OK && wants_whole_seconds(&out, job->load->interval_s) && !at->whole_seconds) {
        at->whole_seconds = true;
        vmtp_warn(ctx, "ping on %s takes whole seconds only: %g s between two packets", vmtp_endpoint_id(job->client),
                  ceil(job->load->interval_s));
        rc = run(ctx, ping, at, job, &out);
    }
    return rc < 0 ? rc : report(ctx, &out);
}

static const struct vmtp_tool_ops ping_ops = {
    .struct_size = sizeof ping_ops,
    .caps = VMTP_TOOL_ICMP | VMTP_TOOL_IPV6,
    .open = ping_open,
    .prepare = ping_prepare,
    .measure = ping_measure,
    .close = ping_close,
};

VMTP_PLUGIN(tool_ping) = {
    VMTP_PLUGIN_HEAD,
    .name = "ping",
    .version = "1.0",
    .summary = "round trip times and loss of ICMP echo",
    .options = ping_options,
    .option_size = sizeof ping_options[0],
    .opts_size = sizeof(struct ping_opts),
    .tool = &ping_ops,
};
