/* SPDX-License-Identifier: Apache-2.0 */
#include "core/options.h"

#include <stdlib.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "tests/tap.h"

struct opts {
    bool fast;
    int64_t port;
    uint64_t window, rate;
    double pause;
    const char *path, *uri, *token;
    int mode;
};

static const char *const modes[] = {"quiet", "loud", NULL};
static const struct vmtp_option options[] = {
    VMTP_OPTION(struct opts, fast, BOOL, .help = "Does it fast."),
    VMTP_OPTION(struct opts, port, INT, .help = "The port.", .fallback = "5001", .min = 1, .max = 65535),
    VMTP_OPTION(struct opts, window, SIZE, .help = "The window."),
    VMTP_OPTION(struct opts, rate, RATE, .help = "The rate.", .fallback = "10M", .min = 1000, .max = INT64_MAX),
    VMTP_OPTION(struct opts, pause, SECONDS, .help = "The pause.", .fallback = "200ms", .min = 0, .max = 10),
    VMTP_OPTION(struct opts, path, STRING, .help = "The path.", .fallback = "a path"),
    VMTP_OPTION(struct opts, uri, STRING, .help = "The server.", .flags = VMTP_OPT_REQUIRED),
    VMTP_OPTION(struct opts, token, STRING, .help = "The token.", .flags = VMTP_OPT_SECRET),
    VMTP_OPTION(struct opts, mode, CHOICE, .help = "The mode.", .fallback = "loud", .choices = modes),
    {.name = NULL},
};
static const struct vmtp_plugin plugin = {
    VMTP_PLUGIN_HEAD,      .name = "toy",
    .version = "1",        .summary = "a toy",
    .options = options,    .option_size = sizeof options[0],
    .opts_size = sizeof(struct opts),
};

/* Fills from a YAML map and a spec, either may be NULL. The maps are kept in keep[], which the caller frees. */
static int fill(struct vmtp_ctx *ctx, const char *yaml, const char *spec, struct vmtp_node *keep[2], struct opts **opts)
{
    void *filled = NULL;
    int rc = VMTP_OK;
    keep[0] = keep[1] = NULL;
    if (yaml)
        rc = vmtp_config_parse(ctx, yaml, strlen(yaml), "f", &keep[0]);
    if (rc == VMTP_OK && spec)
        rc = vmtp_spec_options(ctx, spec, "--toy", &plugin, &keep[1]);
    if (rc == VMTP_OK)
        rc = vmtp_options_fill(ctx, &plugin, (const struct vmtp_node *const *)keep, 2, &filled);
    *opts = filled;
    return rc;
}

static void test_fill(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_node *keep[2];
    struct opts *o;
    int rc = fill(&ctx, "uri: x\nwindow: 64K\npause: 1\nmode: quiet\n", "toy:pause=2s,fast,token=t,port=7", keep, &o);
    if (ok(rc == VMTP_OK && o, "filled from a file and a command line")) {
        ok(o->fast, "a bare flag");
        is_int(o->port, 7, "a number");
        is_int((long long)o->window, 64000, "a size");
        is_int((long long)o->rate, 10000000, "a default in its unit");
        is_number(o->pause, 2, "the later map wins");
        is(o->path, "a path", "a text's default");
        is(o->uri, "x", "a text");
        is(o->token, "t", "a secret");
        is_int(o->mode, 0, "a choice");
    } else {
        printf("# %s\n", vmtp_ctx_error(&ctx, rc));
    }
    free(o);
    vmtp_node_free(keep[0]);
    vmtp_node_free(keep[1]);

    rc = fill(&ctx, "uri: x\nport: 9\nmode: ~\npath: ''\n", "toy:", keep, &o);
    if (ok(rc == VMTP_OK && o, "filled with nulls")) {
        is_int(o->mode, 1, "null is the default");
        is(o->path, "", "an empty text is not");
    }
    free(o);
    vmtp_node_free(keep[0]);
    vmtp_node_free(keep[1]);
}

