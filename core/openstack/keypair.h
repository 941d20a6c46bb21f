/* SPDX-License-Identifier: Apache-2.0 */
/* The key pair by which the run logs in to its machines. */
#ifndef CORE_OPENSTACK_KEYPAIR_H
#define CORE_OPENSTACK_KEYPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "vmtp/plugin.h"

struct vmtp_cloud_key {
    char *name;      /* of the key pair in the cloud */
    char *path;      /* of the private key: the configured file, or memory of this process under /proc */
    char *public_key; /* "ssh-ed25519 AAAA... comment" */
    int fd;          /* holds the memory of a temporary key; 0: there is none */
    bool ours;       /* the key pair in the cloud */
};

/* Makes a temporary ed25519 pair. The private half is in memory that ends with this process, so that nothing is left
 * behind whatever happens; path names it for programs of the same user. */
int vmtp_cloud_key_generate(vmtp_ctx *ctx, const char *comment, struct vmtp_cloud_key *key);

/* The public half of a private key file, of its .pub file or of the one that is named. The caller frees *line. */
int vmtp_cloud_key_public(vmtp_ctx *ctx, const char *private_file, const char *public_file, char **line);

void vmtp_cloud_key_clear(struct vmtp_cloud_key *key);

#endif
