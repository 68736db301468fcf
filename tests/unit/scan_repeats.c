// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/decoder.c helper/decode/json_event.c helper/decode/json_check.c helper/decode/json_members.c
// LINK: helper/decode/scan.c helper/decode/field_value.c helper/decode/bpftrace.c
// LINK: helper/decode/text_arena.c schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c
//
// The scanner remembers keys and values of the line before. Lines whose values repeat, grow by a
// digit, lose one, or are not what they seem, keys in changing order: whatever it remembers, it
// says the same as json-c, which remembers nothing.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/decode/decoder.h"
#include "schema/encode.h"
#include "tests/unit/expect.h"

enum { LINES = 60000, FIELDS = 9, CHOICES = 7 };

// Values that begin alike, and some that no line may have. The first of each stands for most lines.
static const struct {
    const char *key, *values[CHOICES];
} fields[FIELDS] = {
    {"ts_us", {"1763000000000000", "1763000000000001", "1", "12", "0", "01", "17630000000000001"}},
    {"netns", {"4026531840", "402653184", "40265318400", "18446744073709551615", "7", "-1", "7e1"}},
    {"assoc_id", {"1", "12", "123", "1234567", "12345678", "123456789", "1x"}},
    {"lport", {"36412", "3641", "65535", "65536", "0", "00", "\"36412\""}},
    {"rport", {"36412", "36413", "1", "10", "100", "1000", "100000"}},
    {"raddr",
     {"\"10.0.0.1\"", "\"10.0.0.12\"", "\"10.0.0.255\"", "\"10.0.0.256\"", "\"10.0.0.01\"",
      "\"10.0.0\"", "\"255.255.255.255\""}},
    {"laddr",
     {"\"198.18.0.1\"", "\"2001:db8::1\"", "\"198.18.0.1.2\"", "\"1.2.3.4\"", "\"1..2.3\"",
      "\"1.2.3.\"", "\"::ffff:1.2.3.4\""}},
    {"state", {"\"up\"", "\"u\"", "\"upp\"", "\"\"", "\"up\\u0021\"", "\"a state of 15\"", "7"}},
    {"host", {"\"a\"", "\"ab\"", "\"a,b\"", "\"a}\"", "\"caf\xc3\xa9\"", "\"\x01\"", "null"}},
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// Mostly the first value of each field, in the order above.
static size_t make_line(char *out, size_t size, uint64_t *random)
{
    size_t len = (size_t)snprintf(out, size, "{\"type\":\"sctp_hb_sent\"");
    size_t first = next_random(random) % 8 ? 0 : next_random(random) % FIELDS;
    for (size_t i = 0; i < FIELDS; i++) {
        size_t field = (first + i) % FIELDS;
        size_t choice = next_random(random) % 16 ? 0 : next_random(random) % CHOICES;
        if (field == 2)
            choice = next_random(random) % 6; // changes with every line
        if (next_random(random) % 256 == 0)
            continue;
        len += (size_t)snprintf(out + len, size - len, ",\"%s\":%s", fields[field].key,
                                fields[field].values[choice]);
    }
    return len + (size_t)snprintf(out + len, size - len, "}");
}

static size_t say(struct decoder *d, enum decode_result result, const struct event *ev, char *out,
                  size_t size)
{
    if (result == DECODE_EVENT)
        return event_encode(ev, out, size);
    return (size_t)snprintf(out, size, "%d %s", (int)result, decoder_error(d));
}

int main(void)
{
    struct expect e = {0};
    uint64_t random = 88172645463325252u;
    struct decoder *fast = decoder_new(), *slow = decoder_new();
    unsigned events = 0;
    for (int i = 0; i < LINES && e.failures < 10; i++) {
        char line[1024] = "", said[EVENT_LINE_MAX / 16], wanted[EVENT_LINE_MAX / 16];
        size_t len = make_line(line, sizeof(line), &random);
        struct event ev;
        enum decode_result result = decoder_line(fast, line, len, &ev);
        size_t said_len = say(fast, result, &ev, said, sizeof(said));
        events += result == DECODE_EVENT;
        result = decoder_line_reference(slow, line, len, &ev);
        size_t wanted_len = say(slow, result, &ev, wanted, sizeof(wanted));
        EXPECT_BYTES(&e, line, said, said_len, wanted, wanted_len);
        decoder_release(fast);
        decoder_release(slow);
    }
    EXPECT_U64(&e, "both good and bad lines", events > LINES / 4 && events < LINES, true);
    decoder_free(fast);
    decoder_free(slow);
    return expect_result(&e);
}
