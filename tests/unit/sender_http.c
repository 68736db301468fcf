// SPDX-License-Identifier: Apache-2.0
// LINK: helper/export/sender_http.c helper/export/curl_library.c helper/steady_clock.c
//
// The queue of HTTP batches, when it is full while a request is under way: the oldest that waits is
// dropped, the newest is sent, and so is the one under way. The server is a thread of this program.

#include "helper/export/sender.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, POSTS_MAX = 8, PATIENCE_S = 30 };

static int listener;
static char arrived[POSTS_MAX + 1];

static void fail(const char *what)
{
    printf("%s\n", what);
    exit(1);
}

// Reads one POST whose body is a letter again and again; false at the end of the connection.
static bool read_post(int fd, char *letter)
{
    static char bytes[MIB];
    size_t len = 0, left;
    const char *body = NULL;
    while (!body) {
        ssize_t n = len + 1 < sizeof(bytes) ? read(fd, bytes + len, sizeof(bytes) - 1 - len) : 0;
        if (n <= 0)
            return false;
        len += (size_t)n;
        bytes[len] = '\0';
        body = strstr(bytes, "\r\n\r\n");
    }
    body += 4;
    const char *length = strcasestr(bytes, "content-length:");
    if (!length)
        fail("a request without a length");
    left = strtoull(length + strlen("content-length:"), NULL, 10) - (len - (size_t)(body - bytes));
    *letter = *body; // may be there later only
    for (bool had = body<bytes + len; left> 0;) {
        ssize_t n = read(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        if (n <= 0)
            return false;
        *letter = had ? *letter : bytes[0];
        had = true;
        left -= (size_t)n;
    }
    return true;
}

static void *serve(void *context)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    int fd = accept(listener, NULL, NULL);
    (void)context;
    for (size_t posts = 0; posts < POSTS_MAX && read_post(fd, &arrived[posts]); posts++) {
        if (write(fd, answer, sizeof(answer) - 1) != sizeof(answer) - 1)
            fail("the answer cannot be written");
    }
    close(fd);
    return NULL;
}

static unsigned listen_somewhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        fail("no port of 127.0.0.1 can be had");
    return ntohs(at.sin_port);
}

static void send_letter(void *sender, char letter, size_t size)
{
    char *batch = malloc(size);
    if (!batch)
        fail("out of memory");
    memset(batch, letter, size);
    sender_http.send(sender, batch, size);
    free(batch);
}

int main(void)
{
    char url[64], error[SENDER_ERROR_MAX] = "";
    const struct opt_list no_headers = {0};
    const struct timespec pause = {.tv_nsec = 1000000};
    pthread_t server;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", listen_somewhere());
    void *sender = sender_http.open(url, &no_headers, error, sizeof(error));
    if (!sender)
        fail(error);
    if (pthread_create(&server, NULL, serve, NULL) != 0)
        fail("no thread");
    send_letter(sender, 'a', 6 * MIB);
    sender_http.work(sender); // under way until work() is called again, whatever the server does
    send_letter(sender, 'b', 6 * MIB);
    send_letter(sender, 'c', 6 * MIB);  // 18 MiB: b goes, the last of the queue
    send_letter(sender, 'd', 2 * MIB);  // 14 MiB
    send_letter(sender, 'e', 3 * MIB);  // 17 MiB: c goes, from the middle
    send_letter(sender, 'f', 11 * MIB); // no room beside a: nothing goes for it
    uint64_t dropped = sender_http.counts(sender)->dropped;
    if (dropped != 3) {
        printf("%llu batches were dropped, not 3\n", (unsigned long long)dropped);
        return 1;
    }
    const time_t began = time(NULL);
    while (!sender_http.work(sender)) {
        if (time(NULL) - began > PATIENCE_S)
            fail("not everything was sent in time");
        nanosleep(&pause, NULL);
    }
    sender_http.close(sender);
    pthread_join(server, NULL);
    if (strcmp(arrived, "ade") != 0) {
        printf("arrived: %s, not ade\n", arrived);
        return 1;
    }
    return 0;
}
