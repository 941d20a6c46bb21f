/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

static struct vmtp_node *parse(const char *text)
{
    struct vmtp_node *root = NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    if (vmtp_config_parse(&ctx, text, strlen(text), "f", &root) < 0)
        printf("# %s\n", vmtp_ctx_error(&ctx, 0));
    return root;
}

static const char *text_of(const struct vmtp_node *root, const char *key)
{
    const struct vmtp_node *node = vmtp_node_get(root, key);
    return node ? node->text : NULL;
}

static void test_values(void)
{
    VMTP_CLEAN(node) struct vmtp_node *root = parse("---\n"
                                                    "a: 1\n"
                                                    "b:\n"
                                                    "  c: 'two words'\n"
                                                    "  d: [x, \"~\", ~, null, '']\n"
                                                    "e:\n"
                                                    "f: !!str null\n");
    is(text_of(root, "a"), "1", "a number stays text");
    is(text_of(root, "b.c"), "two words", "a dotted key");
    const struct vmtp_node *c = vmtp_node_get(root, "b.c");
    ok(c && c->line == 4 && c->column == 6 && c->key_line == 4 && c->key_column == 3,
       "value and key know their places");
    const struct vmtp_node *d = vmtp_node_get(root, "b.d");
    if (ok(d && d->kind == VMTP_NODE_LIST && d->n == 5, "a list of five")) {
        is(d->items[1]->text, "~", "a quoted tilde is text");
        is_int(d->items[2]->kind, VMTP_NODE_NULL, "a plain tilde is null");
        is_int(d->items[3]->kind, VMTP_NODE_NULL, "so is the word");
        is(d->items[4]->text, "", "quotes with nothing in them are an empty text");
    }
    is_int(vmtp_node_get(root, "e") ? (int)vmtp_node_get(root, "e")->kind : -1, VMTP_NODE_NULL, "no value is null");
    is(text_of(root, "f"), "null", "a value that is said to be text is text");
    ok(!vmtp_node_get(root, "b.x") && !vmtp_node_get(root, "a.b") && !vmtp_node_get(NULL, "a"), "what is not there");
}

static void test_empty(void)
{
    static const char *const texts[] = {"",      "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~\n",
                                        "{}\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        VMTP_CLEAN(node) struct vmtp_node *root = parse(texts[i]);
        ok(root && root->kind == VMTP_NODE_MAP && root->n == 0, "empty file %zu is an empty map", i);
    }
}

static void test_errors(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' stands in line 1 already"},
        {"m:\n  a: 1\n  a: 2\n", "f:3:3: key 'a' stands in line 2 already"},
        {"a: 1\n---\nb: 2\n", "f:2:1: a second document; a configuration is one"},
        {"- a\n- b\n", "f:1:1: a list where lines of 'key: value' are expected"},
        {"time 5\n", "f:1:1: a text where lines of 'key: value' are expected"},
        {"a: [1, 2\nb: 3\n", "f:2:2: did not find expected ',' or ']', while parsing a flow sequence"},
        {"a:\n\t- b\n", "f:2:1: found character that cannot start any token, while scanning for the next token"},
        {"a: b: c\n", "f:1:5: mapping values are not allowed in this context"},
        {"[a, b]: c\n", "f:1:1: a key must be a text"},
        {"? {a: b}\n: c\n", "f:1:3: a key must be a text"},
        {"'': c\n", "f:1:1: a key is empty"},
        {"a: *b\n", "f:1:4: an alias without an anchor of that name before it"},
        {"a: &b [*b]\n", "f:1:8: an alias inside what it stands for"},
        {"a: !!python/object:os.system x\n", "f:1:4: tags are not supported"},
        {"a: !x [1]\n", "f:1:4: tags are not supported"},
        {"a: \"x\\0y\"\n", "f:1:4: a text has a NUL character in it"},
        {"a: \xff\xfe\n", "f: byte 3: invalid leading UTF-8 octet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(node) struct vmtp_node *root = NULL;
        int rc = vmtp_config_parse(&ctx, cases[i].text, strlen(cases[i].text), "f", &root);
        is_int(rc, VMTP_ECONFIG, cases[i].error);
        is(vmtp_ctx_error(&ctx, rc), cases[i].error, "its words");
    }
}

static void refused(const char *text, size_t len, const char *words)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(node) struct vmtp_node *root = NULL;
    int rc = vmtp_config_parse(&ctx, text, len, "f", &root);
    is_int(rc, VMTP_ECONFIG, words);
    contains(vmtp_ctx_error(&ctx, rc), words, "its words");
}

