/* SPDX-License-Identifier: Apache-2.0 */
#include "core/quote.h"

#include <string.h>

/* Characters that no shell gives a meaning to, anywhere in a word. '=' is not one: A=b in front is an assignment. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-";

/* The login shell of a host need not be a POSIX one: fish takes a backslash between single quotes for an escape, csh an
 * exclamation mark for history. Outside quotes, with a backslash in front, all of them agree. */
int vmtp_quote_word(struct vmtp_buf *out, const char *word)
{
    if (*word && word[strspn(word, plain)] == '\0')
        return vmtp_buf_text_add(out, word);

    int rc = vmtp_buf_text_add(out, "'");
    while (rc == VMTP_OK && *word) {
        size_t n = strcspn(word, "'\\!");
        rc = vmtp_buf_add(out, word, n);
        word += n;
        if (rc == VMTP_OK && *word) {
            const char escaped[] = {'\'', '\\', *word++, '\''};
            rc = vmtp_buf_add(out, escaped, sizeof escaped);
        }
    }
    return rc < 0 ? rc : vmtp_buf_text_add(out, "'");
}

int vmtp_quote_argv(struct vmtp_buf *out, const char *const argv[])
{
    int rc = VMTP_OK;
    for (size_t i = 0; rc == VMTP_OK && argv[i]; i++) {
        if (i > 0)
            rc = vmtp_buf_text_add(out, " ");
        if (rc == VMTP_OK)
            rc = vmtp_quote_word(out, argv[i]);
    }
    return rc;
}
