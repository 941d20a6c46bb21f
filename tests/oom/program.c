/* SPDX-License-Identifier: Apache-2.0 */
/* The whole program, plugins included, while memory runs out. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/commands.h"
#include "tests/oom/oom.h"

enum { WORDS = 16 };

static char dir[] = "/tmp/vmtp-oom.XXXXXX", document[100], journal[4096], old[4096], new[4096], state[100];
static char json[120], junit[120];

/* The result: standard output, and behind it the document, if the command writes one. */
static int program(const void *arg, int out)
{
    const char *const *words = arg;
    char *argv[WORDS] = {(char[]){"vmtp"}};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = strdup(words[argc - 1]);
    unlink(document);
    signal(SIGPIPE, SIG_DFL);
    oom_arm();
    int status = vmtp_main(argc, argv);
    fflush(stdout);
    oom_disarm();
    int fd = open(document, O_RDONLY);
    char chunk[4096];
    for (ssize_t n; fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0;)
        if (write(out, chunk, (size_t)n) != n)
            return 98;
    return status;
}

#define TRY(name, status, ...) oom_try(name, program, (const char *const[]){__VA_ARGS__, NULL}, status)

static void set_up(const char *srcdir)
{
    if (!mkdtemp(dir))
        exit(99);
    setenv("HOME", dir, 1);
    snprintf(state, sizeof state, "%s/state", dir);
    setenv("XDG_STATE_HOME", state, 1);
    setenv("COLUMNS", "120", 1);
    snprintf(document, sizeof document, "%s/out.json", dir);
    snprintf(journal, sizeof journal, "%s/tests/fixtures/journal/1.jsonl", srcdir);
    snprintf(old, sizeof old, "%s/tests/fixtures/upstream/old-program-native-TUI.json", srcdir);
    snprintf(new, sizeof new, "%s/tests/fixtures/report/native.json", srcdir);
    snprintf(json, sizeof json, "json:%s", document);
    snprintf(junit, sizeof junit, "junit:%s", document);
}

int main(void)
{
    const char *srcdir = getenv("srcdir"), *why = oom_missing();
    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    set_up(srcdir ? srcdir : ".");
    TRY("a journal replayed into table and json", 0, "replay", journal, "--json", document, "--sink", "table");
    TRY("the configuration", 0, "-sc", "-t", "2", "--protocols", "TU");
    TRY("a plan", 0, "plan", "--host", "root@192.0.2.1:SECRET", "--host", "u@[2001:db8::1]::eth1", "--protocols", "TUI",
        "--tp-tool", "iperf:path=/opt/iperf", "--tcpbuf", "64,1024");
    TRY("two results compared, as JSON", 0, "compare", old, new, "--fail-if", "tcp.throughput < -50%", "--format", json,
        "--format", "table");
    TRY("... as JUnit", 0, "compare", old, new, "--fail-if", "any.failed in native", "--format", junit);
    TRY("a gate that is wrong", 2, "compare", old, new, "--fail-if", "tcp.thruput < -5%");
    TRY("a misspelt option", 2, "--tmie", "2");
    oom_remove(dir);
    return oom_done();
}
