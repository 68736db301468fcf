// SPDX-License-Identifier: Apache-2.0
//
// cli.c - parses a command line by the tables of cli.h. What is printed from them is in cli_help.c.

#include "helper/cli.h"
#include "helper/cli_help.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_error(const struct program *program, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

const struct opt *cli_option_table(const struct command *cmd, size_t number)
{
    size_t own = 0;
    while (cmd->options && cmd->options[own])
        own++;
    if (number < own)
        return cmd->options[number];
    return cmd->more_options ? cmd->more_options(number - own) : NULL;
}

static const struct opt *find_option(const struct command *cmd, const char *name, size_t len,
                                     char letter)
{
    const struct opt *table;
    for (size_t i = 0; (table = cli_option_table(cmd, i)); i++)
        for (const struct opt *o = table; o->name; o++)
            if (name ? strlen(o->name) == len && memcmp(o->name, name, len) == 0
                     : o->letter == letter)
                return o;
    return NULL;
}

static bool is_choice(const struct opt *o, const char *value)
{
    for (const char *const *c = o->choices; *c; c++)
        if (strcmp(*c, value) == 0)
            return true;
    return false;
}

static bool store_number(const struct opt *o, const char *value, void *member)
{
    bool (*parse)(const char *, uint64_t *) = o->kind == OPT_U64        ? parse_u64
                                              : o->kind == OPT_DURATION ? parse_duration_us
                                              : o->kind == OPT_SIZE     ? parse_size_bytes
                                                                        : parse_percent_ppm;
    uint64_t number;
    if (!parse(value, &number) || number < o->min || (o->max && number > o->max))
        return false;
    memcpy(member, &number, sizeof(number));
    return true;
}

static bool store_list(const char *value, void *member)
{
    struct opt_list *list = member;
    if (list->count == OPT_LIST_MAX)
        return false;
    list->items[list->count++] = value;
    return true;
}

// Returns false if value does not suit the option.
static bool store(const struct opt *o, const char *value, void *config)
{
    void *member = (char *)config + o->offset;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)member = true;
        return true;
    case OPT_CHOICE:
        if (!is_choice(o, value))
            return false;
        // fall through
    case OPT_TEXT:
        memcpy(member, &value, sizeof(value));
        return true;
    case OPT_LIST:
        return store_list(value, member);
    default:
        return store_number(o, value, member);
    }
}

struct parse {
    const struct program *program;
    const struct command *cmd;
    void *config;
    int argc, next;
    char **argv;
    char **operands;
    int operand_count;
};

static int usage_error(const struct parse *p, const char *what, const char *arg)
{
    const char *space = p->cmd->name ? " " : "";
    const char *name = p->cmd->name ? p->cmd->name : "";
    cli_error(p->program, "%s '%s'; see '%s%s%s --help'", what, arg, p->program->name, space, name);
    return EXIT_USAGE;
}

static int store_or_complain(struct parse *p, const struct opt *o, const char *value,
                             const char *arg)
{
    if (store(o, value, p->config))
        return EXIT_OK;
    char expected[256];
    cli_expected(o, expected, sizeof(expected));
    cli_error(p->program, "%s: '%s' will not do: it takes %s", arg, value, expected);
    return EXIT_USAGE;
}

static const char *next_value(struct parse *p)
{
    return p->next < p->argc ? p->argv[p->next++] : NULL;
}

static int parse_long(struct parse *p, const char *arg)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    const struct opt *o = find_option(p->cmd, arg + 2, len - 2, 0);
    if (!o)
        return usage_error(p, "unknown option", arg);
    if (o->kind == OPT_FLAG) {
        store(o, NULL, p->config);
        return equals ? usage_error(p, "takes no value:", arg) : EXIT_OK;
    }
    if (!equals && o->value_if_absent) {
        // `--follow 5`: the next word is the value only if it can be one, and a number never is a
        // text
        if (o->kind != OPT_TEXT && p->next < p->argc && store(o, p->argv[p->next], p->config))
            return p->next++, EXIT_OK;
        return store_or_complain(p, o, o->value_if_absent, arg);
    }
    const char *value = equals ? equals + 1 : next_value(p);
    if (!value)
        return usage_error(p, "value missing after", arg);
    return store_or_complain(p, o, value, arg);
}

