/* SPDX-License-Identifier: Apache-2.0 */
/* iperf3: TCP and UDP throughput. Its server takes one client at a time and stays in the foreground. */
#include <math.h>
#include <stdlib.h>

#include "parse.h"

static const double ANSWER_WITHIN = 4; /* s that the first contact over a path may take */
static const double GRACE = 15;        /* s that a client may need beyond the time it sends */
static const double DEFAULT_SECONDS = 10;
static const double SHORTEST_INTERVAL = 0.1, USUAL_INTERVAL = 1;
static const double BUSY_PAUSE = 0.25; /* s until a server that is between two clients is asked again */
enum {
    BUSY_TRIES = 12,
    MOST_ROWS = 1000, /* intervals times streams: the output stays below what is kept of it */
    CONNECT_MS = 4000,
    ADDRESS_TEXT = 64,
};

struct iperf3_opts {
    const char *path;
    int64_t port;
    uint64_t window;
    bool nodelay;
};

static const struct vmtp_option iperf3_options[] = {
    VMTP_OPTION(struct iperf3_opts, path, STRING, .help = "iperf3 on the hosts; looked up in PATH when not given"),
    VMTP_OPTION(struct iperf3_opts, port, INT, .help = "TCP and UDP port of the server", .fallback = "5201", .min = 1,
                .max = 65535),
    VMTP_OPTION(struct iperf3_opts, window, SIZE, .help = "socket buffers of both ends; the system's when not given"),
    VMTP_OPTION(struct iperf3_opts, nodelay, BOOL, .help = "send small TCP writes at once (TCP_NODELAY)"),
    {0},
};

struct iperf3_server {
    vmtp_endpoint *ep;
    uint16_t port;
    char address[ADDRESS_TEXT]; /* the one that is measured */
    bool suspect;               /* a client did not end well: it may wait for what never comes */
    vmtp_process *process;
    struct iperf3_server *next;
};

/* What is known of the way from a client to a server. */
struct iperf3_path {
    vmtp_endpoint *client;
    char address[ADDRESS_TEXT];
    uint16_t port;
    bool tcp, udp; /* something came through */
    struct iperf3_path *next;
};

struct iperf3 {
    const struct iperf3_opts *opts;
    struct iperf3_server *servers;
    struct iperf3_path *paths;
};

static int iperf3_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct iperf3 *iperf3 = calloc(1, sizeof *iperf3);
    if (!iperf3)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    iperf3->opts = opts;
    *state = iperf3;
    return VMTP_OK;
}

static void iperf3_close(void *state)
{
    struct iperf3 *iperf3 = state;
    VMTP_FREE_LIST(iperf3->servers);
    VMTP_FREE_LIST(iperf3->paths);
    free(iperf3);
}

static int iperf3_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    (void)caps;
    struct iperf3 *iperf3 = state;
    const char *path;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_ask_version(ctx, ep, "iperf3", iperf3->opts->path, "--version", &path, &out);
    if (rc < 0)
        return rc;
    char version[VMTP_VERSION_TEXT], words[VMTP_WORDS];
    unsigned number;
    if (!vmtp_scan_version(out.out, "iperf ", version, &number) || number < 30000 || number >= 40000)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s on %s is not iperf3: %s", path, vmtp_endpoint_id(ep),
                         vmtp_error_words(&out, words));
    return vmtp_property(ctx, "tool_version", version);
}

static bool is_udp(const struct vmtp_load *load)
{
    return load->proto == VMTP_UDP;
}

/* --- the server --- */

static struct iperf3_server *find_server(struct iperf3 *iperf3, const struct vmtp_job *job)
{
    struct iperf3_server *server = iperf3->servers;
    while (server && (server->ep != job->server || server->port != job->port))
        server = server->next;
    return server;
}

