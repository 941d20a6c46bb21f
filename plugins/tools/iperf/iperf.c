/* SPDX-License-Identifier: Apache-2.0 */
/* iperf 2: TCP and UDP throughput. */
#include <math.h>
#include <stdlib.h>

#include "parse.h"

static const double ANSWER_WITHIN = 4; /* s that the first contact over a path may take */
static const double GRACE = 15;        /* s that a client may need beyond the time it sends */
static const double DEFAULT_SECONDS = 10;
static const double SHORTEST_INTERVAL = 0.1;
enum {
    ENHANCED_SINCE = 20009, /* -e */
    REVERSE_SINCE = 20100,  /* -R */
    LARGEST_DATAGRAM = 65507,
    ADDRESS_TEXT = 64,
    REPORT_PATH = 300,
    RECEIVER_LONGER = 1,  /* s */
    REPORT_TRIES = 20,
    STREAM_TRIES = 8,
    MISSED = 1, /* beside vmtp_status: streams are missing */
    DEFAULT_TTL = 32,
};
static const double MISSED_GRACE = 4; /* s; the client would wait for the missing stream for ever */
static const double REPORT_PAUSE = 0.2; /* s */
static const char DEFAULT_GROUP[] = "231.1.1.1";

struct iperf_opts {
    const char *path;
    int64_t port;
    uint64_t window;
    bool nodelay;
};

static const struct vmtp_option iperf_options[] = {
    VMTP_OPTION(struct iperf_opts, path, STRING, .help = "iperf on the hosts; looked up in PATH when not given"),
    VMTP_OPTION(struct iperf_opts, port, INT, .help = "TCP and UDP port of the server", .fallback = "5001", .min = 1,
                .max = 65535),
    VMTP_OPTION(struct iperf_opts, window, SIZE, .help = "socket buffers of both ends; the system's when not given"),
    VMTP_OPTION(struct iperf_opts, nodelay, BOOL, .help = "send small TCP writes at once (TCP_NODELAY)"),
    {0},
};

/* A server: one for TCP and one for UDP, each on the address that is measured. */
struct iperf_server {
    vmtp_endpoint *ep;
    uint16_t port;
    bool udp;
    char address[ADDRESS_TEXT]; /* that it is bound to; "" all of a family */
    bool ipv6;
    bool spent, suspect; /* it is to be stopped before the next measurement */
    vmtp_process *process;
    struct iperf_server *next;
};

/* A TCP connection was made from the client to the address and port. */
struct iperf_path {
    vmtp_endpoint *client;
    char address[ADDRESS_TEXT];
    uint16_t port;
    struct iperf_path *next;
};

struct iperf {
    const struct iperf_opts *opts;
    struct vmtp_version *versions;
    struct iperf_server *servers;
    struct iperf_path *paths;
};

static int iperf_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct iperf *iperf = calloc(1, sizeof *iperf);
    if (!iperf)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    iperf->opts = opts;
    *state = iperf;
    return VMTP_OK;
}

static void iperf_close(void *state)
{
    struct iperf *iperf = state;
    VMTP_FREE_LIST(iperf->versions);
    VMTP_FREE_LIST(iperf->servers);
    VMTP_FREE_LIST(iperf->paths);
    free(iperf);
}

/* --- the program --- */

static int iperf_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    struct iperf *iperf = state;
    const char *path;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_ask_version(ctx, ep, "iperf", iperf->opts->path, "-v", &path, &out);
    if (rc < 0)
        return rc;
    char text[VMTP_VERSION_TEXT], words[VMTP_WORDS];
    unsigned number;
    if ((!vmtp_scan_version(out.out, "iperf version ", text, &number) &&
         !vmtp_scan_version(out.err, "iperf version ", text, &number)) || /* it depends on the version where */
        number < 20000 || number >= 30000)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s on %s is not iperf 2: %s", path, vmtp_endpoint_id(ep),
                         vmtp_error_words(&out, words));
    rc = vmtp_version_keep(ctx, &iperf->versions, ep, number);
    if (rc < 0)
        return rc;
    if (number < REVERSE_SINCE)
        *caps &= ~(uint32_t)(VMTP_TOOL_REVERSE_TCP | VMTP_TOOL_REVERSE_UDP);
    return vmtp_property(ctx, "tool_version", text);
}

