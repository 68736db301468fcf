// SPDX-License-Identifier: Apache-2.0

#include "bpf/common/writer.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = EVENT_LINE_MAX * 2, PATIENCE_US = 2000000 };

// The command line with blanks between the words, without the program's own name.
static struct text command_line(char buf[WRITER_COMMAND_LINE_MAX])
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, WRITER_COMMAND_LINE_MAX) : 0;
    if (fd >= 0)
        close(fd);
    size_t len = n > 0 ? (size_t)n : 0;
    if (len && buf[len - 1] == '\0')
        len--;
    size_t start = 0;
    while (start < len && buf[start])
        start++;
    start += start < len;
    for (size_t i = start; i < len; i++)
        if (!buf[i])
            buf[i] = ' ';
    return (struct text){buf + start, len - start};
}

int writer_open(struct writer *w, const struct program *program, int fd)
{
    *w = (struct writer){.program = program, .fd = fd, .buf = malloc(BUFFER_BYTES)};
    w->settings = command_line(w->command_line);
    if (uname(&w->host) != 0)
        w->host.release[0] = w->host.nodename[0] = '\0';
    struct stat st;
    w->may_block = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
    return w->buf ? 0 : -ENOMEM;
}

void writer_watch(struct writer *w, const struct writer_watch *watch)
{
    w->watch = *watch;
}

static void give_up(struct writer *w, int err)
{
    w->closed = err == EPIPE;
    w->failed = err != EPIPE;
    if (w->failed)
        cli_error(w->program, "cannot write events to stdout: %s", strerror(err));
}

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool writable(const struct writer *w)
{
    struct pollfd out = {.fd = w->fd, .events = POLLOUT};
    return poll(&out, 1, 0) == 1;
}

// Until stdout takes bytes. False: the program is to stop, and the reader has had its time.
static bool wait_for_reader(struct writer *w)
{
    while (!writable(w)) {
        const struct writer_watch *watch = &w->watch;
        if (!w->give_up_at_us && watch->stopping && watch->stopping(watch->context))
            w->give_up_at_us = monotonic_us() + PATIENCE_US;
        bool stopping = w->give_up_at_us != 0;
        uint64_t now_us = monotonic_us();
        if (stopping && now_us >= w->give_up_at_us)
            return false;
        struct pollfd fds[1 + WRITER_WATCHED] = {{.fd = w->fd, .events = POLLOUT}};
        for (int i = 0; i < WRITER_WATCHED; i++)
            fds[1 + i] = (struct pollfd){.fd = stopping || !watch->stopping ? -1 : watch->fds[i],
                                         .events = POLLIN};
        poll(fds, 1 + WRITER_WATCHED,
             stopping ? (int)((w->give_up_at_us - now_us) / 1000) + 1 : -1);
    }
    return true;
}

static void lose(struct writer *w, size_t done)
{
    unsigned lines = 0;
    for (size_t i = done; i < w->used; i++)
        lines += w->buf[i] == '\n';
    w->failed = true;
    cli_error(w->program,
              "whoever should read stdout does not: %u lines are lost, and what would come now",
              lines);
}

void writer_flush(struct writer *w)
{
    size_t done = 0;
    while (done < w->used && !writer_closed(w)) {
        size_t size = w->used - done;
        if (w->may_block) {
            if (!wait_for_reader(w)) {
                lose(w, done);
                break;
            }
            // A pipe that takes bytes takes so many: more would wait inside the kernel, where
            // nothing can be watched.
            size = size < PIPE_BUF ? size : PIPE_BUF;
        }
        ssize_t n = write(w->fd, w->buf + done, size);
        if (n > 0) {
            done += (size_t)n;
            w->give_up_at_us = 0; // it reads
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            give_up(w, errno);
        }
    }
    w->used = 0;
}

void writer_event(struct writer *w, const struct event *ev)
{
    if (writer_closed(w))
        return;
    struct event now;
    if (!ev->ts_us) {
        now = *ev;
        now.ts_us = w->now_us ? w->now_us : event_now_us();
        ev = &now;
    }
    if (BUFFER_BYTES - w->used < EVENT_LINE_MAX)
        writer_flush(w);
    size_t len = event_encode(ev, w->buf + w->used, BUFFER_BYTES - w->used);
    w->used += len;
    w->events += len != 0;
}

void writer_begin(struct writer *w, const struct event *extra)
{
    struct event ev = extra ? *extra : (struct event){0};
    ev.type = EV_begin;
    EVENT_SET(&ev, begin, tool, text_of(w->program->name));
    EVENT_SET(&ev, begin, version, text_of(w->program->version));
    EVENT_SET(&ev, begin, settings, w->settings);
    if (w->host.release[0])
        EVENT_SET(&ev, begin, kernel, text_of(w->host.release));
    if (w->host.nodename[0])
        ev.host = text_of(w->host.nodename);
    writer_event(w, &ev);
    writer_flush(w);
}

void writer_ready(struct writer *w, uint64_t probes)
{
    struct event ev = {.type = EV_ready};
    EVENT_SET(&ev, ready, probes, probes);
    writer_event(w, &ev);
    writer_flush(w);
}

void writer_lost(struct writer *w, uint64_t events, const char *where)
{
    if (!events)
        return;
    struct event ev = {.type = EV_lost};
    EVENT_SET(&ev, lost, events, events);
    EVENT_SET(&ev, lost, where, text_of(where));
    writer_event(w, &ev);
}

void writer_end(struct writer *w, const char *reason)
{
    struct event ev = {.type = EV_end};
    EVENT_SET(&ev, end, reason, text_of(reason));
    EVENT_SET(&ev, end, events, w->events + 1);
    writer_event(w, &ev);
    writer_flush(w);
}

int writer_close(struct writer *w)
{
    free(w->buf);
    w->buf = NULL;
    return w->failed ? EXIT_FAILED : EXIT_OK;
}
