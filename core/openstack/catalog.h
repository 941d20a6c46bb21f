/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints out of a token's catalog. */
#ifndef CORE_OPENSTACK_CATALOG_H
#define CORE_OPENSTACK_CATALOG_H

#include <jansson.h>

#include "core/openstack/credentials.h"
#include "core/openstack/session.h"
#include "vmtp/plugin.h"

enum { VMTP_OS_SERVICES = VMTP_OS_IMAGE + 1 };

/* "compute"; what it is called in messages. */
const char *vmtp_os_service_name(int service);

/* Whether url is http(s)://HOST... without a user, a password or anything that is not printable. */
bool vmtp_os_is_url(const char *url);

/* url with the version that the service is spoken to with: "http://c:9696" becomes "http://c:9696/v2.0". The caller
 * frees it; NULL: out of memory. */
char *vmtp_os_versioned(int service, const char *url);

/* Fills endpoints, one per enum vmtp_os_service, each freed by the caller, by the overrides of credentials and the
 * catalog (an array; anything else counts as empty). identity_url is what identity falls back to. VMTP_ECONFIG names
 * all that is missing, and the regions and interfaces that are there. */
int vmtp_os_endpoints(vmtp_ctx *ctx, const struct vmtp_os_credentials *credentials, const json_t *catalog,
                      const char *project_id, const char *identity_url, char *endpoints[VMTP_OS_SERVICES]);

#endif
