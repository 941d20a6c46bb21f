/* SPDX-License-Identifier: Apache-2.0 */
/* OS_* variables, wherever they are written. */
#ifndef CORE_OPENSTACK_VARIABLES_H
#define CORE_OPENSTACK_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/endpoint.h"
#include "vmtp/plugin.h"

/* An empty text is the same as none. unknown: variables whose value only a shell or a person could tell, and why:
 * "line 12: it is asked for". A name is in one of the two. Everything is wiped when cleared. */
struct vmtp_os_variables {
    struct vmtp_pairs known, unknown;
};

/* Reads the assignments of an rc file for a POSIX shell, and executes nothing: quotes, backslashes, comments, with and
 * without export, expansions of variables that the file or, with env, the environment holds. Of branches that a shell
 * would decide about an assignment counts when there is none elsewhere. VMTP_ECONFIG: "file:line: words". */
int vmtp_os_rcfile(vmtp_ctx *ctx, const char *path, bool env, struct vmtp_os_variables *variables);
int vmtp_os_rcfile_parse(vmtp_ctx *ctx, const char *text, size_t len, const char *source, bool env,
                         struct vmtp_os_variables *variables);

/* The entry `cloud` of clouds.yaml with what secure.yaml adds, as OS_* variables: region_name is OS_REGION_NAME. Looked
 * for in OS_CLIENT_CONFIG_FILE (with env), here, the user's and the system's directory; .yaml, .yml or .json. *file is
 * the one that has the entry; the caller frees it. */
int vmtp_os_clouds(vmtp_ctx *ctx, const char *cloud, bool env, struct vmtp_os_variables *variables, char **file);

/* NULL when there is none. */
const char *vmtp_os_variable(const struct vmtp_os_variables *variables, const char *name);
void vmtp_os_variables_clear(struct vmtp_os_variables *variables);

static inline void vmtp_clean_os_variables(struct vmtp_os_variables *variables)
{
    vmtp_os_variables_clear(variables);
}
#endif
