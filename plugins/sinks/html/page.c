/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the page: head, title, the strip of verdicts, remarks; and the data at the end. */
#include "plugins/sinks/html/page.h"

#include <math.h>
#include <string.h>

#include <vmtp/plugin.h>

#include "plugins/sinks/html/render.h"

enum { NOTES_SEEN = 8, NOTES_MAX = 60 }; /* SEEN: the others can be folded out */

/* --- head --- */

static const char *title_of(const struct vmtp_result_run *run)
{
    const char *title = vmtp_result_text(run->json, "test_description");
    return title ? title : "Data path performance";
}

static void draw_head(const struct page *page)
{
    FILE *out = page->out;
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action "
            "'none'; img-src data:; script-src 'sha256-%s'; style-src 'sha256-%s'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
            html_js_digest, html_css_digest);
    if (page->report->n_runs == 1)
        text_html(out, title_of(&page->report->runs[0]), 200);
    else
        fprintf(out, "%zu runs side by side", page->report->n_runs);
    fprintf(out, " - VMTP</title>\n<style>%s</style>\n</head>\n<body>\n", html_css);
}

static void fact(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, "<li>%s <b>", name);
    text_html(out, text, 200);
    fputs("</b></li>", out);
}

static void draw_facts(FILE *out, const struct vmtp_result_run *run)
{
    char text[VMTP_UNIT_TEXT];
    double seconds = vmtp_result_number(run->json, "duration_s");
    fputs("<ul class=\"facts\">", out);
    fact(out, "measured", vmtp_result_text(run->json, "date"));
    fact(out, "in", seconds > 0 ? vmtp_print_seconds(seconds, text) : NULL);
    fact(out, "from", vmtp_result_text(run->json, "hostname"));
    fact(out, "OpenStack", vmtp_result_text(run->json, "openstack_version"));
    fact(out, "encapsulation", vmtp_result_text(run->json, "encapsulation"));
    fact(out, "agent", vmtp_result_text(run->json, "l2agent_type"));
    fact(out, "VMTP", vmtp_result_text(run->json, "version"));
    fact(out, "run", vmtp_result_text(run->json, "run_id"));
    fputs("</ul>", out);
}

static void draw_header(const struct page *page)
{
    const struct vmtp_results *report = page->report;
    FILE *out = page->out;
    char name[24];
    fputs("<header><div><p class=\"eyebrow\">VMTP report</p><h1>", out);
    if (report->n_runs == 1)
        text_html(out, title_of(&report->runs[0]), 300);
    else
        fprintf(out, "%zu runs side by side", report->n_runs);
    fputs("</h1>", out);
    for (size_t r = 0; r < report->n_runs; r++) {
        if (report->n_runs > 1) {
            fprintf(out, "<p><b>%s: ", html_run_name(r, name));
            text_html(out, title_of(&report->runs[r]), 120);
            fputs("</b></p>", out);
        }
        draw_facts(out, &report->runs[r]);
    }
    fputs("</div><div class=\"tools\"><button type=\"button\" id=\"csv\" hidden>Save CSV</button><button "
          "type=\"button\" id=\"json\" hidden>Save JSON</button><button type=\"button\" id=\"print\" hidden>Print"
          "</button><button type=\"button\" id=\"theme\" hidden>Light / dark</button></div></header>\n<main>\n", out);
}

/* --- the strip of verdicts --- */

/* What the strip says of a run. */
struct strip {
    size_t flows, failed, remarks, expected, missed; /* the last two: expectations, that were looked at */
    struct vmtp_spread tcp, udp, rtt, loss;
};

static bool flow_failed(const struct vmtp_result_flow *flow)
{
    bool failed = flow->error || (flow->status && strcmp(html_status_css(flow->status), "bad") == 0);
    for (size_t i = 0; i < flow->n_items && !failed; i++)
        failed = flow->items[i].error != NULL;
    for (size_t i = 0; i < flow->n_pings && !failed; i++)
        failed = flow->pings[i].error != NULL;
    return failed;
}

static size_t texts_in(const json_t *json)
{
    return json_is_array(json) ? json_array_size(json) : json_is_string(json) ? 1 : 0;
}

