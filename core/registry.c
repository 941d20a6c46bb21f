/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/options.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char *const kind_names[] = {"tool", "sink", "topology"};
static char *search_path;
static struct vmtp_loaded **registry;
static size_t n_registry;

const char *vmtp_kind_name(enum vmtp_kind kind)
{
    return kind_names[kind];
}

bool vmtp_kind_by_name(const char *name, enum vmtp_kind *kind)
{
    for (int k = 0; k < VMTP_KINDS; k++) {
        if (strcmp(name, kind_names[k]) == 0) {
            *kind = (enum vmtp_kind)k;
            return true;
        }
    }
    return false;
}

/* The plugins beside a program that is run where it was built, BUILD/core/.libs/vmtp (libtool may put "lt-" before the
 * name): whoever can write there can write the program as well. Nothing of that place is compiled in, so an installed
 * program never looks there. A link to a program with more rights than its user's would: not for that one. */
static char *build_tree_plugins(void)
{
    static const char *const programs[] = {"/core/.libs/vmtp", "/core/.libs/lt-vmtp"};
    char exe[4096];
    ssize_t len = getauxval(AT_SECURE) ? -1 : readlink("/proc/self/exe", exe, sizeof exe);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        ssize_t end = (ssize_t)strlen(programs[i]);
        if (len > end && len < (ssize_t)sizeof exe && memcmp(exe + len - end, programs[i], (size_t)end) == 0)
            return vmtp_format("%.*s/.libs:", (int)(len - end), exe);
    }
    return strdup("");
}

/* A directory that somebody has just named should be there. */
static void warn_missing(const char *directories)
{
    VMTP_CLEAN(mem) char *copy = strdup(directories);
    char *rest = copy;
    for (char *directory; (directory = strsep(&rest, ":"));)
        if (*directory && access(directory, R_OK | X_OK) < 0)
            vmtp_log(VMTP_LOG_WARNING, "plugin path: %s: %s", directory, vmtp_errno());
}

int vmtp_registry_set_path(const char *extra)
{
    const char *environment = secure_getenv("VMTP_PLUGIN_PATH");
    VMTP_CLEAN(mem) char *build = build_tree_plugins();
    char *path = build ? vmtp_format("%s%s%s%s%s%s", extra ? extra : "", extra ? ":" : "",
                                     environment ? environment : "", environment ? ":" : "", build, VMTP_PLUGINDIR)
                       : NULL;
    if (!path)
        return VMTP_ENOMEM;
    if (extra && (!search_path || strcmp(path, search_path) != 0)) /* once, though it is set again with the settings */
        warn_missing(extra);
    free(search_path);
    search_path = path;
    return VMTP_OK;
}

/* --- the check of a descriptor --- */

bool vmtp_plugin_name_valid(const char *name)
{
    if (!name || !islower((unsigned char)name[0]) || strlen(name) > 40)
        return false;
    for (const char *p = name; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '-')
            return false;
    return true;
}

/* Copies the smaller of both sizes over zeroes. The first member of every such struct is its size. */
static void copy_grown(void *ours, size_t our_size, const void *theirs)
{
    uint32_t their_size;
    memcpy(&their_size, theirs, sizeof their_size);
    memset(ours, 0, our_size);
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
}

/* Up to and with this member a struct of the first ABI had to be. */
#define REACHES(S, member) (offsetof(S, member) + sizeof(((S *)0)->member))
#define SIZE_OF(ops) (*(const uint32_t *)(ops))

