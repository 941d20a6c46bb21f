/* SPDX-License-Identifier: Apache-2.0 */
/* nuttcp: TCP and UDP throughput. Its server runs in the foreground for as long as the run needs it. */
#include <math.h>
#include <stdlib.h>

#include "parse.h"

static const double ANSWER_WITHIN = 4;  /* s that the first contact over a path may take */
static const double GRACE = 15;         /* s that a client may need beyond the time it sends */
static const double DEFAULT_SECONDS = 10;
enum {
    CLOCK_TRIES = 3,              /* of a measurement in which the clock is set back */
    IDLE_TIMEOUT = 5,             /* s without data after which a server gives up */
    RETRANS_SINCE = 70000,        /* 6.1.2 prints 0 where the kernel has counted thousands */
    MULTICAST_SINCE = 80000,      /* -g, -j and -o work together */
    DEFAULT_TTL = 32,
    TARGET_TEXT = 128,
};
static const char default_group[] = "231.1.1.1";

struct nuttcp_opts {
    const char *path;
    int64_t port, control_port;
    uint64_t window;
    bool nodelay;
};

static const struct vmtp_option nuttcp_options[] = {
    VMTP_OPTION(struct nuttcp_opts, path, STRING, .help = "nuttcp on the hosts; looked up in PATH when not given"),
    VMTP_OPTION(struct nuttcp_opts, port, INT, .help = "TCP and UDP port of the data on the server", .fallback = "5001",
                .min = 1, .max = 65535),
    VMTP_OPTION(struct nuttcp_opts, control_port, INT, .help = "TCP port of the server", .fallback = "5002", .min = 1,
                .max = 65535),
    VMTP_OPTION(struct nuttcp_opts, window, SIZE, .help = "socket buffers of both ends; the system's when not given"),
    VMTP_OPTION(struct nuttcp_opts, nodelay, BOOL, .help = "send small TCP writes at once (TCP_NODELAY)"),
    {0},
};

struct nuttcp_server {
    vmtp_endpoint *ep;
    uint16_t control_port;
    bool ipv6;
    bool suspect; /* a client did not end well: it may wait for what never comes */
    vmtp_process *process;
    struct nuttcp_server *next;
};

/* What is known of the way from a client to a server. */
struct nuttcp_path {
    vmtp_endpoint *client;
    char target[TARGET_TEXT];
    uint16_t port, control_port;
    bool tcp, udp; /* something came through */
    struct nuttcp_path *next;
};

struct nuttcp {
    const struct nuttcp_opts *opts;
    struct vmtp_version *versions;
    struct nuttcp_server *servers;
    struct nuttcp_path *paths;
};

static int nuttcp_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct nuttcp *nuttcp = calloc(1, sizeof *nuttcp);
    if (!nuttcp)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    nuttcp->opts = opts;
    *state = nuttcp;
    return VMTP_OK;
}

static void nuttcp_close(void *state)
{
    struct nuttcp *nuttcp = state;
    VMTP_FREE_LIST(nuttcp->versions);
    VMTP_FREE_LIST(nuttcp->servers);
    VMTP_FREE_LIST(nuttcp->paths);
    free(nuttcp);
}

static int nuttcp_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    struct nuttcp *nuttcp = state;
    const char *path;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_ask_version(ctx, ep, "nuttcp", nuttcp->opts->path, "-V", &path, &out);
    if (rc < 0)
        return rc;
    char version[VMTP_VERSION_TEXT], words[VMTP_WORDS];
    unsigned number;
    if (!vmtp_scan_version(out.out, "nuttcp-", version, &number))
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s on %s is not nuttcp: %s", path, vmtp_endpoint_id(ep),
                         vmtp_error_words(&out, words));
    if (number < MULTICAST_SINCE)
        *caps &= ~(uint32_t)VMTP_TOOL_MULTICAST;
    rc = vmtp_version_keep(ctx, &nuttcp->versions, ep, number);
    if (rc == VMTP_OK && number < MULTICAST_SINCE)
        rc = vmtp_property(ctx, "remedy",
                           "name a nuttcp of version 8 or later with --tp-tool nuttcp:path=PROGRAM, or use --tp-tool "
                           "iperf");
    return rc < 0 ? rc : vmtp_property(ctx, "tool_version", version);
}

