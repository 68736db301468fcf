// SPDX-License-Identifier: Apache-2.0
//
// names_tracker.h - gives a tracker copied packets and asks what a flow is named, for the tests of
// bpf/xdpacct/names/tracker.c: DNS answers of one resolver that is believed, TLS hellos, flows of
// two subscribers to one server.
#pragma once

#include "bpf/xdpacct/names/tracker.h"
#include "tests/unit/expect.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>

static struct expect e;

enum { FLOWS = 256 * 1024 };

static struct {
    unsigned learnt;
    struct learnt last;
    char name[256];
} seen;

static inline void learn(void *context, const struct learnt *learnt)
{
    (void)context;
    seen.learnt++;
    seen.last = *learnt;
    snprintf(seen.name, sizeof(seen.name), "%.*s", (int)learnt->verdict.name.len,
             learnt->verdict.name.ptr);
}

// Only 192.0.2.53 is believed.
static inline bool trusts(void *context, struct ip_addr resolver)
{
    static const uint8_t believed[4] = {192, 0, 2, 53};
    (void)context;
    return ip_equal(resolver, ip_from_v4(believed));
}

static const struct tracker_config config = {
    .flows = FLOWS, .hellos = true, .trusts = trusts, .learn = learn};

enum { SUB = 0x0a000001, OTHER_SUB = 0x0a000002, RESOLVER = 0xc0000235, SERVER = 0xc6336401 };

static inline struct flow_key flow(uint32_t sub, uint32_t peer, unsigned proto, uint16_t sub_port,
                                   uint16_t peer_port)
{
    return (struct flow_key){.id = FLOW_ID(htons(sub_port), htons(peer_port), proto, 0, FAMILY_V4),
                             .sub = {htonl(sub)},
                             .peer = {htonl(peer)}};
}

static inline void copy_cut(struct tracker *t, struct flow_key key, enum direction dir,
                            uint32_t seq, const uint8_t *bytes, size_t len, size_t full_len,
                            uint64_t now_s)
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

static inline void copy(struct tracker *t, struct flow_key key, enum direction dir, uint32_t seq,
                        const uint8_t *bytes, size_t len, uint64_t now_s)
{
    copy_cut(t, key, dir, seq, bytes, len, len, now_s);
}

// An answer that gives name the address, by way of the CNAME last if that is not NULL.
static inline void put_answer(struct wire *w, const char *name, const char *last, uint32_t address,
                              uint32_t ttl_s)
{
    wire_hex(w, "0001 8180 0001");
    wire_be(w, last ? 2 : 1, 2);
    wire_be(w, 0, 4);
    wire_dns_name(w, name);
    wire_hex(w, "0001 0001");
    if (last) {
        wire_hex(w, "c00c 0005 0001");
        wire_be(w, ttl_s, 4);
        size_t at = wire_open(w, 2);
        wire_dns_name(w, last);
        wire_close(w, at, 2);
    }
    wire_dns_name(w, last ? last : name);
    wire_hex(w, "0001 0001");
    wire_be(w, ttl_s, 4);
    wire_be(w, 4, 2);
    wire_be(w, address, 4);
}

static inline void answer_by(struct tracker *t, uint32_t sub, uint32_t resolver, const char *name,
                             const char *last, uint32_t ttl_s, uint64_t now_s)
{
    static struct wire w;
    w.len = 0;
    put_answer(&w, name, last, SERVER, ttl_s);
    copy(t, flow(sub, resolver, IPPROTO_UDP, 5353, 53), DIR_DOWN, 0, w.bytes, w.len, now_s);
}

static inline void answer(struct tracker *t, const char *name, const char *last, uint32_t ttl_s,
                          uint64_t now_s)
{
    answer_by(t, SUB, RESOLVER, name, last, ttl_s, now_s);
}

// A hello in one TLS record.
static inline void put_tls(struct wire *w, const char *name, size_t padding)
{
    static struct wire message;
    message.len = w->len = 0;
    wire_client_hello(&message, name, padding);
    wire_hex(w, "16 0301");
    wire_be(w, message.len, 2);
    wire_add(w, message.bytes, message.len);
}

static inline struct attribution attribute(struct tracker *t, struct flow_key key,
                                           uint64_t bytes_up, uint64_t now_s)
{
    struct attribution a;
    struct flow_count count = {.packets = {1, 0}, .bytes = {bytes_up, 0}};
    const struct tracker_interval interval = {now_s * 1000000, 10000000};
    tracker__attribute(t, &key, &count, &interval, &a);
    return a;
}

static inline void expect_verdict(const char *what, struct verdict v, const char *name,
                                  enum evidence evidence, bool ambiguous, bool unverified)
{
    EXPECT_TEXT(&e, what, v.name.ptr ? v.name.ptr : "", v.name.len, name);
    EXPECT_U64(&e, what, v.evidence, evidence);
    EXPECT_U64(&e, "ambiguous", v.ambiguous, ambiguous);
    EXPECT_U64(&e, "unverified", v.unverified, unverified);
}

static inline void expect_flow(const char *what, struct tracker *t, struct flow_key key,
                               uint64_t now_s, const char *name, enum evidence evidence,
                               bool ambiguous, bool unverified)
{
    expect_verdict(what, attribute(t, key, 100, now_s).verdict, name, evidence, ambiguous,
                   unverified);
}

static inline struct flow_key tcp(uint16_t port)
{
    return flow(SUB, SERVER, IPPROTO_TCP, port, 443);
}
