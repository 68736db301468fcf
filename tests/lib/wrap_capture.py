#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wrap_capture.py gre|vxlan IN.pcap OUT.pcap: puts each Ethernet frame of a capture into a tunnel, as a
mirror would send it. Times stay what they were."""
import struct
import sys

OUTER_ETHERNET = b"\x02\0\0\0\0\x0a" + b"\x02\0\0\0\0\x0b" + b"\x08\0"


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(payload, proto):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0, b"\x64\x40\0\1", b"\x64\x40\0\2")
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def wrap(kind, frame):
    if kind == "gre":
        return OUTER_ETHERNET + ip4(struct.pack("!HH", 0, 0x0800) + frame[14:], 47)
    vxlan = struct.pack("!II", 0x08000000, 7 << 8) + frame
    return OUTER_ETHERNET + ip4(struct.pack("!HHHH", 50000, 4789, 8 + len(vxlan), 0) + vxlan, 17)


kind, source, target = sys.argv[1:]
with open(source, "rb") as captured, open(target, "wb") as out:
    out.write(captured.read(24))
    while header := captured.read(16):
        seconds, fraction, caplen, wirelen = struct.unpack("<IIII", header)
        packet = wrap(kind, captured.read(caplen))
        out.write(struct.pack("<IIII", seconds, fraction, len(packet), len(packet) + wirelen - caplen) + packet)
