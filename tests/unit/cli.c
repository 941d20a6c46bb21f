/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cli.h"

#include <stdlib.h>

#include "core/ctx.h"
#include "core/keys.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

enum { WORDS_MAX = 32, TEXT_MAX = 1 << 16 };

/* A command line with words that may be written to, as those of main() are. */
struct line {
    char *text;
    char *words[WORDS_MAX];
    int n;
};

/* Words are separated by '|'. */
static void split(struct line *line, const char *text)
{
    *line = (struct line){.text = strdup(text)};
    char *rest = line->text;
    for (char *word; line->n < WORDS_MAX - 1 && (word = strsep(&rest, "|"));)
        line->words[line->n++] = word;
    line->words[line->n] = NULL;
}

static void add_node(struct vmtp_buf *out, const struct vmtp_node *node)
{
    if (node->kind == VMTP_NODE_SCALAR) {
        (void)vmtp_buf_text_add(out, node->text);
        return;
    }
    (void)vmtp_buf_text_add(out, "[");
    for (size_t i = 0; i < node->n; i++) {
        (void)vmtp_buf_text_add(out, i ? " " : "");
        add_node(out, node->items[i]);
    }
    (void)vmtp_buf_text_add(out, "]");
}

static const char *const command_names[] = {
    [VMTP_CMD_RUN] = "run",
    [VMTP_CMD_PLAN] = "plan",
    [VMTP_CMD_REPLAY] = "replay",
    [VMTP_CMD_PLUGIN_LIST] = "plugin-list",
    [VMTP_CMD_PLUGIN_SHOW] = "plugin-show",
    [VMTP_CMD_CONFIG_SHOW] = "config-show",
    [VMTP_CMD_CONFIG_CHECK] = "config-check",
    [VMTP_CMD_SHOW_CONFIG] = "show-config",
    [VMTP_CMD_HELP] = "help",
    [VMTP_CMD_VERSION] = "version",
};

static char *describe(const struct vmtp_cli *cli)
{
    struct vmtp_buf out = VMTP_BUF(TEXT_MAX);
    (void)vmtp_buf_text_add(&out, command_names[cli->command]);
    if (cli->command == VMTP_CMD_HELP)
        (void)vmtp_buf_printf(&out, " about %s", command_names[cli->topic]);
    for (size_t i = 0; i < cli->n_operands; i++)
        (void)vmtp_buf_printf(&out, " <%s>", cli->operands[i]);
    if (cli->config_file)
        (void)vmtp_buf_printf(&out, " file %s", cli->config_file);
    for (size_t i = 0; i < cli->tree->n; i++) {
        (void)vmtp_buf_printf(&out, " %s=", cli->tree->keys[i]);
        add_node(&out, cli->tree->items[i]);
    }
    return vmtp_buf_take(&out);
}

/* What becomes of a command line: "run time=5", or "! words" of the error. args and the words afterwards on demand. */
static char *parse(const char *text, char **args, char **left)
{
    struct line line;
    split(&line, text);
    struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_cli cli = {0};
    int rc = vmtp_cli_parse(&ctx, line.n, line.words, &cli);
    char *result = rc == VMTP_OK ? describe(&cli) : vmtp_format("! %s", vmtp_ctx_error(&ctx, rc));
    if (rc != VMTP_OK && rc != VMTP_ECONFIG)
        ok(false, "%s: status %d", text, rc);
    if (args)
        *args = cli.args ? strdup(cli.args) : NULL;
    if (left) {
        struct vmtp_buf words = VMTP_BUF(TEXT_MAX);
        for (int i = 0; i < line.n; i++)
            (void)vmtp_buf_printf(&words, "%s%s", i ? "|" : "", line.words[i]);
        *left = vmtp_buf_take(&words);
    }
    vmtp_cli_clear(&cli);
    vmtp_ctx_clear(&ctx);
    free(line.text);
    return result;
}

static void check(const char *text, const char *want)
{
    VMTP_CLEAN(mem) char *got = parse(text, NULL, NULL);
    VMTP_CLEAN(mem) char *name = vmtp_format("%s -> %s", text, want);
    if (*want == '!')
        contains(*got == '!' ? got : NULL, want + 1, name);
    else
        is(got, want, name);
}

