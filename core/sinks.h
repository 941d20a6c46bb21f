/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks of a run: each event goes to each in turn; one that fails is switched off and named at the end. */
#ifndef CORE_SINKS_H
#define CORE_SINKS_H

#include "core/registry.h"
#include "core/settings.h"

struct vmtp_sink_instance {
    const struct vmtp_loaded *loaded;
    struct vmtp_node *keys;    /* of configuration keys that are older than the sink's own options, or NULL */
    struct vmtp_node *options; /* of the command line; opts points into both */
    char *again;               /* "--sink mongo": asks for it once more, without secrets */
    void *opts, *state;
    bool open, failed;
};
struct vmtp_sinks {
    struct vmtp_sink_instance *items;
    size_t n;
};

/* Whether the settings name a sink: --sink, or one of its short forms. */
bool vmtp_sinks_named(const struct vmtp_settings *settings);

/* Loads the sinks of the settings and fills their options: --sink and its short forms, and, when asked for, the table
 * unless it is named already. Nothing is opened yet. */
int vmtp_sinks_choose(vmtp_ctx *ctx, const struct vmtp_settings *settings, bool with_table, struct vmtp_sinks *sinks);

/* sinks-files.c: VMTP_ECONFIG, naming both, when two of them, or one and the log, would write the same file. */
int vmtp_sinks_apart(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_sinks *sinks);

/* Opens all of them: each proves that it can write. */
int vmtp_sinks_open(vmtp_ctx *ctx, struct vmtp_sinks *sinks);

/* Tells each sink, and with flush has it make safe what was told so far. Those that print come last: files and servers
 * do not wait for a person. */
void vmtp_sinks_event(vmtp_ctx *ctx, struct vmtp_sinks *sinks, const struct vmtp_event *ev, bool flush);

/* Names, for each sink that has failed, the `vmtp replay` of a run that hands the results to it later. */
void vmtp_sinks_tell_replay(const struct vmtp_sinks *sinks, const char *run_uuid);

/* Closes and frees all; the number of sinks that failed. */
size_t vmtp_sinks_close(struct vmtp_sinks *sinks);

#endif
