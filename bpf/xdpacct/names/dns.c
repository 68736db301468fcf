// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/dns.h"

#include <string.h>
#include "bpf/xdpacct/names/cursor.h"

enum {
    DNS_HEADER = 12,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    CLASS_IN = 1,
    PARAM_IPV4HINT = 4, // RFC 9460, 14.3.2
    PARAM_ECH = 5,
    PARAM_IPV6HINT = 6,
    JUMPS_MAX = 128,
    WIRE_NAME_MAX = 255,
    ECH_VERSION = 0xfe0d, // RFC 9849, 4
};

// A name as on the wire, in lower case and without pointers: labels may hold any byte, dots and
// NULs too, so text would not be safe to compare.
struct wire_name {
    size_t len;
    uint8_t bytes[WIRE_NAME_MAX];
};

struct record {
    struct wire_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    struct cursor data;
    size_t data_at; // offset in the message: a CNAME's pointers need it
};

struct message {
    const uint8_t *bytes;
    size_t len;
    size_t answers_at; // offset of the answer section
    unsigned answers;
};

// Copies one label. 0: the root label, the name is complete; -1: malformed.
static int take_label(const uint8_t *from, size_t left, struct wire_name *out)
{
    size_t size = (size_t)from[0] + 1;
    if (from[0] > 63 || size > left || out->len + size > WIRE_NAME_MAX)
        return -1;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = from[i];
        out->bytes[out->len++] = i > 0 && c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    return from[0];
}

// Reads the name at offset at. Returns the offset behind it, or 0 if it is malformed. A pointer
// must lead to before the place where this run of labels began, so that no loop is possible.
static size_t take_name(const struct message *m, size_t at, struct wire_name *out)
{
    size_t behind = 0, run_start = at;
    out->len = 0;
    for (int jumps = 0; jumps <= JUMPS_MAX;) {
        if (at >= m->len)
            return 0;
        if ((m->bytes[at] & 0xc0) == 0xc0) {
            if (m->len - at < 2)
                return 0;
            size_t target = (size_t)(m->bytes[at] & 0x3f) << 8 | m->bytes[at + 1];
            if (target >= run_start || target < DNS_HEADER)
                return 0;
            if (!behind)
                behind = at + 2;
            at = run_start = target;
            jumps++;
            continue;
        }
        int label = take_label(m->bytes + at, m->len - at, out);
        if (label < 0)
            return 0;
        at += (size_t)label + 1;
        if (label == 0)
            return behind ? behind : at;
    }
    return 0;
}

