/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed, without what is of no interest here:
 *
 *   <GANGLIA_XML VERSION="3.7.2" SOURCE="gmond">
 *   <CLUSTER NAME="rack one" ...>
 *   <HOST NAME="c1" IP="192.0.2.11" TN="4" TMAX="20" ...>
 *   <METRIC NAME="cpu_user" VAL="12.5" .../>
 *
 * There may be several clusters, hosts in none, and (from a gmetad) grids around clusters. The feed comes from the
 * network without any proof of who wrote it: entities are refused, the real one declares none; all that the parser
 * takes comes from an allocator with a ceiling, so that neither depth nor names nor one endless tag fills the memory.
 */
#include "core/ganglia.h"

#include <expat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "core/util/cleanup.h"

enum {
    MEMORY_MAX = 1 << 20, /* of the parser: also bounds a tag, which is looked through again for each piece of it */
    DEPTH_MAX = 32,       /* a real feed has seven, and one more for each grid */
    ATTRIBUTES_MAX = 256, /* declared; a real feed has 38. Each default costs time in every element */
    NAME_MAX_KEPT = 255,
    SILENT_AFTER = 4,     /* times TMAX: how Ganglia itself sees it */
};
static const double LARGEST = 1e9; /* what says more is no percentage and no number of processors */

enum metric { USER, SYSTEM, PROCESSORS, METRICS };
static const char *const metric_names[METRICS] = {"cpu_user", "cpu_system", "cpu_num"};

struct vmtp_ganglia_reader {
    XML_Parser parser;
    const char *refused; /* why it is no feed; NULL: nothing was found */
    bool no_memory;
    unsigned depth, declared;
    size_t bytes;
    unsigned char first[2]; /* bytes of the feed */
    char *cluster;          /* the one that is read, or NULL */
    bool in_host;
    struct vmtp_ganglia_host host; /* the one that is read */
    double tmax;                   /* of it; 0: not told */
    double values[METRICS];        /* of it; -1: not told */
    struct vmtp_ganglia_hosts hosts;
};

/* --- memory with a ceiling --- */

/* libexpat gives its allocator no argument. A reader is used by one thread, and a thread has one reader at a time. */
static _Thread_local size_t taken;
static _Thread_local bool starved; /* it was the machine that had no more */

union block {
    size_t size;
    max_align_t align;
};

static void *limited_realloc(void *memory, size_t size)
{
    union block *block = memory ? (union block *)memory - 1 : NULL;
    size_t before = block ? block->size : 0;
    if (size > MEMORY_MAX || taken - before > MEMORY_MAX - size)
        return NULL;
    union block *grown = realloc(block, sizeof *grown + size);
    if (!grown) {
        starved = true;
        return NULL;
    }
    taken = taken - before + size;
    grown->size = size;
    return grown + 1;
}

static void *limited_malloc(size_t size)
{
    return limited_realloc(NULL, size);
}

static void limited_free(void *memory)
{
    if (!memory)
        return;
    union block *block = (union block *)memory - 1;
    taken -= block->size;
    free(block);
}

/* --- hosts --- */

static void clear_host(struct vmtp_ganglia_host *host)
{
    free(host->address);
    free(host->name);
    free(host->cluster);
    *host = (struct vmtp_ganglia_host){0};
}

void vmtp_ganglia_hosts_clear(struct vmtp_ganglia_hosts *hosts)
{
    for (size_t i = 0; i < hosts->n; i++)
        clear_host(&hosts->items[i]);
    free(hosts->items);
    *hosts = (struct vmtp_ganglia_hosts){0};
}

/* By address, then the one that was heard of last. */
static int by_address(const void *a, const void *b)
{
    const struct vmtp_ganglia_host *x = a, *y = b;
    int order = strcmp(x->address, y->address);
    if (order != 0)
        return order;
    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return strcmp(x->cluster, y->cluster);
}

/* A host that is in several clusters is one machine. */
static void sort_hosts(struct vmtp_ganglia_hosts *hosts)
{
    if (hosts->n == 0)
        return;
    qsort(hosts->items, hosts->n, sizeof *hosts->items, by_address);
    size_t kept = 1;
    for (size_t i = 1; i < hosts->n; i++) {
        if (strcmp(hosts->items[i].address, hosts->items[kept - 1].address) == 0)
            clear_host(&hosts->items[i]);
        else
            hosts->items[kept++] = hosts->items[i];
    }
    hosts->n = kept;
}

/* --- elements --- */

