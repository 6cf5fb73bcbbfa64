"""kafka-python: 2.0.2 is Debian's, 2.0.5 the last before the rewrite of its protocol, 2.3.2 the last of 2.x."""

import sys
from pathlib import Path
from typing import ClassVar

from harness import pypi
from producers.printed import PythonProgram

HERE = Path(__file__).resolve().parent
VERSIONS = ["2.0.2", "2.0.5", "2.3.2", "3.0.12"]
CODECS = ["lz4==4.4.5", "python-snappy==0.7.3", "zstandard==0.25.0"]


class KafkaPython(PythonProgram):
    """One version."""

    name = "kafka-python"
    family = "kafka-python"
    agent = "kafka-python"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    one_batch: ClassVar = {"linger_ms": 50}

    def __init__(self, version):
        self.version = version
        self.library = f"kafka-python {version}"
        self.idempotence = not version.startswith("2.0.")
        self.package = None

    def install(self):
        self.package = pypi.packages(self.label(), [f"kafka-python=={self.version}", *CODECS])

    def command(self):
        return [sys.executable, str(HERE / "python" / "kafka_python_worker.py")]

    def variables(self):
        return {"PYTHONPATH": str(self.package)}


PRODUCERS = [KafkaPython(version) for version in VERSIONS]
