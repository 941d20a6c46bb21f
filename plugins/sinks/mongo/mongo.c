/* SPDX-License-Identifier: Apache-2.0 */
/* The result document in MongoDB: one document per run, whose _id is the run_uuid. What was stored is stored: sending a
 * run again, after a lost answer or by a replay, changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "link.h"

enum { ID_BYTES = 64 };
static const double RETRY_SECONDS = 1;

struct mongo_opts {
    const char *uri, *server, *db, *collection;
    int64_t port;
    double timeout;
    bool indexes;
};

static const struct vmtp_option mongo_options[] = {
    VMTP_OPTION(struct mongo_opts, uri, STRING, .flags = VMTP_OPT_SECRET,
                .help = "connection string, mongodb:// or mongodb+srv://, with login, TLS and replica set as needed"),
    VMTP_OPTION(struct mongo_opts, server, STRING,
                .help = "the server as HOST[:PORT], without TLS or login; without it and uri: localhost"),
    VMTP_OPTION(struct mongo_opts, port, INT, .fallback = "27017", .min = 1, .max = 65535,
                .help = "port of server when it names none"),
    VMTP_OPTION(struct mongo_opts, db, STRING,
                .help = "database; when it is not given that of uri, else " VMTP_MONGO_DB),
    VMTP_OPTION(struct mongo_opts, collection, STRING, .fallback = VMTP_MONGO_COLLECTION, .help = "collection"),
    VMTP_OPTION(struct mongo_opts, indexes, BOOL, .fallback = "true",
                .help = "make indexes for date, description and flow when they are missing"),
    VMTP_OPTION(struct mongo_opts, timeout, SECONDS, .fallback = "4", .min = 1, .max = 6,
                .help = "how long to wait for the server in each step; a shorter limit of uri counts"),
    {0},
};

struct mongo_sink {
    struct vmtp_mongo mongo;
    vmtp_report *report;
    double timeout;
    char id[ID_BYTES]; /* of the run; empty until it has begun */
    bool ended, stored;
};

static struct vmtp_mongo_place place_of(const struct mongo_opts *options)
{
    return (struct vmtp_mongo_place){
        .uri = options->uri,
        .server = options->server,
        .port = options->port,
        .db = options->db,
        .collection = options->collection,
        .timeout = options->timeout,
    };
}

static int mongo_check(vmtp_ctx *ctx, const void *opts)
{
    const struct vmtp_mongo_place place = place_of(opts);
    return vmtp_mongo_check(ctx, &place);
}

/* --- open --- */

/* One command per index: some servers cannot take several that exist already. One that is there is left as it is. */
static int make_index(vmtp_ctx *ctx, const struct vmtp_mongo *mongo, const char *name, const char *field)
{
    bson_error_t error = {0};
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(mongoc_collection_get_name(mongo->collection)), "indexes",
                               "[", "{", "key", "{", field, BCON_INT32(1), "}", "name", BCON_UTF8(name), "}", "]");
    bool made = mongoc_collection_command_simple(mongo->collection, command, NULL, NULL, &error);
    bson_destroy(command);
    return made ? VMTP_OK : vmtp_mongo_fail(ctx, mongo, "making an index (indexes=false makes none)", &error);
}

static int make_indexes(vmtp_ctx *ctx, const struct vmtp_mongo *mongo)
{
    int rc = make_index(ctx, mongo, "vmtp_date", "date");
    if (rc == VMTP_OK)
        rc = make_index(ctx, mongo, "vmtp_description", "test_description");
    if (rc == VMTP_OK)
        rc = make_index(ctx, mongo, "vmtp_flow", "flows.desc");
    return rc;
}

static void mongo_close(void *state)
{
    struct mongo_sink *sink = state;
    vmtp_mongo_close(&sink->mongo);
    vmtp_report_free(sink->report);
    free(sink);
}

static int mongo_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct mongo_opts *options = opts;
    const struct vmtp_mongo_place place = place_of(options);
    struct mongo_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->timeout = options->timeout;
    int rc = vmtp_report_new(ctx, &sink->report);
    if (rc == VMTP_OK)
        rc = vmtp_mongo_open(ctx, &place, &sink->mongo);
    if (rc == VMTP_OK && options->indexes)
        rc = make_indexes(ctx, &sink->mongo);
    if (rc < 0)
        mongo_close(sink);
    else
        *state = sink;
    return rc;
}

/* --- storing --- */

/* The _id is there already: from this run, or from a replay of its journal while it was not complete, which is replaced
 * then. */
