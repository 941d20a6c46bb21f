/* SPDX-License-Identifier: Apache-2.0 */
/* Throughput, loss and latency as panels side by side: on a narrow screen they wrap. One run: a panel for each family
 * of flows, all with the same scale, a colour for each size. Several: a panel for each size, a colour for each run. */
#include <math.h>
#include <string.h>

#include "plugins/sinks/html/chart.h"
#include "plugins/sinks/html/page.h"

/* A panel that is wider is drawn smaller on a phone, until its numbers cannot be read. */
enum { PANEL_MAX = 400, PANEL_HEIGHT = 270, PANEL_PAD = 8, PANEL_FRAME = 50, GROUP_MIN = 62, LABEL_MAX = 20 };

/* What a panel shows of a measurement. */
struct quantity {
    const char *title;
    struct vmtp_spread (*of)(const struct vmtp_result_kind *kind);
    bool rate;
};

static struct vmtp_spread throughput_of(const struct vmtp_result_kind *kind)
{
    return kind->bps;
}

static struct vmtp_spread loss_of(const struct vmtp_result_kind *kind)
{
    return kind->loss;
}

/* --- titles --- */

/* "L2, intra-node": the axis says it with the same words. */
static void place_name(FILE *out, const struct html_column *column)
{
    fprintf(out, "%s%s", column->family, *column->label ? ", " : "");
    text_html(out, column->label, 0);
}

static void title_text(FILE *out, const char *text, const char *status)
{
    (void)status;
    fputc('\n', out);
    text_html(out, html_flag_words(text), 200);
}

static void kind_title(FILE *out, const struct html_column *column, const struct vmtp_result_kind *kind)
{
    char name[64], text[TEXT_MAX], more[TEXT_MAX];
    place_name(out, column);
    fprintf(out, "\n%s%s", html_series_name(kind->proto, kind->size, name), kind->reverse ? ", server to client" : "");
    if (kind->bps.n)
        fprintf(out, ": %s", text_rate(kind->bps.mean, text));
    if (kind->bps.n > 1)
        fprintf(out, "\nmean of %zu, %s to %s", kind->bps.n, text_rate(kind->bps.min, text),
                text_rate(kind->bps.max, more));
    if (kind->bps.n > 1)
        fprintf(out, "\nstd. dev. %s", text_rate(vmtp_spread_stddev(&kind->bps), text));
    if (kind->loss.n)
        fprintf(out, "\nloss %s", text_percent(kind->loss.mean, text));
    if (kind->rtt_ms.n)
        fprintf(out, "\nround trip %s", text_ms(kind->rtt_ms.mean, text));
    if (kind->error) {
        fputs("\nfailed: ", out);
        text_html(out, kind->error, 300);
    }
    html_each_text(json_object_get(kind->first->json, "flags"), title_text, out);
    html_each_text(json_object_get(kind->first->json, "warnings"), title_text, out);
}

static void loss_title(FILE *out, const struct html_column *column, const struct vmtp_result_kind *kind)
{
    char name[64], text[TEXT_MAX];
    place_name(out, column);
    fprintf(out, "\n%s: ", html_series_name(kind->proto, kind->size, name));
    fprintf(out, "loss %s", text_percent(kind->loss.mean, text));
    fprintf(out, " at %s", text_rate(kind->bps.mean, text));
}

/* --- columns --- */

struct bars {
    const struct page *page;
    const struct quantity *quantity;
    struct chart_axis axis;
    double width; /* of a bar */
};

static const struct vmtp_result_kind *shown(const struct bars *bars, const struct html_column *column, size_t run,
                                     size_t series)
{
    const struct vmtp_result_kind *kind = html_kind_in(column->flows[run], column, series);
    return kind && (bars->quantity->of(kind).n || (kind->error && bars->quantity->rate)) ? kind : NULL;
}

static void draw_bar(struct chart *chart, const struct bars *bars, const struct html_column *column,
                     const struct vmtp_result_kind *kind, double x, const char *css)
{
    struct vmtp_spread spread = bars->quantity->of(kind);
    chart_mark(chart, css);
    if (bars->quantity->rate)
        kind_title(chart->out, column, kind);
    else
        loss_title(chart->out, column, kind);
    chart_mark_title_end(chart);
    if (spread.n)
        chart_column(chart, x + 1.5, bars->width - 3, spread.mean, spread.min, spread.max);
    else
        chart_missing(chart, x, bars->width);
    chart_mark_end(chart);
}

