/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/metrics.h"
#include "core/options.h"
#include "core/plugin-check.h"
#include "core/registry.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { PROBE_OUTPUT_MAX = 64 * 1024 };
static const double PROBE_SECONDS = 5;
static const double CHECK_SECONDS = 60; /* a call of the plugin has 10 s by itself */

typedef void (*probe_work)(FILE *out, const struct vmtp_loaded *loaded);

enum { END_MARK = '\0' }; /* the last that a child writes: its work is done, and no plugin has called exit() in it */

/* How a child process has ended. */
struct ending {
    int status; /* of waitpid() */
    bool done;  /* its end mark has come */
};

/* What a child process does: returns its exit status. */
typedef int (*child_work)(FILE *out, const struct vmtp_candidate *candidate, const void *arg);

/* --- the child --- */

static int load_and_work(FILE *out, const struct vmtp_candidate *candidate, const void *arg)
{
    vmtp_call_unwatch(); /* the parent says how it ended */
    const probe_work *work = arg;
    struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_loaded *loaded = NULL;
    int rc = vmtp_registry_load(&ctx, candidate->kind, candidate->name, candidate->path, &loaded);
    if (rc < 0)
        fputs(vmtp_ctx_error(&ctx, rc), out);
    else
        (*work)(out, loaded);
    return rc < 0 ? 1 : 0;
}

static _Noreturn void child(const struct vmtp_candidate *candidate, int fd, child_work work, const void *arg)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    FILE *out = fdopen(fd, "w");
    int status = out ? work(out, candidate, arg) : 2;
    if (out && fputc(END_MARK, out) != EOF)
        fflush(out);
    _exit(status);
}

/* --- the parent --- */

/* Reads until the child closes its end. *done: it did its work. VMTP_ETIMEOUT, VMTP_ECANCELED. */
static int read_all(struct vmtp_ctx *limit, int fd, struct vmtp_buf *text, bool *done)
{
    static const double TURN = 0.1; /* a signal that comes just before poll() does not end it */
    char chunk[4096];
    for (;;) {
        int rc = vmtp_ctx_check(limit);
        if (rc < 0)
            return rc;
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        int ready = poll(&pfd, 1, (int)(fmin(vmtp_remaining(limit), TURN) * 1000) + 1);
        if (ready < 0 && errno != EINTR)
            return VMTP_ETIMEOUT;
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return VMTP_OK;
        *done = chunk[n - 1] == END_MARK;
        (void)vmtp_buf_add(text, chunk, (size_t)n - *done);
    }
}

/* A child that has closed its end has mostly ended: a plugin may have closed it, and still hang. */
static int await_end(struct vmtp_ctx *limit, pid_t pid, int *status)
{
    static const double TURN = 0.002;
    int rc = VMTP_OK;
    while (rc == VMTP_OK && waitpid(pid, status, WNOHANG) == 0)
        rc = vmtp_wait(limit, TURN);
    return rc;
}

/* Runs work on a candidate in a child process. text gets what it printed. VMTP_ETIMEOUT and
 * VMTP_ECANCELED when it had to be killed. */
static int run_child(vmtp_ctx *ctx, const struct vmtp_candidate *candidate, child_work work, const void *arg,
                     double seconds, struct vmtp_buf *text, struct ending *ending)
{
    *ending = (struct ending){0};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "pipe: %s", vmtp_errno());
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(candidate, ends[1], work, arg);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return vmtp_fail(ctx, VMTP_EFAIL, "fork: %s", vmtp_errno());
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx limit;
    vmtp_ctx_child(&limit, ctx, seconds);
    int rc = read_all(&limit, ends[0], text, &ending->done);
    if (rc == VMTP_OK)
        rc = await_end(&limit, pid, &ending->status);
    close(ends[0]);
    if (rc == VMTP_OK)
        return rc;
    kill(pid, SIGKILL);
    while (waitpid(pid, &ending->status, 0) < 0 && errno == EINTR)
        ;
    return rc == VMTP_ECANCELED ? vmtp_fail(ctx, rc, "interrupted") : rc;
}

