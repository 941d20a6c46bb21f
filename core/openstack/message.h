/* SPDX-License-Identifier: Apache-2.0 */
/* What a service says about a request that it refuses. */
#ifndef CORE_OPENSTACK_MESSAGE_H
#define CORE_OPENSTACK_MESSAGE_H

#include <jansson.h>
#include <stddef.h>

/* The words in an answer, JSON of any service or HTML of a proxy in front of it, on one line, printable, shortened.
 * json may be NULL. The caller frees it; NULL: it says nothing, or memory ran out. */
char *vmtp_os_message(const json_t *json, const char *text, size_t len);

/* "HTTP 409 Conflict"; out is returned. */
enum { VMTP_OS_STATUS_TEXT = 48 };
const char *vmtp_os_status_text(long status, char out[VMTP_OS_STATUS_TEXT]);

#endif
