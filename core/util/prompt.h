/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_UTIL_PROMPT_H
#define CORE_UTIL_PROMPT_H

#include "vmtp/plugin.h"

/* Asks for a secret on the controlling terminal, without echo; one question at a time, also from several threads. The
 * caller overwrites and frees *answer. VMTP_ENOTSUP, without words, when there is no terminal. */
int vmtp_prompt_secret(vmtp_ctx *ctx, const char *question, char **answer);

/* Overwrites and frees a secret. Takes NULL. */
void vmtp_secret_free(char *secret);

static inline void vmtp_clean_secret(char **secret)
{
    vmtp_secret_free(*secret);
}

#endif