/* Loads a candidate and works on it. text gets what was printed, or the reason of the failure. */
static int probe(vmtp_ctx *ctx, const struct vmtp_candidate *candidate, probe_work work, struct vmtp_buf *text)
{
    struct ending ending;
    int rc = run_child(ctx, candidate, load_and_work, &work, PROBE_SECONDS, text, &ending);
    if (rc < 0 && rc != VMTP_ETIMEOUT)
        return rc;
    if (rc == VMTP_ETIMEOUT) {
        vmtp_buf_reset(text);
        return vmtp_buf_printf(text, "no answer in %.0f s", PROBE_SECONDS) < 0 ? VMTP_ENOMEM : VMTP_ETIMEOUT;
    }
    if (WIFSIGNALED(ending.status)) {
        vmtp_buf_reset(text);
        return vmtp_buf_printf(text, "crashed with signal %d when loaded", WTERMSIG(ending.status)) < 0
            ? VMTP_ENOMEM : VMTP_EREMOTE;
    }
    if (!ending.done) {
        vmtp_buf_reset(text);
        return vmtp_buf_printf(text, "calls exit() when loaded") < 0 ? VMTP_ENOMEM : VMTP_EFAIL;
    }
    return WEXITSTATUS(ending.status) == 0 ? VMTP_OK : VMTP_EFAIL;
}

/* --- list --- */

static void print_line(FILE *out, const struct vmtp_loaded *loaded)
{
    fprintf(out, "%s\t%s", loaded->plugin.version, loaded->plugin.summary);
}

int vmtp_probe_list(vmtp_ctx *ctx, FILE *out)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    int rc = vmtp_registry_candidates(&candidates, &n);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    fprintf(out, "%-9s %-14s %-9s %-8s %s\n", "KIND", "NAME", "VERSION", "STATE", "FILE");
    for (size_t i = 0; i < n; i++) {
        const struct vmtp_candidate *c = &candidates[i];
        VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(PROBE_OUTPUT_MAX);
        rc = probe(ctx, c, print_line, &text);
        if (rc == VMTP_ENOMEM || rc == VMTP_ECANCELED)
            break;
        VMTP_CLEAN(mem) char *line = strdup(vmtp_buf_text(&text));
        char *summary = line ? strchr(line, '\t') : NULL;
        if (summary)
            *summary++ = '\0';
        if (line)
            vmtp_printable(line);
        const char *state = rc == VMTP_OK ? "ok" : rc == VMTP_ETIMEOUT ? "hangs"
            : rc == VMTP_EREMOTE ? "crashes" : "broken";
        bool good = rc == VMTP_OK && summary;
        fprintf(out, "%-9s %-14s %-9s %-8s %s\n", vmtp_kind_name(c->kind), c->name, good ? line : "-", state,
                c->path ? c->path : "(built in)");
        if (!good)
            fprintf(out, "          %s\n", line ? line : "");
    }
    vmtp_candidates_free(candidates, n);
    return rc == VMTP_ENOMEM || rc == VMTP_ECANCELED ? rc : VMTP_OK;
}

/* --- show --- */

struct cap_name {
    uint32_t bit;
    const char *text;
};
static const struct cap_name tool_caps[] = {
    {VMTP_TOOL_TCP, "TCP"},
    {VMTP_TOOL_UDP, "UDP"},
    {VMTP_TOOL_MULTICAST, "multicast"},
    {VMTP_TOOL_ICMP, "ICMP"},
    {VMTP_TOOL_IPV6, "IPv6"},
    {VMTP_TOOL_REVERSE_TCP, "reverse TCP"},
    {VMTP_TOOL_REVERSE_UDP, "reverse UDP"},
    {VMTP_TOOL_RATE, "sending at a rate"},
    {VMTP_TOOL_SAMPLES, "intervals"},
    {VMTP_TOOL_STREAMS, "parallel streams"},
    {VMTP_TOOL_BRING, "brought along"},
    {0, NULL},
};
static const struct cap_name sink_caps[] = {
    {VMTP_SINK_SAMPLES, "intervals"},
    {VMTP_SINK_IDEMPOTENT, "storing a run twice leaves it once"},
    {VMTP_SINK_TERMINAL, "writes on standard output"},
    {VMTP_SINK_REMOTE, "writes to a server"},
    {0, NULL},
};
static const struct cap_name topology_caps[] = {
    {VMTP_TOPO_IPV4, "IPv4"},
    {VMTP_TOPO_IPV6, "IPv6"},
    {VMTP_TOPO_CREATES, "creates resources"},
    {VMTP_TOPO_CLOUD, "uses a cloud"},
    {VMTP_TOPO_HOSTS, "uses --host"},
    {0, NULL},
};

