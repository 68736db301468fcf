// SPDX-License-Identifier: Apache-2.0
//
// rules_notes.h - what the man page says of the files of `report traffic`.
#pragma once

// clang-format off
#define RULES_NOTES \
    "Files of `report traffic`\n" \
    "  --rules: a list of apps, each a block of lines KEY: VALUE…; the first app that takes a flow\n" \
    "  has it. `#` starts a comment, a line that starts with blanks continues the one before.\n" \
    "    timezone: +09:00              of `time`; UTC without it\n" \
    "    asn-file: FILE.mmdb           for `asn`\n" \
    "    group: gold 10.128.0.0/16     subscribers by name, for `subscriber`\n" \
    "    app: line                     starts an app\n" \
    "    rate: free                    free, or any word for what costs something\n" \
    "    suffix: line.me               line.me and a.line.me, never notline.me\n" \
    "    exact: obs.line-scdn.net\n" \
    "    cidr: 147.92.128.0/17\n" \
    "    asn: 38631\n" \
    "    port: udp/443 tcp/5000-5100   this and the next two must hold besides\n" \
    "    subscriber: gold 10.9.0.1\n" \
    "    time: mon-fri 22:00-06:00     the day is that of the start\n" \
    "  suffix, exact, cidr and asn are alternatives; not-suffix, not-exact, not-cidr, not-asn and\n" \
    "  not-port exclude, and win over what the same app includes. An app without any of these takes\n" \
    "  all that fulfils its conditions. What no app takes is `charged` if its name is known, else\n" \
    "  `unknown`.\n" \
    "  --quota: lines of SUBSCRIBER RATE BYTES [WARN%]; SUBSCRIBER is a prefix, a name or *; the\n" \
    "  first that fits decides. More than the quota is passed, as much as it is not.\n" \
    "  --subscribers: lines of ADDRESS[/BITS] NAME [FROM [UNTIL]].\n" \
    "  --pseudonyms: a key of at least 16 bytes. Peers are not hidden by it."
// clang-format on
