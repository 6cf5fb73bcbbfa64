"""Sends with confluent-kafka; ../worker.py describes the job and the report.

The settings of the job are all that the library is given, so that a program that embeds librdkafka can be
stood in for exactly. With `--check-topic` it asks for the topic first, as Vector does.
"""

import json
import sys
import time

from confluent_kafka import KafkaException, Producer

CHECK_SECONDS = 3


def main(path, check_topic):
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

        producer = Producer(job["settings"] | {"error_cb": trouble})
        if check_topic:
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


if __name__ == "__main__":
    main(sys.argv[-1], "--check-topic" in sys.argv)
