// SPDX-License-Identifier: Apache-2.0
//
// quic_seal.h - makes QUIC Initial packets as a client would, for tests (RFC 9001, 5.3 and 5.4).
#pragma once

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include "bpf/xdpacct/names/quic.h"
#include "tests/unit/wire.h"

// Appends an Initial packet that holds payload to the datagram w. The keys follow from key_cid,
// which differs from the packet's own cid after the first flight. number is sent in 4 bytes.
static inline void quic_seal(struct wire *w, uint32_t version, const struct wire *cid,
                             const struct wire *key_cid, uint32_t number,
                             const struct wire *payload)
{
    struct quic_keys keys;
    struct gcm_aes128_ctx gcm;
    uint8_t nonce[CRYPTO_IV_LEN], mask[16];
    size_t start = w->len;
    if (!quic_initial_keys(version, key_cid->bytes, key_cid->len, &keys))
        abort();
    wire_be(w, version == QUIC_V2 ? 0xd3 : 0xc3, 1);
    wire_be(w, version, 4);
    wire_be(w, cid->len, 1);
    wire_add(w, cid->bytes, cid->len);
    wire_be(w, 0, 1); // source connection id
    wire_be(w, 0, 1); // token
    wire_be(w, 0x4000 | (4 + payload->len + CRYPTO_TAG_LEN), 2);
    size_t number_at = w->len;
    wire_be(w, number, 4);
    size_t payload_at = w->len;

    memcpy(nonce, keys.iv, sizeof(nonce));
    for (int i = 0; i < 4; i++)
        nonce[8 + i] ^= w->bytes[number_at + (size_t)i];
    wire_add(w, payload->bytes, payload->len);
    gcm_aes128_set_key(&gcm, keys.key);
    gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
    gcm_aes128_update(&gcm, payload_at - start, w->bytes + start);
    gcm_aes128_encrypt(&gcm, payload->len, w->bytes + payload_at, payload->bytes);
    uint8_t tag[CRYPTO_TAG_LEN];
    gcm_aes128_digest(&gcm, sizeof(tag), tag);
    wire_add(w, tag, sizeof(tag));

    crypto_aes_block(keys.hp, w->bytes + number_at + 4, mask);
    w->bytes[start] ^= mask[0] & 0x0f;
    for (size_t i = 0; i < 4; i++)
        w->bytes[number_at + i] ^= mask[1 + i];
}

// A CRYPTO frame with bytes [from, to) of the stream.
static inline void quic_put_crypto(struct wire *payload, const struct wire *stream, size_t from,
                                   size_t to)
{
    wire_be(payload, 0x06, 1);
    wire_be(payload, 0x80000000 | from, 4);
    wire_be(payload, 0x4000 | (to - from), 2);
    wire_add(payload, stream->bytes + from, to - from);
}
