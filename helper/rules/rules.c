// SPDX-License-Identifier: Apache-2.0
//
// rules.c - loads a rule file and matches flows against it.

#include "helper/rules/rules.h"
#include "helper/rules/rules_words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_FILE_MAX = 64 * 1024 * 1024 };
#define NO_APP UINT32_MAX

static void hash_text(const void *bytes, size_t len, char out[RULES_HASH_TEXT])
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, len, bytes);
    sha256_digest(&ctx, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static int compare_asns(const void *a, const void *b)
{
    const struct asn_use *x = a, *y = b;
    if (x->asn != y->asn)
        return x->asn < y->asn ? -1 : 1;
    return (x->use.app > y->use.app) - (x->use.app < y->use.app);
}

static bool build_asns(struct rules *rules)
{
    rules->asn_uses = calloc(rules->asn_count + 1, sizeof(*rules->asn_uses));
    if (!rules->asn_uses)
        return false;
    if (rules->asn_count)
        qsort(rules->asns, rules->asn_count, sizeof(*rules->asns), compare_asns);
    for (size_t i = 0; i < rules->asn_count; i++)
        rules->asn_uses[i] = rules->asns[i].use;
    return true;
}

static bool list_open_apps(struct rules *rules)
{
    rules->open_apps = calloc(rules->app_count + 1, sizeof(*rules->open_apps));
    for (uint32_t i = 0; rules->open_apps && i < rules->app_count; i++)
        if (!rules->apps[i].selects)
            rules->open_apps[rules->open_count++] = i;
    return rules->open_apps != NULL;
}

struct rules *rules_parse(const char *path, const char *text, size_t len,
                          char error[RULES_ERROR_MAX])
{
    struct rules *rules = calloc(1, sizeof(*rules));
    if (!rules) {
        snprintf(error, RULES_ERROR_MAX, "%s: out of memory", path);
        return NULL;
    }
    hash_text(text, len, rules->hash);
    if (!rules_parse_lines(rules, path, text, len, error)) {
        rules_free(rules);
        return NULL;
    }
    if (!build_asns(rules) || !list_open_apps(rules) || !name_index_build(&rules->names) ||
        !prefix_index_build(&rules->peers) || !prefix_index_build(&rules->subscribers)) {
        snprintf(error, RULES_ERROR_MAX, "%s: out of memory", path);
        rules_free(rules);
        return NULL;
    }
    if (rules->has_asn_file)
        hash_text(rules->asn_file.file_content, (size_t)rules->asn_file.file_size, rules->asn_hash);
    return rules;
}

struct rules *rules_load(const char *path, char error[RULES_ERROR_MAX])
{
    FILE *f = fopen(path, "r");
    char *text = f ? malloc(RULE_FILE_MAX) : NULL;
    struct rules *rules = NULL;
    if (!f || !text) {
        snprintf(error, RULES_ERROR_MAX, "%s: %s", path, strerror(errno));
    } else {
        size_t len = fread(text, 1, RULE_FILE_MAX, f);
        if (ferror(f) || len == RULE_FILE_MAX)
            snprintf(error, RULES_ERROR_MAX, "%s: %s", path,
                     ferror(f) ? strerror(errno) : "larger than 64 MiB");
        else
            rules = rules_parse(path, text, len, error);
    }
    free(text);
    if (f)
        fclose(f);
    return rules;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->app_count; i++) {
        free((char *)rules->apps[i].name.ptr);
        free((char *)rules->apps[i].rate.ptr);
        free(rules->apps[i].ports);
        free(rules->apps[i].times);
    }
    for (size_t i = 0; i < rules->group_count; i++) {
        free((char *)rules->groups[i].name.ptr);
        free(rules->groups[i].prefixes);
    }
    free(rules->apps);
    free(rules->open_apps);
    free(rules->groups);
    free(rules->asns);
    free(rules->asn_uses);
    name_index_free(&rules->names);
    prefix_index_free(&rules->peers);
    prefix_index_free(&rules->subscribers);
    if (rules->has_asn_file)
        MMDB_close(&rules->asn_file);
    free(rules);
}