/* ---- the old program's options, written down here a second time on purpose ---- */

static const struct {
    const char *name, *value, *want; /* value NULL: a flag */
} old_options[] = {
    {"-h", NULL, "help about run"},
    {"--help", NULL, "help about run"},
    {"-c", "f", "run file f"},
    {"--config", "f", "run file f"},
    {"-sc", NULL, "show-config"},
    {"--show-config", NULL, "show-config"},
    {"-r", "f", "run rc=f"},
    {"--rc", "f", "run rc=f"},
    {"-m", "192.0.2.1:8649", "run monitor=192.0.2.1:8649"},
    {"--monitor", "192.0.2.1", "run monitor=192.0.2.1"},
    {"-p", "pw", "run password=pw"},
    {"--password", "pw", "run password=pw"},
    {"-t", "5", "run time=5"},
    {"--time", "5", "run time=5"},
    {"--host", "u@h", "run hosts=[u@h]"},
    {"--external-host", "u@h", "run external_host=u@h"},
    {"--controller-node", "u@h", "run controller_node=u@h"},
    {"--mongod-server", "h", "run mongod_server=h"},
    {"--json", "f", "run json=f"},
    {"--tp-tool", "iperf", "run tp_tool=iperf"},
    {"--availability_zone", "z", "run availability_zone=z"},
    {"--hypervisor", "z:h", "run hypervisor=[z:h]"},
    {"--inter-node-only", NULL, "run inter_node_only=true"},
    {"--same-network-only", NULL, "run same_network_only=true"},
    {"--protocols", "TU", "run protocols=TU"},
    {"--multicast_addr", "231.1.1.2", "run multicast_addr=231.1.1.2"},
    {"--bandwidth", "32M", "run vm_bandwidth=32M"},
    {"--tcpbuf", "1,2", "run tcp_pkt_sizes=[1 2]"},
    {"--udpbuf", "128", "run udp_pkt_sizes=[128]"},
    {"--icmp_pkt_sizes", "64,391", "run icmp_pkt_sizes=[64 391]"},
    {"--reuse_network_name", "n", "run reuse_network_name=n"},
    {"--os-dataplane-network", "n", "run os_dataplane_network=n"},
    {"--delete-image-after-run", NULL, "run delete_image_after_run=true"},
    {"--no-env", NULL, "run no_env=true"},
    {"--vnic-type", "direct", "run vnic_type=direct"},
    {"--no-dhcp", NULL, "run no_dhcp=true"},
    {"--no-floatingip", NULL, "run no_floatingip=true"},
    {"--use-config-drive", NULL, "run config_drive=true"},
    {"-d", NULL, "run debug=true"},
    {"--debug", NULL, "run debug=true"},
    {"-v", NULL, "version"},
    {"--version", NULL, "version"},
    {"--stop-on-error", NULL, "run stop_on_error=true"},
    {"--keep-first-flow-and-exit", NULL, "run keep_first_flow_and_exit=true"},
    {"--vm-image-url", "file:///i", "run vm_image_url=file:///i"},
    {"--test-description", "t", "run test_description=t"},
    {"--log-file", "f", "run log_file=f"},
    {"--logfile", "f", "run log_file=f"},
};
enum { OLD_OPTIONS = sizeof old_options / sizeof old_options[0] };

static void swap_dashes(char *name, char from, char to)
{
    for (char *p = name + 2; *p; p++)
        if (*p == from)
            *p = to;
}

/* Every way to join an option and its value. */
static void check_forms(const char *name, const char *value, const char *want)
{
    static const char *const joints[] = {"|", "=", ""}; /* the last one for a letter only */
    size_t forms = !value ? 1 : name[1] == '-' ? 2 : 3;
    for (size_t i = 0; i < forms; i++) {
        VMTP_CLEAN(mem) char *line = vmtp_format("vmtp|%s%s%s", name, value ? joints[i] : "", value ? value : "");
        check(line, want);
    }
}

