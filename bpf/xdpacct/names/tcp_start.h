// SPDX-License-Identifier: Apache-2.0
//
// tcp_start.h - puts the first bytes of a TCP stream together from a few segments, in any order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TCP_START_SEGMENTS = 8,
    TCP_START_BYTES = 8 * 1024,
};

struct tcp_start {
    uint16_t count, used;
    struct tcp_segment {
        uint32_t seq; // of its first byte
        uint16_t at, len;
    } segments[TCP_START_SEGMENTS]; // by seq
    uint8_t data[TCP_START_BYTES];  // in order of arrival
};

// Adds a segment. False if there is no room for it: what is there is all that there will be.
bool tcp_start__add(struct tcp_start *s, uint32_t seq, const uint8_t *bytes, size_t len);

// The stream from its lowest byte up to the first gap, into out. Returns its length, or -1 if
// segments overlap and differ: then somebody shows us another stream than the server.
int tcp_start__join(const struct tcp_start *s, uint8_t out[TCP_START_BYTES]);
