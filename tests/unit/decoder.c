// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/decoder.c helper/decode/json_event.c helper/decode/json_check.c helper/decode/json_members.c
// LINK: helper/decode/scan.c helper/decode/field_value.c helper/decode/bpftrace.c
// LINK: helper/decode/text_arena.c schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c
//
// Lines, and what the decoder makes of them: an event is compared as event_encode() prints it.

#include <stdio.h>
#include <string.h>
#include "helper/decode/decoder.h"
#include "schema/encode.h"

struct row {
    const char *line;
    size_t len;
    enum decode_result result;
    const char *expected; // the event, or the error
};

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define IN(text)              text, sizeof(text) - 1
#define EVENT_IS(in, out)     {IN(in), DECODE_EVENT, out "\n"}
#define BAD_IS(in, error)     {IN(in), DECODE_BAD, error}
#define RESULT_IS(in, result) {IN(in), result, NULL}
// clang-format on

#define RECV                                                                                       \
    "{\"type\":\"sctp_hb_recv\",\"ts_us\":7,\"netns\":1,\"assoc_id\":2,\"lport\":3,\"rport\":4,"
#define END_         "{\"type\":\"end\",\"ts_us\":1"
#define PRINTF(data) "{\"type\": \"printf\", \"data\": \"" data "\"}"

