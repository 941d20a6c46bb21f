/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_MAX = 300, NAME_MAX_BYTES = 1000, CODE_UNAUTHORIZED = 13, CODE_AUTHENTICATION = 18 };

/* --- the driver --- */

/* The driver logs on standard error by itself, connection strings included. What matters comes as an error as well. */
static void say_nothing(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
    (void)level;
    (void)domain;
    (void)message;
    (void)data;
}

/* mongoc_init() works once per process, and never again after mongoc_cleanup(): that is left to the end of it. */
static void start_driver(void)
{
    mongoc_init();
    mongoc_log_set_handler(say_nothing, NULL);
}

static int out_of_memory(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

/* --- the connection string --- */

static bool server_is_plain(const char *server)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._[]:";
    size_t len = strlen(server);
    return len > 0 && len < SERVER_MAX && strspn(server, plain) == len;
}

/* HOST, HOST:PORT, an IPv6 address, [IPV6], [IPV6]:PORT */
static int uri_of_server(const char *server, int64_t port, char *out, size_t size)
{
    const char *colon = strchr(server, ':');
    bool bare_ipv6 = server[0] != '[' && colon && strchr(colon + 1, ':');
    bool has_port = !bare_ipv6 && (server[0] == '[' ? strstr(server, "]:") != NULL : colon != NULL);
    const char *open = bare_ipv6 ? "[" : "", *close = bare_ipv6 ? "]" : "";
    int n = has_port ? snprintf(out, size, "mongodb://%s/", server)
                     : snprintf(out, size, "mongodb://%s%s%s:%d/", open, server, close, (int)port);
    return n > 0 && (size_t)n < size ? VMTP_OK : VMTP_EFAIL;
}

static int read_uri(vmtp_ctx *ctx, const struct vmtp_mongo_place *place, mongoc_uri_t **uri)
{
    char text[SERVER_MAX + 32];
    const char *source = place->uri;
    bson_error_t error = {0};
    if (!source) {
        const char *server = place->server ? place->server : "localhost";
        if (!server_is_plain(server) || uri_of_server(server, place->port, text, sizeof text) < 0)
            return vmtp_fail(ctx, VMTP_ECONFIG, "server: it is not of the form HOST[:PORT]; a whole connection string, "
                                                "with a login, is the option uri");
        source = text;
    }
    *uri = mongoc_uri_new_with_error(source, &error);
    if (*uri)
        return VMTP_OK;
    /* The driver's words quote what it could not read, and that may be a part of a password. */
    if (strchr(source, '@') || strchr(source, '='))
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "uri: the connection string is not valid; it is written "
                         "mongodb://USER:PASSWORD@HOST:PORT/DB?OPTION=VALUE, and in a user name and a password the "
                         "characters : / ? # [ ] @ %% are written as %%3A and the like");
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s", place->uri ? "uri" : "server", error.message);
}

/* An option that the driver does not know it leaves out without a word, and with it what the user wanted to be safe. */
static int check_options(vmtp_ctx *ctx, const mongoc_uri_t *uri, const char *text)
{
    const char *query = text ? strchr(text, '?') : NULL;
    const bson_t *lists[] = {mongoc_uri_get_options(uri), mongoc_uri_get_credentials(uri),
                             mongoc_uri_get_compressors(uri)};
    static const char *const elsewhere[] = {"readpreference", "readpreferencetags", "readconcernlevel", "w", "ssl",
                                            "wtimeoutms", "journal", "maxstalenessseconds", "compressors", NULL};
    while (query && *++query) {
        char name[64];
        size_t len = strcspn(query, "=&"), i = 0;
        bool known = false;
        if (len == 0 || len >= sizeof name)
            return vmtp_fail(ctx, VMTP_ECONFIG, "uri: an option behind the '?' has no name, or too long a one");
        memcpy(name, query, len);
        name[len] = '\0';
        bson_iter_t found;
        for (i = 0; i < sizeof lists / sizeof lists[0] && !known; i++)
            known = lists[i] && bson_iter_init_find_case(&found, lists[i], name);
        for (i = 0; elsewhere[i] && !known; i++)
            known = strcasecmp(name, elsewhere[i]) == 0;
        if (!known)
            return vmtp_fail(ctx, VMTP_ECONFIG, "uri: MongoDB's driver knows no option '%s', or not this value of it",
                             name);
        query = strchr(query, '&');
    }
    return VMTP_OK;
}

