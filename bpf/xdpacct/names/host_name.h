// SPDX-License-Identifier: Apache-2.0
//
// host_name.h - a host name as it stands in events: lower case, no final dot, checked.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOST_NAME_MAX_LEN = 253 }; // RFC 1035, 2.3.4: 255 bytes on the wire

struct host_name {
    uint8_t len;                      // 0: no name
    char text[HOST_NAME_MAX_LEN + 1]; // not NUL-terminated
};

// Takes len bytes as a host name. False, and out empty, if they are none: empty or over-long
// labels, bytes outside [A-Za-z0-9_-], an IPv4 address in digits. One final dot is dropped.
bool host_name_set(struct host_name *out, const uint8_t *bytes, size_t len);

bool host_name_equal(const struct host_name *a, const struct host_name *b);

// What a look at the first bytes of a flow yields.
enum name_status {
    NAME_FOUND, // a name
    NAME_NONE,  // the right protocol, complete, and no name in it
    NAME_MORE,  // the beginning of the right protocol; more bytes are needed. A name that stands
                // in the part seen so far is given already: it may serve if no more bytes come.
    NAME_OTHER, // another protocol, or malformed
    NAME_CONTRADICTION, // bytes that came twice differ: what the server believes cannot be known
};

// What the parsers of TLS, QUIC and HTTP give.
struct hello {
    struct host_name name; // len 0: none (yet)
    bool has_ech; // carries the encrypted_client_hello extension, GREASE or real (RFC 9849)
};
