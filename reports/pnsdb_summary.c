/* SPDX-License-Identifier: Apache-2.0 */
/* pnsdb_summary: the results of many runs as a report, out of MongoDB or out of files. */
#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/ctx.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/prompt.h"
#include "core/util/str.h"
#include "reports/summary.h"
#include "vmtp/version.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char OFFICIAL_DB[] = "pnsdb", OFFICIAL_COLLECTION[] = "officialdata", OLD_ENCAPSULATION[] = "vlan";

static const char help[] =
    "Usage: pnsdb_summary [OPTION...] [FILE...]\n"
    "Prints results that vmtp has stored in MongoDB, or those in JSON files, as a report.\n"
    "\n"
    "Where they are\n"
    "  -s, --server-ip SERVER    the server as HOST[:PORT] [localhost]\n"
    "  -p, --server-port PORT    its port [27017]\n"
    "      --uri-file FILE       file whose only line is a connection string, mongodb://..., with login and TLS\n"
    "      --db NAME             database [client_db]\n"
    "      --collection NAME     collection [pns_web_entry]\n"
    "  -o, --official            database pnsdb, collection officialdata\n"
    "  FILE...                   JSON files of vmtp, also of the Python VMTP, instead of a server\n"
    "\n"
    "What is printed\n"
    "  -r, --report NUMBER       0: all results, 1: TCP, 2: UDP; it is asked for when it is not given\n"
    "      --encapsulation NAME  only runs with this encapsulation, or any [any; reports 1 and 2: vlan]\n"
    "      --since DATE          only runs from this date on: 2026-01-15, \"2026-01-15 12:30\"\n"
    "      --until DATE          only runs up to and with this date\n"
    "      --description TEXT    only runs with this in their description\n"
    "      --flow TEXT           only flows with this in their name, or with this id\n"
    "      --format FORMAT       table, json or csv [table; the others print report 0 unless told otherwise]\n"
    "\n"
    "  -h, --help                print this help and exit\n"
    "  -v, --version             print the version and exit\n";

enum option_code { O_DB = 256, O_COLLECTION, O_URI_FILE, O_ENCAPSULATION, O_SINCE, O_UNTIL, O_DESCRIPTION, O_FLOW,
                   O_FORMAT };

