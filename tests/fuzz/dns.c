// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/dns.c bpf/xdpacct/names/host_name.c schema/ip.c
//
// Any bytes as a DNS message: no crash, and what comes out is a checked name and checked counts.

#include "bpf/xdpacct/names/dns.h"
#include "tests/fuzz/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_answer answer;
    if (dns_parse(data, size, &answer) == DNS_ANSWER) {
        check_name(&answer.name);
        check_name(&answer.last);
        if (answer.ech_name.len > 0)
            check_name(&answer.ech_name);
        check(answer.count <= DNS_ADDRESSES_MAX);
        check(answer.count > 0 || answer.ech_name.len > 0);
    }
    return 0;
}
