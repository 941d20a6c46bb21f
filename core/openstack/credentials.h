/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs in to which cloud: from an rc file (-r), clouds.yaml (--os-cloud, OS_CLOUD) or the environment. */
#ifndef CORE_OPENSTACK_CREDENTIALS_H
#define CORE_OPENSTACK_CREDENTIALS_H

#include <stdbool.h>

#include "core/settings.h"
#include "vmtp/plugin.h"

enum vmtp_os_auth { VMTP_OS_PASSWORD, VMTP_OS_TOKEN, VMTP_OS_APPLICATION_CREDENTIAL };

/* All text is owned here; NULL: not given. secrets (password, token, application_secret) are wiped when freed. */
struct vmtp_os_credentials {
    char *source; /* for messages: "openrc", "cloud lab of /etc/openstack/clouds.yaml", "the environment" */
    int auth;     /* enum vmtp_os_auth */
    char *auth_url;
    char *username, *user_id, *user_domain_name, *user_domain_id, *password;
    char *token;
    char *application_id, *application_name, *application_secret;
    char *project_name, *project_id, *project_domain_name, *project_domain_id;
    char *region;
    char *interface; /* "public", "internal", "admin" */
    char *compute_endpoint, *network_endpoint, *image_endpoint; /* overrides of the catalog */
    char *ca_file, *client_cert, *client_key;
    bool insecure;
};

/* Whether the settings and the environment name a cloud at all. Reads no file and asks nothing. */
bool vmtp_os_credentials_given(const struct vmtp_settings *settings);

/* Collects and completes them; asks for a missing password on the terminal. VMTP_ECONFIG names all that is missing at
 * once, and where it was looked for. credentials is to be cleared also on failure. */
int vmtp_os_credentials_find(vmtp_ctx *ctx, const struct vmtp_settings *settings,
                             struct vmtp_os_credentials *credentials);

/* Whether the variables of the environment are enough to log in, where nothing else names a cloud. If not, *missing
 * says what they lack ("no OS_USERNAME"); the caller frees it. Reads no file and asks nothing. */
bool vmtp_os_environment_enough(const struct vmtp_settings *settings, char **missing);
void vmtp_os_credentials_clear(struct vmtp_os_credentials *credentials);

#endif