/* Without -D it stays in the foreground, and it serves one client after the other. */
static int start_server(vmtp_ctx *ctx, struct iperf3 *iperf3, struct iperf3_server *server)
{
    const char *path;
    int rc = vmtp_program(ctx, server->ep, "iperf3", iperf3->opts->path, &path);
    if (rc < 0)
        return rc;
    struct vmtp_args args = {0};
    vmtp_arg(&args, path);
    vmtp_arg(&args, "-s");
    vmtp_arg(&args, "-p");
    vmtp_argf(&args, "%u", server->port);
    if (vmtp_has_address(ctx, server->ep, server->address)) {
        vmtp_arg(&args, "-B");
        vmtp_arg(&args, server->address);
    }
    return vmtp_start(ctx, server->ep, args.argv, VMTP_TCP, server->port, &server->process);
}

static int iperf3_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf3 *iperf3 = state;
    int rc = vmtp_check_target(ctx, job->target);
    if (rc < 0)
        return rc;
    struct iperf3_server *server = find_server(iperf3, job);
    if (!server) {
        server = calloc(1, sizeof *server);
        if (!server)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        *server = (struct iperf3_server){.ep = job->server, .port = job->port, .next = iperf3->servers};
        iperf3->servers = server;
    }
    if (server->process && !server->suspect && strcmp(server->address, job->target) == 0 &&
        vmtp_running(ctx, server->process))
        return VMTP_OK;
    vmtp_stop(ctx, server->process);
    server->process = NULL;
    server->suspect = false;
    snprintf(server->address, sizeof server->address, "%s", job->target);
    return start_server(ctx, iperf3, server);
}

static void iperf3_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf3 *iperf3 = state;
    for (struct iperf3_server *server = iperf3->servers; server; server = server->next) {
        if (server->ep != job->server)
            continue;
        vmtp_stop(ctx, server->process);
        server->process = NULL;
    }
}

/* --- the client --- */

static void add_common(struct vmtp_args *args, const char *program, const struct vmtp_job *job)
{
    vmtp_arg(args, program);
    vmtp_arg(args, "-c");
    vmtp_arg(args, job->target);
    vmtp_arg(args, "-p");
    vmtp_argf(args, "%u", job->port);
    vmtp_arg(args, "-J");
    vmtp_arg(args, "--connect-timeout");
    vmtp_argf(args, "%d", CONNECT_MS);
    if (job->load->ipv6)
        vmtp_arg(args, "-6");
    if (is_udp(job->load))
        vmtp_arg(args, "-u");
}

/* Plain bit/s, of one stream. 0 is as fast as it goes; without it, UDP is sent at 1 Mbit/s. */
static void add_rate(struct vmtp_args *args, const struct vmtp_load *load)
{
    uint64_t rate = load->rate_bps, streams = load->streams > 1 ? load->streams : 1;
    if (rate == 0 && !is_udp(load))
        return;
    vmtp_arg(args, "-b");
    vmtp_argf(args, "%llu", (unsigned long long)(rate == 0 || rate / streams > 0 ? rate / streams : 1));
}

/* Intervals also tell the round trip and the window, so there are some that nobody has asked for. */
static double interval_of(const struct vmtp_load *load, double seconds)
{
    double streams = load->streams > 1 ? load->streams : 1;
    double wanted = load->interval_s > 0 ? fmax(load->interval_s, SHORTEST_INTERVAL) : USUAL_INTERVAL;
    return fmin(fmax(wanted, seconds * streams / MOST_ROWS), 60);
}

static void add_client(struct vmtp_args *args, const struct iperf3_opts *opts, const char *program,
                       const struct vmtp_job *job, double seconds)
{
    const struct vmtp_load *load = job->load;
    add_common(args, program, job);
    vmtp_arg(args, "-t");
    vmtp_argf(args, "%.0f", seconds);
    vmtp_arg(args, "-i");
    vmtp_argf(args, "%.10g", interval_of(load, seconds));
    add_rate(args, load);
    if (load->message_bytes) {
        vmtp_arg(args, "-l");
        vmtp_argf(args, "%u", load->message_bytes);
    }
    if (load->streams > 1) {
        vmtp_arg(args, "-P");
        vmtp_argf(args, "%u", load->streams);
    }
    if (opts->window) {
        vmtp_arg(args, "-w");
        vmtp_argf(args, "%llu", (unsigned long long)opts->window);
    }
    if (load->reverse)
        vmtp_arg(args, "-R");
    if (is_udp(load))
        return;
    if (load->mss) {
        vmtp_arg(args, "-M");
        vmtp_argf(args, "%u", load->mss);
    }
    if (opts->nodelay)
        vmtp_arg(args, "-N");
}

