/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two results beside what was measured: then a change may come from that. */
#include <math.h>
#include <string.h>

#include "core/compare.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"

enum { WARNINGS_MAX = 100 };

/* Warnings on their way. */
struct unlike {
    const struct vmtp_comparison *comparison;
    json_t *warnings;
    json_t *seen;                 /* what was said: its text to its warning */
    json_t *silent[VMTP_SIDES];   /* names of facts that this side alone does not tell */
    size_t more;                  /* beyond WARNINGS_MAX */
    bool no_memory;
};

static void note(struct unlike *unlike, json_t *warning)
{
    if (json_array_size(unlike->warnings) >= WARNINGS_MAX) {
        unlike->more++;
        json_decref(warning);
    } else if (!warning || json_array_append_new(unlike->warnings, warning) < 0) {
        unlike->no_memory = true;
    }
}

static void say(struct unlike *unlike, const char *what, char *text)
{
    if (text) {
        vmtp_printable(text);
        note(unlike, json_pack("{s:s, s:s}", "what", what, "text", text));
    } else {
        unlike->no_memory = true;
    }
    free(text);
}

/* The same difference in several flows is one warning. */
static void differ(struct unlike *unlike, const struct vmtp_flow_pair *pair, const char *what, const char *old,
                   const char *new)
{
    VMTP_CLEAN(mem) char *key = vmtp_format("%s\n%s\n%s", what, old, new);
    json_t *warning = key ? json_object_get(unlike->seen, key) : NULL;
    if (!key) {
        unlike->no_memory = true;
    } else if (warning) {
        if (json_integer_value(json_object_get(warning, "last")) != pair - unlike->comparison->pairs) {
            json_int_t flows = json_integer_value(json_object_get(warning, "flows"));
            if (json_object_set_new(warning, "flows", json_integer(flows + 1)) < 0 ||
                json_object_set_new(warning, "last", json_integer(pair - unlike->comparison->pairs)) < 0)
                unlike->no_memory = true;
        }
    } else {
        warning = json_pack("{s:s, s:s, s:s, s:i, s:s, s:I}", "what", what, "old", old, "new", new, "flows", 1, "flow",
                            vmtp_pair_name(pair), "last", (json_int_t)(pair - unlike->comparison->pairs));
        if (warning && json_object_set(unlike->seen, key, warning) < 0)
            unlike->no_memory = true;
        note(unlike, warning);
    }
}

/* One fact on both sides; NULL: not told. */
static void compare_texts(struct unlike *unlike, const struct vmtp_flow_pair *pair, const char *what, const char *old,
                          const char *new)
{
    if (old && new && strcmp(old, new) != 0)
        differ(unlike, pair, what, old, new);
    else if (!old != !new && json_object_set_new(unlike->silent[old ? VMTP_NEW : VMTP_OLD], what, json_true()) < 0)
        unlike->no_memory = true;
}

/* --- flows --- */

static void compare_facts(struct unlike *unlike, const struct vmtp_flow_pair *pair)
{
    static const struct {
        const char *member, *what;
        const char *of_run; /* where documents of the old program have it */
    } facts[] = {
        {"flavor", "flavor", NULL},
        {"server_flavor", "flavor of the server", NULL},
        {"mtu", "MTU", NULL},
        {"server_mtu", "MTU of the server", NULL},
        {"network_type", "network type", "encapsulation"},
        {"kernel", "kernel", NULL},
        {"server_kernel", "kernel of the server", NULL},
        {"image", "image", NULL},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const char *text[VMTP_SIDES];
        for (size_t side = 0; side < VMTP_SIDES; side++) {
            text[side] = vmtp_result_text(pair->flow[side]->json, facts[i].member);
            if (!text[side] && facts[i].of_run)
                text[side] = vmtp_result_text(unlike->comparison->document[side], facts[i].of_run);
        }
        compare_texts(unlike, pair, facts[i].what, text[VMTP_OLD], text[VMTP_NEW]);
    }
}

static void compare_ids(struct unlike *unlike, const struct vmtp_flow_pair *pair)
{
    const char *old = vmtp_result_text(pair->flow[VMTP_OLD]->json, "id");
    const char *new = vmtp_result_text(pair->flow[VMTP_NEW]->json, "id");
    if (!pair->by_id && old && new)
        differ(unlike, pair, "flow, paired by its description", old, new);
}

/* A member of the first good measurement of a kind, as text. */
static const char *text_of(const struct vmtp_result_kind *kind, const char *member, char out[VMTP_COMPARE_TEXT])
{
    double number = vmtp_result_number(kind->first->json, member);
    if (isnan(number))
        return vmtp_result_text(kind->first->json, member);
    snprintf(out, VMTP_COMPARE_TEXT, "%.0f", number);
    return out;
}

