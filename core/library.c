/* SPDX-License-Identifier: Apache-2.0 */
/* vmtp_run(): the option structure becomes the same tree that a command line becomes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/run.h"
#include "core/secret.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

void vmtp_options_init_sized(struct vmtp_options *options, size_t size)
{
    const uint32_t struct_size = (uint32_t)size;
    memset(options, 0, size);
    memcpy(options, &struct_size, sizeof struct_size < size ? sizeof struct_size : size);
}

/* --- options to tree --- */

static int set_text(struct vmtp_node *tree, const char *key, const char *text)
{
    return text ? vmtp_node_set(tree, key, vmtp_node_scalar(key, text)) : VMTP_OK;
}

static int set_flag(struct vmtp_node *tree, const char *key, bool flag)
{
    return flag ? set_text(tree, key, "true") : VMTP_OK;
}

static int set_list(struct vmtp_node *tree, const char *key, const char *const *items)
{
    if (!items || !items[0])
        return VMTP_OK;
    struct vmtp_node *list = vmtp_node_new(VMTP_NODE_LIST, key);
    int rc = list ? VMTP_OK : VMTP_ENOMEM;
    for (size_t i = 0; items[i] && rc == VMTP_OK; i++)
        rc = vmtp_node_append(list, vmtp_node_scalar(key, items[i]));
    if (rc < 0) {
        vmtp_node_free(list);
        return rc;
    }
    return vmtp_node_set(tree, key, list);
}

/* "64,391,1500" as a list. */
static int set_commas(struct vmtp_node *tree, const char *key, const char *text)
{
    if (!text)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *copy = strdup(text);
    struct vmtp_node *list = vmtp_node_new(VMTP_NODE_LIST, key);
    int rc = copy && list ? VMTP_OK : VMTP_ENOMEM;
    char *rest = copy;
    for (char *item; rc == VMTP_OK && (item = strsep(&rest, ","));)
        rc = vmtp_node_append(list, vmtp_node_scalar(key, item));
    if (rc < 0) {
        vmtp_node_free(list);
        return rc;
    }
    return vmtp_node_set(tree, key, list);
}

static int set_others(vmtp_ctx *ctx, struct vmtp_node *tree, const char *const *set)
{
    for (size_t i = 0; set && set[i]; i++) {
        const char *equals = strchr(set[i], '=');
        if (!equals || equals == set[i])
            return vmtp_fail(ctx, VMTP_ECONFIG, "set: '%s' is not key=value", set[i]);
        VMTP_CLEAN(mem) char *key = strndup(set[i], (size_t)(equals - set[i]));
        int rc = key ? set_text(tree, key, equals + 1) : VMTP_ENOMEM;
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

static int options_to_tree(vmtp_ctx *ctx, const struct vmtp_options *o, struct vmtp_node *tree)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", o->time);
    const struct {
        const char *key, *text;
    } texts[] = {
        {"time", o->time ? seconds : NULL},
        {"tp_tool", o->tp_tool},
        {"protocols", o->protocols},
        {"vm_bandwidth", o->vm_bandwidth},
        {"multicast_addr", o->multicast_addr},
        {"json", o->json},
        {"test_description", o->test_description},
        {"logfile", o->logfile},
        {"plugin_path", o->plugin_path},
    };
    int rc = VMTP_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == VMTP_OK; i++)
        rc = set_text(tree, texts[i].key, texts[i].text);
    if (rc == VMTP_OK)
        rc = set_commas(tree, "tcp_pkt_sizes", o->tcp_pkt_sizes);
    if (rc == VMTP_OK)
        rc = set_commas(tree, "udp_pkt_sizes", o->udp_pkt_sizes);
    if (rc == VMTP_OK)
        rc = set_commas(tree, "icmp_pkt_sizes", o->icmp_pkt_sizes);
    if (rc == VMTP_OK)
        rc = set_list(tree, "hosts", o->hosts);
    if (rc == VMTP_OK)
        rc = set_list(tree, "topology", o->topologies);
    if (rc == VMTP_OK)
        rc = set_list(tree, "sink", o->sinks);
    if (rc == VMTP_OK)
        rc = set_flag(tree, "inter_node_only", o->inter_node_only);
    if (rc == VMTP_OK)
        rc = set_flag(tree, "stop_on_error", o->stop_on_error);
    if (rc == VMTP_OK)
        rc = set_flag(tree, "debug", o->debug);
    return rc < 0 ? rc : set_others(ctx, tree, o->set);
}

/* --- the run --- */

/* The first error of a run that began is in its report; here the words of one that did not. */
static int refuse(struct vmtp_ctx *ctx, int rc, char **error)
{
    if (error)
        *error = strdup(vmtp_ctx_error(ctx, rc));
    return rc == VMTP_ECONFIG ? VMTP_EXIT_USAGE : VMTP_EXIT_FAILED;
}

static int run_settings(const struct vmtp_options *options, const struct vmtp_settings *settings, char **json,
                        char **error)
{
    struct vmtp_run run = {
        .args = "libvmtp",
        .progress = options->progress,
        .progress_arg = options->progress_arg,
    };
    int rc = vmtp_run_prepare(&run, settings);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(&run.ctx, &run.report);
    int code = rc < 0 ? refuse(&run.ctx, rc, error) : vmtp_run_execute(&run);
    if (rc == VMTP_OK && json && vmtp_report_json(&run.ctx, run.report, json) < 0)
        *json = NULL;
    if (rc == VMTP_OK && code != VMTP_EXIT_PASSED && error)
        *error = strdup(run.ctx.causes.len ? vmtp_ctx_error(&run.ctx, VMTP_EFAIL)
                                             : "a measurement failed: see the result");
    vmtp_run_clear(&run);
    return code;
}

int vmtp_run(const struct vmtp_options *theirs, char **json, char **error)
{
    struct vmtp_options options = VMTP_OPTIONS_INIT;
    memcpy(&options, theirs, theirs->struct_size < sizeof options ? theirs->struct_size : sizeof options);
    if (json)
        *json = NULL;
    if (error)
        *error = NULL;
    atomic_store(&vmtp_run_interrupted, false);
    atomic_store(&vmtp_run_abandoned, false);
    vmtp_log_set_level(options.debug ? VMTP_LOG_DEBUG : options.verbose ? VMTP_LOG_INFO : VMTP_LOG_ERROR);

    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_node *tree = vmtp_node_new(VMTP_NODE_MAP, "options");
    int rc = tree ? options_to_tree(&ctx, &options, tree) : VMTP_ENOMEM;
    if (rc < 0) {
        vmtp_node_free(tree);
        return refuse(&ctx, rc, error);
    }
    VMTP_CLEAN(settings) struct vmtp_settings settings = {0};
    rc = vmtp_settings_load(&ctx, options.config, tree, &settings);
    if (rc == VMTP_OK && settings.logfile && settings.logfile[0])
        rc = vmtp_log_open_file(&ctx, settings.logfile);
    if (rc == VMTP_OK && settings.ask_password)
        rc = vmtp_fail(&ctx, VMTP_ECONFIG, "ask_password: a library does not ask; give the passwords in 'hosts'");
    if (rc == VMTP_OK)
        rc = vmtp_secrets_find(&ctx, &settings, false);
    return rc < 0 ? refuse(&ctx, rc, error) : run_settings(&options, &settings, json, error);
}
