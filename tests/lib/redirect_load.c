// SPDX-License-Identifier: Apache-2.0
//
// redirect_load.c - one measurement of local traffic between two processes.
//
//   redirect_load MODE SIZE MILLISECONDS CPU CPU tcp|unix CGROUP [ADDRESS NAMESPACE]
//
// MODE is rtt (SIZE bytes there and back), stream (writes of SIZE bytes one way), bulk (4 MB in
// writes of SIZE bytes, then a byte back) or connect (connect and close; SIZE is ignored). Both
// processes join CGROUP before they make a socket, the client is pinned to the first CPU, the
// server to the second. Prints: operations, wall ns, CPU ns of both processes, how many of the
// client's reads after its shutdown() said EAGAIN, which plain TCP never does, and for stream how
// many bytes were written and not yet read at most; an operation is a round trip, a write, 4 MB, or
// a connection. With ADDRESS (IPv4) and NAMESPACE (a file that names
// a network namespace) the server listens there, for a peer behind a device.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(ok)                                                                                  \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            fprintf(stderr, "redirect_load: line %d: %s: %m\n", __LINE__, #ok);                    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { BULK_BYTES = 4 << 20 };

struct load {
    const char *mode;
    size_t size;
    uint64_t duration_ns;
    int cpu[2];
    bool is_unix;
    const char *address, *netns; // of the server; NULL: loopback, here
    struct sockaddr_storage addr;
    socklen_t addr_len;
    char *buf;
    _Atomic uint64_t *taken; // by the server, of a stream; shared by both processes
};

struct result {
    uint64_t ops, wall_ns, again, unread_max;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000u +
           ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000u;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
}

static void join(const char *cgroup)
{
    char path[4096], pid[32];
    snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    int n = snprintf(pid, sizeof(pid), "%d", getpid());
    CHECK(write(fd, pid, (size_t)n) == n);
    close(fd);
}

