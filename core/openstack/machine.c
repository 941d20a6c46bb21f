/* SPDX-License-Identifier: Apache-2.0 */
/* The machines: all that are wanted are asked for at once, then one request tells of all how far they are. */
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/ssh-key.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { USER_DATA_MAX = 48 << 10, CONSOLE_LINES = 15, CONSOLE_MAX = 4000 };
static const double POLL_FIRST = 1, POLL_LAST = 3, FAULT_SECONDS = 5; /* s between two looks */

/* --- creating --- */

static char *encode(const char *bytes, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((n + 2) / 3 * 4 + 1), *out = text;
    for (size_t i = 0; text && i < n; i += 3) {
        unsigned long group = (unsigned long)(unsigned char)bytes[i] << 16;
        group |= i + 1 < n ? (unsigned long)(unsigned char)bytes[i + 1] << 8 : 0;
        group |= i + 2 < n ? (unsigned char)bytes[i + 2] : 0;
        *out++ = letters[group >> 18 & 63];
        *out++ = letters[group >> 12 & 63];
        *out++ = i + 1 < n ? letters[group >> 6 & 63] : '=';
        *out++ = i + 2 < n ? letters[group & 63] : '=';
    }
    if (text)
        *out = '\0';
    return text;
}

/* *data stays NULL when there is no file. */
static int read_user_data(vmtp_ctx *ctx, const struct vmtp_settings *settings, char **data)
{
    if (!settings->user_data_file)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    int rc = vmtp_file_read(ctx, settings->user_data_file, USER_DATA_MAX, &text, &len);
    if (rc < 0)
        return rc;
    *data = encode(text, len);
    return *data ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

static json_t *server_body(const struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine, const char *data)
{
    json_t *server = json_pack("{s:s,s:s,s:s,s:s,s:[{s:s}],s:{s:s},s:[s]}", "name", machine->name, "imageRef",
                               cloud->image.id, "flavorRef", cloud->flavor.id, "key_name", cloud->key.name, "networks",
                               "port", machine->port_id, "metadata", "vmtp_run_uuid", cloud->run, "tags", cloud->tag);
    if (!server)
        return NULL;
    if (machine->zone)
        (void)json_object_set_new(server, "availability_zone", json_string(machine->zone));
    if (data)
        (void)json_object_set_new(server, "user_data", json_string(data));
    if (cloud->settings->config_drive)
        (void)json_object_set_new(server, "config_drive", json_true());
    json_t *body = json_pack("{s:o}", "server", server);
    json_t *hints = vmtp_cloud_hints(cloud, machine);
    if (body && hints)
        (void)json_object_set_new(body, "os:scheduler_hints", hints);
    else
        json_decref(hints);
    return body;
}

static char *servers_path(const struct vmtp_cloud *cloud)
{
    return vmtp_os_path("/servers/detail?tags=%s", cloud->tag);
}

/* Why a machine was not made. nova refuses a flavor with a disk of 0 GB to those who are no administrators. */
static int note_refusal(const struct vmtp_cloud *cloud, struct vmtp_cloud_machine *machine, const char *error)
{
    const bool disk = cloud->flavor.disk == 0 && error && strstr(error, "zero disk");
    static const char remedy[] = "; set flavor_type to the name or id of a flavor with a disk";
    VMTP_CLEAN(mem) char *words = vmtp_format("%s%s", error ? error : "not made", disk ? remedy : "");
    return words ? vmtp_set_text(&machine->fault, words) : VMTP_ENOMEM;
}

static int note_created(const struct vmtp_cloud *cloud, struct vmtp_cloud_machine *machine,
                        const struct vmtp_os_creation *creation)
{
    machine->made = creation->made || creation->rc != VMTP_EREMOTE;
    if (!creation->made)
        return note_refusal(cloud, machine, creation->error);
    return vmtp_set_text(&machine->id, vmtp_os_text(creation->made, "id"));
}

static size_t add_machines(struct vmtp_cloud *cloud, const char *data, struct vmtp_os_creation *creations)
{
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_machines; i++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[i];
        if (!machine->wanted || machine->made || machine->fault)
            continue;
        creations[n++] = (struct vmtp_os_creation){
            .service = VMTP_OS_COMPUTE,
            .microversion = VMTP_COMPUTE_VERSION,
            .kind = "server",
            .label = machine->name,
            .path = "/servers",
            .singular = "server",
            .plural = "servers",
            .look = servers_path(cloud),
            .field = "name",
            .value = machine->name,
            .body = server_body(cloud, machine, data),
        };
    }
    return n;
}