static bool is_udp(const struct vmtp_load *load)
{
    return load->proto != VMTP_TCP;
}

static double seconds_of(const struct vmtp_load *load)
{
    return load->seconds > 0 ? load->seconds : DEFAULT_SECONDS;
}

static const char *group_of(const struct vmtp_load *load)
{
    return load->group && *load->group ? load->group : DEFAULT_GROUP;
}

/* --- the server --- */

static int start_server(vmtp_ctx *ctx, struct iperf *iperf, struct iperf_server *server)
{
    const char *path;
    int rc = vmtp_program(ctx, server->ep, "iperf", iperf->opts->path, &path);
    if (rc < 0)
        return rc;
    struct vmtp_args args = {0};
    vmtp_arg(&args, path);
    vmtp_arg(&args, "-s");
    if (server->udp)
        vmtp_arg(&args, "-u");
    if (server->ipv6)
        vmtp_arg(&args, "-V");
    if (vmtp_version_of(iperf->versions, server->ep) >= ENHANCED_SINCE)
        vmtp_arg(&args, "-e"); /* 2.2.1 reports a jitter of 0 without it */
    if (server->address[0]) {
        vmtp_arg(&args, "-B");
        vmtp_arg(&args, server->address);
    }
    vmtp_arg(&args, "-p");
    vmtp_argf(&args, "%u", server->port);
    if (server->udp) { /* a longer datagram would be counted as cut off */
        vmtp_arg(&args, "-l");
        vmtp_argf(&args, "%d", LARGEST_DATAGRAM);
    }
    if (iperf->opts->window) {
        vmtp_arg(&args, "-w");
        vmtp_argf(&args, "%llu", (unsigned long long)iperf->opts->window);
    }
    return vmtp_start(ctx, server->ep, args.argv, server->udp ? VMTP_UDP : VMTP_TCP, server->port, &server->process);
}

static struct iperf_server *find_server(struct iperf *iperf, const struct vmtp_job *job)
{
    struct iperf_server *server = iperf->servers;
    while (server && (server->ep != job->server || server->port != job->port || server->udp != is_udp(job->load)))
        server = server->next;
    return server;
}

static int server_for(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job, struct iperf_server **server)
{
    *server = find_server(iperf, job);
    if (*server)
        return VMTP_OK;
    struct iperf_server *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *made = (struct iperf_server){
        .ep = job->server,
        .port = job->port,
        .udp = is_udp(job->load),
        .next = iperf->servers,
    };
    *server = iperf->servers = made;
    return VMTP_OK;
}

/* The UDP server of 2.1.8 crashes at the end of its second client, and that of older ones adds up the time of all
 * clients; its TCP server crashes now and then when it has sent: such a measurement is the last one of its server. */
static bool can_serve(vmtp_ctx *ctx, struct iperf_server *server, const char *address, bool ipv6)
{
    return server->process && !server->suspect && !server->spent && server->ipv6 == ipv6 &&
           (server->address[0] == '\0' || strcmp(server->address, address) == 0) &&
           vmtp_running(ctx, server->process);
}

/* Where the receiver of a group puts its report. */
static int report_file(vmtp_ctx *ctx, const struct vmtp_job *job, char file[REPORT_PATH])
{
    const char *folder;
    int rc = vmtp_workdir(ctx, job->server, &folder);
    if (rc == VMTP_OK)
        snprintf(file, REPORT_PATH, "%s/iperf-%u", folder, job->port);
    return rc;
}

/* The receiver of a group sends no report to the sender, so what it prints is kept in a file. It ends a little later
 * than the sender: when the datagram that says "the end" is lost in an overload, it would wait for it. */
