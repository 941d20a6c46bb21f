/* SPDX-License-Identifier: Apache-2.0 */
/* vmtp-genchart: result files in, a page or Markdown out. The options are those of the old program. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/results.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "plugins/sinks/html/render.h"
#include "vmtp/version.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, BROWSER_WORDS = 16 };

static const char usage_text[] =
    "Usage: vmtp-genchart [-c FILE] [-b] [-p all|tcp|udp] RESULT.json...\n"
    "       vmtp-genchart --markdown [-c FILE] RESULT.json...\n"
    "\n"
    "Makes a page with charts from results of VMTP, old or new; several results are drawn side by side.\n"
    "\n"
    "  -c, --chart FILE       write the page into FILE; without it, to standard output\n"
    "  -b, --browser          open FILE in a browser ($BROWSER, else xdg-open)\n"
    "  -p, --protocol WHICH   throughput of which protocol: all (default), tcp or udp\n"
    "      --markdown         tables for a ticket instead of a page\n"
    "  -v, --version          print the version\n"
    "  -h, --help             print this\n";

struct arguments {
    const char *chart;
    bool browser, markdown;
    struct html_options html;
    char **files;
    size_t n;
};

static int say(struct vmtp_ctx *ctx, int rc)
{
    fprintf(stderr, "vmtp-genchart: %s\n", vmtp_ctx_error(ctx, rc));
    if (rc == VMTP_ECONFIG)
        fputs("Try 'vmtp-genchart --help'.\n", stderr);
    return rc == VMTP_ECONFIG ? EXIT_USAGE : EXIT_FAILED;
}

/* --- the command line --- */

static int set_protocol(struct vmtp_ctx *ctx, struct arguments *arguments, const char *word)
{
    static const char *const words[] = {"all", "tcp", "udp"};
    static const enum vmtp_result_show shows[] = {VMTP_RESULT_ALL, VMTP_RESULT_ONLY_TCP, VMTP_RESULT_ONLY_UDP};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i]) == 0) {
            arguments->html.show = shows[i];
            return VMTP_OK;
        }
    return vmtp_fail(ctx, VMTP_ECONFIG, "--protocol takes all, tcp or udp, not \"%s\"", word);
}

/* What is done at once, such as --help, sets *done. */
static int read_options(struct vmtp_ctx *ctx, int argc, char **argv, struct arguments *arguments, bool *done)
{
    enum { MARKDOWN = 256 };
    static const struct option options[] = {
        {"chart", required_argument, NULL, 'c'},    {"browser", no_argument, NULL, 'b'},
        {"protocol", required_argument, NULL, 'p'}, {"markdown", no_argument, NULL, MARKDOWN},
        {"version", no_argument, NULL, 'v'},        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, rc = VMTP_OK;
    while (rc == VMTP_OK && !*done && (option = getopt_long(argc, argv, "c:bp:vh", options, NULL)) != -1)
        switch (option) {
        case 'c':
            arguments->chart = optarg;
            break;
        case 'b':
            arguments->browser = true;
            break;
        case 'p':
            rc = set_protocol(ctx, arguments, optarg);
            break;
        case MARKDOWN:
            arguments->markdown = true;
            break;
        case 'v':
            puts("vmtp-genchart " VMTP_VERSION);
            *done = true;
            break;
        case 'h':
            fputs(usage_text, stdout);
            *done = true;
            break;
        default:
            fputs("Try 'vmtp-genchart --help'.\n", stderr);
            exit(EXIT_USAGE);
        }
    arguments->files = argv + optind;
    arguments->n = (size_t)(argc - optind);
    return rc;
}

static int check_arguments(struct vmtp_ctx *ctx, const struct arguments *arguments)
{
    if (arguments->n == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "which results? Name at least one JSON file that vmtp --json has written");
    if (arguments->browser && (!arguments->chart || arguments->markdown))
        return vmtp_fail(ctx, VMTP_ECONFIG, "--browser opens the page that --chart FILE writes: add -c FILE%s",
                         arguments->markdown ? ", without --markdown" : "");
    if (!arguments->chart && !arguments->markdown && isatty(STDOUT_FILENO))
        return vmtp_fail(ctx, VMTP_ECONFIG, "a page is nothing for a terminal: write it into a file with -c FILE, "
                         "such as -c report.html, or send standard output elsewhere");
    return VMTP_OK;
}

/* --- writing --- */

static int render(struct vmtp_ctx *ctx, const struct arguments *arguments, json_t *const *documents, char **text,
                  size_t *len)
{
    FILE *out = open_memstream(text, len);
    if (!out)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = (arguments->markdown ? html_markdown : html_page)(out, documents, arguments->n, &arguments->html);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed || rc < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return VMTP_OK;
}

static int put_out(struct vmtp_ctx *ctx, const struct arguments *arguments, const char *text, size_t len)
{
    if (!arguments->chart)
        return vmtp_print(ctx, text, len);
    printf("Generating %s\n", arguments->chart);
    return vmtp_write_file(ctx, arguments->chart, text, len);
}

static int make_chart(struct vmtp_ctx *ctx, const struct arguments *arguments)
{
    json_t **documents = calloc(arguments->n, sizeof(json_t *));
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    int rc = documents ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; rc == VMTP_OK && i < arguments->n; i++)
        rc = vmtp_result_load(ctx, arguments->files[i], &documents[i]);
    if (rc == VMTP_OK)
        rc = render(ctx, arguments, documents, &text, &len);
    for (size_t i = 0; documents && i < arguments->n; i++)
        json_decref(documents[i]);
    free(documents);
    return rc < 0 ? rc : put_out(ctx, arguments, text, len);
}

