// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/tls.h"

#include <string.h>
#include "bpf/xdpacct/names/cursor.h"

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_MAX = 16384, // RFC 8446, 5.1: plaintext
    CLIENT_HELLO = 1,
    HANDSHAKE_HEADER = 4,
    EXT_SERVER_NAME = 0,
    EXT_ECH = 65037, // RFC 9849
    NAME_TYPE_HOST = 0,
};

// server_name: a list with at most one name of each type, and host_name is the only type. False if
// it is malformed. A name that is an address or has odd bytes is no name, but no reason to refuse
// the hello.
static bool take_server_name(struct cursor extension, struct hello *out)
{
    struct cursor list = cursor_part(&extension, cursor_u16(&extension));
    bool seen = false;
    while (list.left > 0 && !list.cut) {
        uint8_t type = cursor_u8(&list);
        struct cursor name = cursor_part(&list, cursor_u16(&list));
        if (list.cut || (type == NAME_TYPE_HOST && seen))
            return false;
        if (type == NAME_TYPE_HOST) {
            seen = true;
            host_name_set(&out->name, name.at, name.left);
        }
    }
    return !extension.cut && extension.left == 0;
}

// Goes through the extensions. Servers refuse a hello that carries one twice (RFC 8446, 4.2), and a
// client that wants to show us another name than the server gets none past us.
static enum name_status take_extensions(struct cursor list, bool incomplete, struct hello *out)
{
    bool seen_name = false;
    list.cut = false;
    while (list.left > 0) {
        uint16_t type = cursor_u16(&list);
        struct cursor extension = cursor_part(&list, cursor_u16(&list));
        if (extension.cut || list.cut)
            break;
        if (type == EXT_ECH)
            out->has_ech = true;
        if (type != EXT_SERVER_NAME)
            continue;
        if (seen_name || !take_server_name(extension, out))
            return NAME_OTHER;
        seen_name = true;
    }
    if (list.cut || incomplete)
        return incomplete ? NAME_MORE : NAME_OTHER;
    return out->name.len > 0 ? NAME_FOUND : NAME_NONE;
}

enum name_status tls_client_hello(const uint8_t *message, size_t len, struct hello *out)
{
    *out = (struct hello){0};
    struct cursor c = cursor_of(message, len);
    uint8_t type = cursor_u8(&c);
    if (!c.cut && type != CLIENT_HELLO)
        return NAME_OTHER;
    uint32_t size = cursor_u24(&c);
    struct cursor body = cursor_part(&c, size);
    bool incomplete = c.cut;
    cursor_u16(&body);       // legacy_version
    cursor_bytes(&body, 32); // random
    struct cursor session = cursor_part(&body, cursor_u8(&body));
    struct cursor suites = cursor_part(&body, cursor_u16(&body));
    cursor_part(&body, cursor_u8(&body)); // legacy_compression_methods
    // A field that the message has no room for is malformed; one that has not come yet is not.
    if (session.left > 32 || (!incomplete && (body.cut || suites.left % 2 != 0)))
        return NAME_OTHER;
    if (!incomplete && body.left == 0)
        return NAME_NONE; // no extensions at all
    struct cursor extensions = cursor_part(&body, cursor_u16(&body));
    if (!incomplete && (body.cut || body.left > 0))
        return NAME_OTHER;
    enum name_status status = take_extensions(extensions, incomplete, out);
    if (status == NAME_OTHER)
        *out = (struct hello){0};
    return status;
}

// Opens the record at c. False if there is none, malformed or of another type.
static bool take_record(struct cursor *c, struct cursor *fragment)
{
    uint8_t type = cursor_u8(c);
    uint8_t major = cursor_u8(c);
    cursor_u8(c); // minor: 1 or 3 here, whatever is spoken later
    size_t len = cursor_u16(c);
    if (c->cut)
        return true; // *fragment stays empty: more may come
    if (type != RECORD_HANDSHAKE || major != 3 || len == 0 || len > RECORD_MAX)
        return false;
    *fragment = cursor_part(c, len);
    return true;
}

enum name_status tls_stream(const uint8_t *bytes, size_t len, struct hello *out)
{
    uint8_t message[TLS_HELLO_MAX];
    size_t have = 0;
    struct cursor c = cursor_of(bytes, len);
    *out = (struct hello){0};
    if (len > 0 && bytes[0] != RECORD_HANDSHAKE)
        return NAME_OTHER;
    if (len > 1 && bytes[1] != 3)
        return NAME_OTHER;
    bool ended = false; // by a record that cannot belong to a hello
    while (c.left > 0 && !ended && have < sizeof(message)) {
        struct cursor fragment = {0};
        ended = !take_record(&c, &fragment);
        size_t room = sizeof(message) - have;
        size_t take = fragment.left < room ? fragment.left : room;
        if (take > 0)
            memcpy(message + have, fragment.at, take);
        have += take;
        if (have >= HANDSHAKE_HEADER &&
            have - HANDSHAKE_HEADER >= ((size_t)message[1] << 16 | message[2] << 8 | message[3]))
            return tls_client_hello(message, have, out);
    }
    if (have == 0)
        return ended ? NAME_OTHER : NAME_MORE;
    enum name_status status = tls_client_hello(message, have, out);
    if (status == NAME_MORE && ended) {
        *out = (struct hello){0};
        return NAME_OTHER;
    }
    if (status == NAME_MORE &&
        have == sizeof(message)) // no more of it is kept: what we have decides
        return out->name.len > 0 ? NAME_FOUND : NAME_OTHER;
    return status;
}
