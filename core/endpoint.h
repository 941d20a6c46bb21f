/* SPDX-License-Identifier: Apache-2.0 */
/* A host under test: how it is reached, its addresses, what is known of it, what runs there. */
#ifndef CORE_ENDPOINT_H
#define CORE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/util/buf.h"
#include "vmtp/plugin.h"

struct vmtp_transport;

struct vmtp_pair {
    char *name, *text;
};
struct vmtp_pairs {
    struct vmtp_pair *items;
    size_t n;
};
int vmtp_pairs_set(struct vmtp_pairs *pairs, const char *name, const char *text); /* replaces */
const char *vmtp_pairs_get(const struct vmtp_pairs *pairs, const char *name);     /* NULL: none */
void vmtp_pairs_clear(struct vmtp_pairs *pairs);

enum vmtp_endpoint_state { VMTP_EP_NEW, VMTP_EP_CONNECTED, VMTP_EP_FAILED };

struct vmtp_endpoint {
    char *id;
    struct vmtp_login login;           /* own copies */
    struct vmtp_pairs login_text;      /* owns the text of login */
    struct vmtp_pairs addresses;       /* path -> address */
    struct vmtp_pairs properties;      /* distro_id, distro_version, kernel, arch, hostname ... */
    struct vmtp_pairs programs;        /* name -> path found */
    char *workdir;                     /* NULL: none was made */
    enum vmtp_endpoint_state state;
    int status;                        /* why it FAILED */
    char *error;
    const struct vmtp_transport *transport;
    void *link;                        /* the transport's */
};

struct vmtp_endpoint *vmtp_endpoint_new(const char *id); /* NULL: out of memory */
void vmtp_endpoint_free(struct vmtp_endpoint *ep);       /* disconnects; takes NULL */

/* Ends the connection. What runs there ends with it. */
void vmtp_endpoint_disconnect(struct vmtp_endpoint *ep);

/* Connects an endpoint again whose connection is lost, in 10 s or not at all: it is FAILED then. What ran there has
 * ended. VMTP_OK also when nothing was to be done. */
int vmtp_endpoint_revive(vmtp_ctx *ctx, struct vmtp_endpoint *ep);

/* Asks the connected endpoint for os-release and uname in one command: properties distro_id, distro_version, kernel,
 * arch, hostname. What cannot be told is left out. vmtp_connect() does it; the second call has nothing to do. */
int vmtp_endpoint_facts(vmtp_ctx *ctx, struct vmtp_endpoint *ep);

/* Reads the answer: lines "kernel=...", "arch=...", "hostname=...", then os-release(5). Exposed for tests. */
int vmtp_facts_parse(struct vmtp_pairs *properties, const char *text);

/* Removes a directory that vmtp_workdir() has made, here or in a run that is over, and strikes it out of the ledger of
 * ctx, if there is one. What is gone already is a success. */
int vmtp_workdir_remove(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *path);

/* Gives the endpoint a route for multicast through the interface by which it reaches an address, if it has no route for
 * that. It is in the ledger before it exists. To be called before each measurement: the route that is there may be
 * another run's, which removes it at its end. */
int vmtp_multicast_route(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *towards);

/* Removes such a route, by its id in the ledger. What is gone already is a success. */
int vmtp_multicast_route_remove(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *id);

/* The kind of such a route in the ledger. */
extern const char vmtp_multicast_route_kind[];

/* A socket that listens on a port of the endpoint and the process that holds it, as far as it can be told. */
struct vmtp_listener {
    bool found;
    unsigned long uid;   /* whose it is */
    unsigned long inode; /* of the socket */
    long pid;            /* 0: unknown */
    char program[64];    /* "": unknown */
};

/* Looks for a socket that listens (VMTP_TCP) or is bound (VMTP_UDP) to the port, on any address of either family, and
 * names its process: one command on the endpoint, a second one when there is such a socket. More in listener.h. */
int vmtp_port_listener(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint32_t proto, uint16_t port,
                       struct vmtp_listener *listener);

enum vmtp_ssh_transport { VMTP_SSH_AUTO, VMTP_SSH_LIBSSH2, VMTP_SSH_OPENSSH };

/* What hosts are offered for logging in, beyond vmtp_login: set once before the first connection. */
struct vmtp_ssh_defaults {
    const char *private_key_file; /* of the configuration, or NULL */
    const char *key_passphrase;   /* of encrypted keys, beside VMTP_KEY_PASSPHRASE, which wins; or NULL */
    double timeout;               /* s to reach a host; only "not reachable yet" is tried again */
    double busy;                  /* s that a measurement may keep a path from answering */
    int host_key;                 /* enum vmtp_host_key */
    int transport;                /* enum vmtp_ssh_transport */
};
extern struct vmtp_ssh_defaults vmtp_ssh_defaults;

#endif
