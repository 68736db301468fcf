// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/probes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOME = 100, BIG = 8 << 20, WAIT_MS = 1500 };

// ---- tools

static bool fail(struct probe_pair *p, const char *detail)
{
    p->detail = detail;
    return false;
}

static char pattern(size_t i)
{
    return (char)(i * 131 + (i >> 9));
}

static bool put(int fd, size_t size, int flags)
{
    char buf[SOME];
    for (size_t i = 0; i < size; i++)
        buf[i] = pattern(i);
    return send(fd, buf, size, flags) == (ssize_t)size;
}

static bool get(int fd, size_t size, int flags)
{
    char buf[SOME];
    if (recv(fd, buf, size, flags) != (ssize_t)size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (buf[i] != pattern(i))
            return false;
    return true;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, WAIT_MS) == 1;
}

static uint64_t redirected_bytes(const struct redirect *r)
{
    uint16_t ports[PORT_SLOTS];
    unsigned used = redirect_port_slots(r, ports);
    uint64_t bytes = 0;
    for (unsigned slot = 0; slot < used; slot++) {
        struct port_counts c;
        if (redirect_port_counts(r, slot, &c) == 0)
            bytes += c.bytes_redirected;
    }
    return bytes;
}

// From now on the pair's bytes go by TCP, on sockets that are in the map.
static void make_plain(const struct probe_pair *p)
{
    redirect_stop(p->redirect);
}

// Runs act(p) in a child after a while, so that the caller can block meanwhile.
static pid_t later(struct probe_pair *p, unsigned ms, void (*act)(struct probe_pair *))
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    usleep(ms * 1000);
    act(p);
    _exit(0);
}

static void send_some(struct probe_pair *p)
{
    put(p->a, SOME, 0);
}

// ---- what must hold

static bool redirects(struct probe_pair *p)
{
    uint64_t before = redirected_bytes(p->redirect);
    if (!put(p->a, SOME, 0) || !get(p->b, SOME, 0) || !put(p->b, SOME, 0) || !get(p->a, SOME, 0))
        return fail(p, "bytes did not arrive");
    return redirected_bytes(p->redirect) - before == 2 * SOME || fail(p, "bytes went by TCP");
}

static bool fionread(struct probe_pair *p)
{
    int waiting = -1;
    if (!put(p->a, SOME, 0) || !readable(p->b) || ioctl(p->b, FIONREAD, &waiting) != 0)
        return fail(p, "bytes did not arrive");
    return waiting == SOME ||
           fail(p, waiting == 0 ? "says 0 while bytes wait" : "says a wrong number");
}

static bool plain_fionread(struct probe_pair *p)
{
    make_plain(p);
    return fionread(p);
}

static bool epoll_wakes(struct probe_pair *p, uint32_t edge)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event want = {.events = EPOLLIN | edge}, got;
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, p->b, &want) != 0)
        return fail(p, "no epoll");
    pid_t sender = later(p, 20, send_some);
    bool woken =
        epoll_wait(ep, &got, 1, WAIT_MS) == 1 && (got.events & EPOLLIN) && get(p->b, SOME, 0);
    waitpid(sender, NULL, 0);
    close(ep);
    return woken || fail(p, "the waiter was not woken");
}

static bool epoll_both(struct probe_pair *p)
{
    return epoll_wakes(p, 0) && epoll_wakes(p, EPOLLET);
}

static bool plain_epoll(struct probe_pair *p)
{
    make_plain(p);
    return epoll_both(p);
}

static bool blocking_read(struct probe_pair *p)
{
    pid_t sender = later(p, 20, send_some);
    bool ok = get(p->b, SOME, 0);
    waitpid(sender, NULL, 0);
    return ok || fail(p, "the reader was not woken");
}

static bool plain_blocking_read(struct probe_pair *p)
{
    make_plain(p);
    return blocking_read(p);
}

static bool peek(struct probe_pair *p)
{
    if (!put(p->a, SOME, 0) || !readable(p->b))
        return fail(p, "bytes did not arrive");
    return (get(p->b, SOME, MSG_PEEK) && get(p->b, SOME, 0)) ||
           fail(p, "MSG_PEEK took or changed bytes");
}

