/* SPDX-License-Identifier: Apache-2.0 */
/* A gate in the first line, then one or two result documents that are compared, with themselves and with each other. */
#include "core/compare.h"
#include "core/util/json.h"
#include "tests/fuzz/fuzz.h"

static void check_gate(const char *text, struct vmtp_gate *gate)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    int rc = vmtp_gate_parse(&ctx, text, gate);
    if (rc < 0) {
        FUZZ_HOLDS(rc == VMTP_ECONFIG && strstr(vmtp_ctx_error(&ctx, rc), "column "));
        FUZZ_HOLDS(vmtp_gate_parse(&ctx, "any.throughput.mean < -1%", gate) == VMTP_OK);
        return;
    }
    FUZZ_HOLDS(gate->protos && isfinite(gate->limit) && gate->size >= -1);
    FUZZ_HOLDS(!gate->metric == (gate->kind == VMTP_GATE_FAILED || gate->kind == VMTP_GATE_MISSING));
    FUZZ_HOLDS(!gate->flow || (gate->flow > text && gate->flow < text + strlen(text)));
}

static char *written(int (*write)(FILE *out, const struct vmtp_comparison *comparison),
                     const struct vmtp_comparison *comparison)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    FUZZ_HOLDS(out);
    FUZZ_HOLDS(write(out, comparison) == VMTP_OK);
    FUZZ_HOLDS(fclose(out) == 0 && text && strlen(text) == len);
    return text;
}

/* Nothing of the documents is obeyed by a terminal, or becomes markup. */
static void check_outputs(const struct vmtp_comparison *comparison)
{
    VMTP_CLEAN(mem) char *table = written(vmtp_compare_table, comparison);
    for (const char *at = table; *at; at++)
        FUZZ_HOLDS(((unsigned char)*at >= 0x20 && *at != 0x7F) || *at == '\n');
    VMTP_CLEAN(mem) char *json = written(vmtp_compare_json, comparison);
    VMTP_CLEAN(json) json_t *document = json_loads(json, 0, NULL);
    FUZZ_HOLDS(json_is_object(document));
    VMTP_CLEAN(mem) char *junit = written(vmtp_compare_junit, comparison);
    size_t opened = 0, closed = 0;
    for (const char *at = junit; (at = strchr(at, '<')); at++) {
        opened += strncmp(at, "<testcase ", 10) == 0;
        closed += strncmp(at, "</testcase>", 11) == 0;
    }
    FUZZ_HOLDS(opened == closed && !strstr(junit, "<!"));
}

/* same: a document with itself, where no mean has moved and nothing is missing. */
static void check_comparison(json_t *old, json_t *new, const struct vmtp_gate *gate, bool same)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(comparison) struct vmtp_comparison comparison = {.gates = gate, .n_gates = 1};
    json_t *documents[VMTP_SIDES] = {json_incref(old), json_incref(new)};
    FUZZ_HOLDS(vmtp_compare_documents(&ctx, documents, &comparison) == VMTP_OK);
    FUZZ_HOLDS(!same || vmtp_gate_demands_change(gate) || vmtp_compare_outcome(&comparison) != VMTP_GATE_FAILS);
    for (size_t i = 0; i < comparison.n_pairs; i++)
        for (size_t k = 0; k < comparison.pairs[i].n_cases; k++)
            for (size_t c = 0; c < comparison.pairs[i].cases[k].n_changes; c++) {
                const struct vmtp_change *change = &comparison.pairs[i].cases[k].changes[c];
                FUZZ_HOLDS(!change->known || change->difference.low <= change->difference.high);
                FUZZ_HOLDS(!same || !(fabs(change->difference.change) > 0));
            }
    check_outputs(&comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t line = end ? (size_t)(end - data) : size;
    VMTP_CLEAN(mem) char *text = fuzz_text(data, line);
    struct vmtp_gate gate;
    check_gate(text, &gate);
    json_error_t error;
    const char *rest = end ? (const char *)end + 1 : "";
    size_t n = end ? size - line - 1 : 0;
    VMTP_CLEAN(json) json_t *one = json_loadb(rest, n, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, &error);
    size_t used = one ? (size_t)error.position : n;
    VMTP_CLEAN(json) json_t *two = json_loadb(rest + used, n - used, JSON_ALLOW_NUL, &error);
    if (json_is_object(one))
        check_comparison(one, one, &gate, true);
    if (json_is_object(one) && json_is_object(two))
        check_comparison(one, two, &gate, false);
    return 0;
}
