"""What clients saw of a log, and whether a correct log could have looked like that.

The rules are those of Jepsen's workload for Kafka, and stricter where the server promises more: what was
acknowledged before a read began must be in that read, offsets have no gaps, and what was read once stays.
A record that was neither acknowledged nor definitely refused may be there or not.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

# One example says what to look for; ten of a kind say no more.
EXAMPLES_MAX = 2

LOST = "lost"
ABORTED_READ = "aborted read"
INCONSISTENT_OFFSET = "inconsistent offset"
DUPLICATE = "duplicate"
REORDERED = "reordered"
GAP = "gap"
MADE_UP = "made up"


class Value(NamedTuple):
    """One record: who sent it, and the how manyth of its records it was, from 0."""

    producer: str
    index: int


@dataclass(frozen=True)
class Anomaly:
    """Something that no correct log shows."""

    kind: str
    text: str


@dataclass
class Sender:
    """What one producer did and was told, in the order in which it was told."""

    idempotent: bool
    # Whether its library keeps the order of what it sends again; only with idempotence any does.
    ordered: bool = True
    # It has sent no record with this index or a higher one.
    sent_until: int = 0
    # (index, (shard, offset)) of each acknowledgement.
    acknowledged: list = field(default_factory=list)
    # The indexes of the records that the server said it did not and will not store.
    refused: set = field(default_factory=set)


@dataclass
class Read:
    """One reading of everything, with what had been acknowledged to each producer before it began."""

    label: str
    acknowledged_before: dict
    # ((shard, offset), Value) in the order in which they came.
    logs: list = field(default_factory=list)


class History:
    """The senders and the reads of one log. `topic_of` names the topic of a record by its index."""

    def __init__(self, topic_of=lambda index: 0):
        self.topic_of = topic_of
        self.senders = {}
        self.reads = []

    def sender(self, name, idempotent, ordered=True):
        """The sender of that name, which is made when it is asked for first."""
        return self.senders.setdefault(name, Sender(idempotent, ordered))

    def begin_read(self, label):
        """To be called before a read begins: whatever was acknowledged until now must be in it."""
        counts = {name: len(sender.acknowledged) for name, sender in self.senders.items()}
        self.reads.append(Read(label, counts))
        return self.reads[-1]

    def acknowledged_count(self):
        """How many records were acknowledged."""
        return sum(len(sender.acknowledged) for sender in self.senders.values())


def anomalies(history):
    """Everything that is wrong with a history; an empty list if nothing is."""
    found = list(acknowledged_twice(history))
    found += inconsistent_offsets(history)
    for before, read in pairwise([None, *history.reads]):
        found += gaps(read)
        found += lost(history, read)
        found += vanished(before, read) if before else []
        found += aborted_reads(history, read)
        found += made_up(history, read)
        found += duplicates(history, read)
        found += reordered(history, read)
    return found


def summary(found):
    """One line about anomalies: how many of each kind, and examples."""
    counts = Counter(one.kind for one in found)
    parts = []
    for kind, count in counts.items():
        examples = [one.text for one in found if one.kind == kind][:EXAMPLES_MAX]
        parts.append(f"{count} {kind}: {'; '.join(examples)}")
    return " | ".join(parts)


def acknowledged_twice(history):
    """One place cannot be given to two records, and one record is acknowledged once."""
    owners = {}
    for name, sender in history.senders.items():
        told = {}
        for index, place in sender.acknowledged:
            value = Value(name, index)
            other = owners.setdefault(place, value)
            if other != value:
                yield Anomaly(INCONSISTENT_OFFSET, f"{place} was given to {other} and to {value}")
            elif index in told:
                text = f"{value} was acknowledged at {told[index]} and at {place}"
                yield Anomaly(DUPLICATE, text)
            told[index] = place


def inconsistent_offsets(history):
    """All acknowledgements and all reads agree on what is at a place."""
    owners = {}
    for name, sender in history.senders.items():
        owners |= {place: (Value(name, index), "acknowledged") for index, place in sender.acknowledged}
    for read in history.reads:
        for place, value in read.logs:
            other, source = owners.setdefault(place, (value, read.label))
            if other != value:
                text = f"at {place} is {value} in read `{read.label}`, and {other} as {source}"
                yield Anomaly(INCONSISTENT_OFFSET, text)


def gaps(read):
    """The offsets of each shard come in order, from 0, without a gap."""
    due = {}
    for (shard, offset), _ in read.logs:
        wanted = due.get(shard, 0)
        if offset != wanted:
            text = f"read `{read.label}`, shard {shard}: offset {offset} where {wanted} was due"
            yield Anomaly(GAP, text)
        due[shard] = offset + 1


def lost(history, read):
    """What was acknowledged before the read began is in it."""
    places = {place for place, _ in read.logs}
    for name, count in read.acknowledged_before.items():
        for index, place in history.senders[name].acknowledged[:count]:
            if place not in places:
                text = f"{Value(name, index)}, acknowledged at {place}, is not in read `{read.label}`"
                yield Anomaly(LOST, text)


def vanished(before, read):
    """What one read had, the next one has: only what is durable may be shown."""
    places = {place for place, _ in read.logs}
    for place, value in before.logs:
        if place not in places:
            text = f"{value} at {place} was in read `{before.label}`, not in the later `{read.label}`"
            yield Anomaly(LOST, text)


def aborted_reads(history, read):
    """What was definitely refused is never seen."""
    for place, value in read.logs:
        sender = history.senders.get(value.producer)
        if sender and value.index in sender.refused:
            text = f"{value} was refused, and is at {place} in read `{read.label}`"
            yield Anomaly(ABORTED_READ, text)


def made_up(history, read):
    """What is read was sent by somebody."""
    for place, value in read.logs:
        sender = history.senders.get(value.producer)
        if sender is None or not 0 <= value.index < sender.sent_until:
            text = f"{value} at {place} in read `{read.label}` was never sent"
            yield Anomaly(MADE_UP, text)


def duplicates(history, read):
    """A record of an idempotent producer is there at most once."""
    first = {}
    for place, value in of_idempotent(history, read):
        other = first.setdefault(value, place)
        if other != place:
            text = f"{value} is at {other} and at {place} in read `{read.label}`"
            yield Anomaly(DUPLICATE, text)


def reordered(history, read):
    """In each shard, what an idempotent producer sent to one topic has the order of sending."""
    last = {}
    for place, value in sorted(of_idempotent(history, read)):
        if not history.senders[value.producer].ordered:
            continue
        stream = (place[0], value.producer, history.topic_of(value.index))
        before = last.get(stream, -1)
        if value.index < before:
            text = f"{value} at {place} comes after record {before} in read `{read.label}`"
            yield Anomaly(REORDERED, text)
        last[stream] = value.index


def of_idempotent(history, read):
    """The logs of a read that idempotent producers sent."""
    named = {name for name, sender in history.senders.items() if sender.idempotent}
    return [(place, value) for place, value in read.logs if value.producer in named]
