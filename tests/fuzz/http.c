// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/http.c bpf/xdpacct/names/host_name.c
//
// Any bytes as the start of an HTTP request.

#include "bpf/xdpacct/names/http.h"
#include "tests/fuzz/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_stream(http_request, data, size);
    return 0;
}