static int already_there(vmtp_ctx *ctx, struct mongo_sink *sink, const bson_t *document)
{
    bson_error_t error = {0};
    bson_t reply = BSON_INITIALIZER;
    bson_iter_t status;
    bool complete = !bson_iter_init_find(&status, document, "status") || !BSON_ITER_HOLDS_UTF8(&status) ||
                    strcmp(bson_iter_utf8(&status, NULL), "incomplete") != 0;
    bson_t *which = BCON_NEW("_id", BCON_UTF8(sink->id), "status", BCON_UTF8("incomplete"));
    bool fine = !complete ||
                mongoc_collection_replace_one(sink->mongo.collection, which, document, NULL, &reply, &error);
    bool replaced = fine && complete && bson_iter_init_find(&status, &reply, "modifiedCount") &&
                    bson_iter_as_int64(&status) == 1;
    bson_destroy(which);
    bson_destroy(&reply);
    if (!fine)
        return vmtp_mongo_fail(ctx, &sink->mongo, "replacing the incomplete document of this run", &error);
    vmtp_info(ctx, replaced ? "the incomplete document of this run is replaced in %s"
                            : "this run is already stored in %s", sink->mongo.name);
    return VMTP_OK;
}

/* Whether it is the _id that is there twice, and not another index that somebody made unique. */
static bool is_own_id(struct mongo_sink *sink)
{
    bson_t *which = BCON_NEW("_id", BCON_UTF8(sink->id));
    int64_t n = mongoc_collection_count_documents(sink->mongo.collection, which, NULL, NULL, NULL, NULL);
    bson_destroy(which);
    return n == 1;
}

/* A server that restarts, or a replica set that elects, is back within seconds: a try that did not arrive, or whose
 * answer did not, is made again. */
static int store(vmtp_ctx *ctx, struct mongo_sink *sink, const bson_t *document)
{
    bson_error_t error = {0};
    double until = vmtp_remaining(ctx) - sink->timeout;
    for (;;) {
        if (mongoc_collection_insert_one(sink->mongo.collection, document, NULL, NULL, &error)) {
            vmtp_info(ctx, "results stored in %s as %s", sink->mongo.name, sink->id);
            return VMTP_OK;
        }
        if (error.code == MONGOC_ERROR_DUPLICATE_KEY && is_own_id(sink))
            return already_there(ctx, sink, document);
        if (!vmtp_mongo_unreached(&error) || vmtp_remaining(ctx) <= until)
            return vmtp_mongo_fail(ctx, &sink->mongo, "storing the results", &error);
        int rc = vmtp_wait(ctx, RETRY_SECONDS);
        if (rc < 0)
            return rc;
    }
}

static int mongo_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct mongo_sink *sink = state;
    if (ev->run_id && !sink->id[0])
        snprintf(sink->id, sizeof sink->id, "%s", ev->run_id);
    sink->ended = sink->ended || ev->type == VMTP_EV_RUN_END;
    return vmtp_report_add(ctx, sink->report, ev);
}

static int mongo_flush(vmtp_ctx *ctx, void *state)
{
    struct mongo_sink *sink = state;
    VMTP_CLEAN(text) char *json = NULL;
    const char *lost = NULL;
    bson_t document;
    if (!sink->ended || sink->stored)
        return VMTP_OK;
    int rc = vmtp_report_json(ctx, sink->report, &json);
    if (rc < 0)
        return rc;
    rc = vmtp_mongo_document(ctx, json, sink->id, &document, &lost);
    if (rc == VMTP_OK && lost)
        vmtp_warn(ctx, "the results are too large for one document of MongoDB: it lacks %s; --json keeps all", lost);
    if (rc == VMTP_OK)
        rc = store(ctx, sink, &document);
    bson_destroy(&document);
    sink->stored = rc == VMTP_OK;
    return rc;
}

static const struct vmtp_sink_ops mongo_ops = {
    .struct_size = sizeof mongo_ops,
    .caps = VMTP_SINK_SAMPLES | VMTP_SINK_IDEMPOTENT | VMTP_SINK_REMOTE,
    .open = mongo_open,
    .event = mongo_event,
    .flush = mongo_flush,
    .close = mongo_close,
};

VMTP_PLUGIN(sink_mongo) = {
    VMTP_PLUGIN_HEAD,
    .name = "mongo",
    .version = "1.0",
    .summary = "stores the results in MongoDB",
    .options = mongo_options,
    .option_size = sizeof mongo_options[0],
    .opts_size = sizeof(struct mongo_opts),
    .check = mongo_check,
    .sink = &mongo_ops,
};
