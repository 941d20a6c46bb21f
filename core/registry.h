/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins that are loaded: checked and copied, so that an older or newer struct is as good as ours. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include <stddef.h>

#include "vmtp/plugin.h"

enum vmtp_kind { VMTP_KIND_TOOL, VMTP_KIND_SINK, VMTP_KIND_TOPOLOGY, VMTP_KINDS };

struct vmtp_loaded {
    struct vmtp_plugin plugin;     /* our copy; tool, sink or topology points into this struct */
    struct vmtp_tool_ops tool;
    struct vmtp_sink_ops sink;
    struct vmtp_topology_ops topology;
    struct vmtp_option *options;   /* our copy of the table */
    enum vmtp_kind kind;
    char *file;                    /* "(built in)" for those inside libvmtp */
};
void vmtp_loaded_free(struct vmtp_loaded *loaded);

const char *vmtp_kind_name(enum vmtp_kind kind);
bool vmtp_kind_by_name(const char *name, enum vmtp_kind *kind);

/* What a plugin may be called: lower case letters, digits and '-', beginning with a letter, at most 40 of them. */
bool vmtp_plugin_name_valid(const char *name);

/* Finds a plugin of a kind by name, loading its file on the first call. VMTP_ECONFIG, naming the nearest one, when
 * there is none; VMTP_EFAIL with the linker's true words when it does not load. The plugin stays until the process
 * ends. */
int vmtp_registry_get(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, const struct vmtp_loaded **loaded);

/* Where plugins are looked for: extra (colon-separated, may be NULL), VMTP_PLUGIN_PATH, the build tree when the program
 * is run from one, the installed directory. */
int vmtp_registry_set_path(const char *extra);

/* Checks a descriptor and copies it. The rule that is broken goes into ctx. Exposed for tests. */
int vmtp_registry_adopt(vmtp_ctx *ctx, const struct vmtp_plugin *theirs, const char *file,
                        struct vmtp_loaded **loaded);

/* Loads one candidate, whether or not another of its name is loaded; it is not entered into the registry. */
int vmtp_registry_load(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, const char *path,
                       struct vmtp_loaded **loaded);

/* Installed plugin files without loading them: "tool-iperf" and its path. Sorted; first match of the path wins. */
struct vmtp_candidate {
    enum vmtp_kind kind;
    char *name, *path; /* path: NULL for a built-in */
};
int vmtp_registry_candidates(struct vmtp_candidate **candidates, size_t *n);
void vmtp_candidates_free(struct vmtp_candidate *candidates, size_t n);

/* The candidate that a file is, by its name alone: DIR/KIND-NAME.so. VMTP_ECONFIG when it is not called like that. The
 * caller frees name and path. */
int vmtp_registry_candidate_of(vmtp_ctx *ctx, const char *file, struct vmtp_candidate *candidate);

#endif
