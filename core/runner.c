/* SPDX-License-Identifier: Apache-2.0 */
/* One flow: which measurements, in which order, and what is told of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/run.h"
#include "core/search.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "core/watch.h"

enum { TRIALS_EXPECTED = 12 }; /* of one search, for the estimate of the time */
enum { MULTICAST_TTL = 32 };
static const double TRIAL_SECONDS = 1;
static const double START_STOP_SECONDS = 0.5; /* a tool's own begin and end, for the estimate */
static const uint64_t SEARCH_CEILING_BPS = 10000000000; /* to begin with: the search raises it */

struct flow_run {
    struct vmtp_run *run;
    const struct vmtp_planned_flow *planned;
    struct vmtp_ctx ctx;
    const char *from, *target; /* addresses of the client (or NULL) and of the server */
    const struct vmtp_tool_instance *answered[2]; /* the tool whose server has answered; [1]: the one turned round */
    bool ipv6;
    struct vmtp_seen seen; /* results so far */
    bool failed;
    bool lost; /* an endpoint is out of reach: nothing more can be measured */
};

/* --- steps --- */

static struct vmtp_step *add_steps(struct vmtp_step *next, const struct vmtp_step *kind,
                                   const struct vmtp_int_list *sizes)
{
    for (size_t i = 0; i < sizes->n; i++) {
        for (unsigned r = 1; r <= kind->repeats; r++) {
            *next = *kind;
            next->message_bytes = (uint32_t)sizes->items[i];
            next++->repeat = r;
        }
    }
    return next;
}

/* Throughput, in the directions that are asked for. */
static struct vmtp_step *add_directions(struct vmtp_step *next, struct vmtp_step kind, int direction,
                                        const struct vmtp_int_list *sizes)
{
    if (direction != VMTP_DIRECTION_REVERSE)
        next = add_steps(next, &kind, sizes);
    kind.reverse = true;
    return direction == VMTP_DIRECTION_FORWARD ? next : add_steps(next, &kind, sizes);
}

int vmtp_steps_of(const struct vmtp_settings *s, struct vmtp_step **steps, size_t *n)
{
    unsigned tcp_repeats = (unsigned)s->tcp_tp_loop_count;
    size_t most = s->icmp_pkt_sizes.n + 2 * (s->tcp_pkt_sizes.n * tcp_repeats + 2 * s->udp_pkt_sizes.n);
    *steps = calloc(most + 1, sizeof **steps);
    if (!*steps)
        return VMTP_ENOMEM;
    struct vmtp_step *next = *steps;
    bool search = s->bandwidth_bps == 0;
    double run_seconds = s->time + START_STOP_SECONDS;
    double search_seconds = run_seconds + (search ? TRIALS_EXPECTED * (TRIAL_SECONDS + START_STOP_SECONDS) : 0);
    const struct vmtp_step icmp = {
        .proto = VMTP_ICMP, .repeats = 1, .seconds = (double)s->ping_count * s->ping_interval};
    const struct vmtp_step tcp = {.proto = VMTP_TCP, .repeats = tcp_repeats, .seconds = run_seconds};
    const struct vmtp_step udp = {.proto = VMTP_UDP, .repeats = 1, .search = search, .seconds = search_seconds};
    if (s->protocols & VMTP_ASK_ICMP)
        next = add_steps(next, &icmp, &s->icmp_pkt_sizes);
    if (s->protocols & VMTP_ASK_TCP)
        next = add_directions(next, tcp, s->direction, &s->tcp_pkt_sizes);
    if (s->protocols & VMTP_ASK_UDP)
        next = add_directions(next, udp, s->direction, &s->udp_pkt_sizes);
    const struct vmtp_step multicast = {
        .proto = VMTP_MULTICAST, .repeats = 1, .search = search, .seconds = search_seconds};
    if (s->protocols & VMTP_ASK_MULTICAST)
        next = add_directions(next, multicast, s->direction, &s->udp_pkt_sizes);
    *n = (size_t)(next - *steps);
    return VMTP_OK;
}