static void test_old_options(void)
{
    is_int(OLD_OPTIONS, 48, "the old program had 48 spellings");
    for (size_t i = 0; i < OLD_OPTIONS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", old_options[i].name);
        check_forms(name, old_options[i].value, old_options[i].want);
        if (!strpbrk(name + 2, "-_"))
            continue;
        swap_dashes(name, '-', '_');
        check_forms(name, old_options[i].value, old_options[i].want);
        swap_dashes(name, '_', '-');
        check_forms(name, old_options[i].value, old_options[i].want);
    }
}

static bool same_so_far(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((a[i] == '_' ? '-' : a[i]) != (b[i] == '_' ? '-' : b[i]))
            return false;
    return true;
}

/* How many of the old program's options this prefix of n characters can mean; two names of one option are one. */
static size_t old_meanings(const char *name, size_t n)
{
    const char *seen = NULL;
    size_t count = 0;
    for (size_t i = 0; i < OLD_OPTIONS; i++) {
        if (old_options[i].name[1] != '-' || !same_so_far(old_options[i].name, name, n))
            continue;
        if (strlen(old_options[i].name) == n)
            return 1;
        if (!seen || strcmp(seen, old_options[i].want) != 0)
            count++;
        seen = old_options[i].want;
    }
    return count;
}

static void test_old_abbreviations(void)
{
    size_t tried = 0, refused = 0;
    for (size_t i = 0; i < OLD_OPTIONS; i++) {
        const char *name = old_options[i].name, *value = old_options[i].value;
        if (name[1] != '-')
            continue;
        for (size_t n = 3; n < strlen(name); n++) {
            VMTP_CLEAN(mem) char *line = vmtp_format("vmtp|%.*s%s%s", (int)n, name, value ? "|" : "", value ? value
                                                     : "");
            VMTP_CLEAN(mem) char *got = parse(line, NULL, NULL);
            bool one = old_meanings(name, n) == 1;
            if (one ? strcmp(got, old_options[i].want) != 0 : !strstr(got, " can mean "))
                ok(false, "%s: got %s", line, got);
            *(one ? &tried : &refused) += 1;
        }
    }
    ok(tried > 200, "%zu prefixes of old options mean what they meant, whatever is new", tried);
    ok(refused > 20, "%zu prefixes that were ambiguous still are", refused);
    check("vmtp|--pro|T", "run protocols=T");
    check("vmtp|--protocol|T", "run protocols=T");
    check("vmtp|--tp|iperf", "run tp_tool=iperf");
    check("vmtp|--os|n", "run os_dataplane_network=n");
    check("vmtp|--udp|128", "run udp_pkt_sizes=[128]");
    check("vmtp|--log|f", "run log_file=f");
    check("vmtp|--p|x", "!--p can mean --protocols, --plugin-path, --password");
    check("vmtp|--no", "!can mean --no-journal, --no-env, --no-dhcp, --no-floatingip");
}

static void test_new_options(void)
{
    check("vmtp|-q", "run quiet=true");
    check("vmtp|--quiet", "run quiet=true");
    check("vmtp|--serial-vms", "run serial_vms=true");
    check("vmtp|--pl|/x", "run plugin_path=/x");
    check("vmtp|--os-c|mine", "run os_cloud=mine");
    check("vmtp|--udp-s|classic", "run udp_search=classic");
    check("vmtp|--direction|both|--streams=4", "run direction=both streams=4");
    check("vmtp|--no_j", "run no_journal=true");
    check("vmtp|--sink|json:file=x|--si|table", "run sink=[json:file=x table]");
    check("vmtp|--topology|namespace:rate=1G,mtu=9000", "run topology=[namespace:rate=1G,mtu=9000]");
    check("vmtp|--to=native-host", "run topology=[native-host]");
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
        if (option->flags & VMTP_CLI_OLD)
            continue;
        VMTP_CLEAN(mem) char *name = vmtp_format("--%s", option->name);
        ok(old_meanings(name, strlen(name)) == 0, "new option %s takes no abbreviation from an old one", name);
    }
}

