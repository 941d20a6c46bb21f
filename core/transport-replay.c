/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded dialogue instead of a host, for tests: login.transport is "replay", login.dialogue a JSON file.
 *
 *   {
 *     "programs": {"nuttcp": "/usr/bin/nuttcp"},      what vmtp_program() finds
 *     "commands": [
 *       {"argv": ["nuttcp", "-S", "-P5002"], "listens": [{"proto": "tcp", "port": 5002}]},
 *       {"argv": ["nuttcp", "-t*", "*", "192.0.2.1"], "stdout": "...", "stderr": "", "exit": 0, "seconds": 0.5}
 *     ]
 *   }
 *
 * A command matches an entry when its first words match the words of argv, each a glob(7) pattern; a first word without
 * a slash is compared with the base name of the program. Of several entries that match, each is used once, in their
 * order, and the last one again and again. A command ends `seconds` after its start; one that "listens" and has no
 * "seconds" runs until it gets a signal, and its ports are seen by vmtp_start() for as long as it runs. A command that
 * matches no entry is an error that names it.
 */
#include "core/transport.h"

#include <fnmatch.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/quote.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/json.h"

enum { DIALOGUE_MAX = 64 << 20, EXIT_NOT_FOUND = 127 };

struct replay_process {
    const json_t *entry; /* NULL: answered by the transport itself */
    double end;          /* vmtp_now() scale; HUGE_VAL: runs until it gets a signal */
    const struct vmtp_process *process;
    struct replay_link *owner;
    struct replay_process *next;
};

struct replay_link {
    json_t *dialogue;
    bool *used; /* per entry */
    struct replay_process *running;
};

/* ---- the dialogue ---- */

static int check_listens(vmtp_ctx *ctx, const json_t *entry)
{
    size_t i;
    const json_t *listener;
    const json_t *listens = json_object_get(entry, "listens");
    if (listens && !json_is_array(listens))
        return vmtp_fail(ctx, VMTP_ECONFIG, "\"listens\" is not a list");
    json_array_foreach(listens, i, listener) {
        const char *proto = json_string_value(json_object_get(listener, "proto"));
        json_int_t port = json_integer_value(json_object_get(listener, "port"));
        if (!proto || (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0) || port < 1 || port > 65535)
            return vmtp_fail(ctx, VMTP_ECONFIG, "\"listens\" wants {\"proto\": \"tcp\" or \"udp\", \"port\": 1-65535}");
    }
    return VMTP_OK;
}

static int check_entry(vmtp_ctx *ctx, const json_t *entry)
{
    size_t i;
    const json_t *word;
    const json_t *argv = json_object_get(entry, "argv");
    if (json_array_size(argv) == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "\"argv\" is not a list of words");
    json_array_foreach(argv, i, word)
        if (!json_is_string(word))
            return vmtp_fail(ctx, VMTP_ECONFIG, "\"argv\" is not a list of words");

    static const struct {
        const char *name;
        json_type type;
    } members[] = {{"stdout", JSON_STRING}, {"stderr", JSON_STRING}, {"exit", JSON_INTEGER}};
    for (size_t m = 0; m < sizeof members / sizeof members[0]; m++) {
        const json_t *member = json_object_get(entry, members[m].name);
        if (member && json_typeof(member) != members[m].type)
            return vmtp_fail(ctx, VMTP_ECONFIG, "\"%s\" has the wrong type", members[m].name);
    }
    const json_t *seconds = json_object_get(entry, "seconds");
    if (seconds && !(json_number_value(seconds) >= 0 && json_is_number(seconds)))
        return vmtp_fail(ctx, VMTP_ECONFIG, "\"seconds\" is not a time");
    return check_listens(ctx, entry);
}

static int check_dialogue(vmtp_ctx *ctx, const json_t *dialogue)
{
    size_t i;
    const json_t *entry;
    const json_t *commands = json_object_get(dialogue, "commands");
    if (!json_is_array(commands))
        return vmtp_fail(ctx, VMTP_ECONFIG, "it has no list \"commands\"");
    json_array_foreach(commands, i, entry) {
        int rc = check_entry(ctx, entry);
        if (rc < 0)
            return vmtp_fail(ctx, rc, "command %zu", i + 1);
    }
    return VMTP_OK;
}

