/* SPDX-License-Identifier: Apache-2.0 */
/* Events as a run tells them, for the tests of what is made of them. Everything about them is fixed: seq from 1, a
 * second from one to the next, run 8b4a2820-... of 2026-01-15. */
#ifndef TESTS_UNIT_SCRIPT_H
#define TESTS_UNIT_SCRIPT_H

#include <stddef.h>

#include "vmtp/plugin.h"

struct script {
    int (*tell)(void *arg, const struct vmtp_event *ev);
    void *arg;
    uint64_t seq;
    const char *flow, *topology, *tool;
    int rc; /* the first that was not VMTP_OK */
};

#define SCRIPT_RUN "8b4a2820-1111-4222-8333-444455556666"

#define VALUES(...)                                                            \
    .values = (const struct vmtp_value[]){__VA_ARGS__},                        \
    .n_values = sizeof((const struct vmtp_value[]){__VA_ARGS__}) / sizeof(struct vmtp_value)
#define PROPERTIES(...)                                                        \
    .properties = (const struct vmtp_property[]){__VA_ARGS__},                 \
    .n_properties = sizeof((const struct vmtp_property[]){__VA_ARGS__}) / sizeof(struct vmtp_property)
#define LOAD(...) .load = &(const struct vmtp_load){.struct_size = sizeof(struct vmtp_load), __VA_ARGS__}

static inline void script_tell(struct script *script, struct vmtp_event ev)
{
    ev.struct_size = sizeof ev;
    ev.value_size = sizeof(struct vmtp_value);
    ev.property_size = sizeof(struct vmtp_property);
    ev.seq = ++script->seq;
    ev.time_ns = (1768472430 + (int64_t)script->seq) * 1000000000;
    ev.run_id = SCRIPT_RUN;
    if (ev.type != VMTP_EV_RUN_BEGIN && ev.type != VMTP_EV_RUN_END) {
        ev.flow_id = script->flow;
        ev.topology = script->topology;
    }
    if (ev.load)
        ev.tool = ev.load->proto == VMTP_ICMP ? "ping" : script->tool;
    int rc = script->tell(script->arg, &ev);
    if (script->rc == VMTP_OK)
        script->rc = rc;
}
#define TELL(script, kind, ...) script_tell(script, (struct vmtp_event){.type = VMTP_EV_##kind, __VA_ARGS__})

static inline void script_run_begin(struct script *script, const char *protocols)
{
    TELL(script, RUN_BEGIN,
         PROPERTIES({"program", "vmtp"}, {"version", "3.0.0"}, {"args", "vmtp --host root@10.0.0.1:<MASKED> -t 2"},
                    {"date", "2026-01-15 11:20:31"}, {"run_id", "8b4a282"}, {"run_uuid", SCRIPT_RUN},
                    {"test_description", "rack 12, caf\xc3\xa9"}, {"hostname", "lab"}, {"protocols", protocols},
                    {"plan_flows", "2"}));
}

static inline void script_run_end(struct script *script, const char *status)
{
    TELL(script, RUN_END, PROPERTIES({"status", status}, {"elapsed", "12.5"}));
}

static inline void script_flow_begin(struct script *script, const char *id, const char *scenario, const char *label,
                                     const char *from, const char *to)
{
    script->flow = id;
    TELL(script, FLOW_BEGIN,
         PROPERTIES({"label", label}, {"scenario", scenario}, {"path", "native"}, {"client", from}, {"server", to},
                    {"number", "1"}, {"ip_from", from}, {"ip_to", to}, {"distro_id", "debian"},
                    {"distro_version", "12"}, {"kernel", "6.1.0-18-amd64"}));
}

static inline void script_flow_end(struct script *script, const char *status)
{
    TELL(script, FLOW_END, PROPERTIES({"status", status}));
    script->flow = NULL;
}

static inline void script_pings(struct script *script, uint32_t bytes, double sent, double received)
{
    double loss = (sent - received) / sent;
    if (received == 0)
        TELL(script, RESULT, LOAD(.proto = VMTP_ICMP, .message_bytes = bytes, .count = 10),
             VALUES({"sent", "count", sent}, {"received", "count", 0}, {"loss", "ratio", 1}),
             PROPERTIES({"tool_version", "20221126"}));
    else
        TELL(script, RESULT, LOAD(.proto = VMTP_ICMP, .message_bytes = bytes, .count = 10),
             VALUES({"sent", "count", sent}, {"received", "count", received}, {"loss", "ratio", loss},
                    {"rtt_min", "s", 0.000023}, {"rtt_avg", "s", 0.000032}, {"rtt_max", "s", 0.0000414},
                    {"rtt_stddev", "s", 0.000006}),
             PROPERTIES({"tool_version", "20221126"}));
}

static inline void script_tcp(struct script *script, const char *repeat, double bps, double retransmits, double rtt)
{
    TELL(script, RESULT, LOAD(.proto = VMTP_TCP, .message_bytes = 65536, .seconds = 2),
         VALUES({"throughput", "bit/s", bps}, {"seconds", "s", 2.0004}, {"retransmits", "count", retransmits},
                {"rtt", "s", rtt}, {"cwnd", "bytes", 1294336}, {"cpu_sender", "ratio", 0.51},
                {"cpu_receiver", "ratio", 0.98}),
         PROPERTIES({"tool_version", "6.1.2"}, {"repeat", repeat}));
}

