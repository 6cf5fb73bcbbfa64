"""Fluent Bit: its output `kafka` as src/flb_kafka.c and plugins/out_kafka of Fluent Bit translate it."""

import json
import re

from harness.report import require
from producers.stand_in import ConfluentKafka, StandIn, patience

PREFIX = "rdkafka."


class FluentBit(StandIn):
    """The output."""

    name = agent = "fluent-bit"

    def parse(self, text):
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        require(lines[0].lower() == "[output]", f"not an output: {lines[0]}")
        # The rest of the line is the value, whatever is in it. Names of properties have no case.
        return {
            key.lower(): value for key, value in (re.split(r"\s+", line, maxsplit=1) for line in lines[1:])
        }

    def configure(self, job):
        options = {
            "security.protocol": "SASL_SSL" if job.tls else "SASL_PLAINTEXT",
            "sasl.mechanism": job.mechanism,
            "sasl.username": job.project,
            "sasl.password": job.password,
            "ssl.ca.location": job.authority,
            "message.timeout.ms": job.give_up_ms,
        }
        options |= patience(job)
        if job.codec:
            options["compression.codec"] = job.codec
        if job.idempotent is not None:
            options["enable.idempotence"] = str(job.idempotent).lower()
        options |= job.settings
        output = {"name": "kafka", "brokers": job.endpoint, "topics": job.topic, "format": "json"}
        return output | {f"{PREFIX}{key}": value for key, value in options.items()}

    def translate(self, output):
        require((output["name"], output["format"]) == ("kafka", "json"), f"not translated: {output}")
        settings = {
            "client.id": output.get("client_id", "fluent-bit"),
            "bootstrap.servers": output["brokers"],
        }
        options = {key: value for key, value in output.items() if key.startswith(PREFIX)}
        return settings | {key.removeprefix(PREFIX): value for key, value in options.items()}

    def topic(self, output):
        return output["topics"]

    def event(self, value):
        # As its input `tail` makes it; characters that are not ASCII are escaped by default.
        return json.dumps({"@timestamp": 1767323045.678901, "log": value}, separators=(",", ":"))

    def line_of(self, log):
        content = super().line_of(log)
        return json.loads(content)["log"] if content else None


PRODUCERS = [
    FluentBit(ConfluentKafka("2.3.0"), "Fluent Bit 3.0"),
    FluentBit(ConfluentKafka("2.10.1"), "Fluent Bit 4.1 to 5.0"),
    FluentBit(ConfluentKafka("2.15.0"), "Fluent Bit 5.1"),
]
