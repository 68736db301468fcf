// SPDX-License-Identifier: Apache-2.0
//
// scan.c - a line mostly repeats the one before it: the same keys in the same order, and of many
// keys the same value. So a key is compared with the one that followed last time, and its value
// with the value of last time; only what differs is looked up and parsed. Beside saving work, this
// lets the processor run ahead, since where a value ends is known before its bytes are. Bytes are
// compared, and the ends of strings and numbers found, 16 at a time; digits are read 8 at a time.

#include "helper/decode/scan.h"
#include "helper/decode/field_value.h"
#include "helper/decode/scan_bytes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BYTES = 32, // the longest `"key":`
    SLOTS = 256,    // of a name table; more than twice the names; a byte numbers them
    NO_NAME = 255,
    FIELDS_MAX = 64 + COMMON_FIELD_COUNT,
    NO_LAST = 1 << BLOCK, // a bit that no comparison gives
    // A value that changed this often within so many lines is not remembered for the rest of them.
    CHANGES_MAX = 16,
    ROUND_LINES = 256,
};

// ---- names to numbers

struct name_table {
    uint8_t slots[SLOTS];
};

static unsigned slot_of(const char *name, size_t len)
{
    uint64_t head = load64(name), tail = 0;
    if (len < 8)
        head &= ((uint64_t)1 << len * 8) - 1;
    else
        tail = load64(name + len - 8);
    uint64_t mixed =
        (head + len) * UINT64_C(0x9e3779b97f4a7c15) ^ tail * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (unsigned)(mixed * UINT64_C(0xff51afd7ed558ccd) >> 56);
}

static void name_table_add(struct name_table *t, const char *name, size_t len, uint8_t number)
{
    char padded[64 + 8] = {0};
    memcpy(padded, name, len);
    unsigned slot = slot_of(padded, len);
    while (t->slots[slot] != NO_NAME)
        slot = (slot + 1) % SLOTS;
    t->slots[slot] = number;
}

// ---- tables made from the schema

// Bytes to compare with.
struct pattern {
    char bytes[KEY_BYTES];
    uint32_t length;
    uint32_t mask; // a bit for each
};

// The value that a field had last, to be known again by its bytes.
struct last_value {
    char bytes[BLOCK]; // as it stood in the line, and the byte behind it
    uint32_t length;   // without that byte
    uint32_t mask;     // a bit for each byte that counts, or NO_LAST
    uint32_t changes;  // in this round of lines
    union {
        uint64_t number;
        struct ip_addr ip;
    };
};

struct scan_field {
    struct pattern key; // `"key":`
    struct last_value last;
    uint64_t present;        // bit in event.present
    uint64_t largest;        // integers
    uint32_t offset;         // within struct event
    uint8_t type;            // enum field_type
    struct scan_field *next; // the field that followed this one in the last line
};

struct scan_event {
    const struct event_info *info;
    struct pattern name; // `NAME"`
    size_t size;         // bytes of struct event that this one uses
    size_t field_count;
    uint64_t lines;
    struct scan_field *first; // the field that came first in the last line
    struct scan_field fields[FIELDS_MAX];
    struct name_table keys;
};

struct scan {
    struct scan_event *last; // of the last line
    struct name_table types;
    struct scan_event *events[EV_COUNT]; // NULL until the first line of the type
};