static void test_values(void)
{
    check("vmtp", "run");
    check("vmtp|-t|5|--time|7", "run time=7");
    check("vmtp|--host|a@b|--host|c@d", "run hosts=[a@b c@d]");
    check("vmtp|--tcpbuf|1|--tcpbuf|2,3", "run tcp_pkt_sizes=[2 3]");
    check("vmtp|--tcpbuf|1, 2", "run tcp_pkt_sizes=[1 2]");
    check("vmtp|--tcpbuf|1,,2", "!has an empty place");
    check("vmtp|--udpbuf=", "!has an empty place");
    check("vmtp|--tp-tool=", "run tp_tool=");
    check("vmtp|--json=", "! --json: the name of the file is empty");
    check("vmtp|--json|-", "run json=-");
    check("vmtp|--test-description|a = b", "run test_description=a = b");
    check("vmtp|--test-description=a=b", "run test_description=a=b");
    check("vmtp|-t|-5", "run time=-5");
    check("vmtp|-p|pw", "run password=pw");
    check("vmtp|-dqt5", "run debug=true quiet=true time=5");
    check("vmtp|-dt|5", "run debug=true time=5");
    check("vmtp|-rc", "run rc=c");
    check("vmtp|-sc|-d", "show-config debug=true");
    check("vmtp|-c|a|-c|b", "run file b");
    check("vmtp|--vm-image-url|http://x/y|--vnic_type|direct", "run vm_image_url=http://x/y vnic_type=direct");
    static const char *const rates[] = {"128K", "32M", "5G", "5g", "0k"};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        VMTP_CLEAN(mem) char *line = vmtp_format("vmtp|--bandwidth|%s", rates[i]);
        VMTP_CLEAN(mem) char *want = vmtp_format("run vm_bandwidth=%s", rates[i]);
        check(line, want);
    }
    static const char *const wrong[] = {"", "5", "M", "1.5M", "5T", "5MB", "-5M", "5 M", "0x5M", "5M "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        VMTP_CLEAN(mem) char *line = vmtp_format("vmtp|--bandwidth=%s", wrong[i]);
        check(line, "!not an integer followed by K, M or G");
    }
}

