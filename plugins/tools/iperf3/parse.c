/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <jansson.h>
#include <stdlib.h>

static const double MOST_BYTES = 1e18, MOST_BPS = 1e15, MOST_COUNT = 1e15, MOST_SECONDS = 1e7, MOST_MICROSECONDS = 1e12;
static const double MOST_MILLISECONDS = 1e9, MOST_PERCENT = 1e6;

struct reading {
    struct vmtp_iperf3_result *result;
    bool datagrams, reverse;
};

static bool flaw(struct vmtp_iperf3_result *result, const char *words, const char *what)
{
    snprintf(result->flaw, sizeof result->flaw, "%s%.100s", words, what);
    return false;
}

/* --- members --- */

/* A number of an object. What is missing, or -1 where iperf3 means "not known", stays at fallback. False for what no
 * iperf3 can have measured. */
static bool take(const struct reading *r, const json_t *object, const char *name, double most, double fallback,
                 double *value)
{
    const json_t *member = json_object_get(object, name);
    *value = fallback;
    if (!member || json_is_null(member))
        return true;
    if (!json_is_number(member))
        return flaw(r->result, "not a number: ", name);
    double number = json_number_value(member);
    if (!(number <= most && number >= -most))
        return flaw(r->result, "out of range: ", name);
    if (number >= 0)
        *value = number;
    return true;
}

/* The same, for a number without which there is no result. */
static bool need(const struct reading *r, const json_t *object, const char *name, double most, double *value)
{
    if (!json_is_number(json_object_get(object, name)))
        return flaw(r->result, "it has no ", name);
    return take(r, object, name, most, 0, value);
}

static void set_known(struct vmtp_numbers *numbers, const char *metric, double value)
{
    if (value >= 0)
        vmtp_number_set(numbers, metric, value);
}

/* --- intervals --- */

/* What the kernel knows of the connections at the end of an interval: the windows of all streams together, their mean
 * round trip. Only the end that sends knows them. */
static bool take_windows(const struct reading *r, const json_t *streams, struct vmtp_numbers *numbers)
{
    double cwnd = 0, rtt = 0, value;
    size_t with_cwnd = 0, with_rtt = 0, n = json_array_size(streams);
    if (n > VMTP_IPERF3_STREAMS_MAX)
        return flaw(r->result, "it has more than 128 streams", "");
    for (size_t i = 0; i < n; i++) {
        const json_t *stream = json_array_get(streams, i);
        if (!take(r, stream, "snd_cwnd", MOST_BYTES, -1, &value))
            return false;
        cwnd += value > 0 ? value : 0;
        with_cwnd += value > 0;
        if (!take(r, stream, "rtt", MOST_MICROSECONDS, -1, &value))
            return false;
        rtt += value > 0 ? value / 1e6 : 0;
        with_rtt += value > 0;
    }
    if (with_cwnd)
        vmtp_number_set(numbers, "cwnd", cwnd);
    if (with_rtt)
        vmtp_number_set(numbers, "rtt", rtt / (double)with_rtt);
    return true;
}

/* Datagrams that are still on their way when an interval ends are no loss of it, so it is the receiver that counts. */
static bool take_interval_datagrams(const struct reading *r, const json_t *sum, struct vmtp_numbers *numbers)
{
    double packets, lost, jitter;
    if (!take(r, sum, "packets", MOST_COUNT, -1, &packets) || !take(r, sum, "lost_packets", MOST_COUNT, 0, &lost) ||
        !take(r, sum, "jitter_ms", MOST_MILLISECONDS, -1, &jitter))
        return false;
    if (lost > packets && packets >= 0)
        lost = packets;
    if (packets > 0) {
        vmtp_number_set(numbers, "lost", lost);
        vmtp_number_set(numbers, "received", packets - lost);
        vmtp_number_set(numbers, "loss", lost / packets);
    }
    set_known(numbers, "jitter", jitter < 0 ? -1 : jitter / 1000);
    return true;
}