static int parse_short(struct parse *p, const char *arg)
{
    for (const char *c = arg + 1; *c; c++) {
        const struct opt *o = find_option(p->cmd, NULL, 0, *c);
        if (!o)
            return usage_error(p, "unknown option", arg);
        if (o->kind == OPT_FLAG) {
            store(o, NULL, p->config);
            continue;
        }
        const char *value = c[1] ? c + 1 : next_value(p);
        if (!value)
            return usage_error(p, "value missing after", arg);
        return store_or_complain(p, o, value, arg);
    }
    return EXIT_OK;
}

static int parse_arguments(struct parse *p)
{
    bool options = true;
    while (p->next < p->argc && p->argv[p->next]) {
        char *arg = p->argv[p->next++];
        int rc = EXIT_OK;
        if (options && strcmp(arg, "--") == 0)
            options = false;
        else if (!options || arg[0] != '-' || arg[1] == '\0')
            p->operands[p->operand_count++] = arg;
        else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            return cli_print_help(p->program, p->cmd), -1;
        else
            rc = arg[1] == '-' ? parse_long(p, arg) : parse_short(p, arg);
        if (rc != EXIT_OK)
            return rc;
    }
    if (p->operand_count && !p->cmd->operands)
        return usage_error(p, "nothing expected here, but there is", p->operands[0]);
    return EXIT_OK;
}

static int run_command(const struct program *program, const struct command *cmd, int argc,
                       char **argv)
{
    struct parse p = {.program = program, .cmd = cmd, .argc = argc, .argv = argv};
    p.config = calloc(1, cmd->config_size ? cmd->config_size : 1);
    p.operands = calloc((size_t)argc + 1, sizeof(*p.operands));
    int rc = EXIT_FAILED;
    if (p.config && p.operands) {
        if (cmd->defaults)
            memcpy(p.config, cmd->defaults, cmd->config_size);
        rc = parse_arguments(&p);
        if (rc == EXIT_OK)
            rc = cmd->run(program, p.config, p.operand_count, p.operands);
        else if (rc == -1)
            rc = EXIT_OK;
        else if (rc == EXIT_USAGE && cmd->usage_exit)
            rc = cmd->usage_exit;
    } else {
        cli_error(program, "out of memory");
    }
    free(p.operands);
    free(p.config);
    return rc;
}

// A reader that went away is no failure; anything else that kept output from being written is.
static int flush_stdout(const struct program *program, int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    if (errno == EPIPE)
        return rc;
    cli_error(program, "cannot write the output: %s", strerror(errno));
    return EXIT_FAILED;
}

static int dispatch(const struct program *program, int argc, char **argv)
{
    const struct command *cmd = program->commands[0];
    const char *first = argc > 1 ? argv[1] : NULL;
    if (first && strcmp(first, "--version") == 0)
        return printf("%s %s\n", program->name, program->version), EXIT_OK;
    if (first && strcmp(first, "--man") == 0)
        return cli_print_man(program), EXIT_OK;
    if (first && strncmp(first, "--completion=", 13) == 0)
        return cli_print_completion(program, first + 13);
    if (first)
        for (const struct command *const *c = program->commands; *c; c++)
            if ((*c)->name && strcmp((*c)->name, first) == 0)
                return run_command(program, *c, argc - 2, argv + 2);
    if (!cmd) // a program without commands is no program
        return EXIT_USAGE;
    if (!cmd->name)
        return run_command(program, cmd, argc - 1, argv + 1);
    if (first && (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0))
        return cli_print_help(program, NULL), EXIT_OK;
    if (first)
        cli_error(program, "unknown command '%s'; see '%s --help'", first, program->name);
    else
        cli_error(program, "a command is missing; see '%s --help'", program->name);
    return EXIT_USAGE;
}

int cli_main(const struct program *program, int argc, char **argv)
{
    return flush_stdout(program, dispatch(program, argc, argv));
}
