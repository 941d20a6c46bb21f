/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

/*
 * rate_Mbps is taken as the throughput, not megabytes by real_seconds: it has four decimals (100 bit/s), the time two
 * (0.5 % of 2 s). It is what arrived at the receiver, who is asked for it, in units of 10^6 bit/s. Megabytes are 2^20
 * bytes; cwnd is in units of 1024 bytes (compared with the kernel's own figure). tx is the end that sends, rx the one
 * that receives, whichever of them the client is.
 */
enum {
    SIGNED = 1 << 0,    /* a clock difference: may be negative */
    OPTIONAL = 1 << 1,  /* 0 means: not known */
    AT_LEAST_0 = 1 << 2, /* a defect makes it negative when datagrams come twice */
};

static const struct {
    const char *key, *metric;
    double factor, most; /* most: of the printed number */
    unsigned flags;
} keys[] = {
    {"megabytes", "bytes", 1048576, 1e12, 0},
    {"real_seconds", "seconds", 1, 1e7, 0},
    {"real_sec", "seconds", 1, 1e7, 0},
    {"rate_Mbps", "throughput", 1e6, 1e9, 0},
    {"tx_cpu", "cpu_sender", 0.01, 1e6, 0},
    {"rx_cpu", "cpu_receiver", 0.01, 1e6, 0},
    {"retrans", "retransmits", 1, 1e15, 0},
    {"cwnd", "cwnd", 1024, 1e12, 0},
    {"rtt_ms", "rtt", 1e-3, 1e9, OPTIONAL},
    {"drop", "lost", 1, 1e15, SIGNED | AT_LEAST_0},
    {"pkt", "sent", 1, 1e15, 0},
    {"data_loss", "loss", 0.01, 1e15, SIGNED | AT_LEAST_0},
    {"msmaxjitter", "jitter", 1e-3, 1e9, 0},
    {"msavgOWD", "owd", 1e-3, 1e12, SIGNED},
};

static enum vmtp_nuttcp_row flaw(struct vmtp_nuttcp_scan *scan, const char *words, const char *what)
{
    snprintf(scan->flaw, sizeof scan->flaw, "%s%.80s", words, what);
    return VMTP_NUTTCP_FLAW;
}

void vmtp_nuttcp_begin(struct vmtp_nuttcp_scan *scan, const char *text, size_t len)
{
    *scan = (struct vmtp_nuttcp_scan){.next = text, .end = text + len};
    const char *words = vmtp_text_flaw(text, len);
    if (words)
        flaw(scan, words, "");
}

bool vmtp_nuttcp_is_classic(const char *text)
{
    return strstr(text, "deprecated_classic_mode") != NULL;
}

/* One word "key=value". False when the value of a known key is not a number as expected. */
static bool take_word(const char *word, struct vmtp_numbers *row)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : 0;
    for (size_t i = 0; equals && i < sizeof keys / sizeof keys[0]; i++) {
        if (strncmp(keys[i].key, word, len) != 0 || keys[i].key[len])
            continue;
        const char *p = equals + 1;
        bool negative = (keys[i].flags & SIGNED) && *p == '-';
        p += negative;
        double value;
        if (!vmtp_scan_number(&p, keys[i].most, &value) || *p)
            return false;
        if (negative)
            value = keys[i].flags & AT_LEAST_0 ? 0 : -value;
        if (value != 0 || !(keys[i].flags & OPTIONAL))
            vmtp_number_set(row, keys[i].metric, value * keys[i].factor);
        return true;
    }
    return true;
}

/* Why a word is none of nuttcp's. It takes its times from a clock that can be set. */
static enum vmtp_nuttcp_row word_flaw(struct vmtp_nuttcp_scan *scan, const char *word)
{
    const char *value = strchr(word, '=') + 1;
    double seconds;
    scan->clock_was_set = strncmp(word, "real_sec", strlen("real_sec")) == 0 && *value++ == '-' &&
                          vmtp_scan_number(&value, 1e12, &seconds) && !*value;
    return flaw(scan, scan->clock_was_set ? "the clock was set back meanwhile: " : "not a number as expected: ", word);
}

/* Datagrams: what follows from those sent and lost. Their ratio has more digits than the printed percentage. */
static enum vmtp_nuttcp_row complete(struct vmtp_nuttcp_scan *scan, struct vmtp_numbers *row, enum vmtp_nuttcp_row kind)
{
    double rate = vmtp_number(row, "throughput", -1);
    if (rate < 0)
        return flaw(scan, "it has no rate_Mbps", "");
    double sent = vmtp_number(row, "sent", -1), lost = vmtp_number(row, "lost", -1);
    if (sent < 0 || lost < 0)
        return vmtp_number(row, "loss", 0) <= 1 ? kind : flaw(scan, "its data_loss is more than 100", "");
    if (lost > sent)
        return flaw(scan, "more datagrams are lost than sent", "");
    double received = sent - lost;
    vmtp_number_set(row, "received", received);
    vmtp_number_set(row, "loss", sent > 0 ? lost / sent : 0);
    if (received > 0)
        vmtp_number_set(row, "sent_rate", rate * sent / received);
    return kind;
}

enum vmtp_nuttcp_row vmtp_nuttcp_next(struct vmtp_nuttcp_scan *scan, struct vmtp_numbers *row)
{
    if (scan->flaw[0])
        return VMTP_NUTTCP_FLAW;
    char line[VMTP_LINE_MAX + 1];
    while (vmtp_next_line(&scan->next, scan->end, line)) {
        *row = (struct vmtp_numbers){0};
        bool total = strstr(line, "real_seconds=") != NULL;
        if (!total && !strstr(line, "real_sec="))
            continue;
        for (char *word = line; *word;) {
            size_t len = strcspn(word, " \t\r");
            char *rest = word + len + (word[len] != '\0');
            word[len] = '\0';
            if (!take_word(word, row))
                return word_flaw(scan, word);
            word = rest;
        }
        return complete(scan, row, total ? VMTP_NUTTCP_TOTAL : VMTP_NUTTCP_INTERVAL);
    }
    return VMTP_NUTTCP_END;
}
