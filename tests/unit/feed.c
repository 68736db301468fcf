// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/feed.c helper/decode/source.c helper/decode/ahead.c helper/decode/decoder.c
// LINK: helper/decode/json_event.c helper/decode/json_check.c helper/decode/json_members.c helper/decode/scan.c
// LINK: helper/decode/field_value.c helper/decode/bpftrace.c helper/decode/text_arena.c
// LINK: schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c libzstd
//
// A damaged stream through the feed, cut at random places, plain and compressed: the same events,
// the same rejected lines with the same numbers, every time.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "helper/decode/feed.h"
#include "helper/decode/source.h"
#include "schema/encode.h"

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

// What came out, as text: one line an event or a rejection.
struct seen {
    char text[64 * 1024];
    size_t len;
    size_t largest_batch;
};

static void see(struct seen *s, const char *format, uint64_t number, const char *text, size_t len)
{
    s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, format,
                               (unsigned long long)number, (int)len, text);
}

static void on_events(void *context, const struct event *events, size_t count)
{
    struct seen *s = context;
    if (count > s->largest_batch)
        s->largest_batch = count;
    for (size_t i = 0; i < count; i++)
        see(s, "event %llu %.*s\n", events[i].ts_us, events[i].end.reason.ptr,
            events[i].end.reason.len);
}

static void on_bad_line(void *context, uint64_t line, const char *why)
{
    see(context, "line %llu: %.*s\n", line, why, strlen(why));
}

static char stream[512 * 1024];
static size_t stream_len;

static void add(const char *bytes, size_t len)
{
    memcpy(stream + stream_len, bytes, len);
    stream_len += len;
}

#define ADD(literal) add(literal, sizeof(literal) - 1)

static void add_event(unsigned ts_us)
{
    char line[128];
    int len = snprintf(line, sizeof(line),
                       "{\"type\":\"end\",\"ts_us\":%u,\"reason\":\"r\\u00e9%u\"}\n", ts_us, ts_us);
    add(line, (size_t)len);
}

// A line of len bytes, its newline included, whose event is in order.
static void add_padded(unsigned ts_us, size_t len)
{
    char start[64];
    int used = snprintf(start, sizeof(start), "{\"type\":\"end\",\"ts_us\":%u,\"x\":\"", ts_us);
    add(start, (size_t)used);
    memset(stream + stream_len, 'x', len - (size_t)used - 3);
    stream_len += len - (size_t)used - 3;
    ADD("\"}\n");
}

static void make_stream(void)
{
    stream_len = 0;
    for (unsigned i = 1; i <= 40; i++)
        add_event(i);
    ADD("{\"type\":\"end\",\"ts_us\":\n"); // 41
    add_event(42);
    add_padded(43, EVENT_LINE_MAX);     // fits
    add_padded(44, EVENT_LINE_MAX + 1); // does not
    add_event(45);
    ADD("a\0b\xff\n");      // 46
    ADD("\n");              // 47
    add_padded(48, 150000); // 48
    ADD("{\"type\":\"printf\",\"data\":\"x\\n{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":49}\\n\"}\n");
    ADD("{\"type\":\"later\"}\n"); // 50
    add_event(51);
    ADD("{\"type\":\"end\""); // 52
}

static const char expected_tail[] = "line 41: cut short\n"
                                    "event 42 r\xc3\xa9"
                                    "42\n"
                                    "event 43 \n"
                                    "line 44: longer than 64 KiB\n"
                                    "event 45 r\xc3\xa9"
                                    "45\n"
                                    "line 46: not JSON\n"
                                    "line 48: longer than 64 KiB\n"
                                    "line 49: not JSON\n"
                                    "event 49 \n"
                                    "event 51 r\xc3\xa9"
                                    "51\n"
                                    "line 52: cut short: the stream ends within the line\n";

