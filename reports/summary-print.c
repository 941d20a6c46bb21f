/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "reports/summary.h"

enum { CELL_COLUMNS = 60, COLUMNS_MAX = 24 };

static const char *const run_columns[] = {"date", "distro", "openstack_version", "encapsulation", NULL};
static const char *const flow_columns[] = {"flow", "nw_type", "vm_loc", "fixed_float", NULL};
static const char *const report_columns[VMTP_SUMMARY_REPORTS][COLUMNS_MAX] = {
    {"throughput_kbps", "protocol", "tool", "rtt_ms", "loss_rate", "pkt_size", "rtt_avg_ms", "direction", "error"},
    {"throughput_kbps", "protocol", "tool", "rtt_ms", "direction", "error"},
    {"throughput_kbps", "protocol", "loss_rate", "pkt_size", "direction", "error"},
};

/* --- cells --- */

/* The text of a scalar, safe for a terminal; "" for null. NULL: out of memory. The caller frees it. */
static char *cell_of(const json_t *value)
{
    char *text;
    if (json_is_integer(value))
        return vmtp_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return vmtp_format("%.10g", json_real_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "true" : "false");
    text = strdup(json_is_string(value) ? json_string_value(value) : "");
    if (text)
        vmtp_printable(text);
    return text;
}

/* Characters, not bytes: UTF-8 is certain behind vmtp_printable(). */
static size_t length_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* Cuts a long text in place; the mark of it fits into what was cut off. */
static void shorten(char *text)
{
    size_t n = 0;
    if (length_of(text) <= CELL_COLUMNS)
        return;
    while (n < CELL_COLUMNS - 3 || ((unsigned char)*text & 0xC0) == 0x80) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
        text++;
    }
    memcpy(text, "...", 4);
}

/* --- tables --- */

struct grid {
    const char *names[COLUMNS_MAX]; /* columns that some row has something in */
    size_t widths[COLUMNS_MAX];
    size_t n;
    char **cells; /* n per row */
    size_t rows;
};

static void grid_clear(struct grid *grid)
{
    for (size_t i = 0; grid->cells && i < grid->rows * grid->n; i++)
        free(grid->cells[i]);
    free(grid->cells);
}
static inline void vmtp_clean_grid(struct grid *grid)
{
    grid_clear(grid);
}

static bool is_used(const json_t *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!json_is_null(json_object_get(json_array_get(rows, i), name)))
            return true;
    return false;
}

/* Columns without a value in all of the first n rows are left out; the first column stays. */
static int grid_make(struct grid *grid, const json_t *rows, size_t n, const char *const columns[])
{
    for (size_t i = 0; i < COLUMNS_MAX && columns[i]; i++)
        if (i == 0 || is_used(rows, n, columns[i])) {
            grid->widths[grid->n] = strlen(columns[i]);
            grid->names[grid->n++] = columns[i];
        }
    grid->cells = calloc(n * grid->n, sizeof *grid->cells);
    grid->rows = grid->cells ? n : 0;
    for (size_t i = 0; i < grid->rows * grid->n; i++) {
        size_t column = i % grid->n;
        grid->cells[i] = cell_of(json_object_get(json_array_get(rows, i / grid->n), grid->names[column]));
        if (!grid->cells[i])
            return VMTP_ENOMEM;
        shorten(grid->cells[i]);
        if (length_of(grid->cells[i]) > grid->widths[column])
            grid->widths[column] = length_of(grid->cells[i]);
    }
    return grid->cells ? VMTP_OK : VMTP_ENOMEM;
}

static void print_rule(FILE *out, const struct grid *grid)
{
    for (size_t i = 0; i < grid->n; i++) {
        fputs("+-", out);
        for (size_t k = 0; k < grid->widths[i]; k++)
            fputc('-', out);
        fputc('-', out);
    }
    fputs("+\n", out);
}

static void print_cells(FILE *out, const struct grid *grid, const char *const cells[])
{
    for (size_t i = 0; i < grid->n; i++)
        fprintf(out, "| %s%*s ", cells[i], (int)(grid->widths[i] - length_of(cells[i])), "");
    fputs("|\n", out);
}

