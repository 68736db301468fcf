// SPDX-License-Identifier: Apache-2.0
//
// source.h - the bytes of a stream: standard input, a file, a zstd-compressed file or segment.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct source;

// A file of this name may end within a compressed frame: its writer goes on.
#define SOURCE_GROWING_SUFFIX ".part"

// Opens path ("-" is standard input); zstd is known by its magic number, not by its name. NULL on
// failure, with one line in error that says what failed and why, and errno set.
struct source *source_open(const char *path, char *error, size_t error_size);

// Opens bytes [from, to) of a plain file; the caller cuts it between lines.
struct source *source_open_part(const char *path, uint64_t from, uint64_t to, char *error,
                                size_t error_size);
void source_close(struct source *s);

// Has a compressed file of some size decompressed by a thread beside, where there is a processor
// for it. Before the first read; with other sources nothing changes.
void source_read_ahead(struct source *s);

// Reads at most size decompressed bytes, as soon as there are some. 0 at the end, -1 on failure
// (source_error() says which). A signal that interrupts the wait gives -1 with errno EINTR and no
// source_error(): look at what the signal asked for, and read again.
ssize_t source_read(struct source *s, char *buf, size_t size);

// The failure of the last source_read without the source's name, or NULL: a truncated zstd frame
// ends the stream with an error after all that could be decompressed was read.
const char *source_error(const struct source *s);

// Descriptor to poll before the next read, or -1 where that read does not wait. Ask before every
// read: a compressed pipe waits at some times only.
int source_poll_fd(const struct source *s);

// How far into a file the reading is, in its own (compressed) bytes; 0 for a pipe.
uint64_t source_position(const struct source *s);

const char *source_name(const struct source *s);
