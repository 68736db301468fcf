// SPDX-License-Identifier: Apache-2.0
//
// xdp_tpacket.c - the usual way to count in user space: an AF_PACKET socket with a TPACKET_V3 ring,
// and a table of 5-tuples.
//
//   xdp_tpacket IFACE        until SIGINT or SIGTERM; then prints packets, flows, and what the
//                            kernel dropped

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { BLOCK_BYTES = 1 << 20, BLOCKS = 32, RETIRE_MS = 20, SLOTS = 1 << 21 };

struct flow {
    uint32_t src, dst, ports, proto;
    uint64_t packets, bytes;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "xdp_tpacket: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint8_t *open_ring(const char *iface, int *fd)
{
    int version = TPACKET_V3;
    struct tpacket_req3 request = {.tp_block_size = BLOCK_BYTES,
                                   .tp_block_nr = BLOCKS,
                                   .tp_frame_size = 2048,
                                   .tp_frame_nr = BLOCK_BYTES / 2048 * BLOCKS,
                                   .tp_retire_blk_tov = RETIRE_MS};
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex(iface)};
    *fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
        setsockopt(*fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0)
        die("ring");
    void *ring =
        mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (ring == MAP_FAILED || bind(*fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("bind");
    return ring;
}

static void count(struct flow *flows, const uint8_t *frame)
{
    const struct iphdr *ip = (const void *)(frame + sizeof(struct ethhdr));
    struct flow key = {.src = ip->saddr, .dst = ip->daddr, .proto = ip->protocol};
    memcpy(&key.ports, (const uint8_t *)ip + ip->ihl * 4, sizeof(key.ports));
    uint64_t hash = ((uint64_t)key.src << 32 | key.dst) * 0x9e3779b97f4a7c15u + key.ports;
    hash = (hash ^ hash >> 32) * 0xbf58476d1ce4e5b9u;
    size_t i = hash >> 43;
    while (flows[i].packets && (flows[i].src != key.src || flows[i].dst != key.dst ||
                                flows[i].ports != key.ports || flows[i].proto != key.proto))
        i = (i + 1) & (SLOTS - 1);
    if (!flows[i].packets)
        flows[i] = key;
    flows[i].packets++;
    flows[i].bytes += ntohs(ip->tot_len);
}

static uint64_t take_block(struct tpacket_block_desc *block, struct flow *flows)
{
    uint32_t n = block->hdr.bh1.num_pkts;
    struct tpacket3_hdr *h = (void *)((uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
    for (uint32_t i = 0; i < n; i++) {
        count(flows, (const uint8_t *)h + h->tp_mac);
        h = (void *)((uint8_t *)h + h->tp_next_offset);
    }
    __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: xdp_tpacket IFACE\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int fd;
    uint8_t *ring = open_ring(argv[1], &fd);
    struct flow *flows = calloc(SLOTS, sizeof(*flows));
    if (!flows)
        die("memory");
    uint64_t packets = 0;
    for (unsigned at = 0; !stop;) {
        struct tpacket_block_desc *block = (void *)(ring + (size_t)at * BLOCK_BYTES);
        if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
            continue;
        }
        packets += take_block(block, flows);
        at = (at + 1) % BLOCKS;
    }
    size_t used = 0;
    for (size_t i = 0; i < SLOTS; i++)
        used += flows[i].packets != 0;
    struct tpacket_stats_v3 stats = {0};
    socklen_t len = sizeof(stats);
    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
    printf("%llu packets, %zu flows, %u dropped\n", (unsigned long long)packets, used,
           stats.tp_drops);
    return 0;
}