const char *vmtp_step_direction(const struct vmtp_step *step)
{
    return step->reverse ? " reverse" : "";
}

/* --- telling --- */

static void emit_failure(struct flow_run *fr, const char *tool, const struct vmtp_load *load, int status,
                         const char *error)
{
    fr->failed = true;
    vmtp_log(VMTP_LOG_ERROR, "%s%s", fr->ctx.where, error);
    vmtp_emit(fr->run, &(struct vmtp_event){
                           .type = VMTP_EV_FAILURE,
                           .flow_id = fr->planned->flow.id,
                           .topology = fr->run->topologies[fr->planned->topology].loaded->plugin.name,
                           .tool = tool,
                           .load = load,
                           .status = status,
                           .error = error,
                       });
}

/* With the load of the nodes meanwhile; loads may be NULL. */
static void emit_measured(struct flow_run *fr, uint32_t type, const struct vmtp_tool_instance *tool,
                          const struct vmtp_load *load, const struct vmtp_recorder *recorder,
                          const struct vmtp_loads *loads)
{
    struct vmtp_event ev = {
        .type = type,
        .flow_id = fr->planned->flow.id,
        .topology = fr->run->topologies[fr->planned->topology].loaded->plugin.name,
        .tool = tool->loaded->plugin.name,
        .load = load,
        .values = recorder->values,
        .n_values = recorder->n_values,
        .properties = recorder->properties,
        .n_properties = recorder->n_properties,
    };
    if (loads)
        vmtp_emit_loads(fr->run, &ev, loads);
    vmtp_emit(fr->run, &ev);
    if (type == VMTP_EV_RESULT && vmtp_seen_add(&fr->seen, load, tool->loaded->plugin.name, recorder) < 0)
        vmtp_log(VMTP_LOG_ERROR, "%sout of memory: a result is not held against what is expected", fr->ctx.where);
    if (vmtp_event_problem(&ev)) /* the same rule as in the sinks: exit code and table agree */
        fr->failed = true;
}

/* "941 Mbit/s, 12 retransmits", "0.231 ms, 0 % lost": for the log and the progress line. */
static void describe(const struct vmtp_recorder *recorder, uint32_t proto, char *out, size_t size)
{
    char rate[VMTP_UNIT_TEXT], rtt[VMTP_UNIT_TEXT];
    double loss = vmtp_recorder_number(recorder, "loss", -1);
    if (proto == VMTP_ICMP)
        snprintf(out, size, "rtt %s, %.3g %% lost",
                 vmtp_print_seconds(vmtp_recorder_number(recorder, "rtt_avg", 0), rtt), loss * 100);
    else if (loss >= 0)
        snprintf(out, size, "%s, %.3g %% lost",
                 vmtp_print_rate(vmtp_recorder_number(recorder, "throughput", 0), rate), loss * 100);
    else
        snprintf(out, size, "%s", vmtp_print_rate(vmtp_recorder_number(recorder, "throughput", 0), rate));
}

static void tell_step(struct flow_run *fr, const struct vmtp_step *step, const char *detail)
{
    struct vmtp_run *run = fr->run;
    char repeat[40] = "";
    if (step->repeats > 1)
        snprintf(repeat, sizeof repeat, ", %u of %u", step->repeat, step->repeats);
    snprintf(run->what, sizeof run->what, "%s: %s%s, %u bytes%s%s", fr->planned->flow.label,
             vmtp_proto_name(step->proto), vmtp_step_direction(step), step->message_bytes, repeat, detail);
    vmtp_run_tell(run);
}

static void log_result(struct flow_run *fr, const struct vmtp_step *step, const struct vmtp_recorder *recorder)
{
    describe(recorder, step->proto, fr->run->last, sizeof fr->run->last);
    vmtp_log(VMTP_LOG_INFO, "%s%s%s, %u bytes: %s", fr->ctx.where, vmtp_proto_name(step->proto),
             vmtp_step_direction(step), step->message_bytes, fr->run->last);
}

