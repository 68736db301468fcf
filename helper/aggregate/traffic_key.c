// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/traffic_key.h"

#include <stdio.h>
#include <string.h>

enum part_kind { KIND_TIME, KIND_IP, KIND_WORD, KIND_PORT, KIND_BYTE, KIND_HIDDEN };

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define PART(member, title, kind, unit)                                                            \
    {                                                                                              \
        #member, title, kind, unit, offsetof(struct traffic_facts, member),                        \
        sizeof(((struct traffic_facts *)NULL)->member)                                             \
    }
// clang-format on

static const struct {
    const char *key, *title;
    enum part_kind kind;
    enum unit unit;
    size_t offset, size;
} parts_table[PART_COUNT] = {
    [PART_WINDOW] = PART(window_us, "TIME", KIND_TIME, UNIT_US),
    [PART_HOST] = PART(host, "HOST", KIND_WORD, UNIT_NONE),
    [PART_IFACE] = PART(iface, "IFACE", KIND_WORD, UNIT_NONE),
    [PART_SUBSCRIBER] = PART(subscriber, "", KIND_HIDDEN, UNIT_NONE),
    [PART_SUB] = PART(sub, "SUBSCRIBER", KIND_IP, UNIT_NONE),
    [PART_PEER] = PART(peer, "PEER", KIND_IP, UNIT_NONE),
    [PART_PROTO] = PART(proto, "PROTO", KIND_BYTE, UNIT_ID),
    [PART_PEER_PORT] = PART(peer_port, "PORT", KIND_PORT, UNIT_PORT),
    [PART_NAME] = PART(name, "NAME", KIND_WORD, UNIT_NONE),
    [PART_APP_BEFORE] = PART(app_before, "APP BEFORE", KIND_WORD, UNIT_NONE),
    [PART_RATE_BEFORE] = PART(rate_before, "RATE BEFORE", KIND_WORD, UNIT_NONE),
    [PART_APP] = PART(app, "APP", KIND_WORD, UNIT_NONE),
    [PART_RATE] = PART(rate, "RATE", KIND_WORD, UNIT_NONE),
    [PART_EVIDENCE] = PART(evidence, "EVIDENCE", KIND_WORD, UNIT_NONE),
    [PART_UNVERIFIED] = PART(unverified, "UNVERIFIED", KIND_BYTE, UNIT_FLAG),
#undef PART
};

// What --by may name: not the window, which --window asks for, nor what is shown with another part.
static bool is_choice(int part)
{
    return parts_table[part].kind != KIND_HIDDEN && part != PART_WINDOW &&
           part != PART_APP_BEFORE && part != PART_RATE_BEFORE;
}

static bool find_part(const char *word, size_t len, uint32_t *parts)
{
    for (int i = 0; i < PART_COUNT; i++)
        if (is_choice(i) && strlen(parts_table[i].key) == len &&
            memcmp(parts_table[i].key, word, len) == 0) {
            *parts |= 1u << i;
            return true;
        }
    return false;
}

bool traffic_parts_parse(const char *by, uint32_t *parts)
{
    *parts = 0;
    while (*by) {
        size_t len = strcspn(by, ",");
        if (!find_part(by, len, parts)) {
            fprintf(stderr, "netvitals: --by: '%.*s' is no key of traffic; there are:", (int)len,
                    by);
            for (int i = 0; i < PART_COUNT; i++)
                if (is_choice(i))
                    fprintf(stderr, " %s", parts_table[i].key);
            fputc('\n', stderr);
            return false;
        }
        by += len + (by[len] == ',');
    }
    return true;
}

size_t traffic_key_size(uint32_t parts)
{
    size_t size = 0;
    for (int i = 0; i < PART_COUNT; i++)
        size += parts >> i & 1 ? parts_table[i].size : 0;
    return (size + 7) / 8 * 8;
}

// memcpy() of a size that the compiler does not know is a call, and keys are made for every event.
static void copy_member(uint8_t *to, const char *from, size_t size)
{
    switch (size) {
    case 16:
        memcpy(to, from, 16);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    default:
        *to = (uint8_t)*from;
        break;
    }
}

void traffic_key_pack(uint32_t parts, const struct traffic_facts *facts,
                      uint8_t key[TRAFFIC_KEY_MAX])
{
    uint8_t *at = key;
    for (; parts; parts &= parts - 1) {
        int part = __builtin_ctz(parts);
        copy_member(at, (const char *)facts + parts_table[part].offset, parts_table[part].size);
        at += parts_table[part].size;
    }
    memset(at, 0, (size_t)(key - at) & 7); // up to the whole word that ends the key
}

void traffic_key_unpack(uint32_t parts, const uint8_t *key, struct traffic_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    for (int i = 0; i < PART_COUNT; i++)
        if (parts >> i & 1) {
            memcpy((char *)facts + parts_table[i].offset, key, parts_table[i].size);
            key += parts_table[i].size;
        }
}

void traffic_key_columns(uint32_t parts, struct table *t, unsigned flags)
{
    for (int i = 0; i < PART_COUNT; i++)
        if (parts >> i & 1 && parts_table[i].kind != KIND_HIDDEN) {
            struct column column = {parts_table[i].key, parts_table[i].title, parts_table[i].unit,
                                    i == PART_WINDOW ? COLUMN_TIME : COLUMN_LABEL | flags};
            table_add_columns(t, &column, 1);
        }
}

static struct cell part_cell(int part, const struct traffic_facts *facts,
                             const struct intern *words, struct table *t)
{
    static const struct ip_addr absent;
    const char *member = (const char *)facts + parts_table[part].offset;
    const struct ip_addr *ip = (const struct ip_addr *)member;
    uint16_t port;
    switch (parts_table[part].kind) {
    case KIND_TIME:
        return cell_u64(facts->window_us);
    case KIND_HIDDEN:
        break;
    case KIND_IP:
        if (part == PART_SUB && facts->subscriber)
            return cell_text(intern_text(words, facts->subscriber));
        return ip_equal(*ip, absent) ? (struct cell){.kind = CELL_ABSENT} : cell_ip(t, *ip);
    case KIND_WORD:
        return cell_text(intern_text(words, *(const uint32_t *)member));
    case KIND_PORT:
        memcpy(&port, member, sizeof(port));
        return port ? cell_u64(port) : (struct cell){.kind = CELL_ABSENT};
    case KIND_BYTE:
        // protocol 0 (hop-by-hop) is never the last one, so 0 is free for "not known"
        return part == PART_PROTO && !*member ? (struct cell){.kind = CELL_ABSENT}
                                              : cell_u64((uint8_t)*member);
    }
    return (struct cell){.kind = CELL_ABSENT};
}

struct cell *traffic_key_cells(uint32_t parts, const struct traffic_facts *facts,
                               const struct intern *words, struct table *t, struct cell *at)
{
    for (int i = 0; i < PART_COUNT; i++)
        if (parts >> i & 1 && parts_table[i].kind != KIND_HIDDEN)
            *at++ = part_cell(i, facts, words, t);
    return at;
}
