/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for a ticket. */
#include <math.h>

#include <vmtp/plugin.h>

#include "plugins/sinks/html/page.h"
#include "plugins/sinks/html/render.h"

static void remark(FILE *out, const char *text, const char *status)
{
    (void)status;
    text_markdown(out, html_flag_words(text));
    fputs("; ", out);
}

static void kind_row(FILE *out, const struct vmtp_result_flow *flow, const struct vmtp_result_kind *kind)
{
    char name[64], text[TEXT_MAX];
    fputs("| ", out);
    text_markdown(out, flow->desc);
    fprintf(out, " | %s%s | ", html_series_name(kind->proto, kind->size, name),
            kind->reverse ? ", server to client" : "");
    if (kind->bps.n)
        fprintf(out, "%s", text_rate(kind->bps.mean, text));
    fprintf(out, " | %zu | ", kind->bps.n);
    if (kind->bps.n > 1) {
        fprintf(out, "%s to ", text_rate(kind->bps.min, text));
        fputs(text_rate(kind->bps.max, text), out);
    }
    fprintf(out, " | %s | ", kind->loss.n ? text_percent(kind->loss.mean, text) : "");
    fprintf(out, "%s | ", kind->rtt_ms.n ? text_ms(kind->rtt_ms.mean, text) : "");
    if (kind->error) {
        fputs("**failed**: ", out);
        text_markdown(out, kind->error);
        fputs("; ", out);
    }
    html_each_text(json_object_get(kind->first->json, "flags"), remark, out);
    html_each_text(json_object_get(kind->first->json, "warnings"), remark, out);
    fputs("|\n", out);
}

static void ping_row(FILE *out, const struct vmtp_result_flow *flow, const struct vmtp_result_ping *ping)
{
    char text[TEXT_MAX];
    fputs("| ", out);
    text_markdown(out, flow->desc);
    fprintf(out, " | %s | ", ping->size >= 0 ? text_fixed((double)ping->size, 0, text) : "");
    fprintf(out, "%s | ", isnan(ping->avg) ? "" : text_ms(ping->avg, text));
    fprintf(out, "%s | ", isnan(ping->min) ? "" : text_ms(ping->min, text));
    fprintf(out, "%s | ", isnan(ping->max) ? "" : text_ms(ping->max, text));
    fprintf(out, "%s | ", isnan(ping->stddev) ? "" : text_ms(ping->stddev, text));
    fprintf(out, "%s | ", isnan(ping->loss) ? "" : text_percent(ping->loss, text));
    text_markdown(out, ping->error);
    fputs(" |\n", out);
}

static void property(FILE *out, const json_t *json, const char *member, const char *name)
{
    const char *text = vmtp_result_text(json, member);
    if (!text)
        return;
    fprintf(out, "| %s | ", name);
    text_markdown(out, text);
    fputs(" |\n", out);
}

/* What is said of a run or a flow as a whole; whole: its name, or NULL for the run. */
static void statement(FILE *out, const char *whole, const char *text)
{
    fputs("\n**", out);
    text_markdown(out, whole ? whole : "This run");
    fputs("**: ", out);
    text_markdown(out, html_flag_words(text));
    fputc('\n', out);
}

static void statements(FILE *out, const json_t *json, const char *whole)
{
    static const char *const members[] = {"errors", "verdict", "verdicts", "warnings"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const json_t *said = json_object_get(json, members[i]);
        size_t n = json_is_array(said) ? json_array_size(said) : 1;
        for (size_t k = 0; k < n; k++) {
            const char *text = html_said(json_is_array(said) ? json_array_get(said, k) : said);
            if (text)
                statement(out, whole, text);
        }
    }
}

static void draw_run(FILE *out, const struct vmtp_result_run *run)
{
    size_t kinds = 0, pings = 0;
    const char *title = vmtp_result_text(run->json, "test_description");
    fputs("## ", out);
    text_markdown(out, title ? title : "Data path performance");
    fputs("\n\n| Property | Value |\n| --- | --- |\n", out);
    property(out, run->json, "date", "Date");
    property(out, run->json, "status", "Status");
    property(out, run->json, "openstack_version", "OpenStack release");
    property(out, run->json, "encapsulation", "Encapsulation");
    property(out, run->json, "l2agent_type", "L2 agent type");
    property(out, run->json, "nic_name", "NIC name");
    property(out, run->json, "cpu_info", "CPU Info");
    property(out, run->json, "distro", "Host Linux distribution");
    property(out, run->json, "version", "VMTP version");
    property(out, run->json, "run_uuid", "Run");
    for (size_t f = 0; f < run->n_flows; f++) {
        kinds += run->flows[f].n_kinds;
        pings += run->flows[f].n_pings;
    }
    if (kinds)
        fputs("\n| Flow | Measurement | Throughput | Samples | Range | Loss | Round trip | Remarks |\n"
              "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n", out);
    for (size_t f = 0; f < run->n_flows; f++)
        for (size_t k = 0; k < run->flows[f].n_kinds; k++)
            kind_row(out, &run->flows[f], &run->flows[f].kinds[k]);
    if (pings)
        fputs("\n| Flow | Ping, B | Average | Smallest | Largest | Std. dev. | Loss | Remarks |\n"
              "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n", out);
    for (size_t f = 0; f < run->n_flows; f++)
        for (size_t i = 0; i < run->flows[f].n_pings; i++)
            ping_row(out, &run->flows[f], &run->flows[f].pings[i]);
    statements(out, run->json, NULL);
    for (size_t f = 0; f < run->n_flows; f++)
        statements(out, run->flows[f].json, run->flows[f].desc);
    for (size_t f = 0; f < run->n_flows; f++)
        if (run->flows[f].error) {
            fputs("\n**", out);
            text_markdown(out, run->flows[f].desc);
            fputs("** failed: ", out);
            text_markdown(out, run->flows[f].error);
            fputc('\n', out);
        }
    fputc('\n', out);
}

int html_markdown(FILE *out, json_t *const *documents, size_t n, const struct html_options *options)
{
    struct vmtp_results report;
    int rc = VMTP_ENOMEM;
    if (vmtp_results_read(&report, documents, n, options->show)) {
        for (size_t r = 0; r < report.n_runs; r++)
            draw_run(out, &report.runs[r]);
        rc = VMTP_OK;
    }
    vmtp_results_clear(&report);
    return rc;
}
