/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cli.h"

#include <string.h>

#include "core/gate.h"
#include "core/keys.h"
#include "core/registry.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { WIDTH = 79, TEXT_COLUMN = 30, LEFT_MAX = 256 };

/* Prints words from `column` on, broken before the right margin; the cursor stands at column `at`. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t at)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        bool first = at <= column;
        if (!first && at + 1 + n > WIDTH) {
            fputc('\n', out);
            at = 0;
            first = true;
        }
        if (at < column)
            fprintf(out, "%*s", (int)(column - at), "");
        else if (!first)
            fputc(' ', out);
        fwrite(p, 1, n, out);
        at = (at < column ? column : at + !first) + n;
        p += n + (p[n] == ' ');
    }
    fputc('\n', out);
}

/* What stands left, then the text in its column; on the next line when there is no room. */
static void print_entry(FILE *out, const char *left, const char *text)
{
    size_t at = strlen(left);
    fputs(left, out);
    if (at + 2 > TEXT_COLUMN) {
        fputc('\n', out);
        at = 0;
    }
    print_wrapped(out, text, TEXT_COLUMN, at);
}

static void print_option(FILE *out, const struct vmtp_cli_option *option)
{
    VMTP_CLEAN(buf) struct vmtp_buf left = VMTP_BUF(LEFT_MAX);
    if (option->brief)
        (void)vmtp_buf_printf(&left, "  -%s, --%s", option->brief, option->name);
    else
        (void)vmtp_buf_printf(&left, "      --%s", option->name);
    if (option->alias)
        (void)vmtp_buf_printf(&left, ", --%s", option->alias);
    if (option->arg)
        (void)vmtp_buf_printf(&left, " %s", option->arg);
    const struct vmtp_key *key = option->key ? vmtp_key_find(option->key) : NULL;
    const bool later = key && key->flags & VMTP_KEY_LATER;
    VMTP_CLEAN(mem) char *marked = later ? vmtp_format("%s; not in this version: refused", option->help) : NULL;
    print_entry(out, vmtp_buf_text(&left), marked ? marked : option->help);
}

static void print_options(FILE *out, enum vmtp_command command)
{
    static const char *const titles[] = {
        [VMTP_CLI_WHAT] = "What to measure",
        [VMTP_CLI_HOW] = "How to measure",
        [VMTP_CLI_RESULTS] = "Where results go",
        [VMTP_CLI_CONFIGURATION] = "Configuration",
        [VMTP_CLI_OPENSTACK] = "OpenStack (each is refused by name when no installed plugin serves it)",
        [VMTP_CLI_OTHER] = "Other",
    };
    for (size_t group = 0; group < VMTP_CLI_GROUPS; group++) {
        bool titled = false;
        const struct vmtp_cli_option *option;
        for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
            if (option->group != group || !(option->commands & 1u << command))
                continue;
            if (!titled)
                fprintf(out, "\n%s:\n", titles[group]);
            titled = true;
            print_option(out, option);
        }
    }
}

/* "vmtp plugin show NAME" */
static void add_usage(struct vmtp_buf *line, const struct vmtp_cli_command *command)
{
    (void)vmtp_buf_printf(line, command->command == VMTP_CMD_RUN ? "vmtp [%s]" : "vmtp %s", command->word);
    if (command->sub)
        (void)vmtp_buf_printf(line, " %s", command->sub);
    if (command->operand)
        (void)vmtp_buf_printf(line, command->least ? " %s" : " [%s]", command->operand);
    (void)vmtp_buf_text_add(line, " [OPTION]...");
}

static void print_usage(FILE *out, const char *word)
{
    const char *head = "Usage: ";
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)); i++) {
        if (word && strcmp(word, command->word) != 0)
            continue;
        VMTP_CLEAN(buf) struct vmtp_buf line = VMTP_BUF(LEFT_MAX);
        (void)vmtp_buf_text_add(&line, head);
        add_usage(&line, command);
        fprintf(out, "%s\n", vmtp_buf_text(&line));
        print_wrapped(out, command->help, 11, 0);
        head = "       ";
    }
}