static void count_verdicts(struct strip *strip, const json_t *verdicts)
{
    for (size_t i = 0; json_is_array(verdicts) && i < json_array_size(verdicts); i++) {
        const json_t *verdict = json_array_get(verdicts, i);
        bool expectation = vmtp_result_text(verdict, "expect");
        const char *css = expectation ? html_status_css(vmtp_result_text(verdict, "status")) : "";
        strip->missed += strcmp(css, "bad") == 0;
        strip->expected += strcmp(css, "bad") == 0 || strcmp(css, "good") == 0;
    }
}

static struct strip strip_of(const struct vmtp_result_run *run)
{
    struct strip strip = {.flows = run->n_flows};
    count_verdicts(&strip, json_object_get(run->json, "verdicts"));
    for (size_t f = 0; f < run->n_flows; f++) {
        const struct vmtp_result_flow *flow = &run->flows[f];
        strip.failed += flow_failed(flow);
        count_verdicts(&strip, json_object_get(flow->json, "verdicts"));
        for (size_t k = 0; k < flow->n_kinds; k++) {
            const struct vmtp_result_kind *kind = &flow->kinds[k];
            if (kind->bps.n && (kind->proto == VMTP_RESULT_TCP || kind->proto == VMTP_RESULT_UDP))
                vmtp_spread_add(kind->proto == VMTP_RESULT_TCP ? &strip.tcp : &strip.udp, kind->bps.mean);
        }
        for (size_t i = 0; i < flow->n_items; i++) {
            vmtp_spread_add(&strip.loss, flow->items[i].error ? NAN : flow->items[i].loss);
            strip.remarks += texts_in(json_object_get(flow->items[i].json, "flags")) +
                             texts_in(json_object_get(flow->items[i].json, "warnings"));
        }
        for (size_t i = 0; i < flow->n_pings; i++)
            if (!flow->pings[i].load)
                vmtp_spread_add(&strip.rtt, flow->pings[i].avg);
    }
    return strip;
}

static void tile(FILE *out, const char *css, const char *name, const char *big, const char *small)
{
    fprintf(out, "<div class=\"tile %s\"><p>%s</p><p class=\"big\">%s</p><p>%s</p></div>", css, name, big, small);
}

static void rate_tile(FILE *out, const char *name, const struct vmtp_spread *bps)
{
    char big[TEXT_MAX], low[TEXT_MAX], small[2 * TEXT_MAX + 40];
    if (!bps->n)
        return;
    text_rate(bps->max, big);
    snprintf(small, sizeof small, bps->n > 1 ? "best of %zu; lowest %s" : "one measurement", bps->n,
             text_rate(bps->min, low));
    tile(out, "", name, big, small);
}

static void expect_tile(FILE *out, const struct strip *strip)
{
    char big[TEXT_MAX], small[TEXT_MAX];
    if (!strip->expected)
        return;
    snprintf(big, sizeof big, strip->missed ? "%zu missed" : "All met", strip->missed);
    snprintf(small, sizeof small, "of %zu", strip->expected);
    tile(out, strip->missed ? "bad" : "good", "Expectations", big, small);
}

static void draw_tiles(FILE *out, const struct vmtp_result_run *run, const char *name)
{
    struct strip strip = strip_of(run);
    const char *status = vmtp_result_text(run->json, "status");
    const char *css = strip.failed ? "bad" : status ? html_status_css(status) : strip.flows ? "good" : "warn";
    char small[TEXT_MAX], big[TEXT_MAX], text[TEXT_MAX];
    bool other = status && strcmp(html_status_css(status), "warn") == 0; /* interrupted and the like */
    fprintf(out, "<div class=\"tiles%s\">", *name ? " many" : "");
    snprintf(small, sizeof small, "%zu flow%s measured%s", strip.flows, strip.flows == 1 ? "" : "s",
             strip.remarks ? ", with remarks" : "");
    fprintf(out, "<div class=\"tile %s\"><p>Verdict%s%s</p><p class=\"big\">", css, *name ? ", run " : "", name);
    if (other)
        text_html(out, status, 40);
    else if (strip.failed)
        fprintf(out, "%zu of %zu failed", strip.failed, strip.flows);
    else
        fputs(!strip.flows ? "Nothing measured" : strcmp(css, "bad") == 0 ? "Failed" : "Passed", out);
    fprintf(out, "</p><p>%s</p></div>", small);
    expect_tile(out, &strip);
    rate_tile(out, "TCP throughput", &strip.tcp);
    rate_tile(out, "UDP throughput", &strip.udp);
    if (strip.rtt.n) {
        snprintf(small, sizeof small, "lowest average of pings; highest %s", text_ms(strip.rtt.max, text));
        tile(out, "", "Round trip, idle", text_ms(strip.rtt.min, big), small);
    }
    if (strip.loss.n) {
        snprintf(small, sizeof small, "largest of %zu results", strip.loss.n);
        tile(out, "", "Datagrams lost", text_percent(strip.loss.max, big), small);
    }
    fputs("</div>", out);
}

