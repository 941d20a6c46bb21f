/* SPDX-License-Identifier: Apache-2.0 */
/* Resources by name or id, and ids of our own. */
#ifndef CORE_OPENSTACK_NAMES_H
#define CORE_OPENSTACK_NAMES_H

#include <jansson.h>

#include "core/util/buf.h"
#include "vmtp/plugin.h"

/* "'a', 'b' and 12 more" or "none": the names of a list, made harmless. fits: which of them; NULL: all. */
typedef bool (*vmtp_os_fits_fn)(const void *arg, const json_t *item);
char *vmtp_os_names(const json_t *items, vmtp_os_fits_fn fits, const void *arg);

/* A random id as the services make them (RFC 9562, version 4): what has been given one may be asked for twice. */
enum { VMTP_OS_UUID = 37 };
int vmtp_os_uuid(vmtp_ctx *ctx, char out[VMTP_OS_UUID]);

/* Whether a text is written like one, so that it may be an id. */
bool vmtp_os_is_uuid(const char *text);

#endif
