/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual machines of an OpenStack cloud, by their fixed addresses: scenarios 1 to 4. */
#define CLOUD_FLOWS VMTP_CLOUD_FIXED
#include "plugins/topologies/cloud.h"

VMTP_PLUGIN(topology_fixed_ip) = {
    VMTP_PLUGIN_HEAD,
    .name = "fixed-ip",
    .version = "1.0",
    .summary = "VMs of an OpenStack cloud, dialled at their fixed addresses",
    .options = cloud_options,
    .option_size = sizeof cloud_options[0],
    .opts_size = sizeof(struct cloud_opts),
    .topology = &cloud_ops,
};
