// SPDX-License-Identifier: Apache-2.0
// LIBS: libbpf
//
// xdp_blast.c - sends UDP packets of 60 bytes, each of another flow, out of an interface by live
// frames of BPF_PROG_TEST_RUN: millions a second.
//
//   xdp_blast OBJECT IFACE PACKETS FLOWS [PACKETS_PER_S]
//
// Prints how many were sent; what the receiver's ring could not take is the receiver's to count.

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES = 60, REPEAT_MAX = 1000000, BATCH = 64 };

struct constants {
    uint32_t flows, ifindex;
    uint64_t gap_ns;
};

static void make_frame(uint8_t frame[FRAME_BYTES])
{
    struct ethhdr eth = {.h_proto = htons(ETH_P_IP),
                         .h_dest = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .tot_len = htons(FRAME_BYTES - sizeof(eth)),
                       .ttl = 64,
                       .protocol = IPPROTO_UDP};
    ip.daddr = htonl(0xcb007109);
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, &eth, sizeof(eth));
    memcpy(frame + sizeof(eth), &ip, sizeof(ip));
    memcpy(frame + sizeof(eth) + sizeof(ip), "\x9c\x40\x01\xbb\x00\x1a\x00\x00", 8);
}

static int open_blast(const char *object, const struct constants *constants)
{
    struct bpf_object *obj = bpf_object__open(object);
    struct bpf_map *map;
    bool set = false;
    if (!obj)
        return -errno;
    bpf_object__for_each_map(map, obj) if (strstr(bpf_map__name(map), ".rodata")) set =
        bpf_map__set_initial_value(map, constants, sizeof(*constants)) == 0;
    if (!set || bpf_object__load(obj) != 0)
        return -EINVAL;
    return bpf_program__fd(bpf_object__find_program_by_name(obj, "blast"));
}

static bool send_packets(int fd, uint64_t packets)
{
    uint8_t frame[FRAME_BYTES];
    make_frame(frame);
    while (packets) {
        uint32_t now = packets > REPEAT_MAX ? REPEAT_MAX : (uint32_t)packets;
        LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
                    .repeat = (int)now, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
        if (bpf_prog_test_run_opts(fd, &opts) != 0)
            return false;
        packets -= now;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: xdp_blast OBJECT IFACE PACKETS FLOWS [PACKETS_PER_S]\n");
        return 2;
    }
    uint64_t packets = strtoull(argv[3], NULL, 10),
             rate = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
    struct constants constants = {.flows = (uint32_t)strtoul(argv[4], NULL, 10),
                                  .ifindex = if_nametoindex(argv[2]),
                                  .gap_ns = rate ? 1000000000u / rate : 0};
    int fd = open_blast(argv[1], &constants);
    if (fd < 0 || !send_packets(fd, packets)) {
        fprintf(stderr, "xdp_blast: cannot send: %s\n", strerror(fd < 0 ? -fd : errno));
        return 1;
    }
    printf("%llu\n", (unsigned long long)packets);
    return 0;
}
