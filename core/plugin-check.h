/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of plugin.h that can be checked on any plugin without a host to measure. `vmtp plugin check` does it in a
 * child process, the contract test on every plugin that was built. */
#ifndef CORE_PLUGIN_CHECK_H
#define CORE_PLUGIN_CHECK_H

#include <stdbool.h>

#include "core/registry.h"

/* Told of each rule as it is checked. why: what is wrong, or NULL when the rule says it. */
typedef void (*vmtp_rule)(void *arg, bool kept, const char *rule, const char *why);

/* Loads the plugin and calls what needs no endpoint: open, close, a sink's event and flush, a topology's release. A
 * required option gets its least value, a text the name of a file in the directory scratch. */
void vmtp_plugin_check(const struct vmtp_candidate *candidate, const char *scratch, vmtp_rule tell, void *arg);

/* An empty directory, and its removal with the files in it. The caller frees the name; NULL: errno says why. */
char *vmtp_scratch_make(void);
void vmtp_scratch_remove(const char *directory);

#endif
