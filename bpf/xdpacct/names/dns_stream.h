// SPDX-License-Identifier: Apache-2.0
//
// dns_stream.h - DNS messages out of a resolver's TCP stream (RFC 1035, 4.2.2: each after its
// length).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_STREAM_MAX = 2 + 65535 };

// Segments must come in order; a gap ends the stream, since no message can be found behind it.
struct dns_stream {
    bool begun, broken;
    uint32_t next_seq;
    uint32_t have;
    uint8_t data[DNS_STREAM_MAX]; // the message that is coming in, with its length
};

// Takes a segment and calls message for every one that is complete now. A segment that was cut
// short in the copy (len of its full_len bytes are there) ends the stream, and its incomplete
// message is handed on as it is. Returns false if the stream is broken.
bool dns_stream__add(struct dns_stream *s, uint32_t seq, const uint8_t *bytes, size_t len,
                     size_t full_len,
                     void (*message)(void *context, const uint8_t *bytes, size_t len),
                     void *context);