const char *rules_hash(const struct rules *rules)
{
    return rules->hash;
}

const char *rules_asn_hash(const struct rules *rules)
{
    return rules->has_asn_file ? rules->asn_hash : NULL;
}

unsigned rules_asks(const struct rules *rules)
{
    unsigned asks = (rules->names.count ? RULES_ASK_NAME : 0) |
                    (rules->peers.count || rules->asn_count ? RULES_ASK_PEER : 0) |
                    (rules->subscribers.count ? RULES_ASK_SUBSCRIBER : 0);
    for (size_t i = 0; i < rules->app_count; i++)
        asks |= (rules->apps[i].port_count ? RULES_ASK_PORT : 0) |
                (rules->apps[i].time_count ? RULES_ASK_TIME : 0);
    return asks;
}

bool rules_have_rate(const struct rules *rules, struct text rate)
{
    bool found =
        text_equal(rate, TEXT_LITERAL("charged")) || text_equal(rate, TEXT_LITERAL("unknown"));
    for (size_t i = 0; i < rules->app_count && !found; i++)
        found = text_equal(rate, rules->apps[i].rate);
    return found;
}

void rules_each_word(const struct rules *rules, void (*word)(void *context, struct text word),
                     void *context)
{
    for (size_t i = 0; i < rules->app_count; i++) {
        word(context, rules->apps[i].name);
        word(context, rules->apps[i].rate);
    }
}

// ---- matching

// The AS number of an address, 0 if the file knows none. *unreadable is set if the file has an
// entry for the address that cannot be read, or says nothing of an AS: then it is damaged, or of
// another kind.
static uint32_t asn_of(const struct rules *rules, struct ip_addr ip, bool *unreadable)
{
    int error;
    MMDB_entry_data_s data;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    if (ip_is_v4(ip)) {
        address.in.sin_family = AF_INET;
        memcpy(&address.in.sin_addr, ip.bytes + 12, 4);
    } else {
        address.in6.sin6_family = AF_INET6;
        memcpy(&address.in6.sin6_addr, ip.bytes, 16);
    }
    MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr((MMDB_s *)&rules->asn_file, &address.sa, &error);
    if (error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR ||
        (error == MMDB_SUCCESS && !found.found_entry))
        return 0;
    if (error == MMDB_SUCCESS &&
        MMDB_get_value(&found.entry, &data, "autonomous_system_number", NULL) == MMDB_SUCCESS &&
        data.has_data && data.type == MMDB_DATA_TYPE_UINT32)
        return data.uint32;
    *unreadable = true;
    return 0;
}

static bool has_subscriber(const struct rules *rules, uint32_t app, struct ip_addr sub)
{
    const struct use_list uses = prefix_index_find(&rules->subscribers, sub);
    for (uint32_t i = 0; i < uses.count; i++)
        if (uses.items[i].app == app)
            return true;
    return false;
}

static bool in_window(const struct time_window *w, int64_t local_s)
{
    int64_t day = local_s / 86400;
    uint16_t minute = (uint16_t)(local_s % 86400 / 60);
    unsigned weekday = (unsigned)((day + 3) % 7); // 1970-01-01 was a Thursday
    if (w->until > w->from)
        return w->days >> weekday & 1 && minute >= w->from && minute < w->until;
    // over midnight: the evening of this day, or the morning after the one before
    return (w->days >> weekday & 1 && minute >= w->from) ||
           (w->days >> (weekday + 6) % 7 & 1 && minute < w->until);
}

static bool conditions_hold(const struct rules *rules, uint32_t number,
                            const struct rule_flow *flow)
{
    const struct app *app = &rules->apps[number];
    bool port = !app->has_port, when = app->time_count == 0;
    for (size_t i = 0; i < app->port_count; i++) {
        const struct port_range *r = &app->ports[i];
        bool hit =
            flow->proto == r->proto && flow->peer_port >= r->first && flow->peer_port <= r->last;
        if (hit && r->exclude)
            return false;
        port |= hit;
    }
    for (size_t i = 0; i < app->time_count && !when; i++)
        when = in_window(&app->times[i], (int64_t)(flow->ts_us / 1000000) + rules->zone_s);
    return port && when && (!app->has_subscribers || has_subscriber(rules, number, flow->sub));
}

