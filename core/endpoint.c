/* SPDX-License-Identifier: Apache-2.0 */
#include "core/endpoint.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

enum {
    CONNECT_THREADS_MAX = 64, /* hosts that are connected at the same time */
    FACT_MAX = 128,           /* a longer answer is no name or version */
};

static const double REVIVE_SECONDS = 8; /* with all that is around it the flow has failed within 10 s */

int vmtp_pairs_set(struct vmtp_pairs *pairs, const char *name, const char *text)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (strcmp(pairs->items[i].name, name) == 0)
            return vmtp_set_text(&pairs->items[i].text, text);

    struct vmtp_pair *items = realloc(pairs->items, (pairs->n + 1) * sizeof *items);
    if (!items)
        return VMTP_ENOMEM;
    pairs->items = items;
    struct vmtp_pair pair = {0};
    if (vmtp_set_text(&pair.name, name) < 0 || vmtp_set_text(&pair.text, text) < 0) {
        free(pair.name);
        return VMTP_ENOMEM;
    }
    items[pairs->n++] = pair;
    return VMTP_OK;
}

const char *vmtp_pairs_get(const struct vmtp_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (strcmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].text;
    return NULL;
}

void vmtp_pairs_clear(struct vmtp_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        free(pairs->items[i].name);
        vmtp_secret_free(pairs->items[i].text); /* a login has a password */
    }
    free(pairs->items);
    *pairs = (struct vmtp_pairs){0};
}

struct vmtp_endpoint *vmtp_endpoint_new(const char *id)
{
    struct vmtp_endpoint *ep = calloc(1, sizeof *ep);
    if (!ep)
        return NULL;
    ep->id = strdup(id);
    if (!ep->id) {
        free(ep);
        return NULL;
    }
    return ep;
}

static void disconnect(struct vmtp_endpoint *ep)
{
    if (ep->state == VMTP_EP_CONNECTED || ep->link)
        ep->transport->disconnect(ep);
    ep->link = NULL;
}

void vmtp_endpoint_disconnect(struct vmtp_endpoint *ep)
{
    disconnect(ep);
    ep->state = ep->state == VMTP_EP_CONNECTED ? VMTP_EP_NEW : ep->state;
}

void vmtp_endpoint_free(struct vmtp_endpoint *ep)
{
    if (!ep)
        return;
    disconnect(ep);
    vmtp_pairs_clear(&ep->login_text);
    vmtp_pairs_clear(&ep->addresses);
    vmtp_pairs_clear(&ep->properties);
    vmtp_pairs_clear(&ep->programs);
    free(ep->error);
    free(ep->workdir);
    free(ep->id);
    free(ep);
}

const char *vmtp_endpoint_id(const vmtp_endpoint *ep)
{
    return ep->id;
}

/* Copies one text of a login; the endpoint's copy is what *field then points to. */
static int keep_text(struct vmtp_pairs *texts, const char *name, const char **field)
{
    if (!*field)
        return VMTP_OK;
    if (vmtp_pairs_set(texts, name, *field) < 0)
        return VMTP_ENOMEM;
    *field = vmtp_pairs_get(texts, name);
    return VMTP_OK;
}

