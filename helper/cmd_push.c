// SPDX-License-Identifier: Apache-2.0
//
// cmd_push.c - netvitals push influx|statsd|otlp [NAME] [FILE…]: sends a live stream, or a report,
// on.

#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/export/live.h"
#include "helper/export/sender.h"
#include "helper/reading.h"
#include "helper/steady_clock.h"
#include "helper/report/render.h"
#include "schema/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_MAX = 8192, WORK_US = 100000 };
static const uint64_t complain_us = 60000000;

struct push_options {
    struct report_options report; // first: its option rows are used as they are
    const char *to;
    uint64_t interval_us, patience_us;
    struct opt_list headers;
};

struct destination {
    const char *name; // of the operand, and of the format
    const char *to;   // default of --to
    const char *content_type;
    const struct sender *sender;
};

static const struct destination destinations[] = {
    {"influx", NULL, "Content-Type: text/plain; charset=utf-8", &sender_http},
    {"statsd", "udp://127.0.0.1:8125", NULL, &sender_datagram},
    {"otlp", "http://127.0.0.1:4318/v1/metrics", "Content-Type: application/json", &sender_http},
    {0},
};

struct push {
    const struct program *program;
    const struct push_options *options;
    const struct destination *destination;
    struct live live;
    void *sender;
    const char *to;
    char header_text[OPT_LIST_MAX][HEADER_MAX];
    uint64_t next_us;       // when to send
    uint64_t complained_us; // when a failure was last said
};

// Says what was dropped or waits, once a minute at most.
static void complain(struct push *p)
{
    const struct sender_counts *counts = p->destination->sender->counts(p->sender);
    uint64_t now_us = steady_now_us();
    if (!counts->error[0] || (p->complained_us && now_us < p->complained_us + complain_us))
        return;
    p->complained_us = now_us;
    cli_error(p->program, "%s: %s (%" PRIu64 " sent, %" PRIu64 " dropped so far)", p->to,
              counts->error, counts->sent, counts->dropped);
}

static void send_reports(struct push *p, uint64_t now_us)
{
    struct report reports[SESSION_AGGREGATES_MAX];
    const struct report *list[SESSION_AGGREGATES_MAX];
    const struct render_options options = {.now_us = now_us};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    size_t count = live_fill(&p->live, now_us, reports);
    for (size_t i = 0; i < count; i++)
        list[i] = &reports[i];
    format_find(p->destination->name)->render(out, list, count, &options);
    for (size_t i = 0; i < count; i++)
        report_release(&reports[i]);
    if (fclose(out) == 0 && size)
        p->destination->sender->send(p->sender, text, size);
    free(text);
}

static bool pulse(void *context)
{
    struct push *p = context;
    uint64_t now_us = steady_now_us();
    if (now_us >= p->next_us) {
        send_reports(p, event_now_us());
        p->next_us = now_us + p->options->interval_us;
        if (live_turn(&p->live) != EXIT_OK)
            return false;
    }
    p->destination->sender->work(p->sender);
    complain(p);
    return true;
}

// Without a pulse for files: they are one report.
static int read_path(struct push *p, const char *path, bool live)
{
    char error[256];
    struct reading reading = {.source = source_open(path, error, sizeof(error)),
                              .pulse_us = live ? WORK_US : 0,
                              .pulse = pulse,
                              .context = p};
    int rc = EXIT_FAILED;
    if (!reading.source) {
        cli_error(p->program, "%s", error);
        return rc;
    }
    reading.feed = live_feed(&p->live);
    p->live.all.source = path;
    if (reading.feed)
        rc = reading_run(&reading) ? EXIT_OK : EXIT_FAILED;
    if (source_error(reading.source))
        cli_error(p->program, "%s: %s", path, source_error(reading.source));
    live_end_feed(&p->live);
    source_close(reading.source);
    return rc;
}

// The last report, and what still waits. Returns an exit code.
static int finish(struct push *p, bool live)
{
    const struct sender *sender = p->destination->sender;
    uint64_t until_us = steady_now_us() + p->options->patience_us;
    send_reports(p, live ? event_now_us() : p->live.all.to_us);
    while (!sender->work(p->sender) && steady_now_us() < until_us)
        poll(NULL, 0, 20);
    bool all_sent = sender->work(p->sender);
    const struct sender_counts *counts = sender->counts(p->sender);
    if (all_sent && counts->dropped == 0)
        return EXIT_OK;
    cli_error(p->program,
              "%s: not everything could be sent: %s (%" PRIu64 " sent, %" PRIu64 " dropped)", p->to,
              counts->error[0] ? counts->error : "no answer in time", counts->sent,
              counts->dropped);
    return EXIT_FAILED;
}

static int read_header(struct push *p, size_t i, const char *item, struct opt_list *out)
{
    char *text = p->header_text[i];
    if (item[0] == '@') { // not on the command line, where everybody can read it
        FILE *file = fopen(item + 1, "re");
        size_t len = file ? fread(text, 1, HEADER_MAX, file) : 0;
        int err = errno;
        if (file)
            fclose(file);
        text[len < HEADER_MAX ? len : HEADER_MAX - 1] = '\0';
        if (!file || len == 0) {
            cli_error(p->program, "cannot read a header from %s: %s", item + 1,
                      file ? "it is empty" : strerror(err));
            return EXIT_FAILED;
        }
    } else {
        snprintf(text, HEADER_MAX, "%s", item);
    }
    text[strcspn(text, "\r\n")] = '\0';
    if (strlen(text) == HEADER_MAX - 1) {
        cli_error(p->program, "a header of --header is longer than %d bytes", HEADER_MAX - 2);
        return EXIT_USAGE;
    }
    out->items[out->count++] = text;
    return EXIT_OK;
}

