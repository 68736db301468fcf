// SPDX-License-Identifier: Apache-2.0
//
// tls.h - the server name of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3).
#pragma once

#include "bpf/xdpacct/names/host_name.h"

enum { TLS_HELLO_MAX = 8 * 1024 }; // longest ClientHello that is put together from several records

// Looks at the first len bytes that a client sent on a TCP connection: TLS records, of which the
// hello may fill several. SSLv2-style hellos carry no name and are NAME_OTHER.
enum name_status tls_stream(const uint8_t *bytes, size_t len, struct hello *out);

// Looks at the first len bytes of a handshake message without its records, as QUIC carries it.
enum name_status tls_client_hello(const uint8_t *message, size_t len, struct hello *out);
