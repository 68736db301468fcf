// SPDX-License-Identifier: Apache-2.0
// LINK: bpf/sockredir/ports.c
//
// What --ports takes and what it refuses, and which of the 65536 bits it sets.

#include "bpf/sockredir/ports.h"
#include "tests/unit/expect.h"

static struct expect e;

static unsigned count(const uint64_t bits[PORT_WORDS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < PORT_WORDS; i++)
        n += (unsigned)__builtin_popcountll(bits[i]);
    return n;
}

static bool has(const uint64_t bits[PORT_WORDS], unsigned port)
{
    return bits[port / 64] >> port % 64 & 1;
}

static void takes(const char *text, unsigned ports, unsigned first, unsigned last)
{
    uint64_t bits[PORT_WORDS];
    memset(bits, 0xa5, sizeof(bits)); // what was there before must not shine through
    const char *what = text ? text : "no --ports";
    expect_u64_at(&e, __FILE__, __LINE__, what, ports_parse(text, bits), true);
    expect_u64_at(&e, __FILE__, __LINE__, what, count(bits), ports);
    expect_u64_at(&e, __FILE__, __LINE__, what, has(bits, first), true);
    expect_u64_at(&e, __FILE__, __LINE__, what, has(bits, last), true);
}

static void refuses(const char *text)
{
    uint64_t bits[PORT_WORDS];
    expect_u64_at(&e, __FILE__, __LINE__, text, ports_parse(text, bits), false);
}

int main(void)
{
    takes(NULL, 65536, 0, 65535);
    takes("5432", 1, 5432, 5432);
    takes("0", 1, 0, 0);
    takes("65535", 1, 65535, 65535);
    takes("0-65535", 65536, 0, 65535);
    takes("5432,8000-8100", 102, 5432, 8100);
    takes("63-64", 2, 63, 64); // over the edge of a word
    takes("80-80", 1, 80, 80);
    takes("80,80,70-90,85-95", 26, 70, 95); // what is named twice counts once
    takes("00080", 1, 80, 80);
    static const char *const wrong[] = {"",         ",",     "80,",     ",80",
                                        "80,,81",   "-",     "-80",     "80-",
                                        "80-70",    "65536", "1-65536", "http",
                                        "80 ",      " 80",   "80;81",   "80-90-",
                                        "80-90-95", "+80",   "0x50",    "99999999999999999999",
                                        "80\n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuses(wrong[i]);
    return expect_result(&e);
}
