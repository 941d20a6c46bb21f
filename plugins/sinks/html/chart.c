/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sinks/html/chart.h"

#include <math.h>
#include <string.h>

enum { AXIS_WIDTH = 42, ABOVE = 22, BELOW = 38, RIGHT = 8, TICKS = 5 };

/* --- axes --- */

/* 1, 2, 2.5 or 5 times a power of ten, so that about TICKS of them reach max. */
static double step_for(double max)
{
    static const double nice[] = {1, 2, 2.5, 5, 10};
    double rough = max / TICKS, power = pow(10, floor(log10(rough)));
    for (size_t i = 0; i < sizeof nice / sizeof nice[0]; i++)
        if (nice[i] * power >= rough * 0.999)
            return nice[i] * power;
    return 10 * power;
}

static struct chart_axis axis_to(double max, struct text_unit unit)
{
    if (!(max > 0) || !isfinite(max))
        max = 5 * unit.factor;
    double step = step_for(max);
    return (struct chart_axis){.top = step * ceil(max / step * 0.999), .step = step, .unit = unit};
}

struct chart_axis chart_axis_rate(double max_bps)
{
    return axis_to(max_bps, text_rate_unit(max_bps));
}

struct chart_axis chart_axis_ms(double max_ms)
{
    return axis_to(max_ms, text_time_unit(max_ms));
}

struct chart_axis chart_axis_percent(double max)
{
    return axis_to(fmax(max, 1), (struct text_unit){"%", 1});
}

struct chart_axis chart_axis_seconds(double max_s)
{
    return axis_to(max_s, (struct text_unit){"s", 1});
}

struct chart_axis chart_axis_loss(void)
{
    return (struct chart_axis){.top = 100, .step = 0, .unit = {"%", 1}, .root = true};
}

/* Ticks of a logarithmic axis are numbered: 0 is 1, then 2, 5, 10, 20, 50 ... */
static double log_tick(int i)
{
    static const double steps[] = {1, 2, 5};
    return steps[i % 3] * pow(10, i / 3);
}

struct chart_axis chart_axis_rates(double min_bps, double max_bps)
{
    static const int LAST = 3 * 15;
    struct chart_axis axis = {.unit = text_rate_unit(max_bps), .first = 0, .last = 1};
    while (axis.first < LAST && log_tick(axis.first + 1) <= min_bps)
        axis.first++;
    axis.last = axis.first + 1;
    while (axis.last < LAST && log_tick(axis.last) < max_bps)
        axis.last++;
    axis.low = log_tick(axis.first);
    axis.top = log_tick(axis.last);
    return axis;
}

static double share(const struct chart_axis *axis, double value)
{
    if (axis->low > 0)
        return fmin(fmax(log(fmax(value, axis->low) / axis->low) / log(axis->top / axis->low), 0), 1);
    double part = fmin(fmax(value / axis->top, 0), 1);
    return axis->root ? sqrt(part) : part;
}

double chart_y(const struct chart *chart, double value)
{
    return chart->bottom - (chart->bottom - chart->top) * share(chart->axis, value);
}

double chart_x(const struct chart *chart, const struct chart_axis *axis, double value)
{
    return chart->left + (chart->right - chart->left) * share(axis, value);
}

void chart_px(FILE *out, double px)
{
    char text[TEXT_MAX];
    text_fixed(px, 1, text);
    size_t len = strlen(text);
    if (len > 2 && strcmp(text + len - 2, ".0") == 0)
        text[len - 2] = '\0';
    fputs(text, out);
}

/* name="12.5" */
static void attribute(FILE *out, const char *name, double px)
{
    fprintf(out, " %s=\"", name);
    chart_px(out, px);
    fputc('"', out);
}

/* The text of a tick: as many decimals as the step has. */
static void tick_text(FILE *out, const struct chart_axis *axis, double value)
{
    char text[TEXT_MAX];
    double step = (axis->low > 0 ? value : axis->step) / axis->unit.factor;
    int decimals = 0;
    while (decimals < 6 && step > 0 && fabs(step - round(step)) > step * 1e-6) {
        step *= 10;
        decimals++;
    }
    fputs(text_fixed(value / axis->unit.factor, decimals, text), out);
}

