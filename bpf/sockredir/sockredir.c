// SPDX-License-Identifier: Apache-2.0
//
// sockredir - a short cut for local TCP connections of a cgroup: fast, in order, safe to stop.
//
// USAGE:    sockredir -c CGROUP [--ports LIST] [--shadow] [--interval TIME] [--deadman TIME]
//           sockredir -c CGROUP --status | --stop | --renew
//           sockredir --preflight
//
// OUTPUT:   a line per listening port and interval (cut here; times and the cgroup left out):
//   {"type":"redirect","port":5432,"interval_us":1017330,"msgs_redirected":6000,
//    "bytes_redirected":5400000,"msgs_passed":0,"bytes_passed":0,"sockets":0,"connections":1,…}
//   {"type":"redirect","port":8080,"interval_us":83791,"msgs_redirected":0,"bytes_redirected":0,
//    "bytes_passed":4983500,"sockets":0,"connections":0,…,"bytes_passed_small":4983500}
//           The first is a client with 3000 questions of 900 bytes and their answers; the second a
//           stream of 500 byte writes, which went back to TCP after 32 of them.
//
// EVENTS:   begin, ready, redirect (per listening port and interval), redirect_conn (with
//           --per-connection), lost, end. bytes_redirected took the short cut, bytes_passed_WHY
//           went by TCP. Bytes of a connection that left the map are counted when it closes.
// REQUIRES: Linux 5.15 (network namespace cookie), CONFIG_NET_SOCK_MSG, kernel type information,
//           cgroup v2; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON to start. The preflight tries what
//           else the kernel must do.
// OVERHEAD: 23 MB of kernel memory. Sockets that cannot gain (remote peers, other ports) never join
//           the map and cost nothing per send; docs/sockredir.md has the rest, measured by
//           `make bench-redirect`.
// CAVEATS:  redirected bytes are seen by recv and its kin, poll, epoll, select; not by splice(2),
//           MSG_WAITALL, tcpdump, iptables, nor TCP_INFO. Connections that exist at the start stay
//           plain. A blocking read can say EAGAIN after shutdown(), if the peer is silent
//           for 40 ms then (docs/sockredir.md).
#include "bpf/common/privileges.h"
#include "bpf/common/writer.h"
#include "bpf/sockredir/cgroup.h"
#include "bpf/sockredir/instance.h"
#include "bpf/sockredir/ports.h"
#include "bpf/sockredir/preflight.h"
#include "bpf/sockredir/redirect.h"
#include "bpf/sockredir/serve.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <unistd.h>

struct config {
    const char *cgroup;
    const char *ports;
    bool shadow, per_connection, force, preflight, status, stop, renew;
    uint64_t interval_us, deadman_us, bound_bytes, small_bytes;
};

static int give_up_privileges(const struct loader *l)
{
    static const cap_value_t bpf[] = {CAP_BPF, CAP_SYS_ADMIN};
    return privileges_drop(l, bpf, privileges_maps_need_cap_bpf() ? 1 : 0);
}

static int attach_and_serve(const struct loader *l, const struct config *cfg,
                            const struct serve *base, const struct redirect_settings *settings)
{
    struct redirect redirect;
    struct writer out;
    int rc = redirect_start(&redirect, l, base->cgroup->fd, settings);
    if (rc != EXIT_OK)
        return rc;
    rc = give_up_privileges(l);
    if (rc == EXIT_OK && writer_open(&out, l->program, STDOUT_FILENO) != 0)
        rc = loader_fail(l, ENOMEM, "make room for events");
    if (rc == EXIT_OK) {
        struct serve serve = *base;
        serve.redirect = &redirect;
        serve.out = &out;
        serve.interval_us = cfg->interval_us;
        serve.deadman_us = cfg->deadman_us;
        rc = serve_run(&serve);
        int written = writer_close(&out);
        rc = rc == EXIT_OK ? written : rc;
    }
    redirect_free(&redirect);
    return rc;
}

