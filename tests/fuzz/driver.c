/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer where there is none: gives the seeds to the target, each in memory of its exact size.
 * tests/fuzz/NAME.t reads tests/fuzz/seeds/NAME and tests/fixtures/NAME, or the files that are named. */
#include <ftw.h>

#include "tests/fuzz/fuzz.h"
#include "tests/tap.h"

enum { SEED_MAX = 4 << 20 };

static size_t n_seeds;

static void give(const char *path)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    if (!ok(vmtp_file_read(&ctx, path, SEED_MAX, &text, &len) == VMTP_OK, "%s is read", path))
        return;
    uint8_t *data = malloc(len ? len : 1);
    FUZZ_HOLDS(data);
    memcpy(data, text, len);
    printf("# %s\n", path); /* a crash is told with it */
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, len);
    free(data);
    n_seeds++;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st, (void)place;
    if (type == FTW_F)
        give(path);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/'), *srcdir = getenv("srcdir");
    char path[4096];
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        give(argv[i]);
    if (argc == 1) {
        name = name ? name + 1 : argv[0];
        name += strncmp(name, "lt-", 3) == 0 ? 3 : 0;
        const char *const folders[] = {"fuzz/seeds", "fixtures"};
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/tests/%s/%.*s", srcdir ? srcdir : ".", folders[i], (int)strcspn(name, "."),
                     name);
            (void)nftw(path, visit, 16, FTW_PHYS);
        }
    }
    ok(n_seeds > 0, "%zu seeds do no harm", n_seeds);
    return done_testing();
}
