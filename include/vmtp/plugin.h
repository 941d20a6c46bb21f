/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmtp/plugin.h - the whole contract between VMTP and a plugin.
 *
 * A plugin is a shared object that exports one constant, a `struct vmtp_plugin` made with VMTP_PLUGIN(). It is one of
 * three kinds: a *tool* measures between two endpoints, a *sink* is told what was measured, a *topology* says which
 * endpoints and flows there are and brings them into being. vmtp-plugin(3) explains the life of each.
 *
 * Rules that hold everywhere
 *   Ownership   what the core passes in is borrowed until the callback returns, unless the comment says otherwise.
 *               Nothing that one side allocates is freed by the other; vmtp_output_clear(), vmtp_stop(), vmtp_free()
 *               and vmtp_report_free() free what a service of the core has handed out.
 *   Errors      a function that returns int returns VMTP_OK or a negative vmtp_status. The words go in with
 *               vmtp_fail(); the core adds which plugin, flow and endpoint it was.
 *   Threads     one instance (one `state`) is called from one thread at a time; two instances may run at once. Every
 *               service is called on the thread that got the ctx, and only until the callback returns.
 *   Units       bit/s, seconds, bytes, ratios from 0 to 1. 1 kbit is 1000 bit.
 *   Growth      new members come at the end of a struct and new values at the end of an enum. The core copies the
 *               smaller of both sizes over zeroes, so a plugin of an older VMTP runs in a newer one and the reverse.
 */
#ifndef VMTP_PLUGIN_H
#define VMTP_PLUGIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up only when an older plugin can no longer run. The core refuses a plugin with another number. */
#define VMTP_PLUGIN_ABI 1u

#define VMTP_PUBLIC    __attribute__((visibility("default")))
#define VMTP_PRINTF(f) __attribute__((format(printf, f, f + 1)))
#define VMTP_MUSTUSE   __attribute__((warn_unused_result))

typedef struct vmtp_ctx vmtp_ctx;           /* one call: causes of errors, log, cancel, deadline. Borrowed.     */
typedef struct vmtp_endpoint vmtp_endpoint; /* one host under test. Owned by the core, borrowed here.           */
typedef struct vmtp_process vmtp_process;   /* a program that runs on an endpoint; freed by vmtp_stop()         */
typedef struct vmtp_plan vmtp_plan;         /* what a topology fills in                                         */
typedef struct vmtp_report vmtp_report;     /* events put together into the result document                     */

/* A code exists only where some caller branches on it; the words live in the ctx. */
enum vmtp_status {
    VMTP_OK = 0,
    VMTP_EFAIL = -1,     /* none of the others                                              */
    VMTP_ENOMEM = -2,    /* out of memory                                                   */
    VMTP_ECONFIG = -3,   /* the user asked for something invalid: exit code 2               */
    VMTP_ENOTSUP = -4,   /* this plugin or the program behind it cannot do that             */
    VMTP_EUNREACH = -5,  /* the host cannot be reached yet: worth another try               */
    VMTP_EREMOTE = -6,   /* a program on an endpoint failed                                 */
    VMTP_EPARSE = -7,    /* output that is not understood                                   */
    VMTP_ETIMEOUT = -8,  /* the deadline passed                                             */
    VMTP_ECANCELED = -9, /* the user interrupted                                            */
    VMTP_EPLACE = -10,   /* no host for placement: exit code 5                              */
};

/* ---------------------------------------------------------------------------------------------------------------
 * Options are data: --help, checking, `vmtp plugin show` and the documentation test all read the same table, and a
 * plugin gets a filled struct. It never sees text that it would have to convert.
 */

/* Types of fields: BOOL bool, INT int64_t, SIZE (bytes) and RATE (bit/s) uint64_t, SECONDS double, STRING
 * const char *, CHOICE int (the index into choices). The core refuses a table whose size does not match the type. */
enum vmtp_opt_type {
    VMTP_OPT_BOOL,
    VMTP_OPT_INT,
    VMTP_OPT_SIZE,
    VMTP_OPT_RATE,
    VMTP_OPT_SECONDS,
    VMTP_OPT_STRING,
    VMTP_OPT_CHOICE,
};

