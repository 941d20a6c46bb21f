/* SPDX-License-Identifier: Apache-2.0 */
/* What jansson lacks: when memory runs out it may leave out characters, of what it reads and of what it writes, or call
 * that bad syntax or text that is not UTF-8: these tell. VMTP_CLEAN(json) json_t *value = NULL; and members of objects
 * that others have written. */
#ifndef CORE_UTIL_JSON_H
#define CORE_UTIL_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "vmtp/plugin.h"

static inline void vmtp_clean_json(json_t **json)
{
    json_decref(*json);
}

/* A member of an object that is a text; "" when there is none. object may be NULL or anything else. */
static inline const char *vmtp_json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ... that is a whole number. */
static inline int64_t vmtp_json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

/* json_loadb(). VMTP_ENOMEM or VMTP_EPARSE, without words; error (may be NULL) is about the syntax. */
int vmtp_json_parse(const char *text, size_t len, size_t flags, json_t **json, json_error_t *error);

/* json_dumps(): the caller frees it. NULL: out of memory, or there is no json. */
char *vmtp_json_dump(const json_t *json, size_t flags);

/* Sets a member. Text that is NULL or not UTF-8 is left out. VMTP_ENOMEM, also when there is no object. */
int vmtp_json_set_text(json_t *object, const char *name, const char *text);

#endif
