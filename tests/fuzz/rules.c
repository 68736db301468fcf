// SPDX-License-Identifier: Apache-2.0
// A rule file from a stranger, and a flow whose name and addresses come from its last bytes.
// LINK: helper/rules/*.c helper/parse_numbers.c schema/ip.c schema/events.c
// LIBS: nettle libmaxminddb libpsl

#include "helper/rules/rules.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[RULES_ERROR_MAX];
    // asn-file would open files by chance
    if (size && memmem(data, size, "asn-file", 8))
        return 0;
    struct rules *rules = rules_parse("r", (const char *)data, size, error);
    if (!rules)
        return 0;
    struct rule_flow flow = {.has_peer = true, .proto = 6, .peer_port = 443};
    struct rule_verdict verdict;
    size_t name = size < 40 ? size : 40;
    flow.name = (struct text){(const char *)data + size - name, name};
    if (size >= 16)
        memcpy(flow.peer.bytes, data, 16);
    rules_match(rules, &flow, &verdict);
    rules_free(rules);
    return 0;
}
