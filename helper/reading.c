// SPDX-License-Identifier: Apache-2.0

#include "helper/reading.h"
#include "helper/steady_clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { LINGER_US = 3000000 }; // for the last words of a producer that was interrupted with us

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
    (void)signal;
    interrupted = interrupted + 1;
}

void reading_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal}; // no SA_RESTART: a read must come back
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool reading_interrupted(void)
{
    return interrupted != 0;
}

struct clocks {
    uint64_t next_pulse_us;
    uint64_t stop_us; // when to stop lingering; 0: not interrupted
    bool unheard;     // the pulse said to stop
};

static int wait_ms(const struct reading *r, const struct clocks *c)
{
    uint64_t now_us = steady_now_us(), until_us = UINT64_MAX;
    if (r->pulse_us)
        until_us = c->next_pulse_us;
    if (c->stop_us && c->stop_us < until_us)
        until_us = c->stop_us;
    if (until_us == UINT64_MAX)
        return -1;
    uint64_t ms = until_us > now_us ? (until_us - now_us) / 1000 + 1 : 0;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

// True if there is something to read now (or an end to see).
static bool wait_for_input(const struct reading *r, const struct clocks *c)
{
    struct pollfd fds[READING_OTHERS_MAX + 1] = {
        {.fd = source_poll_fd(r->source), .events = POLLIN}};
    size_t others = r->others ? r->others(r->context, fds + 1, READING_OTHERS_MAX) : 0;
    if (fds[0].fd < 0 && others == 0)
        return true;
    int got = poll(fds, 1 + (nfds_t)others, fds[0].fd < 0 ? 0 : wait_ms(r, c));
    for (size_t i = 1; got > 0 && i <= others; i++)
        if (fds[i].revents) {
            r->ready(r->context, fds + 1, others);
            break;
        }
    return fds[0].fd < 0 || (got > 0 && fds[0].revents);
}

static void pulse_if_due(const struct reading *r, struct clocks *c)
{
    if (!r->pulse_us)
        return;
    uint64_t now_us = steady_now_us();
    if (now_us < c->next_pulse_us)
        return;
    c->unheard = !r->pulse(r->context);
    c->next_pulse_us = now_us + r->pulse_us;
}

static bool must_stop(const struct reading *r, struct clocks *c)
{
    if (c->unheard || interrupted > 1 || (r->stop && r->stop(r->context)))
        return true;
    if (interrupted == 0)
        return false;
    if (source_poll_fd(r->source) < 0)
        return true;
    if (!c->stop_us)
        c->stop_us = steady_now_us() + LINGER_US;
    return steady_now_us() >= c->stop_us;
}

bool reading_run(const struct reading *r)
{
    struct clocks c = {.next_pulse_us = steady_now_us() + r->pulse_us};
    ssize_t got = 1;
    while (got != 0 && !must_stop(r, &c)) {
        if (wait_for_input(r, &c)) {
            size_t size;
            char *space = feed_space(r->feed, &size);
            got = source_read(r->source, space, size);
            if (got < 0 && errno != EINTR)
                break;
            if (got > 0)
                feed_commit(r->feed, (size_t)got);
        }
        pulse_if_due(r, &c);
    }
    feed_end(r->feed);
    return !source_error(r->source);
}
