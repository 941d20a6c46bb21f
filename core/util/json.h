/* SPDX-License-Identifier: Apache-2.0 */
/* VMTP_CLEAN(json) json_t *value = NULL; */
#ifndef CORE_UTIL_JSON_H
#define CORE_UTIL_JSON_H

#include <jansson.h>

#include "vmtp/plugin.h"

static inline void vmtp_clean_json(json_t **json)
{
    json_decref(*json);
}

#endif
