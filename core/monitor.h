/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a gmond for the CPU load of the nodes (--monitor): once before anything is measured, and every 10 s meanwhile,
 * in a thread of its own that the measurement never waits for. */
#ifndef CORE_MONITOR_H
#define CORE_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hostspec.h"
#include "vmtp/plugin.h"

enum {
    VMTP_MONITOR_SECONDS = 30, /* a measurement takes that long at least: three readings */
    VMTP_READINGS_MAX = 20,    /* in one measurement */
    VMTP_GMOND_PORT = 8649,
};

struct vmtp_monitor {
    char host[VMTP_HOST_SIZE]; /* "": nothing is monitored */
    uint16_t port;
};

/* One node over a measurement: busy processors, and when, in seconds since its begin. */
struct vmtp_node_load {
    char *address, *name, *cluster;
    size_t n;
    double at[VMTP_READINGS_MAX], load[VMTP_READINGS_MAX];
};

struct vmtp_loads {
    struct vmtp_node_load *nodes; /* sorted by address */
    size_t n, room;
    unsigned readings, failed; /* failed ones are among them */
    char *error;               /* of the first that failed */
};
void vmtp_loads_clear(struct vmtp_loads *loads);

/* HOST[:PORT], as the settings have checked it; NULL: nothing is monitored. */
void vmtp_monitor_set(struct vmtp_monitor *monitor, const char *server);

/* Asks once, and logs what there is to watch. An error, with words, when there would be nothing to record. */
int vmtp_monitor_check(vmtp_ctx *ctx, const struct vmtp_monitor *monitor);

/* The readings of one measurement, into *loads. start: it begins now and takes so many seconds; a second start forgets
 * the readings of the first. stop: it has ended; waits for no answer. */
struct vmtp_sampler {
    const struct vmtp_monitor *monitor;
    struct vmtp_loads *loads;
    double seconds, begin;
    bool running;
    atomic_bool stopped;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};
void vmtp_sampler_start(struct vmtp_sampler *sampler, double seconds);
void vmtp_sampler_stop(struct vmtp_sampler *sampler);

static inline void vmtp_clean_loads(struct vmtp_loads *loads)
{
    vmtp_loads_clear(loads);
}
#endif