/* --- the browser --- */

/* The first of $BROWSER (a list with colons), split at blanks; %s in it is the page. No shell looks at it. */
static void browser_command(char *browser, char *page, char *argv[BROWSER_WORDS + 2])
{
    size_t n = 0;
    bool named = false;
    char *rest = browser;
    browser[strcspn(browser, ":")] = '\0';
    for (char *word; n < BROWSER_WORDS && (word = strsep(&rest, " "));) {
        if (!*word)
            continue;
        named = named || strcmp(word, "%s") == 0;
        argv[n++] = strcmp(word, "%s") == 0 ? page : word;
    }
    if (!named)
        argv[n++] = page;
    argv[n] = NULL;
}

/* A program that fails does so soon; one that stays is the browser itself. */
static bool opened(struct vmtp_ctx *ctx, pid_t child)
{
    static const double PATIENCE = 3, PAUSE = 0.05;
    double until = vmtp_now() + PATIENCE;
    int status;
    while (waitpid(child, &status, WNOHANG) == 0)
        if (vmtp_now() > until || vmtp_wait(ctx, PAUSE) < 0)
            return true;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int open_browser(struct vmtp_ctx *ctx, const char *chart)
{
    static char xdg_open[] = "xdg-open";
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(chart), *path = expanded ? realpath(expanded, NULL) : NULL;
    VMTP_CLEAN(mem) char *page = path ? vmtp_format("file://%s", path) : NULL;
    const char *wanted = getenv("BROWSER");
    VMTP_CLEAN(mem) char *browser = strdup(wanted && *wanted && *wanted != ':' ? wanted : xdg_open);
    char *argv[BROWSER_WORDS + 2];
    if (!page || !browser)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", chart, vmtp_errno());
    browser_command(browser, page, argv);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    if (child < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", argv[0], vmtp_errno());
    if (!opened(ctx, child))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s did not open %s: set BROWSER to a program that can, or open it yourself",
                         argv[0], page);
    return VMTP_OK;
}

int main(int argc, char **argv)
{
    struct vmtp_ctx ctx;
    struct arguments arguments = {0};
    bool done = false;
    vmtp_ctx_init(&ctx, NULL);
    int rc = read_options(&ctx, argc, argv, &arguments, &done);
    if (rc == VMTP_OK && !done)
        rc = check_arguments(&ctx, &arguments);
    if (rc == VMTP_OK && !done)
        rc = make_chart(&ctx, &arguments);
    if (rc == VMTP_OK && !done && arguments.browser)
        rc = open_browser(&ctx, arguments.chart);
    if (rc == VMTP_OK && (fflush(stdout) != 0 || ferror(stdout)))
        rc = vmtp_fail(&ctx, VMTP_EFAIL, "standard output: %s", vmtp_errno());
    int code = rc < 0 ? say(&ctx, rc) : EXIT_SUCCESS;
    vmtp_ctx_clear(&ctx);
    return code;
}
