/* SPDX-License-Identifier: Apache-2.0 */
/* What the ssh(1) of this machine is told by ssh_config(5), and what it can. */
#ifndef CORE_SSH_CONFIG_H
#define CORE_SSH_CONFIG_H

#include <stdbool.h>

#include "vmtp/plugin.h"

/* Asks ssh(1) how it would reach the host (`ssh -G`), if there is one and a file of its configuration could matter.
 * What is the program ssh to be used for? A constant text, or NULL: for nothing. */
const char *vmtp_ssh_config_wants(vmtp_ctx *ctx, const struct vmtp_login *login);

/* The same, from what ssh -G has said of a host; and whether the text of a configuration file could matter. Exposed for
 * tests. */
const char *vmtp_ssh_config_reason(const char *said, const struct vmtp_login *login);
bool vmtp_ssh_config_matters(const char *text);

/* Whether ssh(1) says who asks: since OpenSSH 8.5 "(user@host) " is in front of what a server asks by the method
 * keyboard-interactive. An older one passes it on as it is, so that it may look like a question of ssh's own. */
bool vmtp_ssh_names_askers(vmtp_ctx *ctx);

#endif
