// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/capture.h"
#include "bpf/common/privileges.h"
#include "bpf/xdpacct/events.h"
#include "bpf/xdpacct/frame.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <string.h>

enum { PACKETS_PER_SIGNAL_CHECK = 256 };

struct replay {
    struct acct *acct;
    const struct loader *loader;
    struct writer *writer;
    struct naming *names;
    struct stamp stamp;
    struct interval_counts counts;
    struct counter
        short_frames; // too short to have an Ethernet header; part of seen and bad_header
    uint64_t interval_us;
    uint64_t packets;           // read so far
    uint64_t start_us, last_us; // of the interval: its start, its latest packet
    const char *end_reason;     // a signal's name: stop
    struct frame frame;
};

static bool stopping(void *context)
{
    struct replay *r = context;
    int signal = loader_signal(r->loader);
    if (signal && !r->end_reason)
        r->end_reason = loader_signal_name(signal);
    return r->end_reason != NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int take_interval(struct replay *r, uint64_t end_us)
{
    int err = drain_take(r->acct, false, &r->counts);
    if (err)
        return loader_fail(r->loader, err, "read the flow table");
    for (unsigned i = 0; i < 2; i++) {
        struct counter *c = &r->counts.counters[i ? COUNT_BAD_HEADER : COUNT_SEEN];
        c->packets += r->short_frames.packets;
        c->bytes += r->short_frames.bytes;
    }
    r->short_frames = (struct counter){0};
    r->stamp.ts_us = end_us;
    r->stamp.interval_us = end_us - r->start_us;
    events_write(r->writer, &r->stamp, &r->counts, r->names);
    if (drain_conserved(&r->counts))
        return EXIT_OK;
    cli_error(r->loader->program,
              "the counters contradict each other: please report this capture as a bug");
    return EXIT_FAILED;
}

// Ends the intervals that are over at the time of the next packet. Empty ones are left out.
static int advance(struct replay *r, uint64_t now_us)
{
    int rc = EXIT_OK;
    if (r->packets == 1)
        r->start_us = r->last_us = now_us;
    if (now_us < r->last_us)
        return rc; // a capture of several interfaces is not quite in order
    r->last_us = now_us;
    if (now_us - r->start_us >= r->interval_us) {
        rc = take_interval(r, r->start_us + r->interval_us);
        r->start_us += (now_us - r->start_us) / r->interval_us * r->interval_us;
    }
    r->writer->now_us = now_us;
    acct__set_clock(r->acct, (uint32_t)(now_us / 1000000));
    return rc;
}

// The stream begins at the time of its first packet.
static void begin_stream(struct replay *r, uint64_t now_us)
{
    r->writer->now_us = now_us;
    struct event ev = {.type = EV_begin};
    EVENT_SET(&ev, begin, iface, text_of(r->stamp.iface));
    EVENT_SET(&ev, begin, mode, text_of(r->stamp.mode));
    writer_begin(r->writer, &ev);
    writer_ready(r->writer, 1);
}

static int read_packet(struct replay *r, int link_type, const struct pcap_pkthdr *h,
                       const uint8_t *data)
{
    uint64_t now_us = (uint64_t)h->ts.tv_sec * 1000000 + (uint64_t)h->ts.tv_usec;
    if (r->packets++ == 0)
        begin_stream(r, now_us);
    int rc = advance(r, now_us);
    if (rc != EXIT_OK)
        return rc;
    if (!frame_from_capture(link_type, data, h->caplen, h->len, &r->frame)) {
        r->short_frames.packets++;
        r->short_frames.bytes += h->len;
        return EXIT_OK;
    }
    int err = acct__run_frame(r->acct, r->frame.bytes, (uint32_t)r->frame.len, r->frame.wire_len);
    naming__take(r->names);
    return err ? loader_fail(r->loader, err, "run the XDP program over a packet") : EXIT_OK;
}

// Reads to the end. *reason is set if that is not the end of a whole file.
static int read_all(struct replay *r, pcap_t *pcap, const char *path, const char **reason)
{
    int rc = EXIT_OK, got = 1, link_type = pcap_datalink(pcap);
    while (rc == EXIT_OK && got == 1 && !writer_closed(r->writer)) {
        struct pcap_pkthdr *header;
        const uint8_t *data;
        got = pcap_next_ex(pcap, &header, &data);
        if (got == 1)
            rc = read_packet(r, link_type, header, data);
        if (r->packets % PACKETS_PER_SIGNAL_CHECK == 0 && stopping(r))
            break;
    }
    if (r->end_reason)
        *reason = r->end_reason;
    if (r->packets == 0)
        begin_stream(r, 0);
    else if (rc == EXIT_OK)
        rc = take_interval(r, r->last_us + 1);
    if (got == PCAP_ERROR) {
        cli_error(r->loader->program, "%s: %s; what came before is accounted", path,
                  pcap_geterr(pcap));
        *reason = "cut short";
        rc = EXIT_FAILED;
    }
    return rc;
}

static FILE *open_file(const struct loader *l, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        cli_error(l->program, "cannot read %s: %s", path, strerror(errno));
    return file;
}

static pcap_t *open_capture(const struct loader *l, FILE *file, const char *path)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_fopen_offline(file, why);
    if (!pcap) {
        cli_error(l->program, "cannot read %s: %s", path, why);
        fclose(file);
        return NULL;
    }
    if (frame_link_type_known(pcap_datalink(pcap)))
        return pcap;
    const char *name = pcap_datalink_val_to_name(pcap_datalink(pcap));
    cli_error(
        l->program,
        "%s has link type %s; readable are Ethernet, raw IP, Linux cooked (-i any) and loopback",
        path, name ? name : "unknown");
    pcap_close(pcap);
    return NULL;
}

// Strangers write captures, so nothing of one is looked at with privileges: not by libpcap either.
static int give_up_privileges(const struct loader *l)
{
    static const cap_value_t bpf[] = {CAP_BPF};
    int rc = privileges_drop(l, bpf, privileges_maps_need_cap_bpf() ? 1 : 0);
    return rc == EXIT_OK ? privileges_seccomp(l, NULL, 0) : rc;
}

// Each CPU counts into a table of its own: a capture must be read on one, or reading it again could
// give other lines. Where that is refused the sums are right all the same.
static void stay_on_this_cpu(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
}

int capture_run(struct acct *a, const struct loader *l, const struct config *config,
                struct writer *w, struct naming *names)
{
    stay_on_this_cpu();
    FILE *file = open_file(l, config->read);
    if (!file)
        return EXIT_FAILED;
    int rc = give_up_privileges(l);
    if (rc != EXIT_OK) {
        fclose(file);
        return rc;
    }
    // NOLINTNEXTLINE(clang-analyzer-unix.Stream): pcap_close closes it
    pcap_t *pcap = open_capture(l, file, config->read);
    if (!pcap)
        return EXIT_FAILED;
    struct replay r = {
        .acct = a, .loader = l, .writer = w, .names = names, .interval_us = config->interval_us};
    r.stamp =
        (struct stamp){.iface = base_name(config->read), .mode = "read", .bytes = config->bytes};
    struct settings settings = {0};
    config_settings(l->program, config, &settings);
    r.stamp.by = settings.by;

    writer_watch(w, &(struct writer_watch){
                        .fds = {l->signal_fd, -1},
                        .stopping = stopping,
                        .context = &r,
                    });
    const char *reason = "eof";
    rc = read_all(&r, pcap, config->read, &reason);
    writer_end(w, reason);
    interval_counts__free(&r.counts);
    pcap_close(pcap);
    return rc;
}
