/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/json.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/util/cleanup.h"

/* Our allocator stands in front of the one that jansson had, and notes for each thread when that one fails. */
static json_malloc_t next_malloc;
static json_free_t next_free;
static _Thread_local bool starved;

static void *watched_malloc(size_t n)
{
    void *memory = next_malloc(n);
    starved = starved || !memory;
    return memory;
}

static void start(void)
{
    json_get_alloc_funcs(&next_malloc, &next_free);
    json_set_alloc_funcs(watched_malloc, next_free);
}

static void watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    starved = false;
}

int vmtp_json_parse(const char *text, size_t len, size_t flags, json_t **json, json_error_t *error)
{
    watch();
    *json = json_loadb(text, len, flags, error);
    if (!starved)
        return *json ? VMTP_OK : VMTP_EPARSE;
    json_decref(*json);
    *json = NULL;
    return VMTP_ENOMEM;
}

char *vmtp_json_dump(const json_t *json, size_t flags)
{
    watch();
    VMTP_CLEAN(mem) char *text = json ? json_dumps(json, flags) : NULL;
    return starved ? NULL : VMTP_TAKE(text);
}

int vmtp_json_set_text(json_t *object, const char *name, const char *text)
{
    watch();
    json_t *value = text ? json_string(text) : NULL;
    if (value && json_object_set_new(object, name, value) < 0 && !starved)
        return object ? VMTP_OK : VMTP_ENOMEM; /* the name is not UTF-8 */
    return starved || !object ? VMTP_ENOMEM : VMTP_OK;
}
