/* SPDX-License-Identifier: Apache-2.0 */
/* The help and the manual against the table of options. */
#include <stdlib.h>
#include <unistd.h>

#include "core/cli.h"
#include "core/ctx.h"
#include "core/registry.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

static char *help_about(enum vmtp_command about)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct vmtp_cli cli = {.command = VMTP_CMD_HELP, .topic = about};
    vmtp_cli_help(out, &cli);
    fclose(out);
    return text;
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    while (*text) {
        size_t n = strcspn(text, "\n");
        longest = n > longest ? n : longest;
        text += n + (text[n] != '\0');
    }
    return longest;
}

static void test_help(void)
{
    VMTP_CLEAN(mem) char *help = help_about(VMTP_CMD_RUN);
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
        if (!(option->commands & 1u << VMTP_CMD_RUN))
            continue;
        VMTP_CLEAN(mem) char *entry =
            vmtp_format("%s%s%s--%s%s%s%s%s\n", option->brief ? "  -" : "      ", option->brief ? option->brief : "",
                        option->brief ? ", " : "", option->name, option->alias ? ", --" : "",
                        option->alias ? option->alias : "", option->arg ? " " : "", option->arg ? option->arg : "");
        entry[strlen(entry) - 1] = '\0';
        contains(help, entry, entry);
    }
    is_int(longest_line(help) <= 80, 1, "no line is wider than a terminal");
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)); i++)
        contains(help, command->help, command->help);
    contains(help, "Exit codes:", "exit codes are told");
    contains(help, "vmtp plugin show NAME", "so is where a plugin's options are");
    VMTP_CLEAN(mem) char *replay = help_about(VMTP_CMD_REPLAY);
    contains(replay, "vmtp replay JOURNAL|RUN|last", "help of a command: its usage");
    contains(replay, "--sink", "its options");
    ok(!strstr(replay, "--password") && !strstr(replay, "OpenStack"), "and no others");
}

/* The file is no program at all: a help that loaded plugins would not name it. */
static void test_plugins(void)
{
    char directory[] = "/tmp/vmtp-cli-help.XXXXXX";
    if (!mkdtemp(directory)) {
        ok(false, "a directory in /tmp");
        return;
    }
    VMTP_CLEAN(mem) char *file = vmtp_format("%s/tool-abacus.so", directory);
    FILE *made = fopen(file, "w");
    ok(made && fclose(made) == 0, "a file with the name of a plugin");
    is_int(vmtp_registry_set_path(directory), VMTP_OK, "in the search path");
    VMTP_CLEAN(mem) char *help = help_about(VMTP_CMD_RUN);
    contains(help, " abacus", "is named by the help, which does not load it");
    unlink(file);
    rmdir(directory);
}

static void test_manual(void)
{
    const char *manual = DOCS "/man/vmtp.1.pod";
    struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(mem) char *page = NULL;
    size_t len = 0;
    int rc = vmtp_file_read(&ctx, manual, 1 << 20, &page, &len);
    is_int(rc, VMTP_OK, manual);
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
        VMTP_CLEAN(mem) char *brief = option->brief ? vmtp_format("B<-%s>, ", option->brief) : strdup("");
        VMTP_CLEAN(mem) char *alias = option->alias ? vmtp_format(", B<--%s>", option->alias) : strdup("");
        VMTP_CLEAN(mem) char *item = vmtp_format("\n=item %sB<--%s>%s%s%s\n\n", brief, option->name, alias,
                                                 option->arg ? " " : "", option->arg ? option->arg : "");
        contains(page, item, option->name);
    }
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)); i++) {
        VMTP_CLEAN(mem) char *words = vmtp_format("B<vmtp %s%s%s>", command->word, command->sub ? " " : "",
                                                  command->sub ? command->sub : "");
        contains(page, words, words);
    }
    vmtp_ctx_clear(&ctx);
}

int main(void)
{
    test_help();
    test_plugins();
    test_manual();
    return done_testing();
}
