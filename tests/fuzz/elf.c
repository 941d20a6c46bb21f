/* SPDX-License-Identifier: Apache-2.0 */
#include "core/elf-file.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *bytes = fuzz_text(data, size);
    struct vmtp_elf elf;
    if (!vmtp_elf_parse(bytes, size, &elf))
        return 0;
    FUZZ_HOLDS(!elf.interpreter[0] || elf.interpreter[0] == '/');
    FUZZ_HOLDS(memchr(elf.interpreter, '\0', sizeof elf.interpreter));
    FUZZ_HOLDS(vmtp_elf_machine(&elf));
    (void)vmtp_elf_runs_on(&elf, "x86_64");
    return 0;
}
