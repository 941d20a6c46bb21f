/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/log.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/secret.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

static const char SUFFIX[] = ".ledger";
static const double REMOVE_SECONDS = 60;    /* for one thing on a host */
static const double TOPOLOGY_SECONDS = 660; /* for one of a topology, which may remove all of its run at once */

static inline void vmtp_clean_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* --- things on endpoints --- */

/* The hosts of one ledger, each connected once. */
struct hosts {
    struct vmtp_endpoint **items;
    size_t n;
    char *password; /* the last that was found outside the configuration */
};

static void hosts_clear(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->n; i++)
        vmtp_endpoint_free(hosts->items[i]);
    free(hosts->items);
    vmtp_secret_free(hosts->password);
}

static struct vmtp_endpoint *find_host(const struct hosts *hosts, const char *id)
{
    for (size_t i = 0; i < hosts->n; i++)
        if (strcmp(hosts->items[i]->id, id) == 0)
            return hosts->items[i];
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The password of a host that the configuration or --host names; else that of a run's host without one of its own. */
static int add_password(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct hosts *hosts,
                        struct vmtp_login *login)
{
    for (size_t i = 0; i < settings->n_hosts; i++) {
        const struct vmtp_hostspec *host = &settings->hosts[i];
        if (same(host->user, login->user) && same(host->host, login->host) && host->port == login->port)
            login->password = host->password;
    }
    if (login->password || !login->host)
        return VMTP_OK;
    char *password;
    int rc = vmtp_secret_of_login(ctx, settings, login, hosts->password, &password);
    if (!password)
        return rc;
    vmtp_secret_free(hosts->password);
    login->password = hosts->password = password;
    return rc;
}

static int add_host(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct hosts *hosts,
                    const struct vmtp_thing *thing)
{
    if (find_host(hosts, thing->endpoint))
        return VMTP_OK;
    struct vmtp_endpoint **items = realloc(hosts->items, (hosts->n + 1) * sizeof(struct vmtp_endpoint *));
    if (!items)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    hosts->items = items;
    struct vmtp_endpoint *ep = vmtp_endpoint_new(thing->endpoint);
    if (!ep)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    items[hosts->n++] = ep;
    struct vmtp_login login = *thing->login;
    int rc = add_password(ctx, settings, hosts, &login);
    return rc < 0 ? rc : vmtp_endpoint_login(ctx, ep, &login);
}

static int connect_hosts(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const struct vmtp_ledger *ledger,
                         struct hosts *hosts)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && vmtp_ledger_thing(ledger, i, &thing, &login); i++)
        if (thing.login)
            rc = add_host(ctx, cleanup->settings, hosts, &thing);
    return rc == VMTP_OK && hosts->n ? vmtp_connect(ctx, hosts->items, hosts->n) : rc;
}

int vmtp_remove_on_host(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct vmtp_thing *thing)
{
    VMTP_CLEAN(mem) char *id = strdup(thing->id); /* the thing goes with its entry */
    if (!id)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (strcmp(thing->kind, vmtp_multicast_route_kind) == 0)
        return vmtp_multicast_route_remove(ctx, ep, id);
    return vmtp_workdir_remove(ctx, ep, id);
}

static int remove_on_host(vmtp_ctx *ctx, const struct hosts *hosts, const struct vmtp_thing *thing)
{
    struct vmtp_endpoint *ep = find_host(hosts, thing->endpoint);
    if (!ep || !vmtp_endpoint_usable(ep))
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s", ep && ep->error ? ep->error : "not connected");
    return vmtp_remove_on_host(ctx, ep, thing);
}

/* --- things of topologies --- */

/* The topologies of one ledger, each opened once: that of a cloud logs in there, and finds all of a run together. */
struct topology {
    char *name;
    const struct vmtp_loaded *loaded;
    struct vmtp_node *given, *noted; /* its options point into them */
    void *opts, *state;
    bool open;
    struct topology *next;
};

static void topologies_clear(struct topology *topology)
{
    while (topology) {
        struct topology *next = topology->next;
        if (topology->open && topology->loaded->topology.close)
            VMTP_CALL(topology->loaded, topology, close, NULL, topology->state);
        free(topology->opts);
        vmtp_node_free(topology->given);
        vmtp_node_free(topology->noted);
        free(topology->name);
        free(topology);
        topology = next;
    }
}

/* What --topology says of this one; NULL: nothing. */
static int given_options(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_plugin *plugin,
                         struct vmtp_node **map)
{
    int rc = VMTP_OK;
    *map = NULL;
    for (size_t i = 0; i < settings->topology.n && rc == VMTP_OK && !*map; i++) {
        VMTP_CLEAN(mem) char *name = NULL;
        rc = vmtp_spec_name(ctx, settings->topology.items[i], "--topology", &name);
        if (rc == VMTP_OK && strcmp(name, plugin->name) == 0)
            rc = vmtp_spec_options(ctx, settings->topology.items[i], "--topology", plugin, map);
    }
    return rc;
}

