// SPDX-License-Identifier: Apache-2.0
//
// scan.c - compares keys as words of 8 bytes with the one that followed last time, and looks them
// up only if that fails; finds the end of a string 16 bytes at a time; reads digits 8 at a time.

#include "helper/decode/scan.h"
#include "helper/decode/field_value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scan.c reads digits and keys as little-endian words"
#endif

enum {
    KEY_BYTES = 32, // the longest `"key":`
    KEY_WORDS = KEY_BYTES / 8,
    SLOTS = 256, // of a name table; more than twice the names; a byte numbers them
    NO_NAME = 255,
    FIELDS_MAX = 64 + COMMON_FIELD_COUNT,
};

// Called for every key: gcc leaves them as calls at -O2, which costs a quarter of the speed.
#define HOT inline __attribute__((always_inline))

// ---- names to numbers

struct name_table {
    uint8_t slots[SLOTS];
};

static HOT uint64_t load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

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

// Bytes to compare with, as words.
struct pattern {
    uint64_t words[KEY_WORDS];
    uint64_t masks[KEY_WORDS];
    size_t length;
};

struct scan_field {
    struct pattern key; // `"key":`
    uint64_t present;   // bit in event.present
    uint64_t largest;   // integers
    uint32_t offset;    // within struct event
    uint8_t type;       // enum field_type
    uint8_t next;       // the field that followed this one in the last line
};

struct scan_event {
    const struct event_info *info;
    struct pattern name; // `NAME"`
    size_t size;         // bytes of struct event that this one uses
    size_t field_count;
    uint8_t first; // the field that came first in the last line
    struct scan_field fields[FIELDS_MAX];
    struct name_table keys;
};

struct scan {
    struct scan_event *last; // of the last line
    struct name_table types;
    struct scan_event events[EV_COUNT];
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
    char bytes[KEY_BYTES + 1] = {0}, mask[KEY_BYTES] = {0};
    p->length = (size_t)snprintf(bytes, sizeof(bytes), "%s%s%s", before, text, after);
    memset(mask, 0xff, p->length);
    memcpy(p->words, bytes, sizeof(p->words));
    memcpy(p->masks, mask, sizeof(p->masks));
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
    f->next = (uint8_t)(number + 1);
    name_table_add(&e->keys, field->key, field->key_len, number);
    size_t end = field->offset + value_size(field->type);
    e->size = end > e->size ? end : e->size;
}

static void add_event(struct scan_event *e, const struct event_info *info)
{
    e->info = info;
    pattern_set(&e->name, "", info->name, "\"");
    memset(&e->keys, NO_NAME, sizeof(e->keys));
    for (size_t i = 0; i < COMMON_FIELD_COUNT; i++)
        add_field(e, &common_fields[i], 0);
    for (size_t i = 0; i < info->field_count; i++)
        add_field(e, &info->fields[i], UINT64_C(1) << i);
    e->fields[e->field_count - 1].next = 0;
}

struct scan *scan_new(void)
{
    struct scan *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    memset(&s->types, NO_NAME, sizeof(s->types));
    for (size_t i = 0; i < EV_COUNT; i++) {
        name_table_add(&s->types, event_table[i].name, event_table[i].name_len, (uint8_t)i);
        add_event(&s->events[i], &event_table[i]);
    }
    s->last = &s->events[0];
    return s;
}

void scan_free(struct scan *s)
{
    free(s);
}

// ---- bytes

// The first byte at p that is a quote, a backslash, below 0x20 or above 0x7f.
static HOT const char *string_end(const char *p)
{
#ifdef __SSE2__
    for (;; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)p);
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        odd =
            _mm_or_si128(odd, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))); // signed: above 0x7f too
        int found = _mm_movemask_epi8(odd);
        if (found)
            return p + __builtin_ctz((unsigned)found);
    }
#else
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
#endif
}

// How many digits stand at p, up to 16.
static HOT unsigned count_digits(const char *p)
{
#ifdef __SSE2__
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    // '0' to '9' become -128 to -119, everything else is above
    __m128i shifted = _mm_sub_epi8(bytes, _mm_set1_epi8((char)('0' + 128)));
    int others = _mm_movemask_epi8(_mm_cmpgt_epi8(shifted, _mm_set1_epi8(-119)));
    return (unsigned)__builtin_ctz((unsigned)others | 1u << 16);
#else
    unsigned count = 0;
    while (count < 16 && p[count] >= '0' && p[count] <= '9')
        count++;
    return count;
#endif
}