static void compare_kind(struct unlike *unlike, const struct vmtp_flow_pair *pair, const struct vmtp_result_kind *old,
                         const struct vmtp_result_kind *new)
{
    static const struct {
        const char *member, *what, *fallback; /* fallback: what a document without it means; NULL: nothing */
    } members[] = {
        {"tool", "tool", NULL},
        {"streams", "streams", "1"},
        {"bandwidth_limit_kbps", "limit in kbit/s", "none"},
        {"search", "search for the rate", NULL},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char texts[VMTP_SIDES][VMTP_COMPARE_TEXT];
        const char *a = text_of(old, members[i].member, texts[VMTP_OLD]);
        const char *b = text_of(new, members[i].member, texts[VMTP_NEW]);
        compare_texts(unlike, pair, members[i].what, a ? a : members[i].fallback, b ? b : members[i].fallback);
    }
    double a = vmtp_result_number(old->first->json, "seconds"), b = vmtp_result_number(new->first->json, "seconds");
    if (a > 0 && b > 0 && fabs(a - b) > 0.1 * fmax(a, b)) {
        char texts[VMTP_SIDES][VMTP_COMPARE_TEXT];
        snprintf(texts[VMTP_OLD], VMTP_COMPARE_TEXT, "%.0f s", a);
        snprintf(texts[VMTP_NEW], VMTP_COMPARE_TEXT, "%.0f s", b);
        if (strcmp(texts[VMTP_OLD], texts[VMTP_NEW]) != 0)
            differ(unlike, pair, "length of a measurement", texts[VMTP_OLD], texts[VMTP_NEW]);
    }
}

static void compare_kinds(struct unlike *unlike, const struct vmtp_flow_pair *pair)
{
    const struct vmtp_result_flow *old = pair->flow[VMTP_OLD], *new = pair->flow[VMTP_NEW];
    for (size_t i = 0; i < old->n_kinds; i++)
        for (size_t k = 0; k < new->n_kinds; k++)
            if (old->kinds[i].proto == new->kinds[k].proto && old->kinds[i].size == new->kinds[k].size &&
                old->kinds[i].reverse == new->kinds[k].reverse && old->kinds[i].bps.n && new->kinds[k].bps.n)
                compare_kind(unlike, pair, &old->kinds[i], &new->kinds[k]);
}

/* --- runs --- */

static const char *const side_names[VMTP_SIDES] = {"OLD", "NEW"};

static void check_status(struct unlike *unlike, size_t side)
{
    const char *status = vmtp_result_text(unlike->comparison->document[side], "status");
    if (status && strcmp(status, "passed") != 0 && strcmp(status, "failed") != 0)
        say(unlike, "status", vmtp_format("%s is not the whole of a run: its status is \"%.40s\"", side_names[side],
                                          status));
}

static void compare_runs(struct unlike *unlike)
{
    const json_t *old = unlike->comparison->document[VMTP_OLD], *new = unlike->comparison->document[VMTP_NEW];
    const char *old_id = vmtp_result_text(old, "run_uuid"), *new_id = vmtp_result_text(new, "run_uuid");
    const char *old_date = vmtp_result_text(old, "date_utc"), *new_date = vmtp_result_text(new, "date_utc");
    bool old_is_old = !json_object_get(old, "schema_version"), new_is_old = !json_object_get(new, "schema_version");
    if (old_id && new_id && strcmp(old_id, new_id) == 0)
        say(unlike, "run", vmtp_format("both files are of the same run, %.40s", old_id));
    if (old_date && new_date && strcmp(old_date, new_date) > 0)
        say(unlike, "order", vmtp_format("OLD was measured after NEW, %.40s and %.40s: are they swapped?", old_date,
                                         new_date));
    if (old_is_old != new_is_old)
        say(unlike, "unit", vmtp_format("%s is of the Python program, which counted 1024 bits as 1 kbit with nuttcp: "
                                        "its throughput then reads 2.4 %% too high", side_names[new_is_old]));
    check_status(unlike, VMTP_OLD);
    check_status(unlike, VMTP_NEW);
}

static void say_silent(struct unlike *unlike, size_t side)
{
    VMTP_CLEAN(buf) struct vmtp_buf names = VMTP_BUF(2000);
    const char *name;
    json_t *value;
    json_object_foreach(unlike->silent[side], name, value)
        if (vmtp_buf_printf(&names, "%s%s", names.len ? ", " : "", name) == VMTP_ENOMEM)
            unlike->no_memory = true;
    if (names.len)
        say(unlike, "not told", vmtp_format("%s does not tell, so it is not compared: %s", side_names[side],
                                            vmtp_buf_text(&names)));
}

static void say_left_out(struct unlike *unlike)
{
    size_t left_out = 0;
    for (size_t i = 0; i < unlike->comparison->n_pairs; i++)
        left_out += unlike->comparison->pairs[i].left_out;
    if (left_out)
        say(unlike, "left out", vmtp_format("%zu measurements are left out: the flow has too many", left_out));
}

int vmtp_compare_unlike(struct vmtp_comparison *comparison)
{
    VMTP_CLEAN(json) json_t *seen = json_object(), *silent_old = json_object(), *silent_new = json_object();
    comparison->warnings = json_array();
    struct unlike unlike = {
        .comparison = comparison, .warnings = comparison->warnings, .seen = seen, .silent = {silent_old, silent_new},
        .no_memory = !comparison->warnings || !seen || !silent_old || !silent_new,
    };
    if (unlike.no_memory)
        return VMTP_ENOMEM;
    compare_runs(&unlike);
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        const struct vmtp_flow_pair *pair = &comparison->pairs[i];
        if (!pair->flow[VMTP_OLD] || !pair->flow[VMTP_NEW])
            continue;
        compare_ids(&unlike, pair);
        compare_facts(&unlike, pair);
        compare_kinds(&unlike, pair);
    }
    say_silent(&unlike, VMTP_OLD);
    say_silent(&unlike, VMTP_NEW);
    say_left_out(&unlike);
    if (unlike.more && json_array_append_new(comparison->warnings,
                                             json_pack("{s:s, s:s}", "what", "more", "text",
                                                       "there are more differences than are listed here")) < 0)
        unlike.no_memory = true;
    return unlike.no_memory ? VMTP_ENOMEM : VMTP_OK;
}
