// SPDX-License-Identifier: Apache-2.0
//
// cli_help.h - what is printed from the tables of cli.h. Private to cli.c.
#pragma once

#include "helper/cli.h"

// Help of one command, or of the whole program if command is NULL.
void cli_print_help(const struct program *program, const struct command *command);

// False for a program whose first command has no name: it runs where none is given.
bool cli_has_commands(const struct program *program);

// Whether any command has a name: true beside one without, too.
bool cli_has_named_commands(const struct program *program);

// The man page (man(7) macros).
void cli_print_man(const struct program *program);

// The completions for bash, zsh or fish. Returns an exit code.
int cli_print_completion(const struct program *program, const char *shell);

// What values an option takes, in words: "a duration (10s, 5m), at least 1s".
void cli_expected(const struct opt *o, char *out, size_t size);
