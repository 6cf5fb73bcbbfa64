#!/usr/bin/env python3
"""Describes captured Kafka requests as JSON: describe.py NAME.jsonl > NAME.expected.json

A decoder written from the protocol guide, the KIPs and RFC 4616, that shares nothing with the one
under test: not the language, not a codec. It trusts its input, so it is of no use for anything but
captures. Needs: pip install cramjam lz4 zstandard
"""

import gzip
import json
import struct
import sys
import zlib

import cramjam
import lz4.frame
import zstandard

NAMES = {0: "Produce", 3: "Metadata", 17: "SaslHandshake", 18: "ApiVersions",
         22: "InitProducerId", 36: "SaslAuthenticate"}
FIRST_FLEXIBLE = {0: 9, 3: 9, 17: 99, 18: 3, 22: 2, 36: 2}
XERIAL = b"\x82SNAPPY\0"


class Reader:
    """Reads the primitive types of the protocol from the front of some bytes."""

    def __init__(self, data, flexible=False):
        self.data, self.at, self.flexible = data, 0, flexible

    def take(self, count):
        assert 0 <= count <= len(self.data) - self.at, "truncated"
        self.at += count
        return self.data[self.at - count:self.at]

    def integer(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(">" + layout)))[0]

    def unsigned_varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def varint(self):
        value = self.unsigned_varint()
        return (value >> 1) ^ -(value & 1)

    def length(self, layout):
        return self.unsigned_varint() - 1 if self.flexible else self.integer(layout)

    def nullable(self, length):
        return None if length < 0 else self.take(length)

    def string(self):
        value = self.nullable(self.length("h"))
        return None if value is None else value.decode()

    def bytes(self):
        return self.nullable(self.length("i"))

    def array(self, element):
        count = self.length("i")
        return None if count < 0 else [element() for _ in range(count)]

    def tags(self):
        if self.flexible:
            for _ in range(self.unsigned_varint()):
                self.unsigned_varint()
                self.take(self.unsigned_varint())

    def done(self):
        return self.at == len(self.data)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def decompress(codec, data, magic):
    if codec == 1:
        return "gzip", gzip.decompress(data)
    if codec == 2 and data.startswith(XERIAL):
        reader, out = Reader(data[16:]), b""
        while not reader.done():
            out += bytes(cramjam.snappy.decompress_raw(reader.take(reader.integer("i"))))
        return "snappy", out
    if codec == 2:
        return "snappy", bytes(cramjam.snappy.decompress_raw(data))
    if codec == 3:
        assert magic > 0, "no capture has it: the header checksum would have to be mended"
        return "lz4", lz4.frame.decompress(data)
    if codec == 4:
        return "zstd", zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return "none", data


