/* SPDX-License-Identifier: Apache-2.0 */
/* sessions N ADDRESS USER KEY: N sessions of libssh2 at once, a blocking one per thread, each runs "true" once and
 * checks nothing: the least that a program can do. Exit 1 when one of them fails. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh2.h>

static char **args;

static int one(LIBSSH2_SESSION *session, int fd)
{
    char chunk[256];
    if (libssh2_session_handshake(session, fd) ||
        libssh2_userauth_publickey_fromfile_ex(session, args[3], (unsigned)strlen(args[3]), NULL, args[4], NULL))
        return 1;
    LIBSSH2_CHANNEL *channel = libssh2_channel_open_session(session);
    if (!channel || libssh2_channel_exec(channel, "true"))
        return 1;
    while (libssh2_channel_read(channel, chunk, sizeof chunk) > 0)
        ;
    int failed = libssh2_channel_close(channel) || libssh2_channel_get_exit_status(channel) != 0;
    libssh2_channel_free(channel);
    libssh2_session_disconnect(session, "done");
    return failed;
}

static void *run(void *arg)
{
    (void)arg;
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(22)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, args[2], &address.sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    LIBSSH2_SESSION *session = libssh2_session_init();
    int failed = connect(fd, (struct sockaddr *)&address, sizeof address) || one(session, fd);
    if (failed)
        fprintf(stderr, "a session failed\n");
    libssh2_session_free(session);
    close(fd);
    return failed ? args : NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[1000];
    int n = argc == 5 ? (int)strtol(argv[1], NULL, 10) : 0, failed = n <= 0 || n > 1000;
    args = argv;
    libssh2_init(0);
    for (int i = 0; !failed && i < n; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    for (int i = 0; !failed && i < n; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed |= result != NULL;
    }
    return failed;
}