/* --- the frame --- */

static const double loss_ticks[] = {0, 1, 5, 20, 50, 100};

static size_t ticks_of(const struct chart_axis *axis)
{
    if (axis->low > 0)
        return (size_t)(axis->last - axis->first + 1);
    return axis->root ? sizeof loss_ticks / sizeof loss_ticks[0] : (size_t)(axis->top / axis->step + 1.5);
}

static double tick_at(const struct chart_axis *axis, size_t i)
{
    if (axis->low > 0)
        return log_tick(axis->first + (int)i);
    return axis->root ? loss_ticks[i] : axis->step * (double)i;
}

/* Of a long logarithmic axis only the powers of ten have a text. */
static bool has_text(const struct chart_axis *axis, size_t i)
{
    return !(axis->low > 0) || axis->last - axis->first < 9 || (axis->first + (int)i) % 3 == 0;
}

void chart_begin(struct chart *chart, FILE *out, const struct chart_axis *axis, double width, double height,
                 const char *label)
{
    *chart = (struct chart){out, axis, AXIS_WIDTH, width - RIGHT, ABOVE, height - BELOW};
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"",
            width, height, width, height);
    text_html(out, label, 0);
    fputs("\"><path class=\"grid\" d=\"", out);
    for (size_t i = 0; i < ticks_of(axis); i++) {
        fprintf(out, "M%.0f ", chart->left);
        chart_px(out, chart_y(chart, tick_at(axis, i)));
        fprintf(out, "H%.0f", chart->right);
    }
    fprintf(out, "\"/><g class=\"tick\" transform=\"translate(%.0f)\">", chart->left - 6);
    for (size_t i = 0; i < ticks_of(axis); i++) {
        fputs("<text", out);
        attribute(out, "y", chart_y(chart, tick_at(axis, i)) + 3.5);
        fputc('>', out);
        tick_text(out, axis, tick_at(axis, i));
        fputs("</text>", out);
    }
    fprintf(out, "<text y=\"9\">%s</text></g>", axis->unit.name);
}

void chart_axis_x(struct chart *chart, const struct chart_axis *axis)
{
    FILE *out = chart->out;
    fputs("<g class=\"tick mid\" transform=\"translate(0 ", out);
    chart_px(out, chart->bottom + 15);
    fputs(")\">", out);
    for (size_t i = 0; i < ticks_of(axis); i++) {
        if (!has_text(axis, i))
            continue;
        fputs("<text", out);
        attribute(out, "x", chart_x(chart, axis, tick_at(axis, i)));
        fputc('>', out);
        tick_text(out, axis, tick_at(axis, i));
        fputs("</text>", out);
    }
    fputs("</g>", out);
}

void chart_end(struct chart *chart)
{
    fputs("</svg>", chart->out);
}

void chart_below(struct chart *chart, double x, int line, const char *text, size_t max)
{
    fputs("<text class=\"group\"", chart->out);
    attribute(chart->out, "x", x);
    attribute(chart->out, "y", chart->bottom + 15 + 14 * line);
    fputc('>', chart->out);
    text_html(chart->out, text, max);
    fputs("</text>", chart->out);
}

void chart_band(struct chart *chart, double low, double high)
{
    fputs("<rect class=\"band\"", chart->out);
    attribute(chart->out, "x", chart->left);
    attribute(chart->out, "width", chart->right - chart->left);
    attribute(chart->out, "y", chart_y(chart, high));
    attribute(chart->out, "height", chart_y(chart, low) - chart_y(chart, high));
    fputs("/>", chart->out);
}

/* --- marks --- */

void chart_mark(struct chart *chart, const char *css)
{
    fprintf(chart->out, "<g class=\"m %s\"><title>", css);
}

void chart_mark_title_end(struct chart *chart)
{
    fputs("</title>", chart->out);
}

void chart_mark_end(struct chart *chart)
{
    fputs("</g>", chart->out);
}

/* The number above a mark. */
static void above(struct chart *chart, double x, double y, double value)
{
    char text[TEXT_MAX];
    fputs("<text", chart->out);
    attribute(chart->out, "x", x);
    attribute(chart->out, "y", y - 5);
    fprintf(chart->out, ">%s</text>", text_number(value / chart->axis->unit.factor, text));
}

