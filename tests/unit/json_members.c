// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/json_members.c schema/events.c schema/ip.c
//
// A line taken apart into its keys. Every beginning of each line is tried as well, in memory of
// just that size: nothing behind it may be looked at, and a line that is cut short is never at its
// end.

#include <stdlib.h>
#include <string.h>
#include "helper/decode/json_members.h"
#include "tests/unit/expect.h"

static const struct {
    const char *line, *keys, *values; // each between bars
} rows[] = {
    {"{}", "", ""},
    {" { } ", "", ""},
    {"{\"a\":1}", "\"a\"|", "1|"},
    {"{\"a\":1,\"b\":\"x\"}\r", "\"a\"|\"b\"|", "1|\"x\"|"},
    {" {\t\"a\" : -1.5e3 , \"b\":null\t} ", "\"a\"|\"b\"|", "-1.5e3|null|"},
    {"{\"a\":{\"host\":[1,{\"seq\":2}],\"b\":\"}\"},\"c\":[]}", "\"a\"|\"c\"|",
     "{\"host\":[1,{\"seq\":2}],\"b\":\"}\"}|[]|"},
    {"{\"a\":\"\\\"host\\\":\\\\\",\"b,:\":\"{\"}", "\"a\"|\"b,:\"|",
     "\"\\\"host\\\":\\\\\"|\"{\"|"},
    {"{\"a\":1,\"a\":2}", "\"a\"|\"a\"|", "1|2|"},
};

static void add(char *to, struct text text)
{
    strncat(to, text.ptr, text.len);
    strcat(to, "|");
}

static bool take_apart(const char *line, size_t len, char *keys, char *values)
{
    char *copy = malloc(len + (len == 0));
    memcpy(copy, line, len);
    struct json_members members = {.rest = {copy, len}};
    struct json_member m;
    keys[0] = values[0] = '\0';
    while (json_members_next(&members, &m)) {
        add(keys, m.key);
        add(values, m.value);
    }
    free(copy);
    return members.ended;
}

static void check_row(struct expect *e, size_t i)
{
    char keys[256], values[256];
    const char *line = rows[i].line;
    const size_t object = (size_t)(strrchr(line, '}') - line) + 1;
    EXPECT_U64(e, line, take_apart(line, strlen(line), keys, values), true);
    EXPECT_TEXT(e, line, keys, strlen(keys), rows[i].keys);
    EXPECT_TEXT(e, line, values, strlen(values), rows[i].values);
    for (size_t len = 0; len < object; len++)
        EXPECT_U64(e, line, take_apart(line, len, keys, values), false);
}

static void check_words(struct expect *e)
{
    static const struct {
        const char *quoted, *word;
        bool same;
    } words[] = {
        {"\"host\"", "host", true},        {"\"h\\u006fst\"", "host", true},
        {"\"hosts\"", "host", false},      {"\"hos\"", "host", false},
        {"\"\"", "host", false},           {"\"host\\u0000\"", "host", false},
        {"\"\\u0168ost\"", "host", false}, {"\"host\\\\\"", "host", false},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        EXPECT_U64(e, words[i].quoted, json_string_is(text_of(words[i].quoted), words[i].word),
                   words[i].same);
}

int main(void)
{
    static const char *const bad[] = {
        "",           "[]",        "{\"a\"}",    "{\"a\":}", "{\"a\":1 2}", "{1:2}",
        "{\"a\":1]}", "{\"a\":[}", "{\"a\":1,}", "{,}",      "{\"a\":1,,}", "\"a\":1}"};
    char keys[256], values[256];
    struct expect e = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(&e, i);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_U64(&e, bad[i], take_apart(bad[i], strlen(bad[i]), keys, values), false);
    check_words(&e);
    return expect_result(&e);
}
