/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/call.h"
#include "core/cleanup.h"
#include "core/config-check.h"
#include "core/log.h"
#include "core/openstack/credentials.h"
#include "core/options.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "vmtp/version.h"

static const double ASKING_SECONDS = 300; /* of a topology that asks a cloud */
static const char ICMP_TOOL[] = "ping";

atomic_bool vmtp_run_interrupted, vmtp_run_abandoned;

void vmtp_interrupt(void)
{
    if (atomic_exchange(&vmtp_run_interrupted, true))
        atomic_store(&vmtp_run_abandoned, true);
}

void vmtp_ssh_use(const struct vmtp_settings *settings)
{
    vmtp_ssh_defaults = (struct vmtp_ssh_defaults){
        .private_key_file = settings->private_key_file,
        .key_passphrase = settings->key_passphrase,
        .timeout = settings->ssh_timeout,
        .busy = settings->time,
        .host_key = settings->ssh_host_key,
        .transport = settings->ssh_transport,
    };
}

/* --- choosing what is run --- */

static int open_topology(struct vmtp_run *run, const char *spec, const char *source)
{
    vmtp_ctx *ctx = &run->ctx;
    struct vmtp_topology_instance *grown =
        realloc(run->topologies, (run->n_topologies + 1) * sizeof *run->topologies);
    if (!grown)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    run->topologies = grown;
    struct vmtp_topology_instance *topology = &grown[run->n_topologies++];
    *topology = (struct vmtp_topology_instance){0};

    VMTP_CLEAN(mem) char *name = NULL;
    int rc = vmtp_spec_name(ctx, spec, source, &name);
    if (rc == VMTP_OK)
        rc = vmtp_registry_get(ctx, VMTP_KIND_TOPOLOGY, name, &topology->loaded);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(ctx, spec, source, &topology->loaded->plugin, &topology->options);
    if (rc < 0)
        return rc;
    const struct vmtp_plugin *plugin = &topology->loaded->plugin;
    const struct vmtp_node *maps[] = {vmtp_node_get(run->settings->topologies, plugin->name), topology->options};
    rc = vmtp_options_fill(ctx, plugin, maps, 2, &topology->opts);
    if (rc == VMTP_OK && topology->loaded->topology.open)
        rc = VMTP_CALL(topology->loaded, topology, open, NULL, ctx, topology->opts, &topology->state);
    topology->open = rc == VMTP_OK;
    vmtp_ctx_frame(ctx, "topology %s", plugin->name);
    return rc;
}

static bool served(const struct vmtp_run *run, uint32_t cap)
{
    for (size_t i = 0; i < run->n_topologies; i++)
        if (run->topologies[i].loaded->topology.caps & cap)
            return true;
    return false;
}

/* The topologies of a cloud, if one is named. Hosts are measured all the same when the environment, which may be there
 * for other reasons, says too little. */
static int choose_cloud(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    VMTP_CLEAN(mem) char *missing = NULL;
    if (!vmtp_os_credentials_given(settings))
        return VMTP_OK;
    if (settings->n_hosts > 0 && !vmtp_os_environment_enough(settings, &missing)) {
        vmtp_log(VMTP_LOG_WARNING, "only the hosts are measured, and no cloud: the OS_* variables are not enough: %s",
                 missing);
        return VMTP_OK;
    }
    int rc = open_topology(run, "fixed-ip", "OpenStack");
    if (rc == VMTP_OK && !settings->same_network_only)
        rc = open_topology(run, "floating-ip", "OpenStack");
    return rc;
}

static int open_topologies(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    int rc = VMTP_OK;
    for (size_t i = 0; i < settings->topology.n && rc == VMTP_OK; i++)
        rc = open_topology(run, settings->topology.items[i], "--topology");
    if (settings->topology.n > 0)
        return rc;
    if (settings->n_hosts > 0)
        rc = open_topology(run, "native-host", "--host");
    return rc < 0 ? rc : choose_cloud(run);
}

static int refuse_options(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    vmtp_ctx *ctx = &run->ctx;
    int rc = vmtp_refuse_later(ctx, settings);
    if (rc < 0 || !settings->cloud_option || served(run, VMTP_TOPO_CLOUD))
        return rc;
    if (settings->topology.n > 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: none of the topologies asked for uses a cloud",
                         settings->cloud_option);
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s is about OpenStack, and nothing tells which cloud: give -r FILE, "
                                        "--os-cloud NAME or OS_* variables", settings->cloud_option);
}

