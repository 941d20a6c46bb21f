/* SPDX-License-Identifier: Apache-2.0 */
/* What must be known of a program to start it on another machine: ELF (System V ABI, elf(5)). */
#ifndef CORE_ELF_FILE_H
#define CORE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct vmtp_elf {
    unsigned machine;      /* e_machine */
    bool wide;             /* 64 bits */
    char interpreter[256]; /* the dynamic loader; "": a static program */
};

/* Reads a whole file. False when it is no ELF program of this machine's byte order or is broken. */
bool vmtp_elf_parse(const void *bytes, size_t n, struct vmtp_elf *elf);

/* Whether the program can run where uname(2) calls the machine so. */
bool vmtp_elf_runs_on(const struct vmtp_elf *elf, const char *machine);

/* The machine as uname(2) calls it; "an unknown machine". */
const char *vmtp_elf_machine(const struct vmtp_elf *elf);

#endif
