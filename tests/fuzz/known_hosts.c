/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-hostkey.h"

#include "tests/fuzz/fuzz.h"

/* The lines about one host; a key that is found is judged as what it is. */
static void look(const char *text, const char *host, uint16_t port)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known;
    FUZZ_HOLDS(vmtp_known_hosts_init(&ctx, &known, host, port) == VMTP_OK);
    FUZZ_HOLDS(vmtp_known_hosts_parse(&known, "f", text) == VMTP_OK);
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(1 << 20);
    FUZZ_HOLDS(vmtp_known_hosts_algorithms(&known, &list) == VMTP_OK);
    for (size_t i = 0; i < known.n; i++) {
        const struct vmtp_known_key *key = &known.keys[i], *reason = NULL;
        enum vmtp_known_verdict verdict = vmtp_known_hosts_judge(&known, key->blob, key->blob_len, &reason);
        FUZZ_HOLDS(key->marker == VMTP_KNOWN_AUTHORITY || reason);
        FUZZ_HOLDS(key->marker != VMTP_KNOWN_REVOKED || verdict == VMTP_KNOWN_BAD);
        FUZZ_HOLDS(key->marker != VMTP_KNOWN_KEY || verdict == VMTP_KNOWN_SAME || verdict == VMTP_KNOWN_BAD);
        char print[VMTP_FINGERPRINT];
        (void)vmtp_ssh_fingerprint(key->blob, key->blob_len, print);
    }
    const struct vmtp_known_key *reason = NULL;
    (void)vmtp_known_hosts_judge(&known, (const unsigned char *)"", 0, &reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    look(text, "h1.example", 0);
    look(text, "h2.example", 2222);
    return 0;
}