static int choose_topologies(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    int rc = settings->later_option ? VMTP_OK : open_topologies(run);
    if (rc == VMTP_OK)
        rc = refuse_options(run);
    if (rc < 0)
        return rc;
    if (run->n_topologies == 0)
        return vmtp_fail(&run->ctx, VMTP_ECONFIG,
                         "nothing to measure. Give the credentials of an OpenStack cloud with -r FILE, --os-cloud NAME "
                         "or OS_* variables, name two hosts with --host USER@SERVER --host USER@CLIENT, or measure "
                         "between two network namespaces on this machine with --topology namespace");
    if (settings->n_hosts > 0 && !served(run, VMTP_TOPO_HOSTS))
        return vmtp_fail(&run->ctx, VMTP_ECONFIG,
                         "--host: none of the topologies asked for uses it; add --topology native-host");
    if (settings->n_hosts == 0 && settings->topology.n == 1 && served(run, VMTP_TOPO_HOSTS))
        return vmtp_fail(&run->ctx, VMTP_ECONFIG, "topology %s needs at least one --host USER@ADDRESS",
                         run->topologies[0].loaded->plugin.name);
    return VMTP_OK;
}

static int choose_tools(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    int rc = VMTP_OK;
    if (settings->protocols & (VMTP_ASK_TCP | VMTP_ASK_UDP | VMTP_ASK_MULTICAST))
        rc = vmtp_tool_open(&run->ctx, settings, settings->tp_tool, "--tp-tool", &run->throughput);
    if (rc == VMTP_OK && (settings->protocols & VMTP_ASK_ICMP))
        rc = vmtp_tool_open(&run->ctx, settings, ICMP_TOOL, "ping", &run->icmp);
    if (rc == VMTP_OK && run->throughput.open && !(run->throughput.loaded->tool.caps & (VMTP_TOOL_TCP | VMTP_TOOL_UDP)))
        rc = vmtp_fail(&run->ctx, VMTP_ECONFIG, "--tp-tool %s: measures no throughput", settings->tp_tool);
    if (rc == VMTP_OK && (settings->protocols & VMTP_ASK_MULTICAST) &&
        !(run->throughput.loaded->tool.caps & VMTP_TOOL_MULTICAST))
        rc = vmtp_fail(&run->ctx, VMTP_ECONFIG,
                       "--tp-tool %s: cannot measure multicast; --tp-tool nuttcp (version 8 or later) and --tp-tool "
                       "iperf can",
                       settings->tp_tool);
    return rc;
}

/* A topology of a cloud asks it, and maybe the user for a password: the limits are in its requests. */
static int plan_one(struct vmtp_run *run, const struct vmtp_topology_instance *topology)
{
    const struct vmtp_loaded *loaded = topology->loaded;
    VMTP_CLEAN(ctx) struct vmtp_ctx limit;
    vmtp_ctx_child(&limit, &run->ctx, ASKING_SECONDS); /* a cloud is asked many things */
    const bool asks = loaded->topology.caps & VMTP_TOPO_CLOUD;
    int rc = VMTP_CALL(loaded, topology, plan, asks ? &limit : NULL, &run->ctx, topology->state, &run->plan);
    return rc < 0 ? vmtp_fail(&run->ctx, rc, "topology %s", loaded->plugin.name) : rc;
}

/* What was asked is right, but cannot be done: that is a run that failed, with a result that says so. */
static int remember_failure(struct vmtp_run *run, int rc)
{
    if (rc == VMTP_ECONFIG || rc == VMTP_ENOMEM)
        return rc;
    run->plan_status = rc;
    return VMTP_OK;
}

static int make_plan(struct vmtp_run *run)
{
    int rc = vmtp_plan_init(&run->plan, run->settings);
    for (size_t i = 0; i < run->n_topologies && rc == VMTP_OK; i++) {
        run->plan.topology = i;
        rc = plan_one(run, &run->topologies[i]);
    }
    if (rc < 0)
        return remember_failure(run, rc);
    rc = vmtp_steps_of(run->settings, &run->steps, &run->n_steps);
    vmtp_plan_sort(&run->plan);
    for (size_t i = 0; i < run->n_steps; i++)
        run->seconds_left += run->steps[i].seconds * (double)run->plan.n_flows;
    return rc < 0 ? rc : vmtp_run_expect(run);
}

