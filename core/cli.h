/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: argv to a command and a tree of configuration keys, and the help text. One table of options. */
#ifndef CORE_CLI_H
#define CORE_CLI_H

#include <stdio.h>

#include "core/config.h"

enum vmtp_command {
    VMTP_CMD_RUN,
    VMTP_CMD_PLAN,
    VMTP_CMD_REPLAY,       /* operand: a path, a run's id or its first characters, "last" */
    VMTP_CMD_PLUGIN_LIST,
    VMTP_CMD_PLUGIN_SHOW,  /* operand: the name of a plugin */
    VMTP_CMD_PLUGIN_CHECK, /* operand: a file, or the name of a plugin */
    VMTP_CMD_PLUGIN_NEW,   /* operands: kind, name, directory */
    VMTP_CMD_CONFIG_SHOW,
    VMTP_CMD_CONFIG_CHECK, /* config_file is the operand, too */
    VMTP_CMD_CLEANUP,      /* operand: as of REPLAY, or none with VMTP_CLI_ALL */
    VMTP_CMD_COMPARE,      /* operands: two results */
    VMTP_CMD_SHOW_CONFIG,  /* -sc: print the default file */
    VMTP_CMD_HELP,         /* about `topic` */
    VMTP_CMD_VERSION,
};

/* What an option that belongs to a command alone switches on. */
enum vmtp_cli_switches { VMTP_CLI_ALL = 1 << 0, VMTP_CLI_DRY_RUN = 1 << 1, VMTP_CLI_STRICT = 1 << 2 };

/* Start it as {0}. */
struct vmtp_cli {
    enum vmtp_command command;
    enum vmtp_command topic; /* of HELP; RUN: the whole program */
    struct vmtp_node *tree;  /* MAP of configuration keys; a value's source is the option as the user wrote it */
    struct vmtp_node *own;   /* MAP of options that are no configuration, by name: lists */
    char *config_file;       /* -c; NULL: none */
    unsigned switches;       /* enum vmtp_cli_switches */
    char **operands;         /* what stands behind the command */
    size_t n_operands;
    char *args; /* the command line as one line for the result, quoted for a shell, secrets masked */
};

/* Parses a command line. Abbreviations: the old program's options are looked at alone first, so that each prefix that
 * was good for it means the same for ever. '-' and '_' are equal in long names. Values are copied; afterwards the
 * secrets in argv are overwritten in place, after a failure all words, so that the list of processes shows none.
 * VMTP_ECONFIG with words that name no secret; vmtp_cli_clear() *cli in any case. */
int vmtp_cli_parse(vmtp_ctx *ctx, int argc, char **argv, struct vmtp_cli *cli);
void vmtp_cli_clear(struct vmtp_cli *cli);

/* Prints the help of cli->topic. Loads no plugin: names the files that are installed. */
void vmtp_cli_help(FILE *out, const struct vmtp_cli *cli);

/* --- the table --- */

enum vmtp_cli_type {
    VMTP_CLI_FLAG,      /* key = true */
    VMTP_CLI_TEXT,      /* the last one wins */
    VMTP_CLI_REPEAT,    /* each adds to a list; without a key, in `own` */
    VMTP_CLI_COMMAS,    /* a list in one word; the last word wins */
    VMTP_CLI_BANDWIDTH, /* digits and one of K M G */
    VMTP_CLI_CONFIG,    /* config_file */
    VMTP_CLI_COMMAND,   /* -h -v -sc */
    VMTP_CLI_SWITCH,    /* a bit of `switches` */
};

enum vmtp_cli_flags {
    VMTP_CLI_OLD = 1 << 0,    /* an option of the old program: wins in abbreviations */
    VMTP_CLI_SECRET = 1 << 1, /* the whole value is secret */
    VMTP_CLI_SPEC = 1 << 2,   /* NAME[:key=value,...]: the value of a key like "password" is secret */
};

enum vmtp_cli_group {
    VMTP_CLI_WHAT,
    VMTP_CLI_HOW,
    VMTP_CLI_RESULTS,
    VMTP_CLI_CONFIGURATION,
    VMTP_CLI_OPENSTACK,
    VMTP_CLI_OTHER,
    VMTP_CLI_GROUPS,
};

struct vmtp_cli_option {
    const char *name;  /* long, with hyphens: "availability-zone" */
    const char *alias; /* another long name; NULL: none */
    const char *brief; /* behind one dash: "t", "sc"; NULL: none */
    const char *key;   /* of the configuration; NULL: none */
    const char *arg;   /* what the help calls the value; NULL: a flag */
    const char *help;  /* one sentence */
    enum vmtp_cli_type type;
    enum vmtp_cli_group group;
    unsigned flags;             /* enum vmtp_cli_flags */
    unsigned commands;          /* bit n: `enum vmtp_command` n takes it */
    enum vmtp_command command;  /* of VMTP_CLI_COMMAND */
    unsigned switches;          /* of VMTP_CLI_SWITCH */
};

enum { VMTP_CLI_OPTIONS_MAX = 64 };

/* The i-th option, NULL past the end. */
const struct vmtp_cli_option *vmtp_cli_option_at(size_t i);

/* "plugin", "list": the words of a command, from the table that the parser reads. */
struct vmtp_cli_command {
    const char *word, *sub; /* sub: NULL for a command of one word */
    enum vmtp_command command;
    const char *operand; /* what the help calls them; NULL: takes none */
    unsigned least, most; /* operands */
    const char *help;
};
const struct vmtp_cli_command *vmtp_cli_command_at(size_t i);

#define VMTP_CLI_MASK "<MASKED>" /* what is shown in its place */

/* Finds the secret part of a word that is a specification or an address: the password in "scheme://user:password@host"
 * and, if it is a specification, everything from the value of a key like "password" on. False when there is none. */
bool vmtp_cli_find_secret(const char *word, bool specification, size_t *from, size_t *to);

static inline void vmtp_clean_cli(struct vmtp_cli *cli)
{
    vmtp_cli_clear(cli);
}
#endif
