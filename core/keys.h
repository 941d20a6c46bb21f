/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all configuration keys: what each is, where its value goes, and who may ask for it. */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmtp/plugin.h"

enum vmtp_key_type {
    /* member */
    VMTP_KEY_TEXT,      /* const char * */
    VMTP_KEY_PATH,      /* const char *, "~/" expanded */
    VMTP_KEY_FILE,      /* const char *, like PATH; what is not a file is left out with a warning */
    VMTP_KEY_SPEC,      /* const char *, NAME[:option=value,...] */
    VMTP_KEY_INT,       /* int64_t */
    VMTP_KEY_BOOL,      /* bool */
    VMTP_KEY_SECONDS,   /* double */
    VMTP_KEY_CHOICE,    /* int, the index into choices */
    VMTP_KEY_RATE,      /* uint64_t bit/s; a plain number is kbit/s */
    VMTP_KEY_PERCENTS,  /* two doubles, ratios: minimum and maximum */
    VMTP_KEY_PROTOCOLS, /* unsigned */
    VMTP_KEY_TEXTS,     /* struct vmtp_text_list; a text is a list with commas */
    VMTP_KEY_INTS,      /* struct vmtp_int_list; the same */
    VMTP_KEY_SPECS,     /* struct vmtp_text_list of specs */
    VMTP_KEY_HOST,      /* struct vmtp_hostspec */
    VMTP_KEY_HOSTS,     /* hosts and n_hosts */
    VMTP_KEY_SCALARS,   /* const struct vmtp_node *, a map of texts */
    VMTP_KEY_PLUGINS,   /* const struct vmtp_node *, plugin name -> map of its options */
    VMTP_KEY_EXPECT,    /* struct vmtp_expect */
    /* no member of their own */
    VMTP_KEY_GROUP,     /* its members are the keys "NAME.x" */
    VMTP_KEY_ALIAS,     /* another name of target */
    VMTP_KEY_INVERSE,   /* a BOOL, the reverse of target */
    VMTP_KEY_RETRIES,   /* a number of tries, 2 s each, for target, which wins when both are given */
    VMTP_KEY_DEAD,      /* of the old program, without effect: a warning */
    VMTP_KEY_REFUSED,   /* would change what is measured: an error unless empty or false */
};

enum vmtp_key_flags {
    VMTP_KEY_CLOUD = 1 << 0,     /* asks for what only a cloud topology can do */
    VMTP_KEY_CLOUD_CLI = 1 << 1, /* does so on the command line; in a file it may wait for a cloud run */
    VMTP_KEY_LATER = 1 << 2,     /* asks for what this version cannot do */
    VMTP_KEY_SECRET = 1 << 3,    /* never shown */
    VMTP_KEY_WHOLE = 1 << 4,     /* SECONDS: no fractions */
    VMTP_KEY_POSITIVE = 1 << 5,  /* SECONDS: above 0 */
    VMTP_KEY_OLD_NAME = 1 << 6,  /* ALIAS, INVERSE: a warning names the new one */
};

struct vmtp_key {
    const char *name; /* as in the file; members of a map with a dot: "flavor.ram" */
    enum vmtp_key_type type;
    unsigned flags;
    size_t offset;    /* of the member of struct vmtp_settings */
    int64_t min, max; /* of numbers; of a text's or list's length; both 0: any */
    const char *const *choices;
    bool (*check)(const char *text); /* of each text; NULL: any will do */
    const char *expected;            /* what check wants: "an IP address" */
    const char *target;              /* ALIAS, INVERSE, RETRIES; REFUSED: the remedy */
    const char *fallback;            /* value when no file has one; TEXT: when it is empty */
};

/* The i-th key, NULL past the end. Sorted by theme. */
const struct vmtp_key *vmtp_key_at(size_t i);
const struct vmtp_key *vmtp_key_find(const char *name);

/* Whether a file should rather not use it: an alias, a dead key ... */
bool vmtp_key_is_old(const struct vmtp_key *key);

#endif