static bool sends_file(struct probe_pair *p)
{
    enum { SIZE = 65537 };
    static char sent[SIZE], got[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = pattern(i);
    int file = memfd_create("sockredir", MFD_CLOEXEC);
    if (file < 0 || write(file, sent, SIZE) != SIZE)
        return fail(p, "no file to send");
    off_t at = 0;
    size_t have = 0;
    while (at < SIZE && sendfile(p->a, file, &at, SIZE - (size_t)at) > 0)
        ;
    close(file);
    while (have < SIZE) {
        ssize_t n = recv(p->b, got + have, SIZE - have, 0);
        if (n <= 0)
            return fail(p, "bytes did not arrive");
        have += (size_t)n;
    }
    return memcmp(sent, got, SIZE) == 0 || fail(p, "other bytes arrived");
}

// The peer answers later than the ACK of our FIN comes (40 ms): the reader must go on waiting.
static void answer_and_close(struct probe_pair *p)
{
    if (get(p->b, SOME, 0) && recv(p->b, &(char){0}, 1, 0) == 0)
        usleep(100000);
    put(p->b, SOME, 0);
    shutdown(p->b, SHUT_WR);
}

static bool half_close(struct probe_pair *p)
{
    char rest;
    pid_t peer = later(p, 0, answer_and_close);
    bool ok = put(p->a, SOME, 0) && shutdown(p->a, SHUT_WR) == 0;
    errno = 0;
    bool answered = get(p->a, SOME, 0) && recv(p->a, &rest, 1, 0) == 0;
    bool again = errno == EAGAIN;
    waitpid(peer, NULL, 0);
    if (ok && answered)
        return true;
    return fail(p, again ? "a blocking read after shutdown() says EAGAIN"
                         : "no answer after shutdown()");
}

static bool write_some(int fd, const char *from, size_t *done)
{
    ssize_t n = *done < BIG ? send(fd, from + *done, BIG - *done, MSG_DONTWAIT) : 0;
    if (n > 0)
        *done += (size_t)n;
    return n >= 0 || errno == EAGAIN;
}

static bool big_write(struct probe_pair *p)
{
    char *sent = malloc(BIG), *got = malloc(BIG);
    bool ok = sent && got;
    for (size_t i = 0; ok && i < BIG; i++)
        sent[i] = pattern(i);
    size_t out = 0, in = 0;
    while (ok && in < BIG) {
        ok = write_some(p->a, sent, &out) && readable(p->b);
        ssize_t n = ok ? recv(p->b, got + in, BIG - in, MSG_DONTWAIT) : 0;
        ok = n > 0;
        in += ok ? (size_t)n : 0;
    }
    ok = ok && memcmp(sent, got, BIG) == 0;
    free(sent);
    free(got);
    return ok || fail(p, in < BIG ? "bytes did not arrive" : "other bytes arrived");
}

static bool miss(struct probe_pair *p)
{
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (a < 0 || getsockname(p->outside_listener, (struct sockaddr *)&in, &len) != 0 ||
        connect(a, (struct sockaddr *)&in, len) != 0)
        return fail(p, "no connection");
    int b = accept(p->outside_listener, NULL, NULL);
    bool ok =
        put(a, SOME, 0) && readable(b) && get(b, SOME, 0) && put(b, SOME, 0) && get(a, SOME, 0);
    close(a);
    close(b);
    return ok || fail(p, "a peer outside the map gets nothing");
}

// ---- limits

static bool splices(struct probe_pair *p)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC) != 0 || !put(p->a, SOME, 0) || !readable(p->b))
        return fail(p, "bytes did not arrive");
    fcntl(p->b, F_SETFL, fcntl(p->b, F_GETFL) | O_NONBLOCK);
    ssize_t n = splice(p->b, NULL, pipe_fd[1], NULL, SOME, SPLICE_F_NONBLOCK);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return n == SOME ||
           fail(p, "splice(2) does not see redirected bytes: its caller waits for ever");
}

static bool out_of_band(struct probe_pair *p)
{
    char c = 0;
    if (!put(p->a, 1, 0) || !get(p->b, 1, 0) || send(p->a, "!", 1, MSG_OOB) != 1)
        return fail(p, "bytes did not arrive");
    struct pollfd f = {.fd = p->b, .events = POLLPRI};
    poll(&f, 1, WAIT_MS);
    return (recv(p->b, &c, 1, MSG_OOB) == 1 && c == '!') || fail(p, "urgent bytes arrive in line");
}

