// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/quic.c bpf/xdpacct/names/quic_crypto.c
// LINK: bpf/xdpacct/names/tls.c bpf/xdpacct/names/host_name.c
// LIBS: nettle
//
// QUIC Initial packets: the vectors of RFC 9001 and RFC 9369, CRYPTO frames in any order over
// several packets and datagrams, and hostile ones.

#include "bpf/xdpacct/names/quic.h"
#include "tests/unit/expect.h"
#include "tests/unit/quic_seal.h"

static struct expect e;
static struct quic_hello state;
static const struct quic_hello fresh;

// From a copy of its exact size, so that ASan sees a read past the end.
static enum name_status feed(const struct wire *w, size_t len, struct hello *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, w->bytes, len);
    enum name_status status = quic_datagram(&state, copy, len, out);
    free(copy);
    return status;
}

static struct wire *of_hex(const char *hex)
{
    static struct wire w[4];
    static unsigned next;
    struct wire *one = &w[next++ % 4];
    one->len = 0;
    wire_hex(one, hex);
    return one;
}

// RFC 9001 appendix A.1 and A.2, RFC 9369 appendix A.1 and A.2. Of the protected packet of 1200
// bytes its first 64 and its last 16 stand here: those are the tag, which no other packet has.
static const struct {
    uint32_t version;
    const char *key, *iv, *hp, *packet_start, *packet_tag;
} vectors[] = {
    {QUIC_V1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
     "9f50449e04a0e810283a1e9933adedd2",
     "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"
     "d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f399",
     "e221af44860018ab0856972e194cd934"},
    {QUIC_V2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
     "45b95e15235d6f45a6b19cbcb0294ba9",
     "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"
     "dd04de806071bf03dceebfa162e75d6c96058bdbfb127cdfcbf903388e99ad04",
     "a18b2faa745b6fe189cf772a9f84cbfc"},
};

static const char rfc_cid[] = "8394c8f03e515708";
static const char rfc_crypto_frame[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff";

static void rfc_vectors(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct quic_keys keys;
        const struct wire *cid = of_hex(rfc_cid), *want;
        struct wire payload = {0}, packet = {0};
        struct hello h;
        EXPECT_U64(&e, "version",
                   quic_initial_keys(vectors[i].version, cid->bytes, cid->len, &keys), true);
        want = of_hex(vectors[i].key);
        EXPECT_BYTES(&e, "key", keys.key, sizeof(keys.key), want->bytes, want->len);
        want = of_hex(vectors[i].iv);
        EXPECT_BYTES(&e, "iv", keys.iv, sizeof(keys.iv), want->bytes, want->len);
        want = of_hex(vectors[i].hp);
        EXPECT_BYTES(&e, "hp", keys.hp, sizeof(keys.hp), want->bytes, want->len);

        wire_hex(&payload, rfc_crypto_frame);
        payload.len = 1162; // PADDING
        quic_seal(&packet, vectors[i].version, cid, cid, 2, &payload);
        want = of_hex(vectors[i].packet_start);
        EXPECT_BYTES(&e, "packet", packet.bytes, 64, want->bytes, want->len);
        want = of_hex(vectors[i].packet_tag);
        EXPECT_BYTES(&e, "tag", packet.bytes + 1200 - 16, 16, want->bytes, want->len);

        state = fresh;
        EXPECT_U64(&e, "is_initial", quic_is_initial(packet.bytes, packet.len), true);
        EXPECT_U64(&e, "status", feed(&packet, packet.len, &h), NAME_FOUND);
        EXPECT_TEXT(&e, "name", h.name.text, h.name.len, "example.com");
    }
}

static void put_frames(struct wire *payload, const struct wire *hello, const size_t (*ranges)[2],
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t to = ranges[i][1] < hello->len ? ranges[i][1] : hello->len;
        quic_put_crypto(payload, hello, ranges[i][0], to);
        wire_be(payload, i % 2, 1); // PADDING or PING between
    }
}

