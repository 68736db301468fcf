// SPDX-License-Identifier: Apache-2.0
//
// quic.h - the server name in a client's QUIC Initial packets (RFC 9000, 9001; version 2: RFC
// 9369).
//
// Initial packets are encrypted with keys that follow from the connection id that the client chose
// first, so anybody who sees the first packet can read them. The ClientHello lies in CRYPTO frames,
// in any order, over several packets.
#pragma once

#include "bpf/xdpacct/names/host_name.h"
#include "bpf/xdpacct/names/quic_crypto.h"

enum {
    QUIC_V1 = 0x00000001,
    QUIC_V2 = 0x6b3343cf,
    QUIC_CID_MAX = 20,
    QUIC_HELLO_MAX = 8 * 1024, // bytes of the CRYPTO stream that are kept
    QUIC_DATAGRAM_MAX = 2048,  // longer ones are not read: no path carries them
};

struct quic_keys {
    uint8_t key[CRYPTO_KEY_LEN];
    uint8_t iv[CRYPTO_IV_LEN];
    uint8_t hp[CRYPTO_KEY_LEN]; // header protection
};

// What is known of one client's handshake. All zero is the start.
struct quic_hello {
    uint32_t version; // 0: no packet could be decrypted yet
    struct quic_keys keys;
    uint32_t begun;                   // bytes of the stream seen from its start without a gap
    uint8_t have[QUIC_HELLO_MAX / 8]; // bit n: byte n of data is there
    uint8_t data[QUIC_HELLO_MAX];
};

// Keys of a client's Initial packets. False for a version that is not known.
bool quic_initial_keys(uint32_t version, const uint8_t *cid, size_t cid_len, struct quic_keys *out);

// True if the datagram can be a client's first: long header, Initial, of a known version. Says no
// more than that; it decides whether the flow is worth a struct quic_hello.
bool quic_is_initial(const uint8_t *datagram, size_t len);

// Reads one datagram from the client: all Initial packets in it. NAME_OTHER: nothing in it could be
// decrypted (the state is as before), or its frames are malformed.
enum name_status quic_datagram(struct quic_hello *q, const uint8_t *datagram, size_t len,
                               struct hello *out);
