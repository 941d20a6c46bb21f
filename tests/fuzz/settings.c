/* SPDX-License-Identifier: Apache-2.0 */
#include "core/settings.h"

#include "tests/fuzz/fuzz.h"

/* What -sc prints is a configuration again. */
static void hold_printed(struct vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    VMTP_CLEAN(mem) char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    FUZZ_HOLDS(out);
    vmtp_settings_print(settings, out);
    fclose(out);
    VMTP_CLEAN(node) struct vmtp_node *again = NULL;
    int rc = vmtp_config_parse(ctx, printed, len, "printed", &again);
    if (rc < 0)
        fprintf(stderr, "%s\n%s", vmtp_ctx_error(ctx, rc), printed);
    FUZZ_HOLDS(rc == VMTP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    struct vmtp_node *tree = NULL;
    if (vmtp_config_parse(&ctx, text, size, "fuzz", &tree) < 0)
        return 0;
    VMTP_CLEAN(settings) struct vmtp_settings settings;
    int rc = vmtp_settings_read(&ctx, tree, &settings);
    if (rc == VMTP_OK) {
        FUZZ_HOLDS(isfinite(settings.time) && settings.time > 0 && settings.udp_loss_min <= settings.udp_loss_max);
        hold_printed(&ctx, &settings);
    } else {
        FUZZ_HOLDS(rc != VMTP_ENOMEM && vmtp_ctx_error(&ctx, rc)[0]);
    }
    return 0;
}