static int start_receiver(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job, struct iperf_server *server)
{
    static const char script[] = "f=$1; shift; exec \"$@\" >\"$f\" 2>&1";
    const char *path;
    char file[REPORT_PATH];
    int rc = vmtp_program(ctx, job->server, "iperf", iperf->opts->path, &path);
    if (rc == VMTP_OK)
        rc = report_file(ctx, job, file);
    if (rc < 0)
        return rc;
    struct vmtp_args args = {0};
    static const char *const words[] = {"sh", "-c", script, "sh"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        vmtp_arg(&args, words[i]);
    vmtp_arg(&args, file);
    vmtp_arg(&args, path);
    vmtp_arg(&args, "-s");
    vmtp_arg(&args, "-u");
    if (vmtp_version_of(iperf->versions, job->server) >= ENHANCED_SINCE)
        vmtp_arg(&args, "-e");
    vmtp_arg(&args, "-f");
    vmtp_arg(&args, "b");
    vmtp_arg(&args, "-B");
    vmtp_arg(&args, group_of(job->load));
    vmtp_arg(&args, "-p");
    vmtp_argf(&args, "%u", job->port);
    vmtp_arg(&args, "-l");
    vmtp_argf(&args, "%d", LARGEST_DATAGRAM);
    vmtp_arg(&args, "-t");
    vmtp_argf(&args, "%.0f", ceil(seconds_of(job->load)) + RECEIVER_LONGER);
    return vmtp_start(ctx, job->server, args.argv, VMTP_UDP, job->port, &server->process);
}

static int iperf_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf *iperf = state;
    struct iperf_server *server;
    bool group = job->load->proto == VMTP_MULTICAST; /* each measurement has its own receiver */
    int rc = server_for(ctx, iperf, job, &server);
    if (rc < 0 || (!group && can_serve(ctx, server, job->target, job->load->ipv6)))
        return rc;
    vmtp_stop(ctx, server->process);
    server->process = NULL;
    server->suspect = server->spent = group;
    if (group)
        return start_receiver(ctx, iperf, job, server);
    server->ipv6 = job->load->ipv6;
    if (strcmp(server->address, job->target) != 0) {
        bool own = vmtp_has_address(ctx, job->server, job->target);
        snprintf(server->address, sizeof server->address, "%s", own ? job->target : "");
    }
    return start_server(ctx, iperf, server);
}

static void iperf_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf *iperf = state;
    for (struct iperf_server *server = iperf->servers; server; server = server->next) {
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
    if (job->load->ipv6)
        vmtp_arg(args, "-V");
    vmtp_arg(args, "-f");
    vmtp_arg(args, "b"); /* exact bytes and bit/s instead of three digits */
}

/* Plain bit/s: iperf's K and M are 1024 in some versions. It is the rate of one stream. Without one, UDP is sent at
 * 1 Mbit/s: then a rate that no sender reaches. */
static void add_rate(struct vmtp_args *args, const struct vmtp_load *load)
{
    uint64_t rate = load->rate_bps, streams = load->streams > 1 ? load->streams : 1;
    if (rate == 0 && !is_udp(load))
        return;
    if (rate == 0)
        rate = 100000000000;
    vmtp_arg(args, "-b");
    vmtp_argf(args, "%llu", (unsigned long long)(rate / streams > 0 ? rate / streams : 1));
}

/* With -e the figures of TCP are those of the last interval: so there is always one. */
static double interval_of(const struct vmtp_load *load, double seconds)
{
    if (load->interval_s > 0)
        return fmax(load->interval_s, SHORTEST_INTERVAL);
    return is_udp(load) ? 0 : fmax(seconds / 2, SHORTEST_INTERVAL);
}