enum vmtp_opt_flags {
    VMTP_OPT_REQUIRED = 1 << 0,
    VMTP_OPT_SECRET = 1 << 1, /* never printed, logged, journalled or put into a result */
};

struct vmtp_option {
    const char *name;           /* as the user writes it: lower case, underscores                         */
    uint32_t type;              /* enum vmtp_opt_type                                                     */
    uint32_t offset, size;      /* of the field in the plugin's option struct                             */
    const char *help;           /* one sentence; required                                                 */
    const char *fallback;       /* the default as a user would write it, or NULL: zero, false, NULL       */
    uint32_t flags;             /* enum vmtp_opt_flags                                                    */
    int64_t min, max;           /* inclusive; both 0: any value of the type                               */
    const char *const *choices; /* NULL-ended; for CHOICE                                                 */
};

/* One entry of the table; the name of the option is the name of the field. In C++ designators keep this order. */
#define VMTP_OPTION(S, field, T, ...)                                                             \
    {                                                                                             \
        .name = #field, .type = VMTP_OPT_##T, .offset = (uint32_t)offsetof(S, field),             \
        .size = (uint32_t)sizeof(((S *)0)->field), __VA_ARGS__                                    \
    }

/* ---------------------------------------------------------------------------------------------------------------
 * What a tool is asked
 */

enum vmtp_proto { VMTP_TCP = 1, VMTP_UDP, VMTP_MULTICAST, VMTP_ICMP };

/* What is sent; who and where is in the job. A member that is 0 means: the tool's own default. */
struct vmtp_load {
    uint32_t struct_size;
    uint32_t proto;             /* enum vmtp_proto                                                        */
    uint32_t ipv6;              /* 1: the target is an IPv6 address                                       */
    uint32_t reverse;           /* 1: data flows from the server to the client                            */
    uint32_t streams;           /* parallel streams                                                       */
    uint32_t message_bytes;     /* TCP: size of a write; UDP: payload of a datagram; ICMP: size of the IP packet */
    uint32_t mss;               /* TCP maximum segment size, bytes                                        */
    uint32_t count;             /* ICMP: requests                                                         */
    uint32_t ttl;               /* multicast                                                              */
    uint64_t rate_bps;          /* payload bit/s to send at; 0: as fast as it goes                        */
    double seconds;             /* how long data is sent                                                  */
    double interval_s;          /* length of the intervals of vmtp_sample(); ICMP: pause between requests */
    const char *group;          /* multicast group                                                        */
};

struct vmtp_job {
    uint32_t struct_size;
    uint16_t port, control_port; /* free on the server when serve() is called; 0 where the tool needs none */
    const struct vmtp_load *load;
    vmtp_endpoint *client, *server;
    const char *target;         /* the address that the client dials: the topology chose it               */
};

enum vmtp_tool_caps {
    VMTP_TOOL_TCP = 1 << 0,
    VMTP_TOOL_UDP = 1 << 1,
    VMTP_TOOL_MULTICAST = 1 << 2,
    VMTP_TOOL_ICMP = 1 << 3,
    VMTP_TOOL_IPV6 = 1 << 4,
    VMTP_TOOL_REVERSE_TCP = 1 << 5,
    VMTP_TOOL_REVERSE_UDP = 1 << 6,
    VMTP_TOOL_RATE = 1 << 7,    /* can send at a rate                                     */
    VMTP_TOOL_SAMPLES = 1 << 8, /* can report intervals                                   */
    VMTP_TOOL_STREAMS = 1 << 9,
    VMTP_TOOL_BRING = 1 << 10,  /* its program needs nothing but shared libraries: where it is missing,
                                 * vmtp_program() copies that of the operator's machine there. Not for programs
                                 * that need capabilities, modules or other files. A program with the name of the
                                 * plugin, or in its option "path", may be there before prepare() is called */
};