/* What a topology says that it waits for. */
static void show_what(void *arg, const char *what)
{
    struct vmtp_run *run = arg;
    snprintf(run->what, sizeof run->what, "%s", what);
    vmtp_run_tell(run);
}

/* Brings the tools to a machine while others still boot. */
static void prepare_ahead(void *arg, vmtp_ctx *ctx, vmtp_endpoint *ep)
{
    struct vmtp_run *run = arg;
    if (run->throughput.open)
        vmtp_tool_prepare_ahead(ctx, &run->throughput, ep);
    if (run->icmp.open)
        vmtp_tool_prepare_ahead(ctx, &run->icmp, ep);
}

static void choose_monitor(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    bool throughput = settings->protocols & (VMTP_ASK_TCP | VMTP_ASK_UDP | VMTP_ASK_MULTICAST);
    vmtp_monitor_set(&run->monitor, throughput ? settings->monitor : NULL);
    if (settings->monitor && !throughput)
        vmtp_log(VMTP_LOG_WARNING, "--monitor: no throughput is measured, so there is nothing to record the CPU load "
                                   "of the nodes for");
}

int vmtp_run_prepare(struct vmtp_run *run, const struct vmtp_settings *settings)
{
    run->settings = settings;
    vmtp_ctx_init(&run->ctx, &vmtp_run_interrupted);
    run->ctx.tell = show_what;
    run->ctx.tell_arg = run;
    run->ctx.connected = prepare_ahead;
    run->ctx.connected_arg = run;
    if (vmtp_registry_set_path(settings->plugin_path) < 0)
        return vmtp_fail(&run->ctx, VMTP_ENOMEM, "out of memory");
    vmtp_ssh_use(settings);
    choose_monitor(run);
    int rc = vmtp_warn_unknown_plugins(&run->ctx, settings);
    if (rc == VMTP_OK)
        rc = choose_topologies(run);
    if (rc == VMTP_OK)
        rc = choose_tools(run);
    if (rc == VMTP_OK)
        rc = vmtp_sinks_choose(&run->ctx, settings, run->with_table, &run->sinks);
    return rc < 0 ? rc : make_plan(run);
}

/* --- ids --- */

/* A random UUID (RFC 9562, version 4); the old 7-digit run_id is its beginning, so either finds the journal. */
static int make_ids(struct vmtp_run *run)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return vmtp_fail(&run->ctx, VMTP_EFAIL, "getrandom: %s", vmtp_errno());
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(run->run_uuid, sizeof run->run_uuid,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
             b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    memcpy(run->run_id, run->run_uuid, sizeof run->run_id - 1);
    return VMTP_OK;
}

/* --- begin and end --- */

static void protocol_letters(unsigned protocols, char out[5])
{
    static const struct {
        unsigned bit;
        char letter;
    } letters[] = {{VMTP_ASK_TCP, 'T'}, {VMTP_ASK_UDP, 'U'}, {VMTP_ASK_ICMP, 'I'}, {VMTP_ASK_MULTICAST, 'M'}};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (protocols & letters[i].bit)
            *out++ = letters[i].letter;
    *out = '\0';
}

/* What topologies have found out about the run as a whole. */
static int add_run_facts(const struct vmtp_run *run, struct vmtp_recorder *recorder)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < run->plan.facts.n && rc == VMTP_OK; i++)
        rc = vmtp_recorder_property(recorder, run->plan.facts.items[i].name, run->plan.facts.items[i].text);
    return rc;
}

/* Emits an event with these properties and the facts of the run. */
static void emit_with_facts(struct vmtp_run *run, uint32_t type, const struct vmtp_property *properties, size_t n)
{
    struct vmtp_recorder all = {0};
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++)
        rc = vmtp_recorder_property(&all, properties[i].name, properties[i].text);
    if (rc == VMTP_OK)
        rc = add_run_facts(run, &all);
    if (rc < 0)
        vmtp_log(VMTP_LOG_WARNING, "not all facts of the run are told: out of memory");
    vmtp_emit(run, &(struct vmtp_event){.type = type, .properties = all.properties, .n_properties = all.n_properties});
    vmtp_recorder_clear(&all);
}