/* The ledger's options win over the files', as the thing was made with them; the command line wins over both. */
static int open_topology(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const struct vmtp_ledger *ledger,
                         struct topology *topology)
{
    int rc = vmtp_registry_get(ctx, VMTP_KIND_TOPOLOGY, topology->name, &topology->loaded);
    if (rc < 0)
        return rc;
    const struct vmtp_loaded *loaded = topology->loaded;
    if (!loaded->topology.remove)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "topology %s cannot remove anything", topology->name);
    topology->noted = vmtp_ledger_options(ledger, topology->name);
    rc = given_options(ctx, cleanup->settings, &loaded->plugin, &topology->given);
    if (rc < 0)
        return rc;
    const struct vmtp_node *configured = vmtp_node_get(cleanup->settings->topologies, topology->name);
    const struct vmtp_node *const maps[] = {configured, topology->noted, topology->given};
    rc = vmtp_options_fill(ctx, &loaded->plugin, maps, 3, &topology->opts);
    if (rc == VMTP_OK && loaded->topology.open)
        rc = VMTP_CALL(loaded, topology, open, ctx, ctx, topology->opts, &topology->state);
    topology->open = rc == VMTP_OK;
    return rc;
}

static struct topology *find_topology(struct topology **first, const char *name)
{
    struct topology *topology = *first;
    while (topology && strcmp(topology->name, name) != 0)
        topology = topology->next;
    if (topology)
        return topology;
    topology = calloc(1, sizeof *topology);
    if (!topology)
        return NULL;
    topology->name = strdup(name);
    if (!topology->name) {
        free(topology);
        return NULL;
    }
    topology->next = *first;
    *first = topology;
    return topology;
}

static int remove_by_topology(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, struct vmtp_ledger *ledger,
                              struct topology **topologies, const struct vmtp_thing *thing)
{
    struct topology *topology = find_topology(topologies, thing->topology);
    if (!topology)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = topology->open ? VMTP_OK : open_topology(ctx, cleanup, ledger, topology);
    if (rc < 0)
        return rc;
    ctx->topology = topology->name;
    ctx->settings = cleanup->settings;
    rc = VMTP_CALL(topology->loaded, topology, remove, ctx, ctx, topology->state, thing->kind, thing->id);
    return rc < 0 ? rc : vmtp_ledger_untrack(ctx, ledger, thing);
}

/* --- one ledger --- */

static int remove_thing(vmtp_ctx *parent, const struct vmtp_cleanup *cleanup, struct vmtp_ledger *ledger,
                        const struct hosts *hosts, struct topology **topologies, const struct vmtp_thing *thing)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, thing->topology ? TOPOLOGY_SECONDS : REMOVE_SECONDS);
    ctx.ledger = ledger;
    VMTP_CLEAN(mem) char *text = vmtp_thing_text(thing); /* the thing goes with its entry */
    int rc = text ? vmtp_ctx_check(&ctx) : VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = thing->topology ? remove_by_topology(&ctx, cleanup, ledger, topologies, thing)
                             : remove_on_host(&ctx, hosts, thing);
    if (rc == VMTP_OK)
        fprintf(cleanup->out, "removed %s\n", text);
    else
        vmtp_log(VMTP_LOG_ERROR, "%s is left: %s", text ? text : thing->id, vmtp_ctx_error(&ctx, rc));
    return rc;
}

static void list_things(const struct vmtp_cleanup *cleanup, const struct vmtp_ledger *ledger)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t i = vmtp_ledger_left(ledger); i-- > 0 && vmtp_ledger_thing(ledger, i, &thing, &login);) {
        VMTP_CLEAN(mem) char *text = vmtp_thing_text(&thing);
        fprintf(cleanup->out, "would remove %s\n", text ? text : thing.id);
    }
}

/* Last in, first out: what was made later may need what was made before. */
static int clean_ledger(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, struct vmtp_ledger *ledger)
{
    if (vmtp_ledger_left(ledger) == 0)
        return VMTP_OK;
    fprintf(cleanup->out, "run %s\n", vmtp_ledger_run(ledger));
    if (cleanup->dry_run) {
        list_things(cleanup, ledger);
        return VMTP_OK;
    }
    struct hosts hosts = {0};
    struct topology *topologies = NULL;
    struct vmtp_thing thing;
    struct vmtp_login login;
    int rc = connect_hosts(ctx, cleanup, ledger, &hosts);
    for (size_t i = vmtp_ledger_left(ledger); rc == VMTP_OK && i-- > 0 && vmtp_ledger_thing(ledger, i, &thing, &login);)
        if (remove_thing(ctx, cleanup, ledger, &hosts, &topologies, &thing) < 0 && vmtp_cancelled(ctx))
            rc = vmtp_fail(ctx, VMTP_ECANCELED, "interrupted");
    topologies_clear(topologies);
    hosts_clear(&hosts);
    return rc;
}