static int adopt_ops(vmtp_ctx *ctx, struct vmtp_loaded *loaded)
{
    struct vmtp_plugin *plugin = &loaded->plugin;
    if (!!plugin->tool + !!plugin->sink + !!plugin->topology != 1)
        return vmtp_fail(ctx, VMTP_EFAIL, "sets %s of tool, sink and topology, and has to set exactly one",
                         plugin->tool || plugin->sink || plugin->topology ? "several" : "none");
    const char *missing = NULL;
    if (plugin->tool) {
        loaded->kind = VMTP_KIND_TOOL;
        if (SIZE_OF(plugin->tool) < REACHES(struct vmtp_tool_ops, close))
            return vmtp_fail(ctx, VMTP_EFAIL, "struct_size %u of its tool is too small", SIZE_OF(plugin->tool));
        copy_grown(&loaded->tool, sizeof loaded->tool, plugin->tool);
        plugin->tool = &loaded->tool;
        missing = loaded->tool.measure ? NULL : "measure";
    } else if (plugin->sink) {
        loaded->kind = VMTP_KIND_SINK;
        if (SIZE_OF(plugin->sink) < REACHES(struct vmtp_sink_ops, close))
            return vmtp_fail(ctx, VMTP_EFAIL, "struct_size %u of its sink is too small", SIZE_OF(plugin->sink));
        copy_grown(&loaded->sink, sizeof loaded->sink, plugin->sink);
        plugin->sink = &loaded->sink;
        missing = loaded->sink.event ? NULL : "event";
    } else {
        loaded->kind = VMTP_KIND_TOPOLOGY;
        if (SIZE_OF(plugin->topology) < REACHES(struct vmtp_topology_ops, close))
            return vmtp_fail(ctx, VMTP_EFAIL, "struct_size %u of its topology is too small", SIZE_OF(plugin->topology));
        copy_grown(&loaded->topology, sizeof loaded->topology, plugin->topology);
        plugin->topology = &loaded->topology;
        missing = loaded->topology.plan ? NULL : "plan";
    }
    if (missing)
        return vmtp_fail(ctx, VMTP_EFAIL, "lacks the required function %s", missing);
    return VMTP_OK;
}

static int check_descriptor(vmtp_ctx *ctx, const struct vmtp_plugin *theirs)
{
    if (theirs->abi != VMTP_PLUGIN_ABI)
        return vmtp_fail(ctx, VMTP_EFAIL, "was built for plugin ABI %u, this VMTP has %u: rebuild it", theirs->abi,
                         VMTP_PLUGIN_ABI);
    if (theirs->struct_size < REACHES(struct vmtp_plugin, topology))
        return vmtp_fail(ctx, VMTP_EFAIL, "struct_size %u is too small", theirs->struct_size);
    if (!vmtp_plugin_name_valid(theirs->name))
        return vmtp_fail(ctx, VMTP_EFAIL, "has no valid name");
    if (!theirs->version || !theirs->summary)
        return vmtp_fail(ctx, VMTP_EFAIL, "has no %s", theirs->version ? "summary" : "version");
    return VMTP_OK;
}

void vmtp_loaded_free(struct vmtp_loaded *loaded)
{
    if (!loaded)
        return;
    free(loaded->options);
    free(loaded->file);
    free(loaded);
}

int vmtp_registry_adopt(vmtp_ctx *ctx, const struct vmtp_plugin *theirs, const char *file, struct vmtp_loaded **result)
{
    int rc = check_descriptor(ctx, theirs);
    struct vmtp_loaded *loaded = rc < 0 ? NULL : calloc(1, sizeof *loaded);
    if (loaded) {
        copy_grown(&loaded->plugin, sizeof loaded->plugin, theirs);
        rc = adopt_ops(ctx, loaded);
        if (rc == VMTP_OK)
            rc = vmtp_options_adopt(ctx, &loaded->plugin, &loaded->options);
        if (rc == VMTP_OK)
            rc = vmtp_options_verify(ctx, &loaded->plugin);
        if (rc == VMTP_OK)
            rc = vmtp_set_text(&loaded->file, file);
    } else if (rc == VMTP_OK) {
        rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    if (rc < 0) {
        vmtp_ctx_frame(ctx, "%s", file);
        vmtp_loaded_free(loaded);
        return rc;
    }
    *result = loaded;
    return VMTP_OK;
}

/* --- candidates: the file names alone --- */

/* "tool-iperf.so" -> TOOL, "iperf". */
static bool split_file_name(const char *file, enum vmtp_kind *kind, char **name)
{
    size_t len = strlen(file);
    if (len < 4 || strcmp(file + len - 3, ".so") != 0)
        return false;
    for (int k = 0; k < VMTP_KINDS; k++) {
        size_t prefix = strlen(kind_names[k]);
        if (strncmp(file, kind_names[k], prefix) != 0 || file[prefix] != '-' || prefix + 1 >= len - 3)
            continue;
        *kind = (enum vmtp_kind)k;
        *name = strndup(file + prefix + 1, len - 3 - prefix - 1);
        return *name != NULL;
    }
    return false;
}

struct candidates {
    struct vmtp_candidate *items;
    size_t n;
};

/* Owns name and path. The first of a name wins. */
static int candidates_add(struct candidates *list, enum vmtp_kind kind, char *name, char *path)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind == kind && strcmp(list->items[i].name, name) == 0) {
            free(name);
            free(path);
            return VMTP_OK;
        }
    }
    struct vmtp_candidate *grown = realloc(list->items, (list->n + 1) * sizeof *grown);
    if (!grown) {
        free(name);
        free(path);
        return VMTP_ENOMEM;
    }
    list->items = grown;
    list->items[list->n++] = (struct vmtp_candidate){.kind = kind, .name = name, .path = path};
    return VMTP_OK;
}