static void add_client(struct vmtp_args *args, const struct iperf *iperf, const struct vmtp_job *job, double seconds)
{
    const struct vmtp_load *load = job->load;
    double interval = interval_of(load, seconds);
    if (vmtp_version_of(iperf->versions, job->client) >= ENHANCED_SINCE)
        vmtp_arg(args, "-e");
    if (is_udp(load))
        vmtp_arg(args, "-u");
    vmtp_arg(args, "-t");
    vmtp_argf(args, "%.10g", seconds);
    add_rate(args, load);
    if (load->message_bytes) {
        vmtp_arg(args, "-l");
        vmtp_argf(args, "%u", load->message_bytes);
    }
    if (interval > 0) {
        vmtp_arg(args, "-i");
        vmtp_argf(args, "%.10g", interval);
    }
    if (load->streams > 1) {
        vmtp_arg(args, "-P");
        vmtp_argf(args, "%u", load->streams);
    }
    if (load->mss && !is_udp(load)) {
        vmtp_arg(args, "-M");
        vmtp_argf(args, "%u", load->mss);
    }
    if (iperf->opts->window) {
        vmtp_arg(args, "-w");
        vmtp_argf(args, "%llu", (unsigned long long)iperf->opts->window);
    }
    if (iperf->opts->nodelay && !is_udp(load))
        vmtp_arg(args, "-N");
    if (load->reverse)
        vmtp_arg(args, "-R");
}

static int fail_client(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_output *out)
{
    char words[VMTP_WORDS];
    bool told = out->err_len > 0 || strstr(out->out, "failed");
    return vmtp_fail(ctx, VMTP_EREMOTE, "no measurement from %s to %s port %u: %s", vmtp_endpoint_id(job->client),
                     job->target, job->port,
                     told ? vmtp_error_words(out, words) : "the client does not say why; its server may have ended");
}

/* Before the first TCP measurement on a path a little is sent: a client would hang for minutes on a filtered port. */
static int prove_path(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job, const char *program)
{
    const struct iperf_path *known = iperf->paths;
    while (known && (known->client != job->client || known->port != job->port ||
                     strcmp(known->address, job->target) != 0))
        known = known->next;
    if (known || is_udp(job->load))
        return VMTP_OK;
    struct vmtp_args args = {0};
    add_common(&args, program, job);
    vmtp_arg(&args, "-n");
    vmtp_arg(&args, "64");
    vmtp_arg(&args, "-l");
    vmtp_arg(&args, "64");
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec_within(ctx, job->client, args.argv, ANSWER_WITHIN, &out);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return vmtp_fail(ctx, VMTP_EREMOTE,
                         "%s gets no answer from %s through TCP port %u: a firewall or security group filters it",
                         vmtp_endpoint_id(job->client), job->target, job->port);
    if (rc < 0)
        return rc;
    if (!strstr(out.out, "bits/sec"))
        return fail_client(ctx, job, &out);
    struct iperf_path *path = calloc(1, sizeof *path);
    if (!path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    path->client = job->client;
    path->port = job->port;
    snprintf(path->address, sizeof path->address, "%s", job->target);
    path->next = iperf->paths;
    iperf->paths = path;
    return VMTP_OK;
}

/* --- the measurement --- */

static int report(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_iperf_result *result)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < result->n_intervals && rc == VMTP_OK && job->load->interval_s > 0; i++) {
        const struct vmtp_iperf_interval *interval = &result->intervals[i];
        rc = vmtp_sample(ctx, interval->from, interval->to, interval->numbers.items, interval->numbers.n);
    }
    return rc < 0 ? rc : vmtp_numbers_report(ctx, &result->total);
}

/* A server of 2.1.8 that is asked for several UDP streams at the same moment sometimes refuses or overlooks all but the
 * first: they ask while it turns its socket over to that one. From the client the streams come again, from it they do
 * not. */
static bool misses_streams(const struct vmtp_load *load)
{
    return is_udp(load) && load->reverse && load->streams > 1;
}

