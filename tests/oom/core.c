/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the core, each while memory runs out: VMTP_ENOMEM, or the right result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/event.h"
#include "core/ganglia.h"
#include "core/hostspec.h"
#include "core/journal.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/options.h"
#include "core/settings.h"
#include "core/ssh-hostkey.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "tests/oom/oom.h"

static char dir[] = "/tmp/vmtp-oom.XXXXXX";
static char *known_hosts_text;

/* What a failure of the core is told by: its code in words, or its words. */
static int told(struct vmtp_ctx *ctx, int rc)
{
    if (rc < 0)
        fprintf(stderr, "%s%s\n", vmtp_ctx_error(ctx, rc), rc == VMTP_ENOMEM ? " (no memory)" : "");
    return rc < 0;
}

/* ---- configuration ---- */

static int load_settings(const void *arg, int out)
{
    oom_arm();
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings settings = {0};
    struct vmtp_node *options = vmtp_node_new(VMTP_NODE_MAP, NULL);
    int rc = options ? vmtp_node_set(options, "time", vmtp_node_scalar("--time", "3")) : VMTP_ENOMEM;
    if (rc < 0)
        vmtp_node_free(options);
    else
        rc = vmtp_settings_load(&ctx, arg, options, &settings);
    oom_disarm();
    dprintf(out, "%g %zu %s %g\n", settings.time, settings.n_hosts, settings.tp_tool, settings.udp_loss_max);
    return told(&ctx, rc);
}

static int parse_hostspec(const void *arg, int out)
{
    oom_arm();
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(hostspec) struct vmtp_hostspec spec = {0};
    VMTP_CLEAN(node) struct vmtp_node *node = vmtp_node_scalar("--host", arg);
    int rc = node ? vmtp_hostspec_parse(&ctx, node, true, &spec) : VMTP_ENOMEM;
    oom_disarm();
    dprintf(out, "%s %s %s %s %d\n", spec.user, spec.host, spec.password, spec.interface, spec.port);
    return told(&ctx, rc);
}

struct opts {
    const char *path;
    int64_t port;
    int mode;
};
static const char *const modes[] = {"fast", "slow", NULL};
static const struct vmtp_option table[] = {
    VMTP_OPTION(struct opts, path, STRING, .help = "a path"),
    VMTP_OPTION(struct opts, port, INT, .fallback = "22", .min = 1, .max = 65535, .help = "a port"),
    VMTP_OPTION(struct opts, mode, CHOICE, .choices = modes, .fallback = "slow", .help = "how"),
    {0},
};
static const struct vmtp_plugin plugin = {
    VMTP_PLUGIN_HEAD, .name = "cloud", .version = "1", .summary = "x", .options = table,
    .option_size = sizeof table[0], .opts_size = sizeof(struct opts),
};

static int fill_options(const void *arg, int out)
{
    oom_arm();
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(node) struct vmtp_node *map = NULL;
    VMTP_CLEAN(mem) void *opts = NULL;
    VMTP_CLEAN(mem) char *name = NULL;
    int rc = vmtp_spec_name(&ctx, arg, "--tp-tool", &name);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(&ctx, arg, "--tp-tool", &plugin, &map);
    if (rc == VMTP_OK)
        rc = vmtp_options_fill(&ctx, &plugin, (const struct vmtp_node *const[]){map}, 1, &opts);
    oom_disarm();
    const struct opts *filled = opts;
    if (filled)
        dprintf(out, "%s %s %lld %d\n", name, filled->path, (long long)filled->port, filled->mode);
    return told(&ctx, rc);
}

/* ---- files ---- */

/* libcrypto 3.0 does not survive a lack of memory while it starts: that is not what is tested here. */
static void start_libcrypto(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known;
    if (vmtp_known_hosts_init(&ctx, &known, "h", 0) < 0 || vmtp_known_hosts_parse(&known, "f", known_hosts_text) < 0)
        exit(99);
}

