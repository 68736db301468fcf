// SPDX-License-Identifier: Apache-2.0
//
// tcp_integrity.c - many local TCP connections whose every byte is checked.
//
//   tcp_integrity [-n CONNECTIONS] [-w WORKERS] [-m MAX_BYTES] [-s SEED] [-a ADDRESS] [-o
//   OPTION]... [-p PORT]
//
// Worker threads open connections to threads of the same process. On each both ends send at once, a
// random number of bytes (0 to MAX_BYTES, mostly few) in random pieces, while they read; every byte
// must be the one that belongs at its place, and the stream must end where it should. OPTION:
//   defer   the listener has TCP_DEFER_ACCEPT       tfo     data in the SYN (TCP Fast Open)
//   mapped  an IPv6 listener, IPv4-mapped peers     cork    the first bytes are written under
//   TCP_CORK
// Prints `connections N bytes M` and exits 0, or names the first wrong byte and exits 1.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE_MAX = 1 << 17, STALL_MS = 60000 };

struct options {
    unsigned connections, workers, port;
    uint64_t max_bytes, seed;
    const char *address;
    bool defer, tfo, mapped, cork;
};

struct hello {
    uint64_t seed, from_client, from_server;
};

struct shared {
    struct options o;
    struct sockaddr_storage to;
    socklen_t to_len;
    atomic_uint next;
    atomic_ullong bytes;
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "tcp_integrity: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t draw(uint64_t *state)
{
    return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

// The bytes of a stream: eight of them from one number, so that any shift or swap shows.
static void fill(unsigned char *buf, size_t size, uint64_t stream, uint64_t at)
{
    for (size_t i = 0; i < size; i++, at++)
        buf[i] = (unsigned char)(mix(stream + at / 8) >> at % 8 * 8);
}

static void check(const unsigned char *buf, size_t size, uint64_t stream, uint64_t at)
{
    static _Thread_local unsigned char want[PIECE_MAX];
    fill(want, size, stream, at);
    if (memcmp(buf, want, size) == 0)
        return;
    for (size_t i = 0; i < size; i++)
        if (buf[i] != want[i])
            die("stream %016llx: byte %llu is %02x, not %02x", (unsigned long long)stream,
                (unsigned long long)(at + i), buf[i], want[i]);
}

static size_t piece(uint64_t *rng, uint64_t left)
{
    static const size_t most[] = {1, 64, 1000, 4096, 16384, 65536, PIECE_MAX};
    size_t n = 1 + draw(rng) % most[draw(rng) % 7];
    return n < left ? n : (size_t)left;
}

// Sends and receives at once until both streams have ended.
static void exchange(int fd, uint64_t rng, uint64_t out_stream, uint64_t out_bytes,
                     uint64_t in_stream, uint64_t in_bytes)
{
    static _Thread_local unsigned char buf[PIECE_MAX];
    uint64_t out = 0, in = 0;
    bool out_open = true, in_open = true;
    while (out_open || in_open) {
        struct pollfd p = {.fd = fd,
                           .events = (short)((out_open ? POLLOUT : 0) | (in_open ? POLLIN : 0))};
        if (poll(&p, 1, STALL_MS) != 1)
            die("stalled: sent %llu of %llu, received %llu of %llu", (unsigned long long)out,
                (unsigned long long)out_bytes, (unsigned long long)in,
                (unsigned long long)in_bytes);
        if (out_open && (p.revents & POLLOUT)) {
            size_t n = piece(&rng, out_bytes - out);
            fill(buf, n, out_stream, out);
            ssize_t sent = n ? send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
            if (sent < 0 && errno != EAGAIN)
                die("send after %llu bytes: %s", (unsigned long long)out, strerror(errno));
            out += sent > 0 ? (uint64_t)sent : 0;
            if (out == out_bytes) {
                shutdown(fd, SHUT_WR);
                out_open = false;
            }
        }
        if (in_open && (p.revents & (POLLIN | POLLHUP | POLLERR))) {
            ssize_t got = recv(fd, buf, 1 + draw(&rng) % PIECE_MAX, MSG_DONTWAIT);
            if (got < 0 && errno != EAGAIN)
                die("recv after %llu bytes: %s", (unsigned long long)in, strerror(errno));
            if (got > 0)
                check(buf, (size_t)got, in_stream, in);
            in += got > 0 ? (uint64_t)got : 0;
            if (in > in_bytes || (got == 0 && in != in_bytes))
                die("stream ended after %llu of %llu bytes", (unsigned long long)in,
                    (unsigned long long)in_bytes);
            in_open = got != 0;
        }
    }
}

static void *serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    struct hello hello;
    size_t got = 0;
    while (got < sizeof(hello)) {
        ssize_t n = recv(fd, (char *)&hello + got, sizeof(hello) - got, 0);
        if (n <= 0)
            die("no greeting: %s", n ? strerror(errno) : "end of stream");
        got += (size_t)n;
    }
    exchange(fd, hello.seed ^ 2, hello.seed + 1, hello.from_server, hello.seed, hello.from_client);
    close(fd);
    return NULL;
}

static void *serve(void *arg)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int fd = accept((int)(intptr_t)arg, NULL, NULL);
        pthread_t thread;
        if (fd < 0 || pthread_create(&thread, &attr, serve_one, (void *)(intptr_t)fd) != 0)
            die("accept: %s", strerror(errno));
    }
}