/* --- running it --- */

static int fail_words(vmtp_ctx *ctx, const struct vmtp_job *job, const char *words)
{
    return vmtp_fail(ctx, VMTP_EREMOTE, "no measurement from %s to %s port %u: %s", vmtp_endpoint_id(job->client),
                     job->target, job->port, words);
}

/* The server says so while it serves another client, and resets who comes while it changes from one to the next. */
static bool is_busy(const char *error)
{
    return strstr(error, "server is busy") ||
           (strstr(error, "control message") && strstr(error, "Connection reset by peer"));
}

/* Runs a client and reads what it prints. The exit status says little: that of 3.12 is 0 for every failure. */
static int run_once(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_args *args, double within,
                    struct vmtp_iperf3_result *result)
{
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec_within(ctx, job->client, args->argv, within, &out);
    if (rc < 0)
        return rc;
    if (vmtp_iperf3_parse(out.out, out.out_len, is_udp(job->load), job->load->reverse, result))
        return VMTP_OK;
    char words[VMTP_WORDS];
    if (out.exit_status != 0 && !memchr(out.out, '{', out.out_len)) /* an option that it does not take */
        return fail_words(ctx, job, vmtp_error_words(&out, words));
    return vmtp_fail(ctx, VMTP_EPARSE, "the output of iperf3 is not understood: %s", result->flaw);
}

/* The same until the server is free. When this is VMTP_OK there may be words in result->error. */
static int run_client(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_args *args, double within,
                      struct vmtp_iperf3_result *result)
{
    for (unsigned tries = 1;; tries++) {
        int rc = run_once(ctx, job, args, within, result);
        if (rc < 0 || !is_busy(result->error) || tries == BUSY_TRIES)
            return rc;
        vmtp_iperf3_clear(result);
        rc = vmtp_wait(ctx, BUSY_PAUSE);
        if (rc < 0)
            return rc;
    }
}

/* --- the way to the server --- */

static int find_path(vmtp_ctx *ctx, struct iperf3 *iperf3, const struct vmtp_job *job, struct iperf3_path **path)
{
    for (*path = iperf3->paths; *path; *path = (*path)->next)
        if ((*path)->client == job->client && (*path)->port == job->port &&
            strcmp((*path)->address, job->target) == 0)
            return VMTP_OK;
    struct iperf3_path *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->client = job->client;
    made->port = job->port;
    snprintf(made->address, sizeof made->address, "%s", job->target);
    made->next = iperf3->paths;
    *path = iperf3->paths = made;
    return VMTP_OK;
}

static int fail_filtered(vmtp_ctx *ctx, const struct vmtp_job *job, const char *proto)
{
    return vmtp_fail(ctx, VMTP_EREMOTE,
                     "%s gets no answer from %s through %s port %u: a firewall or security group filters it",
                     vmtp_endpoint_id(job->client), job->target, proto, job->port);
}

/* Before the first measurement on a path a little is sent: a client waits for half a minute on a port that is filtered.
 * The control connection is TCP; with UDP the datagrams may still not get through. */
static int prove_path(vmtp_ctx *ctx, struct iperf3 *iperf3, const struct vmtp_job *job, const char *program)
{
    struct iperf3_path *path = NULL;
    int rc = find_path(ctx, iperf3, job, &path);
    if (rc < 0 || (is_udp(job->load) ? path->udp : path->tcp))
        return rc;
    struct vmtp_args args = {0};
    struct vmtp_iperf3_result result = {0};
    add_common(&args, program, job);
    vmtp_arg(&args, "-n");
    vmtp_arg(&args, "64");
    vmtp_arg(&args, "-l");
    vmtp_arg(&args, "64");
    rc = run_client(ctx, job, &args, ANSWER_WITHIN, &result);
    vmtp_iperf3_clear(&result);
    bool connected = path->tcp;
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return fail_filtered(ctx, job, is_udp(job->load) ? connected ? "UDP" : "TCP or UDP" : "TCP");
    if (rc < 0)
        return rc;
    if (strstr(result.error, "timed out"))
        return fail_filtered(ctx, job, "TCP");
    if (result.error[0])
        return fail_words(ctx, job, result.error);
    path->tcp = true;
    path->udp |= is_udp(job->load);
    return VMTP_OK;
}

