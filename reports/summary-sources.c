/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/json.h"
#include "core/util/str.h"
#include "reports/summary.h"

enum { FILE_MAX = 256 << 20 };

int vmtp_summary_file(vmtp_ctx *ctx, const char *path, vmtp_summary_take take, void *arg)
{
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len, at = 0;
    int rc = vmtp_file_read(ctx, path, FILE_MAX, &text, &len);
    while (rc == VMTP_OK) {
        json_error_t error;
        at += strspn(text + at, " \t\r\n");
        if (at >= len)
            break;
        VMTP_CLEAN(json) json_t *document = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &error);
        if (!json_is_object(document))
            return vmtp_fail(ctx, VMTP_EPARSE, "%s: %s", path, document ? "no result document" : error.text);
        at += (size_t)error.position;
        rc = take(ctx, arg, document);
    }
    return rc;
}

#ifdef VMTP_WITH_MONGOC
#include "plugins/sinks/mongo/link.h"

static const double TIMEOUT_SECONDS = 10;

/* What the server can tell by itself. */
static bson_t *query_of(const struct vmtp_summary_filter *filter)
{
    bson_t *query = bson_new(), date = BSON_INITIALIZER;
    VMTP_CLEAN(mem) char *last = filter->until ? vmtp_format("%s~", filter->until) : NULL; /* behind all digits */
    if (filter->since)
        BSON_APPEND_UTF8(&date, "$gte", filter->since);
    if (last)
        BSON_APPEND_UTF8(&date, "$lte", last);
    if (!bson_empty(&date))
        BSON_APPEND_DOCUMENT(query, "date", &date);
    bson_destroy(&date);
    return query;
}

static int take_stored(vmtp_ctx *ctx, const bson_t *stored, vmtp_summary_take take, void *arg)
{
    char *text = bson_as_relaxed_extended_json(stored, NULL);
    VMTP_CLEAN(json) json_t *document = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    bson_free(text);
    if (document)
        return take(ctx, arg, document);
    vmtp_warn(ctx, "a document is left out: it holds text that is not UTF-8, or is too deep");
    return VMTP_OK;
}

int vmtp_summary_stored(vmtp_ctx *ctx, const struct vmtp_summary_store *store, const struct vmtp_summary_filter *filter,
                        vmtp_summary_take take, void *arg)
{
    struct vmtp_mongo mongo;
    const struct vmtp_mongo_place place = {
        .uri = store->uri,
        .server = store->server,
        .db = store->db,
        .collection = store->collection,
        .port = store->port,
        .timeout = TIMEOUT_SECONDS,
    };
    int rc = vmtp_mongo_open(ctx, &place, &mongo);
    if (rc < 0)
        return rc;
    bson_t *query = query_of(filter), *by_date = BCON_NEW("sort", "{", "date", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(mongo.collection, query, by_date, NULL);
    const bson_t *stored;
    bson_error_t error;
    while (rc == VMTP_OK && mongoc_cursor_next(cursor, &stored))
        rc = take_stored(ctx, stored, take, arg);
    if (rc == VMTP_OK && mongoc_cursor_error(cursor, &error))
        rc = vmtp_mongo_fail(ctx, &mongo, "reading", &error);
    mongoc_cursor_destroy(cursor);
    bson_destroy(query);
    bson_destroy(by_date);
    vmtp_mongo_close(&mongo);
    return rc;
}

#else

int vmtp_summary_stored(vmtp_ctx *ctx, const struct vmtp_summary_store *store, const struct vmtp_summary_filter *filter,
                        vmtp_summary_take take, void *arg)
{
    (void)store;
    (void)filter;
    (void)take;
    (void)arg;
    return vmtp_fail(ctx, VMTP_ENOTSUP, "this program was built without MongoDB's library (libmongoc): it reads files");
}

#endif
