// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/*.c schema/ip.c schema/events.c
// LIBS: nettle
//
// From copied packets to names of flows: DNS evidence and its rules, hellos over several segments,
// lying clients, corrections, and tables that are full.

#include "bpf/xdpacct/names/dns_cache.h"
#include "bpf/xdpacct/names/tracker.h"
#include "tests/unit/expect.h"
#include "tests/unit/quic_seal.h"

#include <arpa/inet.h>

static struct expect e;

enum { FLOWS = 256 * 1024 };

static struct {
    unsigned learnt;
    struct learnt last;
    char name[256];
} seen;

static void learn(void *context, const struct learnt *learnt)
{
    (void)context;
    seen.learnt++;
    seen.last = *learnt;
    snprintf(seen.name, sizeof(seen.name), "%.*s", (int)learnt->verdict.name.len,
             learnt->verdict.name.ptr);
}

// Only 192.0.2.53 is believed.
static bool trusts(void *context, struct ip_addr resolver)
{
    static const uint8_t believed[4] = {192, 0, 2, 53};
    (void)context;
    return ip_equal(resolver, ip_from_v4(believed));
}

static const struct tracker_config config = {
    .flows = FLOWS, .hellos = true, .trusts = trusts, .learn = learn};

enum { SUB = 0x0a000001, OTHER_SUB = 0x0a000002, RESOLVER = 0xc0000235, SERVER = 0xc6336401 };

static struct flow_key flow(uint32_t sub, uint32_t peer, unsigned proto, uint16_t sub_port,
                            uint16_t peer_port)
{
    return (struct flow_key){.id = FLOW_ID(htons(sub_port), htons(peer_port), proto, 0, FAMILY_V4),
                             .sub = {htonl(sub)},
                             .peer = {htonl(peer)}};
}

static void copy_cut(struct tracker *t, struct flow_key key, enum direction dir, uint32_t seq,
                     const uint8_t *bytes, size_t len, size_t full_len, uint64_t now_s)
{
    // its own allocation, so that ASan sees the end
    struct name_packet *p = calloc(1, NAME_PACKET_HEAD + len);
    p->key = key;
    p->seq = seq;
    p->len = (uint16_t)len;
    p->full_len = (uint16_t)full_len;
    p->dir = dir;
    memcpy(p->bytes, bytes, len);
    tracker__packet(t, p, NAME_PACKET_HEAD + len, now_s * 1000000);
    free(p);
}

static void copy(struct tracker *t, struct flow_key key, enum direction dir, uint32_t seq,
                 const uint8_t *bytes, size_t len, uint64_t now_s)
{
    copy_cut(t, key, dir, seq, bytes, len, len, now_s);
}

static void put_dns_name(struct wire *w, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");
        wire_be(w, len, 1);
        wire_add(w, name, len);
        name += len + (name[len] == '.');
    }
    wire_be(w, 0, 1);
}

// An answer that gives name the address, by way of the CNAME last if that is not NULL.
static void put_answer(struct wire *w, const char *name, const char *last, uint32_t address,
                       uint32_t ttl_s)
{
    wire_hex(w, "0001 8180 0001");
    wire_be(w, last ? 2 : 1, 2);
    wire_be(w, 0, 4);
    put_dns_name(w, name);
    wire_hex(w, "0001 0001");
    if (last) {
        wire_hex(w, "c00c 0005 0001");
        wire_be(w, ttl_s, 4);
        size_t at = wire_open(w, 2);
        put_dns_name(w, last);
        wire_close(w, at, 2);
    }
    put_dns_name(w, last ? last : name);
    wire_hex(w, "0001 0001");
    wire_be(w, ttl_s, 4);
    wire_be(w, 4, 2);
    wire_be(w, address, 4);
}

static void answer_by(struct tracker *t, uint32_t sub, uint32_t resolver, const char *name,
                      const char *last, uint32_t ttl_s, uint64_t now_s)
{
    static struct wire w;
    w.len = 0;
    put_answer(&w, name, last, SERVER, ttl_s);
    copy(t, flow(sub, resolver, IPPROTO_UDP, 5353, 53), DIR_DOWN, 0, w.bytes, w.len, now_s);
}

