/* SPDX-License-Identifier: Apache-2.0 */
/* Draws rows as a table of ASCII lines that is no wider than asked: cells are wrapped inside. */
#include <string.h>

#include "plugins/sinks/table/table.h"

enum { COLUMNS = 4, FRAME = 13 /* "| " before, " | " between, " |" behind */, NAME_LEAST = 12, DATA_LEAST = 16 };
enum { DATA_GOOD = 44 }; /* columns in which most data fits on one line */
static const char *const headers[COLUMNS] = {"Scenario", "Scenario Name", "Functional Status", "Data"};
static const char *const status_words[] = {[ROW_PASSED] = "PASSED", [ROW_FAILED] = "FAILED", [ROW_SKIPPED] = "SKIPPED"};
static const char *const status_colors[] = {[ROW_PASSED] = "\033[92m", [ROW_FAILED] = "\033[91m", [ROW_SKIPPED] = ""};

/* The code point at p and its length; the text is UTF-8 already (vmtp_printable()). */
static uint32_t code_at(const char *p, size_t *len)
{
    const unsigned char *u = (const unsigned char *)p;
    *len = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    uint32_t code = *len == 1 ? u[0] : u[0] & (0xFFu >> (*len + 1));
    for (size_t i = 1; i < *len; i++)
        code = code << 6 | (u[i] & 0x3F);
    return code;
}

/* Columns that a terminal takes for a code point: none for combining marks, two for East Asian wide ones and
 * pictures. */
static size_t width_of(uint32_t code)
{
    static const struct {
        uint32_t from, to;
        size_t width;
    } special[] = {
        {0x0300, 0x036F, 0},   {0x200B, 0x200F, 0},   {0xFE00, 0xFE0F, 0},   {0xFEFF, 0xFEFF, 0},
        {0x1100, 0x115F, 2},   {0x2E80, 0xA4CF, 2},   {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},
        {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},   {0x1F300, 0x1FAFF, 2},
        {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (code >= special[i].from && code <= special[i].to)
            return special[i].width;
    return 1;
}

/* A piece of a cell: so many bytes, so many columns. */
struct piece {
    const char *text;
    size_t bytes, columns;
};

/* A blank where a line may end: not between a number and its unit. */
static bool may_break(const char *begin, const char *p)
{
    bool unit = p > begin && p[-1] >= '0' && p[-1] <= '9' && p[1] && strchr("TGMkbm%B", p[1]);
    return *p == ' ' && !unit;
}

/* Takes the next line of at most max columns from *text: up to a newline, the last blank that fits, or in the middle of
 * a word that is too long. An empty piece when nothing is left. */
static struct piece next_piece(const char **text, size_t max)
{
    struct piece piece = {.text = *text}, at_blank = {0};
    const char *p = *text;
    size_t len;
    for (; *p && *p != '\n'; p += len) {
        size_t columns = width_of(code_at(p, &len));
        if (may_break(*text, p))
            at_blank = piece;
        if (piece.columns + columns > max && piece.bytes) {
            if (!may_break(*text, p) && at_blank.bytes)
                piece = at_blank;
            p = piece.text + piece.bytes;
            break;
        }
        piece.bytes += len;
        piece.columns += columns;
    }
    *text = p + strspn(p, " ");
    if (**text == '\n')
        ++*text;
    return piece;
}

static size_t natural_width(const char *text)
{
    size_t widest = 0;
    while (*text) {
        struct piece piece = next_piece(&text, SIZE_MAX);
        widest = piece.columns > widest ? piece.columns : widest;
    }
    return widest;
}

static void cells_of(const struct row *row, const char *cells[COLUMNS])
{
    cells[0] = row->number;
    cells[1] = row->name;
    cells[2] = status_words[row->status];
    cells[3] = row->data;
}

static bool shown(const struct row *row, const struct layout *layout)
{
    return row->status != ROW_SKIPPED || !layout->only_measured;
}

/* As wide as the content wants; when that is too much, the status gives first, then the name, then the data. */
static void find_widths(const struct rows *rows, const struct layout *layout, size_t widths[COLUMNS])
{
    const char *cells[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++)
        widths[c] = strlen(headers[c]);
    for (size_t i = 0; i < rows->n; i++) {
        cells_of(&rows->items[i], cells);
        for (size_t c = 0; shown(&rows->items[i], layout) && c < COLUMNS; c++) {
            size_t wanted = natural_width(cells[c]);
            widths[c] = wanted > widths[c] ? wanted : widths[c];
        }
    }
    if (widths[0] + widths[1] + widths[2] + widths[3] + FRAME <= layout->columns)
        return;
    widths[2] = strlen("Functional");
    size_t taken = widths[0] + widths[2] + FRAME;
    size_t left = layout->columns > taken + NAME_LEAST + DATA_LEAST ? layout->columns - taken : NAME_LEAST + DATA_LEAST;
    size_t name = left * 2 / 5;
    if (name + DATA_GOOD < left)
        name = left - DATA_GOOD;
    if (name + widths[3] < left)
        name = left - widths[3];
    widths[1] = widths[1] < name ? widths[1] : name;
    widths[3] = widths[3] < left - widths[1] ? widths[3] : left - widths[1];
}

static void draw_rule(FILE *out, const size_t widths[COLUMNS])
{
    for (size_t c = 0; c < COLUMNS; c++) {
        fputc('+', out);
        for (size_t i = 0; i < widths[c] + 2; i++)
            fputc('-', out);
    }
    fputs("+\n", out);
}

static void draw_piece(FILE *out, struct piece piece, size_t width, const char *color)
{
    fprintf(out, "| %s%.*s%s", color, (int)piece.bytes, piece.text, *color ? "\033[0m" : "");
    for (size_t i = piece.columns; i < width + 1; i++)
        fputc(' ', out);
}

/* One row, as many lines as its longest cell needs. */
static void draw_cells(FILE *out, const char *cells[COLUMNS], const size_t widths[COLUMNS], const char *status_color)
{
    do {
        for (size_t c = 0; c < COLUMNS; c++) {
            struct piece piece = next_piece(&cells[c], widths[c]);
            draw_piece(out, piece, widths[c], c == 2 && piece.bytes ? status_color : "");
        }
        fputs("|\n", out);
    } while (*cells[0] || *cells[1] || *cells[2] || *cells[3]);
}

void layout_draw(FILE *out, const struct rows *rows, const struct layout *layout)
{
    size_t widths[COLUMNS];
    const char *cells[COLUMNS];
    find_widths(rows, layout, widths);
    draw_rule(out, widths);
    memcpy(cells, headers, sizeof cells);
    draw_cells(out, cells, widths, "");
    draw_rule(out, widths);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        if (!shown(row, layout))
            continue;
        cells_of(row, cells);
        draw_cells(out, cells, widths, layout->color ? status_colors[row->status] : "");
    }
    draw_rule(out, widths);
}
