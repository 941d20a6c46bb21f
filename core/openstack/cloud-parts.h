/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the cloud share with each other and with nobody else. */
#ifndef CORE_OPENSTACK_CLOUD_PARTS_H
#define CORE_OPENSTACK_CLOUD_PARTS_H

#include "core/ledger.h"
#include "core/openstack/cloud.h"
#include "core/openstack/flavor.h"
#include "core/openstack/image.h"
#include "core/openstack/keypair.h"
#include "core/openstack/placement.h"
#include "core/openstack/quota.h"
#include "core/openstack/session.h"
#include "core/plan.h"

enum {
    VMTP_CLOUD_NETWORKS = 2,
    VMTP_CLOUD_HOSTS = VMTP_OS_PLACES,
    VMTP_CLOUD_MACHINES = 1 + VMTP_CLOUD_NETWORKS * VMTP_CLOUD_HOSTS,
    VMTP_CLOUD_FLOWS = 3 * VMTP_CLOUD_HOSTS,
};

/* The version of the compute API that has tags at creation and still all that we read (Queens). */
#define VMTP_COMPUTE_VERSION "2.52"

/* A network of the run, made or reused. Text is owned. */
struct vmtp_cloud_network {
    char *name, *subnet_name;
    char *id, *subnet_id, *cidr; /* NULL: to be made; the CIDR is chosen by the preflight */
    char *type;                  /* provider:network_type; NULL: not told to us */
    long mtu;                    /* 0: unknown */
    bool ours, attached, open;   /* open: port security is off, so there are no security groups */
};

/* A machine of the run. Text is owned. */
struct vmtp_cloud_machine {
    char *name; /* TestServer1; also the id of its endpoint */
    size_t network, host;
    bool server;
    struct vmtp_endpoint *ep;
    char *port_id, *fixed_ip, *floating_id, *floating_ip;
    char *id, *status, *zone, *host_name, *host_id; /* host_id: nova's hash for those who may not know the host */
    char *fault;
    double error_since; /* vmtp_now() scale; 0: it was not seen in status ERROR */
    bool wanted;       /* now: its creation is under way or about to begin */
    bool made, active;
    bool over;         /* removed again before the end of the run */
};

/* A flow as it was planned, to be labelled again by the real placement. */
struct vmtp_cloud_flow {
    unsigned kind; /* enum flow_kind of flows.c */
    size_t client; /* machine */
    bool inter;    /* as planned */
};

/* What the cloud has of the run. census.c */
struct vmtp_census {
    json_t *servers, *addresses, *ports, *networks, *routers, *groups, *keys, *flavors, *images, *togethers;
};

struct vmtp_cloud {
    struct vmtp_plan *plan; /* NULL in a cleanup */
    const struct vmtp_settings *settings;
    struct vmtp_os_credentials credentials;
    struct vmtp_os_session *session;
    unsigned wanted;        /* enum vmtp_cloud_flows */
    const char *topology;   /* in whose name things are in the ledger; borrowed */
    char run[40], run_id[8];
    char mark[64], tag[64]; /* description of what the run makes, and tag of its servers */

    bool looked, acquired;
    size_t refused; /* removals that the last sweep could not do */
    struct vmtp_census left; /* of a cleanup: what the cloud still has */
    char *auth_url;
    char *dialogue; /* in place of machines that are reached, for tests; NULL: none */
    char *external_id, *external_name;
    char *router_id, *router_name, *router_address; /* address: where it leaves; NULL: unknown */
    bool router_ours;
    char *group_id;
    bool group_ours, group_open; /* open: it has its rules, but for machines that come later */
    struct vmtp_cloud_key key;
    struct vmtp_os_image image;
    struct vmtp_os_flavor flavor;
    struct vmtp_os_placement placement;
    char *together_id; /* of the server group with affinity; NULL: none */
    char *l2agent;
    struct vmtp_cloud_network networks[VMTP_CLOUD_NETWORKS];
    size_t n_networks;
    char *taken[64]; /* CIDRs that ours must not overlap */
    size_t n_taken;
    struct vmtp_cloud_machine machines[VMTP_CLOUD_MACHINES];
    size_t n_machines;
    struct vmtp_cloud_flow flows[VMTP_CLOUD_FLOWS];
    size_t n_flows;
};

/* --- requests.c: what several parts do with replies --- */

/* A text member of an object, "" when there is none. */
const char *vmtp_os_text(const json_t *object, const char *key);
long long vmtp_os_number(const json_t *object, const char *key, long long fallback);

/* Copies a text member of an object to *member; VMTP_EPARSE when the service left it out. */
int vmtp_os_take(vmtp_ctx *ctx, const json_t *object, const char *key, char **member);

/* Requests that are in flight together; paths and bodies are owned. */
struct vmtp_os_batch {
    struct vmtp_os_request *requests;
    struct vmtp_os_reply *replies;
    char **paths;
    json_t **bodies;
    size_t n;
    bool failed; /* out of memory */
};
/* path (free()) and body (decref) are consumed; NULL as path: out of memory, told by run(). */
void vmtp_os_batch_add(struct vmtp_os_batch *batch, struct vmtp_os_request request, char *path, json_t *body);
int vmtp_os_batch_run(vmtp_ctx *ctx, struct vmtp_os_session *session, struct vmtp_os_batch *batch);
void vmtp_os_batch_clear(struct vmtp_os_batch *batch);

/* The i-th object of the list under key in the reply; NULL past the end. */
json_t *vmtp_os_item(const struct vmtp_os_reply *reply, const char *key, size_t i);

/* One resource to be made: tracked in the ledger, then sent; when no answer came, it is looked up by the run before it
 * is sent again. */
