/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <math.h>
#include <stdlib.h>

/*
 * The rows of 2.1.8 and 2.2.1, asked with -e -f b so that bytes and bit/s are exact:
 *   [  1] 0.0000-1.0310 sec  61341756 Bytes  475973168 bits/sec  468/0          0      271K/2156(112) us  27596
 *   [  1] 0.0000-1.0337 sec  61341760 Bytes  474721717 bits/sec  469/0  0  127K(90)/240K(170)/2258(147) us  25345
 *   [ *1] 0.0000-1.0314 sec  61865984 Bytes  479839790 bits/sec  954=3:5:0:944:1:0:0:1          TCP, reverse
 *   [  1] 0.0000-1.0003 sec  12495872 Bytes  99939393 bits/sec  12202/0    12201 pps            datagrams, sent
 *   [  1] 0.0000-1.0003 sec  12495872 Bytes  99933298 bits/sec   0.001 ms 0/12203 (0%) 0.003/0.001/0.557/0.008 ms ...
 * The [SUM] rows are not used: their rate is wrong by several percent at the end. Nor is the percentage: 2.2.1 prints
 * 0 % beside 5444/58756. "K" of a window is 1024 bytes; without -f b, bytes count in 1024 and bits in 1000.
 */
enum kind { OTHER, TCP_SENT, DATAGRAMS_SENT, DATAGRAMS_RECEIVED };

static const double MOST_SECONDS = 1e7;
static const double MOST_BYTES = 1e18;
static const double MOST_BPS = 1e15;
static const double MOST_COUNT = 1e15;
static const double SAME_TIME = 1e-6; /* s */

struct row {
    enum kind kind;
    double from, to, bytes, bps;
    double retries, cwnd, rtt;          /* TCP_SENT; cwnd < 0: not printed */
    double jitter, lost, total, latency; /* DATAGRAMS_RECEIVED; jitter, latency < 0: not printed */
};

struct stream {
    long id;
    bool seen, reported, awaits_report;
    struct row last, report;
    double out_of_order;
};

struct scan {
    struct vmtp_iperf_result *result;
    bool datagrams, reverse;
    struct stream streams[VMTP_IPERF_STREAMS_MAX];
    size_t n;
};

static bool flaw(struct vmtp_iperf_result *result, const char *words, const char *what)
{
    snprintf(result->flaw, sizeof result->flaw, "%s%.100s", words, what);
    return false;
}

/* --- one row --- */

/* "61341756 Bytes", "58.5 MBytes", "475973168 bits/sec", "479 Mbits/sec". */
static bool take_amount(const char **p, const char *unit, double step, double most, double *value)
{
    static const char prefixes[] = "KMGT";
    vmtp_skip_blanks(p);
    if (!vmtp_scan_number(p, most, value))
        return false;
    vmtp_skip_blanks(p);
    const char *prefix = **p ? strchr(prefixes, **p) : NULL;
    if (prefix) {
        *value *= pow(step, (double)(prefix - prefixes + 1));
        ++*p;
    }
    return *value <= most && vmtp_scan_word(p, unit);
}

/* "271K/2156(112) us", "127K(90)/240K(170)/2258(147) us": the last is the round trip, the one before the window. */
static void take_window(const char *p, struct row *row)
{
    double values[3], factor;
    size_t n = 0;
    for (; n < 3; n++) {
        if (!vmtp_scan_number(&p, 1e12, &values[n]))
            return;
        factor = vmtp_scan_word(&p, "K") ? 1024 : vmtp_scan_word(&p, "M") ? 1048576 : 1;
        values[n] *= factor;
        if (*p == '(')
            p += strcspn(p, ")") + (strchr(p, ')') != NULL);
        if (!vmtp_scan_word(&p, "/"))
            break;
    }
    if (n < 1 || n > 2 || !vmtp_scan_word(&p, " us"))
        return;
    row->rtt = values[n] / 1e6;
    row->cwnd = values[n - 1];
}

/* "468/0  0  271K/2156(112) us" or "12202/0  12201 pps": what has been written, then what kind it is. */
static void take_sender(const char *p, struct row *row)
{
    double count;
    while (vmtp_scan_number(&p, MOST_COUNT, &count) && vmtp_scan_word(&p, "/"))
        ; /* writes, errors, with 2.2 time-outs */
    vmtp_skip_blanks(&p);
    if (vmtp_scan_number(&p, MOST_COUNT, &count) && (*p == ' ' || *p == '\0') && strstr(p, " us")) {
        row->kind = TCP_SENT;
        row->retries = count;
        vmtp_skip_blanks(&p);
        take_window(p, row);
    } else if (strstr(p, "pps")) {
        row->kind = DATAGRAMS_SENT;
    }
}

