// SPDX-License-Identifier: Apache-2.0
//
// xdpacct - traffic per subscriber, counted in XDP.
//
// clang-format off
// USAGE     sudo xdpacct -i ens5 --ours 10.128.0.0/9 | netvitals report traffic --by sub,peer
//           xdpacct --read capture.pcap    the same program over a capture, without an interface
//           sudo xdpacct probe -i ens5     what comes in, and the options that fit it
//           sudo xdpacct diag -i ens5      what would stop an attach, and its cure
// OUTPUT    {"type":"flow","ts_us":1700000000031001,"iface":"encaps.pcap","mode":"read",
//           "encap":"erspan","sub":"10.128.0.7","peer":"203.0.113.9","proto":6,"sub_port":40001,
//           "peer_port":443,"bytes_up":102,"bytes_down":0,"packets_up":2,"packets_down":0,
//           "interval_us":31001}, and for each interval a traffic_totals: what became of every packet
// EVENTS    begin ready flow traffic_overflow traffic_totals iface_change end; with --names also
//           name reclass names_totals lost
// REQUIRES  Linux 5.15 (seen on 6.1, 6.12 and 6.18); CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON until
//           it is attached (CAP_NET_RAW for --promisc)
// OVERHEAD  about 15 ns a plain packet at 1000 flows, 0.3 of a stock hash (make bench-xdp); memory
//           is fixed by --max-flows: 243 MiB for a million flows on two CPUs
// CAVEATS   XDP sees what an interface receives, not what it sends. Bytes are those of the
//           innermost IP packet, whose header is believed even where the copy is cut. Later pieces
//           of a packet whose first piece was not seen have port 0. Flows beyond --max-flows are
//           counted as overflow, never lost, and for their subscriber in traffic_overflow (up to
//           65536 subscribers, or --max-flows / 8 if that is less, but 1024). Not opened, but
//           counted as what they are outside: PPTP, MPLS, IPsec, and a third tunnel below two.
// clang-format on
//
// Files: live.c and capture.c drive, drain.c takes the counts out, events.c prints them; xdpacct.h
// tells how the table works.

#include "bpf/common/loader.h"
#include "bpf/common/privileges.h"
#include "bpf/common/writer.h"
#include "bpf/xdpacct/capture.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/diag.h"
#include "bpf/xdpacct/live.h"
#include "bpf/xdpacct/naming_notes.h"
#include "bpf/xdpacct/probe.h"
#include "bpf/xdpacct/program.h"
#include "helper/exit_codes.h"

#include <string.h>
#include <unistd.h>

static int run_capture(const struct loader *l, const struct config *config,
                       const struct settings *settings, const struct prefix_set *resolvers,
                       struct acct *a)
{
    struct writer w;
    struct naming *names;
    if (writer_open(&w, l->program, STDOUT_FILENO) != 0)
        return EXIT_FAILED;
    int rc = naming__open(&names, l, a, config, settings, resolvers, &w);
    if (rc == EXIT_OK)
        rc = capture_run(a, l, config, &w, names);
    naming__free(names);
    int written = writer_close(&w);
    return rc != EXIT_OK ? rc : written;
}

static int parse_sets(const struct program *program, const struct config *config,
                      struct prefix_sets *sets)
{
    int rc = prefix_set__parse(program, "--ours", &config->ours, &sets->ours);
    if (rc == EXIT_OK)
        rc = prefix_set__parse(program, "--outer-src", &config->outer_src, &sets->outer_src);
    if (rc == EXIT_OK)
        rc = prefix_set__parse(program, "--resolver", &config->resolvers, &sets->resolvers);
    if (rc == EXIT_OK)
        rc = tunnel_ids__parse(program, &config->tunnel_id, &sets->tunnel_ids);
    return rc;
}

static int run_source(const struct loader *l, const struct config *config,
                      struct settings *settings, const struct prefix_sets *sets)
{
    if (config->iface)
        return live_run(l, config, settings, sets);
    struct acct a;
    // a capture may come from anywhere: no packet in it is too long
    settings->mtu = UINT32_MAX;
    int rc = acct__load(&a, l, settings, sets, config->max_flows, false);
    if (rc != EXIT_OK)
        return rc;
    rc = run_capture(l, config, settings, &sets->resolvers, &a);
    acct__free(&a);
    return rc;
}

