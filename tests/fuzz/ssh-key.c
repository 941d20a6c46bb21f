/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-key.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    VMTP_CLEAN(ssh_key) struct vmtp_ssh_key key;
    int rc = vmtp_ssh_key_parse(&ctx, "id", text, size, &key);
    FUZZ_HOLDS(rc == VMTP_OK || (rc == VMTP_ECONFIG && vmtp_ctx_error(&ctx, rc)[0] && !key.blob));
    FUZZ_HOLDS(memchr(key.type, '\0', sizeof key.type));
    return 0;
}