static void print_examples(FILE *out)
{
    fputs("\nExamples:\n"
          "  vmtp --topology namespace -t 2\n"
          "      try it here: between two network namespaces of this machine\n"
          "  vmtp --host root@192.0.2.1 --host root@192.0.2.2 --json result.json\n"
          "      between two hosts that are reached by SSH; the first one is the server\n"
          "  vmtp --host root@192.0.2.1 --host root@192.0.2.2 --protocols T -t 30\n"
          "      TCP only, 30 s each\n"
          "  vmtp --ask-password --host root@192.0.2.1 --host root@192.0.2.2\n"
          "      with passwords; other ways that show them to nobody: man vmtp, SECRETS\n"
          "  vmtp plan --host root@192.0.2.1 --host root@192.0.2.2\n"
          "      what that would do\n"
          "  vmtp replay last --json again.json\n"
          "      the outputs of the last run once more\n"
          "  vmtp -sc > vmtp.cfg; vmtp -c vmtp.cfg\n"
          "      keep the settings in a file\n",
          out);
}

static void print_plugins(FILE *out)
{
    static const char *const titles[VMTP_KINDS] = {
        [VMTP_KIND_TOOL] = "  tools", [VMTP_KIND_SINK] = "  sinks", [VMTP_KIND_TOPOLOGY] = "  topologies"};
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    if (vmtp_registry_candidates(&candidates, &n) < 0)
        return;
    fputs("\nPlugins (`vmtp plugin show NAME` prints the options of one):\n", out);
    for (size_t kind = 0; kind < VMTP_KINDS; kind++) {
        VMTP_CLEAN(buf) struct vmtp_buf names = VMTP_BUF(4096);
        for (size_t i = 0; i < n; i++)
            if (candidates[i].kind == kind)
                (void)vmtp_buf_printf(&names, "%s%s", names.len ? " " : "", candidates[i].name);
        print_entry(out, titles[kind], names.len ? vmtp_buf_text(&names) : "none");
    }
    vmtp_candidates_free(candidates, n);
}

static void print_exit_codes(FILE *out)
{
    static const struct {
        const char *code, *meaning;
    } codes[] = {
        {"  0", "everything that was measured passed"},
        {"  1", "something failed, or the run could not be set up"},
        {"  2", "an option or a configuration file is wrong, or there is nothing to measure"},
        {"  3", "an output could not be written"},
        {"  4", "something that VMTP made could not be removed"},
        {"  5", "no host for placement"},
        {"  130", "interrupted"},
    };
    fputs("\nExit codes:\n", out);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        fputs(codes[i].code, out);
        print_wrapped(out, codes[i].meaning, 7, strlen(codes[i].code));
    }
}

static void print_program(FILE *out)
{
    fputs("VMTP measures the data path between hosts: TCP and UDP throughput, loss and\n"
          "round-trip times, with the tools, places and outputs that its plugins bring.\n\n",
          out);
    print_usage(out, NULL);
    fputs("\nLong options may be abbreviated, '-' and '_' in them are equal, and a value\n"
          "follows as the next word or behind '='.\n",
          out);
    print_options(out, VMTP_CMD_RUN);
    print_examples(out);
    print_plugins(out);
    print_exit_codes(out);
    fputs("\nThe manual: man vmtp, man vmtp.yaml\n", out);
}

static void print_gates(FILE *out)
{
    fprintf(out,
            "\nGates (--fail-if EXPR):\n%s"
            "\nExamples:\n"
            "  vmtp compare before.json after.json --fail-if 'tcp.throughput < -5%%'\n"
            "      fails when TCP has surely lost more than 5 %%\n"
            "  --fail-if 'udp[1024].throughput.mean < -10%%' --fail-if 'udp.loss.mean > +1pp'\n"
            "      by the means: UDP is measured once, which is no sample\n"
            "  --fail-if 'icmp.rtt > +20%% in same network' --fail-if any.failed\n"
            "      pings in some flows only; whatever was measured and now fails\n"
            "  --format table --format junit:compare.xml\n"
            "      to read, and for the CI system\n"
            "\nExit codes:\n"
            "  0    no gate failed\n"
            "  1    a gate failed\n"
            "  2    an option is wrong, or a file is no result\n"
            "  3    an output could not be written\n",
            vmtp_gate_grammar);
}

void vmtp_cli_help(FILE *out, const struct vmtp_cli *cli)
{
    if (cli->topic == VMTP_CMD_RUN) {
        print_program(out);
        return;
    }
    const struct vmtp_cli_command *command;
    for (size_t i = 0; (command = vmtp_cli_command_at(i)); i++) {
        if (command->command != cli->topic)
            continue;
        print_usage(out, command->word);
        print_options(out, command->command);
    }
    if (cli->topic == VMTP_CMD_COMPARE)
        print_gates(out);
}
