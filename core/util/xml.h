/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_UTIL_XML_H
#define CORE_UTIL_XML_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Text for an element or a quoted attribute of XML 1.0: what it does not allow becomes '?'. The text is UTF-8, as the
 * strings of JSON are. */
static inline void vmtp_put_xml(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool none = p[0] == 0xEF && p[1] == 0xBF && (p[2] == 0xBE || p[2] == 0xBF); /* U+FFFE and U+FFFF */
        if (strchr("&<>\"'\n\t", *p))
            fprintf(out, "&#%d;", *p);
        else
            fputc(none || *p < 0x20 || *p == 0x7F ? '?' : *p, out);
        p += none ? 2 : 0;
    }
}

#endif
