/* SPDX-License-Identifier: Apache-2.0 */
#include "core/commands.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/call.h"
#include "core/cleanup.h"
#include "core/cli.h"
#include "core/compare-command.h"
#include "core/config-check.h"
#include "core/ctx.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/plugin-new.h"
#include "core/probe.h"
#include "core/progress.h"
#include "core/run.h"
#include "core/secret.h"
#include "core/settings.h"
#include "core/sinks.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "vmtp/version.h"

/* The program ends with a message on standard error. */
static int say(struct vmtp_ctx *ctx, int rc)
{
    fprintf(stderr, "vmtp: %s\n", vmtp_ctx_error(ctx, rc));
    return rc == VMTP_ECONFIG     ? VMTP_EXIT_USAGE
           : rc == VMTP_EPLACE    ? VMTP_EXIT_PLACEMENT
           : rc == VMTP_ECANCELED ? VMTP_EXIT_INTERRUPTED
                                  : VMTP_EXIT_FAILED;
}

/* Standard output may be a full disk or a closed pipe: what was printed counts only when it arrived. */
static int printed(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "vmtp: standard output: %s\n", vmtp_errno());
    return code ? code : VMTP_EXIT_FAILED;
}

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { ENDING_SIGNALS = sizeof ending_signals / sizeof ending_signals[0] };

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* A terminal that closes, and some that end programs, send two of them at once: that is one wish. The first ends the
 * run in order, the second ends the cleaning up, the third ends the program. */
static void on_signal(int number)
{
    static const int64_t AT_ONCE_NS = 300000000;
    static _Atomic int64_t last; /* of those that count */
    (void)number;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    int64_t before = atomic_load(&last);
    if ((before && now_ns - before < AT_ONCE_NS) || !atomic_compare_exchange_strong(&last, &before, now_ns))
        return; /* too soon behind one that counts; also when another thread has just taken that one */
    vmtp_interrupt();
    for (size_t i = 0; before && i < ENDING_SIGNALS; i++)
        if (!is_ignored(ending_signals[i]))
            signal(ending_signals[i], SIG_DFL);
}

/* SIGHUP that is ignored at the start stays so: that is what nohup(1) is for. SIGINT is caught all the same: a shell
 * without job control ignores it in all that it starts with "&", and scripts end such a run with kill -INT. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        sigaddset(&action.sa_mask, ending_signals[i]);
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        if (ending_signals[i] != SIGHUP || !is_ignored(SIGHUP))
            sigaction(ending_signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int set_log(vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    vmtp_log_set_level(settings->debug ? VMTP_LOG_DEBUG : settings->quiet ? VMTP_LOG_WARNING : VMTP_LOG_INFO);
    if (!settings->logfile || !settings->logfile[0])
        return VMTP_OK;
    VMTP_CLEAN(mem) char *path = vmtp_expand_home(settings->logfile);
    return path ? vmtp_log_open_file(ctx, path) : VMTP_ENOMEM;
}

/* --- run and plan --- */

static int command_run(struct vmtp_ctx *ctx, struct vmtp_cli *cli, struct vmtp_settings *settings)
{
    int rc = set_log(ctx, settings);
    if (rc == VMTP_OK)
        rc = vmtp_secrets_find(ctx, settings, cli->command == VMTP_CMD_RUN);
    if (rc < 0)
        return say(ctx, rc);
    struct vmtp_run run = {.args = cli->args, .with_table = true, .progress = vmtp_progress_show};
    rc = vmtp_run_prepare(&run, settings);
    int code;
    if (rc < 0) {
        code = say(&run.ctx, rc);
        if (rc == VMTP_ECONFIG)
            fputs("Try 'vmtp --help'.\n", stderr);
    } else if (cli->command == VMTP_CMD_PLAN && run.plan_status < 0) {
        code = say(&run.ctx, run.plan_status);
    } else if (cli->command == VMTP_CMD_PLAN) {
        vmtp_run_print_plan(&run, stdout);
        code = printed(VMTP_EXIT_PASSED);
    } else {
        vmtp_progress_start();
        code = vmtp_run_execute(&run);
        vmtp_progress_stop();
    }
    vmtp_run_clear(&run);
    return code;
}

/* --- replay --- */

struct replay {
    struct vmtp_sinks *sinks;
};

static int replay_event(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev)
{
    struct replay *replay = arg;
    vmtp_sinks_event(ctx, replay->sinks, ev, ev->type == VMTP_EV_RUN_END);
    return vmtp_cancelled(ctx) ? VMTP_ECANCELED : VMTP_OK;
}

static int command_replay(struct vmtp_ctx *ctx, struct vmtp_cli *cli, const struct vmtp_settings *settings)
{
    struct vmtp_sinks sinks = {0};
    VMTP_CLEAN(mem) char *path = NULL;
    int rc = set_log(ctx, settings);
    if (rc == VMTP_OK && vmtp_registry_set_path(settings->plugin_path) < 0)
        rc = VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = vmtp_journal_find(ctx, cli->operands[0], &path);
    if (rc == VMTP_OK)
        rc = vmtp_sinks_choose(ctx, settings, !vmtp_sinks_named(settings), &sinks);
    bool chosen = rc == VMTP_OK;
    if (chosen)
        rc = vmtp_sinks_open(ctx, &sinks);
    bool refused = chosen && rc < 0 && rc != VMTP_ECONFIG;
    struct replay replay = {&sinks};
    if (rc == VMTP_OK)
        rc = vmtp_journal_replay(ctx, path, replay_event, &replay);
    size_t failed = vmtp_sinks_close(&sinks);
    if (rc == VMTP_ECANCELED)
        return VMTP_EXIT_INTERRUPTED;
    int code = rc < 0 ? say(ctx, rc) : failed ? VMTP_EXIT_SINK : VMTP_EXIT_PASSED;
    return refused ? VMTP_EXIT_SINK : code;
}

