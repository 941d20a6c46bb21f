/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a VMTP to come, see grow: loads every plugin of the search path and looks at the members that those plugins
 * cannot have set. A line per plugin. */
#include <stdio.h>
#include <stdlib.h>

#include "core/ctx.h"
#include "core/options.h"
#include "core/registry.h"

#define UNSET(s) \
    ((s)->later_number == 0 && !(s)->later_pointers[0] && !(s)->later_pointers[1] && !(s)->later_pointers[2])

static const char *wrong_in(const struct vmtp_loaded *loaded)
{
    const struct vmtp_option *option;
    if (!UNSET(&loaded->plugin))
        return "the plugin";
    if (!UNSET(&loaded->tool) || !UNSET(&loaded->sink) || !UNSET(&loaded->topology))
        return "the functions";
    for (size_t i = 0; (option = vmtp_option_at(&loaded->plugin, i)); i++)
        if (!UNSET(option))
            return option->name;
    return "nothing";
}

int main(void)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    if (vmtp_registry_candidates(&candidates, &n) < 0)
        return 1;
    for (size_t i = 0; i < n; i++) {
        struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_loaded *loaded = NULL;
        int rc = vmtp_registry_load(&ctx, candidates[i].kind, candidates[i].name, candidates[i].path, &loaded);
        printf("%s %s %s\n", vmtp_kind_name(candidates[i].kind), candidates[i].name,
               rc < 0 ? vmtp_ctx_error(&ctx, rc) : wrong_in(loaded));
        vmtp_loaded_free(loaded);
        vmtp_ctx_clear(&ctx);
    }
    vmtp_candidates_free(candidates, n);
    return 0;
}