static int run(const struct program *program, const void *config_, int argc, char **argv)
{
    const struct config *config = config_;
    (void)argc, (void)argv;
    struct settings settings = {0};
    struct prefix_sets sets = {0};
    struct loader l;
    if (!config->iface == !config->read) {
        cli_error(program,
                  "give either an interface (-i) or a capture (--read); see 'xdpacct --help'");
        return EXIT_USAGE;
    }
    int rc = config_settings(program, config, &settings);
    if (rc == EXIT_OK)
        rc = parse_sets(program, config, &sets);
    if (rc == EXIT_OK)
        rc = loader_start(&l, program) == 0 ? EXIT_OK : EXIT_FAILED;
    if (rc == EXIT_OK) {
        rc = run_source(&l, config, &settings, &sets);
        loader_finish(&l);
    }
    prefix_set__free(&sets.ours);
    prefix_set__free(&sets.outer_src);
    prefix_set__free(&sets.resolvers);
    tunnel_ids__free(&sets.tunnel_ids);
    return rc;
}

static const char *const modes[] = {"auto", "native", "generic", "offload", NULL};
static const char *const tri_state[] = {"auto", "on", "off", NULL};
static const char *const bys[] = {"flow", "subscriber", "peer", NULL};
static const char *const name_kinds[] = {"off", "dns", "all", NULL};
static const char *const byte_kinds[] = {"ip", "wire", NULL};

static const struct opt what_options[] = {
    OPT(struct config, iface, 'i', "interface", OPT_TEXT, "IFACE",
        "count what this interface receives"),
    OPT(struct config, read, 'r', "read", OPT_TEXT, "FILE",
        "run over a capture (pcap, pcapng) instead"),
    OPT(struct config, ours, 0, "ours", OPT_LIST, "CIDR,…",
        "the subscribers' addresses; without it every packet counts for its source"),
    OPT(struct config, by, 0, "by", OPT_CHOICE, "WHAT", "what a flow event stands for",
        .choices = bys),
    OPT(struct config, v6_bits, 0, "v6-bits", OPT_U64, "BITS",
        "length of the prefix that is one IPv6 subscriber (64)", .min = 1, .max = 128),
    OPT(struct config, bytes, 0, "bytes", OPT_CHOICE, "KIND",
        "count innermost IP packets, or frames", .choices = byte_kinds),
    {0},
};

static const struct opt tunnel_options[] = {
    OPT(struct config, encap, 0, "encap", OPT_TEXT, "LIST",
        "tunnels to open: all, none, or gre,erspan,vxlan,vxlan:PORT,geneve,gtp,ipip (all)"),
    OPT(struct config, outer_src, 0, "outer-src", OPT_LIST, "CIDR,…",
        "count tunnels from these addresses only, all others as rejected_outer"),
    OPT(struct config, tunnel_id, 0, "tunnel-id", OPT_LIST, "ID,…",
        "count tunnels with these ids only: VNI of VXLAN and GENEVE, key of GRE, session of "
        "ERSPAN"),
    {0},
};

static const struct opt name_options[] = {
    OPT(struct config, names, 0, "names", OPT_CHOICE, "WHICH",
        "put host names on flows: from DNS answers, or from these, TLS, QUIC and HTTP (off)",
        .choices = name_kinds),
    OPT(struct config, resolvers, 0, "resolver", OPT_LIST, "CIDR,…",
        "believe DNS answers from these addresses only (from all)"),
    {0},
};

static const struct opt how_options[] = {
    OPT(struct config, interval_us, 0, "interval", OPT_DURATION, "TIME",
        "how often to print what was counted (10s)", .min = 100000, .max = 3600000000),
    OPT(struct config, max_flows, 0, "max-flows", OPT_U64, "N",
        "flows of an interval to make room for (262144)", .min = 64, .max = 16777216),
    OPT(struct config, mode, 0, "mode", OPT_CHOICE, "MODE",
        "XDP mode; auto falls back from native to generic", .choices = modes),
    OPT(struct config, frags, 0, "frags", OPT_CHOICE, "WHEN",
        "load as xdp.frags, for frames in several buffers", .choices = tri_state),
    OPT(struct config, drop, 0, "drop", OPT_FLAG, NULL,
        "drop what was counted: for interfaces that get only copies"),
    OPT(struct config, force, 0, "force", OPT_FLAG, NULL,
        "let --drop cut off the host's own default route"),
    OPT(struct config, promisc, 0, "promisc", OPT_FLAG, NULL,
        "make the interface take frames for other addresses"),
    {0},
};

