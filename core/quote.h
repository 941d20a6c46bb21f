/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where an argv becomes text for a shell. */
#ifndef CORE_QUOTE_H
#define CORE_QUOTE_H

#include "core/util/buf.h"

/* Adds one word, quoted for any POSIX shell; also for csh and fish, as long as there is no newline in it. */
int vmtp_quote_word(struct vmtp_buf *out, const char *word);

/* Adds all words of a NULL-ended argv, separated by blanks. */
int vmtp_quote_argv(struct vmtp_buf *out, const char *const argv[]);

#endif
