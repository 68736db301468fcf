// SPDX-License-Identifier: Apache-2.0
//
// frame.h - a captured packet as an Ethernet frame, which is what the XDP program reads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    // More than any headers and the names in a first packet take; fits into the one page that a
    // test run has.
    FRAME_MAX = 3072,
    FRAME_MIN = 14, // a test run takes nothing shorter
};

struct frame {
    uint8_t bytes[FRAME_MAX];
    size_t len;        // of bytes: what the capture holds, at most FRAME_MAX
    uint32_t wire_len; // of the frame on the wire, as an Ethernet frame
};

// Whether captures with this link type (DLT_*, pcap-linktype(7)) can be read.
bool frame_link_type_known(int link_type);

// Fills frame from a captured packet: data[0..caplen) of len bytes on the wire. False if it is too
// short to have a link-layer header.
bool frame_from_capture(int link_type, const uint8_t *data, size_t caplen, uint32_t len,
                        struct frame *frame);
