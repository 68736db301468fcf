// SPDX-License-Identifier: Apache-2.0
//
// cmd_report.c - netvitals report [NAME] [FILE…]

#include "helper/cgroupfs/cgroupfs.h"
#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/input.h"
#include "helper/report/format.h"
#include "helper/reading.h"
#include "helper/store/store_paths.h"
#include "schema/encode.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_BUFFER = 64 << 10 };

static const char *const standard_input[] = {"-"};

struct run {
    const struct program *program;
    const struct report_options *options;
    struct session session;
    struct input input;
    FILE *out;
    bool live;          // the clock is now, not the stream's last timestamp
    bool redraw;        // on a terminal
    bool nothing_there; // the last reports have nothing of what was asked for by name
};

static void print_reports(struct run *run, uint64_t now_us)
{
    const struct report_options *o = run->options;
    struct report reports[SESSION_AGGREGATES_MAX];
    const struct report *list[SESSION_AGGREGATES_MAX];
    struct session *s = &run->session;
    const struct format *format = format_find(o->format);
    if (!format->render) {
        session_print_summaries(s, run->out);
        return;
    }
    run->nothing_there = false;
    for (size_t i = 0; i < s->count; i++) {
        session_fill(s, i, now_us, run->input.paths, run->input.path_count, &reports[i]);
        list[i] = &reports[i];
        run->nothing_there |= reports[i].nothing_there;
    }
    bool terminal = run->out == stdout && isatty(STDOUT_FILENO);
    const struct render_options render = {
        .wide = o->wide, .raw = o->raw, .now_us = now_us, .color = terminal && !getenv("NO_COLOR")};
    format->render(run->out, list, s->count, &render);
    for (size_t i = 0; i < s->count; i++)
        report_release(&reports[i]);
}

static void take_event(void *context, const struct event *ev)
{
    session_add(context, ev);
}

static int take_snapshot(struct run *run)
{
    if (!run->options->snapshot || cgroupfs_scan(take_event, &run->session) > 0)
        return EXIT_OK;
    cli_error(run->program,
              "no cgroup filesystem is mounted, so there is nothing to take a snapshot of; cure: "
              "mount -t cgroup2 none /sys/fs/cgroup");
    return EXIT_CANNOT;
}

static bool print_live(void *context)
{
    struct run *run = context;
    if (take_snapshot(run) != EXIT_OK)
        return false;
    if (run->redraw)
        fputs("\033[H\033[2J", run->out);
    print_reports(run, event_now_us());
    if (!run->redraw && strcmp(run->options->format, "text") == 0)
        fputc('\n', run->out);
    return fflush(run->out) == 0;
}

// Ends --output FILE. A regular file appears in one piece: readers see the old file or the new one,
// and the old one stays if keep says so. temporary is empty where FILE was written into directly.
static int finish_output(struct run *run, const char *temporary, const char *target, bool keep)
{
    if (run->out == stdout)
        return EXIT_OK;
    bool good = fflush(run->out) == 0 && (!*temporary || keep || fsync(fileno(run->out)) == 0);
    good &= fclose(run->out) == 0;
    if (*temporary && keep)
        unlink(temporary);
    else if (good && *temporary)
        good = rename(temporary, target) == 0;
    if (good || keep)
        return EXIT_OK;
    cli_error(run->program, "cannot write %s: %s", run->options->output, strerror(errno));
    if (*temporary)
        unlink(temporary);
    return EXIT_FAILED;
}

// target: what FILE is behind symbolic links. A device or FIFO must not be replaced.
static int open_output(struct run *run, char *temporary, size_t size, char target[PATH_MAX])
{
    const char *name = run->options->output;
    struct stat st;
    run->out = stdout;
    if (!name) {
        if (!isatty(STDOUT_FILENO)) // a pipe's own buffer would be a page
            setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
        return EXIT_OK;
    }
    bool exists = stat(name, &st) == 0;
    bool direct = exists && !S_ISREG(st.st_mode);
    if (!exists || !realpath(name, target))
        snprintf(target, PATH_MAX, "%s", name);
    if (!direct)
        snprintf(temporary, size, "%s.%ld.tmp", target, (long)getpid());
    run->out = fopen(direct ? name : temporary, "w");
    if (run->out && exists && !direct && fchmod(fileno(run->out), st.st_mode & 07777) != 0) {
        fclose(run->out);
        unlink(temporary);
        run->out = NULL;
    }
    if (run->out)
        return EXIT_OK;
    cli_error(run->program, "cannot write %s: %s", direct ? name : temporary, strerror(errno));
    return EXIT_FAILED;
}

// The first operand names the report unless it is a file: `netvitals report today.ndjson` reports
// all.
static const char *take_name(int *argc, char ***argv)
{
    if (*argc == 0)
        return "all";
    const char *first = (*argv)[0];
    if (strcmp(first, "all") != 0 && !aggregate_find(first))
        return "all";
    --*argc;
    ++*argv;
    return first;
}