// The value of 8 digits, the first in the lowest byte. Each byte is 0 to 9.
static HOT uint64_t value_of_8(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (digits >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

// The 8 bytes that end at end, as digits; only the last count (1 to 8) are kept, zeroes before
// them.
static HOT uint64_t last_digits(const char *end, unsigned count)
{
    uint64_t word = load64(end - 8) ^ UINT64_C(0x3030303030303030);
    return word >> (64 - count * 8) << (64 - count * 8);
}

// An integer of 17 to 20 digits, which may not fit.
static bool long_integer(const char *p, unsigned count, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(p[i] - '0'), value))
            return false;
    return true;
}

// An unsigned integer of 64 bits at p, written as JSON wants it. Returns its end, or NULL. The 16
// bytes before p are looked at: a key and more stand there. No branch hangs on the number of
// digits, which nobody could predict.
static HOT const char *integer(const char *p, uint64_t *value)
{
    unsigned count = count_digits(p);
    if (count == 0 || (*p == '0' && count > 1))
        return NULL;
    const char *end = p + count;
    if (count <= 8) {
        *value = value_of_8(last_digits(end, count));
        return end;
    }
    *value =
        value_of_8(last_digits(end, 8)) + value_of_8(last_digits(end - 8, count - 8)) * 100000000;
    if (count < 16)
        return end;
    count += count_digits(end);
    if (count == 16)
        return end;
    return count <= 20 && long_integer(p, count, value) ? p + count : NULL;
}

// Dotted quad followed by a quote. Returns the quote, or NULL.
static HOT const char *dotted_quad(const char *p, struct ip_addr *out)
{
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) {
        unsigned value = (unsigned char)*p - (unsigned)'0', next;
        if (value > 9)
            return NULL;
        p++;
        if ((next = (unsigned char)*p - (unsigned)'0') <= 9) {
            if (value == 0)
                return NULL;
            value = value * 10 + next;
            p++;
            if ((next = (unsigned char)*p - (unsigned)'0') <= 9) {
                value = value * 10 + next;
                p++;
            }
        }
        if (value > 255 || *p != (i < 3 ? '.' : '"'))
            return NULL;
        p += i < 3;
        bytes[i] = (uint8_t)value;
    }
    *out = ip_from_v4(bytes);
    return p;
}

// ---- keys and values

static HOT bool matches(const struct pattern *t, const char *p)
{
    uint64_t wrong =
        ((load64(p) ^ t->words[0]) & t->masks[0]) | ((load64(p + 8) ^ t->words[1]) & t->masks[1]);
    if (t->length > 16)
        wrong |= ((load64(p + 16) ^ t->words[2]) & t->masks[2]) |
                 ((load64(p + 24) ^ t->words[3]) & t->masks[3]);
    return wrong == 0;
}

enum key_kind { KEY_KNOWN, KEY_UNKNOWN, KEY_ODD };

// The key at p, its quote, when it is not the one expected.
static enum key_kind find_key(const struct scan_event *e, const char *p, uint8_t *number,
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
        *number = e->keys.slots[slot];
        if (matches(&e->fields[*number].key, p))
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
        struct scan_event *e = &s->events[s->types.slots[slot]];
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
    uint8_t *next = &e->first; // where the number of the key to come was kept last time
    while (*p == ',') {
        p++;
        uint8_t number = *next;
        struct scan_field *f = &e->fields[number];
        if (matches(&f->key, p)) {
            p += f->key.length;
        } else {
            enum key_kind kind = find_key(e, p, &number, &p);
            if (kind == KEY_UNKNOWN && (p = skip_value(p))) {
                unknown++;
                continue;
            }
            if (kind != KEY_KNOWN)
                return false;
            f = &e->fields[number];
            *next = number;
        }
        p = take_value(f, p, out);
        if (!p)
            return false;
        present |= f->present;
        timed |= number == 0;
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
