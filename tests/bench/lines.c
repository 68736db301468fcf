// SPDX-License-Identifier: Apache-2.0
//
// lines.c - writes the benchmark's input to stdout: lines heartbeat|paths|flow COUNT [SEED]
//
// The lines are event_encode()'s, so they are what our loaders print. The same seed gives the same
// bytes on every machine. Heartbeats: ACKs of 1000 paths, about 258 bytes each; or of as many paths
// as lines. Flows: 2000 subscribers by 100 names, about 272 bytes each.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schema/encode.h"

enum { PATHS = 1000, SUBSCRIBERS = 2000, NAMES = 100, START_S = 1763000000 };

// splitmix64 (Steele, Lea, Flood 2014)
static uint64_t random_u64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct ip_addr address(uint8_t a, uint8_t b, uint64_t low)
{
    const uint8_t bytes[4] = {a, b, (uint8_t)(low >> 8), (uint8_t)low};
    return ip_from_v4(bytes);
}

static void heartbeat(struct event *ev, uint64_t path, uint64_t *state)
{
    uint64_t bits = random_u64(state);
    ev->type = EV_sctp_hb_ack;
    EVENT_SET(ev, sctp_hb_ack, netns, 4026531840);
    EVENT_SET(ev, sctp_hb_ack, assoc_id, path / 2 + 1);
    EVENT_SET(ev, sctp_hb_ack, lport, 36412);
    EVENT_SET(ev, sctp_hb_ack, rport, 36412);
    EVENT_SET(ev, sctp_hb_ack, laddr, address(198, 18, path % 2));
    EVENT_SET(ev, sctp_hb_ack, raddr, address(198, 19, path));
    // 0.1 ms to 0.2 s, most of it small
    EVENT_SET(ev, sctp_hb_ack, rtt_ns, 100000 + (bits >> 36) % (UINT64_C(1) << (bits & 7) << 20));
    EVENT_SET(ev, sctp_hb_ack, kernel_srtt_us, 1000 * (1 + bits % 20));
    EVENT_SET(ev, sctp_hb_ack, verdict, TEXT_LITERAL("ok"));
    EVENT_SET(ev, sctp_hb_ack, hb_interval_us, 30000000);
    EVENT_SET(ev, sctp_hb_ack, rto_us, 200000);
    EVENT_SET(ev, sctp_hb_ack, errors, 0);
    EVENT_SET(ev, sctp_hb_ack, state, TEXT_LITERAL("up"));
}

static void flow(struct event *ev, uint64_t *state, char name[64])
{
    uint64_t bits = random_u64(state), subscriber = bits % SUBSCRIBERS,
             number = (bits >> 20) % NAMES;
    ev->type = EV_flow;
    EVENT_SET(ev, flow, iface, TEXT_LITERAL("eth0"));
    EVENT_SET(ev, flow, mode, TEXT_LITERAL("native"));
    EVENT_SET(ev, flow, sub, address(10, 0, subscriber));
    EVENT_SET(ev, flow, peer, address(203, 0, number));
    EVENT_SET(ev, flow, proto, bits >> 40 & 1 ? 6 : 17);
    EVENT_SET(ev, flow, peer_port, 443);
    snprintf(name, 64, "cdn%02d.example.net", (int)number);
    EVENT_SET(ev, flow, name, text_of(name));
    EVENT_SET(ev, flow, evidence, TEXT_LITERAL("sni"));
    bits = random_u64(state);
    EVENT_SET(ev, flow, packets_up, 1 + bits % 1000);
    EVENT_SET(ev, flow, packets_down, 1 + (bits >> 10) % 5000);
    EVENT_SET(ev, flow, bytes_up, ev->flow.packets_up * (40 + (bits >> 24) % 100));
    EVENT_SET(ev, flow, bytes_down, ev->flow.packets_down * (40 + (bits >> 32) % 1400));
    EVENT_SET(ev, flow, interval_us, 10000000);
}

int main(int argc, char **argv)
{
    static char line[EVENT_LINE_MAX];
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    bool flows = argc > 1 && strcmp(argv[1], "flow") == 0;
    bool paths = argc > 1 && strcmp(argv[1], "paths") == 0;
    if (count == 0 || (!flows && !paths && strcmp(argv[1], "heartbeat") != 0)) {
        fprintf(stderr, "usage: lines heartbeat|paths|flow COUNT [SEED]\n");
        return 2;
    }
    for (uint64_t i = 0; i < count; i++) {
        char name[64];
        struct event ev = {.ts_us = START_S * UINT64_C(1000000) + i * 1000};
        if (flows)
            flow(&ev, &state, name);
        else
            heartbeat(&ev, paths ? i : random_u64(&state) % PATHS, &state);
        fwrite(line, 1, event_encode(&ev, line, sizeof(line)), stdout);
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "lines: cannot write: %s\n", strerror(errno));
    return 1;
}
