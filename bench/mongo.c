/* SPDX-License-Identifier: Apache-2.0 */
/* mongo URI DB JOURNAL ROUNDS: stores the run of a journal through the mongo sink, and the same document by the bare
 * driver, taking turns. Both connect anew each time and ask for the same indexes, as each run does; that is not in the
 * time. Prints a line per round: seconds of the sink's flush, of the insert, and of opening the sink. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"

static const char COLLECTION[] = "pns_web_entry";

struct bench {
    const struct vmtp_loaded *sink;
    void *opts, *state;
    char id[64];
    const char *uri, *db;
    vmtp_report *report; /* of the journal, for the bare document */
};

static int wrong(struct vmtp_ctx *ctx, int rc)
{
    fprintf(stderr, "mongo: %s\n", vmtp_ctx_error(ctx, rc));
    return 1;
}

/* Each round is another run: its id is the document's. */
static int feed_sink(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev)
{
    struct bench *bench = arg;
    struct vmtp_event mine = *ev;
    mine.run_id = bench->id;
    return VMTP_CALL(bench->sink, sink, event, ctx, ctx, bench->state, &mine);
}

static int feed_report(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev)
{
    return vmtp_report_add(ctx, ((struct bench *)arg)->report, ev);
}

/* The same members as the sink stores, with an _id of its own. */
static bson_t *bare_document(struct vmtp_ctx *ctx, struct bench *bench)
{
    VMTP_CLEAN(text) char *json = NULL;
    bson_error_t error;
    if (vmtp_report_json(ctx, bench->report, &json) < 0)
        return NULL;
    bson_t *members = bson_new_from_json((const uint8_t *)json, -1, &error), *document = bson_new();
    BSON_APPEND_UTF8(document, "_id", bench->id);
    if (members)
        bson_concat(document, members);
    bson_destroy(members);
    return document;
}

static bool make_index(mongoc_collection_t *collection, const char *name, const char *field, bson_error_t *error)
{
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(COLLECTION), "indexes", "[", "{", "key", "{", field,
                               BCON_INT32(1), "}", "name", BCON_UTF8(name), "}", "]");
    bool made = mongoc_collection_command_simple(collection, command, NULL, NULL, error);
    bson_destroy(command);
    return made;
}

static int store_bare(struct vmtp_ctx *ctx, struct bench *bench, double *seconds)
{
    bson_error_t error = {0};
    bson_t *document = bare_document(ctx, bench);
    mongoc_client_t *client = mongoc_client_new(bench->uri);
    if (!document || !client)
        return vmtp_fail(ctx, VMTP_EFAIL, "the bare insert: no document, or the connection string is not valid");
    mongoc_collection_t *collection = mongoc_client_get_collection(client, bench->db, COLLECTION);
    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(concern, 4000);
    mongoc_collection_set_write_concern(collection, concern);
    bool stored = make_index(collection, "vmtp_date", "date", &error) &&
                  make_index(collection, "vmtp_description", "test_description", &error) &&
                  make_index(collection, "vmtp_flow", "flows.desc", &error);
    double begin = vmtp_now();
    stored = stored && mongoc_collection_insert_one(collection, document, NULL, NULL, &error);
    *seconds = vmtp_now() - begin;
    mongoc_write_concern_destroy(concern);
    mongoc_collection_destroy(collection);
    mongoc_client_destroy(client);
    bson_destroy(document);
    return stored ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "the bare insert: %s", error.message);
}

static int store_sink(struct vmtp_ctx *ctx, struct bench *bench, const char *journal, double *seconds, double *opening)
{
    double begin = vmtp_now();
    int rc = VMTP_CALL(bench->sink, sink, open, NULL, ctx, bench->opts, &bench->state);
    *opening = vmtp_now() - begin;
    if (rc < 0)
        return rc;
    rc = vmtp_journal_replay(ctx, journal, feed_sink, bench);
    begin = vmtp_now();
    if (rc == VMTP_OK)
        rc = VMTP_CALL(bench->sink, sink, flush, ctx, ctx, bench->state);
    *seconds = vmtp_now() - begin;
    VMTP_CALL(bench->sink, sink, close, NULL, bench->state);
    return rc;
}

static int rounds(struct vmtp_ctx *ctx, struct bench *bench, const char *journal, long n)
{
    double sink, bare, opening;
    int rc = VMTP_OK;
    for (long i = 0; i < n && rc == VMTP_OK; i++) {
        for (long turn = 0; turn < 2 && rc == VMTP_OK; turn++) { /* who is first changes */
            bool by_sink = turn == i % 2;
            snprintf(bench->id, sizeof bench->id, "%s-%06ld", by_sink ? "sink" : "bare", i);
            rc = by_sink ? store_sink(ctx, bench, journal, &sink, &opening) : store_bare(ctx, bench, &bare);
        }
        if (rc == VMTP_OK)
            printf("%.9f %.9f %.9f\n", sink, bare, opening);
    }
    return rc;
}

static int prepare(struct vmtp_ctx *ctx, struct bench *bench, const char *journal)
{
    struct vmtp_node *map = vmtp_node_new(VMTP_NODE_MAP, "bench"); /* kept: the options point into it */
    int rc = vmtp_registry_get(ctx, VMTP_KIND_SINK, "mongo", &bench->sink);
    if (rc < 0)
        return rc;
    if (!map || vmtp_node_set(map, "uri", vmtp_node_scalar("bench", bench->uri)) < 0 ||
        vmtp_node_set(map, "db", vmtp_node_scalar("bench", bench->db)) < 0)
        return VMTP_ENOMEM;
    const struct vmtp_node *maps[] = {map};
    rc = vmtp_options_fill(ctx, &bench->sink->plugin, maps, 1, &bench->opts);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(ctx, &bench->report);
    return rc < 0 ? rc : vmtp_journal_replay(ctx, journal, feed_report, bench);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    mongoc_init();
    vmtp_log_set_level(VMTP_LOG_WARNING);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct bench bench = {.uri = argv[1], .db = argv[2]};
    int rc = vmtp_registry_set_path(NULL);
    if (rc == VMTP_OK)
        rc = prepare(&ctx, &bench, argv[3]);
    if (rc == VMTP_OK)
        rc = rounds(&ctx, &bench, argv[3], strtol(argv[4], NULL, 10));
    return rc < 0 ? wrong(&ctx, rc) : 0;
}