// A hello of 1.8 KB in many frames, shuffled over two datagrams as Chrome does it; the second
// datagram comes with the server's connection id, and the keys stay those of the first.
static void frames_in_any_order(void)
{
    static const size_t first[][2] = {{900, 1000}, {0, 10}, {500, 900}, {10, 11}};
    static const size_t second[][2] = {{1000, 4000}, {11, 300}, {250, 510}};
    for (size_t v = 0; v < 2; v++) {
        const struct wire *cid = of_hex("0011223344556677"), *other = of_hex("aabbcc");
        struct wire hello = {0}, p1 = {0}, p2 = {0}, d1 = {0}, d2 = {0};
        struct hello h;
        wire_client_hello(&hello, "shop.example", 1700);
        put_frames(&p1, &hello, first, 4);
        put_frames(&p2, &hello, second, 3);
        quic_seal(&d1, vectors[v].version, cid, cid, 0, &p1);
        quic_seal(&d2, vectors[v].version, other, cid, 1, &p2);
        state = fresh;
        EXPECT_U64(&e, "first datagram", feed(&d1, d1.len, &h), NAME_MORE);
        EXPECT_U64(&e, "second datagram", feed(&d2, d2.len, &h), NAME_FOUND);
        EXPECT_TEXT(&e, "name", h.name.text, h.name.len, "shop.example");
        // alone, the second cannot be read
        state = fresh;
        EXPECT_U64(&e, "second alone", feed(&d2, d2.len, &h), NAME_OTHER);
    }
}

// Two Initial packets and a 0-RTT packet in one datagram, and padding behind them.
static void coalesced(void)
{
    const struct wire *cid = of_hex("0011223344556677");
    struct wire hello = {0}, p1 = {0}, p2 = {0}, d = {0};
    struct hello h;
    wire_client_hello(&hello, "shop.example", 400);
    quic_put_crypto(&p1, &hello, 300, hello.len);
    quic_put_crypto(&p2, &hello, 0, 300);
    quic_seal(&d, QUIC_V1, cid, cid, 0, &p1);
    wire_hex(&d, "d0 00000001 08 0011223344556677 00 14 0000000000000000000000000000000000000000");
    quic_seal(&d, QUIC_V1, cid, cid, 1, &p2);
    wire_hex(&d, "00000000000000000000");
    state = fresh;
    EXPECT_U64(&e, "coalesced", feed(&d, d.len, &h), NAME_FOUND);
    EXPECT_TEXT(&e, "name", h.name.text, h.name.len, "shop.example");
}

// After a Retry the client starts again with a connection id of the server's, and keys from it;
// after version negotiation with another version.
static void keys_change(void)
{
    const struct wire *cid = of_hex("0011223344556677"), *retry = of_hex("0102030405060708090a");
    struct wire hello = {0}, other = {0}, p1 = {0}, p2 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
    struct hello h;
    wire_client_hello(&hello, "shop.example", 1500);
    wire_client_hello(&other, "news.example", 0);
    quic_put_crypto(&p1, &hello, 0, 1000);
    quic_put_crypto(&p2, &other, 0, other.len);
    quic_seal(&d1, QUIC_V1, cid, cid, 0, &p1);
    quic_seal(&d2, QUIC_V1, retry, retry, 1, &p2);
    quic_seal(&d3, QUIC_V2, cid, cid, 1, &p2);
    state = fresh;
    EXPECT_U64(&e, "before Retry", feed(&d1, d1.len, &h), NAME_MORE);
    EXPECT_U64(&e, "after Retry", feed(&d2, d2.len, &h), NAME_FOUND);
    EXPECT_TEXT(&e, "name", h.name.text, h.name.len, "news.example");
    state = fresh;
    EXPECT_U64(&e, "version 1", feed(&d1, d1.len, &h), NAME_MORE);
    EXPECT_U64(&e, "version 2", feed(&d3, d3.len, &h), NAME_FOUND);
}