static void print_caps(FILE *out, uint32_t caps, const struct cap_name *names)
{
    const char *separator = "Can do:   ";
    for (; names->text; names++) {
        if (!(caps & names->bit))
            continue;
        fprintf(out, "%s%s", separator, names->text);
        separator = ", ";
    }
    if (separator[0] == ',')
        fputc('\n', out);
}

static void print_plugin(FILE *out, const struct vmtp_loaded *loaded)
{
    const struct vmtp_plugin *plugin = &loaded->plugin;
    fprintf(out, "%s %s %s: %s\n", vmtp_kind_name(loaded->kind), plugin->name, plugin->version, plugin->summary);
    fprintf(out, "File:     %s\n", loaded->file);
    if (plugin->tool) {
        print_caps(out, plugin->tool->caps, tool_caps);
        if (plugin->tool->port)
            fprintf(out, "Ports:    %u%s", plugin->tool->port, plugin->tool->control_port ? "" : "\n");
        if (plugin->tool->control_port)
            fprintf(out, ", control %u\n", plugin->tool->control_port);
    } else if (plugin->sink) {
        print_caps(out, plugin->sink->caps, sink_caps);
    } else {
        print_caps(out, plugin->topology->caps, topology_caps);
    }
    static const char *const how[] = {"--tp-tool", "--sink", "--topology"};
    fprintf(out, "Use:      %s %s", how[loaded->kind], plugin->name);
    if (vmtp_option_at(plugin, 0)) {
        fprintf(out, "[:OPTION=VALUE,...]\nOptions:\n");
        vmtp_options_print(out, plugin);
    } else {
        fprintf(out, "\nOptions:  none\n");
    }
}

static void print_metrics(FILE *out)
{
    static const char *const better[] = {"", "higher is better", "lower is better"};
    const struct vmtp_metric_info *metric;
    for (size_t i = 0; (metric = vmtp_metric_at(i)); i++)
        fprintf(out, "%-14s %-6s %-17s %s\n", metric->name, metric->unit, better[metric->better], metric->help);
}

static bool is_called(const struct vmtp_candidate *c, const char *name)
{
    size_t kind = strlen(vmtp_kind_name(c->kind));
    bool full = strncmp(name, vmtp_kind_name(c->kind), kind) == 0 && name[kind] == '-' &&
                vmtp_same_name(name + kind + 1, c->name);
    return full || vmtp_same_name(name, c->name) || (c->path && strcmp(name, c->path) == 0);
}