struct vmtp_os_creation {
    int service;
    const char *microversion;
    const char *kind, *label;     /* in the ledger: "server", "TestServer1"; label also names it in messages */
    const char *path;             /* "/servers" */
    const char *singular;         /* member of the body and the reply: "server" */
    const char *plural;           /* of the list */
    char *look;                   /* path of the list by which it is looked up; owned */
    const char *field, *value;    /* the member that tells it from the others of the run; value is borrowed */
    json_t *body;                 /* owned */
    json_t *made;                 /* the object of the reply; owned */
    int rc;
    bool conflict;                /* refused, as there is such a thing: maybe this one */
    char *error;                  /* owned; NULL: none */
};
/* All of them at once. Each has its own rc; only what stops the run is returned. */
int vmtp_os_create_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creations, size_t n);
/* One; what went wrong is in ctx, too. */
int vmtp_os_create(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_os_creation *creation);
void vmtp_os_creation_clear(struct vmtp_os_creation *creation);

/* vmtp_track() in the name of the topology that owns the cloud's things. */
int vmtp_cloud_track(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const char *kind, const char *id);
int vmtp_cloud_untrack(vmtp_ctx *ctx, const struct vmtp_cloud *cloud, const char *kind, const char *id);

/* Sets run, mark and tag from the id of the run. */
void vmtp_cloud_name_run(struct vmtp_cloud *cloud, const char *run_uuid);

/* Whether a resource carries the mark of any run of VMTP: never a candidate for reuse. */
bool vmtp_cloud_is_marked(const json_t *object);

/* Whether it carries the mark of this run, in whatever way its kind does. A service that does not know a filter may
 * answer with everything there is, so what is found by one is looked at all the same. */
bool vmtp_cloud_is_ours(const struct vmtp_cloud *cloud, const json_t *object);

/* Whether the name ends in "-RUNID": how key pairs, flavors and server groups, which have no other place for it, are
 * marked. */
bool vmtp_cloud_ends_in_run(const struct vmtp_cloud *cloud, const char *name);

/* --- cidr.c --- */

/* Whether two CIDRs of IPv4 share an address. What is not understood shares none. */
bool vmtp_cidr_overlap(const char *a, const char *b);
/* A network of 256 addresses that overlaps none of the n taken ones: preferred, or the first free one of the private
 * ranges. False: none is free. */
bool vmtp_cidr_free(const char *preferred, char *const taken[], size_t n, char out[20]);

/* --- the parts, in the order in which they are called --- */

int vmtp_cloud_discover(vmtp_ctx *ctx, struct vmtp_cloud *cloud);        /* discover.c: networks, router, group */
int vmtp_cloud_choose(vmtp_ctx *ctx, struct vmtp_cloud *cloud);          /* choose.c: image, flavor, hosts */
int vmtp_cloud_plan_flows(vmtp_ctx *ctx, struct vmtp_cloud *cloud, unsigned flows); /* flows.c */
/* notes.c: what `vmtp plan` prints: all of the cloud the first time, and the machines from this one on. */
int vmtp_cloud_note_plan(vmtp_ctx *ctx, struct vmtp_cloud *cloud, bool first, size_t machines);
int vmtp_cloud_make_network(vmtp_ctx *ctx, struct vmtp_cloud *cloud);    /* network.c */
int vmtp_cloud_make_key(vmtp_ctx *ctx, struct vmtp_cloud *cloud);        /* keypair.c */
int vmtp_cloud_make_together(vmtp_ctx *ctx, struct vmtp_cloud *cloud);   /* together.c: where hosts are not named */
json_t *vmtp_cloud_hints(const struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine); /* NULL: none */
int vmtp_cloud_open_group(vmtp_ctx *ctx, struct vmtp_cloud *cloud);      /* security.c: its rules */
int vmtp_cloud_make_ports(vmtp_ctx *ctx, struct vmtp_cloud *cloud);      /* address.c */
int vmtp_cloud_make_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud);   /* machine.c: with their floating IPs */
/* address.c: the floating IPs of the machines that are wanted; how many they are. Then what came of them. */
size_t vmtp_cloud_add_addresses(struct vmtp_cloud *cloud, struct vmtp_os_creation creations[VMTP_CLOUD_MACHINES]);
int vmtp_cloud_take_addresses(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_os_creation *creations,
                              size_t n);
int vmtp_cloud_await_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud);  /* machine.c: until ACTIVE */
int vmtp_cloud_label_flows(vmtp_ctx *ctx, struct vmtp_cloud *cloud);     /* flows.c: by the real placement */
void vmtp_cloud_tell_console(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const struct vmtp_cloud_machine *machine);

/* Removes all that the run has made; the census tells what came of it. sweep.c */
int vmtp_cloud_sweep(vmtp_ctx *ctx, struct vmtp_cloud *cloud);

/* Sweeps until nothing is left, three times at most: what was asked for when the user interrupted may come into being
 * while the rest is removed. */
int vmtp_cloud_sweep_all(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_census *left);

/* Removes the machines that are `over`, with ports and addresses, and strikes them out of the ledger. sweep.c */
int vmtp_cloud_remove_machines(vmtp_ctx *ctx, struct vmtp_cloud *cloud);

int vmtp_cloud_census(vmtp_ctx *ctx, struct vmtp_cloud *cloud, struct vmtp_census *census);
/* Whether a server or an image carries a tag. */
bool vmtp_os_has_tag(const json_t *object, const char *tag);
void vmtp_census_clear(struct vmtp_census *census);
/* How many things of a kind of the ledger are in it. */
size_t vmtp_census_count(const struct vmtp_census *census);

#endif
