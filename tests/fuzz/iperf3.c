/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tools/iperf3/parse.h"

#include "tests/fuzz/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    for (unsigned way = 0; way < 4; way++) {
        struct vmtp_iperf3_result result;
        if (vmtp_iperf3_parse(text, size, way & 1, way & 2, &result))
            hold_numbers(&result.total);
        else
            FUZZ_HOLDS(result.flaw[0]);
        for (size_t i = 0; i < result.n_intervals; i++) {
            FUZZ_HOLDS(result.intervals[i].from <= result.intervals[i].to);
            hold_numbers(&result.intervals[i].numbers);
        }
        vmtp_iperf3_clear(&result);
    }
    return 0;
}
