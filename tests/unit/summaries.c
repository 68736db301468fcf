// SPDX-License-Identifier: Apache-2.0
// LINK: helper/session.c helper/sorted_lines.c helper/time_range.c helper/parse_numbers.c
// LINK: helper/aggregate/*.c helper/rules/*.c helper/cgroupfs/*.c helper/decode/*.c
// LINK: helper/report/report.c helper/report/table.c helper/report/quantity.c helper/report/perfdata.c
// LINK: schema/*.c
// LIBS: json-c libzstd libpsl libmaxminddb nettle
//
// A report is a stream of events: summaries merge, in any order, to what the raw events would have
// given, bit for bit. Every stream *.ndjson of tests/fixtures is cut at random, with all reports,
// with windows and without, and so is a month, by its hours. tests/offline/summaries.bats shows by
// the program itself what is here tried out more often, and with the sanitizers.
// cgroup-moves.events is none of the streams: cut inside, its later parts lack the names and places
// that earlier events told (in_order in helper/aggregate/aggregate.h).

#include "helper/session.h"
#include "tests/unit/expect.h"

#include <glob.h>
#include <stdlib.h>

enum { ROUNDS = 6, PARTS_MAX = 12, HOURS = 720, HOURS_MAX = HOURS + 2 };

static const uint64_t windows_us[] = {0, 60000000, 0, 10000000, 0, 3600000000};

struct bytes {
    char *ptr;
    size_t len;
};

static struct expect result;
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "cannot go on: %s\n", what);
    exit(1);
}

static struct bytes read_all(FILE *in)
{
    struct bytes b = {0};
    char block[65536];
    FILE *out = open_memstream(&b.ptr, &b.len);
    must(in && out, "open");
    for (size_t got; (got = fread(block, 1, sizeof(block), in)) > 0;)
        fwrite(block, 1, got, out);
    fclose(out);
    return b;
}

// ---- sessions

static void open_session(struct session *s, const struct report_options *options)
{
    must(session_open(s, "all", options) == 0, "session_open");
    s->bad_lines_shown = UINT32_MAX; // the fixtures' bad lines are counted, not shown
}

// As the program reads a file: each has a feed of its own.
static void feed_piece(struct session *s, const struct bytes *piece)
{
    struct feed *feed = session_feed(s);
    must(feed != NULL, "session_feed");
    for (size_t done = 0, size; done < piece->len; done += size) {
        char *space = feed_space(feed, &size);
        size = size < piece->len - done ? size : piece->len - done;
        memcpy(space, piece->ptr + done, size);
        feed_commit(feed, size);
    }
    feed_end(feed);
    session_finish_feed(s, feed);
    feed_free(feed);
}

static struct bytes print_and_close(struct session *s)
{
    struct bytes b = {0};
    FILE *out = open_memstream(&b.ptr, &b.len);
    must(out != NULL, "open_memstream");
    session_print_summaries(s, out);
    fclose(out);
    session_close(s);
    return b;
}

// What `report all --format ndjson PIECE…` prints.
static struct bytes summarise(const struct report_options *options, const struct bytes *pieces,
                              size_t count)
{
    struct session s;
    open_session(&s, options);
    for (size_t i = 0; i < count; i++)
        feed_piece(&s, &pieces[i]);
    return print_and_close(&s);
}

// The same with a session for each piece, as threads have them.
static struct bytes merge_sessions(const struct report_options *options, const struct bytes *pieces,
                                   size_t count)
{
    struct session s, other;
    open_session(&s, options);
    for (size_t i = 0; i < count; i++) {
        must(session_open_like(&other, &s) == 0, "session_open_like");
        other.bad_lines_shown = UINT32_MAX;
        feed_piece(&other, &pieces[i]);
        session_merge(&s, &other);
        session_close(&other);
    }
    return print_and_close(&s);
}

// ---- parts

struct parts {
    struct bytes items[HOURS_MAX];
    size_t count;
};

static void release(struct parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i].ptr);
    p->count = 0;
}

static size_t line_length(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return (size_t)((newline ? newline + 1 : end) - at);
}

// The hour of a line's ts_us; a damaged line belongs to the hour ahead of it.
static uint64_t hour_of(const char *line, size_t len, uint64_t before)
{
    static const char key[] = "\"ts_us\":";
    const char *at = memmem(line, len, key, sizeof(key) - 1);
    return at ? strtoull(at + sizeof(key) - 1, NULL, 10) / 3600000000 : before;
}

// Each line into one of count parts: drawn by chance, or by the hour of its time. In order.
static void cut(const struct bytes *whole, size_t count, bool by_hours, struct parts *parts)
{
    static FILE *files[HOURS_MAX];
    const char *end = whole->ptr + whole->len;
    uint64_t first = hour_of(whole->ptr, whole->len, 0), hour = first;
    parts->count = count;
    for (size_t i = 0; i < count; i++) {
        files[i] = open_memstream(&parts->items[i].ptr, &parts->items[i].len);
        must(files[i] != NULL, "open_memstream");
    }
    for (const char *line = whole->ptr; line < end;) {
        size_t len = line_length(line, end);
        if (by_hours)
            hour = hour_of(line, len, hour);
        size_t part = by_hours ? (size_t)(hour - first) : random_below(count);
        must(part < count, "a line is of no part");
        fwrite(line, 1, len, files[part]);
        line += len;
    }
    for (size_t i = 0; i < count; i++)
        fclose(files[i]);
}

