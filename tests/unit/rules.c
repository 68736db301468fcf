// SPDX-License-Identifier: Apache-2.0
// The rule file: what it takes, what it refuses and where, and that a fast answer is the right one.
// LINK: helper/rules/*.c helper/parse_numbers.c schema/ip.c schema/events.c
// LIBS: nettle libmaxminddb libpsl

#include "helper/rules/rules.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static struct rules *parse(const char *text)
{
    char error[RULES_ERROR_MAX] = "";
    struct rules *rules = rules_parse("r", text, strlen(text), error);
    if (!rules) {
        printf("refused: %s\n", error);
        exit(1);
    }
    return rules;
}

static struct ip_addr ip(const char *text)
{
    struct ip_addr out = {{0}};
    if (!ip_parse(text, strlen(text), &out))
        abort();
    return out;
}

// 2026-11-22 was a Sunday; 1795305600 is its midnight, UTC
static const uint64_t sunday_us = UINT64_C(1795305600000000);

static void expect(const struct rules *rules, const char *name, const char *peer,
                   struct rule_flow flow, const char *app)
{
    struct rule_verdict verdict;
    flow.name = text_of(name);
    flow.has_peer = peer != NULL;
    if (peer)
        flow.peer = ip(peer);
    rules_match(rules, &flow, &verdict);
    if (text_equal(verdict.app, text_of(app)))
        return;
    printf("%s %s port %u: expected %s, got %.*s\n", name ? name : "-", peer ? peer : "-",
           flow.peer_port, app ? app : "none", (int)verdict.app.len,
           verdict.app.ptr ? verdict.app.ptr : "");
    failures++;
}

static void expect_error(const char *text, const char *message)
{
    char error[RULES_ERROR_MAX] = "";
    struct rules *rules = rules_parse("r", text, strlen(text), error);
    if (rules || strncmp(error, message, strlen(message)) != 0) {
        printf("expected the error '%s', got '%s'\n", message, error);
        failures++;
    }
    rules_free(rules);
}

static void test_names_and_prefixes(void)
{
    struct rules *r = parse("app: line\nrate: free\nsuffix: line.me line-apps.com\n"
                            "  naver.jp # continued\nexact: only.example\nnot-suffix: ads.line.me\n"
                            "cidr: 147.92.128.0/17 2400:dcc0::/32\nnot-cidr: 147.92.200.0/24\n"
                            "app: wide\nrate: charged\nsuffix: line.me\ncidr: 147.0.0.0/8\n");
    struct rule_flow f = {.proto = IPPROTO_TCP, .peer_port = 443};
    expect(r, "line.me", NULL, f, "line");
    expect(r, "a.b.line.me", NULL, f, "line");
    expect(r, "notline.me", NULL, f, NULL);
    expect(r, "x.naver.jp", NULL, f, "line");
    expect(r, "only.example", NULL, f, "line");
    expect(r, "sub.only.example", NULL, f, NULL);
    expect(r, "ads.line.me", NULL, f, "wide");             // excluded there, taken by the next app
    expect(r, "x.ads.line.me", "147.92.128.1", f, "wide"); // exclusions win over the prefix too
    expect(r, NULL, "147.92.128.0", f, "line");
    expect(r, NULL, "147.92.255.255", f, "line");
    expect(r, NULL, "147.92.200.7", f, "wide");
    expect(r, NULL, "147.92.127.255", f, "wide");
    expect(r, NULL, "148.0.0.0", f, NULL);
    expect(r, NULL, "2400:dcc0::1", f, "line");
    expect(r, NULL, "2400:dcc1::", f, NULL);
    expect(r, NULL, NULL, f, NULL);
    rules_free(r);
}

static void test_conditions(void)
{
    struct rules *r = parse("timezone: +09:00\ngroup: gold 10.1.0.0/16\n"
                            "app: night\nrate: free\nsuffix: v.example\ntime: sat,sun 22:00-06:00\n"
                            "app: call\nrate: free\ncidr: 192.0.2.0/24\nport: udp/443 "
                            "udp/5000-5100\nnot-port: udp/5050\n"
                            "app: gold-dns\nrate: free\nport: udp/53\nsubscriber: gold 10.9.0.1\n");
    struct rule_flow f = {.proto = IPPROTO_UDP, .peer_port = 443, .sub = ip("10.2.0.1")};
    expect(r, NULL, "192.0.2.9", f, "call");
    f.peer_port = 5100;
    expect(r, NULL, "192.0.2.9", f, "call");
    f.peer_port = 5050;
    expect(r, NULL, "192.0.2.9", f, NULL);
    f.peer_port = 5101;
    expect(r, NULL, "192.0.2.9", f, NULL);
    f.peer_port = 53;
    expect(r, NULL, "198.51.100.1", f, NULL);
    f.sub = ip("10.1.255.255");
    expect(r, NULL, "198.51.100.1", f, "gold-dns");
    f.sub = ip("10.9.0.1");
    expect(r, NULL, "198.51.100.1", f, "gold-dns");
    f.proto = IPPROTO_TCP;
    expect(r, NULL, "198.51.100.1", f, NULL);
    const struct {
        int hour; // UTC hours behind Sunday's midnight; Japan is nine ahead
        const char *app;
    } times[] = {{-12, NULL},   {-11, "night"}, {-3, NULL}, {12, NULL},
                 {13, "night"}, {20, "night"},  {21, NULL}};
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        f.ts_us = (uint64_t)((int64_t)sunday_us + times[i].hour * INT64_C(3600000000));
        expect(r, "v.example", NULL, f, times[i].app);
    }
    rules_free(r);
}

