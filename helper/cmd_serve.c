// SPDX-License-Identifier: Apache-2.0
//
// cmd_serve.c - netvitals serve [NAME]: a metrics endpoint over the live stream on standard input.

#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/export/http_server.h"
#include "helper/export/live.h"
#include "helper/reading.h"
#include "helper/steady_clock.h"
#include "helper/report/render.h"
#include "schema/encode.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { UID_NOBODY = 65534 };

struct serve_options {
    struct report_options report; // first: its option rows are used as they are
    const char *listen;
    uint64_t recent_us;
    bool keep_privileges;
};

struct serve {
    const struct program *program;
    struct live live;
    struct http_server *server;
    uint64_t turn_us; // when the recent past begins anew
    uint64_t recent_us;
};

static void print_metrics(struct serve *s, bool openmetrics, struct http_response *response)
{
    struct report reports[SESSION_AGGREGATES_MAX];
    const struct report *list[SESSION_AGGREGATES_MAX];
    const struct render_options options = {.now_us = event_now_us()};
    FILE *out = open_memstream(&response->body, &response->body_size);
    if (!out)
        return;
    size_t count = live_fill(&s->live, options.now_us, reports);
    for (size_t i = 0; i < count; i++)
        list[i] = &reports[i];
    (openmetrics ? render_openmetrics : render_prometheus)(out, list, count, &options);
    for (size_t i = 0; i < count; i++)
        report_release(&reports[i]);
    if (fclose(out) == 0)
        response->status = 200;
}

static void handle(void *context, const struct http_request *request,
                   struct http_response *response)
{
    static const char page[] = "netvitals: metrics are at /metrics\n";
    struct serve *s = context;
    if (strcmp(request->path, "/metrics") == 0) {
        bool openmetrics = strstr(request->accept, "application/openmetrics-text") != NULL;
        response->content_type = openmetrics
                                     ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                     : "text/plain; version=0.0.4; charset=utf-8";
        print_metrics(s, openmetrics, response);
        return;
    }
    response->status = strcmp(request->path, "/") == 0 ? 200 : 404;
    response->body = strdup(page);
    response->body_size = response->body ? strlen(page) : 0;
}

static bool turn(void *context)
{
    struct serve *s = context;
    uint64_t now_us = steady_now_us();
    if (now_us < s->turn_us)
        return true;
    s->turn_us = now_us + s->recent_us;
    return live_turn(&s->live) == EXIT_OK;
}

static size_t others(void *context, struct pollfd *out, size_t max)
{
    const struct serve *s = context;
    return http_server_poll(s->server, out, max);
}

static void ready(void *context, const struct pollfd *fds, size_t count)
{
    const struct serve *s = context;
    http_server_ready(s->server, fds, count);
}

// A server on the network needs no privileges once it listens. Returns an exit code.
static int drop_privileges(const struct program *program)
{
    if (geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setresgid(UID_NOBODY, UID_NOBODY, UID_NOBODY) != 0 ||
         setresuid(UID_NOBODY, UID_NOBODY, UID_NOBODY) != 0)) {
        cli_error(program, "cannot become nobody: %s; --keep-privileges stays root",
                  strerror(errno));
        return EXIT_FAILED;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return EXIT_OK;
}

static int read_stream(struct serve *s)
{
    char error[256];
    struct reading reading = {.source = source_open("-", error, sizeof(error)),
                              .feed = live_feed(&s->live),
                              .pulse_us = 1000000,
                              .pulse = turn,
                              .others = others,
                              .ready = ready,
                              .context = s};
    int rc = EXIT_FAILED;
    if (!reading.source) {
        cli_error(s->program, "%s", error);
    } else if (reading.feed) {
        rc = reading_run(&reading) ? EXIT_OK : EXIT_FAILED;
        if (source_error(reading.source))
            cli_error(s->program, "standard input: %s", source_error(reading.source));
    }
    live_end_feed(&s->live);
    if (reading.source)
        source_close(reading.source);
    return rc;
}

static int serve_run(const struct program *program, const void *config, int argc, char **argv)
{
    const struct serve_options *options = config;
    const char *name = argc ? argv[0] : "all";
    char error[512];
    struct serve s = {.program = program, .recent_us = options->recent_us};
    if (argc > 1 || (strcmp(name, "all") != 0 && !aggregate_find(name))) {
        cli_error(program, "serve takes the name of one report; see 'netvitals serve --help'");
        return EXIT_USAGE;
    }
    if (isatty(STDIN_FILENO)) {
        cli_error(program, "no input: pipe events in, for instance: sudo scripts/sctp/sctphb.bt | "
                           "netvitals serve");
        return EXIT_USAGE;
    }
    s.server = http_server_open(options->listen, handle, &s, error, sizeof(error));
    if (!s.server) {
        cli_error(program, "%s", error);
        return EXIT_FAILED;
    }
    int rc = options->keep_privileges ? EXIT_OK : drop_privileges(program);
    if (rc == EXIT_OK)
        rc = live_open(&s.live, name, &options->report, LIVE_TOTALS);
    if (rc == EXIT_OK) {
        fprintf(stderr, "netvitals: metrics at http://%s/metrics\n", http_server_address(s.server));
        s.turn_us = steady_now_us() + s.recent_us;
        reading_catch_signals();
        rc = read_stream(&s);
        live_close(&s.live);
    }
    http_server_close(s.server);
    return rc;
}

static const struct opt options[] = {
    OPT(struct serve_options, listen, 'l', "listen", OPT_TEXT, "ADDRESS",
        "HOST:PORT, [V6]:PORT, or :PORT for all addresses (127.0.0.1:9657)"),
    OPT(struct serve_options, recent_us, 0, "recent", OPT_DURATION, "TIME",
        "quantiles are of the last one to two TIMEs (5m)", .min = 1000000),
    OPT(struct serve_options, keep_privileges, 0, "keep-privileges", OPT_FLAG, NULL,
        "do not become nobody when started by root"),
    {0},
};
static const struct opt *const tables[] = {report_input_options, report_row_options, options, NULL};
static const struct serve_options defaults = {.listen = "127.0.0.1:9657", .recent_us = 300000000};

const struct command command_serve = {
    .name = "serve",
    .operands = "[rtt|traffic|cgroup|redirect|all]",
    .summary = "Offer the live stream on standard input to Prometheus, as text format 0.0.4 or "
               "OpenMetrics",
    .details =
        "Ends with the stream. Counters count since the start, quantiles are of the recent "
        "past, verdicts and\n"
        "ages are as of the scrape. A table has at most 1000 series of a metric. What is added to "
        "a row that is\n"
        "not shown, because of that or of --top, counts in `other`, and stays there when the row "
        "is "
        "shown later,\n"
        "so that no counter goes down. What a name that is known later can move to another row "
        "(traffic by\n"
        "name, app, rate, evidence or unverified, and the bill) is a gauge. One thread, 16 "
        "connections.",
    .options = tables,
    .more_options = aggregate_options,
    .config_size = sizeof(struct serve_options),
    .defaults = &defaults,
    .run = serve_run,
};