static void answer(struct tracker *t, const char *name, const char *last, uint32_t ttl_s,
                   uint64_t now_s)
{
    answer_by(t, SUB, RESOLVER, name, last, ttl_s, now_s);
}

// A hello in one TLS record.
static void put_tls(struct wire *w, const char *name, size_t padding)
{
    static struct wire message;
    message.len = w->len = 0;
    wire_client_hello(&message, name, padding);
    wire_hex(w, "16 0301");
    wire_be(w, message.len, 2);
    wire_add(w, message.bytes, message.len);
}

static struct attribution attribute(struct tracker *t, struct flow_key key, uint64_t bytes_up,
                                    uint64_t now_s)
{
    struct attribution a;
    struct flow_count count = {.packets = {1, 0}, .bytes = {bytes_up, 0}};
    const struct tracker_interval interval = {now_s * 1000000, 10000000};
    tracker__attribute(t, &key, &count, &interval, &a);
    return a;
}

static void expect_verdict(const char *what, struct verdict v, const char *name,
                           enum evidence evidence, bool ambiguous, bool unverified)
{
    EXPECT_TEXT(&e, what, v.name.ptr ? v.name.ptr : "", v.name.len, name);
    EXPECT_U64(&e, what, v.evidence, evidence);
    EXPECT_U64(&e, "ambiguous", v.ambiguous, ambiguous);
    EXPECT_U64(&e, "unverified", v.unverified, unverified);
}

static void expect_flow(const char *what, struct tracker *t, struct flow_key key, uint64_t now_s,
                        const char *name, enum evidence evidence, bool ambiguous, bool unverified)
{
    expect_verdict(what, attribute(t, key, 100, now_s).verdict, name, evidence, ambiguous,
                   unverified);
}

static struct flow_key tcp(uint16_t port)
{
    return flow(SUB, SERVER, IPPROTO_TCP, port, 443);
}

static void dns_evidence(void)
{
    struct tracker *t = tracker__new(&config);
    expect_flow("before any answer", t, tcp(1), 100, "", EVIDENCE_NONE, false, false);
    seen.learnt = 0;
    answer(t, "a.example", "edge.cdn.example", 60, 100);
    EXPECT_U64(&e, "told of the name", seen.learnt, 1);
    EXPECT_TEXT(&e, "its text", seen.name, strlen(seen.name), "a.example");
    EXPECT_U64(&e, "its ttl", seen.last.ttl_s, 60);
    answer(t, "a.example", "edge.cdn.example", 60, 110);
    EXPECT_U64(&e, "told once", seen.learnt, 1);

    expect_flow("a flow seen before keeps what it had", t, tcp(1), 110, "", EVIDENCE_NONE, false,
                false);
    expect_flow("first name of the chain", t, tcp(2), 110, "a.example", EVIDENCE_DNS, false, false);
    struct flow_key other = flow(OTHER_SUB, SERVER, IPPROTO_TCP, 2, 443);
    expect_flow("another subscriber", t, other, 110, "", EVIDENCE_NONE, false, false);

    answer(t, "b.example", NULL, 60, 120);
    expect_flow("newest of two", t, tcp(3), 120, "b.example", EVIDENCE_DNS, true, false);
    expect_flow("an older flow keeps its name", t, tcp(2), 120, "a.example", EVIDENCE_DNS, false,
                false);
    for (int i = 0; i < 6; i++) {
        char name[] = "n0.example";
        name[1] = (char)('0' + i);
        answer(t, name, NULL, 60, 130);
    }
    expect_flow("newest of eight", t, tcp(4), 130, "n5.example", EVIDENCE_DNS, true, false);
    tracker__free(t);
}