/* The mean of the busiest node, and how many there are. */
static void log_loads(struct flow_run *fr, const struct vmtp_loads *loads)
{
    const struct vmtp_node_load *busiest = NULL;
    double most = -1;
    for (size_t i = 0; i < loads->n; i++) {
        const struct vmtp_node_load *node = &loads->nodes[i];
        double sum = 0;
        for (size_t k = 0; k < node->n; k++)
            sum += node->load[k];
        if (sum / (double)node->n > most) {
            most = sum / (double)node->n;
            busiest = node;
        }
    }
    if (busiest)
        vmtp_log(VMTP_LOG_INFO, "%sCPU load of %zu node%s in %u readings, the busiest is %s (%s): %.3g processors",
                 fr->ctx.where, loads->n, loads->n == 1 ? "" : "s", loads->readings - loads->failed, busiest->address,
                 busiest->name, most);
}

/* --- one measurement --- */

struct measuring {
    struct flow_run *fr;
    const struct vmtp_tool_instance *tool;
    const struct vmtp_load *load;
};

static int emit_sample(vmtp_ctx *ctx, void *arg, const struct vmtp_value *values, size_t n)
{
    (void)ctx;
    struct measuring *m = arg;
    struct vmtp_recorder recorder = {.values = (struct vmtp_value *)values, .n_values = n};
    emit_measured(m->fr, VMTP_EV_SAMPLE, m->tool, m->load, &recorder, NULL);
    return VMTP_OK;
}

static bool can_reverse(const struct flow_run *fr, const struct vmtp_tool_instance *tool, uint32_t proto)
{
    uint32_t caps = vmtp_tool_caps(tool, fr->planned->client, fr->planned->server);
    return (proto == VMTP_TCP && (caps & VMTP_TOOL_REVERSE_TCP)) ||
           (proto == VMTP_UDP && (caps & VMTP_TOOL_REVERSE_UDP));
}

/* A tool that can only send from its client to its server is turned round as a whole for the other direction: its
 * server runs on the flow's client, and is dialled at that one's address. */
static int turn_round(struct flow_run *fr, struct vmtp_job *job, struct vmtp_load *load)
{
    if (!fr->from)
        return vmtp_fail(&fr->ctx, VMTP_ENOTSUP,
                         "the tool cannot send from the server to the client, and %s has no address for the path '%s' "
                         "at which it could be a server itself",
                         fr->planned->client->id, fr->planned->flow.path);
    job->client = fr->planned->server;
    job->server = fr->planned->client;
    job->target = fr->from;
    load->reverse = 0;
    load->ipv6 = strchr(job->target, ':') != NULL;
    return VMTP_OK;
}

/* What the gmond did not say is in the result, too. */
static int warn_of_readings(struct flow_run *fr, const struct vmtp_loads *loads, struct vmtp_recorder *recorder)
{
    if (!loads->failed)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *text = vmtp_format("%u of %u readings of the CPU load failed: %s", loads->failed,
                                             loads->readings, loads->error ? loads->error : "out of memory");
    if (!text)
        return VMTP_ENOMEM;
    vmtp_warn(&fr->ctx, "%s", text);
    return vmtp_recorder_property(recorder, "warning", text);
}

/* loads: what the nodes do meanwhile; NULL: nobody wants to know. */
static int measure(struct flow_run *fr, struct vmtp_tool_instance *tool, const struct vmtp_load *load,
                   struct vmtp_recorder *recorder, struct vmtp_loads *loads)
{
    struct vmtp_sampler sampler = {.monitor = &fr->run->monitor, .loads = loads};
    struct measuring m = {fr, tool, load};
    recorder->sample = emit_sample;
    recorder->sample_arg = &m;
    struct vmtp_load asked = *load;
    struct vmtp_job job = {
        .struct_size = sizeof job,
        .load = &asked,
        .client = fr->planned->client,
        .server = fr->planned->server,
        .target = fr->target,
    };
    int rc = load->reverse && !can_reverse(fr, tool, load->proto) ? turn_round(fr, &job, &asked) : VMTP_OK;
    bool turned = job.client != fr->planned->client;
    struct vmtp_watch watch = {
        .client = job.client,
        .server = job.server,
        .from = turned ? fr->target : fr->from,
        .target = job.target,
        .answered = fr->answered[turned] == tool,
        .sampler = loads ? &sampler : NULL,
    };
    fr->ctx.watch = &watch;
    const char *version = vmtp_tool_version(tool, job.client);
    if (rc == VMTP_OK && *version)
        rc = vmtp_recorder_property(recorder, "tool_version", version);
    if (rc == VMTP_OK)
        rc = vmtp_tool_measure(&fr->ctx, tool, fr->run->settings->ports_fixed, &job, recorder);
    fr->ctx.watch = NULL;
    if (rc == VMTP_OK)
        fr->answered[turned] = tool;
    if (rc == VMTP_OK && loads)
        rc = warn_of_readings(fr, loads, recorder);
    fr->lost = rc == VMTP_EUNREACH || !vmtp_endpoint_usable(job.client) || !vmtp_endpoint_usable(job.server);
    return rc;
}

