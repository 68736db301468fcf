#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# frames.py - makes captures of exact frames: what no tool sends, and what must not be trusted.
#
#   frames.py encaps OUT.pcap          one packet in every encapsulation, plain to two levels deep
#   frames.py again OUT.pcap           each of those packets three times
#   frames.py link TYPE OUT.pcap       the same packets in a capture of link type sll, sll2, raw or null, whose records hold
#                                      no Ethernet header; without the VLAN-tagged ones, but sll has each packet with a tag
#                                      too, and sll2 with two
#   frames.py cuts OUT.pcap            each of those packets cut at every byte offset
#   frames.py flows OUT.pcap N [6]     one packet of each of N flows (IPv4, or IPv6)
#   frames.py shared OUT.pcap N        one packet of each of N flows of 8 IPv4 and 4 IPv6 subscribers (/64), up and down, of many sizes
#   frames.py copies OUT.pcap N        N packets of many sizes, each in VXLAN with VNI 7 and 8 and in GRE with key 1 and 2147483650
#   frames.py sizes OUT.pcap           packets of 28 to 65535 bytes, padded, whole and cut by a snapshot length
#   frames.py fragments OUT.pcap       packets in pieces, inside and outside of tunnels
#   frames.py strange OUT.pcap         what must be counted and not opened
#   frames.py non-ip OUT.pcap          frames with and without IP, plain and in every tunnel that carries Ethernet
#
# Writes to stderr how many packets it wrote and their innermost IP bytes, where that is defined.
import socket
import struct
import sys

UP = ("10.128.0.7", "203.0.113.9")
UP6 = ("2001:db8:128::7", "2001:db8:ffff::9")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def ip4(payload, proto, src=UP[0], dst=UP[1], ident=1, frag=0, options=b"", total=None):
    ihl = 5 + len(options) // 4
    total = 20 + len(options) + len(payload) if total is None else total
    h = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, total, ident, frag, 64, proto, 0,
                    socket.inet_aton(src), socket.inet_aton(dst)) + options
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def ip6(payload, proto, src=UP6[0], dst=UP6[1]):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + socket.inet_pton(socket.AF_INET6, src) + \
        socket.inet_pton(socket.AF_INET6, dst) + payload


def udp(payload, sport=40000, dport=53):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(payload, sport=40001, dport=443):
    return struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x18, 1024, 0, 0) + payload


def sctp(payload, sport=36412, dport=36412):
    return struct.pack("!HHII", sport, dport, 1, 0) + struct.pack("!BBHIHHI", 0, 3, 16 + len(payload), 1, 1, 1, 0) + payload


def icmp():
    h = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"ping" * 4
    return h[:2] + struct.pack("!H", checksum(h)) + h[4:]


def eth(payload, kind=0x0800, tags=()):
    h = b"\x02\0\0\0\0\x01" + b"\x02\0\0\0\0\x02"
    for tpid, vid in tags:
        h += struct.pack("!HH", tpid, vid)
    return h + struct.pack("!H", kind) + payload


def v6ext(kind_next, blocks=0):
    return bytes([kind_next, blocks]) + b"\x01\x04\0\0\0\0" + b"\0" * (8 * blocks)


def gre(payload, proto, flags=0, version=0, key=42):
    h = struct.pack("!HH", flags | version, proto)
    if flags & 0x8000:
        h += b"\0\0\0\0"
    if flags & 0x2000:
        h += struct.pack("!I", key)
    if flags & 0x1000:
        h += struct.pack("!I", 7)
    if flags & 0x8000:
        h = h[:4] + struct.pack("!H", checksum(h + payload)) + h[6:]
    return h + payload


def vxlan(frame, vni=99):
    return struct.pack("!II", 0x08000000, vni << 8) + frame


