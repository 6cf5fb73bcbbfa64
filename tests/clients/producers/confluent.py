"""confluent-kafka for Python: each wheel bundles the librdkafka of its version."""

import sys
from pathlib import Path

from harness import install
from producers.worker import Worker, execute
from producers.model import Outcome

HERE = Path(__file__).resolve().parent


class Confluent(Worker):
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

    def run_printed(self, text, job):
        program = job.folder / "produce.py"
        program.write_text(text)
        execute([sys.executable, str(program)], job.folder / "client.log", self.variables(), job.folder)
        return Outcome()

    def check_printed(self, logs, job):
        said = (job.folder / "client.log").read_text()
        contents = [self.line_of(log) for log in logs]
        if contents == ['{"msg": "Hello World"}'] and f"Message delivered to {job.topic} [" in said:
            return None
        return f"stored {contents}, the program said {said[-200:]}"


PRODUCERS = [Confluent(version) for version in install.CONFLUENT_VERSIONS]
