/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/quota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"

enum { WORDS_MAX = 2000 };

/* What each item is called: for people, in compute's limits, in network's quota. */
static const struct {
    const char *name, *limit, *used, *network;
} items[VMTP_OS_QUOTAS] = {
    [VMTP_OS_INSTANCES] = {"instances", "maxTotalInstances", "totalInstancesUsed", NULL},
    [VMTP_OS_CORES] = {"cores", "maxTotalCores", "totalCoresUsed", NULL},
    [VMTP_OS_RAM] = {"MB of RAM", "maxTotalRAMSize", "totalRAMUsed", NULL},
    [VMTP_OS_KEY_PAIRS] = {"key pairs", "maxTotalKeypairs", NULL, NULL},
    [VMTP_OS_NETWORKS] = {"networks", NULL, NULL, "network"},
    [VMTP_OS_SUBNETS] = {"subnets", NULL, NULL, "subnet"},
    [VMTP_OS_ROUTERS] = {"routers", NULL, NULL, "router"},
    [VMTP_OS_PORTS] = {"ports", NULL, NULL, "port"},
    [VMTP_OS_FLOATING_IPS] = {"floating IPs", NULL, NULL, "floatingip"},
    [VMTP_OS_SECURITY_GROUPS] = {"security groups", NULL, NULL, "security_group"},
    [VMTP_OS_SECURITY_GROUP_RULES] = {"security group rules", NULL, NULL, "security_group_rule"},
};

enum { LIMITS, KEYS, DETAILS, QUESTIONS };

static void read_compute(const json_t *json, struct vmtp_os_quota *quota)
{
    const json_t *absolute = json_object_get(json_object_get(json, "limits"), "absolute");
    for (size_t i = 0; i < VMTP_OS_QUOTAS; i++) {
        if (items[i].limit)
            quota->limit[i] = vmtp_json_int(absolute, items[i].limit, -1);
        if (items[i].used)
            quota->used[i] = vmtp_json_int(absolute, items[i].used, 0);
    }
}

/* With its details a quota is {"limit": 10, "used": 3, "reserved": 0}, without them 10. */
static void read_network(const json_t *json, struct vmtp_os_quota *quota)
{
    const json_t *all = json_object_get(json, "quota");
    for (size_t i = 0; i < VMTP_OS_QUOTAS; i++) {
        const json_t *one = items[i].network ? json_object_get(all, items[i].network) : NULL;
        if (json_is_integer(one))
            quota->limit[i] = (int64_t)json_integer_value(one);
        else if (one)
            quota->limit[i] = vmtp_json_int(one, "limit", -1);
        if (json_is_object(one))
            quota->used[i] = vmtp_json_int(one, "used", 0) + vmtp_json_int(one, "reserved", 0);
    }
}

/* What was refused by a policy, or is not known to an older service, is not told; no answer is an error. */
static int first_problem(vmtp_ctx *ctx, const struct vmtp_os_reply *replies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (replies[i].rc < 0 && replies[i].rc != VMTP_EREMOTE)
            return vmtp_fail(ctx, replies[i].rc, "%s", replies[i].error ? replies[i].error : "no answer");
    return VMTP_OK;
}

int vmtp_os_quota_read(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_quota *quota)
{
    VMTP_CLEAN(mem) char *details = vmtp_os_path("/quotas/%s/details.json", vmtp_os_project_id(session));
    struct vmtp_os_reply replies[QUESTIONS] = {0};
    *quota = (struct vmtp_os_quota){0};
    for (size_t i = 0; i < VMTP_OS_QUOTAS; i++)
        quota->limit[i] = -1;
    if (!details)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const struct vmtp_os_request requests[QUESTIONS] = {
        [LIMITS] = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = "/limits"},
        [KEYS] = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = "/os-keypairs"},
        [DETAILS] = {.service = VMTP_OS_NETWORK, .method = "GET", .path = details},
    };
    int rc = vmtp_os_call_all(ctx, session, requests, replies, QUESTIONS);
    if (rc == VMTP_OK)
        rc = first_problem(ctx, replies, QUESTIONS);
    if (rc == VMTP_OK) {
        read_compute(replies[LIMITS].json, quota);
        read_network(replies[DETAILS].json, quota);
        quota->used[VMTP_OS_KEY_PAIRS] = (int64_t)json_array_size(json_object_get(replies[KEYS].json, "keypairs"));
    }
    for (size_t i = 0; i < QUESTIONS; i++)
        vmtp_os_reply_clear(&replies[i]);
    return rc;
}

int64_t vmtp_os_quota_free(const struct vmtp_os_quota *quota, int item)
{
    if (quota->limit[item] < 0)
        return INT64_MAX;
    return quota->used[item] < quota->limit[item] ? quota->limit[item] - quota->used[item] : 0;
}

int vmtp_os_quota_check(vmtp_ctx *ctx, const struct vmtp_os_quota *quota, const int64_t need[VMTP_OS_QUOTAS])
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    for (int i = 0; i < VMTP_OS_QUOTAS; i++)
        if (need[i] > vmtp_os_quota_free(quota, i))
            (void)vmtp_buf_printf(&words, "%s%" PRId64 " %s are needed, and %" PRId64 " of %" PRId64 " are in use",
                                  words.len ? "; " : "", need[i], items[i].name, quota->used[i], quota->limit[i]);
    if (!words.len)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_EFAIL, "the quota of the project is too small: %s", vmtp_buf_text(&words));
}
