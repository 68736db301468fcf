// SPDX-License-Identifier: Apache-2.0
//
// xdpacct_hash.c - flows spread evenly over the lines of a table, whatever the secret factors are:
// as many flows as lines leave no more to the spill map than with a perfect hash (3.8 %, and what
// chance adds), where it has room for an eighth. The flows are consecutive in one way or another,
// as real ones are.

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bpf/xdpacct/xdpacct.h"

enum { LINES_LOG2 = 17, FLOWS = 1 << LINES_LOG2, SLOTS_OF_PAIR = 4, SEEDS = 200, SPILL_PART = 20 };

enum pattern { SUBSCRIBERS, PORTS, PEERS, PREFIXES, PATTERNS };

struct flow {
    uint64_t id, addrs;
};

static uint64_t random_state = 88172645463325252u;

static uint64_t random_odd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state * 0x2545f4914f6cdd1du) | 1;
}

static struct flow flow_of(enum pattern pattern, uint32_t i)
{
    uint32_t sub = 10u << 24, peer = 203u << 24 | 113 << 8 | 9, port = 40000;
    switch (pattern) {
    case SUBSCRIBERS:
        sub += i;
        break;
    case PORTS:
        sub += i % 1000, port = 20000 + i / 1000;
        break;
    case PEERS:
        sub += i % 1000, peer += i / 1000 * 256;
        break;
    default:
        sub += (i & 1023) << 8, peer += i >> 10 << 16;
    }
    return (struct flow){.id = FLOW_ID(htons((uint16_t)port), htons(443), 17, 0, FAMILY_V4),
                         .addrs = V4_ADDRS(htonl(sub), htonl(peer))};
}

static unsigned spilled(enum pattern pattern, const uint64_t factors[3])
{
    static uint8_t used[FLOWS / 2]; // slots of each pair of lines
    unsigned count = 0;
    memset(used, 0, sizeof(used));
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow flow = flow_of(pattern, i);
        uint64_t sum = flow.addrs * factors[0] + flow.id * factors[1];
        uint32_t line = (uint32_t)(flow_hash(sum, factors[2]) >> (64 - LINES_LOG2));
        if (used[line / 2] == SLOTS_OF_PAIR)
            count++;
        else
            used[line / 2]++;
    }
    return count;
}

int main(void)
{
    int failed = 0;
    for (enum pattern p = 0; p < PATTERNS; p++) {
        unsigned worst = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            uint64_t factors[3] = {random_odd(), random_odd(), random_odd()};
            unsigned count = spilled(p, factors);
            worst = count > worst ? count : worst;
        }
        printf("pattern %d: at most %u of %d flows spilled\n", p, worst, FLOWS);
        failed |= worst > FLOWS / SPILL_PART;
    }
    return failed;
}