/* The exit status of a client says little: it is 0 for a connection that was refused. */
static int read_output(vmtp_ctx *ctx, const struct vmtp_job *job, const struct vmtp_output *out)
{
    struct vmtp_iperf_result result;
    bool understood = vmtp_iperf_parse(out->out, out->out_len, is_udp(job->load), job->load->reverse, &result);
    double throughput = vmtp_number(&result.total, "throughput", 0);
    int rc;
    if (result.no_report)
        rc = vmtp_fail(ctx, VMTP_EREMOTE,
                       "the server at %s has not reported on the datagrams from %s through UDP port %u: a firewall or "
                       "security group filters it, or the server has ended",
                       job->target, vmtp_endpoint_id(job->client), job->port);
    else if (!understood && misses_streams(job->load) && strstr(out->err, "refused"))
        rc = MISSED;
    else if (!understood && (out->err_len > 0 || strstr(out->out, "failed") || !strstr(out->out, "bits/sec")))
        rc = fail_client(ctx, job, out);
    else if (!understood)
        rc = vmtp_fail(ctx, VMTP_EPARSE, "the output of iperf is not understood: %s", result.flaw);
    else if (!is_udp(job->load) && throughput <= 0)
        rc = fail_client(ctx, job, out);
    else if (result.streams < job->load->streams && misses_streams(job->load))
        rc = MISSED;
    else
        rc = report(ctx, job, &result);
    vmtp_iperf_clear(&result);
    return rc;
}

static int measure_on(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job)
{
    const char *program;
    int rc = vmtp_program(ctx, job->client, "iperf", iperf->opts->path, &program);
    if (rc == VMTP_OK)
        rc = prove_path(ctx, iperf, job, program);
    if (rc < 0)
        return rc;
    double seconds = seconds_of(job->load);
    struct vmtp_args args = {0};
    add_common(&args, program, job);
    add_client(&args, iperf, job, seconds);
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    if (misses_streams(job->load)) {
        rc = vmtp_exec_within(ctx, job->client, args.argv, seconds + MISSED_GRACE, &out);
        if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
            return MISSED;
    } else {
        rc = vmtp_exec_within(ctx, job->client, args.argv, seconds + GRACE, &out);
    }
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return vmtp_fail(ctx, rc, "the client on %s does not end, %g s after its time", vmtp_endpoint_id(job->client),
                         GRACE);
    return rc < 0 ? rc : read_output(ctx, job, &out);
}

/* --- multicast --- */

/* Waits for the report of the receiver. */
static int read_receiver(vmtp_ctx *ctx, const struct vmtp_job *job, const char *file, struct vmtp_iperf_result *result)
{
    const char *const argv[] = {"cat", file, NULL};
    for (unsigned tries = 0;; tries++) {
        VMTP_CLEAN(output) struct vmtp_output out = {0};
        int rc = vmtp_exec(ctx, job->server, argv, &out);
        if (rc < 0)
            return rc;
        if (vmtp_iperf_parse(out.out, out.out_len, true, true, result))
            return VMTP_OK;
        char words[VMTP_WORDS];
        if (tries == REPORT_TRIES)
            return vmtp_fail(ctx, VMTP_EREMOTE, "no report of multicast datagrams at %s port %u: %s: %s",
                             vmtp_endpoint_id(job->server), job->port, result->flaw, vmtp_error_words(&out, words));
        vmtp_iperf_clear(result);
        rc = vmtp_wait(ctx, REPORT_PAUSE);
        if (rc < 0)
            return rc;
    }
}

/* A receiver that has missed the end counts the silence behind it. */
static void correct_time(struct vmtp_numbers *total, double seconds)
{
    if (vmtp_number(total, "seconds", 0) <= seconds + 0.5)
        return;
    vmtp_number_set(total, "seconds", seconds);
    vmtp_number_set(total, "throughput", vmtp_number(total, "bytes", 0) * 8 / seconds);
    vmtp_number_drop(total, "jitter");
    vmtp_number_drop(total, "owd");
}