struct vmtp_tool_ops {
    uint32_t struct_size;
    uint32_t caps;              /* enum vmtp_tool_caps: what any version of the program can do            */
    uint16_t port, control_port; /* the defaults; 0: needs none. Firewalls are opened from these           */

    /* Makes an instance. opts is the option struct, filled, or NULL; it lives until close(). Starts nothing. */
    int (*open)(vmtp_ctx *ctx, const void *opts, void **state);

    /* Finds the program on ep (vmtp_program()), reads its version, narrows *caps (preset to the ops' caps) to what that
     * version can do, and reports the version with vmtp_property(ctx, "tool_version", "6.1.2"). Called once per
     * endpoint, before the first job there. */
    int (*prepare)(vmtp_ctx *ctx, void *state, vmtp_endpoint *ep, uint32_t *caps);

    /* Starts the far end of the job on job->server, if it is not running there already with the same ports; returns
     * when it answers. Called before every measurement: a server that has died is started again here. */
    int (*serve)(vmtp_ctx *ctx, void *state, const struct vmtp_job *job);

    /* REQUIRED. One measurement, blocking; the numbers go out through vmtp_metric() and vmtp_sample(). */
    int (*measure)(vmtp_ctx *ctx, void *state, const struct vmtp_job *job);

    /* Ends what serve() started on job->server. Called once per server at the end, also after a failure. */
    void (*unserve)(vmtp_ctx *ctx, void *state, const struct vmtp_job *job);

    /* Called exactly once when open() succeeded, never when it failed. */
    void (*close)(void *state);
};

/* ---------------------------------------------------------------------------------------------------------------
 * What a sink is told. All of it is text and numbers, so that a replay of the journal tells the same.
 */

/* Ignore what you do not know: new types come at the end. */
enum vmtp_event_type {
    VMTP_EV_RUN_BEGIN = 1, /* properties: version, args, date, run_id, run_uuid, test_description ...       */
    VMTP_EV_FLOW_BEGIN,    /* properties: label, scenario, path, client, server, ip_from, ip_to ...         */
    VMTP_EV_SAMPLE,        /* one interval of a measurement: values from, to (seconds) and metrics          */
    VMTP_EV_TRIAL,         /* one step of a rate search                                                     */
    VMTP_EV_RESULT,        /* one measurement                                                               */
    VMTP_EV_FAILURE,       /* a measurement (load set), a flow (flow_id set) or the run did not work        */
    VMTP_EV_FLOW_END,
    VMTP_EV_RUN_END,
    VMTP_EV_VERDICT,       /* what was expected of a flow (before its FLOW_END) or of the run (before RUN_END), and
                            * whether it came about: properties status (passed, failed, skipped), text ...      */
    VMTP_EV_NODE,          /* CPU load of one node during the measurement whose RESULT follows: properties address,
                            * name, cluster; values at, cpu_load, at, cpu_load ... in the order of time             */
};

struct vmtp_value {
    const char *metric; /* a name of core/metrics.def: `vmtp plugin show metrics` lists them   */
    const char *unit;   /* "bit/s", "s", "ratio", "count", "bytes"                              */
    double value;
};

struct vmtp_property {
    const char *name, *text;
};

/* Valid for the call only. The strides let the arrays grow: walk them with vmtp_event_value() and
 * vmtp_event_property(), not with [i]. */
struct vmtp_event {
    uint32_t struct_size;
    uint32_t type;                      /* enum vmtp_event_type                                               */
    uint32_t value_size, property_size; /* strides                                                            */
    uint64_t seq;                       /* gapless in a run, from 1: a replay can be de-duplicated            */
    int64_t time_ns;                    /* since 1970-01-01 UTC                                               */
    const char *run_id;                 /* the 128-bit run_uuid as text                                       */
    const char *flow_id, *topology, *tool; /* NULL where they do not apply                                    */
    const struct vmtp_load *load;       /* NULL outside a measurement                                         */
    const struct vmtp_value *values;
    size_t n_values;
    const struct vmtp_property *properties;
    size_t n_properties;
    int32_t status;                     /* FAILURE: a vmtp_status                                             */
    const char *error;                  /* FAILURE: the words                                                 */
};

