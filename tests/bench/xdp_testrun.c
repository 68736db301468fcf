// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/pages.c bpf/xdpacct/tables.c
// LIBS: libbpf libelf zlib
//
// xdp_testrun.c - nanoseconds per packet of the accounting program, by BPF_PROG_TEST_RUN.
//
// For each number of resident flows, rounds run every program once after the other over the same
// shuffled sequence of flows; the CPU time of the thread is taken around the call. The best round
// of each is printed, less the best of the empty program, and ratios of these. Afterwards the
// packets in the flow tables are compared with the number of runs.
//
// Output: one line of JSON for each number of flows.

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bpf/xdpacct/pages.h"
#include "bpf/xdpacct/tables.h"
#include "tests/bench/xdp_testrun.skel.h"

enum { FLOW_IDS = 1 << 20, REPEAT = 2000000, ROUNDS_MAX = 101 };

enum program { NULL_PROGRAM, PARSE, OWN, STOCK, PROGRAMS };

struct bench {
    struct xdp_testrun_bpf *skel;
    struct tables tables;
    uint32_t *ids;
    uint8_t packet[64];
    int fds[PROGRAMS];
};

static void die(const char *what)
{
    fprintf(stderr, "xdp_testrun: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_packet(uint8_t packet[64])
{
    struct ethhdr eth = {.h_proto = htons(ETH_P_IP)};
    struct iphdr ip = {
        .version = 4, .ihl = 5, .tot_len = htons(50), .ttl = 64, .protocol = IPPROTO_UDP};
    ip.daddr = htonl(0xcb007109);
    memset(packet, 0, 64);
    memcpy(packet, &eth, sizeof(eth));
    memcpy(packet + sizeof(eth), &ip, sizeof(ip));
    memcpy(packet + sizeof(eth) + sizeof(ip), "\x9c\x40\x01\xbb\x00\x1e\x00\x00", 8);
}

static void set_settings(struct bench *b, unsigned prefixes, enum names_mode names)
{
    struct settings *s = (struct settings *)&b->skel->rodata->settings;
    *s = (struct settings){
        .v6_mask = {~0ull, 0},
        .hash_factors = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 1, 1, 1, 0x94d049bb133111eb},
        .encaps = 0x7e,
        .verdict = 1 /* XDP_DROP */,
        .mtu = 1500,
        .names = names,
        .vxlan_ports = {htons(4789)}};
    s->tunnel_port_first = GTP_PORT;
    s->tunnel_port_span = GENEVE_PORT - GTP_PORT + 1;
    tables__settings(&b->tables, s);
    s->outer_src.any = 1;
    s->ours.v4_count = prefixes > PREFIXES_INLINE ? 0 : prefixes;
    for (unsigned i = 0; i < PREFIXES_INLINE; i++)
        s->ours.v4[i] = (struct prefix_v4){htonl(i + 1 < prefixes ? 0xc0000200 + i : 10u << 24),
                                           htonl(i + 1 < prefixes ? 0xffffffff : 0xff000000)};
    s->ours.use_trie = prefixes > PREFIXES_INLINE;
}

static void fill_maps(struct bench *b, const struct pages *pages)
{
    uint32_t zero = 0;
    if (bpf_map_update_elem(bpf_map__fd(b->skel->maps.spills), &zero, &b->tables.spill_fds[0], 0) !=
        0)
        die("spill map");
    for (unsigned i = 0; i < b->tables.cpu_count; i++)
        b->skel->bss->table_of_cpu[b->tables.cpus[i]] = (uint16_t)i;
    for (uint32_t i = 0; i < pages->count; i++)
        if (bpf_map_update_elem(bpf_map__fd(b->skel->maps.ours_pages), &i, &pages->pages[i], 0) !=
            0)
            die("pages");
}

// One prefix that all sources have, and others.
static void make_pages(struct pages *pages, unsigned prefixes)
{
    for (unsigned i = 0; prefixes > PREFIXES_INLINE && i < prefixes; i++)
        if (!pages__add(pages,
                        i ? (uint8_t[4]){192, 0, (uint8_t)(i / 256), (uint8_t)i}
                          : (uint8_t[4]){10, 0, 0, 0},
                        i ? 32 : 8))
            die("pages");
}

static void open_bench(struct bench *b, uint64_t max_flows, unsigned prefixes,
                       enum names_mode names)
{
    errno = -tables__make(&b->tables, max_flows);
    if (errno || !(b->skel = xdp_testrun_bpf__open()))
        die("tables");
    set_settings(b, prefixes, names);
    bpf_map__reuse_fd(b->skel->maps.lines, b->tables.lines_fd);
    bpf_map__set_inner_map_fd(b->skel->maps.spills, b->tables.spill_fds[0]);
    struct pages pages = {0};
    make_pages(&pages, prefixes);
    if (pages.count)
        bpf_map__set_max_entries(b->skel->maps.ours_pages, (uint32_t)pages.count);
    bpf_program__set_autoload(b->skel->progs.xdpacct, false);
    if (xdp_testrun_bpf__load(b->skel) != 0)
        die("load");
    fill_maps(b, &pages);
    pages__free(&pages);
    b->ids = mmap(NULL, FLOW_IDS * sizeof(*b->ids), PROT_READ | PROT_WRITE, MAP_SHARED,
                  bpf_map__fd(b->skel->maps.flow_ids), 0);
    if (b->ids == MAP_FAILED)
        die("mmap");
    b->fds[NULL_PROGRAM] = bpf_program__fd(b->skel->progs.bench_null);
    b->fds[PARSE] = bpf_program__fd(b->skel->progs.bench_parse);
    b->fds[OWN] = bpf_program__fd(b->skel->progs.bench_own);
    b->fds[STOCK] = bpf_program__fd(b->skel->progs.bench_stock);
    make_packet(b->packet);
}

static void close_bench(struct bench *b)
{
    munmap(b->ids, FLOW_IDS * sizeof(*b->ids));
    xdp_testrun_bpf__destroy(b->skel);
    tables__free(&b->tables);
}

static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Thousandths of a nanosecond a run.
static uint64_t run(struct bench *b, enum program which, uint32_t repeat)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b->packet, .data_size_in = sizeof(b->packet),
                .repeat = (int)repeat);
    uint64_t before = thread_ns();
    if (bpf_prog_test_run_opts(b->fds[which], &opts) != 0 || opts.retval != 1)
        die("test run");
    return (thread_ns() - before) * 1000 / repeat;
}

