// SPDX-License-Identifier: Apache-2.0
//
// cli.h - options and commands as tables, shared by the helper and the loaders.
//
// A program is one `static const struct program`; parsing, --help, the man page and the shell
// completions are all made from it, so no option is described twice.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
    OPT_FLAG,     // bool
    OPT_TEXT,     // const char *
    OPT_U64,      // uint64_t; whole string, within min..max
    OPT_DURATION, // uint64_t microseconds; "10s", "250ms", "5m", "2h", "1d"; a bare number is
                  // seconds
    OPT_SIZE,     // uint64_t bytes; "64K", "10m", "2G" (powers of 1024)
    OPT_PERCENT,  // uint64_t parts per million; "20%", "0.5%"
    OPT_CHOICE,   // const char *: one of choices
    OPT_LIST,     // struct opt_list: may be given more than once
};

enum { OPT_LIST_MAX = 64 };

struct opt_list {
    size_t count;
    const char *items[OPT_LIST_MAX];
};

struct opt {
    const char *name; // long name without dashes
    char letter;      // short name, or 0
    enum opt_kind kind;
    size_t offset;       // of the member in the command's configuration struct
    const char *metavar; // as shown in help: "FILE"; NULL for flags
    const char *help;    // one sentence, no final stop
    const char
        *value_if_absent; // makes the value optional (--follow, --follow=5s): what stands for it
    uint64_t min, max;    // OPT_U64, OPT_DURATION, OPT_SIZE, OPT_PERCENT; max 0: no limit
    const char *const *choices; // NULL-terminated, for OPT_CHOICE
};

// A row for the member `member` of struct `config`.
// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define OPT(config, member, letter_, name_, kind_, metavar_, help_, ...)                           \
    {                                                                                              \
        .name = (name_), .letter = (letter_), .kind = (kind_), .offset = offsetof(config, member), \
        .metavar = (metavar_), .help = (help_), __VA_ARGS__                                        \
    }
// clang-format on

struct program;

struct command {
    const char *name;     // NULL for the row that runs without a name
    const char *operands; // shown after the options: "[FILE…]"; NULL if none are taken
    const char *summary;  // one sentence
    const char *details;  // paragraphs for the man page and --help, or NULL
    const struct opt *const
        *options; // NULL-terminated list of tables, each ended by a row without name
    // Further tables by number, NULL behind the last: for rows that live beside what they
    // configure.
    const struct opt *(*more_options)(size_t number);
    size_t config_size;
    const void *defaults;   // config_size bytes, or NULL for zeroes
    int usage_exit;         // exit code after a wrong call; 0: EXIT_USAGE
    const char *exit_codes; // what help says of them; NULL: those of exit_codes.h
    // argv[0..argc) are the operands. Returns an exit code.
    int (*run)(const struct program *program, const void *config, int argc, char **argv);
};

struct program {
    const char *name;
    const char *summary;
    const char *version;
    const struct command *const *commands; // NULL-terminated
    const char *notes;    // requirements, overhead, caveats: for the man page and --help
    const char *examples; // lines "  command" each under a sentence
};

// Parses the command line, runs the command, flushes stdout. Returns the exit code for main:
// EXIT_USAGE with one line on stderr for a wrong call. Understands --help, --version, and the
// hidden
// --man and --completion=SHELL, which the build calls.
int cli_main(const struct program *program, int argc, char **argv);

// Says what failed, why, and what to do, as one line on stderr: "NAME: text".
void cli_error(const struct program *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The option tables of a command by number, NULL behind the last.
const struct opt *cli_option_table(const struct command *command, size_t number);

// The strict number readers behind the kinds above. Each reads the whole string or returns false.
bool parse_u64(const char *text, uint64_t *out);
bool parse_duration_us(const char *text, uint64_t *out);
bool parse_size_bytes(const char *text, uint64_t *out);
bool parse_percent_ppm(const char *text, uint64_t *out);
