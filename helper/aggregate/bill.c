// SPDX-License-Identifier: Apache-2.0
//
// bill.c - what --rules adds to the traffic report: per subscriber what is free, charged and
// unknown, by which evidence, against which quota, and what other rules would change. All of it is
// folded from traffic.accounts. What found no room there is in nobody's bill, and said to be so.

#include "helper/aggregate/traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---- the bill: a row a subscriber

enum { BILL_FREE, BILL_CHARGED, BILL_UNKNOWN, BILL_RATES };

// A name that is known later moves bytes to another rate.
static const struct column bill_columns[] = {
    {"free_bytes", "FREE", UNIT_BYTES, COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_SHARE},
    {"charged_bytes", "CHARGED", UNIT_BYTES, COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_SHARE},
    {"unknown_bytes", "UNKNOWN", UNIT_BYTES, COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_SHARE},
    {"free_packets", "FREE PACKETS", UNIT_PACKETS, COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_WIDE},
    {"charged_packets", "CHARGED PACKETS", UNIT_PACKETS,
     COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_WIDE},
    {"unknown_packets", "UNKNOWN PACKETS", UNIT_PACKETS,
     COLUMN_COUNTER | COLUMN_CORRECTED | COLUMN_WIDE},
    {"sni_unverified_bytes", "UNVERIFIED", UNIT_BYTES, COLUMN_COUNTER | COLUMN_CORRECTED},
};

struct bill_line {
    int64_t bytes[BILL_RATES], packets[BILL_RATES], unverified_bytes;
};

// Rates other than free and unknown cost something, whatever they are called.
static int rate_class(const struct traffic *t, uint32_t rate)
{
    struct text word = intern_text(t->words, rate);
    return text_equal(word, TEXT_LITERAL("free"))      ? BILL_FREE
           : text_equal(word, TEXT_LITERAL("unknown")) ? BILL_UNKNOWN
                                                       : BILL_CHARGED;
}

static void add_counts(struct bill_line *line, const struct traffic_counts *c, int rate)
{
    line->bytes[rate] = traffic_plus(line->bytes[rate], traffic_volume(c));
    line->packets[rate] =
        traffic_plus(line->packets[rate], traffic_plus(c->packets_up, c->packets_down));
}

static void add_to_bill(struct keymap *bill, const struct traffic *t, size_t i)
{
    struct traffic_facts facts;
    uint8_t key[TRAFFIC_KEY_MAX];
    const struct traffic_counts *c = keymap_cell_at(t->accounts.cells, i);
    traffic_key_unpack(t->accounts.parts, keymap_key_at(t->accounts.cells, i), &facts);
    traffic_key_pack(PART_BIT(SUBSCRIBER) | PART_BIT(SUB), &facts, key);
    struct bill_line *line = keymap_cell(bill, key, keymap_hash(bill, key));
    int rate = rate_class(t, facts.rate);
    if (!line)
        return;
    add_counts(line, c, rate);
    // only what is free is worth lying for
    if (rate == BILL_FREE && facts.unverified)
        line->unverified_bytes = traffic_plus(line->unverified_bytes, traffic_volume(c));
}

static struct cell positive(int64_t value)
{
    return value < 0 ? cell_i64(value) : cell_u64((uint64_t)value);
}

