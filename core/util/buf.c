/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int buf_reserve(struct vmtp_buf *buf, size_t extra)
{
    size_t need = buf->len + extra + 1;
    if (need <= buf->room)
        return VMTP_OK;
    size_t room = buf->room ? buf->room : 64;
    while (room < need)
        room *= 2;
    char *data = realloc(buf->data, room);
    if (!data)
        return VMTP_ENOMEM;
    buf->data = data;
    buf->room = room;
    return VMTP_OK;
}

int vmtp_buf_add(struct vmtp_buf *buf, const void *bytes, size_t n)
{
    size_t left = buf->max - buf->len;
    size_t fits = n < left ? n : left;
    int rc = buf_reserve(buf, fits);
    if (rc < 0)
        return rc;
    if (fits)
        memcpy(buf->data + buf->len, bytes, fits);
    buf->len += fits;
    buf->data[buf->len] = '\0';
    if (fits == n)
        return VMTP_OK;
    buf->cut = true;
    return VMTP_EFAIL;
}

int vmtp_buf_text_add(struct vmtp_buf *buf, const char *text)
{
    return vmtp_buf_add(buf, text, strlen(text));
}

int vmtp_buf_vprintf(struct vmtp_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return VMTP_EFAIL;

    char *text = malloc((size_t)n + 1);
    if (!text)
        return VMTP_ENOMEM;
    vsnprintf(text, (size_t)n + 1, fmt, args);
    int rc = vmtp_buf_add(buf, text, (size_t)n);
    free(text);
    return rc;
}

int vmtp_buf_printf(struct vmtp_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int rc = vmtp_buf_vprintf(buf, fmt, args);
    va_end(args);
    return rc;
}

const char *vmtp_buf_text(const struct vmtp_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *vmtp_buf_take(struct vmtp_buf *buf)
{
    char *data = buf->data ? buf->data : calloc(1, 1);
    char *fitting = buf->room > buf->len + 1 ? realloc(data, buf->len + 1) : NULL; /* the room to grow is given back */
    data = fitting ? fitting : data;
    *buf = VMTP_BUF(buf->max);
    return data;
}

static ssize_t add_from_stream(void *cookie, const char *bytes, size_t n)
{
    return vmtp_buf_add(cookie, bytes, n) == VMTP_OK ? (ssize_t)n : 0;
}

FILE *vmtp_buf_open(struct vmtp_buf *buf)
{
    return fopencookie(buf, "w", (cookie_io_functions_t){.write = add_from_stream});
}

void vmtp_buf_reset(struct vmtp_buf *buf)
{
    buf->len = 0;
    buf->cut = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void vmtp_buf_clear(struct vmtp_buf *buf)
{
    free(buf->data);
    *buf = VMTP_BUF(buf->max);
}
