"""Vector: its `kafka` sink as src/sinks/kafka/config.rs and src/kafka.rs of Vector translate it."""

import json
import tomllib

from producers.stand_in import ConfluentKafka, RustRdkafka, StandIn, patience

PROTOCOLS = {
    (False, False): "plaintext",
    (False, True): "ssl",
    (True, False): "sasl_plaintext",
    (True, True): "sasl_ssl",
}
# Its defaults.
SOCKET_TIMEOUT_MS = 60_000
MESSAGE_TIMEOUT_MS = 300_000
SASL_SETTINGS = ("username", "password", "mechanism")


class Vector(StandIn):
    """The sink."""

    name = agent = "vector"

    def parse(self, text):
        (sink,) = tomllib.loads(text)["sinks"].values()
        return sink

    def configure(self, job):
        options = dict(job.settings)
        options |= patience(job)
        if job.idempotent is not None:
            options["enable.idempotence"] = str(job.idempotent).lower()
        return {
            "bootstrap_servers": job.endpoint,
            "topic": job.topic,
            "compression": job.codec or "none",
            "message_timeout_ms": job.give_up_ms,
            "sasl": {
                "enabled": True,
                "mechanism": job.mechanism,
                "username": job.project,
                "password": job.password,
            },
            "tls": {"enabled": job.tls, "ca_file": str(job.authority)},
            "librdkafka_options": options,
        }

    def translate(self, sink):
        sasl, tls = sink.get("sasl", {}), sink.get("tls", {})
        with_sasl, with_tls = sasl.get("enabled", False), tls.get("enabled", False)
        settings = {
            "bootstrap.servers": sink["bootstrap_servers"],
            "socket.timeout.ms": sink.get("socket_timeout_ms", SOCKET_TIMEOUT_MS),
            "statistics.interval.ms": 1000,
            "security.protocol": PROTOCOLS[with_sasl, with_tls],
            "compression.codec": sink.get("compression", "none"),
            "message.timeout.ms": sink.get("message_timeout_ms", MESSAGE_TIMEOUT_MS),
        }
        if with_sasl:
            settings |= {f"sasl.{key}": sasl[key] for key in SASL_SETTINGS if key in sasl}
        if with_tls and "ca_file" in tls:
            settings["ssl.ca.location"] = tls["ca_file"]
        return settings | sink.get("librdkafka_options", {})

    def topic(self, sink):
        return sink["topic"]

    def event(self, value):
        # As its source for standard input makes it, in the order of its encoder.
        event = {
            "host": "localhost",
            "message": value,
            "source_type": "stdin",
            "timestamp": "2026-01-02T03:04:05.678901234Z",
        }
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False)

    def line_of(self, log):
        content = super().line_of(log)
        return json.loads(content)["message"] if content else None


PRODUCERS = [
    Vector(ConfluentKafka("2.3.0", options=["--check-topic"]), "Vector 0.40 to 0.50"),
    Vector(RustRdkafka(), "Vector 0.57 and later"),
]