def geneve(payload, proto=0x6558, options=b""):
    return struct.pack("!BBHI", len(options) // 4, 0, proto, 5 << 8) + options + payload


def gtp(payload, extensions=b"", flags=0x30, kind=0xFF):
    body = payload
    if extensions:
        flags |= 4
        body = struct.pack("!HBB", 1, 0, 0x85) + extensions + payload
    elif flags & 3:
        body = struct.pack("!HBB", 1, 0, 0) + payload
    return struct.pack("!BBHI", flags, kind, len(body), 0x1234) + body


PDU_SESSION = bytes([1, 0x10, 9, 0])  # one block of 4 bytes, next type 0
TWO_EXTENSIONS = bytes([1, 0x10, 9, 0x85, 2, 1, 2, 3, 4, 5, 6, 0])


def erspan2(frame):
    return gre(struct.pack("!II", 0x10000000 | 100, 1) + frame, 0x88BE, 0x1000)


def erspan3(frame, kind=0, subheader=b""):
    return gre(struct.pack("!IIHBB", 0x20000000 | 100, 1, 0, kind, 1 if subheader else 0) + subheader + frame, 0x22EB, 0x1000)


def outer(payload, proto=47):
    return ip4(payload, proto, "100.64.0.1", "100.64.0.2")


def outer_udp(payload, dport):
    return outer(udp(payload, 50000, dport), 17)


INNER = ip4(tcp(b"x" * 11), 6)
INNER6 = ip6(tcp(b"x" * 11), 6)


def encaps():
    """name -> (frame, tunnels as the program names them, innermost IP packet's bytes)"""
    inner_frame, inner_frame6 = eth(INNER), eth(INNER6, 0x86DD)
    e = {
        "udp": (eth(ip4(udp(b"a" * 5), 17)), "", 33),
        "tcp": (eth(INNER), "", 51),
        "tcp-down": (eth(ip4(tcp(b"y" * 3, 443, 40001), 6, UP[1], UP[0])), "", 43),
        "sctp": (eth(ip4(sctp(b"z" * 4), 132)), "", 52),
        "icmp": (eth(ip4(icmp(), 1)), "", 44),
        "esp": (eth(ip4(b"\0" * 24, 50)), "", 44),
        "v4-options": (eth(ip4(udp(b""), 17, options=b"\x01" * 8)), "", 36),
        "v6": (eth(INNER6, 0x86DD), "", 71),
        "v6-extensions": (eth(ip6(v6ext(43) + v6ext(60, 1) + v6ext(6) + tcp(b"q"), 0), 0x86DD), "", 93),
        "v6-ah": (eth(ip6(bytes([6, 4]) + b"\0" * 22 + tcp(b"q"), 51), 0x86DD), "", 85),
        "vlan": (eth(INNER, tags=[(0x8100, 5)]), "", 51),
        "qinq": (eth(INNER6, 0x86DD, tags=[(0x88A8, 5), (0x8100, 6)]), "", 71),
        "gre-v4": (eth(outer(gre(INNER, 0x0800))), "gre", 51),
        "gre-v6": (eth(outer(gre(INNER6, 0x86DD))), "gre", 71),
        "gre-eth": (eth(outer(gre(inner_frame, 0x6558))), "gre", 51),
        "gre-all": (eth(outer(gre(INNER, 0x0800, 0xB000))), "gre", 51),
        "gre-over-v6": (eth(ip6(gre(INNER, 0x0800), 47), 0x86DD), "gre", 51),
        "erspan1": (eth(outer(gre(inner_frame, 0x88BE))), "erspan", 51),
        "erspan2": (eth(outer(erspan2(inner_frame))), "erspan", 51),
        "erspan3": (eth(outer(erspan3(inner_frame))), "erspan", 51),
        "erspan3-subheader": (eth(outer(erspan3(inner_frame, 0, b"\0" * 8))), "erspan", 51),
        "vxlan": (eth(outer_udp(vxlan(inner_frame), 4789)), "vxlan", 51),
        "vxlan-vlan-v6": (eth(outer_udp(vxlan(eth(INNER6, 0x86DD, tags=[(0x8100, 7)])), 4789)), "vxlan", 71),
        "geneve": (eth(outer_udp(geneve(inner_frame), 6081)), "geneve", 51),
        "geneve-options-ip": (eth(outer_udp(geneve(INNER, 0x0800, b"\0" * 12), 6081)), "geneve", 51),
        "gtp": (eth(outer_udp(gtp(INNER), 2152)), "gtp", 51),
        "gtp-seq": (eth(outer_udp(gtp(INNER, flags=0x32), 2152)), "gtp", 51),
        "gtp-pdu-session": (eth(outer_udp(gtp(INNER6, PDU_SESSION), 2152)), "gtp", 71),
        "gtp-two-extensions": (eth(outer_udp(gtp(INNER, TWO_EXTENSIONS), 2152)), "gtp", 51),
        "ipip": (eth(outer(INNER, 4)), "ipip", 51),
        "6in4": (eth(outer(INNER6, 41)), "ipip", 71),
        "geneve-vxlan": (eth(outer_udp(geneve(outer_udp(vxlan(inner_frame), 4789), 0x0800), 6081)), "geneve,vxlan", 51),
        "vxlan-gre": (eth(outer_udp(vxlan(eth(outer(gre(INNER6, 0x86DD)))), 4789)), "vxlan,gre", 71),
        "gre-gtp": (eth(outer(gre(outer_udp(gtp(INNER), 2152), 0x0800))), "gre,gtp", 51),
    }
    return e


def strange():
    inner_frame = eth(INNER)
    three = outer(gre(outer(gre(outer(gre(INNER, 0x0800)), 0x0800)), 0x0800))
    return [
        eth(outer(gre(b"\xff\x03\x00\x21" + INNER, 0x880B, 0x2000, 1))),  # PPTP
        eth(outer(gre(INNER, 0x0800, 0x4000))),                          # GRE with routing
        eth(outer(gre(b"\0" * 20, 0x0806))),                             # ARP in GRE
        eth(outer(erspan3(INNER, 0x08))),                                # ERSPAN III with IP instead of Ethernet
        eth(outer_udp(struct.pack("!II", 0x00000000, 1) + inner_frame, 4789)),  # VXLAN without I
        eth(outer_udp(b"\x40\0" + geneve(inner_frame)[2:], 6081)),       # GENEVE version 1
        eth(outer_udp(gtp(INNER, kind=1), 2152)),                        # GTP echo request
        eth(outer_udp(gtp(b"\x50" + INNER[1:]), 2152)),                  # GTP with something else in it
        eth(three),                                                      # three levels: two are opened
        eth(b"\0" * 28, 0x0806),                                         # ARP
        eth(b"\0" * 50, 0x88CC),                                         # LLDP
    ]


def arp():
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, b"\x02\0\0\0\0\x02", socket.inet_aton(UP[0]), b"",
                       socket.inet_aton("10.128.0.1"))


