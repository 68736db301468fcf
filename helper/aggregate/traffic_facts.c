// SPDX-License-Identifier: Apache-2.0
//
// traffic_facts.c - what an event's bytes count for: names, subscribers, rules, pseudonyms.

#include "helper/aggregate/traffic.h"
#include "helper/rules/domain.h"

#include <stdlib.h>
#include <string.h>

// The word of a name as reports show it: the registrable domain, unless --full-names. Of more names
// than there is room for the rest is `other`.
static uint32_t shown_name(struct traffic *t, struct text name)
{
    uint32_t word = intern_id_below(t->words, name, TRAFFIC_NAMES_MAX);
    if (t->options->full_names || word <= INTERN_OTHER)
        return word;
    if (word >= t->domains_size) {
        uint32_t size = word * 2 + 64;
        uint32_t *domains = realloc(t->domains, size * sizeof(*domains));
        if (!domains) {
            t->out_of_memory = true;
            return INTERN_OTHER;
        }
        memset(domains + t->domains_size, 0, (size - t->domains_size) * sizeof(*domains));
        t->domains = domains;
        t->domains_size = size;
    }
    if (!t->domains[word])
        t->domains[word] = intern_id_below(t->words, domain_of(name), TRAFFIC_NAMES_MAX);
    return t->domains[word];
}

// Where the answer of the rules came from, in words.
static struct text evidence_word(enum rule_evidence evidence, struct text of_name)
{
    switch (evidence) {
    case RULE_CIDR:
        return TEXT_LITERAL("cidr");
    case RULE_ASN:
        return TEXT_LITERAL("asn");
    case RULE_CONDITION:
        return TEXT_LITERAL("condition");
    default:
        return of_name;
    }
}

static struct rule_verdict apply_rules(struct traffic *t, const struct rules *rules,
                                       const struct flow_view *v, uint32_t *app, uint32_t *rate)
{
    const struct rule_flow flow = {.sub = v->sub,
                                   .peer = v->peer,
                                   .has_peer = v->has_peer,
                                   .proto = v->proto,
                                   .peer_port = v->peer_port,
                                   .name = v->name,
                                   .ts_us = v->rated_us};
    struct rule_verdict verdict;
    rules_match(rules, &flow, &verdict);
    t->asn_unreadable |= verdict.asn_unreadable;
    if (!verdict.app.ptr) {
        // nobody's: a name says at least that it is nothing free
        verdict.app = TEXT_LITERAL("none");
        verdict.rate = v->name.ptr ? TEXT_LITERAL("charged") : TEXT_LITERAL("unknown");
    }
    *app = intern_id(t->words, verdict.app);
    *rate = intern_id(t->words, verdict.rate);
    return verdict;
}

static void set_pseudonym(struct traffic *t, const struct flow_view *v, struct traffic_facts *f)
{
    const struct traffic_original original = {f->sub, f->subscriber};
    struct text name = intern_text(t->words, f->subscriber);
    f->sub =
        name.ptr ? pseudonym_of_name(t->pseudonyms, name) : pseudonym_of(t->pseudonyms, v->sub);
    f->subscriber = INTERN_NONE;
    struct traffic_original *kept =
        keymap_cell(t->originals, &f->sub, keymap_hash(t->originals, &f->sub));
    if (kept)
        *kept = original;
    else
        t->out_of_memory = true;
}

void traffic_find_subscriber(struct traffic *t, const struct flow_view *v, struct traffic_facts *f)
{
    struct text name = v->subscriber;
    if (v->has_sub)
        f->sub = v->sub;
    if (v->has_sub && t->subscribers)
        name = subscribers_find(t->subscribers, v->sub, v->owned_us);
    f->subscriber = intern_id(t->words, name);
    if (f->subscriber) // one row, whatever address it had
        memset(&f->sub, 0, sizeof(f->sub));
    if (t->pseudonyms && (v->has_sub || f->subscriber))
        set_pseudonym(t, v, f);
}

static void keep_word(void *context, struct text word)
{
    intern_id(((struct traffic *)context)->words, word);
}

void traffic_keep_words(struct traffic *t)
{
    static const char *const words[] = {"none", "charged", "unknown",   "free", "dns", "sni",
                                        "quic", "host",    "condition", "cidr", "asn"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        keep_word(t, text_of(words[i]));
    if (t->rules)
        rules_each_word(t->rules, keep_word, t);
    if (t->rules_before)
        rules_each_word(t->rules_before, keep_word, t);
}

void traffic_find_facts(struct traffic *t, struct text host, const struct flow_view *v,
                        struct traffic_facts *f)
{
    memset(f, 0, sizeof(*f));
    // words cost a look-up each: only those that something is added up by
    if (t->parts & PART_BIT(HOST))
        f->host = intern_id(t->words, host);
    if (t->parts & PART_BIT(IFACE))
        f->iface = intern_id(t->words, v->iface);
    if (t->parts & PART_BIT(NAME))
        f->name = shown_name(t, v->name);
    if (t->parts & PART_BIT(EVIDENCE))
        f->evidence = intern_id(t->words, v->evidence);
    if (v->has_peer)
        f->peer = v->peer;
    f->proto = v->proto;
    f->peer_port = v->peer_port;
    f->unverified = v->unverified;
    f->window_us = windows_start(&t->windows, v->at_us);
    traffic_find_subscriber(t, v, f);
    if (t->rules_before)
        apply_rules(t, t->rules_before, v, &f->app_before, &f->rate_before);
    if (t->rules) {
        struct rule_verdict verdict = apply_rules(t, t->rules, v, &f->app, &f->rate);
        f->evidence = intern_id(t->words, evidence_word(verdict.evidence, v->evidence));
        // a name that only the client vouches for, at an address that the app does not list
        f->unverified = verdict.evidence == RULE_NAME && v->unverified && !verdict.peer_listed;
    }
}
