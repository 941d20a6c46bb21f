/* SPDX-License-Identifier: Apache-2.0 */
/* The json and table sinks, told by hand what a run tells them. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/str.h"
#include "tests/tap.h"
#include "tests/unit/fixture.h"
#include "tests/unit/script.h"

extern const struct vmtp_plugin sink_json_LTX_vmtp_plugin, sink_table_LTX_vmtp_plugin;

/* The option structs of the plugins, as their tables describe them. */
struct json_opts {
    const char *file;
};
struct table_opts {
    int rows, color;
    int64_t width;
};
enum { ALL, MEASURED };
enum { AUTO, ALWAYS, NEVER };

static struct vmtp_ctx ctx;
static char dir[] = "/tmp/vmtp-sinks.XXXXXX";

struct opened {
    const struct vmtp_sink_ops *ops;
    void *state;
};

static int into_sink(void *arg, const struct vmtp_event *ev)
{
    const struct opened *sink = arg;
    int rc = sink->ops->event(&ctx, sink->state, ev);
    if (rc == VMTP_OK && sink->ops->flush && (ev->type == VMTP_EV_FLOW_END || ev->type == VMTP_EV_RUN_END))
        rc = sink->ops->flush(&ctx, sink->state);
    return rc;
}

/* Plays to a sink from open to close. */
static int play(const struct vmtp_plugin *plugin, const void *opts, void (*script_of)(struct script *))
{
    struct opened sink = {.ops = plugin->sink};
    int rc = sink.ops->open(&ctx, opts, &sink.state);
    if (rc < 0)
        return rc;
    struct script script = {.tell = into_sink, .arg = &sink};
    script_of(&script);
    sink.ops->close(sink.state);
    return script.rc;
}

static char *read_back(const char *path)
{
    char *text = NULL;
    size_t len;
    if (vmtp_file_read(&ctx, path, 1 << 20, &text, &len) < 0)
        vmtp_ctx_forget(&ctx);
    return text;
}

/* --- table --- */

/* What a script prints; the caller frees it. Standard output is a file meanwhile. */
static char *printed(const struct table_opts *opts, void (*script_of)(struct script *), int *rc)
{
    char *path = vmtp_format("%s/out", dir);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int before = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    close(file);
    *rc = play(&sink_table_LTX_vmtp_plugin, opts, script_of);
    dup2(before, STDOUT_FILENO);
    close(before);
    char *text = read_back(path);
    unlink(path);
    free(path);
    return text ? text : strdup("");
}

static size_t display_width(const char *line, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)line[i] & 0xC0) != 0x80;
    return width;
}

static void table_fixture(void (*script_of)(struct script *), int rows, int64_t width, const char *file)
{
    int rc;
    const struct table_opts opts = {.rows = rows, .color = NEVER, .width = width};
    char *text = printed(&opts, script_of, &rc);
    ok(rc == VMTP_OK, "%s: printed", file);
    same_as_fixture(text, file, file);
    size_t widest = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        size_t columns = display_width(line, strcspn(line, "\n"));
        if (*line == '|' || *line == '+')
            widest = columns > widest ? columns : widest;
    }
    ok(widest <= (size_t)width, "%s: no wider than %d columns", file, (int)width);
    ok(!strchr(text, '\x1b'), "%s: no escape sequence", file);
    free(text);
}

/* Six flows of a cloud, of which one protocol was asked: all six count. */
static void script_cloud(struct script *script)
{
    static const char *const scenarios[] = {"1", "3", "5", "2", "4", "6"};
    script->topology = "fixed-ip";
    script->tool = "nuttcp";
    script_run_begin(script, "T");
    for (size_t i = 0; i < 6; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        script_flow_begin(script, id, scenarios[i], "VM to VM", "192.168.1.7", "192.168.1.4");
        script_tcp(script, "1/1", 9.41e9, 0, 0.0004);
        script_flow_end(script, "passed");
    }
    script_flow_begin(script, "up", "8", "External-VM", "192.0.2.1", "192.168.1.4");
    TELL(script, FAILURE, LOAD(.proto = VMTP_TCP, .message_bytes = 65536), .status = VMTP_EREMOTE, .error = "refused");
    TELL(script, RESULT, LOAD(.proto = VMTP_TCP, .message_bytes = 65536, .reverse = 1),
         VALUES({"throughput", "bit/s", 1e9}));
    script_pings(script, 64, 10, 10);
    script_flow_end(script, "failed");
    script_run_end(script, "failed");
}

