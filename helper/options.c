// SPDX-License-Identifier: Apache-2.0

#include "helper/options.h"
#include "helper/report/format.h"

#define ROW(...) OPT(struct report_options, __VA_ARGS__)

const struct opt report_input_options[] = {
    ROW(since, 0, "since", OPT_TEXT, "TIME",
        "leave out what was before: 2026-11-22T07:00:00Z, yesterday, -2h"),
    ROW(until, 0, "until", OPT_TEXT, "TIME", "leave out what came then or later"),
    ROW(strict, 0, "strict", OPT_FLAG, NULL, "stop at the first malformed line, exit code 3"),
    ROW(jobs, 'j', "jobs", OPT_U64, "N",
        "read files with N threads, beside what decompresses; a pipe, --follow, --strict and "
        "cgroup "
        "events take one",
        .min = 1, .max = 256),
    ROW(max_keys, 0, "max-keys", OPT_U64, "N",
        "keep at most N rows apart (a million) and sum up the rest as `other`", .min = 1),
    {0},
};

const struct opt report_row_options[] = {
    ROW(by, 0, "by", OPT_TEXT, "KEYS", "keys that make a row, comma-separated"),
    ROW(top, 0, "top", OPT_U64, "N",
        "show the N largest rows and the rest as `other`; 0 shows all"),
    {0},
};

const struct opt report_output_options[] = {
    ROW(format, 'f', "format", OPT_CHOICE, "FORMAT", "output format", .choices = format_names),
    ROW(output, 'o', "output", OPT_TEXT, "FILE",
        "write there instead of standard output, in one piece"),
    ROW(fail_on_loss, 0, "fail-on-loss", OPT_FLAG, NULL,
        "exit code 5 if anything was lost or rejected"),
    ROW(window_us, 0, "window", OPT_DURATION, "TIME",
        "cut summaries and plots into windows of this length"),
    ROW(wide, 'w', "wide", OPT_FLAG, NULL, "text: all columns, and parts that are 0"),
    ROW(raw, 0, "raw", OPT_FLAG, NULL, "text: exact integers and the keys of the other formats"),
    ROW(follow_us, 0, "follow", OPT_DURATION, "SECONDS",
        "go on: redraw on a terminal, else print a block every SECONDS (2)",
        .value_if_absent = "2s", .min = 100000),
    {0},
};