static void shuffle(uint32_t *ids, uint32_t flows)
{
    uint64_t x = 88172645463325252u;
    for (uint32_t i = 0; i < FLOW_IDS; i++)
        ids[i] = i % flows;
    for (uint32_t i = FLOW_IDS - 1; i > 0; i--) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint32_t j = (uint32_t)(x % (i + 1)), id = ids[i];
        ids[i] = ids[j], ids[j] = id;
    }
}

// What else runs on the machine only ever makes a round slower: so the best of each counts.
static int64_t best(const int64_t *values, int n)
{
    int64_t least = values[0];
    for (int i = 1; i < n; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

// Packets in the flow slots and in the spill map.
static uint64_t counted(struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < (size_t)b->tables.table_count * b->tables.flow_lines; i++)
        for (int s = 0; s < 2; s++)
            sum += SLOT_PACKETS(b->tables.lines[i].v4[s].count[0]);
    struct flow_key key, *at = NULL;
    struct flow_count count;
    while (bpf_map_get_next_key(b->tables.spill_fds[0], at, &key) == 0) {
        if (bpf_map_lookup_elem(b->tables.spill_fds[0], &key, &count) == 0)
            sum += count.packets[0];
        at = &key;
    }
    return sum;
}

static void measure(uint32_t flows, uint64_t max_flows, unsigned prefixes, int rounds)
{
    struct bench b = {0};
    open_bench(&b, max_flows, prefixes, NAMES_OFF);
    for (uint32_t i = 0; i < FLOW_IDS; i++)
        b.ids[i] = i % flows;
    run(&b, OWN, FLOW_IDS);
    run(&b, STOCK, FLOW_IDS);
    shuffle(b.ids, flows);
    uint64_t runs = FLOW_IDS;
    int64_t raw[PROGRAMS][ROUNDS_MAX] = {0}, net[PROGRAMS];
    for (int r = 0; r < rounds; r++) {
        for (enum program p = NULL_PROGRAM; p < PROGRAMS; p++)
            raw[p][r] = (int64_t)run(&b, p, REPEAT);
        runs += REPEAT;
    }
    int64_t empty = best(raw[NULL_PROGRAM], rounds);
    for (enum program p = PARSE; p < PROGRAMS; p++)
        net[p] = best(raw[p], rounds) - empty;
    printf("{\"flows\":%u,\"prefixes\":%u,\"null_ps\":%lld,\"parse_net_ps\":%lld,\"own_net_ps\":%"
           "lld,\"stock_net_ps\":%lld,"
           "\"own_to_stock_permille\":%lld,\"runs\":%llu,\"counted\":%llu,\"table_bytes\":%llu}\n",
           flows, prefixes, (long long)empty, (long long)net[PARSE], (long long)net[OWN],
           (long long)net[STOCK], (long long)(net[OWN] * 1000 / net[STOCK]),
           (unsigned long long)runs, (unsigned long long)counted(&b),
           (unsigned long long)tables__bytes(&b.tables));
    fflush(stdout);
    close_bench(&b);
}

// A bare acknowledgement: most of what the subscriber of a download sends.
static void make_ack(uint8_t packet[64])
{
    packet[sizeof(struct ethhdr) + 3] = 40;
    packet[sizeof(struct ethhdr) + 9] = IPPROTO_TCP;
    memset(packet + 34, 0, 30);
    memcpy(packet + 34, "\x9c\x40\x01\xbb\0\0\0\1\0\0\0\1\x50\x10", 14);
}

// Packets of established flows, with names and without.
static void measure_names(uint32_t flows, uint64_t max_flows, int rounds, bool acks)
{
    struct bench b[2] = {0};
    int64_t null[ROUNDS_MAX] = {0}, own[2][ROUNDS_MAX] = {0};
    for (int n = 0; n < 2; n++) {
        open_bench(&b[n], max_flows, 1, n ? NAMES_ALL : NAMES_OFF);
        if (acks)
            make_ack(b[n].packet);
        for (uint32_t i = 0; i < FLOW_IDS; i++)
            b[n].ids[i] = i % flows;
        run(&b[n], OWN, 8 * FLOW_IDS);
        shuffle(b[n].ids, flows);
    }
    for (int r = 0; r < rounds; r++) {
        null[r] = (int64_t)run(&b[0], NULL_PROGRAM, REPEAT);
        for (int n = 0; n < 2; n++)
            own[(n + r) % 2][r] = (int64_t)run(&b[(n + r) % 2], OWN, REPEAT);
    }
    int64_t empty = best(null, rounds), off = best(own[0], rounds), all = best(own[1], rounds);
    printf("{\"flows\":%u,\"packets\":\"%s\",\"off_ps\":%lld,\"all_ps\":%lld,\"all_to_off_"
           "permille\":%lld,"
           "\"net_permille\":%lld}\n",
           flows, acks ? "tcp acks" : "udp", (long long)off, (long long)all,
           (long long)(all * 1000 / off), (long long)((all - empty) * 1000 / (off - empty)));
    fflush(stdout);
    close_bench(&b[0]);
    close_bench(&b[1]);
}

// xdp_testrun ROUNDS MAX_FLOWS PREFIXES FLOWS...; PREFIXES `names`: names off against names all
int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: xdp_testrun ROUNDS MAX_FLOWS PREFIXES FLOWS...\n");
        return 2;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(1, &one);
    sched_setaffinity(0, sizeof(one), &one);
    int rounds = atoi(argv[1]);
    for (int i = 4; i < argc && strcmp(argv[3], "names") == 0; i++)
        for (int acks = 0; acks < 2; acks++)
            measure_names((uint32_t)atoi(argv[i]), strtoull(argv[2], NULL, 10),
                          rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX, acks);
    for (int i = 4; i < argc && strcmp(argv[3], "names") != 0; i++)
        measure((uint32_t)atoi(argv[i]), strtoull(argv[2], NULL, 10), (unsigned)atoi(argv[3]),
                rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX);
    return 0;
}