static const struct row rows[] = {
    // plain
    EVENT_IS(RECV "\"raddr\":\"198.18.0.73\"}", RECV "\"raddr\":\"198.18.0.73\"}"),
    EVENT_IS(" {\t\"ts_us\" : 1 , \"type\" : \"end\" }\r", END_ "}"),
    EVENT_IS(RECV "\"raddr\":\"::ffff:198.18.0.73\"}", RECV "\"raddr\":\"198.18.0.73\"}"),
    EVENT_IS(RECV "\"raddr\":\"2001:db8::1\",\"laddr\":\"::1\"}",
             RECV "\"laddr\":\"::1\",\"raddr\":\"2001:db8::1\"}"),
    EVENT_IS("{\"type\":\"ready\",\"ts_us\":1,\"host\":\"h\",\"seq\":9}",
             "{\"type\":\"ready\",\"ts_us\":1,\"host\":\"h\",\"seq\":9}"),
    // integers: full range, quoted, never through a double
    EVENT_IS(END_ ",\"events\":18446744073709551615}", END_ ",\"events\":18446744073709551615}"),
    EVENT_IS(END_ ",\"events\":9007199254740993}", END_ ",\"events\":9007199254740993}"),
    EVENT_IS(END_ ",\"events\":\"18446744073709551615\"}",
             END_ ",\"events\":18446744073709551615}"),
    EVENT_IS(END_ ",\"events\":-0}", END_ ",\"events\":0}"),
    BAD_IS(END_ ",\"events\":18446744073709551616}", "events: out of range"),
    BAD_IS(END_ ",\"events\":\"18446744073709551616\"}", "events: out of range"),
    BAD_IS(END_ ",\"events\":184467440737095516150}", "events: out of range"),
    BAD_IS(END_ ",\"events\":-1}", "events: out of range"),
    BAD_IS(END_ ",\"events\":-9223372036854775809}", "events: out of range"),
    BAD_IS(END_ ",\"events\":1.0}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":1e3}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":\"\"}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":\" 1\"}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":\"0x10\"}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":true}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":[1]}", "events: not an integer"),
    BAD_IS(END_ ",\"events\":01}", "bad number"),
    BAD_IS(END_ ",\"events\":00}", "bad number"),
    BAD_IS(END_ ",\"events\":1.}", "bad number"),
    BAD_IS(END_ ",\"events\":+1}", "not JSON"),
    BAD_IS(END_ ",\"events\":NaN}", "not JSON"),
    BAD_IS(END_ ",\"events\":-Infinity}", "bad number"),
    BAD_IS("{\"type\":\"sctp_hb_recv\",\"ts_us\":7,\"lport\":65536}", "lport: out of range"),
    // a number that is too large in a key that nobody reads
    EVENT_IS(END_ ",\"x\":123456789012345678901234567890}", END_ "}"),
    // flags
    EVENT_IS(
        "{\"type\":\"flow\",\"ts_us\":1,\"iface\":\"e\",\"sub\":\"10.0.0.1\",\"ambiguous\":true,"
        "\"unverified\":false,\"bytes_up\":1,\"bytes_down\":2,\"packets_up\":3,\"packets_down\":4,"
        "\"interval_us\":5}",
        "{\"type\":\"flow\",\"ts_us\":1,\"iface\":\"e\",\"sub\":\"10.0.0.1\",\"ambiguous\":1,"
        "\"unverified\":0,\"bytes_up\":1,\"bytes_down\":2,\"packets_up\":3,\"packets_down\":4,"
        "\"interval_us\":5}"),
    // keys: missing, twice, null, unknown, of the wrong kind
    BAD_IS("{\"type\":\"end\"}", "ts_us: missing"),
    BAD_IS("{\"type\":\"end\",\"ts_us\":null}", "ts_us: missing"),
    BAD_IS("{\"type\":\"lost\",\"ts_us\":1}", "events: missing"),
    BAD_IS("{\"type\":\"lost\",\"ts_us\":1,\"events\":null}", "events: missing"),
    BAD_IS("{\"ts_us\":1}", "type: missing"),
    BAD_IS("{\"type\":5,\"ts_us\":1}", "type: not a string"),
    EVENT_IS(END_ ",\"events\":1,\"events\":2}", END_ ",\"events\":2}"),
    EVENT_IS(END_ ",\"events\":\"x\",\"events\":2}", END_ ",\"events\":2}"),
    EVENT_IS(END_ ",\"events\":1,\"events\":null}", END_ "}"),
    BAD_IS(END_ ",\"reason\":\"a\",\"type\":\"x\"}", "type: given twice"),
    BAD_IS(END_ ",\"reason\":\"a\",\"t\\u0079pe\" : \"begin\",\"tool\":\"a\"}",
           "type: given twice"),
    EVENT_IS(END_ ",\"reason\":\"type\",\"types\":1,\"typ\":2,\"typ\\u0066\":3}",
             END_ ",\"reason\":\"type\"}"),
    EVENT_IS(END_ ",\"x\":{\"type\":[1,{}]},\"y\":null}", END_ "}"),
    BAD_IS(END_ ",\"reason\":5}", "reason: not a string"),
    BAD_IS(RECV "\"raddr\":\"198.18.0\"}", "raddr: not an address"),
    BAD_IS(RECV "\"raddr\":\"\"}", "raddr: not an address"),
    BAD_IS(RECV "\"raddr\":5}", "raddr: not an address"),
    RESULT_IS("{\"type\":\"from_the_future\",\"x\":1}", DECODE_UNKNOWN),
    RESULT_IS("{\"type\":\"\"}", DECODE_UNKNOWN),
    RESULT_IS("{\"type\":\"end\\u0000\",\"ts_us\":1}", DECODE_UNKNOWN),
    // text
    EVENT_IS(END_ ",\"reason\":\"a\\u00e9\\n\\\"\\\\\\/\"}",
             END_ ",\"reason\":\"a\xc3\xa9\\u000a\\\"\\\\/\"}"),
    EVENT_IS(END_ ",\"reason\":\"a\\u0000b\"}", END_ ",\"reason\":\"a\\u0000b\"}"),
    EVENT_IS(END_ ",\"reason\":\"\"}", END_ ",\"reason\":\"\"}"),
    EVENT_IS(END_ ",\"reason_hex\":\"61 62ff 00 63\"}",
             END_ ",\"reason\":\"ab\xef\xbf\xbd\",\"reason_hex\":\"6162ff\"}"),
    EVENT_IS(END_ ",\"reason_hex\":\"61ff0063\",\"reason\":\"a\xef\xbf\xbd\\u0000c\"}",
             END_ ",\"reason\":\"a\xef\xbf\xbd\\u0000c\",\"reason_hex\":\"61ff0063\"}"),
    EVENT_IS(END_ ",\"reason_hex\":\"22 2c 22 74\"}", END_ ",\"reason\":\"\\\",\\\"t\"}"),
    EVENT_IS("{\"type\":\"ready\",\"ts_us\":1,\"host_hex\":\"ff\"}",
             "{\"type\":\"ready\",\"ts_us\":1,\"host\":\"\xef\xbf\xbd\",\"host_hex\":\"ff\"}"),
    BAD_IS(END_ ",\"reason_hex\":\"6\"}", "reason_hex: not pairs of hex digits"),
    BAD_IS(END_ ",\"reason_hex\":\"6g\"}", "reason_hex: not pairs of hex digits"),
    BAD_IS(END_ ",\"reason_hex\":61}", "reason_hex: not pairs of hex digits"),
    // damage
    BAD_IS(END_, "cut short"),
    BAD_IS("{", "cut short"),
    BAD_IS(END_ ",\"reason\":\"x", "unterminated string"),
    BAD_IS(END_ ",\"reason\":\"\\", "bad escape in a string"),
    BAD_IS(END_ ",\"reason\":\"\\q\"}", "bad escape in a string"),
    BAD_IS(END_ ",\"reason\":\"\\u12\"}", "bad escape in a string"),
    BAD_IS(END_ ",\"reason\":\"\xff\"}", "not UTF-8"),
    BAD_IS(END_ ",\"reason\":\"\xc0\x80\"}", "not UTF-8"),
    BAD_IS(END_ ",\"reason\":\"\xed\xa0\x80\"}", "not UTF-8"),
    BAD_IS(END_ ",\"reason\":\"a\tb\"}", "control byte in a string"),
    BAD_IS(END_ ",\"reason\":\"a\0b\"}", "control byte in a string"),
    BAD_IS(END_ ",\"events\\u0000x\":5}", "NUL in a key"),
    BAD_IS(END_ "}\0", "not JSON"),
    BAD_IS(END_ "} x", "not JSON"),
    BAD_IS(END_ "}{}", "unexpected character"),
    BAD_IS(END_ ",}", "unexpected character"),
    BAD_IS(END_ ",\"x\":[1, ]}", "unexpected character"),
    EVENT_IS(END_ ",\"x\":\",}\",\"reason\":\"a\"}", END_ ",\"reason\":\"a\"}"),
    BAD_IS("{'type':'end','ts_us':1}", "not JSON"),
    BAD_IS(END_ "/**/}", "bad number"),
    BAD_IS("[]", "not an object"),
    BAD_IS("5", "not an object"),
    BAD_IS("null", "not an object"),
    BAD_IS("rubbish", "not JSON"),
    BAD_IS(END_ ",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[", "nested deeper than 16"),
    BAD_IS("\xef\xbb\xbf{}", "not JSON"),
    RESULT_IS("", DECODE_BLANK),
    RESULT_IS(" \t\r", DECODE_BLANK),
    // bpftrace in text mode
    RESULT_IS("Attaching 1 probe...", DECODE_BLANK),
    RESULT_IS("Attaching 12 probes...\r", DECODE_BLANK),
    RESULT_IS("Attached 12 probes", DECODE_BLANK),
    EVENT_IS("Lost 42 events",
             "{\"type\":\"lost\",\"ts_us\":0,\"events\":42,\"where\":\"bpftrace\"}"),
    BAD_IS("Lost 42 sheep", "not JSON"),
    BAD_IS("Attaching probes", "not JSON"),
    // bpftrace -f json, 0.17 to 0.23 and from 0.24
    EVENT_IS("{\"type\": \"attached_probes\", \"data\": {\"probes\": 3}}",
             "{\"type\":\"ready\",\"ts_us\":0,\"probes\":3}"),
    EVENT_IS("{\"type\":\"attached_probes\", \"count\":3}",
             "{\"type\":\"ready\",\"ts_us\":0,\"probes\":3}"),
    EVENT_IS("{\"type\": \"lost_events\", \"data\": {\"events\": 5}}",
             "{\"type\":\"lost\",\"ts_us\":0,\"events\":5,\"where\":\"bpftrace\"}"),
    EVENT_IS(
        "{\"type\":\"lost_events\", \"count\":\"18446744073709551615\"}",
        "{\"type\":\"lost\",\"ts_us\":0,\"events\":18446744073709551615,\"where\":\"bpftrace\"}"),
    BAD_IS("{\"type\": \"lost_events\", \"data\": {}}", "lost_events: without a count"),
    BAD_IS("{\"type\": \"lost_events\", \"count\": -1}", "lost_events: without a count"),
    RESULT_IS("{\"type\": \"time\", \"data\": \"12:00:00\\n\"}", DECODE_UNKNOWN),
    RESULT_IS("{\"type\": \"map\", \"data\": {\"@\": 5}}", DECODE_UNKNOWN),
    RESULT_IS("{\"type\": \"helper_error\", \"msg\": \"x\", \"retcode\": -2}", DECODE_UNKNOWN),
    EVENT_IS(PRINTF("{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":1}\\n"), END_ "}"),
    EVENT_IS(PRINTF("{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":1,\\\"reason\\\":"
                    "\\\"\\uffffffc3\\uffffffa9\\\"}\\n"),
             END_ ",\"reason\":\"\xc3\xa9\"}"),
    BAD_IS(
        PRINTF("{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":1,\\\"reason\\\":\\\"\\uffffffc3\\\"}\\n"),
        "not UTF-8"),
    EVENT_IS(PRINTF("{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":1,\\\"reason\\\":"
                    "\\\"\\\\\\\\uffffffc3\\\"}\\n"),
             END_ ",\"reason\":\"\\\\uffffffc3\"}"),
    RESULT_IS(PRINTF("\\n"), DECODE_BLANK),
    RESULT_IS(PRINTF(""), DECODE_BLANK),
    BAD_IS(PRINTF("Lost 5 events\\n"), "not JSON"),
    BAD_IS("{\"type\": \"printf\"}", "data: not a string"),
    // a script cannot make an envelope
    RESULT_IS(PRINTF("{\\\"type\\\":\\\"lost_events\\\",\\\"count\\\":5}\\n"), DECODE_UNKNOWN),
    // one that prints a line in parts: the first waits for the second
    RESULT_IS(PRINTF("{\\\"type\\\":\\\"end\\\","), DECODE_BLANK),
    EVENT_IS("{\"type\":\"end\",\"ts_us\":2}", "{\"type\":\"end\",\"ts_us\":2}"),
    EVENT_IS(PRINTF("\\\"ts_us\\\":1}\\n"), END_ "}"),
};

