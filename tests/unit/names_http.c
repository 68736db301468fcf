// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/http.c bpf/xdpacct/names/host_name.c
//
// HTTP/1 requests: where the host stands, and hostile requests.

#include "bpf/xdpacct/names/http.h"
#include "tests/unit/expect.h"
#include "tests/unit/wire.h"

static struct expect e;

static enum name_status request(const char *bytes, size_t len, struct hello *out)
{
    uint8_t *copy = malloc(len ? len : 1); // its own allocation, so that ASan sees the end
    memcpy(copy, bytes, len);
    enum name_status status = http_request(copy, len, out);
    free(copy);
    return status;
}

static const struct {
    const char *request;
    enum name_status status;
    const char *name;
} rows[] = {
    {"GET / HTTP/1.1\r\nHost: Example.com\r\n\r\n", NAME_FOUND, "example.com"},
    {"GET / HTTP/1.1\nHost:example.com\n\n", NAME_FOUND, "example.com"},
    {"GET / HTTP/1.1\r\nhOsT:  \texample.com:8080\t \r\nA: b\r\n\r\n", NAME_FOUND, "example.com"},
    {"VERSION-CONTROL / HTTP/1.1\r\nHost: example.com.\r\n\r\n", NAME_FOUND, "example.com"},
    {"GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n", NAME_FOUND, "a.example"},
    {"GET http://a.example:80?q HTTP/1.1\r\n\r\n", NAME_FOUND, "a.example"},
    {"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", NAME_FOUND, "a.example"},
    {"GET / HTTP/1.0\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost: a.example:8x\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost: a.example b.example\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost :a.example\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nX: 1\r\n Host: a.example\r\n\r\n", NAME_NONE, ""},
    {"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", NAME_OTHER, ""},
    {"GET http://user@a.example/ HTTP/1.1\r\n\r\n", NAME_NONE, ""},
    {"", NAME_MORE, ""},
    {"GE", NAME_MORE, ""},
    {"GET / HTTP/1.1\r\nHost: a.exam", NAME_MORE, ""},
    {"GET / HTTP/1.1\r\nHost: a.example\r\n", NAME_MORE, "a.example"},
    {"GET /\r\n", NAME_OTHER, ""},
    {"GET / HTTP/2.0\r\n", NAME_OTHER, ""},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NAME_OTHER, ""},
    {"get / HTTP/1.1\r\n", NAME_OTHER, ""},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NAME_OTHER, ""},
    {"SSH-2.0-OpenSSH_9.2\r\n", NAME_OTHER, ""},
    {"\x16\x03\x01", NAME_OTHER, ""},
};

int main(void)
{
    struct hello h;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EXPECT_U64(&e, rows[i].request, request(rows[i].request, strlen(rows[i].request), &h),
                   rows[i].status);
        EXPECT_TEXT(&e, rows[i].request, h.name.text, h.name.len, rows[i].name);
    }
    static const char nul[] = "GET / HTTP/1.1\r\nHost: a\0b.example\r\n\r\n";
    EXPECT_U64(&e, "a NUL in Host", request(nul, sizeof(nul) - 1, &h), NAME_NONE);
    static const char nul_target[] = "GET http://a.example\0.b.example/ HTTP/1.1\r\n\r\n";
    EXPECT_U64(&e, "a NUL in the target", request(nul_target, sizeof(nul_target) - 1, &h),
               NAME_NONE);
    // every cut of a request asks for more
    for (size_t len = 0; len < strlen(rows[0].request); len++)
        EXPECT_U64(&e, "cut request", request(rows[0].request, len, &h), NAME_MORE);
    return expect_result(&e);
}