static void check_seen(const struct seen *s, const struct feed_counts *counts)
{
    size_t tail = sizeof(expected_tail) - 1;
    CHECK(s->len > tail);
    const char *got = s->text + s->len - (s->len > tail ? tail : s->len);
    if (strcmp(got, expected_tail) != 0) {
        fprintf(stderr, "expected:\n%s\ngot:\n%s\n", expected_tail, got);
        failures++;
    }
    CHECK(memcmp(s->text,
                 "event 1 r\xc3\xa9"
                 "1\n",
                 13) == 0);
    CHECK(s->largest_batch <= FEED_BATCH_MAX);
    CHECK(counts->lines == 52);
    CHECK(counts->events == 40 + 5);
    CHECK(counts->rejected == 6);
    CHECK(counts->unknown == 1);
    CHECK(counts->unknown_keys == 1);
    CHECK(counts->bytes == stream_len);
}

// Cuts the stream into pieces of 1 to largest bytes.
static void check_cut(size_t largest)
{
    static struct seen seen;
    memset(&seen, 0, sizeof(seen));
    struct feed *f = feed_new(
        &(struct feed_sink){.events = on_events, .bad_line = on_bad_line, .context = &seen});
    for (size_t at = 0; at < stream_len;) {
        size_t room, piece = (size_t)random() % largest + 1;
        char *space = feed_space(f, &room);
        piece = piece > room ? room : piece;
        piece = piece > stream_len - at ? stream_len - at : piece;
        memcpy(space, stream + at, piece);
        feed_commit(f, piece);
        at += piece;
    }
    feed_end(f);
    check_seen(&seen, feed_counts(f));
    feed_free(f);
}

// ---- sources

// The path of a file with these bytes.
static const char *file_with(const char *bytes, size_t len)
{
    static char path[64];
    snprintf(path, sizeof(path), "/tmp/netvitals-unit-feed.%d", (int)getpid());
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
    return path;
}

// Reads all of path; the number of bytes that came, and the error if any.
static size_t read_all(const char *path, char *out, size_t size, char *error, size_t error_size)
{
    struct source *s = source_open(path, error, error_size);
    CHECK(s);
    size_t len = 0;
    ssize_t got;
    while ((got = source_read(s, out + len, size - len < 1000 ? size - len : 1000)) > 0)
        len += (size_t)got;
    CHECK(source_poll_fd(s) == -1);
    snprintf(error, error_size, "%s", got < 0 ? source_error(s) : "");
    source_close(s);
    unlink(path);
    return len;
}

static void check_sources(void)
{
    static char packed[2 * sizeof(stream)], out[2 * sizeof(stream)];
    char error[256];
    size_t len = read_all(file_with(stream, stream_len), out, sizeof(out), error, sizeof(error));
    CHECK(len == stream_len && memcmp(out, stream, len) == 0 && !error[0]);

    len = read_all(file_with("(", 1), out, sizeof(out), error, sizeof(error)); // begins like zstd
    CHECK(len == 1 && !error[0]);
    CHECK(read_all(file_with("", 0), out, sizeof(out), error, sizeof(error)) == 0 && !error[0]);

    // two frames, the second one cut short, then damaged
    size_t first = ZSTD_compress(packed, sizeof(packed), stream, stream_len, 1);
    size_t second = ZSTD_compress(packed + first, sizeof(packed) - first, stream, stream_len, 1);
    len = read_all(file_with(packed, first + second), out, sizeof(out), error, sizeof(error));
    CHECK(len == 2 * stream_len && memcmp(out + stream_len, stream, stream_len) == 0 && !error[0]);
    len = read_all(file_with(packed, first + second / 2), out, sizeof(out), error, sizeof(error));
    CHECK(len >= stream_len && strstr(error, "cut short"));
    packed[first] ^= 1;
    len = read_all(file_with(packed, first + second), out, sizeof(out), error, sizeof(error));
    CHECK(len == stream_len && strstr(error, "damaged"));

    CHECK(!source_open("/nonexistent/file", error, sizeof(error)));
    CHECK(errno == ENOENT);
    CHECK(strcmp(error, "cannot read /nonexistent/file: No such file or directory") == 0);
    CHECK(!source_open("/", error, sizeof(error)) && errno == EISDIR);
}

int main(void)
{
    make_stream();
    for (unsigned seed = 1; seed <= 20; seed++) {
        srandom(seed);
        check_cut(seed % 2 ? 300 : sizeof(stream));
    }
    check_cut(1);
    check_sources();
    return failures != 0;
}