// Mostly small, some large: 1 in 64 up to the maximum.
static uint64_t size_of(const struct options *o, uint64_t *rng)
{
    uint64_t kind = draw(rng) % 64, most = kind == 0   ? o->max_bytes
                                           : kind < 8  ? 300000
                                           : kind < 24 ? 20000
                                                       : 600;
    return draw(rng) % ((most < o->max_bytes ? most : o->max_bytes) + 1);
}

static void connect_once(struct shared *s, unsigned number)
{
    uint64_t rng = mix(s->o.seed + number);
    struct hello hello = {draw(&rng), size_of(&s->o, &rng), size_of(&s->o, &rng)};
    int one = 1, fd = socket(s->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->o.cork)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
    ssize_t n;
    if (s->o.tfo) {
        n = sendto(fd, &hello, sizeof(hello), MSG_FASTOPEN, (struct sockaddr *)&s->to, s->to_len);
    } else {
        if (connect(fd, (struct sockaddr *)&s->to, s->to_len) != 0)
            die("connect: %s", strerror(errno));
        n = send(fd, &hello, sizeof(hello), MSG_NOSIGNAL);
    }
    if (n != sizeof(hello))
        die("send: %s", strerror(errno));
    one = 0;
    if (s->o.cork && draw(&rng) % 2)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
    exchange(fd, hello.seed, hello.seed, hello.from_client, hello.seed + 1, hello.from_server);
    close(fd);
    atomic_fetch_add(&s->bytes, sizeof(hello) + hello.from_client + hello.from_server);
}

static void *work(void *arg)
{
    struct shared *s = arg;
    unsigned number;
    while ((number = atomic_fetch_add(&s->next, 1)) < s->o.connections)
        connect_once(s, number);
    return NULL;
}

static int make_listener(struct shared *s)
{
    const struct options *o = &s->o;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s->to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->to, any = {.sin6_family = AF_INET6};
    int one = 1, off = 0;
    if (inet_pton(AF_INET, o->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        s->to_len = sizeof(*v4);
    } else if (inet_pton(AF_INET6, o->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        s->to_len = sizeof(*v6);
    } else {
        die("'%s' is not an address", o->address);
    }
    v4->sin_port = htons((uint16_t)o->port); // the same place in both
    int fd = socket(o->mapped ? AF_INET6 : s->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    any.sin6_port = v4->sin_port;
    if (o->mapped)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (o->defer)
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one));
    if (o->tfo)
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &(int){1024}, sizeof(int));
    struct sockaddr *name = o->mapped ? (struct sockaddr *)&any : (struct sockaddr *)&s->to;
    socklen_t len = o->mapped ? sizeof(any) : s->to_len;
    struct sockaddr_in6 bound;
    if (bind(fd, name, len) != 0 || listen(fd, 4096) != 0)
        die("listen: %s", strerror(errno));
    len = sizeof(bound);
    getsockname(fd, (struct sockaddr *)&bound, &len);
    v4->sin_port = bound.sin6_port;
    return fd;
}

static struct options parse(int argc, char **argv)
{
    struct options o = {
        .connections = 1000, .workers = 4, .max_bytes = 8 << 20, .seed = 1, .address = "127.0.0.1"};
    for (int c; (c = getopt(argc, argv, "n:w:m:s:a:o:p:")) != -1;) {
        if (c == 'n')
            o.connections = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'w')
            o.workers = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'm')
            o.max_bytes = strtoull(optarg, NULL, 10);
        else if (c == 's')
            o.seed = strtoull(optarg, NULL, 10);
        else if (c == 'a')
            o.address = optarg;
        else if (c == 'p')
            o.port = (unsigned)strtoul(optarg, NULL, 10);
        else if (c != 'o')
            exit(2);
        o.defer |= c == 'o' && strcmp(optarg, "defer") == 0;
        o.tfo |= c == 'o' && strcmp(optarg, "tfo") == 0;
        o.mapped |= c == 'o' && strcmp(optarg, "mapped") == 0;
        o.cork |= c == 'o' && strcmp(optarg, "cork") == 0;
    }
    return o;
}

int main(int argc, char **argv)
{
    struct shared s = {.o = parse(argc, argv)};
    pthread_t server, workers[64];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int listener = make_listener(&s);
    if (s.o.workers > 64 || pthread_create(&server, NULL, serve, (void *)(intptr_t)listener) != 0)
        die("cannot start");
    for (unsigned i = 0; i < s.o.workers; i++)
        if (pthread_create(&workers[i], NULL, work, &s) != 0)
            die("cannot start a worker");
    for (unsigned i = 0; i < s.o.workers; i++)
        pthread_join(workers[i], NULL);
    printf("connections %u bytes %llu\n", s.o.connections,
           (unsigned long long)atomic_load(&s.bytes));
    return 0;
}
