// SPDX-License-Identifier: Apache-2.0
//
// sender.h - where push sends to: one kind of transport is one table of functions. A sender never
// blocks the reading of the stream: what cannot go out now waits, bounded, and what does not fit is
// dropped and counted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "helper/cli.h"

enum { SENDER_ERROR_MAX = 256 };

struct sender_counts {
    uint64_t sent, dropped;       // batches, or datagrams
    char error[SENDER_ERROR_MAX]; // of the last failure; empty if there was none
};

struct sender {
    // NULL after a text in error. headers: "NAME: VALUE" of HTTP requests.
    void *(*open)(const char *to, const struct opt_list *headers, char *error, size_t error_size);
    // Takes a copy of the batch.
    void (*send)(void *self, const char *batch, size_t size);
    // Goes on with what waits; never waits itself. True if nothing waits any more.
    bool (*work)(void *self);
    const struct sender_counts *(*counts)(const void *self);
    void (*close)(void *self);
};

extern const struct sender
    sender_datagram;                    // udp://HOST:PORT, unixgram:///PATH: lines, as many as fit
extern const struct sender sender_http; // http:// and https:// URLs: a POST for each batch
