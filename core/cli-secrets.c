/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "core/cli.h"
#include "core/secret.h"

static bool key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Only the plugin knows where a value ends, so what follows a secret key is taken as secret to the end. */
static bool find_secret_value(const char *word, size_t *from, size_t *to)
{
    size_t start = 0;
    for (size_t i = 0; word[i]; i++) {
        if (word[i] == '=' && word[i + 1] && vmtp_secret_name(word + start, i - start)) {
            *from = i + 1;
            *to = strlen(word);
            return true;
        }
        if (!key_char(word[i]))
            start = i + 1;
    }
    return false;
}

/* The last '@' counts: a password that should have been escaped may hold '/' or '@'. */
static bool find_url_password(const char *word, size_t *from, size_t *to)
{
    const char *last = strrchr(word, '@');
    for (const char *url = strstr(word, "://"); url && last && url < last; url = strstr(url + 3, "://")) {
        const char *authority = url + 3;
        const char *colon = authority + strcspn(authority, ":/?#");
        if (*colon == ':' && colon < last && colon + 1 < last) {
            *from = (size_t)(colon + 1 - word);
            *to = (size_t)(last - word);
            return true;
        }
    }
    return false;
}

bool vmtp_cli_find_secret(const char *word, bool specification, size_t *from, size_t *to)
{
    size_t value_from, value_to;
    bool url = find_url_password(word, from, to);
    if (!specification || !find_secret_value(word, &value_from, &value_to))
        return url;
    *from = url && *from < value_from ? *from : value_from;
    *to = value_to;
    return true;
}
