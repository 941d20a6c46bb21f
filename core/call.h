/* SPDX-License-Identifier: Apache-2.0 */
/* Every call into a plugin goes through here, so that it is known at any moment whose code runs. A plugin that crashes
 * or hangs then ends the program with its name; what was measured is in the journal by then. */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "core/registry.h"

struct vmtp_call {
    const char *kind, *name, *function; /* "tool", "iperf", "measure"; borrowed until vmtp_call_end() */
    double deadline;                    /* vmtp_now() scale; an outer call's, if that is sooner; 0: none */
    const struct vmtp_call *outer;      /* the call in which a service of the core has called this one */
};

/* Begins a call of a plugin's function on this thread. ctx is the one that the plugin gets: it has 10 s more than its
 * deadline to return. NULL: 10 s in all. */
void vmtp_call_begin(struct vmtp_call *call, const char *kind, const char *name, const char *function,
                     const vmtp_ctx *ctx);
void vmtp_call_end(struct vmtp_call *call);

/* From now on a fatal signal names the plugin that runs and then does what it did before; a call on this thread that is
 * not back in time, and one that calls exit(), ends the program with the name and VMTP_EXIT_FAILED. For programs, once;
 * a library leaves signals alone. vmtp_call_unwatch() is for a child process that is to crash silently. */
void vmtp_call_watch(void);
void vmtp_call_unwatch(void);

static inline void vmtp_clean_call(struct vmtp_call *call)
{
    vmtp_call_end(call);
}

/* VMTP_CALL(loaded, tool, measure, &ctx, ctx, state, job) is loaded->tool.measure(ctx, state, job). The limit is a ctx
 * as above. */
#define VMTP_CALL(loaded, ops, function_, limit, ...)                                                      \
    __extension__({                                                                                        \
        VMTP_CLEAN(call) struct vmtp_call vmtp_call_;                                                      \
        vmtp_call_begin(&vmtp_call_, vmtp_kind_name((loaded)->kind), (loaded)->plugin.name, #function_,    \
                        limit);                                                                            \
        (loaded)->ops.function_(__VA_ARGS__);                                                              \
    })

#endif
