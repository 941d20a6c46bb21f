/* SPDX-License-Identifier: Apache-2.0 */
#include "core/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/cli.h"
#include "core/ctx.h"
#include "core/journal.h"
#include "core/log.h"
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
    return rc == VMTP_ECONFIG ? VMTP_EXIT_USAGE : rc == VMTP_EPLACE ? VMTP_EXIT_PLACEMENT : VMTP_EXIT_FAILED;
}

/* Standard output may be a full disk or a closed pipe: what was printed counts only when it arrived. */
static int printed(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "vmtp: standard output: %s\n", vmtp_errno());
    return code ? code : VMTP_EXIT_FAILED;
}

static void on_signal(int number)
{
    (void)number;
    vmtp_interrupt();
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}; /* the second one ends us */
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
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
    vmtp_sinks_event(ctx, replay->sinks, ev);
    if (ev->type == VMTP_EV_RUN_END)
        vmtp_sinks_flush(ctx, replay->sinks);
    return vmtp_cancelled(ctx) ? VMTP_ECANCELED : VMTP_OK;
}

static int command_replay(struct vmtp_ctx *ctx, struct vmtp_cli *cli, const struct vmtp_settings *settings)
{
    struct vmtp_sinks sinks = {0};
    VMTP_CLEAN(mem) char *path = NULL;
    bool named = settings->sink.n > 0 || (settings->json && settings->json[0]);
    int rc = set_log(ctx, settings);
    if (rc == VMTP_OK && vmtp_registry_set_path(settings->plugin_path) < 0)
        rc = VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = vmtp_journal_find(ctx, cli->operands[0], &path);
    if (rc == VMTP_OK)
        rc = vmtp_sinks_choose(ctx, settings, !named, &sinks);
    if (rc == VMTP_OK)
        rc = vmtp_sinks_open(ctx, &sinks);
    struct replay replay = {&sinks};
    if (rc == VMTP_OK)
        rc = vmtp_journal_replay(ctx, path, replay_event, &replay);
    size_t failed = vmtp_sinks_close(&sinks);
    if (rc == VMTP_ECANCELED)
        return VMTP_EXIT_INTERRUPTED;
    if (rc < 0)
        return say(ctx, rc);
    return failed ? VMTP_EXIT_SINK : VMTP_EXIT_PASSED;
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
    case VMTP_CMD_CONFIG_SHOW:
        vmtp_settings_print(&settings, stdout);
        return printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_CONFIG_CHECK:
        rc = vmtp_secrets_find(ctx, &settings, false);
        if (rc < 0)
            return say(ctx, rc);
        printf("%s: no error found\n", cli->config_file ? cli->config_file : "configuration");
        return printed(VMTP_EXIT_PASSED);
    default:
        return command_run(ctx, cli, &settings);
    }
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
    case VMTP_CMD_PLUGIN_LIST:
        rc = vmtp_probe_list(ctx, stdout);
        return rc < 0 ? say(ctx, rc) : printed(VMTP_EXIT_PASSED);
    case VMTP_CMD_PLUGIN_SHOW:
        rc = vmtp_probe_show(ctx, stdout, cli->operands[0]);
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
