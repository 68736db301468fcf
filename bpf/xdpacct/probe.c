// SPDX-License-Identifier: Apache-2.0
//
// probe.c - the counting program with every tunnel open and no --ours, so that every packet counts
// for its source; what it found is summed up by tunnel, VLAN and address range (ranges.h).

#include "bpf/xdpacct/probe.h"
#include "bpf/common/interval.h"
#include "bpf/common/privileges.h"
#include "bpf/xdpacct/drain.h"
#include "bpf/xdpacct/live.h"
#include "bpf/xdpacct/ranges.h"
#include "helper/exit_codes.h"
#include "schema/ip.h"
#include "bpf/xdpacct/xdpacct.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct probe_config {
    const char *iface;
    const char *mode;
    uint64_t duration_us;
};

struct found {
    struct interval_counts counts;
    struct ranges ranges;
    uint64_t encap_packets[256], encap_bytes[256];
    char encap_option[64]; // comma list of the tunnels seen
    char sources[512];     // comma list of where they come from
    char ids[128];         // comma list of their ids
    bool ids_name_all;     // each tunnel has an id, and all are in ids
};

static int wait_for_end(const struct loader *l, uint64_t duration_us)
{
    int timer = interval_open(duration_us);
    if (timer < 0)
        return loader_fail(l, timer, "open a timer");
    int rc = live_give_up_privileges(l);
    struct pollfd files[] = {{.fd = l->signal_fd, .events = POLLIN},
                             {.fd = timer, .events = POLLIN}};
    while (rc == EXIT_OK && !loader_signal(l) && !interval_read(timer))
        poll(files, 2, -1);
    close(timer);
    return rc;
}

static void sum_up(struct found *f)
{
    for (size_t i = 0; i < f->counts.flows.used; i++) {
        const struct flow_entry *e = &f->counts.flows.entries[i];
        uint8_t encap = FLOW_ID_ENCAP(e->key.id);
        f->encap_packets[encap] += e->count.packets[DIR_UP];
        f->encap_bytes[encap] += e->count.bytes[DIR_UP];
        ranges__add(&f->ranges, &e->key, e->count.bytes[DIR_UP]);
    }
}

// False if there is no room.
static bool add_word(char *list, size_t size, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += len)
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
            return true;
    size_t used = strlen(list);
    if (used + len + 2 > size)
        return false;
    snprintf(list + used, size - used, "%s%s", used ? "," : "", word);
    return true;
}

static void print_encaps(struct found *f)
{
    for (unsigned e = 0; e < 256; e++) {
        char name[32], *save = NULL;
        if (!f->encap_packets[e])
            continue;
        encap_text((uint8_t)e, name);
        printf("tunnels %s: %" PRIu64 " packets, %" PRIu64 " bytes inside\n",
               name[0] ? name : "none", f->encap_packets[e], f->encap_bytes[e]);
        for (char *word = strtok_r(name, ",", &save); word; word = strtok_r(NULL, ",", &save))
            add_word(f->encap_option, sizeof(f->encap_option), word);
    }
}

static void print_source(const struct outer_source *source, uint64_t packets, struct found *f)
{
    char text[IP_TEXT_MAX], encap[32], id[16] = "";
    const uint8_t *bytes = (const uint8_t *)source->src;
    ip_format(source->family == FAMILY_V4 ? ip_from_v4(bytes) : ip_from_v6(bytes), text);
    if (source->has_id)
        snprintf(id, sizeof(id), "%u", source->id);
    printf("tunnel source %s: %" PRIu64 " packets of %s%s%s\n", text, packets,
           encap_text((uint8_t)source->encap, encap), id[0] ? ", id " : "", id);
    add_word(f->sources, sizeof(f->sources), text);
    f->ids_name_all &= id[0] && add_word(f->ids, sizeof(f->ids), id);
}

static void print_sources(const struct acct *a, struct found *f)
{
    int fd = bpf_map__fd(a->skel->maps.outer_sources);
    struct outer_source key, *at = NULL;
    f->ids_name_all = true;
    for (; bpf_map_get_next_key(fd, at, &key) == 0; at = &key) {
        uint64_t packets = 0;
        bpf_map_lookup_elem(fd, &key, &packets);
        print_source(&key, packets, f);
    }
}

static void print_vlans(const struct acct *a)
{
    for (unsigned id = 0; id < VLANS; id++)
        if (a->skel->bss->vlan_packets[id])
            printf("VLAN %u: %u packets\n", id, a->skel->bss->vlan_packets[id]);
}

