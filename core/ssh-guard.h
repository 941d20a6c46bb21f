/* SPDX-License-Identifier: Apache-2.0 */
/* A program that must not outlive us, however we end: its parent is a guard process, which holds the end of a pipe of
 * ours. (PR_SET_PDEATHSIG alone would end it with the thread that has started it.) */
#ifndef CORE_SSH_GUARD_H
#define CORE_SSH_GUARD_H

#include <sys/types.h>

#include "vmtp/plugin.h"

struct vmtp_guard {
    pid_t pid;    /* of the guard; 0: none */
    int lifeline; /* its end is the program's: SIGTERM, then SIGKILL */
    int report;   /* struct vmtp_guard_report, twice */
    int err;      /* the program's standard error */
};

struct vmtp_guard_report {
    enum { VMTP_GUARD_STARTED, VMTP_GUARD_ENDED } kind;
    int value; /* process id; exit status, or 128 + signal */
};

#define VMTP_GUARD_NONE ((struct vmtp_guard){.lifeline = -1, .report = -1, .err = -1})

/* Runs path with argv and envp. When it has ended, `files` (NULL-ended) and then the directory `dir` are removed. */
int vmtp_guard_start(vmtp_ctx *ctx, struct vmtp_guard *guard, const char *path, char *const argv[], char *const envp[],
                     const char *const files[], const char *dir);

/* Ends the program and waits for it, about a second at most. */
void vmtp_guard_stop(struct vmtp_guard *guard);

#endif