/* An upright line with a cap at both ends. */
static void whisker(struct chart *chart, double x, double low, double high, double cap)
{
    FILE *out = chart->out;
    fputs("<path class=\"whisker\" d=\"M", out);
    chart_px(out, x - cap);
    fputc(' ', out);
    chart_px(out, high);
    fputc('h', out);
    chart_px(out, 2 * cap);
    fputc('m', out);
    chart_px(out, -cap);
    fputs(" 0V", out);
    chart_px(out, low);
    fputc('m', out);
    chart_px(out, -cap);
    fputs(" 0h", out);
    chart_px(out, 2 * cap);
    fputs("\"/>", out);
}

/* What the pointer finds, however small the mark. */
static void hit_area(struct chart *chart, double x, double width)
{
    FILE *out = chart->out;
    double height = chart->bottom - chart->top + ABOVE - 2;
    fputs("<path class=\"hit\" d=\"M", out);
    chart_px(out, x);
    fputs(" 2h", out);
    chart_px(out, width);
    fputc('v', out);
    chart_px(out, height);
    fputc('h', out);
    chart_px(out, -width);
    fputs("z\"/>", out);
}

void chart_column(struct chart *chart, double x, double width, double value, double lo, double hi)
{
    FILE *out = chart->out;
    double y = fmin(chart_y(chart, value), chart->bottom - 1), reach = y;
    hit_area(chart, x, width);
    fputs("<path class=\"fill\" d=\"M", out); /* round at the top only */
    double r = fmin(3, chart->bottom - y);
    chart_px(out, x);
    fputc(' ', out);
    chart_px(out, chart->bottom);
    fputc('V', out);
    chart_px(out, y + r);
    fputc('q', out);
    fputs("0 ", out);
    chart_px(out, -r);
    fputc(' ', out);
    chart_px(out, r);
    fputc(' ', out);
    chart_px(out, -r);
    fputc('h', out);
    chart_px(out, width - 2 * r);
    fputc('q', out);
    chart_px(out, r);
    fputs(" 0 ", out);
    chart_px(out, r);
    fputc(' ', out);
    chart_px(out, r);
    fputc('V', out);
    chart_px(out, chart->bottom);
    fputs("z\"/>", out);
    if (hi > lo && chart_y(chart, lo) - chart_y(chart, hi) >= 2) {
        whisker(chart, x + width / 2, chart_y(chart, lo), chart_y(chart, hi), 4);
        reach = chart_y(chart, hi);
    }
    above(chart, x + width / 2, reach, value);
}

void chart_missing(struct chart *chart, double x, double width)
{
    FILE *out = chart->out;
    hit_area(chart, x, width);
    fputs("<path class=\"cross\" d=\"M", out);
    chart_px(out, x + width / 2 - 5);
    fputc(' ', out);
    chart_px(out, chart->bottom - 15);
    fputs("l10 10m0-10l-10 10\"/>", out);
}

void chart_draw_box(struct chart *chart, double x, double width, const struct chart_box *box)
{
    FILE *out = chart->out;
    double mid = x + width / 2;
    double low = isnan(box->min) ? box->avg : box->min, high = isnan(box->max) ? box->avg : box->max;
    hit_area(chart, x, width);
    if (high > low)
        whisker(chart, mid, chart_y(chart, low), chart_y(chart, high), width / 4);
    if (box->stddev > 0) {
        double top = chart_y(chart, fmin(box->avg + box->stddev, high));
        fputs("<rect class=\"fill\" rx=\"2\"", out);
        attribute(out, "x", x + 1);
        attribute(out, "width", width - 2);
        attribute(out, "y", top);
        attribute(out, "height", fmax(chart_y(chart, fmax(box->avg - box->stddev, low)) - top, 1));
        fputs("/>", out);
    }
    fputs("<path class=\"mean\" d=\"M", out);
    chart_px(out, x);
    fputc(' ', out);
    chart_px(out, chart_y(chart, box->avg));
    fputc('h', out);
    chart_px(out, width);
    fputs("\"/>", out);
    above(chart, mid, chart_y(chart, high), box->avg);
}