enum vmtp_sink_caps {
    VMTP_SINK_SAMPLES = 1 << 0,    /* wants SAMPLE events                              */
    VMTP_SINK_IDEMPOTENT = 1 << 1, /* storing one run twice leaves it once             */
    VMTP_SINK_TERMINAL = 1 << 2,   /* writes on standard output                        */
    VMTP_SINK_REMOTE = 1 << 3,     /* writes to a server: `vmtp plugin check` leaves that alone */
};

struct vmtp_sink_ops {
    uint32_t struct_size;
    uint32_t caps;

    /* Makes an instance and proves that it can write, before the first measurement. */
    int (*open)(vmtp_ctx *ctx, const void *opts, void **state);

    /* REQUIRED. A failure switches this sink off for the rest of the run and costs exit code 3. */
    int (*event)(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev);

    /* After each flow and at the end of the run: what was told so far is to be safe when this returns. */
    int (*flush)(vmtp_ctx *ctx, void *state);

    void (*close)(void *state);
};

/* ---------------------------------------------------------------------------------------------------------------
 * Topologies
 */

/* One flow of a plan. All text is copied by vmtp_plan_flow(). */
struct vmtp_flow {
    uint32_t struct_size;
    uint32_t order;             /* flows of all topologies are measured in this order; plan order breaks ties */
    const char *id;             /* unique in the run and the same in every run of this request            */
    const char *client, *server; /* ids of endpoints; both may be the same                                 */
    const char *path;           /* which address is dialled: "fixed", "floating", "native" ...            */
    const char *scenario;       /* row of the summary: "1" to "8", or "9" for namespaces                  */
    const char *label;          /* the description, compatible with old readers                           */
};

/* How the core reaches an endpoint. All text is copied by vmtp_endpoint_login(). NULL: the default. */
struct vmtp_login {
    uint32_t struct_size;
    uint16_t port;              /* 0: 22                                                                  */
    const char *transport;      /* "ssh" or "local"                                                       */
    const char *user, *host;    /* ssh                                                                    */
    const char *key_file, *password; /* ssh: tried before what the configuration offers                   */
    const char *via;            /* ssh: a jump host, for transports that can                              */
    const char *netns;          /* local: pid of a process whose user and network namespace are joined    */
    const char *dialogue;       /* replay: a recorded dialogue, for tests                                 */
    bool only_key;              /* ssh: nothing but key_file is offered                                   */
    bool fresh;                 /* ssh: a machine made by this run, so no file of known hosts has its key: it
                                 * is taken at the first connection, remembered nowhere                   */
};

enum vmtp_topology_caps {
    VMTP_TOPO_IPV4 = 1 << 0,
    VMTP_TOPO_IPV6 = 1 << 1,
    VMTP_TOPO_CREATES = 1 << 2, /* makes resources that outlive the process unless released */
    VMTP_TOPO_CLOUD = 1 << 3,   /* serves the options that need a cloud                     */
    VMTP_TOPO_HOSTS = 1 << 4,   /* serves --host                                            */
};

struct vmtp_topology_ops {
    uint32_t struct_size;
    uint32_t caps;

    int (*open)(vmtp_ctx *ctx, const void *opts, void **state);

    /* REQUIRED. Names endpoints and flows with vmtp_plan_endpoint() and vmtp_plan_flow(); has no effects. What
     * cannot be done is told here, before anything is made. */
    int (*plan)(vmtp_ctx *ctx, void *state, vmtp_plan *plan);

    /* Brings into being all endpoints that are wanted now, at once, and says how each is reached
     * (vmtp_endpoint_login()) and at which addresses (vmtp_endpoint_address()). One that did not work is marked with
     * vmtp_endpoint_failed(); only what spoils all of them is returned as an error. */
    int (*acquire)(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n);

    /* Undoes acquire(); the second call finds nothing to do. */
    int (*release)(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n);