static int print_grid(FILE *out, const json_t *rows, size_t n, const char *const columns[])
{
    VMTP_CLEAN(grid) struct grid grid = {0};
    int rc = grid_make(&grid, rows, n, columns);
    if (rc < 0)
        return rc;
    print_rule(out, &grid);
    print_cells(out, &grid, grid.names);
    print_rule(out, &grid);
    for (size_t i = 0; i < n; i++)
        print_cells(out, &grid, (const char *const *)&grid.cells[i * grid.n]);
    print_rule(out, &grid);
    return VMTP_OK;
}

/* All rows of a document have the columns of its run, all rows of a flow those of the flow. */
static int print_run(const struct vmtp_summary_printer *printer, const json_t *flows)
{
    FILE *out = printer->out;
    const json_t *first = json_array_get(flows, 0);
    VMTP_CLEAN(mem) char *date = cell_of(json_object_get(json_array_get(first, 0), "date"));
    for (int i = 0; i < CELL_COLUMNS; i++)
        fputc('#', out);
    if (date)
        shorten(date);
    fprintf(out, "\nRUN: %s\n", date ? date : "");
    int rc = print_grid(out, first, 1, run_columns);
    for (size_t i = 0; i < json_array_size(flows) && rc == VMTP_OK; i++) {
        const json_t *rows = json_array_get(flows, i);
        fputc('\n', out);
        rc = print_grid(out, rows, 1, flow_columns);
        if (rc == VMTP_OK)
            rc = print_grid(out, rows, json_array_size(rows), report_columns[printer->report]);
    }
    fputc('\n', out);
    return rc;
}

/* --- json and csv --- */

static int print_json(const struct vmtp_summary_printer *printer, const json_t *row, size_t before)
{
    fputs(before ? ",\n    " : "\n    ", printer->out);
    return json_dumpf(row, printer->out, JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15)) < 0
               ? VMTP_ENOMEM : VMTP_OK;
}

/* A field by RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front. */
static int print_field(FILE *out, const json_t *value)
{
    VMTP_CLEAN(mem) char *text = cell_of(value);
    if (!text)
        return VMTP_ENOMEM;
    bool formula = json_is_string(value) && *text && strchr("=+-@", *text);
    if (!formula && !text[strcspn(text, "\",")]) {
        fputs(text, out);
        return VMTP_OK;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            fputc('"', out);
        fputc(*p, out);
    }
    fputc('"', out);
    return VMTP_OK;
}

static int print_csv(const struct vmtp_summary_printer *printer, const json_t *row)
{
    int rc = VMTP_OK;
    for (size_t i = 0; vmtp_summary_columns[i] && rc == VMTP_OK; i++) {
        if (i)
            fputc(',', printer->out);
        rc = print_field(printer->out, json_object_get(row, vmtp_summary_columns[i]));
    }
    fputs("\r\n", printer->out);
    return rc;
}

void vmtp_summary_begin(const struct vmtp_summary_printer *printer)
{
    if (printer->format == VMTP_SUMMARY_JSON)
        fputc('[', printer->out);
    for (size_t i = 0; printer->format == VMTP_SUMMARY_CSV && vmtp_summary_columns[i]; i++)
        fprintf(printer->out, "%s%s", vmtp_summary_columns[i], vmtp_summary_columns[i + 1] ? "," : "\r\n");
}

int vmtp_summary_print(struct vmtp_summary_printer *printer, const json_t *rows)
{
    int rc = VMTP_OK;
    if (printer->format == VMTP_SUMMARY_TABLE && json_array_size(rows) > 0)
        rc = print_run(printer, rows);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *flow = json_array_get(rows, i);
        for (size_t k = 0; k < json_array_size(flow) && rc == VMTP_OK; k++, printer->rows++) {
            const json_t *row = json_array_get(flow, k);
            if (printer->format == VMTP_SUMMARY_JSON)
                rc = print_json(printer, row, printer->rows);
            else if (printer->format == VMTP_SUMMARY_CSV)
                rc = print_csv(printer, row);
        }
    }
    return rc;
}

void vmtp_summary_end(const struct vmtp_summary_printer *printer)
{
    if (printer->format == VMTP_SUMMARY_JSON)
        fputs(printer->rows ? "\n]\n" : "]\n", printer->out);
}
