// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/serve.h"
#include "bpf/common/interval.h"
#include "bpf/sockredir/redirect_events.h"
#include "helper/exit_codes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LEASE_SPARE_US = 10000000, // beyond three intervals
    DRAIN_US = 5000000,
    LEAVE_FIRST_US = 2000, // from a note to the walk, doubled while sockets cannot leave yet
    LEAVE_MOST_US = 256000,
};

struct state {
    const struct serve *s;
    struct redirect_events events;
    struct ring_buffer *notes;
    int timer_fd;
    uint64_t started_us, deadman_at_us; // CLOCK_MONOTONIC; 0: none
    uint64_t walk_at_us, walk_wait_us;  // next walk for sockets that want to leave; 0: none
    struct walk walk;                   // the last one
    const char *reason;                 // why to stop; NULL: not yet
    int stop_reply_fd;                  // who asked for it waits until this closes
};

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// The kernel redirects only while the loader lives and the dead man's switch is not due.
static void renew_lease(struct state *st)
{
    uint64_t until_us = monotonic_us() + 3 * st->s->interval_us + LEASE_SPARE_US;
    if (st->deadman_at_us && until_us > st->deadman_at_us)
        until_us = st->deadman_at_us;
    redirect_set_lease(st->s->redirect, until_us * 1000);
}

static void want_walk(struct state *st, uint64_t wait_us)
{
    st->walk_wait_us = wait_us;
    st->walk_at_us = monotonic_us() + wait_us;
}

static int on_note(void *context, void *data, size_t size)
{
    struct state *st = context;
    const struct note *note = data;
    if (size < sizeof(*note))
        return 0;
    if (note->type == NOTE_CLOSED)
        redirect_events__closed(&st->events, note);
    else if (!st->walk_at_us)
        want_walk(st, LEAVE_FIRST_US);
    return 0;
}

static void walk(struct state *st)
{
    int err = redirect_walk(st->s->redirect, &st->walk);
    if (err) {
        cli_error(st->s->loader->program, "cannot walk the socket map: %s", strerror(-err));
        st->reason = "failed";
    }
}

static void walk_for_leavers(struct state *st)
{
    st->walk_at_us = 0;
    walk(st);
    uint64_t wait_us = st->walk_wait_us * 2;
    if (st->walk.wanted > st->walk.removed)
        want_walk(st, wait_us < LEAVE_MOST_US ? wait_us : LEAVE_MOST_US);
}

static void on_interval(struct state *st)
{
    ring_buffer__consume(st->notes);
    walk(st);
    renew_lease(st);
    redirect_events__interval(&st->events, st->walk.unread_bytes);
}

static void answer_status(struct state *st, int fd)
{
    struct totals t = redirect_totals(st->s->redirect);
    uint64_t now_us = monotonic_us();
    walk(st);
    dprintf(fd, "cgroup: %s\npid: %d\nserving_s: %" PRIu64 "\n", st->s->cgroup->path, getpid(),
            (now_us - st->started_us) / 1000000);
    if (st->deadman_at_us)
        dprintf(fd, "deadman_in_s: %" PRIu64 "\n",
                st->deadman_at_us > now_us ? (st->deadman_at_us - now_us) / 1000000 : 0);
    dprintf(fd,
            "sockets: %llu\nunread_bytes: %llu\nsockets_added: %llu\nsockets_closed: %llu\n"
            "sockets_left: %llu\nadd_failed: %llu\ntable_full: %llu\n",
            st->walk.sockets, st->walk.unread_bytes, t.sockets_added, t.sockets_closed,
            t.sockets_left, t.add_failed, t.table_full);
}

static void on_request(struct state *st)
{
    int fd;
    enum instance_request request;
    while ((request = instance_accept(st->s->instance, &fd)) != REQUEST_NONE) {
        if (request == REQUEST_STATUS)
            answer_status(st, fd);
        if (request == REQUEST_RENEW && st->deadman_at_us) {
            st->deadman_at_us = monotonic_us() + st->s->deadman_us;
            renew_lease(st);
        }
        if (request == REQUEST_STOP && st->stop_reply_fd < 0) {
            st->stop_reply_fd = fd; // kept open: its end tells that we are gone
            st->reason = "stop";
        } else {
            close(fd);
        }
    }
}

static void on_signal(struct state *st)
{
    int signal = loader_signal(st->s->loader);
    if (signal)
        st->reason = loader_signal_name(signal);
}