static void emit_begin(struct vmtp_run *run)
{
    char date[32], host[256] = "", letters[5], flows[24];
    struct tm tm;
    time_t now = time(NULL);
    localtime_r(&now, &tm);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
    gethostname(host, sizeof host - 1);
    protocol_letters(run->settings->protocols, letters);
    snprintf(flows, sizeof flows, "%zu", run->plan.n_flows);
    const char *description = run->settings->test_description;
    const struct vmtp_property properties[] = {
        {"program", "vmtp"},       {"version", VMTP_VERSION}, {"args", run->args ? run->args : ""},
        {"date", date},            {"run_id", run->run_id},   {"run_uuid", run->run_uuid},
        {"hostname", host},        {"protocols", letters},    {"plan_flows", flows},
        {"test_description", description},
    };
    size_t n = sizeof properties / sizeof properties[0];
    emit_with_facts(run, VMTP_EV_RUN_BEGIN, properties, description && *description ? n : n - 1);
}

static void emit_end(struct vmtp_run *run)
{
    char elapsed[32];
    snprintf(elapsed, sizeof elapsed, "%.3f", vmtp_now() - run->begin);
    bool failed = run->set_up_failed || run->flows_failed || run->expect_missed;
    const char *status = atomic_load(&vmtp_run_interrupted) ? "interrupted" : failed ? "failed" : "passed";
    const struct vmtp_property properties[] = {{"status", status}, {"elapsed", elapsed}};
    emit_with_facts(run, VMTP_EV_RUN_END, properties, 2);
}

/* The run cannot go on, but what it has measured is kept. */
static void set_up_failed(struct vmtp_run *run, int rc)
{
    run->set_up_failed = true;
    run->placement_failed = rc == VMTP_EPLACE;
    if (rc == VMTP_ECANCELED)
        return;
    run->keep = run->settings->stop_on_error;
    const char *error = vmtp_ctx_error(&run->ctx, rc);
    vmtp_log(VMTP_LOG_ERROR, "%s", error);
    vmtp_emit(run, &(struct vmtp_event){.type = VMTP_EV_FAILURE, .status = rc, .error = error});
}

/* --- cleaning up --- */

static void end_servers(struct vmtp_run *run)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_run_cleaning_ctx(run, &ctx, VMTP_RELEASE_SECONDS);
    vmtp_tool_unserve(&ctx, &run->throughput);
    vmtp_tool_unserve(&ctx, &run->icmp);
}

static struct vmtp_endpoint *find_endpoint(const struct vmtp_run *run, const char *id)
{
    for (size_t i = 0; i < run->plan.n_endpoints; i++)
        if (strcmp(run->plan.endpoints[i]->id, id) == 0)
            return run->plan.endpoints[i];
    return NULL;
}

/* The ledger also has what a command that was cut short may have made. */
static void remove_on_hosts(struct vmtp_run *run)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t i = vmtp_ledger_left(run->ledger); i-- > 0 && vmtp_ledger_thing(run->ledger, i, &thing, &login);) {
        struct vmtp_endpoint *ep = thing.login ? find_endpoint(run, thing.endpoint) : NULL;
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_run_cleaning_ctx(run, &ctx, VMTP_RELEASE_SECONDS);
        int rc = ep ? vmtp_remove_on_host(&ctx, ep, &thing) : VMTP_OK;
        if (rc < 0)
            vmtp_log(VMTP_LOG_ERROR, "%s", vmtp_ctx_error(&ctx, rc));
    }
}

/* What is in the ledger now is there because the user wants it, or against everybody's will. */
static void tell_left(struct vmtp_run *run)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    int level = run->keep ? VMTP_LOG_WARNING : VMTP_LOG_ERROR;
    for (size_t i = 0; vmtp_ledger_thing(run->ledger, i, &thing, &login); i++) {
        VMTP_CLEAN(mem) char *text = vmtp_thing_text(&thing);
        vmtp_log(level, "%s: %s", run->keep ? "kept" : "left behind", text ? text : thing.id);
    }
    size_t left = vmtp_ledger_left(run->ledger);
    run->left = run->keep ? 0 : left;
    if (left)
        vmtp_log(level, "'vmtp cleanup %s' removes what is %s", run->run_uuid, run->keep ? "kept" : "left behind");
}

static void clean_up(struct vmtp_run *run)
{
    end_servers(run);
    remove_on_hosts(run);
    vmtp_run_release(run);
    tell_left(run);
    if (atomic_load(&vmtp_run_abandoned) && !run->left)
        vmtp_log(VMTP_LOG_WARNING, "interrupted again: programs that were started on hosts end by themselves within "
                                   "seconds; no file is left behind");
}