static int load_dialogue(vmtp_ctx *ctx, const char *path, json_t **dialogue)
{
    char *text = NULL;
    size_t len = 0;
    int rc = vmtp_file_read(ctx, path, DIALOGUE_MAX, &text, &len);
    if (rc < 0)
        return rc;
    json_error_t error;
    rc = vmtp_json_parse(text, len, JSON_REJECT_DUPLICATES, dialogue, &error);
    free(text);
    if (rc == VMTP_ENOMEM)
        return vmtp_fail(ctx, rc, "out of memory");
    if (rc < 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    rc = check_dialogue(ctx, *dialogue);
    return rc < 0 ? vmtp_fail(ctx, rc, "%s", path) : rc;
}

static void replay_disconnect(struct vmtp_endpoint *ep)
{
    struct replay_link *link = ep->link;
    if (!link)
        return;
    json_decref(link->dialogue);
    free(link->used);
    free(link);
    ep->link = NULL;
}

static int replay_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    if (!ep->login.dialogue)
        return vmtp_fail(ctx, VMTP_ECONFIG, "the replay transport needs a dialogue");
    struct replay_link *link = calloc(1, sizeof *link);
    if (!link)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    ep->link = link;
    int rc = load_dialogue(ctx, ep->login.dialogue, &link->dialogue);
    if (rc == VMTP_OK) {
        link->used = calloc(json_array_size(json_object_get(link->dialogue, "commands")) + 1, sizeof *link->used);
        if (!link->used)
            rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    if (rc < 0)
        replay_disconnect(ep);
    return rc;
}

/* ---- matching ---- */

static bool matches(const json_t *entry, const char *const argv[])
{
    size_t i;
    const json_t *word;
    json_array_foreach(json_object_get(entry, "argv"), i, word) {
        const char *pattern = json_string_value(word);
        const char *said = argv[i];
        if (!said)
            return false;
        const char *slash = i == 0 && !strchr(pattern, '/') ? strrchr(said, '/') : NULL;
        if (fnmatch(pattern, slash ? slash + 1 : said, 0) != 0)
            return false;
    }
    return true;
}

/* The first one that matches and was not used; when all were, the last one that matches. */
static const json_t *find_entry(struct replay_link *link, const char *const argv[])
{
    size_t i;
    const json_t *entry, *last = NULL;
    json_array_foreach(json_object_get(link->dialogue, "commands"), i, entry) {
        if (!matches(entry, argv))
            continue;
        last = entry;
        if (!link->used[i]) {
            link->used[i] = true;
            break;
        }
    }
    return last;
}

/* ---- what the core itself asks of a host ---- */

static int print_listeners(struct vmtp_buf *out, const struct replay_link *link, bool udp)
{
    int rc = VMTP_OK;
    for (const struct replay_process *running = link->running; running; running = running->next) {
        size_t i;
        const json_t *listener;
        if (running->process->ended)
            continue;
        json_array_foreach(json_object_get(running->entry, "listens"), i, listener) {
            if (udp != (strcmp(json_string_value(json_object_get(listener, "proto")), "udp") == 0))
                continue;
            rc = vmtp_buf_printf(out,
                                 "%4zu: 00000000:%04X 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0"
                                 "        0 %ld 1\n",
                                 i, (unsigned)json_integer_value(json_object_get(listener, "port")), udp ? "07" : "0A",
                                 1000 + running->process->pid);
        }
    }
    return rc;
}

/* Answers a question of the core that no entry answers. False: it is none. */
static bool answer(const struct replay_link *link, struct vmtp_process *process, const char *const argv[])
{
    if (strcmp(argv[0], "grep") == 0 && argv[1] && argv[2] && argv[3] && strncmp(argv[3], "/proc/net/", 10) == 0)
        return print_listeners(&process->out, link, strstr(argv[3], "udp") != NULL) == VMTP_OK;
    bool script = strcmp(argv[0], "sh") == 0 && argv[1] && argv[2] && argv[3];
    if (script && strcmp(argv[3], "vmtp-program") == 0 && argv[4]) {
        const char *path = json_string_value(json_object_get(json_object_get(link->dialogue, "programs"), argv[4]));
        process->exit_status = path ? 0 : EXIT_NOT_FOUND;
        return vmtp_buf_text_add(&process->out, path ? path : "") == VMTP_OK;
    }
    return script && (strcmp(argv[3], "vmtp-facts") == 0 || strcmp(argv[3], "vmtp-holder") == 0 ||
                      strcmp(argv[3], "vmtp-socket") == 0);
}

/* ---- processes ---- */

static int play_entry(struct vmtp_process *process, struct replay_process *replay, const json_t *entry)
{
    const json_t *seconds = json_object_get(entry, "seconds");
    replay->entry = entry;
    replay->end = seconds                             ? vmtp_now() + json_number_value(seconds)
                  : json_object_get(entry, "listens") ? HUGE_VAL
                                                      : 0;
    process->exit_status = (int)json_integer_value(json_object_get(entry, "exit"));
    const json_t *out = json_object_get(entry, "stdout"), *err = json_object_get(entry, "stderr");
    if ((out && vmtp_buf_add(&process->out, json_string_value(out), json_string_length(out)) == VMTP_ENOMEM) ||
        (err && vmtp_buf_add(&process->err, json_string_value(err), json_string_length(err)) == VMTP_ENOMEM))
        return VMTP_ENOMEM;
    return VMTP_OK;
}

static int replay_spawn(vmtp_ctx *ctx, struct vmtp_process *process, const char *const argv[])
{
    struct replay_link *link = process->ep->link;
    struct replay_process *replay = calloc(1, sizeof *replay);
    if (!replay)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    replay->process = process;
    replay->owner = link;
    replay->next = link->running;
    link->running = replay;
    process->link = replay;
    process->pid = replay->next ? replay->next->process->pid + 1 : 1;

    const json_t *entry = find_entry(link, argv);
    if (entry)
        return play_entry(process, replay, entry) < 0 ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
    if (answer(link, process, argv))
        return VMTP_OK;
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(1000);
    (void)vmtp_quote_argv(&text, argv);
    return vmtp_fail(ctx, VMTP_EREMOTE, "no entry of %s matches the command: %s", process->ep->login.dialogue,
                     vmtp_buf_text(&text));
}

static int replay_pump(vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    (void)ctx;
    const struct replay_process *replay = process->link;
    double nap = fmin(seconds, replay->end - vmtp_now());
    if (nap > 0) {
        struct timespec ts = {.tv_sec = (time_t)nap, .tv_nsec = (long)((nap - (double)(time_t)nap) * 1e9)};
        nanosleep(&ts, NULL);
    }
    process->ended = vmtp_now() >= replay->end;
    return VMTP_OK;
}

static int replay_signal(vmtp_ctx *ctx, struct vmtp_process *process, int signal_number)
{
    (void)ctx;
    process->ended = true;
    process->exit_status = 128 + signal_number;
    return VMTP_OK;
}

static void replay_reap(struct vmtp_process *process)
{
    struct replay_process *replay = process->link;
    for (struct replay_process **p = &replay->owner->running; *p; p = &(*p)->next)
        if (*p == replay) {
            *p = replay->next;
            break;
        }
    free(replay);
    process->link = NULL;
}

/* A file is taken when it could be read; the dialogue says what programs then do with it. */
static int replay_upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    (void)ep;
    (void)remote;
    (void)mode;
    return access(local, R_OK) == 0 ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "%s cannot be read", local);
}

const struct vmtp_transport vmtp_transport_replay = {
    .name = "replay",
    .connect = replay_connect,
    .disconnect = replay_disconnect,
    .spawn = replay_spawn,
    .pump = replay_pump,
    .signal = replay_signal,
    .reap = replay_reap,
    .upload = replay_upload,
};
