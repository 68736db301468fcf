// SPDX-License-Identifier: Apache-2.0
//
// xdp_intervals.c - CPU time of xdpacct at the end of an interval, in its two parts: taking the
// flows out of the kernel's tables, and writing them as lines.
//
//   xdp_intervals FLOWS CPUS ROUNDS OUT
//
// Each round sends a packet up and one down for every flow through the program by
// BPF_PROG_TEST_RUN, then ends the interval with xdpacct's own functions, lines going to OUT. With
// CPUS 2 what goes up and what goes down is counted on different CPUs, so that each flow lies in
// two tables. The first round gets memory from the kernel, and of the later ones each part's median
// is told; as one line of JSON. Fails if a packet or a flow is missing.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/common/writer.h"
#include "bpf/xdpacct/drain.h"
#include "bpf/xdpacct/events.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

enum { FRAME_BYTES = 60, ROUNDS_MAX = 101, PEER = 0xcb007109 };

static const struct program program = {.name = "xdp_intervals", .version = NETVITALS_VERSION};

struct bench {
    struct acct acct;
    struct writer writer;
    struct interval_counts counts;
    unsigned flows, cpus;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    cli_error(&program, "%s", what);
    exit(1);
}

static void move_to_cpu(unsigned cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
        die("there are not so many CPUs");
}

static void send_all(struct bench *b, bool down)
{
    uint8_t frame[FRAME_BYTES] = {0};
    struct ethhdr eth = {.h_proto = htons(ETH_P_IP)};
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .tot_len = htons(FRAME_BYTES - sizeof(eth)),
                       .ttl = 64,
                       .protocol = IPPROTO_UDP};
    memcpy(frame, &eth, sizeof(eth));
    for (unsigned i = 0; i < b->flows; i++) {
        uint16_t ports[2] = {htons((uint16_t)(1024 + i % 50000)), htons(443)};
        uint32_t sub = htonl(0x0a000000 + i), peer = htonl(PEER);
        ip.saddr = down ? peer : sub;
        ip.daddr = down ? sub : peer;
        memcpy(frame + sizeof(eth), &ip, sizeof(ip));
        memcpy(frame + sizeof(eth) + sizeof(ip), &ports[down], 2);
        memcpy(frame + sizeof(eth) + sizeof(ip) + 2, &ports[!down], 2);
        if (acct__run_frame(&b->acct, frame, sizeof(frame), sizeof(frame)) != 0)
            die("a packet does not go through the program");
    }
}

static void check(const struct bench *b)
{
    if (!drain_conserved(&b->counts) || b->counts.accounted.packets != 2 * (uint64_t)b->flows ||
        b->counts.flows.used != b->flows)
        die("counts are missing");
}

static void run_round(struct bench *b, uint64_t *drain_ns, uint64_t *lines_ns)
{
    move_to_cpu(0);
    send_all(b, false);
    move_to_cpu(b->cpus - 1);
    send_all(b, true);
    uint64_t start = cpu_ns();
    if (drain_take(&b->acct, true, &b->counts) != 0)
        die("the tables cannot be read");
    uint64_t drained = cpu_ns();
    struct stamp stamp = {.iface = "eth0",
                          .mode = "native",
                          .bytes = "ip",
                          .ts_us = event_now_us(),
                          .interval_us = 10000123,
                          .by = BY_FLOW};
    events_write(&b->writer, &stamp, &b->counts, NULL);
    *drain_ns = drained - start;
    *lines_ns = cpu_ns() - drained;
    check(b);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static int run(struct bench *b, unsigned rounds)
{
    uint64_t drain[ROUNDS_MAX], lines[ROUNDS_MAX];
    for (unsigned i = 0; i < rounds; i++)
        run_round(b, &drain[i], &lines[i]);
    uint64_t first_drain = drain[0], first_lines = lines[0];
    printf("{\"flows\":%u,\"cpus\":%u,\"spilled\":%llu,\"first_drain_ns\":%llu,"
           "\"first_lines_ns\":%llu,\"drain_ns\":%llu,\"lines_ns\":%llu}\n",
           b->flows, b->cpus, (unsigned long long)b->counts.spilled,
           (unsigned long long)first_drain, (unsigned long long)first_lines,
           (unsigned long long)median(drain + 1, rounds - 1),
           (unsigned long long)median(lines + 1, rounds - 1));
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    static const struct config config = {
        .encap = "all", .by = "flow", .bytes = "ip", .names = "off", .v6_bits = 64};
    struct settings settings = {.mtu = UINT32_MAX};
    struct opt_list list = {.count = 1, .items = {"10.0.0.0/8"}};
    struct prefix_sets sets = {0};
    struct loader loader = {.program = &program, .signal_fd = -1};
    unsigned rounds = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    int out = argc == 5 ? open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (rounds < 2 || rounds > ROUNDS_MAX || out < 0)
        die("usage: xdp_intervals FLOWS CPUS ROUNDS OUT");
    struct bench b = {.flows = (unsigned)strtoul(argv[1], NULL, 10),
                      .cpus = (unsigned)strtoul(argv[2], NULL, 10)};
    int rc = config_settings(&program, &config, &settings);
    if (rc == EXIT_OK)
        rc = prefix_set__parse(&program, "ours", &list, &sets.ours);
    if (rc == EXIT_OK)
        rc = acct__load(&b.acct, &loader, &settings, &sets, b.flows, false);
    if (rc != EXIT_OK)
        return rc;
    if (writer_open(&b.writer, &program, out) != 0)
        die("no memory");
    rc = run(&b, rounds);
    interval_counts__free(&b.counts);
    acct__free(&b.acct);
    prefix_set__free(&sets.ours);
    close(out);
    return writer_close(&b.writer) == EXIT_OK ? rc : EXIT_FAILED;
}