/* Whether a column has a bar: of all series in the only run, or of one series (in all runs). */
static bool has_bar(const struct bars *bars, const struct html_column *column, size_t first, size_t last)
{
    for (size_t s = first; s < last; s++)
        for (size_t r = 0; r < bars->page->report->n_runs; r++)
            if (shown(bars, column, r, s))
                return true;
    return false;
}

/* A flow that has failed is a cross: one in the only run, and one beside the bars of other runs. */
static const char *lost(const struct bars *bars, const struct html_column *column, size_t run, size_t s, size_t first,
                        size_t last)
{
    bool only = bars->page->report->n_runs == 1;
    if (!bars->quantity->rate || shown(bars, column, run, s) || (only && s != first) ||
        has_bar(bars, column, first, last) == only)
        return NULL;
    return html_why_lost(column->flows[run], column);
}

/* How many bars and crosses a column has. */
static size_t bars_in(const struct bars *bars, const struct html_column *column, size_t first, size_t last)
{
    size_t n = 0;
    for (size_t s = first; s < last; s++)
        for (size_t r = 0; r < bars->page->report->n_runs; r++)
            n += shown(bars, column, r, s) || lost(bars, column, r, s, first, last);
    return n;
}

static void draw_lost(struct chart *chart, const struct bars *bars, const struct html_column *column, const char *why,
                      double x)
{
    chart_mark(chart, "lost");
    place_name(chart->out, column);
    fputs("\nfailed: ", chart->out);
    text_html(chart->out, why, 300);
    chart_mark_title_end(chart);
    chart_missing(chart, x, bars->width);
    chart_mark_end(chart);
}

static double group_width(const struct bars *bars, size_t n)
{
    return fmax((double)n * bars->width, GROUP_MIN) + 2 * PANEL_PAD;
}

/* The columns from begin to end, the series from first to last. */
struct panel {
    size_t begin, end, first, last;
    const char *family; /* NULL: named below each group */
    double width;
};

static void draw_group(struct chart *chart, const struct bars *bars, const struct panel *panel, size_t at, double *x)
{
    const struct vmtp_results *report = bars->page->report;
    const struct html_column *column = &bars->page->columns->items[at];
    size_t n = bars_in(bars, column, panel->first, panel->last);
    double wide = group_width(bars, n), from = *x + (wide - (double)n * bars->width) / 2;
    char css[8];
    if (n == 0)
        return;
    for (size_t s = panel->first; s < panel->last; s++)
        for (size_t r = 0; r < report->n_runs; r++) {
            const struct vmtp_result_kind *kind = shown(bars, column, r, s);
            const char *why = lost(bars, column, r, s, panel->first, panel->last);
            if (kind)
                draw_bar(chart, bars, column, kind, from,
                         report->n_runs > 1 ? html_run_css(r, css) : html_series_css(&report->series[s], css));
            else if (why)
                draw_lost(chart, bars, column, why, from);
            from += kind || why ? bars->width : 0;
        }
    if (!panel->family)
        chart_below(chart, *x + wide / 2, 0, column->family, LABEL_MAX);
    chart_below(chart, *x + wide / 2, panel->family ? 0 : 1, column->label, LABEL_MAX);
    *x += wide;
}

static void draw_panel(const struct bars *bars, const struct panel *panel)
{
    FILE *out = bars->page->out;
    struct chart chart;
    char name[64];
    const struct vmtp_result_series *series = &bars->page->report->series[panel->first];
    const char *title = panel->family ? panel->family : html_series_name(series->proto, series->size, name);
    fprintf(out, "<figure><figcaption>%s</figcaption>", title);
    chart_begin(&chart, out, &bars->axis, panel->width + PANEL_FRAME, PANEL_HEIGHT, bars->quantity->title);
    double x = chart.left;
    for (size_t i = panel->begin; i < panel->end; i++)
        draw_group(&chart, bars, panel, i, &x);
    chart_end(&chart);
    fputs("</figure>", out);
}

/* How wide a panel is to be: when the groups do not fit into one, all get about the same. */
static double fair_width(const struct bars *bars, size_t first, size_t last)
{
    const struct html_columns *columns = bars->page->columns;
    double all = 0;
    for (size_t i = 0; i < columns->n; i++) {
        size_t n = bars_in(bars, &columns->items[i], first, last);
        all += n ? group_width(bars, n) : 0;
    }
    return all / fmax(ceil(all / PANEL_MAX), 1);
}

