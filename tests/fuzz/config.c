/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config.h"

#include "tests/fuzz/fuzz.h"

/* How many nodes there are below one. */
static size_t count(const struct vmtp_node *node, unsigned depth)
{
    size_t n = 1;
    FUZZ_HOLDS(depth < 1000);
    FUZZ_HOLDS((node->kind == VMTP_NODE_SCALAR) == (node->text != NULL));
    FUZZ_HOLDS(!node->text || strlen(node->text) < (1 << 22));
    for (size_t i = 0; i < node->n; i++)
        n += count(node->items[i], depth + 1);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    VMTP_CLEAN(node) struct vmtp_node *root = NULL;
    if (vmtp_config_parse(&ctx, text, size, "fuzz", &root) < 0) {
        FUZZ_HOLDS(strncmp(vmtp_ctx_error(&ctx, VMTP_EFAIL), "fuzz", 4) == 0);
        return 0;
    }
    FUZZ_HOLDS(root->kind == VMTP_NODE_MAP);
    const size_t n = count(root, 0);

    /* Laid over itself it is the same. */
    struct vmtp_node *again = NULL;
    FUZZ_HOLDS(vmtp_config_parse(&ctx, text, size, "fuzz", &again) == VMTP_OK);
    FUZZ_HOLDS(vmtp_config_merge(root, again) == VMTP_OK);
    FUZZ_HOLDS(count(root, 0) == n);
    (void)vmtp_node_get(root, "flavor.vcpus");
    (void)vmtp_node_fail(&ctx, root, "words");
    return 0;
}
