/* SPDX-License-Identifier: Apache-2.0 */
/* VMTP_CLEAN(json) json_t *value = NULL; and members of objects that others have written. */
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

#endif
