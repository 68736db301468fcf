// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/live.h"
#include "bpf/common/interval.h"
#include "bpf/common/privileges.h"
#include "bpf/common/writer.h"
#include "bpf/xdpacct/drain.h"
#include "bpf/xdpacct/events.h"
#include "bpf/xdpacct/monitor.h"
#include "bpf/xdpacct/naming.h"
#include "helper/exit_codes.h"
#include "schema/encode.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CLOCK_US = 1000000, NEEDED_CAPS = 3 };

struct live {
    const struct loader *loader;
    const struct config *config;
    struct device device;
    struct acct acct;
    struct attachment attachment;
    struct monitor monitor;
    struct writer writer;
    struct naming *names;
    struct interval_counts counts;
    enum flow_by by;
    int clock_fd, interval_fd, promisc_fd;
    uint64_t interval_start_us; // of CLOCK_MONOTONIC
    const char *end_reason;     // set: stop
    int rc;
};

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// ---- before the first packet

static int check_drop(const struct loader *l, const struct config *config, const struct device *d)
{
    if (!config->drop || config->force || !(d->default_route || d->has_upper))
        return EXIT_OK;
    cli_error(l->program,
              "--drop refused: %s %s, so dropping what comes in could cut the host off; give "
              "--force if %s gets nothing but copies",
              d->default_route ? "the default route of this host leaves by"
                               : "a bridge, bond, VLAN or the like stands on",
              d->name, d->name);
    return EXIT_USAGE;
}

// Promiscuous as long as the socket is open: it ends with this process, however that ends.
static int set_promiscuous(struct live *v)
{
    v->promisc_fd = -1;
    if (!v->config->promisc)
        return EXIT_OK;
    struct packet_mreq request = {.mr_ifindex = (int)v->device.ifindex,
                                  .mr_type = PACKET_MR_PROMISC};
    v->promisc_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (v->promisc_fd >= 0 && setsockopt(v->promisc_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
                                         sizeof(request)) == 0)
        return EXIT_OK;
    return loader_fail(v->loader, errno, "make %s promiscuous (needs CAP_NET_RAW)", v->device.name);
}

int live_give_up_privileges(const struct loader *l)
{
    static const cap_value_t bpf[] = {CAP_BPF};
    static const int calls[] = {__NR_recvfrom};
    int rc = privileges_drop(l, bpf, privileges_maps_need_cap_bpf() ? 1 : 0);
    return rc == EXIT_OK ? privileges_seccomp(l, calls, sizeof(calls) / sizeof(calls[0])) : rc;
}

static int open_files(struct live *v)
{
    v->clock_fd = interval_open(CLOCK_US);
    v->interval_fd = interval_open(v->config->interval_us);
    int err = monitor__open(&v->monitor, &v->device);
    if (v->clock_fd < 0 || v->interval_fd < 0 || err)
        return loader_fail(v->loader, err ? err : ENOMEM, "open timers and link news");
    return EXIT_OK;
}

static void begin_stream(struct live *v)
{
    struct event ev = {.type = EV_begin};
    EVENT_SET(&ev, begin, iface, text_of(v->device.name));
    EVENT_SET(&ev, begin, mode, text_of(xdp_mode_name(v->attachment.mode)));
    writer_begin(&v->writer, &ev);
}

// ---- the loop

static void fail(struct live *v, int rc, const char *reason)
{
    v->rc = rc;
    v->end_reason = reason;
}

static void end_interval(struct live *v)
{
    int err = drain_take(&v->acct, true, &v->counts);
    // behind the drain: the names of everything counted are there then
    naming__take(v->names);
    uint64_t now_us = monotonic_us();
    struct stamp stamp = {.iface = v->monitor.name,
                          .mode = xdp_mode_name(v->attachment.mode),
                          .bytes = v->config->bytes,
                          .ts_us = event_now_us(),
                          .interval_us = now_us - v->interval_start_us,
                          .by = v->by};
    v->interval_start_us = now_us;
    if (err) {
        fail(v, loader_fail(v->loader, err, "read the flow tables"), "failed");
        return;
    }
    events_write(&v->writer, &stamp, &v->counts, v->names);
    if (v->counts.strays.packets)
        cli_error(v->loader->program,
                  "warning: %llu packets came in on a CPU that was not there at the start, and are "
                  "in overflow; start again",
                  (unsigned long long)v->counts.strays.packets);
    if (!drain_conserved(&v->counts)) {
        cli_error(v->loader->program,
                  "the counters contradict each other: please report this as a bug");
        v->rc = EXIT_FAILED;
    }
}

static void write_change(struct live *v, enum monitor_change change, const char *was)
{
    struct event ev = {.type = EV_iface_change};
    EVENT_SET(&ev, iface_change, iface, text_of(v->monitor.name));
    EVENT_SET(&ev, iface_change, mode, text_of(xdp_mode_name(v->attachment.mode)));
    EVENT_SET(&ev, iface_change, change, text_of(monitor_change_name(change)));
    EVENT_SET(&ev, iface_change, mtu, v->monitor.mtu);
    if (was[0])
        EVENT_SET(&ev, iface_change, was, text_of(was));
    writer_event(&v->writer, &ev);
    writer_flush(&v->writer);
    const char *meaning = change == CHANGE_DOWN      ? ": nothing comes in until it is up again"
                          : change == CHANGE_DELETED ? ": what was counted follows, then the end"
                                                     : "";
    cli_error(v->loader->program, "%s: %s%s%s%s", v->monitor.name, monitor_change_name(change),
              was[0] ? ", was " : "", was, meaning);
}

