// SPDX-License-Identifier: Apache-2.0
//
// http.h - the host of an HTTP/1 request (RFC 9112, 3.2).
#pragma once

#include "bpf/xdpacct/names/host_name.h"

// Looks at the first len bytes that a client sent on a TCP connection. The host comes from the
// target if that is absolute (`GET http://host/`) or an authority (`CONNECT host:443`), else from
// the one Host field; its port is dropped. Two Host fields are NAME_OTHER: servers differ in which
// they believe.
enum name_status http_request(const uint8_t *bytes, size_t len, struct hello *out);
