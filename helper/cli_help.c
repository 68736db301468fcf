// SPDX-License-Identifier: Apache-2.0
//
// cli_help.c - --help and man page, from the tables of cli.h.

#include "helper/cli_help.h"
#include "helper/exit_codes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HELP_EXIT_CODES                                                                            \
    "0 ok, 1 failed, 2 usage, 3 bad input (--strict), 4 this kernel or these privileges cannot, "  \
    "5 data was lost (--fail-on-loss)"

void cli_expected(const struct opt *o, char *out, size_t size)
{
    static const char *const kinds[] = {
        [OPT_FLAG] = "no value",          [OPT_TEXT] = "a text",
        [OPT_U64] = "a whole number",     [OPT_DURATION] = "a duration (250ms, 10s, 5m, 2h, 1d)",
        [OPT_SIZE] = "a size (64K, 10M)", [OPT_PERCENT] = "a percentage (20%, 0.5%)",
        [OPT_CHOICE] = "one of",          [OPT_LIST] = "at most 64 values",
    };
    int at = snprintf(out, size, "%s", kinds[o->kind]);
    for (const char *const *c = o->kind == OPT_CHOICE ? o->choices : NULL; c && *c; c++)
        if ((size_t)at < size)
            at += snprintf(out + at, size - (size_t)at, " %s", *c);
    if (o->kind == OPT_U64 && (o->min || o->max) && (size_t)at < size)
        snprintf(out + at, size - (size_t)at, " from %llu to %llu", (unsigned long long)o->min,
                 (unsigned long long)(o->max ? o->max : UINT64_MAX));
}

static void option_left(const struct opt *o, char *out, size_t size)
{
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    const char *open = o->value_if_absent ? "[=" : " ";
    snprintf(out, size, "%s--%s%s%s%s", letter, o->name, o->metavar ? open : "",
             o->metavar ? o->metavar : "", o->value_if_absent ? "]" : "");
}

static void print_options(const struct command *cmd)
{
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++) {
            char left[80];
            option_left(o, left, sizeof(left));
            printf("  %-30s %s%s\n", left,
                   strlen(left) > 30 ? "\n                                 " : "", o->help);
            for (const char *const *c = o->choices; c && *c; c++)
                printf("%s%s", c == o->choices ? "                                 one of: " : ", ",
                       *c);
            if (o->choices)
                putchar('\n');
        }
}

static void print_usage(const struct program *program, const struct command *cmd)
{
    printf("%s%s%s [OPTION…]%s%s\n", program->name, cmd->name ? " " : "",
           cmd->name ? cmd->name : "", cmd->operands ? " " : "",
           cmd->operands ? cmd->operands : "");
}

static void print_command_help(const struct program *program, const struct command *cmd)
{
    printf("usage: ");
    print_usage(program, cmd);
    printf("\n%s.\n", cmd->summary);
    if (cmd->details)
        printf("\n%s\n", cmd->details);
    printf("\nOptions:\n");
    print_options(cmd);
    printf("  %-30s %s\n", "-h, --help", "show this help");
}

// The commands that have names.
static void print_commands(const struct program *program)
{
    printf("\nCommands:\n");
    for (const struct command *const *c = program->commands; *c; c++)
        if ((*c)->name)
            printf("  %-10s %s\n", (*c)->name, (*c)->summary);
    printf("\n'%s COMMAND --help' tells the options of a command.\n", program->name);
}

void cli_print_help(const struct program *program, const struct command *cmd)
{
    if (!cmd && !program->commands[0]->name)
        cmd = program->commands[0];
    if (cmd) {
        print_command_help(program, cmd);
    } else {
        printf("%s - %s\n\nusage: %s COMMAND [OPTION…]\n", program->name, program->summary,
               program->name);
    }
    if (!cmd || !cmd->name) {
        if (cli_has_named_commands(program))
            print_commands(program);
        if (program->examples)
            printf("\nExamples:\n%s\n", program->examples);
        if (program->notes)
            printf("\n%s\n", program->notes);
    }
    printf("\nExit codes: %s\n", cmd && cmd->exit_codes ? cmd->exit_codes : HELP_EXIT_CODES);
}

