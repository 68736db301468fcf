// SPDX-License-Identifier: Apache-2.0
//
// cli_help.c - --help, man page and completions, from the tables of cli.h.

#include "helper/cli_help.h"
#include "helper/exit_codes.h"

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

void cli_print_help(const struct program *program, const struct command *cmd)
{
    if (!cmd && !program->commands[0]->name)
        cmd = program->commands[0];
    if (cmd) {
        print_command_help(program, cmd);
    } else {
        printf("%s - %s\n\nusage: %s COMMAND [OPTION…]\n\nCommands:\n", program->name,
               program->summary, program->name);
        for (const struct command *const *c = program->commands; *c; c++)
            printf("  %-10s %s\n", (*c)->name, (*c)->summary);
        printf("\n'%s COMMAND --help' tells the options of a command.\n", program->name);
    }
    if (!cmd || !cmd->name) {
        if (program->examples)
            printf("\nExamples:\n%s\n", program->examples);
        if (program->notes)
            printf("\n%s\n", program->notes);
    }
    printf("\nExit codes: %s\n", HELP_EXIT_CODES);
}

// Escapes what troff would take as its own.
static void man_text(const char *text)
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
    putchar('\n');
}

static void man_block(const char *title, const char *text)
{
    if (!text)
        return;
    printf(".SH %s\n.nf\n", title);
    man_text(text);
    printf(".fi\n");
}

static void man_command(const struct program *program, const struct command *cmd)
{
    if (cmd->name)
        printf(".SS %s %s %s\n", program->name, cmd->name, cmd->operands ? cmd->operands : "");
    man_text(cmd->summary);
    if (cmd->details) {
        printf(".PP\n");
        man_text(cmd->details);
    }
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++) {
            char left[80];
            option_left(o, left, sizeof(left));
            printf(".TP\n.B ");
            man_text(left + strspn(left, " "));
            man_text(o->help);
            for (const char *const *c = o->choices; c && *c; c++)
                printf("%s%s%s", c == o->choices ? "(one of: " : ", ", *c, c[1] ? "" : ")\n");
        }
}

void cli_print_man(const struct program *program)
{
    printf(".TH %s 1 \"\" \"netvitals %s\"\n.SH NAME\n%s \\- ", program->name, program->version,
           program->name);
    man_text(program->summary);
    printf(".SH SYNOPSIS\n");
    for (const struct command *const *c = program->commands; *c; c++) {
        printf(".br\n.B ");
        print_usage(program, *c);
    }
    printf(".SH COMMANDS AND OPTIONS\n");
    for (const struct command *const *c = program->commands; *c; c++)
        man_command(program, *c);
    man_block("EXAMPLES", program->examples);
    man_block("NOTES", program->notes);
    printf(".SH EXIT STATUS\n");
    man_text(HELP_EXIT_CODES);
}

static void complete_bash_words(const struct command *cmd)
{
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++)
            printf("--%s ", o->name);
    printf("--help");
}

static void complete_bash(const struct program *program)
{
    printf(
        "_%s()\n{\n    local words cur=${COMP_WORDS[COMP_CWORD]}\n    case ${COMP_WORDS[1]} in\n",
        program->name);
    for (const struct command *const *c = program->commands; *c; c++) {
        printf("    %s) words='", (*c)->name ? (*c)->name : "*");
        complete_bash_words(*c);
        printf("' ;;\n");
    }
    printf("    esac\n");
    if (program->commands[0] && program->commands[0]->name) {
        printf("    [ \"$COMP_CWORD\" -eq 1 ] && words='");
        for (const struct command *const *c = program->commands; *c; c++)
            printf("%s ", (*c)->name);
        printf("--help --version'\n");
    }
    printf("    case $cur in\n    -* | '') mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
           "\"$cur\") ;;\n"
           "    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -f -- \"$cur\") ;;\n    esac\n}\n"
           "complete -o filenames -F _%s %s\n",
           program->name, program->name);
}

static void complete_fish(const struct program *program)
{
    for (const struct command *const *row = program->commands; *row; row++) {
        const struct command *c = *row;
        if (c->name)
            printf("complete -c %s -n __fish_use_subcommand -a %s -d '%s'\n", program->name,
                   c->name, c->summary);
        const struct opt *table;
        for (size_t i = 0; (table = cli_option_table(c, i)); i++)
            for (const struct opt *o = table; o->name; o++)
                printf("complete -c %s%s%s%s -l %s%s\n", program->name,
                       c->name ? " -n '__fish_seen_subcommand_from " : "", c->name ? c->name : "",
                       c->name ? "'" : "", o->name, o->metavar ? " -r" : "");
    }
}

static void complete_zsh(const struct program *program)
{
    printf("#compdef %s\nautoload -U +X bashcompinit && bashcompinit\n", program->name);
    complete_bash(program);
}

int cli_print_completion(const struct program *program, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        complete_bash(program);
    else if (strcmp(shell, "zsh") == 0)
        complete_zsh(program);
    else if (strcmp(shell, "fish") == 0)
        complete_fish(program);
    else
        return EXIT_USAGE;
    return EXIT_OK;
}
