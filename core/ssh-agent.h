/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a running ssh agent (draft-ietf-sshm-ssh-agent). Our own client, since libssh2's waits for a silent agent
 * without end. */
#ifndef CORE_SSH_AGENT_H
#define CORE_SSH_AGENT_H

#include <stddef.h>

#include "vmtp/plugin.h"

struct vmtp_agent_key {
    unsigned char *blob; /* the public key as SSH sends it */
    size_t blob_len;
    char type[48], comment[80];
};

struct vmtp_agent {
    int fd; /* -1: no agent */
    struct vmtp_agent_key *keys;
    size_t n;
};

/* Connects to $SSH_AUTH_SOCK and lists its keys. No agent is VMTP_OK with no keys; one that does not answer as it
 * should is VMTP_EFAIL with words. *agent is to be closed in either case. */
int vmtp_agent_open(vmtp_ctx *ctx, struct vmtp_agent *agent);

/* Signs data; *signature is the inner signature without the name of its algorithm, free() it. RSA is signed with the
 * algorithm that the data names. */
int vmtp_agent_sign(vmtp_ctx *ctx, struct vmtp_agent *agent, const struct vmtp_agent_key *key,
                    const unsigned char *data, size_t len, unsigned char **signature, size_t *signature_len);
void vmtp_agent_close(struct vmtp_agent *agent);

static inline void vmtp_clean_agent(struct vmtp_agent *agent)
{
    vmtp_agent_close(agent);
}
#endif
