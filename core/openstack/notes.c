/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a cloud in words, for `vmtp plan`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/openstack/cloud-parts.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

/* Consumes text. */
static int note(vmtp_ctx *ctx, struct vmtp_cloud *cloud, char *text)
{
    VMTP_CLEAN(mem) char *own = text;
    return own && vmtp_plan_note(cloud->plan, own) == VMTP_OK ? VMTP_OK
                                                              : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

static int note_login(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_os_credentials *c = &cloud->credentials;
    const char *project = c->project_name ? c->project_name : vmtp_os_project_id(cloud->session);
    return note(ctx, cloud, vmtp_format("cloud: %s, project %s%s%s, by %s", cloud->auth_url, project,
                                        c->region ? ", region " : "", c->region ? c->region : "", c->source));
}

static int note_image(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_os_image *image = &cloud->image;
    if (!image->missing)
        return note(ctx, cloud, vmtp_format("image: %s (%s)", image->name, image->id));
    VMTP_CLEAN(mem) char *size = image->size > 0 ? vmtp_format(", %.0f MB", image->size / 1e6) : strdup("");
    return note(ctx, cloud, vmtp_format("image: %s, to be uploaded from %.*s%s%s", image->name,
                                        (int)strcspn(image->url, "?"), image->url, size ? size : "",
                                        cloud->settings->delete_image_after_run ? " and deleted at the end" : ""));
}

static int note_flavor(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_os_flavor *f = &cloud->flavor;
    return note(ctx, cloud, vmtp_format("flavor: %s, %" PRId64 " vCPU, %" PRId64 " MB of RAM, %" PRId64 " GB of disk%s",
                                        f->name, f->vcpus, f->ram, f->disk, f->missing ? ", to be made" : ""));
}

static int note_networks(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    int rc = VMTP_OK;
    if (cloud->external_name)
        rc = note(ctx, cloud, vmtp_format("external network: %s", cloud->external_name));
    if (rc == VMTP_OK && cloud->router_name)
        rc = note(ctx, cloud, vmtp_format("router: %s%s", cloud->router_name,
                                          cloud->router_ours ? ", to be made" : ", which is there"));
    for (size_t i = 0; i < cloud->n_networks && rc == VMTP_OK; i++) {
        const struct vmtp_cloud_network *network = &cloud->networks[i];
        rc = note(ctx, cloud, vmtp_format("network: %s, %s%s", network->name, network->cidr ? network->cidr : "?",
                                          network->ours ? ", to be made" : ", which is there"));
    }
    return rc < 0 ? rc : note(ctx, cloud, vmtp_format("security group: %s%s", cloud->settings->security_group_name,
                                                      cloud->group_ours ? ", to be made" : ", which is there"));
}

static int note_machine(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine)
{
    const struct vmtp_os_placement *placement = &cloud->placement;
    const char *where = machine->host < placement->n ? placement->where[machine->host] : NULL;
    VMTP_CLEAN(mem) char *chosen =
        placement->forced ? vmtp_format("on %s", where ? where : "any host")
                          : vmtp_format("%s%s%s, where the cloud puts it", machine->server ? "" : machine->host == 0
                                        ? "beside the server, " : "on another host than the server, ",
                                        where ? "in zone " : "in any zone", where ? where : "");
    return note(ctx, cloud, vmtp_format("VM: %s in %s, %s, with a floating IP", machine->name,
                                        cloud->networks[machine->network].name, chosen ? chosen : "?"));
}

int vmtp_cloud_note_plan(vmtp_ctx *ctx, struct vmtp_cloud *cloud, bool first, size_t machines)
{
    int rc = VMTP_OK;
    if (first)
        rc = note_login(ctx, cloud);
    if (first && rc == VMTP_OK)
        rc = note_image(ctx, cloud);
    if (first && rc == VMTP_OK)
        rc = note_flavor(ctx, cloud);
    if (first && rc == VMTP_OK)
        rc = note_networks(ctx, cloud);
    for (size_t i = machines; i < cloud->n_machines && rc == VMTP_OK; i++)
        rc = note_machine(ctx, cloud, &cloud->machines[i]);
    return rc;
}
