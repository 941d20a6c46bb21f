/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tools/nuttcp/parse.h"

#include "tests/fuzz/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    struct vmtp_nuttcp_scan scan;
    struct vmtp_numbers row;
    enum vmtp_nuttcp_row kind;
    vmtp_nuttcp_begin(&scan, text, size);
    while ((kind = vmtp_nuttcp_next(&scan, &row)) > VMTP_NUTTCP_END)
        hold_numbers(&row);
    FUZZ_HOLDS(kind == VMTP_NUTTCP_END ? !scan.clock_was_set : scan.flaw[0]);
    (void)vmtp_nuttcp_is_classic(text);

    char version[VMTP_VERSION_TEXT], words[VMTP_WORDS];
    unsigned number;
    (void)vmtp_scan_version(text, "nuttcp-", version, &number);
    const struct vmtp_output out = {.out = text, .out_len = size};
    FUZZ_HOLDS(strlen(vmtp_error_words(&out, words)) < VMTP_WORDS);
    return 0;
}
