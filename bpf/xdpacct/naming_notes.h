// SPDX-License-Identifier: Apache-2.0
//
// naming_notes.h - what the man page says of --names.
#pragma once

#include "bpf/xdpacct/names/tracker.h"

#define NAMING_TEXT_(number) #number
#define NAMING_TEXT(number)  NAMING_TEXT_(number)

#define NAMING_NOTES                                                                               \
    "Names (--names)\n"                                                                            \
    "  A flow's name is what the subscriber's first packets ask the server for: evidence `sni`\n"  \
    "  (TLS), `quic` or `host` (HTTP/1). Without that it is the newest name that a DNS answer "    \
    "to\n"                                                                                         \
    "  this subscriber gave the address: evidence `dns`, with `ambiguous` if it gave several.\n"   \
    "  Clients can send any name they like: `unverified` says that no DNS answer ties the name "   \
    "to\n"                                                                                         \
    "  the address. Of a CNAME chain the first name counts; the last one verifies as well.\n"      \
    "  An answer counts for max(TTL, 5 minutes), at most an hour; a flow keeps its name for "      \
    "life.\n"                                                                                      \
    "  Bytes that were reported before the name came move to it by a `reclass` event.\n"           \
    "  Without --resolver every answer from port 53 is believed, and a subscriber who has a\n"     \
    "  friend with a server can forge them. Name your resolvers.\n"                                \
    "\n"                                                                                           \
    "  Not seen: names in encrypted DNS, in hellos hidden by ECH (DNS names these flows, if it\n"  \
    "  was in the clear), in connections that began before xdpacct, in HTTP/2 without TLS; of a\n" \
    "  connection with several HTTP requests the first counts. Hellos are looked for in what\n"    \
    "  subscribers send, not in what is sent to servers of theirs. A subscriber with IPv4 and\n"   \
    "  IPv6 is two: answers asked for over one do not name flows of the other.\n"                  \
    "\n"                                                                                           \
    "  Copied to user space are at most 8 packets or 8 KiB of a flow in an interval, DNS "         \
    "answers\n"                                                                                    \
    "  (over TCP at most 255 segments of a flow), and at most 2000 packets of a subscriber in a\n" \
    "  second; what is left out is counted (`names_totals`, `lost`). They are read after "         \
    "privileges\n"                                                                                 \
    "  are gone, under seccomp.\n"                                                                 \
    "  Memory: at most " NAMING_TEXT(                                                              \
        TRACKER_MIB) " MiB (65536 addresses, 73729 names, 256 TCP and 512 QUIC hellos at a\n"      \
                     "  time), " NAMING_TEXT(                                                      \
                         TRACKER_FLOW_BYTES) " bytes for each of --max-flows, and a ring buffer "  \
                                             "of 4 MiB. When full, what was not\n"                 \
                                             "  heard of for longest is forgotten, and counted; "  \
                                             "and a subscriber gets at most 2048 new\n"            \
                                             "  addresses from DNS in 10 seconds, so that nobody " \
                                             "can push out what others were told."
