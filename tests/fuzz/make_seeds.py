#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets dns, tls, http, quic and streams anew: tests/fuzz/make_seeds.py

One well-formed input for each thing that a parser knows, so that the fuzzer starts where the rare code is.
"""
import os

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")


def write(target, name, data):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, name), "wb") as out:
        out.write(data)


def hexa(text):
    return bytes.fromhex(text)


def u16(value):
    return value.to_bytes(2, "big")


def sized(data, size=2):
    return len(data).to_bytes(size, "big") + data


# ---- DNS: messages


def dns_name(text):
    return b"".join(sized(label.encode(), 1) for label in text.split(".")) + b"\0"


def dns_message(answers, question, *records):
    return hexa("1234 8180 0001") + u16(answers) + bytes(4) + question + b"".join(records)


def record(owner, kind, ttl, data):
    return owner + u16(kind) + u16(1) + ttl.to_bytes(4, "big") + sized(data)


def dns():
    www = dns_name("www.example.com")
    same, parent = hexa("c00c"), hexa("c010")  # pointers to the question and to its example.com
    a, b = hexa("c6336401"), hexa("c6336402")
    v6 = hexa("20010db8000000000000000000000001")
    write("dns", "a", dns_message(2, www + hexa("0001 0001"), record(same, 1, 60, a), record(same, 1, 60, b)))
    write("dns", "aaaa", dns_message(1, www + hexa("001c 0001"), record(same, 28, 60, v6)))
    write("dns", "cname", dns_message(2, www + hexa("0001 0001"), record(same, 5, 30, b"\x04edge" + parent),
                                      record(b"\x04edge" + parent, 1, 60, a)))
    config = hexa("01 0020") + sized(hexa("aabb")) + sized(hexa("00010001")) + b"\0"
    config += sized(b"inner.test", 1) + sized(b"")
    ech = sized(hexa("fe0d") + sized(config))
    params = hexa("0001") + sized(hexa("026833")) + hexa("0004") + sized(a + b)
    params += hexa("0005") + sized(ech) + hexa("0006") + sized(v6)
    write("dns", "https", dns_message(1, www + hexa("0041 0001"), record(same, 65, 60, hexa("0001 00") + params)))
    write("dns", "query", hexa("1234 0100 0001 0000 0000 0000") + www + hexa("0001 0001"))


# ---- TLS: the start of a TCP stream


def client_hello(name, padding=0, ech=False):
    extensions = b""
    if ech:
        extensions += hexa("fe0d") + sized(hexa("000001"))
    if padding:
        extensions += hexa("0015") + sized(bytes(padding))
    if name:
        extensions += hexa("0000") + sized(sized(b"\0" + sized(name.encode())))
    body = hexa("0303") + bytes(range(32)) + b"\0" + hexa("0002 1301 01 00") + sized(extensions)
    return b"\1" + sized(body, 3)


def records(message, size):
    return b"".join(hexa("16 0301") + sized(message[at:at + size]) for at in range(0, len(message), size))


def tls():
    write("tls", "hello", records(client_hello("www.example.com"), 16384))
    write("tls", "post_quantum", records(client_hello("www.example.com", 1200), 16384))
    write("tls", "many_records", records(client_hello("www.example.com", 50), 16))
    write("tls", "ech", records(client_hello("www.example.com", 0, True), 16384))
    write("tls", "no_sni", records(client_hello(None), 16384))


def http():
    write("http", "get", b"GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n")
    write("http", "absolute", b"GET http://a.example:80/x HTTP/1.1\r\nHost: b.example\r\n\r\n")
    write("http", "connect", b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")
    write("http", "two_hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")


# ---- QUIC: pieces, each after its length in units of 5 bytes; see quic.c


def piece(data):
    return bytes([(len(data) + 4) // 5]) + data + bytes(-len(data) % 5)


def crypto(offset, data):
    return b"\x06" + u16(0x4000 | offset) + u16(0x4000 | len(data)) + data


def quic():
    hello = client_hello("example.com", 300)
    write("quic", "one_packet", piece(crypto(0, hello)))
    write("quic", "two_packets", piece(crypto(200, hello[200:]) + b"\1") + piece(crypto(0, hello[:200])))
    write("quic", "ack_and_overlap",
          piece(hexa("02050001000000") + crypto(0, hello[:120])) + piece(crypto(100, hello[100:])))
    # as a datagram of its own: the header of RFC 9001, A.2
    header = hexa("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11")
    write("quic", "header", piece(header + bytes(1168)))

# ---- streams: segments (length in units of 3 bytes, bytes repeated), then the stream; see streams.c


def streams():
    message = sized(dns_message(1, dns_name("www.example.com") + hexa("0001 0001"),
                                record(hexa("c00c"), 1, 60, hexa("c6336401"))))
    write("streams", "two_messages", bytes([3, 5, 0, 20, 0, 9, 4]) + message + message)
    write("streams", "hello", bytes([4, 30, 0, 30, 7, 60, 0, 90, 31]) + client_hello("example.com", 300))


for target in (dns, tls, http, quic, streams):
    target()