static int candidates_scan(struct candidates *list, const char *directory)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return errno == ENOMEM ? VMTP_ENOMEM : VMTP_OK; /* a directory of the search path need not exist */
    int rc = VMTP_OK;
    for (struct dirent *entry; rc == VMTP_OK && (entry = readdir(dir));) {
        enum vmtp_kind kind;
        char *name = NULL;
        errno = 0;
        if (!split_file_name(entry->d_name, &kind, &name)) {
            rc = errno == ENOMEM ? VMTP_ENOMEM : VMTP_OK;
            continue;
        }
        char *path = vmtp_format("%s/%s", directory, entry->d_name);
        if (path) {
            rc = candidates_add(list, kind, name, path);
        } else {
            free(name);
            rc = VMTP_ENOMEM;
        }
    }
    closedir(dir);
    return rc;
}

static int candidates_builtin(struct candidates *list)
{
    const char *module;
    for (size_t i = 0; (module = vmtp_loader_builtin(i)); i++) {
        VMTP_CLEAN(mem) char *file = vmtp_format("%s.so", module);
        enum vmtp_kind kind;
        char *name;
        if (!file)
            return VMTP_ENOMEM;
        if (split_file_name(file, &kind, &name)) {
            int rc = candidates_add(list, kind, name, NULL);
            if (rc < 0)
                return rc;
        }
    }
    return VMTP_OK;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct vmtp_candidate *x = a, *y = b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

int vmtp_registry_candidates(struct vmtp_candidate **candidates, size_t *n)
{
    if (!search_path && vmtp_registry_set_path(NULL) < 0)
        return VMTP_ENOMEM;
    VMTP_CLEAN(mem) char *path = strdup(search_path);
    struct candidates list = {0};
    int rc = path ? VMTP_OK : VMTP_ENOMEM;
    char *rest = path;
    for (char *directory; rc == VMTP_OK && (directory = strsep(&rest, ":"));)
        if (*directory)
            rc = candidates_scan(&list, directory);
    if (rc == VMTP_OK)
        rc = candidates_builtin(&list);
    if (rc < 0) {
        vmtp_candidates_free(list.items, list.n);
        return rc;
    }
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, compare_candidates);
    *candidates = list.items;
    *n = list.n;
    return VMTP_OK;
}

void vmtp_candidates_free(struct vmtp_candidate *candidates, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(candidates[i].name);
        free(candidates[i].path);
    }
    free(candidates);
}

int vmtp_registry_candidate_of(vmtp_ctx *ctx, const char *file, struct vmtp_candidate *candidate)
{
    const char *slash = strrchr(file, '/');
    enum vmtp_kind kind;
    char *name;
    if (!split_file_name(slash ? slash + 1 : file, &kind, &name))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: the file of a plugin is called KIND-NAME.so, KIND being tool, sink or "
                         "topology", file);
    char *path = slash ? strdup(file) : vmtp_format("./%s", file); /* by its name alone it would be searched for */
    if (!path) {
        free(name);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    *candidate = (struct vmtp_candidate){.kind = kind, .name = name, .path = path};
    return VMTP_OK;
}

/* --- loading --- */

