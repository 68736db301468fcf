// SPDX-License-Identifier: Apache-2.0

#include "helper/store/recorder.h"
#include "helper/steady_clock.h"
#include "helper/store/identity.h"
#include "helper/store/position.h"
#include "helper/store/recover.h"
#include "helper/store/retention.h"
#include "helper/store/stamp.h"
#include "schema/encode.h"

#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_SIZE = 64 * 1024 };

struct recorder {
    const struct recorder_options *options;
    enum segment_sync sync;
    int dir_fd;
    struct identity identity;
    struct position position;
    struct segment segment;
    bool open;              // a segment is
    uint64_t bucket_end_us; // event time at which the next segment begins
    uint64_t opened_us;     // by a clock that only goes forward
    uint64_t last_us;       // of the last event
    uint64_t unreported;    // malformed lines that no stream_summary in the store says yet
    bool failing;           // the disk takes nothing: lines are dropped until it does
    bool told;              // stderr knows
    uint64_t dropped;       // since it does not
    struct recorder_counts counts;
    char line[EVENT_LINE_MAX]; // being stamped
};

// ---- segments

static void start_failing(struct recorder *r, int rc)
{
    if (!r->told)
        fprintf(stderr,
                "netvitals: cannot write to %s: %s; events are counted and dropped until it can: "
                "make room, or move the store\n",
                r->options->dir, strerror(-rc));
    r->failing = r->told = true;
}

static int begin_segment(struct recorder *r, uint64_t position, uint64_t ts_us)
{
    struct segment_name name = {
        .machine = r->identity.machine, .first = position, .schema = SCHEMA_VERSION};
    memcpy(name.host, r->identity.spelt, sizeof(name.host));
    int rc = segment_begin(&r->segment, r->dir_fd, &name, NULL, ts_us, (int)r->options->level);
    if (rc != 0)
        return rc;
    r->open = true;
    r->opened_us = steady_now_us();
    uint64_t bucket_us = ts_us - ts_us % r->options->segment_us;
    if (__builtin_add_overflow(bucket_us, r->options->segment_us, &r->bucket_end_us))
        r->bucket_end_us = UINT64_MAX;
    return 0;
}

// Completes the open segment, whose last line is at position last.
static int finish_segment(struct recorder *r, uint64_t last)
{
    int rc = segment_finish(&r->segment, last, r->sync);
    if (rc != 0)
        return rc;
    r->open = false;
    r->counts.segments++;
    position_set_settled(&r->position, last);
    const struct retention keep = {.age_us = r->options->keep_us, .bytes = r->options->keep_size};
    r->counts.removed += retention_apply(&keep, r->options->dir, &r->identity);
    return 0;
}

static bool must_rotate(const struct recorder *r, uint64_t ts_us)
{
    return ts_us >= r->bucket_end_us || r->segment.bytes >= r->options->segment_size;
}

static int put_line(struct recorder *r, const char *line, size_t len, uint64_t ts_us,
                    uint64_t position)
{
    int rc = 0;
    if (r->open && must_rotate(r, ts_us))
        rc = finish_segment(r, position - 1);
    if (rc == 0 && !r->open)
        rc = begin_segment(r, position, ts_us);
    if (rc == 0)
        rc = segment_add(&r->segment, line, len, ts_us);
    return rc;
}

// Stores a stamped line at the position that was taken for it.
static void store(struct recorder *r, const char *line, size_t len, uint64_t ts_us,
                  uint64_t position)
{
    int rc = r->failing ? -EAGAIN : put_line(r, line, len, ts_us, position);
    if (rc != 0) {
        if (!r->failing)
            start_failing(r, rc);
        r->dropped++;
        r->counts.lost++;
        return;
    }
    r->counts.stored++;
    r->last_us = ts_us;
    if (r->segment.pending_to - r->segment.pending_from >= WRITE_SIZE &&
        (rc = segment_write(&r->segment)) != 0)
        start_failing(r, rc);
}

// ---- lines

static uint64_t take_position(struct recorder *r)
{
    uint64_t position = position_taken(&r->position) + 1;
    position_set_taken(&r->position, position);
    return position;
}

