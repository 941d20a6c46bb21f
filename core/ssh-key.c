/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { KEY_FILE_MAX = 64 << 10 };

static const char OPENSSH_BEGIN[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char OPENSSH_END[] = "-----END OPENSSH PRIVATE KEY-----";
static const char OPENSSH_MAGIC[] = "openssh-key-v1"; /* its NUL belongs to it */

bool vmtp_ssh_take_uint32(const unsigned char **p, size_t *left, unsigned long *value)
{
    if (*left < 4)
        return false;
    const unsigned char *b = *p;
    *value = (unsigned long)b[0] << 24 | (unsigned long)b[1] << 16 | (unsigned long)b[2] << 8 | b[3];
    *p += 4;
    *left -= 4;
    return true;
}

bool vmtp_ssh_take_string(const unsigned char **p, size_t *left, const unsigned char **string, size_t *len)
{
    unsigned long n;
    if (!vmtp_ssh_take_uint32(p, left, &n) || n > *left)
        return false;
    *string = *p;
    *len = n;
    *p += n;
    *left -= n;
    return true;
}

void vmtp_ssh_key_clear(struct vmtp_ssh_key *key)
{
    free(key->path);
    free(key->blob);
    *key = (struct vmtp_ssh_key){0};
}

/* The public key's own first string is its type. Without words: VMTP_EPARSE, VMTP_ENOMEM. */
static int set_blob(struct vmtp_ssh_key *key, const unsigned char *blob, size_t len)
{
    const unsigned char *p = blob, *type;
    size_t left = len, type_len;
    if (!vmtp_ssh_take_string(&p, &left, &type, &type_len) || type_len == 0 || type_len >= sizeof key->type ||
        memchr(type, '\0', type_len))
        return VMTP_EPARSE;
    unsigned char *copy = malloc(len);
    if (!copy)
        return VMTP_ENOMEM;
    memcpy(copy, blob, len);
    free(key->blob);
    key->blob = copy;
    key->blob_len = len;
    memcpy(key->type, type, type_len);
    key->type[type_len] = '\0';
    return VMTP_OK;
}

int vmtp_ssh_base64(const char *text, size_t len, unsigned char **bytes, size_t *decoded)
{
    EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
    VMTP_CLEAN(mem) unsigned char *made = malloc(len + 4);
    int n = 0, rest = 0, rc = decoder && made ? VMTP_OK : VMTP_ENOMEM;
    if (rc == VMTP_OK) {
        EVP_DecodeInit(decoder);
        if (EVP_DecodeUpdate(decoder, made, &n, (const unsigned char *)text, (int)len) < 0 ||
            EVP_DecodeFinal(decoder, made + n, &rest) < 0)
            rc = VMTP_EPARSE;
    }
    EVP_ENCODE_CTX_free(decoder);
    if (rc < 0)
        return rc;
    *decoded = (size_t)(n + rest);
    *bytes = VMTP_TAKE(made);
    return VMTP_OK;
}

/* "openssh-key-v1\0", cipher, kdf, kdf options, number of keys, public key ...: the public half is never encrypted. */
static int read_openssh(const unsigned char *bytes, size_t len, struct vmtp_ssh_key *key)
{
    if (len < sizeof OPENSSH_MAGIC || memcmp(bytes, OPENSSH_MAGIC, sizeof OPENSSH_MAGIC) != 0)
        return VMTP_EPARSE;
    const unsigned char *p = bytes + sizeof OPENSSH_MAGIC, *cipher, *skipped, *blob;
    size_t left = len - sizeof OPENSSH_MAGIC, cipher_len, skipped_len, blob_len;
    unsigned long keys;
    if (!vmtp_ssh_take_string(&p, &left, &cipher, &cipher_len) ||
        !vmtp_ssh_take_string(&p, &left, &skipped, &skipped_len) ||
        !vmtp_ssh_take_string(&p, &left, &skipped, &skipped_len) || !vmtp_ssh_take_uint32(&p, &left, &keys) ||
        keys != 1 || !vmtp_ssh_take_string(&p, &left, &blob, &blob_len))
        return VMTP_EPARSE;
    key->encrypted = !(cipher_len == 4 && memcmp(cipher, "none", 4) == 0);
    return set_blob(key, blob, blob_len);
}

static int parse_openssh(const char *text, struct vmtp_ssh_key *key)
{
    const char *begin = strstr(text, OPENSSH_BEGIN) + sizeof OPENSSH_BEGIN - 1;
    const char *end = strstr(begin, OPENSSH_END);
    if (!end)
        return VMTP_EPARSE;
    size_t len;
    VMTP_CLEAN(mem) unsigned char *bytes = NULL;
    int rc = vmtp_ssh_base64(begin, (size_t)(end - begin), &bytes, &len);
    return rc < 0 ? rc : read_openssh(bytes, len, key);
}

/* Without it libcrypto would ask on the terminal by itself. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf, (void)size, (void)rwflag, (void)arg;
    return -1;
}

/* The type of an unencrypted PKCS#8 key stands inside. */
static void type_of_pkcs8(const char *text, size_t len, struct vmtp_ssh_key *key)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    const int id = pkey ? EVP_PKEY_base_id(pkey) : EVP_PKEY_NONE;
    const char *type = id == EVP_PKEY_RSA       ? "ssh-rsa"
                       : id == EVP_PKEY_EC      ? "ecdsa"
                       : id == EVP_PKEY_ED25519 ? "ssh-ed25519"
                                                : "";
    snprintf(key->type, sizeof key->type, "%s", type);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
}