/* ENETUNREACH, which every tool tells in the words of the C library. */
static bool lacks_route(const struct flow_run *fr, const struct vmtp_load *load, const char *error)
{
    return load->proto == VMTP_MULTICAST && !fr->run->settings->multicast_route &&
           strstr(error, "etwork is unreachable");
}

/* Fails the measurement unless the user interrupted it. */
static int measurement_failed(struct flow_run *fr, const struct vmtp_tool_instance *tool, const struct vmtp_load *load,
                              int rc)
{
    const char *error = vmtp_ctx_error(&fr->ctx, rc);
    VMTP_CLEAN(mem) char *hinted = lacks_route(fr, load, error)
        ? vmtp_format("%s: a host without a default route needs one for multicast; 'multicast_route: true' in the "
                      "configuration adds it for the run", error) : NULL;
    if (rc != VMTP_ECANCELED)
        emit_failure(fr, tool->loaded->plugin.name, load, rc, hinted ? hinted : error);
    vmtp_ctx_forget(&fr->ctx);
    return rc;
}

static int measure_once(struct flow_run *fr, struct vmtp_tool_instance *tool, const struct vmtp_step *step,
                        const struct vmtp_load *load)
{
    struct vmtp_recorder recorder = {0};
    VMTP_CLEAN(loads) struct vmtp_loads loads = {0};
    bool monitored = fr->run->monitor.host[0] && step->proto != VMTP_ICMP;
    tell_step(fr, step, "");
    int rc = measure(fr, tool, load, &recorder, monitored ? &loads : NULL);
    if (rc == VMTP_OK && step->repeats > 1) {
        char repeat[40];
        snprintf(repeat, sizeof repeat, "%u/%u", step->repeat, step->repeats);
        rc = vmtp_recorder_property(&recorder, "repeat", repeat);
    }
    if (rc == VMTP_OK) {
        log_result(fr, step, &recorder);
        log_loads(fr, &loads);
        emit_measured(fr, VMTP_EV_RESULT, tool, load, &recorder, &loads);
    } else {
        rc = measurement_failed(fr, tool, load, rc);
    }
    vmtp_recorder_clear(&recorder);
    return rc;
}

/* --- the search for a UDP rate --- */

struct searching {
    struct flow_run *fr;
    struct vmtp_tool_instance *tool;
    const struct vmtp_step *step;
    struct vmtp_load load;
    struct tried {
        struct vmtp_recorder recorder;
        struct vmtp_loads loads; /* of a run of full length */
    } *tried; /* one per trial */
    size_t n_tried;
};

static int record_trial(struct searching *s, struct vmtp_recorder *recorder, const struct vmtp_trial *trial)
{
    vmtp_ctx *ctx = &s->fr->ctx;
    int rc = vmtp_recorder_metric(ctx, recorder, "target_rate", (double)trial->target_bps);
    if (rc == VMTP_OK)
        rc = vmtp_recorder_metric(ctx, recorder, "trial", (double)s->n_tried);
    if (rc == VMTP_OK)
        rc = vmtp_recorder_property(recorder, "phase", trial->confirming ? "confirm" : "search");
    return rc;
}