static const struct opt *const run_options[] = {what_options, tunnel_options, name_options,
                                                how_options, NULL};

static const struct config defaults = {
    .mode = "auto",
    .frags = "auto",
    .encap = "all",
    .by = "flow",
    .bytes = "ip",
    .names = "off",
    .interval_us = 10000000,
    .max_flows = 262144,
    .v6_bits = 64,
};

static const struct command run_command = {
    .summary =
        "Count every byte that an interface receives, or that a capture holds, for its subscriber",
    .options = run_options,
    .config_size = sizeof(struct config),
    .defaults = &defaults,
    .run = run,
};

static const struct command *const commands[] = {&run_command, &probe_command, &diag_command, NULL};

#define ACCOUNTING_NOTES                                                                           \
    "Counting\n"                                                                                   \
    "  Needs Linux 5.15, and CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON until it is attached.\n"       \
    "  Every packet seen is in a flow or in one other counter of `traffic_totals`: accounted +\n"  \
    "  overflow + not_ours + non_ip + bad_header + outer_fragments + rejected_outer = seen.\n"     \
    "  Whose overflow it was say events `traffic_overflow`, as far as there is room for\n"         \
    "  subscribers: an eighth of --max-flows, but 1024 to 65536. The rest is in the sum alone.\n"  \
    "  Bytes are the total length of the innermost IP packet (--bytes wire: of the frame; which\n" \
    "  of the two, `traffic_totals` says in its key `bytes`);\n"                                   \
    "  non_ip and bad_header count whole frames. ARP, LLDP, MPLS or PPPoE in a tunnel's frame\n"   \
    "  is non_ip, the tunnel around it included, and in no flow; with --encap none it counts\n"    \
    "  as part of the tunnel's packet.\n"                                                          \
    "  A packet between two addresses of --ours counts once, for its source, and as local."

#define MIRROR_NOTES                                                                               \
    "Mirrors\n"                                                                                    \
    "  Who can reach the interface can send it tunnel packets, and usage with them. --outer-src\n" \
    "  and --tunnel-id say which are counted; the rest is rejected_outer. Both are about the\n"    \
    "  outermost tunnel, and `probe` shows what there is. GRE without a key, ERSPAN I, GTP-U "     \
    "and\n"                                                                                        \
    "  IP in IP have no id that --tunnel-id could name: with it they are rejected.\n"              \
    "  A packet of which two copies come counts twice: xdpacct does not look for duplicates. If\n" \
    "  the copies come in tunnels of several sources or ids, name one of these.\n"                 \
    "  Google's mirrors copy a packet where it leaves a mirrored instance and where it enters\n"   \
    "  one: between two mirrored instances it comes twice. Mirror only one of the two, or one\n"   \
    "  direction, which leaves out the other direction of their traffic with all others too; or\n" \
    "  if `probe` shows sources or ids that tell the copies apart, name those to be counted."

static const struct program xdpacct = {
    .name = "xdpacct",
    .summary = "traffic per subscriber, counted in XDP",
    .version = NETVITALS_VERSION,
    .commands = commands,
    .notes = ACCOUNTING_NOTES "\n\n" MIRROR_NOTES "\n\n" NAMING_NOTES,
    .examples =
        "Count a mirror port that gets copies in GRE, for subscribers in 10.128.0.0/9:\n"
        "  sudo xdpacct -i ens5 --encap gre --ours 10.128.0.0/9 --drop\n"
        "Count one session of a mirror, from its sources alone:\n"
        "  sudo xdpacct -i ens5 --encap vxlan --outer-src 10.0.0.0/16 --tunnel-id 7 --ours "
        "10.128.0.0/9\n"
        "Replay a capture as a report:\n"
        "  xdpacct --read day.pcap --ours 10.128.0.0/9 | netvitals report traffic --by sub,peer\n"
        "Find out which options fit, and what would stop it:\n"
        "  sudo xdpacct probe -i ens5\n"
        "  sudo xdpacct diag -i ens5",
};

int main(int argc, char **argv)
{
    return cli_main(&xdpacct, argc, argv);
}