static int unknown(vmtp_ctx *ctx, const struct vmtp_candidate *candidates, size_t n, const char *name)
{
    VMTP_CLEAN(mem) const char **names = calloc(n + 1, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        names[i] = candidates[i].name;
    const char *nearest = names ? vmtp_nearest(name, names) : NULL;
    return vmtp_fail(ctx, VMTP_ECONFIG, "no plugin is called '%s'%s%s%s (`vmtp plugin list` shows all)", name,
                     nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static bool is_file(const char *name)
{
    size_t len = strlen(name);
    return strchr(name, '/') || (len > 3 && strcmp(name + len - 3, ".so") == 0);
}

static int find_candidate(vmtp_ctx *ctx, const char *name, struct vmtp_candidate *found)
{
    size_t n = 0;
    if (is_file(name)) {
        if (access(name, R_OK) != 0)
            return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s", name, vmtp_errno());
        return vmtp_registry_candidate_of(ctx, name, found);
    }
    struct vmtp_candidate *candidates = NULL;
    int rc = vmtp_registry_candidates(&candidates, &n);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    rc = VMTP_ECONFIG;
    for (size_t i = 0; i < n && rc == VMTP_ECONFIG; i++) {
        if (!is_called(&candidates[i], name))
            continue;
        *found = (struct vmtp_candidate){.kind = candidates[i].kind, .name = VMTP_TAKE(candidates[i].name),
                                         .path = VMTP_TAKE(candidates[i].path)};
        rc = VMTP_OK;
    }
    if (rc < 0)
        rc = unknown(ctx, candidates, n, name);
    vmtp_candidates_free(candidates, n);
    return rc;
}

static int show(vmtp_ctx *ctx, FILE *out, const struct vmtp_candidate *candidate)
{
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(PROBE_OUTPUT_MAX);
    int rc = probe(ctx, candidate, print_plugin, &text);
    if (rc < 0)
        return rc == VMTP_ECANCELED ? rc : vmtp_fail(ctx, VMTP_EFAIL, "%s", vmtp_buf_text(&text));
    fputs(vmtp_buf_text(&text), out);
    return VMTP_OK;
}

static int show_file(vmtp_ctx *ctx, FILE *out, const char *name)
{
    struct vmtp_candidate candidate = {0};
    int rc = find_candidate(ctx, name, &candidate);
    if (rc == VMTP_OK)
        rc = show(ctx, out, &candidate);
    free(candidate.name);
    free(candidate.path);
    return rc;
}

int vmtp_probe_show(vmtp_ctx *ctx, FILE *out, const char *name)
{
    if (strcmp(name, "metrics") == 0) {
        print_metrics(out);
        return VMTP_OK;
    }
    if (is_file(name))
        return show_file(ctx, out, name);
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0, found = 0;
    int rc = vmtp_registry_candidates(&candidates, &n);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        if (!is_called(&candidates[i], name))
            continue;
        if (found++)
            fputc('\n', out);
        rc = show(ctx, out, &candidates[i]);
    }
    if (found == 0)
        rc = unknown(ctx, candidates, n, name);
    vmtp_candidates_free(candidates, n);
    return rc;
}

/* --- check --- */

static const char KEPT[] = "ok      ", BROKEN[] = "broken  ";

static void print_rule(FILE *out, bool kept, const char *text, const char *why)
{
    VMTP_CLEAN(buf) struct vmtp_buf line = VMTP_BUF(4096);
    (void)vmtp_buf_printf(&line, "%s%s%s%s", kept ? KEPT : BROKEN, text, why ? ": " : "", why ? why : "");
    VMTP_CLEAN(mem) char *safe = vmtp_buf_take(&line);
    if (safe)
        vmtp_printable(safe);
    fprintf(out, "%s\n", safe ? safe : BROKEN);
    fflush(out); /* what comes next may crash */
}

static void tell_rule(void *arg, bool kept, const char *text, const char *why)
{
    print_rule(arg, kept, text, why);
}

static int check_rules(FILE *out, const struct vmtp_candidate *candidate, const void *arg)
{
    vmtp_plugin_check(candidate, arg, tell_rule, out);
    return 0;
}

static unsigned count_lines(const char *text, const char *begin)
{
    unsigned n = 0;
    for (; text && *text; text = strchr(text, '\n'), text += text != NULL)
        n += !begin || strncmp(text, begin, strlen(begin)) == 0;
    return n;
}

/* How the child ended is a rule as well. */
static bool print_end(FILE *out, int rc, const struct ending *ending)
{
    char why[80];
    if (rc == VMTP_ETIMEOUT)
        snprintf(why, sizeof why, "no answer in %.0f s", CHECK_SECONDS);
    else if (WIFSIGNALED(ending->status))
        snprintf(why, sizeof why, "signal %d in the call behind the last line", WTERMSIG(ending->status));
    else if (!ending->done)
        snprintf(why, sizeof why, "the call behind the last line ends the program");
    else
        return true;
    print_rule(out, false, "returns from every call", why);
    return false;
}

static int check_candidate(vmtp_ctx *ctx, FILE *out, const struct vmtp_candidate *candidate, const char *scratch)
{
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(PROBE_OUTPUT_MAX);
    struct ending ending;
    int rc = run_child(ctx, candidate, check_rules, scratch, CHECK_SECONDS, &text, &ending);
    if (rc < 0 && rc != VMTP_ETIMEOUT)
        return rc;
    fputs(vmtp_buf_text(&text), out);
    unsigned rules = count_lines(vmtp_buf_text(&text), NULL), broken = count_lines(vmtp_buf_text(&text), BROKEN);
    if (!print_end(out, rc, &ending)) {
        rules++;
        broken++;
    }
    const char *file = candidate->path ? candidate->path : candidate->name;
    if (broken || rules == 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %u of %u rules are broken", file, broken, rules);
    fprintf(out, "%s keeps all %u rules\n", file, rules);
    return VMTP_OK;
}

int vmtp_probe_check(vmtp_ctx *ctx, FILE *out, const char *name)
{
    struct vmtp_candidate candidate = {0};
    int rc = find_candidate(ctx, name, &candidate);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *scratch = vmtp_scratch_make();
    if (scratch)
        rc = check_candidate(ctx, out, &candidate, scratch);
    else
        rc = vmtp_fail(ctx, VMTP_EFAIL, "cannot make a directory for temporary files: %s", vmtp_errno());
    if (scratch)
        vmtp_scratch_remove(scratch);
    free(candidate.name);
    free(candidate.path);
    return rc;
}
