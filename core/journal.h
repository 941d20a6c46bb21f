/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: every event as a line of JSON, on disk before any sink sees it. The first line says the version. */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include "vmtp/plugin.h"

enum { VMTP_JOURNAL_VERSION = 1 };

struct vmtp_journal;

/* Creates $XDG_STATE_HOME/vmtp/runs/RUN_UUID.jsonl, mode 0600. */
int vmtp_journal_create(vmtp_ctx *ctx, const char *run_uuid, struct vmtp_journal **journal);
const char *vmtp_journal_path(const struct vmtp_journal *journal);

/* Writes one event; all but SAMPLE and TRIAL are on disk when it returns. After a failure (disk full) the journal is as
 * it was before, and a later event may be tried. */
int vmtp_journal_append(vmtp_ctx *ctx, struct vmtp_journal *journal, const struct vmtp_event *ev);
void vmtp_journal_close(struct vmtp_journal *journal); /* takes NULL */

/* Closes and removes one that holds no event: "last" is a run that has begun. Takes NULL. */
void vmtp_journal_discard(struct vmtp_journal *journal);

/* Finds a journal: a path, a run_uuid or its first characters, or "last" (the one written last). The caller frees
 * *path. VMTP_ECONFIG when there is none or more than one. */
int vmtp_journal_find(vmtp_ctx *ctx, const char *name, char **path);

/* Feeds each event to f, in order, without keeping the file in memory. A torn last line is left out with a warning;
 * anything else that is not understood is VMTP_EPARSE with file:line. f's failure ends it. When the run was cut off
 * (no RUN_END), one is made up with the property "status" = "incomplete". Events of an unknown type, which a
 * newer VMTP has added, are left out with a warning; so are missing numbers in the sequence. */
int vmtp_journal_replay(vmtp_ctx *ctx, const char *path,
                        int (*f)(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev), void *arg);

#endif
