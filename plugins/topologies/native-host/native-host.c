/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that exist and are named by --host: the first runs the server, all of them are clients in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "vmtp/plugin.h"

static const char path[] = "native";

struct native_opts {
    const char *dialogue;
};

static const struct vmtp_option native_options[] = {
    VMTP_OPTION(struct native_opts, dialogue, STRING,
                .help = "file with a recorded dialogue that stands for the hosts, for tests without any"),
    {0},
};

struct native_host {
    char *id;
    const struct vmtp_login *login; /* the core's, for the run */
};

struct native_state {
    const struct native_opts *opts;
    struct native_host *hosts; /* in the order of --host, each once; the first is the server */
    size_t n;
    const char *interface; /* of the server, or NULL; the core's */
};

static int native_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct native_state *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->opts = opts;
    *state = made;
    return VMTP_OK;
}

/* ---- the plan ---- */

/* "user@host", "user@[2001:db8::1]:2222": as the user wrote it, without secrets. The caller frees it. */
static char *make_id(const struct vmtp_login *login)
{
    const char *user = login->user ? login->user : "", *host = login->host ? login->host : "";
    bool brackets = login->port && strchr(host, ':');
    size_t size = strlen(user) + strlen(host) + sizeof "@[]:65535";
    char *id = malloc(size);
    if (!id)
        return NULL;
    int n = snprintf(id, size, "%s%s%s%s%s", user, user[0] ? "@" : "", brackets ? "[" : "", host, brackets ? "]" : "");
    if (login->port && n > 0)
        snprintf(id + n, size - (size_t)n, ":%u", login->port);
    return id;
}

static const struct native_host *find(const struct native_state *state, const char *id)
{
    for (size_t i = 0; i < state->n; i++)
        if (strcmp(state->hosts[i].id, id) == 0)
            return &state->hosts[i];
    return NULL;
}

static int add_host(vmtp_ctx *ctx, struct native_state *state, const struct vmtp_login *login)
{
    struct native_host *hosts = realloc(state->hosts, (state->n + 1) * sizeof *hosts);
    if (!hosts)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    state->hosts = hosts;
    char *id = make_id(login);
    if (!id)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (find(state, id)) {
        vmtp_warn(ctx, "host %s is named twice: it is measured once", id);
        free(id);
        return VMTP_OK;
    }
    hosts[state->n++] = (struct native_host){.id = id, .login = login};
    return VMTP_OK;
}

static int add_flow(vmtp_ctx *ctx, const struct native_state *state, vmtp_plan *plan, size_t client)
{
    char id[400];
    snprintf(id, sizeof id, "%s:%s", path, state->hosts[client].id);
    const struct vmtp_flow flow = {
        .struct_size = sizeof flow,
        .id = id,
        .client = state->hosts[client].id,
        .server = state->hosts[0].id,
        .path = path,
        .scenario = "7",
        .label = client == 0 ? "Native intra-host" : "Native inter-host",
    };
    int rc = vmtp_plan_flow(plan, &flow);
    if (rc == VMTP_ENOMEM)
        return vmtp_fail(ctx, rc, "out of memory");
    return rc < 0 ? vmtp_fail(ctx, rc, "cannot plan the flow from %s", state->hosts[client].id) : rc;
}

static int native_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    struct native_state *native = state;
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && vmtp_plan_host(plan, i); i++)
        rc = add_host(ctx, native, vmtp_plan_host(plan, i));
    if (rc == VMTP_OK && native->n == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "name the hosts to measure with --host USER@ADDRESS, the server first");
    native->interface = vmtp_plan_interface(plan);
    for (size_t i = 0; i < native->n && rc == VMTP_OK; i++)
        if (vmtp_plan_endpoint(plan, native->hosts[i].id) < 0)
            rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    size_t first = vmtp_plan_inter_node_only(plan) && native->n > 1;
    for (size_t i = first; i < native->n && rc == VMTP_OK; i++)
        rc = add_flow(ctx, native, plan, i);
    return rc;
}