/* --- the server --- */

static struct nuttcp_server *find_server(struct nuttcp *nuttcp, const struct vmtp_job *job)
{
    struct nuttcp_server *server = nuttcp->servers;
    while (server && (server->ep != job->server || server->control_port != job->control_port))
        server = server->next;
    return server;
}

/* -S alone goes into the background; --nofork keeps the process that was started, and it serves one client after the
 * other. It listens for IPv4 or IPv6, not for both, and cannot be bound to an address. */
static int start_server(vmtp_ctx *ctx, struct nuttcp *nuttcp, struct nuttcp_server *server)
{
    const char *path;
    int rc = vmtp_program(ctx, server->ep, "nuttcp", nuttcp->opts->path, &path);
    if (rc < 0)
        return rc;
    struct vmtp_args args = {0};
    vmtp_arg(&args, path);
    vmtp_arg(&args, "-S");
    vmtp_arg(&args, "--nofork");
    vmtp_arg(&args, "--no3rdparty");
    vmtp_arg(&args, "--idle-data-timeout");
    vmtp_argf(&args, "%d", IDLE_TIMEOUT);
    if (server->ipv6)
        vmtp_arg(&args, "-6");
    vmtp_argf(&args, "-P%u", server->control_port);
    return vmtp_start(ctx, server->ep, args.argv, VMTP_TCP, server->control_port, &server->process);
}

static int nuttcp_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct nuttcp *nuttcp = state;
    struct nuttcp_server *server = find_server(nuttcp, job);
    if (!server) {
        server = calloc(1, sizeof *server);
        if (!server)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        *server = (struct nuttcp_server){
            .ep = job->server,
            .control_port = job->control_port,
            .next = nuttcp->servers,
        };
        nuttcp->servers = server;
    }
    bool ipv6 = job->load->ipv6;
    if (server->process && !server->suspect && server->ipv6 == ipv6 && vmtp_running(ctx, server->process))
        return VMTP_OK;
    vmtp_stop(ctx, server->process);
    server->process = NULL;
    server->suspect = false;
    server->ipv6 = ipv6;
    return start_server(ctx, nuttcp, server);
}

static void nuttcp_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct nuttcp *nuttcp = state;
    for (struct nuttcp_server *server = nuttcp->servers; server; server = server->next) {
        if (server->ep != job->server)
            continue;
        vmtp_stop(ctx, server->process);
        server->process = NULL;
    }
}

/* --- the client --- */

/* N streams use N data ports, which must leave out that of the server. */
static unsigned data_port(const struct vmtp_job *job)
{
    unsigned streams = job->load->streams > 1 ? job->load->streams : 1;
    bool overlaps = job->control_port >= job->port && job->control_port < job->port + streams;
    return overlaps ? job->control_port + 1u : job->port;
}

static bool is_udp(const struct vmtp_load *load)
{
    return load->proto != VMTP_TCP;
}

static void add_common(struct vmtp_args *args, const char *path, const struct vmtp_job *job)
{
    vmtp_arg(args, path);
    vmtp_arg(args, "-fparse");
    if (job->load->ipv6)
        vmtp_arg(args, "-6");
    if (is_udp(job->load))
        vmtp_arg(args, "-u");
    vmtp_argf(args, "-p%u", data_port(job));
    vmtp_argf(args, "-P%u", job->control_port);
}

/* nuttcp's K is 1000 bit/s. Without -R it sends UDP at 1 Mbit/s. */
static void add_rate(struct vmtp_args *args, const struct vmtp_load *load)
{
    if (load->rate_bps > 0)
        vmtp_argf(args, "-R%lluK", (unsigned long long)fmax(1, round((double)load->rate_bps / 1000)));
    else if (is_udp(load))
        vmtp_arg(args, "-Ru");
}