/* --- remarks --- */

struct notes {
    const struct page *page;
    size_t n, run;
    bool bad; /* what is bad comes first: one look for that, another for the rest */
};

static bool note_begin(struct notes *notes, const char *css, const struct vmtp_result_flow *flow,
                       const struct vmtp_result_item *item)
{
    FILE *out = notes->page->out;
    char name[64];
    if ((strcmp(css, "bad") == 0) != notes->bad || notes->n++ >= NOTES_MAX)
        return false;
    if (notes->n == 1)
        fputs("<section><h2>Remarks</h2><ul class=\"notes\">", out);
    if (notes->n == NOTES_SEEN + 1)
        fputs("</ul><details><summary>More remarks</summary><ul class=\"notes\">", out);
    fprintf(out, "<li class=\"%s\">", css);
    if (notes->page->report->n_runs > 1)
        fprintf(out, "<span class=\"badge\">Run %s</span> ", html_run_name(notes->run, name));
    if (flow) {
        fputs("<b>", out);
        text_html(out, flow->desc, 200);
        if (item)
            fprintf(out, ", %s", html_series_name(item->proto, item->size, name));
        fputs("</b>: ", out);
    }
    return true;
}

static void note(struct notes *notes, const char *css, const struct vmtp_result_flow *flow,
                 const struct vmtp_result_item *item, const char *text)
{
    if (!note_begin(notes, css, flow, item))
        return;
    text_html(notes->page->out, html_flag_words(text), 600);
    if (strcmp(text, "loss-out-of-range") == 0 && item && vmtp_result_text(item->json, "loss_range")) {
        fputs(" (", notes->page->out);
        text_html(notes->page->out, vmtp_result_text(item->json, "loss_range"), 40);
        fputs(")", notes->page->out);
    }
    fputs("</li>", notes->page->out);
}

/* A text, a list of them, or objects with a text and a status. */
static void note_all(struct notes *notes, const struct vmtp_result_flow *flow, const struct vmtp_result_item *item,
                     const json_t *json, const char *css)
{
    for (size_t i = 0; json_is_array(json) && i < json_array_size(json); i++)
        if (!json_is_array(json_array_get(json, i)))
            note_all(notes, flow, item, json_array_get(json, i), css);
    const char *status = vmtp_result_text(json, "status");
    if (html_said(json))
        note(notes, status ? html_status_css(status) : css, flow, item, html_said(json));
}

static void note_flow(struct notes *notes, const struct vmtp_result_flow *flow)
{
    if (flow->error)
        note(notes, "bad", flow, NULL, flow->error);
    note_all(notes, flow, NULL, json_object_get(flow->json, "verdict"), "");
    note_all(notes, flow, NULL, json_object_get(flow->json, "verdicts"), "");
    note_all(notes, flow, NULL, json_object_get(flow->json, "warnings"), "");
    for (size_t i = 0; i < flow->n_items; i++) {
        const struct vmtp_result_item *item = &flow->items[i];
        if (item->error && !(flow->error && strcmp(flow->error, item->error) == 0))
            note(notes, "bad", flow, item, item->error);
        note_all(notes, flow, item, json_object_get(item->json, "flags"), "");
        note_all(notes, flow, item, json_object_get(item->json, "warnings"), "");
        note_all(notes, flow, item, json_object_get(item->json, "verdict"), "");
        note_all(notes, flow, item, json_object_get(item->json, "verdicts"), "");
    }
    for (size_t i = 0; i < flow->n_pings; i++)
        if (flow->pings[i].error && note_begin(notes, "bad", flow, NULL)) {
            char size[TEXT_MAX];
            fprintf(notes->page->out, "ping%s%s%s", flow->pings[i].size >= 0 ? " " : "", flow->pings[i].size >= 0 ?
                    text_fixed((double)flow->pings[i].size, 0, size) : "", flow->pings[i].size >= 0 ? " B: " : ": ");
            text_html(notes->page->out, flow->pings[i].error, 600);
            fputs("</li>", notes->page->out);
        }
}