static bool same_name(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

// Text of a wire name from label number `skip` on. False if it is no host name.
static bool to_host_name(const struct wire_name *name, size_t skip, struct host_name *out)
{
    uint8_t text[WIRE_NAME_MAX];
    size_t len = 0, at = 0;
    out->len = 0;
    for (; name->bytes[at]; at += (size_t)name->bytes[at] + 1) {
        if (skip > 0) {
            skip--;
            continue;
        }
        if (len > 0)
            text[len++] = '.';
        // a dot inside a label is not a boundary
        if (memchr(name->bytes + at + 1, '.', name->bytes[at]))
            return false;
        memcpy(text + len, name->bytes + at + 1, name->bytes[at]);
        len += name->bytes[at];
    }
    return host_name_set(out, text, len);
}

// Leading _labels of an SVCB question: the port and scheme (RFC 9460, 2.3).
static size_t service_labels(const struct wire_name *name)
{
    size_t count = 0;
    for (size_t at = 0; name->bytes[at] && name->bytes[at + 1] == '_'; count++)
        at += (size_t)name->bytes[at] + 1;
    return count;
}

// Reads the record at *at and moves *at behind it. False at the end of what is complete.
static bool take_record(const struct message *m, size_t *at, struct record *out)
{
    size_t behind = take_name(m, *at, &out->owner);
    if (!behind)
        return false;
    struct cursor c = cursor_of(m->bytes + behind, m->len - behind);
    out->type = cursor_u16(&c);
    out->class = cursor_u16(&c);
    out->ttl_s = cursor_u32(&c);
    if (out->ttl_s > INT32_MAX) // RFC 2181, 8
        out->ttl_s = 0;
    out->data = cursor_part(&c, cursor_u16(&c));
    if (c.cut)
        return false;
    out->data_at = (size_t)(out->data.at - m->bytes);
    *at = out->data_at + out->data.left;
    return true;
}

// Follows CNAMEs from *name to the end of the chain, whatever order the records stand in.
// Returns the smallest TTL of the chain, UINT32_MAX without one.
static uint32_t follow_chain(const struct message *m, struct wire_name *name)
{
    uint32_t ttl_s = UINT32_MAX;
    int links = 0;
    bool advanced = true;
    while (advanced && links < DNS_CHAIN_MAX) {
        struct record r;
        size_t at = m->answers_at;
        advanced = false;
        for (unsigned i = 0; i < m->answers && take_record(m, &at, &r); i++) {
            struct wire_name target;
            if (r.type != TYPE_CNAME || r.class != CLASS_IN || !same_name(&r.owner, name) ||
                !take_name(m, r.data_at, &target) || links++ >= DNS_CHAIN_MAX)
                continue;
            *name = target;
            ttl_s = r.ttl_s < ttl_s ? r.ttl_s : ttl_s;
            advanced = true;
        }
    }
    return ttl_s;
}

static void add_address(struct dns_answer *out, struct ip_addr ip, uint32_t ttl_s)
{
    if (out->count == DNS_ADDRESSES_MAX)
        out->left_out++;
    else
        out->addresses[out->count++] = (struct dns_address){ip, ttl_s};
}

static void add_addresses(struct dns_answer *out, struct cursor list, bool v6, uint32_t ttl_s)
{
    size_t size = v6 ? 16 : 4;
    while (list.left >= size) {
        const uint8_t *bytes = cursor_bytes(&list, size);
        add_address(out, v6 ? ip_from_v6(bytes) : ip_from_v4(bytes), ttl_s);
    }
}

// ECHConfigList (RFC 9849, 4): the name that stands in the clear in hellos made with it.
static void take_ech_name(struct cursor list, struct host_name *out)
{
    struct cursor configs = cursor_part(&list, cursor_u16(&list));
    while (configs.left > 0 && out->len == 0) {
        uint16_t version = cursor_u16(&configs);
        struct cursor c = cursor_part(&configs, cursor_u16(&configs));
        if (version != ECH_VERSION || c.cut)
            continue;
        cursor_u8(&c);                   // config_id
        cursor_u16(&c);                  // kem_id
        cursor_part(&c, cursor_u16(&c)); // public_key
        cursor_part(&c, cursor_u16(&c)); // cipher_suites
        cursor_u8(&c);                   // maximum_name_length
        struct cursor name = cursor_part(&c, cursor_u8(&c));
        if (!c.cut)
            host_name_set(out, name.at, name.left);
    }
}

// SVCB and HTTPS in ServiceMode: address hints, ECH configuration (RFC 9460, 2.2).
static void take_service(const struct message *m, const struct record *r, uint32_t ttl_s,
                         struct dns_answer *out)
{
    struct cursor c = r->data;
    struct wire_name target;
    uint16_t priority = cursor_u16(&c);
    size_t behind = take_name(m, r->data_at + 2, &target);
    if (priority == 0 || behind == 0 || behind > r->data_at + r->data.left)
        return;
    c = cursor_of(m->bytes + behind, r->data_at + r->data.left - behind);
    while (c.left > 0) {
        uint16_t key = cursor_u16(&c);
        struct cursor value = cursor_part(&c, cursor_u16(&c));
        if (c.cut)
            return;
        if (key == PARAM_IPV4HINT || key == PARAM_IPV6HINT)
            add_addresses(out, value, key == PARAM_IPV6HINT, ttl_s);
        else if (key == PARAM_ECH)
            take_ech_name(value, &out->ech_name);
    }
}

static void take_addresses(const struct message *m, const struct wire_name *name,
                           uint32_t chain_ttl_s, struct dns_answer *out)
{
    struct record r;
    size_t at = m->answers_at;
    for (unsigned i = 0; i < m->answers && take_record(m, &at, &r); i++) {
        if (r.class != CLASS_IN || !same_name(&r.owner, name))
            continue;
        uint32_t ttl_s = r.ttl_s < chain_ttl_s ? r.ttl_s : chain_ttl_s;
        if (r.type == TYPE_A && r.data.left == 4)
            add_address(out, ip_from_v4(r.data.at), ttl_s);
        else if (r.type == TYPE_AAAA && r.data.left == 16)
            add_address(out, ip_from_v6(r.data.at), ttl_s);
        else if (r.type == TYPE_HTTPS || r.type == TYPE_SVCB)
            take_service(m, &r, ttl_s, out);
    }
}

enum dns_status dns_parse(const uint8_t *message, size_t len, struct dns_answer *out)
{
    struct cursor c = cursor_of(message, len);
    out->id = cursor_u16(&c);
    uint16_t flags = cursor_u16(&c);
    uint16_t questions = cursor_u16(&c);
    unsigned answers = cursor_u16(&c);
    if (len < DNS_HEADER)
        return DNS_BAD;
    // QR set, opcode QUERY, rcode NOERROR, and the one question that every answer repeats
    if (!(flags & 0x8000) || (flags & 0x780f) || questions != 1)
        return DNS_NOTHING;
    struct message m = {.bytes = message, .len = len};
    struct wire_name name;
    m.answers = answers < DNS_RECORDS_MAX ? answers : DNS_RECORDS_MAX;
    size_t behind = take_name(&m, DNS_HEADER, &name);
    if (!behind || len - behind < 4)
        return DNS_BAD;
    c = cursor_of(message + behind, len - behind);
    out->type = cursor_u16(&c);
    bool service = out->type == TYPE_SVCB || out->type == TYPE_HTTPS;
    if (cursor_u16(&c) != CLASS_IN || !(service || out->type == TYPE_A || out->type == TYPE_AAAA))
        return DNS_NOTHING;
    m.answers_at = behind + 4;
    out->count = out->left_out = 0;
    out->ech_name.len = 0;
    if (!to_host_name(&name, service ? service_labels(&name) : 0, &out->name))
        return DNS_NOTHING;
    uint32_t chain_ttl_s = follow_chain(&m, &name);
    take_addresses(&m, &name, chain_ttl_s, out);
    if (!to_host_name(&name, service ? service_labels(&name) : 0, &out->last))
        out->last = out->name;
    return out->count > 0 || out->ech_name.len > 0 ? DNS_ANSWER : DNS_NOTHING;
}
