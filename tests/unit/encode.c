// SPDX-License-Identifier: Apache-2.0
// LINK: schema/ip.c schema/encode.c schema/events.c
//
// encode.c - addresses and numbers are printed by hand: inet_ntop and printf say the same of
// many, and in every size of buffer a line either fits whole or is refused.

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#include "schema/encode.h"
#include "tests/unit/expect.h"

enum { ADDRESSES = 200000, NUMBERS = 20000 };

static struct expect e;

// Words are 0 often, and short often: so all places and lengths of :: come, and all numbers of
// digits.
static void random_words(uint8_t bytes[16])
{
    long zeros = random();
    for (int i = 0; i < 8; i++) {
        unsigned word = zeros >> i & 1 ? 0 : (unsigned)(random() & 0xffff) >> random() % 4 * 4;
        bytes[2 * i] = (uint8_t)(word >> 8);
        bytes[2 * i + 1] = (uint8_t)word;
    }
}

static void check_address(struct ip_addr ip)
{
    char got[IP_TEXT_MAX], want[INET6_ADDRSTRLEN];
    size_t len = ip_format(ip, got);
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip.bytes + 12, want, sizeof(want));
    else
        inet_ntop(AF_INET6, ip.bytes, want, sizeof(want));
    EXPECT_TEXT(&e, "an address", got, len, want);
    EXPECT_U64(&e, "its end", (uint64_t)got[len], 0);
}

static void check_addresses(void)
{
    // every pattern of zero words, with words of one digit and of four
    for (unsigned zeros = 0; zeros < 256; zeros++)
        for (unsigned word = 1; word < 0x10000; word += 0xfffe) {
            struct ip_addr ip = {{0}};
            for (int i = 0; i < 8; i++)
                if (!(zeros >> i & 1)) {
                    ip.bytes[2 * i] = (uint8_t)(word >> 8);
                    ip.bytes[2 * i + 1] = (uint8_t)word;
                }
            check_address(ip);
        }
    for (unsigned value = 0; value < 256; value++)
        check_address(ip_from_v4((uint8_t[]){(uint8_t)value, 0, 255, (uint8_t)(255 - value)}));
    for (int i = 0; i < ADDRESSES; i++) {
        struct ip_addr ip;
        random_words(ip.bytes);
        check_address(i % 4 ? ip : ip_from_v4(ip.bytes + 12));
    }
}

static void check_number(uint64_t number)
{
    char got[256], want[256];
    struct event ev = {.type = EV_ready, .ts_us = number};
    EVENT_SET(&ev, ready, probes, number);
    size_t len = event_encode(&ev, got, sizeof(got));
    snprintf(want, sizeof(want),
             "{\"type\":\"ready\",\"ts_us\":%" PRIu64 ",\"probes\":%" PRIu64 "}\n", number, number);
    EXPECT_TEXT(&e, "a number", got, len, want);
}

static void check_numbers(void)
{
    uint64_t power = 1;
    for (int digits = 0; digits < 20; digits++, power *= 10)
        for (uint64_t by = 0; by < 3; by++)
            check_number(power + by - 1);
    for (int bit = 0; bit < 64; bit++)
        for (uint64_t by = 0; by < 3; by++)
            check_number((UINT64_C(1) << bit) + by - 1);
    for (int i = 0; i < NUMBERS; i++)
        check_number(((uint64_t)random() << 33 ^ (uint64_t)random()) >> random() % 64);
}

// A line that fits is the same in a buffer of any size, and nothing behind a buffer is written to.
static void check_sizes(void)
{
    char whole[512], part[512];
    struct event ev = {.type = EV_flow, .ts_us = 1700000000000000, .host = TEXT_LITERAL("h\xff\"")};
    EVENT_SET(&ev, flow, iface, TEXT_LITERAL("eth\n0"));
    EVENT_SET(&ev, flow, name, TEXT_LITERAL("a\x80\xc3\xa4.example"));
    EVENT_SET(&ev, flow, sub, ip_from_v4((uint8_t[]){192, 0, 2, 255}));
    EVENT_SET(&ev, flow, peer,
              ip_from_v6((uint8_t[16]){0x20, 1, 0xd, 0xb8, [6] = 0xab, 0xcd, [15] = 1}));
    EVENT_SET(&ev, flow, bytes_up, UINT64_MAX);
    size_t len = event_encode(&ev, whole, sizeof(whole));
    EXPECT_U64(&e, "the line fits", len > 200, true);
    for (size_t size = 0; size < sizeof(part); size++) {
        memset(part, '!', sizeof(part));
        EXPECT_U64(&e, "its length", event_encode(&ev, part, size), size < len ? 0 : len);
        if (size >= len)
            EXPECT_BYTES(&e, "the line", part, len, whole, len);
        for (size_t i = size; i < sizeof(part); i++)
            if (part[i] != '!')
                EXPECT_U64(&e, "a byte behind the buffer", (uint8_t)part[i], '!');
    }
}

int main(void)
{
    srandom(1);
    check_addresses();
    check_numbers();
    check_sizes();
    return expect_result(&e);
}
