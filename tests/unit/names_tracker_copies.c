// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/*.c schema/ip.c schema/events.c
// LIBS: nettle
//
// From copied packets to names: hellos and DNS messages over several segments, QUIC, copies that
// contradict each other or are malformed, and more of them than there is room for.

#include "bpf/xdpacct/names/dns_cache.h"
#include "tests/unit/names_tracker.h"
#include "tests/unit/quic_seal.h"

// A hello of 1.8 KB in segments of every size and in every order of three, across the wrap of
// sequence numbers.
static void segments(void)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static struct wire w;
    put_tls(&w, "shop.example", 1700);
    for (size_t i = 0; i < 6; i++) {
        struct tracker *t = tracker__new(&config);
        uint32_t start = UINT32_MAX - 600;
        for (int k = 0; k < 3; k++) {
            size_t from = orders[i][k] * 700, to = from + 700 < w.len ? from + 700 : w.len;
            copy(t, tcp(1), DIR_UP, start + (uint32_t)from, w.bytes + from, to - from, 100);
        }
        expect_flow("order of segments", t, tcp(1), 100, "shop.example", EVIDENCE_SNI, false, true);
        tracker__free(t);
    }
    for (size_t size = 250; size < w.len; size += 123) {
        struct tracker *t = tracker__new(&config);
        for (size_t at = 0; at < w.len; at += size) {
            size_t len = w.len - at < size ? w.len - at : size;
            copy(t, tcp(1), DIR_UP, 77 + (uint32_t)at, w.bytes + at, len, 100);
            copy(t, tcp(2), DIR_UP, 77 + (uint32_t)at, w.bytes + at, len, 100);
        }
        expect_flow("size of segments", t, tcp(1), 100, "shop.example", EVIDENCE_SNI, false, true);
        tracker__free(t);
    }
}

static void contradictory_segments(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire real, lie;
    put_tls(&lie, "free.example", 700);
    put_tls(&real, "paid.example", 700);
    copy(t, tcp(1), DIR_UP, 1, lie.bytes + 100, 600, 100);
    copy(t, tcp(1), DIR_UP, 1 - 100, lie.bytes, 300, 100);
    copy(t, tcp(1), DIR_UP, 1 + 500, lie.bytes + 600, lie.len - 600 - 5, 100);
    copy(t, tcp(1), DIR_UP, 1 + 500, real.bytes + 600, real.len - 600, 100);
    expect_flow("two hellos in one", t, tcp(1), 100, "", EVIDENCE_NONE, false, false);
    EXPECT_U64(&e, "counted", tracker__take_counts(t).contradictory, 1);
    tracker__free(t);
}

static void quic_flows(void)
{
    static struct wire hello, payload, datagram;
    static const struct wire cid = {8, "\x01\x02\x03\x04\x05\x06\x07\x08"};
    struct tracker *t = tracker__new(&config);
    struct flow_key key = flow(SUB, SERVER, IPPROTO_UDP, 9, 443);
    hello.len = 0;
    wire_client_hello(&hello, "video.example", 1500);
    for (size_t i = 0; i < 2; i++) {
        payload.len = datagram.len = 0;
        quic_put_crypto(&payload, &hello, i ? 0 : 1000, i ? 1000 : hello.len);
        quic_seal(&datagram, QUIC_V1, &cid, &cid, (uint32_t)i, &payload);
        copy(t, key, DIR_UP, 0, datagram.bytes, datagram.len, 100);
    }
    expect_flow("hello in two datagrams", t, key, 100, "video.example", EVIDENCE_QUIC, false, true);
    struct flow_key game = flow(SUB, SERVER, IPPROTO_UDP, 10, 4000);
    copy(t, game, DIR_UP, 0, (const uint8_t *)"\xc0rubbish", 8, 100);
    expect_flow("another protocol", t, game, 100, "", EVIDENCE_NONE, false, false);
    tracker__free(t);
}

// DNS over TCP: messages of any size in segments of any size, several on one connection.
static void dns_over_tcp(void)
{
    static struct wire w, message;
    struct flow_key key = flow(SUB, RESOLVER, IPPROTO_TCP, 5353, 53);
    for (size_t size = 1; size < 140; size += 13) {
        struct tracker *t = tracker__new(&config);
        w.len = 0;
        for (int i = 0; i < 2; i++) {
            message.len = 0;
            put_answer(&message, i ? "two.example" : "one.example", NULL, SERVER + (uint32_t)i, 60);
            wire_be(&w, message.len, 2);
            wire_add(&w, message.bytes, message.len);
        }
        for (size_t at = 0; at < w.len; at += size)
            copy(t, key, DIR_DOWN, 1000 + (uint32_t)at, w.bytes + at,
                 w.len - at < size ? w.len - at : size, 100);
        copy(t, key, DIR_DOWN, 1000, w.bytes, 10, 100); // sent again
        expect_flow("first message", t, tcp(1), 100, "one.example", EVIDENCE_DNS, false, false);
        struct flow_key second = flow(SUB, SERVER + 1, IPPROTO_TCP, 1, 443);
        expect_flow("second message", t, second, 100, "two.example", EVIDENCE_DNS, false, false);
        tracker__free(t);
    }
    struct tracker *t = tracker__new(&config);
    copy_cut(t, key, DIR_DOWN, 1000, w.bytes, 60, 65000,
             100); // the rest of the segment was not copied
    expect_flow("what was complete of a cut message", t, tcp(1), 100, "one.example", EVIDENCE_DNS,
                false, false);
    copy(t, key, DIR_DOWN, 90000, w.bytes, w.len, 100);
    tracker__free(t);
}

