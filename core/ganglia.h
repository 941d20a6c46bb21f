/* SPDX-License-Identifier: Apache-2.0 */
/* What a gmond (or gmetad) of Ganglia tells on its TCP port: the CPU load of every host of its clusters, as XML. Only
 * text in and numbers out; who asks, and when, is in monitor.h. */
#ifndef CORE_GANGLIA_H
#define CORE_GANGLIA_H

#include <stdbool.h>
#include <stddef.h>

#include "vmtp/plugin.h"

enum {
    VMTP_GANGLIA_FEED_MAX = 64 << 20, /* bytes of one feed: some 16 KB for a host */
    VMTP_GANGLIA_HOSTS_MAX = 4096,    /* in one feed */
};

struct vmtp_ganglia_host {
    char *address, *name, *cluster; /* address: the key; the name where the feed has no address. cluster may be "" */
    double load;                    /* busy processors: (cpu_user + cpu_system) * cpu_num / 100 */
    bool incomplete;                /* one of the three is not told and counts as 0 */
    bool silent;                    /* not heard of for so long that Ganglia takes it for down: the load is old */
    double age;                     /* s since it was heard of */
};

struct vmtp_ganglia_hosts {
    struct vmtp_ganglia_host *items; /* sorted by address; each address once, the one that was heard of last */
    size_t n, room;
    size_t clusters;
};
void vmtp_ganglia_hosts_clear(struct vmtp_ganglia_hosts *hosts);

/* A feed that is read piece by piece: begin, any number of feeds, end; free in any case, on the same thread. Both feed
 * and end say VMTP_EPARSE with words for what is no whole feed, and VMTP_ENOMEM. Memory has a ceiling, whatever
 * comes. */
struct vmtp_ganglia_reader;
struct vmtp_ganglia_reader *vmtp_ganglia_begin(void); /* NULL: out of memory */
int vmtp_ganglia_feed(vmtp_ctx *ctx, struct vmtp_ganglia_reader *reader, const char *bytes, size_t n);
int vmtp_ganglia_end(vmtp_ctx *ctx, struct vmtp_ganglia_reader *reader, struct vmtp_ganglia_hosts *hosts);
void vmtp_ganglia_free(struct vmtp_ganglia_reader *reader); /* takes NULL */

static inline void vmtp_clean_ganglia(struct vmtp_ganglia_reader **reader)
{
    vmtp_ganglia_free(*reader);
}
static inline void vmtp_clean_ganglia_hosts(struct vmtp_ganglia_hosts *hosts)
{
    vmtp_ganglia_hosts_clear(hosts);
}
#endif
