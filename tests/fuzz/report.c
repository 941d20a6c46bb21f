/* SPDX-License-Identifier: Apache-2.0 */
/* A result document from anywhere, as a page and as Markdown. */
#include <ctype.h>
#include <strings.h>

#include "plugins/sinks/html/render.h"
#include "tests/fuzz/fuzz.h"

typedef int renderer(FILE *out, json_t *const *documents, size_t n, const struct html_options *options);

static char *rendered(renderer *render, json_t *document, size_t n, enum vmtp_result_show show)
{
    json_t *documents[] = {document, document};
    const struct html_options options = {show};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    FUZZ_HOLDS(out);
    FUZZ_HOLDS(render(out, documents, n, &options) == VMTP_OK);
    FUZZ_HOLDS(fclose(out) == 0 && text);
    return text;
}

/* How often each of these begins in the page: one look at it for all. */
static const char *const marks[] = {"<script", "</script", "<style",   "<link",     "<meta", "<img",
                                    "<iframe", "<!--",     "<section", "</section", "<svg",  "</svg"};
enum mark { SCRIPT, SCRIPT_END, STYLE, LINK, META, IMG, IFRAME, COMMENT, SECTION, SECTION_END, SVG, SVG_END, MARKS };

FUZZ_UNTRACED static void count_marks(const char *text, size_t n[MARKS])
{
    for (const char *at = text; (at = strchr(at, '<')); at++)
        for (size_t i = 0; i < MARKS; i++)
            n[i] += tolower((unsigned char)at[1]) == marks[i][1] && strncasecmp(at, marks[i], strlen(marks[i])) == 0;
}

/* No text of the document has become markup. */
static void check_page(const char *page, size_t n)
{
    static const char end[] = "</html>\n";
    size_t len = strlen(page);
    FUZZ_HOLDS(len > sizeof end && strcmp(page + len - strlen(end), end) == 0);
    size_t of[MARKS] = {0};
    count_marks(page, of);
    FUZZ_HOLDS(of[SCRIPT] == n + 1 && of[SCRIPT_END] == n + 1);
    FUZZ_HOLDS(of[STYLE] == 1 && of[LINK] == 1 && of[META] == 5);
    FUZZ_HOLDS(of[IMG] == 0 && of[IFRAME] == 0 && of[COMMENT] == 0);
    FUZZ_HOLDS(of[SECTION] == of[SECTION_END] && of[SVG] == of[SVG_END]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_error_t error;
    json_t *document = json_loadb((const char *)data, size, JSON_ALLOW_NUL, &error);
    if (json_is_object(document)) {
        for (size_t n = 1; n <= 2; n++) {
            VMTP_CLEAN(mem) char *page = rendered(html_page, document, n, VMTP_RESULT_ALL);
            check_page(page, n);
        }
        VMTP_CLEAN(mem) char *tcp = rendered(html_page, document, 1, VMTP_RESULT_ONLY_TCP);
        VMTP_CLEAN(mem) char *markdown = rendered(html_markdown, document, 1, VMTP_RESULT_ALL);
        FUZZ_HOLDS(!strpbrk(markdown, "<>"));
        check_page(tcp, 1);
    }
    json_decref(document);
    return 0;
}