/* Puts columns into panels: those of one family together, until a panel is full. */
static void draw_panels(const struct bars *bars, size_t first, size_t last, bool by_family)
{
    const struct html_columns *columns = bars->page->columns;
    struct panel panel = {.first = first, .last = last};
    double fair = by_family ? PANEL_MAX : fair_width(bars, first, last);
    for (size_t i = 0; i < columns->n; i++) {
        const struct html_column *column = &columns->items[i];
        size_t n = bars_in(bars, column, first, last);
        if (n == 0)
            continue;
        bool other = by_family && panel.family && strcmp(panel.family, column->family) != 0;
        bool full = panel.width + group_width(bars, n) > PANEL_MAX || panel.width >= fair;
        if (panel.width > 0 && (other || full)) {
            draw_panel(bars, &panel);
            panel = (struct panel){.first = first, .last = last, .begin = i};
        }
        panel.family = by_family ? column->family : NULL;
        panel.width += group_width(bars, n);
        panel.end = i + 1;
    }
    if (panel.width > 0)
        draw_panel(bars, &panel);
}

static void legend_entry(FILE *out, const char *css)
{
    fprintf(out, "<li><svg viewBox=\"0 0 12 12\" class=\"%s\" aria-hidden=\"true\"><rect class=\"fill\" width=\"12\" "
            "height=\"12\" rx=\"3\"/></svg>", css);
}

static void draw_legend(const struct bars *bars)
{
    const struct vmtp_results *report = bars->page->report;
    FILE *out = bars->page->out;
    char css[8], name[64];
    fputs("<ul class=\"legend\">", out);
    for (size_t r = 0; report->n_runs > 1 && r < report->n_runs; r++) {
        legend_entry(out, html_run_css(r, css));
        fprintf(out, "%s: ", html_run_name(r, name));
        const char *words = vmtp_result_text(report->runs[r].json, "test_description");
        text_html(out, words ? words : vmtp_result_text(report->runs[r].json, "date"), 60);
        fputs("</li>", out);
    }
    for (size_t s = 0; report->n_runs == 1 && s < report->n_series; s++) {
        bool used = false;
        for (size_t i = 0; i < bars->page->columns->n && !used; i++)
            used = has_bar(bars, &bars->page->columns->items[i], s, s + 1);
        if (!used)
            continue;
        legend_entry(out, html_series_css(&report->series[s], css));
        fprintf(out, "%s</li>", html_series_name(report->series[s].proto, report->series[s].size, name));
    }
    fputs("</ul>", out);
}

/* The largest value of the series from first to last, and how many bars there are. */
static double largest(const struct bars *bars, size_t first, size_t last, size_t *count)
{
    const struct vmtp_results *report = bars->page->report;
    double max = 0;
    *count = 0;
    for (size_t i = 0; i < bars->page->columns->n; i++)
        for (size_t s = first; s < last; s++)
            for (size_t r = 0; r < report->n_runs; r++) {
                const struct vmtp_result_kind *kind = shown(bars, &bars->page->columns->items[i], r, s);
                if (!kind)
                    continue;
                struct vmtp_spread spread = bars->quantity->of(kind);
                max = spread.n ? fmax(max, spread.max) : max;
                ++*count;
            }
    return max;
}

static struct chart_axis axis_for(const struct quantity *quantity, double max)
{
    return quantity->rate ? chart_axis_rate(max) : chart_axis_percent(max);
}

static void draw_quantity(const struct page *page, const struct quantity *quantity, const char *words)
{
    struct bars bars = {.page = page, .quantity = quantity};
    size_t count;
    double max = largest(&bars, 0, page->report->n_series, &count);
    if (count == 0 || (!quantity->rate && max == 0))
        return;
    bars.axis = axis_for(quantity, max);
    bars.width = page->report->n_runs > 1 ? 26 : count <= 4 ? 84 : count <= 8 ? 52 : count <= 12 ? 42 : 32;
    fprintf(page->out, "<section><h2>%s</h2><p class=\"soft\">%s</p>", quantity->title, words);
    draw_legend(&bars);
    fputs("<div class=\"panels\">", page->out);
    if (page->report->n_runs == 1)
        draw_panels(&bars, 0, page->report->n_series, true);
    else
        for (size_t s = 0; s < page->report->n_series; s++) {
            bars.axis = axis_for(quantity, largest(&bars, s, s + 1, &count));
            draw_panels(&bars, s, s + 1, false);
        }
    fputs("</div>", page->out);
    if (quantity->rate)
        html_numbers_table(page);
    fputs("</section>", page->out);
}