    /* Removes one entry of the ledger, in a fresh process. What is gone already is a success. */
    int (*remove)(vmtp_ctx *ctx, void *state, const char *kind, const char *id);

    void (*close)(void *state);
};

/* ---------------------------------------------------------------------------------------------------------------
 * The plugin
 */

struct vmtp_plugin {
    uint32_t struct_size, abi;          /* these two never move; VMTP_PLUGIN_HEAD sets them               */
    const char *name, *version;         /* name: lower case letters, digits and '-'                       */
    const char *summary;                /* one line for `vmtp plugin list`                                */
    const struct vmtp_option *options;  /* ended by an entry without a name; NULL: none                   */
    uint32_t option_size, opts_size;    /* stride of options, size of the option struct                   */

    /* Rules across two options; touches nothing. NULL: none. */
    int (*check)(vmtp_ctx *ctx, const void *opts);

    const struct vmtp_tool_ops *tool;   /* exactly one of these three is set                              */
    const struct vmtp_sink_ops *sink;
    const struct vmtp_topology_ops *topology;
};

#define VMTP_PLUGIN_HEAD .struct_size = sizeof(struct vmtp_plugin), .abi = VMTP_PLUGIN_ABI

#ifdef __cplusplus
#define VMTP_EXTERN extern "C"
#else
#define VMTP_EXTERN extern
#endif

/* Defines the one exported symbol: VMTP_PLUGIN(tool_echo) = { VMTP_PLUGIN_HEAD, .name = "echo", ... };
 * module is the file's name without .so, everything that is not a letter or digit as '_'. */
#define VMTP_PLUGIN(module)                                                    \
    VMTP_EXTERN VMTP_PUBLIC const struct vmtp_plugin module##_LTX_vmtp_plugin; \
    const struct vmtp_plugin module##_LTX_vmtp_plugin

/* ---------------------------------------------------------------------------------------------------------------
 * Services of libvmtp
 */

/* Adds a cause to the ctx and returns status. The text is one line without a final newline; control characters in it
 * are made harmless. ctx may be NULL: then the words are lost. */
VMTP_PUBLIC int vmtp_fail(vmtp_ctx *ctx, int status, const char *fmt, ...) VMTP_PRINTF(3);

/* Log lines on standard error; the core puts the plugin and the flow in front. Never pass a secret. */
VMTP_PUBLIC void vmtp_warn(vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);
VMTP_PUBLIC void vmtp_info(vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);
VMTP_PUBLIC void vmtp_debug(vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);

/* True once the user has interrupted. */
VMTP_PUBLIC bool vmtp_cancelled(const vmtp_ctx *ctx);

/* Seconds to the deadline of the call, at least 0; HUGE_VAL when there is none. */
VMTP_PUBLIC double vmtp_remaining(const vmtp_ctx *ctx);

/* Sleeps. Returns VMTP_OK after the time, VMTP_ECANCELED at once on an interrupt, VMTP_ETIMEOUT at the deadline. */
VMTP_PUBLIC int vmtp_wait(vmtp_ctx *ctx, double seconds) VMTP_MUSTUSE;

/* Frees text that a service has handed out. Takes NULL. */
VMTP_PUBLIC void vmtp_free(void *memory);

/* --- endpoints --- */

/* What a program wrote, each part at most 1 MiB and NUL-ended. Start it as {0}; free it with vmtp_output_clear(), which
 * takes a cleared one too. exit_status is 128 + n for a program that was ended by signal n. The plugin makes it and the
 * core fills it, so this one struct never grows. */
struct vmtp_output {
    char *out, *err;
    size_t out_len, err_len;
    int exit_status;
};
VMTP_PUBLIC void vmtp_output_clear(struct vmtp_output *output);

/* The id that the topology gave it. Lives as long as the endpoint. */
VMTP_PUBLIC const char *vmtp_endpoint_id(const vmtp_endpoint *ep);

/* Finds a program on the endpoint: a path that was configured, or PATH and the system directories, or, in a tool with
 * VMTP_TOOL_BRING, a copy that it brings there. *path is one word that starts it, owned by the endpoint. VMTP_ENOTSUP
 * when it is not there, with the words that name the remedy. */
