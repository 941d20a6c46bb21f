/* SPDX-License-Identifier: Apache-2.0 */
#include "core/endpoint.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    struct vmtp_pairs properties = {0};
    FUZZ_HOLDS(vmtp_facts_parse(&properties, text) == VMTP_OK);
    FUZZ_HOLDS(properties.n <= 5);
    for (size_t i = 0; i < properties.n; i++)
        FUZZ_HOLDS(properties.items[i].text[0] && strlen(properties.items[i].text) < 256);
    vmtp_pairs_clear(&properties);
    return 0;
}
