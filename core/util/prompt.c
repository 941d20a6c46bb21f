/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { ANSWER_MAX = 1024 };

static pthread_mutex_t terminal_lock = PTHREAD_MUTEX_INITIALIZER;

/* One line; the terminal hands it over as a whole. */
static int read_answer(vmtp_ctx *ctx, int tty, char *line, size_t size)
{
    size_t len = 0;
    for (;;) {
        if (vmtp_cancelled(ctx))
            return vmtp_fail(ctx, VMTP_ECANCELED, "interrupted");
        struct pollfd pfd = {.fd = tty, .events = POLLIN};
        if (poll(&pfd, 1, 50) <= 0)
            continue;
        char c;
        ssize_t n = read(tty, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c == '\n')
            break;
        if (len + 1 < size)
            line[len] = c;
        len++;
    }
    line[len < size ? len : 0] = '\0';
    return len < size ? VMTP_OK : vmtp_fail(ctx, VMTP_ECONFIG, "the answer is longer than %zu bytes", size - 1);
}

static int ask(vmtp_ctx *ctx, int tty, const char *question, char *line, size_t size)
{
    struct termios before, silent;
    if (tcgetattr(tty, &before) < 0)
        return VMTP_ENOTSUP;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    if (tcsetattr(tty, TCSAFLUSH, &silent) < 0)
        return VMTP_ENOTSUP; /* in the background */
    (void)!write(tty, question, strlen(question));
    int rc = read_answer(ctx, tty, line, size);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    (void)!write(tty, "\n", 1);
    return rc;
}

int vmtp_prompt_secret(vmtp_ctx *ctx, const char *question, char **answer)
{
    VMTP_CLEAN(fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0 || tcgetpgrp(tty) != getpgrp()) /* a prompt from the background would stop the process */
        return VMTP_ENOTSUP;
    VMTP_CLEAN(mem) char *shown = vmtp_format("%s", question);
    if (!shown)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    vmtp_printable(shown);

    char line[ANSWER_MAX];
    pthread_mutex_lock(&terminal_lock);
    int rc = ask(ctx, tty, shown, line, sizeof line);
    pthread_mutex_unlock(&terminal_lock);
    char *copy = rc == VMTP_OK ? strdup(line) : NULL;
    explicit_bzero(line, sizeof line);
    if (rc < 0)
        return rc;
    *answer = copy;
    return *answer ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

void vmtp_secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