static void hear_news(struct live *v)
{
    char was[IF_NAMESIZE];
    enum monitor_change change;
    while ((change = monitor__next(&v->monitor, was)) != CHANGE_NONE) {
        write_change(v, change, was);
        if (change == CHANGE_MTU)
            acct__set_mtu(&v->acct, v->monitor.mtu);
        if (change == CHANGE_DELETED) {
            fail(v, EXIT_FAILED, "device");
            return;
        }
    }
}

static bool stopping(void *context)
{
    struct live *v = context;
    int signal = loader_signal(v->loader);
    if (signal && !v->end_reason)
        v->end_reason = loader_signal_name(signal);
    return v->end_reason != NULL;
}

static void loop(struct live *v)
{
    struct pollfd files[] = {
        {.fd = v->loader->signal_fd, .events = POLLIN}, {.fd = v->clock_fd, .events = POLLIN},
        {.fd = v->interval_fd, .events = POLLIN},       {.fd = v->monitor.fd, .events = POLLIN},
        {.fd = naming__fd(v->names), .events = POLLIN},
    };
    while (!v->end_reason && !writer_closed(&v->writer)) {
        if (poll(files, sizeof(files) / sizeof(files[0]), -1) < 0)
            continue;
        stopping(v);
        if (files[4].revents)
            naming__take(v->names);
        if (interval_read(v->clock_fd))
            acct__set_clock(&v->acct, (uint32_t)(monotonic_us() / 1000000));
        if (files[3].revents)
            hear_news(v);
        if (interval_read(v->interval_fd))
            end_interval(v);
    }
}

// Packets stop, the last ones are waited for, then what came in since the last interval is told.
static int run_attached(struct live *v)
{
    writer_watch(&v->writer, &(struct writer_watch){
                                 .fds = {v->loader->signal_fd, -1},
                                 .stopping = stopping,
                                 .context = v,
                             });
    begin_stream(v);
    int rc = live_give_up_privileges(v->loader);
    if (rc != EXIT_OK)
        return rc;
    acct__set_clock(&v->acct, (uint32_t)(monotonic_us() / 1000000));
    v->interval_start_us = monotonic_us();
    writer_ready(&v->writer, 1);
    loop(v);
    attachment__close(&v->attachment);
    rc = drain_settle(&v->acct);
    if (rc != 0)
        v->rc = loader_fail(v->loader, rc, "wait for the last packets");
    end_interval(v);
    writer_end(&v->writer, v->end_reason ? v->end_reason : "reader gone");
    return v->rc;
}

static void close_live(struct live *v)
{
    attachment__close(&v->attachment);
    naming__free(v->names);
    monitor__close(&v->monitor);
    interval_counts__free(&v->counts);
    int files[] = {v->clock_fd, v->interval_fd, v->promisc_fd};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i] >= 0)
            close(files[i]);
}

static int open_and_run(struct live *v, struct settings *settings, const struct prefix_sets *sets)
{
    int rc =
        live_attach(v->loader, v->config, settings, sets, &v->device, &v->acct, &v->attachment);
    if (rc != EXIT_OK)
        return rc;
    rc = set_promiscuous(v);
    if (rc == EXIT_OK)
        rc = open_files(v);
    if (rc == EXIT_OK)
        rc = naming__open(&v->names, v->loader, &v->acct, v->config, settings, &sets->resolvers,
                          &v->writer);
    if (rc == EXIT_OK)
        rc = run_attached(v);
    close_live(v);
    acct__free(&v->acct);
    return rc;
}

int live_run(const struct loader *l, const struct config *config, struct settings *settings,
             const struct prefix_sets *sets)
{
    static const cap_value_t caps[NEEDED_CAPS] = {CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON};
    struct live v = {.loader = l,
                     .config = config,
                     .attachment = {.link_fd = -1},
                     .monitor = {.fd = -1},
                     .by = settings->by,
                     .clock_fd = -1,
                     .interval_fd = -1,
                     .promisc_fd = -1};
    struct loader_needs needs = {.caps = caps, .cap_count = NEEDED_CAPS};
    int rc = loader_require(l, &needs);
    if (rc != EXIT_OK)
        return rc;
    if (device__read(&v.device, config->iface) != 0) {
        cli_error(l->program,
                  "there is no interface '%s' in this network namespace; see: ip -br link",
                  config->iface);
        return EXIT_FAILED;
    }
    rc = check_drop(l, config, &v.device);
    if (rc != EXIT_OK)
        return rc;
    if (writer_open(&v.writer, l->program, STDOUT_FILENO) != 0)
        return EXIT_FAILED;
    rc = open_and_run(&v, settings, sets);
    int written = writer_close(&v.writer);
    return rc != EXIT_OK ? rc : written;
}