static void note_run(struct notes *notes, const struct vmtp_result_run *run)
{
    note_all(notes, NULL, NULL, json_object_get(run->json, "errors"), "bad");
    note_all(notes, NULL, NULL, json_object_get(run->json, "warnings"), "");
    note_all(notes, NULL, NULL, json_object_get(run->json, "verdict"), "");
    note_all(notes, NULL, NULL, json_object_get(run->json, "verdicts"), "");
    for (size_t f = 0; f < run->n_flows; f++)
        note_flow(notes, &run->flows[f]);
    if (!json_object_get(run->json, "schema_version"))
        note(notes, "", NULL, NULL, "This file was written by the old VMTP, in Python: what it calls kbit/s "
             "from nuttcp counts 1024 bits, so these rates are 2.4 % too high. They are shown as they stand.");
}

void html_notes(const struct page *page)
{
    struct notes notes = {.page = page};
    for (int look = 0; look < 2; look++) {
        notes.bad = look == 0;
        for (notes.run = 0; notes.run < page->report->n_runs; notes.run++)
            note_run(&notes, &page->report->runs[notes.run]);
    }
    if (notes.n > NOTES_MAX)
        fprintf(page->out, "<li>%zu more remarks are at the measurements below.</li>", notes.n - NOTES_MAX);
    if (notes.n)
        fprintf(page->out, "</ul>%s</section>", notes.n > NOTES_SEEN ? "</details>" : "");
}

/* --- data --- */

/* As part of a script element: nothing in it can end the element or begin a comment. */
static int put_data(const char *text, size_t len, void *arg)
{
    FILE *out = arg;
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (!strchr("<>&", text[i]) || !text[i])
            continue;
        fwrite(text + from, 1, i - from, out);
        fprintf(out, "\\u%04x", (unsigned)text[i]);
        from = i + 1;
    }
    fwrite(text + from, 1, len - from, out);
    return 0;
}

static int draw_data(const struct page *page)
{
    int rc = VMTP_OK;
    for (size_t r = 0; r < page->report->n_runs; r++) {
        fputs("<script type=\"application/json\">", page->out);
        if (json_dump_callback(page->report->runs[r].json, put_data, page->out,
                               JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) < 0)
            rc = VMTP_ENOMEM;
        fputs("</script>\n", page->out);
    }
    fprintf(page->out, "<script>%s</script>\n</body>\n</html>\n", html_js);
    return rc;
}

static int draw_page(const struct page *page)
{
    draw_head(page);
    draw_header(page);
    for (size_t r = 0; r < page->report->n_runs; r++) {
        char name[24] = "";
        if (page->report->n_runs > 1)
            html_run_name(r, name);
        draw_tiles(page->out, &page->report->runs[r], name);
    }
    html_notes(page);
    html_charts(page);
    html_cpu_table(page);
    html_flow_cards(page);
    html_properties_table(page);
    fputs("</main>\n<footer>All that is shown is in this file; it loads nothing. 1 kbit is 1000 bit.</footer>\n"
          "<div id=\"tip\" role=\"tooltip\" hidden></div>\n", page->out);
    return draw_data(page);
}

int html_page(FILE *out, json_t *const *documents, size_t n, const struct html_options *options)
{
    struct vmtp_results report;
    struct html_columns columns = {0};
    struct page page = {out, &report, &columns};
    int rc = VMTP_ENOMEM;
    if (vmtp_results_read(&report, documents, n, options->show) && html_columns_make(&columns, &report))
        rc = draw_page(&page);
    html_columns_clear(&columns);
    vmtp_results_clear(&report);
    return rc;
}
