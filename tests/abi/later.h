/* SPDX-License-Identifier: Apache-2.0 */
/* For the kept plugins. -DLATER: they are built against the plugin.h of a later VMTP, as tests/abi/grow makes it, and
 * set what only that one has. */
#ifndef TESTS_ABI_LATER_H
#define TESTS_ABI_LATER_H

#define NOT_ZERO                                                                                       \
    {                                                                                                  \
        0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, 0x4711, \
            0x4711, 0x4711, 0x4711, 0x4711                                                             \
    }
#ifdef LATER
#define LATER_MEMBERS .later_number = 0x4711, .later_pointers = {&moon, &moon, &moon},
static const char moon = 1;
#else
#define LATER_MEMBERS
#endif
#endif