/* "0.001 ms 0/12203 (0%) 0.003/0.001/0.557/0.008 ms": jitter, lost/all, one-way delay with its mean first. */
static bool take_receiver(const char *p, struct row *row)
{
    bool known = vmtp_scan_number(&p, 1e9, &row->jitter);
    if (!known)
        row->jitter = -1;
    p = strstr(p, "ms");
    if (!p)
        return false;
    p += 2;
    vmtp_skip_blanks(&p);
    bool negative = vmtp_scan_word(&p, "-");
    if (!vmtp_scan_number(&p, MOST_COUNT, &row->lost) || !vmtp_scan_word(&p, "/") ||
        !vmtp_scan_number(&p, MOST_COUNT, &row->total))
        return false;
    if (negative)
        row->lost = 0; /* more arrived than were sent: some came twice */
    if (row->lost > row->total)
        return false;
    row->kind = DATAGRAMS_RECEIVED;
    row->jitter = row->jitter < 0 ? -1 : row->jitter / 1000;
    p += strcspn(p, ")") + (strchr(p, ')') != NULL);
    vmtp_skip_blanks(&p);
    row->latency = vmtp_scan_number(&p, 1e9, &row->latency) && *p == '/' ? row->latency / 1000 : -1;
    return true;
}

/* "0.0000-1.0310 sec  ..." behind the id. False when it is a row that is not understood. */
static bool take_row(const char **p, struct row *row)
{
    *row = (struct row){.cwnd = -1, .rtt = -1, .jitter = -1, .latency = -1, .retries = -1};
    if (!take_amount(p, "Bytes", 1024, MOST_BYTES, &row->bytes) ||
        !take_amount(p, "bits/sec", 1000, MOST_BPS, &row->bps))
        return false;
    vmtp_skip_blanks(p);
    size_t first = strcspn(*p, " ");
    if (strncmp(*p + first, " ms ", 4) == 0)
        return take_receiver(*p, row);
    if (memchr(*p, '/', first))
        take_sender(*p, row);
    return true;
}

/* --- intervals --- */

static struct vmtp_iperf_interval *interval_at(struct scan *scan, const struct row *row)
{
    struct vmtp_iperf_result *result = scan->result;
    for (size_t i = 0; i < VMTP_IPERF_STREAMS_MAX && i < result->n_intervals; i++) {
        struct vmtp_iperf_interval *known = &result->intervals[result->n_intervals - 1 - i];
        if (fabs(known->from - row->from) < SAME_TIME && fabs(known->to - row->to) < SAME_TIME)
            return known;
    }
    if (result->n_intervals == result->room) {
        size_t room = result->room ? result->room * 2 : 64;
        struct vmtp_iperf_interval *more = realloc(result->intervals, room * sizeof *more);
        if (!more)
            return NULL;
        result->intervals = more;
        result->room = room;
    }
    struct vmtp_iperf_interval *made = &result->intervals[result->n_intervals++];
    *made = (struct vmtp_iperf_interval){.from = row->from, .to = row->to};
    return made;
}

static void add(struct vmtp_numbers *numbers, const char *metric, double value)
{
    vmtp_number_set(numbers, metric, vmtp_number(numbers, metric, 0) + value);
}

/* What a row tells of its stream, added to that of the others. Datagrams that were sent have not arrived yet. */
static void add_row(struct vmtp_numbers *numbers, const struct row *row, bool sent_only)
{
    if (sent_only) {
        add(numbers, "sent_rate", row->bps);
        return;
    }
    add(numbers, "throughput", row->bps);
    add(numbers, "bytes", row->bytes);
    if (row->retries >= 0)
        add(numbers, "retransmits", row->retries);
    if (row->cwnd >= 0)
        add(numbers, "cwnd", row->cwnd);
    if (row->rtt >= 0)
        vmtp_number_set(numbers, "rtt", fmax(row->rtt, vmtp_number(numbers, "rtt", 0)));
    if (row->kind != DATAGRAMS_RECEIVED)
        return;
    add(numbers, "sent", row->total);
    add(numbers, "lost", row->lost);
    add(numbers, "received", row->total - row->lost);
    double sent = vmtp_number(numbers, "sent", 0);
    vmtp_number_set(numbers, "loss", sent > 0 ? vmtp_number(numbers, "lost", 0) / sent : 0);
    if (row->jitter >= 0)
        vmtp_number_set(numbers, "jitter", fmax(row->jitter, vmtp_number(numbers, "jitter", 0)));
    if (row->latency >= 0)
        vmtp_number_set(numbers, "owd", fmax(row->latency, vmtp_number(numbers, "owd", 0)));
}

/* --- lines --- */

static struct stream *stream_of(struct scan *scan, long id)
{
    for (size_t i = 0; i < scan->n; i++)
        if (scan->streams[i].id == id)
            return &scan->streams[i];
    if (scan->n == VMTP_IPERF_STREAMS_MAX)
        return NULL;
    scan->streams[scan->n] = (struct stream){.id = id};
    return &scan->streams[scan->n++];
}

