/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/json.h"
#include "core/util/str.h"

enum { LINE_MAX_BYTES = 8 << 20, CHUNK = 64 << 10 };
static const char SUFFIX[] = ".jsonl";

struct vmtp_journal {
    char *path;
    int fd;
    off_t size;  /* of what is whole: a line that was written in part is cut off again */
    bool broken; /* it could not be cut off: nothing may follow */
};

static inline void vmtp_clean_event(struct vmtp_event **ev)
{
    vmtp_event_free(*ev);
}

static inline void vmtp_clean_journal(struct vmtp_journal **journal)
{
    vmtp_journal_close(*journal);
}

static inline void vmtp_clean_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* --- writing --- */

void vmtp_journal_close(struct vmtp_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0) {
        (void)fsync(journal->fd);
        close(journal->fd);
    }
    free(journal->path);
    free(journal);
}

void vmtp_journal_discard(struct vmtp_journal *journal)
{
    if (journal)
        (void)unlink(journal->path);
    vmtp_journal_close(journal);
}

const char *vmtp_journal_path(const struct vmtp_journal *journal)
{
    return journal->path;
}

static int write_line(vmtp_ctx *ctx, struct vmtp_journal *journal, const json_t *json, bool sync)
{
    if (journal->broken)
        return vmtp_fail(ctx, VMTP_EFAIL, "journal %s: an earlier line could not be written", journal->path);
    VMTP_CLEAN(mem) char *text = vmtp_json_dump(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    size_t len = text ? strlen(text) : 0;
    if (!text)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (len >= LINE_MAX_BYTES)
        return vmtp_fail(ctx, VMTP_EFAIL, "journal %s: an event of %zu bytes is too long", journal->path, len);
    text[len++] = '\n'; /* in place of the NUL */
    if (vmtp_write_all(journal->fd, text, len) < 0 || (sync && fdatasync(journal->fd) < 0)) {
        int rc = vmtp_fail(ctx, VMTP_EFAIL, "journal %s: %s", journal->path, vmtp_errno());
        journal->broken = ftruncate(journal->fd, journal->size) < 0;
        return rc;
    }
    journal->size += (off_t)len;
    return VMTP_OK;
}

/* The new name is on disk only when its directory is. */
static void sync_directory(const char *path)
{
    VMTP_CLEAN(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

static int write_head(vmtp_ctx *ctx, struct vmtp_journal *journal, const char *run_uuid)
{
    VMTP_CLEAN(json) json_t *head = json_object();
    if (json_object_set_new(head, "vmtp_journal", json_integer(VMTP_JOURNAL_VERSION)) < 0 ||
        json_object_set_new(head, "run", json_string(run_uuid)) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return write_line(ctx, journal, head, true);
}

static const char no_place[] =
    "no journal of the run can be kept (--no-journal does without, XDG_STATE_HOME names another place)";

int vmtp_journal_create(vmtp_ctx *ctx, const char *run_uuid, struct vmtp_journal **journal)
{
    VMTP_CLEAN(mem) char *dir = vmtp_state_path("runs");
    VMTP_CLEAN(journal) struct vmtp_journal *made = calloc(1, sizeof *made);
    if (!dir || !made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->fd = -1;
    int rc = vmtp_make_dirs(ctx, dir);
    if (rc < 0)
        return vmtp_fail(ctx, rc, no_place);
    made->path = vmtp_format("%s/%s%s", dir, run_uuid, SUFFIX);
    if (!made->path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->fd = open(made->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (made->fd < 0) {
        (void)vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: %s", made->path, vmtp_errno());
        return vmtp_fail(ctx, VMTP_EFAIL, no_place);
    }
    rc = write_head(ctx, made, run_uuid);
    if (rc < 0) {
        vmtp_journal_discard(VMTP_TAKE(made));
        return rc;
    }
    sync_directory(dir);
    *journal = VMTP_TAKE(made);
    return VMTP_OK;
}

int vmtp_journal_append(vmtp_ctx *ctx, struct vmtp_journal *journal, const struct vmtp_event *ev)
{
    VMTP_CLEAN(json) json_t *json = vmtp_event_to_json(ev);
    if (!json)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    bool part = ev->type == VMTP_EV_SAMPLE || ev->type == VMTP_EV_TRIAL || ev->type == VMTP_EV_NODE;
    return write_line(ctx, journal, json, !part); /* the result that follows brings its parts to the disk */
}

/* --- finding --- */

/* What a look through the directory has found. */
struct search {
    const char *wanted; /* NULL: the newest */
    char *name;         /* the best so far */
    struct timespec time;
    size_t matches;
};

static bool is_journal_name(const char *name)
{
    size_t len = strlen(name), end = sizeof SUFFIX - 1;
    return name[0] != '.' && len > end && strcmp(name + len - end, SUFFIX) == 0;
}

static int look_at(vmtp_ctx *ctx, int dir, const char *name, struct search *search)
{
    struct stat st;
    if (!is_journal_name(name) || fstatat(dir, name, &st, 0) < 0 || !S_ISREG(st.st_mode))
        return VMTP_OK;
    if (search->wanted && strncmp(name, search->wanted, strlen(search->wanted)) != 0)
        return VMTP_OK;
    search->matches++;
    bool newer = st.st_mtim.tv_sec > search->time.tv_sec ||
                 (st.st_mtim.tv_sec == search->time.tv_sec && st.st_mtim.tv_nsec > search->time.tv_nsec);
    if (search->name && !newer)
        return VMTP_OK;
    search->time = st.st_mtim;
    return vmtp_set_text(&search->name, name) < 0 ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

static int search_directory(vmtp_ctx *ctx, const char *path, struct search *search)
{
    VMTP_CLEAN(dir) DIR *dir = opendir(path);
    if (!dir && errno != ENOENT)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path, vmtp_errno());
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int rc = look_at(ctx, dirfd(dir), entry->d_name, search);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

int vmtp_journal_find(vmtp_ctx *ctx, const char *name, char **path)
{
    bool last = strcmp(name, "last") == 0;
    *path = NULL;
    if (strchr(name, '/') || (!last && access(name, F_OK) == 0)) {
        *path = vmtp_expand_home(name);
        return *path ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    VMTP_CLEAN(mem) char *dir = vmtp_state_path("runs");
    if (!dir)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    struct search search = {.wanted = last ? NULL : name};
    int rc = *name ? search_directory(ctx, dir, &search) : VMTP_OK;
    VMTP_CLEAN(mem) char *found = search.name;
    if (rc < 0)
        return rc;
    if (!found)
        return last ? vmtp_fail(ctx, VMTP_ECONFIG, "no run has been recorded yet in %s", dir)
                    : vmtp_fail(ctx, VMTP_ECONFIG, "no file \"%s\", and no run in %s begins with it", name, dir);
    if (!last && search.matches > 1)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%zu runs in %s begin with \"%s\": give more of it, or \"last\"",
                         search.matches, dir, name);
    *path = vmtp_format("%s/%s", dir, found);
    return *path ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* --- replaying --- */

struct replay {
    vmtp_ctx *ctx;
    const char *path;
    int (*f)(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev);
    void *arg;
    unsigned long line;
    uint64_t events, seq;
    int64_t last_ns;
    char *run_id;
    bool ended, warned_unknown;
};

/* json: NULL when the line is none. */
static int check_head(struct replay *replay, const json_t *json)
{
    const json_t *version = json_object_get(json, "vmtp_journal");
    if (!json_is_integer(version))
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "%s:1: not a journal of VMTP; a result in a JSON file is read by "
                         "vmtp compare and vmtp-genchart", replay->path);
    if (json_integer_value(version) != VMTP_JOURNAL_VERSION)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "%s:1: journal version %" JSON_INTEGER_FORMAT
                         ", this VMTP reads version %d", replay->path, json_integer_value(version),
                         VMTP_JOURNAL_VERSION);
    return VMTP_OK;
}

/* A journal is one run, in order: lines that were moved, doubled or mixed would give results that never were. */
static int check_order(struct replay *replay, const struct vmtp_event *ev)
{
    if (!ev->run_id)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "an event that does not say of which run it is");
    if (ev->seq <= replay->seq)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "event %llu after event %llu", (unsigned long long)ev->seq,
                         (unsigned long long)replay->seq);
    if (replay->run_id && strcmp(replay->run_id, ev->run_id) != 0)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "an event of another run");
    if (replay->ended)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "an event after the end of the run");
    if (ev->seq != replay->seq + 1)
        vmtp_warn(replay->ctx, "%s:%lu: events %llu to %llu are missing", replay->path, replay->line,
                  (unsigned long long)replay->seq + 1, (unsigned long long)ev->seq - 1);
    if (!replay->run_id && vmtp_set_text(&replay->run_id, ev->run_id) < 0)
        return vmtp_fail(replay->ctx, VMTP_ENOMEM, "out of memory");
    replay->events++;
    replay->last_ns = ev->time_ns;
    replay->seq = ev->seq;
    replay->ended = ev->type == VMTP_EV_RUN_END;
    return VMTP_OK;
}

static int at_line(struct replay *replay, int rc)
{
    return vmtp_fail(replay->ctx, rc, "%s:%lu", replay->path, replay->line);
}

static int replay_event(struct replay *replay, const json_t *json)
{
    VMTP_CLEAN(event) struct vmtp_event *ev = NULL;
    int rc = vmtp_event_from_json(replay->ctx, json, &ev);
    if (rc == VMTP_OK)
        rc = check_order(replay, ev);
    return rc < 0 ? at_line(replay, rc) : replay->f(replay->ctx, replay->arg, ev);
}

/* An event of a type that a newer VMTP has added is passed over: the others mean the same without it. */
static int skip_unknown(struct replay *replay, const json_t *json)
{
    if (!replay->warned_unknown)
        vmtp_warn(replay->ctx, "%s:%lu: an event of the unknown type \"%s\" is left out", replay->path, replay->line,
                  json_string_value(json_object_get(json, "type")));
    replay->warned_unknown = true;
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(json, "seq"));
    if (seq == replay->seq + 1)
        replay->seq = seq;
    return VMTP_OK;
}

/* One line, without its newline. torn: the file ends in it. */
static int replay_line(struct replay *replay, const char *text, size_t len, bool torn)
{
    json_error_t error;
    replay->line++;
    VMTP_CLEAN(json) json_t *json = NULL;
    if (vmtp_json_parse(text, len, JSON_REJECT_DUPLICATES, &json, &error) == VMTP_ENOMEM)
        return vmtp_fail(replay->ctx, VMTP_ENOMEM, "out of memory");
    if (!json && torn && replay->line > 1) {
        vmtp_warn(replay->ctx, "%s:%lu: the last line was cut off and is left out", replay->path, replay->line);
        return VMTP_OK;
    }
    if (replay->line == 1)
        return check_head(replay, json);
    if (!json)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "%s:%lu:%d: %s", replay->path, replay->line, error.column,
                         error.text);
    const char *type = json_string_value(json_object_get(json, "type"));
    if (type && vmtp_event_type_of(type) == 0)
        return skip_unknown(replay, json);
    return replay_event(replay, json);
}

/* Takes the whole lines out of buf. Each byte is looked at once and moved at most once per chunk. */
static int replay_lines(struct replay *replay, struct vmtp_buf *buf, size_t *scanned)
{
    size_t begin = 0;
    const char *newline;
    while ((newline = memchr(buf->data + *scanned, '\n', buf->len - *scanned))) {
        size_t end = (size_t)(newline - buf->data);
        int rc = replay_line(replay, buf->data + begin, end - begin, false);
        if (rc < 0)
            return rc;
        begin = *scanned = end + 1;
    }
    memmove(buf->data, buf->data + begin, buf->len - begin);
    buf->len -= begin;
    *scanned = buf->len;
    return VMTP_OK;
}

static int replay_file(struct replay *replay, int fd)
{
    VMTP_CLEAN(buf) struct vmtp_buf buf = VMTP_BUF(LINE_MAX_BYTES + CHUNK);
    VMTP_CLEAN(mem) char *chunk = malloc(CHUNK);
    if (!chunk)
        return vmtp_fail(replay->ctx, VMTP_ENOMEM, "out of memory");
    size_t scanned = 0;
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmtp_fail(replay->ctx, VMTP_EFAIL, "%s: %s", replay->path, vmtp_errno());
        if (n == 0)
            break;
        int rc = vmtp_buf_add(&buf, chunk, (size_t)n);
        if (rc == VMTP_OK)
            rc = replay_lines(replay, &buf, &scanned);
        else if (rc == VMTP_ENOMEM)
            return vmtp_fail(replay->ctx, rc, "out of memory");
        else
            rc = vmtp_fail(replay->ctx, VMTP_EPARSE, "%s:%lu: longer than %d bytes",
                           replay->path, replay->line + 1, LINE_MAX_BYTES);
        if (rc < 0)
            return rc;
    }
    return buf.len ? replay_line(replay, buf.data, buf.len, true) : VMTP_OK;
}

/* The run was killed: its sinks still get an end. */
static int make_up_end(struct replay *replay)
{
    if (replay->events == 0)
        return vmtp_fail(replay->ctx, VMTP_EPARSE, "%s: holds no event", replay->path);
    const struct vmtp_property status = {"status", "incomplete"};
    const struct vmtp_event ev = {
        .struct_size = sizeof ev, .type = VMTP_EV_RUN_END, .value_size = sizeof(struct vmtp_value),
        .property_size = sizeof status, .seq = replay->seq + 1, .time_ns = replay->last_ns,
        .run_id = replay->run_id, .properties = &status, .n_properties = 1,
    };
    return replay->f(replay->ctx, replay->arg, &ev);
}

int vmtp_journal_replay(vmtp_ctx *ctx, const char *path,
                        int (*f)(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev), void *arg)
{
    VMTP_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s", path, vmtp_errno()); /* as for a name that no run has */
    struct replay replay = {.ctx = ctx, .path = path, .f = f, .arg = arg};
    int rc = replay_file(&replay, fd);
    if (rc == VMTP_OK && !replay.ended)
        rc = make_up_end(&replay);
    free(replay.run_id);
    return rc;
}
