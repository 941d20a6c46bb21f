/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the cloud that need none: ranges of addresses, the temporary key, what carries the mark of a run. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/ctx.h"
#include "core/openstack/cloud-parts.h"
#include "core/ssh-key.h"
#include "core/util/str.h"
#include "tests/tap.h"

static void test_overlap(void)
{
    ok(vmtp_cidr_overlap("192.168.1.0/24", "192.168.0.0/16"), "a range overlaps the one that it is in");
    ok(vmtp_cidr_overlap("0.0.0.0/0", "10.1.2.3"), "everything overlaps an address");
    ok(!vmtp_cidr_overlap("192.168.1.0/24", "192.168.2.0/24"), "neighbours do not overlap");
    ok(!vmtp_cidr_overlap("fd00::/64", "fd00::/64"), "what is no IPv4 range overlaps nothing");
    ok(!vmtp_cidr_overlap("10.0.0.0/33", "10.0.0.0/8"), "nor does one with too long a mask");
    ok(!vmtp_cidr_overlap("10.0.0.0/8x", "10.0.0.0/8"), "nor one with something behind it");
}

static void test_free(void)
{
    char *const taken[] = {(char *)(const char *)"192.168.1.0/24", (char *)(const char *)"192.168.101.0/24"};
    char *const all[] = {(char *)(const char *)"0.0.0.0/0"};
    char cidr[20];
    ok(vmtp_cidr_free("192.168.2.0/24", taken, 2, cidr), "a free range is found");
    is(cidr, "192.168.2.0/24", "the preferred one when nobody has it");
    ok(vmtp_cidr_free("192.168.1.0/24", taken, 2, cidr), "another one when it is taken");
    ok(!vmtp_cidr_overlap(cidr, taken[0]) && !vmtp_cidr_overlap(cidr, taken[1]), "which overlaps none that is taken");
    ok(!vmtp_cidr_free("192.168.1.0/24", all, 1, cidr), "none is free when all are taken");
}

static void test_key(void)
{
    struct vmtp_ctx ctx;
    struct vmtp_cloud_key key = {0}, other = {0};
    struct vmtp_ssh_key read = {0};
    struct stat st;
    vmtp_ctx_init(&ctx, NULL);
    if (!ok(vmtp_cloud_key_generate(&ctx, "vmtp-1234567", &key) == VMTP_OK, "a temporary key is made"))
        printf("# %s\n", vmtp_ctx_error(&ctx, VMTP_EFAIL));
    ok(strncmp(key.public_key, "ssh-ed25519 AAAA", 16) == 0, "its public half is a line of SSH");
    contains(key.public_key, " vmtp-1234567", "with the comment");
    ok(stat(key.path, &st) == 0 && (st.st_mode & 077) == 0, "nobody else may read the private half");
    ok(vmtp_ssh_key_read(&ctx, key.path, &read) == VMTP_OK, "which is understood as any key file");
    is(read.type, "ssh-ed25519", "as an ed25519 key");
    ok(!read.encrypted, "without a passphrase");
    size_t len = 0;
    unsigned char *blob = NULL;
    const char *letters = key.public_key + strlen("ssh-ed25519 ");
    int rc = vmtp_ssh_base64(letters, strcspn(letters, " "), &blob, &len);
    ok(rc == VMTP_OK && blob && len == read.blob_len && memcmp(blob, read.blob, len) == 0,
       "both halves belong together");
    ok(vmtp_cloud_key_generate(&ctx, "x", &other) == VMTP_OK && strcmp(key.public_key, other.public_key) != 0,
       "the next one is another one");
    char *path = strdup(key.path);
    vmtp_cloud_key_clear(&key);
    vmtp_cloud_key_clear(&other);
    ok(path && stat(path, &st) != 0, "nothing is left of it when it is cleared");
    free(path);
    free(blob);
    vmtp_ssh_key_clear(&read);
    vmtp_ctx_clear(&ctx);
}

static void test_mark(void)
{
    struct vmtp_cloud *cloud = calloc(1, sizeof *cloud);
    vmtp_cloud_name_run(cloud, "01234567-89ab-4cde-8f01-23456789abcd");
    is(cloud->run_id, "0123456", "the run id is the beginning of the uuid");
    is(cloud->tag, "vmtp:01234567-89ab-4cde-8f01-23456789abcd", "the tag of its servers");
    json_t *marked = json_pack("{s:s}", "description", cloud->mark), *other = json_pack("{s:s}", "description", "mine");
    ok(vmtp_cloud_is_marked(marked), "what a run has made is known by its mark");
    ok(!vmtp_cloud_is_marked(other), "what is somebody's own is not");
    json_decref(marked);
    json_decref(other);
    free(cloud);
}

int main(void)
{
    test_overlap();
    test_free();
    test_key();
    test_mark();
    return done_testing();
}
