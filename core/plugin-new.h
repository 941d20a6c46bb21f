/* SPDX-License-Identifier: Apache-2.0 */
/* `vmtp plugin new`: the beginning of a plugin outside the tree. */
#ifndef CORE_PLUGIN_NEW_H
#define CORE_PLUGIN_NEW_H

#include <stdio.h>

#include "vmtp/plugin.h"

/* Writes KIND-NAME.c, Makefile and README.md into directory (NULL: KIND-NAME), which is made if it is not there, and
 * says on out what comes next. VMTP_ECONFIG for a wrong kind or name, VMTP_EFAIL when one of the files is there: then
 * none is written. */
int vmtp_plugin_new(vmtp_ctx *ctx, FILE *out, const char *kind, const char *name, const char *directory);

/* core/skeleton/, compiled in. */
extern const char vmtp_skeleton_tool[], vmtp_skeleton_sink[], vmtp_skeleton_topology[], vmtp_skeleton_makefile[],
    vmtp_skeleton_readme[];

#endif
