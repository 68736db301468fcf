// SPDX-License-Identifier: Apache-2.0
//
// half_close.c - many local TCP connections whose client shuts down its side and reads on,
// blocking.
//
//   half_close CASE CONNECTIONS PARALLEL
//
// CASE says what the server and the client's other thread do at that moment:
//   asked     nothing was answered yet: the answer comes after the end of the question
//   answered  the client has just read an answer; the server may still be inside that send
//   unread    the answer waits unread
//   sending   the server sends more, 20 times
//   pushing   the same, but another of its threads than the one that answered, which reads on
//   waiting   (the client's reader waits already: another thread shuts down)
// After the end of the question the server lets 60 ms go by before it closes: the kernel
// acknowledges the client's FIN after 40, with a segment of its own. Every byte is checked. Prints
// `connections N again M`: M blocking reads said EAGAIN, which those of plain TCP never do.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(ok)                                                                                  \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            fprintf(stderr, "half_close: line %d: %s: %m\n", __LINE__, #ok);                       \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { QUESTION = 64, ANSWER = 1000, MORE = 20, PAUSE_US = 60000 };

static enum { ASKED, ANSWERED, UNREAD, SENDING, PUSHING, WAITING } what;
static const char *const names[] = {"asked", "answered", "unread", "sending", "pushing", "waiting"};
static struct sockaddr_in address;
static int listener;
static atomic_int left, again;

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 131 + (i >> 8));
}

static void put_answers(int fd, int count, size_t *at)
{
    unsigned char buf[ANSWER];
    for (int k = 0; k < count; k++, *at += ANSWER) {
        for (size_t i = 0; i < ANSWER; i++)
            buf[i] = pattern(*at + i);
        CHECK(send(fd, buf, ANSWER, MSG_NOSIGNAL) == ANSWER);
    }
}

static void *push(void *fd)
{
    size_t at = ANSWER;
    put_answers(*(int *)fd, MORE, &at);
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        char buf[QUESTION];
        size_t at = 0;
        pthread_t other;
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        CHECK(recv(fd, buf, QUESTION, MSG_WAITALL) > 0);
        if (what != ASKED)
            put_answers(fd, what == SENDING ? 1 + MORE : 1, &at);
        if (what == PUSHING)
            CHECK(pthread_create(&other, NULL, push, &fd) == 0);
        ssize_t n;
        while ((n = recv(fd, buf, sizeof(buf), 0)) > 0 || (n < 0 && errno == EAGAIN))
            again += n < 0;
        CHECK(n == 0);
        if (what == PUSHING)
            pthread_join(other, NULL);
        usleep(PAUSE_US);
        if (what == ASKED)
            put_answers(fd, 1, &at);
        close(fd);
    }
    return NULL;
}

// Reads up to ANSWER bytes, or the end; counts each EAGAIN.
static size_t get(int fd, size_t *at)
{
    unsigned char buf[ANSWER];
    ssize_t n;
    while ((n = recv(fd, buf, ANSWER, 0)) < 0 && errno == EAGAIN)
        again++;
    CHECK(n >= 0);
    for (ssize_t i = 0; i < n; i++)
        if (buf[i] != pattern(*at + (size_t)i)) {
            fprintf(stderr, "half_close: byte %zu is wrong\n", *at + (size_t)i);
            exit(1);
        }
    *at += (size_t)n;
    return (size_t)n;
}

static void *shut_later(void *fd)
{
    usleep(5000);
    shutdown(*(int *)fd, SHUT_WR);
    return NULL;
}

static void ask(void)
{
    char question[QUESTION] = "";
    size_t at = 0;
    pthread_t other;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(send(fd, question, QUESTION, 0) == QUESTION);
    if (what == UNREAD)
        CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20000) == 1);
    else if (what != ASKED)
        while (at < ANSWER)
            get(fd, &at);
    if (what == WAITING)
        CHECK(pthread_create(&other, NULL, shut_later, &fd) == 0);
    else
        shutdown(fd, SHUT_WR);
    while (get(fd, &at))
        ;
    if (what == WAITING)
        pthread_join(other, NULL);
    CHECK(at == ANSWER * (what == SENDING || what == PUSHING ? 1 + MORE : 1));
    close(fd);
}

static void *client(void *unused)
{
    (void)unused;
    while (left-- > 0)
        ask();
    return NULL;
}

int main(int argc, char **argv)
{
    int connections = argc == 4 ? atoi(argv[2]) : 0, parallel = argc == 4 ? atoi(argv[3]) : 0;
    while (argc == 4 && what <= WAITING && strcmp(argv[1], names[what]) != 0)
        what++;
    if (connections < 1 || parallel < 1 || what > WAITING) {
        fprintf(stderr, "usage: half_close CASE CONNECTIONS PARALLEL\n");
        return 2;
    }
    socklen_t len = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1024) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    left = connections;
    pthread_t clients[parallel], server;
    for (int i = 0; i < parallel; i++)
        CHECK(pthread_create(&server, NULL, serve, NULL) == 0);
    for (int i = 0; i < parallel; i++)
        CHECK(pthread_create(&clients[i], NULL, client, NULL) == 0);
    for (int i = 0; i < parallel; i++)
        pthread_join(clients[i], NULL);
    printf("connections %d again %d\n", connections, again);
    return 0;
}