/* ---- reaching the hosts ---- */

static int log_in(vmtp_ctx *ctx, const struct native_state *state, vmtp_endpoint *ep)
{
    const struct native_host *host = find(state, vmtp_endpoint_id(ep));
    if (!host)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s is not a host of --host", vmtp_endpoint_id(ep));
    struct vmtp_login login = *host->login;
    if (state->opts->dialogue) {
        login.transport = "replay";
        login.dialogue = state->opts->dialogue;
    }
    return vmtp_endpoint_login(ctx, ep, &login);
}

/* The address of the SSH connection as a number: the host may have been named. */
static const char *connection_address(const struct native_state *state, const vmtp_endpoint *ep)
{
    const char *peer = vmtp_endpoint_text(ep, "peer_address");
    return peer ? peer : find(state, vmtp_endpoint_id(ep))->login->host;
}

static int address_of_interface(vmtp_ctx *ctx, const struct native_state *state, vmtp_endpoint *ep,
                                char address[ADDRESS_TEXT])
{
    static const char script[] = "if ip -o addr show dev \"$1\" 2>/dev/null || ifconfig \"$1\" 2>/dev/null; then :; "
                                 "else ls /sys/class/net; exit 1; fi";
    const char *const argv[] = {"sh", "-c", script, "sh", state->interface, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    if (out.exit_status != 0) {
        for (char *p = out.out; *p; p++)
            if (*p == '\n')
                *p = p[1] ? ' ' : '\0';
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s has no interface %s; it has: %s", vmtp_endpoint_id(ep),
                         state->interface, out.out);
    }
    bool ipv6 = strchr(connection_address(state, ep), ':') != NULL;
    if (parse_interface_address(out.out, ipv6, address))
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_EFAIL, "interface %s of %s has no address that other hosts can dial", state->interface,
                     vmtp_endpoint_id(ep));
}

static int set_address(vmtp_ctx *ctx, const struct native_state *state, vmtp_endpoint *ep)
{
    bool server = strcmp(vmtp_endpoint_id(ep), state->hosts[0].id) == 0;
    char interface_address[ADDRESS_TEXT];
    const char *address = connection_address(state, ep);
    if (server && state->interface) {
        int rc = address_of_interface(ctx, state, ep, interface_address);
        if (rc < 0)
            return rc;
        address = interface_address;
    }
    if (server && parse_is_link_local(address))
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "%s is an address of the local link, which other hosts cannot dial: name the server by "
                         "another address, or an interface of it to be measured (USER@ADDRESS::INTERFACE)",
                         address);
    return vmtp_endpoint_address(ctx, ep, path, address);
}

static int native_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++)
        rc = log_in(ctx, state, eps[i]);
    if (rc == VMTP_OK)
        rc = vmtp_connect(ctx, eps, n);
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        if (!vmtp_endpoint_usable(eps[i]))
            continue;
        int status = set_address(ctx, state, eps[i]);
        if (status == VMTP_ECANCELED || status == VMTP_ENOMEM)
            rc = status;
        else if (status < 0)
            vmtp_endpoint_failed(ctx, eps[i], status);
    }
    return rc;
}

static void native_close(void *state)
{
    struct native_state *native = state;
    for (size_t i = 0; i < native->n; i++)
        free(native->hosts[i].id);
    free(native->hosts);
    free(native);
}

static const struct vmtp_topology_ops native_ops = {
    .struct_size = sizeof native_ops,
    .caps = VMTP_TOPO_HOSTS | VMTP_TOPO_IPV4 | VMTP_TOPO_IPV6,
    .open = native_open,
    .plan = native_plan,
    .acquire = native_acquire,
    .close = native_close,
};

VMTP_PLUGIN(topology_native_host) = {
    VMTP_PLUGIN_HEAD,
    .name = "native-host",
    .version = "1.0",
    .summary = "hosts that exist, named by --host and reached by SSH",
    .options = native_options,
    .option_size = sizeof native_options[0],
    .opts_size = sizeof(struct native_opts),
    .topology = &native_ops,
};
