/* SPDX-License-Identifier: Apache-2.0 */
/* Host keys: what known_hosts files hold of a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), and whether the key that a
 * server shows is one of them. Our own reader, since libssh2's takes markers for host names. */
#ifndef CORE_SSH_HOSTKEY_H
#define CORE_SSH_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/buf.h"
#include "vmtp/plugin.h"

enum vmtp_host_key { VMTP_HOST_KEY_ACCEPT_NEW, VMTP_HOST_KEY_STRICT, VMTP_HOST_KEY_OFF }; /* ssh_host_key */

enum vmtp_known_marker { VMTP_KNOWN_KEY, VMTP_KNOWN_REVOKED, VMTP_KNOWN_AUTHORITY };

struct vmtp_known_key {
    enum vmtp_known_marker marker;
    bool plain; /* stands under the name without the port, though the port is not 22: it may match, not contradict */
    char type[48];
    unsigned char *blob; /* the public key as SSH sends it */
    size_t blob_len;
    char *place; /* "FILE:LINE" */
};

/* The lines for one host. */
struct vmtp_known_hosts {
    char *name; /* as in the files: "host" or "[host]:port", in lower case */
    char *host; /* without the port; NULL when that is the same */
    struct vmtp_known_key *keys;
    size_t n;
};

enum vmtp_known_verdict {
    VMTP_KNOWN_NEW,     /* nothing is known of the host */
    VMTP_KNOWN_SAME,
    VMTP_KNOWN_CHANGED, /* other keys are known */
    VMTP_KNOWN_BAD,     /* revoked */
};

/* port 0 is 22. VMTP_ECONFIG when the name cannot stand in a known_hosts file. */
int vmtp_known_hosts_init(vmtp_ctx *ctx, struct vmtp_known_hosts *known, const char *host, uint16_t port);
void vmtp_known_hosts_clear(struct vmtp_known_hosts *known);

/* Adds the lines of a file's text that are about the host. What is no line of a known_hosts file is passed over, as
 * OpenSSH does. VMTP_ENOMEM. */
int vmtp_known_hosts_parse(struct vmtp_known_hosts *known, const char *file, const char *text);

/* Reads the user's files, the system's and VMTP's own; a missing one is fine. */
int vmtp_known_hosts_load(vmtp_ctx *ctx, struct vmtp_known_hosts *known);

/* *reason (borrowed; may be NULL) is the line that decides: the same key, the revoked one, or one that the server's
 * contradicts, of the same type if there is one. */
enum vmtp_known_verdict vmtp_known_hosts_judge(const struct vmtp_known_hosts *known, const unsigned char *blob,
                                               size_t len, const struct vmtp_known_key **reason);

/* Adds the algorithms of the known keys, "ssh-ed25519,rsa-sha2-512", to ask for no others; nothing when none is known
 * or an authority may have signed any. */
int vmtp_known_hosts_algorithms(const struct vmtp_known_hosts *known, struct vmtp_buf *list);
/* For a server that has no key of those types: adds the line that is known, "FILE:1 holds ssh-ed25519 SHA256:...", and
 * how to remove it. */
void vmtp_known_hosts_remedy(const struct vmtp_known_hosts *known, struct vmtp_buf *words);
bool vmtp_known_hosts_authority(const struct vmtp_known_hosts *known);

/* Looks at the key that the server called `name` in messages has shown, by the setting in vmtp_ssh_defaults; a new one
 * that is accepted is remembered in VMTP's own file. VMTP_EFAIL with words when it is refused. */
int vmtp_host_key_check(vmtp_ctx *ctx, const char *name, struct vmtp_known_hosts *known, const unsigned char *blob,
                        size_t len);

enum { VMTP_FINGERPRINT = 52 };
/* "SHA256:..." as ssh-keygen -l prints it. */
const char *vmtp_ssh_fingerprint(const unsigned char *blob, size_t len, char out[VMTP_FINGERPRINT]);

/* $XDG_STATE_HOME/vmtp/known_hosts. free() it; NULL: out of memory. */
char *vmtp_known_hosts_own(void);

/* The same, made with mode 0600 when it is missing. *path is set also when that fails. */
int vmtp_known_hosts_create(vmtp_ctx *ctx, char **path);

static inline void vmtp_clean_known_hosts(struct vmtp_known_hosts *known)
{
    vmtp_known_hosts_clear(known);
}
#endif