static void add_client(struct vmtp_args *args, const struct nuttcp_opts *opts, const char *path,
                       const struct vmtp_job *job, double seconds)
{
    const struct vmtp_load *load = job->load;
    add_common(args, path, job);
    vmtp_arg(args, "-a");
    vmtp_argf(args, "-T%.10g", seconds);
    add_rate(args, load);
    if (load->message_bytes)
        vmtp_argf(args, "-l%u", load->message_bytes);
    if (load->interval_s > 0)
        vmtp_argf(args, "-i%.10g", load->interval_s);
    if (load->streams > 1)
        vmtp_argf(args, "-N%u", load->streams);
    if (opts->window)
        vmtp_argf(args, "-w%lluk", (unsigned long long)(opts->window + 1023) / 1024);
    if (load->proto == VMTP_MULTICAST) {
        vmtp_argf(args, "-m%u", load->ttl ? load->ttl : DEFAULT_TTL);
        vmtp_argf(args, "-g%s", load->group && *load->group ? load->group : default_group);
        vmtp_arg(args, "-o");
        vmtp_arg(args, "-j");
    }
    if (load->proto == VMTP_TCP) {
        if (load->mss)
            vmtp_argf(args, "-M%u", load->mss);
        if (opts->nodelay)
            vmtp_arg(args, "-D");
        if (load->reverse) {
            vmtp_arg(args, "-F"); /* the client opens the connection in this direction, too */
            vmtp_arg(args, "-r");
        }
    }
    vmtp_arg(args, job->target);
}

/* --- the way to the server --- */

static int find_path(vmtp_ctx *ctx, struct nuttcp *nuttcp, const struct vmtp_job *job, struct nuttcp_path **path)
{
    for (*path = nuttcp->paths; *path; *path = (*path)->next)
        if ((*path)->client == job->client && (*path)->port == job->port &&
            (*path)->control_port == job->control_port && strcmp((*path)->target, job->target) == 0)
            return VMTP_OK;
    struct nuttcp_path *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->client = job->client;
    made->port = job->port;
    made->control_port = job->control_port;
    snprintf(made->target, sizeof made->target, "%s", job->target);
    made->next = nuttcp->paths;
    *path = nuttcp->paths = made;
    return VMTP_OK;
}

static int fail_filtered(vmtp_ctx *ctx, const struct vmtp_job *job, bool control_answers)
{
    const char *client = vmtp_endpoint_id(job->client), *proto = is_udp(job->load) ? "UDP" : "TCP";
    if (control_answers)
        return vmtp_fail(ctx, VMTP_EREMOTE,
                         "nothing gets through from %s to %s at %s port %u (data): a firewall or security group "
                         "filters it",
                         client, job->target, proto, data_port(job));
    return vmtp_fail(ctx, VMTP_EREMOTE,
                     "%s gets no answer from %s through TCP port %u (control) and %s port %u (data): a firewall or "
                     "security group filters them",
                     client, job->target, job->control_port, proto, data_port(job));
}

static int fail_client(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_output *out)
{
    char words[VMTP_WORDS];
    if (vmtp_nuttcp_is_classic(out->err) || vmtp_nuttcp_is_classic(out->out))
        return vmtp_fail(ctx, VMTP_EREMOTE, "no nuttcp server answers at %s port %u: %s", job->target,
                         job->control_port, vmtp_error_words(out, words));
    return vmtp_fail(ctx, VMTP_EREMOTE, "exit %d: %s", out->exit_status, vmtp_error_words(out, words));
}

/* True when a datagram of the probe has arrived. */
static bool datagrams_arrive(const struct vmtp_output *out)
{
    struct vmtp_numbers row;
    struct vmtp_nuttcp_scan scan;
    enum vmtp_nuttcp_row kind;
    bool arrived = false;
    vmtp_nuttcp_begin(&scan, out->out, out->out_len);
    while ((kind = vmtp_nuttcp_next(&scan, &row)) > VMTP_NUTTCP_END)
        arrived = vmtp_number(&row, "received", 0) > 0;
    return arrived;
}