int vmtp_registry_load(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, const char *path,
                       struct vmtp_loaded **loaded)
{
    VMTP_CLEAN(mem) char *module = vmtp_format("%s-%s", kind_names[kind], name);
    if (!module)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    VMTP_CLEAN(call) struct vmtp_call call; /* constructors run, and what the descriptor points to is read */
    vmtp_call_begin(&call, "plugin", path ? path : module, "load", NULL);
    const struct vmtp_plugin *theirs = NULL;
    int rc = vmtp_loader_open(ctx, module, path, &theirs);
    if (rc == VMTP_OK)
        rc = vmtp_registry_adopt(ctx, theirs, path ? path : "(built in)", loaded);
    if (rc < 0)
        return rc;
    if ((*loaded)->kind != kind || strcmp((*loaded)->plugin.name, name) != 0) {
        rc = vmtp_fail(ctx, VMTP_EFAIL, "%s calls itself %s-%s: the file name has to say the same", (*loaded)->file,
                       kind_names[(*loaded)->kind], (*loaded)->plugin.name);
        vmtp_loaded_free(VMTP_TAKE(*loaded));
    }
    return rc;
}

static int unknown_plugin(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name,
                          const struct vmtp_candidate *candidates, size_t n)
{
    VMTP_CLEAN(mem) const char **names = calloc(n + 1, sizeof *names);
    VMTP_CLEAN(buf) struct vmtp_buf installed = VMTP_BUF(1000);
    size_t count = 0;
    for (size_t i = 0; names && i < n; i++) {
        if (candidates[i].kind != kind)
            continue;
        (void)vmtp_buf_printf(&installed, "%s%s", count ? ", " : "", candidates[i].name);
        names[count++] = candidates[i].name;
    }
    const char *nearest = names ? vmtp_nearest(name, names) : NULL;
    if (nearest)
        return vmtp_fail(ctx, VMTP_ECONFIG, "no %s is called '%s': did you mean '%s'?", kind_names[kind], name,
                         nearest);
    if (count == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "no %s is called '%s': there is none at all in %s; --plugin-path or "
                         "VMTP_PLUGIN_PATH names another directory", kind_names[kind], name, search_path);
    return vmtp_fail(ctx, VMTP_ECONFIG, "no %s is called '%s'; installed: %s", kind_names[kind], name,
                     vmtp_buf_text(&installed));
}

static int load_by_name(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, struct vmtp_loaded **loaded)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    int rc = vmtp_registry_candidates(&candidates, &n);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    const struct vmtp_candidate *found = NULL;
    for (size_t i = 0; i < n && !found; i++)
        if (candidates[i].kind == kind && vmtp_same_name(candidates[i].name, name))
            found = &candidates[i];
    if (found)
        rc = vmtp_registry_load(ctx, kind, found->name, found->path, loaded);
    else
        rc = unknown_plugin(ctx, kind, name, candidates, n);
    vmtp_candidates_free(candidates, n);
    return rc;
}

/* A name with a slash is a file: DIR/KIND-NAME.so */
static int load_by_path(vmtp_ctx *ctx, enum vmtp_kind kind, const char *path, struct vmtp_loaded **loaded)
{
    VMTP_CLEAN(mem) char *name = NULL;
    enum vmtp_kind named;
    if (!split_file_name(strrchr(path, '/') + 1, &named, &name) || named != kind)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: the file of a %s is called %s-NAME.so", path, kind_names[kind],
                         kind_names[kind]);
    return vmtp_registry_load(ctx, kind, name, path, loaded);
}

int vmtp_registry_get(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, const struct vmtp_loaded **result)
{
    bool is_path = strchr(name, '/') != NULL;
    for (size_t i = 0; i < n_registry; i++) {
        const struct vmtp_loaded *known = registry[i];
        if (known->kind == kind &&
            (is_path ? strcmp(known->file, name) == 0 : vmtp_same_name(known->plugin.name, name))) {
            *result = known;
            return VMTP_OK;
        }
    }
    struct vmtp_loaded *loaded = NULL;
    int rc = is_path ? load_by_path(ctx, kind, name, &loaded) : load_by_name(ctx, kind, name, &loaded);
    if (rc < 0)
        return rc;
    struct vmtp_loaded **grown = realloc(registry, (n_registry + 1) * sizeof(struct vmtp_loaded *));
    if (!grown) {
        vmtp_loaded_free(loaded);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    registry = grown;
    registry[n_registry++] = loaded;
    *result = loaded;
    vmtp_debug(ctx, "loaded %s %s %s from %s", kind_names[kind], loaded->plugin.name, loaded->plugin.version,
               loaded->file);
    return VMTP_OK;
}
