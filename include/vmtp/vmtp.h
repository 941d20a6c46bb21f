/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmtp/vmtp.h - VMTP as a library: fill an option structure, call vmtp_run(), get the result document.
 *
 *     struct vmtp_options options = VMTP_OPTIONS_INIT;
 *     options.topologies = (const char *const[]){ "namespace", NULL };
 *     char *json = NULL, *error = NULL;
 *     int code = vmtp_run(&options, &json, &error);
 *
 * One run at a time in a process. A run starts programs and threads of its own, and ends them before it returns.
 */
#ifndef VMTP_VMTP_H
#define VMTP_VMTP_H

#include <stdint.h>

#include "vmtp/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What vmtp_run() returns, and the exit code of the program. */
enum vmtp_exit {
    VMTP_EXIT_PASSED = 0,
    VMTP_EXIT_FAILED = 1,      /* a scenario failed or the run could not be set up        */
    VMTP_EXIT_USAGE = 2,       /* options or configuration                                */
    VMTP_EXIT_SINK = 3,        /* a sink failed                                           */
    VMTP_EXIT_LEFT = 4,        /* resources that VMTP made are left behind                */
    VMTP_EXIT_PLACEMENT = 5,   /* no host for placement                                   */
    VMTP_EXIT_INTERRUPTED = 130,
};

/* What happens now. Valid for the call only. */
struct vmtp_progress {
    uint32_t struct_size;
    uint32_t flow, flows;      /* from 1; 0 before the first flow                          */
    const char *what;          /* "Native inter-host: TCP, 65536 bytes, 2 of 3"            */
    const char *last;          /* the last number that was measured, or NULL               */
    double elapsed_s;          /* of the run                                               */
    double remaining_s;        /* an estimate                                              */
};

/* Text members are written as on the command line, lists end with NULL; NULL and 0 mean: not given, the configuration's
 * value counts. Everything is borrowed until vmtp_run() returns. */
struct vmtp_options {
    uint32_t struct_size;
    int32_t time;              /* s                                                        */
    const char *config;        /* YAML file with the highest precedence                    */
    const char *tp_tool;       /* "nuttcp", "iperf:path=/opt/iperf/bin/iperf"              */
    const char *protocols;     /* letters of TUIM                                          */
    const char *vm_bandwidth;  /* "500M"                                                   */
    const char *tcp_pkt_sizes, *udp_pkt_sizes, *icmp_pkt_sizes; /* "64,391,1500"           */
    const char *multicast_addr;
    const char *json;          /* file                                                     */
    const char *test_description;
    const char *logfile;
    const char *plugin_path;
    const char *const *hosts;      /* "user@address" ...                                   */
    const char *const *topologies; /* "namespace:rate=500M" ...                            */
    const char *const *sinks;      /* "json:file=out.json" ...                             */
    const char *const *set;        /* "key=value" for any other key of vmtp.yaml(5)        */
    uint8_t inter_node_only, stop_on_error, debug;
    uint8_t verbose;           /* log records on standard error; off unless debug          */

    /* Told at each step; any thread. A value other than 0 interrupts the run. */
    int (*progress)(void *arg, const struct vmtp_progress *progress);
    void *progress_arg;
};
#define VMTP_OPTIONS_INIT { .struct_size = sizeof(struct vmtp_options) }

/* Sets all members to "not given". Call it as vmtp_options_init(), which says how large the struct is here. */
VMTP_PUBLIC void vmtp_options_init_sized(struct vmtp_options *options, size_t size);
static inline void vmtp_options_init(struct vmtp_options *options)
{
    vmtp_options_init_sized(options, sizeof *options);
}

/* Runs, and returns an enum vmtp_exit. *json is the result document, also of a run that failed after it had begun, or
 * NULL; *error is what went wrong, or NULL. Free both with vmtp_free(); either pointer may be NULL. */
VMTP_PUBLIC int vmtp_run(const struct vmtp_options *options, char **json, char **error);

/* Interrupts the run from a signal handler or another thread: it ends soon with VMTP_EXIT_INTERRUPTED, and removes what
 * it has made. The second call ends the removing, too: what is left then is told, and `vmtp cleanup` removes it. */
VMTP_PUBLIC void vmtp_interrupt(void);

#ifdef __cplusplus
}
#endif
#endif