static void test_hostile(void)
{
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                               "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    refused(bomb, strlen(bomb), "too many values");

    enum { LONG = 3 << 20 };
    VMTP_CLEAN(mem) char *text = malloc(LONG);
    if (!text)
        return;
    memset(text, '[', LONG);
    memcpy(text, "a: ", 3);
    refused(text, 100000, "nested too deeply");
    refused(text, LONG, "larger than");

    size_t len = 0;
    for (int i = 0; i < 1001; i++)
        len += (size_t)snprintf(text + len, LONG - len, "k%d: 1\n", i);
    refused(text, len, "too many keys");
    len = 0;
    for (int i = 0; i < 101; i++)
        len += (size_t)snprintf(text + len, LONG - len, "k%d: &a%d 1\n", i, i);
    refused(text, len, "too many anchors");

    len = (size_t)snprintf(text, LONG, "a: &a '%0100000d'\nb: [", 1);
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, LONG - len, "*a,");
    len += (size_t)snprintf(text + len, LONG - len, "]\n");
    refused(text, len, "too many values");

    VMTP_CLEAN(node) struct vmtp_node *shared = parse("a: &a {x: 1, y: [2]}\nb: *a\n");
    is(text_of(shared, "b.x"), "1", "a harmless alias is a copy");
    is_int(vmtp_node_get(shared, "b.y") ? vmtp_node_get(shared, "b.y")->line : 0, 2, "that stands where it is used");
}

static void test_merge(void)
{
    struct vmtp_node *upper = parse("flavor: {ram: 4096, disk: ~}\nsizes: [7]\nname: ~\nnew: {x: 1}\n");
    VMTP_CLEAN(node) struct vmtp_node *lower = parse("flavor: {vcpus: 1, ram: 2048, disk: 3}\n"
                                                     "sizes: [1, 2, 3]\n"
                                                     "name: a\n");
    is_int(vmtp_config_merge(lower, upper), VMTP_OK, "merged");
    is(text_of(lower, "flavor.vcpus"), "1", "a map keeps what the upper one does not name");
    is(text_of(lower, "flavor.ram"), "4096", "and gets what it names");
    is_int(vmtp_node_get(lower, "flavor.disk")->kind, VMTP_NODE_NULL, "null replaces in a map");
    is_int((long long)vmtp_node_get(lower, "sizes")->n, 1, "a list is replaced whole");
    is_int(vmtp_node_get(lower, "name")->kind, VMTP_NODE_NULL, "null replaces a text");
    is(text_of(lower, "new.x"), "1", "a new key is added");
}

static void test_set(void)
{
    VMTP_CLEAN(node) struct vmtp_node *map = vmtp_node_new(VMTP_NODE_MAP, "--x");
    is_int(vmtp_node_set(map, "a.b.c", vmtp_node_scalar("--abc", "1")), VMTP_OK, "makes the maps on the way");
    is_int(vmtp_node_set(map, "a.b.d", vmtp_node_scalar("--abd", "2")), VMTP_OK, "uses those that are there");
    is_int(vmtp_node_set(map, "a.b.c", vmtp_node_scalar("--abc", "3")), VMTP_OK, "replaces");
    is(text_of(map, "a.b.c"), "3", "the new value");
    is(text_of(map, "a.b.d"), "2", "its neighbour");
    is_int(vmtp_node_set(map, "a.b.d.e", vmtp_node_scalar("--e", "4")), VMTP_OK, "a text gives way to a map");
    is(text_of(map, "a.b.d.e"), "4", "whose value is");
    is_int(vmtp_node_set(map, "x", NULL), VMTP_ENOMEM, "no node: out of memory");
    struct vmtp_node *list = vmtp_node_new(VMTP_NODE_LIST, "--list");
    for (int i = 0; i < 100; i++)
        (void)vmtp_node_append(list, vmtp_node_scalar("--list", "x"));
    is_int(vmtp_node_set(map, "list", list), VMTP_OK, "a list");
    is_int((long long)vmtp_node_get(map, "list")->n, 100, "of a hundred");
    vmtp_node_drop(list, 0);
    is_int((long long)list->n, 99, "one dropped");
    vmtp_node_drop(map, 0);
    ok(!vmtp_node_get(map, "a") && vmtp_node_get(map, "list"), "a key dropped from a map");
}

static void test_places(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(node) struct vmtp_node *option = vmtp_node_scalar("--time", "abc");
    is_int(vmtp_node_fail(&ctx, option, "'%s' is no number", option->text), VMTP_ECONFIG, "an option that is wrong");
    is(vmtp_ctx_error(&ctx, 0), "--time: 'abc' is no number", "is named as it was written");
}

static void test_files(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(node) struct vmtp_node *root = NULL;
    int rc = vmtp_config_read(&ctx, "/nonexistent/vmtp.cfg", &root);
    is_int(rc, VMTP_ECONFIG, "a file that is not there is a configuration error");
    is(vmtp_ctx_error(&ctx, rc), "/nonexistent/vmtp.cfg: No such file or directory", "with the reason");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_config_read(&ctx, "/", &root), VMTP_ECONFIG, "a directory is one too");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_config_read(&ctx, "/dev/null", &root), VMTP_OK, "an empty file is fine");
}

int main(void)
{
    test_values();
    test_empty();
    test_errors();
    test_hostile();
    test_merge();
    test_set();
    test_places();
    test_files();
    return done_testing();
}
