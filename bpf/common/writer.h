// SPDX-License-Identifier: Apache-2.0
//
// writer.h - events to stdout: whole lines, gathered and written with as few calls as possible.
//
// A reader that goes away (EPIPE) closes the writer: writer_closed() tells the main loop to stop,
// and the program ends with EXIT_OK without a word. Any other failure (a full disk) is printed once
// and makes writer_close return EXIT_FAILED.
//
// A reader that does not read makes the program wait, which loses nothing; but it must be possible
// to stop a program that waits. So the loader tells the writer what to watch meanwhile.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/utsname.h>
#include "helper/cli.h"
#include "schema/events.h"

enum { WRITER_COMMAND_LINE_MAX = 4096 };

enum { WRITER_WATCHED = 2 };

struct writer_watch {
    int fds[WRITER_WATCHED]; // of requests to stop; -1: none
    // Called before the writer waits, and when one of fds is readable. True: stop, now or before.
    bool (*stopping)(void *context);
    void *context;
};

struct writer {
    const struct program *program;
    int fd;
    struct writer_watch watch;
    uint64_t give_up_at_us; // CLOCK_MONOTONIC, when it waits while stopping; 0: not yet
    bool may_block;         // fd is not a file
    char *buf;              // EVENT_LINE_MAX * 2
    size_t used;
    uint64_t events; // printed so far
    uint64_t now_us; // time of the events that bring none; 0: the clock's. Stored input sets it
    bool closed;     // nobody reads any more
    bool failed;     // writing failed for another reason
    // for `begin`: read at the start, since a loader without privileges may not be able to
    struct utsname host;
    struct text settings;
    char command_line[WRITER_COMMAND_LINE_MAX];
};

// Writes to fd (STDOUT_FILENO), which stays the caller's. Returns 0 or -ENOMEM.
int writer_open(struct writer *w, const struct program *program, int fd);

// What to watch while the reader keeps the writer waiting; without it, nothing. A reader that then
// takes nothing for two seconds, though the program is to stop, is given up: what it did not read
// is lost, which is said on stderr, and writing has failed.
void writer_watch(struct writer *w, const struct writer_watch *watch);

// Adds an event; its ts_us is set to now if it is 0.
void writer_event(struct writer *w, const struct event *ev);

// Hands all lines to the reader. Call it after a batch of events; writer_begin, _ready, _end do so.
void writer_flush(struct writer *w);

// The stream is broken: stop.
static inline bool writer_closed(const struct writer *w)
{
    return w->closed || w->failed;
}

// `begin` with the tool's name and version, the kernel's release, the host's name and the command
// line. ev carries what the loader adds (iface, mode), or is NULL.
void writer_begin(struct writer *w, const struct event *ev);

// `ready`: from now on everything is seen.
void writer_ready(struct writer *w, uint64_t probes);

// `lost`: events that could not be delivered since the last call, and the buffer or map that was
// full. Does nothing for 0.
void writer_lost(struct writer *w, uint64_t events, const char *where);

// `end`: the producer stopped in order, and why.
void writer_end(struct writer *w, const char *reason);

// Frees the writer, on the way out of any path. EXIT_OK, or EXIT_FAILED if writing failed.
int writer_close(struct writer *w);
