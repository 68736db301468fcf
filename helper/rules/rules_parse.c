// SPDX-License-Identifier: Apache-2.0
//
// rules_parse.c - reads the rule file that rules.h describes. Errors name file, line and column.

#include "helper/rules/rules_words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct rules *rules;
    const char *path;
    const char *at, *end, *line_start;
    unsigned line;
    struct app *app; // being read; NULL ahead of the first
    char *error;     // RULES_ERROR_MAX
};

static bool fail(struct parser *p, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *p, const char *where, const char *format, ...)
{
    va_list args;
    int len = snprintf(p->error, RULES_ERROR_MAX, "%s:%u:%u: ", p->path, p->line,
                       (unsigned)(where - p->line_start) + 1);
    va_start(args, format);
    if (len > 0 && len < RULES_ERROR_MAX)
        vsnprintf(p->error + len, (size_t)(RULES_ERROR_MAX - len), format, args);
    va_end(args);
    return false;
}

static bool no_memory(struct parser *p, const char *where)
{
    return fail(p, where, "out of memory");
}

static int text_precision(struct text text)
{
    return text.len > 80 ? 80 : (int)text.len;
}

// The next word of the logical line; absent at its end. A line break followed by a blank continues
// it.
static struct text next_word(struct parser *p)
{
    for (; p->at < p->end; p->at++) {
        if (*p->at == '#') {
            while (p->at < p->end && *p->at != '\n')
                p->at++;
            if (p->at == p->end)
                break;
        }
        if (*p->at == '\n') {
            bool goes_on = p->at + 1 < p->end && (p->at[1] == ' ' || p->at[1] == '\t');
            if (!goes_on)
                break;
            p->line++;
            p->line_start = p->at + 1;
        } else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r') {
            break;
        }
    }
    const char *start = p->at;
    while (p->at < p->end && !strchr(" \t\r\n#", *p->at))
        p->at++;
    return (struct text){p->at > start ? start : NULL, (size_t)(p->at - start)};
}

static struct use use_of(const struct parser *p, bool exclude)
{
    return (struct use){(uint32_t)(p->app - p->rules->apps), exclude};
}

// ---- what may stand behind a key

static bool read_name(struct parser *p, struct text word, bool exact, bool exclude)
{
    char name[256];
    while (word.len && word.ptr[0] == '.')
        word = (struct text){word.ptr + 1, word.len - 1};
    while (word.len && word.ptr[word.len - 1] == '.')
        word.len--;
    if (word.len == 0 || word.len >= sizeof(name))
        return fail(p, word.ptr, "a host name has 1 to 255 characters");
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if (!isalnum(c) && c != '-' && c != '_' && c != '.')
            return fail(p, word.ptr + i,
                        "'%c' cannot be in a host name (write international names as xn--…)",
                        isprint(c) ? c : '?');
        if (c == '.' && word.ptr[i + 1] == '.')
            return fail(p, word.ptr + i, "two dots: there is nothing between them");
        name[i] = (char)tolower(c);
    }
    p->app->selects |= !exclude;
    return name_index_add(&p->rules->names, (struct text){name, word.len}, exact,
                          use_of(p, exclude)) ||
           no_memory(p, word.ptr);
}

static bool read_suffix(struct parser *p, struct text word, bool exclude)
{
    return read_name(p, word, false, exclude);
}

static bool read_exact(struct parser *p, struct text word, bool exclude)
{
    return read_name(p, word, true, exclude);
}

static bool read_prefix(struct parser *p, struct text word, struct prefix *out)
{
    if (!prefix_parse(word, &out->first, &out->last))
        return fail(
            p, word.ptr,
            "'%.*s' is no prefix (10.0.0.0/8, 2001:db8::/32), or has bits behind its length",
            text_precision(word), word.ptr);
    return true;
}

static bool read_cidr(struct parser *p, struct text word, bool exclude)
{
    struct prefix prefix;
    if (!read_prefix(p, word, &prefix))
        return false;
    p->app->selects |= !exclude;
    return prefix_index_add(&p->rules->peers, prefix.first, prefix.last, use_of(p, exclude)) ||
           no_memory(p, word.ptr);
}

static bool read_asn(struct parser *p, struct text word, bool exclude)
{
    uint32_t asn;
    if (!rules_word_asn(word, &asn))
        return fail(p, word.ptr, "'%.*s' is no AS number (38631, AS38631)", text_precision(word),
                    word.ptr);
    if (!p->rules->has_asn_file)
        return fail(p, word.ptr, "asn needs a line 'asn-file: FILE.mmdb' ahead of the first app");
    struct asn_use *asns = realloc(p->rules->asns, (p->rules->asn_count + 1) * sizeof(*asns));
    if (!asns)
        return no_memory(p, word.ptr);
    p->rules->asns = asns;
    asns[p->rules->asn_count++] = (struct asn_use){asn, use_of(p, exclude)};
    p->app->selects |= !exclude;
    return true;
}

