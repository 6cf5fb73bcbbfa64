"""Sends with confluent-kafka; ../worker.py describes the job and the report.

With `--exact` the settings of the job are all that the library is given, so that a program that embeds
librdkafka can be stood in for. With `--check-topic` it asks for the topic first, as Vector does.
"""

import json
import sys
import time

from confluent_kafka import KafkaException, Producer

# librdkafka's default of topic.metadata.propagation.max.ms.
PROPAGATION_MS = 30_000
CHECK_SECONDS = 3


def main(options, path):
    began = time.monotonic()
    with open(path) as file:
        job = json.load(file)
    with open(job["report"], "w", buffering=1) as report:

        def line(kind, **what):
            after_ms = round((time.monotonic() - began) * 1000)
            report.write(json.dumps({"kind": kind, **what, "after_ms": after_ms}) + "\n")

        def told(index):
            def callback(error, message):
                if error:
                    line("failed", index=index, code=error.name(), text=error.str())
                else:
                    line("delivered", index=index, shard=message.partition(), offset=message.offset())

            return callback

        def trouble(error):
            line("error", code=error.name(), text=error.str())

        settings = job["settings"] if "--exact" in options else configure(job)
        producer = Producer(settings | {"error_cb": trouble})
        if "--check-topic" in options:
            try:
                producer.list_topics(job["topic"], timeout=CHECK_SECONDS)
            except KafkaException as refused:
                trouble(refused.args[0])
        for index, value in enumerate(job["values"]):
            try:
                producer.produce(job["topic"], value.encode(), on_delivery=told(index))
            except KafkaException as refused:
                told(index)(refused.args[0], None)
            producer.poll(0)
        producer.flush()
        line("end")


def configure(job):
    """The settings of the job; what it leaves open stays as the library has it."""
    protocol = "SASL_SSL" if job["tls"] else "SASL_PLAINTEXT"
    settings = {
        "client.id": job["name"],
        "bootstrap.servers": job["bootstrap"],
        "security.protocol": protocol,
        "ssl.ca.location": job["authority"],
        "sasl.mechanism": job["mechanism"],
        "sasl.username": job["user"],
        "sasl.password": job["password"],
        "message.timeout.ms": job["give_up_ms"],
    }
    if job["give_up_ms"] < PROPAGATION_MS:
        # Otherwise a record is given up before the library believes that a topic does not exist.
        settings["topic.metadata.propagation.max.ms"] = job["give_up_ms"] // 2
    if job["codec"]:
        settings |= {"compression.type": job["codec"], "linger.ms": 50}
    if job["idempotent"] is not None:
        settings["enable.idempotence"] = job["idempotent"]
    return settings | job["settings"]


if __name__ == "__main__":
    main(sys.argv[1:-1], sys.argv[-1])
