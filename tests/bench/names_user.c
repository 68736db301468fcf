// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/*.c schema/*.c
// LIBS: nettle
//
// names_user.c - what names cost user space: flows with names that one core can take in a second,
// and the memory that it comes to.
//
// Flows as today's browsers open them, all from different ports: hellos of 1.8 KB with post-quantum
// key shares over TCP (two segments) and QUIC (two datagrams), some small hellos, some HTTP; a DNS
// answer for each third. Every 10 seconds' worth of flows (at 20,000 a second) is attributed and
// written as events.
//
// usage: names_user INTERVALS     output: one line of JSON

#include "bpf/xdpacct/names/tracker.h"
#include "schema/encode.h"
#include "tests/unit/quic_seal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

enum { RATE = 20000, INTERVAL_S = 10, SUBSCRIBERS = 5000, QUIC_HELLOS = 256, SEGMENT = 1400 };

struct piece {
    size_t len;
    uint8_t bytes[SEGMENT];
};

struct bench {
    struct tracker *tracker;
    struct piece tls[2], small, http, dns; // a name with digits in it, which each flow changes
    struct piece quic[QUIC_HELLOS][2];
    uint64_t named, copies, bytes_written;
    char line[EVENT_LINE_MAX];
};

static void keep(struct piece *p, const uint8_t *bytes, size_t len)
{
    if (len > sizeof(p->bytes))
        abort();
    memcpy(p->bytes, bytes, len);
    p->len = len;
}

static void make_tls(struct piece *first, struct piece *rest, size_t padding)
{
    static struct wire message, w;
    message.len = w.len = 0;
    wire_client_hello(&message, "h000000.bench.example", padding);
    wire_hex(&w, "16 0301");
    wire_be(&w, message.len, 2);
    wire_add(&w, message.bytes, message.len);
    keep(first, w.bytes, w.len < SEGMENT ? w.len : SEGMENT);
    if (rest)
        keep(rest, w.bytes + SEGMENT, w.len - SEGMENT);
}

static void make_quic(struct piece out[2], unsigned number)
{
    static struct wire hello, payload, datagram;
    struct wire *cid = calloc(1, sizeof(*cid));
    char name[64];
    hello.len = 0;
    snprintf(name, sizeof(name), "q%u.bench.example", number);
    wire_client_hello(&hello, name, 1700);
    wire_be(cid, 0x1122334455660000 + number, 8);
    for (size_t i = 0; i < 2; i++) {
        payload.len = datagram.len = 0;
        quic_put_crypto(&payload, &hello, i ? 1000 : 0, i ? hello.len : 1000);
        payload.len = 1150;
        memset(payload.bytes + payload.len, 0, 64);
        quic_seal(&datagram, QUIC_V1, cid, cid, (uint32_t)i, &payload);
        keep(&out[i], datagram.bytes, datagram.len);
    }
    free(cid);
}

static void make_pieces(struct bench *b)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: h000000.bench.example\r\n\r\n";
    static struct wire w;
    make_tls(&b->tls[0], &b->tls[1], 1600);
    make_tls(&b->small, NULL, 200);
    keep(&b->http, (const uint8_t *)request, sizeof(request) - 1);
    wire_hex(&w, "0001 8180 0001 0001 0000 0000 07 68303030303030 05 62656e6368 07 6578616d706c65 "
                 "00 0001 0001"
                 "c00c 0001 0001 0000003c 0004 cb007101");
    keep(&b->dns, w.bytes, w.len);
    for (unsigned i = 0; i < QUIC_HELLOS; i++)
        make_quic(b->quic[i], i);
}

// Writes the number into the name that the piece holds.
static void set_name(struct piece *p, unsigned number)
{
    uint8_t *at = memmem(p->bytes, p->len, "h0", 2);
    for (int i = 6; at && i >= 1; i--, number /= 10)
        at[i] = (uint8_t)('0' + number % 10);
    if (at)
        at[1] = '0'; // so that it is found again
}

static struct flow_key key_of(uint32_t flow, unsigned proto, uint16_t port)
{
    return (struct flow_key){
        .id = FLOW_ID((uint16_t)(flow / SUBSCRIBERS), htons(port), proto, 0, FAMILY_V4),
        .sub = {htonl(10u << 24 | flow % SUBSCRIBERS)},
        .peer = {htonl(0xcb007100 + flow % 200)}};
}

static void copy(struct bench *b, struct flow_key key, enum direction dir, uint32_t seq,
                 const struct piece *piece, uint64_t now_us)
{
    static struct name_packet p;
    p.key = key;
    p.seq = seq;
    p.dir = dir;
    p.len = p.full_len = (uint16_t)piece->len;
    memcpy(p.bytes, piece->bytes, piece->len);
    tracker__packet(b->tracker, &p, NAME_PACKET_HEAD + piece->len, now_us);
    b->copies++;
}

