// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/tracker.h"
#include "bpf/xdpacct/names/dns_cache.h"
#include "bpf/xdpacct/names/dns_stream.h"
#include "bpf/xdpacct/names/ech_names.h"
#include "bpf/xdpacct/names/http.h"
#include "bpf/xdpacct/names/quic.h"
#include "bpf/xdpacct/names/tcp_start.h"
#include "bpf/xdpacct/names/tls.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEQ_NEAR = 64 * 1024, // segments further apart belong to different connections
    STRANGE_SEGMENTS = 3, // of a stream that begins like no hello, until it is given up
};

// A name and how it is known, as it is kept.
struct named {
    name_id name; // held
    uint8_t evidence;
    bool ambiguous, unverified;
};

struct flow_item {
    struct flow_key key;
    struct named named;
    bool closed; // what was reported cannot be moved any more
};

// What was reported of a flow before the client's hello was seen.
struct open_item {
    struct flow_key key;
    struct named named;
    bool moved; // it is removed because it was moved
    unsigned count;
    struct moved reported[TRACKER_MOVED_MAX]; // latest last
};

struct tcp_item {
    struct flow_key key;
    bool done; // it is removed because it was looked through
    struct tcp_start start;
};

struct quic_item {
    struct flow_key key;
    bool done;
    struct quic_hello quic;
};

struct dns_item {
    struct flow_key key;
    struct dns_stream stream;
};

struct tracker {
    struct tracker_config config;
    struct tracker_counts counts;
    struct tracker_counts told; // of the tables' own counts, when they were taken last
    struct name_pool pool;
    struct dns_cache dns;
    struct ech_names ech;
    struct lru flows, open, tcp, quic, dns_tcp;
    name_id lent; // given out as attribution.from, held until the next call
};

// A DNS message and whom it is for.
struct dns_context {
    struct tracker *tracker;
    struct ip_addr sub, resolver;
    uint32_t now_s;
};

static struct ip_addr address(const __u64 words[2], const struct flow_key *key)
{
    const uint8_t *bytes = (const uint8_t *)words;
    return FLOW_ID_FAMILY(key->id) == FAMILY_V4 ? ip_from_v4(bytes) : ip_from_v6(bytes);
}

// ---- names of flows

static void set_named(struct tracker *t, struct named *to, struct named from)
{
    name_pool__drop(&t->pool, to->name);
    *to = from;
}

// What DNS says of the flow's peer, held.
static struct named named_by_dns(struct tracker *t, const struct flow_key *key, uint32_t now_s)
{
    struct dns_match match =
        dns_cache__find(&t->dns, address(key->sub, key), address(key->peer, key), now_s);
    return (struct named){.name = name_pool__hold_id(&t->pool, match.name),
                          .evidence = match.name ? EVIDENCE_DNS : EVIDENCE_NONE,
                          .ambiguous = match.ambiguous};
}

// The flow, with the name that DNS has for its peer if it is seen for the first time.
static struct flow_item *flow_of(struct tracker *t, const struct flow_key *key, uint32_t now_s)
{
    struct flow_item *flow = lru__find(&t->flows, key);
    if (!flow) {
        flow = lru__add(&t->flows, key);
        flow->named = named_by_dns(t, key, now_s);
    }
    return flow;
}

static struct verdict verdict_of(const struct tracker *t, const struct named *named)
{
    return (struct verdict){.name = name_pool__text(&t->pool, named->name),
                            .evidence = (enum evidence)named->evidence,
                            .ambiguous = named->ambiguous,
                            .unverified = named->unverified};
}

static bool by_hello(const struct named *named)
{
    return named->evidence > EVIDENCE_DNS;
}

static void tell_learnt(const struct tracker *t, const struct flow_item *flow)
{
    struct learnt learnt = {.sub = address(flow->key.sub, &flow->key),
                            .peer = address(flow->key.peer, &flow->key),
                            .verdict = verdict_of(t, &flow->named)};
    if (t->config.learn)
        t->config.learn(t->config.context, &learnt);
}

