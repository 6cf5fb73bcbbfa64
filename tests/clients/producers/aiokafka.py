"""aiokafka: kafka-python's sibling for asyncio, with a record encoder of its own."""

import sys
from pathlib import Path

from harness import pypi
from producers.printed import PythonProgram

HERE = Path(__file__).resolve().parent


class AioKafka(PythonProgram):
    """One version."""

    name = "aiokafka"
    version = "0.14.0"
    family = "aiokafka"
    agent = "aiokafka"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = True
    library = "aiokafka 0.14.0"
    package = None

    def install(self):
        self.package = pypi.packages(self.label(), [f"aiokafka=={self.version}", "cramjam==2.14.0"])

    def command(self):
        return [sys.executable, str(HERE / "python" / "aiokafka_worker.py")]

    def variables(self):
        return {"PYTHONPATH": str(self.package)}


PRODUCERS = [AioKafka()]