VMTP_PUBLIC int vmtp_program(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *name, const char *configured,
                             const char **path) VMTP_MUSTUSE;

/* Runs a program and waits for its end. A non-zero exit status is not an error of this function. argv is quoted by the
 * core, never by the plugin. VMTP_EUNREACH, VMTP_ETIMEOUT and VMTP_ECANCELED: the program was ended; what it had
 * written by then is in *output. */
VMTP_PUBLIC int vmtp_exec(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[],
                          struct vmtp_output *output) VMTP_MUSTUSE;

/* As vmtp_exec(), and the program is ended after that many seconds: then VMTP_ETIMEOUT without words, for the caller to
 * say what it means. */
VMTP_PUBLIC int vmtp_exec_within(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[], double seconds,
                                 struct vmtp_output *output) VMTP_MUSTUSE;

/* Starts a program that stays in the foreground and returns when it listens on the port: proto is VMTP_TCP or VMTP_UDP,
 * port 0 means at once. The program ends with the connection to the endpoint at the latest. */
VMTP_PUBLIC int vmtp_start(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[], uint32_t proto, uint16_t port,
                           vmtp_process **process) VMTP_MUSTUSE;

/* False when it has ended or the endpoint is out of reach. */
VMTP_PUBLIC bool vmtp_running(vmtp_ctx *ctx, vmtp_process *process);

/* Ends it: SIGTERM, 2 s, SIGKILL, by the process id that vmtp_start() learned. Frees it. Takes NULL. */
VMTP_PUBLIC void vmtp_stop(vmtp_ctx *ctx, vmtp_process *process);

/* Copies a local file to a path on the endpoint. */
VMTP_PUBLIC int vmtp_upload(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *local, const char *remote,
                            unsigned mode) VMTP_MUSTUSE;

/* The directory of this run on the endpoint, for files that a tool needs there: made by the first call, with a name
 * that nobody can foresee and for the login alone, in a place where programs can be started. It is in the ledger before
 * it exists; the core removes it, with all that is in it, at the end. *path is owned by the endpoint. */
VMTP_PUBLIC int vmtp_workdir(vmtp_ctx *ctx, vmtp_endpoint *ep, const char **path) VMTP_MUSTUSE;

/* --- the measurement that runs: only in tool.measure(), vmtp_property() also in tool.prepare() --- */

/* One number of the result. VMTP_EFAIL for a metric that is not in metrics.def or a value that is not finite. */
VMTP_PUBLIC int vmtp_metric(vmtp_ctx *ctx, const char *metric, double value) VMTP_MUSTUSE;

/* In prepare(), "remedy" holds the words that tell a user what to do about what this version cannot do. */
/* One text of the result: "tool_version", "flag" (may repeat), "warning" (may repeat) ... */
VMTP_PUBLIC int vmtp_property(vmtp_ctx *ctx, const char *name, const char *text) VMTP_MUSTUSE;

/* One interval of the measurement, in seconds since its begin. The unit member of the values is not read. Call it as
 * vmtp_sample(), which says how long a value is here: that is the stride of the array. */
VMTP_PUBLIC int vmtp_sample_sized(vmtp_ctx *ctx, double from_s, double to_s, const struct vmtp_value *values, size_t n,
                                  size_t value_size) VMTP_MUSTUSE;
VMTP_MUSTUSE static inline int vmtp_sample(vmtp_ctx *ctx, double from_s, double to_s, const struct vmtp_value *values,
                                           size_t n)
{
    return vmtp_sample_sized(ctx, from_s, to_s, values, n, sizeof(struct vmtp_value));
}

/* --- topologies --- */

/* The same id from two topologies is the same machine. */
VMTP_PUBLIC int vmtp_plan_endpoint(vmtp_plan *plan, const char *id) VMTP_MUSTUSE;
VMTP_PUBLIC int vmtp_plan_flow(vmtp_plan *plan, const struct vmtp_flow *flow) VMTP_MUSTUSE;

