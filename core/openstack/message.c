/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "vmtp/plugin.h"

enum { WORDS_MAX = 500, LOOKED_AT_MAX = 16 << 10 };

/* The names under which services put their words, the best first. */
static const char *text_in(const json_t *object)
{
    static const char *const names[] = {"message", "detail", "faultstring", "explanation", "error_message"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = json_string_value(json_object_get(object, names[i]));
        if (text && *text)
            return text;
    }
    return NULL;
}

/* {"message": ..}, {"badRequest": {"message": ..}}, {"errors": [{"detail": ..}]}, {"NeutronError": ".."} */
static const char *words_in(const json_t *json)
{
    const char *text = text_in(json), *name;
    json_t *value;
    if (text)
        return text;
    json_object_foreach((json_t *)json, name, value) {
        text = text_in(json_is_array(value) ? json_array_get(value, 0) : value);
        if (!text && json_object_size(json) == 1)
            text = json_string_value(value);
        if (text && *text)
            return text;
    }
    return NULL;
}

static const char *skip_tag(const char *at, const char *end)
{
    static const char *const hidden[] = {"<style", "</style", "<script", "</script", "<head", "</head"};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i += 2) {
        size_t n = strlen(hidden[i]);
        if ((size_t)(end - at) > n && strncasecmp(at, hidden[i], n) == 0 && !isalpha((unsigned char)at[n]))
            for (const char *close = at; (close = memchr(close + 1, '<', (size_t)(end - close - 1)));)
                if ((size_t)(end - close) > n && strncasecmp(close, hidden[i + 1], n + 1) == 0) {
                    at = close;
                    break;
                }
    }
    const char *close = memchr(at, '>', (size_t)(end - at));
    return close ? close + 1 : end;
}

/* Text with its tags left out and its blanks put together. */
static void add_plain(struct vmtp_buf *out, const char *text, size_t len)
{
    const char *end = text + (len < LOOKED_AT_MAX ? len : LOOKED_AT_MAX);
    bool blank = false;
    while (text < end && !out->cut) {
        if (*text == '<') {
            text = skip_tag(text, end);
            blank = true;
            continue;
        }
        bool is_blank = (unsigned char)*text <= ' ';
        if (!is_blank && blank && out->len)
            (void)vmtp_buf_add(out, " ", 1);
        if (!is_blank)
            (void)vmtp_buf_add(out, text, 1);
        blank = is_blank;
        text++;
    }
}

char *vmtp_os_message(const json_t *json, const char *text, size_t len)
{
    VMTP_CLEAN(buf) struct vmtp_buf out = VMTP_BUF(WORDS_MAX);
    const char *words = json ? words_in(json) : NULL;
    if (words) {
        text = words;
        len = strlen(words);
    }
    if (text && len && (words || !json))
        add_plain(&out, text, len);
    if (out.len == 0)
        return NULL;
    char *message = vmtp_buf_take(&out);
    if (message)
        vmtp_printable(message);
    return message;
}

const char *vmtp_os_status_text(long status, char out[VMTP_OS_STATUS_TEXT])
{
    static const struct {
        long status;
        const char *words;
    } known[] = {
        {300, " Multiple Choices"}, {301, " Moved Permanently"}, {302, " Found"}, {400, " Bad Request"},
        {401, " Unauthorized"}, {403, " Forbidden"}, {404, " Not Found"}, {405, " Method Not Allowed"},
        {409, " Conflict"}, {413, " Too Large"}, {429, " Too Many Requests"}, {500, " Internal Server Error"},
        {501, " Not Implemented"}, {502, " Bad Gateway"}, {503, " Service Unavailable"}, {504, " Gateway Timeout"},
    };
    const char *words = "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            words = known[i].words;
    snprintf(out, VMTP_OS_STATUS_TEXT, "HTTP %ld%s", status, words);
    return out;
}