// Opens the sender. Returns an exit code.
static int open_sender(struct push *p)
{
    struct opt_list headers = {0};
    char error[512] = "out of memory";
    for (size_t i = 0; i < p->options->headers.count; i++) {
        int rc = read_header(p, i, p->options->headers.items[i], &headers);
        if (rc != EXIT_OK)
            return rc;
    }
    if (p->destination->content_type && headers.count < OPT_LIST_MAX)
        headers.items[headers.count++] = p->destination->content_type;
    p->to = p->options->to ? p->options->to : p->destination->to;
    if (!p->to) {
        cli_error(
            p->program,
            "where to? For instance: --to 'http://HOST:8086/api/v2/write?org=ORG&bucket=BUCKET'");
        return EXIT_USAGE;
    }
    p->sender = p->destination->sender->open(p->to, &headers, error, sizeof(error));
    if (p->sender)
        return EXIT_OK;
    cli_error(p->program, "%s", error);
    return EXIT_FAILED;
}

static const struct destination *find_destination(const char *name)
{
    for (const struct destination *d = destinations; d->name; d++)
        if (strcmp(d->name, name) == 0)
            return d;
    return NULL;
}

static int run_push(struct push *p, int argc, char **argv)
{
    int rc = EXIT_OK;
    p->next_us = steady_now_us() + p->options->interval_us;
    reading_catch_signals();
    if (argc == 0)
        rc = read_path(p, "-", true);
    for (int i = 0; i < argc && !reading_interrupted(); i++) {
        int one = read_path(p, argv[i], false);
        rc = rc ? rc : one;
    }
    int sent = finish(p, argc == 0);
    return rc ? rc : sent;
}

static int push_run(const struct program *program, const void *config, int argc, char **argv)
{
    struct push p = {.program = program, .options = config};
    p.destination = argc ? find_destination(argv[0]) : NULL;
    if (!p.destination) {
        cli_error(program, "push to what? influx, statsd or otlp; see 'netvitals push --help'");
        return EXIT_USAGE;
    }
    argc--;
    argv++;
    const char *name = "all";
    if (argc && (strcmp(argv[0], "all") == 0 || aggregate_find(argv[0]))) {
        name = argv[0];
        argc--;
        argv++;
    }
    if (argc == 0 && isatty(STDIN_FILENO)) {
        cli_error(program, "no input: name files, or pipe events in");
        return EXIT_USAGE;
    }
    int rc = open_sender(&p);
    if (rc != EXIT_OK)
        return rc;
    rc = live_open(&p.live, name, &p.options->report, LIVE_DELTAS);
    if (rc == EXIT_OK) {
        rc = run_push(&p, argc, argv);
        live_close(&p.live);
    }
    p.destination->sender->close(p.sender);
    return rc;
}

static const struct opt options[] = {
    OPT(struct push_options, to, 0, "to", OPT_TEXT, "URL",
        "statsd: udp://HOST:PORT or unixgram:///PATH (udp://127.0.0.1:8125); others: http:// or "
        "https://"),
    OPT(struct push_options, interval_us, 0, "interval", OPT_DURATION, "TIME",
        "send every TIME (10s)", .min = 100000),
    OPT(struct push_options, headers, 0, "header", OPT_LIST, "HEADER",
        "a further header of HTTP requests: 'NAME: VALUE', or @FILE for a secret one; may be "
        "repeated"),
    OPT(struct push_options, patience_us, 0, "patience", OPT_DURATION, "TIME",
        "at the end, wait so long for what is still to be sent (10s)"),
    {0},
};
static const struct opt *const tables[] = {report_input_options, report_row_options, options, NULL};
static const struct push_options defaults = {.interval_us = 10000000, .patience_us = 10000000};

const struct command command_push = {
    .name = "push",
    .operands = "influx|statsd|otlp [rtt|traffic|cgroup|redirect|all] [FILE…]",
    .summary =
        "Send a live stream, or the report of files, to InfluxDB, a statsd server or OpenTelemetry",
    .details =
        "From standard input, what happened since the last time is sent every --interval; "
        "from files, one\n"
        "report. Counters, in the rows and in the sections below them, are what was added "
        "since then: they\n"
        "add up to the report of the whole stream. One is below 0 only where a name that was "
        "found later\n"
        "took bytes from where they were sent before. What is added to a row that --top does "
        "not show counts\n"
        "in `other`, and stays there when the row is shown later. Verdicts and ages are as of "
        "now, quantiles\n"
        "and rates are of the interval (after the first, `other` has none); a change of a cgroup "
        "is sent once.\n"
        "HTTP is tried again after 429, 502, 503, 504 and failed connections; at most 16 MiB "
        "wait, the oldest\n"
        "go first.",
    .options = tables,
    .more_options = aggregate_options,
    .config_size = sizeof(struct push_options),
    .defaults = &defaults,
    .run = push_run,
};
