/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of a run: an instance per tool, prepared per endpoint, with ports chosen per server. */
#ifndef CORE_TOOLS_H
#define CORE_TOOLS_H

#include <pthread.h>

#include "core/endpoint.h"
#include "core/event.h"
#include "core/registry.h"
#include "core/settings.h"

/* What a tool is on one endpoint. */
struct vmtp_tool_at {
    struct vmtp_endpoint *ep;
    uint32_t caps;             /* of the version there */
    char *version;
    char *remedy; /* the words that prepare() has for what this version cannot do; "": none */
    uint16_t port, control_port; /* as a server */
    unsigned shift;              /* how often they were moved up */
    bool chosen;
    bool serving;
    struct vmtp_tool_at *next;
};

struct vmtp_tool_instance {
    const struct vmtp_loaded *loaded;
    struct vmtp_node *options;
    void *opts, *state;
    bool open;
    struct vmtp_bundles *bundles; /* NULL: nothing is brought along */
    pthread_mutex_t preparing; /* an instance is called from one thread at a time */
    struct vmtp_tool_at *at;
};

/* Loads, fills and opens the tool of a spec. source: the option that named it. */
int vmtp_tool_open(vmtp_ctx *ctx, const struct vmtp_settings *settings, const char *spec, const char *source,
                   struct vmtp_tool_instance *tool);
void vmtp_tool_close(struct vmtp_tool_instance *tool);

/* What the tool can do on both endpoints, asking each once. */
int vmtp_tool_prepare(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, struct vmtp_endpoint *client,
                      struct vmtp_endpoint *server, uint32_t *caps);

/* The same for one endpoint, ahead of its first measurement; from any thread, as long as nothing is measured. What does
 * not work is told by vmtp_tool_prepare() when it is needed. */
void vmtp_tool_prepare_ahead(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, struct vmtp_endpoint *ep);

/* What both endpoints can do; 0 when one of them is not prepared. */
uint32_t vmtp_tool_caps(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *client,
                        const struct vmtp_endpoint *server);

/* A port of a tool: what its option `name` of type INT says ("port", "control_port"), or the fallback. opts may be
 * NULL. */
uint16_t vmtp_tool_port(const struct vmtp_plugin *plugin, const void *opts, const char *name, uint16_t fallback);

/* The version that ran on the endpoint, "" when it is not known. */
const char *vmtp_tool_version(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep);

/* What the tool says there must be done for what it cannot do on the endpoint, "": nothing. */
const char *vmtp_tool_remedy(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep);

/* Chooses the ports of a server: the defaults, or others when a foreign process holds them (an error when they are
 * fixed). Then serve() and measure(), which fill recorder. After a failure the ports are looked at again. */
int vmtp_tool_measure(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                      struct vmtp_recorder *recorder);

/* Ends all servers. ctx is that of the cleaning up: not cancelled when the user has interrupted the run. */
void vmtp_tool_unserve(vmtp_ctx *ctx, struct vmtp_tool_instance *tool);

#endif