static int take_machine(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_creation *creation)
{
    for (size_t i = 0; i < cloud->n_machines; i++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[i];
        if (machine->name != creation->label)
            continue;
        if (note_created(cloud, machine, creation) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        if (creation->made)
            vmtp_info(ctx, "[%s] Instance created%s%s", machine->name, machine->zone ? " in " : "",
                      machine->zone ? machine->zone : "");
    }
    return VMTP_OK;
}

/* The addresses go out in front of the machines: once these boot, the services may be slow. */
int vmtp_cloud_make_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    struct vmtp_os_creation creations[2 * VMTP_CLOUD_MACHINES];
    VMTP_CLEAN(mem) char *data = NULL;
    int rc = read_user_data(ctx, cloud->settings, &data);
    if (rc < 0)
        return rc;
    size_t addresses = vmtp_cloud_add_addresses(cloud, creations);
    size_t n = addresses + add_machines(cloud, data, creations + addresses);
    rc = vmtp_os_create_all(ctx, cloud, creations, n);
    if (rc == VMTP_OK)
        rc = vmtp_cloud_take_addresses(ctx, cloud, creations, addresses);
    for (size_t i = addresses; i < n && rc == VMTP_OK; i++)
        rc = take_machine(ctx, cloud, &creations[i]);
    for (size_t i = 0; i < n; i++)
        vmtp_os_creation_clear(&creations[i]);
    return rc;
}

/* --- waiting --- */

static int note_placement(struct vmtp_cloud_machine *machine, const json_t *server)
{
    const char *host = vmtp_os_text(server, "OS-EXT-SRV-ATTR:host"), *hash = vmtp_os_text(server, "hostId");
    const char *zone = vmtp_os_text(server, "OS-EXT-AZ:availability_zone");
    if ((*host && vmtp_set_text(&machine->host_name, host) < 0) || vmtp_set_text(&machine->host_id, hash) < 0 ||
        (*zone && vmtp_set_text(&machine->zone, zone) < 0))
        return VMTP_ENOMEM;
    return VMTP_OK;
}

/* nova writes the reason down after the status. */
static int note_fault(struct vmtp_cloud_machine *machine, const json_t *server)
{
    const char *words = vmtp_os_text(json_object_get(server, "fault"), "message");
    if (!machine->error_since)
        machine->error_since = vmtp_now();
    if (!*words && vmtp_now() - machine->error_since < FAULT_SECONDS)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *fault = vmtp_format("the VM is in status ERROR: %s",
                                              *words ? words : "nova does not say why");
    return fault ? vmtp_set_text(&machine->fault, fault) : VMTP_ENOMEM;
}

/* Of a VM for which no host was found, nova tells the reason only when it is asked for this one. */
static int ask_fault(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_cloud_machine *machine)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/servers/%s", machine->id);
    const struct vmtp_os_request request = {.service = VMTP_OS_COMPUTE, .method = "GET", .path = path, .expect = 404};
    int rc = path ? vmtp_os_call(ctx, cloud->session, &request, &reply) : VMTP_ENOMEM;
    return rc < 0 ? rc : note_fault(machine, json_object_get(reply.json, "server"));
}

/* What a look says of one machine. */
static int note_status(vmtp_ctx *ctx, struct vmtp_cloud_machine *machine, const json_t *server, double since)
{
    const char *status = vmtp_os_text(server, "status");
    if (!machine->status || strcmp(machine->status, status) != 0)
        vmtp_info(ctx, "[%s] %s after %.0f s", machine->name, status, vmtp_now() - since);
    if (vmtp_set_text(&machine->status, status) < 0 || vmtp_set_text(&machine->id, vmtp_os_text(server, "id")) < 0)
        return VMTP_ENOMEM;
    if (strcmp(status, "ACTIVE") == 0) {
        machine->active = true;
        return note_placement(machine, server);
    }
    return strcmp(status, "ERROR") == 0 ? note_fault(machine, server) : VMTP_OK;
}

