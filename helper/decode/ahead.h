// SPDX-License-Identifier: Apache-2.0
//
// ahead.h - a thread that reads on while what it has read is worked on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ahead;

// Reads as read() does, in the thread: not interrupted by signals, which the thread does not get.
typedef ssize_t (*ahead_reader)(void *context, char *buf, size_t size);

// Starts to read. NULL if there is no memory or no thread: read without it then.
struct ahead *ahead_start(ahead_reader read, void *context);

// What the reader has read, in order: at most size bytes, as soon as there are some. 0 at the end,
// -1 and errno if the reader failed, after all that it had read before.
ssize_t ahead_read(struct ahead *a, char *buf, size_t size);

// Whether ahead_read() has told the end or the failure: the reader runs no more.
bool ahead_ended(const struct ahead *a);

// Ends the thread, wherever it is. NULL is allowed.
void ahead_stop(struct ahead *a);
