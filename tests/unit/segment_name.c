// SPDX-License-Identifier: Apache-2.0
// LINK: helper/store/segment_name.c
//
// Names of segments: what is written is read back, and nothing else is taken for one.

#include <stdio.h>
#include <string.h>
#include "helper/store/segment_name.h"

static int failures;

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    failures++;
}

static void check_written(const struct segment_name *name, const char *expected)
{
    char text[SEGMENT_NAME_MAX], again[SEGMENT_NAME_MAX];
    struct segment_name read;
    segment_name_format(name, text);
    check(strcmp(text, expected) == 0, text);
    check(segment_name_parse(text, &read), text);
    segment_name_format(&read, again);
    check(strcmp(again, text) == 0, again);
}

static void check_host(const char *host, size_t len, const char *expected)
{
    char spelt[SEGMENT_HOST_MAX + 1];
    segment_host_spell((struct text){host, len}, spelt);
    check(strcmp(spelt, expected) == 0, spelt);
}

#define END ".ndjson.zst"

static const char *const not_names[] = {
    "",
    "README",
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.1-2.v1.ndjson",
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.1-2.v1.ndjson.zst.part",
    "20261122T070000Z-open.web1.3f9a12cd.1.v1" END,
    "20261122T070000Z-open.web1.3f9a12cd.1-2.v1" END ".part",
    "20261122T075959Z-20261122T070000Z.web1.3f9a12cd.1-2.v1" END, // ends before it begins
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.2-1.v1" END,
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.0-1.v1" END,
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.1-2.1" END,
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.1-2.v" END,
    "20261122T070000Z-20261122T075959Z.web1.3F9A12CD.1-2.v1" END,
    "20261122T070000Z-20261122T075959Z.web1.3f9a12c.1-2.v1" END,
    "20261122T070000Z-20261122T075959Z..3f9a12cd.1-2.v1" END,
    "20261122T070000Z-20261122T075959Z.3f9a12cd.1-2.v1" END,
    "20260231T070000Z-20261122T075959Z.web1.3f9a12cd.1-2.v1" END,
    "20261122T 70000Z-20261122T075959Z.web1.3f9a12cd.1-2.v1" END,
    "20261122T070000Z-20261122T075959Z.web1.3f9a12cd.99999999999999999999-2.v1" END,
};

int main(void)
{
    struct segment_name name = {.from_s = 1795330800,
                                .to_s = 1795334399,
                                .host = "web1.example.org",
                                .machine = 0xcd,
                                .first = 1,
                                .last = 48211,
                                .schema = 1};
    check_written(&name,
                  "20261122T070000Z-20261122T075959Z.web1.example.org.000000cd.1-48211.v1" END);
    name.to_s = SEGMENT_OPEN;
    check_written(&name, "20261122T070000Z-open.web1.example.org.000000cd.1.v1" END ".part");
    name.from_s = segment_second(UINT64_MAX);
    name.to_s = segment_second(UINT64_MAX - 1);
    name.first = name.last = UINT64_MAX / 10;
    memset(name.host, 'x', SEGMENT_HOST_MAX);
    char longest[SEGMENT_NAME_MAX], host[SEGMENT_HOST_MAX + 1] = "";
    memset(host, 'x', SEGMENT_HOST_MAX);
    snprintf(longest, sizeof(longest),
             "99991231T235959Z-99991231T235959Z.%s.000000cd.1844674407370955161-"
             "1844674407370955161.v1" END,
             host);
    check_written(&name, longest);

    struct segment_name read;
    for (size_t i = 0; i < sizeof(not_names) / sizeof(not_names[0]); i++)
        check(!segment_name_parse(not_names[i], &read), not_names[i]);

    check_host("web1", 4, "web1");
    check_host("", 0, "_");
    check_host("..", 2, "%2E.");
    check_host("a/b\0#\xff", 6, "a%2Fb%00%23%FF");
    return failures != 0;
}
