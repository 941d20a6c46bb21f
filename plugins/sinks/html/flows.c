/* SPDX-License-Identifier: Apache-2.0 */
/* A card for each flow: its ends, its measurements over time, the steps of its rate searches, and the numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/sinks/html/chart.h"
#include "plugins/sinks/html/page.h"

enum { CHART_WIDTH = 430, CHART_HEIGHT = 240, POINTS_MAX = 400, ROWS_MAX = 400 };

/* A flow and its place in the data, for the script. */
struct card {
    const struct page *page;
    const struct vmtp_result_flow *flow;
    size_t run, place;
};

static const json_t *samples_of(const struct vmtp_result_item *item, const char *member)
{
    return json_object_get(json_object_get(item->json, "samples"), member);
}

static double number_at(const json_t *list, size_t i)
{
    const json_t *value = json_array_get(list, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *css_of(const struct card *card, const struct vmtp_result_item *item, char css[8])
{
    const struct vmtp_results *report = card->page->report;
    size_t series = item->kind < card->flow->n_kinds ? card->flow->kinds[item->kind].series : report->n_series;
    snprintf(css, 8, "p0");
    return series < report->n_series ? html_series_css(&report->series[series], css) : css;
}

static void item_name(FILE *out, const struct vmtp_result_item *item)
{
    char name[64];
    const char *repeat = vmtp_result_text(item->json, "repeat");
    fputs(html_series_name(item->proto, item->size, name), out);
    fputs(item->reverse ? ", server to client" : "", out);
    if (repeat) {
        fputs(", sample ", out);
        text_html(out, repeat, 20);
    }
}

/* Ties a line to the measurement that it was drawn from. */
static void line_begin(const struct card *card, const struct vmtp_result_item *item, const char *class)
{
    char css[8];
    FILE *out = card->page->out;
    fprintf(out, "<path class=\"%s %s\" data-s=\"%zu %zu %zu\"", class, css_of(card, item, css),
            card->run, card->place, item->place);
}

/* --- over time --- */

/* The mean of intervals from..from+step; NAN when none has a number. */
static double mean_of(const json_t *list, size_t from, size_t step)
{
    struct vmtp_spread spread = {0};
    for (size_t i = from; i < from + step && i < json_array_size(list); i++)
        vmtp_spread_add(&spread, number_at(list, i));
    return spread.n ? spread.mean : NAN;
}

static size_t step_of(size_t n, size_t most)
{
    return n <= most ? 1 : (n + most - 1) / most;
}

/* How far the intervals of a flow reach: in time and in rate. False when there are less than two. */
static bool reach_of(const struct vmtp_result_flow *flow, double *seconds, double *bps)
{
    size_t most = 0;
    *seconds = *bps = 0;
    for (size_t i = 0; i < flow->n_items; i++) {
        const json_t *rates = samples_of(&flow->items[i], "throughput_bps"), *to = samples_of(&flow->items[i], "to_s");
        size_t n = json_array_size(rates), with = 0;
        for (size_t k = 0; k < n; k++) {
            with += number_at(rates, k) >= 0;
            *bps = fmax(*bps, number_at(rates, k));
            *seconds = fmax(*seconds, number_at(to, k));
        }
        most = with > most ? with : most;
    }
    return most >= 2 && *seconds > 0;
}

static void draw_line(const struct card *card, const struct chart *chart, const struct chart_axis *time,
                      const struct vmtp_result_item *item)
{
    FILE *out = card->page->out;
    const json_t *rates = samples_of(item, "throughput_bps"), *from = samples_of(item, "from_s");
    const json_t *to = samples_of(item, "to_s");
    size_t n = json_array_size(rates), step = step_of(n, POINTS_MAX);
    bool pen_down = false;
    if (n < 2)
        return;
    line_begin(card, item, "line");
    if (step > 1)
        fprintf(out, " data-n=\"%zu\"", step);
    fputs(" d=\"", out);
    for (size_t i = 0; i < n; i += step) {
        size_t last = i + step < n ? i + step - 1 : n - 1;
        double middle = (number_at(from, i) + number_at(to, last)) / 2, bps = mean_of(rates, i, step);
        if (isnan(middle) || isnan(bps)) {
            pen_down = false;
            continue;
        }
        fputc(pen_down ? 'L' : 'M', out);
        chart_px(out, chart_x(chart, time, middle));
        fputc(' ', out);
        chart_px(out, chart_y(chart, bps));
        pen_down = true;
    }
    fputs("\"/>", out);
}

static void draw_over_time(const struct card *card)
{
    FILE *out = card->page->out;
    double seconds, bps;
    struct chart chart;
    if (!reach_of(card->flow, &seconds, &bps))
        return;
    struct chart_axis axis = chart_axis_rate(bps), time = chart_axis_seconds(seconds);
    fputs("<figure data-k=\"samples\"><figcaption>Throughput over time <span>(s)</span></figcaption>", out);
    chart_begin(&chart, out, &axis, CHART_WIDTH, CHART_HEIGHT,
                "Throughput over time; the numbers are in the table below");
    chart_axis_x(&chart, &time);
    for (size_t i = 0; i < card->flow->n_items; i++)
        draw_line(card, &chart, &time, &card->flow->items[i]);
    chart_end(&chart);
    fputs("</figure>", out);
}

/* --- the search --- */

static const json_t *trials_of(const struct vmtp_result_item *item)
{
    return json_object_get(item->json, "trials");
}

static bool is_sure(const json_t *trial)
{
    const char *phase = vmtp_result_text(trial, "phase");
    return phase && strcmp(phase, "confirm") == 0;
}

static double rate_of(const json_t *trial)
{
    double rate = vmtp_result_number(trial, "target_bps");
    bool told = json_is_number(json_object_get(trial, "target_bps")) &&
                json_is_number(json_object_get(trial, "loss_rate"));
    return told && rate >= 0 ? rate : NAN;
}

/* The points of one phase: dots, drawn as lines that are hardly longer than none (those without a length are not
 * printed). */
static void draw_trials(const struct card *card, const struct chart *chart, const struct chart_axis *rate,
                        const struct vmtp_result_item *item, bool sure)
{
    FILE *out = card->page->out;
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(trials_of(item)); i++) {
        const json_t *trial = json_array_get(trials_of(item), i);
        if (is_sure(trial) != sure || isnan(rate_of(trial)))
            continue;
        if (n++ == 0) {
            line_begin(card, item, sure ? "dots sure" : "dots");
            fputs(" d=\"", out);
        }
        fputc('M', out);
        chart_px(out, chart_x(chart, rate, rate_of(trial)));
        fputc(' ', out);
        chart_px(out, chart_y(chart, vmtp_result_number(trial, "loss_rate")));
        fputs("h.1", out);
    }
    if (n)
        fputs("\"/>", out);
}

/* "2-5 %" */
static bool range_of(const struct vmtp_result_flow *flow, double range[2])
{
    for (size_t i = 0; i < flow->n_items; i++) {
        const char *text = vmtp_result_text(flow->items[i].json, "loss_range");
        char low[16], high[16];
        if (!text || sscanf(text, "%15[0-9.]-%15[0-9.]", low, high) != 2)
            continue;
        json_t *pair = json_pack("{s:s, s:s}", "low", low, "high", high);
        range[0] = vmtp_result_number(pair, "low");
        range[1] = vmtp_result_number(pair, "high");
        json_decref(pair);
        return range[0] >= 0 && range[1] > range[0] && range[1] <= 100;
    }
    return false;
}

static void draw_search(const struct card *card)
{
    FILE *out = card->page->out;
    struct chart chart;
    double min = INFINITY, max = 0, range[2];
    size_t n = 0;
    for (size_t i = 0; i < card->flow->n_items; i++)
        for (size_t k = 0; k < json_array_size(trials_of(&card->flow->items[i])); k++) {
            double rate = rate_of(json_array_get(trials_of(&card->flow->items[i]), k));
            n += !isnan(rate);
            max = fmax(max, rate);
            min = fmin(min, rate);
        }
    if (n == 0)
        return;
    struct chart_axis axis = chart_axis_loss(), rate = chart_axis_rates(min, max);
    fprintf(out, "<figure data-k=\"trials\"><figcaption>Search for the UDP rate: loss by rate sent <span>(%s; large: "
            "confirmed%s)</span></figcaption>", rate.unit.name,
            range_of(card->flow, range) ? "; green: the range asked for" : "");
    chart_begin(&chart, out, &axis, CHART_WIDTH, CHART_HEIGHT,
                "Loss by rate sent; the numbers are in the table below");
    if (range_of(card->flow, range))
        chart_band(&chart, range[0], range[1]);
    chart_axis_x(&chart, &rate);
    for (size_t i = 0; i < card->flow->n_items; i++) {
        draw_trials(card, &chart, &rate, &card->flow->items[i], false);
        draw_trials(card, &chart, &rate, &card->flow->items[i], true);
    }
    chart_end(&chart);
    fputs("</figure>", out);
}

/* --- tables --- */

/* The end tags of rows and cells are left out, as HTML allows: there are many. */

static void rows_begin(FILE *out, const char *summary, const char *caption)
{
    fprintf(out, "<details><summary>%s</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
            "aria-label=\"%s\"><table><caption>%s</caption><thead><tr>", summary, caption, caption);
}

static void rows_end(FILE *out)
{
    fputs("</tbody></table></div></details>", out);
}

/* The unit that a column of rates has. */
static struct text_unit unit_of_list(const json_t *list)
{
    double max = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        max = fmax(max, number_at(list, i));
    return text_rate_unit(max);
}

static void interval_row(const struct card *card, const struct vmtp_result_item *timed, const struct text_unit *units,
                         size_t i, size_t step)
{
    FILE *out = card->page->out;
    char text[TEXT_MAX];
    size_t last = i + step < json_array_size(samples_of(timed, "to_s")) ? i + step - 1 :
                  json_array_size(samples_of(timed, "to_s")) - 1;
    double from = number_at(samples_of(timed, "from_s"), i), to = number_at(samples_of(timed, "to_s"), last);
    int decimals = from == floor(from) && to == floor(to) ? 0 : 2;
    fprintf(out, "<tr><th scope=\"row\">%s", text_fixed(from, decimals, text));
    fprintf(out, " to %s", text_fixed(to, decimals, text));
    for (size_t k = 0; k < card->flow->n_items; k++) {
        const json_t *rates = samples_of(&card->flow->items[k], "throughput_bps");
        double mean = mean_of(rates, i, step);
        if (json_array_size(rates))
            fprintf(out, "<td>%s", isnan(mean) ? "" : text_number(mean / units[k].factor, text));
    }
}

static void interval_rows(const struct card *card, const struct vmtp_result_item *timed, size_t most, size_t step)
{
    const struct vmtp_result_flow *flow = card->flow;
    struct text_unit *units = calloc(flow->n_items + 1, sizeof *units);
    if (!units)
        return;
    FILE *out = card->page->out;
    fputs("<th scope=\"col\">Seconds</th>", out);
    for (size_t k = 0; k < flow->n_items; k++) {
        const json_t *rates = samples_of(&flow->items[k], "throughput_bps");
        units[k] = unit_of_list(rates);
        if (!json_array_size(rates))
            continue;
        fputs("<th scope=\"col\">", out);
        item_name(out, &flow->items[k]);
        fprintf(out, "<br>%s</th>", units[k].name);
    }
    fputs("</tr></thead><tbody>", out);
    for (size_t i = 0; i < most; i += step)
        interval_row(card, timed, units, i, step);
    free(units);
}

/* Rows are intervals of the longest measurement; all begin at 0. */
static void interval_table(const struct card *card)
{
    const struct vmtp_result_item *timed = NULL;
    size_t most = 0;
    for (size_t i = 0; i < card->flow->n_items; i++) {
        size_t n = json_array_size(samples_of(&card->flow->items[i], "throughput_bps"));
        if (n > most && json_array_size(samples_of(&card->flow->items[i], "from_s")) == n &&
            json_array_size(samples_of(&card->flow->items[i], "to_s")) == n) {
            timed = &card->flow->items[i];
            most = n;
        }
    }
    size_t step = step_of(most, ROWS_MAX);
    char caption[128];
    if (!timed)
        return;
    if (step > 1)
        snprintf(caption, sizeof caption, "Throughput by interval; each row is the mean of %zu intervals, the data "
                 "have all", step);
    else
        snprintf(caption, sizeof caption, "Throughput by interval");
    rows_begin(card->page->out, "Intervals", caption);
    interval_rows(card, timed, most, step);
    rows_end(card->page->out);
}

/* The unit of the rates of a search. */
static struct text_unit unit_of_trials(const struct vmtp_result_item *item)
{
    double max = 0;
    for (size_t i = 0; i < json_array_size(trials_of(item)); i++)
        max = fmax(max, fmax(vmtp_result_number(json_array_get(trials_of(item), i), "target_bps"),
                             vmtp_result_number(json_array_get(trials_of(item), i), "throughput_bps")));
    return text_rate_unit(max);
}

/* The first row of a measurement names it, and its unit, for all of them. */
static void trial_row(FILE *out, const struct vmtp_result_item *item, const struct text_unit *unit, size_t i)
{
    static const char *const members[] = {"target_bps", "throughput_bps"};
    const json_t *trial = json_array_get(trials_of(item), i);
    char text[TEXT_MAX];
    fputs("<tr>", out);
    if (i == 0) {
        fprintf(out, "<th scope=\"rowgroup\" rowspan=\"%zu\">", json_array_size(trials_of(item)));
        item_name(out, item);
        fprintf(out, "<br><span class=\"soft\">%s</span>", unit->name);
    }
    fprintf(out, "<td>%zu", i + 1);
    for (size_t k = 0; k < 2; k++) {
        double rate = vmtp_result_number(trial, members[k]);
        fprintf(out, "<td>%s", rate >= 0 ? text_number(rate / unit->factor, text) : "");
    }
    double loss = vmtp_result_number(trial, "loss_rate");
    fprintf(out, "<td>%s<td>", isnan(loss) ? "" : text_number(loss, text));
    const char *phase = vmtp_result_text(trial, "phase");
    if (phase && strcmp(phase, "search") != 0) /* what most are goes without saying */
        text_html(out, phase, 40);
}

static void trial_table(const struct card *card)
{
    FILE *out = card->page->out;
    size_t n = 0;
    for (size_t k = 0; k < card->flow->n_items; k++)
        n += json_array_size(trials_of(&card->flow->items[k]));
    if (n == 0)
        return;
    rows_begin(out, "Steps of the search", "Steps of the search for the UDP rate, and of what confirms it");
    fputs("<th scope=\"col\">Measurement</th><th scope=\"col\">Step</th><th scope=\"col\">Sent at</th>"
          "<th scope=\"col\">Arrived</th><th scope=\"col\">Loss, %</th><th scope=\"col\">Phase</th></tr></thead>", out);
    for (size_t k = 0; k < card->flow->n_items; k++) {
        const struct vmtp_result_item *item = &card->flow->items[k];
        struct text_unit unit = unit_of_trials(item);
        fputs(json_array_size(trials_of(item)) ? "<tbody>" : "", out);
        for (size_t i = 0; i < json_array_size(trials_of(item)); i++)
            trial_row(out, item, &unit, i);
        fputs(json_array_size(trials_of(item)) ? "</tbody>" : "", out);
    }
    fputs("</table></div></details>", out);
}

/* --- every measurement --- */

static const struct {
    const char *member, *name;
    double factor;
    int decimals;
} details[] = {
    {"rtt_ms", "Round trip, ms", 1, 3},       {"retrans", "Retransmits", 1, 0},
    {"cwnd_bytes", "Window, B", 1, 0},        {"loss_rate", "Loss, %", 1, 2},
    {"lost", "Lost", 1, 0},                   {"out_of_order", "Out of order", 1, 0},
    {"jitter_ms", "Jitter, ms", 1, 4},
    {"cpu_sender", "CPU sender, %", 100, 0},  {"cpu_receiver", "CPU receiver, %", 100, 0},
    {"seconds", "Seconds", 1, 2},             {"streams", "Streams", 1, 0},
    {"bandwidth_limit_kbps", "Limit, Mbit/s", 1e-3, 3},
};
enum { DETAILS = sizeof details / sizeof details[0] };

/* The jitter has had two names. */
static double detail_of(const struct vmtp_result_item *item, size_t i)
{
    bool jitter = strcmp(details[i].member, "jitter_ms") == 0;
    return jitter ? item->jitter_ms : vmtp_result_number(item->json, details[i].member);
}

static void item_row(FILE *out, const struct vmtp_result_item *item, const bool used[DETAILS])
{
    char text[TEXT_MAX];
    fputs("<tr><th scope=\"row\">", out);
    item_name(out, item);
    fputs("<td>", out);
    text_html(out, item->tool, 60);
    fprintf(out, "<td>%s", isnan(item->bps) ? "" : text_rate(item->bps, text));
    for (size_t i = 0; i < DETAILS; i++) {
        double value = detail_of(item, i);
        if (used[i])
            fprintf(out, "<td>%s",
                    isnan(value) ? "" : text_fixed(value * details[i].factor, details[i].decimals, text));
    }
}

static void item_table(const struct card *card)
{
    FILE *out = card->page->out;
    const struct vmtp_result_flow *flow = card->flow;
    bool used[DETAILS] = {false};
    if (flow->n_items == 0)
        return;
    for (size_t k = 0; k < flow->n_items; k++)
        for (size_t i = 0; i < DETAILS; i++)
            used[i] = used[i] || !isnan(detail_of(&flow->items[k], i));
    rows_begin(out, "Every measurement", "Every measurement of this flow");
    fputs("<th scope=\"col\" class=\"txt\">Measurement</th><th scope=\"col\">Tool</th><th scope=\"col\">"
          "Throughput</th>", out);
    for (size_t i = 0; i < DETAILS; i++)
        if (used[i])
            fprintf(out, "<th scope=\"col\">%s</th>", details[i].name);
    fputs("</tr></thead><tbody>", out);
    for (size_t k = 0; k < flow->n_items; k++)
        item_row(out, &flow->items[k], used);
    rows_end(out);
}

/* --- cards --- */

static void fact(FILE *out, const struct vmtp_result_flow *flow, const char *name, const char *one, const char *two)
{
    const char *a = vmtp_result_text(flow->json, one), *b = two ? vmtp_result_text(flow->json, two) : NULL;
    if (!a && !b)
        return;
    fprintf(out, "<li>%s <b>", name);
    text_html(out, a ? a : "?", 100);
    if (b) {
        fputs(" &#8594; ", out);
        text_html(out, b, 100);
    }
    fputs("</b></li>", out);
}

static void note(FILE *out, const char *text, const char *status)
{
    fprintf(out, "<li class=\"%s\">", html_status_css(status));
    text_html(out, html_flag_words(text), 0);
    fputs("</li>", out);
}

static void draw_card(const struct card *card)
{
    const struct vmtp_result_flow *flow = card->flow;
    FILE *out = card->page->out;
    fputs("<article class=\"card\"><div class=\"top\"><h3>", out);
    text_html(out, flow->desc, 300);
    fputs("</h3>", out);
    if (flow->status) {
        fprintf(out, "<span class=\"badge %s\">", html_status_css(flow->status));
        text_html(out, flow->status, 40);
        fputs("</span>", out);
    }
    fputs("</div><ul class=\"facts\">", out);
    fact(out, flow, "addresses", "ip_from", "ip_to");
    fact(out, flow, "placement", "az_from", "az_to");
    fact(out, flow, "ends", "client", "server");
    fact(out, flow, "client runs", "distro_id", NULL);
    fact(out, flow, "kernel", "kernel", NULL);
    fact(out, flow, "group", "multicast_address", NULL);
    fputs("</ul>", out);
    if (flow->error) {
        fputs("<ul class=\"notes\"><li class=\"bad\">", out);
        text_html(out, flow->error, 0);
        fputs("</li></ul>", out);
    }
    if (json_object_get(flow->json, "verdicts") || json_object_get(flow->json, "verdict")) {
        fputs("<ul class=\"notes\">", out);
        html_each_text(json_object_get(flow->json, "verdict"), note, out);
        html_each_text(json_object_get(flow->json, "verdicts"), note, out);
        fputs("</ul>", out);
    }
    fputs("<div class=\"panels two\">", out);
    draw_over_time(card);
    draw_search(card);
    fputs("</div>", out);
    item_table(card);
    interval_table(card);
    trial_table(card);
    fputs("</article>", out);
}

void html_flow_cards(const struct page *page)
{
    const struct vmtp_results *report = page->report;
    char name[24];
    fputs("<section><h2>Flows</h2><p class=\"soft\">What each flow was, how its measurements went over time, and how "
          "the UDP rates were found. The colours are those of the sizes above; the axis of the loss is wider near "
          "zero.</p>", page->out);
    for (size_t r = 0; r < report->n_runs; r++) {
        if (report->n_runs > 1)
            fprintf(page->out, "<details class=\"run\"><summary>Run %s</summary>", html_run_name(r, name));
        for (size_t f = 0; f < report->runs[r].n_flows; f++) {
            struct card card = {page, &report->runs[r].flows[f], r, f};
            draw_card(&card);
        }
        fputs(report->n_runs > 1 ? "</details>" : "", page->out);
    }
    fputs("</section>", page->out);
}