static void shuffle(struct parts *p)
{
    for (size_t i = p->count; i > 1; i--) {
        size_t j = random_below(i);
        struct bytes last = p->items[i - 1];
        p->items[i - 1] = p->items[j];
        p->items[j] = last;
    }
}

static void replace(struct bytes *old, struct bytes by)
{
    free(old->ptr);
    *old = by;
}

static void summarise_each(const struct report_options *options, struct parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        replace(&p->items[i], summarise(options, &p->items[i], 1));
}

// Raw parts, summaries and summaries of summaries, some at a time, until there is one left.
static struct bytes merge_by_chance(const struct report_options *options, struct parts *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (random_below(2))
            replace(&p->items[i], summarise(options, &p->items[i], 1));
    while (p->count > 1) {
        shuffle(p);
        size_t count = 2 + random_below(p->count - 1), left = p->count - count;
        struct bytes merged = summarise(options, p->items + left, count);
        for (size_t i = left; i < p->count; i++)
            free(p->items[i].ptr);
        p->items[left] = merged;
        p->count = left + 1;
    }
    return summarise(options, p->items, 1);
}

// ---- what must be the same

// Frees got. Shows the first line that differs.
static void expect_same(const char *name, const char *how, const struct bytes *whole,
                        struct bytes got)
{
    result.checks++;
    if (got.len != whole->len || memcmp(got.ptr, whole->ptr, got.len) != 0) {
        size_t at = 0;
        for (size_t i = 0; i < got.len && i < whole->len && got.ptr[i] == whole->ptr[i]; i++)
            at = got.ptr[i] == '\n' ? i + 1 : at;
        fprintf(stderr, "%s: %s differ from the whole:\n got  %.*s\n want %.*s\n", name, how,
                (int)line_length(got.ptr + at, got.ptr + got.len), got.ptr + at,
                (int)line_length(whole->ptr + at, whole->ptr + whole->len), whole->ptr + at);
        result.failures++;
    }
    free(got.ptr);
}

static size_t count_lines(const struct bytes *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->len; i++)
        count += b->ptr[i] == '\n';
    return count;
}

static void round_of(const char *name, const struct bytes *stream,
                     const struct report_options *options)
{
    static struct parts parts;
    struct bytes whole = summarise(options, stream, 1);
    size_t count = 2 + random_below(PARTS_MAX - 1);
    // the whole says something beside its loss budget
    result.checks++;
    if (count_lines(&whole) < 2) {
        fprintf(stderr, "%s: nothing is in its summary\n", name);
        result.failures++;
    }
    cut(stream, count, false, &parts);
    shuffle(&parts);
    expect_same(name, "sessions merged", &whole, merge_sessions(options, parts.items, parts.count));
    summarise_each(options, &parts);
    shuffle(&parts);
    expect_same(name, "summaries", &whole, summarise(options, parts.items, parts.count));
    release(&parts);
    cut(stream, count, false, &parts);
    expect_same(name, "raw parts, summaries and their summaries", &whole,
                merge_by_chance(options, &parts));
    release(&parts);
    free(whole.ptr);
}

static void try_fixtures(void)
{
    glob_t paths;
    must(glob("tests/fixtures/*.ndjson", 0, NULL, &paths) == 0, "no fixture was found");
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        FILE *in = fopen(paths.gl_pathv[i], "r");
        struct bytes stream = read_all(in);
        fclose(in);
        for (unsigned seed = 0; seed < ROUNDS; seed++) {
            struct report_options options = {
                .format = "ndjson", .stored = true, .window_us = windows_us[seed % 6]};
            unsigned before = result.failures;
            random_state = 0x9e3779b97f4a7c15u * (seed + 1);
            round_of(paths.gl_pathv[i], &stream, &options);
            if (result.failures > before)
                fprintf(stderr, "with seed %u\n", seed);
        }
        free(stream.ptr);
    }
    globfree(&paths);
}

// A month by its hours; and windows of an hour, summed up, are the month.
static void try_month(void)
{
    static struct parts hours;
    struct report_options options = {.format = "ndjson", .stored = true};
    struct report_options windows = {.format = "ndjson", .stored = true, .window_us = 3600000000};
    FILE *in = popen("tests/lib/make-heartbeats 720 300 3", "r");
    struct bytes month = read_all(in);
    must(pclose(in) == 0 && count_lines(&month) > HOURS * 125, "make-heartbeats");
    struct bytes whole = summarise(&options, &month, 1);
    struct bytes in_windows = summarise(&windows, &month, 1);
    result.checks++;
    if (count_lines(&in_windows) < HOURS * 5) {
        fprintf(stderr, "the windows are %zu only\n", count_lines(&in_windows));
        result.failures++;
    }
    expect_same("month", "its windows", &whole, summarise(&options, &in_windows, 1));
    cut(&month, HOURS_MAX, true, &hours);
    summarise_each(&options, &hours);
    random_state = 1;
    shuffle(&hours);
    expect_same("month", "its hours", &whole, summarise(&options, hours.items, hours.count));
    release(&hours);
    free(whole.ptr);
    free(in_windows.ptr);
    free(month.ptr);
}

int main(void)
{
    try_fixtures();
    try_month();
    return expect_result(&result);
}