static void test_errors(void)
{
    expect_error("suffix: a.b\n", "r:1:1: suffix: belongs below");
    expect_error("app: x\nrate: free\nsufix: a.b\n", "r:3:1: there is no key");
    expect_error("app: x\nrate: free\nsuffix: a.b c/d\n", "r:3:14: '/' cannot be in a host name");
    expect_error("app: x\nrate: free\ncidr: 10.0.0.1/8\n", "r:3:7: '10.0.0.1/8' is no prefix");
    expect_error("app: x\nrate: free\ncidr: 10.0.0.0/33\n", "r:3:7:");
    expect_error("app: x\nsuffix: a.b\napp: y\n", "r:3:6: app x ends without a rate");
    expect_error("app: x\nrate: free free\n", "r:2:12: rate: takes one value");
    expect_error("app: x\nrate: free\nrate: free\n", "r:3:7: rate: stands twice");
    expect_error("app: x\nrate: free\nport: 443\n", "r:3:7: '443' is no port");
    expect_error("app: x\nrate: free\nport: tcp/70000\n", "r:3:7:");
    expect_error("app: x\nrate: free\nsubscriber: nobody\n", "r:3:13: 'nobody' is neither a group");
    expect_error("app: x\nrate: free\nasn: 1\n", "r:3:6: asn needs a line");
    expect_error("app: x\nrate: free\ntime: 25:00-26:00\n", "r:3:7:");
    expect_error("app: x\nrate: free\nsuffix:\n", "r:3:8: suffix: nothing stands behind it");
    expect_error("app: x\nrate: free\nsuffix: a.b\n  c.d\n  e!\n", "r:5:4: '!' cannot");
    expect_error("timezone: Tokyo\n", "r:1:11: 'Tokyo' is no zone");
    expect_error("app: x\nrate: free\nsuffix: line..me\n", "r:3:13: two dots");
    expect_error("app: x\nrate: free\nsuffix: .\n", "r:3:10: a host name has 1 to 255");
    char error[RULES_ERROR_MAX];
    static const char nul[] = "app: x\nrate: fr\0ee\n";
    if (rules_parse("r", nul, sizeof(nul) - 1, error) || strncmp(error, "r:2:9: a NUL byte", 17)) {
        printf("a NUL byte: %s\n", error);
        failures++;
    }
}

// Random nested prefixes: the ranges must answer what looking at each prefix answers.
static void test_ranges(void)
{
    enum { PREFIXES = 400, PROBES = 4000 };
    static char text[PREFIXES * 40];
    struct {
        uint32_t net, mask;
    } prefixes[PREFIXES];
    size_t at = 0;
    srand(7);
    for (int i = 0; i < PREFIXES; i++) {
        unsigned bits = 8 + (unsigned)rand() % 25;
        prefixes[i].mask = ~UINT32_C(0) << (32 - bits);
        prefixes[i].net = (0x0a000000u | ((uint32_t)rand() & 0x00ffffff)) & prefixes[i].mask;
        uint32_t n = prefixes[i].net;
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "app: a%d\nrate: r\ncidr: %u.%u.%u.%u/%u\n", i, n >> 24,
                               n >> 16 & 255, n >> 8 & 255, n & 255, bits);
    }
    struct rules *r = parse(text);
    for (int k = 0; k < PROBES; k++) {
        uint32_t a = k < PREFIXES ? prefixes[k].net + (uint32_t)(k % 3) - 1
                                  : 0x0a000000u | ((uint32_t)rand() & 0xffffff);
        char app[16] = "", address[32];
        for (int i = 0; i < PREFIXES && !app[0]; i++)
            if ((a & prefixes[i].mask) == prefixes[i].net)
                snprintf(app, sizeof(app), "a%d", i);
        snprintf(address, sizeof(address), "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255,
                 a & 255);
        expect(r, NULL, address, (struct rule_flow){0}, app[0] ? app : NULL);
    }
    rules_free(r);
}

int main(void)
{
    test_names_and_prefixes();
    test_conditions();
    test_errors();
    test_ranges();
    return failures != 0;
}