def stp():
    bridge = b"\x80\0\x02\0\0\0\0\x01"
    bpdu = b"\x42\x42\x03" + b"\0" * 5 + bridge + b"\0" * 4 + bridge + b"\x80\x01" + b"\0\0\x14\0\x02\0\x0f\0"
    return eth(bpdu, len(bpdu))  # a length where others have a type


def non_ip():
    frames = [
        eth(INNER),
        eth(INNER6, 0x86DD, tags=[(0x8100, 7)]),
        eth(arp(), 0x0806),
        eth(arp(), 0x0806, tags=[(0x8100, 7)]),
        eth(bytes.fromhex("0207040200000000010403020001060200780000"), 0x88CC),  # LLDP
        stp(),
        eth(b"\x02\x01\0\0", 0x888E),  # EAPOL start
        eth(struct.pack("!I", 16 << 12 | 0x100 | 64) + INNER, 0x8847),  # MPLS
        eth(struct.pack("!BBHHH", 0x11, 0, 1, len(INNER) + 2, 0x0021) + INNER, 0x8864),  # PPPoE
    ]
    carriers = [
        lambda f: f,
        lambda f: eth(outer_udp(vxlan(f), 4789)),
        lambda f: eth(ip6(udp(vxlan(f), 50000, 4789), 17), 0x86DD),
        lambda f: eth(outer_udp(geneve(f), 6081)),
        lambda f: eth(outer(gre(f, 0x6558))),
        lambda f: eth(outer(gre(f, 0x88BE))),
        lambda f: eth(outer(erspan2(f))),
        lambda f: eth(outer(erspan3(f))),
        lambda f: eth(outer_udp(geneve(outer_udp(vxlan(f), 4789), 0x0800), 6081)),
        lambda f: eth(outer_udp(vxlan(eth(outer(gre(f, 0x6558)))), 4789)),
    ]
    # without an Ethernet header they are not opened
    bare = [eth(outer(gre(arp(), 0x0806))), eth(outer_udp(geneve(arp(), 0x0806), 6081))]
    return [carry(f) for carry in carriers for f in frames] + bare