/* --- cleanup --- */

static int command_cleanup(struct vmtp_ctx *ctx, struct vmtp_cli *cli, struct vmtp_settings *settings)
{
    bool all = cli->switches & VMTP_CLI_ALL, named = cli->n_operands > 0;
    if (all == named)
        return say(ctx, vmtp_fail(ctx, VMTP_ECONFIG, "vmtp cleanup takes a run, \"last\" or --all%s",
                                  all ? ", not both" : "; with --dry-run it only lists"));
    int rc = set_log(ctx, settings);
    if (rc == VMTP_OK && vmtp_registry_set_path(settings->plugin_path) < 0)
        rc = VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = vmtp_secrets_find(ctx, settings, false);
    if (rc < 0)
        return say(ctx, rc);
    vmtp_ssh_use(settings);
    const struct vmtp_cleanup cleanup = {
        .settings = settings,
        .run = named ? cli->operands[0] : NULL,
        .dry_run = cli->switches & VMTP_CLI_DRY_RUN,
        .out = stdout,
    };
    size_t left = 0;
    rc = vmtp_cleanup(ctx, &cleanup, &left);
    if (vmtp_cancelled(ctx))
        return printed(VMTP_EXIT_INTERRUPTED);
    if (rc < 0)
        return printed(say(ctx, rc));
    return printed(left ? VMTP_EXIT_LEFT : VMTP_EXIT_PASSED);
}

/* --- the rest --- */

static int with_settings(struct vmtp_ctx *ctx, struct vmtp_cli *cli)
{
    VMTP_CLEAN(settings) struct vmtp_settings settings = {0};
    int rc = vmtp_settings_load(ctx, cli->config_file, VMTP_TAKE(cli->tree), &settings);
    if (rc < 0)
        return say(ctx, rc);
    switch (cli->command) {
    case VMTP_CMD_REPLAY:
        return command_replay(ctx, cli, &settings);
    case VMTP_CMD_CLEANUP:
        return command_cleanup(ctx, cli, &settings);
    case VMTP_CMD_CONFIG_SHOW:
        vmtp_settings_print(&settings, stdout);
        return printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_CONFIG_CHECK:
        rc = vmtp_secrets_find(ctx, &settings, false);
        if (rc == VMTP_OK)
            rc = vmtp_config_check(ctx, &settings);
        if (rc < 0)
            return say(ctx, rc);
        printf("%s: no error found\n", cli->config_file ? cli->config_file : "configuration");
        return printed(VMTP_EXIT_PASSED);
    default:
        return command_run(ctx, cli, &settings);
    }
}

/* --- compare --- */

/* A gate that fails is more than an output that could not be written. */
static int command_compare(struct vmtp_ctx *ctx, const struct vmtp_cli *cli)
{
    enum vmtp_outcome outcome;
    int rc = vmtp_compare_command(ctx, cli, &outcome);
    int code = rc < 0 ? say(ctx, rc) : VMTP_EXIT_PASSED;
    if (rc == VMTP_ECONFIG || rc == VMTP_ENOMEM)
        return code;
    return outcome == VMTP_GATE_FAILS ? VMTP_EXIT_FAILED : rc < 0 ? VMTP_EXIT_SINK : VMTP_EXIT_PASSED;
}

/* --plugin-path counts before the configuration is read: it may be broken, and the help still works. */
static void use_plugin_path(const struct vmtp_cli *cli)
{
    const struct vmtp_node *path = vmtp_node_get(cli->tree, "plugin_path");
    (void)vmtp_registry_set_path(path && path->kind == VMTP_NODE_SCALAR ? path->text : NULL);
}

static int command(struct vmtp_ctx *ctx, struct vmtp_cli *cli)
{
    int rc;
    switch (cli->command) {
    case VMTP_CMD_HELP:
        vmtp_cli_help(stdout, cli);
        return printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_VERSION:
        puts("vmtp " VMTP_VERSION);
        return printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_SHOW_CONFIG:
        fputs(vmtp_default_yaml, stdout);
        return printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_COMPARE:
        return command_compare(ctx, cli);
    case VMTP_CMD_PLUGIN_LIST:
        rc = vmtp_probe_list(ctx, stdout);
        return rc < 0 ? say(ctx, rc) : printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_PLUGIN_SHOW:
        rc = vmtp_probe_show(ctx, stdout, cli->operands[0]);
        return rc < 0 ? say(ctx, rc) : printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_PLUGIN_CHECK:
        rc = vmtp_probe_check(ctx, stdout, cli->operands[0]);
        return rc < 0 ? printed(say(ctx, rc)) : printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_PLUGIN_NEW:
        rc = vmtp_plugin_new(ctx, stdout, cli->operands[0], cli->operands[1],
                             cli->n_operands > 2 ? cli->operands[2] : NULL);
        return rc < 0 ? say(ctx, rc) : printed(VMTP_EXIT_PASSED);
    default:
        return with_settings(ctx, cli);
    }
}

int vmtp_main(int argc, char **argv)
{
    vmtp_secrets_guard();
    catch_signals();
    vmtp_call_watch();
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, &vmtp_run_interrupted);
    VMTP_CLEAN(cli) struct vmtp_cli cli = {0};
    int rc = vmtp_cli_parse(&ctx, argc, argv, &cli);
    if (rc < 0) {
        int code = say(&ctx, rc);
        fputs("Try 'vmtp --help'.\n", stderr);
        return code;
    }
    use_plugin_path(&cli);
    return command(&ctx, &cli);
}