/* --- latency --- */

struct boxes {
    const struct page *page;
    struct chart_axis axis;
    double width;
};

static bool has_numbers(const struct vmtp_result_ping *ping)
{
    return !isnan(ping->avg);
}

/* Round trips while a throughput measurement ran; what it tells itself wins over the kernel's single number. */
static bool load_box(const struct vmtp_result_kind *kind, struct chart_box *box)
{
    *box = (struct chart_box){kind->load_min, kind->load_avg, kind->load_max, kind->load_stddev};
    if (isnan(box->avg) && kind->rtt_ms.n)
        *box = (struct chart_box){kind->rtt_ms.min, kind->rtt_ms.mean, kind->rtt_ms.max,
                                  vmtp_spread_stddev(&kind->rtt_ms)};
    return !isnan(box->avg);
}

static void box_title(FILE *out, const struct html_column *column, const char *what, const struct chart_box *box)
{
    char text[TEXT_MAX], more[TEXT_MAX];
    place_name(out, column);
    fputc('\n', out);
    text_html(out, what, 100);
    fprintf(out, "\naverage %s", text_ms(box->avg, text));
    if (!isnan(box->min) && !isnan(box->max))
        fprintf(out, "\n%s to %s", text_ms(box->min, text), text_ms(box->max, more));
    if (!isnan(box->stddev))
        fprintf(out, "\nstd. dev. %s", text_ms(box->stddev, text));
}

static void draw_box(struct chart *chart, const struct boxes *boxes, const struct html_column *column,
                     const char *what, const struct chart_box *box, const char *css, double *x)
{
    char class[24];
    snprintf(class, sizeof class, "box %s", css);
    chart_mark(chart, class);
    box_title(chart->out, column, what, box);
    chart_mark_title_end(chart);
    chart_draw_box(chart, *x + 5, boxes->width - 10, box);
    chart_mark_end(chart);
    *x += boxes->width;
}

static void ping_name(const struct vmtp_result_ping *ping, char name[160])
{
    char size[32] = "";
    if (ping->size >= 0)
        snprintf(size, sizeof size, " %lld B", ping->size);
    snprintf(name, 160, "ping%s%s%.60s", size, ping->load ? " under load of " : ", ",
             ping->load ? ping->load : "idle");
}

/* A ping on an idle path is grey; one under load has the colour of that, when it names a series. */
static void ping_css(const struct boxes *boxes, const struct vmtp_result_ping *ping, size_t run, char css[16])
{
    const struct vmtp_results *report = boxes->page->report;
    char name[64], color[8] = "p0";
    for (size_t s = 0; ping->load && s < report->n_series; s++)
        if (strcmp(html_series_name(report->series[s].proto, report->series[s].size, name), ping->load) == 0)
            html_series_css(&report->series[s], color);
    if (report->n_runs > 1)
        html_run_css(run, color);
    snprintf(css, 16, "%s%s", ping->load ? "load " : "", color);
}

/* Draws (or, without a chart, counts) the boxes of a flow in one run; returns the largest value. */
static double flow_boxes(struct chart *chart, const struct boxes *boxes, const struct html_column *column, size_t run,
                         double *x, size_t *n)
{
    const struct vmtp_result_flow *flow = column->flows[run];
    bool several = boxes->page->report->n_runs > 1;
    char what[160], name[64], css[8], load_css[16];
    double max = 0;
    for (size_t i = 0; flow && !column->reverse && i < flow->n_pings; i++) {
        const struct vmtp_result_ping *ping = &flow->pings[i];
        struct chart_box box = {ping->min, ping->avg, ping->max, ping->stddev};
        if (!has_numbers(ping))
            continue;
        ping_name(ping, what);
        ping_css(boxes, ping, run, load_css);
        if (chart)
            draw_box(chart, boxes, column, what, &box, load_css, x);
        max = fmax(max, isnan(box.max) ? box.avg : box.max);
        ++*n;
    }
    for (size_t i = 0; flow && i < flow->n_kinds; i++) {
        const struct vmtp_result_kind *kind = &flow->kinds[i];
        struct chart_box box;
        if (kind->reverse != column->reverse || kind->series >= boxes->page->report->n_series || !load_box(kind, &box))
            continue;
        snprintf(what, sizeof what, "under load of %s", html_series_name(kind->proto, kind->size, name));
        html_series_css(&boxes->page->report->series[kind->series], css);
        snprintf(load_css, sizeof load_css, "load %s", several ? html_run_css(run, css) : css);
        if (chart)
            draw_box(chart, boxes, column, what, &box, load_css, x);
        max = fmax(max, isnan(box.max) ? box.avg : box.max);
        ++*n;
    }
    return max;
}

