/* SPDX-License-Identifier: Apache-2.0 */
#include "core/elf-file.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

enum { NAMES_MAX = 6 };

/* Names of uname(2); the first one is for people. A kernel of 64 bits that may lack the 32-bit part is not listed. */
static const struct machine {
    unsigned machine;
    bool wide;
    const char *names[NAMES_MAX];
} machines[] = {
    {EM_X86_64, true, {"x86_64", "amd64"}},
    {EM_X86_64, false, {"x32"}},
    {EM_386, false, {"i686", "i386", "i486", "i586", "x86_64"}},
    {EM_AARCH64, true, {"aarch64", "arm64"}},
    {EM_ARM, false, {"armv7l", "armv8l"}},
    {EM_RISCV, true, {"riscv64"}},
    {EM_LOONGARCH, true, {"loongarch64"}},
    {EM_S390, true, {"s390x"}},
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    {EM_PPC64, true, {"ppc64le"}},
#else
    {EM_PPC64, true, {"ppc64"}},
#endif
};

static const struct machine *machine_of(const struct vmtp_elf *elf)
{
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
        if (machines[i].machine == elf->machine && machines[i].wide == elf->wide)
            return &machines[i];
    return NULL;
}

const char *vmtp_elf_machine(const struct vmtp_elf *elf)
{
    const struct machine *found = machine_of(elf);
    return found ? found->names[0] : "an unknown machine";
}

bool vmtp_elf_runs_on(const struct vmtp_elf *elf, const char *machine)
{
    const struct machine *found = machine_of(elf);
    for (size_t i = 0; found && i < NAMES_MAX && found->names[i]; i++)
        if (strcmp(found->names[i], machine) == 0)
            return true;
    struct utsname here; /* a machine that the table does not know: the same as ours is fine */
    return !found && uname(&here) == 0 && strcmp(here.machine, machine) == 0;
}

/* A structure of the file may lie anywhere, also unaligned or beyond the end. */
static bool take(const void *bytes, size_t n, uint64_t offset, void *to, size_t len)
{
    if (offset > n || len > n - offset)
        return false;
    memcpy(to, (const char *)bytes + offset, len);
    return true;
}

static bool take_interpreter(const void *bytes, size_t n, uint64_t offset, uint64_t len, struct vmtp_elf *elf)
{
    return len >= 2 && len <= sizeof elf->interpreter && take(bytes, n, offset, elf->interpreter, (size_t)len) &&
           elf->interpreter[0] == '/' && memchr(elf->interpreter, '\0', (size_t)len);
}

/* The header and the program headers of either class. */
#define PARSE(name, Ehdr, Phdr)                                                            \
    static bool name(const void *bytes, size_t n, struct vmtp_elf *elf)                    \
    {                                                                                      \
        Ehdr head;                                                                         \
        if (!take(bytes, n, 0, &head, sizeof head) || head.e_phentsize != sizeof(Phdr) ||  \
            (head.e_type != ET_EXEC && head.e_type != ET_DYN))                             \
            return false;                                                                  \
        elf->machine = head.e_machine;                                                     \
        for (unsigned i = 0; i < head.e_phnum; i++) {                                      \
            Phdr part;                                                                     \
            uint64_t offset = (uint64_t)i * sizeof part;                                   \
            if (head.e_phoff > n || !take(bytes, n, head.e_phoff + offset, &part, sizeof part)) \
                return false;                                                              \
            if (part.p_type == PT_INTERP)                                                  \
                return take_interpreter(bytes, n, part.p_offset, part.p_filesz, elf);      \
        }                                                                                  \
        return head.e_phnum > 0;                                                           \
    }
PARSE(parse_wide, Elf64_Ehdr, Elf64_Phdr)
PARSE(parse_narrow, Elf32_Ehdr, Elf32_Phdr)

bool vmtp_elf_parse(const void *bytes, size_t n, struct vmtp_elf *elf)
{
    unsigned char ident[EI_NIDENT];
    *elf = (struct vmtp_elf){0};
    if (!take(bytes, n, 0, ident, sizeof ident) || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
        return false;
    elf->wide = ident[EI_CLASS] == ELFCLASS64;
    return elf->wide ? parse_wide(bytes, n, elf) : ident[EI_CLASS] == ELFCLASS32 && parse_narrow(bytes, n, elf);
}