_Static_assert(EV_COUNT < SLOTS / 2, "the table of event types is too full");
_Static_assert(FIELDS_MAX < SLOTS / 2, "the table of keys is too full");
#define EVENT(e, doc) _Static_assert(sizeof(#e) <= KEY_BYTES, #e " is too long: raise KEY_BYTES");
#define FIELD(e, key, type, unit, need, doc)                                                       \
    _Static_assert(sizeof(#key) + 2 <= KEY_BYTES, #key " is too long: raise KEY_BYTES");
#define END(e)
#include "schema/events.def"

static size_t value_size(enum field_type type)
{
    return type == FIELD_TEXT ? sizeof(struct text)
           : type == FIELD_IP ? sizeof(struct ip_addr)
                              : sizeof(uint64_t);
}

// before, text and after together are at most KEY_BYTES.
static void pattern_set(struct pattern *p, const char *before, const char *text, const char *after)
{
    char bytes[KEY_BYTES + 1] = {0};
    p->length = (uint32_t)snprintf(bytes, sizeof(bytes), "%s%s%s", before, text, after);
    p->mask = (uint32_t)((UINT64_C(1) << p->length) - 1);
    memcpy(p->bytes, bytes, sizeof(p->bytes));
}

static void add_field(struct scan_event *e, const struct field_info *field, uint64_t present)
{
    uint8_t number = (uint8_t)e->field_count++;
    struct scan_field *f = &e->fields[number];
    pattern_set(&f->key, "\"", field->key, "\":");
    f->present = present;
    f->largest = field_largest(field);
    f->offset = (uint32_t)field->offset;
    f->type = (uint8_t)field->type;
    f->next = f + 1;
    f->last.mask = NO_LAST;
    name_table_add(&e->keys, field->key, field->key_len, number);
    size_t end = field->offset + value_size(field->type);
    e->size = end > e->size ? end : e->size;
}

// The tables of an event type; a stream has few of them. NULL if there is no memory.
static struct scan_event *event_of(struct scan *s, size_t type)
{
    struct scan_event *e = s->events[type];
    const struct event_info *info = &event_table[type];
    if (e || !(e = calloc(1, sizeof(*e))))
        return e;
    e->info = info;
    pattern_set(&e->name, "", info->name, "\"");
    memset(&e->keys, NO_NAME, sizeof(e->keys));
    for (size_t i = 0; i < COMMON_FIELD_COUNT; i++)
        add_field(e, &common_fields[i], 0);
    for (size_t i = 0; i < info->field_count; i++)
        add_field(e, &info->fields[i], UINT64_C(1) << i);
    e->first = e->fields;
    e->fields[e->field_count - 1].next = e->fields;
    return s->events[type] = e;
}

struct scan *scan_new(void)
{
    struct scan *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    memset(&s->types, NO_NAME, sizeof(s->types));
    for (size_t i = 0; i < EV_COUNT; i++)
        name_table_add(&s->types, event_table[i].name, event_table[i].name_len, (uint8_t)i);
    if ((s->last = event_of(s, EV_begin)))
        return s;
    free(s);
    return NULL;
}

void scan_free(struct scan *s)
{
    for (size_t i = 0; s && i < EV_COUNT; i++)
        free(s->events[i]);
    free(s);
}

// ---- keys and values

static HOT bool matches(const struct pattern *t, const char *p)
{
    if (~same_bytes(p, t->bytes) & t->mask & (NO_LAST - 1))
        return false;
    return t->length <= BLOCK || // most are
           !(~same_bytes(p + BLOCK, t->bytes + BLOCK) & t->mask >> BLOCK);
}

enum key_kind { KEY_KNOWN, KEY_UNKNOWN, KEY_ODD };

// The key at p, its quote, when it is not the one expected.
static enum key_kind find_key(struct scan_event *e, const char *p, struct scan_field **field,
                              const char **value)
{
    const char *name = p + 1;
    if (*p != '"')
        return KEY_ODD;
    const char *end = string_end(name);
    size_t len = (size_t)(end - name);
    if (end[0] != '"' || end[1] != ':')
        return KEY_ODD;
    *value = end + 2;
    for (unsigned slot = slot_of(name, len); e->keys.slots[slot] != NO_NAME;
         slot = (slot + 1) % SLOTS) {
        *field = &e->fields[e->keys.slots[slot]];
        if (matches(&(*field)->key, p))
            return KEY_KNOWN;
    }
    // a second `type` and the bytes of a text in hexadecimal are json-c's business
    if ((len == 4 && memcmp(name, "type", 4) == 0) || (len > 4 && memcmp(end - 4, "_hex", 4) == 0))
        return KEY_ODD;
    return KEY_UNKNOWN;
}

// The value of a key that nobody reads. Returns its end, or NULL if it is odd.
static const char *skip_value(const char *p)
{
    uint64_t ignored;
    if (*p != '"')
        return integer(p, &ignored);
    p = string_end(p + 1);
    return *p == '"' ? p + 1 : NULL;
}

static HOT const char *take_text(const char *p, void *member)
{
    const char *end = *p == '"' ? string_end(p + 1) : p;
    if (*end != '"' || end == p)
        return NULL;
    struct text text = {p + 1, (size_t)(end - p - 1)};
    memcpy(member, &text, sizeof(text));
    return end + 1;
}

static HOT const char *take_ip(const char *p, void *member)
{
    struct ip_addr ip;
    if (*p != '"')
        return NULL;
    const char *end = dotted_quad(p + 1, &ip);
    if (!end) {
        end = string_end(p + 1);
        if (*end != '"' || !ip_parse(p + 1, (size_t)(end - p - 1), &ip))
            return NULL;
    }
    memcpy(member, &ip, sizeof(ip));
    return end + 1;
}

// The value at p into its field. Returns its end, or NULL if it is odd.
static HOT const char *take_value(const struct scan_field *f, const char *p, struct event *out)
{
    void *member = (char *)out + f->offset;
    uint64_t value;
    if (f->type == FIELD_TEXT)
        return take_text(p, member);
    if (f->type == FIELD_IP)
        return take_ip(p, member);
    p = integer(p, &value);
    if (!p || value > f->largest)
        return NULL;
    memcpy(member, &value, sizeof(value));
    return p;
}

// The value at p into its field, if it is the field's last one: whether it is.
static HOT bool repeat_value(const struct scan_field *f, const char *p, struct event *out)
{
    if ((same_bytes(p, f->last.bytes) & f->last.mask) != f->last.mask)
        return false;
    void *member = (char *)out + f->offset;
    struct text text = {p + 1, f->last.length - 2};
    if (f->type == FIELD_TEXT)
        memcpy(member, &text, sizeof(text));
    else if (f->type == FIELD_IP)
        memcpy(member, &f->last.ip, sizeof(f->last.ip));
    else
        memcpy(member, &f->last.number, sizeof(f->last.number));
    return true;
}

// Keeps the value at p, which ends at end and was taken into its field, for repeat_value().
static HOT void remember_value(struct scan_field *f, const char *p, const char *end,
                               const struct event *out)
{
    struct last_value *last = &f->last;
    size_t length = (size_t)(end - p);
    const void *member = (const char *)out + f->offset;
    if (length >= BLOCK || ++last->changes == CHANGES_MAX) {
        last->changes = CHANGES_MAX;
        last->mask = NO_LAST;
        return;
    }
    memcpy(last->bytes, p, BLOCK);
    last->length = (uint32_t)length;
    last->mask = (UINT32_C(2) << length) - 1;
    if (f->type == FIELD_IP)
        memcpy(&last->ip, member, sizeof(last->ip));
    else if (f->type != FIELD_TEXT)
        memcpy(&last->number, member, sizeof(last->number));
}

static void begin_round(struct scan_event *e)
{
    for (size_t i = 0; i < e->field_count; i++)
        e->fields[i].last.changes = 0;
}

// Looks the name up that the string at name is, when it is not the last line's. Its end goes to
// *end.
static struct scan_event *find_event(struct scan *s, const char *name, const char **end)
{
    *end = string_end(name);
    size_t len = (size_t)(*end - name);
    if (**end != '"')
        return NULL;
    for (unsigned slot = slot_of(name, len); s->types.slots[slot] != NO_NAME;
         slot = (slot + 1) % SLOTS) {
        struct scan_event *e = event_of(s, s->types.slots[slot]);
        if (!e)
            return NULL; // json-c takes the line
        if (matches(&e->name, name))
            return s->last = e;
    }
    return NULL;
}

// The event that the line begins with; *p is set behind the quote of its name.
static HOT struct scan_event *take_type(struct scan *s, const char **p)
{
    static const char start[9] = {"{\"type\":\""};
    const char *name = *p + sizeof(start);
    if (memcmp(*p, start, sizeof(start)) != 0)
        return NULL;
    struct scan_event *e = s->last;
    if (matches(&e->name, name)) {
        *p = name + e->name.length;
        return e;
    }
    const char *end;
    e = find_event(s, name, &end);
    *p = end + 1;
    return e;
}

bool scan_line(struct scan *s, const char *line, struct event *out, const char **end,
               unsigned long *unknown_keys)
{
    const char *p = line;
    struct scan_event *e = take_type(s, &p);
    if (!e)
        return false;
    memset(out, 0, e->size);
    out->type = (enum event_type)(e->info - event_table);
    uint64_t present = 0;
    unsigned long unknown = 0;
    bool timed = false;
    struct scan_field **next = &e->first; // where the field to come was kept last time
    if (++e->lines % ROUND_LINES == 0)
        begin_round(e);
    while (*p == ',') {
        p++;
        struct scan_field *f = *next;
        if (matches(&f->key, p)) {
            p += f->key.length;
        } else {
            enum key_kind kind = find_key(e, p, &f, &p);
            if (kind == KEY_UNKNOWN && (p = skip_value(p))) {
                unknown++;
                continue;
            }
            if (kind != KEY_KNOWN)
                return false;
            *next = f;
        }
        if (repeat_value(f, p, out)) {
            p += f->last.length;
        } else {
            const char *value = p;
            p = take_value(f, value, out);
            if (!p)
                return false;
            if (f->last.changes < CHANGES_MAX)
                remember_value(f, value, p, out);
        }
        present |= f->present;
        timed |= f == e->fields;
        next = &f->next;
    }
    if (p[0] != '}' || (p[1] != '\n' && p[1] != '\0') || !timed ||
        (present & e->info->required) != e->info->required)
        return false;
    out->present = present;
    *end = p + 1;
    *unknown_keys = unknown;
    return true;
}
