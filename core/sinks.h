/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks of a run: each event goes to each in turn; one that fails is switched off and named at the end. */
#ifndef CORE_SINKS_H
#define CORE_SINKS_H

#include "core/registry.h"
#include "core/settings.h"

struct vmtp_sink_instance {
    const struct vmtp_loaded *loaded;
    struct vmtp_node *spec_options;
    void *opts, *state;
    bool open;
    char *error; /* why it was switched off */
};
struct vmtp_sinks {
    struct vmtp_sink_instance *items;
    size_t n;
};

/* Opens the sinks of the settings: --sink and its short forms, and the table unless `no_table`. */
int vmtp_sinks_open(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sinks *sinks);
void vmtp_sinks_event(vmtp_ctx *ctx, struct vmtp_sinks *sinks, const struct vmtp_event *ev);
void vmtp_sinks_flush(vmtp_ctx *ctx, struct vmtp_sinks *sinks);
/* Closes all; the number of sinks that failed. */
size_t vmtp_sinks_close(struct vmtp_sinks *sinks);

#endif