static int compare_first_cells(const struct cell *a, const struct cell *b, void *context)
{
    (void)context;
    if (a->kind != CELL_TEXT || b->kind != CELL_TEXT)
        return (int)b->kind - (int)a->kind;
    size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = memcmp(a->text.ptr, b->text.ptr, len);
    return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static void fill_line(const struct bill_line *line, struct cell *c)
{
    for (int rate = 0; rate < BILL_RATES; rate++) {
        c[rate] = positive(line->bytes[rate]);
        c[BILL_RATES + rate] = positive(line->packets[rate]);
    }
    c[2 * BILL_RATES] = positive(line->unverified_bytes);
}

// Behind the bills: what --max-keys left no room for.
static void fill_other(const struct traffic *t, struct table *table, struct report *report)
{
    struct bill_line line = {0};
    struct cell *c = traffic_counts_are_zero(&t->accounts.other) ? NULL : table_add_row(table);
    if (!c)
        return;
    add_counts(&line, &t->accounts.other, BILL_UNKNOWN);
    c[0] = cell_text(TEXT_LITERAL("other"));
    fill_line(&line, c + 1);
    report_note(report,
                "%" PRId64 " bytes are in nobody's bill: there were more subscribers, apps and "
                "kinds of evidence than --max-keys\n",
                traffic_volume(&t->accounts.other));
}

static void fill_bill(const struct traffic *t, struct report *report)
{
    const uint32_t parts = PART_BIT(SUBSCRIBER) | PART_BIT(SUB);
    struct table *table = report_add_section(report, "bill", "Bill");
    size_t accounts = keymap_count(t->accounts.cells);
    struct keymap *bill =
        keymap_new(traffic_key_size(parts), sizeof(struct bill_line), accounts + 1);
    for (size_t i = 0; bill && i < accounts; i++)
        add_to_bill(bill, t, i);
    if (table) {
        traffic_key_columns(parts, table, 0);
        table_add_columns(table, bill_columns, sizeof(bill_columns) / sizeof(*bill_columns));
    }
    for (size_t i = 0; bill && i < keymap_count(bill); i++) {
        struct traffic_facts facts;
        struct cell *c = table ? table_add_row(table) : NULL;
        if (!c)
            break;
        traffic_key_unpack(parts, keymap_key_at(bill, i), &facts);
        c = traffic_key_cells(parts, &facts, t->words, table, c);
        fill_line(keymap_cell_at(bill, i), c);
    }
    if (table) {
        table_sort(table, compare_first_cells, NULL);
        fill_other(t, table, report);
    }
    keymap_free(bill);
}

// ---- sections that are sums by fewer keys

static void fill_fold(const struct traffic *t, uint32_t parts, const char *name, const char *title,
                      struct report *report)
{
    struct table *table = report_add_section(report, name, title);
    struct traffic_sums sums = traffic_sums_fold(&t->accounts, parts);
    if (table && sums.cells)
        traffic_sums_table(t, &sums, 0, 0, table);
    traffic_sums_close(&sums);
}

// Only what has another app or rate than before.
static void fill_changes(const struct traffic *t, struct report *report)
{
    const uint32_t parts = PART_BIT(SUBSCRIBER) | PART_BIT(SUB) | PART_BIT(APP_BEFORE) |
                           PART_BIT(RATE_BEFORE) | PART_BIT(APP) | PART_BIT(RATE);
    struct table *table = report_add_section(report, "changes", "Changes by the new rules");
    struct traffic_sums changed;
    if (!table || !traffic_sums_open(&changed, parts, keymap_count(t->accounts.cells) + 1))
        return;
    for (size_t i = 0; i < keymap_count(t->accounts.cells); i++) {
        struct traffic_facts f;
        traffic_key_unpack(t->accounts.parts, keymap_key_at(t->accounts.cells, i), &f);
        if (f.app != f.app_before || f.rate != f.rate_before)
            traffic_sums_add(&changed, &f, keymap_cell_at(t->accounts.cells, i), 1);
    }
    traffic_sums_table(t, &changed, 0, 0, table);
    if (table->row_count == 0)
        report_note(report, "the new rules change nothing\n");
    traffic_sums_close(&changed);
}

// ---- quotas

static const struct column quota_columns[] = {
    {"rate", "RATE", UNIT_NONE, COLUMN_LABEL},
    {"used_bytes", "USED", UNIT_BYTES, COLUMN_STATE},
    {"quota_bytes", "QUOTA", UNIT_BYTES, COLUMN_STATE},
    {"used_ppm", "USED", UNIT_PPM, COLUMN_STATE},
    {"state", "STATE", UNIT_NONE, 0},
};

struct usage {
    struct traffic_facts facts;
    uint64_t used_bytes;
    const struct quota *quota; // NULL: none for this subscriber and rate
    enum check_state state;
};

static struct usage usage_at(const struct traffic *t, const struct traffic_sums *sums, size_t i)
{
    int64_t volume = traffic_volume(keymap_cell_at(sums->cells, i));
    struct usage u = {.used_bytes = volume > 0 ? (uint64_t)volume : 0};
    traffic_key_unpack(sums->parts, keymap_key_at(sums->cells, i), &u.facts);
    // quotas are of subscribers, also where they are shown by pseudonyms
    const struct traffic_original *o = keymap_find(t->originals, &u.facts.sub);
    u.quota = quota_find(t->quotas, intern_text(t->words, o ? o->subscriber : u.facts.subscriber),
                         o ? o->sub : u.facts.sub, intern_text(t->words, u.facts.rate));
    if (u.quota)
        u.state = u.used_bytes > u.quota->bytes        ? CHECK_CRITICAL
                  : u.used_bytes > u.quota->warn_bytes ? CHECK_WARNING
                                                       : CHECK_OK;
    return u;
}

static struct traffic_sums sums_by_rate(const struct traffic *t)
{
    return traffic_sums_fold(&t->accounts, PART_BIT(SUBSCRIBER) | PART_BIT(SUB) | PART_BIT(RATE));
}

static void fill_quotas(const struct traffic *t, struct report *report)
{
    static const char *const states[] = {"ok", "near", "passed"};
    const uint32_t who = PART_BIT(SUBSCRIBER) | PART_BIT(SUB);
    struct table *table = report_add_section(report, "quotas", "Quotas");
    struct traffic_sums sums = sums_by_rate(t);
    if (table) {
        traffic_key_columns(who, table, 0);
        table_add_columns(table, quota_columns, sizeof(quota_columns) / sizeof(*quota_columns));
    }
    for (size_t i = 0; sums.cells && i < keymap_count(sums.cells); i++) {
        struct usage u = usage_at(t, &sums, i);
        struct cell *c = u.quota && table ? table_add_row(table) : NULL;
        if (!c)
            continue;
        c = traffic_key_cells(who, &u.facts, t->words, table, c);
        c[0] = cell_text(intern_text(t->words, u.facts.rate));
        c[1] = cell_u64(u.used_bytes);
        c[2] = cell_u64(u.quota->bytes);
        c[3] = cell_u64((uint64_t)((unsigned __int128)u.used_bytes * 1000000 / u.quota->bytes));
        c[4] = cell_text(text_of(states[u.state]));
    }
    if (table)
        table_sort(table, compare_first_cells, NULL);
    traffic_sums_close(&sums);
}

enum check_state bill_check_quotas(const struct traffic *t, struct check_result *result)
{
    struct traffic_sums sums = sums_by_rate(t);
    enum check_state worst = CHECK_OK;
    struct usage first = {0};
    size_t judged = 0, beyond = 0;
    for (size_t i = 0; sums.cells && i < keymap_count(sums.cells); i++) {
        struct usage u = usage_at(t, &sums, i);
        judged += u.quota != NULL;
        beyond += u.state != CHECK_OK;
        // of the worst the one that used most of its quota
        if (u.state > worst ||
            (u.state == worst && worst != CHECK_OK && u.used_bytes > first.used_bytes)) {
            worst = u.state;
            first = u;
        }
    }
    if (first.quota) {
        char ip[IP_TEXT_MAX];
        struct text name = intern_text(t->words, first.facts.subscriber);
        struct text rate = intern_text(t->words, first.facts.rate);
        ip_format(first.facts.sub, ip);
        if (!name.ptr)
            name = text_of(ip);
        snprintf(result->text, sizeof(result->text),
                 "%zu of %zu quotas %s: %.*s has used %" PRIu64 " of %" PRIu64 " bytes %.*s",
                 beyond, judged, worst == CHECK_CRITICAL ? "passed" : "near",
                 (int)(name.len > 64 ? 64 : name.len), name.ptr, first.used_bytes,
                 first.quota->bytes, (int)(rate.len > 32 ? 32 : rate.len), rate.ptr);
    }
    traffic_sums_close(&sums);
    return worst;
}

// ---- what the bill was made with

static struct cell producers_cell(const struct traffic *t, struct table *table)
{
    char text[256];
    size_t len = 0;
    for (size_t i = 0; i < TRAFFIC_PRODUCERS && t->producers[i]; i++) {
        struct text version = intern_text(t->words, t->producers[i]);
        int printed = snprintf(text + len, sizeof(text) - len, "%s%.*s", i ? ", " : "",
                               (int)(version.len > 40 ? 40 : version.len), version.ptr);
        len += printed > 0 ? (size_t)printed : 0;
    }
    if (t->more_producers)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ", …");
    return len ? cell_copy(table, (struct text){text, len}) : (struct cell){.kind = CELL_ABSENT};
}

