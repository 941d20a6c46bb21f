/* SPDX-License-Identifier: Apache-2.0 */
/* Settings against the plugins that are installed: what `vmtp config check` does beyond reading them. */
#ifndef CORE_CONFIG_CHECK_H
#define CORE_CONFIG_CHECK_H

#include "core/settings.h"
#include "vmtp/plugin.h"

/* VMTP_ECONFIG for an option that this version of VMTP parses and cannot do. */
int vmtp_refuse_later(vmtp_ctx *ctx, const struct vmtp_settings *settings);

/* Warns of a name below tools, sinks or topologies that no installed plugin has: its options would go nowhere. Loads
 * nothing. */
int vmtp_warn_unknown_plugins(vmtp_ctx *ctx, const struct vmtp_settings *settings);

/* Loads the plugins that settings name and checks their options, as a run would, and with what it would say. Opens
 * nothing and connects to nothing. */
int vmtp_config_check(vmtp_ctx *ctx, const struct vmtp_settings *settings);

#endif
