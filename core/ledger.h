/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a run: what it makes outside its own process, written down and on disk before the thing exists, struck
 * out when it is proven gone. $XDG_STATE_HOME/vmtp/runs/RUN_UUID.ledger, JSON lines, the version in the first one. It
 * exists only while there is something in it; the run that writes it holds a lock on it (flock), so a ledger that can
 * be locked is one that was left behind. */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <jansson.h>

#include "core/config.h"
#include "core/endpoint.h"

enum { VMTP_LEDGER_VERSION = 1 };

struct vmtp_ledger;

/* Something that was made. topology: the plugin whose remove() knows kind and id; NULL: a directory on an endpoint,
 * with the login by which it is reached (no password is ever written down). */
struct vmtp_thing {
    const char *topology, *kind, *id;
    const char *endpoint;
    const struct vmtp_login *login;
};

/* The ledger of a run that begins. Nothing is written before the first thing; NULL: out of memory. */
struct vmtp_ledger *vmtp_ledger_new(const char *run_uuid);

/* The options of a topology, from maps as in vmtp_options_fill(), without those that are secret: remove() gets them in
 * a process that knows nothing else of this run. */
int vmtp_ledger_topology(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_plugin *plugin,
                         const struct vmtp_node *const maps[], size_t n);

/* On disk when it returns; a failure (disk full) means: do not make the thing. Both may be called from any thread. */
int vmtp_ledger_track(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_thing *thing);
int vmtp_ledger_untrack(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_thing *thing);

/* Removes the file when nothing is left in it. Takes NULL. */
void vmtp_ledger_close(struct vmtp_ledger *ledger);

/* --- of a run that is over --- */

/* Opens and locks one that was left behind. VMTP_EPARSE for a file that is none; VMTP_ENOTSUP without words when its
 * run is still alive. A torn last line is left out. */
int vmtp_ledger_open(vmtp_ctx *ctx, const char *path, struct vmtp_ledger **ledger);

/* The run_uuid. */
const char *vmtp_ledger_run(const struct vmtp_ledger *ledger);

/* What is left, in the order in which it was made, from 0. *login is filled when the thing is on an endpoint. Pointers
 * are valid until the ledger changes. False past the end. */
bool vmtp_ledger_thing(const struct vmtp_ledger *ledger, size_t i, struct vmtp_thing *thing, struct vmtp_login *login);
size_t vmtp_ledger_left(const struct vmtp_ledger *ledger);

/* The options of a topology as the ledger has them, as a map with the ledger as source; NULL: none. The caller frees
 * it. */
struct vmtp_node *vmtp_ledger_options(const struct vmtp_ledger *ledger, const char *topology);

/* "directory /tmp/vmtp-1 on root@192.0.2.1", "server 4711 of topology fixed-ip". The caller frees it. */
char *vmtp_thing_text(const struct vmtp_thing *thing);

static inline void vmtp_clean_ledger(struct vmtp_ledger **ledger)
{
    vmtp_ledger_close(*ledger);
}
#endif
