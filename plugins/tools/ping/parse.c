/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <math.h>

static const double MOST_PACKETS = 1e9;
static const double MOST_MS = 1e9;

struct times {
    unsigned long n;
    double mean, squares; /* Welford's running mean and sum of squared differences */
    double min, max;
};

/* "10 packets transmitted, 9 received, +1 duplicates, 10% packet loss, time 9012ms"
 * "10 packets transmitted, 9 packets received, 10% packet loss" */
static bool take_counts(const char *line, struct vmtp_numbers *numbers)
{
    const char *p = line;
    double sent, received, duplicates = 0;
    if (!vmtp_scan_number(&p, MOST_PACKETS, &sent) || !vmtp_scan_word(&p, " packets transmitted, ") ||
        !vmtp_scan_number(&p, MOST_PACKETS, &received))
        return false;
    if (!vmtp_scan_word(&p, " received") && !vmtp_scan_word(&p, " packets received"))
        return false;
    while (vmtp_scan_word(&p, ", ")) {
        double count;
        vmtp_scan_word(&p, "+");
        if (vmtp_scan_number(&p, MOST_PACKETS, &count) && vmtp_scan_word(&p, " duplicates"))
            duplicates = count;
        p += strcspn(p, ",");
    }
    vmtp_number_set(numbers, "sent", sent);
    vmtp_number_set(numbers, "received", received);
    vmtp_number_set(numbers, "duplicates", duplicates);
    return true;
}

/* "rtt min/avg/max/mdev = 0.231/0.362/0.801/0.160 ms", "round-trip min/avg/max = 0.048/0.063/0.072 ms" */
static bool take_summary(const char *line, struct vmtp_numbers *numbers)
{
    static const char *const metrics[] = {"rtt_min", "rtt_avg", "rtt_max", "rtt_stddev"};
    const char *p = strstr(line, "min/avg/max");
    p = p ? strstr(p, " = ") : NULL;
    if (!p)
        return false;
    p += 3;
    double values[4];
    size_t n = 0;
    while (n < 4 && vmtp_scan_number(&p, MOST_MS, &values[n])) {
        n++;
        if (!vmtp_scan_word(&p, "/"))
            break;
    }
    if (n < 3 || !vmtp_scan_word(&p, " ms"))
        return false;
    for (size_t i = 0; i < n; i++)
        vmtp_number_set(numbers, metrics[i], values[i] / 1000);
    return true;
}

/* "64 bytes from 192.0.2.1: icmp_seq=1 ttl=63 time=0.537 ms" */
static void take_reply(const char *line, struct times *times)
{
    const char *p = strstr(line, " bytes from ");
    p = p ? strstr(p, " time=") : NULL;
    double ms;
    if (!p)
        return;
    p += strlen(" time=");
    if (!vmtp_scan_number(&p, MOST_MS, &ms) || !vmtp_scan_word(&p, " ms"))
        return;
    times->min = times->n == 0 ? ms : fmin(times->min, ms);
    times->max = fmax(times->max, ms);
    double difference = ms - times->mean;
    times->mean += difference / (double)++times->n;
    times->squares += difference * (ms - times->mean);
}

/* BusyBox prints no deviation, inetutils one of 0, an interrupted ping no summary: from the replies then. */
static void complete_times(struct vmtp_numbers *numbers, const struct times *times)
{
    if (times->n == 0)
        return;
    if (!vmtp_number_find(numbers, "rtt_avg")) {
        vmtp_number_set(numbers, "rtt_min", times->min / 1000);
        vmtp_number_set(numbers, "rtt_avg", times->mean / 1000);
        vmtp_number_set(numbers, "rtt_max", times->max / 1000);
    }
    double spread = vmtp_number(numbers, "rtt_max", 0) - vmtp_number(numbers, "rtt_min", 0);
    if (vmtp_number(numbers, "rtt_stddev", 0) <= 0 && spread > 0)
        vmtp_number_set(numbers, "rtt_stddev", sqrt(times->squares / (double)times->n) / 1000);
}

const char *vmtp_ping_parse(const char *text, size_t len, struct vmtp_numbers *numbers)
{
    *numbers = (struct vmtp_numbers){0};
    const char *flaw = vmtp_text_flaw(text, len);
    if (flaw)
        return flaw;
    struct times times = {0};
    bool counted = false;
    char line[VMTP_LINE_MAX + 1];
    for (const char *next = text; vmtp_next_line(&next, text + len, line);) {
        if (strstr(line, " packets transmitted, ")) {
            if (!take_counts(line, numbers))
                return "its count of packets is not understood";
            counted = true;
        } else if (strstr(line, "min/avg/max")) {
            if (!take_summary(line, numbers))
                return "its times are not understood";
        } else {
            take_reply(line, &times);
        }
    }
    if (!counted)
        return "it does not say how many packets were sent";
    double sent = vmtp_number(numbers, "sent", 0), received = vmtp_number(numbers, "received", 0);
    if (sent < 1)
        return "no packet was sent";
    double lost = fmax(0, sent - received);
    vmtp_number_set(numbers, "lost", lost);
    vmtp_number_set(numbers, "loss", lost / sent);
    complete_times(numbers, &times);
    return NULL;
}

const char *vmtp_ping_complaint(const char *text, char words[VMTP_WORDS])
{
    static const char *const signs[] = {"nreachable", "exceeded", "rohibited", "too long", "too big", "ermission"};
    words[0] = '\0';
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const char *sign = strstr(text, signs[i]);
        if (!sign)
            continue;
        while (sign > text && sign[-1] != '\n')
            sign--;
        vmtp_copy_words(words, sign);
        break;
    }
    return words;
}
