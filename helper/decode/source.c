// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/source.h"
#include "helper/decode/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { INPUT_SIZE = 128 * 1024, MAGIC_SIZE = 4, AHEAD_BYTES_MIN = 64 * 1024 };

enum kind { KIND_UNKNOWN, KIND_PLAIN, KIND_ZSTD };

struct source {
    char *name;
    int fd;
    bool may_wait; // a pipe, socket or terminal
    bool growing;  // a segment that `record` has open: its last frame may well end early
    bool at_end;   // of the file, or of the part of it
    uint64_t left; // bytes of the part that are not read yet
    enum kind kind;
    // zstd: compressed bytes read and not used yet. KIND_UNKNOWN: the first bytes.
    char *input;
    ZSTD_inBuffer in;
    ZSTD_DCtx *zstd;
    bool within_frame;   // more of the frame must come
    bool output_left;    // zstd holds decompressed bytes that found no room
    struct ahead *ahead; // decompresses in a thread; NULL: source_read() does
    char error[256];
};

static void say(struct source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct source *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->error, sizeof(s->error), format, args);
    va_end(args);
}

static struct source *source_new(const char *name, int fd)
{
    struct source *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->fd = fd;
    s->left = UINT64_MAX;
    s->name = strdup(name);
    s->input = malloc(INPUT_SIZE);
    s->in.src = s->input;
    if (s->name && s->input)
        return s;
    s->fd = -1; // stays the caller's
    source_close(s);
    return NULL;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

struct source *source_open(const char *path, char *error, size_t error_size)
{
    bool standard = strcmp(path, "-") == 0;
    int failed = 0;
    struct stat st = {0};
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        failed = errno;
    else if (S_ISDIR(st.st_mode))
        failed = EISDIR;
    struct source *s = failed ? NULL : source_new(standard ? "standard input" : path, fd);
    if (s) {
        s->may_wait = !S_ISREG(st.st_mode);
        s->growing = has_suffix(path, SOURCE_GROWING_SUFFIX);
        return s;
    }
    failed = failed ? failed : ENOMEM;
    snprintf(error, error_size, "cannot read %s: %s", standard ? "standard input" : path,
             strerror(failed));
    if (fd >= 0)
        close(fd);
    errno = failed;
    return NULL;
}

struct source *source_open_part(const char *path, uint64_t from, uint64_t to, char *error,
                                size_t error_size)
{
    struct source *s = source_open(path, error, error_size);
    if (!s)
        return NULL;
    s->kind = KIND_PLAIN;
    s->left = to - from;
    if (lseek(s->fd, (off_t)from, SEEK_SET) == (off_t)from)
        return s;
    snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
    source_close(s);
    return NULL;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    ahead_stop(s->ahead);
    ZSTD_freeDCtx(s->zstd);
    if (s->fd >= 0)
        close(s->fd);
    free(s->name);
    free(s->input);
    free(s);
}

static ssize_t read_some(struct source *s, char *buf, size_t size)
{
    ssize_t got = read(s->fd, buf, size < s->left ? size : (size_t)s->left);
    if (got > 0)
        s->left -= (uint64_t)got;
    if (got < 0 && errno != EINTR)
        say(s, "cannot read: %s", strerror(errno));
    if (got == 0)
        s->at_end = true;
    return got;
}

// Reads compressed bytes, or first bytes, behind those that are there.
static ssize_t read_input(struct source *s)
{
    if (s->in.pos == s->in.size)
        s->in.pos = s->in.size = 0;
    ssize_t got = read_some(s, s->input + s->in.size, INPUT_SIZE - s->in.size);
    if (got > 0)
        s->in.size += (size_t)got;
    return got;
}

// Whether the first bytes are, or can still become, the magic number of a zstd frame or of a
// skippable frame (RFC 8878, 3.1).
static bool zstd_begins(const char *bytes, size_t len)
{
    static const unsigned char frame[MAGIC_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char skippable[MAGIC_SIZE] = {0x50, 0x2a, 0x4d, 0x18};
    size_t known = len < MAGIC_SIZE ? len : MAGIC_SIZE;
    if (memcmp(bytes, frame, known) == 0)
        return true;
    return known == 0 || (((unsigned char)bytes[0] & 0xf0) == skippable[0] &&
                          memcmp(bytes + 1, skippable + 1, known - 1) == 0);
}

// Finds out what the stream is. Returns as read() does; a stream that is no zstd is known by its
// first byte, so that a live one is not held up.
static ssize_t find_kind(struct source *s)
{
    ssize_t got = read_input(s);
    if (got < 0)
        return got;
    bool begins = zstd_begins(s->input, s->in.size);
    if (begins && s->in.size < MAGIC_SIZE && got > 0)
        return got; // not known yet
    if (begins && s->in.size >= MAGIC_SIZE && !(s->zstd = ZSTD_createDCtx())) {
        say(s, "no memory");
        errno = ENOMEM;
        return -1;
    }
    s->kind = s->zstd ? KIND_ZSTD : KIND_PLAIN;
    return got;
}

static ssize_t read_plain(struct source *s, char *buf, size_t size)
{
    size_t left = s->in.size - s->in.pos; // the bytes that find_kind() read
    if (left == 0)
        return s->at_end ? 0 : read_some(s, buf, size);
    size_t take = left < size ? left : size;
    memcpy(buf, s->input + s->in.pos, take);
    s->in.pos += take;
    return (ssize_t)take;
}

// NOLINTNEXTLINE(readability-non-const-parameter): zstd writes to buf
static ssize_t read_zstd(struct source *s, char *buf, size_t size)
{
    ZSTD_outBuffer out = {buf, size, 0};
    for (;;) {
        if (s->in.pos < s->in.size || s->output_left) {
            size_t left = ZSTD_decompressStream(s->zstd, &out, &s->in);
            s->output_left = out.pos == out.size && left != 0;
            if (ZSTD_isError(left)) {
                say(s, "damaged: %s", ZSTD_getErrorName(left));
                s->at_end = true;
                s->in.pos = s->in.size;
                s->within_frame = s->output_left = false;
                errno = EBADMSG;
                return out.pos ? (ssize_t)out.pos : -1;
            }
            s->within_frame = left != 0;
            if (out.pos)
                return (ssize_t)out.pos;
            continue;
        }
        if (s->error[0] || (s->at_end && (s->growing || !s->within_frame)))
            return s->error[0] ? -1 : 0;
        if (s->at_end) {
            say(s, "cut short: the last compressed frame is not complete");
            errno = EBADMSG;
            return -1;
        }
        if (read_input(s) < 0)
            return -1;
    }
}

static ssize_t read_now(void *source, char *buf, size_t size)
{
    struct source *s = source;
    while (s->kind == KIND_UNKNOWN)
        if (find_kind(s) < 0)
            return -1;
    return s->kind == KIND_ZSTD ? read_zstd(s, buf, size) : read_plain(s, buf, size);
}

void source_read_ahead(struct source *s)
{
    struct stat st;
    if (s->may_wait || fstat(s->fd, &st) != 0 || st.st_size < AHEAD_BYTES_MIN ||
        sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return;
    if (s->kind == KIND_UNKNOWN && find_kind(s) >= 0 && s->kind == KIND_ZSTD)
        s->ahead = ahead_start(read_now, s);
}

ssize_t source_read(struct source *s, char *buf, size_t size)
{
    return s->ahead ? ahead_read(s->ahead, buf, size) : read_now(s, buf, size);
}

const char *source_error(const struct source *s)
{
    if (s->ahead && !ahead_ended(s->ahead)) // what the thread may have met is not due yet
        return NULL;
    return s->error[0] ? s->error : NULL;
}

int source_poll_fd(const struct source *s)
{
    bool waits = s->may_wait && !s->at_end && s->in.pos == s->in.size && !s->output_left;
    return waits ? s->fd : -1;
}

uint64_t source_position(const struct source *s)
{
    off_t at = s->may_wait ? -1 : lseek(s->fd, 0, SEEK_CUR);
    return at > 0 ? (uint64_t)at : 0;
}

const char *source_name(const struct source *s)
{
    return s->name;
}
