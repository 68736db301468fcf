// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/dns.c bpf/xdpacct/names/host_name.c schema/ip.c
//
// DNS answers: what they give, and hostile ones.

#include "bpf/xdpacct/names/dns.h"
#include "tests/unit/expect.h"
#include "tests/unit/wire.h"

static struct expect e;

static void put_header(struct wire *w, uint16_t flags, uint16_t answers, const char *question,
                       uint16_t type)
{
    w->len = 0;
    wire_be(w, 0x1234, 2);
    wire_be(w, flags, 2);
    wire_be(w, 1, 2);
    wire_be(w, answers, 2);
    wire_be(w, 0, 4);
    wire_dns_name(w, question);
    wire_be(w, type, 2);
    wire_be(w, 1, 2);
}

static size_t open_record(struct wire *w, const char *owner, uint16_t type, uint32_t ttl_s)
{
    wire_dns_name(w, owner);
    wire_be(w, type, 2);
    wire_be(w, 1, 2);
    wire_be(w, ttl_s, 4);
    return wire_open(w, 2);
}

static void put_a(struct wire *w, const char *owner, uint32_t ttl_s, uint32_t address)
{
    size_t at = open_record(w, owner, 1, ttl_s);
    wire_be(w, address, 4);
    wire_close(w, at, 2);
}

static void put_cname(struct wire *w, const char *owner, uint32_t ttl_s, const char *target)
{
    size_t at = open_record(w, owner, 5, ttl_s);
    wire_dns_name(w, target);
    wire_close(w, at, 2);
}

static void expect_address(const struct dns_answer *a, size_t i, const char *text, uint32_t ttl_s)
{
    struct ip_addr want;
    if (!EXPECT_U64(&e, "address is there", i < a->count, true) ||
        !ip_parse(text, strlen(text), &want))
        return;
    EXPECT_BYTES(&e, text, &a->addresses[i].ip, sizeof(want), &want, sizeof(want));
    EXPECT_U64(&e, "ttl", a->addresses[i].ttl_s, ttl_s);
}

// www.example.com A, with compression as real servers do it (as tcpdump shows it)
static void plain_answer_with_compression(void)
{
    struct wire w = {0};
    struct dns_answer a;
    wire_hex(&w, "1234 8180 0001 0002 0000 0001 03777777076578616d706c6503636f6d00 0001 0001"
                 "c00c 0001 0001 0000003c 0004 c6336401"
                 "c00c 0001 0001 0000001e 0004 c6336402"
                 "00 0029 04d0 00000000 0000");
    EXPECT_U64(&e, "status", dns_parse(w.bytes, w.len, &a), DNS_ANSWER);
    EXPECT_TEXT(&e, "name", a.name.text, a.name.len, "www.example.com");
    EXPECT_TEXT(&e, "last", a.last.text, a.last.len, "www.example.com");
    EXPECT_U64(&e, "id", a.id, 0x1234);
    EXPECT_U64(&e, "count", a.count, 2);
    expect_address(&a, 0, "198.51.100.1", 60);
    expect_address(&a, 1, "198.51.100.2", 30);
}

// The chain is followed whatever the order, the smallest TTL on the way counts, and addresses of
// other names in the same answer are not taken.
static void chains(void)
{
    struct wire w;
    struct dns_answer a;
    put_header(&w, 0x8180, 4, "WWW.Example.com", 1);
    put_a(&w, "edge.cdn.example", 600, 0xc6336409);
    put_cname(&w, "b.cdn.example", 20, "edge.cdn.example");
    put_cname(&w, "www.example.com", 300, "b.cdn.example");
    put_a(&w, "victim.example", 600, 0xc633640a);
    EXPECT_U64(&e, "status", dns_parse(w.bytes, w.len, &a), DNS_ANSWER);
    EXPECT_TEXT(&e, "first name", a.name.text, a.name.len, "www.example.com");
    EXPECT_TEXT(&e, "last name", a.last.text, a.last.len, "edge.cdn.example");
    EXPECT_U64(&e, "count", a.count, 1);
    expect_address(&a, 0, "198.51.100.9", 20);

    put_header(&w, 0x8180, 2, "a.example", 1);
    put_cname(&w, "a.example", 60, "b.example");
    put_cname(&w, "b.example", 60, "a.example");
    EXPECT_U64(&e, "a loop of CNAMEs ends", dns_parse(w.bytes, w.len, &a), DNS_NOTHING);
}

