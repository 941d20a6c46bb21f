/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tools/ping/parse.h"

#include "tests/fuzz/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    struct vmtp_numbers numbers;
    char words[VMTP_WORDS];
    if (!vmtp_ping_parse(text, size, &numbers))
        hold_numbers(&numbers);
    FUZZ_HOLDS(strlen(vmtp_ping_complaint(text, words)) < VMTP_WORDS);
    return 0;
}