/* One line that `vmtp plan` prints below the flows: machines and where they go, networks, addresses. Copied. */
VMTP_PUBLIC int vmtp_plan_note(vmtp_plan *plan, const char *text) VMTP_MUSTUSE;

/* What the run was asked, for topologies: the hosts of --host in order (NULL past the end; borrowed for the run), and
 * whether flows inside one host are left out. */
VMTP_PUBLIC const struct vmtp_login *vmtp_plan_host(const vmtp_plan *plan, size_t i);
VMTP_PUBLIC const char *vmtp_plan_interface(const vmtp_plan *plan); /* interface of the server to dial, or NULL */
VMTP_PUBLIC bool vmtp_plan_inter_node_only(const vmtp_plan *plan);

VMTP_PUBLIC int vmtp_endpoint_login(vmtp_ctx *ctx, vmtp_endpoint *ep, const struct vmtp_login *login) VMTP_MUSTUSE;
VMTP_PUBLIC int vmtp_endpoint_address(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *path,
                                      const char *address) VMTP_MUSTUSE;
VMTP_PUBLIC int vmtp_endpoint_property(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *name,
                                       const char *text) VMTP_MUSTUSE;

/* A property that vmtp_endpoint_property() has set, or the core: "distro_id", "kernel", "hostname" ..., and, over SSH,
 * "peer_address", the numeric address at which it was reached. NULL: there is none. Valid until it is set again. */
VMTP_PUBLIC const char *vmtp_endpoint_text(const vmtp_endpoint *ep, const char *name);

/* Marks one endpoint as unusable with the causes that are in ctx, and clears them: its flows fail, the others run. */
VMTP_PUBLIC void vmtp_endpoint_failed(vmtp_ctx *ctx, vmtp_endpoint *ep, int status);

/* Connects all endpoints at once and waits for them; one that fails is marked as with vmtp_endpoint_failed(). The core
 * does this after acquire() for those that are not connected yet; a topology calls it to run something there before.
 * Only VMTP_ECANCELED and VMTP_ENOMEM are errors of this function. */
VMTP_PUBLIC int vmtp_connect(vmtp_ctx *ctx, vmtp_endpoint *const *eps, size_t n) VMTP_MUSTUSE;

/* The ledger. What a topology makes and what would outlive this process is written down BEFORE it is made, and struck
 * out after it is proven gone; after a crash `vmtp cleanup` calls remove() with the same kind and id. Both are short
 * words of the topology's own choice: "server", "4711". On disk when it returns; when it fails (disk full), do not
 * make the thing. Only in acquire() and release(). */
VMTP_PUBLIC int vmtp_track(vmtp_ctx *ctx, const char *kind, const char *id) VMTP_MUSTUSE;
VMTP_PUBLIC int vmtp_untrack(vmtp_ctx *ctx, const char *kind, const char *id) VMTP_MUSTUSE;

/* True while the endpoint can be used. */
VMTP_PUBLIC bool vmtp_endpoint_usable(const vmtp_endpoint *ep);

/* Gives a planned flow another scenario and label: when it turns out to be another one than was asked for. Only in
 * acquire(), for the flow with that id. */
VMTP_PUBLIC int vmtp_flow_relabel(vmtp_ctx *ctx, const char *id, const char *scenario, const char *label) VMTP_MUSTUSE;

/* --- sinks --- */

/* The i-th value or property of an event, NULL past the end. */
VMTP_PUBLIC const struct vmtp_value *vmtp_event_value(const struct vmtp_event *ev, size_t i);
VMTP_PUBLIC const struct vmtp_property *vmtp_event_property(const struct vmtp_event *ev, size_t i);

/* The value of a metric, or fallback; the first property of a name, or NULL. */
VMTP_PUBLIC double vmtp_event_number(const struct vmtp_event *ev, const char *metric, double fallback);
VMTP_PUBLIC const char *vmtp_event_text(const struct vmtp_event *ev, const char *name);

