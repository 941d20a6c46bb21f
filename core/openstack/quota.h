/* SPDX-License-Identifier: Apache-2.0 */
/* What the project may still make. */
#ifndef CORE_OPENSTACK_QUOTA_H
#define CORE_OPENSTACK_QUOTA_H

#include <stdint.h>

#include "core/openstack/session.h"

enum vmtp_os_quota_item {
    VMTP_OS_INSTANCES, VMTP_OS_CORES, VMTP_OS_RAM /* MB */, VMTP_OS_KEY_PAIRS, VMTP_OS_NETWORKS, VMTP_OS_SUBNETS,
    VMTP_OS_ROUTERS, VMTP_OS_PORTS, VMTP_OS_FLOATING_IPS, VMTP_OS_SECURITY_GROUPS, VMTP_OS_SECURITY_GROUP_RULES,
    VMTP_OS_QUOTAS
};

struct vmtp_os_quota {
    int64_t limit[VMTP_OS_QUOTAS]; /* -1: none, or nobody tells */
    int64_t used[VMTP_OS_QUOTAS];
};

/* Asks compute and network, together. What a service does not tell has no limit; only no answer at all is an error. */
int vmtp_os_quota_read(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_quota *quota);

/* How many more there may be; INT64_MAX without a limit. */
int64_t vmtp_os_quota_free(const struct vmtp_os_quota *quota, int item);

/* VMTP_EFAIL that names all that does not fit, with need, used and limit. */
int vmtp_os_quota_check(vmtp_ctx *ctx, const struct vmtp_os_quota *quota, const int64_t need[VMTP_OS_QUOTAS]);

#endif