// A word that is neither a report nor a file is a slip in the name, though files may follow.
// What looks like a file is one that is missing, and the others are reported.
static bool is_no_name(const char *word)
{
    struct stat st;
    if (strcmp(word, "-") == 0 || strpbrk(word, "./") || stat(word, &st) == 0 || errno != ENOENT)
        return false;
    char *completed = store_path_completed(word);
    free(completed);
    return !completed;
}

static int say_no_name(const struct program *program, const char *word)
{
    char names[256] = "";
    for (const struct aggregate *const *a = aggregates; *a; a++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s, ", (*a)->name);
    cli_error(program, "there is no report and no file '%s'; reports are %sall", word, names);
    return EXIT_USAGE;
}

static int check_input(const struct program *program, const char *name, int argc)
{
    if (argc > 0 || !isatty(STDIN_FILENO))
        return EXIT_OK;
    const struct aggregate *a = aggregate_find(name);
    cli_error(program, "no input: name files, or pipe events in. %s", a ? a->how_to_feed : "");
    return EXIT_USAGE;
}

static int read_and_print(struct run *run)
{
    char temporary[PATH_MAX + 32] = "", target[PATH_MAX];
    int rc = open_output(run, temporary, sizeof(temporary), target);
    if (rc != EXIT_OK)
        return rc;
    rc = take_snapshot(run);
    if (rc != EXIT_OK) {
        finish_output(run, temporary, target, true);
        return rc;
    }
    reading_catch_signals();
    // without input the clock alone makes the next report
    while (run->input.path_count == 0 && run->input.pulse_us && !reading_interrupted() &&
           print_live(run))
        nanosleep(&(struct timespec){.tv_sec = (time_t)(run->input.pulse_us / 1000000),
                                     .tv_nsec = (long)(run->input.pulse_us % 1000000 * 1000)},
                  NULL);
    rc = input_read_all(&run->input);
    if (rc != EXIT_BAD_INPUT) {
        if (run->redraw)
            fputs("\033[H\033[2J", run->out);
        print_reports(run, run->session.to_us);
    }
    bool nothing_read = rc != EXIT_OK && run->session.to_us == 0;
    int written = finish_output(run, temporary, target, rc == EXIT_BAD_INPUT || nothing_read);
    rc = rc ? rc : written;
    if (rc == EXIT_OK && run->nothing_there)
        return EXIT_FAILED;
    if (rc == EXIT_OK && run->options->fail_on_loss && session_lost(&run->session))
        return EXIT_LOST;
    return rc;
}

static int report_run(const struct program *program, const void *config, int argc, char **argv)
{
    struct report_options with_format = *(const struct report_options *)config;
    const struct report_options *options = &with_format;
    with_format.plots = format_find(options->format)->plots;
    struct run run = {.program = program, .options = options};
    const int operands = argc;
    const char *name = take_name(&argc, &argv);
    if (argc > 0 && argc == operands && is_no_name(argv[0]))
        return say_no_name(program, argv[0]);
    with_format.stored =
        input_is_stored(argc ? (const char *const *)argv : standard_input, argc ? (size_t)argc : 1);
    // A snapshot needs no input; what else is to be read is named.
    bool no_input = options->snapshot && argc == 0;
    int rc = no_input ? EXIT_OK : check_input(program, name, argc);
    if (rc == EXIT_OK)
        rc = session_open(&run.session, name, options);
    if (rc == EXIT_OK) {
        run.redraw = options->follow_us && !options->output && isatty(STDOUT_FILENO) &&
                     strcmp(options->format, "text") == 0;
        run.input = (struct input){.session = &run.session,
                                   .paths = argc ? (const char *const *)argv : standard_input,
                                   .path_count = no_input ? 0
                                                 : argc   ? (size_t)argc
                                                          : 1,
                                   .pulse_us = options->follow_us,
                                   .pulse = print_live,
                                   .context = &run};
        rc = read_and_print(&run);
    }
    session_close(&run.session);
    return rc;
}

static const struct opt *const tables[] = {report_input_options, report_row_options,
                                           report_output_options, NULL};
static const struct report_options defaults = {.format = "text"};

const struct command command_report = {
    .name = "report",
    .operands = "[rtt|traffic|cgroup|redirect|all] [FILE…]",
    .summary = "Print reports from events on standard input or in files",
    .details =
        "Files may be compressed by zstd. Raw events and the summaries that --format ndjson "
        "prints\n"
        "can be mixed: merging summaries gives what the raw events would have given. A stream\n"
        "of cgroup events is an exception if it was cut inside: a later part lacks the names\n"
        "and places that earlier events told.",
    .options = tables,
    .more_options = aggregate_options,
    .config_size = sizeof(struct report_options),
    .defaults = &defaults,
    .run = report_run,
};