static bool take_interval(const struct reading *r, const json_t *json)
{
    struct vmtp_iperf3_interval *interval = &r->result->intervals[r->result->n_intervals];
    const json_t *sum = json_object_get(json, "sum");
    double bps, retransmits;
    if (!need(r, sum, "start", MOST_SECONDS, &interval->from) || !need(r, sum, "end", MOST_SECONDS, &interval->to) ||
        !need(r, sum, "bits_per_second", MOST_BPS, &bps) ||
        !take(r, sum, "retransmits", MOST_COUNT, -1, &retransmits))
        return false;
    if (interval->to < interval->from)
        return flaw(r->result, "an interval ends before it begins", "");
    bool sent_only = r->datagrams && !r->reverse;
    vmtp_number_set(&interval->numbers, sent_only ? "sent_rate" : "throughput", bps);
    set_known(&interval->numbers, "retransmits", retransmits);
    if (r->datagrams && r->reverse && !take_interval_datagrams(r, sum, &interval->numbers))
        return false;
    if (!take_windows(r, json_object_get(json, "streams"), &interval->numbers))
        return false;
    r->result->n_intervals++;
    return true;
}

static bool take_intervals(const struct reading *r, const json_t *intervals)
{
    size_t n = json_array_size(intervals);
    if (n > VMTP_IPERF3_INTERVALS_MAX)
        return flaw(r->result, "it has more than 100000 intervals", "");
    r->result->intervals = n ? calloc(n, sizeof *r->result->intervals) : NULL;
    if (n && !r->result->intervals)
        return flaw(r->result, "out of memory", "");
    for (size_t i = 0; i < n; i++)
        if (!take_interval(r, json_array_get(intervals, i)))
            return false;
    return true;
}

/* --- the whole --- */

/* host is the client. A program with several threads may need more than one CPU. */
static bool take_cpu(const struct reading *r, const json_t *end)
{
    const json_t *cpu = json_object_get(end, "cpu_utilization_percent");
    double host, remote;
    if (!take(r, cpu, "host_total", MOST_PERCENT, -1, &host) ||
        !take(r, cpu, "remote_total", MOST_PERCENT, -1, &remote))
        return false;
    double sender = r->reverse ? remote : host, receiver = r->reverse ? host : remote;
    set_known(&r->result->total, "cpu_sender", sender < 0 ? -1 : sender / 100);
    set_known(&r->result->total, "cpu_receiver", receiver < 0 ? -1 : receiver / 100);
    return true;
}

/* The sender's mean round trip over all intervals, and the windows at the end of the last one. */
static bool take_tcp(const struct reading *r, const json_t *end)
{
    struct vmtp_numbers *total = &r->result->total, *last = NULL;
    const json_t *streams = json_object_get(end, "streams");
    double retransmits, mean, sum = 0;
    size_t known = 0, n = json_array_size(streams);
    if (n > VMTP_IPERF3_STREAMS_MAX)
        return flaw(r->result, "it has more than 128 streams", "");
    if (!take(r, json_object_get(end, "sum_sent"), "retransmits", MOST_COUNT, -1, &retransmits))
        return false;
    set_known(total, "retransmits", retransmits);
    for (size_t i = 0; i < n; i++) {
        const json_t *sender = json_object_get(json_array_get(streams, i), "sender");
        if (!take(r, sender, "mean_rtt", MOST_MICROSECONDS, -1, &mean))
            return false;
        sum += mean > 0 ? mean / 1e6 : 0;
        known += mean > 0;
    }
    if (known)
        vmtp_number_set(total, "rtt", sum / (double)known);
    if (r->result->n_intervals)
        last = &r->result->intervals[r->result->n_intervals - 1].numbers;
    if (last)
        set_known(total, "cwnd", vmtp_number(last, "cwnd", -1));
    return true;
}

static bool take_out_of_order(const struct reading *r, const json_t *streams)
{
    double sum = 0, value;
    size_t n = json_array_size(streams);
    if (n > VMTP_IPERF3_STREAMS_MAX)
        return flaw(r->result, "it has more than 128 streams", "");
    for (size_t i = 0; i < n; i++) {
        const json_t *udp = json_object_get(json_array_get(streams, i), "udp");
        if (!take(r, udp, "out_of_order", MOST_COUNT, 0, &value))
            return false;
        sum += value;
    }
    vmtp_number_set(&r->result->total, "out_of_order", sum);
    return true;
}

/* The loss is that of the datagrams up to the last one that has arrived: what was on its way when the receiver stopped
 * is not known to be lost. When none has arrived, all are lost. Older versions give one sum, with the receiver's losses
 * and what the sender sent. */