static void test_sources(void)
{
    static const struct {
        const char *line, *key, *source;
    } cases[] = {
        {"vmtp|-t|5", "time", "-t"},       {"vmtp|-t5", "time", "-t"},
        {"vmtp|--ti=5", "time", "--ti"},   {"vmtp|--vnic_type|x", "vnic_type", "--vnic_type"},
        {"vmtp|-qd", "debug", "-d"},       {"vmtp|--host|u@h", "hosts", "--host"},
        {"vmtp|--tcpb|1", "tcp_pkt_sizes", "--tcpb"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        split(&line, cases[i].line);
        VMTP_CLEAN(cli) struct vmtp_cli cli = {0};
        struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        is_int(vmtp_cli_parse(&ctx, line.n, line.words, &cli), VMTP_OK, cases[i].line);
        const struct vmtp_node *node = vmtp_node_get(cli.tree, cases[i].key);
        is(node ? node->source : NULL, cases[i].source, "a value remembers how its option was written");
        if (node && node->kind == VMTP_NODE_LIST)
            is(node->items[0]->source, cases[i].source, "so does the item of a list");
        vmtp_ctx_clear(&ctx);
        free(line.text);
    }
}

static void test_keys(void)
{
    const struct vmtp_cli_option *option;
    for (size_t i = 0; (option = vmtp_cli_option_at(i)); i++) {
        const struct vmtp_key *key = option->key ? vmtp_key_find(option->key) : NULL;
        if (!option->key)
            ok(option->type == VMTP_CLI_CONFIG || option->type == VMTP_CLI_COMMAND || option->type == VMTP_CLI_SWITCH ||
                   option->type == VMTP_CLI_REPEAT,
               "--%s has no key", option->name);
        else
            ok(key && !vmtp_key_is_old(key) && (option->arg || key->type == VMTP_KEY_BOOL),
               "--%s sets a key of the configuration", option->name);
    }
}

static void test_errors(void)
{
    check("vmtp|--protocls|T", "!--protocls: no such option; did you mean --protocols?");
    check("vmtp|--availabilty-zone|z", "!did you mean --availability-zone?");
    check("vmtp|--xyzzy", "!--xyzzy: no such option");
    check("vmtp|--", "run");
    check("vmtp|--=x", "!no such option");
    check("vmtp|-x", "!-x: no such option");
    check("vmtp|-json|f", "!-json: did you mean --json?");
    check("vmtp|-host", "!-host: did you mean --host?");
    check("vmtp|-debug", "!-debug: did you mean --debug?");
    check("vmtp|-jsn|f", "!-j: no such option; did you mean --json?");
    check("vmtp|--debug=1", "!--debug takes no value");
    check("vmtp|--no-env=", "!--no-env takes no value");
    check("vmtp|-d5", "!-d takes no value");
    check("vmtp|-d=5", "!-d takes no value");
    check("vmtp|-sc=5", "!-sc takes no value");
    check("vmtp|-t", "!-t needs a value: SECONDS");
    check("vmtp|--time", "!--time needs a value: SECONDS");
    check("vmtp|--json|-d", "!--json needs a value: FILE");
    check("vmtp|--json|--debug", "!--json needs a value: FILE");
    check("vmtp|--json|--", "!--json needs a value: FILE");
    check("vmtp|stray", "!'stray' is no command of vmtp");
    check("vmtp|pln", "!'pln' is no command of vmtp; did you mean 'plan'?");
    check("vmtp|run|stray", "!'stray' is not expected here");
    check("vmtp|-d|1", "!'1' is no command of vmtp");
    check("vmtp|--|-d", "!'-d' is no command of vmtp");
    check("vmtp|", "!'' is no command of vmtp");
    check("vmtp|plugin", "!vmtp plugin needs one more word: list, show, check or new");
    check("vmtp|plugin|lst", "!'lst' is no command of vmtp plugin; did you mean 'list'?");
    check("vmtp|plugin|show", "!vmtp plugin show needs one more word: FILE|NAME");
    check("vmtp|plugin|list|x", "!'x' is not expected here");
    check("vmtp|plugin|list|-t|5", "!--time is not an option of vmtp plugin list");
    check("vmtp|replay", "!vmtp replay needs one more word: JOURNAL|RUN|last");
    check("vmtp|replay|last|--host|u@h", "!--host is not an option of vmtp replay");
    check("vmtp|config|check|a|-c|b", "!takes one file");
    check("vmtp|config", "!vmtp config needs one more word: show or check");
}

static void test_commands(void)
{
    check("vmtp|run|-t|5", "run time=5");
    check("vmtp|-t|5|run", "run time=5");
    check("vmtp|plan|--host|u@h", "plan hosts=[u@h]");
    check("vmtp|--host|u@h|plan", "plan hosts=[u@h]");
    check("vmtp|--host|plan", "run hosts=[plan]");
    check("vmtp|replay|last|--sink|json:file=x|--json|y", "replay <last> sink=[json:file=x] json=y");
    check("vmtp|replay|--|-odd-", "replay <-odd->");
    check("vmtp|plugin|list", "plugin-list");
    check("vmtp|plugin|--plugin-path=/x|show|iperf", "plugin-show <iperf> plugin_path=/x");
    check("vmtp|plugin|-d|list", "!--debug is not an option of vmtp plugin list");
    check("vmtp|config|show|-t|5", "config-show time=5");
    check("vmtp|config|check", "config-check");
    check("vmtp|config|check|a.yaml", "config-check <a.yaml> file a.yaml");
    check("vmtp|config|check|-c|a.yaml", "config-check file a.yaml");
    check("vmtp|plan|--help", "help about plan");
    check("vmtp|--help|replay", "help about replay");
    check("vmtp|plugin|-h", "help about plugin-list");
    check("vmtp|plugin|show|-h", "help about plugin-show");
    check("vmtp|config|check|-h", "help about config-check");
    check("vmtp|help", "help about run");
    check("vmtp|help|config|show", "help about config-show");
    check("vmtp|help|cleanp", "! 'cleanp' is no command of vmtp; did you mean 'cleanup'?");
    check("vmtp|--help|--bogus", "help about run");
    check("vmtp|--bogus|--help", "!--bogus: no such option");
    check("vmtp|-v|-sc", "version");
    check("vmtp|replay|-v", "version");
}

/* ---- secrets ---- */

static const struct {
    const char *line, *args, *left;
} secrets[] = {
    {"vmtp|-p|SECRET|-d", "vmtp -p <MASKED> -d", "vmtp|-p|******|-d"},
    {"vmtp|-pSECRET", "vmtp -p<MASKED>", "vmtp|-p******"},
    {"vmtp|-p=SECRET", "vmtp -p=<MASKED>", "vmtp|-p=******"},
    {"vmtp|-dpSECRET", "vmtp -dp<MASKED>", "vmtp|-dp******"},
    {"vmtp|-dp|SECRET", "vmtp -dp <MASKED>", "vmtp|-dp|******"},
    {"vmtp|--password|SECRET", "vmtp --password <MASKED>", "vmtp|--password|******"},
    {"vmtp|--password=SECRET", "vmtp --password=<MASKED>", "vmtp|--password=******"},
    {"vmtp|--pa|SECRET|--pass=SECRET", "vmtp --pa <MASKED> --pass=<MASKED>", "vmtp|--pa|******|--pass=******"},
    {"vmtp|-p|-1", "vmtp -p <MASKED>", "vmtp|-p|**"},
    {"vmtp|-p|", "vmtp -p <MASKED>", "vmtp|-p|"},
    {"vmtp|-p|a b'c", "vmtp -p <MASKED>", "vmtp|-p|*****"},
    {"vmtp|--host|u@h:SECRET|--host=u@h:SECRET:eth0", "vmtp --host <MASKED> --host=<MASKED>",
     "vmtp|--host|**********|--host=***************"},
    {"vmtp|--hos|u@h:SECRET", "vmtp --hos <MASKED>", "vmtp|--hos|**********"},
    {"vmtp|--external-host|u@h:SECRET", "vmtp --external-host <MASKED>", "vmtp|--external-host|**********"},
    {"vmtp|--external_host=u@h:SECRET", "vmtp --external_host=<MASKED>", "vmtp|--external_host=**********"},
    {"vmtp|--ext|u@h:SECRET", "vmtp --ext <MASKED>", "vmtp|--ext|**********"},
    {"vmtp|--controller-node|u@h:SECRET", "vmtp --controller-node <MASKED>", "vmtp|--controller-node|**********"},
    {"vmtp|--controller_n=u@h:SECRET", "vmtp --controller_n=<MASKED>", "vmtp|--controller_n=**********"},
    {"vmtp|--sink|mongo:uri=mongodb://u:SECRET@h/db,db=x", "vmtp --sink mongo:uri=mongodb://u:<MASKED>@h/db,db=x",
     "vmtp|--sink|mongo:uri=mongodb://u:******@h/db,db=x"},
    {"vmtp|--sink=mongo:uri=mongodb://u:SEC/R@T@h:1/db?a=b", "vmtp '--sink=mongo:uri=mongodb://u:<MASKED>@h:1/db?a=b'",
     "vmtp|--sink=mongo:uri=mongodb://u:*******@h:1/db?a=b"},
    {"vmtp|--sink|x:user=u,password=SECRET,SECRET", "vmtp --sink x:user=u,password=<MASKED>",
     "vmtp|--sink|x:user=u,password=*************"},
    {"vmtp|--sink|x:uri=a://h/?tlsCertificateKeyFilePassword=SECRET",
     "vmtp --sink 'x:uri=a://h/?tlsCertificateKeyFilePassword=<MASKED>'",
     "vmtp|--sink|x:uri=a://h/?tlsCertificateKeyFilePassword=******"},
    {"vmtp|--sink|x:password=SECRET,uri=a://u:SECRET@h", "vmtp --sink x:password=<MASKED>",
     "vmtp|--sink|x:password=*************************"},
    {"vmtp|--sink|x:uri=a://u:SECRET@h,api_key=SECRET", "vmtp --sink x:uri=a://u:<MASKED>",
     "vmtp|--sink|x:uri=a://u:***********************"},
    {"vmtp|--tp-tool|iperf3:auth-token=SECRET", "vmtp --tp-tool iperf3:auth-token=<MASKED>",
     "vmtp|--tp-tool|iperf3:auth-token=******"},
    {"vmtp|--topology=x:Secret=SECRET", "vmtp --topology=x:Secret=<MASKED>", "vmtp|--topology=x:Secret=******"},
    {"vmtp|--vm-image-url|https://u:SECRET@h/i", "vmtp --vm-image-url https://u:<MASKED>@h/i",
     "vmtp|--vm-image-url|https://u:******@h/i"},
    {"vmtp|--mongod-server|mongodb://u:SECRET@h", "vmtp --mongod-server mongodb://u:<MASKED>@h",
     "vmtp|--mongod-server|mongodb://u:******@h"},
    {"vmtp|replay|last|--sink|x:password=SECRET", "vmtp replay last --sink x:password=<MASKED>",
     "vmtp|replay|last|--sink|x:password=******"},
    /* nothing to hide */
    {"vmtp|--sink|json:file=a b|--vm-image-url|http://h:80/i",
     "vmtp --sink 'json:file=a b' --vm-image-url http://h:80/i",
     "vmtp|--sink|json:file=a b|--vm-image-url|http://h:80/i"},
    {"vmtp|--test-description|it's|--tp-tool|", "vmtp --test-description 'it'\\''s' --tp-tool ''",
     "vmtp|--test-description|it's|--tp-tool|"},
};

static void test_secrets(void)
{
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        VMTP_CLEAN(mem) char *args = NULL;
        VMTP_CLEAN(mem) char *left = NULL;
        VMTP_CLEAN(mem) char *got = parse(secrets[i].line, &args, &left);
        VMTP_CLEAN(mem) char *name = vmtp_format("%s: masked in args", secrets[i].line);
        VMTP_CLEAN(mem) char *name2 = vmtp_format("%s: overwritten in argv", secrets[i].line);
        is(args, secrets[i].args, name);
        is(left, secrets[i].left, name2);
        ok(got && *got != '!' && (strstr(got, "SEC") || !strstr(secrets[i].line, "SEC")), "the tree has its own copy");
    }
}