static int try_rate(vmtp_ctx *ctx, void *arg, struct vmtp_trial *trial)
{
    (void)ctx;
    struct searching *s = arg;
    struct tried *tried = realloc(s->tried, (s->n_tried + 1) * sizeof *tried);
    if (!tried)
        return vmtp_fail(&s->fr->ctx, VMTP_ENOMEM, "out of memory");
    s->tried = tried;
    struct vmtp_loads *loads = &tried[s->n_tried].loads;
    struct vmtp_recorder *recorder = &tried[s->n_tried].recorder;
    tried[s->n_tried++] = (struct tried){0};

    char rate[VMTP_UNIT_TEXT], detail[80];
    snprintf(detail, sizeof detail, ", trial %zu at %s", s->n_tried,
             vmtp_print_rate((double)trial->target_bps, rate));
    tell_step(s->fr, s->step, detail);
    s->load.rate_bps = trial->target_bps;
    s->load.seconds = trial->seconds;
    bool monitored = s->fr->run->monitor.host[0] && trial->confirming;
    int rc = measure(s->fr, s->tool, &s->load, recorder, monitored ? loads : NULL);
    if (rc < 0)
        return rc;
    trial->throughput_bps = vmtp_recorder_number(recorder, "throughput", 0);
    trial->loss = vmtp_recorder_number(recorder, "loss", 0);
    rc = record_trial(s, recorder, trial);
    if (rc < 0)
        return rc;
    describe(recorder, s->load.proto, s->fr->run->last, sizeof s->fr->run->last);
    vmtp_debug(&s->fr->ctx, "UDP, %u bytes%s: %s", s->load.message_bytes, detail, s->fr->run->last);
    emit_measured(s->fr, VMTP_EV_TRIAL, s->tool, &s->load, recorder, NULL);
    return VMTP_OK;
}

/* As long as Linux keeps the pieces of an incomplete datagram (ipfrag_time, ip6frag_time), and a little more. */
static int let_settle(vmtp_ctx *ctx, void *arg)
{
    const struct searching *s = arg;
    double seconds = s->fr->ipv6 ? 61 : 31;
    vmtp_info(ctx, "nothing arrives any more after too high a rate: waiting %g s until the receiver has forgotten the "
              "incomplete datagrams", seconds);
    tell_step(s->fr, s->step, ", waiting");
    return vmtp_wait(ctx, seconds);
}

/* The answer is the trial that was chosen, with all the numbers that the tool gave for it. */
static int emit_answer(struct searching *s, const struct vmtp_search_answer *answer)
{
    struct vmtp_recorder *best = &s->tried[answer->index - 1].recorder;
    const struct vmtp_loads *loads = &s->tried[answer->index - 1].loads;
    const struct vmtp_settings *settings = s->fr->run->settings;
    char range[64];
    snprintf(range, sizeof range, "%g-%g %%", settings->udp_loss_min * 100, settings->udp_loss_max * 100);
    s->load.rate_bps = answer->best.target_bps;
    s->load.seconds = answer->best.seconds;
    int rc = vmtp_recorder_property(best, "search", "classic");
    if (rc == VMTP_OK)
        rc = vmtp_recorder_property(best, "loss_range", range);
    if (rc == VMTP_OK && !answer->in_range)
        rc = vmtp_recorder_property(best, "flag", "loss-out-of-range");
    if (rc == VMTP_OK && answer->sender_limited)
        rc = vmtp_recorder_property(best, "flag", "sender-limited");
    if (rc == VMTP_OK && !answer->confirmed)
        rc = vmtp_recorder_property(best, "flag", "not-confirmed");
    if (rc < 0)
        return rc;
    log_result(s->fr, s->step, best);
    log_loads(s->fr, loads);
    emit_measured(s->fr, VMTP_EV_RESULT, s->tool, &s->load, best, loads);
    return VMTP_OK;
}

