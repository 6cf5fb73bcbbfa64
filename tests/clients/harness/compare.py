"""Compares what was read back with what clients were told when they sent it."""

from dataclasses import dataclass

from harness import mapping
from harness.corpus import Record
from harness.report import require

SOURCE = "127.0.0.1"


@dataclass(frozen=True)
class Sent:
    """One record that the server has acknowledged, and where it said it put it."""

    run: str
    index: int
    shard: int
    offset: int
    record: Record
    # Whether the client sent the time of the record; kcat sends its own.
    timed: bool

    def place(self):
        """Where it is."""
        return (self.shard, self.offset)


def check_stored(logs, sent):
    """Every record once, where it was said to be, field by field, in order, and nothing else."""
    by_place = {}
    for one in sent:
        twice = by_place.setdefault(one.place(), one)
        require(twice is one, f"{one.run}: offset {one.place()} was given to two records")
    check_order(sent)
    for log in logs:
        one = by_place.pop((log.shard, log.offset), None)
        require(one, f"{(log.shard, log.offset)} was read twice, or nobody was told of it: {log.fields}")
        check_log(log, one)
    missing = next(iter(by_place.values()), None)
    require(
        not by_place, f"{len(by_place)} records are missing, as {missing and missing.place()} of {missing}"
    )
    check_contiguous(logs)


def check_log(log, sent):
    """One log against the record that it came from."""
    where = f"{sent.run} record {sent.index}"
    wanted = mapping.fields(sent.record)
    require(log.fields == wanted, f"{where}: {difference(log.fields, wanted)}")
    require(log.source == SOURCE, f"{where}: source {log.source}")
    require(log.client_id == sent.run, f"{where}: client id {log.client_id}")
    if sent.timed:
        require(log.time_ms == sent.record.timestamp_ms, f"{where}: time {log.time_ms} ms")


def difference(fields, wanted):
    """The first field that differs, cut to a readable length."""
    only_stored = [pair for pair in fields if pair not in wanted]
    only_sent = [pair for pair in wanted if pair not in fields]
    return f"stored {str(only_stored)[:300]}, sent {str(only_sent)[:300]}"


def check_order(sent):
    """What one producer sent to one shard of one topic has the order in which it was sent.

    The raw and the `.json` topic are two topics for a client, although they are one Logstore.
    """
    last = {}
    for one in sorted(sent, key=lambda one: (one.run, one.index)):
        stream = (one.run, one.shard, one.record.json_topic)
        before = last.get(stream, -1)
        require(one.offset > before, f"{one.run} record {one.index}: offset {one.offset} after {before}")
        last[stream] = one.offset


def check_contiguous(logs):
    """The logs of each shard are printed in order of offset, from 0, without a gap."""
    following = {}
    for log in logs:
        wanted = following.get(log.shard, 0)
        require(log.offset == wanted, f"shard {log.shard}: offset {log.offset} where {wanted} was due")
        following[log.shard] = wanted + 1