static int parse_pem(vmtp_ctx *ctx, const char *text, size_t len, struct vmtp_ssh_key *key)
{
    static const struct {
        const char *begin, *type;
    } forms[] = {
        {"-----BEGIN RSA PRIVATE KEY-----", "ssh-rsa"},    {"-----BEGIN EC PRIVATE KEY-----", "ecdsa"},
        {"-----BEGIN DSA PRIVATE KEY-----", "ssh-dss"},    {"-----BEGIN PRIVATE KEY-----", ""},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----", ""},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!strstr(text, forms[i].begin))
            continue;
        snprintf(key->type, sizeof key->type, "%s", forms[i].type);
        key->encrypted = strstr(text, "\nProc-Type: 4,ENCRYPTED") || strstr(forms[i].begin, "ENCRYPTED");
        if (!key->type[0] && !key->encrypted)
            type_of_pkcs8(text, len, key);
        return VMTP_OK;
    }
    const char *remedy = strncmp(text, "PuTTY-", 6) == 0       ? "a PuTTY key: export it in OpenSSH format"
                         : strncmp(text, "ssh-", 4) == 0 || strncmp(text, "ecdsa-", 6) == 0
                             ? "a public key: name the file of the private key"
                             : "not a private key in OpenSSH or PEM format";
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s is %s", key->path, remedy);
}

/* An encrypted PEM file hides its public half; ssh-keygen leaves it beside, as "type base64 comment". */
static void read_public_beside(struct vmtp_ssh_key *key)
{
    VMTP_CLEAN(mem) char *path = vmtp_format("%s.pub", key->path);
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    if (!path || vmtp_file_read(NULL, path, KEY_FILE_MAX, &text, &len) < 0)
        return;
    char *base64 = strchr(text, ' ');
    if (!base64)
        return;
    base64++;
    VMTP_CLEAN(mem) unsigned char *bytes = NULL;
    if (vmtp_ssh_base64(base64, strcspn(base64, " \n"), &bytes, &len) == VMTP_OK)
        (void)set_blob(key, bytes, len);
}

int vmtp_ssh_key_parse(vmtp_ctx *ctx, const char *path, const char *text, size_t len, struct vmtp_ssh_key *key)
{
    *key = (struct vmtp_ssh_key){.path = strdup(path)};
    if (!key->path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = VMTP_OK;
    if (!strstr(text, OPENSSH_BEGIN))
        rc = parse_pem(ctx, text, len, key);
    else if ((rc = parse_openssh(text, key)) == VMTP_ENOMEM)
        rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    else if (rc < 0)
        rc = vmtp_fail(ctx, VMTP_ECONFIG, "%s is damaged: it does not hold an OpenSSH private key", path);
    if (rc < 0)
        vmtp_ssh_key_clear(key);
    return rc;
}

int vmtp_ssh_key_read(vmtp_ctx *ctx, const char *path, struct vmtp_ssh_key *key)
{
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    int rc = vmtp_file_read(ctx, path, KEY_FILE_MAX, &text, &len);
    if (rc == VMTP_OK)
        rc = vmtp_ssh_key_parse(ctx, path, text, len, key);
    if (text)
        explicit_bzero(text, len);
    if (rc == VMTP_OK && !key->blob)
        read_public_beside(key);
    return rc;
}