static int read_known_hosts(const void *arg, int out)
{
    start_libcrypto();
    oom_arm();
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(4096);
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known;
    int rc = vmtp_known_hosts_init(&ctx, &known, arg, 0);
    if (rc == VMTP_OK)
        rc = vmtp_known_hosts_parse(&known, "f", known_hosts_text);
    if (rc == VMTP_OK)
        rc = vmtp_known_hosts_algorithms(&known, &list);
    oom_disarm();
    dprintf(out, "%zu %s\n", known.n, vmtp_buf_text(&list));
    return told(&ctx, rc);
}

static int keep_ledger(struct vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_node *map)
{
    const struct vmtp_login login = {.struct_size = sizeof login, .transport = "ssh", .user = "u", .host = "h"};
    const struct vmtp_thing place = {.kind = "directory", .id = "/tmp/x", .endpoint = "u@h", .login = &login};
    const struct vmtp_thing server = {.kind = "server", .id = "4711", .topology = "cloud"};
    int rc = vmtp_ledger_topology(ctx, ledger, &plugin, (const struct vmtp_node *const[]){map}, 1);
    if (rc == VMTP_OK)
        rc = vmtp_ledger_track(ctx, ledger, &place);
    if (rc == VMTP_OK)
        rc = vmtp_ledger_track(ctx, ledger, &server);
    return rc == VMTP_OK ? vmtp_ledger_untrack(ctx, ledger, &place) : rc;
}

/* Written, left behind, and read again: all of it is on disk, or the call has failed. */
static int write_ledger(const void *arg, int out)
{
    VMTP_CLEAN(mem) char *path = vmtp_state_path("runs/run.ledger");
    unlink(path);
    VMTP_CLEAN(node) struct vmtp_node *map = vmtp_node_new(VMTP_NODE_MAP, arg);
    (void)vmtp_node_set(map, "path", vmtp_node_scalar(arg, "/opt/x"));
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    oom_arm();
    struct vmtp_ledger *ledger = vmtp_ledger_new("run");
    int rc = ledger ? keep_ledger(&ctx, ledger, map) : VMTP_ENOMEM;
    vmtp_ledger_close(ledger);
    oom_disarm();
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    if (vmtp_file_read(NULL, path, 1 << 20, &text, &len) == VMTP_OK)
        dprintf(out, "%s", text);
    return told(&ctx, rc);
}

static int read_ledger(const void *arg, int out)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(ledger) struct vmtp_ledger *ledger = NULL;
    struct vmtp_thing thing;
    struct vmtp_login login;
    oom_arm();
    int rc = vmtp_ledger_open(&ctx, arg, &ledger);
    for (size_t i = 0; rc == VMTP_OK && vmtp_ledger_thing(ledger, i, &thing, &login); i++) {
        VMTP_CLEAN(mem) char *words = vmtp_thing_text(&thing);
        rc = words ? VMTP_OK : VMTP_ENOMEM;
        dprintf(out, "%s\n", words ? words : "");
    }
    oom_disarm();
    return told(&ctx, rc);
}

/* ---- events ---- */

static int write_journal(const void *arg, int out)
{
    static const struct vmtp_value values[] = {{"throughput", "bit/s", 1e9}, {"loss", "ratio", 0.1}};
    static const struct vmtp_property properties[] = {{"label", "a\xff\x01"}, {"path", "fixed"}};
    const struct vmtp_load load = {.struct_size = sizeof load, .proto = VMTP_UDP, .message_bytes = 64, .seconds = 2};
    const struct vmtp_event ev = {.struct_size = sizeof ev, .type = VMTP_EV_RESULT, .value_size = sizeof values[0],
                                  .property_size = sizeof properties[0], .seq = 1, .run_id = arg, .flow_id = "flow",
                                  .tool = "iperf", .load = &load, .values = values, .n_values = 2,
                                  .properties = properties, .n_properties = 2, .time_ns = 1};
    VMTP_CLEAN(mem) char *path = vmtp_state_path("runs/run.jsonl");
    unlink(path);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_journal *journal = NULL;
    oom_arm();
    int rc = vmtp_journal_create(&ctx, arg, &journal);
    if (rc == VMTP_OK)
        rc = vmtp_journal_append(&ctx, journal, &ev);
    vmtp_journal_close(journal);
    oom_disarm();
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    if (vmtp_file_read(NULL, path, 1 << 20, &text, &len) == VMTP_OK)
        dprintf(out, "%s", text);
    return told(&ctx, rc);
}

