/* SPDX-License-Identifier: Apache-2.0 */
/* `vmtp cleanup`: removes what the ledgers of runs that are over still list. */
#ifndef CORE_CLEANUP_H
#define CORE_CLEANUP_H

#include <stdio.h>

#include "core/ledger.h"
#include "core/settings.h"

struct vmtp_cleanup {
    const struct vmtp_settings *settings; /* passwords of hosts, secrets of topologies: no ledger has them */
    const char *run;                      /* a run_uuid, its first characters, "last" or a path; NULL: all */
    bool dry_run;
    FILE *out;                            /* what was removed, a line each */
};

/* *left: things that remain, the reason of each is logged. An error of this function is about the ledgers themselves. A
 * run that is still alive is left alone: VMTP_EFAIL when it was named. */
int vmtp_cleanup(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, size_t *left);

/* Removes a directory or a route that a ledger, that of ctx, has for an endpoint, and strikes it out. */
int vmtp_remove_on_host(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct vmtp_thing *thing);

#endif
