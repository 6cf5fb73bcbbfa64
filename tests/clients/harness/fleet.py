"""Endless producers against one Logstore, and the history of what they and the readers saw."""

from collections import Counter

from harness import confluent, corpus, history, wait
from harness.deployment import PROJECT
from harness.history import History, Value
from harness.report import require

ACKNOWLEDGED_SECONDS = 60
STOP_SECONDS = 120
# Settings with which the next fault finds everybody at work.
SOON = {
    "linger.ms": 5,
    "queue.buffering.max.messages": 1_000,
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 50,
}
# Answers that promise that a record is not and will not be in the log.
REFUSALS = frozenset({"TOPIC_AUTHORIZATION_FAILED"})
# How soon what a library has done wrong leads to more.
FOLLOW_UP_MS_MAX = 1000


class Fleet:
    """Producers that number their records, each a process with its own librdkafka."""

    def __init__(self, context, deployment, logstore, line_bytes=200, lines_per_poll=10, refusals=REFUSALS):
        self.folder = context.folder
        self.deployment = deployment
        self.logstore = logstore
        self.line_bytes = line_bytes
        self.lines_per_poll = lines_per_poll
        self.refusals = refusals
        self.producers = {}
        self.impatient = set()
        # Even numbers go to the raw topic, odd ones to the `.json` topic.
        self.history = History(topic_of=lambda index: index % 2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends every producer, whatever it is doing."""
        for producer in self.producers.values():
            producer.close()

    def add(self, client, name, idempotent, patient=True, key=None, **settings):
        """Starts one more producer that comes back soon. One that is not patient may fail to send."""
        return self.start(confluent.Producer, client, name, idempotent, patient, key, SOON | settings)

    def start(self, kind, client, name, idempotent, patient, key, settings):
        """Starts one more producer of a kind, with these settings besides those of the deployment."""
        settings = {
            **self.deployment.client_config(key),
            "client.id": name,
            "enable.idempotence": idempotent,
            **settings,
        }
        self.producers[name] = kind(
            client,
            self.folder,
            name,
            settings,
            self.logstore,
            line_bytes=self.line_bytes,
            lines_per_poll=self.lines_per_poll,
        )
        self.history.sender(name, idempotent, kind.keeps_order)
        if not patient:
            self.impatient.add(name)
        return self.producers[name]

    def patient(self):
        """The producers that go on until everything is acknowledged."""
        return [self.producers[name] for name in self.producers.keys() - self.impatient]

    def wait_for_acknowledgements(self, count, seconds=ACKNOWLEDGED_SECONDS, names=None):
        """Returns when each producer, all the patient ones unless named, has had `count` more records
        acknowledged."""
        awaited = self.patient() if names is None else [self.producers[name] for name in names]
        goals = [(one, len(one.of_kind("delivered")) + count) for one in awaited]

        def reached():
            for producer, _ in goals:
                require(producer.is_running(), f"{producer.name} ended: {producer.of_kind('error')[:1]}")
            return all(len(producer.of_kind("delivered")) >= goal for producer, goal in goals)

        wait.until(f"{count} more acknowledgements for everybody", reached, seconds, every_seconds=0.005)

    def stop(self):
        """Lets every producer send what it has begun, and end."""
        for producer in self.producers.values():
            producer.stop(STOP_SECONDS)

    def read(self, server, label):
        """Reads the Logstore, for the history; returns the number of logs."""
        self.note_reports()
        read = self.history.begin_read(label)
        logs = server.read_each(f"{PROJECT}/{self.logstore}")
        read.logs = [((log.shard, log.offset), self.value_of(log)) for log in logs]
        self.note_reports()
        return len(read.logs)

    def value_of(self, log):
        """Which record a log is; it must be that record to the last byte."""
        content = dict(log.fields).get("content", "")
        parsed = corpus.parse_numbered_line(content, self.line_bytes)
        require(parsed, f"{(log.shard, log.offset)} is not as anybody sent it: {content[:100]!r}")
        return Value(*parsed)

    def note_reports(self):
        """Brings what the producers have reported into the history."""
        for name, producer in self.producers.items():
            sender = self.history.senders[name]
            producer.read_on()
            for one in producer.lines["delivered"][len(sender.acknowledged) :]:
                sender.acknowledged.append((one["index"], (one["shard"], one["offset"])))
            refused = (one["index"] for one in producer.lines["failed"] if one["code"] in self.refusals)
            sender.refused.update(refused)
            sender.sent_until = max([one["until"] for one in producer.lines["sent"][-1:]], default=0)

    def check_history(self):
        """Fails if the history has an anomaly; returns in words how much was looked at."""
        self.note_reports()
        require(self.history.reads, "nothing was read")
        require(self.history.acknowledged_count(), "nothing was acknowledged")
        found = history.anomalies(self.history)
        require(not found, history.summary(found))
        return f"{self.history.acknowledged_count()} acknowledged, {len(self.history.reads)} reads"

    def check_producer(self, name, own_fault=None, own_follow_up=None):
        """A patient producer was never let down; returns what became of its records.

        `own_fault` is a pattern for failures that a library makes by itself, whatever the server does: so rarely
        that no more than one in a thousand of its records may meet them. `own_follow_up` is one for what such a
        failure leads to within a second.
        """
        producer, sender = self.producers[name], self.history.senders[name]
        failed = producer.of_kind("failed") + [one for one in producer.of_kind("error") if one["fatal"]]
        own = [one for one in failed if own_fault and own_fault.search(one["text"])]
        if own_follow_up:
            times = [one["after_ms"] for one in own]
            own += [
                one for one in failed if own_follow_up.search(one["text"]) and comes_soon_after(times, one)
            ]
        failed = [one for one in failed if one not in own]
        require(not failed, f"the client reports {failed[:2]}")
        rare = len(own) * 1000 <= len(sender.acknowledged)
        require(rare, f"{len(own)} records failed by the library itself, such as {own[:2]}")
        logs = self.history.reads[-1].logs if self.history.reads else []
        copies = Counter(value for _, value in logs if value.producer == name)
        duplicates = sum(copies.values()) - len(copies)
        faults = f", {len(own)} failed by the library itself" if own else ""
        return f"{len(sender.acknowledged)} acknowledged, {duplicates} duplicates{faults}"


def comes_soon_after(times_ms, failure):
    """Whether a failure may be what one at one of these times led to."""
    return any(0 <= failure["after_ms"] - time_ms <= FOLLOW_UP_MS_MAX for time_ms in times_ms)