/* --- the run --- */

static void run_flows(struct vmtp_run *run)
{
    for (size_t i = 0; i < run->plan.n_flows; i++) {
        int rc = vmtp_run_acquire_for(run, i);
        if (rc < 0 && rc != VMTP_ECANCELED) {
            set_up_failed(run, rc);
            return;
        }
        rc = rc < 0 ? rc : vmtp_run_flow(run, &run->plan.flows[i]);
        run->flows_failed += rc == VMTP_EFAIL;
        if (rc == VMTP_ECANCELED)
            return;
        if (run->settings->keep_first_flow_and_exit || (rc == VMTP_EFAIL && run->settings->stop_on_error)) {
            run->keep = true;
            return;
        }
    }
}

static int exit_code(const struct vmtp_run *run, size_t sinks_failed)
{
    if (atomic_load(&vmtp_run_interrupted))
        return VMTP_EXIT_INTERRUPTED;
    if (run->placement_failed)
        return VMTP_EXIT_PLACEMENT;
    if (run->set_up_failed || run->flows_failed || run->expect_missed)
        return VMTP_EXIT_FAILED;
    if (run->left)
        return VMTP_EXIT_LEFT;
    return sinks_failed || run->journal_failed ? VMTP_EXIT_SINK : VMTP_EXIT_PASSED;
}

/* Sinks and the journal are proven to be writable before anything is made or measured. */
static int open_outputs(struct vmtp_run *run)
{
    int rc = make_ids(run);
    run->ledger = rc == VMTP_OK ? vmtp_ledger_new(run->run_uuid) : NULL;
    run->ctx.ledger = run->ledger;
    if (rc == VMTP_OK && !run->ledger)
        rc = vmtp_fail(&run->ctx, VMTP_ENOMEM, "out of memory");
    if (rc == VMTP_OK && !run->settings->no_journal)
        rc = vmtp_journal_create(&run->ctx, run->run_uuid, &run->journal);
    return rc < 0 ? rc : vmtp_sinks_open(&run->ctx, &run->sinks);
}

/* Whoever asks for the load of the nodes learns that it cannot be had before an hour of measuring, not after it. */
static int check_monitor(struct vmtp_run *run)
{
    const struct vmtp_settings *settings = run->settings;
    if (!run->monitor.host[0])
        return VMTP_OK;
    if (settings->time > settings->time_asked)
        vmtp_log(VMTP_LOG_INFO, "each throughput measurement takes %g s instead of %g s: the CPU load is read every "
                 "10 s", settings->time, settings->time_asked);
    return vmtp_monitor_check(&run->ctx, &run->monitor);
}

int vmtp_run_execute(struct vmtp_run *run)
{
    run->begin = vmtp_now();
    int rc = open_outputs(run);
    if (rc < 0) {
        vmtp_log(VMTP_LOG_ERROR, "%s", vmtp_ctx_error(&run->ctx, rc));
        vmtp_journal_discard(VMTP_TAKE(run->journal));
        if (vmtp_cancelled(&run->ctx))
            return VMTP_EXIT_INTERRUPTED;
        return rc == VMTP_ECONFIG ? VMTP_EXIT_USAGE : VMTP_EXIT_SINK;
    }
    emit_begin(run);
    rc = run->plan_status < 0 ? run->plan_status : check_monitor(run);
    if (rc == VMTP_OK)
        rc = vmtp_run_acquire(run);
    if (rc == VMTP_OK)
        run_flows(run);
    else
        set_up_failed(run, rc);

    if (!run->set_up_failed && !atomic_load(&vmtp_run_interrupted))
        vmtp_run_judge_rest(run);
    clean_up(run);
    emit_end(run);
    vmtp_log_progress("");
    if (run->journal && !run->journal_failed)
        vmtp_sinks_tell_replay(&run->sinks, run->run_uuid);
    size_t failed = vmtp_sinks_close(&run->sinks);
    if (run->journal)
        vmtp_log(VMTP_LOG_INFO, "journal: %s", vmtp_journal_path(run->journal));
    return exit_code(run, failed);
}

/* --- the plan, printed --- */

