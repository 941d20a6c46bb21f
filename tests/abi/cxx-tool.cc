/* SPDX-License-Identifier: Apache-2.0 */
/* A tool plugin in C++20, with every kind of option and an object behind the state: the ABI serves C++ as well. It
 * measures nothing: its throughput is what its option says, in Mbit/s. */
#include <memory>
#include <new>
#include <string>

#include "vmtp/plugin.h"

namespace
{

struct options {
    bool quick;
    std::int64_t answer;
    std::uint64_t size, rate;
    double pause;
    const char *word;
    int mood;
};

const char *const moods[] = {"calm", "lively", nullptr};

const struct vmtp_option table[] = {
    VMTP_OPTION(options, quick, BOOL, .help = "be quick", .fallback = "true"),
    VMTP_OPTION(options, answer, INT, .help = "the throughput that is reported, in Mbit/s", .fallback = "42", .min = 0,
                .max = 1000),
    VMTP_OPTION(options, size, SIZE, .help = "a size", .fallback = "64K"),
    VMTP_OPTION(options, rate, RATE, .help = "a rate", .fallback = "10M"),
    VMTP_OPTION(options, pause, SECONDS, .help = "a time", .fallback = "0.5"),
    VMTP_OPTION(options, word, STRING, .help = "a text", .fallback = "hello"),
    VMTP_OPTION(options, mood, CHOICE, .help = "a choice", .fallback = "lively", .choices = moods),
    {},
};

class tool
{
  public:
    explicit tool(const options &given) : answer(given.answer), word(given.word ? given.word : "") {}
    int measure(vmtp_ctx *ctx) const
    {
        int rc = vmtp_property(ctx, "warning", word.c_str());
        return rc < 0 ? rc : vmtp_metric(ctx, "throughput", static_cast<double>(answer) * 1e6);
    }

  private:
    std::int64_t answer;
    std::string word;
};

int tool_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    auto made = std::unique_ptr<tool>(new (std::nothrow) tool(*static_cast<const options *>(opts)));
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *state = made.release();
    return VMTP_OK;
}

int tool_measure(vmtp_ctx *ctx, void *state, const struct vmtp_job *)
{
    return static_cast<const tool *>(state)->measure(ctx);
}

void tool_close(void *state)
{
    delete static_cast<tool *>(state);
}

const struct vmtp_tool_ops ops = {
    .struct_size = sizeof(struct vmtp_tool_ops),
    .caps = VMTP_TOOL_TCP,
    .open = tool_open,
    .measure = tool_measure,
    .close = tool_close,
};

} // namespace

VMTP_PLUGIN(tool_cxx) = {
    VMTP_PLUGIN_HEAD,
    .name = "cxx",
    .version = "1.0",
    .summary = "a plugin in C++",
    .options = table,
    .option_size = sizeof table[0],
    .opts_size = sizeof(options),
    .tool = &ops,
};
