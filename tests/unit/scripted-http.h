/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/scripted-http.py for unit tests: a web server that says what it is told to say. */
#ifndef TESTS_UNIT_SCRIPTED_HTTP_H
#define TESTS_UNIT_SCRIPTED_HTTP_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

struct scripted {
    FILE *to, *from;
    pid_t pid;
    char url[64];
};

/* Starts it; with a certificate and its key it speaks TLS, with a CA to clients that have a certificate of it only.
 * false: there is no python3. */
__attribute__((unused)) static bool scripted_start_tls(struct scripted *server, const char *cert, const char *key,
                                                       const char *client_ca)
{
    int in[2], out[2];
    char port[16] = "";
    if (pipe(in) < 0 || pipe(out) < 0)
        return false;
    server->pid = fork();
    if (server->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        unsetenv("LD_PRELOAD");
        execlp("python3", "python3", FAKE "/scripted-http.py", cert, key, client_ca, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server->to = fdopen(in[1], "w");
    server->from = fdopen(out[0], "r");
    signal(SIGPIPE, SIG_IGN);
    if (!fgets(port, sizeof port, server->from))
        return false;
    port[strcspn(port, "\n")] = '\0';
    snprintf(server->url, sizeof server->url, "%s://127.0.0.1:%s", cert ? "https" : "http", port);
    return true;
}

__attribute__((unused)) static bool scripted_start(struct scripted *server, const char *cert, const char *key)
{
    return scripted_start_tls(server, cert, key, NULL);
}

__attribute__((unused)) static void scripted_stop(struct scripted *server)
{
    fclose(server->to);
    fclose(server->from);
    waitpid(server->pid, NULL, 0);
}

/* What it says from now on: a JSON array of rules, in one line or several. */
__attribute__((unused)) static void scripted_say(struct scripted *server, const char *rules)
{
    char line[16];
    for (const char *c = rules; *c; c++)
        fputc(*c == '\n' ? ' ' : *c, server->to);
    fputc('\n', server->to);
    fflush(server->to);
    if (!fgets(line, sizeof line, server->from) || strcmp(line, "ok\n") != 0) {
        printf("Bail out! the script is no JSON: %s\n", rules);
        exit(99);
    }
}

/* The requests since then; the caller decrefs it. */
__attribute__((unused)) static json_t *scripted_log(struct scripted *server)
{
    char *line = NULL;
    size_t room = 0;
    fputs("log\n", server->to);
    fflush(server->to);
    json_t *log = getline(&line, &room, server->from) > 0 ? json_loads(line, 0, NULL) : NULL;
    free(line);
    return log;
}

#endif