static int run_probe(vmtp_ctx *ctx, const struct vmtp_job *job, const char *program, const struct nuttcp_path *path)
{
    struct vmtp_args args = {0};
    add_common(&args, program, job);
    vmtp_arg(&args, "-n2");
    vmtp_arg(&args, "-l64");
    if (is_udp(job->load))
        vmtp_arg(&args, "-R1M");
    vmtp_arg(&args, job->target);
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec_within(ctx, job->client, args.argv, ANSWER_WITHIN, &out);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return fail_filtered(ctx, job, path->tcp);
    if (rc < 0)
        return rc;
    if (out.exit_status != 0 || vmtp_nuttcp_is_classic(out.err))
        return fail_client(ctx, job, &out);
    return !is_udp(job->load) || datagrams_arrive(&out) ? VMTP_OK : fail_filtered(ctx, job, true);
}

/* Before the first measurement on a path a little is sent: a client has no time limit of its own and would hang for
 * minutes on a port that is filtered; and once a datagram has arrived, 100 % loss is a result and not a closed port. */
static int prove_path(vmtp_ctx *ctx, struct nuttcp *nuttcp, const struct vmtp_job *job, const char *program)
{
    struct nuttcp_path *path = NULL;
    int rc = find_path(ctx, nuttcp, job, &path);
    if (rc < 0)
        return rc;
    bool *proven = is_udp(job->load) ? &path->udp : &path->tcp;
    if (*proven)
        return VMTP_OK;
    rc = run_probe(ctx, job, program, path);
    *proven = rc == VMTP_OK;
    return rc;
}

/* --- the measurement --- */

/* Reads the output: intervals are reported, the total is given back. */
static int read_output(vmtp_ctx *ctx, const struct vmtp_output *out, bool with_retransmits, struct vmtp_numbers *total)
{
    struct vmtp_nuttcp_scan scan;
    struct vmtp_numbers row;
    enum vmtp_nuttcp_row kind;
    bool found = false;
    double from = 0;
    vmtp_nuttcp_begin(&scan, out->out, out->out_len);
    while ((kind = vmtp_nuttcp_next(&scan, &row)) > VMTP_NUTTCP_END) {
        if (!with_retransmits)
            vmtp_number_drop(&row, "retransmits");
        if (kind == VMTP_NUTTCP_TOTAL) {
            *total = row;
            found = true;
            continue;
        }
        double to = from + vmtp_number(&row, "seconds", 0);
        int rc = vmtp_sample(ctx, from, to, row.items, row.n);
        if (rc < 0)
            return rc;
        from = to;
    }
    char words[VMTP_WORDS];
    if (kind == VMTP_NUTTCP_FLAW)
        return vmtp_fail(ctx, VMTP_EPARSE, "the output of nuttcp is not understood: %s", scan.flaw);
    if (!found)
        return vmtp_fail(ctx, VMTP_EPARSE, "the output of nuttcp has no result: %s", vmtp_error_words(out, words));
    return VMTP_OK;
}

static int run_client(vmtp_ctx *ctx, const struct nuttcp *nuttcp, const struct vmtp_job *job, const char *program,
                      struct vmtp_output *out)
{
    double seconds = job->load->seconds > 0 ? job->load->seconds : DEFAULT_SECONDS;
    struct vmtp_args args = {0};
    add_client(&args, nuttcp->opts, program, job, seconds);
    int rc = vmtp_exec_within(ctx, job->client, args.argv, seconds + GRACE, out);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return vmtp_fail(ctx, rc, "the client on %s does not end, %g s after its time", vmtp_endpoint_id(job->client),
                         GRACE);
    if (rc < 0)
        return rc;
    if (out->exit_status != 0 || vmtp_nuttcp_is_classic(out->err) || vmtp_nuttcp_is_classic(out->out))
        return fail_client(ctx, job, out);
    return VMTP_OK;
}

/* Before anything of an output is reported. */
static bool clock_was_set(const struct vmtp_output *out)
{
    struct vmtp_numbers row;
    struct vmtp_nuttcp_scan scan;
    vmtp_nuttcp_begin(&scan, out->out, out->out_len);
    while (vmtp_nuttcp_next(&scan, &row) > VMTP_NUTTCP_END)
        ;
    return scan.clock_was_set;
}

