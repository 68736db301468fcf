// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/*.c schema/ip.c schema/events.c
// LIBS: nettle
//
// Which name a flow gets, and by what evidence: DNS answers and how long they count, lying clients,
// names that hide others, and corrections when a better name comes.

#include "tests/unit/names_tracker.h"

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

int main(void)
{
    dns_evidence();
    age();
    untrusted_resolver();
    verification();
    encrypted_hello();
    corrections();
    ports_again();
    return expect_result(&e);
}
