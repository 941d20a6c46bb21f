/* SPDX-License-Identifier: Apache-2.0 */
/* The only part that knows libltdl. Not thread-safe: everything is loaded before the first worker starts. */
#ifndef CORE_LOADER_H
#define CORE_LOADER_H

#include <stddef.h>

#include "vmtp/plugin.h"

/* Opens a plugin file, or with path NULL the built-in module of that base name ("tool-iperf"), for good, and finds its
 * descriptor. The words of an error are the dynamic linker's own. */
int vmtp_loader_open(vmtp_ctx *ctx, const char *module, const char *path, const struct vmtp_plugin **plugin);

/* The base name of the i-th built-in module, NULL past the end. */
const char *vmtp_loader_builtin(size_t i);

#endif