// Payloads that are sealed correctly and hostile inside.
static void hostile_frames(void)
{
    static const struct {
        const char *what, *hex;
        enum name_status status;
    } rows[] = {
        {"only PADDING", "0000000000000000", NAME_MORE},
        {"CRYPTO past the end of the packet", "06 00 4400 01 00", NAME_OTHER},
        {"CRYPTO of 2^62 bytes", "06 00 ffffffffffffffff 01", NAME_OTHER},
        {"CRYPTO at offset 2^62-1", "06 ffffffffffffffff 04 01020304", NAME_MORE},
        {"overlapping CRYPTO that agrees", "06 00 04 01000100 06 02 04 01000303", NAME_MORE},
        {"overlapping CRYPTO that differs", "06 00 04 01000100 06 02 04 02000303",
         NAME_CONTRADICTION},
        {"an ACK of 2^62 ranges", "02 00 00 ffffffffffffffff 00", NAME_OTHER},
        {"an ACK, then CRYPTO", "02 05 00 01 00 00 00 06 00 04 01000100", NAME_MORE},
        {"a STREAM frame", "08 00 01", NAME_OTHER},
        {"a frame type of 8 bytes", "c000000000000006 00 01", NAME_OTHER},
        {"CONNECTION_CLOSE", "1c 00 00 00", NAME_MORE},
        {"a server's hello", "06 00 04 02000000", NAME_OTHER},
        {"a hello of 16 MB", "06 00 04 01ffffff", NAME_MORE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wire *cid = of_hex("0011223344556677");
        struct wire payload = {0}, d = {0};
        struct hello h;
        wire_hex(&payload, rows[i].hex);
        quic_seal(&d, QUIC_V1, cid, cid, 0, &payload);
        state = fresh;
        EXPECT_U64(&e, rows[i].what, feed(&d, d.len, &h), rows[i].status);
        EXPECT_U64(&e, "no name", h.name.len, 0);
    }
}

static void hostile_packets(void)
{
    static const struct {
        const char *what, *hex;
    } rows[] = {
        {"empty", ""},
        {"a short header", "40 0011223344556677 00"},
        {"an unknown version",
         "c0 ff00001d 08 0011223344556677 00 00 10 00000000000000000000000000000000"},
        {"version negotiation", "c0 00000000 08 0011223344556677 00 00000001"},
        {"a connection id of 21 bytes",
         "c0 00000001 15 000000000000000000000000000000000000000000 00 00 00"},
        {"a connection id past the end", "c0 00000001 14 0011"},
        {"a token past the end", "c0 00000001 00 00 ffffffffffffffff 00"},
        {"a length past the end", "c0 00000001 00 00 00 7fff 00"},
        {"a length of 0", "c0 00000001 00 00 00 00"},
        {"a packet too short for its sample",
         "c0 00000001 00 00 00 10 00000000000000000000000000000000"},
        {"a Retry", "f0 00000001 00 00 00000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w = {0};
        struct hello h;
        wire_hex(&w, rows[i].hex);
        state = fresh;
        EXPECT_U64(&e, rows[i].what, feed(&w, w.len, &h), NAME_OTHER);
    }
}

// Every cut of a good packet, and every bit of it flipped, is refused, and the state stays as it
// was.
static void damaged(void)
{
    const struct wire *cid = of_hex(rfc_cid);
    struct wire payload = {0}, d = {0};
    struct hello h;
    wire_hex(&payload, rfc_crypto_frame);
    quic_seal(&d, QUIC_V1, cid, cid, 2, &payload);
    state = fresh;
    for (size_t len = 0; len < d.len; len++)
        EXPECT_U64(&e, "cut packet", feed(&d, len, &h), NAME_OTHER);
    for (size_t bit = 0; bit < d.len * 8; bit += 7) {
        d.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT_U64(&e, "flipped bit", feed(&d, d.len, &h), NAME_OTHER);
        d.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    EXPECT_BYTES(&e, "state", &state, sizeof(state), &fresh, sizeof(fresh));
    EXPECT_U64(&e, "undamaged", feed(&d, d.len, &h), NAME_FOUND);
}

// A hello larger than what is kept: the name counts if it stands before the limit.
static void larger_than_kept(void)
{
    const struct wire *cid = of_hex("0011223344556677");
    for (int early = 0; early < 2; early++) {
        struct wire hello = {0};
        struct hello h = {0};
        enum name_status status = NAME_MORE;
        wire_client_hello(&hello, "far.example", early ? 0 : QUIC_HELLO_MAX);
        if (early) {
            hello.bytes[2] = 0xff; // a message of 64 KB, of which the name is the beginning
            hello.bytes[4 + 2 + 32 + 1 + 4 + 2] = 0xf0;
        }
        state = fresh;
        for (size_t at = 0; at < hello.len && status == NAME_MORE; at += 1000) {
            struct wire payload = {0}, d = {0};
            quic_put_crypto(&payload, &hello, at, at + 1000 < hello.len ? at + 1000 : hello.len);
            quic_seal(&d, QUIC_V1, cid, cid, (uint32_t)at, &payload);
            status = feed(&d, d.len, &h);
        }
        EXPECT_U64(&e, "too large", status, NAME_MORE);
        EXPECT_TEXT(&e, "name so far", h.name.text, h.name.len, early ? "far.example" : "");
    }
}

int main(void)
{
    rfc_vectors();
    frames_in_any_order();
    coalesced();
    keys_change();
    hostile_frames();
    hostile_packets();
    damaged();
    larger_than_kept();
    return expect_result(&e);
}
