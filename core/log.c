/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char *const level_names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};

static struct {
    pthread_mutex_t lock;
    enum vmtp_log_level level;
    FILE *file;
    char progress[512];
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = VMTP_LOG_INFO};

void vmtp_log_set_level(enum vmtp_log_level level)
{
    logger.level = level;
}

enum vmtp_log_level vmtp_log_get_level(void)
{
    return logger.level;
}

bool vmtp_log_on_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

int vmtp_log_open_file(vmtp_ctx *ctx, const char *path)
{
    if (logger.file)
        fclose(VMTP_TAKE(logger.file));
    if (!path || strcmp(path, "-") == 0)
        return VMTP_OK;
    logger.file = fopen(path, "we");
    if (!logger.file)
        return vmtp_fail(ctx, VMTP_ECONFIG, "cannot write the log file %s: %s", path, vmtp_errno());
    setvbuf(logger.file, NULL, _IOLBF, 0);
    return VMTP_OK;
}

static void timestamp(char *out, size_t size)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    size_t n = strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(out + n, size - n, ",%03ld", now.tv_nsec / 1000000);
}

static void erase_progress(void)
{
    if (logger.progress[0])
        fputs("\r\033[K", stderr);
}

static void show_progress(void)
{
    if (logger.progress[0])
        fputs(logger.progress, stderr);
    fflush(stderr);
}

void vmtp_vlog(enum vmtp_log_level level, const char *fmt, va_list args)
{
    if (level > logger.level)
        return;
    char text[VMTP_LOG_TEXT_MAX]; /* a lack of memory has to be told as well */
    vsnprintf(text, sizeof text, fmt, args);
    vmtp_printable(text);
    char when[40];
    timestamp(when, sizeof when);

    pthread_mutex_lock(&logger.lock);
    erase_progress();
    fprintf(stderr, "%s %s %s\n", when, level_names[level], text);
    if (logger.file)
        fprintf(logger.file, "%s %s %s\n", when, level_names[level], text);
    show_progress();
    pthread_mutex_unlock(&logger.lock);
}

void vmtp_log(enum vmtp_log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vmtp_vlog(level, fmt, args);
    va_end(args);
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void vmtp_log_progress(const char *text)
{
    if (!vmtp_log_on_terminal() || logger.level < VMTP_LOG_INFO)
        return;
    pthread_mutex_lock(&logger.lock);
    erase_progress();
    snprintf(logger.progress, sizeof logger.progress, "%s", text);
    vmtp_printable(logger.progress);
    size_t width = terminal_width();
    if (width < sizeof logger.progress)
        logger.progress[width - 1] = '\0'; /* a line that wraps could not be erased */
    show_progress();
    pthread_mutex_unlock(&logger.lock);
}
