// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/json_check.h"
#include "helper/decode/field_value.h"
#include "helper/decode/json_members.h"
#include "schema/encode.h"

#include <stdbool.h>
#include <string.h>

struct cursor {
    char *at;
    char *end;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The escape at c->at, which is a backslash. *nul is set if it stands for a NUL.
static bool skip_escape(struct cursor *c, bool *nul)
{
    size_t left = (size_t)(c->end - c->at);
    if (left >= 6 && c->at[1] == 'u') {
        for (int i = 2; i < 6; i++)
            if (!is_hex(c->at[i]))
                return false;
        *nul |= memcmp(c->at + 2, "0000", 4) == 0;
        c->at += 6;
        return true;
    }
    if (left < 2 || c->at[1] == '\0' || !strchr("\"\\/bfnrt", c->at[1]))
        return false;
    c->at += 2;
    return true;
}

static const char *check_string(struct cursor *c)
{
    bool nul = false;
    c->at++;
    while (c->at < c->end && *c->at != '"') {
        size_t sequence = utf8_sequence((const unsigned char *)c->at, (size_t)(c->end - c->at));
        if (sequence == 0)
            return "not UTF-8";
        if ((unsigned char)*c->at < 0x20)
            return "control byte in a string";
        if (*c->at == '\\') {
            if (!skip_escape(c, &nul))
                return "bad escape in a string";
        } else {
            c->at += sequence;
        }
    }
    if (c->at == c->end)
        return "unterminated string";
    c->at++;
    if (!nul)
        return NULL;
    for (char *p = c->at; p < c->end && (is_space(*p) || *p == ':'); p++)
        if (*p == ':')
            return "NUL in a key";
    return NULL;
}

static void skip_digits(struct cursor *c)
{
    while (c->at < c->end && is_digit(*c->at))
        c->at++;
}

// At least one digit.
static bool take_digits(struct cursor *c)
{
    char *start = c->at;
    skip_digits(c);
    return c->at > start;
}

static const char *check_number(struct cursor *c)
{
    static const char bad[] = "bad number";
    char *start = c->at;
    c->at += *c->at == '-';
    if (c->at < c->end && *c->at == '0')
        c->at++;
    else if (!take_digits(c))
        return bad;
    char *integer_end = c->at;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!take_digits(c))
            return bad;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
            c->at++;
        if (!take_digits(c))
            return bad;
    }
    if (c->at < c->end && !is_space(*c->at) && !strchr(",]}", *c->at))
        return bad;

    struct integer value;
    if (c->at == integer_end) {
        enum integer_error error = integer_parse(start, (size_t)(c->at - start), &value);
        bool fits =
            error == INTEGER_OK && !(value.negative && value.magnitude > (uint64_t)INT64_MAX + 1);
        if (!fits)
            memcpy(c->at - 2, "e2", 2); // it has 19 digits or more
    }
    return NULL;
}

static bool take_word(struct cursor *c)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(c->end - c->at) >= len && memcmp(c->at, words[i], len) == 0) {
            c->at += len;
            return true;
        }
    }
    return false;
}

static bool is_key(const struct cursor *c)
{
    const char *p = c->at;
    while (p < c->end && is_space(*p))
        p++;
    return p < c->end && *p == ':';
}

// NOLINTNEXTLINE(readability-non-const-parameter): check_number() writes through the cursor
const char *json_check(char *text, size_t len)
{
    struct cursor c = {text, text + len};
    size_t depth = 0, types = 0;
    bool after_comma = false;
    while (c.at < c.end) {
        const char *wrong = NULL, *start = c.at;
        if (after_comma && (*c.at == '}' || *c.at == ']'))
            return "unexpected character";
        after_comma = *c.at == ',' || (after_comma && is_space(*c.at));
        if (*c.at == '"') {
            wrong = check_string(&c);
            if (!wrong && depth == 1 && is_key(&c) &&
                json_string_is((struct text){start, (size_t)(c.at - start)}, "type") && ++types > 1)
                wrong = "type: given twice";
        } else if (*c.at == '-' || is_digit(*c.at))
            wrong = check_number(&c);
        else if (is_space(*c.at) || (*c.at && strchr("{}[]:,", *c.at))) {
            depth += *c.at == '{' || *c.at == '[';
            depth -= *c.at == '}' || *c.at == ']';
            c.at++;
        } else if (!take_word(&c))
            wrong = "not JSON";
        if (wrong)
            return wrong;
    }
    return NULL;
}
