// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/http.c bpf/xdpacct/names/host_name.c
//
// Any bytes as the start of a TCP stream: no crash, and an answer for the whole never contradicts
// the answer for a part of it.

#include "bpf/xdpacct/names/http.h"
#include "tests/fuzz/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hello whole, part;
    enum name_status status = http_request(data, size, &whole);
    check_hello(status, &whole);
    enum name_status before = http_request(data, size / 2, &part);
    check_hello(before, &part);
    if (before == NAME_FOUND)
        check(status == NAME_FOUND && host_name_equal(&whole.name, &part.name));
    if (before == NAME_OTHER)
        check(status == NAME_OTHER);
    return 0;
}
