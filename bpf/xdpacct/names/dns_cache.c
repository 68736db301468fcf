// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/dns_cache.h"

#include <string.h>

struct pair {
    struct ip_addr sub, ip;
};

struct told {
    name_id name, last;
    uint32_t at_s, valid_s;
};

struct entry {
    struct pair pair;                        // key
    struct told told[DNS_NAMES_PER_ADDRESS]; // newest first; name 0: none
};

static void forget(void *context, void *item)
{
    struct dns_cache *c = context;
    struct entry *e = item;
    for (int i = 0; i < DNS_NAMES_PER_ADDRESS; i++) {
        name_pool__drop(c->pool, e->told[i].name);
        name_pool__drop(c->pool, e->told[i].last);
    }
}

bool dns_cache__open(struct dns_cache *c, uint32_t addresses, struct name_pool *pool)
{
    *c = (struct dns_cache){.pool = pool};
    c->addresses = (struct lru){.capacity = addresses,
                                .item_size = sizeof(struct entry),
                                .key_size = sizeof(struct pair),
                                .forget = forget,
                                .context = c};
    return lru__open(&c->addresses);
}

void dns_cache__close(struct dns_cache *c)
{
    lru__close(&c->addresses);
}

// Time may stand still or, between captures, go back: then an answer is not old.
static bool counts(const struct told *told, uint32_t now_s)
{
    return told->name && (now_s <= told->at_s || now_s - told->at_s <= told->valid_s);
}

static uint32_t validity(uint32_t ttl_s)
{
    if (ttl_s < DNS_VALID_MIN_S)
        return DNS_VALID_MIN_S;
    return ttl_s < DNS_VALID_MAX_S ? ttl_s : DNS_VALID_MAX_S;
}

// Whether the subscriber may have one more address.
static bool admit(struct dns_cache *c, const struct ip_addr *sub, uint32_t now_s)
{
    struct dns_share *share = &c->shares[lru__hash(&c->addresses, sub, sizeof(*sub)) % DNS_SHARES];
    if (share->period != now_s / DNS_SHARE_S)
        *share = (struct dns_share){.period = now_s / DNS_SHARE_S};
    if (share->count == DNS_SHARE_MAX) {
        c->over_limit++;
        return false;
    }
    share->count++;
    return true;
}

bool dns_cache__learn(struct dns_cache *c, struct ip_addr sub, const struct dns_address *address,
                      const struct host_name *name, const struct host_name *last, uint32_t now_s)
{
    struct pair pair = {sub, address->ip};
    struct entry *e = lru__find(&c->addresses, &pair);
    if (!e && !admit(c, &sub, now_s))
        return false;
    if (!e)
        e = lru__add(&c->addresses, &pair);
    struct told told = {.name = name_pool__hold(c->pool, name),
                        .last = name_pool__hold(c->pool, last),
                        .at_s = now_s,
                        .valid_s = validity(address->ttl_s)};
    if (!told.name) {
        name_pool__drop(c->pool, told.last);
        return false;
    }
    int i = 0;
    while (i < DNS_NAMES_PER_ADDRESS - 1 && e->told[i].name && e->told[i].name != told.name)
        i++;
    bool known = e->told[i].name == told.name && counts(&e->told[i], now_s);
    name_pool__drop(c->pool, e->told[i].name);
    name_pool__drop(c->pool, e->told[i].last);
    memmove(&e->told[1], &e->told[0], (size_t)i * sizeof(e->told[0]));
    e->told[0] = told;
    return !known;
}

struct dns_match dns_cache__find(struct dns_cache *c, struct ip_addr sub, struct ip_addr ip,
                                 uint32_t now_s)
{
    struct pair pair = {sub, ip};
    struct dns_match match = {0};
    const struct entry *e = lru__find(&c->addresses, &pair);
    for (int i = 0; e && i < DNS_NAMES_PER_ADDRESS; i++) {
        if (!counts(&e->told[i], now_s))
            continue;
        if (match.name)
            match.ambiguous = true;
        else
            match.name = e->told[i].name;
    }
    return match;
}

bool dns_cache__verifies(struct dns_cache *c, struct ip_addr sub, struct ip_addr ip, name_id name,
                         uint32_t now_s)
{
    struct pair pair = {sub, ip};
    const struct entry *e = lru__find(&c->addresses, &pair);
    for (int i = 0; e && i < DNS_NAMES_PER_ADDRESS; i++)
        if (counts(&e->told[i], now_s) && (e->told[i].name == name || e->told[i].last == name))
            return true;
    return false;
}