// Gives the flow the name in its hello; without one, DNS decides, also if an earlier connection
// with the same ports, or a part of this hello, had given it another.
static bool name_by_hello(struct tracker *t, struct flow_item *flow, const struct hello *hello,
                          enum evidence evidence, uint32_t now_s)
{
    struct named named = {.evidence = (uint8_t)evidence};
    if (!(hello->has_ech && ech_names__has(&t->ech, &hello->name)))
        named.name = name_pool__hold(&t->pool, &hello->name);
    if (!named.name) {
        if (by_hello(&flow->named))
            set_named(t, &flow->named, named_by_dns(t, &flow->key, now_s));
        return false;
    }
    named.unverified = !dns_cache__verifies(&t->dns, address(flow->key.sub, &flow->key),
                                            address(flow->key.peer, &flow->key), named.name, now_s);
    bool changed = named.name != flow->named.name || named.evidence != flow->named.evidence;
    set_named(t, &flow->named, named);
    if (changed && named.unverified)
        tell_learnt(t, flow);
    return true;
}

// A look at the hello came to this. Returns true if no more of it is needed.
static bool take_look(struct tracker *t, struct flow_item *flow, enum name_status status,
                      const struct hello *hello, enum evidence evidence, uint32_t now_s)
{
    static const struct hello nothing;
    switch (status) {
    case NAME_FOUND:
    case NAME_NONE:
        if (name_by_hello(t, flow, hello, evidence, now_s))
            t->counts.hellos_named++;
        else
            t->counts.hellos_unnamed++;
        return true;
    case NAME_CONTRADICTION:
        t->counts.contradictory++;
        name_by_hello(t, flow, &nothing, evidence, now_s);
        return true;
    case NAME_MORE:
        if (hello->name.len > 0)
            name_by_hello(t, flow, hello, evidence, now_s);
        return false;
    case NAME_OTHER:
        break;
    }
    return false;
}

// ---- hellos over TCP

static enum name_status look_at_stream(const uint8_t *bytes, size_t len, struct hello *hello,
                                       enum evidence *evidence)
{
    enum name_status status = tls_stream(bytes, len, hello);
    *evidence = EVIDENCE_SNI;
    if (status != NAME_OTHER)
        return status;
    *evidence = EVIDENCE_HOST;
    return http_request(bytes, len, hello);
}

// The flow's hello as far as it has come, if this segment can belong to it.
static struct tcp_item *tcp_item_of(struct tracker *t, const struct name_packet *p)
{
    struct tcp_item *item = lru__find(&t->tcp, &p->key);
    if (!item)
        return NULL;
    int32_t distance = (int32_t)(p->seq - item->start.segments[0].seq);
    if (distance > -SEQ_NEAR && distance < SEQ_NEAR)
        return item;
    lru__remove(&t->tcp, item);
    return NULL;
}

static void take_tcp(struct tracker *t, const struct name_packet *p, uint32_t now_s)
{
    uint8_t joined[TCP_START_BYTES];
    struct flow_item *flow = flow_of(t, &p->key, now_s);
    struct tcp_item *item = tcp_item_of(t, p);
    bool first = !item, room = p->len == p->full_len;
    if (first) {
        item = lru__add(&t->tcp, &p->key);
        room = tcp_start__add(&item->start, p->seq, p->bytes, p->len) && room;
    } else if (item->start.count < TCP_START_SEGMENTS) {
        room = tcp_start__add(&item->start, p->seq, p->bytes, p->len) && room;
    }
    struct hello hello = {0};
    enum evidence evidence = EVIDENCE_SNI;
    int len = tcp_start__join(&item->start, joined);
    enum name_status status =
        len < 0 ? NAME_CONTRADICTION : look_at_stream(joined, (size_t)len, &hello, &evidence);
    item->done = take_look(t, flow, status, &hello, evidence, now_s);
    // a stream that begins in another way may be one whose segments come out of order
    bool strange = status == NAME_OTHER && item->start.count >= STRANGE_SEGMENTS;
    if (item->done || strange || !room)
        lru__remove(&t->tcp, item);
}

static void forget_tcp(void *context, void *item)
{
    const struct tcp_item *tcp = item;
    if (!tcp->done && tcp->start.data[0] == 0x16)
        ((struct tracker *)context)->counts.incomplete++;
}

// ---- hellos over QUIC

static void take_udp(struct tracker *t, const struct name_packet *p, uint32_t now_s)
{
    struct quic_item *item = lru__find(&t->quic, &p->key);
    struct flow_item *flow = flow_of(t, &p->key, now_s);
    if (!item && !quic_is_initial(p->bytes, p->len))
        return;
    if (!item)
        item = lru__add(&t->quic, &p->key);
    struct hello hello;
    enum name_status status = quic_datagram(&item->quic, p->bytes, p->len, &hello);
    item->done = take_look(t, flow, status, &hello, EVIDENCE_QUIC, now_s);
    if (item->done || item->quic.version == 0)
        lru__remove(&t->quic, item);
}

