/* SPDX-License-Identifier: Apache-2.0 */
/* What the machines are made of, where they go, and whether there may be so many of them. */
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum {
    PORTS_OF_NETWORK = 2, /* of the router and of DHCP */
    RULES_ALWAYS = 4,     /* the two that a new group has, SSH and ICMP */
    RULES_OF_SOURCE = 3,
};

/* How many machines the flows need: fixed ones have a client in each network on each host. */
static size_t machines_needed(const struct vmtp_cloud *cloud)
{
    size_t first = cloud->settings->inter_node_only && cloud->placement.n > 1, hosts = cloud->placement.n - first;
    return 1 + hosts * ((cloud->wanted & VMTP_CLOUD_FIXED) ? cloud->n_networks : 1);
}

/* How many machines the quota allows at the same time. */
static int64_t machines_allowed(const struct vmtp_cloud *cloud, const struct vmtp_os_quota *quota)
{
    const struct {
        int item;
        int64_t each;
    } needs[] = {
        {VMTP_OS_INSTANCES, 1}, {VMTP_OS_CORES, cloud->flavor.vcpus}, {VMTP_OS_RAM, cloud->flavor.ram},
        {VMTP_OS_FLOATING_IPS, 1},
    };
    int64_t allowed = INT64_MAX;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        int64_t fit = needs[i].each > 0 ? vmtp_os_quota_free(quota, needs[i].item) / needs[i].each : INT64_MAX;
        allowed = fit < allowed ? fit : allowed;
    }
    return allowed;
}

/* All machines, or as many as may be there together: the server and a client at least. */
static int64_t machines_together(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_quota *quota)
{
    int64_t all = (int64_t)machines_needed(cloud), allowed = machines_allowed(cloud, quota);
    int64_t together = cloud->settings->serial_vms && all > 2 ? 2 : all;
    if (allowed < together && allowed >= 2) {
        vmtp_warn(ctx, "the quota allows %lld VMs at the same time, and the flows need %lld: they are made one group "
                  "after the other", (long long)allowed, (long long)all);
        together = allowed;
    }
    cloud->plan->at_once = together < all ? (size_t)together : 0;
    return together;
}

static int check_quota(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_quota quota;
    int rc = vmtp_os_quota_read(ctx, cloud->session, &quota);
    if (rc < 0)
        return rc;
    int64_t machines = machines_together(ctx, cloud, &quota), networks = 0;
    for (size_t i = 0; i < cloud->n_networks; i++)
        networks += cloud->networks[i].ours;
    const int64_t need[VMTP_OS_QUOTAS] = {
        [VMTP_OS_INSTANCES] = machines,
        [VMTP_OS_CORES] = machines * cloud->flavor.vcpus,
        [VMTP_OS_RAM] = machines * cloud->flavor.ram,
        [VMTP_OS_KEY_PAIRS] = 1,
        [VMTP_OS_NETWORKS] = networks,
        [VMTP_OS_SUBNETS] = networks,
        [VMTP_OS_ROUTERS] = cloud->router_ours,
        [VMTP_OS_PORTS] = machines + networks * PORTS_OF_NETWORK + cloud->router_ours,
        [VMTP_OS_FLOATING_IPS] = machines,
        [VMTP_OS_SECURITY_GROUPS] = cloud->group_ours,
        [VMTP_OS_SECURITY_GROUP_RULES] =
            cloud->group_ours ? RULES_ALWAYS + RULES_OF_SOURCE * (machines + (int64_t)cloud->n_networks + 1) : 0,
    };
    return vmtp_os_quota_check(ctx, &quota, need);
}

static void tell(vmtp_ctx *ctx, const struct vmtp_cloud *cloud)
{
    vmtp_info(ctx, "image: %s%s", cloud->image.name, cloud->image.missing ? ", to be uploaded" : "");
    vmtp_info(ctx, "flavor: %s%s", cloud->flavor.name, cloud->flavor.missing ? ", to be made" : "");
    for (size_t i = 0; i < cloud->placement.n; i++)
        vmtp_info(ctx, "%s: %s", i == 0 ? "server and intra-node clients" : "inter-node clients",
                  cloud->placement.where[i] ? cloud->placement.where[i] : "wherever the cloud puts them");
}

int vmtp_cloud_choose(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_settings *settings = cloud->settings;
    int rc = vmtp_os_image_find(ctx, cloud->session, settings, &cloud->image);
    if (rc == VMTP_OK)
        rc = vmtp_os_flavor_find(ctx, cloud->session, settings, &cloud->image, &cloud->flavor);
    if (rc == VMTP_OK)
        rc = vmtp_os_place(ctx, cloud->session, settings, &cloud->placement);
    if (rc == VMTP_OK)
        tell(ctx, cloud);
    return rc < 0 ? rc : check_quota(ctx, cloud);
}