def text(data):
    """Bytes as text; what is not UTF-8 as hexadecimal digits."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def messages(data, magic):
    """The messages of a set: (attributes, record)."""
    reader = Reader(data)
    while not reader.done():
        reader.integer("q")
        message = Reader(reader.take(reader.integer("i")))
        assert message.integer("I") == zlib.crc32(message.data[4:]), "checksum"
        assert message.integer("b") == magic
        attributes = message.integer("b")
        timestamp = message.integer("q") if magic == 1 else None
        key, value = message.nullable(message.integer("i")), message.nullable(message.integer("i"))
        assert message.done()
        yield attributes, {"timestamp_ms": timestamp, "key": key, "value": value, "headers": []}


def message_set(data, magic):
    codec, records = "none", []
    for attributes, record in messages(data, magic):
        if attributes & 7 == 0:
            records.append(record)
            continue
        codec, inner = decompress(attributes & 7, record["value"], magic)
        records.extend(record for _, record in messages(inner, magic))
    return {"magic": magic, "codec": codec, "producer": None, "records": records}


def record_v2(reader, base_timestamp):
    record = Reader(reader.take(reader.varint()))
    record.take(1)
    timestamp = base_timestamp + record.varint()
    offset_delta = record.varint()
    key, value = record.nullable(record.varint()), record.nullable(record.varint())
    headers = []
    for _ in range(record.varint()):
        name = record.take(record.varint())
        headers.append([text(name), text(record.nullable(record.varint()))])
    assert record.done()
    return offset_delta, {"timestamp_ms": timestamp, "key": key, "value": value, "headers": headers}


def batch_v2(data):
    reader = Reader(data)
    _, _, _, magic, checksum, attributes, last_delta, base_timestamp, _, *rest = struct.unpack(
        ">qiibIhiqqqhii", reader.take(61))
    producer_id, epoch, sequence, count = rest
    assert magic == 2 and checksum == crc32c(data[21:])
    codec, decompressed = decompress(attributes & 7, data[61:], magic)
    reader = Reader(decompressed)
    numbered = [record_v2(reader, base_timestamp) for _ in range(count)]
    assert reader.done() and [number for number, _ in numbered] == list(range(last_delta + 1))
    producer = {"id": producer_id, "epoch": epoch, "base_sequence": sequence}
    return {"magic": 2, "codec": codec, "producer": producer if producer_id >= 0 else None,
            "records": [record for _, record in numbered]}


def batches(data):
    """Every v2 batch, and everything else as one set."""
    found = []
    while data:
        magic, length = data[16], 12 + struct.unpack(">i", data[8:12])[0]
        found.append(batch_v2(data[:length]) if magic == 2 else message_set(data, magic))
        data = data[length:] if magic == 2 else b""
    for record in (record for batch in found for record in batch["records"]):
        if record["timestamp_ms"] == -1:
            record["timestamp_ms"] = None
        record.update(key=text(record["key"]), value=text(record["value"]))
    return found


def produce(reader, version):
    def partition():
        index, records = reader.integer("i"), reader.bytes()
        reader.tags()
        return {"partition": index, "batches": batches(records)}

    def topic():
        name, partitions = reader.string(), reader.array(partition)
        reader.tags()
        return [{"topic": name, **each} for each in partitions]

    transactional_id = reader.string() if version >= 3 else None
    assert transactional_id is None
    return {"acks": reader.integer("h"), "timeout_ms": reader.integer("i"),
            "partitions": sum(reader.array(topic), [])}


def metadata(reader, version):
    def topic():
        if version >= 10:
            reader.take(16)
        name = reader.string()
        reader.tags()
        return name

    topics = reader.array(topic)
    all_topics = topics is None or (version == 0 and not topics)
    described = {"topics": "all" if all_topics else topics}
    if version >= 4:
        described["allow_auto_topic_creation"] = bool(reader.integer("b"))
    reader.take({8: 2, 9: 2, 10: 2}.get(version, 1 if version > 10 else 0))
    return described


def plain(token):
    authzid, user, password = token.decode().split("\0")
    return {"authzid": authzid, "user": user, "password": password}


def body(key, version, reader):
    if key == 0:
        return produce(reader, version)
    if key == 3:
        return metadata(reader, version)
    if key == 17:
        return {"mechanism": reader.string()}
    if key == 36:
        return plain(reader.bytes())
    if key == 22:
        described = {"transactional_id": reader.string(), "timeout_ms": reader.integer("i")}
        if version >= 3:
            described |= {"producer_id": reader.integer("q"), "epoch": reader.integer("h")}
        return described
    if version >= 3:
        return {"software_name": reader.string(), "software_version": reader.string()}
    return {}


def describe(line):
    request = json.loads(line)
    data = bytes.fromhex(request["hex"])
    if request["key"] == "raw-sasl":
        return {"connection": request["c"], "api": "token", **plain(data)}
    key, version, correlation_id = struct.unpack(">hhi", data[:8])
    reader = Reader(data[8:])
    described = {"connection": request["c"], "api": NAMES[key], "version": version,
                 "correlation_id": correlation_id, "client_id": reader.string()}
    reader.flexible = version >= FIRST_FLEXIBLE[key]
    reader.tags()
    described |= body(key, version, reader)
    reader.tags()
    assert reader.done(), (NAMES[key], version)
    return described


def layout(value, indent=""):
    """JSON to read: what fits into a line of 150 is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= 150 or not isinstance(value, (list, dict)):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        parts, ends = [layout(each, deeper) for each in value], "[]"
    else:
        parts, ends = [f"{json.dumps(k)}: {layout(v, deeper)}" for k, v in value.items()], "{}"
    return ends[0] + "\n" + ",\n".join(deeper + part for part in parts) + "\n" + indent + ends[1]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="ascii") as capture:
        print(layout([describe(line) for line in capture]))
