#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""heartbeats_in_capture.py FILE LOCAL_ADDRESS[,...]: the truth that netvitals is compared with.

Reads a capture (pcap with nanoseconds, Ethernet) of a host's interface and prints, for each peer's address, a JSON line:
{"raddr":"10.9.0.2","sent":31,"acked":30,"received":28,"probes_sent":1,"probes_acked":1,"rtt_ns":[20123456,...]}
The RTTs are in the order of the ACKs.
A HEARTBEAT is matched with its ACK by the bytes that the ACK echoes, from whichever address it comes. PLPMTUD probes (probe_size != 0) are counted apart.
What comes when its association has ended (ABORT, SHUTDOWN COMPLETE) is nobody's, and not counted.
"""
import ipaddress
import json
import struct
import sys

HEARTBEAT, HEARTBEAT_ACK, ABORT, COOKIE_ACK, SHUTDOWN_COMPLETE = 4, 5, 6, 11, 14


def packets(data):
    magic = struct.unpack("<I", data[:4])[0]
    assert magic == 0xA1B23C4D, "not a little-endian pcap with nanoseconds"
    at = 24
    while at + 16 <= len(data):
        seconds, nanoseconds, length = struct.unpack("<III", data[at:at + 12])
        yield seconds * 10**9 + nanoseconds, data[at + 16:at + 16 + length]
        at += 16 + length


def sctp_of(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0800 and frame[23] == 132:
        header = 14 + (frame[14] & 15) * 4
        return ipaddress.ip_address(frame[26:30]), ipaddress.ip_address(frame[30:34]), frame[header:]
    if kind == 0x86DD and frame[20] == 132:
        return ipaddress.ip_address(frame[22:38]), ipaddress.ip_address(frame[38:54]), frame[54:]
    return None


def chunks(sctp):
    at = 12
    while at + 4 <= len(sctp):
        kind, _, length = struct.unpack("!BBH", sctp[at:at + 4])
        if length < 4:
            return
        yield kind, bytes(sctp[at + 4:at + length])
        at += (length + 3) & ~3


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    local = {ipaddress.ip_address(address) for address in sys.argv[2].split(",")}
    waiting, rows, ended = {}, {}, set()
    for time, frame in packets(data):
        found = sctp_of(frame)
        if not found:
            continue
        source, target, sctp = found
        peer = target if source in local else source
        row = rows.setdefault(peer, {"sent": 0, "acked": 0, "received": 0, "probes_sent": 0, "probes_acked": 0,
                                     "rtt_ns": []})
        ports = sctp[0:4] if source in local else sctp[2:4] + sctp[0:2]
        for kind, info in chunks(sctp):
            if kind in (ABORT, SHUTDOWN_COMPLETE):
                ended.add(ports)
            elif kind == COOKIE_ACK:
                ended.discard(ports)
            if kind not in (HEARTBEAT, HEARTBEAT_ACK) or (ports in ended and source not in local):
                continue
            probe = len(info) >= 52 and struct.unpack("=I", info[48:52])[0] != 0
            if kind == HEARTBEAT and source in local:
                row["probes_sent" if probe else "sent"] += 1
                waiting[info] = time, row
            elif kind == HEARTBEAT:
                row["received"] += 1
            elif source not in local and info in waiting:
                sent, path = waiting.pop(info)
                path["probes_acked" if probe else "acked"] += 1
                if not probe:
                    path["rtt_ns"].append(time - sent)
    for peer, row in sorted(rows.items(), key=lambda item: str(item[0])):
        print(json.dumps({"raddr": str(peer), **row}))


main()
