// SPDX-License-Identifier: Apache-2.0
//
// cmd_doctor.c - netvitals doctor [TOOL…]: what on this host would stop each tool, and the cure.

#include "helper/commands.h"
#include "helper/doctor/doctor.h"
#include "helper/exit_codes.h"
#include "helper/report/format.h"

#include <string.h>
#include <unistd.h>

struct doctor_options {
    const char *root, *format;
};

static const char *const state_words[] = {
    [FOUND_YES] = "yes", [FOUND_NO] = "no", [FOUND_UNKNOWN] = "unknown"};

static bool is_wanted(const struct tool *tool, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(tool->name, argv[i]) == 0)
            return true;
    return argc == 0;
}

// The needs of the wanted tools that are surely not met.
static uint32_t missing(const struct tool *tool, const struct finding findings[NEED_COUNT])
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < NEED_COUNT; i++)
        if ((tool->needs >> i & 1) && findings[i].state == FOUND_NO)
            bits |= UINT32_C(1) << i;
    return bits;
}

static void print_text(const struct finding findings[NEED_COUNT], uint32_t needs, int argc,
                       char **argv)
{
    for (unsigned i = 0; i < NEED_COUNT; i++) {
        const struct finding *f = &findings[i];
        if (!(needs >> i & 1))
            continue;
        printf("%-8s %-31s %s\n", state_words[f->state], need_table[i].words, f->detail);
        if (f->state == FOUND_NO && f->cure[0])
            printf("         → %s\n", f->cure);
    }
    putchar('\n');
    for (const struct tool *t = doctor_tools; t->name; t++) {
        uint32_t bits = missing(t, findings);
        if (!is_wanted(t, argc, argv))
            continue;
        printf("%-10s %s", t->name, bits ? "cannot run here:" : "can run");
        for (unsigned i = 0, first = 1; i < NEED_COUNT; i++)
            if (bits >> i & 1) {
                printf("%s %s", first ? "" : ",", need_table[i].words);
                first = 0;
            }
        putchar('\n');
    }
}

static void print_json(const struct finding findings[NEED_COUNT], uint32_t needs, int argc,
                       char **argv)
{
    bool first = true;
    printf("{\"needs\":[");
    for (unsigned i = 0; i < NEED_COUNT; i++) {
        const struct finding *f = &findings[i];
        if (!(needs >> i & 1))
            continue;
        printf("%s\n  {\"need\":\"%s\",\"found\":\"%s\",\"detail\":", first ? "" : ",",
               need_table[i].name, state_words[f->state]);
        print_json_text(stdout, text_of(f->detail));
        printf(",\"cure\":");
        print_json_text(stdout, text_of(f->cure));
        putchar('}');
        first = false;
    }
    printf("\n],\"tools\":[");
    first = true;
    for (const struct tool *t = doctor_tools; t->name; t++) {
        uint32_t bits = missing(t, findings);
        if (!is_wanted(t, argc, argv))
            continue;
        printf("%s\n  {\"tool\":\"%s\",\"can_run\":%s,\"missing\":[", first ? "" : ",", t->name,
               bits ? "false" : "true");
        first = false;
        for (unsigned i = 0, none = 1; i < NEED_COUNT; i++)
            if (bits >> i & 1) {
                printf("%s\"%s\"", none ? "" : ",", need_table[i].name);
                none = 0;
            }
        printf("]}");
    }
    printf("\n]}\n");
}

static const char *unknown_tool(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const struct tool *t = doctor_tools;
        while (t->name && strcmp(t->name, argv[i]) != 0)
            t++;
        if (!t->name)
            return argv[i];
    }
    return NULL;
}

static int doctor_run(const struct program *program, const void *config, int argc, char **argv)
{
    const struct doctor_options *options = config;
    const struct host host = {.root = options->root};
    struct finding findings[NEED_COUNT] = {0};
    uint32_t needs = 0, stopped = 0;
    const char *unknown = unknown_tool(argc, argv);
    if (unknown) {
        cli_error(program,
                  "no tool is called '%s'; see 'netvitals doctor' for those that there are",
                  unknown);
        return EXIT_USAGE;
    }
    for (const struct tool *t = doctor_tools; t->name; t++)
        needs |= is_wanted(t, argc, argv) ? t->needs : 0;
    for (unsigned i = 0; i < NEED_COUNT; i++)
        if (needs >> i & 1)
            need_table[i].examine(&host, &findings[i]);
    if (strcmp(options->format, "json") == 0)
        print_json(findings, needs, argc, argv);
    else
        print_text(findings, needs, argc, argv);
    for (const struct tool *t = doctor_tools; t->name; t++)
        stopped |= is_wanted(t, argc, argv) ? missing(t, findings) : 0;
    return stopped ? EXIT_CANNOT : EXIT_OK;
}

static const char *const formats_of_doctor[] = {"text", "json", NULL};
static const struct opt options[] = {
    OPT(struct doctor_options, format, 'f', "format", OPT_CHOICE, "FORMAT", "output format",
        .choices = formats_of_doctor),
    OPT(struct doctor_options, root, 0, "root", OPT_TEXT, "DIR",
        "look at a copy of another host's /proc and /sys below DIR"),
    {0},
};
static const struct opt *const tables[] = {options, NULL};
static const struct doctor_options defaults = {.root = "", .format = "text"};

const struct command command_doctor = {
    .name = "doctor",
    .operands = "[TOOL…]",
    .summary = "Tell what on this host would stop each tool, and the command that cures it",
    .details = "Tools: sctphb, sctppath, cgroup, xdpacct, sockredir; without one, all. Exits 4 if "
               "one cannot run.\n"
               "Looks by trying: makes a BPF map and loads an empty program, and lets go of both. "
               "Attaches nothing.",
    .options = tables,
    .config_size = sizeof(struct doctor_options),
    .defaults = &defaults,
    .run = doctor_run,
};
