/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at plugins without trusting them: each file is loaded in a child process, so that one that crashes or hangs
 * is a line in the list. */
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include <stdio.h>

#include "vmtp/plugin.h"

/* `vmtp plugin list`: kind, name, version, state, file, and the reason when one does not load. VMTP_OK also
 * then. An interrupt ends this and the others with VMTP_ECANCELED. */
int vmtp_probe_list(vmtp_ctx *ctx, FILE *out);

/* `vmtp plugin show NAME`: NAME is "iperf", "tool-iperf" or a file. "metrics" shows the table of metrics. VMTP_ECONFIG
 * when there is none of that name, VMTP_EFAIL when it does not load. */
int vmtp_probe_show(vmtp_ctx *ctx, FILE *out, const char *name);

/* `vmtp plugin check FILE`: a line per rule of plugin-check.h, checked in a child process. FILE is a file, or the name
 * of an installed plugin. VMTP_EFAIL when a rule is broken, VMTP_ECONFIG when there is no such file or name. */
int vmtp_probe_check(vmtp_ctx *ctx, FILE *out, const char *name);

#endif
