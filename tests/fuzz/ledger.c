/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

#include "tests/fuzz/fuzz.h"

static void hold_things(struct vmtp_ledger *ledger)
{
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t i = 0; vmtp_ledger_thing(ledger, i, &thing, &login); i++) {
        FUZZ_HOLDS(thing.kind && thing.id && (thing.topology || (thing.endpoint && thing.login)));
        VMTP_CLEAN(mem) char *words = vmtp_thing_text(&thing);
        FUZZ_HOLDS(words);
        if (thing.topology)
            vmtp_node_free(vmtp_ledger_options(ledger, thing.topology));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fuzz_file(data, size, path);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(ledger) struct vmtp_ledger *ledger = NULL;
    int rc = vmtp_ledger_open(&ctx, path, &ledger);
    FUZZ_HOLDS((rc == VMTP_OK) == (ledger != NULL) && rc != VMTP_ENOMEM);
    if (rc < 0)
        return 0;
    hold_things(ledger);

    /* Struck out, it is empty. */
    struct vmtp_thing thing;
    struct vmtp_login login;
    for (size_t n = vmtp_ledger_left(ledger); n > 0 && vmtp_ledger_thing(ledger, 0, &thing, &login); n--) {
        const struct vmtp_thing copy = {.topology = thing.topology, .kind = thing.kind, .id = thing.id,
                                        .endpoint = thing.endpoint};
        FUZZ_HOLDS(vmtp_ledger_untrack(&ctx, ledger, &copy) == VMTP_OK);
    }
    FUZZ_HOLDS(vmtp_ledger_left(ledger) == 0);
    return 0;
}