def fragments():
    whole = udp(b"F" * 3000, 40000, 443)
    up = [ip4(whole[o:o + 1480], 17, ident=77, frag=(o // 8) | (0x2000 if o + 1480 < len(whole) else 0))
          for o in range(0, len(whole), 1480)]
    f6 = lambda o, m: bytes([17, 0]) + struct.pack("!HI", o | m, 0xABCDEF)
    up6 = [ip6(f6(o, 1 if o + 1448 < len(whole) else 0) + whole[o:o + 1448], 44) for o in range(0, len(whole), 1448)]
    big = gre(ip4(tcp(b"G" * 1440), 6), 0x0800)
    pieces = [ip4(big[o:o + 1400], 47, "100.64.0.1", "100.64.0.2", 78, (o // 8) | (0x2000 if o + 1400 < len(big) else 0))
              for o in range(0, len(big), 1400)]
    vx = udp(vxlan(eth(ip4(tcp(b"V" * 1440), 6))), 50000, 4789)
    vx_pieces = [ip4(vx[o:o + 1400], 17, "100.64.0.1", "100.64.0.2", 79, (o // 8) | (0x2000 if o + 1400 < len(vx) else 0))
                 for o in range(0, len(vx), 1400)]
    inner = [gre(p, 0x0800) for p in
             (ip4(whole[o:o + 1400], 17, ident=80, frag=(o // 8) | (0x2000 if o + 1400 < len(whole) else 0))
              for o in range(0, len(whole), 1400))]
    return [eth(p) for p in up] + [eth(p, 0x86DD) for p in up6] + [eth(p) for p in pieces] + \
        [eth(p) for p in vx_pieces] + [eth(outer(p)) for p in inner]


# There may be many, and Python is slow where it is emulated: only what differs is made for each.
def flows(count, family):
    if family == 6:
        frame = bytearray(eth(ip6(udp(b"", 0, 443), 17, "2001:db8:128::"), 0x86DD))
        for i in range(count):
            struct.pack_into("!H", frame, 28, i >> 8 & 0xFFFF)
            frame[37] = i & 0xFF
            struct.pack_into("!H", frame, 54, 1024 + (i & 0x3FFF))
            yield bytes(frame)
        return
    frame = bytearray(eth(ip4(udp(b"", 0, 443), 17, "10.128.0.0")))
    without_low = ~struct.unpack_from("!H", frame, 24)[0] & 0xFFFF
    for i in range(count):
        total = without_low + (i >> 16 & 0x7F) + (i & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into("!HHH", frame, 24, ~total & 0xFFFF, 0x0A80 + (i >> 16 & 0x7F), i & 0xFFFF)
        struct.pack_into("!H", frame, 34, 1024 + (i & 0x3FFF))
        yield bytes(frame)


# Flow i is of subscriber i mod 12, and so are twice as many packets up as down.
def shared(count):
    for i in range(count):
        n, up = i % 12, i // 12 % 3 != 0
        payload = b"s" * (i * 31 % 700)
        ports = (1024 + i % 60000, 443) if up else (443, 1024 + i % 60000)
        if n < 8:
            ends = (f"10.128.1.{n + 1}", f"198.51.100.{i % 251}")
            yield eth(ip4(udp(payload, *ports), 17, *(ends if up else ends[::-1])))
        else:
            ends = (f"2001:db8:128:{n}::{i % 5 + 1:x}", f"2001:db8:ffff::{i % 251:x}")
            yield eth(ip6(udp(payload, *ports), 17, *(ends if up else ends[::-1])), 0x86DD)


def copies(count):
    for i in range(count):
        packet = ip4(udp(b"c" * (i * 37 % 1300)), 17)
        for vni in (7, 8):
            yield eth(outer_udp(vxlan(eth(packet), vni), 4789))
        for key in (1, 0x80000002):
            yield eth(outer(gre(packet, 0x0800, 0xB000, key=key)))


def sll(kind):
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x02", kind)


def sll2(kind):
    return struct.pack("!HHIHBB8s", kind, 0, 2, 1, 0, 6, b"\x02\0\0\0\0\x02")


# number of the link type, and what may stand before a packet of an EtherType
LINKS = {
    "raw": (101, [lambda kind: b""]),
    "null": (0, [lambda kind: struct.pack("<I", 2 if kind == 0x0800 else 30)]),  # as macOS writes it
    "sll": (113, [sll, lambda kind: sll(0x8100) + struct.pack("!HH", 5, kind)]),
    "sll2": (276, [sll2, lambda kind: sll2(0x88A8) + struct.pack("!HHHH", 6, 0x8100, 7, kind)]),
}


def without_ethernet(heads):
    for frame, _, _ in encaps().values():
        kind = struct.unpack("!H", frame[12:14])[0]
        if kind in (0x0800, 0x86DD):
            for head in heads:
                yield head(kind) + frame[14:]


# What tcpdump writes of packets that are padded, or that GRO or TSO make large; and what is left of them with -s 120.
def sizes():
    for size in (0, 1, 6, 1460, 3000, 8948, 30000, 65495):
        for frame in (eth(ip4(tcp(b"x" * size), 6)), eth(ip6(tcp(b"x" * min(size, 65000)), 6), 0x86DD),
                      eth(outer_udp(vxlan(eth(ip4(udp(b"v" * min(size, 65000)), 17))), 4789))):
            frame += b"\0" * (60 - len(frame))
            yield frame, len(frame)
            yield frame[:120], len(frame)


def write(path, frames, step_us=1000, link=1):
    count = 0
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
        for frame, wire in frames:
            at = 1700000000 * 1000000 + count * step_us
            f.write(struct.pack("<IIII", at // 1000000, at % 1000000, len(frame), wire) + frame)
            count += 1
    print(f"{count} packets", file=sys.stderr)


def whole(frames):
    return ((f, len(f)) for f in frames)


def main():
    what, path = sys.argv[1], sys.argv[2]
    if what == "encaps":
        write(path, whole(frame for frame, _, _ in encaps().values()))
    elif what == "again":
        write(path, whole([frame for frame, _, _ in encaps().values()] * 3))
    elif what == "link":
        number, heads = LINKS[path]
        write(sys.argv[3], whole(without_ethernet(heads)), link=number)
    elif what == "cuts":
        write(path, whole(frame[:cut] for frame, _, _ in encaps().values() for cut in range(len(frame))))
    elif what == "flows":
        write(path, whole(flows(int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 4)), 1)
    elif what == "shared":
        write(path, whole(shared(int(sys.argv[3]))), 1000)
    elif what == "copies":
        write(path, whole(copies(int(sys.argv[3]))))
    elif what == "sizes":
        write(path, sizes())
    elif what == "fragments":
        write(path, whole(fragments()))
    elif what == "strange":
        write(path, whole(strange()))
    elif what == "non-ip":
        write(path, whole(non_ip()))
    elif what == "list":  # what to expect of `encaps`: name, tunnels, innermost bytes, one a line
        with open(path, "w") as f:
            for name, (_, tunnels, size) in encaps().items():
                f.write(f"{name} {tunnels or '-'} {size}\n")
    else:
        sys.exit("usage: frames.py encaps|again|link|cuts|flows|shared|copies|sizes|fragments|strange|non-ip|list OUT [N] [4|6]")


main()