static int measure_search(struct flow_run *fr, struct vmtp_tool_instance *tool, const struct vmtp_step *step,
                          const struct vmtp_load *load)
{
    const struct vmtp_settings *settings = fr->run->settings;
    struct searching s = {.fr = fr, .tool = tool, .step = step, .load = *load};
    struct vmtp_search_goal goal = {
        .loss_min = settings->udp_loss_min,
        .loss_max = settings->udp_loss_max,
        .trial_seconds = TRIAL_SECONDS,
        .confirm_seconds = settings->time,
        .ceiling_bps = SEARCH_CEILING_BPS,
        .max_trials = (unsigned)settings->udp_search_max_trials,
        .settle = let_settle,
    };
    struct vmtp_search_answer answer = {0};
    int rc = vmtp_search_classic(&fr->ctx, &goal, try_rate, &s, &answer);
    if (rc == VMTP_OK && !answer.found)
        rc = vmtp_fail(&fr->ctx, VMTP_EREMOTE, "no rate was found at which datagrams arrive, in %u trials",
                       answer.trials);
    if (rc == VMTP_OK)
        rc = emit_answer(&s, &answer);
    if (rc < 0)
        rc = measurement_failed(fr, tool, &s.load, rc);
    for (size_t i = 0; i < s.n_tried; i++) {
        vmtp_recorder_clear(&s.tried[i].recorder);
        vmtp_loads_clear(&s.tried[i].loads);
    }
    free(s.tried);
    return rc;
}

/* --- the flow --- */

/* VMTP_ENOTSUP with words when the tool cannot do what the step asks. */
static int check_caps(struct flow_run *fr, const struct vmtp_tool_instance *tool, const struct vmtp_step *step,
                      uint32_t caps)
{
    static const struct {
        uint32_t proto, cap;
    } needs[] = {{VMTP_TCP, VMTP_TOOL_TCP},
                 {VMTP_UDP, VMTP_TOOL_UDP},
                 {VMTP_ICMP, VMTP_TOOL_ICMP},
                 {VMTP_MULTICAST, VMTP_TOOL_MULTICAST}};
    const char *name = tool->loaded->plugin.name, *version = vmtp_tool_version(tool, fr->planned->client);
    const char *remedy = vmtp_tool_remedy(tool, fr->planned->client);
    if (!*remedy && *vmtp_tool_remedy(tool, fr->planned->server)) { /* it is the server's that cannot */
        remedy = vmtp_tool_remedy(tool, fr->planned->server);
        version = vmtp_tool_version(tool, fr->planned->server);
    }
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (step->proto == needs[i].proto && !(caps & needs[i].cap))
            return vmtp_fail(&fr->ctx, VMTP_ENOTSUP, "%s %s cannot measure %s%s%s", name, version,
                             vmtp_proto_name(step->proto), *remedy ? ": " : "", remedy);
    if (fr->ipv6 && step->proto == VMTP_MULTICAST)
        return vmtp_fail(&fr->ctx, VMTP_ENOTSUP, "multicast is measured over IPv4 only, and %s is an IPv6 address",
                         fr->target);
    if (fr->ipv6 && !(caps & VMTP_TOOL_IPV6))
        return vmtp_fail(&fr->ctx, VMTP_ENOTSUP, "%s %s cannot measure over IPv6", name, version);
    if ((step->search || (fr->run->settings->bandwidth_bps && step->proto != VMTP_ICMP)) && !(caps & VMTP_TOOL_RATE))
        return vmtp_fail(&fr->ctx, VMTP_ENOTSUP, "%s %s cannot send at a rate", name, version);
    if (fr->run->settings->streams > 1 && step->proto != VMTP_ICMP && !(caps & VMTP_TOOL_STREAMS))
        return vmtp_fail(&fr->ctx, VMTP_ENOTSUP, "%s %s cannot send several streams at once", name, version);
    return VMTP_OK;
}