static bool read_port(struct parser *p, struct text word, bool exclude)
{
    struct port_range range = {.exclude = exclude};
    if (!rules_word_port(word, &range))
        return fail(p, word.ptr, "'%.*s' is no port (udp/443, tcp/5000-5100)", text_precision(word),
                    word.ptr);
    struct port_range *ports = realloc(p->app->ports, (p->app->port_count + 1) * sizeof(*ports));
    if (!ports)
        return no_memory(p, word.ptr);
    p->app->ports = ports;
    ports[p->app->port_count++] = range;
    p->app->has_port |= !exclude;
    return true;
}

static bool add_subscribers(struct parser *p, const char *where, const struct prefix *prefixes,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!prefix_index_add(&p->rules->subscribers, prefixes[i].first, prefixes[i].last,
                              use_of(p, false)))
            return no_memory(p, where);
    return true;
}

static bool read_subscriber(struct parser *p, struct text word, bool exclude)
{
    (void)exclude;
    p->app->has_subscribers = true;
    for (size_t i = 0; i < p->rules->group_count; i++) {
        const struct group *g = &p->rules->groups[i];
        if (text_equal(g->name, word))
            return add_subscribers(p, word.ptr, g->prefixes, g->count);
    }
    struct prefix prefix;
    if (!prefix_parse(word, &prefix.first, &prefix.last))
        return fail(p, word.ptr, "'%.*s' is neither a group named above nor a prefix",
                    text_precision(word), word.ptr);
    return add_subscribers(p, word.ptr, &prefix, 1);
}

// "mon-fri 22:00-06:00": days are optional and hold for the times behind them.
static bool read_time(struct parser *p, struct text word, bool exclude)
{
    (void)exclude;
    struct time_window window = {.days = 0x7f};
    if (rules_word_days(word, &window.days)) {
        word = next_word(p);
        if (!word.ptr)
            return fail(p, p->at, "a time is missing: mon-fri 22:00-06:00");
    }
    if (!rules_word_clock(word, &window))
        return fail(p, word.ptr, "'%.*s' is no time (mon-fri 22:00-06:00)", text_precision(word),
                    word.ptr);
    struct time_window *times = realloc(p->app->times, (p->app->time_count + 1) * sizeof(*times));
    if (!times)
        return no_memory(p, word.ptr);
    p->app->times = times;
    times[p->app->time_count++] = window;
    return true;
}

static bool set_once(struct parser *p, struct text *member, struct text word, const char *key)
{
    if (member->ptr)
        return fail(p, word.ptr, "%s: stands twice", key);
    char *copy = strndup(word.ptr, word.len);
    if (!copy)
        return no_memory(p, word.ptr);
    *member = (struct text){copy, word.len};
    return true;
}

static bool read_rate(struct parser *p, struct text word, bool exclude)
{
    (void)exclude;
    return set_once(p, &p->app->rate, word, "rate");
}

static bool end_app(struct parser *p, const char *where)
{
    if (p->app && !p->app->rate.ptr)
        return fail(p, where, "app %s ends without a rate", p->app->name.ptr);
    return true;
}

static bool read_app(struct parser *p, struct text word, bool exclude)
{
    (void)exclude;
    if (!end_app(p, word.ptr))
        return false;
    struct app *apps = realloc(p->rules->apps, (p->rules->app_count + 1) * sizeof(*apps));
    if (!apps)
        return no_memory(p, word.ptr);
    p->rules->apps = apps;
    p->app = &apps[p->rules->app_count++];
    *p->app = (struct app){0};
    return set_once(p, &p->app->name, word, "app");
}

static bool read_zone(struct parser *p, struct text word, bool exclude)
{
    (void)exclude;
    return rules_word_zone(word, &p->rules->zone_s) ||
           fail(p, word.ptr, "'%.*s' is no zone (+09:00)", text_precision(word), word.ptr);
}

static bool read_asn_file(struct parser *p, struct text word, bool exclude)
{
    char path[4096];
    (void)exclude;
    if (word.len >= sizeof(path) || p->rules->has_asn_file)
        return fail(p, word.ptr, "one asn-file, please");
    memcpy(path, word.ptr, word.len);
    path[word.len] = '\0';
    int rc = MMDB_open(path, MMDB_MODE_MMAP, &p->rules->asn_file);
    if (rc != MMDB_SUCCESS)
        return fail(p, word.ptr, "cannot open %s: %s", path, MMDB_strerror(rc));
    p->rules->has_asn_file = true;
    return true;
}

