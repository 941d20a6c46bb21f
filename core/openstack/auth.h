/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in at Keystone v3. */
#ifndef CORE_OPENSTACK_AUTH_H
#define CORE_OPENSTACK_AUTH_H

#include <jansson.h>

#include "core/openstack/credentials.h"
#include "core/openstack/http.h"
#include "vmtp/plugin.h"

/* All owned here; the text is wiped when freed. */
struct vmtp_os_token {
    char *text;
    char *project_id, *user_id; /* "" when there is none */
    json_t *roles, *catalog;    /* arrays, or NULL */
};

/* Logs in. *identity_url is found on the first call ("http://c:5000/v3") and used on later ones; the caller frees it.
 * VMTP_ECONFIG: refused, or no Keystone v3 there; VMTP_EUNREACH: no answer. token is replaced only on success. */
int vmtp_os_login(vmtp_ctx *ctx, struct vmtp_http *http, const struct vmtp_os_credentials *credentials,
                  char **identity_url, struct vmtp_os_token *token);
void vmtp_os_token_clear(struct vmtp_os_token *token);

#endif
