/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/options.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/json.h"
#include "core/util/str.h"

enum { FILE_MAX = 64 << 20 };

struct vmtp_ledger {
    char *run;
    char *path; /* NULL: not on disk yet */
    int fd;     /* holds the lock; -1: not on disk */
    off_t size; /* of what is whole */
    json_t *things;     /* array: what is there now */
    json_t *topologies; /* object: name to options */
    json_t *written;    /* object: the topologies that are on disk */
    pthread_mutex_t mutex;
};

static void unlock(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}

/* Holds the mutex to the end of the scope. */
#define LOCKED(ledger)                                                             \
    __attribute__((cleanup(unlock))) pthread_mutex_t *locked_ = &(ledger)->mutex; \
    pthread_mutex_lock(locked_)

static int no_memory(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* --- in memory --- */

struct vmtp_ledger *vmtp_ledger_new(const char *run_uuid)
{
    struct vmtp_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        return NULL;
    ledger->fd = -1;
    pthread_mutex_init(&ledger->mutex, NULL);
    ledger->run = strdup(run_uuid);
    ledger->things = json_array();
    ledger->topologies = json_object();
    ledger->written = json_object();
    if (ledger->run && ledger->things && ledger->topologies && ledger->written)
        return ledger;
    vmtp_ledger_close(ledger);
    return NULL;
}

/* NULL: out of memory. */
static json_t *login_to_json(const struct vmtp_login *login)
{
    VMTP_CLEAN(json) json_t *json = json_object();
    int bad = vmtp_json_set_text(json, "transport", login->transport);
    bad |= vmtp_json_set_text(json, "user", login->user);
    bad |= vmtp_json_set_text(json, "host", login->host);
    bad |= vmtp_json_set_text(json, "key_file", login->key_file);
    bad |= vmtp_json_set_text(json, "via", login->via);
    if (login->port)
        bad |= json_object_set_new(json, "port", json_integer(login->port));
    return bad ? NULL : VMTP_TAKE(json);
}

static json_t *thing_to_json(const struct vmtp_thing *thing)
{
    VMTP_CLEAN(json) json_t *json = json_object();
    int bad = vmtp_json_set_text(json, "topology", thing->topology);
    bad |= vmtp_json_set_text(json, "endpoint", thing->endpoint);
    bad |= vmtp_json_set_text(json, "kind", thing->kind);
    bad |= vmtp_json_set_text(json, "id", thing->id);
    if (thing->login)
        bad |= json_object_set_new(json, "login", login_to_json(thing->login));
    return bad ? NULL : VMTP_TAKE(json);
}

static const char *text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static bool same_text(const json_t *a, const json_t *b, const char *name)
{
    const char *x = text_of(a, name), *y = text_of(b, name);
    return x && y ? strcmp(x, y) == 0 : !x && !y;
}

static bool same_thing(const json_t *a, const json_t *b)
{
    return same_text(a, b, "topology") && same_text(a, b, "endpoint") && same_text(a, b, "kind") &&
           same_text(a, b, "id");
}

static bool is_thing(const json_t *thing)
{
    return text_of(thing, "kind") && text_of(thing, "id") &&
           (text_of(thing, "topology") || (text_of(thing, "endpoint") && json_object_get(thing, "login")));
}

/* json_array_size() when it is not there. */
static size_t find_thing(const struct vmtp_ledger *ledger, const json_t *thing)
{
    size_t n = json_array_size(ledger->things), i = 0;
    while (i < n && !same_thing(json_array_get(ledger->things, i), thing))
        i++;
    return i;
}

/* --- on disk --- */

/* {NAME: value} as one line; half a line is cut off again. */
static int write_line(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const json_t *line)
{
    VMTP_CLEAN(mem) char *text = vmtp_json_dump(line, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;
    if (!text)
        return no_memory(ctx);
    text[len++] = '\n'; /* in place of the NUL */
    if (vmtp_write_all(ledger->fd, text, len) < 0 || fsync(ledger->fd) < 0) {
        int rc = vmtp_fail(ctx, VMTP_EFAIL, "cannot write the ledger %s: %s", ledger->path, vmtp_errno());
        if (ftruncate(ledger->fd, ledger->size) < 0)
            return rc; /* what is torn is left out when it is read */
        return rc;
    }
    ledger->size += (off_t)len;
    return VMTP_OK;
}

static int write_member(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const char *name, json_t *value)
{
    VMTP_CLEAN(json) json_t *line = json_pack("{s:O}", name, value);
    return write_line(ctx, ledger, line);
}

static int sync_directory(vmtp_ctx *ctx, const char *path)
{
    VMTP_CLEAN(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path, vmtp_errno());
    return VMTP_OK;
}

/* Locked and with its first line before it gets its name: nobody ever sees a ledger that is not. */
static int create_named(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const char *dir, const char *beside)
{
    ledger->fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (ledger->fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot write the ledger %s: %s", ledger->path, vmtp_errno());
    ledger->size = 0;
    VMTP_CLEAN(json) json_t *head = json_pack("{s:i,s:s}", "vmtp_ledger", VMTP_LEDGER_VERSION, "run", ledger->run);
    int rc = write_line(ctx, ledger, head);
    if (rc == VMTP_OK && (flock(ledger->fd, LOCK_EX | LOCK_NB) < 0 || rename(beside, ledger->path) < 0))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "cannot make the ledger %s: %s", ledger->path, vmtp_errno());
    if (rc == VMTP_OK)
        return sync_directory(ctx, dir);
    unlink(beside);
    return rc;
}

static int create(vmtp_ctx *ctx, struct vmtp_ledger *ledger)
{
    VMTP_CLEAN(mem) char *dir = vmtp_state_path("runs");
    if (!dir)
        return no_memory(ctx);
    int rc = vmtp_make_dirs(ctx, dir);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(mem) char *beside = vmtp_format("%s/.%s.ledger", dir, ledger->run);
    free(ledger->path);
    ledger->path = vmtp_format("%s/%s.ledger", dir, ledger->run);
    if (!beside || !ledger->path)
        return no_memory(ctx);
    rc = create_named(ctx, ledger, dir, beside);
    if (rc < 0 && ledger->fd >= 0) {
        close(ledger->fd);
        ledger->fd = -1;
    }
    return rc;
}

/* --- topologies --- */

static int put_option(json_t *object, const struct vmtp_option *option, const struct vmtp_node *const maps[], size_t n)
{
    const struct vmtp_node *last = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct vmtp_node *node = vmtp_node_get(maps[i], option->name);
        if (node && node->kind != VMTP_NODE_LIST && node->kind != VMTP_NODE_MAP)
            last = node;
    }
    if (!last || (option->flags & VMTP_OPT_SECRET))
        return 0;
    return last->kind == VMTP_NODE_NULL ? json_object_set_new(object, option->name, json_null())
                                        : vmtp_json_set_text(object, option->name, last->text);
}

int vmtp_ledger_topology(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_plugin *plugin,
                         const struct vmtp_node *const maps[], size_t n)
{
    LOCKED(ledger);
    VMTP_CLEAN(json) json_t *options = json_object();
    const struct vmtp_option *option;
    int bad = 0;
    for (size_t i = 0; (option = vmtp_option_at(plugin, i)); i++)
        bad |= put_option(options, option, maps, n);
    return bad || json_object_set(ledger->topologies, plugin->name, options) < 0 ? no_memory(ctx) : VMTP_OK;
}

/* A topology's options stand in front of its first thing. */
static int write_topology(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const char *name)
{
    json_t *options = name ? json_object_get(ledger->topologies, name) : NULL;
    if (!options || json_object_get(ledger->written, name))
        return VMTP_OK;
    VMTP_CLEAN(json) json_t *value = json_pack("{s:s,s:O}", "name", name, "options", options);
    int rc = value ? write_member(ctx, ledger, "topology", value) : no_memory(ctx);
    if (rc == VMTP_OK)
        (void)json_object_set_new(ledger->written, name, json_true());
    return rc;
}

/* --- tracking --- */

int vmtp_ledger_track(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_thing *thing)
{
    LOCKED(ledger);
    VMTP_CLEAN(json) json_t *json = thing_to_json(thing);
    if (!json)
        return no_memory(ctx);
    if (!is_thing(json))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s %s cannot be written down in the ledger", thing->kind, thing->id);
    if (find_thing(ledger, json) < json_array_size(ledger->things))
        return VMTP_OK;
    int rc = ledger->fd < 0 ? create(ctx, ledger) : VMTP_OK;
    if (rc == VMTP_OK)
        rc = write_topology(ctx, ledger, thing->topology);
    if (rc == VMTP_OK)
        rc = write_member(ctx, ledger, "made", json);
    if (rc == VMTP_OK && json_array_append(ledger->things, json) < 0)
        rc = no_memory(ctx);
    return rc;
}

/* A line that cannot be written does no harm: removing what is gone already is a success. */
int vmtp_ledger_untrack(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const struct vmtp_thing *thing)
{
    LOCKED(ledger);
    VMTP_CLEAN(json) json_t *json = thing_to_json(thing);
    if (!json)
        return no_memory(ctx);
    size_t i = find_thing(ledger, json);
    if (i == json_array_size(ledger->things))
        return VMTP_OK;
    (void)json_array_remove(ledger->things, i);
    (void)json_object_del(json, "login");
    return ledger->fd < 0 ? VMTP_OK : write_member(ctx, ledger, "gone", json);
}

int vmtp_track(vmtp_ctx *ctx, const char *kind, const char *id)
{
    if (!ctx->topology)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s %s: the ledger can be used in acquire and release only", kind, id);
    const struct vmtp_thing thing = {.topology = ctx->topology, .kind = kind, .id = id};
    return ctx->ledger ? vmtp_ledger_track(ctx, ctx->ledger, &thing) : VMTP_OK;
}

int vmtp_untrack(vmtp_ctx *ctx, const char *kind, const char *id)
{
    const struct vmtp_thing thing = {.topology = ctx->topology, .kind = kind, .id = id};
    return ctx->ledger ? vmtp_ledger_untrack(ctx, ctx->ledger, &thing) : VMTP_OK;
}

void vmtp_ledger_close(struct vmtp_ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->fd >= 0 && json_array_size(ledger->things) == 0)
        unlink(ledger->path); /* before the lock goes */
    if (ledger->fd >= 0)
        close(ledger->fd);
    json_decref(ledger->things);
    json_decref(ledger->topologies);
    json_decref(ledger->written);
    pthread_mutex_destroy(&ledger->mutex);
    free(ledger->run);
    free(ledger->path);
    free(ledger);
}

