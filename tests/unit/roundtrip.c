// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/decoder.c helper/decode/json_event.c helper/decode/json_check.c helper/decode/json_members.c
// LINK: helper/decode/scan.c helper/decode/field_value.c helper/decode/bpftrace.c
// LINK: helper/decode/text_arena.c schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c
//
// Random events of every type, with random keys present: what event_encode() prints, both parsers
// read back as the same event. Keys are then put in another order, with an unknown one between
// them.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/decode/decoder.h"
#include "helper/decode/field_value.h"
#include "schema/encode.h"

enum { ROUNDS = 400, TEXT_MAX = 40 };

static int failures;
static char texts[70][TEXT_MAX];

static uint64_t random_u64(void)
{
    uint64_t bits = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
    return bits >> random() % 64;
}

// Plain text mostly; sometimes any bytes, which the scanner leaves to json-c.
static struct text random_text(char *buffer)
{
    size_t len = (size_t)random() % TEXT_MAX;
    bool any = random() % 8 == 0;
    for (size_t i = 0; i < len; i++)
        buffer[i] = any ? (char)random() : "abcXYZ019-./ :"[random() % 14];
    return (struct text){buffer, len};
}

static struct ip_addr random_ip(void)
{
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = random() % 3 ? (uint8_t)random() : 0;
    return random() % 2 ? ip_from_v4(bytes) : ip_from_v6(bytes);
}

static void random_field(struct event *ev, const struct field_info *f, char *buffer)
{
    uint64_t largest = field_largest(f), number = random_u64();
    if (number > largest)
        number %= largest + 1;
    if (f->type == FIELD_I64 && random() % 2)
        number = -number;
    struct text text = random_text(buffer);
    struct ip_addr ip = random_ip();
    void *member = (char *)ev + f->offset;
    if (f->type == FIELD_TEXT)
        memcpy(member, &text, sizeof(text));
    else if (f->type == FIELD_IP)
        memcpy(member, &ip, sizeof(ip));
    else
        memcpy(member, &number, sizeof(number));
}

static void random_event(struct event *ev, enum event_type type)
{
    const struct event_info *info = &event_table[type];
    memset(ev, 0, sizeof(*ev));
    ev->type = type;
    ev->ts_us = random_u64();
    if (random() % 4 == 0) {
        ev->seq = random_u64();
        ev->host = random_text(texts[64]);
    }
    for (unsigned i = 0; i < info->field_count; i++) {
        if (!info->fields[i].required && random() % 2)
            continue;
        random_field(ev, &info->fields[i], texts[i]);
        ev->present |= UINT64_C(1) << i;
    }
}

static void check(struct decoder *d, const char *line, size_t len, uint64_t present,
                  const char *expected, size_t expected_len, bool reference)
{
    static char again[EVENT_LINE_MAX];
    struct event ev;
    enum decode_result result =
        reference ? decoder_line_reference(d, line, len, &ev) : decoder_line(d, line, len, &ev);
    size_t size = result == DECODE_EVENT ? event_encode(&ev, again, sizeof(again)) : 0;
    if (size != expected_len || memcmp(again, expected, size) != 0 || ev.present != present) {
        fprintf(stderr, "%s: result %d %s\n  in:  %.*s\n  out: %.*s",
                reference ? "json-c" : "scanner", (int)result,
                result == DECODE_BAD ? decoder_error(d) : "", (int)len, line, (int)size, again);
        failures++;
    }
    decoder_release(d);
}

// Moves the keys from `,` number cut on before those in front of it. Texts without a comma only: a
// comma within quotes is not counted.
static size_t rotated(const char *line, size_t len, char *out)
{
    size_t commas[80], count = 0;
    bool quoted = false;
    for (size_t i = 0; i < len && count < 80; i++) {
        quoted ^= line[i] == '"' && line[i - 1] != '\\';
        if (line[i] == ',' && !quoted)
            commas[count++] = i;
    }
    size_t cut = commas[(size_t)random() % count], head = commas[0], at = 0;
    memcpy(out, line, head);
    at += head;
    memcpy(out + at, line + cut, len - 1 - cut); // without the brace
    at += len - 1 - cut;
    at += (size_t)sprintf(out + at, ",\"unknown_%ld\":%ld", random(), random());
    memcpy(out + at, line + head, cut - head);
    at += cut - head;
    out[at++] = '}';
    return at;
}

int main(void)
{
    static char line[EVENT_LINE_MAX + DECODER_PADDING], other[EVENT_LINE_MAX + DECODER_PADDING];
    struct decoder *d = decoder_new();
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        for (int type = 0; type < EV_COUNT; type++) {
            struct event ev;
            random_event(&ev, (enum event_type)type);
            size_t len = event_encode(&ev, line, EVENT_LINE_MAX);
            check(d, line, len - 1, ev.present, line, len, false);
            check(d, line, len - 1, ev.present, line, len, true);
            if (memchr(line, '\\', len))
                continue; // rotated() knows no escapes
            size_t other_len = rotated(line, len - 1, other);
            memset(other + other_len, 0, DECODER_PADDING);
            check(d, other, other_len, ev.present, line, len, false);
            check(d, other, other_len, ev.present, line, len, true);
        }
    }
    decoder_free(d);
    return failures != 0;
}