// Copies of any shape are refused or used, and never read past their end.
static void malformed_copies(void)
{
    struct tracker *t = tracker__new(&config);
    for (size_t size = 0; size < NAME_PACKET_HEAD + 4; size++) {
        unsigned char *copy = calloc(1, NAME_PACKET_HEAD + 4);
        struct name_packet *p = (struct name_packet *)copy;
        p->key = tcp(1);
        p->len = p->full_len = 5;
        tracker__packet(t, p, size, 0);
        free(copy);
    }
    EXPECT_U64(&e, "none taken", tracker__take_counts(t).copies, 0);
    tracker__free(t);
}

// More of everything than there is room for: the newest are right, and memory stays what it was.
static void full_tables(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    const unsigned flows = FLOWS + 50000;
    char name[64];
    for (unsigned i = 0; i < flows; i++) {
        snprintf(name, sizeof(name), "host-%u.a-rather-long-domain-name.example", i);
        put_tls(&w, name, 0);
        struct flow_key key =
            flow(SUB + i / 60000, SERVER, IPPROTO_TCP, (uint16_t)(i % 60000), 443);
        copy(t, key, DIR_UP, 5, w.bytes, w.len - (i % 3 == 0 ? 20 : 0), 100);
    }
    struct flow_key newest =
        flow(SUB + (flows - 1) / 60000, SERVER, IPPROTO_TCP, (uint16_t)((flows - 1) % 60000), 443);
    expect_flow("the newest", t, newest, 100, name, EVIDENCE_SNI, false, true);
    struct tracker_counts counts = tracker__take_counts(t);
    EXPECT_U64(&e, "incomplete hellos", counts.incomplete >= flows / 3 - TRACKER_TCP_STARTS, true);
    EXPECT_U64(&e, "forgotten", counts.flows_forgotten >= flows - TRACKER_NAMES * 3 / 2 - 8, true);
    for (unsigned i = 0; i < TRACKER_OPEN + 7; i++)
        attribute(t, flow(SUB, SERVER + 1 + i / 60000, IPPROTO_UDP, (uint16_t)(i % 60000), 9), 10,
                  200);
    EXPECT_U64(&e, "cannot be corrected", tracker__take_counts(t).open_forgotten, 7);
    EXPECT_U64(&e, "the man page's memory",
               (tracker__bytes(t) - (size_t)FLOWS * TRACKER_FLOW_BYTES + (1 << 20) - 1) >> 20,
               TRACKER_MIB);
    tracker__free(t);
}

// A subscriber who asks for names without end does not push out what others were told, and one who
// greets with as many does not keep the names of others out.
static void greedy_subscriber(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    char name[64];
    answer(t, "shop.example", NULL, 60, 100);
    for (unsigned i = 0; i < 2 * TRACKER_ADDRESSES; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        w.len = 0;
        put_answer(&w, name, NULL, 0x01000000 + i, 60);
        copy(t, flow(OTHER_SUB, RESOLVER, IPPROTO_UDP, 5353, 53), DIR_DOWN, 0, w.bytes, w.len, 100);
    }
    expect_flow("told before", t, tcp(1), 100, "shop.example", EVIDENCE_DNS, false, false);
    EXPECT_U64(&e, "counted", tracker__take_counts(t).dns_over_limit,
               2 * TRACKER_ADDRESSES - DNS_SHARE_MAX);

    for (unsigned i = 0; i < TRACKER_NAMES + 1000; i++) {
        snprintf(name, sizeof(name), "g%u.example", i);
        put_tls(&w, name, 0);
        copy(t, flow(OTHER_SUB, SERVER + i / 60000, IPPROTO_TCP, (uint16_t)(i % 60000), 443),
             DIR_UP, 5, w.bytes, w.len, 100);
    }
    put_tls(&w, "mail.example", 0);
    copy(t, tcp(2), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("a name that comes later", t, tcp(2), 100, "mail.example", EVIDENCE_SNI, false,
                true);
    EXPECT_U64(&e, "refused", tracker__take_counts(t).no_room, 0);
    tracker__free(t);
}

int main(void)
{
    segments();
    contradictory_segments();
    quic_flows();
    dns_over_tcp();
    malformed_copies();
    full_tables();
    greedy_subscriber();
    return expect_result(&e);
}
