/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets come from beside the command line: the environment, a file, a question on the terminal. */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/settings.h"
#include "vmtp/plugin.h"

enum { VMTP_SECRET_MAX = 1024 }; /* bytes of one */

/* For the program, before anything else runs: no core dump is written any more, and each variable VMTP_* or OS_* whose
 * name says that it is secret is taken out of the environment, overwritten there and kept. Says nothing when it fails
 * for lack of memory: the variable is gone then, too. Not for a library, whose process is another's. */
void vmtp_secrets_guard(void);

/* A variable, taken or still in the environment; NULL when there is none or it is empty. Valid until the end. */
const char *vmtp_secret_env(const char *name);

/* Whether a variable's, option's or key's name of n characters says that its value is secret: "password", "api_key".
 * Names of what points to a secret ("password_file", "password_env") do not. */
bool vmtp_secret_name(const char *name, size_t n);

/* Reads the only line of a regular file; warns when others than the owner can read it. The caller frees *secret with
 * vmtp_secret_free(). VMTP_ECONFIG with the path in its words. */
int vmtp_secret_file(vmtp_ctx *ctx, const char *path, char **secret);

/* Warns, with the remedy, when others than the owner can read a file that holds a secret. */
void vmtp_secret_check_mode(vmtp_ctx *ctx, const char *path);

/* Completes settings by what its files and the environment hold: the passwords of hosts that have none of their own,
 * the OpenStack password, the passphrase of keys. With `ask`, ask_password is done: a host that has neither password
 * nor key file is asked about on the terminal. VMTP_ECONFIG, too, when the key file of a host is none or cannot be
 * read. */
int vmtp_secrets_find(vmtp_ctx *ctx, struct vmtp_settings *settings, bool ask);

/* The password for a login to a host that settings do not name: what VMTP_HOST_PASSWORD holds, or the answer on the
 * terminal where ask_password is set; NULL: none, or the login has a key file. last: the answer before, which an empty
 * one repeats; NULL: none. The caller frees *password with vmtp_secret_free(). */
int vmtp_secret_of_login(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_login *login,
                         const char *last, char **password);

#endif
