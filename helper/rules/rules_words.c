// SPDX-License-Identifier: Apache-2.0

#include "helper/rules/rules_words.h"
#include "helper/cli.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

// Splits word at the first separator. False if it is not there.
static bool split(struct text word, char separator, struct text *left, struct text *right)
{
    const char *at = word.len ? memchr(word.ptr, separator, word.len) : NULL;
    if (!at)
        return false;
    *left = (struct text){word.ptr, (size_t)(at - word.ptr)};
    *right = (struct text){at + 1, word.len - left->len - 1};
    return true;
}

static bool read_number(struct text word, uint64_t max, uint64_t *out)
{
    char digits[24];
    if (word.len == 0 || word.len >= sizeof(digits))
        return false;
    memcpy(digits, word.ptr, word.len);
    digits[word.len] = '\0';
    return parse_u64(digits, out) && *out <= max;
}

bool rules_word_port(struct text word, struct port_range *out)
{
    static const struct {
        const char *name;
        uint8_t proto;
    } protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};
    struct text proto, ports, last;
    uint64_t first_port, last_port;
    if (!split(word, '/', &proto, &ports))
        return false;
    out->proto = 0;
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        if (text_equal(proto, text_of(protocols[i].name)))
            out->proto = protocols[i].proto;
    if (!split(ports, '-', &ports, &last))
        last = ports;
    if (!out->proto || !read_number(ports, 65535, &first_port) ||
        !read_number(last, 65535, &last_port))
        return false;
    out->first = (uint16_t)first_port;
    out->last = (uint16_t)last_port;
    return first_port <= last_port;
}

bool rules_word_asn(struct text word, uint32_t *out)
{
    uint64_t number;
    if (word.len > 2 && strncasecmp(word.ptr, "as", 2) == 0)
        word = (struct text){word.ptr + 2, word.len - 2};
    if (!read_number(word, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static int day_number(struct text word)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < 7; i++)
        if (word.len == 3 && strncasecmp(word.ptr, names[i], 3) == 0)
            return i;
    return -1;
}

bool rules_word_days(struct text word, uint8_t *days)
{
    uint8_t found = 0;
    struct text part, rest = word;
    do {
        struct text from, to;
        bool more = split(rest, ',', &part, &rest);
        if (!more) {
            part = rest;
            rest = (struct text){NULL, 0};
        }
        if (!split(part, '-', &from, &to))
            from = to = part;
        int first = day_number(from), last = day_number(to);
        if (first < 0 || last < 0)
            return false;
        for (int day = first;; day = (day + 1) % 7) { // sat-mon goes over the end of the week
            found |= (uint8_t)(1 << day);
            if (day == last)
                break;
        }
    } while (rest.ptr);
    *days = found;
    return true;
}

static bool read_clock(struct text word, uint16_t *minutes)
{
    struct text hours, rest;
    uint64_t h, m;
    if (!split(word, ':', &hours, &rest) || hours.len != 2 || rest.len != 2 ||
        !read_number(hours, 24, &h) || !read_number(rest, 59, &m) || h * 60 + m > 1440)
        return false;
    *minutes = (uint16_t)(h * 60 + m);
    return true;
}

bool rules_word_clock(struct text word, struct time_window *out)
{
    struct text from, until;
    return split(word, '-', &from, &until) && read_clock(from, &out->from) &&
           read_clock(until, &out->until) && out->from < 1440;
}

bool rules_word_zone(struct text word, int32_t *out)
{
    uint16_t minutes;
    *out = 0;
    if (text_equal(word, TEXT_LITERAL("Z")) || text_equal(word, TEXT_LITERAL("UTC")))
        return true;
    if (word.len != 6 || (word.ptr[0] != '+' && word.ptr[0] != '-') ||
        !read_clock((struct text){word.ptr + 1, 5}, &minutes))
        return false;
    *out = (word.ptr[0] == '-' ? -60 : 60) * minutes;
    return true;
}
