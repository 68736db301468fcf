// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/tls.c bpf/xdpacct/names/host_name.c
//
// TLS ClientHello: over segments and records, large ones, and hostile ones.

#include "bpf/xdpacct/names/tls.h"
#include "tests/unit/expect.h"
#include "tests/unit/wire.h"

static struct expect e;

// Puts a handshake message into records of at most fragment bytes.
static void put_records(struct wire *w, const struct wire *message, size_t fragment)
{
    for (size_t at = 0; at < message->len; at += fragment) {
        size_t len = message->len - at < fragment ? message->len - at : fragment;
        wire_be(w, 22, 1);
        wire_be(w, 0x0301, 2);
        wire_be(w, len, 2);
        wire_add(w, message->bytes + at, len);
    }
}

// From a copy of its exact size, so that ASan sees a read past the end.
static enum name_status stream(const uint8_t *bytes, size_t len, struct hello *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    enum name_status status = tls_stream(copy, len, out);
    free(copy);
    return status;
}

static void sizes_and_records(void)
{
    static const struct {
        const char *what;
        size_t padding, fragment;
        enum name_status status;
    } rows[] = {
        {"a small hello", 0, 16384, NAME_FOUND},
        {"a post-quantum hello", 1500, 16384, NAME_FOUND},
        {"a hello in records of 100 bytes", 1500, 100, NAME_FOUND},
        {"a hello in records of 1 byte", 200, 1, NAME_FOUND},
        {"nearly the largest", TLS_HELLO_MAX - 200, 16384, NAME_FOUND},
        {"name behind our limit", TLS_HELLO_MAX, 4096, NAME_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire message = {0}, w = {0};
        struct hello h;
        wire_client_hello(&message, "www.Example.com", rows[i].padding);
        put_records(&w, &message, rows[i].fragment);
        enum name_status status = stream(w.bytes, w.len, &h);
        if (EXPECT_U64(&e, rows[i].what, status, rows[i].status) && status == NAME_FOUND)
            EXPECT_TEXT(&e, "name", h.name.text, h.name.len, "www.example.com");
    }
}

// Every prefix of the stream asks for more and is safe; once the extension has come, so has the
// name.
static void every_cut(void)
{
    struct wire message = {0}, w = {0};
    struct hello h;
    wire_client_hello(&message, "www.example.com", 300);
    put_records(&w, &message, 128);
    for (size_t len = 0; len < w.len; len++)
        EXPECT_U64(&e, "cut hello", stream(w.bytes, len, &h), NAME_MORE);
    EXPECT_U64(&e, "whole hello", stream(w.bytes, w.len, &h), NAME_FOUND);

    // the name first, then a large key share that never comes: the name is there for who gives up
    struct wire early = {0}, records = {0};
    wire_client_hello(&early, "early.example", 0);
    early.bytes[3] += 100; // message, extensions: 100 bytes more than there are
    early.bytes[4 + 2 + 32 + 1 + 4 + 2 + 1] += 100;
    put_records(&records, &early, 16384);
    EXPECT_U64(&e, "incomplete", stream(records.bytes, records.len, &h), NAME_MORE);
    EXPECT_TEXT(&e, "name so far", h.name.text, h.name.len, "early.example");
}

static void names(void)
{
    static const struct {
        const char *name; // as sent
        enum name_status status;
        const char *want;
    } rows[] = {
        {"WWW.EXAMPLE.COM", NAME_FOUND, "www.example.com"},
        {"example.com.", NAME_FOUND, "example.com"},
        {"a_b-c.example", NAME_FOUND, "a_b-c.example"},
        {"xn--bcher-kva.example", NAME_FOUND, "xn--bcher-kva.example"},
        {"192.0.2.1", NAME_NONE, ""},
        {"2001:db8::1", NAME_NONE, ""},
        {"", NAME_NONE, ""},
        {".", NAME_NONE, ""},
        {"a..b", NAME_NONE, ""},
        {".a.b", NAME_NONE, ""},
        {"a b.example", NAME_NONE, ""},
        {"a/b.example", NAME_NONE, ""},
        {"caf\xc3\xa9.example", NAME_NONE, ""},
        {"\"},{\"type\":\"end\".example", NAME_NONE, ""},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NAME_NONE, ""},
        {NULL, NAME_NONE, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire message = {0}, w = {0};
        struct hello h;
        wire_client_hello(&message, rows[i].name, 0);
        put_records(&w, &message, 16384);
        EXPECT_U64(&e, rows[i].name ? rows[i].name : "no SNI", stream(w.bytes, w.len, &h),
                   rows[i].status);
        EXPECT_TEXT(&e, "name", h.name.text, h.name.len, rows[i].want);
    }
}

// Extensions as hexadecimal text in a hello that is otherwise sound.
static void extensions(void)
{
    static const struct {
        const char *what, *hex;
        enum name_status status;
        bool ech;
    } rows[] = {
        {"one name", "0000 0006 0004 00 0001 61", NAME_FOUND, false},
        {"a NUL in the name", "0000 0008 0006 00 0003 610062", NAME_NONE, false},
        {"server_name twice", "0000 0006 0004 00 0001 61 0000 0006 0004 00 0001 62", NAME_OTHER,
         false},
        {"two names in one list", "0000 000a 0008 00 0001 61 00 0001 62", NAME_OTHER, false},
        {"a name of another type", "0000 0006 0004 07 0001 61", NAME_NONE, false},
        {"a name longer than its list", "0000 0006 0004 00 0009 61", NAME_OTHER, false},
        {"a list longer than its extension", "0000 0006 0009 00 0001 61", NAME_OTHER, false},
        {"bytes behind the list", "0000 0007 0004 00 0001 61 00", NAME_OTHER, false},
        {"a name of 65535 bytes that is not there", "0000 0006 0004 00 ffff 61", NAME_OTHER, false},
        {"an extension past the end", "0000 0006 0004 00 0001 61 0010 00ff 00", NAME_OTHER, false},
        {"an empty server_name", "0000 0000", NAME_OTHER, false},
        {"ECH beside a name", "fe0d 0003 000001 0000 0006 0004 00 0001 61", NAME_FOUND, true},
        {"ECH without a name", "fe0d 0003 000001", NAME_NONE, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire message = {0}, w = {0};
        struct hello h;
        wire_be(&message, 1, 1);
        size_t at = wire_open(&message, 3);
        wire_hex(&message, "0303 0000000000000000000000000000000000000000000000000000000000000000"
                           "00 0002 1301 01 00");
        size_t list = wire_open(&message, 2);
        wire_hex(&message, rows[i].hex);
        wire_close(&message, list, 2);
        wire_close(&message, at, 3);
        put_records(&w, &message, 16384);
        EXPECT_U64(&e, rows[i].what, stream(w.bytes, w.len, &h), rows[i].status);
        if (rows[i].status != NAME_OTHER)
            EXPECT_U64(&e, "has_ech", h.has_ech, rows[i].ech);
        else
            EXPECT_U64(&e, "no name of a refused hello", h.name.len, 0);
    }
}

static void other_streams(void)
{
    static const struct {
        const char *what, *hex;
        enum name_status status;
    } rows[] = {
        {"nothing yet", "", NAME_MORE},
        {"one byte", "16", NAME_MORE},
        {"application data", "17 0303 0001 00", NAME_OTHER},
        {"an SSLv2 hello", "802e 01 0301", NAME_OTHER},
        {"HTTP", "474554202f20485454502f312e310d0a", NAME_OTHER},
        {"a record of version 2", "16 0200 0004 01000000", NAME_OTHER},
        {"an empty record", "16 0301 0000", NAME_OTHER},
        {"a record of 65535 bytes", "16 0301 ffff 01", NAME_OTHER},
        {"a server's hello", "16 0303 0004 02000000", NAME_OTHER},
        {"an alert in the middle of a hello", "16 0301 0004 01000100 15 0303 0002 0228",
         NAME_OTHER},
        {"a hello of 0 bytes", "16 0301 0004 01000000", NAME_OTHER},
        {"a hello of 16 MB", "16 0301 0004 01ffffff", NAME_MORE},
        {"a session id of 33 bytes",
         "16 0301 0028 01000024 0303"
         "0000000000000000000000000000000000000000000000000000000000000000 21 00",
         NAME_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire w = {0};
        struct hello h;
        wire_hex(&w, rows[i].hex);
        EXPECT_U64(&e, rows[i].what, stream(w.bytes, w.len, &h), rows[i].status);
        EXPECT_U64(&e, "no name", h.name.len, 0);
    }
}

// 64 KB of a name, in a hello that says so in every length that can.
static void name_of_64_kb(void)
{
    static struct wire message, w;
    struct hello h;
    char *name = malloc(65000);
    memset(name, 'a', 64999);
    name[64999] = '\0';
    wire_client_hello(&message, name, 0);
    put_records(&w, &message, 16384);
    EXPECT_U64(&e, "64 KB name", stream(w.bytes, w.len, &h), NAME_OTHER);
    EXPECT_U64(&e, "64 KB name, as QUIC has it", tls_client_hello(message.bytes, message.len, &h),
               NAME_NONE);
    free(name);
}

int main(void)
{
    sizes_and_records();
    every_cut();
    names();
    extensions();
    other_streams();
    name_of_64_kb();
    return expect_result(&e);
}
