// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/quic.h"

#include <string.h>
#include "bpf/xdpacct/names/cursor.h"
#include "bpf/xdpacct/names/tls.h"

// What differs between the versions (RFC 9001 5.2 and RFC 9369 3.3).
struct quic_version {
    uint32_t number;
    uint8_t initial_type, retry_type; // long header packet types
    uint8_t salt[20];
    const char *key_label, *iv_label, *hp_label;
};

static const struct quic_version versions[] = {
    {QUIC_V1,
     0,
     3,
     {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
      0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
     "quic key",
     "quic iv",
     "quic hp"},
    {QUIC_V2,
     1,
     0,
     {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
     "quicv2 key",
     "quicv2 iv",
     "quicv2 hp"},
};

static const struct quic_version *find_version(uint32_t number)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (versions[i].number == number)
            return &versions[i];
    return NULL;
}

// HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
static void expand_label(const uint8_t secret[CRYPTO_HASH_LEN], const char *label, uint8_t *out,
                         size_t out_len)
{
    uint8_t info[32];
    size_t label_len = strlen(label), at = 0;
    info[at++] = 0;
    info[at++] = (uint8_t)out_len;
    info[at++] = (uint8_t)(label_len + 6);
    memcpy(info + at, "tls13 ", 6);
    at += 6;
    memcpy(info + at, label, label_len);
    at += label_len;
    info[at++] = 0;
    crypto_hkdf_expand(secret, info, at, out, out_len);
}

bool quic_initial_keys(uint32_t version, const uint8_t *cid, size_t cid_len, struct quic_keys *out)
{
    const struct quic_version *v = find_version(version);
    uint8_t initial[CRYPTO_HASH_LEN], client[CRYPTO_HASH_LEN];
    if (!v)
        return false;
    crypto_hkdf_extract(v->salt, sizeof(v->salt), cid, cid_len, initial);
    expand_label(initial, "client in", client, sizeof(client));
    expand_label(client, v->key_label, out->key, sizeof(out->key));
    expand_label(client, v->iv_label, out->iv, sizeof(out->iv));
    expand_label(client, v->hp_label, out->hp, sizeof(out->hp));
    return true;
}

// A packet with a long header, as it lies in a datagram.
struct packet {
    const struct quic_version *version;
    const uint8_t *start; // first byte of the header
    size_t number_at;     // offset of the packet number
    size_t len;           // up to the packet's end
    const uint8_t *cid;   // destination connection id
    size_t cid_len;
    bool initial;
};

// Cuts the next packet off c. False at the end of what can be read: short header, unknown version,
// Retry, padding behind the last packet, or a length that the datagram does not have.
static bool take_packet(struct cursor *c, struct packet *out)
{
    const uint8_t *start = c->at;
    uint8_t first = cursor_u8(c);
    out->start = start;
    out->version = find_version(cursor_u32(c));
    if (c->cut || (first & 0xc0) != 0xc0 || !out->version)
        return false;
    uint8_t type = first >> 4 & 3;
    if (type == out->version->retry_type)
        return false;
    out->initial = type == out->version->initial_type;
    out->cid_len = cursor_u8(c);
    if (out->cid_len > QUIC_CID_MAX)
        return false;
    out->cid = cursor_bytes(c, out->cid_len);
    size_t scid_len = cursor_u8(c);
    if (scid_len > QUIC_CID_MAX)
        return false;
    cursor_bytes(c, scid_len);
    if (out->initial) {
        uint64_t token_len = cursor_varint(c);
        if (token_len > c->left)
            return false;
        cursor_bytes(c, (size_t)token_len);
    }
    uint64_t len = cursor_varint(c);
    if (c->cut || len > c->left)
        return false;
    out->number_at = (size_t)(c->at - start);
    out->len = out->number_at + (size_t)len;
    cursor_bytes(c, (size_t)len);
    return true;
}

// Removes header protection and decrypts (RFC 9001, 5.3 and 5.4). Returns the payload's length, or
// 0 if the keys do not fit. The packet number is taken as it stands: a client's first ones are
// below 256.
static size_t open_packet(const struct packet *p, const struct quic_keys *keys, uint8_t *payload)
{
    uint8_t header[QUIC_DATAGRAM_MAX], mask[16], nonce[CRYPTO_IV_LEN];
    if (p->len < p->number_at + 4 + 16 || p->len > sizeof(header))
        return 0;
    crypto_aes_block(keys->hp, p->start + p->number_at + 4, mask);
    size_t number_len = (size_t)((p->start[0] ^ mask[0]) & 3) + 1;
    size_t header_len = p->number_at + number_len;
    memcpy(header, p->start, header_len);
    header[0] ^= mask[0] & 0x0f;
    memcpy(nonce, keys->iv, sizeof(nonce));
    for (size_t i = 0; i < number_len; i++) {
        header[p->number_at + i] ^= mask[1 + i];
        nonce[sizeof(nonce) - number_len + i] ^= header[p->number_at + i];
    }
    size_t sealed = p->len - header_len;
    if (sealed <= CRYPTO_TAG_LEN || !crypto_gcm_open(keys->key, nonce, header, header_len,
                                                     p->start + header_len, sealed, payload))
        return 0;
    return sealed - CRYPTO_TAG_LEN;
}

static bool has_byte(const struct quic_hello *q, size_t n)
{
    return q->have[n / 8] >> (n % 8) & 1;
}

// Adds a CRYPTO frame. What lies beyond QUIC_HELLO_MAX is left out; bytes that came before must be
// the same again (RFC 9000, 2.2), else somebody shows us another hello than the server: false.
static bool add_crypto(struct quic_hello *q, uint64_t offset, struct cursor frame)
{
    for (size_t i = 0; i < frame.left && offset + i < QUIC_HELLO_MAX; i++) {
        size_t n = (size_t)offset + i;
        if (has_byte(q, n) && q->data[n] != frame.at[i])
            return false;
        q->data[n] = frame.at[i];
        q->have[n / 8] |= (uint8_t)(1 << n % 8);
    }
    while (q->begun < QUIC_HELLO_MAX && has_byte(q, q->begun))
        q->begun++;
    return true;
}

static void skip_ack(struct cursor *c, bool ecn)
{
    cursor_varint(c); // largest acknowledged
    cursor_varint(c); // delay
    uint64_t ranges = cursor_varint(c);
    cursor_varint(c); // first range
    while (ranges-- > 0 && !c->cut) {
        cursor_varint(c);
        cursor_varint(c);
    }
    for (int i = 0; ecn && i < 3; i++)
        cursor_varint(c);
}

// Takes the frames that an Initial packet may hold (RFC 9000, 17.2.2). NAME_MORE if all is well.
static enum name_status take_frames(struct quic_hello *q, const uint8_t *payload, size_t len)
{
    struct cursor c = cursor_of(payload, len);
    while (c.left > 0) {
        uint64_t type = cursor_varint(&c);
        if (type == 0x02 || type == 0x03) {
            skip_ack(&c, type == 0x03);
        } else if (type == 0x06) {
            uint64_t offset = cursor_varint(&c);
            uint64_t size = cursor_varint(&c);
            if (c.cut || size > c.left)
                return NAME_OTHER;
            if (!add_crypto(q, offset, cursor_part(&c, (size_t)size)))
                return NAME_CONTRADICTION;
        } else if (type == 0x1c) {
            return NAME_MORE;     // CONNECTION_CLOSE: nothing of interest behind it
        } else if (type > 0x01) { // neither PADDING nor PING
            return NAME_OTHER;
        }
    }
    return c.cut ? NAME_OTHER : NAME_MORE;
}

// Decrypts with the keys in use, or with keys from this packet's connection id: that is the
// client's first for the first packet, the server's choice after a Retry (RFC 9001, 5.2), a new one
// when the port is used again. A change of keys starts the hello anew.
static size_t open_initial(struct quic_hello *q, const struct packet *p, uint8_t *payload)
{
    struct quic_keys keys;
    size_t len = q->version == p->version->number ? open_packet(p, &q->keys, payload) : 0;
    if (len > 0)
        return len;
    quic_initial_keys(p->version->number, p->cid, p->cid_len, &keys);
    len = open_packet(p, &keys, payload);
    if (len == 0)
        return 0;
    memset(q->have, 0, sizeof(q->have));
    q->begun = 0;
    q->version = p->version->number;
    q->keys = keys;
    return len;
}

bool quic_is_initial(const uint8_t *datagram, size_t len)
{
    struct cursor c = cursor_of(datagram, len);
    struct packet p;
    return len <= QUIC_DATAGRAM_MAX && take_packet(&c, &p) && p.initial;
}

enum name_status quic_datagram(struct quic_hello *q, const uint8_t *datagram, size_t len,
                               struct hello *out)
{
    uint8_t payload[QUIC_DATAGRAM_MAX];
    struct cursor c = cursor_of(datagram, len);
    struct packet p;
    bool any = false;
    *out = (struct hello){0};
    if (len > QUIC_DATAGRAM_MAX)
        return NAME_OTHER;
    while (c.left > 0 && take_packet(&c, &p)) {
        if (!p.initial)
            continue;
        size_t payload_len = open_initial(q, &p, payload);
        if (payload_len == 0)
            continue;
        enum name_status status = take_frames(q, payload, payload_len);
        if (status != NAME_MORE)
            return status;
        any = true;
    }
    return any ? tls_client_hello(q->data, q->begun, out) : NAME_OTHER;
}
