// SPDX-License-Identifier: Apache-2.0
//
// cmd_check.c - netvitals check NAME [FILE…]: one line and an exit code for monitoring systems.

#include "helper/check_loss.h"
#include "helper/commands.h"
#include "helper/input.h"
#include "schema/encode.h"

#include <ctype.h>
#include <string.h>

static const char *const state_names[] = {[CHECK_OK] = "OK",
                                          [CHECK_WARNING] = "WARNING",
                                          [CHECK_CRITICAL] = "CRITICAL",
                                          [CHECK_UNKNOWN] = "UNKNOWN"};

// What a monitoring system takes apart at line ends and bars may hold names that strangers chose.
static void print_plain(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 0x7f || *text == '|' ? '?' : *text);
}

static int print_result(const char *name, enum check_state state, const struct check_result *result)
{
    for (const char *c = name; *c; c++)
        putchar(toupper((unsigned char)*c));
    printf(" %s - ", state_names[state]);
    print_plain(result->text);
    printf("%s%s\n", result->perfdata[0] ? " | " : "", result->perfdata);
    return (int)state;
}

static int say_unknown(const char *name, const char *why)
{
    struct check_result result = {.perfdata = ""};
    snprintf(result.text, sizeof(result.text), "%s", why);
    return print_result(name, CHECK_UNKNOWN, &result);
}

static int check_run(const struct program *program, const void *config, int argc, char **argv)
{
    static const char *const standard_input[] = {"-"};
    struct report_options with_stored = *(const struct report_options *)config;
    const struct report_options *options = &with_stored;
    const char *name = argc ? argv[0] : "check";
    const struct aggregate *kind = aggregate_find(name);
    bool loss = strcmp(name, "loss") == 0; // of the stream itself: no aggregate is needed
    struct session session;
    struct check_result result = {.text = ""};
    if (!loss && (!kind || !kind->check)) {
        cli_error(
            program,
            "check what? rtt, traffic, redirect, cgroup or loss; see 'netvitals check --help'");
        return say_unknown(name, "no such check");
    }
    argc--;
    argv++;
    with_stored.stored =
        input_is_stored(argc ? (const char *const *)argv : standard_input, argc ? (size_t)argc : 1);
    if (session_open(&session, name, options) != 0)
        return say_unknown(name, "wrong call, see standard error");
    const struct input input = {.session = &session,
                                .paths = argc ? (const char *const *)argv : standard_input,
                                .path_count = argc ? (size_t)argc : 1};
    int rc = input_read_all(&input);
    enum check_state state = CHECK_UNKNOWN;
    if (rc != 0)
        snprintf(result.text, sizeof(result.text),
                 "the input could not be read, see standard error");
    else if (loss)
        state = check_loss(&session, &result);
    else // without any event nobody listened, and no time has passed
        state =
            kind->check(session.selves[0],
                        options->live && session.to_us ? event_now_us() : session.to_us, &result);
    session_close(&session);
    return print_result(name, state, &result);
}

#define ROW(...) OPT(struct report_options, __VA_ARGS__)
static const struct opt options[] = {
    ROW(live, 0, "live", OPT_FLAG, NULL, "ages count to the clock, not to the last event"),
    ROW(max_age_us, 0, "max-age", OPT_DURATION, "TIME",
        "rtt, traffic: critical if the last ACK of a path, the last traffic_totals of an "
        "interface is older"),
    ROW(warn_p99_us, 0, "warn-p99", OPT_DURATION, "TIME", "rtt: warn from this 99th percentile on"),
    ROW(crit_p99_us, 0, "crit-p99", OPT_DURATION, "TIME",
        "rtt: critical from this 99th percentile on"),
    ROW(warn_loss_ppm, 0, "warn-loss", OPT_PERCENT, "PERCENT",
        "rtt: warn from this share of unanswered heartbeats on; loss: of events"),
    ROW(crit_loss_ppm, 0, "crit-loss", OPT_PERCENT, "PERCENT",
        "rtt, loss: critical from this share on"),
    ROW(warn_share_ppm, 0, "warn-share", OPT_PERCENT, "PERCENT",
        "redirect: warn if less of the bytes took the short cut"),
    ROW(crit_share_ppm, 0, "crit-share", OPT_PERCENT, "PERCENT",
        "redirect: critical if less of the bytes did"),
    ROW(warn_throttled_ppm, 0, "warn-throttled", OPT_PERCENT, "PERCENT",
        "cgroup: warn from this share of its CPU periods held back on"),
    ROW(crit_throttled_ppm, 0, "crit-throttled", OPT_PERCENT, "PERCENT",
        "cgroup: critical from this share on"),
    ROW(warn_full_ppm, 0, "warn-full", OPT_PERCENT, "PERCENT",
        "cgroup: warn if memory or tasks reach this share of their limit"),
    ROW(crit_full_ppm, 0, "crit-full", OPT_PERCENT, "PERCENT",
        "cgroup: critical if they reach this share"),
    {0},
};

static const struct opt *const tables[] = {report_input_options, options, NULL};

const struct command command_check = {
    .name = "check",
    .operands = "rtt|traffic|redirect|cgroup|loss [FILE…]",
    .summary = "Judge the events: a line for a monitoring system; exits 0 ok, 1 warning, 2 "
               "critical, 3 unknown",
    .details =
        "Where nothing was seen that could be judged, the result is unknown, not ok: no heartbeat\n"
        "(rtt), no traffic_totals or not one byte on any interface (traffic), no byte (redirect),\n"
        "no event of a cgroup (cgroup), no event (loss). Silence may be a dead mirror or an idle\n"
        "night, which the events do not tell apart.\n"
        "\n"
        "Ages count up to the last event read: a producer that died and took all events with it\n"
        "is found with --max-age and --live. What is judged is all that was read: of a store name\n"
        "the time that the check is about, as in --since -1d --live --max-age 90s. What said\n"
        "nothing in all of that time is not missed: it ends the alarm, too.\n"
        "\n"
        "rtt --assocs listens for as long as the input lasts: that must be longer than the\n"
        "heartbeat interval, or an idle path looks like one that nobody probes.",
    .options = tables,
    .usage_exit = CHECK_UNKNOWN,
    .exit_codes = "0 ok, 1 warning, 2 critical, 3 unknown, also after a wrong call",
    .more_options = aggregate_options,
    .config_size = sizeof(struct report_options),
    .run = check_run,
};