// The lists that a flow is in, and what put it there: names from the whole one to its last label,
// then prefix, then AS.
struct search {
    const struct rules *rules;
    const struct rule_flow *flow;
    struct use_list hits[NAME_HITS_MAX + 2];
    size_t hit_count, name_hits;
    struct use_list prefix, asn;
    bool asn_unreadable;
    uint32_t best;
    enum rule_evidence evidence;
};

static bool lists_app(const struct use_list *uses, uint32_t app, bool exclude)
{
    for (uint32_t i = 0; i < uses->count && uses->items[i].app <= app; i++)
        if (uses->items[i].app == app && uses->items[i].exclude == exclude)
            return true;
    return false;
}

static bool takes(const struct search *s, uint32_t app)
{
    for (size_t i = 0; i < s->hit_count; i++)
        if (lists_app(&s->hits[i], app, true))
            return false;
    return conditions_hold(s->rules, app, s->flow);
}

// The first app of a list that is ahead of the best one so far and takes the flow.
static void try_list(struct search *s, const struct use_list *list, enum rule_evidence evidence)
{
    for (uint32_t i = 0; i < list->count && list->items[i].app < s->best; i++) {
        if (list->items[i].exclude || !takes(s, list->items[i].app))
            continue;
        s->best = list->items[i].app;
        s->evidence = evidence;
        return;
    }
}

// The uses of an AS number.
static struct use_list find_asn(const struct rules *rules, uint32_t asn)
{
    size_t low = 0, high = rules->asn_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules->asns[middle].asn < asn)
            low = middle + 1;
        else
            high = middle;
    }
    struct use_list list = {rules->asn_uses + low, 0};
    while (low + list.count < rules->asn_count && rules->asns[low + list.count].asn == asn)
        list.count++;
    return list;
}

static void collect_hits(struct search *s)
{
    const struct rules *rules = s->rules;
    const struct rule_flow *flow = s->flow;
    s->prefix = s->asn = (struct use_list){0};
    s->asn_unreadable = false;
    if (flow->has_peer)
        s->prefix = prefix_index_find(&rules->peers, flow->peer);
    if (rules->asn_count && flow->has_peer)
        s->asn = find_asn(rules, asn_of(rules, flow->peer, &s->asn_unreadable));
    s->name_hits = s->hit_count = name_index_find(&rules->names, flow->name, s->hits);
    if (s->prefix.count)
        s->hits[s->hit_count++] = s->prefix;
    if (s->asn.count)
        s->hits[s->hit_count++] = s->asn;
}

void rules_match(const struct rules *rules, const struct rule_flow *flow, struct rule_verdict *out)
{
    struct search s;
    s.rules = rules;
    s.flow = flow;
    s.best = NO_APP;
    s.evidence = RULE_NONE;
    collect_hits(&s);
    for (size_t i = 0; i < s.name_hits; i++)
        try_list(&s, &s.hits[i], RULE_NAME);
    try_list(&s, &s.prefix, RULE_CIDR);
    try_list(&s, &s.asn, RULE_ASN);
    for (size_t i = 0; i < rules->open_count && rules->open_apps[i] < s.best; i++) {
        if (!takes(&s, rules->open_apps[i]))
            continue;
        s.best = rules->open_apps[i];
        s.evidence = RULE_CONDITION;
    }
    *out = (struct rule_verdict){.evidence = s.evidence, .asn_unreadable = s.asn_unreadable};
    if (s.best == NO_APP)
        return;
    out->app = rules->apps[s.best].name;
    out->rate = rules->apps[s.best].rate;
    out->peer_listed = lists_app(&s.prefix, s.best, false) || lists_app(&s.asn, s.best, false);
}
