/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of vmtp compare. */
#include <stdlib.h>
#include <string.h>

#include "core/cli.h"
#include "core/compare-command.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"

enum { FORMATS_MAX = 16, OUTPUT_MAX = 1 << 30 };

/* An output that is asked for: --format NAME[:FILE]. */
struct output {
    const char *name;
    int (*write)(FILE *out, const struct vmtp_comparison *comparison);
    const char *file; /* borrowed; NULL: standard output */
};

static const struct output formats[] = {
    {"table", vmtp_compare_table, NULL}, {"json", vmtp_compare_json, NULL}, {"junit", vmtp_compare_junit, NULL}};

static int read_format(vmtp_ctx *ctx, const struct vmtp_node *node, struct output *output)
{
    size_t len = strcspn(node->text, ":");
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strlen(formats[i].name) == len && strncmp(formats[i].name, node->text, len) == 0) {
            *output = formats[i];
            output->file = node->text[len] ? node->text + len + 1 : NULL;
            if (output->file && !*output->file)
                return vmtp_node_fail(ctx, node, "the name of the file is empty");
            return VMTP_OK;
        }
    return vmtp_node_fail(ctx, node, "takes table, json or junit, each alone or with :FILE, not '%s'", node->text);
}

static int read_formats(vmtp_ctx *ctx, const struct vmtp_node *list, struct output outputs[FORMATS_MAX], size_t *n)
{
    size_t printed = 0;
    for (size_t i = 0; list && i < list->n; i++) {
        if (i == FORMATS_MAX)
            return vmtp_node_fail(ctx, list->items[i], "that is too many of them: %d are taken", FORMATS_MAX);
        int rc = read_format(ctx, list->items[i], &outputs[i]);
        if (rc < 0)
            return rc;
        printed += !outputs[i].file;
        if (printed > 1)
            return vmtp_node_fail(ctx, list->items[i], "only one goes to standard output; give the others a file, as "
                                                       "in junit:FILE");
    }
    *n = list ? list->n : 0;
    if (*n == 0)
        outputs[(*n)++] = formats[0];
    return VMTP_OK;
}

static int read_gates(vmtp_ctx *ctx, const struct vmtp_node *list, struct vmtp_gate **gates, size_t *n)
{
    *gates = calloc(list ? list->n + 1 : 1, sizeof **gates);
    if (!*gates)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (*n = 0; list && *n < list->n; ++*n) {
        int rc = vmtp_gate_parse(ctx, list->items[*n]->text, &(*gates)[*n]);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

static int write_output(vmtp_ctx *ctx, const struct output *output, const struct vmtp_comparison *comparison)
{
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(OUTPUT_MAX);
    FILE *out = vmtp_buf_open(&text);
    if (!out)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = output->write(out, comparison);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed || rc < 0)
        return text.cut ? vmtp_fail(ctx, VMTP_EFAIL, "the %s is larger than %d bytes", output->name, OUTPUT_MAX)
                        : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return output->file ? vmtp_write_file(ctx, output->file, text.data, text.len)
                        : vmtp_print(ctx, text.data, text.len);
}

/* Who does not see the table is told what matters beside the results. */
static int write_outputs(vmtp_ctx *ctx, const struct output *outputs, size_t n,
                         const struct vmtp_comparison *comparison)
{
    bool seen = false;
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        seen = seen || (!outputs[i].file && outputs[i].write == vmtp_compare_table);
        rc = write_output(ctx, &outputs[i], comparison);
    }
    if (!seen)
        vmtp_compare_summary(stderr, comparison);
    return rc;
}

int vmtp_compare_command(vmtp_ctx *ctx, const struct vmtp_cli *cli, enum vmtp_outcome *outcome)
{
    struct output outputs[FORMATS_MAX];
    VMTP_CLEAN(mem) struct vmtp_gate *gates = NULL;
    VMTP_CLEAN(comparison) struct vmtp_comparison comparison = {.strict = cli->switches & VMTP_CLI_STRICT};
    const char *const files[VMTP_SIDES] = {cli->operands[0], cli->operands[1]};
    size_t n_outputs = 0, n_gates = 0;
    *outcome = VMTP_GATE_CANNOT_TELL;
    int rc = read_gates(ctx, vmtp_node_get(cli->own, "fail-if"), &gates, &n_gates);
    if (rc == VMTP_OK)
        rc = read_formats(ctx, vmtp_node_get(cli->own, "format"), outputs, &n_outputs);
    if (rc == VMTP_OK)
        rc = vmtp_compare(ctx, files, &comparison);
    if (rc < 0)
        return rc;
    comparison.gates = gates;
    comparison.n_gates = n_gates;
    *outcome = vmtp_compare_outcome(&comparison);
    return write_outputs(ctx, outputs, n_outputs, &comparison);
}
