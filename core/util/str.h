/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_UTIL_STR_H
#define CORE_UTIL_STR_H

#include <stdbool.h>
#include <locale.h>
#include <stddef.h>

#include "vmtp/plugin.h" /* vmtp_printable() */

/* New text; NULL when out of memory. The caller frees it. */
char *vmtp_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The "C" locale, for text that must not depend on the user's. */
locale_t vmtp_c_locale(void);

/* What errno means now, in English. Valid until the locale is changed. */
const char *vmtp_errno(void);

/* Compares names as users spell them: '-' and '_' are the same, upper and lower case are. */
bool vmtp_same_name(const char *a, const char *b);

/* The name nearest to a misspelt one by edit distance (Damerau, optimal string alignment); NULL when none is near
 * enough to be meant. names is NULL-ended; the answer is one of its members. */
const char *vmtp_nearest(const char *misspelt, const char *const names[]);

/* Replaces a text member: overwrites (it may be a secret) and frees the old, stores a copy of text (NULL stays NULL).
 * VMTP_ENOMEM or VMTP_OK. */
int vmtp_set_text(char **member, const char *text);

#endif
