// SPDX-License-Identifier: Apache-2.0
//
// traffic_keys.c - the keys of --by: their names, columns and cells. A new one is a row here, a
// member of struct traffic_key, and a line where traffic.c makes keys.

#include "helper/aggregate/traffic.h"

#include <stdio.h>
#include <string.h>

static const struct column dimensions[TRAFFIC_DIMENSIONS] = {
    [BY_HOST] = {"host", "HOST", UNIT_NONE, COLUMN_LABEL},
    [BY_IFACE] = {"iface", "IFACE", UNIT_NONE, COLUMN_LABEL},
    [BY_SUB] = {"sub", "SUBSCRIBER", UNIT_NONE, COLUMN_LABEL},
    [BY_PEER] = {"peer", "PEER", UNIT_NONE, COLUMN_LABEL},
    [BY_PROTO] = {"proto", "PROTO", UNIT_ID, COLUMN_LABEL},
    [BY_PEER_PORT] = {"peer_port", "PORT", UNIT_PORT, COLUMN_LABEL},
    [BY_NAME] = {"name", "NAME", UNIT_NONE, COLUMN_LABEL},
    [BY_EVIDENCE] = {"evidence", "EVIDENCE", UNIT_NONE, COLUMN_LABEL},
    [BY_UNVERIFIED] = {"unverified", "UNVERIFIED", UNIT_FLAG, COLUMN_LABEL},
};

static bool parse_word(const char *word, size_t len, unsigned *by)
{
    for (unsigned d = 0; d < TRAFFIC_DIMENSIONS; d++)
        if (strlen(dimensions[d].key) == len && memcmp(dimensions[d].key, word, len) == 0) {
            *by |= 1u << d;
            return true;
        }
    return false;
}

bool traffic_by_parse(const char *text, unsigned *by)
{
    *by = 0;
    while (*text) {
        size_t len = strcspn(text, ",");
        if (!parse_word(text, len, by)) {
            fprintf(stderr, "netvitals: --by: '%.*s' is no key of traffic; there are:", (int)len,
                    text);
            for (unsigned d = 0; d < TRAFFIC_DIMENSIONS; d++)
                fprintf(stderr, " %s", dimensions[d].key);
            fputc('\n', stderr);
            return false;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

size_t traffic_key_columns(unsigned by, struct column *out)
{
    size_t count = 0;
    for (unsigned d = 0; d < TRAFFIC_DIMENSIONS; d++)
        if (by >> d & 1)
            out[count++] = dimensions[d];
    return count;
}

static struct cell key_cell(const struct traffic *t, const struct traffic_key *k,
                            enum traffic_dimension d, struct table *table)
{
    static const struct cell absent = {.kind = CELL_ABSENT};
    switch (d) {
    case BY_HOST:
        return cell_text(intern_text(t->words, k->host));
    case BY_IFACE:
        return cell_text(intern_text(t->words, k->iface));
    case BY_SUB:
        if (k->subscriber)
            return cell_text(intern_text(t->words, k->subscriber));
        return k->has & HAS_SUB ? cell_ip(table, k->sub) : absent;
    case BY_PEER:
        return k->has & HAS_PEER ? cell_ip(table, k->peer) : absent;
    case BY_PROTO:
        return k->has & HAS_PROTO ? cell_u64(k->proto) : absent;
    case BY_PEER_PORT:
        return k->has & HAS_PEER_PORT ? cell_u64(k->peer_port) : absent;
    case BY_NAME:
        return cell_text(intern_text(t->words, k->name));
    case BY_EVIDENCE:
        return cell_text(intern_text(t->words, k->evidence));
    default:
        return cell_u64(k->unverified);
    }
}

size_t traffic_key_cells(const struct traffic *t, const struct traffic_key *key,
                         struct table *table, struct cell *out)
{
    size_t count = 0;
    for (unsigned d = 0; d < TRAFFIC_DIMENSIONS; d++)
        if (t->by >> d & 1)
            out[count++] = key_cell(t, key, (enum traffic_dimension)d, table);
    return count;
}