static void print_steps(const struct vmtp_run *run, const struct vmtp_flow *flow, FILE *out)
{
    char time[VMTP_UNIT_TEXT];
    for (size_t i = 0; i < run->n_steps; i++) {
        const struct vmtp_step *step = &run->steps[i];
        if (step->repeat > 1)
            continue;
        const struct vmtp_tool_instance *tool = step->proto == VMTP_ICMP ? &run->icmp : &run->throughput;
        fprintf(out, "    %-5s %5u bytes  %-8s %s%s%s", vmtp_proto_name(step->proto), step->message_bytes,
                tool->loaded->plugin.name, step->reverse ? "reverse, " : "",
                step->repeats > 1 ? "repeated, " : "", step->search ? "rate search, " : "");
        fprintf(out, "about %s\n", vmtp_print_seconds(step->seconds * step->repeats, time));
        vmtp_run_print_expected(run, flow, step, out);
    }
}

static void print_monitor(const struct vmtp_run *run, FILE *out)
{
    const struct vmtp_settings *settings = run->settings;
    if (!run->monitor.host[0])
        return;
    fprintf(out, "The gmond at %s port %u is asked for the CPU load of the nodes", run->monitor.host,
            run->monitor.port);
    if (settings->time > settings->time_asked)
        fprintf(out, "; each throughput measurement takes %g s for that, instead of %g s", settings->time,
                settings->time_asked);
    fputs(".\n", out);
}

static void print_notes(const struct vmtp_run *run, FILE *out)
{
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < run->plan.n_notes; i++) {
        const struct vmtp_plan_note *note = &run->plan.notes[i];
        if (note->topology != before)
            fprintf(out, "Topology %s:\n", run->topologies[note->topology].loaded->plugin.name);
        before = note->topology;
        fprintf(out, "  %s\n", note->text);
    }
}

/* The most that all throughput measurements can send together. */
static void print_traffic(const struct vmtp_run *run, FILE *out)
{
    static const double USUAL_BPS = 10e9;
    double seconds = 0, capped = (double)run->settings->bandwidth_bps;
    for (size_t i = 0; i < run->n_steps; i++)
        if (run->steps[i].proto != VMTP_ICMP)
            seconds += run->steps[i].seconds * (double)run->plan.n_flows;
    if (seconds > 0 && capped > 0)
        fprintf(out, "At most %.3g GB of traffic, by the cap of the rate.\n", seconds * capped / 8e9);
    else if (seconds > 0)
        fprintf(out, "At most %.3g GB of traffic for each 10 Gbit/s that the network carries; --bandwidth limits it.\n",
                seconds * USUAL_BPS / 8e9);
}

void vmtp_run_print_plan(const struct vmtp_run *run, FILE *out)
{
    char time[VMTP_UNIT_TEXT];
    for (size_t i = 0; i < run->plan.n_flows; i++) {
        const struct vmtp_planned_flow *planned = &run->plan.flows[i];
        fprintf(out, "Flow %zu: %s (%s)\n  from %s to %s, topology %s\n", i + 1, planned->flow.label, planned->flow.id,
                planned->flow.client, planned->flow.server,
                run->topologies[planned->topology].loaded->plugin.name);
        print_steps(run, &planned->flow, out);
    }
    print_notes(run, out);
    vmtp_run_print_unexpected(run, out);
    print_monitor(run, out);
    print_traffic(run, out);
    fprintf(out, "%zu flow%s, about %s of measuring. Nothing has been touched.\n", run->plan.n_flows,
            run->plan.n_flows == 1 ? "" : "s", vmtp_print_seconds(run->seconds_left, time));
}

void vmtp_run_clear(struct vmtp_run *run)
{
    vmtp_tool_close(&run->throughput);
    vmtp_tool_close(&run->icmp);
    vmtp_sinks_close(&run->sinks);
    vmtp_plan_clear(&run->plan);
    for (size_t i = 0; i < run->n_topologies; i++) {
        struct vmtp_topology_instance *topology = &run->topologies[i];
        if (topology->open && topology->loaded->topology.close)
            VMTP_CALL(topology->loaded, topology, close, NULL, topology->state);
        free(topology->opts);
        vmtp_node_free(topology->options);
    }
    free(run->topologies);
    free(run->steps);
    free(run->there);
    free(run->expected);
    vmtp_journal_close(run->journal);
    vmtp_ledger_close(run->ledger);
    vmtp_report_free(run->report);
    vmtp_ctx_clear(&run->ctx);
    *run = (struct vmtp_run){0};
}