/* --- reading --- */

static int read_head(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const json_t *json)
{
    json_int_t version = json_integer_value(json_object_get(json, "vmtp_ledger"));
    const char *run = text_of(json, "run");
    if (version < 1 || !run)
        return vmtp_fail(ctx, VMTP_EPARSE, "%s is no ledger of VMTP", ledger->path);
    if (version > VMTP_LEDGER_VERSION)
        return vmtp_fail(ctx, VMTP_EPARSE, "%s: version %lld was written by a newer VMTP: use that one", ledger->path,
                         (long long)version);
    return vmtp_set_text(&ledger->run, run) < 0 ? no_memory(ctx) : VMTP_OK;
}

/* Without words: VMTP_EPARSE or VMTP_ENOMEM. */
static int read_entry(struct vmtp_ledger *ledger, const json_t *json)
{
    const json_t *topology = json_object_get(json, "topology"), *gone = json_object_get(json, "gone");
    json_t *made = json_object_get(json, "made"), *options = json_object_get(topology, "options");
    if (topology && text_of(topology, "name") && json_is_object(options))
        return json_object_set(ledger->topologies, text_of(topology, "name"), options) < 0 ? VMTP_ENOMEM : VMTP_OK;
    if (made && !is_thing(made))
        return VMTP_EPARSE;
    if (made)
        return json_array_append(ledger->things, made) < 0 ? VMTP_ENOMEM : VMTP_OK;
    if (!gone)
        return VMTP_OK; /* of a later minor version */
    (void)json_array_remove(ledger->things, find_thing(ledger, gone));
    return VMTP_OK;
}