static int failures;

static void expect(const char *what, const char *got, const char *expected)
{
    if (strcmp(got, expected) == 0)
        return;
    fprintf(stderr, "%s\n  expected: %s\n  got:      %s\n", what, expected, got);
    failures++;
}

static const char *const result_names[] = {"event", "blank", "unknown", "bad"};

typedef enum decode_result decode_fn(struct decoder *, const char *, size_t, struct event *);

// The line stands at the end of a buffer, before the padding, so that ASan sees a read beyond it.
static void check_row(struct decoder *d, const struct row *row, decode_fn *decode, char after)
{
    static char encoded[EVENT_LINE_MAX + 1];
    char buffer[1024 + DECODER_PADDING];
    char *line = buffer + 1024 - row->len;
    struct event ev;
    memcpy(line, row->line, row->len);
    memset(line + row->len, after, DECODER_PADDING);
    enum decode_result result = decode(d, line, row->len, &ev);
    expect(row->line, result_names[result], result_names[row->result]);
    if (result != row->result)
        return;
    if (result == DECODE_EVENT) {
        encoded[event_encode(&ev, encoded, EVENT_LINE_MAX)] = '\0';
        expect(row->line, encoded, row->expected);
    } else if (result == DECODE_BAD) {
        expect(row->line, decoder_error(d), row->expected);
    }
    decoder_release(d);
}