// Escapes what troff would take as its own.
static void man_escaped(const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        line_start = *text == '\n';
    }
}

static void man_text(const char *text)
{
    man_escaped(text);
    putchar('\n');
}

// As it stands, in lines of its own.
static void man_block(const char *title, const char *text)
{
    if (!text)
        return;
    printf(".SH %s\n.nf\n", title);
    man_text(text);
    printf(".fi\n");
}

static void man_name(const struct program *program, const struct command *cmd)
{
    printf("\\fB");
    man_escaped(program->name);
    if (cmd->name) {
        putchar(' ');
        man_escaped(cmd->name);
    }
    printf("\\fR");
}

static void man_option(const struct opt *o)
{
    printf(".TP\n");
    if (o->letter)
        printf("\\fB\\-%c\\fR, ", o->letter);
    printf("\\fB\\-\\-");
    man_escaped(o->name);
    printf("\\fR");
    if (o->metavar) {
        printf("%s\\fI", o->value_if_absent ? "[=" : " ");
        man_escaped(o->metavar);
        printf("\\fR%s", o->value_if_absent ? "]" : "");
    }
    putchar('\n');
    man_escaped(o->help);
    for (const char *const *c = o->choices; c && *c; c++) {
        printf("%s\\fB", c == o->choices ? ": one of\n" : ",\n");
        man_escaped(*c);
        printf("\\fR");
    }
    printf(".\n");
}

static void man_command(const struct program *program, const struct command *cmd)
{
    if (cmd->name) {
        printf(".SS ");
        man_name(program, cmd);
        if (cmd->operands) {
            putchar(' ');
            man_escaped(cmd->operands);
        }
        putchar('\n');
    }
    man_escaped(cmd->summary);
    printf(".\n");
    if (cmd->details) {
        printf(".PP\n");
        man_text(cmd->details);
    }
    if (cmd->exit_codes) {
        printf(".PP\nExits ");
        man_escaped(cmd->exit_codes);
        printf(".\n");
    }
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++)
            man_option(o);
}

static void man_synopsis(const struct program *program)
{
    printf(".SH SYNOPSIS\n");
    for (const struct command *const *c = program->commands; *c; c++) {
        printf("%s", c == program->commands ? "" : ".br\n");
        man_name(program, *c);
        printf(" [\\fIOPTION\\fR…]");
        if ((*c)->operands) {
            putchar(' ');
            man_escaped((*c)->operands);
        }
        putchar('\n');
    }
}

static void man_see_also(const struct program *program)
{
    static const char *const pages[] = {"netvitals", "sockredir", "xdpacct"};
    printf(".SH SEE ALSO\n");
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
        if (strcmp(pages[i], program->name) != 0)
            printf(".BR %s (1),\n", pages[i]);
    printf(".BR bpftrace (8)\n");
}

bool cli_has_commands(const struct program *program)
{
    const struct command *first = program->commands[0];
    return first && first->name;
}

bool cli_has_named_commands(const struct program *program)
{
    for (const struct command *const *c = program->commands; *c; c++)
        if ((*c)->name)
            return true;
    return false;
}

void cli_print_man(const struct program *program)
{
    printf(".TH ");
    for (const char *c = program->name; *c; c++)
        putchar(toupper((unsigned char)*c));
    printf(" 1 %s \"netvitals %s\"\n.SH NAME\n%s \\- ", NETVITALS_DATE, program->version,
           program->name);
    man_text(program->summary);
    man_synopsis(program);
    printf(".SH %s\n", cli_has_commands(program) ? "COMMANDS" : "DESCRIPTION");
    for (const struct command *const *c = program->commands; *c; c++)
        man_command(program, *c);
    man_block("EXAMPLES", program->examples);
    man_block("NOTES", program->notes);
    printf(".SH EXIT STATUS\n");
    man_text(HELP_EXIT_CODES ".");
    man_see_also(program);
}