static int read_line(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const char *line, size_t len, size_t number, bool last)
{
    json_error_t error;
    VMTP_CLEAN(json) json_t *json = NULL;
    if (vmtp_json_parse(line, len, 0, &json, &error) == VMTP_ENOMEM)
        return no_memory(ctx);
    if (!json && last)
        return VMTP_OK; /* torn: the thing does not exist, as its line had to be on disk first */
    if (json && number == 1)
        return read_head(ctx, ledger, json);
    int rc = json ? read_entry(ledger, json) : VMTP_EPARSE;
    if (rc == VMTP_ENOMEM)
        return no_memory(ctx);
    return rc < 0 ? vmtp_fail(ctx, rc, "%s:%zu: not understood", ledger->path, number) : rc;
}

static int read_lines(vmtp_ctx *ctx, struct vmtp_ledger *ledger, const char *text, size_t len)
{
    int rc = VMTP_OK;
    size_t number = 0;
    const char *end = text + len;
    for (const char *line = text; line < end && rc == VMTP_OK;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((newline ? newline : end) - line);
        rc = read_line(ctx, ledger, line, n, ++number, !newline);
        if (newline)
            ledger->size = newline + 1 - text;
        line += n + 1;
    }
    if (rc == VMTP_OK && !*ledger->run)
        return vmtp_fail(ctx, VMTP_EPARSE, "%s is no ledger of VMTP", ledger->path);
    return rc;
}

