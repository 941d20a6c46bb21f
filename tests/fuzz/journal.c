/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal.h"

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

static int add(vmtp_ctx *ctx, void *arg, const struct vmtp_event *ev)
{
    FUZZ_HOLDS(ev->type >= VMTP_EV_RUN_BEGIN && ev->type <= VMTP_EV_NODE && ev->run_id);
    return vmtp_report_add(ctx, arg, ev);
}

/* Whatever the journal says, the document is JSON. */
static void hold_document(struct vmtp_ctx *ctx, const vmtp_report *report)
{
    char *text = NULL;
    int rc = vmtp_report_json(ctx, report, &text);
    FUZZ_HOLDS(rc == VMTP_OK || vmtp_ctx_error(ctx, rc)[0]);
    json_error_t error;
    json_t *json = rc == VMTP_OK ? json_loads(text, 0, &error) : NULL;
    FUZZ_HOLDS(rc < 0 || json_is_object(json));
    json_decref(json);
    vmtp_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fuzz_file(data, size, path);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    vmtp_report *report = NULL;
    FUZZ_HOLDS(vmtp_report_new(&ctx, &report) == VMTP_OK);
    int rc = vmtp_journal_replay(&ctx, path, add, report);
    FUZZ_HOLDS(rc != VMTP_ENOMEM);
    if (rc == VMTP_OK)
        hold_document(&ctx, report);
    vmtp_report_free(report);
    return 0;
}