/* A wrong command line must not tell a secret either. */
static void test_secret_errors(void)
{
    static const char *const lines[] = {
        "vmtp|--pasword=SECRET",       "vmtp|--pasword|SECRET",     "vmtp|-p|my|SECRET",
        "vmtp|-pass|SECRET",           "vmtp|--password=|SECRET",   "vmtp|-p|-SECRET",
        "vmtp|-PSECRET",               "vmtp|-dSECRET",             "vmtp|u@h:SECRET",
        "vmtp|--host|u@h|u@h:SECRET",  "vmtp|--debug=SECRET",       "vmtp|-password=SECRET",
        "vmtp|run|password=SECRET",    "vmtp|plugin|a://u:SECRET@h", "vmtp|-p|SECRET|--bogus",
        "vmtp|plugin|list|-p|SECRET",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        VMTP_CLEAN(mem) char *args = NULL;
        VMTP_CLEAN(mem) char *got = parse(lines[i], &args, NULL);
        if (!ok(got && *got == '!' && !strstr(got, "SECRET") && (!args || !strstr(args, "SECRET")),
                "%s: refused without telling the secret", lines[i]))
            printf("# got: %s\n", got);
    }
    VMTP_CLEAN(mem) char *left = NULL;
    VMTP_CLEAN(mem) char *got = parse("vmtp|-p|SECRET|--bogus", NULL, &left);
    contains(got, "--bogus", "a wrong option behind a password");
    is(left, "vmtp|**|******|*******", "argv is overwritten on failure too, all of it");
}

static void test_hostile(void)
{
    VMTP_CLEAN(mem) char *args = NULL;
    VMTP_CLEAN(mem) char *got = parse("vmtp|--json|a\nb\033[31m", &args, NULL);
    ok(got && args && !strchr(args, '\n') && !strchr(args, '\033'), "control characters do not reach args");
    struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(cli) struct vmtp_cli cli = {0};
    char *none[] = {NULL};
    is_int(vmtp_cli_parse(&ctx, 0, none, &cli), VMTP_OK, "no program name at all");
    is(cli.args, "", "gives empty args");
    vmtp_ctx_clear(&ctx);
}

int main(void)
{
    test_old_options();
    test_old_abbreviations();
    test_new_options();
    test_values();
    test_sources();
    test_keys();
    test_errors();
    test_commands();
    test_secrets();
    test_secret_errors();
    test_hostile();
    return done_testing();
}