static void store_event(struct recorder *r, const struct event *ev)
{
    struct event stamped = *ev;
    if (stamped.ts_us == 0)
        stamped.ts_us = event_now_us();
    stamped.host = text_of(r->identity.host);
    stamped.seq = take_position(r);
    size_t len = event_encode(&stamped, r->line, sizeof(r->line));
    store(r, r->line, len, stamped.ts_us, stamped.seq);
}

static size_t copy_line(struct recorder *r, struct text raw)
{
    if (raw.len + 1 > sizeof(r->line))
        return 0;
    memcpy(r->line, raw.ptr, raw.len);
    r->line[raw.len] = '\n';
    return raw.len + 1;
}

// A line that another recorder has stamped keeps its stamp. A producer names its host in `begin`:
// in the store it has the name that the stream's other events get.
static size_t stamp(struct recorder *r, struct text raw, const struct event *ev, uint64_t position)
{
    const bool has_host = ev ? ev->host.ptr != NULL : stamp_has_host(raw);
    if (has_host && !(ev && ev->type == EV_begin && !ev->seq))
        return copy_line(r, raw);
    const bool begun = has_host || (ev ? ev->seq != 0 : stamp_is_begun(raw));
    return (begun ? stamp_replace : stamp_add)(&r->identity, raw, position, r->line,
                                               sizeof(r->line));
}

void recorder_line(struct recorder *r, struct text raw, const struct event *ev)
{
    if (!raw.ptr) {
        store_event(r, ev);
        return;
    }
    uint64_t position = take_position(r);
    size_t len = stamp(r, raw, ev, position);
    if (len == 0) {
        position_set_taken(&r->position, position - 1);
        recorder_reject(r);
        return;
    }
    store(r, r->line, len, ev ? ev->ts_us : r->last_us, position);
}

void recorder_reject(struct recorder *r)
{
    r->counts.rejected++;
    r->unreported++;
}

static void store_lost(struct recorder *r, uint64_t events, const char *where, uint64_t ts_us)
{
    struct event ev = {.type = EV_lost, .ts_us = ts_us};
    EVENT_SET(&ev, lost, events, events);
    EVENT_SET(&ev, lost, where, text_of(where));
    store_event(r, &ev);
}

// Malformed lines are not stored; reports learn of them by a summary that counts them and nothing
// else.
static void store_rejected(struct recorder *r)
{
    struct event ev = {.type = EV_stream_summary, .ts_us = r->last_us};
    if (r->unreported == 0)
        return;
    ev.stream_summary.lines_rejected = r->unreported;
    r->unreported = 0;
    store_event(r, &ev);
}

// ---- time

// The disk was full: writes what was pending, then says how much was dropped.
static void try_again(struct recorder *r)
{
    const uint64_t dropped = r->dropped, lost = r->counts.lost;
    const uint64_t taken = position_taken(&r->position);
    // positions go on behind those that were dropped, in a segment of their own
    if (r->open && finish_segment(r, taken - dropped) != 0)
        return;
    r->failing = false;
    r->dropped = 0;
    if (dropped > 0)
        store_lost(r, dropped, "netvitals record: the disk was full", event_now_us());
    if (r->failing) { // again: as if it had not been tried
        r->dropped = dropped;
        r->counts.lost = lost;
        position_set_taken(&r->position, taken);
        return;
    }
    fprintf(stderr, "netvitals: %s can be written again; %" PRIu64 " events were lost\n",
            r->options->dir, dropped);
    r->told = false;
}

void recorder_pulse(struct recorder *r)
{
    if (r->failing)
        try_again(r);
    if (r->failing)
        return;
    store_rejected(r);
    if (!r->open)
        return;
    bool old = steady_now_us() - r->opened_us >= r->options->segment_us;
    int rc =
        old ? finish_segment(r, position_taken(&r->position)) : segment_flush(&r->segment, r->sync);
    if (rc != 0)
        start_failing(r, rc);
}

// ---- begin and end

