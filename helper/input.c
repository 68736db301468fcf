// SPDX-License-Identifier: Apache-2.0

#include "helper/input.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { LINGER_MS = 3000 }; // for the last words of a producer that was interrupted with us

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
    (void)signal;
    interrupted = interrupted + 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal}; // no SA_RESTART: a read must come back
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct reading {
    const struct input *in;
    struct source *source;
    struct feed *feed;
    uint64_t next_pulse_us;
    uint64_t stop_us; // when to stop lingering; 0: not interrupted
    bool unheard;     // the pulse says that nobody listens
};

static int wait_ms(const struct reading *r)
{
    uint64_t now_us = event_now_us(), until_us = UINT64_MAX;
    if (r->in->pulse_us)
        until_us = r->next_pulse_us;
    if (r->stop_us && r->stop_us < until_us)
        until_us = r->stop_us;
    if (until_us == UINT64_MAX)
        return -1;
    return until_us > now_us ? (int)((until_us - now_us) / 1000 + 1) : 0;
}

// True if there is something to read now (or an end to see).
static bool wait_for_input(struct reading *r)
{
    int fd = source_poll_fd(r->source);
    if (fd < 0)
        return true;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms(r)) > 0;
}

static void pulse_if_due(struct reading *r)
{
    uint64_t now_us = event_now_us();
    if (!r->in->pulse_us || now_us < r->next_pulse_us)
        return;
    r->unheard = !r->in->pulse(r->in->context);
    r->next_pulse_us = now_us + r->in->pulse_us;
}

static bool must_stop(struct reading *r)
{
    if (r->in->session->strict_failure || r->unheard || interrupted > 1)
        return true;
    if (interrupted == 0)
        return false;
    if (source_poll_fd(r->source) < 0)
        return true;
    if (!r->stop_us)
        r->stop_us = event_now_us() + LINGER_MS * UINT64_C(1000);
    return event_now_us() >= r->stop_us;
}

// Returns an exit code.
static int read_source(struct reading *r)
{
    while (!must_stop(r)) {
        size_t size;
        if (wait_for_input(r)) {
            char *space = feed_space(r->feed, &size);
            ssize_t got = source_read(r->source, space, size);
            if (got == 0)
                break;
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0) {
                fprintf(stderr, "netvitals: %s: %s\n", source_name(r->source),
                        source_error(r->source));
                feed_end(r->feed);
                return EXIT_FAILED;
            }
            feed_commit(r->feed, (size_t)got);
        }
        pulse_if_due(r);
    }
    feed_end(r->feed);
    return EXIT_OK;
}

static int read_path(const struct input *in, const char *path)
{
    char error[256];
    struct reading r = {.in = in, .next_pulse_us = event_now_us() + in->pulse_us};
    r.source = source_open(path, error, sizeof(error));
    if (!r.source) {
        fprintf(stderr, "netvitals: %s\n", error);
        return EXIT_FAILED;
    }
    r.feed = session_feed(in->session);
    in->session->source = path;
    int rc = EXIT_FAILED;
    if (r.feed) {
        rc = read_source(&r);
        session_finish_feed(in->session, r.feed);
    }
    feed_free(r.feed);
    source_close(r.source);
    return rc;
}

int input_read_all(const struct input *in)
{
    int rc = EXIT_OK;
    catch_signals();
    for (size_t i = 0; i < in->path_count && !interrupted && !in->session->strict_failure; i++) {
        int one = read_path(in, in->paths[i]);
        rc = rc ? rc : one;
    }
    return in->session->strict_failure ? EXIT_BAD_INPUT : rc;
}
