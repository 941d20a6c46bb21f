/* SPDX-License-Identifier: Apache-2.0 */
/* mongo-probe URI DB COLLECTION WORD [ARGUMENT]: a look at a MongoDB server without VMTP, for tests.
 *   ping               succeeds when the server answers
 *   dump               prints every document as a line of JSON, by _id
 *   indexes            prints the name and the key of each index
 *   insert             inserts the JSON documents of standard input, one a line
 *   command JSON       runs a command on the database and prints the reply
 *   drop               drops the database */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong(const char *words)
{
    fprintf(stderr, "mongo-probe: %s\n", words);
    return 1;
}

static int print_all(mongoc_cursor_t *cursor)
{
    const bson_t *document;
    bson_error_t error;
    while (mongoc_cursor_next(cursor, &document)) {
        char *json = bson_as_relaxed_extended_json(document, NULL);
        puts(json ? json : "not JSON");
        bson_free(json);
    }
    bool failed = mongoc_cursor_error(cursor, &error);
    mongoc_cursor_destroy(cursor);
    return failed ? wrong(error.message) : 0;
}

static int insert_lines(mongoc_collection_t *collection)
{
    char *line = NULL;
    size_t room = 0;
    bson_error_t error;
    int status = 0;
    while (status == 0 && getline(&line, &room, stdin) > 0) {
        bson_t *document = bson_new_from_json((const uint8_t *)line, -1, &error);
        if (!document || !mongoc_collection_insert_one(collection, document, NULL, NULL, &error))
            status = wrong(error.message);
        bson_destroy(document);
    }
    free(line);
    return status;
}

static int run_command(mongoc_client_t *client, const char *db, const char *text)
{
    bson_error_t error;
    bson_t reply;
    bson_t *command = bson_new_from_json((const uint8_t *)text, -1, &error);
    if (!command)
        return wrong(error.message);
    bool fine = mongoc_client_command_simple(client, db, command, NULL, &reply, &error);
    char *json = bson_as_relaxed_extended_json(&reply, NULL);
    puts(json);
    bson_free(json);
    bson_destroy(&reply);
    bson_destroy(command);
    return fine ? 0 : wrong(error.message);
}

static int work(mongoc_client_t *client, char **argv, const char *argument)
{
    const char *db = argv[2], *word = argv[4];
    mongoc_collection_t *collection = mongoc_client_get_collection(client, db, argv[3]);
    bson_t all = BSON_INITIALIZER, *sorted = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
    bson_error_t error;
    int status = 2;
    if (strcmp(word, "ping") == 0)
        status = run_command(client, "admin", "{\"ping\": 1}");
    else if (strcmp(word, "dump") == 0)
        status = print_all(mongoc_collection_find_with_opts(collection, &all, sorted, NULL));
    else if (strcmp(word, "indexes") == 0)
        status = print_all(mongoc_collection_find_indexes_with_opts(collection, NULL));
    else if (strcmp(word, "insert") == 0)
        status = insert_lines(collection);
    else if (strcmp(word, "command") == 0 && argument)
        status = run_command(client, db, argument);
    else if (strcmp(word, "drop") == 0) {
        mongoc_database_t *database = mongoc_client_get_database(client, db);
        status = mongoc_database_drop(database, &error) ? 0 : wrong(error.message);
        mongoc_database_destroy(database);
    }
    bson_destroy(sorted);
    mongoc_collection_destroy(collection);
    return status;
}

static void say_nothing(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
    (void)level;
    (void)domain;
    (void)message;
    (void)data;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return wrong("usage: mongo-probe URI DB COLLECTION ping|dump|indexes|insert|command|drop [ARGUMENT]");
    mongoc_init();
    mongoc_log_set_handler(say_nothing, NULL);
    bson_error_t error;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(argv[1], &error);
    mongoc_client_t *client = uri ? mongoc_client_new_from_uri_with_error(uri, &error) : NULL;
    int status = client ? work(client, argv, argc > 5 ? argv[5] : NULL) : wrong(error.message);
    mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return status;
}