static void stop(struct vmtp_ganglia_reader *reader, const char *why)
{
    if (!reader->refused)
        reader->refused = why;
    XML_StopParser(reader->parser, XML_FALSE);
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

/* -1 for what is no number, or none that can be meant. */
static double number(const char *text)
{
    double value;
    return text && vmtp_parse_number(text, &value, NULL) && value >= 0 && value <= LARGEST ? value : -1;
}

/* Copies a name; out of memory is noted. */
static void keep(struct vmtp_ganglia_reader *reader, char **member, const char *text)
{
    free(*member);
    size_t len = strnlen(text, NAME_MAX_KEPT);
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) /* not inside of a character */
        len--;
    *member = strndup(text, len);
    if (*member) {
        vmtp_printable(*member);
        return;
    }
    reader->no_memory = true;
    stop(reader, "out of memory");
}

static void host_begins(struct vmtp_ganglia_reader *reader, const XML_Char **attributes)
{
    const char *address = attribute(attributes, "IP"), *name = attribute(attributes, "NAME");
    if (reader->in_host) {
        stop(reader, "a host inside of a host");
        return;
    }
    name = name ? name : "";
    address = address && *address ? address : name;
    reader->in_host = true;
    keep(reader, &reader->host.address, address);
    keep(reader, &reader->host.name, name);
    keep(reader, &reader->host.cluster, reader->cluster ? reader->cluster : "");
    reader->host.age = fmax(number(attribute(attributes, "TN")), 0);
    reader->tmax = fmax(number(attribute(attributes, "TMAX")), 0);
    for (size_t i = 0; i < METRICS; i++)
        reader->values[i] = -1;
}

static void metric_begins(struct vmtp_ganglia_reader *reader, const XML_Char **attributes)
{
    const char *name = attribute(attributes, "NAME");
    for (size_t i = 0; name && i < METRICS; i++)
        if (strcmp(name, metric_names[i]) == 0)
            reader->values[i] = number(attribute(attributes, "VAL"));
}

static void element_begins(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct vmtp_ganglia_reader *reader = arg;
    if (reader->refused)
        return;
    if (++reader->depth > DEPTH_MAX)
        stop(reader, "elements too deep inside of each other");
    else if (reader->depth == 1 && strcmp(name, "GANGLIA_XML") != 0)
        stop(reader, "it is no feed of Ganglia");
    else if (strcmp(name, "CLUSTER") == 0) {
        const char *cluster = attribute(attributes, "NAME");
        keep(reader, &reader->cluster, cluster ? cluster : "");
        reader->hosts.clusters++;
    } else if (strcmp(name, "HOST") == 0)
        host_begins(reader, attributes);
    else if (reader->in_host && strcmp(name, "METRIC") == 0)
        metric_begins(reader, attributes);
}

static bool make_room(struct vmtp_ganglia_hosts *hosts)
{
    if (hosts->n < hosts->room)
        return true;
    size_t room = hosts->room ? 2 * hosts->room : 16;
    struct vmtp_ganglia_host *grown = realloc(hosts->items, room * sizeof *grown);
    if (!grown)
        return false;
    hosts->items = grown;
    hosts->room = room;
    return true;
}

static void host_ends(struct vmtp_ganglia_reader *reader)
{
    struct vmtp_ganglia_host *host = &reader->host;
    const double *v = reader->values;
    reader->in_host = false;
    if (!*host->address) { /* nothing to know it by */
        clear_host(host);
        return;
    }
    host->incomplete = v[USER] < 0 || v[SYSTEM] < 0 || v[PROCESSORS] < 0;
    host->silent = reader->tmax > 0 && host->age > SILENT_AFTER * reader->tmax;
    host->load = (fmax(v[USER], 0) + fmax(v[SYSTEM], 0)) * fmax(v[PROCESSORS], 0) / 100;
    host->load = round(host->load * 100) / 100;
    if (reader->hosts.n >= VMTP_GANGLIA_HOSTS_MAX) {
        stop(reader, "more hosts than can be watched");
    } else if (!make_room(&reader->hosts)) {
        reader->no_memory = true;
        stop(reader, "out of memory");
    } else {
        reader->hosts.items[reader->hosts.n++] = *host;
        *host = (struct vmtp_ganglia_host){0};
    }
}

static void element_ends(void *arg, const XML_Char *name)
{
    struct vmtp_ganglia_reader *reader = arg;
    if (reader->refused)
        return;
    reader->depth--;
    if (strcmp(name, "HOST") == 0) {
        host_ends(reader);
    } else if (strcmp(name, "CLUSTER") == 0) {
        free(reader->cluster);
        reader->cluster = NULL;
    }
}

