/* SPDX-License-Identifier: Apache-2.0 */
/* A tool, or with -DFAULTY_SINK a sink, or with -DFAULTY_TOPOLOGY a topology, that goes wrong in the function and the
 * way that its options say. Before that it is a plugin like others: the tool starts a program as its far end and
 * reports 1 Gbit/s; the topology is this machine twice. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmtp/plugin.h>

enum how { HOW_NOTHING, HOW_SEGV, HOW_BUS, HOW_FPE, HOW_ILL, HOW_ABORT, HOW_OVERFLOW, HOW_HANG, HOW_SLOW, HOW_EXIT };
static const char *const hows[] = {"nothing",  "segv", "bus",  "fpe",  "ill", "abort",
                                   "overflow", "hang", "slow", "exit", NULL};

struct opts {
    const char *where, *far;
    int how;
    int64_t after;
};

static const struct vmtp_option options[] = {
    VMTP_OPTION(struct opts, where, STRING, .help = "the function that goes wrong", .fallback = ""),
    VMTP_OPTION(struct opts, how, CHOICE, .help = "the way", .fallback = "nothing", .choices = hows),
    VMTP_OPTION(struct opts, after, INT, .help = "this many calls of it go well", .fallback = "0"),
    VMTP_OPTION(struct opts, far, STRING, .help = "seconds that the far end sleeps", .fallback = "60"),
    {.name = NULL},
};

struct state {
    const struct opts *opts;
    vmtp_process *far;
    int64_t calls;
};

/* Never ends by itself: the stack does. */
static int overflow(volatile char *above)
{
    volatile char here[4096];
    here[0] = above ? above[0] : 1;
    return overflow(here) + here[0];
}

/* The signal is wanted, not a sanitizer's report of what would have caused it. */
__attribute__((no_sanitize("undefined")))
static void fault(const struct opts *opts, int64_t calls, const char *function)
{
    if (strcmp(opts->where, function) != 0 || calls < opts->after)
        return;
    volatile int *volatile nowhere = NULL;
    switch ((enum how)opts->how) {
    case HOW_SEGV:
        *nowhere = 1;
        break;
    case HOW_OVERFLOW:
        overflow(NULL);
        break;
    case HOW_ABORT:
        abort();
    case HOW_EXIT:
        exit(0);
    case HOW_HANG:
        for (;;)
            pause();
    case HOW_SLOW:
        for (int i = 0; i < 10; i++)
            usleep(100000);
        break;
    case HOW_BUS:
    case HOW_FPE:
    case HOW_ILL:
        raise(opts->how == HOW_BUS ? SIGBUS : opts->how == HOW_FPE ? SIGFPE : SIGILL);
        break;
    case HOW_NOTHING:
        break;
    }
}

static int faulty_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct state *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->opts = opts;
    fault(opts, 0, "open");
    *state = made;
    return VMTP_OK;
}

static void faulty_close(void *state)
{
    fault(((struct state *)state)->opts, 0, "close");
    free(state);
}

#ifdef FAULTY_SINK
static int faulty_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct state *sink = state;
    (void)ctx;
    if (ev->type == VMTP_EV_RESULT)
        fault(sink->opts, sink->calls++, "event");
    return VMTP_OK;
}

static const struct vmtp_sink_ops ops = {
    .struct_size = sizeof ops,
    .open = faulty_open,
    .event = faulty_event,
    .close = faulty_close,
};

VMTP_PLUGIN(sink_faulty) = {
    .sink = &ops,
#elif defined FAULTY_TOPOLOGY
static int faulty_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    static const struct vmtp_flow flow = {.struct_size = sizeof flow, .id = "faulty", .client = "one", .server = "two",
                                          .path = "fixed", .scenario = "9", .label = "Faulty"};
    (void)ctx;
    fault(((struct state *)state)->opts, 0, "plan");
    int rc = vmtp_plan_endpoint(plan, "one");
    if (rc == VMTP_OK)
        rc = vmtp_plan_endpoint(plan, "two");
    return rc == VMTP_OK ? vmtp_plan_flow(plan, &flow) : rc;
}

static int faulty_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    static const struct vmtp_login here = {.struct_size = sizeof here, .transport = "local"};
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        rc = vmtp_endpoint_login(ctx, eps[i], &here);
        if (rc == VMTP_OK)
            rc = vmtp_endpoint_address(ctx, eps[i], "fixed", "127.0.0.1");
    }
    fault(((struct state *)state)->opts, 0, "acquire");
    return rc;
}

static int faulty_release(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    (void)ctx, (void)eps, (void)n;
    fault(((struct state *)state)->opts, 0, "release");
    return VMTP_OK;
}

static const struct vmtp_topology_ops ops = {
    .struct_size = sizeof ops,
    .caps = VMTP_TOPO_IPV4,
    .open = faulty_open,
    .plan = faulty_plan,
    .acquire = faulty_acquire,
    .release = faulty_release,
    .close = faulty_close,
};

VMTP_PLUGIN(topology_faulty) = {
    .topology = &ops,
#else
static int faulty_prepare(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps)
{
    (void)ep;
    (void)caps;
    fault(((struct state *)state)->opts, 0, "prepare");
    return vmtp_property(ctx, "tool_version", "1");
}

static int faulty_serve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct state *tool = state;
    const char *const argv[] = {"sleep", tool->opts->far, NULL};
    int rc = tool->far ? VMTP_OK : vmtp_start(ctx, job->server, argv, VMTP_TCP, 0, &tool->far);
    fault(tool->opts, tool->calls, "serve");
    return rc;
}

static int faulty_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct state *tool = state;
    (void)job;
    fault(tool->opts, tool->calls++, "measure");
    return vmtp_metric(ctx, "throughput", 1e9);
}

static void faulty_unserve(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    struct state *tool = state;
    (void)job;
    fault(tool->opts, 0, "unserve");
    vmtp_stop(ctx, tool->far);
    tool->far = NULL;
}

static const struct vmtp_tool_ops ops = {
    .struct_size = sizeof ops,
    .caps = VMTP_TOOL_TCP,
    .port = 5499,
    .open = faulty_open,
    .prepare = faulty_prepare,
    .serve = faulty_serve,
    .measure = faulty_measure,
    .unserve = faulty_unserve,
    .close = faulty_close,
};

VMTP_PLUGIN(tool_faulty) = {
    .tool = &ops,
#endif
    VMTP_PLUGIN_HEAD,
    .name = "faulty",
    .version = "1.0",
    .summary = "goes wrong where it is told to",
    .options = options,
    .option_size = sizeof options[0],
    .opts_size = sizeof(struct opts),
};