static const struct option long_options[] = {
    {"server-ip", required_argument, NULL, 's'},
    {"server-port", required_argument, NULL, 'p'},
    {"official", no_argument, NULL, 'o'},
    {"uri-file", required_argument, NULL, O_URI_FILE},
    {"db", required_argument, NULL, O_DB},
    {"collection", required_argument, NULL, O_COLLECTION},
    {"report", required_argument, NULL, 'r'},
    {"encapsulation", required_argument, NULL, O_ENCAPSULATION},
    {"since", required_argument, NULL, O_SINCE},
    {"until", required_argument, NULL, O_UNTIL},
    {"description", required_argument, NULL, O_DESCRIPTION},
    {"flow", required_argument, NULL, O_FLOW},
    {"format", required_argument, NULL, O_FORMAT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {0},
};

struct summary {
    struct vmtp_ctx ctx;
    struct vmtp_summary_store store;
    struct vmtp_summary_filter filter;
    struct vmtp_summary_printer printer;
    const char *uri_file;
    char *uri; /* of uri_file */
    bool report_given;
    size_t documents, cut;
};

/* --- the command line --- */

static int usage(const char *words, const char *value)
{
    VMTP_CLEAN(mem) char *shown = strdup(value);
    if (shown)
        vmtp_printable(shown);
    fprintf(stderr, "pnsdb_summary: %s: '%s'\nTry 'pnsdb_summary --help'.\n", words, shown ? shown : "");
    return EXIT_USAGE;
}

/* Each option in both its spellings, as in vmtp. */
static void with_hyphens(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        for (char *p = argv[i]; strncmp(argv[i], "--", 2) == 0 && *p && *p != '='; p++)
            if (*p == '_')
                *p = '-';
}

static bool read_report(const char *text, enum vmtp_summary_report *report)
{
    int64_t number;
    if (!vmtp_parse_int(text, &number) || number < 0 || number >= VMTP_SUMMARY_REPORTS)
        return false;
    *report = (enum vmtp_summary_report)number;
    return true;
}

/* "2026", "2026-01-15", "2026-01-15 12:30": dates are compared as texts. A 'T' in the middle is as good as a blank. */
static bool is_date(char *text)
{
    static const char form[] = "0000-00-00 00:00:00";
    size_t len = strlen(text);
    if (len < 4 || len >= sizeof form)
        return false;
    if (len > 10 && text[10] == 'T')
        text[10] = ' ';
    for (size_t i = 0; i < len; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return isdigit((unsigned char)text[len - 1]);
}

static int read_format(struct summary *summary, const char *text)
{
    static const char *const names[] = {"table", "json", "csv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i]) == 0) {
            summary->printer.format = (enum vmtp_summary_format)i;
            return EXIT_FINE;
        }
    return usage("--format is table, json or csv", text);
}

/* Options whose value needs to be looked at. */
static int read_value(struct summary *summary, int option, char *value)
{
    switch (option) {
    case 'p':
        return vmtp_parse_int(value, &summary->store.port) && summary->store.port >= 1 && summary->store.port <= 65535
                   ? EXIT_FINE : usage("--server-port is a number from 1 to 65535", value);
    case 'r':
        summary->report_given = true;
        return read_report(value, &summary->filter.report) ? EXIT_FINE : usage("--report is 0, 1 or 2", value);
    case O_SINCE:
        summary->filter.since = value;
        return is_date(value) ? EXIT_FINE : usage("--since is a date such as 2026-01-15", value);
    case O_UNTIL:
        summary->filter.until = value;
        return is_date(value) ? EXIT_FINE : usage("--until is a date such as 2026-01-15", value);
    default:
        return read_format(summary, value);
    }
}

/* EXIT_FINE, another exit code, or -1: done, without an error. */
static int read_option(struct summary *summary, int option, char *value)
{
    switch (option) {
    case 's':
        summary->store.server = value;
        return EXIT_FINE;
    case 'o':
        summary->store.db = OFFICIAL_DB;
        summary->store.collection = OFFICIAL_COLLECTION;
        return EXIT_FINE;
    case O_URI_FILE:
        summary->uri_file = value;
        return EXIT_FINE;
    case O_DB:
        summary->store.db = value;
        return EXIT_FINE;
    case O_COLLECTION:
        summary->store.collection = value;
        return EXIT_FINE;
    case O_ENCAPSULATION:
        summary->filter.encapsulation = value;
        return EXIT_FINE;
    case O_DESCRIPTION:
        summary->filter.description = value;
        return EXIT_FINE;
    case O_FLOW:
        summary->filter.flow = value;
        return EXIT_FINE;
    case 'h':
        fputs(help, stdout);
        return -1;
    case 'v':
        puts("pnsdb_summary " VMTP_VERSION);
        return -1;
    case '?':
        fputs("Try 'pnsdb_summary --help'.\n", stderr);
        return EXIT_USAGE;
    default:
        return read_value(summary, option, value);
    }
}

static int read_options(struct summary *summary, int argc, char **argv)
{
    int option, code = EXIT_FINE;
    with_hyphens(argc, argv);
    while (code == EXIT_FINE && (option = getopt_long(argc, argv, "s:p:or:hv", long_options, NULL)) != -1)
        code = read_option(summary, option, optarg);
    return code;
}

/* --- the menu --- */

static int ask_report(struct summary *summary)
{
    char line[64];
    fputs("0: all results\n1: TCP results, vlan encapsulation\n2: UDP results, vlan encapsulation\nReport: ", stdout);
    fflush(stdout);
    char *answer = fgets(line, sizeof line, stdin);
    if (answer)
        answer[strcspn(answer, "\r\n")] = '\0';
    return answer && read_report(answer, &summary->filter.report) ? EXIT_FINE
                                                                  : usage("Invalid option", answer ? answer : "");
}

static int choose_report(struct summary *summary)
{
    bool ask = !summary->report_given && summary->printer.format == VMTP_SUMMARY_TABLE;
    int code = ask ? ask_report(summary) : EXIT_FINE;
    struct vmtp_summary_filter *filter = &summary->filter;
    if (!filter->encapsulation && filter->report != VMTP_SUMMARY_ALL)
        filter->encapsulation = OLD_ENCAPSULATION;
    else if (filter->encapsulation && strcasecmp(filter->encapsulation, "any") == 0)
        filter->encapsulation = NULL;
    summary->printer.report = filter->report;
    return code;
}

/* --- the report --- */

static int take(vmtp_ctx *ctx, void *arg, const json_t *document)
{
    struct summary *summary = arg;
    bool cut;
    VMTP_CLEAN(json) json_t *rows = vmtp_summary_rows(document, &summary->filter, &cut);
    if (!rows || vmtp_summary_print(&summary->printer, rows) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    summary->documents += json_array_size(rows) > 0;
    if (cut)
        vmtp_warn(ctx, "a run has more than %d results: the rest is left out", VMTP_SUMMARY_ROWS_MAX);
    return ferror(stdout) ? vmtp_fail(ctx, VMTP_EFAIL, "standard output: %s", vmtp_errno()) : VMTP_OK;
}

static int report(struct summary *summary, char *const files[])
{
    vmtp_ctx *ctx = &summary->ctx;
    int rc = VMTP_OK;
    if (summary->uri_file) {
        rc = vmtp_secret_file(ctx, summary->uri_file, &summary->uri);
        summary->store.uri = summary->uri;
    }
    if (rc < 0)
        return rc;
    vmtp_summary_begin(&summary->printer);
    if (!*files)
        rc = vmtp_summary_stored(ctx, &summary->store, &summary->filter, take, summary);
    for (; *files && rc == VMTP_OK; files++)
        rc = vmtp_summary_file(ctx, *files, take, summary);
    if (rc == VMTP_OK)
        vmtp_summary_end(&summary->printer);
    if (rc == VMTP_OK && (fflush(stdout) != 0 || ferror(stdout)))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "standard output: %s", vmtp_errno());
    if (rc == VMTP_OK && summary->documents == 0)
        fputs("pnsdb_summary: no results\n", stderr);
    return rc;
}

int main(int argc, char **argv)
{
    struct summary summary = {.store = {.port = 27017}, .printer = {.out = stdout}};
    vmtp_secrets_guard();
    signal(SIGPIPE, SIG_IGN);
    vmtp_log_set_level(VMTP_LOG_WARNING);
    int code = read_options(&summary, argc, argv);
    if (code == EXIT_FINE && summary.uri_file && summary.store.server)
        code = usage("give either --server-ip or --uri-file", summary.store.server);
    if (code == EXIT_FINE)
        code = choose_report(&summary);
    if (code != EXIT_FINE)
        return code < 0 ? (fflush(stdout) == 0 ? EXIT_FINE : EXIT_FAILED) : code;
    vmtp_ctx_init(&summary.ctx, NULL);
    int rc = report(&summary, &argv[optind]);
    if (rc < 0) {
        fprintf(stderr, "pnsdb_summary: %s\n", vmtp_ctx_error(&summary.ctx, rc));
        code = rc == VMTP_ECONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    vmtp_secret_free(summary.uri);
    vmtp_ctx_clear(&summary.ctx);
    return code;
}