int vmtp_endpoint_login(vmtp_ctx *ctx, vmtp_endpoint *ep, const struct vmtp_login *login)
{
    struct vmtp_login copy = {0};
    memcpy(&copy, login, login->struct_size < sizeof copy ? login->struct_size : sizeof copy);
    copy.struct_size = sizeof copy;
    if (!copy.transport)
        copy.transport = "ssh";

    struct vmtp_pairs texts = {0};
    const struct {
        const char *name, **field;
    } fields[] = {
        {"transport", &copy.transport}, {"user", &copy.user},         {"host", &copy.host},
        {"key_file", &copy.key_file},   {"password", &copy.password}, {"via", &copy.via},
        {"netns", &copy.netns},         {"dialogue", &copy.dialogue},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (keep_text(&texts, fields[i].name, fields[i].field) < 0) {
            vmtp_pairs_clear(&texts);
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        }
    disconnect(ep);
    vmtp_pairs_clear(&ep->login_text);
    vmtp_pairs_clear(&ep->programs);
    ep->login_text = texts;
    ep->login = copy;
    ep->state = VMTP_EP_NEW;
    return VMTP_OK;
}

int vmtp_endpoint_address(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *path, const char *address)
{
    int rc = vmtp_pairs_set(&ep->addresses, path, address);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

int vmtp_endpoint_property(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *name, const char *text)
{
    int rc = vmtp_pairs_set(&ep->properties, name, text);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

const char *vmtp_endpoint_text(const vmtp_endpoint *ep, const char *name)
{
    return vmtp_pairs_get(&ep->properties, name);
}

void vmtp_endpoint_failed(vmtp_ctx *ctx, vmtp_endpoint *ep, int status)
{
    if (ep->state != VMTP_EP_FAILED) { /* what went wrong first is the cause of the rest */
        ep->state = VMTP_EP_FAILED;
        ep->status = status;
        (void)vmtp_set_text(&ep->error, vmtp_ctx_error(ctx, status));
    }
    vmtp_ctx_forget(ctx);
}

bool vmtp_endpoint_usable(const vmtp_endpoint *ep)
{
    return ep->state != VMTP_EP_FAILED;
}

/* One command, as each round trip counts over SSH, and two programs, as a host may have many sessions to let in. uname
 * prints in the order node, release, machine, however it is asked. */
static const char ask_facts[] =
    "set -f; set -- $(uname -nrm); echo \"hostname=$1\"; echo \"kernel=$2\"; echo \"arch=$3\"; "
    "for d in /etc /usr/lib; do [ ! -r $d/os-release ] || exec cat $d/os-release; done";

/* The value of a line NAME=value with the quotes of os-release(5) taken off. */
static void fact_value(const char *value, size_t n, char out[FACT_MAX])
{
    size_t used = 0;
    char quote = n && (*value == '"' || *value == '\'') ? *value : '\0';
    for (size_t i = quote != '\0'; i < n && used < FACT_MAX - 1 && !(quote && value[i] == quote); i++) {
        if (quote == '"' && value[i] == '\\' && i + 1 < n)
            i++;
        out[used++] = value[i];
    }
    out[used] = '\0';
    vmtp_printable(out);
}

int vmtp_facts_parse(struct vmtp_pairs *properties, const char *text)
{
    static const struct {
        const char *key, *property;
    } facts[] = {
        {"kernel=", "kernel"}, {"arch=", "arch"},                 {"hostname=", "hostname"},
        {"ID=", "distro_id"},  {"VERSION_ID=", "distro_version"},
    };
    while (*text) {
        size_t n = strcspn(text, "\n");
        for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
            size_t key = strlen(facts[i].key);
            if (n <= key || strncmp(text, facts[i].key, key) != 0)
                continue;
            char value[FACT_MAX];
            fact_value(text + key, n - key, value);
            if (value[0] && vmtp_pairs_set(properties, facts[i].property, value) < 0)
                return VMTP_ENOMEM;
        }
        text += n + (text[n] == '\n');
    }
    return VMTP_OK;
}

int vmtp_endpoint_facts(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    if (vmtp_pairs_get(&ep->properties, "kernel"))
        return VMTP_OK;
    static const char *const argv[] = {"sh", "-c", ask_facts, "vmtp-facts", NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    rc = vmtp_facts_parse(&ep->properties, out.out);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

static int connect_one(struct vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    ep->transport = vmtp_transport_find(ep->login.transport ? ep->login.transport : "");
    if (!ep->transport)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "no way to reach it by \"%s\"",
                         ep->login.transport ? ep->login.transport : "");
    int rc = ep->transport->connect(ctx, ep);
    if (rc < 0)
        return rc;
    ep->state = VMTP_EP_CONNECTED;
    if (ep->transport->patience)
        ep->transport->patience(ep, VMTP_SILENCE_SECONDS);
    return vmtp_endpoint_facts(ctx, ep);
}

int vmtp_endpoint_revive(vmtp_ctx *parent, struct vmtp_endpoint *ep)
{
    if (ep->state != VMTP_EP_CONNECTED || !ep->transport->lost || !ep->transport->lost(ep))
        return VMTP_OK;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, REVIVE_SECONDS);
    vmtp_info(&ctx, "the connection to %s is lost: connecting again", ep->id);
    disconnect(ep);
    ep->state = VMTP_EP_NEW;
    int rc = connect_one(&ctx, ep);
    if (rc == VMTP_OK || vmtp_cancelled(&ctx))
        return rc;
    vmtp_ctx_frame(&ctx, "the connection was lost");
    vmtp_endpoint_failed(&ctx, ep, rc);
    return VMTP_OK;
}

struct connecting {
    const struct vmtp_ctx *ctx;
    vmtp_endpoint *const *eps;
    size_t n;
    atomic_size_t next;
    atomic_int canceled;
};

static void *connect_some(void *arg)
{
    struct connecting *work = arg;
    for (size_t i = atomic_fetch_add(&work->next, 1); i < work->n; i = atomic_fetch_add(&work->next, 1)) {
        if (work->eps[i]->state != VMTP_EP_NEW)
            continue;
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_child(&ctx, work->ctx, 0);
        int rc = connect_one(&ctx, work->eps[i]);
        if (rc == VMTP_ECANCELED)
            atomic_store(&work->canceled, 1);
        if (rc < 0)
            vmtp_endpoint_failed(&ctx, work->eps[i], rc);
        else if (ctx.connected && work->eps[i]->login.fresh)
            ctx.connected(ctx.connected_arg, &ctx, work->eps[i]);
    }
    return NULL;
}

int vmtp_connect(vmtp_ctx *ctx, vmtp_endpoint *const *eps, size_t n)
{
    struct connecting work = {.ctx = ctx, .eps = eps, .n = n};
    pthread_t threads[CONNECT_THREADS_MAX];
    size_t started = 0;
    while (started + 1 < n && started < CONNECT_THREADS_MAX &&
           pthread_create(&threads[started], NULL, connect_some, &work) == 0)
        started++;
    (void)connect_some(&work); /* this thread takes part, so it also works when no other could be made */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&work.canceled) ? vmtp_fail(ctx, VMTP_ECANCELED, "interrupted") : VMTP_OK;
}