/* A rate search of two steps and its answer. */
static inline void script_udp(struct script *script, uint32_t bytes, double bps, double loss, const char *flag)
{
    TELL(script, TRIAL, LOAD(.proto = VMTP_UDP, .message_bytes = bytes, .rate_bps = 1000000000, .seconds = 1),
         VALUES({"target_rate", "bit/s", 1e9}, {"throughput", "bit/s", bps / 2}, {"loss", "ratio", 0.5},
                {"trial", "count", 1}),
         PROPERTIES({"phase", "search"}));
    TELL(script, TRIAL, LOAD(.proto = VMTP_UDP, .message_bytes = bytes, .rate_bps = 500000000, .seconds = 2),
         VALUES({"target_rate", "bit/s", 5e8}, {"throughput", "bit/s", bps}, {"loss", "ratio", loss},
                {"trial", "count", 2}),
         PROPERTIES({"phase", "confirm"}));
    TELL(script, RESULT, LOAD(.proto = VMTP_UDP, .message_bytes = bytes, .rate_bps = 500000000, .seconds = 2),
         VALUES({"throughput", "bit/s", bps}, {"loss", "ratio", loss}, {"jitter", "s", 0.0000123},
                {"sent", "count", 1000}, {"lost", "count", 41}),
         PROPERTIES({"tool_version", "6.1.2"}, {"search", "classic"}, {"loss_range", "2-5 %"},
                    {flag ? "flag" : "phase", flag ? flag : "confirm"}));
}

/* A native run of two flows, all well. */
static inline void script_native(struct script *script)
{
    static const char *const from[] = {"10.0.0.1", "10.0.0.2"};
    script->topology = "native-host";
    script->tool = "nuttcp";
    script_run_begin(script, "TUI");
    for (int i = 0; i < 2; i++) {
        script_flow_begin(script, i ? "native:b:a" : "native:a:a", "7", i ? "Native inter-host" : "Native intra-host",
                          from[i], "10.0.0.1");
        script_pings(script, 64, 10, 10);
        script_pings(script, 1500, 10, i ? 7 : 10);
        TELL(script, SAMPLE, LOAD(.proto = VMTP_TCP, .message_bytes = 65536),
             VALUES({"from", "s", 0}, {"to", "s", 1}, {"throughput", "bit/s", 22.5e9}));
        TELL(script, SAMPLE, LOAD(.proto = VMTP_TCP, .message_bytes = 65536),
             VALUES({"from", "s", 1}, {"to", "s", 2}, {"throughput", "bit/s", 22.9e9}, {"retransmits", "count", 3}));
        script_tcp(script, "1/3", 22744291123. / (i + 1), 18, 0.0002);
        script_tcp(script, "2/3", 21404851456. / (i + 1), 0, 0.00007);
        script_tcp(script, "3/3", 18114153789. / (i + 1), 8, 0.00012);
        script_udp(script, 128, 81638000, 0.0408, NULL);
        script_udp(script, 1024, 495413000, 0.061, "loss-out-of-range");
        script_flow_end(script, "passed");
    }
    script_run_end(script, "passed");
}

/* What can go wrong: flows that do not begin, measurements that fail, lost pings, many sizes, hostile words. */
static inline void script_trouble(struct script *script)
{
    script->topology = "native-host";
    script->tool = "iperf";
    script_run_begin(script, "TUI");
    script_flow_begin(script, "1", "7", "Native intra-host", "10.0.0.1", "10.0.0.1");
    TELL(script, FAILURE, .status = VMTP_EUNREACH, .error = "root@10.0.0.1: no route to host");
    script_flow_end(script, "failed");

    script_flow_begin(script, "2", "7", "Native inter-host", "10.0.0.2", "10.0.0.1");
    script_pings(script, 64, 10, 0);
    script_pings(script, 1500, 10, 3);
    script_tcp(script, "1/3", 9.41e8, 12, 0);
    TELL(script, FAILURE, LOAD(.proto = VMTP_TCP, .message_bytes = 65536), .status = VMTP_EREMOTE,
         .error = "tool iperf: measure: exit 1 on 10.0.0.2: \x1b[31m\"connect failed\"\nConnection refused \xff");
    for (uint32_t bytes = 64; bytes <= 2048; bytes *= 2)
        script_udp(script, bytes, bytes * 1e6, 0.03,
                   bytes == 64 ? "sender-limited" : bytes == 128 ? "not-confirmed" : NULL);
    script_flow_end(script, "failed");

    script->topology = "namespace";
    script_flow_begin(script, "3", "9", "Namespaces", "10.9.0.1", "10.9.0.2");
    script_pings(script, 64, 10, 10);
    script_flow_end(script, "interrupted");
    script_run_end(script, "interrupted");
}

#endif
