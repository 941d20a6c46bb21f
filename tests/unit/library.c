/* SPDX-License-Identifier: Apache-2.0 */
/* The option struct of the library, when the caller was built with another vmtp.h than the library. */
#include "vmtp/vmtp.h"

#include <string.h>

#include "core/ctx.h"
#include "tests/tap.h"

enum { LATER = 64, CANARY = 0x5A };

/* Bytes that hold the struct and what a caller with a larger or smaller one has behind it. */
static union {
    struct vmtp_options options;
    unsigned char bytes[sizeof(struct vmtp_options) + LATER];
} room;

static bool all(size_t from, size_t to, unsigned char value)
{
    for (size_t i = from; i < to; i++)
        if (room.bytes[i] != value)
            return false;
    return true;
}

int main(void)
{
    const size_t size = sizeof room.options;
    memset(&room, CANARY, sizeof room);
    vmtp_options_init(&room.options);
    is_int(room.options.struct_size, (long long)size, "the size of the caller's struct");
    ok(all(sizeof(uint32_t), size, 0), "nothing is given");
    ok(all(size, sizeof room, CANARY), "what is behind it stays");

    memset(&room, CANARY, sizeof room);
    vmtp_options_init_sized(&room.options, size + LATER);
    is_int(room.options.struct_size, (long long)size + LATER, "a later caller, with more members");
    ok(all(sizeof(uint32_t), sizeof room, 0), "those are cleared as well");

    memset(&room, CANARY, sizeof room);
    vmtp_options_init_sized(&room.options, size - 16);
    is_int(room.options.struct_size, (long long)size - 16, "an earlier caller, with fewer");
    ok(all(size - 16, sizeof room, CANARY), "what it has behind them stays");

    char *error = NULL;
    static const char *const set[] = {"no_such_key=1", NULL};
    vmtp_options_init_sized(&room.options, size + LATER);
    room.options.set = set;
    is_int(vmtp_run(&room.options, NULL, &error), VMTP_EXIT_USAGE, "a run with such a struct");
    contains(error, "no_such_key", "reads the members that it knows");
    vmtp_free(error);
    return done_testing();
}