// Of 20 flows 10 are TLS with large hellos, 7 QUIC, 2 TLS with small ones, 1 HTTP.
static struct flow_key open_flow(struct bench *b, uint32_t flow, uint64_t now_us)
{
    unsigned kind = flow % 20, name = flow % 10000;
    bool udp = kind >= 10 && kind < 17;
    struct flow_key key = key_of(flow, udp ? IPPROTO_UDP : IPPROTO_TCP, kind == 19 ? 80 : 443);
    if (flow % 3 == 0) {
        set_name(&b->dns, name);
        copy(b, key_of(flow, IPPROTO_UDP, 53), DIR_DOWN, 0, &b->dns, now_us);
    }
    if (udp) {
        copy(b, key, DIR_UP, 0, &b->quic[flow % QUIC_HELLOS][0], now_us);
        copy(b, key, DIR_UP, 0, &b->quic[flow % QUIC_HELLOS][1], now_us);
    } else if (kind < 10) {
        set_name(&b->tls[1], name);
        copy(b, key, DIR_UP, flow, &b->tls[0], now_us);
        copy(b, key, DIR_UP, flow + SEGMENT, &b->tls[1], now_us);
    } else {
        struct piece *one = kind == 19 ? &b->http : &b->small;
        set_name(one, name);
        copy(b, key, DIR_UP, flow, one, now_us);
    }
    return key;
}

static void report_flow(struct bench *b, const struct flow_key *key, uint64_t now_us)
{
    struct attribution a;
    struct flow_count count = {.packets = {10, 12}, .bytes = {2000, 15000}};
    struct event ev = {.type = EV_flow, .ts_us = now_us};
    const struct tracker_interval interval = {now_us, INTERVAL_S * 1000000};
    tracker__attribute(b->tracker, key, &count, &interval, &a);
    EVENT_SET(&ev, flow, iface, TEXT_LITERAL("eth0"));
    EVENT_SET(&ev, flow, sub, ip_from_v4((const uint8_t *)key->sub));
    EVENT_SET(&ev, flow, peer, ip_from_v4((const uint8_t *)key->peer));
    EVENT_SET(&ev, flow, proto, FLOW_ID_PROTO(key->id));
    EVENT_SET(&ev, flow, bytes_up, count.bytes[DIR_UP]);
    EVENT_SET(&ev, flow, bytes_down, count.bytes[DIR_DOWN]);
    EVENT_SET(&ev, flow, packets_up, count.packets[DIR_UP]);
    EVENT_SET(&ev, flow, packets_down, count.packets[DIR_DOWN]);
    EVENT_SET(&ev, flow, interval_us, INTERVAL_S * 1000000);
    if (a.verdict.evidence > EVIDENCE_DNS)
        b->named++;
    if (a.verdict.evidence != EVIDENCE_NONE) {
        EVENT_SET(&ev, flow, name, a.verdict.name);
        EVENT_SET(&ev, flow, evidence, evidence_text(a.verdict.evidence));
    }
    b->bytes_written += event_encode(&ev, b->line, sizeof(b->line));
}

int main(int argc, char **argv)
{
    static struct bench b;
    static struct flow_key keys[RATE * INTERVAL_S];
    unsigned intervals = argc > 1 ? (unsigned)atoi(argv[1]) : 3;
    // room for the flows of an interval, those to the resolver too
    struct tracker_config config = {.flows = RATE * INTERVAL_S * 3 / 2, .hellos = true};
    b.tracker = tracker__new(&config);
    if (!b.tracker)
        return 1;
    make_pieces(&b);
    clock_t before = clock();
    uint32_t flow = 0;
    for (unsigned n = 0; n < intervals; n++) {
        uint64_t start_us = 1700000000000000 + (uint64_t)n * INTERVAL_S * 1000000;
        for (unsigned i = 0; i < RATE * INTERVAL_S; i++)
            keys[i] = open_flow(&b, flow++, start_us + i * 50);
        for (unsigned i = 0; i < RATE * INTERVAL_S; i++)
            report_flow(&b, &keys[i], start_us + INTERVAL_S * 1000000);
    }
    uint64_t cpu_ns = (uint64_t)(clock() - before) * (1000000000 / CLOCKS_PER_SEC);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"flows\":%u,\"named\":%llu,\"copies\":%llu,\"cpu_ns_per_flow\":%llu,\"flows_per_s\":%"
           "llu,"
           "\"max_rss_kib\":%ld,\"tracker_max_kib\":%zu}\n",
           flow, (unsigned long long)b.named, (unsigned long long)b.copies,
           (unsigned long long)(cpu_ns / flow), (unsigned long long)(flow * 1000000000ull / cpu_ns),
           usage.ru_maxrss, tracker__bytes(b.tracker) / 1024);
    tracker__free(b.tracker);
    return b.named == flow ? 0 : 1;
}