static void service_records(void)
{
    struct wire w;
    struct dns_answer a;
    put_header(&w, 0x8180, 1, "_8443._https.shop.example", 65);
    size_t at = open_record(&w, "_8443._https.shop.example", 65, 120);
    wire_be(&w, 1, 2);
    wire_dns_name(&w, "pool.example");
    wire_hex(
        &w,
        "0001 0003 02 6833"           // alpn
        "0004 0008 c6336407 c6336408" // ipv4hint
        "0005 0021 001f fe0d 001b 01 0020 0002 aabb 0004 00010001 00 0a 696e6e65722e74657374 00 00"
        "0006 0010 20010db8000000000000000000000001");
    wire_close(&w, at, 2);
    EXPECT_U64(&e, "status", dns_parse(w.bytes, w.len, &a), DNS_ANSWER);
    EXPECT_TEXT(&e, "name without port", a.name.text, a.name.len, "shop.example");
    expect_address(&a, 0, "198.51.100.7", 120);
    expect_address(&a, 1, "198.51.100.8", 120);
    expect_address(&a, 2, "2001:db8::1", 120);
    EXPECT_TEXT(&e, "ECH public name", a.ech_name.text, a.ech_name.len, "inner.test");
}

static void no_answers(void)
{
    static const struct {
        const char *what;
        uint16_t flags;
        const char *question;
        uint16_t type;
    } rows[] = {
        {"a query", 0x0100, "a.example", 1},
        {"NXDOMAIN", 0x8183, "a.example", 1},
        {"another opcode", 0xa980, "a.example", 1},
        {"a type without addresses", 0x8180, "a.example", 16},
        {"no host name", 0x8180, "a b.example", 1},
        {"an address asked for as a name", 0x8180, "198.51.100.1", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w;
        struct dns_answer a;
        put_header(&w, rows[i].flags, 1, rows[i].question, rows[i].type);
        put_a(&w, rows[i].question, 60, 0xc6336401);
        EXPECT_U64(&e, rows[i].what, dns_parse(w.bytes, w.len, &a), DNS_NOTHING);
    }
}

static void hostile(void)
{
    static const struct {
        const char *what, *hex;
        enum dns_status status;
    } rows[] = {
        {"empty", "", DNS_BAD},
        {"a header cut short", "1234 8180 0001 0001 0000 00", DNS_BAD},
        {"a question that points to itself", "1234 8180 0001 0001 0000 0000 c00c 0001 0001",
         DNS_BAD},
        {"a pointer forward", "1234 8180 0001 0001 0000 0000 c00e 0161 00 0001 0001", DNS_BAD},
        {"a pointer into the header", "1234 8180 0001 0001 0000 0000 c000 0001 0001", DNS_BAD},
        {"a pointer cut short", "1234 8180 0001 0001 0000 0000 c0", DNS_BAD},
        {"a label past the end", "1234 8180 0001 0001 0000 0000 3f61", DNS_BAD},
        {"a reserved label type", "1234 8180 0001 0001 0000 0000 8061 00 0001 0001", DNS_BAD},
        {"an answer that points into its own run",
         "1234 8180 0001 0001 0000 0000 0161 00 0001 0001 0162 c013 0001 0001 0000003c 0004 "
         "01020304",
         DNS_NOTHING},
        {"a NUL in a label",
         "1234 8180 0001 0001 0000 0000 03610062 00 0001 0001"
         "c00c 0001 0001 0000003c 0004 01020304",
         DNS_NOTHING},
        {"a dot in a label",
         "1234 8180 0001 0001 0000 0000 03612e62 00 0001 0001"
         "c00c 0001 0001 0000003c 0004 01020304",
         DNS_NOTHING},
        {"rdlength past the end",
         "1234 8180 0001 0001 0000 0000 0161 00 0001 0001"
         "c00c 0001 0001 0000003c ffff 01020304",
         DNS_NOTHING},
        {"an address of 3 bytes",
         "1234 8180 0001 0001 0000 0000 0161 00 0001 0001"
         "c00c 0001 0001 0000003c 0003 010203",
         DNS_NOTHING},
        {"an SVCB parameter past the end",
         "1234 8180 0001 0001 0000 0000 0161 00 0041 0001"
         "c00c 0041 0001 0000003c 0009 0001 00 0004 ffff 0102",
         DNS_NOTHING},
        {"65535 answers announced, one there",
         "1234 8180 0001 ffff 0000 0000 0161 00 0001 0001"
         "c00c 0001 0001 0000003c 0004 01020304",
         DNS_ANSWER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w = {0};
        struct dns_answer a;
        wire_hex(&w, rows[i].hex);
        EXPECT_U64(&e, rows[i].what, dns_parse(w.bytes, w.len, &a), rows[i].status);
    }
}

// Names of 255 bytes are the limit, and pointers cannot build longer ones.
static void long_names(void)
{
    struct wire w;
    struct dns_answer a;
    char label[64], name[256] = "";
    memset(label, 'a', 63);
    label[63] = '\0';
    for (int i = 0; i < 3; i++)
        strcat(strcat(name, label), ".");
    size_t at = strlen(name);
    memset(name + at, 'b', 61);
    name[at + 61] = '\0'; // 253 characters, 255 bytes
    put_header(&w, 0x8180, 1, name, 1);
    put_a(&w, name, 60, 0x01020304);
    EXPECT_U64(&e, "253 characters", dns_parse(w.bytes, w.len, &a), DNS_ANSWER);
    EXPECT_TEXT(&e, "long name", a.name.text, a.name.len, name);
    name[at + 61] = 'b', name[at + 62] = '\0';
    put_header(&w, 0x8180, 1, name, 1);
    put_a(&w, name, 60, 0x01020304);
    EXPECT_U64(&e, "254 characters", dns_parse(w.bytes, w.len, &a), DNS_BAD);
}

// 64 KB of records that each make the chain longer: bounded work, no more than the limits taken.
static void large(void)
{
    struct wire w;
    struct dns_answer a;
    put_header(&w, 0x8180, 300, "x0.example", 1);
    for (unsigned i = 0; i < 300; i++)
        put_a(&w, "x0.example", 60, 0x01020300 + i);
    EXPECT_U64(&e, "300 addresses", dns_parse(w.bytes, w.len, &a), DNS_ANSWER);
    EXPECT_U64(&e, "kept", a.count, DNS_ADDRESSES_MAX);
    EXPECT_U64(&e, "left out", a.left_out, DNS_RECORDS_MAX - DNS_ADDRESSES_MAX);
    put_header(&w, 0x8180, 40, "c0.example", 1);
    for (int i = 0; i < 40; i++) {
        char owner[32], target[32];
        snprintf(owner, sizeof(owner), "c%d.example", i);
        snprintf(target, sizeof(target), "c%d.example", i + 1);
        put_cname(&w, owner, 60, target);
    }
    EXPECT_U64(&e, "a chain of 40", dns_parse(w.bytes, w.len, &a), DNS_NOTHING);
}

// Every prefix of an answer is safe, and what is complete in it is taken.
static void every_cut(void)
{
    struct wire w;
    put_header(&w, 0x8180, 2, "www.example.com", 1);
    size_t question_end = w.len;
    put_a(&w, "www.example.com", 60, 0x01020304);
    size_t first_end = w.len;
    put_a(&w, "www.example.com", 60, 0x01020305);
    for (size_t len = 0; len <= w.len; len++) {
        struct dns_answer a;
        uint8_t *copy = malloc(len ? len : 1); // its own allocation, so that ASan sees the end
        memcpy(copy, w.bytes, len);
        enum dns_status want = len < question_end ? DNS_BAD
                               : len < first_end  ? DNS_NOTHING
                                                  : DNS_ANSWER;
        if (EXPECT_U64(&e, "cut answer", dns_parse(copy, len, &a), want) && want == DNS_ANSWER)
            EXPECT_U64(&e, "complete records", a.count, len == w.len ? 2 : 1);
        free(copy);
    }
}

int main(void)
{
    plain_answer_with_compression();
    chains();
    service_records();
    no_answers();
    hostile();
    long_names();
    large();
    every_cut();
    return expect_result(&e);
}
