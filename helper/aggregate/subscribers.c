// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/subscribers.h"
#include "helper/cli.h"
#include "helper/time_range.h"
#include "schema/encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS_FIRST = 96, LINE_BYTES_MAX = 1024 };

struct entry {
    struct ip_addr net; // masked
    unsigned bits;      // of the mapped form
    uint64_t from_us, until_us;
    char *name;
    size_t line;
};

struct subscribers {
    struct entry *entries; // longest prefixes first, then by net, then the last in the file first
    size_t count;
    size_t group_of[129], group_end[129]; // entries of a length
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    int nets = memcmp(&x->net, &y->net, sizeof(x->net));
    return nets ? nets : (x->line < y->line) - (x->line > y->line);
}

static bool parse_network(const char *word, struct entry *e)
{
    const char *slash = strchr(word, '/');
    size_t len = slash ? (size_t)(slash - word) : strlen(word);
    bool v4 = memchr(word, ':', len) == NULL;
    uint64_t bits = v4 ? 32 : 128, max = bits;
    if (!ip_parse(word, len, &e->net) || (slash && !parse_u64(slash + 1, &bits)) || bits > max)
        return false;
    e->bits = (unsigned)bits + (v4 ? V4_BITS_FIRST : 0);
    e->net = ip_network(e->net, e->bits);
    return true;
}

static bool parse_time(const char *word, uint64_t *out)
{
    return strcmp(word, "-") == 0 || time_point_parse(word, event_now_us(), out);
}

// What is wrong with the line, or NULL. *used: it has an entry.
static const char *parse_line(char *line, struct entry *e, bool *used)
{
    char *save, *words[5] = {0};
    size_t count = 0;
    line[strcspn(line, "#\r\n")] = '\0';
    for (char *w = strtok_r(line, " \t", &save); w && count < 5; w = strtok_r(NULL, " \t", &save))
        words[count++] = w;
    *used = count > 0;
    *e = (struct entry){.until_us = UINT64_MAX};
    if (count == 0)
        return NULL;
    if (count < 2 || count > 4)
        return "expected: ADDRESS[/BITS] NAME [FROM [UNTIL]]";
    if (!parse_network(words[0], e))
        return "no address or prefix stands first";
    if ((words[2] && !parse_time(words[2], &e->from_us)) ||
        (words[3] && !parse_time(words[3], &e->until_us)))
        return "a time is wanted like 2026-11-22T07:00:00Z";
    if (e->from_us >= e->until_us)
        return "UNTIL is not after FROM";
    e->name = strdup(words[1]);
    return e->name ? NULL : "out of memory";
}

static bool append(struct subscribers *s, const struct entry *e)
{
    if ((s->count & (s->count - 1)) == 0) {
        struct entry *entries =
            realloc(s->entries, (s->count ? s->count * 2 : 1) * sizeof(*entries));
        if (!entries)
            return false;
        s->entries = entries;
    }
    s->entries[s->count++] = *e;
    return true;
}

static bool read_entries(struct subscribers *s, FILE *f, const char *path, char *error)
{
    char line[LINE_BYTES_MAX];
    for (size_t number = 1; fgets(line, sizeof(line), f); number++) {
        struct entry e;
        bool used;
        const char *wrong =
            strchr(line, '\n') || feof(f) ? parse_line(line, &e, &used) : "the line is too long";
        if (!wrong && used) {
            e.line = number;
            if (!append(s, &e)) {
                free(e.name);
                wrong = "out of memory";
            }
        }
        if (wrong) {
            snprintf(error, SUBSCRIBERS_ERROR_MAX, "%s:%zu: %s", path, number, wrong);
            return false;
        }
    }
    return true;
}

static void index_groups(struct subscribers *s)
{
    if (s->count)
        qsort(s->entries, s->count, sizeof(*s->entries), compare);
    for (size_t i = 0; i < s->count; i++) {
        unsigned bits = s->entries[i].bits;
        if (i == 0 || s->entries[i - 1].bits != bits)
            s->group_of[bits] = i;
        s->group_end[bits] = i + 1;
    }
}

struct subscribers *subscribers_load(const char *path, char error[SUBSCRIBERS_ERROR_MAX])
{
    FILE *f = fopen(path, "re");
    struct subscribers *s = calloc(1, sizeof(*s));
    if (!f || !s) {
        snprintf(error, SUBSCRIBERS_ERROR_MAX, "%s: %s", path, strerror(errno));
        if (f)
            fclose(f);
        free(s);
        return NULL;
    }
    bool ok = read_entries(s, f, path, error);
    fclose(f);
    if (!ok) {
        subscribers_free(s);
        return NULL;
    }
    index_groups(s);
    return s;
}

void subscribers_free(struct subscribers *s)
{
    for (size_t i = 0; s && i < s->count; i++)
        free(s->entries[i].name);
    if (s)
        free(s->entries);
    free(s);
}

// The first entry of [from, to) whose net is not before net.
static size_t lower_bound(const struct subscribers *s, size_t from, size_t to,
                          const struct ip_addr *net)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (memcmp(&s->entries[middle].net, net, sizeof(*net)) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct text subscribers_find(const struct subscribers *s, struct ip_addr ip, uint64_t at_us)
{
    for (unsigned bits = 129; bits-- > 0;) {
        if (s->group_end[bits] == 0)
            continue;
        struct ip_addr net = ip_network(ip, bits);
        size_t i = lower_bound(s, s->group_of[bits], s->group_end[bits], &net);
        for (; i < s->group_end[bits] && ip_equal(s->entries[i].net, net); i++)
            if (at_us >= s->entries[i].from_us && at_us < s->entries[i].until_us)
                return text_of(s->entries[i].name);
    }
    return (struct text){0};
}
