/* SPDX-License-Identifier: Apache-2.0 */
/* What can be told of a private key file before it is used: its type decides whether libssh2 can use it, its public
 * half whether the server wants it, so nobody is asked for the passphrase of a key that is refused anyway. */
#ifndef CORE_SSH_KEY_H
#define CORE_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "vmtp/plugin.h"

struct vmtp_ssh_key {
    char *path;
    char type[48];       /* "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa" ...; "" when only the passphrase tells */
    unsigned char *blob; /* the public key as SSH sends it; NULL when only the passphrase tells */
    size_t blob_len;
    bool encrypted;
};

/* OpenSSH's own format (PROTOCOL.key of OpenSSH) and PEM. VMTP_ECONFIG with words for anything else. */
int vmtp_ssh_key_parse(vmtp_ctx *ctx, const char *path, const char *text, size_t len, struct vmtp_ssh_key *key);
/* VMTP_EFAIL when the file cannot be read. */
int vmtp_ssh_key_read(vmtp_ctx *ctx, const char *path, struct vmtp_ssh_key *key);
void vmtp_ssh_key_clear(struct vmtp_ssh_key *key);

/* Strings of the SSH protocol (RFC 4251, 5): a length of 4 bytes, big-endian, then that many bytes. Takes one off the
 * front of *p; false when it does not fit into *left. */
bool vmtp_ssh_take_string(const unsigned char **p, size_t *left, const unsigned char **string, size_t *len);
bool vmtp_ssh_take_uint32(const unsigned char **p, size_t *left, unsigned long *value);

/* ssh-auth.c: the passphrase that was configured for keys, or given for this one when it was asked for. The caller
 * frees it with vmtp_secret_free(); NULL: unknown. */
char *vmtp_ssh_passphrase(const char *key_path);
void vmtp_ssh_passphrase_keep(const char *key_path, const char *passphrase);

/* Base64 with blanks and newlines in it. The caller frees *bytes. Without words: VMTP_EPARSE for anything else,
 * VMTP_ENOMEM. */
int vmtp_ssh_base64(const char *text, size_t len, unsigned char **bytes, size_t *decoded);

static inline void vmtp_clean_ssh_key(struct vmtp_ssh_key *key)
{
    vmtp_ssh_key_clear(key);
}
#endif
