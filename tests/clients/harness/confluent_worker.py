"""One confluent-kafka producer as a process of its own, because each has its own librdkafka.

    python3.11 -m harness.confluent_worker JOB.json

The job names the librdkafka configuration, what to send and where to report. Every delivery report and
every error callback becomes one line of JSON in the report file, as soon as it is known; how far an endless
producer has come is reported before it sends.
"""

import json
import sys
import threading
import time

from confluent_kafka import KafkaException, Producer

from harness import corpus

FLUSH_SECONDS = 120


class Reporter:
    """Writes what the library says, line by line: whoever watches reads along."""

    def __init__(self, path):
        self.file = open(path, "w", buffering=1)
        self.started = time.monotonic()

    def line(self, **what):
        what["after_ms"] = round((time.monotonic() - self.started) * 1000)
        self.file.write(json.dumps(what) + "\n")

    def delivery(self, index):
        """The delivery callback for one record."""

        def report(error, message):
            if error is None:
                self.line(kind="delivered", index=index, shard=message.partition(), offset=message.offset())
            else:
                self.line(kind="failed", index=index, code=error.name(), text=error.str())

        return report

    def error(self, error):
        """The error callback of the whole producer."""
        self.line(kind="error", code=error.name(), text=error.str(), fatal=error.fatal())


def send(producer, topic, on_delivery, **record):
    """Produces one record; a full queue is waited for, as in a real shipper."""
    while True:
        try:
            return producer.produce(topic, on_delivery=on_delivery, **record)
        except BufferError:
            producer.poll(0.05)


def topic_of(job, json_topic):
    """A Logstore is two topics: one for lines as they are, one for JSON documents."""
    return f"{job['logstore']}.json" if json_topic else job["logstore"]


def send_corpus(producer, job, reporter):
    """Sends the records of a seed, in order."""
    for index, record in enumerate(corpus.records(**job["corpus"])):
        send(
            producer,
            topic_of(job, record.json_topic),
            reporter.delivery(index),
            key=record.key,
            value=record.value,
            headers=list(record.headers),
            timestamp=record.timestamp_ms,
        )
        producer.poll(0)


def refused_locally(problem, reporter, index):
    """A library that has been told that it may not write there does not even ask for later records."""
    error = problem.args[0]
    if error.fatal():
        raise problem
    reporter.line(kind="failed", index=index, code=error.name(), text=error.str())


def send_until_told(producer, job, reporter):
    """Sends numbered lines without end, in turn to both topics; closing standard input ends it."""
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    index = 0
    while not told.is_set():
        if index % job["lines_per_poll"] == 0:
            reporter.line(kind="sent", until=index + job["lines_per_poll"])
        line = corpus.numbered_line(job["name"], index, job["line_bytes"])
        topic = topic_of(job, json_topic=index % 2 == 1)
        try:
            send(producer, topic, reporter.delivery(index), value=line)
        except KafkaException as problem:
            refused_locally(problem, reporter, index)
        index += 1
        # Paces a producer that would otherwise fill the disk, and serves its callbacks meanwhile.
        producer.poll(0.01 if index % job["lines_per_poll"] == 0 else 0)


def main(path):
    with open(path) as file:
        job = json.load(file)
    reporter = Reporter(job["report"])
    producer = Producer({**job["config"], "error_cb": reporter.error})
    send_all = send_corpus if "corpus" in job else send_until_told
    try:
        send_all(producer, job, reporter)
        left = producer.flush(FLUSH_SECONDS)
    except (KafkaException, SystemError) as problem:
        # The library raises a fatal error instead of calling back, in some versions as a cause.
        reporter.error((problem.__cause__ or problem).args[0])
        raise
    reporter.line(kind="end", unsent=left)


if __name__ == "__main__":
    main(sys.argv[1])