/* --- the measurement --- */

static int report(vmtp_ctx *ctx, const struct vmtp_job *job, struct vmtp_iperf3_result *result)
{
    if (result->error[0])
        return fail_words(ctx, job, result->error);
    if (is_udp(job->load) && vmtp_number(&result->total, "sent", 0) <= 0)
        return fail_words(ctx, job, "no datagram was sent");
    if (!is_udp(job->load) && vmtp_number(&result->total, "bytes", 0) <= 0)
        return fail_words(ctx, job, "nothing has arrived");
    int rc = VMTP_OK;
    for (size_t i = 0; i < result->n_intervals && rc == VMTP_OK && job->load->interval_s > 0; i++) {
        const struct vmtp_iperf3_interval *interval = &result->intervals[i];
        rc = vmtp_sample(ctx, interval->from, interval->to, interval->numbers.items, interval->numbers.n);
    }
    return rc < 0 ? rc : vmtp_numbers_report(ctx, &result->total);
}

static int measure_on(vmtp_ctx *ctx, struct iperf3 *iperf3, const struct vmtp_job *job)
{
    double seconds = ceil(job->load->seconds > 0 ? job->load->seconds : DEFAULT_SECONDS); /* it takes whole ones */
    const char *program;
    int rc = vmtp_program(ctx, job->client, "iperf3", iperf3->opts->path, &program);
    if (rc == VMTP_OK)
        rc = prove_path(ctx, iperf3, job, program);
    if (rc < 0)
        return rc;
    struct vmtp_args args = {0};
    struct vmtp_iperf3_result result = {0};
    add_client(&args, iperf3->opts, program, job, seconds);
    rc = run_client(ctx, job, &args, seconds + GRACE, &result);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        rc = vmtp_fail(ctx, rc, "the client on %s does not end, %g s after its time", vmtp_endpoint_id(job->client),
                       GRACE);
    if (rc == VMTP_OK)
        rc = report(ctx, job, &result);
    vmtp_iperf3_clear(&result);
    return rc;
}

static int iperf3_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf3 *iperf3 = state;
    int rc = vmtp_check_target(ctx, job->target);
    if (rc == VMTP_OK && strlen(job->target) >= ADDRESS_TEXT)
        rc = vmtp_fail(ctx, VMTP_ECONFIG, "'%s' is too long for an address", job->target);
    if (rc == VMTP_OK)
        rc = measure_on(ctx, iperf3, job);
    struct iperf3_server *server = find_server(iperf3, job);
    if (rc < 0 && server)
        server->suspect = true;
    return rc;
}

static const struct vmtp_tool_ops iperf3_ops = {
    .struct_size = sizeof iperf3_ops,
    .caps = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_IPV6 | VMTP_TOOL_REVERSE_TCP | VMTP_TOOL_REVERSE_UDP |
            VMTP_TOOL_RATE | VMTP_TOOL_SAMPLES | VMTP_TOOL_STREAMS | VMTP_TOOL_BRING,
    .port = 5201,
    .open = iperf3_open,
    .prepare = iperf3_prepare,
    .serve = iperf3_serve,
    .measure = iperf3_measure,
    .unserve = iperf3_unserve,
    .close = iperf3_close,
};

VMTP_PLUGIN(tool_iperf3) = {
    VMTP_PLUGIN_HEAD,
    .name = "iperf3",
    .version = "1.0",
    .summary = "TCP and UDP throughput with iperf3",
    .options = iperf3_options,
    .option_size = sizeof iperf3_options[0],
    .opts_size = sizeof(struct iperf3_opts),
    .tool = &iperf3_ops,
};
