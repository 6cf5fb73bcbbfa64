"""confluent-kafka for Python: each wheel bundles the librdkafka of its version."""

import sys
from pathlib import Path

from harness import install
from producers.printed import PythonProgram

HERE = Path(__file__).resolve().parent


class Confluent(PythonProgram):
    """One version."""

    name = "confluent-kafka"
    family = "librdkafka"
    agent = "python"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = True

    def __init__(self, version):
        self.version = version
        self.library = f"librdkafka {'2.16.0' if version == '2.16.1' else version}"
        self.package = None

    def install(self):
        self.package = install.install_confluent(self.version).package

    def command(self):
        return [sys.executable, str(HERE / "python" / "confluent_kafka_worker.py")]

    def variables(self):
        return {"PYTHONPATH": str(self.package)}


PRODUCERS = [Confluent(version) for version in install.CONFLUENT_VERSIONS]
