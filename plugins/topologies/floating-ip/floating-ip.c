/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual machines of an OpenStack cloud, by a floating address: scenarios 5 and 6. */
#define CLOUD_FLOWS VMTP_CLOUD_FLOATING
#include "plugins/topologies/cloud.h"

VMTP_PLUGIN(topology_floating_ip) = {
    VMTP_PLUGIN_HEAD,
    .name = "floating-ip",
    .version = "1.0",
    .summary = "VMs of an OpenStack cloud, dialled at a floating address",
    .options = cloud_options,
    .option_size = sizeof cloud_options[0],
    .opts_size = sizeof(struct cloud_opts),
    .topology = &cloud_ops,
};