/* nuttcp takes its times from a clock that can be set: one that is set back by more than the measurement lasts makes
 * them negative. Then it measures again, if there is time for that. */
static int run_clients(vmtp_ctx *ctx, const struct nuttcp *nuttcp, const struct vmtp_job *job, const char *program,
                       struct vmtp_output *out)
{
    static const char set_back[] =
        "the clock of %s or %s was set back while nuttcp measured, so its times are below 0: %s";
    const char *client = vmtp_endpoint_id(job->client), *server = vmtp_endpoint_id(job->server);
    for (unsigned i = 1;; i++) {
        double begin = vmtp_remaining(ctx);
        int rc = run_client(ctx, nuttcp, job, program, out);
        if (rc < 0 || !clock_was_set(out))
            return rc;
        if (i == CLOCK_TRIES || vmtp_remaining(ctx) < begin - vmtp_remaining(ctx))
            return vmtp_fail(ctx, VMTP_EREMOTE, set_back, client, server,
                             "let their time service settle, or use another tool");
        vmtp_warn(ctx, set_back, client, server, "measuring again");
        vmtp_output_clear(out);
    }
}

static int measure_on(vmtp_ctx *ctx, struct nuttcp *nuttcp, const struct vmtp_job *job)
{
    const vmtp_endpoint *sender = job->load->reverse ? job->server : job->client;
    const char *program;
    int rc = vmtp_program(ctx, job->client, "nuttcp", nuttcp->opts->path, &program);
    if (rc == VMTP_OK)
        rc = prove_path(ctx, nuttcp, job, program);
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    struct vmtp_numbers total = {0};
    if (rc == VMTP_OK)
        rc = run_clients(ctx, nuttcp, job, program, &out);
    if (rc == VMTP_OK)
        rc = read_output(ctx, &out, vmtp_version_of(nuttcp->versions, sender) >= RETRANS_SINCE, &total);
    if (rc < 0)
        return rc;
    if (is_udp(job->load) && vmtp_number(&total, "sent", 0) <= 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "no datagram was sent: %.150s", out.out);
    if (!is_udp(job->load) && vmtp_number(&total, "throughput", 0) <= 0) /* 6.1.2 ends with status 0 then */
        return vmtp_fail(ctx, VMTP_EREMOTE, "nothing has arrived: another program has TCP port %u of %s",
                         data_port(job), vmtp_endpoint_id(job->server));
    return vmtp_numbers_report(ctx, &total);
}

static int nuttcp_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct nuttcp *nuttcp = state;
    int rc = vmtp_check_target(ctx, job->target);
    if (rc == VMTP_OK && is_udp(job->load) && job->load->reverse)
        rc = vmtp_fail(ctx, VMTP_ENOTSUP, "nuttcp sends datagrams from the client to the server only");
    if (rc < 0)
        return rc;
    rc = measure_on(ctx, nuttcp, job);
    struct nuttcp_server *server = find_server(nuttcp, job);
    if (rc < 0 && server)
        server->suspect = true;
    return rc;
}

static const struct vmtp_tool_ops nuttcp_ops = {
    .struct_size = sizeof nuttcp_ops,
    .caps = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_MULTICAST | VMTP_TOOL_IPV6 | VMTP_TOOL_REVERSE_TCP |
            VMTP_TOOL_RATE | VMTP_TOOL_SAMPLES | VMTP_TOOL_STREAMS | VMTP_TOOL_BRING,
    .port = 5001,
    .control_port = 5002,
    .open = nuttcp_open,
    .prepare = nuttcp_prepare,
    .serve = nuttcp_serve,
    .measure = nuttcp_measure,
    .unserve = nuttcp_unserve,
    .close = nuttcp_close,
};

VMTP_PLUGIN(tool_nuttcp) = {
    VMTP_PLUGIN_HEAD,
    .name = "nuttcp",
    .version = "1.0",
    .summary = "TCP and UDP throughput with nuttcp",
    .options = nuttcp_options,
    .option_size = sizeof nuttcp_options[0],
    .opts_size = sizeof(struct nuttcp_opts),
    .tool = &nuttcp_ops,
};
