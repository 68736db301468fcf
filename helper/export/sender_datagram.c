// SPDX-License-Identifier: Apache-2.0
//
// sender_datagram.c - lines to a statsd server, packed into datagrams that are not fragmented.

#include "helper/export/sender.h"
#include "helper/steady_clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    UDP_PAYLOAD_MAX = 1432,  // an Ethernet frame with room for IPv6 and options
    UNIX_PAYLOAD_MAX = 8192, // what the Datadog Agent reads
    BURST = 32,              // datagrams; the usual receive buffer holds 90 of UDP_PAYLOAD_MAX
    PACE_MS = 5,
    PATIENCE_US = 1000000,
};

struct datagram_sender {
    int fd;
    size_t payload_max;
    unsigned burst;    // datagrams since the last pause
    uint64_t until_us; // when the batch has had enough time
    struct sender_counts counts;
};

static int connect_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = -1;
    if (strlen(path) >= sizeof(sa.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static int connect_udp(const char *address, const char **why)
{
    char host[256];
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    const char *colon = strrchr(address, ':');
    int fd = -1;
    if (!colon || (size_t)(colon - address) >= sizeof(host)) {
        *why = "write udp://HOST:PORT";
        return -1;
    }
    const char *start = address[0] == '[' ? address + 1 : address;
    const char *end = address[0] == '[' && colon[-1] == ']' ? colon - 1 : colon;
    snprintf(host, sizeof(host), "%.*s", (int)(end - start), start);
    int rc = getaddrinfo(host, colon + 1, &hints, &list);
    if (rc != 0)
        *why = gai_strerror(rc);
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static void *datagram_open(const char *to, const struct opt_list *headers, char *error,
                           size_t error_size)
{
    static const char unix_scheme[] = "unixgram://", udp_scheme[] = "udp://";
    struct datagram_sender *s = calloc(1, sizeof(*s));
    const char *why = NULL;
    (void)headers;
    if (!s)
        return NULL;
    s->fd = -1;
    if (strncmp(to, unix_scheme, strlen(unix_scheme)) == 0) {
        s->payload_max = UNIX_PAYLOAD_MAX;
        s->fd = connect_unix(to + strlen(unix_scheme));
    } else if (strncmp(to, udp_scheme, strlen(udp_scheme)) == 0) {
        s->payload_max = UDP_PAYLOAD_MAX;
        s->fd = connect_udp(to + strlen(udp_scheme), &why);
    } else {
        why = "write udp://HOST:PORT or unixgram:///PATH";
    }
    if (s->fd >= 0)
        return s;
    snprintf(error, error_size, "cannot send to %s: %s", to, why ? why : strerror(errno));
    free(s);
    return NULL;
}

// A server on this host that is behind makes send() fail at once: it gets a second to catch up with
// a batch.
static bool send_patiently(struct datagram_sender *s, const char *lines, size_t size)
{
    struct pollfd room = {.fd = s->fd, .events = POLLOUT};
    // an ICMP answer to an earlier datagram is reported here: the server may be back by now
    bool sent = send(s->fd, lines, size, MSG_NOSIGNAL) >= 0 ||
                (errno == ECONNREFUSED && send(s->fd, lines, size, MSG_NOSIGNAL) >= 0);
    while (!sent && (errno == EAGAIN || errno == ENOBUFS) && steady_now_us() < s->until_us) {
        poll(&room, 1, PACE_MS);
        sent = send(s->fd, lines, size, MSG_NOSIGNAL) >= 0;
    }
    return sent;
}

static void send_one(struct datagram_sender *s, const char *lines, size_t size)
{
    if (size && lines[size - 1] == '\n')
        size--;
    // nothing says that a server behind UDP has no room: it gets time to read what it has
    if (s->burst++ % BURST == BURST - 1)
        poll(NULL, 0, PACE_MS);
    if (!send_patiently(s, lines, size)) {
        s->counts.dropped++;
        snprintf(s->counts.error, sizeof(s->counts.error), "%s", strerror(errno));
        return;
    }
    s->counts.sent++;
}

static void datagram_send(void *self, const char *batch, size_t size)
{
    struct datagram_sender *s = self;
    size_t start = 0, end = 0;
    s->until_us = steady_now_us() + PATIENCE_US;
    while (end < size) {
        const char *newline = memchr(batch + end, '\n', size - end);
        size_t next = newline ? (size_t)(newline - batch) + 1 : size;
        if (end > start && next - 1 - start > s->payload_max) {
            send_one(s, batch + start, end - start);
            start = end;
        }
        end = next;
    }
    if (end > start)
        send_one(s, batch + start, end - start);
}

static bool datagram_work(void *self)
{
    (void)self;
    return true;
}

static const struct sender_counts *datagram_counts(const void *self)
{
    const struct datagram_sender *s = self;
    return &s->counts;
}

static void datagram_close(void *self)
{
    struct datagram_sender *s = self;
    close(s->fd);
    free(s);
}

const struct sender sender_datagram = {
    .open = datagram_open,
    .send = datagram_send,
    .work = datagram_work,
    .counts = datagram_counts,
    .close = datagram_close,
};
