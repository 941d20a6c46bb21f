/* SPDX-License-Identifier: Apache-2.0 */
/* Who may not name the host asks the scheduler: a server group with affinity keeps the server and its intra-node
 * clients together on any cloud with the default filters; the hints same_host and different_host are for clouds that
 * turned their filters on. Which host it was is looked at afterwards in any case. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static bool has_intra_client(const struct vmtp_cloud *cloud)
{
    for (size_t i = 0; i < cloud->n_machines; i++)
        if (!cloud->machines[i].server && cloud->machines[i].host == 0)
            return true;
    return false;
}

int vmtp_cloud_make_together(vmtp_ctx *parent, struct vmtp_cloud *cloud)
{
    if (cloud->placement.forced || !has_intra_client(cloud))
        return VMTP_OK;
    VMTP_CLEAN(mem) char *name = vmtp_format("vmtp-%s", cloud->run_id);
    if (!name)
        return vmtp_fail(parent, VMTP_ENOMEM, "out of memory");
    struct vmtp_os_creation creation = {
        .service = VMTP_OS_COMPUTE,
        .kind = "server-group",
        .label = name,
        .path = "/os-server-groups",
        .singular = "server_group",
        .plural = "server_groups",
        .look = strdup("/os-server-groups"),
        .field = "name",
        .value = name,
        .body = json_pack("{s:{s:s,s:[s]}}", "server_group", "name", name, "policies", "affinity"),
    };
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    int rc = vmtp_os_create(&ctx, cloud, &creation);
    if (rc == VMTP_OK)
        rc = vmtp_os_take(&ctx, creation.made, "id", &cloud->together_id);
    vmtp_os_creation_clear(&creation);
    if (rc != VMTP_EREMOTE)
        return rc < 0 ? vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc)) : rc;
    vmtp_info(parent, "the VMs cannot be kept together (%s): their hosts are as the cloud chooses",
              vmtp_ctx_error(&ctx, rc));
    return VMTP_OK;
}

json_t *vmtp_cloud_hints(const struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine)
{
    const char *reference = cloud->machines[0].id;
    json_t *hints =
        machine->server || !reference ? NULL : vmtp_os_place_hints(&cloud->placement, machine->host, reference);
    if (!cloud->together_id || machine->host != 0)
        return hints;
    if (!hints)
        hints = json_object();
    if (hints)
        (void)json_object_set_new(hints, "group", json_string(cloud->together_id));
    return hints;
}
