/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/keypair.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/openstack/cloud-parts.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum {
    HALF = 32,       /* bytes of a public key, and of the secret (RFC 8032) */
    FILE_ROOM = 512, /* of the private key file before Base64 */
    PUBLIC_MAX = 16384,
    BASE64_LINE = 70,
};
static const char TYPE[] = "ssh-ed25519";

/* --- OpenSSH's format of a private key (PROTOCOL.key of OpenSSH) --- */

struct wire {
    unsigned char bytes[FILE_ROOM];
    size_t n;
};

static void put(struct wire *wire, const void *bytes, size_t n)
{
    if (n <= sizeof wire->bytes - wire->n) {
        memcpy(wire->bytes + wire->n, bytes, n);
        wire->n += n;
    }
}

static void put_number(struct wire *wire, uint32_t number)
{
    const unsigned char bytes[] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
                                   (unsigned char)(number >> 8), (unsigned char)number};
    put(wire, bytes, sizeof bytes);
}

static void put_string(struct wire *wire, const void *bytes, size_t n)
{
    put_number(wire, (uint32_t)n);
    put(wire, bytes, n);
}

static void put_public(struct wire *wire, const unsigned char public_half[HALF])
{
    put_string(wire, TYPE, sizeof TYPE - 1);
    put_string(wire, public_half, HALF);
}

static bool put_private(struct wire *wire, const unsigned char secret[HALF], const unsigned char public_half[HALF],
                        const char *comment)
{
    struct wire inner = {0}, outer = {0};
    unsigned char check[4], both[2 * HALF];
    if (RAND_bytes(check, sizeof check) != 1)
        return false;
    memcpy(both, secret, HALF);
    memcpy(both + HALF, public_half, HALF);
    put(&inner, check, sizeof check);
    put(&inner, check, sizeof check);
    put_public(&inner, public_half);
    put_string(&inner, both, sizeof both);
    put_string(&inner, comment, strlen(comment));
    for (unsigned char pad = 1; inner.n % 8; pad++)
        put(&inner, &pad, 1);

    put_public(&outer, public_half);
    put(wire, "openssh-key-v1", sizeof "openssh-key-v1");
    put_string(wire, "none", 4);
    put_string(wire, "none", 4);
    put_string(wire, "", 0);
    put_number(wire, 1);
    put_string(wire, outer.bytes, outer.n);
    put_string(wire, inner.bytes, inner.n);
    OPENSSL_cleanse(&inner, sizeof inner);
    OPENSSL_cleanse(both, sizeof both);
    return true;
}

/* Writes the file in lines of Base64 between its two marks. */
static int write_private(int fd, const struct wire *wire)
{
    unsigned char text[2 * FILE_ROOM];
    size_t n = (size_t)EVP_EncodeBlock(text, wire->bytes, (int)wire->n);
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n", end[] = "-----END OPENSSH PRIVATE KEY-----\n";
    int rc = vmtp_write_all(fd, begin, sizeof begin - 1);
    for (size_t at = 0; at < n && rc == 0; at += BASE64_LINE) {
        size_t part = n - at < BASE64_LINE ? n - at : BASE64_LINE;
        rc = vmtp_write_all(fd, (const char *)text + at, part);
        if (rc == 0)
            rc = vmtp_write_all(fd, "\n", 1);
    }
    OPENSSL_cleanse(text, sizeof text);
    return rc == 0 ? vmtp_write_all(fd, end, sizeof end - 1) : rc;
}

static char *public_line(const unsigned char *blob, size_t len, const char *type, const char *comment)
{
    unsigned char *text = malloc(len / 3 * 4 + 5);
    if (!text)
        return NULL;
    EVP_EncodeBlock(text, blob, (int)len);
    char *line = vmtp_format("%s %s %s", type, (const char *)text, comment);
    free(text);
    return line;
}

/* --- a temporary pair --- */

static bool make_halves(unsigned char secret[HALF], unsigned char public_half[HALF])
{
    size_t n = HALF, m = HALF;
    EVP_PKEY *pair = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    bool good = maker && EVP_PKEY_keygen_init(maker) == 1 && EVP_PKEY_keygen(maker, &pair) == 1 &&
                EVP_PKEY_get_raw_private_key(pair, secret, &n) == 1 && n == HALF &&
                EVP_PKEY_get_raw_public_key(pair, public_half, &m) == 1 && m == HALF;
    EVP_PKEY_free(pair);
    EVP_PKEY_CTX_free(maker);
    return good;
}

static int into_memory(vmtp_ctx *ctx, const struct wire *wire, struct vmtp_cloud_key *key)
{
    VMTP_CLEAN(fd) int fd = memfd_create("vmtp-key", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) < 0 || write_private(fd, wire) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "memory for the temporary key: %s", vmtp_errno());
    key->path = vmtp_format("/proc/%ld/fd/%d", (long)getpid(), fd);
    if (!key->path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    key->fd = fd;
    fd = -1;
    return VMTP_OK;
}

int vmtp_cloud_key_generate(vmtp_ctx *ctx, const char *comment, struct vmtp_cloud_key *key)
{
    unsigned char secret[HALF], public_half[HALF];
    struct wire file = {0}, blob = {0};
    if (!make_halves(secret, public_half) || !put_private(&file, secret, public_half, comment))
        return vmtp_fail(ctx, VMTP_EFAIL, "the library of OpenSSL cannot make an ed25519 key");
    OPENSSL_cleanse(secret, sizeof secret);
    put_public(&blob, public_half);
    int rc = into_memory(ctx, &file, key);
    OPENSSL_cleanse(&file, sizeof file);
    key->public_key = public_line(blob.bytes, blob.n, TYPE, comment);
    return rc == VMTP_OK && !key->public_key ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : rc;
}

