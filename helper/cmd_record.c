// SPDX-License-Identifier: Apache-2.0
//
// cmd_record.c - netvitals record --dir DIR

#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/reading.h"
#include "helper/store/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void take_line(void *context, struct text raw, const struct event *ev)
{
    recorder_line(context, raw, ev);
}

static void take_bad_line(void *context, uint64_t line, const char *why)
{
    fprintf(stderr, "netvitals: standard input: line %" PRIu64 ": %s\n", line, why);
    recorder_reject(context);
}

static bool pulse(void *context)
{
    recorder_pulse(context);
    return true;
}

static void say_counts(const struct recorder_counts *c, const struct recorder_options *o)
{
    fprintf(stderr, "netvitals: %" PRIu64 " events recorded in %s, %" PRIu64 " segments completed",
            c->stored, o->dir, c->segments);
    if (c->removed)
        fprintf(stderr, ", %" PRIu64 " old ones removed", c->removed);
    if (c->rejected)
        fprintf(stderr, ", %" PRIu64 " malformed lines", c->rejected);
    if (c->lost)
        fprintf(stderr, ", %" PRIu64 " events lost", c->lost);
    fputc('\n', stderr);
}

static int record(const struct program *program, const struct recorder_options *o,
                  struct recorder *recorder)
{
    char error[256];
    struct recorder_counts counts;
    struct reading reading = {
        .source = source_open("-", error, sizeof(error)),
        .feed = feed_new(
            &(struct feed_sink){.line = take_line, .bad_line = take_bad_line, .context = recorder}),
        .pulse_us = o->flush_us,
        .pulse = pulse,
        .context = recorder,
    };
    bool good = false;
    if (!reading.source)
        cli_error(program, "%s", error);
    else if (!reading.feed)
        cli_error(program, "out of memory");
    else
        good = reading_run(&reading);
    if (reading.source && source_error(reading.source))
        cli_error(program, "%s: %s", source_name(reading.source), source_error(reading.source));
    feed_free(reading.feed);
    source_close(reading.source);
    good &= recorder_close(recorder, &counts);
    say_counts(&counts, o);
    if (!good)
        return EXIT_FAILED;
    bool lost = counts.lost || counts.missing || counts.rejected;
    return lost && o->fail_on_loss ? EXIT_LOST : EXIT_OK;
}

static int record_run(const struct program *program, const void *config, int argc, char **argv)
{
    const struct recorder_options *o = config;
    (void)argc, (void)argv; // it takes none
    if (!o->dir) {
        cli_error(program, "record needs --dir DIR, the directory of the store");
        return EXIT_USAGE;
    }
    if (isatty(STDIN_FILENO)) {
        cli_error(program,
                  "no input: pipe events in, as in `sctphb.bt | netvitals record --dir %s`",
                  o->dir);
        return EXIT_USAGE;
    }
    reading_catch_signals();
    struct recorder *recorder = recorder_open(o);
    return recorder ? record(program, o, recorder) : EXIT_FAILED;
}

#define ROW(...) OPT(struct recorder_options, __VA_ARGS__)

static const char *const sync_choices[] = {"never", "segment", "flush", NULL};

static const struct opt options[] = {
    ROW(dir, 'd', "dir", OPT_TEXT, "DIR", "directory of the store; it is made if it is not there"),
    ROW(host, 0, "host", OPT_TEXT, "NAME",
        "host that the events are stamped with (this host's name)"),
    ROW(machine, 0, "machine", OPT_TEXT, "ID",
        "what tells hosts of one name apart (/etc/machine-id)"),
    ROW(segment_us, 0, "segment-time", OPT_DURATION, "TIME", "begin a segment every TIME (1h)",
        .min = 1000000),
    ROW(segment_size, 0, "segment-size", OPT_SIZE, "SIZE",
        "begin a segment when this many compressed bytes are reached (64M)", .min = 1024),
    ROW(flush_us, 0, "flush", OPT_DURATION, "TIME",
        "hand events to the kernel this often (1s): so much can be lost when the recorder is "
        "killed",
        .min = 1000),
    ROW(sync, 0, "fsync", OPT_CHOICE, "WHEN",
        "make data safe from a power failure: never, at the end of each segment (segment), or "
        "every --flush",
        .choices = sync_choices),
    ROW(keep_us, 0, "keep", OPT_DURATION, "TIME", "remove segments whose last event is older"),
    ROW(keep_size, 0, "keep-size", OPT_SIZE, "SIZE",
        "remove the oldest segments beyond this many bytes"),
    ROW(level, 0, "level", OPT_U64, "N", "zstd level (3)", .min = 1, .max = 19),
    ROW(fail_on_loss, 0, "fail-on-loss", OPT_FLAG, NULL,
        "exit code 5 if anything was lost or rejected"),
    {0},
};

static const struct opt *const tables[] = {options, NULL};
static const struct recorder_options defaults = {.segment_us = UINT64_C(3600000000),
                                                 .segment_size = 64 << 20,
                                                 .flush_us = 1000000,
                                                 .level = 3,
                                                 .sync = "segment"};

const struct command command_record = {
    .name = "record",
    .summary = "Store the events on standard input in a directory of compressed segments",
    .details = "Each event is stamped with `host` and `seq`, its position in this host's store. "
               "`netvitals report\n"
               "DIR --since … --until …` reads the segments that the range needs, also while they "
               "are written.\n"
               "After SIGKILL the next start recovers what was flushed and says how many events "
               "are missing. While\n"
               "the disk is full, events are counted and dropped; a `lost` event in the store says "
               "how many.\n"
               "Several hosts can record into one directory.",
    .options = tables,
    .config_size = sizeof(struct recorder_options),
    .defaults = &defaults,
    .run = record_run,
};