static void print_classes(const struct interval_counts *c)
{
    static const struct {
        enum traffic_counter counter;
        const char *text;
    } rows[] = {
        {COUNT_SEEN, "seen"},
        {COUNT_NON_IP, "not IP"},
        {COUNT_BAD_HEADER, "cut short or inconsistent"},
        {COUNT_OUTER_FRAGMENTS, "later pieces of tunnel packets"},
        {COUNT_TRUNCATED, "truncated copies"},
        {COUNT_AGGREGATED, "longer than the MTU (merged by LRO or GRO: turn it off)"},
        {COUNT_OVERFLOW, "too many flows to look at"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (c->counters[rows[i].counter].packets || i == 0)
            printf("%s: %llu packets, %llu bytes\n", rows[i].text,
                   (unsigned long long)c->counters[rows[i].counter].packets,
                   (unsigned long long)c->counters[rows[i].counter].bytes);
}

static void print_found(const struct acct *a, struct found *f, const char *iface)
{
    char ours[512];
    print_classes(&f->counts);
    if (!f->counts.counters[COUNT_SEEN].packets) {
        printf("verdict: nothing came in; is %s up, the mirror on, and (on EC2) IP protocol 47 or "
               "UDP 4789 let in by the "
               "security group?; tcpdump -ni %s\n",
               iface, iface);
        return;
    }
    print_vlans(a);
    print_encaps(f);
    print_sources(a, f);
    ranges__print(&f->ranges, stdout);
    ranges__suggest(&f->ranges, ours, sizeof(ours));
    bool ids = f->ids[0] && f->ids_name_all;
    printf("use: sudo xdpacct -i %s --encap %s%s%s%s%s%s%s\n", iface,
           f->encap_option[0] ? f->encap_option : "none", f->sources[0] ? " --outer-src " : "",
           f->sources, ids ? " --tunnel-id " : "", ids ? f->ids : "", ours[0] ? " --ours " : "",
           ours);
    if (!ours[0])
        printf("no range looks like subscribers: give --ours yourself\n");
}

static int attach_and_look(const struct loader *l, const struct config *config,
                           const struct device *d, uint64_t duration_us)
{
    struct settings settings = {0};
    struct prefix_sets sets = {0};
    struct attachment at;
    struct acct a;
    struct found f = {0};
    int rc = config_settings(l->program, config, &settings);
    settings.flags |= SETTING_PROBE;
    if (rc == EXIT_OK)
        rc = live_attach(l, config, &settings, &sets, d, &a, &at);
    if (rc != EXIT_OK)
        return rc;
    rc = wait_for_end(l, duration_us);
    attachment__close(&at);
    int err = rc == EXIT_OK ? drain_take(&a, true, &f.counts) : 0;
    if (err)
        rc = loader_fail(l, err, "read the flow tables");
    if (rc == EXIT_OK) {
        printf("%s, %s mode:\n", d->name, xdp_mode_name(at.mode));
        sum_up(&f);
        print_found(&a, &f, d->name);
    }
    interval_counts__free(&f.counts);
    acct__free(&a);
    return rc;
}

static int run(const struct program *program, const void *config_, int argc, char **argv)
{
    const struct probe_config *probe = config_;
    static const cap_value_t caps[] = {CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON};
    const struct loader_needs needs = {.caps = caps, .cap_count = 3};
    struct config config = {.iface = probe->iface,
                            .mode = probe->mode,
                            .frags = "auto",
                            .encap = "gre,erspan,vxlan:4789,vxlan:8472,geneve,gtp,ipip",
                            .by = "peer",
                            .bytes = "ip",
                            .names = "off",
                            .max_flows = 262144,
                            .v6_bits = 128};
    struct loader l;
    struct device d;
    (void)argc, (void)argv;
    if (!probe->iface) {
        cli_error(program, "probe: which interface? give -i IFACE");
        return EXIT_USAGE;
    }
    if (loader_start(&l, program) != 0)
        return EXIT_FAILED;
    int rc = loader_require(&l, &needs);
    if (rc == EXIT_OK && device__read(&d, probe->iface) != 0) {
        cli_error(program, "there is no interface '%s' in this network namespace; see: ip -br link",
                  probe->iface);
        rc = EXIT_FAILED;
    }
    if (rc == EXIT_OK)
        rc = attach_and_look(&l, &config, &d, probe->duration_us);
    loader_finish(&l);
    return rc;
}

static const char *const modes[] = {"auto", "native", "generic", "offload", NULL};

static const struct opt rows[] = {
    OPT(struct probe_config, iface, 'i', "interface", OPT_TEXT, "IFACE",
        "the interface to look at"),
    OPT(struct probe_config, duration_us, 0, "duration", OPT_DURATION, "TIME", "how long (10s)",
        .min = 100000, .max = 3600000000),
    OPT(struct probe_config, mode, 0, "mode", OPT_CHOICE, "MODE", "XDP mode", .choices = modes),
    {0},
};

static const struct opt *const tables[] = {rows, NULL};
static const struct probe_config defaults = {.mode = "auto", .duration_us = 10000000};

const struct command probe_command = {
    .name = "probe",
    .summary = "Look for some seconds at what comes in, and tell which options fit it",
    .options = tables,
    .config_size = sizeof(struct probe_config),
    .defaults = &defaults,
    .run = run,
};
