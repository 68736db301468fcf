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
    const char *name = cmd->name ? cmd->name : ""; // as $command is without one
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

// The commands that have names, with what stands between two of them.
static void print_command_names(const struct program *program, const char *between)
{
    size_t count = 0;
    for (const struct command *const *c = program->commands; *c; c++)
        if ((*c)->name)
            printf("%s%s", count++ ? between : "", (*c)->name);
}

// Lines that set command to the first word, if it is the name of one and complete.
static void print_bash_command(const struct program *program)
{
    if (!cli_has_named_commands(program))
        return;
    printf("    [ \"$COMP_CWORD\" -gt 1 ] && case ${COMP_WORDS[1]} in\n    ");
    print_command_names(program, " | ");
    printf(") command=${COMP_WORDS[1]} ;;\n    esac\n");
}

static void print_bash_words(const struct program *program)
{
    printf("        case $command in\n");
    for (const struct command *const *c = program->commands; *c; c++) {
        printf("        %s) words='", (*c)->name ? (*c)->name : "''");
        print_operand_words(*c);
        print_option_words(*c);
        printf("' ;;\n");
    }
    printf("        esac\n        [ \"$COMP_CWORD\" -eq 1 ] && words+=' ");
    print_command_names(program, " ");
    printf("%s --version'\n", cli_has_commands(program) ? " --help" : "");
}

// zsh runs this too, by its bashcompinit: it has no mapfile.
static void complete_bash(const struct program *program)
{
    printf("_%s()\n{\n    local words='' command='' word files=-f "
           "cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n",
           program->name);
    print_bash_command(program);
    printf("    case $command:$prev in\n");
    for (const struct command *const *c = program->commands; *c; c++)
        print_bash_choices(*c);
    printf("    esac\n    if [ -n \"$words\" ]; then\n        files=''\n    else\n");
    print_bash_words(program);
    printf("    fi\n    case $cur in -*) files='' ;; esac\n    COMPREPLY=()\n"
           "    while IFS= read -r word; do\n        COMPREPLY+=(\"$word\")\n"
           "    done < <(compgen -W \"$words\" $files -- \"$cur\")\n}\n"
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

// When the options of a command are offered: those of the one without a name until another is
// given.
static void print_fish_condition(const struct program *program, const struct command *c)
{
    if (c->name) {
        printf(" -n '__fish_seen_subcommand_from %s'", c->name);
    } else if (cli_has_named_commands(program)) {
        printf(" -n 'not __fish_seen_subcommand_from ");
        print_command_names(program, " ");
        putchar('\'');
    }
}

static void complete_fish_option(const struct program *program, const struct command *c,
                                 const struct opt *o)
{
    printf("complete -c %s", program->name);
    print_fish_condition(program, c);
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
    // as a file of fpath it is run by the first completion, which it should answer
    printf("[ \"${funcstack[1]}\" = _%s ] && _bash_complete -o filenames -F _%s\n", program->name,
           program->name);
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
