/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hostspec.h"

#include "tests/fuzz/fuzz.h"

static void parse(const struct vmtp_node *node, bool with_interface, const char *text)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(hostspec) struct vmtp_hostspec spec;
    int rc = vmtp_hostspec_parse(&ctx, node, with_interface, &spec);
    if (rc < 0) {
        FUZZ_HOLDS(rc == VMTP_ECONFIG && vmtp_ctx_error(&ctx, rc)[0]);
        return;
    }
    FUZZ_HOLDS(spec.user && spec.user[0] && spec.host && vmtp_host_is_valid(spec.host));
    FUZZ_HOLDS(with_interface || !spec.interface || node->kind == VMTP_NODE_MAP);
    FUZZ_HOLDS(!spec.password || !text || strstr(text, spec.password));
}

/* The same bytes as a word and as a map in YAML. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    VMTP_CLEAN(node) struct vmtp_node *word = vmtp_node_scalar("--host", text);
    FUZZ_HOLDS(word);
    parse(word, true, text);
    parse(word, false, text);
    VMTP_CLEAN(node) struct vmtp_node *map = NULL;
    if (strstr(text, ": ") && vmtp_config_parse(&ctx, text, size, "fuzz", &map) == VMTP_OK)
        parse(map, true, NULL);
    return 0;
}