/* One entity that holds others is how a small text becomes a huge one. */
static void entity_declared(void *arg, const XML_Char *name, int is_parameter, const XML_Char *value, int len,
                            const XML_Char *base, const XML_Char *system_id, const XML_Char *public_id,
                            const XML_Char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)len;
    (void)base, (void)system_id, (void)public_id, (void)notation;
    stop(arg, "it declares entities, which a gmond does not");
}

static void attribute_declared(void *arg, const XML_Char *element, const XML_Char *name, const XML_Char *type,
                               const XML_Char *usual, int required)
{
    struct vmtp_ganglia_reader *reader = arg;
    (void)element, (void)name, (void)type, (void)usual, (void)required;
    if (++reader->declared > ATTRIBUTES_MAX)
        stop(reader, "it declares too many attributes");
}

/* --- the reader --- */

struct vmtp_ganglia_reader *vmtp_ganglia_begin(void)
{
    static const XML_Memory_Handling_Suite limited = {limited_malloc, limited_realloc, limited_free};
    struct vmtp_ganglia_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    starved = false;
    reader->parser = XML_ParserCreate_MM(NULL, &limited, NULL);
    if (!reader->parser) {
        free(reader);
        return NULL;
    }
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, element_begins, element_ends);
    XML_SetEntityDeclHandler(reader->parser, entity_declared);
    XML_SetAttlistDeclHandler(reader->parser, attribute_declared);
    return reader;
}

/* The feed ends inside of an element, a tag or a character. */
static bool is_cut_off(enum XML_Error error)
{
    return error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN || error == XML_ERROR_PARTIAL_CHAR;
}

/* The words for why the parser stopped. */
static int misunderstood(vmtp_ctx *ctx, const struct vmtp_ganglia_reader *reader)
{
    enum XML_Error error = XML_GetErrorCode(reader->parser);
    if (reader->no_memory || starved)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (reader->first[0] == 0x1F && reader->first[1] == 0x8B)
        return vmtp_fail(ctx, VMTP_EPARSE, "the answer is compressed: set gzip_output to no in its tcp_accept_channel");
    if (!reader->refused && error == XML_ERROR_NO_MEMORY)
        return vmtp_fail(ctx, VMTP_EPARSE, "line %lu of the answer: it takes more memory than any feed of Ganglia",
                         (unsigned long)XML_GetCurrentLineNumber(reader->parser));
    return vmtp_fail(ctx, VMTP_EPARSE, "line %lu of the answer: %s",
                     (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                     reader->refused ? reader->refused : XML_ErrorString(error));
}

int vmtp_ganglia_feed(vmtp_ctx *ctx, struct vmtp_ganglia_reader *reader, const char *bytes, size_t n)
{
    static const size_t PIECE = 64 << 10; /* what a handler stops, stops soon */
    for (size_t i = 0; i < n && reader->bytes + i < sizeof reader->first; i++)
        reader->first[reader->bytes + i] = (unsigned char)bytes[i];
    reader->bytes += n;
    if (reader->bytes > VMTP_GANGLIA_FEED_MAX)
        return vmtp_fail(ctx, VMTP_EPARSE, "the answer is longer than %d MiB", VMTP_GANGLIA_FEED_MAX >> 20);
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < PIECE ? n - done : PIECE;
        if (XML_Parse(reader->parser, bytes + done, (int)piece, XML_FALSE) != XML_STATUS_OK)
            return misunderstood(ctx, reader);
        done += piece;
    }
    return VMTP_OK;
}

int vmtp_ganglia_end(vmtp_ctx *ctx, struct vmtp_ganglia_reader *reader, struct vmtp_ganglia_hosts *hosts)
{
    *hosts = (struct vmtp_ganglia_hosts){0};
    if (reader->bytes == 0)
        return vmtp_fail(ctx, VMTP_EPARSE,
                         "it closed the connection without an answer: its acl may not let this machine in");
    if (XML_Parse(reader->parser, "", 0, XML_TRUE) != XML_STATUS_OK) {
        if (reader->depth > 0 && !reader->refused && is_cut_off(XML_GetErrorCode(reader->parser)))
            return vmtp_fail(ctx, VMTP_EPARSE, "the answer is cut off after %zu bytes", reader->bytes);
        return misunderstood(ctx, reader);
    }
    *hosts = reader->hosts;
    reader->hosts = (struct vmtp_ganglia_hosts){0};
    sort_hosts(hosts);
    return VMTP_OK;
}

void vmtp_ganglia_free(struct vmtp_ganglia_reader *reader)
{
    if (!reader)
        return;
    XML_ParserFree(reader->parser);
    clear_host(&reader->host);
    vmtp_ganglia_hosts_clear(&reader->hosts);
    free(reader->cluster);
    free(reader);
}