static bool read_group(struct parser *p, struct text name, bool exclude)
{
    (void)exclude;
    struct group *groups = realloc(p->rules->groups, (p->rules->group_count + 1) * sizeof(*groups));
    if (!groups)
        return no_memory(p, name.ptr);
    p->rules->groups = groups;
    struct group *g = &groups[p->rules->group_count++];
    *g = (struct group){0};
    if (!set_once(p, &g->name, name, "group"))
        return false;
    for (struct text word = next_word(p); word.ptr; word = next_word(p)) {
        struct prefix prefix = {0};
        if (!read_prefix(p, word, &prefix))
            return false;
        struct prefix *prefixes = realloc(g->prefixes, (g->count + 1) * sizeof(*prefixes));
        if (!prefixes)
            return no_memory(p, word.ptr);
        g->prefixes = prefixes;
        prefixes[g->count++] = prefix;
    }
    return g->count || fail(p, name.ptr, "group without prefixes");
}

// ---- keys

enum key_flags { KEY_IN_APP = 1, KEY_MANY = 2, KEY_EXCLUDES = 4 };

static const struct {
    const char *key;
    bool (*read)(struct parser *p, struct text word, bool exclude);
    unsigned flags;
} keys[] = {
    {"app", read_app, 0},
    {"rate", read_rate, KEY_IN_APP},
    {"suffix", read_suffix, KEY_IN_APP | KEY_MANY | KEY_EXCLUDES},
    {"exact", read_exact, KEY_IN_APP | KEY_MANY | KEY_EXCLUDES},
    {"cidr", read_cidr, KEY_IN_APP | KEY_MANY | KEY_EXCLUDES},
    {"asn", read_asn, KEY_IN_APP | KEY_MANY | KEY_EXCLUDES},
    {"port", read_port, KEY_IN_APP | KEY_MANY | KEY_EXCLUDES},
    {"subscriber", read_subscriber, KEY_IN_APP | KEY_MANY},
    {"time", read_time, KEY_IN_APP | KEY_MANY},
    {"timezone", read_zone, 0},
    {"asn-file", read_asn_file, 0},
    {"group", read_group, 0},
};

static bool read_values(struct parser *p, size_t key, bool exclude)
{
    struct text word = next_word(p);
    if (!word.ptr)
        return fail(p, p->at, "%s: nothing stands behind it", keys[key].key);
    do {
        if (!keys[key].read(p, word, exclude))
            return false;
        word = next_word(p);
    } while (word.ptr && keys[key].flags & KEY_MANY);
    return !word.ptr || fail(p, word.ptr, "%s: takes one value", keys[key].key);
}

static bool read_line(struct parser *p, struct text word)
{
    struct text key = {word.ptr, word.len - 1};
    if (word.ptr[word.len - 1] != ':')
        return fail(p, word.ptr, "a key with a colon is expected here, such as 'suffix:'");
    bool exclude = key.len > 4 && memcmp(key.ptr, "not-", 4) == 0;
    if (exclude)
        key = (struct text){key.ptr + 4, key.len - 4};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (!text_equal(key, text_of(keys[i].key)) || (exclude && !(keys[i].flags & KEY_EXCLUDES)))
            continue;
        if (keys[i].flags & KEY_IN_APP && !p->app)
            return fail(p, word.ptr, "%s: belongs below an 'app:'", keys[i].key);
        if (!(keys[i].flags & KEY_IN_APP) && p->app && keys[i].read != read_app)
            return fail(p, word.ptr, "%s: belongs ahead of the first 'app:'", keys[i].key);
        return read_values(p, i, exclude);
    }
    return fail(p, word.ptr, "there is no key '%.*s'", text_precision(word), word.ptr);
}

// Words end at blanks, and nothing may end a word that cannot be seen.
static bool refuse_nul(struct parser *p)
{
    const char *nul = memchr(p->at, '\0', (size_t)(p->end - p->at));
    const char *newline;
    while (nul && (newline = memchr(p->line_start, '\n', (size_t)(nul - p->line_start)))) {
        p->line++;
        p->line_start = newline + 1;
    }
    return !nul || fail(p, nul, "a NUL byte: this is no text file");
}

bool rules_parse_lines(struct rules *rules, const char *path, const char *text, size_t len,
                       char *error)
{
    struct parser p = {.rules = rules,
                       .path = path,
                       .at = text,
                       .end = text + len,
                       .line_start = text,
                       .line = 1,
                       .error = error};
    if (len && !refuse_nul(&p))
        return false;
    while (p.at < p.end) {
        struct text word = next_word(&p);
        if (word.ptr && !read_line(&p, word))
            return false;
        if (p.at < p.end) { // the newline
            p.at++;
            p.line++;
            p.line_start = p.at;
        }
    }
    return end_app(&p, p.at);
}
