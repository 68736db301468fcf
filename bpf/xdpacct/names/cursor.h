// SPDX-License-Identifier: Apache-2.0
//
// cursor.h - the one way in which the name parsers read bytes from the network.
//
// A cursor never reads past its end: what is not there is read as 0, and the cursor is `cut` from
// then on. A parser reads a whole structure and asks once, at its end, whether the cursor was cut.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;
    size_t left;
    bool cut; // something was read that is not there
};

static inline struct cursor cursor_of(const uint8_t *bytes, size_t len)
{
    return (struct cursor){bytes, len, false};
}

// The next len bytes, or NULL if there are fewer; then nothing is left.
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t len)
{
    if (c->left < len) {
        c->left = 0;
        c->cut = true;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += len;
    c->left -= len;
    return bytes;
}

// Big-endian number of size bytes (1 to 8).
static inline uint64_t cursor_be(struct cursor *c, size_t size)
{
    const uint8_t *bytes = cursor_bytes(c, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)cursor_be(c, 1);
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)cursor_be(c, 2);
}

static inline uint32_t cursor_u24(struct cursor *c)
{
    return (uint32_t)cursor_be(c, 3);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)cursor_be(c, 4);
}

// Variable-length integer of QUIC (RFC 9000, 16).
static inline uint64_t cursor_varint(struct cursor *c)
{
    if (c->left == 0) {
        c->cut = true;
        return 0;
    }
    size_t size = (size_t)1 << (*c->at >> 6);
    return cursor_be(c, size) & (UINT64_MAX >> (66 - 8 * size));
}

// The next len bytes as a cursor of their own. If fewer are there it holds those and is cut, and so
// is c: parsers that accept a prefix can still look inside.
static inline struct cursor cursor_part(struct cursor *c, size_t len)
{
    struct cursor part = {c->at, len < c->left ? len : c->left, len > c->left};
    c->at += part.left;
    c->left -= part.left;
    c->cut |= part.cut;
    return part;
}
