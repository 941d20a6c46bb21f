/* SPDX-License-Identifier: Apache-2.0 */
/* usage FILE COMMAND...: runs a command, and adds to FILE "wall-seconds cpu-seconds peak-rss-KiB exit-status". Small on
 * purpose: a child inherits the peak of the process that it was forked from. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: usage FILE COMMAND...\n", stderr);
        return 2;
    }
    double begin = now();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    struct rusage used;
    int status;
    if (pid < 0 || wait4(pid, &status, 0, &used) < 0) {
        perror("usage");
        return 2;
    }
    double wall = now() - begin;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *file = fopen(argv[1], "a");
    if (!file) {
        perror(argv[1]);
        return 2;
    }
    fprintf(file, "%.6f %.6f %ld %d\n", wall, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss, code);
    return fclose(file) == 0 ? code : 2;
}
