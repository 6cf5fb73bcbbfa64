"""The producers of the table: one module for each family, each with a list `PRODUCERS`."""

import importlib

MODULES = [
    "kcat",
    "collectd",
    "syslog",
    "vector",
    "fluent_bit",
    "golang",
    "confluent",
    "kafka_python",
    "aiokafka",
    "kafka_clients",
    "telegraf",
    "beats",
    "npm",
]


def every():
    """All producers, in the order of the table."""
    return [
        producer
        for module in MODULES
        for producer in importlib.import_module(f"producers.{module}").PRODUCERS
    ]
