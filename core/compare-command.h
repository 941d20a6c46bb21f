/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_COMPARE_COMMAND_H
#define CORE_COMPARE_COMMAND_H

#include "core/compare.h"

struct vmtp_cli;

/* Compares the two files that the command line names and writes what it asks for. When it cannot be written, *outcome
 * is what the gates have said all the same; what fails before that is VMTP_ECONFIG or VMTP_ENOMEM. */
int vmtp_compare_command(vmtp_ctx *ctx, const struct vmtp_cli *cli, enum vmtp_outcome *outcome);

#endif
