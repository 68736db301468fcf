// SPDX-License-Identifier: Apache-2.0
//
// cmd_schema.c - netvitals schema: the contract, from schema/events.def.

#include "helper/commands.h"
#include "helper/exit_codes.h"
#include "helper/report/format.h"

#include <string.h>

struct schema_options {
    const char *format;
};

static const char *type_words(const struct field_info *f)
{
    return field_type_name(f->type);
}

static void print_text(void)
{
    for (int i = 0; i < EV_COUNT; i++) {
        const struct event_info *e = &event_table[i];
        printf("%s%s  %s\n", i ? "\n" : "", e->name, e->doc);
        for (unsigned k = 0; k < e->field_count; k++) {
            const struct field_info *f = &e->fields[k];
            printf("  %-20s %-4s %-7s %s  %s\n", f->key, type_words(f), unit_name(f->unit),
                   f->required ? "required" : "optional", f->doc);
        }
    }
}

static void print_json_field(const struct field_info *f, bool first)
{
    printf("%s\n    {\"key\":\"%s\",\"type\":\"%s\",\"unit\":\"%s\",\"required\":%s,\"meaning\":",
           first ? "" : ",", f->key, type_words(f), unit_name(f->unit),
           f->required ? "true" : "false");
    print_json_text(stdout, text_of(f->doc));
    putchar('}');
}

static void print_json(void)
{
    printf("{\"events\":[");
    for (int i = 0; i < EV_COUNT; i++) {
        const struct event_info *e = &event_table[i];
        printf("%s\n  {\"type\":\"%s\",\"meaning\":", i ? "," : "", e->name);
        print_json_text(stdout, text_of(e->doc));
        printf(",\"fields\":[");
        for (unsigned k = 0; k < e->field_count; k++)
            print_json_field(&e->fields[k], k == 0);
        printf("]}");
    }
    printf("\n]}\n");
}

static void print_markdown(void)
{
    printf("# Events\n\nMade from `schema/events.def` by `make events-doc`; do not edit.\n\n"
           "One JSON object a line. `type` and `ts_us` (microseconds since the Unix epoch) stand "
           "first in\n"
           "every event; `host` and `seq` may stand in any. Numbers are integers, and the unit "
           "ends the key.\n");
    for (int i = 0; i < EV_COUNT; i++) {
        const struct event_info *e = &event_table[i];
        printf("\n## %s\n\n%c%s.\n\n| key | type | unit | | meaning |\n| --- | --- | --- | --- | "
               "--- |\n",
               e->name, e->doc[0] >= 'a' && e->doc[0] <= 'z' ? e->doc[0] - 32 : e->doc[0],
               e->doc + 1);
        for (unsigned k = 0; k < e->field_count; k++) {
            const struct field_info *f = &e->fields[k];
            printf("| `%s` | %s | %s | %s | %s |\n", f->key, type_words(f), unit_name(f->unit),
                   f->required ? "required" : "", f->doc);
        }
    }
}

static int schema_run(const struct program *program, const void *config, int argc, char **argv)
{
    const struct schema_options *o = config;
    (void)program, (void)argc, (void)argv;
    if (strcmp(o->format, "json") == 0)
        print_json();
    else if (strcmp(o->format, "markdown") == 0)
        print_markdown();
    else
        print_text();
    return EXIT_OK;
}

static const char *const formats_of_schema[] = {"text", "json", "markdown", NULL};
static const struct opt options[] = {
    OPT(struct schema_options, format, 'f', "format", OPT_CHOICE, "FORMAT", "output format",
        .choices = formats_of_schema),
    {0},
};
static const struct opt *const tables[] = {options, NULL};
static const struct schema_options defaults = {.format = "text"};

const struct command command_schema = {
    .name = "schema",
    .summary = "Print every event and key with its unit and meaning",
    .options = tables,
    .config_size = sizeof(struct schema_options),
    .defaults = &defaults,
    .run = schema_run,
};
