/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, INDEX_BYTES = 16 };

/* What is left out, from nothing on. */
static const char *const left_out[][2] = {{NULL, NULL}, {"samples", NULL}, {"samples", "trials"}};
static const char *const left_out_names[] = {NULL, "the intervals", "the intervals and the steps of the searches"};
enum { LEVELS = sizeof left_out / sizeof left_out[0] };

struct making {
    const char *const *without; /* two names of members, or NULL */
    unsigned depth;
};

/* --- names --- */

static bool is_plain(const char *name)
{
    return name[0] != '$' && name[0] != '\0' && !strchr(name, '.');
}

/* A copy with nothing in it that MongoDB gives a meaning to. NULL: out of memory. */
static char *plain_name(const char *name)
{
    char *copy = strdup(*name ? name : "_");
    if (copy && copy[0] == '$')
        copy[0] = '_';
    for (char *dot = copy; dot && (dot = strchr(dot, '.'));)
        *dot = '_';
    return copy;
}

/* --- values --- */


static bool add_scalar(bson_t *to, const char *name, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return bson_append_utf8(to, name, -1, json_string_value(value), (int)json_string_length(value));
    case JSON_INTEGER: {
        json_int_t number = json_integer_value(value);
        return number >= INT32_MIN && number <= INT32_MAX ? bson_append_int32(to, name, -1, (int32_t)number)
                                                          : bson_append_int64(to, name, -1, number);
    }
    case JSON_REAL:
        return bson_append_double(to, name, -1, json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return bson_append_bool(to, name, -1, json_is_true(value));
    default:
        return bson_append_null(to, name, -1);
    }
}

/* A member of an object under a name that is fit; two that become the same name: the first stays. */
static const char *fit_name(const struct making *making, const bson_t *to, const char *name, char **made)
{
    for (size_t i = 0; i < 2 && making->without[i]; i++)
        if (strcmp(making->without[i], name) == 0)
            return NULL;
    if (is_plain(name))
        return name;
    *made = plain_name(name);
    return *made && !bson_has_field(to, *made) ? *made : NULL;
}

static bool add(struct making *making, bson_t *to, const char *name, const json_t *value)
{
    bool array = json_is_array(value), fine = true;
    if (!array && !json_is_object(value))
        return add_scalar(to, name, value);
    if (++making->depth > DEPTH_MAX)
        return false;
    bson_t inner;
    fine = array ? bson_append_array_begin(to, name, -1, &inner) : bson_append_document_begin(to, name, -1, &inner);
    for (size_t i = 0; fine && i < json_array_size(value); i++) {
        char room[INDEX_BYTES];
        const char *index;
        bson_uint32_to_string((uint32_t)i, &index, room, sizeof room);
        fine = add(making, &inner, index, json_array_get(value, i));
    }
    const char *key;
    json_t *member;
    if (!array)
        json_object_foreach((json_t *)value, key, member) {
            char *made = NULL;
            const char *fit = fit_name(making, &inner, key, &made);
            fine = fine && (!fit || add(making, &inner, fit, member));
            free(made);
        }
    making->depth--;
    return (array ? bson_append_array_end(to, &inner) : bson_append_document_end(to, &inner)) && fine;
}

/* --- the document --- */

static bool names_fit(const bson_iter_t *iter, unsigned depth)
{
    bson_iter_t at = *iter, inner;
    while (bson_iter_next(&at)) {
        if (!is_plain(bson_iter_key(&at)))
            return false;
        if (bson_iter_recurse(&at, &inner) && (depth == 0 || !names_fit(&inner, depth - 1)))
            return false;
    }
    return true;
}

/* The usual case, in a third of the time: libbson reads the text by itself. It would take names that begin with '$' for
 * types of its own. */
static bool make_quickly(const char *json, const char *id, bson_t *document)
{
    bson_iter_t iter;
    bson_t *members = strstr(json, "\"$") ? NULL : bson_new_from_json((const uint8_t *)json, -1, NULL);
    bool fine = members && !bson_has_field(members, "_id") && bson_iter_init(&iter, members) &&
                names_fit(&iter, DEPTH_MAX) && bson_append_utf8(document, "_id", -1, id, -1) &&
                bson_concat(document, members) && document->len <= VMTP_MONGO_DOCUMENT_MAX;
    bson_destroy(members);
    return fine;
}

static bool make(const json_t *json, const char *id, const char *const without[2], bson_t *document)
{
    struct making making = {.without = without};
    bool fine = bson_append_utf8(document, "_id", -1, id, -1);
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)json, key, member) {
        char *made = NULL;
        const char *fit = fit_name(&making, document, key, &made);
        fine = fine && (!fit || strcmp(fit, "_id") == 0 || add(&making, document, fit, member));
        free(made);
    }
    return fine && document->len <= VMTP_MONGO_DOCUMENT_MAX;
}

int vmtp_mongo_document(vmtp_ctx *ctx, const char *json, const char *id, bson_t *document, const char **lost)
{
    json_error_t error;
    bson_init(document);
    *lost = NULL;
    if (make_quickly(json, id, document))
        return VMTP_OK;
    json_t *root = json_loads(json, 0, &error);
    if (!root)
        return vmtp_fail(ctx, VMTP_EPARSE, "the result document: %s", error.text);
    bool fine = false;
    for (size_t level = 0; level < LEVELS && !fine; level++) {
        bson_reinit(document);
        fine = make(root, id, left_out[level], document);
        *lost = left_out_names[level];
    }
    json_decref(root);
    return fine ? VMTP_OK
                : vmtp_fail(ctx, VMTP_EFAIL, "the results are too large for one document of MongoDB, which is at most "
                                             "16 MiB: --json keeps them in a file");
}
