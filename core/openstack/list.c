/* SPDX-License-Identifier: Apache-2.0 */
/* Lists page by page, and paths. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/openstack/catalog.h"
#include "core/openstack/session.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { PAGES_MAX = 1000, ITEMS_MAX = 200000, PATH_MAX_LEN = 8192 };

/* ---- paths ---- */

static int add_escaped(struct vmtp_buf *out, const char *text)
{
    int rc = VMTP_OK;
    for (; *text && rc == VMTP_OK; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = c < 0x80 && (isalnum(c) || strchr("-._~", c)); /* RFC 3986, 2.3 */
        rc = plain ? vmtp_buf_add(out, text, 1) : vmtp_buf_printf(out, "%%%02X", c);
    }
    return rc;
}

char *vmtp_os_path(const char *format, ...)
{
    VMTP_CLEAN(buf) struct vmtp_buf out = VMTP_BUF(PATH_MAX_LEN);
    int rc = VMTP_OK;
    va_list args;
    va_start(args, format);
    for (const char *at = format; *at && rc == VMTP_OK; at++) {
        if (at[0] == '%' && at[1] == 's') {
            rc = add_escaped(&out, va_arg(args, const char *));
            at++;
        } else {
            rc = vmtp_buf_add(&out, at, 1);
        }
    }
    va_end(args);
    return rc < 0 ? NULL : vmtp_buf_take(&out);
}

/* ---- lists ---- */

/* Where the next page is said to be: nova and neutron have KEY_links, glance next, keystone links.next. */
static const char *next_link(const json_t *page, const char *key)
{
    size_t i;
    json_t *link;
    char name[64];
    snprintf(name, sizeof name, "%s_links", key);
    json_array_foreach(json_object_get(page, name), i, link) {
        const char *rel = json_string_value(json_object_get(link, "rel"));
        if (rel && strcmp(rel, "next") == 0)
            return json_string_value(json_object_get(link, "href"));
    }
    const char *next = json_string_value(json_object_get(page, "next"));
    return next ? next : json_string_value(json_object_get(json_object_get(page, "links"), "next"));
}

static int wrong_page(vmtp_ctx *ctx, const struct vmtp_os_request *request, const char *what)
{
    return vmtp_fail(ctx, VMTP_EREMOTE, "%s: GET %.*s: %s", vmtp_os_service_name(request->service),
                     (int)strcspn(request->path, "?"), request->path, what);
}

/* The path of the next page: ours, with the query of the link. Its host, scheme and path are not believed. */
static int next_path(vmtp_ctx *ctx, const struct vmtp_os_request *request, const char *link, char **next)
{
    const char *query = strchr(link, '?');
    size_t n = query ? strcspn(query, "#") : 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)query[i] <= ' ' || (unsigned char)query[i] >= 0x7F)
            n = 0;
    if (n < 2 || n > PATH_MAX_LEN)
        return wrong_page(ctx, request, "a link to the next page that is no link");
    char *made = vmtp_format("%.*s%.*s", (int)strcspn(request->path, "?"), request->path, (int)n, query);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    bool same = strcmp(request->path, made) == 0;
    free(*next);
    *next = made;
    return same ? wrong_page(ctx, request, "a page that names itself as the next one") : VMTP_OK;
}

/* One page: its items go to items, *next to the page after it, NULL at the end. */
static int get_page(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *request,
                    const char *key, json_t *items, char **next)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    int rc = vmtp_os_call(ctx, session, request, &reply);
    if (rc < 0)
        return rc;
    const json_t *page = json_object_get(reply.json, key);
    if (!json_is_array(page))
        return wrong_page(ctx, request, "an answer without a list");
    if (json_array_extend(items, (json_t *)page) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (json_array_size(items) > ITEMS_MAX)
        return wrong_page(ctx, request, "a list without an end");
    const char *link = json_array_size(page) ? next_link(reply.json, key) : NULL;
    if (link)
        return next_path(ctx, request, link, next);
    free(VMTP_TAKE(*next));
    return VMTP_OK;
}

/* The pages from *next on, their items added to all. */
static int get_rest(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_request request, const char *key,
                    json_t *all, char **next)
{
    int rc = VMTP_OK;
    for (int pages = 1; rc == VMTP_OK && *next; pages++) {
        VMTP_CLEAN(mem) char *asked = strdup(*next);
        if (!asked)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        request.path = asked;
        rc = pages < PAGES_MAX ? get_page(ctx, session, &request, key, all, next)
                               : wrong_page(ctx, &request, "a list without an end");
    }
    return rc;
}

int vmtp_os_list(vmtp_ctx *ctx, struct vmtp_os_session *session, int service, const char *microversion,
                 const char *path, const char *key, json_t **items)
{
    json_t *all = json_array();
    VMTP_CLEAN(mem) char *next = NULL;
    const struct vmtp_os_request request = {
        .service = service, .method = "GET", .microversion = microversion, .path = path};
    int rc = all ? get_page(ctx, session, &request, key, all, &next) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (rc == VMTP_OK)
        rc = get_rest(ctx, session, request, key, all, &next);
    if (rc == VMTP_OK)
        *items = all;
    else
        json_decref(all);
    return rc;
}

int vmtp_os_list_rest(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_os_request *request,
                      const char *key, struct vmtp_os_reply *reply)
{
    json_t *all = json_object_get(reply->json, key);
    VMTP_CLEAN(mem) char *next = NULL;
    const char *link = json_array_size(all) ? next_link(reply->json, key) : NULL;
    int rc = link ? next_path(ctx, request, link, &next) : VMTP_OK;
    return rc < 0 ? rc : get_rest(ctx, session, *request, key, all, &next);
}
