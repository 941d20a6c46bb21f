/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a ceiling. Always NUL-ended behind its last byte, also when empty. */
#ifndef CORE_UTIL_BUF_H
#define CORE_UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vmtp/plugin.h"

struct vmtp_buf {
    char *data; /* NULL until something was added: read it with vmtp_buf_text() */
    size_t len, room, max;
    bool cut;   /* something did not fit below max */
};

/* A buffer that never holds more than max bytes. */
#define VMTP_BUF(max_bytes) ((struct vmtp_buf){.max = (max_bytes)})

/* Adds bytes. VMTP_ENOMEM, or VMTP_EFAIL when the ceiling is reached: what fits is added and cut is set. */
int vmtp_buf_add(struct vmtp_buf *buf, const void *bytes, size_t n);
int vmtp_buf_text_add(struct vmtp_buf *buf, const char *text);
int vmtp_buf_printf(struct vmtp_buf *buf, const char *fmt, ...) VMTP_PRINTF(2);
int vmtp_buf_vprintf(struct vmtp_buf *buf, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

/* The content; "" when empty. Valid until the next change. */
const char *vmtp_buf_text(const struct vmtp_buf *buf);

/* Hands the content over to the caller, who frees it; NULL only when out of memory. The buffer is empty afterwards. */
char *vmtp_buf_take(struct vmtp_buf *buf);

/* A stream that adds to the buffer until it is closed; NULL when out of memory. Unlike open_memstream() it has an error
 * (ferror(), fclose()) when memory or the ceiling was too small. */
FILE *vmtp_buf_open(struct vmtp_buf *buf);

/* Forgets the content, keeps the memory. */
void vmtp_buf_reset(struct vmtp_buf *buf);
void vmtp_buf_clear(struct vmtp_buf *buf);

static inline void vmtp_clean_buf(struct vmtp_buf *buf)
{
    vmtp_buf_clear(buf);
}
#endif