// Compares what an earlier run took with what is there.
static void say_recovered(struct recorder *r, const struct recovery *found, bool fresh)
{
    uint64_t settled = position_settled(&r->position), taken = position_taken(&r->position);
    uint64_t safe = found->last > settled ? found->last : settled;
    uint64_t missing = taken > safe ? taken - safe : 0;
    if (found->segments || missing)
        fprintf(stderr,
                "netvitals: the last run was cut short: %" PRIu64 " events of it were recovered, ",
                found->lines);
    if (missing)
        fprintf(stderr, "%" PRIu64 " had not reached the disk and are lost\n", missing);
    else if (found->segments)
        fputs(fresh ? "how many are lost is not known\n" : "none is lost\n", stderr);
    if (found->unwritten)
        fprintf(stderr, "netvitals: cannot complete its segment in %s; it stays as it is\n",
                r->options->dir);
    position_set_settled(&r->position, taken > safe ? taken : safe);
    position_set_taken(&r->position, taken > safe ? taken : safe);
    r->counts.missing = missing;
    r->last_us = found->last_us ? found->last_us : event_now_us();
    if (missing)
        store_lost(r, missing, "netvitals record: its last run was cut short", r->last_us);
}

// Makes a folder and those above it.
static int make_folders(const char *dir)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s", dir) >= sizeof(path))
        return -ENAMETOOLONG;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0750) != 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(path, 0750) != 0 && errno != EEXIST ? -errno : 0;
}

static int open_store(struct recorder *r)
{
    const struct recorder_options *o = r->options;
    int rc = make_folders(o->dir);
    if (rc != 0)
        return rc;
    r->dir_fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return r->dir_fd < 0 ? -errno : 0;
}

static bool start(struct recorder *r)
{
    const struct recorder_options *o = r->options;
    struct recovery found;
    bool fresh = false;
    int rc = open_store(r);
    if (rc == 0)
        rc = identity_find(&r->identity, o->dir, o->host, o->machine);
    if (rc == 0)
        rc = position_open(&r->position, r->dir_fd, r->identity.spelt, r->identity.machine, &fresh);
    if (rc == -EWOULDBLOCK) {
        fprintf(
            stderr,
            "netvitals: another `netvitals record` writes to %s as %s; stop it, or give this one "
            "another --dir or --host\n",
            o->dir, r->identity.host);
        return false;
    }
    if (rc == 0)
        rc = recover_segments(o->dir, r->dir_fd, r->identity.spelt, r->identity.machine,
                              (int)o->level, &found);
    if (rc == 0) {
        if (fresh)
            position_set_taken(&r->position,
                               r->identity.last > found.last ? r->identity.last : found.last);
        if (r->identity.last > position_settled(&r->position))
            position_set_settled(&r->position, r->identity.last);
        say_recovered(r, &found, fresh);
        return true;
    }
    fprintf(stderr, "netvitals: cannot record into %s: %s\n", o->dir, strerror(-rc));
    return false;
}

static enum segment_sync sync_of(const char *word)
{
    return strcmp(word, "flush") == 0   ? SYNC_FLUSH
           : strcmp(word, "never") == 0 ? SYNC_NEVER
                                        : SYNC_SEGMENT;
}

static void recorder_free(struct recorder *r)
{
    if (r->open)
        segment_abandon(&r->segment);
    position_close(&r->position);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    free(r);
}

struct recorder *recorder_open(const struct recorder_options *options)
{
    struct recorder *r = calloc(1, sizeof(*r));
    if (!r) {
        fprintf(stderr, "netvitals: out of memory\n");
        return NULL;
    }
    r->options = options;
    r->sync = sync_of(options->sync);
    r->dir_fd = r->position.fd = -1;
    if (start(r))
        return r;
    recorder_free(r);
    return NULL;
}

bool recorder_close(struct recorder *r, struct recorder_counts *counts)
{
    recorder_pulse(r);
    int rc = r->open && !r->failing ? finish_segment(r, position_taken(&r->position)) : 0;
    if (rc != 0)
        start_failing(r, rc);
    bool complete = !r->failing;
    if (complete)
        position_set_settled(&r->position, position_taken(&r->position));
    *counts = r->counts;
    recorder_free(r);
    return complete;
}
