// SPDX-License-Identifier: Apache-2.0
//
// cmd_lint.c - netvitals lint [FILE…]: what in a stream cannot be, with line numbers.

#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/lint/lint.h"
#include "helper/reading.h"

#include <inttypes.h>
#include <unistd.h>

struct lint_options {
    uint64_t show_max;
};

struct run {
    struct lint lint;
    struct feed *feed;
    uint64_t unknown_keys; // counted so far
    uint64_t lines;
};

static void take_line(void *context, struct text raw, const struct event *ev)
{
    struct run *run = context;
    const struct feed_counts *counts = feed_counts(run->feed);
    run->lint.line = counts->lines;
    lint_line(&run->lint, raw, ev, counts->unknown_keys - run->unknown_keys);
    run->unknown_keys = counts->unknown_keys;
}

static void take_bad_line(void *context, uint64_t line, const char *why)
{
    struct run *run = context;
    run->lint.line = line;
    lint_say(&run->lint, "malformed", "%s", why);
}

static int lint_path(struct run *run, const char *path)
{
    char error[256];
    const struct feed_sink sink = {.line = take_line, .bad_line = take_bad_line, .context = run};
    struct reading reading = {.source = source_open(path, error, sizeof(error))};
    if (!reading.source) {
        fprintf(stderr, "netvitals: %s\n", error);
        return EXIT_FAILED;
    }
    int rc = EXIT_FAILED;
    reading.feed = run->feed = feed_new(&sink);
    run->unknown_keys = 0;
    lint_source(&run->lint, path);
    if (run->feed) {
        rc = reading_run(&reading) ? EXIT_OK : EXIT_FAILED;
        run->lines += feed_counts(run->feed)->lines;
    }
    if (source_error(reading.source))
        fprintf(stderr, "netvitals: %s: %s\n", source_name(reading.source),
                source_error(reading.source));
    feed_free(run->feed);
    source_close(reading.source);
    return rc;
}

static int lint_run(const struct program *program, const void *config, int argc, char **argv)
{
    static char standard_input[] = "-";
    char *one[] = {standard_input};
    const struct lint_options *options = config;
    struct run run = {.lines = 0};
    int rc = EXIT_OK;
    if (argc == 0 && isatty(STDIN_FILENO)) {
        cli_error(program, "no input: name files, or pipe events in");
        return EXIT_USAGE;
    }
    if (!lint_open(&run.lint, stdout)) {
        cli_error(program, "out of memory");
        return EXIT_FAILED;
    }
    run.lint.shown_max = options->show_max;
    reading_catch_signals();
    for (int i = 0; i < (argc ? argc : 1) && !reading_interrupted(); i++) {
        int one_rc = lint_path(&run, argc ? argv[i] : one[i]);
        rc = rc ? rc : one_rc;
    }
    uint64_t findings = run.lint.findings, hidden = 0;
    if (options->show_max && findings > options->show_max)
        hidden = findings - options->show_max;
    if (hidden)
        fprintf(stderr, "netvitals: %" PRIu64 " more findings are not shown; --max 0 shows all\n",
                hidden);
    fprintf(stderr, "netvitals: %" PRIu64 " findings in %" PRIu64 " lines\n", findings, run.lines);
    lint_close(&run.lint);
    return rc ? rc : findings ? EXIT_BAD_INPUT : EXIT_OK;
}

static const struct opt options[] = {
    OPT(struct lint_options, show_max, 0, "max", OPT_U64, "N",
        "print at most N findings (1000); 0 prints all"),
    {0},
};
static const struct opt *const tables[] = {options, NULL};
static const struct lint_options defaults = {.show_max = 1000};

const struct command command_lint = {
    .name = "lint",
    .operands = "[FILE…]",
    .summary = "Name what in events cannot be: malformed lines, unknown keys, impossible values",
    .details = "One line a finding: FILE:LINE: rule: what is wrong. Exits 3 if there is any.\n"
               "Rules: malformed, unknown-type, unknown-key, time, sequence, address, interval, "
               "word, unit, rtt,\n"
               "miss, bytes, sum, flows, range, counter, summary.\n"
               "unit: rtt_ns is held against the time since its HEARTBEAT; where a stream lacks "
               "these,\n"
               "against a kernel_srtt_us of at least 80 ms: below, the kernel's never falls.\n"
               "counter: those of cgroup_state never fall while the cgroup is there. One that was "
               "set back by\n"
               "hand (cpuacct.usage of v1), or whose controller was off for a moment, is named as "
               "well.",
    .options = tables,
    .config_size = sizeof(struct lint_options),
    .defaults = &defaults,
    .run = lint_run,
};