static int check_and_serve(const struct loader *l, const struct config *cfg,
                           const struct cgroup_dir *cgroup)
{
    struct redirect_settings settings = {.shadow = cfg->shadow,
                                         .per_connection = cfg->per_connection,
                                         .bound_bytes = cfg->bound_bytes,
                                         .small_bytes = cfg->small_bytes};
    if (!ports_parse(cfg->ports, settings.ports)) {
        cli_error(l->program,
                  "--ports: '%s' will not do: it takes ports and ranges, as in 5432,8000-8100",
                  cfg->ports);
        return EXIT_USAGE;
    }
    static const cap_value_t caps[] = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON};
    int rc = loader_require(l, &(struct loader_needs){.caps = caps, .cap_count = 3, .btf = true});
    if (rc == EXIT_OK)
        rc = redirect_require(l);
    if (rc != EXIT_OK)
        return rc;
    if (cfg->preflight)
        return preflight_print(l, cgroup);

    struct instance instance;
    rc = instance_claim(&instance, l, cgroup);
    if (rc != EXIT_OK)
        return rc;
    rc = preflight_decide(l, cgroup, cfg->force, &settings.verdict);
    if (rc == EXIT_OK) {
        struct serve serve = {.loader = l, .cgroup = cgroup, .instance = &instance};
        rc = attach_and_serve(l, cfg, &serve, &settings);
    }
    instance_release(&instance);
    return rc;
}

static int run(const struct program *program, const void *config, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    const struct config *cfg = config;
    struct loader l;
    struct cgroup_dir cgroup;
    char mount[CGROUP_PATH_MAX];
    if (!cfg->cgroup && !cfg->preflight) {
        cli_error(program, "say which cgroup: -c DIR, a folder below the cgroup v2 mount");
        return EXIT_USAGE;
    }
    if (loader_start(&l, program) != 0)
        return EXIT_FAILED;
    int rc =
        cfg->cgroup ? cgroup_open(&cgroup, &l, cfg->cgroup) : cgroup_open_root(&cgroup, &l, mount);
    if (rc == EXIT_OK) {
        enum instance_request ask = cfg->status  ? REQUEST_STATUS
                                    : cfg->stop  ? REQUEST_STOP
                                    : cfg->renew ? REQUEST_RENEW
                                                 : REQUEST_NONE;
        rc = ask ? instance_ask(&l, &cgroup, ask) : check_and_serve(&l, cfg, &cgroup);
        close(cgroup.fd);
    }
    loader_finish(&l);
    return rc;
}

// clang-format off
static const struct opt options[] = {
    OPT(struct config, cgroup, 'c', "cgroup", OPT_TEXT, "DIR", "serve the sockets of this cgroup (v2) and those below it"),
    OPT(struct config, ports, 'p', "ports", OPT_TEXT, "LIST", "only connections to these listening ports, as in 5432,8000-8100"),
    OPT(struct config, shadow, 0, "shadow", OPT_FLAG, NULL, "redirect nothing; count what would be"),
    OPT(struct config, interval_us, 'i', "interval", OPT_DURATION, "TIME", "print counters every TIME (1s)", .min = 10000, .max = 86400000000),
    OPT(struct config, deadman_us, 0, "deadman", OPT_DURATION, "TIME", "stop by itself after TIME unless --renew is called", .min = 1000000),
    OPT(struct config, per_connection, 0, "per-connection", OPT_FLAG, NULL, "print redirect_conn for each end of a connection that closes"),
    OPT(struct config, bound_bytes, 0, "bound", OPT_SIZE, "SIZE", "redirect no more than SIZE that one end has not read yet; the direction goes on by TCP (16M)", .min = 65536),
    OPT(struct config, small_bytes, 0, "small-write", OPT_SIZE, "SIZE", "a one-way stream whose writes are of SIZE or less on average goes by TCP (16K); 0: never"),
    OPT(struct config, preflight, 0, "preflight", OPT_FLAG, NULL, "print what this kernel does to sockets in a socket map, and exit"),
    OPT(struct config, force, 0, "force", OPT_FLAG, NULL, "start although the preflight found something broken"),
    OPT(struct config, status, 0, "status", OPT_FLAG, NULL, "ask the sockredir that serves the cgroup how it is"),
    OPT(struct config, stop, 0, "stop", OPT_FLAG, NULL, "make it stop, and wait until it has"),
    OPT(struct config, renew, 0, "renew", OPT_FLAG, NULL, "start its --deadman time anew"),
    {0}};
// clang-format on

static const struct opt *const tables[] = {options, NULL};
static const struct config defaults = {
    .interval_us = 1000000, .bound_bytes = 16 << 20, .small_bytes = 16 << 10};
static const struct command command = {
    .summary = "local TCP connections of a cgroup take a short cut through a socket map",
    .options = tables,
    .config_size = sizeof(struct config),
    .defaults = &defaults,
    .run = run,
};
static const struct command *const commands[] = {&command, NULL};

static const struct program program = {
    .name = "sockredir",
    .summary = "a short cut for local TCP: fast, in order, safe to stop",
    .version = NETVITALS_VERSION,
    .commands = commands,
};

int main(int argc, char **argv)
{
    return cli_main(&program, argc, argv);
}