/* The last row of a stream is its total; every row before it was an interval. */
static bool keep_row(struct scan *scan, struct stream *stream, const struct row *row)
{
    if (stream->awaits_report && row->kind == DATAGRAMS_RECEIVED) {
        stream->report = *row;
        stream->reported = true;
        stream->awaits_report = false;
        return true;
    }
    if (stream->seen) {
        struct vmtp_iperf_interval *interval = interval_at(scan, &stream->last);
        if (!interval)
            return flaw(scan->result, "out of memory", "");
        add_row(&interval->numbers, &stream->last, scan->datagrams && !scan->reverse);
    }
    stream->last = *row;
    stream->seen = true;
    return true;
}

/* "[  1] ", "[ *1] ". False for "[ ID]", "[SUM]" and anything else. */
static bool take_id(const char **p, long *id)
{
    double number;
    if (!vmtp_scan_word(p, "["))
        return false;
    vmtp_skip_blanks(p);
    vmtp_scan_word(p, "*");
    if (!vmtp_scan_number(p, 1e6, &number) || !vmtp_scan_word(p, "] "))
        return false;
    vmtp_skip_blanks(p);
    *id = (long)number;
    return true;
}

static bool take_line(struct scan *scan, const char *line)
{
    const char *p = line;
    long id;
    if (!take_id(&p, &id))
        return true;
    struct stream *stream = stream_of(scan, id);
    if (!stream)
        return flaw(scan->result, "it has more than 128 streams", "");
    if (strncmp(p, "Server Report:", strlen("Server Report:")) == 0) {
        stream->awaits_report = true;
        return true;
    }
    double from, to, count;
    if (!vmtp_scan_number(&p, MOST_SECONDS, &from) || !vmtp_scan_word(&p, "-"))
        return true;
    vmtp_skip_blanks(&p); /* older ones: " 0.0-10.0", "10.0- 9.0" */
    if (!vmtp_scan_number(&p, MOST_SECONDS, &to) || !vmtp_scan_word(&p, " sec") || to < from)
        return flaw(scan->result, "not an interval: ", line);
    vmtp_skip_blanks(&p);
    const char *datagrams = p;
    if (vmtp_scan_number(&datagrams, MOST_COUNT, &count) && vmtp_scan_word(&datagrams, " datagrams received out")) {
        stream->out_of_order = count;
        return true;
    }
    struct row row;
    if (!take_row(&p, &row))
        return flaw(scan->result, "not a row as expected: ", line);
    row.from = from;
    row.to = to;
    return keep_row(scan, stream, &row);
}

/* --- the whole --- */

static bool is_total(const struct row *row)
{
    return row->from < SAME_TIME && row->to > 0;
}

static bool sum_up(struct scan *scan)
{
    struct vmtp_iperf_result *result = scan->result;
    bool by_server = scan->datagrams && !scan->reverse;
    double seconds = 0, sent_rate = 0, out_of_order = 0;
    size_t streams = 0;
    for (size_t i = 0; i < scan->n; i++) {
        const struct stream *stream = &scan->streams[i];
        if (!stream->seen)
            continue;
        if (!is_total(&stream->last))
            return flaw(result, "it has no row for the whole time", "");
        const struct row *row = by_server ? &stream->report : &stream->last;
        result->no_report |= by_server && !stream->reported;
        add_row(&result->total, row, false);
        seconds = fmax(seconds, row->to);
        sent_rate += stream->last.bps;
        out_of_order += stream->out_of_order;
        streams++;
        result->streams += row->bytes > 0;
    }
    if (streams == 0)
        return flaw(result, "it has no result", "");
    if (result->no_report)
        return flaw(result, "the server has not reported", "");
    vmtp_number_set(&result->total, "seconds", seconds);
    if (streams > 1 && seconds > 0) /* they did not end together: rates do not add up */
        vmtp_number_set(&result->total, "throughput", vmtp_number(&result->total, "bytes", 0) * 8 / seconds);
    if (by_server)
        vmtp_number_set(&result->total, "sent_rate", sent_rate);
    if (scan->datagrams && !vmtp_number_find(&result->total, "sent"))
        return flaw(result, "it does not count datagrams", "");
    if (scan->datagrams)
        vmtp_number_set(&result->total, "out_of_order", out_of_order);
    return true;
}

bool vmtp_iperf_parse(const char *text, size_t len, bool datagrams, bool reverse, struct vmtp_iperf_result *result)
{
    *result = (struct vmtp_iperf_result){0};
    const char *words = vmtp_text_flaw(text, len);
    if (words)
        return flaw(result, words, "");
    struct scan *scan = malloc(sizeof *scan); /* a stream is filled when its first row is seen */
    if (!scan)
        return flaw(result, "out of memory", "");
    scan->n = 0;
    scan->result = result;
    scan->datagrams = datagrams;
    scan->reverse = reverse;
    char line[VMTP_LINE_MAX + 1];
    bool good = true;
    for (const char *next = text; good && vmtp_next_line(&next, text + len, line);)
        good = take_line(scan, line);
    good = good && sum_up(scan);
    free(scan);
    return good;
}

void vmtp_iperf_clear(struct vmtp_iperf_result *result)
{
    free(result->intervals);
    *result = (struct vmtp_iperf_result){0};
}
