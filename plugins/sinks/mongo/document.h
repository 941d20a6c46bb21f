/* SPDX-License-Identifier: Apache-2.0 */
/* The result document as MongoDB stores it. */
#ifndef PLUGINS_SINKS_MONGO_DOCUMENT_H
#define PLUGINS_SINKS_MONGO_DOCUMENT_H

#include <bson/bson.h>

#include "vmtp/plugin.h"

/* The most that a server takes is 16 MiB; the rest of the message needs a little. */
enum { VMTP_MONGO_DOCUMENT_MAX = 16 * 1024 * 1024 - 16 * 1024 };

/* Makes document, which is initialised here, of the JSON of vmtp_report_json() and gives it the id. In names of members
 * a dot and a leading '$', which MongoDB gives a meaning to, become '_'. One that is too long for MongoDB loses its
 * intervals ("samples"), and if that is not enough the steps of its searches ("trials"); *lost then says which.
 * document is to be destroyed in any case. */
int vmtp_mongo_document(vmtp_ctx *ctx, const char *json, const char *id, bson_t *document, const char **lost);

#endif
