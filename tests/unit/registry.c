/* SPDX-License-Identifier: Apache-2.0 */
/* What the core makes of a plugin's descriptor: older and newer ones, and those that break a rule. */
#include "core/registry.h"

#include "core/ctx.h"
#include "tests/tap.h"

static int measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *job)
{
    (void)ctx;
    (void)state;
    (void)job;
    return VMTP_OK;
}

static struct vmtp_tool_ops good_ops(void)
{
    return (struct vmtp_tool_ops){
        .struct_size = sizeof(struct vmtp_tool_ops),
        .caps = VMTP_TOOL_TCP,
        .measure = measure,
    };
}

static struct vmtp_plugin good_plugin(const struct vmtp_tool_ops *ops)
{
    return (struct vmtp_plugin){VMTP_PLUGIN_HEAD, .name = "echo", .version = "1", .summary = "a test", .tool = ops};
}

static void refused(const struct vmtp_plugin *plugin, const char *words, const char *name)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_loaded *loaded = NULL;
    int rc = vmtp_registry_adopt(&ctx, plugin, "tool-echo.so", &loaded);
    ok(rc < 0 && !loaded, "%s: refused", name);
    contains(vmtp_ctx_error(&ctx, rc), words, name);
    contains(vmtp_ctx_error(&ctx, rc), "tool-echo.so", "naming the file");
    vmtp_loaded_free(loaded);
}

static void test_rules(void)
{
    struct vmtp_tool_ops ops = good_ops();
    struct vmtp_plugin plugin = good_plugin(&ops);
    plugin.abi = 99;
    refused(&plugin, "was built for plugin ABI 99, this VMTP has 1", "another ABI");

    plugin = good_plugin(&ops);
    plugin.struct_size = 8;
    refused(&plugin, "struct_size 8 is too small", "a size that cannot be");

    plugin = good_plugin(&ops);
    plugin.name = "Echo/../x";
    refused(&plugin, "no valid name", "a name that is no name");

    plugin = good_plugin(&ops);
    plugin.summary = NULL;
    refused(&plugin, "no summary", "no summary");

    plugin = good_plugin(NULL);
    refused(&plugin, "sets none of tool, sink and topology", "no kind");

    struct vmtp_sink_ops sink = {.struct_size = sizeof sink};
    plugin = good_plugin(&ops);
    plugin.sink = &sink;
    refused(&plugin, "sets several of tool, sink and topology", "two kinds");

    struct vmtp_tool_ops lazy = good_ops();
    lazy.measure = NULL;
    plugin = good_plugin(&lazy);
    refused(&plugin, "lacks the required function measure", "a required function is missing");

    struct vmtp_tool_ops small = good_ops();
    small.struct_size = 4;
    plugin = good_plugin(&small);
    refused(&plugin, "struct_size 4 of its tool is too small", "a vtable that cannot be");
}

/* A plugin of a newer VMTP: a longer struct, whose tail is not looked at. */
static void test_newer(void)
{
    struct {
        struct vmtp_tool_ops ops;
        void *from_the_future;
    } longer = {.ops = good_ops(), .from_the_future = &longer};
    longer.ops.struct_size = sizeof longer;
    struct {
        struct vmtp_plugin plugin;
        void *from_the_future;
    } plugin = {.plugin = good_plugin(&longer.ops), .from_the_future = &plugin};
    plugin.plugin.struct_size = sizeof plugin;

    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_loaded *loaded = NULL;
    int rc = vmtp_registry_adopt(&ctx, &plugin.plugin, "tool-echo.so", &loaded);
    is_int(rc, VMTP_OK, "a plugin of a newer VMTP is adopted");
    ok(loaded && loaded->tool.measure == measure, "its functions are ours to call");
    ok(loaded && loaded->plugin.tool == &loaded->tool, "through our copy");
    vmtp_loaded_free(loaded);
}

int main(void)
{
    test_rules();
    test_newer();
    return done_testing();
}
