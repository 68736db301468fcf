// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/http.h"

#include <string.h>
#include <strings.h>

enum { METHOD_MAX = 24 }; // letters; VERSION-CONTROL has 15

struct span {
    const char *at;
    size_t len;
};

static bool span_starts(struct span s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && strncasecmp(s.at, with, len) == 0;
}

// Cuts the first line off *rest, without its line end. False if no line end has come yet.
static bool take_line(struct span *rest, struct span *line)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    if (!end)
        return false;
    *line = (struct span){rest->at, (size_t)(end - rest->at)};
    rest->len -= line->len + 1;
    rest->at = end + 1;
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s.at++, s.len--;
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

// host[:port] without its port. Bracketed IPv6 addresses are left to host_name_set to refuse.
static void set_host(struct span authority, struct hello *out)
{
    const char *colon = memchr(authority.at, ':', authority.len);
    size_t len = colon ? (size_t)(colon - authority.at) : authority.len;
    for (size_t i = len + 1; i < authority.len; i++)
        if (authority.at[i] < '0' || authority.at[i] > '9')
            return;
    host_name_set(&out->name, (const uint8_t *)authority.at, len);
}

// Length of the method with its space; 0 if these bytes cannot begin a request, -1 if that is open.
static int method_length(struct span s)
{
    size_t at = 0;
    while (at < s.len && at < METHOD_MAX &&
           ((s.at[at] >= 'A' && s.at[at] <= 'Z') || s.at[at] == '-'))
        at++;
    if (at == s.len)
        return -1;
    return at >= 3 && at < s.len && s.at[at] == ' ' ? (int)at + 1 : 0;
}

// Up to the path, query or fragment.
static size_t authority_length(struct span s)
{
    size_t at = 0;
    while (at < s.len && s.at[at] != '/' && s.at[at] != '?' && s.at[at] != '#')
        at++;
    return at;
}

// The host in a request line. False if the line is none of HTTP/1.
static bool take_request_line(struct span line, struct hello *out)
{
    int method = method_length(line);
    if (method <= 0)
        return false;
    struct span target = {line.at + method, line.len - (size_t)method};
    const char *space = memchr(target.at, ' ', target.len);
    if (!space)
        return false;
    struct span version = {space + 1, target.len - (size_t)(space - target.at) - 1};
    target.len = (size_t)(space - target.at);
    if (version.len != 8 || !span_starts(version, "HTTP/1."))
        return false;
    if (span_starts(target, "http://")) {
        target.at += 7;
        target.len -= 7;
        target.len = authority_length(target);
        set_host(target, out);
    } else if (span_starts(line, "CONNECT ")) {
        set_host(target, out);
    }
    return true;
}

enum name_status http_request(const uint8_t *bytes, size_t len, struct hello *out)
{
    struct span rest = {(const char *)bytes, len}, line;
    *out = (struct hello){0};
    if (method_length(rest) == 0)
        return NAME_OTHER;
    if (!take_line(&rest, &line))
        return NAME_MORE;
    if (!take_request_line(line, out))
        return NAME_OTHER;
    bool from_target = out->name.len > 0, seen_host = false;
    while (take_line(&rest, &line)) {
        if (line.len == 0)
            return out->name.len > 0 ? NAME_FOUND : NAME_NONE;
        if (!span_starts(line, "host:"))
            continue;
        if (seen_host) {
            *out = (struct hello){0};
            return NAME_OTHER;
        }
        seen_host = true;
        if (!from_target)
            set_host(trim((struct span){line.at + 5, line.len - 5}), out);
    }
    return NAME_MORE;
}
