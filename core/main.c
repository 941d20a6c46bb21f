/* SPDX-License-Identifier: Apache-2.0 */
#include "core/commands.h"

int main(int argc, char **argv)
{
    return vmtp_main(argc, argv);
}
