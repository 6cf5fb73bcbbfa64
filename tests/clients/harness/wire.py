"""The little of the Kafka protocol that an answer to a Produce request needs (versions 0 to 11)."""

import struct

PRODUCE = 0
# From here on arrays and strings are compact, and structures end with tagged fields (KIP-482).
FLEXIBLE_FROM = 9
# API key, version, correlation id; raw SASL tokens may be shorter.
HEADER_BYTES_MIN = 8


class Reader:
    """Reads a request from its start."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, layout):
        """One integer of a `struct` layout."""
        (value,) = struct.unpack_from(f">{layout}", self.data, self.at)
        self.at += struct.calcsize(layout)
        return value

    def varint(self):
        """An unsigned varint."""
        value, shift = 0, 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def length(self, compact, layout):
        """The length of a string, of bytes or of an array; -1 is null."""
        return self.varint() - 1 if compact else self.number(layout)

    def bytes(self, length):
        """That many bytes; none for null."""
        start, self.at = self.at, self.at + max(length, 0)
        return self.data[start : self.at]

    def tags(self, flexible):
        """Skips tagged fields."""
        for _ in range(self.varint() if flexible else 0):
            self.varint()
            self.bytes(self.varint())


def api_of(frame):
    """The API key and the version of a request."""
    return struct.unpack_from(">hh", frame)


def partitions(frame):
    """What a Produce request writes to: a list of (topic, list of shards); and its acks."""
    reader = Reader(frame)
    reader.number("h")
    version = reader.number("h")
    flexible = version >= FLEXIBLE_FROM
    reader.number("i")
    reader.bytes(reader.length(False, "h"))
    reader.tags(flexible)
    if version >= 3:
        reader.bytes(reader.length(flexible, "h"))
    acks = reader.number("h")
    reader.number("i")
    topics = []
    for _ in range(reader.length(flexible, "i")):
        name, shards = reader.bytes(reader.length(flexible, "h")), []
        for _ in range(reader.length(flexible, "i")):
            shards.append(reader.number("i"))
            reader.bytes(reader.length(flexible, "i"))
            reader.tags(flexible)
        reader.tags(flexible)
        topics.append((name, shards))
    return topics, acks


def refusal(frame, code, message):
    """The answer to a Produce request that refuses each of its shards; None if it wants no answer."""
    version = api_of(frame)[1]
    topics, acks = partitions(frame)
    if acks == 0:
        return None
    flexible = version >= FLEXIBLE_FROM
    (correlation,) = struct.unpack_from(">i", frame, 4)
    tags = b"\0" if flexible else b""
    body = struct.pack(">i", correlation) + tags + count(len(topics), flexible)
    for name, shards in topics:
        body += text(name, flexible) + count(len(shards), flexible)
        body += b"".join(refused_shard(shard, code, message, version) for shard in shards) + tags
    if version >= 1:
        body += struct.pack(">i", 0)
    return body + tags


def refused_shard(shard, code, message, version):
    """The part of the answer for one shard."""
    flexible = version >= FLEXIBLE_FROM
    part = struct.pack(">ihq", shard, code, -1)
    if version >= 2:
        part += struct.pack(">q", -1)
    if version >= 5:
        part += struct.pack(">q", -1)
    if version >= 8:
        part += count(0, flexible) + text(message.encode(), flexible)
    # The latest of these versions have the new leader as tagged fields, which may be absent.
    return part + (b"\0" if flexible else b"")


def count(number, compact):
    """The length of an array; small, so a compact one is a single byte."""
    return bytes([number + 1]) if compact else struct.pack(">i", number)


def text(data, compact):
    """A string shorter than 127 bytes."""
    return bytes([len(data) + 1]) + data if compact else struct.pack(">h", len(data)) + data
