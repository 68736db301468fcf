// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/tls.c bpf/xdpacct/names/host_name.c
//
// Any bytes as the start of TLS records.

#include "bpf/xdpacct/names/tls.h"
#include "tests/fuzz/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_stream(tls_stream, data, size);
    return 0;
}