static bool pending(const struct vmtp_cloud_machine *machine)
{
    return machine->wanted && !machine->active && !machine->fault;
}

static size_t count_pending(const struct vmtp_cloud *cloud)
{
    size_t n = 0;
    for (size_t i = 0; i < cloud->n_machines; i++)
        n += pending(&cloud->machines[i]);
    return n;
}

static int look(vmtp_ctx *ctx, struct vmtp_cloud *cloud, double since)
{
    VMTP_CLEAN(mem) char *path = servers_path(cloud);
    json_t *servers = NULL;
    int rc = path ? vmtp_os_list(ctx, cloud->session, VMTP_OS_COMPUTE, VMTP_COMPUTE_VERSION, path, "servers", &servers)
                  : VMTP_ENOMEM;
    for (size_t i = 0; i < json_array_size(servers) && rc == VMTP_OK; i++) {
        const json_t *server = json_array_get(servers, i);
        if (!vmtp_cloud_is_ours(cloud, server))
            continue;
        for (size_t m = 0; m < cloud->n_machines && rc == VMTP_OK; m++) {
            struct vmtp_cloud_machine *machine = &cloud->machines[m];
            if (pending(machine) && strcmp(vmtp_os_text(server, "name"), machine->name) == 0)
                rc = note_status(ctx, machine, server, since);
        }
    }
    json_decref(servers);
    for (size_t m = 0; m < cloud->n_machines && rc == VMTP_OK; m++)
        if (pending(&cloud->machines[m]) && cloud->machines[m].error_since)
            rc = ask_fault(ctx, cloud, &cloud->machines[m]);
    return rc;
}

static void give_up(struct vmtp_cloud *cloud, double seconds)
{
    for (size_t i = 0; i < cloud->n_machines; i++) {
        struct vmtp_cloud_machine *machine = &cloud->machines[i];
        if (!pending(machine))
            continue;
        machine->fault = vmtp_format("the VM is still in status %s after %.0f s; vm_boot_timeout sets how long that "
                                     "may last", machine->status ? machine->status : "unknown", seconds);
    }
}

int vmtp_cloud_await_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const double begin = vmtp_now(), limit = cloud->settings->vm_boot_timeout;
    double pause = POLL_FIRST;
    while (count_pending(cloud)) {
        if (vmtp_now() - begin > limit) {
            give_up(cloud, vmtp_now() - begin);
            break;
        }
        int rc = vmtp_ctx_tell(ctx, "VMs to become active");
        if (rc == VMTP_OK)
            rc = vmtp_wait(ctx, pause);
        if (rc == VMTP_OK)
            rc = look(ctx, cloud, begin);
        if (rc < 0)
            return rc;
        pause = pause * 1.3 < POLL_LAST ? pause * 1.3 : POLL_LAST;
    }
    return VMTP_OK;
}

/* --- one that does not answer --- */

static void tell_lines(vmtp_ctx *ctx, const struct vmtp_cloud_machine *machine, const char *text)
{
    size_t len = strlen(text);
    VMTP_CLEAN(mem) char *tail = strdup(text + (len > CONSOLE_MAX ? len - CONSOLE_MAX : 0));
    char *rest = NULL;
    for (char *line = tail ? strtok_r(tail, "\r\n", &rest) : NULL; line; line = strtok_r(NULL, "\r\n", &rest))
        if (*line)
            vmtp_warn(ctx, "[%s] console: %s", machine->name, line);
}

void vmtp_cloud_tell_console(vmtp_ctx *parent, struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 20);
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(mem) char *path = machine->id ? vmtp_os_path("/servers/%s/action", machine->id) : NULL;
    json_t *body = json_pack("{s:{s:i}}", "os-getConsoleOutput", "length", CONSOLE_LINES);
    const struct vmtp_os_request request = {
        .service = VMTP_OS_COMPUTE, .method = "POST", .path = path, .body = body, .timeout = 15};
    if (path && body && vmtp_os_call(&ctx, cloud->session, &request, &reply) == VMTP_OK)
        tell_lines(parent, machine, vmtp_os_text(reply.json, "output"));
    json_decref(body);
}
