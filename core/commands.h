/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_COMMANDS_H
#define CORE_COMMANDS_H

#include "vmtp/plugin.h"

/* The vmtp program: parses the command line, does what it says, returns the exit code. */
VMTP_PUBLIC int vmtp_main(int argc, char **argv);

#endif