void vmtp_cloud_key_clear(struct vmtp_cloud_key *key)
{
    if (key->fd > 0)
        close(key->fd);
    free(key->name);
    free(key->path);
    free(key->public_key);
    *key = (struct vmtp_cloud_key){0};
}

/* --- a configured pair --- */

static int read_public(vmtp_ctx *ctx, const char *path, char **line)
{
    size_t len;
    int rc = vmtp_file_read(ctx, path, PUBLIC_MAX, line, &len);
    if (rc < 0)
        return rc;
    (*line)[strcspn(*line, "\r\n")] = '\0';
    if (!strchr(*line, ' '))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s is no public key of SSH", path);
    return VMTP_OK;
}

int vmtp_cloud_key_public(vmtp_ctx *ctx, const char *private_file, const char *public_file, char **line)
{
    VMTP_CLEAN(ssh_key) struct vmtp_ssh_key key = {0};
    int rc = vmtp_ssh_key_read(ctx, private_file, &key);
    if (rc < 0)
        return rc;
    if (public_file)
        return read_public(ctx, public_file, line);
    if (key.blob && key.type[0]) {
        *line = public_line(key.blob, key.blob_len, key.type, "vmtp");
        return *line ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    VMTP_CLEAN(mem) char *beside = vmtp_format("%s.pub", private_file);
    if (beside && access(beside, R_OK) == 0)
        return read_public(ctx, beside, line);
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s does not tell its public half: name that file with public_key_file",
                     private_file);
}

/* --- in the cloud --- */

/* Two public keys are the same when their type and Base64 are; the comment does not count. */
static bool same_key(const char *a, const char *b)
{
    size_t n = strcspn(a, " "), m;
    n += a[n] == ' ';
    n += strcspn(a + n, " \r\n");
    m = strcspn(b, " ");
    m += b[m] == ' ';
    m += strcspn(b + m, " \r\n");
    return n == m && n > 0 && strncmp(a, b, n) == 0;
}

/* An existing pair of the configured name that belongs to the configured private key is used, never changed. */
static int look_for_pair(vmtp_ctx *ctx, struct vmtp_cloud *cloud, bool *found)
{
    VMTP_CLEAN(os_reply) struct vmtp_os_reply reply = {0};
    VMTP_CLEAN(mem) char *path = vmtp_os_path("/os-keypairs/%s", cloud->settings->public_key_name);
    if (!path)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const struct vmtp_os_request request = {
        .service = VMTP_OS_COMPUTE, .method = "GET", .path = path, .expect = 404};
    int rc = vmtp_os_call(ctx, cloud->session, &request, &reply);
    const json_t *pair = json_object_get(reply.json, "keypair");
    *found = rc == VMTP_OK && pair && same_key(vmtp_os_text(pair, "public_key"), cloud->key.public_key);
    if (*found)
        rc = vmtp_set_text(&cloud->key.name, cloud->settings->public_key_name);
    else if (pair)
        vmtp_info(ctx, "the key pair %s of the cloud belongs to another private key: it is left alone",
                  cloud->settings->public_key_name);
    return rc;
}

static int import_pair(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    cloud->key.name = vmtp_format("%s-%s", cloud->settings->public_key_name, cloud->run_id);
    if (!cloud->key.name)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    struct vmtp_os_creation creation = {
        .service = VMTP_OS_COMPUTE,
        .kind = "keypair",
        .label = cloud->key.name,
        .path = "/os-keypairs",
        .singular = "keypair",
        .plural = "keypairs",
        .look = strdup("/os-keypairs"),
        .field = "name",
        .value = cloud->key.name,
        .body = json_pack("{s:{s:s,s:s}}", "keypair", "name", cloud->key.name, "public_key", cloud->key.public_key),
    };
    cloud->key.ours = true;
    int rc = vmtp_os_create(ctx, cloud, &creation);
    vmtp_os_creation_clear(&creation);
    if (rc == VMTP_OK)
        vmtp_info(ctx, "key pair %s made", cloud->key.name);
    return rc;
}

int vmtp_cloud_make_key(vmtp_ctx *ctx, struct vmtp_cloud *cloud)
{
    const struct vmtp_settings *settings = cloud->settings;
    bool found = false;
    int rc;
    if (settings->private_key_file) {
        rc = vmtp_set_text(&cloud->key.path, settings->private_key_file);
        if (rc == VMTP_OK)
            rc = vmtp_cloud_key_public(ctx, settings->private_key_file, settings->public_key_file,
                                       &cloud->key.public_key);
        if (rc == VMTP_OK)
            rc = look_for_pair(ctx, cloud, &found);
    } else {
        VMTP_CLEAN(mem) char *comment = vmtp_format("vmtp-%s", cloud->run_id);
        rc = vmtp_cloud_key_generate(ctx, comment ? comment : "vmtp", &cloud->key);
        if (settings->keep_first_flow_and_exit || settings->stop_on_error)
            vmtp_warn(ctx, "the VMs get a temporary key, which ends with this run: to log in to those that are kept, "
                      "name a key of your own with private_key_file");
    }
    if (rc < 0)
        return rc;
    if (found)
        vmtp_info(ctx, "key pair %s is there already and used", cloud->key.name);
    return found ? VMTP_OK : import_pair(ctx, cloud);
}