/* What is wrong with a RESULT, a FAILURE or a VERDICT, NULL for a good one and for other events: the words of the
 * failure, that a result holds no number at all (nothing arrived, every request lost), or in what an expectation was
 * missed. What this calls a problem is a failed scenario in every sink. Valid as long as the event. */
VMTP_PUBLIC const char *vmtp_event_problem(const struct vmtp_event *ev);

/* Puts events together into the result document (the json sink's file), for sinks that want the whole. */
VMTP_PUBLIC int vmtp_report_new(vmtp_ctx *ctx, vmtp_report **report) VMTP_MUSTUSE;
VMTP_PUBLIC int vmtp_report_add(vmtp_ctx *ctx, vmtp_report *report, const struct vmtp_event *ev) VMTP_MUSTUSE;
/* *json is the document so far, always a valid one, indented by 4 with sorted keys; free it with vmtp_free(). */
VMTP_PUBLIC int vmtp_report_json(vmtp_ctx *ctx, const vmtp_report *report, char **json) VMTP_MUSTUSE;
VMTP_PUBLIC void vmtp_report_free(vmtp_report *report);

/* --- writing, for sinks --- */

/* Replaces a file as a whole, so that a reader sees the old or the new content; a leading "~/" is the home directory, a
 * symbolic link is followed, a pipe or device is written straight. */
VMTP_PUBLIC int vmtp_write_file(vmtp_ctx *ctx, const char *path, const char *text, size_t len) VMTP_MUSTUSE;

/* The same for what is too large to be made as one text first: write() puts it into out. That out took it all is seen
 * to here; when write() fails, having said so with vmtp_fail(), the old content stays. */
VMTP_PUBLIC int vmtp_write_stream(vmtp_ctx *ctx, const char *path,
                                  int (*write)(vmtp_ctx *ctx, void *arg, FILE *out), void *arg) VMTP_MUSTUSE;

/* Proves that vmtp_write_file() will work, without touching a file that is there. *once is true for a pipe or device,
 * which can be written only once. */
VMTP_PUBLIC int vmtp_write_check(vmtp_ctx *ctx, const char *path, bool *once) VMTP_MUSTUSE;

/* Writes on standard output, all of it or an error; a reader that has gone is an error, never a signal. */
VMTP_PUBLIC int vmtp_print(vmtp_ctx *ctx, const char *text, size_t len) VMTP_MUSTUSE;

/* What standard output looks like. columns: COLUMNS of the environment, the terminal's, else 80. color: a terminal that
 * can, and NO_COLOR is not set. */
struct vmtp_terminal {
    uint32_t struct_size; /* set by the caller */
    uint32_t columns;
    bool color;
};
VMTP_PUBLIC void vmtp_terminal(struct vmtp_terminal *terminal);

/* Words and numbers for people: "941 Mbit/s" and "9.41 Gbit/s" with three significant digits; "0.231 ms", "12 s",
 * "3 min 20 s"; "TCP", "UDP", "Multicast", "ICMP". out is returned. */
enum { VMTP_UNIT_TEXT = 32 };
VMTP_PUBLIC const char *vmtp_print_rate(double bps, char out[VMTP_UNIT_TEXT]);
VMTP_PUBLIC const char *vmtp_print_seconds(double seconds, char out[VMTP_UNIT_TEXT]);
VMTP_PUBLIC const char *vmtp_proto_name(uint32_t proto);

/* Makes remote or user text safe for a terminal, in place: control characters, what turns the direction of writing and
 * what is not UTF-8 become '?', a newline or tab inside becomes a blank, a final newline is cut. */
VMTP_PUBLIC void vmtp_printable(char *text);

/* --- automatic release: VMTP_CLEAN(output) struct vmtp_output out = {0}; VMTP_CLEAN(text) char *json = NULL; --- */

static inline void vmtp_clean_output(struct vmtp_output *output)
{
    vmtp_output_clear(output);
}
static inline void vmtp_clean_text(char **text)
{
    vmtp_free(*text);
}
#define VMTP_CLEAN(kind) __attribute__((cleanup(vmtp_clean_##kind)))

#ifdef __cplusplus
}
#endif
#endif
