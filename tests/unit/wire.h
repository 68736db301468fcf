// SPDX-License-Identifier: Apache-2.0
//
// wire.h - builds packets byte by byte, for tests of parsers: an append-only buffer, and length
// fields that are filled in when their contents are complete.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wire {
    size_t len;
    uint8_t bytes[128 * 1024];
};

static inline void wire_add(struct wire *w, const void *bytes, size_t len)
{
    if (len > sizeof(w->bytes) - w->len)
        abort();
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

static inline void wire_be(struct wire *w, uint64_t value, size_t size)
{
    while (size-- > 0) {
        uint8_t byte = (uint8_t)(value >> (8 * size));
        wire_add(w, &byte, 1);
    }
}

static inline void wire_text(struct wire *w, const char *text)
{
    wire_add(w, text, strlen(text));
}

// Labels with their lengths, without compression.
static inline void wire_dns_name(struct wire *w, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");
        wire_be(w, len, 1);
        wire_add(w, name, len);
        name += len + (name[len] == '.');
    }
    wire_be(w, 0, 1);
}

// Opens a length field of size bytes; wire_close fills it in.
static inline size_t wire_open(struct wire *w, size_t size)
{
    size_t at = w->len;
    wire_be(w, 0, size);
    return at;
}

static inline void wire_close(struct wire *w, size_t at, size_t size)
{
    size_t value = w->len - at - size;
    for (size_t i = 0; i < size; i++)
        w->bytes[at + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

// Bytes from hexadecimal text; blanks are skipped.
static inline void wire_hex(struct wire *w, const char *hex)
{
    while (*hex) {
        char pair[3] = {hex[0], hex[1], 0};
        if (*hex == ' ' || *hex == '\n') {
            hex++;
            continue;
        }
        uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
        wire_add(w, &byte, 1);
        hex += 2;
    }
}

// A ClientHello handshake message: `name` as server_name (NULL: none), and `padding` bytes in a
// padding extension before it, as large as a post-quantum key share would be.
static inline void wire_client_hello(struct wire *w, const char *name, size_t padding)
{
    wire_be(w, 1, 1);
    size_t message = wire_open(w, 3);
    wire_be(w, 0x0303, 2);
    for (int i = 0; i < 32; i++)
        wire_be(w, (unsigned)i, 1);
    wire_be(w, 0, 1); // session id
    wire_be(w, 2, 2), wire_be(w, 0x1301, 2);
    wire_be(w, 1, 1), wire_be(w, 0, 1); // compression
    size_t extensions = wire_open(w, 2);
    if (padding > 0) {
        wire_be(w, 21, 2);
        wire_be(w, padding, 2);
        for (size_t i = 0; i < padding; i++)
            wire_be(w, 0, 1);
    }
    if (name) {
        wire_be(w, 0, 2);
        size_t extension = wire_open(w, 2), list = wire_open(w, 2);
        wire_be(w, 0, 1);
        size_t host = wire_open(w, 2);
        wire_text(w, name);
        wire_close(w, host, 2);
        wire_close(w, list, 2);
        wire_close(w, extension, 2);
    }
    wire_close(w, extensions, 2);
    wire_close(w, message, 3);
}
