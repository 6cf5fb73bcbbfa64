"""Sends with confluent-kafka; see worker.py for the job and the report."""

import json
import sys
import time

from confluent_kafka import KafkaException, Producer

# librdkafka's default of topic.metadata.propagation.max.ms.
PROPAGATION_MS = 30_000


def main(path):
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

        settings = configure(job)
        settings["error_cb"] = lambda error: line("error", code=error.name(), text=error.str())
        try:
            producer = Producer(settings)
            for index, value in enumerate(job["values"]):
                producer.produce(job["topic"], value.encode(), on_delivery=told(index))
                producer.poll(0)
            producer.flush()
        except KafkaException as refused:
            line("error", code=refused.args[0].name(), text=refused.args[0].str())
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
    main(sys.argv[1])
