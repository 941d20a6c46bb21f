/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CONFIG_PRINT_H
#define CORE_CONFIG_PRINT_H

#include <stdio.h>

#include "core/config.h"

/* Prints a tree as YAML that reads back as the same tree, each secret as "<MASKED>". */
void vmtp_config_print(FILE *out, const struct vmtp_node *root);

#endif