static void fill_made_with(const struct traffic *t, struct report *report)
{
    static const struct column columns[] = {
        {"rules_sha256", "RULES (SHA-256)", UNIT_NONE, COLUMN_LABEL},
        {"rules_before_sha256", "RULES BEFORE (SHA-256)", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
        {"asn_file_sha256", "ASN FILE (SHA-256)", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
        {"xdpacct_version", "XDPACCT", UNIT_NONE, COLUMN_LABEL},
        {"netvitals_version", "NETVITALS", UNIT_NONE, COLUMN_LABEL},
    };
    struct table *table = report_add_section(report, "made_with", "Made with");
    if (!table)
        return;
    table_add_columns(table, columns, sizeof(columns) / sizeof(*columns));
    struct cell *c = table_add_row(table);
    if (!c)
        return;
    c[0] = cell_text(text_of(rules_hash(t->rules)));
    if (t->rules_before)
        c[1] = cell_text(text_of(rules_hash(t->rules_before)));
    if (rules_asn_hash(t->rules))
        c[2] = cell_text(text_of(rules_asn_hash(t->rules)));
    c[3] = producers_cell(t, table);
    c[4] = cell_text(TEXT_LITERAL(NETVITALS_VERSION));
}

// Rules cannot go by what a summary left out.
static void note_lacks(const struct traffic *t, struct report *report)
{
    static const struct {
        enum rules_ask ask;
        const char *what;
    } lacks[] = {
        {RULES_ASK_NAME, "host names in full (--full-names)"},
        {RULES_ASK_PEER, "peers (--by peer)"},
        {RULES_ASK_PORT, "protocols and ports (--by proto,peer_port)"},
        {RULES_ASK_TIME, "times (--window)"},
        {RULES_ASK_SUBSCRIBER, "addresses of subscribers (--by sub, without --subscribers)"},
    };
    unsigned lacking = t->lacks & rules_asks(t->rules);
    for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
        if (lacking & lacks[i].ask)
            report_note(
                report,
                "the rules ask for what some summaries do not tell, so the bill is not what "
                "the events would give: %s\n",
                lacks[i].what);
}

void bill_fill(const struct traffic *t, struct report *report)
{
    fill_made_with(t, report);
    fill_bill(t, report);
    fill_fold(t, PART_BIT(RATE) | PART_BIT(EVIDENCE), "evidence", "By evidence", report);
    if (t->quotas)
        fill_quotas(t, report);
    if (t->rules_before)
        fill_changes(t, report);
    note_lacks(t, report);
    if (t->asn_unreadable)
        report_note(report, "the asn-file is damaged, or has no AS numbers: rules by asn took less "
                            "than they should\n");
}