/* Words from far away, wide characters, and a topology that nobody knows. */
static void script_foreign(struct script *script)
{
    script->topology = "moon";
    script->tool = "laser";
    script_run_begin(script, "T");
    script_flow_begin(script, "m", "moon \xe6\x9c\x88", "M\xc3\xbcnchen \x1b]0;x\x07 \xe2\x80\xae" "evil", "10.0.0.1",
                      "10.0.0.2");
    script_tcp(script, "1/1", 1e6, 1, 1.3);
    TELL(script, FAILURE, .status = VMTP_EFAIL,
         .error = "averyveryveryveryveryveryveryveryveryveryverylongwordwithoutanyblank "
                  "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
    script_flow_end(script, "failed");
    script_run_end(script, "failed");
}

static void script_setup(struct script *script)
{
    script_run_begin(script, "T");
    TELL(script, FAILURE, .status = VMTP_EUNREACH, .error = "root@10.0.0.1:\nwrong password");
    script_run_end(script, "failed");
}

static void script_cut_off(struct script *script)
{
    script_run_begin(script, "TI");
    script_flow_begin(script, "n", "9", "Namespaces", "10.0.0.1", "10.0.0.2");
    script_pings(script, 64, 10, 10);
    script->flow = NULL;
    script_run_end(script, "incomplete");
}

static void test_table(void)
{
    table_fixture(script_native, ALL, 80, "table/native-80.txt");
    table_fixture(script_native, MEASURED, 120, "table/native-120.txt");
    table_fixture(script_trouble, MEASURED, 80, "table/trouble-80.txt");
    table_fixture(script_trouble, ALL, 120, "table/trouble-120.txt");
    table_fixture(script_cloud, ALL, 120, "table/cloud-120.txt");
    table_fixture(script_foreign, MEASURED, 80, "table/foreign-80.txt");
    table_fixture(script_cut_off, MEASURED, 80, "table/cut-off-80.txt");
}

static void test_table_words(void)
{
    int rc;
    const struct table_opts opts = {.rows = MEASURED, .color = NEVER, .width = 200};
    char *text = printed(&opts, script_cloud, &rc);
    contains(text, "Total Scenarios:   30\nPassed Scenarios:  7 [87.50%]\nFailed Scenarios:  1 [12.50%]\n"
                   "Skipped Scenarios: 22\n", "every row is counted, the first one too");
    contains(text, "VM to Host Uploading                            | FAILED",
             "pings that went well do not hide an upload that failed");
    contains(text, "VM to Host Downloading                          | PASSED",
             "... and the download is told by itself");
    free(text);

    text = printed(&opts, script_setup, &rc);
    contains(text, "Passed Scenarios:  0 [0.00%]\nFailed Scenarios:  0 [0.00%]", "nothing of nothing is 0 %");
    contains(text, "Error: root@10.0.0.1: wrong password\nFAILED: the run did not get through", "why there is nothing");
    free(text);

    text = printed(&opts, script_native, &rc);
    contains(text, "10.0.0.1, TCP ", "the intra-host flow has its rows");
    contains(text, "10.0.0.2 to 10.0.0.1, TCP ", "... beside those of the inter-host flow");
    contains(text, "loss 6.10 %, jitter 0.012 ms, loss outside 2-5 %", "a flag in words");
    contains(text, "3 of 10 lost", "lost pings are shown");
    free(text);
}

static void test_table_color(void)
{
    int rc;
    struct table_opts opts = {.rows = ALL, .color = ALWAYS, .width = 200};
    char *text = printed(&opts, script_cloud, &rc);
    contains(text, "| \033[91mFAILED\033[0m            |", "FAILED is red, the column stays as wide");
    contains(text, "| \033[92mPASSED\033[0m            |", "PASSED is green");
    contains(text, "| SKIPPED           |", "SKIPPED is plain");
    free(text);
    opts.color = AUTO;
    text = printed(&opts, script_cloud, &rc);
    ok(!strchr(text, '\x1b'), "auto: no colour in a file");
    free(text);

    setenv("COLUMNS", "60", 1);
    opts = (struct table_opts){.rows = MEASURED, .color = NEVER};
    text = printed(&opts, script_native, &rc);
    ok(strcspn(strchr(text, '+'), "\n") <= 60, "COLUMNS of the environment");
    free(text);
    setenv("COLUMNS", "1", 1);
    text = printed(&opts, script_native, &rc);
    ok(rc == VMTP_OK && strstr(text, "PASSED"), "a terminal that is too narrow for any table");
    free(text);
    unsetenv("COLUMNS");
}

static void test_table_errors(void)
{
    const struct table_opts opts = {.width = 80};
    int before = dup(STDOUT_FILENO), ends[2];
    fflush(stdout);
    if (pipe(ends) < 0)
        return;
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    int rc = play(&sink_table_LTX_vmtp_plugin, &opts, script_native);
    int full = open("/dev/full", O_WRONLY);
    if (full >= 0)
        dup2(full, STDOUT_FILENO);
    int rc_full = play(&sink_table_LTX_vmtp_plugin, &opts, script_native);
    dup2(before, STDOUT_FILENO);
    close(before);
    ok(rc == VMTP_EFAIL, "a reader that has gone is an error of the sink, not the end of the program");
    contains(vmtp_ctx_error(&ctx, rc), "standard output", "... in words");
    if (full >= 0) {
        ok(rc_full == VMTP_EFAIL, "a full disk is an error of the sink");
        close(full);
    } else {
        skip(1, "/dev/full is not there");
    }
    vmtp_ctx_forget(&ctx);
}

/* --- json --- */

static void test_json_file(void)
{
    char *path = vmtp_format("%s/out.json", dir), *link = vmtp_format("%s/link.json", dir);
    struct json_opts opts = {.file = path};
    struct opened sink = {.ops = sink_json_LTX_vmtp_plugin.sink};
    ok(sink.ops->open(&ctx, &opts, &sink.state) == VMTP_OK && access(path, F_OK) < 0, "open makes no file");
    sink.ops->close(sink.state);

    ok(play(&sink_json_LTX_vmtp_plugin, &opts, script_native) == VMTP_OK, "a run");
    char *text = read_back(path);
    same_as_fixture(text, "report/native.json", "the file is the document");
    free(text);

    ok(sink.ops->open(&ctx, &opts, &sink.state) == VMTP_OK, "the same file again");
    text = read_back(path);
    ok(text && strlen(text) > 1000, "the old results stay until there are new ones");
    free(text);
    struct script script = {.tell = into_sink, .arg = &sink};
    script_run_begin(&script, "T");
    script_flow_begin(&script, "f", "7", "Native", "a", "b");
    script_tcp(&script, "1/1", 1e9, 0, 0);
    script_flow_end(&script, "passed");
    text = read_back(path);
    contains(text, "\"status\": \"running\"", "after a flow the results so far are in the file");
    contains(text, "\"throughput_kbps\": 1000000", "... with its numbers");
    free(text);
    sink.ops->close(sink.state);

    opts.file = link;
    ok(symlink("out.json", link) == 0 && play(&sink_json_LTX_vmtp_plugin, &opts, script_trouble) == VMTP_OK, "a link");
    struct stat st;
    ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "... stays a link");
    text = read_back(path);
    same_as_fixture(text, "report/trouble.json", "... and its target is written");
    free(text);
    unlink(link);
    unlink(path);
    free(link);
    free(path);
}