static int open_socket(const struct load *l)
{
    int fd = socket(l->is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    return fd;
}

static void no_delay(const struct load *l, int fd)
{
    int one = 1;
    if (!l->is_unix)
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
}

static bool read_all(int fd, char *buf, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, buf + got, size - got);
        CHECK(n >= 0);
        if (n == 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static void write_all(int fd, const char *buf, size_t size)
{
    for (size_t put = 0; put < size;) {
        ssize_t n = write(fd, buf + put, size - put);
        CHECK(n > 0);
        put += (size_t)n;
    }
}

static bool read_bulk(int fd, char *buf)
{
    for (size_t got = 0; got < BULK_BYTES;) {
        ssize_t n = read(fd, buf, 1 << 20);
        CHECK(n >= 0);
        if (n == 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static void take_stream(const struct load *l, int fd)
{
    ssize_t n;
    while ((n = read(fd, l->buf, 1 << 20)) > 0)
        atomic_fetch_add_explicit(l->taken, (uint64_t)n, memory_order_relaxed);
}

static void serve(const struct load *l, int listener)
{
    bool echo = strcmp(l->mode, "rtt") == 0;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return;
        no_delay(l, fd);
        if (echo)
            while (read_all(fd, l->buf, l->size))
                write_all(fd, l->buf, l->size);
        else if (strcmp(l->mode, "bulk") == 0)
            while (read_bulk(fd, l->buf))
                write_all(fd, l->buf, 1);
        else
            take_stream(l, fd);
        close(fd);
    }
}

// Shuts down and waits for the peer's close. Returns how often the blocking read said EAGAIN.
static uint64_t finish(int fd, char *buf)
{
    uint64_t again = 0;
    ssize_t n;
    shutdown(fd, SHUT_WR);
    while ((n = read(fd, buf, 1)) < 0 && errno == EAGAIN)
        again++;
    CHECK(n == 0); // the peer read all and closed too
    close(fd);
    return again;
}

static int dial(const struct load *l)
{
    int fd = open_socket(l);
    CHECK(connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0);
    no_delay(l, fd);
    return fd;
}

static void connect_all(const struct load *l, uint64_t start, struct result *r)
{
    for (; now_ns() - start < l->duration_ns; r->ops++) {
        int fd = dial(l);
        r->again += finish(fd, l->buf);
    }
}

static void note_unread(const struct load *l, struct result *r)
{
    uint64_t unread = r->ops * l->size - atomic_load_explicit(l->taken, memory_order_relaxed);
    if (unread > r->unread_max)
        r->unread_max = unread;
}

static void exchange(const struct load *l, uint64_t start, struct result *r)
{
    int fd = dial(l);
    bool echo = strcmp(l->mode, "rtt") == 0, bulk = strcmp(l->mode, "bulk") == 0;
    size_t writes = bulk ? BULK_BYTES / l->size : 1;
    for (; (!bulk && (r->ops & 15)) || now_ns() - start < l->duration_ns; r->ops++) {
        if (!echo && !bulk && !(r->ops & 15))
            note_unread(l, r);
        for (size_t i = 0; i < writes; i++)
            write_all(fd, l->buf, l->size);
        if (bulk)
            CHECK(read_all(fd, l->buf, 1));
        if (echo)
            CHECK(read_all(fd, l->buf, l->size));
    }
    r->again += finish(fd, l->buf);
}

static struct result drive(const struct load *l)
{
    struct result r = {0};
    uint64_t start = now_ns();
    if (strcmp(l->mode, "connect") == 0)
        connect_all(l, start, &r);
    else
        exchange(l, start, &r);
    r.wall_ns = now_ns() - start;
    return r;
}

static void make_address(struct load *l, int listener)
{
    if (l->is_unix) {
        struct sockaddr_un *un = (struct sockaddr_un *)&l->addr;
        un->sun_family = AF_UNIX;
        l->addr_len =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                        (size_t)snprintf(un->sun_path + 1, 64, "redirect_load-%d", getpid()));
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)&l->addr;
        in->sin_family = AF_INET;
        CHECK(inet_pton(AF_INET, l->address ? l->address : "127.0.0.1", &in->sin_addr) == 1);
        l->addr_len = sizeof(*in);
    }
    CHECK(bind(listener, (struct sockaddr *)&l->addr, l->addr_len) == 0);
    CHECK(listen(listener, 1024) == 0);
    if (!l->is_unix)
        CHECK(getsockname(listener, (struct sockaddr *)&l->addr, &l->addr_len) == 0);
}

static void enter(const char *netns)
{
    int fd = open(netns, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && setns(fd, CLONE_NEWNET) == 0);
    close(fd);
}

// A socket stays in the namespace that it was made in, so only the listener is made there.
static int open_listener(struct load *l)
{
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (l->netns)
        enter(l->netns);
    int listener = open_socket(l);
    make_address(l, listener);
    if (l->netns)
        CHECK(setns(here, CLONE_NEWNET) == 0);
    close(here);
    return listener;
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 10) {
        fprintf(stderr, "usage: redirect_load MODE SIZE MILLISECONDS CPU CPU tcp|unix CGROUP "
                        "[ADDRESS NAMESPACE]\n");
        return 2;
    }
    struct load l = {.mode = argv[1],
                     .size = strtoul(argv[2], NULL, 10),
                     .duration_ns = strtoul(argv[3], NULL, 10) * 1000000,
                     .cpu = {atoi(argv[4]), atoi(argv[5])},
                     .is_unix = strcmp(argv[6], "unix") == 0,
                     .address = argc == 10 ? argv[8] : NULL,
                     .netns = argc == 10 ? argv[9] : NULL};
    l.buf = calloc(1, l.size > 1 << 20 ? l.size : 1 << 20);
    CHECK(l.buf);
    memset(l.buf, 'x', l.size);
    l.taken =
        mmap(NULL, sizeof(*l.taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(l.taken != MAP_FAILED);
    join(argv[7]);
    int listener = open_listener(&l);
    pid_t server = fork();
    CHECK(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        pin(l.cpu[1]);
        serve(&l, listener);
        return 0;
    }
    pin(l.cpu[0]);
    uint64_t before = cpu_ns(RUSAGE_SELF);
    struct result r = drive(&l);
    uint64_t client_ns = cpu_ns(RUSAGE_SELF) - before;
    kill(server, SIGTERM);
    CHECK(waitpid(server, NULL, 0) == server);
    printf("%lu %lu %lu %lu %lu\n", r.ops, r.wall_ns, client_ns + cpu_ns(RUSAGE_CHILDREN), r.again,
           r.unread_max);
    return 0;
}
