/* SPDX-License-Identifier: Apache-2.0 */
/* A way to one collection of a MongoDB server: for the sink, which writes, and for pnsdb_summary, which reads. No error
 * that is made here shows anything of a connection string but hosts, database and collection. */
#ifndef PLUGINS_SINKS_MONGO_LINK_H
#define PLUGINS_SINKS_MONGO_LINK_H

#include <mongoc/mongoc.h>

#include "vmtp/plugin.h"

/* Where. Either uri or server, or neither: localhost. Text is borrowed for the call only. */
struct vmtp_mongo_place {
    const char *uri;             /* a connection string, with its secrets */
    const char *server;          /* HOST[:PORT] */
    int64_t port;                /* of server when it names none */
    const char *db, *collection; /* db NULL: that of uri, else VMTP_MONGO_DB; collection NULL: VMTP_MONGO_COLLECTION */
    double timeout;              /* s, for each of: finding the server, connecting, an answer, the majority */
};

#define VMTP_MONGO_DB "client_db"
#define VMTP_MONGO_COLLECTION "pns_web_entry"

struct vmtp_mongo {
    mongoc_client_t *client;         /* has no threads of its own */
    mongoc_collection_t *collection; /* writes wait for a majority unless the connection string says otherwise */
    char *name;                      /* "client_db.pns_web_entry at 192.0.2.8:27017", for people */
};

/* Whether place is well-formed; touches nothing. VMTP_ECONFIG. */
int vmtp_mongo_check(vmtp_ctx *ctx, const struct vmtp_mongo_place *place);

/* Connects, logs in and asks for an answer. VMTP_ECONFIG; VMTP_EUNREACH: no server; VMTP_EREMOTE: it refuses. mongo is
 * to be closed when this succeeded. */
int vmtp_mongo_open(vmtp_ctx *ctx, const struct vmtp_mongo_place *place, struct vmtp_mongo *mongo) VMTP_MUSTUSE;
void vmtp_mongo_close(struct vmtp_mongo *mongo);

/* Whether another try may work: the server is not there now, or there is no primary. */
bool vmtp_mongo_unreached(const bson_error_t *error);

/* Adds the cause as vmtp_fail() does, "what: NAME: the driver's words", and returns its status. */
int vmtp_mongo_fail(vmtp_ctx *ctx, const struct vmtp_mongo *mongo, const char *what, const bson_error_t *error);

#endif