static struct vmtp_load load_of(const struct flow_run *fr, const struct vmtp_step *step)
{
    const struct vmtp_settings *settings = fr->run->settings;
    bool icmp = step->proto == VMTP_ICMP;
    return (struct vmtp_load){
        .struct_size = sizeof(struct vmtp_load),
        .proto = step->proto,
        .ipv6 = fr->ipv6,
        .reverse = step->reverse,
        .streams = !icmp && settings->streams > 1 ? (uint32_t)settings->streams : 0,
        .message_bytes = step->message_bytes,
        .count = icmp ? (uint32_t)settings->ping_count : 0,
        .seconds = icmp ? 0 : settings->time,
        .interval_s = icmp ? settings->ping_interval : settings->sample_interval,
        .rate_bps = icmp ? 0 : settings->bandwidth_bps,
        .group = step->proto == VMTP_MULTICAST ? settings->multicast_addr : NULL,
        .ttl = step->proto == VMTP_MULTICAST ? MULTICAST_TTL : 0,
    };
}

static int add_routes(struct flow_run *fr)
{
    int rc = vmtp_multicast_route(&fr->ctx, fr->planned->server, fr->from ? fr->from : fr->target);
    return rc < 0 ? rc : vmtp_multicast_route(&fr->ctx, fr->planned->client, fr->target);
}

static int run_step(struct flow_run *fr, const struct vmtp_step *step)
{
    struct vmtp_tool_instance *tool = step->proto == VMTP_ICMP ? &fr->run->icmp : &fr->run->throughput;
    struct vmtp_load load = load_of(fr, step);
    uint32_t caps = 0;
    int rc = vmtp_tool_prepare(&fr->ctx, tool, fr->planned->client, fr->planned->server, &caps);
    if (rc == VMTP_OK)
        rc = check_caps(fr, tool, step, caps);
    if (rc == VMTP_OK && step->proto == VMTP_MULTICAST && fr->run->settings->multicast_route)
        rc = add_routes(fr);
    if (rc < 0)
        return measurement_failed(fr, tool, &load, rc);
    return step->search ? measure_search(fr, tool, step, &load) : measure_once(fr, tool, step, &load);
}

/* A repetition of what has just failed would most likely fail again, after another time-out. */
static bool repeats_failure(const struct vmtp_step *steps, size_t i, int last_rc)
{
    return i > 0 && last_rc < 0 && steps[i].repeat > 1;
}

static int run_steps(struct flow_run *fr)
{
    struct vmtp_run *run = fr->run;
    double left_after = run->seconds_left;
    int rc = VMTP_OK;
    for (size_t i = 0; i < run->n_steps; i++) {
        left_after -= run->steps[i].seconds;
        if (!repeats_failure(run->steps, i, rc))
            rc = run_step(fr, &run->steps[i]);
        run->seconds_left = left_after;
        if (vmtp_cancelled(&fr->ctx))
            return VMTP_ECANCELED;
        if (fr->lost && rc < 0)
            break;
    }
    return fr->failed ? VMTP_EFAIL : VMTP_OK;
}

/* Most errors of an endpoint name it already. */
static int endpoint_unusable(struct vmtp_ctx *ctx, const struct vmtp_endpoint *ep)
{
    const char *error = ep->error ? ep->error : "not usable";
    int status = ep->status ? ep->status : VMTP_EUNREACH;
    bool named = strncmp(error, ep->id, strlen(ep->id)) == 0;
    return vmtp_fail(ctx, status, "%s%s%s", named ? "" : ep->id, named ? "" : ": ", error);
}

/* The address to dial, or the reason why there is none. */
static int find_target(struct flow_run *fr)
{
    const struct vmtp_planned_flow *planned = fr->planned;
    struct vmtp_endpoint *const ends[] = {planned->server, planned->client};
    for (size_t i = 0; i < 2; i++) {
        int rc = vmtp_endpoint_revive(&fr->ctx, ends[i]);
        if (rc < 0)
            return rc;
        if (!vmtp_endpoint_usable(ends[i]))
            return endpoint_unusable(&fr->ctx, ends[i]);
    }
    fr->target = vmtp_pairs_get(&planned->server->addresses, planned->flow.path);
    if (!fr->target)
        return vmtp_fail(&fr->ctx, VMTP_EFAIL, "%s has no address for the path '%s'", planned->server->id,
                         planned->flow.path);
    fr->from = vmtp_pairs_get(&planned->client->addresses, planned->flow.path);
    fr->ipv6 = strchr(fr->target, ':') != NULL;
    return VMTP_OK;
}