/* The user's own limits count where they are shorter; ours keep a dead server from holding up a run. */
static void limit(mongoc_uri_t *uri, const char *option, int32_t ms)
{
    int32_t asked = mongoc_uri_get_option_as_int32(uri, option, 0);
    if (asked <= 0 || asked > ms)
        mongoc_uri_set_option_as_int32(uri, option, ms);
}

static void set_limits(mongoc_uri_t *uri, double timeout)
{
    int32_t ms = (int32_t)(timeout * 1000);
    limit(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, ms);
    limit(uri, MONGOC_URI_CONNECTTIMEOUTMS, ms);
    limit(uri, MONGOC_URI_SOCKETTIMEOUTMS, ms);
    if (!mongoc_uri_get_appname(uri))
        mongoc_uri_set_appname(uri, "vmtp");
    const mongoc_host_list_t *hosts = mongoc_uri_get_hosts(uri);
    /* Several servers may be choosing their primary just now: that is worth waiting for. One that is down is not. */
    if ((!hosts || hosts->next) && !bson_has_field(mongoc_uri_get_options(uri), MONGOC_URI_SERVERSELECTIONTRYONCE))
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
}

int vmtp_mongo_check(vmtp_ctx *ctx, const struct vmtp_mongo_place *place)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_driver);
    mongoc_uri_t *uri = NULL;
    if (place->uri && place->server)
        return vmtp_fail(ctx, VMTP_ECONFIG, "give either uri or server, not both");
    if ((place->db && !*place->db) || (place->collection && !*place->collection))
        return vmtp_fail(ctx, VMTP_ECONFIG, "db and collection cannot be empty");
    int rc = read_uri(ctx, place, &uri);
    if (rc == VMTP_OK)
        rc = check_options(ctx, uri, place->uri);
    mongoc_uri_destroy(uri);
    return rc;
}

/* --- the connection --- */

static char *name_of(const mongoc_uri_t *uri, const char *db, const char *collection)
{
    char name[NAME_MAX_BYTES];
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri);
    int n = snprintf(name, sizeof name, "%s.%s at ", db, collection);
    if (!host && n < NAME_MAX_BYTES)
        n += snprintf(name + n, sizeof name - (size_t)n, "%s", mongoc_uri_get_srv_hostname(uri));
    for (; host && n < NAME_MAX_BYTES; host = host->next)
        n += snprintf(name + n, sizeof name - (size_t)n, "%s%s", host->host_and_port, host->next ? "," : "");
    vmtp_printable(name);
    return strdup(name);
}

static int make_collection(vmtp_ctx *ctx, const struct vmtp_mongo_place *place, const mongoc_uri_t *uri,
                           struct vmtp_mongo *mongo)
{
    const char *db = place->db ? place->db : mongoc_uri_get_database(uri);
    const char *collection = place->collection ? place->collection : VMTP_MONGO_COLLECTION;
    db = db && *db ? db : VMTP_MONGO_DB;
    mongo->name = name_of(uri, db, collection);
    mongo->collection = mongoc_client_get_collection(mongo->client, db, collection);
    mongoc_write_concern_t *concern = mongoc_write_concern_copy(mongoc_uri_get_write_concern(uri));
    if (mongo->name && mongoc_write_concern_get_w(concern) == MONGOC_WRITE_CONCERN_W_DEFAULT)
        mongoc_write_concern_set_wmajority(concern, (int32_t)(place->timeout * 1000));
    mongoc_collection_set_write_concern(mongo->collection, concern);
    mongoc_write_concern_destroy(concern);
    return mongo->name ? VMTP_OK : out_of_memory(ctx);
}