static void check_rows(decode_fn *decode, char after)
{
    struct decoder *d = decoder_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(d, &rows[i], decode, after);
    decoder_free(d);
}

// Several lines in one printf, the last without its newline.
static void check_next(struct decoder *d)
{
    static const char line[] = PRINTF(
        "{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":1}\\nrubbish\\n\\n"
        "{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":2}\\n{\\\"type\\\":\\\"end\\\",\\\"ts_us\\\":3}");
    char seen[64] = "";
    struct event ev;
    enum decode_result result = decoder_line(d, line, sizeof(line) - 1, &ev);
    do {
        size_t at = strlen(seen);
        snprintf(seen + at, sizeof(seen) - at, " %s%d", result_names[result],
                 result == DECODE_EVENT ? (int)ev.ts_us : 0);
    } while (decoder_next(d, &result, &ev));
    expect("decoder_next", seen, " event1 bad0 blank0 event2");
    expect("decoder_finish", decoder_finish(d, &result, &ev) ? result_names[result] : "none",
           "event");
    expect("decoder_finish again", decoder_finish(d, &result, &ev) ? "some" : "none", "none");
}

static void check_unknown_keys(struct decoder *d)
{
    static const char line[] =
        END_ ",\"a\":1,\"b\":[],\"reason_hex\":\"61\",\"events_hex\":\"61\"}";
    struct event ev;
    unsigned long before = decoder_unknown_keys(d);
    decoder_line(d, line, sizeof(line) - 1, &ev);
    char text[32];
    snprintf(text, sizeof(text), "%lu", decoder_unknown_keys(d) - before);
    expect("unknown keys", text, "3");
}

int main(void)
{
    check_rows(decoder_line_reference, 'x');
    check_rows(decoder_line, 'x');
    check_rows(decoder_line, '\0');
    check_rows(decoder_line, '\n');
    struct decoder *d = decoder_new();
    check_next(d);
    check_unknown_keys(d);
    decoder_free(d);
    return failures != 0;
}