static int add_property(struct vmtp_recorder *recorder, const char *name, const char *text)
{
    return text && *text ? vmtp_recorder_property(recorder, name, text) : VMTP_OK;
}

static int add_facts(struct vmtp_recorder *recorder, const char *prefix, const struct vmtp_endpoint *ep)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < ep->properties.n && rc == VMTP_OK; i++) {
        if (strcmp(ep->properties.items[i].name, "az") == 0)
            continue; /* az_from and az_to */
        VMTP_CLEAN(mem) char *name = vmtp_format("%s%s", prefix, ep->properties.items[i].name);
        rc = name ? add_property(recorder, name, ep->properties.items[i].text) : VMTP_ENOMEM;
    }
    return rc;
}

static void emit_flow_begin(struct flow_run *fr)
{
    const struct vmtp_planned_flow *planned = fr->planned;
    const struct vmtp_flow *flow = &planned->flow;
    struct vmtp_recorder facts = {0};
    char number[12];
    snprintf(number, sizeof number, "%u", fr->run->flow);
    const struct vmtp_property properties[] = {
        {"label", flow->label},
        {"scenario", flow->scenario},
        {"path", flow->path},
        {"client", flow->client},
        {"server", flow->server},
        {"number", number},
        {"ip_from", vmtp_pairs_get(&planned->client->addresses, flow->path)},
        {"ip_to", vmtp_pairs_get(&planned->server->addresses, flow->path)},
        {"az_from", vmtp_pairs_get(&planned->client->properties, "az")},
        {"az_to", vmtp_pairs_get(&planned->server->properties, "az")},
    };
    int rc = VMTP_OK;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && rc == VMTP_OK; i++)
        rc = add_property(&facts, properties[i].name, properties[i].text);
    if (rc == VMTP_OK)
        rc = add_facts(&facts, "", planned->client);
    if (rc == VMTP_OK)
        rc = add_facts(&facts, "server_", planned->server);
    vmtp_emit(fr->run, &(struct vmtp_event){
                           .type = VMTP_EV_FLOW_BEGIN,
                           .flow_id = flow->id,
                           .topology = fr->run->topologies[planned->topology].loaded->plugin.name,
                           .properties = facts.properties,
                           .n_properties = facts.n_properties,
                       });
    vmtp_recorder_clear(&facts);
}

int vmtp_run_flow(struct vmtp_run *run, const struct vmtp_planned_flow *planned)
{
    struct flow_run fr = {.run = run, .planned = planned};
    vmtp_ctx_child(&fr.ctx, &run->ctx, 0);
    run->flow++;
    vmtp_log(VMTP_LOG_INFO, "============================================================");
    vmtp_log(VMTP_LOG_INFO, "Flow %u: %s", run->flow, planned->flow.label);
    vmtp_ctx_where(&fr.ctx, "flow %u: ", run->flow);
    emit_flow_begin(&fr);

    int rc = find_target(&fr);
    if (rc == VMTP_OK)
        rc = run_steps(&fr);
    else if (rc != VMTP_ECANCELED)
        emit_failure(&fr, NULL, NULL, rc, vmtp_ctx_error(&fr.ctx, rc));
    bool met = rc == VMTP_ECANCELED || vmtp_run_judge(run, planned, &fr.seen);
    if (!met || (rc < 0 && rc != VMTP_ECANCELED))
        rc = VMTP_EFAIL;

    const char *word = rc == VMTP_OK ? "passed" : rc == VMTP_ECANCELED ? "interrupted" : "failed";
    struct vmtp_property status = {"status", word};
    vmtp_emit(run, &(struct vmtp_event){
                       .type = VMTP_EV_FLOW_END,
                       .flow_id = planned->flow.id,
                       .topology = run->topologies[planned->topology].loaded->plugin.name,
                       .properties = &status,
                       .n_properties = 1,
                   });
    vmtp_seen_clear(&fr.seen);
    vmtp_ctx_clear(&fr.ctx);
    return rc;
}
