/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are brought along: what is installed here, with the shared libraries and the dynamic loader that it
 * needs, copied to an endpoint that lacks it and started through that loader, whatever C library the endpoint has. */
#ifndef CORE_BUNDLE_H
#define CORE_BUNDLE_H

#include "core/endpoint.h"

/* What has been found out about programs of this machine, so that it is asked once. From any thread. */
struct vmtp_bundles;

struct vmtp_bundles *vmtp_bundles_new(void); /* NULL: out of memory */
void vmtp_bundles_free(struct vmtp_bundles *bundles); /* takes NULL */

/* Copies the program to the vmtp_workdir() of the endpoint and verifies it there. *path: what starts it, one word; the
 * caller frees it. VMTP_ENOTSUP: not for the endpoint's architecture, not installed here, or no program that could be
 * brought along. */
int vmtp_bundle_bring(vmtp_ctx *ctx, struct vmtp_bundles *bundles, struct vmtp_endpoint *ep, const char *name,
                      char **path);

/* The libraries in what `LOADER --list PROGRAM` prints: calls add for each (the name that is looked for, the file),
 * except for the loader itself and what the kernel provides. A negative answer of add ends it and is returned.
 * VMTP_EPARSE when a library is missing or cannot be found by its name alone. Exposed for tests. */
int vmtp_bundle_list(vmtp_ctx *ctx, const char *text, const char *loader,
                     int (*add)(vmtp_ctx *ctx, void *arg, const char *name, const char *file), void *arg);

#endif