static void send_in_two(struct probe_pair *p)
{
    put(p->a, SOME / 2, 0);
    usleep(30000);
    put(p->a, SOME / 2, 0);
}

static bool wait_all(struct probe_pair *p)
{
    char buf[SOME];
    pid_t sender = later(p, 20, send_in_two);
    bool ok = recv(p->b, buf, SOME, MSG_WAITALL) == SOME;
    waitpid(sender, NULL, 0);
    return ok || fail(p, "MSG_WAITALL returns what is there");
}

static void on_alarm(int signal)
{
    (void)signal;
}

static bool survives_signal(struct probe_pair *p)
{
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    // with a time-out set, plain TCP too would end the read
    struct timeval never = {0};
    setsockopt(p->b, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
    sigaction(SIGALRM, &act, NULL);
    pid_t sender = later(p, 100, send_some);
    setitimer(ITIMER_REAL, &soon, NULL);
    bool ok = get(p->b, SOME, 0);
    waitpid(sender, NULL, 0);
    return ok || fail(p, "a blocking read says EAGAIN after a signal handler ran");
}

// ---- the table

const struct probe probes[] = {
    {"redirect", "bytes take the short cut, both ways", MUST_HOLD, redirects},
    {"fionread", "FIONREAD counts redirected bytes", MUST_HOLD, fionread},
    {"fionread-tcp", "FIONREAD counts bytes that came by TCP", MUST_HOLD, plain_fionread},
    {"epoll", "redirected bytes wake epoll, level and edge", MUST_HOLD, epoll_both},
    {"epoll-tcp", "bytes that came by TCP wake epoll", MUST_HOLD, plain_epoll},
    {"read", "redirected bytes wake a blocking read", MUST_HOLD, blocking_read},
    {"read-tcp", "bytes that came by TCP wake a blocking read", MUST_HOLD, plain_blocking_read},
    {"peek", "MSG_PEEK leaves bytes in place", MUST_HOLD, peek},
    {"sendfile", "sendfile of 64 KB arrives", MUST_HOLD, sends_file},
    {"half-close", "after shutdown() the answer arrives", MUST_HOLD, half_close},
    {"big-write", "8 MB arrive", MUST_HOLD, big_write},
    {"miss", "a peer outside the map is reached by TCP", MUST_HOLD, miss},
    {"splice", "splice(2) reads redirected bytes", LIMIT, splices},
    {"oob", "out-of-band data stays out of band", LIMIT, out_of_band},
    {"waitall", "MSG_WAITALL waits for all", LIMIT, wait_all},
    {"signal", "a blocking read goes on after a signal handler", LIMIT, survives_signal},
    {0},
};

int probe_listen(unsigned *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 8) == 0 &&
        getsockname(fd, (struct sockaddr *)&in, &len) == 0) {
        *port = ntohs(in.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool connect_pair(struct probe_pair *p)
{
    unsigned port;
    int listener = probe_listen(&port);
    if (listener < 0)
        return false;
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 3};
    p->a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->b = -1;
    // it bounds connect() too: a loopback device that went down swallows the SYN
    if (p->a >= 0 && setsockopt(p->a, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
        connect(p->a, (struct sockaddr *)&in, sizeof(in)) == 0)
        p->b = accept(listener, NULL, NULL);
    int err = errno;
    close(listener);
    errno = err;
    return p->b >= 0 &&
           setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
           setsockopt(p->b, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0;
}

bool probe_connect(void)
{
    struct probe_pair p = {.a = -1, .b = -1};
    bool ok = connect_pair(&p);
    int err = errno;
    close(p.a);
    close(p.b);
    errno = err == EINPROGRESS ? ETIMEDOUT : err; // of connect() by SO_SNDTIMEO
    return ok;
}

enum probe_outcome probe_run(const struct probe *probe, struct redirect *redirect,
                             int outside_listener, const char **detail)
{
    struct probe_pair p = {
        .redirect = redirect, .a = -1, .b = -1, .outside_listener = outside_listener};
    redirect_resume(redirect);
    bool connected = connect_pair(&p);
    bool ok = connected ? probe->run(&p) : fail(&p, "no connection over loopback");
    close(p.a);
    close(p.b);
    *detail = ok ? "" : p.detail;
    return ok ? PROBE_HOLDS : connected ? PROBE_DIFFERS : PROBE_NOT_TRIED;
}