static int send_to_group(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job,
                         struct vmtp_iperf_result *sent)
{
    const char *program;
    double seconds = seconds_of(job->load);
    int rc = vmtp_program(ctx, job->client, "iperf", iperf->opts->path, &program);
    if (rc < 0)
        return rc;
    struct vmtp_job towards = *job;
    towards.target = group_of(job->load);
    struct vmtp_args args = {0};
    add_common(&args, program, &towards);
    add_client(&args, iperf, &towards, seconds);
    vmtp_arg(&args, "-T");
    vmtp_argf(&args, "%u", job->load->ttl ? job->load->ttl : DEFAULT_TTL);
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    rc = vmtp_exec_within(ctx, job->client, args.argv, seconds + GRACE, &out);
    if (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0)
        return vmtp_fail(ctx, rc, "the client on %s does not end", vmtp_endpoint_id(job->client));
    if (rc == VMTP_OK && !vmtp_iperf_parse(out.out, out.out_len, false, true, sent)) /* what was written */
        rc = fail_client(ctx, &towards, &out);
    return rc;
}

static int measure_group(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job)
{
    struct iperf_server *server = find_server(iperf, job);
    struct vmtp_iperf_result sent = {0}, received = {0};
    char file[REPORT_PATH];
    int rc = report_file(ctx, job, file);
    if (rc == VMTP_OK)
        rc = send_to_group(ctx, iperf, job, &sent);
    if (rc == VMTP_OK)
        rc = read_receiver(ctx, job, file, &received);
    if (server) {
        vmtp_stop(ctx, server->process);
        server->process = NULL;
    }
    if (rc == VMTP_OK) {
        correct_time(&received.total, vmtp_number(&sent.total, "seconds", seconds_of(job->load)));
        vmtp_number_set(&received.total, "sent_rate", vmtp_number(&sent.total, "throughput", 0));
        rc = vmtp_numbers_report(ctx, &received.total);
    }
    vmtp_iperf_clear(&sent);
    vmtp_iperf_clear(&received);
    return rc;
}

static int measure_served(vmtp_ctx *ctx, struct iperf *iperf, const struct vmtp_job *job)
{
    struct iperf_server *server = find_server(iperf, job);
    int rc = measure_on(ctx, iperf, job);
    if (server) {
        server->spent = is_udp(job->load) || job->load->reverse;
        server->suspect = rc != VMTP_OK;
    }
    return rc;
}

static double needed(const struct vmtp_job *job)
{
    return seconds_of(job->load) + MISSED_GRACE;
}

static int iperf_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct iperf *iperf = state;
    int rc = vmtp_check_target(ctx, job->target);
    if (rc < 0)
        return rc;
    if (job->load->proto == VMTP_MULTICAST)
        return measure_group(ctx, iperf, job);
    rc = measure_served(ctx, iperf, job);
    for (unsigned tries = 1; rc == MISSED && tries < STREAM_TRIES && vmtp_remaining(ctx) > needed(job); tries++) {
        vmtp_debug(ctx, "a stream is missing: once more");
        rc = iperf_serve(ctx, state, job);
        if (rc == VMTP_OK)
            rc = measure_served(ctx, iperf, job);
    }
    return rc != MISSED ? rc
                        : vmtp_fail(ctx, VMTP_EREMOTE, "iperf on %s does not send all of the %u streams",
                                    vmtp_endpoint_id(job->server), job->load->streams);
}

static const struct vmtp_tool_ops iperf_ops = {
    .struct_size = sizeof iperf_ops,
    .caps = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_MULTICAST | VMTP_TOOL_IPV6 | VMTP_TOOL_REVERSE_TCP |
            VMTP_TOOL_REVERSE_UDP | VMTP_TOOL_RATE | VMTP_TOOL_SAMPLES | VMTP_TOOL_STREAMS | VMTP_TOOL_BRING,
    .port = 5001,
    .open = iperf_open,
    .prepare = iperf_prepare,
    .serve = iperf_serve,
    .measure = iperf_measure,
    .unserve = iperf_unserve,
    .close = iperf_close,
};

VMTP_PLUGIN(tool_iperf) = {
    VMTP_PLUGIN_HEAD,
    .name = "iperf",
    .version = "1.0",
    .summary = "TCP and UDP throughput with iperf 2",
    .options = iperf_options,
    .option_size = sizeof iperf_options[0],
    .opts_size = sizeof(struct iperf_opts),
    .tool = &iperf_ops,
};
