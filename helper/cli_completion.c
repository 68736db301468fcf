// SPDX-License-Identifier: Apache-2.0
//
// cli_completion.c - shell completions from the tables of cli.h: commands, options, the choices of
// options that have some, and the words that operands may be ("rtt|traffic|… [FILE…]").

#include "helper/cli_help.h"
#include "helper/exit_codes.h"

#include <stdio.h>
#include <string.h>

// Prints the lower-case words among the operands, each followed by a space.
static void print_operand_words(const struct command *cmd)
{
    for (const char *at = cmd->operands; at && *at;) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_-");
        bool word = len && (at[len] == '|' || at[len] == ']' || at[len] == ' ' || !at[len]);
        if (word)
            printf("%.*s ", (int)len, at);
        at += len ? len : 1;
    }
}

static void print_option_words(const struct command *cmd)
{
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++)
            printf("--%s ", o->name);
    printf("--help");
}

// Lines "NAME:--OPTION) words='…'" of a case over command and option, for options with choices.
static void print_bash_choices(const struct command *cmd)
{
    const char *name = cmd->name ? cmd->name : "*";
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++) {
            if (!o->choices)
                continue;
            printf("    %s:--%s", name, o->name);
            if (o->letter)
                printf(" | %s:-%c", name, o->letter);
            printf(") words='");
            for (const char *const *c = o->choices; *c; c++)
                printf("%s%s", c == o->choices ? "" : " ", *c);
            printf("' ;;\n");
        }
}

static void complete_bash(const struct program *program)
{
    printf("_%s()\n{\n    local words='' cur=${COMP_WORDS[COMP_CWORD]} "
           "prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    COMPREPLY=()\n    case ${COMP_WORDS[1]-}:$prev in\n",
           program->name);
    for (const struct command *const *c = program->commands; *c; c++)
        print_bash_choices(*c);
    printf("    esac\n    if [ -n \"$words\" ]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n        return\n  "
           "  fi\n"
           "    case ${COMP_WORDS[1]-} in\n");
    for (const struct command *const *c = program->commands; *c; c++) {
        printf("    %s) words='", (*c)->name ? (*c)->name : "*");
        print_operand_words(*c);
        print_option_words(*c);
        printf("' ;;\n");
    }
    printf("    esac\n");
    if (cli_has_commands(program)) {
        printf("    [ \"$COMP_CWORD\" -eq 1 ] && words='");
        for (const struct command *const *c = program->commands; *c; c++)
            printf("%s ", (*c)->name);
        printf("--help --version'\n");
    }
    printf(
        "    case $cur in\n    -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
        "    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -f -- \"$cur\") ;;\n    esac\n}\n"
        "complete -o filenames -F _%s %s\n",
        program->name, program->name);
}

// A text within single quotes of fish.
static void print_fish_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

static void complete_fish_option(const struct program *program, const struct command *c,
                                 const struct opt *o)
{
    printf("complete -c %s", program->name);
    if (c->name)
        printf(" -n '__fish_seen_subcommand_from %s'", c->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    printf(" -l %s", o->name);
    if (o->choices) {
        printf(" -x -a '");
        for (const char *const *choice = o->choices; *choice; choice++)
            printf("%s%s", choice == o->choices ? "" : " ", *choice);
        putchar('\'');
    } else if (o->metavar && !o->value_if_absent) {
        printf(" -r");
    }
    printf(" -d '");
    print_fish_text(o->help);
    printf("'\n");
}

static void complete_fish(const struct program *program)
{
    for (const struct command *const *row = program->commands; *row; row++) {
        const struct command *c = *row;
        const struct opt *table;
        if (c->name) {
            printf("complete -c %s -n __fish_use_subcommand -a %s -d '", program->name, c->name);
            print_fish_text(c->summary);
            printf("'\ncomplete -c %s -n '__fish_seen_subcommand_from %s' -a '", program->name,
                   c->name);
            print_operand_words(c);
            printf("'\n");
        }
        for (size_t i = 0; (table = cli_option_table(c, i)); i++)
            for (const struct opt *o = table; o->name; o++)
                complete_fish_option(program, c, o);
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
