// SPDX-License-Identifier: Apache-2.0
//
// netvitals - turns the events of the scripts and loaders into reports.

#include "helper/commands.h"
#include "helper/rules/rules_notes.h"

#include <signal.h>

// one row a line
// clang-format off
static const struct command *const commands[] = {
    &command_report,
    &command_check,
    &command_lint,
    &command_record,
    &command_serve,
    &command_push,
    &command_schema,
    &command_doctor,
    NULL,
};
// clang-format on

static const struct program program = {
    .name = "netvitals",
    .summary = "whether a host's network is alive, who uses it, and what it costs",
    .version = NETVITALS_VERSION,
    .commands = commands,
    .notes = RULES_NOTES,
    .examples =
        "  sudo scripts/sctp/sctphb.bt | netvitals report rtt --follow\n"
        "  netvitals report rtt --since yesterday --until today --format html -o rtt.html DIR\n"
        "  sudo scripts/sctp/sctphb.bt | netvitals check rtt --max-age 90s --crit-loss 20%",
};

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); // a closed pipe shows as EPIPE and ends the program quietly
    return cli_main(&program, argc, argv);
}