static int ping(vmtp_ctx *ctx, const struct vmtp_mongo *mongo)
{
    bson_error_t error = {0};
    bson_t command = BSON_INITIALIZER;
    BSON_APPEND_INT32(&command, "ping", 1);
    bool answered = mongoc_client_command_simple(mongo->client, "admin", &command, NULL, NULL, &error);
    bson_destroy(&command);
    return answered ? VMTP_OK : vmtp_mongo_fail(ctx, mongo, "MongoDB", &error);
}

/* With mongodb+srv:// this asks DNS for the servers, with the patience of the system's resolver: what it waits for is
 * said before. */
static int connect_to(vmtp_ctx *ctx, const mongoc_uri_t *uri, struct vmtp_mongo *mongo)
{
    bson_error_t error = {0};
    const char *service = mongoc_uri_get_srv_hostname(uri);
    if (service)
        vmtp_info(ctx, "MongoDB: the servers of %s are looked up in DNS", service);
    mongo->client = mongoc_client_new_from_uri_with_error(uri, &error);
    if (!mongo->client)
        return vmtp_fail(ctx, VMTP_EUNREACH, "MongoDB: %s%s", error.message,
                         service ? "; mongodb+srv:// needs records in DNS that name the servers, mongodb:// names them "
                         "itself" : "");
    mongoc_client_set_error_api(mongo->client, MONGOC_ERROR_API_VERSION_2);
    return VMTP_OK;
}

int vmtp_mongo_open(vmtp_ctx *ctx, const struct vmtp_mongo_place *place, struct vmtp_mongo *mongo)
{
    *mongo = (struct vmtp_mongo){0};
    mongoc_uri_t *uri = NULL;
    int rc = vmtp_mongo_check(ctx, place);
    if (rc == VMTP_OK)
        rc = read_uri(ctx, place, &uri);
    if (rc < 0)
        return rc;
    set_limits(uri, place->timeout);
    rc = connect_to(ctx, uri, mongo);
    if (rc == VMTP_OK)
        rc = make_collection(ctx, place, uri, mongo);
    mongoc_uri_destroy(uri);
    if (rc == VMTP_OK)
        rc = ping(ctx, mongo);
    if (rc < 0)
        vmtp_mongo_close(mongo);
    return rc;
}

void vmtp_mongo_close(struct vmtp_mongo *mongo)
{
    if (mongo->collection)
        mongoc_collection_destroy(mongo->collection);
    if (mongo->client)
        mongoc_client_destroy(mongo->client);
    free(mongo->name);
    *mongo = (struct vmtp_mongo){0};
}

/* --- errors --- */

bool vmtp_mongo_unreached(const bson_error_t *error)
{
    /* Codes of servers that shut down, have lost others or are no primary (any more): as in MongoDB's specification
     * of retryable writes. */
    static const uint32_t passing[] = {6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436};
    for (size_t i = 0; error->domain == MONGOC_ERROR_SERVER && i < sizeof passing / sizeof passing[0]; i++)
        if (error->code == passing[i])
            return true;
    return error->domain == MONGOC_ERROR_STREAM || error->domain == MONGOC_ERROR_SERVER_SELECTION;
}

int vmtp_mongo_fail(vmtp_ctx *ctx, const struct vmtp_mongo *mongo, const char *what, const bson_error_t *error)
{
    bool login = (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
                 (error->domain == MONGOC_ERROR_SERVER && error->code == CODE_AUTHENTICATION);
    if (login)
        return vmtp_fail(ctx, VMTP_EREMOTE,
                         "%s: %s: the login is refused: user, password or authSource is wrong", what, mongo->name);
    if (error->domain == MONGOC_ERROR_SERVER && error->code == CODE_UNAUTHORIZED)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s: %s: this user may not do that, or a login is needed: %s", what,
                         mongo->name, error->message);
    return vmtp_fail(ctx, vmtp_mongo_unreached(error) ? VMTP_EUNREACH : VMTP_EREMOTE, "%s: %s: %s", what, mongo->name,
                     error->message);
}
