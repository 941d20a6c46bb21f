/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/util/json.h"
#include "core/util/str.h"

enum { SHOWN = 20, WORDS_MAX = 4000 };

char *vmtp_os_names(const json_t *items, vmtp_os_fits_fn fits, const void *arg)
{
    struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    size_t i, n = 0;
    const json_t *item;
    json_array_foreach ((json_t *)items, i, item) {
        if (fits && !fits(arg, item))
            continue;
        if (n++ < SHOWN)
            (void)vmtp_buf_printf(&words, "%s'%.100s'", n > 1 ? ", " : "", vmtp_json_text(item, "name"));
    }
    if (n > SHOWN)
        (void)vmtp_buf_printf(&words, " and %zu more", n - SHOWN);
    if (n == 0)
        (void)vmtp_buf_text_add(&words, "none");
    char *text = vmtp_buf_take(&words);
    if (text)
        vmtp_printable(text);
    return text;
}

int vmtp_os_uuid(vmtp_ctx *ctx, char out[VMTP_OS_UUID])
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return vmtp_fail(ctx, VMTP_EFAIL, "getrandom: %s", vmtp_errno());
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    char *p = out;
    for (size_t i = 0; i < sizeof b; i++)
        p += snprintf(p, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    return VMTP_OK;
}

bool vmtp_os_is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return true;
}