static void test_errors(void)
{
    static const struct {
        const char *yaml, *spec, *error;
    } cases[] = {
        {"uri: x\nprot: 1\n", NULL, "f:2:1: toy: unknown option 'prot': did you mean 'port'?"},
        {"uri: x\nzzzzzz: 1\n", NULL, "f:2:1: toy: unknown option 'zzzzzz' (`vmtp plugin show toy` lists them)"},
        {"uri: x\nport: 0\n", NULL, "f:2:7: toy: port: '0' is out of range: 1 to 65535"},
        {"uri: x\nport: [1]\n", NULL, "f:2:7: toy: port: a list where one value is expected"},
        {"uri: x\nport: 5.5\n", NULL, "f:2:7: toy: port: '5.5' is not a whole number"},
        {"uri: x\nfast: maybe\n", NULL, "f:2:7: toy: fast: 'maybe' is neither true nor false"},
        {"uri: x\nwindow: -1\n", NULL, "f:2:9: toy: window: '-1' is not a size such as 64K"},
        {"uri: x\nrate: 999\n", NULL, "f:2:7: toy: rate: '999' is out of range: at least 1000 bit/s"},
        {"uri: x\npause: 1m\n", NULL, "f:2:8: toy: pause: '1m' is out of range: 0 to 10 s"},
        {"uri: x\nmode: noisy\n", NULL, "f:2:7: toy: mode: 'noisy' is none of quiet, loud"},
        {"port: 1\n", NULL, "toy: option 'uri' is required (The server.)"},
        {"uri: ''\n", NULL, "toy: option 'uri' is required (The server.)"},
        {NULL, "toy:port=x,uri=u", "--toy: toy: port: 'x' is not a whole number"},
        {NULL, "toy:port", "--toy: toy: option 'port' needs a value, port=NUMBER"},
        {NULL, "toy:mode", "--toy: toy: option 'mode' needs a value, mode=CHOICE"},
        {NULL, "toy:pors=1", "--toy: toy: unknown option 'pors': did you mean 'port'?"},
        {NULL, "toy:port=1,pors=2", "--toy: toy: unknown option 'pors': did you mean 'port'?"},
        {NULL, "toy:port=1,port=2", "--toy: toy: option 'port' is given twice"},
        {NULL, "toy:fast=", "--toy: toy: fast: '' is neither true nor false"},
        {NULL, "toy:port=1,", "--toy: nothing follows the last comma"},
        {NULL, "toy:=1", "--toy: toy: unknown option '' (`vmtp plugin show toy` lists them)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_node *keep[2];
        struct opts *o;
        int rc = fill(&ctx, cases[i].yaml, cases[i].spec, keep, &o);
        ok(rc == VMTP_ECONFIG && !o, "%s", cases[i].error);
        is(vmtp_ctx_error(&ctx, rc), cases[i].error, "its words");
        free(o);
        vmtp_node_free(keep[0]);
        vmtp_node_free(keep[1]);
    }
}

static void test_commas(void)
{
    static const struct {
        const char *spec, *uri, *path;
    } cases[] = {
        {"toy:uri=mongodb://a,b,c/db,path=p", "mongodb://a,b,c/db", "p"},
        {"toy:uri=a\\,path=p", "a,path=p", "a path"},
        {"toy:uri=a\\\\,path=p", "a\\", "p"},
        {"toy:uri=a\\nb", "a\\nb", "a path"},
        {"toy:path=,uri=u", "u", ""},
        {"toy:uri=x,pors=1", "x,pors=1", "a path"}, /* only a declared name ends a text */
        {"toy:uri=x=y,z=w,path=p", "x=y,z=w", "p"},
        {"toy:fast,uri=u", "u", "a path"},
        {"toy:uri=u,fast", "u,fast", "a path"},
        {"toy:uri=u,PATH=q", "u", "q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_node *keep[2];
        struct opts *o;
        if (ok(fill(&ctx, NULL, cases[i].spec, keep, &o) == VMTP_OK && o, "%s", cases[i].spec)) {
            is(o->uri, cases[i].uri, "uri");
            is(o->path, cases[i].path, "path");
        }
        free(o);
        vmtp_node_free(keep[0]);
        vmtp_node_free(keep[1]);
    }
}

static void test_names(void)
{
    static const struct {
        const char *spec, *name;
    } cases[] = {
        {"nuttcp", "nuttcp"}, {"IPERF:port=1", "iperf"}, {"./X/tool-a.so:p=1", "./X/tool-a.so"}, {"a_b-9", "a_b-9"},
        {"", NULL},           {":port=1", NULL},         {"a b", NULL},                          {"nuttcp,x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(mem) char *name = NULL;
        int rc = vmtp_spec_name(&ctx, cases[i].spec, "--tp-tool", &name);
        is_int(rc, cases[i].name ? VMTP_OK : VMTP_ECONFIG, cases[i].spec);
        is(name, cases[i].name, "the name");
    }
}

static void test_secret(void)
{
    static const struct vmtp_option pin = {
        .name = "pin", .type = VMTP_OPT_INT, .size = 8, .help = "The pin.", .flags = VMTP_OPT_SECRET, .max = 9999};
    char why[VMTP_OPTION_WHY];
    int64_t n;
    ok(!vmtp_option_store(&pin, "12345", &n, why), "a secret that is out of range");
    is(why, "the value is out of range: 0 to 9999", "is not repeated");
}

static int rejects_called;
static int rejects(vmtp_ctx *ctx, const void *opts)
{
    (void)opts;
    rejects_called++;
    return vmtp_fail(ctx, VMTP_ECONFIG, "two options contradict each other");
}

static void test_check(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_plugin strict = {VMTP_PLUGIN_HEAD, .name = "strict", .check = rejects};
    void *opts = &strict;
    is_int(vmtp_options_fill(&ctx, &strict, NULL, 0, &opts), VMTP_ECONFIG, "the plugin's own check decides");
    is_int(rejects_called, 1, "and was asked once");
    ok(!opts, "nothing is left");
    strict.check = NULL;
    ok(vmtp_options_fill(&ctx, &strict, NULL, 0, &opts) == VMTP_OK && !opts, "no options, no struct");
}

static void verify(struct vmtp_option option, const char *error)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_option table[3] = {options[1], option, {.name = NULL}};
    struct vmtp_plugin bad = plugin;
    bad.options = table;
    int rc = vmtp_options_verify(&ctx, &bad);
    is_int(rc, error ? VMTP_EFAIL : VMTP_OK, error ? error : "a good option");
    is(vmtp_ctx_error(&ctx, rc), error ? error : "no error", "its words");
}

static void test_verify(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    is_int(vmtp_options_verify(&ctx, &plugin), VMTP_OK, "the table of this test is a good one");
    verify(options[3], NULL);
    struct vmtp_option o = options[3];
    o.name = "Rate";
    verify(o, "option Rate: its name is not made of lower case letters, digits and '_'");
    o = options[3], o.help = NULL;
    verify(o, "option rate: it has no help");
    o = options[3], o.type = 99;
    verify(o, "option rate: its type is unknown");
    o = options[3], o.size = 4;
    verify(o, "option rate: the size of its field is not that of its type");
    o = options[3], o.offset = sizeof(struct opts);
    verify(o, "option rate: its field is outside of the option struct");
    o = options[3], o.offset = UINT32_MAX - 7;
    verify(o, "option rate: its field is outside of the option struct");
    o = options[3], o.offset += 4;
    verify(o, "option rate: its field is not aligned");
    o = options[3], o.min = 5, o.max = 4;
    verify(o, "option rate: its minimum is above its maximum");
    o = options[8], o.choices = NULL;
    verify(o, "option mode: it has no choices");
    o = options[8], o.fallback = "noisy";
    verify(o, "option mode: 'noisy' is none of quiet, loud");
    o = options[6], o.fallback = "x";
    verify(o, "option uri: it is required and has a default");
    verify(options[1], "option port: it is there twice");
    o = options[1], o.name = "other";
    verify(o, "option other: it shares its field with port");
    struct vmtp_plugin bad = plugin;
    bad.option_size = 8;
    is_int(vmtp_options_verify(&ctx, &bad), VMTP_EFAIL, "a stride that is too small");
}

static void test_print(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    vmtp_options_print(out, &plugin);
    fclose(out);
    contains(text, "  port=NUMBER, 1 to 65535, default 5001\n      The port.\n", "type, range, default, help");
    contains(text, "  rate=RATE, at least 1000 bit/s, default 10M\n", "a range with a unit and one end");
    contains(text, "  uri=TEXT, required\n", "required");
    contains(text, "  token=TEXT, secret\n", "secret");
    contains(text, "  mode=quiet|loud, default loud\n", "choices");
    contains(text, "  fast=yes|no\n", "a flag");
    free(text);
}

int main(void)
{
    test_fill();
    test_errors();
    test_commas();
    test_names();
    test_secret();
    test_check();
    test_verify();
    test_print();
    return done_testing();
}