static double column_boxes(struct chart *chart, const struct boxes *boxes, const struct html_column *column, double *x,
                           size_t *n)
{
    double max = 0;
    *n = 0;
    for (size_t r = 0; r < boxes->page->report->n_runs; r++)
        max = fmax(max, flow_boxes(chart, boxes, column, r, x, n));
    return max;
}

static double box_width(const struct boxes *boxes, size_t n, size_t groups)
{
    return (double)n * boxes->width + (double)groups * 2 * PANEL_PAD;
}

static void draw_box_panel(const struct boxes *boxes, size_t begin, size_t end, size_t n, size_t groups)
{
    const struct html_columns *columns = boxes->page->columns;
    FILE *out = boxes->page->out;
    struct chart chart;
    fprintf(out, "<figure><figcaption>%s</figcaption>", columns->items[begin].family);
    chart_begin(&chart, out, &boxes->axis, box_width(boxes, n, groups) + PANEL_FRAME, PANEL_HEIGHT,
                "Round trip times");
    double x = chart.left;
    for (size_t i = begin; i < end; i++) {
        size_t count;
        double from = x;
        x += PANEL_PAD;
        column_boxes(&chart, boxes, &columns->items[i], &x, &count);
        x += PANEL_PAD;
        if (count == 0)
            x = from;
        else
            chart_below(&chart, (from + x) / 2, 0, columns->items[i].label, LABEL_MAX);
    }
    chart_end(&chart);
    fputs("</figure>", out);
}

static void draw_box_panels(const struct boxes *boxes)
{
    const struct html_columns *columns = boxes->page->columns;
    size_t begin = 0, filled = 0, groups = 0;
    for (size_t i = 0; i < columns->n; i++) {
        size_t n;
        double x = 0;
        column_boxes(NULL, boxes, &columns->items[i], &x, &n);
        bool other = strcmp(columns->items[begin].family, columns->items[i].family) != 0;
        if (filled && n && (other || box_width(boxes, filled + n, groups + 1) > PANEL_MAX)) {
            draw_box_panel(boxes, begin, i, filled, groups);
            filled = groups = 0;
        }
        if (filled == 0)
            begin = i;
        filled += n;
        groups += n > 0;
    }
    if (filled)
        draw_box_panel(boxes, begin, columns->n, filled, groups);
}

static void draw_latency(const struct page *page)
{
    struct boxes boxes = {.page = page, .width = 38};
    double max = 0;
    size_t count = 0;
    for (size_t i = 0; i < page->columns->n; i++) {
        size_t n;
        double x = 0;
        max = fmax(max, column_boxes(NULL, &boxes, &page->columns->items[i], &x, &n));
        count += n;
    }
    bool pings = false;
    for (size_t r = 0; r < page->report->n_runs; r++)
        for (size_t f = 0; f < page->report->runs[r].n_flows; f++)
            pings = pings || page->report->runs[r].flows[f].n_pings;
    if (count == 0 && !pings)
        return;
    boxes.axis = chart_axis_ms(max);
    fputs("<section><h2>Latency</h2><p class=\"soft\">Round trip times: average as a bar, smallest to largest as a "
          "line, one standard deviation to both sides as a box. Grey: pings, one for each size, on an idle path. "
          "Coloured and dashed: while that measurement was sending.</p>", page->out);
    if (count) {
        fputs("<div class=\"panels\">", page->out);
        draw_box_panels(&boxes);
        fputs("</div>", page->out);
    }
    html_latency_table(page);
    fputs("</section>", page->out);
}

void html_charts(const struct page *page)
{
    static const struct quantity throughput = {"Throughput", throughput_of, true}, loss = {"Loss", loss_of, false};
    draw_quantity(page, &throughput, "Payload that arrived, mean of the samples; the line goes from the smallest to "
                  "the largest sample. A cross: failed.");
    draw_latency(page);
    draw_quantity(page, &loss, "Datagrams that did not arrive at the rate that is the result, in percent.");
}