static bool take_udp(const struct reading *r, const json_t *end, const json_t *received_sum)
{
    struct vmtp_numbers *total = &r->result->total;
    const json_t *sum = json_object_get(end, "sum"), *sent_sum = json_object_get(end, "sum_sent");
    const json_t *counts = received_sum ? received_sum : sum;
    double sent, sent_bps, packets, lost, jitter;
    if (!need(r, sent_sum ? sent_sum : sum, "packets", MOST_COUNT, &sent) ||
        !take(r, sent_sum ? sent_sum : sum, "bits_per_second", MOST_BPS, -1, &sent_bps) ||
        !need(r, counts, "packets", MOST_COUNT, &packets) || !need(r, counts, "lost_packets", MOST_COUNT, &lost) ||
        !take(r, counts, "jitter_ms", MOST_MILLISECONDS, -1, &jitter))
        return false;
    if (lost > packets)
        return flaw(r->result, "more datagrams are lost than sent", "");
    double received = packets - lost;
    if (vmtp_number(total, "bytes", 0) <= 0)
        received = 0;
    if (received <= 0)
        lost = packets = sent;
    vmtp_number_set(total, "sent", sent);
    vmtp_number_set(total, "received", received);
    vmtp_number_set(total, "lost", lost);
    vmtp_number_set(total, "loss", packets > 0 ? lost / packets : 0);
    set_known(total, "sent_rate", sent_bps);
    if (received > 0)
        set_known(total, "jitter", jitter < 0 ? -1 : jitter / 1000);
    return take_out_of_order(r, json_object_get(end, "streams"));
}

static bool take_end(const struct reading *r, const json_t *end)
{
    struct vmtp_numbers *total = &r->result->total;
    const json_t *received = json_object_get(end, "sum_received"), *sum = json_object_get(end, "sum");
    const json_t *from = received ? received : sum;
    double bytes, seconds, packets, lost;
    if (!from)
        return flaw(r->result, "it has no result", "");
    if (!need(r, from, "bytes", MOST_BYTES, &bytes) || !need(r, from, "seconds", MOST_SECONDS, &seconds))
        return false;
    if (!received && r->datagrams) { /* the bytes of the sender */
        if (!take(r, sum, "packets", MOST_COUNT, 0, &packets) || !take(r, sum, "lost_packets", MOST_COUNT, 0, &lost))
            return false;
        bytes = packets > 0 && lost < packets ? bytes * (packets - lost) / packets : 0;
    }
    vmtp_number_set(total, "bytes", bytes);
    vmtp_number_set(total, "seconds", seconds);
    vmtp_number_set(total, "throughput", seconds > 0 ? bytes * 8 / seconds : 0);
    if (vmtp_number(total, "throughput", 0) > MOST_BPS)
        return flaw(r->result, "out of range: bytes in seconds", "");
    return take_cpu(r, end) && (r->datagrams ? take_udp(r, end, received) : take_tcp(r, end));
}

static bool take_document(const struct reading *r, const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    if (error) {
        const char *words = json_string_value(error);
        vmtp_copy_words(r->result->error, words && *words ? words : "it does not say why");
        return true;
    }
    return take_intervals(r, json_object_get(root, "intervals")) && take_end(r, json_object_get(root, "end"));
}

/* Warnings may be printed before the JSON text. */
static const char *find_json(const char *text, const char *stop)
{
    while (text < stop && *text != '{') {
        const char *end = memchr(text, '\n', (size_t)(stop - text));
        text = end ? end + 1 : stop;
    }
    return text;
}

bool vmtp_iperf3_parse(const char *text, size_t len, bool datagrams, bool reverse, struct vmtp_iperf3_result *result)
{
    struct reading r = {result, datagrams, reverse};
    json_error_t where;
    *result = (struct vmtp_iperf3_result){0};
    if (len > VMTP_IPERF3_TEXT_MAX)
        return flaw(result, "it is longer than 4 MiB", "");
    const char *begin = find_json(text, text + len);
    if (begin == text + len)
        return flaw(result, "it has no JSON text", "");
    /* 3.12 itself writes some members twice when it has several streams. */
    json_t *root = json_loadb(begin, (size_t)(text + len - begin), JSON_DISABLE_EOF_CHECK, &where);
    if (!root)
        return flaw(result, "not JSON: ", where.text);
    bool good = json_is_object(root) ? take_document(&r, root) : flaw(result, "not a JSON object", "");
    json_decref(root);
    return good;
}

void vmtp_iperf3_clear(struct vmtp_iperf3_result *result)
{
    free(result->intervals);
    result->intervals = NULL;
    result->n_intervals = 0;
}