static void forget_quic(void *context, void *item)
{
    const struct quic_item *quic = item;
    if (!quic->done && quic->quic.version != 0)
        ((struct tracker *)context)->counts.incomplete++;
}

// ---- DNS answers

static void take_answer(void *context, const uint8_t *message, size_t len)
{
    const struct dns_context *c = context;
    struct tracker *t = c->tracker;
    struct dns_answer answer;
    if (dns_parse(message, len, &answer) != DNS_ANSWER)
        return;
    if (t->config.trusts && !t->config.trusts(t->config.context, c->resolver)) {
        t->counts.dns_untrusted++;
        return;
    }
    t->counts.dns_answers++;
    ech_names__add(&t->ech, &answer.ech_name);
    for (size_t i = 0; i < answer.count; i++) {
        const struct dns_address *a = &answer.addresses[i];
        if (!dns_cache__learn(&t->dns, c->sub, a, &answer.name, &answer.last, c->now_s) ||
            !t->config.learn)
            continue;
        struct verdict verdict = {.name = {answer.name.text, answer.name.len},
                                  .evidence = EVIDENCE_DNS};
        struct learnt learnt = {
            .sub = c->sub, .peer = a->ip, .verdict = verdict, .ttl_s = a->ttl_s};
        t->config.learn(t->config.context, &learnt);
    }
}

static void take_dns(struct tracker *t, const struct name_packet *p, uint32_t now_s)
{
    struct dns_context c = {t, address(p->key.sub, &p->key), address(p->key.peer, &p->key), now_s};
    // the flow to the resolver is older than what the resolver says
    flow_of(t, &p->key, now_s);
    if (FLOW_ID_PROTO(p->key.id) == IPPROTO_UDP) {
        take_answer(&c, p->bytes, p->len);
        return;
    }
    struct dns_item *item = lru__find(&t->dns_tcp, &p->key);
    if (!item)
        item = lru__add(&t->dns_tcp, &p->key);
    if (!dns_stream__add(&item->stream, p->seq, p->bytes, p->len, p->full_len, take_answer, &c))
        lru__remove(&t->dns_tcp, item);
}

void tracker__packet(struct tracker *t, const void *copy, size_t size, uint64_t now_us)
{
    const struct name_packet *p = copy;
    uint32_t now_s = (uint32_t)(now_us / 1000000);
    if (size < NAME_PACKET_HEAD || size - NAME_PACKET_HEAD < p->len || p->len == 0)
        return;
    t->counts.copies++;
    if (p->dir == DIR_DOWN)
        take_dns(t, p, now_s);
    else if (FLOW_ID_PROTO(p->key.id) == IPPROTO_TCP)
        take_tcp(t, p, now_s);
    else
        take_udp(t, p, now_s);
}

// ---- attribution

// Remembers what is reported now for a flow whose hello has not been seen.
static void keep_open(struct tracker *t, struct flow_item *flow, struct open_item *open,
                      const struct flow_count *count, const struct tracker_interval *interval)
{
    uint64_t bytes_up = 0;
    if (!open) {
        open = lru__add(&t->open, &flow->key);
        open->named = flow->named;
        name_pool__hold_id(&t->pool, open->named.name);
    }
    if (open->count < TRACKER_MOVED_MAX)
        open->reported[open->count++] = (struct moved){.interval = *interval};
    struct moved *last = &open->reported[open->count - 1];
    for (int dir = 0; dir < 2; dir++) {
        last->count.packets[dir] += count->packets[dir];
        last->count.bytes[dir] += count->bytes[dir];
    }
    for (unsigned i = 0; i < open->count; i++)
        bytes_up += open->reported[i].count.bytes[DIR_UP];
    if (bytes_up > TRACKER_OPEN_BYTES)
        lru__remove(&t->open, open);
}

// Without room to remember it, what was reported of the flow stays where it is.
static void forget_open(void *context, void *item)
{
    struct tracker *t = context;
    struct open_item *open = item;
    struct flow_item *flow = open->moved ? NULL : lru__find(&t->flows, &open->key);
    if (flow)
        flow->closed = true;
    name_pool__drop(&t->pool, open->named.name);
}

static void forget_flow(void *context, void *item)
{
    name_pool__drop(&((struct tracker *)context)->pool, ((struct flow_item *)item)->named.name);
}