static int to_report(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev)
{
    return vmtp_report_add(ctx, arg, ev);
}

static int replay(const void *arg, int out)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    vmtp_report *report = NULL;
    char *text = NULL;
    oom_arm();
    int rc = vmtp_report_new(&ctx, &report);
    if (rc == VMTP_OK)
        rc = vmtp_journal_replay(&ctx, arg, to_report, report);
    if (rc == VMTP_OK)
        rc = vmtp_report_json(&ctx, report, &text);
    vmtp_report_free(report);
    oom_disarm();
    dprintf(out, "%s\n", text ? text : "");
    vmtp_free(text);
    return told(&ctx, rc);
}

/* ---- a gmond ---- */

static int read_feed(const void *arg, int out)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts = {0};
    oom_arm();
    VMTP_CLEAN(ganglia) struct vmtp_ganglia_reader *reader = vmtp_ganglia_begin();
    int rc = reader ? vmtp_ganglia_feed(&ctx, reader, arg, strlen(arg)) : VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = vmtp_ganglia_end(&ctx, reader, &hosts);
    oom_disarm();
    for (size_t i = 0; i < hosts.n; i++)
        dprintf(out, "%s %s %s %g\n", hosts.items[i].address, hosts.items[i].name, hosts.items[i].cluster,
                hosts.items[i].load);
    return told(&ctx, rc);
}

static char *path_of(const char *srcdir, const char *name)
{
    char *path = malloc(4096);
    snprintf(path, 4096, "%s/tests/%s", srcdir, name);
    return path;
}

/* A copy that may be locked: the tree may be read-only. */
static char *copy_of(const char *srcdir, const char *name)
{
    VMTP_CLEAN(mem) char *from = path_of(srcdir, name), *text = NULL;
    char *to = path_of(dir, "");
    size_t len;
    snprintf(to, 4096, "%s/copy", dir);
    FILE *file = vmtp_file_read(NULL, from, 1 << 20, &text, &len) == 0 ? fopen(to, "w") : NULL;
    if (file) {
        fwrite(text, 1, len, file);
        fclose(file);
    }
    return to;
}

int main(void)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".", *why = oom_missing();
    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    if (!mkdtemp(dir))
        return 99;
    setenv("HOME", dir, 1);
    setenv("XDG_STATE_HOME", dir, 1);
    vmtp_log_set_level(VMTP_LOG_ERROR);
    VMTP_CLEAN(mem) char *yaml = path_of(srcdir, "fuzz/seeds/settings/all.yaml");
    VMTP_CLEAN(mem) char *ledger = copy_of(srcdir, "fuzz/seeds/ledger/whole");
    VMTP_CLEAN(mem) char *journal = path_of(srcdir, "fixtures/journal/1.jsonl");
    VMTP_CLEAN(mem) char *known_hosts = path_of(srcdir, "fixtures/known_hosts");
    size_t len;
    VMTP_CLEAN(mem) char *feed = path_of(srcdir, "fixtures/ganglia/3.7.2/grid.xml"), *feed_text = NULL;
    if (vmtp_file_read(NULL, known_hosts, 1 << 20, &known_hosts_text, &len) < 0 ||
        vmtp_file_read(NULL, feed, 1 << 20, &feed_text, &len) < 0)
        return 99;

    oom_try("settings are loaded", load_settings, yaml, 0);
    oom_try("a host", parse_hostspec, "root@[2001:db8::1]:SECRET:eth0?port=2222&key=~/.k", 0);
    oom_try("options of a plugin", fill_options, "cloud:path=/x,port=77,mode=fast", 0);
    oom_try("known_hosts", read_known_hosts, "both.example", 0);
    oom_try("a ledger is written", write_ledger, "cfg", 0);
    oom_try("a ledger is read", read_ledger, ledger, 0);
    oom_try("a feed of Ganglia", read_feed, feed_text, 0);
    oom_try("a journal is written", write_journal, "run", 0);
    oom_try("a journal becomes a document", replay, journal, 0);
    free(known_hosts_text);
    oom_remove(dir);
    return oom_done();
}
