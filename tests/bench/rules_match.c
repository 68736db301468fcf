// SPDX-License-Identifier: Apache-2.0
//
// LINK: helper/rules/*.c helper/parse_numbers.c schema/ip.c schema/events.c
// LIBS: nettle libmaxminddb libpsl
//
// rules_match.c - what rules_match() costs a flow, with rule files of several sizes.
//
// A file has half as many suffixes as prefixes stand beside them, spread over APPS apps. Flows are
// made ahead of the clock, in random order, so that look-ups go to cold places of the tables as
// they would in an account of a day: a third have a listed name (with labels before it), a third a
// name that nobody lists, a third no name; half of all go to a listed prefix.
//
// usage: rules_match ENTRIES ROUNDS     output: one line of JSON

#include "helper/rules/rules.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLOWS = 1 << 18, APPS = 8, NAME_MAX_LEN = 64, LINE_MAX_LEN = 64 };

struct bench {
    uint32_t entries, seed;
    char (*names)[NAME_MAX_LEN];
    struct rule_flow *flows;
};

// xorshift: the same flows in every run
static uint32_t draw(struct bench *b)
{
    b->seed ^= b->seed << 13;
    b->seed ^= b->seed >> 17;
    b->seed ^= b->seed << 5;
    return b->seed;
}

// The network of a prefix, spread over all of 1.0.0.0 to 223.255.255.255; never the same twice.
static uint32_t network(uint32_t n)
{
    return (n * 2654435761u % 222u + 1) << 24 | (n & 0xffff) << 8;
}

static char *rule_file(const struct bench *b, size_t *len)
{
    char *text = malloc((size_t)(b->entries + APPS) * LINE_MAX_LEN);
    *len = 0;
    for (uint32_t app = 0; text && app < APPS && app < b->entries / 2; app++) {
        *len +=
            (size_t)sprintf(text + *len, "app: a%u\nrate: %s\n", app, app % 2 ? "paid" : "free");
        for (uint32_t n = app; n < b->entries / 2; n += APPS) {
            uint32_t net = network(n);
            *len += (size_t)sprintf(text + *len, "suffix: d%u.example%u.net\ncidr: %u.%u.%u.0/24\n",
                                    n, n % 977, net >> 24, net >> 16 & 255, net >> 8 & 255);
        }
    }
    return text;
}

static void make_flows(struct bench *b)
{
    for (size_t i = 0; i < FLOWS; i++) {
        struct rule_flow *f = &b->flows[i];
        uint32_t n = draw(b) % (b->entries / 2), kind = draw(b) % 3;
        uint32_t peer = htonl(draw(b) % 2 ? network(n) | (draw(b) & 255) : draw(b));
        *f = (struct rule_flow){.has_peer = true, .proto = IPPROTO_TCP, .peer_port = 443};
        f->peer = ip_from_v4((const uint8_t *)&peer);
        if (kind == 2)
            continue;
        int len = kind ? snprintf(b->names[i], NAME_MAX_LEN, "w%u.cdn.other%u.org", draw(b) % 99, n)
                       : snprintf(b->names[i], NAME_MAX_LEN, "v%u.d%u.example%u.net", draw(b) % 99,
                                  n, n % 977);
        f->name = (struct text){b->names[i], (size_t)len};
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct bench b = {.entries = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10, .seed = 7};
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
    char error[RULES_ERROR_MAX];
    size_t len;
    b.names = calloc(FLOWS, sizeof(*b.names));
    b.flows = calloc(FLOWS, sizeof(*b.flows));
    char *text = rule_file(&b, &len);
    uint64_t load_ns = now_ns(), best_ns = UINT64_MAX;
    struct rules *rules = text ? rules_parse("bench", text, len, error) : NULL;
    load_ns = now_ns() - load_ns;
    if (!rules || !b.names || !b.flows) {
        fprintf(stderr, "%s\n", rules ? "out of memory" : error);
        return 1;
    }
    make_flows(&b);
    size_t taken = 0;
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t start_ns = now_ns();
        taken = 0;
        for (size_t i = 0; i < FLOWS; i++) {
            struct rule_verdict verdict;
            rules_match(rules, &b.flows[i], &verdict);
            taken += verdict.app.ptr != NULL;
        }
        uint64_t ns = now_ns() - start_ns;
        best_ns = ns < best_ns ? ns : best_ns;
    }
    printf("{\"entries\":%u,\"flows\":%d,\"taken\":%zu,\"ns_per_flow\":%llu,\"load_ms\":%llu}\n",
           b.entries, FLOWS, taken, (unsigned long long)(best_ns / FLOWS),
           (unsigned long long)(load_ns / 1000000));
    rules_free(rules);
    free(text);
    free(b.names);
    free(b.flows);
    return 0;
}