void tracker__attribute(struct tracker *t, const struct flow_key *key,
                        const struct flow_count *count, const struct tracker_interval *interval,
                        struct attribution *out)
{
    name_pool__drop(&t->pool, t->lent);
    t->lent = 0;
    struct flow_item *flow = flow_of(t, key, (uint32_t)(interval->end_us / 1000000));
    unsigned proto = FLOW_ID_PROTO(key->id);
    out->verdict = verdict_of(t, &flow->named);
    out->moved_count = 0;
    if (!t->config.hellos || (proto != IPPROTO_TCP && proto != IPPROTO_UDP) || flow->closed)
        return;
    struct open_item *open = lru__find(&t->open, key);
    if (!by_hello(&flow->named)) {
        keep_open(t, flow, open, count, interval);
        return;
    }
    if (!open)
        return;
    t->lent = name_pool__hold_id(&t->pool, open->named.name);
    out->moved_count = open->count;
    out->from = verdict_of(t, &open->named);
    memcpy(out->moved, open->reported, sizeof(out->moved));
    open->moved = true;
    lru__remove(&t->open, open);
}

struct tracker_counts tracker__take_counts(struct tracker *t)
{
    struct tracker_counts counts = t->counts;
    const struct tracker_counts now = {.no_room = t->pool.refused,
                                       .flows_forgotten = t->flows.evicted,
                                       .addresses_forgotten = t->dns.addresses.evicted,
                                       .open_forgotten = t->open.evicted,
                                       .dns_over_limit = t->dns.over_limit};
    counts.no_room = now.no_room - t->told.no_room;
    counts.flows_forgotten = now.flows_forgotten - t->told.flows_forgotten;
    counts.addresses_forgotten = now.addresses_forgotten - t->told.addresses_forgotten;
    counts.open_forgotten = now.open_forgotten - t->told.open_forgotten;
    counts.dns_over_limit = now.dns_over_limit - t->told.dns_over_limit;
    t->told = now;
    t->counts = (struct tracker_counts){0};
    return counts;
}

struct text evidence_text(enum evidence evidence)
{
    static const char *const names[] = {NULL, "dns", "sni", "quic", "host"};
    return names[evidence] ? text_of(names[evidence]) : (struct text){NULL, 0};
}

// ---- start and end

static struct lru table(uint32_t capacity, size_t item_size, void (*forget)(void *, void *),
                        void *context)
{
    return (struct lru){.capacity = capacity,
                        .item_size = item_size,
                        .key_size = sizeof(struct flow_key),
                        .forget = forget,
                        .context = context};
}

// The pool is full: the flow and the address that were not heard of for longest give their names
// back.
static bool make_room(void *context)
{
    struct tracker *t = context;
    bool flow = lru__forget_oldest(&t->flows);
    return lru__forget_oldest(&t->dns.addresses) || flow;
}

struct tracker *tracker__new(const struct tracker_config *config)
{
    struct tracker *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->config = *config;
    ech_names__init(&t->ech);
    t->flows = table(config->flows, sizeof(struct flow_item), forget_flow, t);
    t->open = table(TRACKER_OPEN, sizeof(struct open_item), forget_open, t);
    t->tcp = table(TRACKER_TCP_STARTS, sizeof(struct tcp_item), forget_tcp, t);
    t->quic = table(TRACKER_QUIC_STARTS, sizeof(struct quic_item), forget_quic, t);
    t->dns_tcp = table(TRACKER_DNS_STREAMS, sizeof(struct dns_item), NULL, NULL);
    if (name_pool__open(&t->pool, TRACKER_NAMES) &&
        dns_cache__open(&t->dns, TRACKER_ADDRESSES, &t->pool) && lru__open(&t->flows) &&
        lru__open(&t->open) && lru__open(&t->tcp) && lru__open(&t->quic) &&
        lru__open(&t->dns_tcp)) {
        t->pool.make_room = make_room;
        t->pool.context = t;
        return t;
    }
    tracker__free(t);
    return NULL;
}

void tracker__free(struct tracker *t)
{
    if (!t)
        return;
    lru__close(&t->flows);
    lru__close(&t->open);
    lru__close(&t->tcp);
    lru__close(&t->quic);
    lru__close(&t->dns_tcp);
    dns_cache__close(&t->dns);
    name_pool__close(&t->pool);
    free(t);
}

size_t tracker__bytes(const struct tracker *t)
{
    const struct lru *tables[] = {&t->flows, &t->open,    &t->tcp,
                                  &t->quic,  &t->dns_tcp, &t->dns.addresses};
    size_t bytes = sizeof(*t) + name_pool__bytes(&t->pool);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        bytes += lru__bytes(tables[i]);
    return bytes;
}