static int lock_and_read(vmtp_ctx *ctx, struct vmtp_ledger *ledger)
{
    ledger->fd = open(ledger->path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (ledger->fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", ledger->path, vmtp_errno());
    if (flock(ledger->fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? VMTP_ENOTSUP : vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", ledger->path, vmtp_errno());
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    int rc = vmtp_file_read(ctx, ledger->path, FILE_MAX, &text, &len);
    if (rc == VMTP_OK)
        rc = read_lines(ctx, ledger, text, len);
    if (rc == VMTP_OK && ftruncate(ledger->fd, ledger->size) < 0)
        rc = vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", ledger->path, vmtp_errno());
    return rc;
}

int vmtp_ledger_open(vmtp_ctx *ctx, const char *path, struct vmtp_ledger **ledger)
{
    struct vmtp_ledger *made = vmtp_ledger_new("");
    if (!made || vmtp_set_text(&made->path, path) < 0) {
        vmtp_ledger_close(made);
        return no_memory(ctx);
    }
    int rc = lock_and_read(ctx, made);
    if (rc < 0 && made->fd >= 0) {
        close(made->fd); /* not to be removed, as an empty one would */
        made->fd = -1;
    }
    if (rc < 0)
        vmtp_ledger_close(made);
    else
        *ledger = made;
    return rc;
}

const char *vmtp_ledger_run(const struct vmtp_ledger *ledger)
{
    return ledger->run;
}

size_t vmtp_ledger_left(const struct vmtp_ledger *ledger)
{
    return json_array_size(ledger->things);
}

bool vmtp_ledger_thing(const struct vmtp_ledger *ledger, size_t i, struct vmtp_thing *thing, struct vmtp_login *login)
{
    const json_t *json = json_array_get(ledger->things, i), *by = json_object_get(json, "login");
    if (!json)
        return false;
    *login = (struct vmtp_login){
        .struct_size = sizeof *login,
        .transport = text_of(by, "transport"),
        .user = text_of(by, "user"),
        .host = text_of(by, "host"),
        .key_file = text_of(by, "key_file"),
        .via = text_of(by, "via"),
        .port = (uint16_t)json_integer_value(json_object_get(by, "port")),
    };
    *thing = (struct vmtp_thing){
        .topology = text_of(json, "topology"),
        .kind = text_of(json, "kind"),
        .id = text_of(json, "id"),
        .endpoint = text_of(json, "endpoint"),
        .login = by ? login : NULL,
    };
    return true;
}

struct vmtp_node *vmtp_ledger_options(const struct vmtp_ledger *ledger, const char *topology)
{
    json_t *options = json_object_get(ledger->topologies, topology), *value;
    struct vmtp_node *map = options ? vmtp_node_new(VMTP_NODE_MAP, ledger->path) : NULL;
    const char *name;
    json_object_foreach(options, name, value) {
        const char *text = json_string_value(value);
        struct vmtp_node *node =
            text ? vmtp_node_scalar(ledger->path, text) : vmtp_node_new(VMTP_NODE_NULL, ledger->path);
        if (map && vmtp_node_set(map, name, node) < 0) {
            vmtp_node_free(map);
            return NULL;
        }
    }
    return map;
}

char *vmtp_thing_text(const struct vmtp_thing *thing)
{
    char *text = thing->topology ? vmtp_format("%s %s of topology %s", thing->kind, thing->id, thing->topology)
                                 : vmtp_format("%s %s on %s", thing->kind, thing->id, thing->endpoint);
    if (text)
        vmtp_printable(text);
    return text;
}