// An answer counts for max(TTL, 5 minutes), and at most an hour.
static void age(void)
{
    static const struct {
        uint32_t ttl_s, age_s;
        bool counts;
    } rows[] = {{0, 300, true},      {0, 301, false},         {60, 300, true},
                {1200, 1200, true},  {1200, 1201, false},     {7200, 3600, true},
                {7200, 3601, false}, {0xffffffff, 301, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tracker *t = tracker__new(&config);
        answer(t, "a.example", NULL, rows[i].ttl_s, 1000);
        struct attribution a = attribute(t, tcp(1), 100, 1000 + rows[i].age_s);
        EXPECT_U64(&e, "age of an answer", a.verdict.evidence == EVIDENCE_DNS, rows[i].counts);
        tracker__free(t);
    }
}

static void untrusted_resolver(void)
{
    struct tracker *t = tracker__new(&config);
    answer_by(t, SUB, RESOLVER + 1, "free.example", NULL, 60, 100);
    expect_flow("an answer of another resolver", t, tcp(1), 100, "", EVIDENCE_NONE, false, false);
    EXPECT_U64(&e, "counted", tracker__take_counts(t).dns_untrusted, 1);
    EXPECT_U64(&e, "counted once", tracker__take_counts(t).dns_untrusted, 0);
    tracker__free(t);
}

// A name from the client is believed, and marked unless DNS ties it to the address.
static void verification(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    answer(t, "a.example", "edge.cdn.example", 60, 100);
    put_tls(&w, "a.example", 0);
    copy(t, tcp(1), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("the asked name", t, tcp(1), 100, "a.example", EVIDENCE_SNI, false, false);
    put_tls(&w, "edge.cdn.example", 0);
    copy(t, tcp(2), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("the end of the chain", t, tcp(2), 100, "edge.cdn.example", EVIDENCE_SNI, false,
                false);
    put_tls(&w, "free.example", 0);
    copy(t, tcp(3), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("a lie", t, tcp(3), 100, "free.example", EVIDENCE_SNI, false, true);
    put_tls(&w, NULL, 0);
    copy(t, tcp(4), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("no SNI", t, tcp(4), 100, "a.example", EVIDENCE_DNS, false, false);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    struct flow_key http = flow(SUB, SERVER, IPPROTO_TCP, 5, 80);
    copy(t, http, DIR_UP, 5, (const uint8_t *)request, strlen(request), 100);
    expect_flow("HTTP", t, http, 100, "a.example", EVIDENCE_HOST, false, false);
    put_tls(&w, "a.example", 0);
    copy(t, tcp(6), DIR_UP, 5, w.bytes, w.len, 500);
    expect_flow("verified by nothing that still counts", t, tcp(6), 500, "a.example", EVIDENCE_SNI,
                false, true);
    struct tracker_counts counts = tracker__take_counts(t);
    EXPECT_U64(&e, "named", counts.hellos_named, 5);
    EXPECT_U64(&e, "unnamed", counts.hellos_unnamed, 1);
    tracker__free(t);
}

// The name that ECH shows hides another: it is known beforehand, or from an HTTPS record.
static void encrypted_hello(void)
{
    static const char *const https = "0001 8180 0001 0001 0000 0000 016107 6578616d706c65 00 0041 "
                                     "0001 c00c 0041 0001 0000003c 0038"
                                     "0001 00 0004 0004 c6336401"
                                     "0005 0029 0027 fe0d 0023 01 0020 0002 aabb 0004 00010001 00 "
                                     "12 66726f6e742e6578616d706c652e6e657431 0000";
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    w.len = 0;
    wire_hex(&w, https);
    copy(t, flow(SUB, RESOLVER, IPPROTO_UDP, 5353, 53), DIR_DOWN, 0, w.bytes, w.len, 100);
    static const char *const fronts[] = {"cloudflare-ech.com", "front.example.net1",
                                         "other.example"};
    for (uint16_t i = 0; i < 6; i++) {
        bool ech = i < 3;
        static struct wire message;
        message.len = w.len = 0;
        wire_client_hello(&message, fronts[i % 3], 0);
        if (ech) { // one more extension, and the lengths of message and extensions grow by its 4
                   // bytes
            wire_hex(&message, "fe0d 0000");
            message.bytes[3] += 4;
            message.bytes[4 + 2 + 32 + 1 + 4 + 2 + 1] += 4;
        }
        wire_hex(&w, "16 0301");
        wire_be(&w, message.len, 2);
        wire_add(&w, message.bytes, message.len);
        copy(t, tcp(i), DIR_UP, 5, w.bytes, w.len, 100);
        bool hidden = ech && i < 2;
        expect_flow(fronts[i % 3], t, tcp(i), 100, hidden ? "a.example" : fronts[i % 3],
                    hidden ? EVIDENCE_DNS : EVIDENCE_SNI, false, !hidden);
    }
    tracker__free(t);
}

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

// What was reported before the name came is moved, once, with the exact counts.
static void corrections(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    answer(t, "front.example", NULL, 60, 100);
    struct attribution a = attribute(t, tcp(1), 60, 100);
    expect_verdict("first interval", a.verdict, "front.example", EVIDENCE_DNS, false, false);
    EXPECT_U64(&e, "nothing to move", a.moved_count, 0);
    attribute(t, tcp(1), 40, 110);
    put_tls(&w, "shop.example", 0);
    copy(t, tcp(1), DIR_UP, 5, w.bytes, w.len, 115);
    a = attribute(t, tcp(1), 1000, 120);
    expect_verdict("third interval", a.verdict, "shop.example", EVIDENCE_SNI, false, true);
    EXPECT_U64(&e, "moved", a.moved_count, 2);
    expect_verdict("from", a.from, "front.example", EVIDENCE_DNS, false, false);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_U64(&e, "interval", a.moved[i].interval.end_us, (100 + i * 10) * UINT64_C(1000000));
        EXPECT_U64(&e, "length", a.moved[i].interval.length_us, 10000000);
        EXPECT_U64(&e, "bytes", a.moved[i].count.bytes[DIR_UP], i ? 40 : 60);
        EXPECT_U64(&e, "packets", a.moved[i].count.packets[DIR_UP], 1);
    }
    EXPECT_U64(&e, "moved once", attribute(t, tcp(1), 1000, 130).moved_count, 0);

    // of more intervals than are kept apart nothing is lost
    for (unsigned i = 0; i < TRACKER_MOVED_MAX + 3; i++)
        attribute(t, tcp(3), 10 + i, 200 + i);
    put_tls(&w, "late.example", 0);
    copy(t, tcp(3), DIR_UP, 5, w.bytes, w.len, 250);
    a = attribute(t, tcp(3), 1000, 260);
    EXPECT_U64(&e, "moved", a.moved_count, TRACKER_MOVED_MAX);
    EXPECT_U64(&e, "first", a.moved[0].count.bytes[DIR_UP], 10);
    EXPECT_U64(&e, "last", a.moved[3].count.bytes[DIR_UP], 13 + 14 + 15 + 16);

    // the name in the first part of a hello counts, and so do the parts that come in the next
    // interval
    put_tls(&w, "early.example", 0);
    w.bytes[4] += 100, w.bytes[5 + 3] += 100, w.bytes[5 + 4 + 2 + 32 + 1 + 4 + 2 + 1] += 100;
    copy(t, tcp(2), DIR_UP, 5, w.bytes, w.len, 140);
    expect_flow("early name", t, tcp(2), 140, "early.example", EVIDENCE_SNI, false, true);
    tracker__free(t);
}

// The same ports used again: a hello without a name does not inherit the one before.
static void ports_again(void)
{
    struct tracker *t = tracker__new(&config);
    static struct wire w;
    put_tls(&w, "one.example", 0);
    copy(t, tcp(1), DIR_UP, 5, w.bytes, w.len, 100);
    expect_flow("first connection", t, tcp(1), 100, "one.example", EVIDENCE_SNI, false, true);
    put_tls(&w, "two.example", 0);
    copy(t, tcp(1), DIR_UP, 5000000, w.bytes, w.len, 110);
    expect_flow("second connection", t, tcp(1), 110, "two.example", EVIDENCE_SNI, false, true);
    put_tls(&w, NULL, 0);
    copy(t, tcp(1), DIR_UP, 9000000, w.bytes, w.len, 120);
    expect_flow("third connection", t, tcp(1), 120, "", EVIDENCE_NONE, false, false);
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

int main(void)
{
    dns_evidence();
    age();
    untrusted_resolver();
    verification();
    encrypted_hello();
    segments();
    contradictory_segments();
    quic_flows();
    dns_over_tcp();
    corrections();
    ports_again();
    full_tables();
    greedy_subscriber();
    malformed_copies();
    return expect_result(&e);
}