// While the reader of events keeps us waiting.
static bool stopping(void *context)
{
    struct state *st = context;
    on_request(st);
    on_signal(st);
    return st->reason != NULL;
}

static int poll_timeout_ms(const struct state *st)
{
    uint64_t at_us = st->walk_at_us;
    if (st->deadman_at_us && (!at_us || st->deadman_at_us < at_us))
        at_us = st->deadman_at_us;
    uint64_t now_us = monotonic_us();
    if (!at_us)
        return -1;
    return at_us <= now_us
               ? 0
               : (int)((at_us - now_us) / 1000 > 60000 ? 60000 : (at_us - now_us) / 1000 + 1);
}

static void wait_and_work(struct state *st)
{
    enum { SIGNAL, TIMER, NOTES, REQUEST, COUNT };
    struct pollfd fds[COUNT] = {
        [SIGNAL] = {.fd = st->s->loader->signal_fd, .events = POLLIN},
        [TIMER] = {.fd = st->timer_fd, .events = POLLIN},
        [NOTES] = {.fd = ring_buffer__epoll_fd(st->notes), .events = POLLIN},
        [REQUEST] = {.fd = st->s->instance->listen_fd, .events = POLLIN},
    };
    if (poll(fds, COUNT, poll_timeout_ms(st)) < 0 && errno != EINTR) {
        cli_error(st->s->loader->program, "poll failed: %s", strerror(errno));
        st->reason = "failed";
        return;
    }
    if (fds[NOTES].revents)
        ring_buffer__consume(st->notes);
    if (fds[TIMER].revents && interval_read(st->timer_fd))
        on_interval(st);
    if (fds[REQUEST].revents)
        on_request(st);
    if (st->walk_at_us && monotonic_us() >= st->walk_at_us)
        walk_for_leavers(st);
    if (st->deadman_at_us && monotonic_us() >= st->deadman_at_us)
        st->reason = "deadman";
    if (fds[SIGNAL].revents)
        on_signal(st);
    if (writer_closed(st->s->out))
        st->reason = "reader went away";
}

// Nothing new is redirected; what was waits to be read. Sockets leave as they come to rest. Those
// that do not in time keep the kernel's objects alive by themselves (redirect_free).
static void drain(struct state *st)
{
    redirect_stop(st->s->redirect);
    uint64_t end_us = monotonic_us() + DRAIN_US;
    uint64_t wait_us = LEAVE_FIRST_US;
    for (walk(st); monotonic_us() < end_us && st->walk.sockets > st->walk.removed; walk(st)) {
        // a second signal means now; so does an idle rest: connections that nobody reads nor writes
        if (loader_signal(st->s->loader) || (!st->walk.unread_bytes && wait_us >= LEAVE_MOST_US))
            break;
        usleep((useconds_t)wait_us);
        wait_us = wait_us < LEAVE_MOST_US ? wait_us * 2 : wait_us;
    }
    ring_buffer__consume(st->notes);
    redirect_events__interval(&st->events, st->walk.unread_bytes);
}

static int open_sources(struct state *st)
{
    st->timer_fd = interval_open(st->s->interval_us);
    st->notes = ring_buffer__new(redirect_notes_fd(st->s->redirect), on_note, st, NULL);
    if (st->timer_fd >= 0 && st->notes)
        return EXIT_OK;
    return loader_fail(st->s->loader, errno, "open the timer and the ring buffer");
}

int serve_run(const struct serve *s)
{
    struct state st = {.s = s, .timer_fd = -1, .stop_reply_fd = -1, .started_us = monotonic_us()};
    redirect_events__init(&st.events, s->out, s->redirect, s->cgroup);
    if (s->deadman_us)
        st.deadman_at_us = st.started_us + s->deadman_us;
    writer_watch(s->out, &(struct writer_watch){
                             .fds = {s->loader->signal_fd, s->instance->listen_fd},
                             .stopping = stopping,
                             .context = &st,
                         });
    writer_begin(s->out, NULL);
    int rc = open_sources(&st);
    if (rc == EXIT_OK) {
        renew_lease(&st);
        writer_ready(s->out, 2);
        while (!st.reason)
            wait_and_work(&st);
        drain(&st);
        writer_end(s->out, st.reason);
        rc = strcmp(st.reason, "failed") == 0 ? EXIT_FAILED : EXIT_OK;
    }
    ring_buffer__free(st.notes);
    if (st.timer_fd >= 0)
        close(st.timer_fd);
    return rc;
}
