/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

/* Warnings about what the input says would be most of the work. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    vmtp_log_set_level(VMTP_LOG_ERROR);
    return 0;
}