static void refused(const char *file, const char *words, const char *name)
{
    const struct json_opts opts = {.file = file};
    void *state = NULL;
    int rc = sink_json_LTX_vmtp_plugin.sink->open(&ctx, &opts, &state);
    ok(rc < 0 && !state, "%s is refused at once", name);
    contains(vmtp_ctx_error(&ctx, rc), words, "... in words");
    vmtp_ctx_forget(&ctx);
}

static void test_json_refused(void)
{
    char *missing = vmtp_format("%s/none/out.json", dir);
    refused(missing, "none/out.json", "a directory that is not there");
    refused(dir, "is a directory", "a directory");
    refused("", "empty", "no name");
    refused("/proc/version/x", "/proc/version/x", "a directory that is a file");
    free(missing);
    const struct json_opts full = {.file = "/dev/full"};
    if (access("/dev/full", W_OK) < 0) {
        skip(1, "/dev/full is not there");
        return;
    }
    ok(play(&sink_json_LTX_vmtp_plugin, &full, script_native) == VMTP_EFAIL, "a full disk is an error of the sink");
    vmtp_ctx_forget(&ctx);
}

/* A pipe gets one document, not one per flow. */
static void test_json_pipe(void)
{
    int ends[2];
    if (pipe(ends) < 0)
        return;
    (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    char *path = vmtp_format("/dev/fd/%d", ends[1]);
    const struct json_opts opts = {.file = path};
    ok(play(&sink_json_LTX_vmtp_plugin, &opts, script_native) == VMTP_OK, "a pipe");
    close(ends[1]);
    static char text[1 << 18];
    size_t len = 0;
    for (ssize_t n; len < sizeof text - 1 && (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    same_as_fixture(text, "report/native.json", "... gets one document");
    close(ends[0]);
    free(path);
}

int main(void)
{
    vmtp_ctx_init(&ctx, NULL);
    if (!mkdtemp(dir))
        return 99;
    unsetenv("COLUMNS");
    test_table();
    test_table_words();
    test_table_color();
    test_table_errors();
    test_json_file();
    test_json_refused();
    test_json_pipe();
    rmdir(dir);
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