/* *alive: its run goes on. */
static int clean_file(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const char *path, bool *alive, size_t *left)
{
    struct vmtp_ledger *ledger = NULL;
    int rc = vmtp_ledger_open(ctx, path, &ledger);
    *alive = rc == VMTP_ENOTSUP;
    if (*alive)
        vmtp_log(VMTP_LOG_INFO, "the run of %s is still alive: it is left alone", path);
    if (rc < 0)
        return *alive ? VMTP_OK : rc;
    rc = clean_ledger(ctx, cleanup, ledger);
    *left += vmtp_ledger_left(ledger);
    vmtp_ledger_close(ledger);
    return rc;
}

/* --- all of them --- */

struct ledgers {
    char *newest; /* a name; of those that match */
    struct timespec time;
    size_t matches;
};

static bool is_ledger(const char *name, const char *wanted)
{
    size_t len = strlen(name), end = sizeof SUFFIX - 1;
    return name[0] != '.' && len > end && strcmp(name + len - end, SUFFIX) == 0 &&
           (!wanted || strncmp(name, wanted, strlen(wanted)) == 0);
}

static int remember(vmtp_ctx *ctx, int dir, const char *name, struct ledgers *ledgers)
{
    struct stat st;
    if (fstatat(dir, name, &st, 0) < 0)
        return VMTP_OK;
    ledgers->matches++;
    bool newer = st.st_mtim.tv_sec > ledgers->time.tv_sec ||
                 (st.st_mtim.tv_sec == ledgers->time.tv_sec && st.st_mtim.tv_nsec > ledgers->time.tv_nsec);
    if (ledgers->newest && !newer)
        return VMTP_OK;
    ledgers->time = st.st_mtim;
    return vmtp_set_text(&ledgers->newest, name) < 0 ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

/* One that is not understood does not keep the others from being removed; the first error is the answer. */
static int clean_all(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const char *dir_path, DIR *dir, size_t *left)
{
    int first = VMTP_OK;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)) && !vmtp_cancelled(ctx)) {
        if (!is_ledger(entry->d_name, NULL))
            continue;
        VMTP_CLEAN(ctx) struct vmtp_ctx own;
        vmtp_ctx_child(&own, ctx, 0);
        VMTP_CLEAN(mem) char *path = vmtp_format("%s/%s", dir_path, entry->d_name);
        bool alive;
        int rc = path ? clean_file(&own, cleanup, path, &alive, left) : VMTP_ENOMEM;
        if (rc < 0 && path && access(path, F_OK) < 0 && errno == ENOENT)
            continue; /* its run has ended meanwhile: nothing is left */
        if (rc < 0 && first == VMTP_OK)
            first = vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
    }
    return first;
}

static int clean_one(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const char *path, size_t *left)
{
    bool alive;
    int rc = clean_file(ctx, cleanup, path, &alive, left);
    if (rc == VMTP_OK && alive)
        return vmtp_fail(ctx, VMTP_EFAIL, "the run of %s is still alive: end it first", path);
    return rc;
}

static int clean_named(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, const char *dir_path, DIR *dir, size_t *left)
{
    const char *run = strcmp(cleanup->run, "last") == 0 ? NULL : cleanup->run;
    struct ledgers ledgers = {0};
    const struct dirent *entry;
    int rc = VMTP_OK;
    while (dir && rc == VMTP_OK && (entry = readdir(dir)))
        if (is_ledger(entry->d_name, run))
            rc = remember(ctx, dirfd(dir), entry->d_name, &ledgers);
    VMTP_CLEAN(mem) char *newest = ledgers.newest;
    if (rc < 0)
        return rc;
    if (!newest) {
        vmtp_log(run ? VMTP_LOG_WARNING : VMTP_LOG_INFO, "no ledger in %s is named \"%s\": nothing is left", dir_path,
                 cleanup->run);
        return VMTP_OK;
    }
    if (run && ledgers.matches > 1)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%zu ledgers in %s begin with \"%s\": give more of it", ledgers.matches,
                         dir_path, run);
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/%s", dir_path, newest);
    return path ? clean_one(ctx, cleanup, path, left) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_cleanup(vmtp_ctx *ctx, const struct vmtp_cleanup *cleanup, size_t *left)
{
    *left = 0;
    if (cleanup->run && !*cleanup->run) /* every name begins with it */
        return vmtp_fail(ctx, VMTP_ECONFIG, "the name of the run is empty");
    if (cleanup->run && strchr(cleanup->run, '/'))
        return clean_one(ctx, cleanup, cleanup->run, left);
    VMTP_CLEAN(mem) char *path = vmtp_state_path("runs");
    if (!path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    VMTP_CLEAN(dir) DIR *dir = opendir(path);
    if (!dir && errno != ENOENT)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path, vmtp_errno());
    return cleanup->run ? clean_named(ctx, cleanup, path, dir, left) : clean_all(ctx, cleanup, path, dir, left);
}
