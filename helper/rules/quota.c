// SPDX-License-Identifier: Apache-2.0

#include "helper/rules/quota.h"
#include "helper/cli.h"
#include "helper/rules/rules_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PPM = 1000000 };

struct quota_line {
    char *name; // or NULL: the prefix
    struct ip_addr first, last;
    char *rate;
    struct quota quota;
    unsigned number; // of the line in the file
};

struct quotas {
    struct quota_line *lines;
    size_t count;
};

static const char *read_who(const char *word, struct quota_line *out)
{
    if (strcmp(word, "*") == 0) {
        memset(&out->first, 0, sizeof(out->first));
        memset(&out->last, 0xff, sizeof(out->last));
        return NULL;
    }
    if (prefix_parse(text_of(word), &out->first, &out->last))
        return NULL;
    out->name = strdup(word);
    return out->name ? NULL : "out of memory";
}

static const char *read_amount(const char *bytes, const char *warn, struct quota *out)
{
    uint64_t warn_ppm = PPM;
    if (!parse_size_bytes(bytes, &out->bytes) || out->bytes == 0)
        return "the third word is no size (3G, 500M)";
    if (warn && (!parse_percent_ppm(warn, &warn_ppm) || warn_ppm > PPM))
        return "the fourth word is no percentage (80%)";
    out->warn_bytes = (uint64_t)((unsigned __int128)out->bytes * warn_ppm / PPM);
    return NULL;
}

static const char *add_line(struct quotas *q, char *text, unsigned number)
{
    enum { WORDS = 6 };
    char *words[WORDS] = {NULL}, *save = NULL;
    size_t count = 0;
    text[strcspn(text, "#\r\n")] = '\0';
    for (char *w = strtok_r(text, " \t", &save); w && count < WORDS - 1;
         w = strtok_r(NULL, " \t", &save))
        words[count++] = w;
    if (count == 0)
        return NULL;
    if (count < 3 || count > 4)
        return "a line is: SUBSCRIBER RATE BYTES [WARN%]";
    struct quota_line *lines = realloc(q->lines, (q->count + 1) * sizeof(*lines));
    if (!lines)
        return "out of memory";
    q->lines = lines;
    struct quota_line *line = &lines[q->count++];
    *line = (struct quota_line){.rate = strdup(words[1]), .number = number};
    const char *wrong = line->rate ? read_who(words[0], line) : "out of memory";
    return wrong ? wrong : read_amount(words[2], words[3], &line->quota);
}

struct quotas *quotas_load(const char *path, char error[QUOTA_ERROR_MAX])
{
    struct quotas *q = calloc(1, sizeof(*q));
    FILE *f = q ? fopen(path, "r") : NULL;
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    const char *wrong = NULL;
    if (!f) {
        snprintf(error, QUOTA_ERROR_MAX, "%s: %s", path, strerror(errno));
        quotas_free(q);
        return NULL;
    }
    while (!wrong && getline(&line, &size, f) > 0) {
        number++;
        wrong = add_line(q, line, number);
    }
    free(line);
    fclose(f);
    if (!wrong)
        return q;
    snprintf(error, QUOTA_ERROR_MAX, "%s:%u: %s", path, number, wrong);
    quotas_free(q);
    return NULL;
}

bool quotas_fit_rules(const struct quotas *q, const struct rules *rules, const char *path,
                      char error[QUOTA_ERROR_MAX])
{
    for (size_t i = 0; i < q->count; i++) {
        if (rules_have_rate(rules, text_of(q->lines[i].rate)))
            continue;
        snprintf(error, QUOTA_ERROR_MAX, "%s:%u: no rule has the rate '%.40s'", path,
                 q->lines[i].number, q->lines[i].rate);
        return false;
    }
    return true;
}

void quotas_free(struct quotas *q)
{
    for (size_t i = 0; q && i < q->count; i++) {
        free(q->lines[i].name);
        free(q->lines[i].rate);
    }
    if (q)
        free(q->lines);
    free(q);
}

static bool fits(const struct quota_line *line, struct text name, struct ip_addr ip)
{
    static const struct ip_addr everything;
    if (line->name)
        return name.ptr && text_equal(name, text_of(line->name));
    if (name.ptr) // a named subscriber has had several addresses: only `*` takes it
        return ip_equal(line->first, everything);
    return memcmp(&ip, &line->first, sizeof(ip)) >= 0 && memcmp(&ip, &line->last, sizeof(ip)) <= 0;
}

const struct quota *quota_find(const struct quotas *q, struct text name, struct ip_addr ip,
                               struct text rate)
{
    for (size_t i = 0; i < q->count; i++)
        if (text_equal(rate, text_of(q->lines[i].rate)) && fits(&q->lines[i], name, ip))
            return &q->lines[i].quota;
    return NULL;
}
