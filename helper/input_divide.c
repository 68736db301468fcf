// SPDX-License-Identifier: Apache-2.0

#include "helper/input_divide.h"
#include "helper/exit_codes.h"
#include "helper/reading.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_MIN = 4 << 20, PARTS_A_JOB = 16, LABEL_MAX = 512 };

// A file, or bytes [from, to) of a plain one; to 0: all of it.
struct part {
    const char *path;
    uint64_t from, to;
};

struct division {
    struct session *session; // of the caller
    struct part *parts;
    size_t count, capacity;
    atomic_size_t next;
    atomic_uint_least64_t read_bytes;
    struct progress *progress; // of the first worker
};

struct worker {
    struct division *division;
    struct session *session; // the first worker's is the caller's
    struct session own;      // the others'
    pthread_t thread;
    int rc;
    // of the part that is being read
    struct source *source;
    uint64_t counted; // bytes of it that are in read_bytes
    struct progress *progress;
    char label[LABEL_MAX];
};

// ---- cutting

static bool add_part(struct division *d, const char *path, uint64_t from, uint64_t to)
{
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? d->capacity * 2 : 64;
        struct part *larger = realloc(d->parts, capacity * sizeof(*larger));
        if (!larger)
            return false;
        d->parts = larger;
        d->capacity = capacity;
    }
    d->parts[d->count++] = (struct part){path, from, to};
    return true;
}

// The first byte behind a newline at or after position, or the size.
static uint64_t next_line(int fd, uint64_t position, uint64_t size)
{
    char bytes[64 * 1024];
    while (position < size) {
        ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)position);
        if (got <= 0)
            break;
        const char *newline = memchr(bytes, '\n', (size_t)got);
        if (newline)
            return position + (uint64_t)(newline - bytes) + 1;
        position += (uint64_t)got;
    }
    return size;
}

// Size of a file that can be cut: plain, which its first byte tells (a line of ours begins with a
// brace), and long enough. Else 0. An event of `bpftrace -f json` may take several lines, so a file
// of its envelopes, which have a blank behind the colon, stays whole.
static uint64_t divisible_size(int fd)
{
    static const char envelope[] = "{\"type\": ";
    struct stat st;
    char first[sizeof(envelope) - 1];
    bool plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 2 * PART_MIN &&
                 pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) && first[0] == '{' &&
                 memcmp(first, envelope, sizeof(first)) != 0;
    return plain ? (uint64_t)st.st_size : 0;
}

static bool cut(struct division *d, const char *path, uint64_t jobs)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t size = fd >= 0 ? divisible_size(fd) : 0;
    bool good = true;
    if (size == 0) {
        good = add_part(d, path, 0, 0); // also what cannot be opened: its reader says why
    } else {
        uint64_t step = size / (jobs * PARTS_A_JOB);
        step = step < PART_MIN ? PART_MIN : step;
        for (uint64_t from = 0, to; good && from < size; from = to) {
            to = size - from <= step ? size : next_line(fd, from + step, size);
            good = add_part(d, path, from, to);
        }
    }
    if (fd >= 0)
        close(fd);
    return good;
}

// ---- reading

static bool stop(void *context)
{
    struct worker *w = context;
    uint64_t position = source_position(w->source);
    uint64_t total =
        atomic_fetch_add(&w->division->read_bytes, position - w->counted) + position - w->counted;
    w->counted = position;
    if (w->progress && w->progress->wanted)
        progress_update(w->progress, total);
    return false;
}

static int read_part(struct worker *w, const struct part *part)
{
    char error[256];
    bool whole = part->to == 0;
    w->source = whole ? input_open(part->path, error, sizeof(error))
                      : source_open_part(part->path, part->from, part->to, error, sizeof(error));
    if (!w->source) {
        fprintf(stderr, "netvitals: %s\n", error);
        return EXIT_FAILED;
    }
    snprintf(w->label, sizeof(w->label), "%s", part->path);
    if (part->from)
        snprintf(w->label, sizeof(w->label), "%s, from byte %" PRIu64, part->path, part->from);
    w->session->source = w->label;
    w->counted = source_position(w->source);
    if (whole && w->division->count < w->division->session->options->jobs)
        source_read_ahead(w->source); // there are fewer files than threads
    struct reading r = {
        .source = w->source, .feed = session_feed(w->session), .stop = stop, .context = w};
    int rc = EXIT_FAILED;
    if (r.feed) {
        rc = reading_run(&r) ? EXIT_OK : EXIT_FAILED;
        session_finish_feed(w->session, r.feed);
    }
    if (source_error(w->source))
        fprintf(stderr, "netvitals: %s: %s\n", source_name(w->source), source_error(w->source));
    feed_free(r.feed);
    source_close(w->source);
    return rc;
}

static void *work(void *context)
{
    struct worker *w = context;
    struct division *d = w->division;
    size_t i;
    while (!reading_interrupted() && (i = atomic_fetch_add(&d->next, 1)) < d->count) {
        int one = read_part(w, &d->parts[i]);
        w->rc = w->rc ? w->rc : one;
    }
    return NULL;
}

// The first worker is the calling thread. Returns an exit code.
static int run(struct division *d, struct worker *workers, size_t count)
{
    size_t started = 1;
    int rc = EXIT_OK;
    for (size_t i = 0; i < count && rc == EXIT_OK; i++) {
        workers[i].division = d;
        workers[i].session = i ? &workers[i].own : d->session;
        rc = i ? session_open_like(workers[i].session, d->session) : EXIT_OK;
    }
    workers[0].progress = d->progress;
    while (rc == EXIT_OK && started < count &&
           pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++; // with fewer threads it takes longer, that is all
    if (rc == EXIT_OK)
        work(&workers[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < count; i++)
        rc = rc ? rc : workers[i].rc;
    return rc;
}

int input_divide(const struct input *in, const struct store_paths *paths, struct progress *progress)
{
    struct division d = {.session = in->session, .progress = progress};
    uint64_t jobs = in->session->options->jobs;
    bool good = true;
    for (size_t i = 0; i < paths->count && good; i++)
        good = cut(&d, paths->items[i], jobs);
    size_t count = d.count < jobs ? d.count : (size_t)jobs;
    struct worker *workers = good && count ? calloc(count, sizeof(*workers)) : NULL;
    int rc = count ? EXIT_FAILED : EXIT_OK;
    if (workers)
        rc = run(&d, workers, count);
    else if (!good || count)
        fprintf(stderr, "netvitals: out of memory\n");
    progress_clear(progress);
    for (size_t i = 1; workers && i < count; i++) {
        session_merge(in->session, &workers[i].own);
        session_close(&workers[i].own);
    }
    in->session->source = NULL; // it was the first worker's label
    free(workers);
    free(d.parts);
    return rc;
}
