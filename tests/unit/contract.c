/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that hold for every plugin, checked on each one that was built. */
#include <stdlib.h>

#include "core/plugin-check.h"
#include "core/util/cleanup.h"
#include "tests/tap.h"

static void tell(void *arg, bool kept, const char *rule, const char *why)
{
    const struct vmtp_candidate *candidate = arg;
    if (!ok(kept, "%s %s: %s", vmtp_kind_name(candidate->kind), candidate->name, rule) && why)
        printf("# %s\n", why);
}

int main(void)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    VMTP_CLEAN(mem) char *scratch = vmtp_scratch_make();
    if (!scratch)
        return 99;
    ok(vmtp_registry_candidates(&candidates, &n) == VMTP_OK && n > 0, "%zu plugins were built", n);
    for (size_t i = 0; i < n; i++)
        vmtp_plugin_check(&candidates[i], scratch, tell, &candidates[i]);
    vmtp_candidates_free(candidates, n);
    vmtp_scratch_remove(scratch);
    return done_testing();
}
