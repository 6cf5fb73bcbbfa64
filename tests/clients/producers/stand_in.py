"""Programs that cannot be had: the library that they embed, with the settings that they make of their configuration.

What `client-config` prints for the program is translated as the program itself does it.
"""

import subprocess
import sys
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path

from harness import install
from harness.report import require
from producers.worker import Worker

HERE = Path(__file__).resolve().parent
PROPAGATION_MS = 30_000


class StandIn(Worker):
    """A program with librdkafka inside; a `Library` brings it onto this machine."""

    family = "librdkafka"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = True

    def __init__(self, library, stands_for):
        self.driver = library
        # Not the version of the program, which is not here.
        self.version = f"by {library.title}"
        self.library = f"librdkafka {library.librdkafka}"
        self.stands_for = stands_for

    @abstractmethod
    def parse(self, text):
        """The configuration of the output, from the text that a user has in a file."""

    @abstractmethod
    def configure(self, job):
        """The same for a job."""

    @abstractmethod
    def translate(self, configuration):
        """The settings of librdkafka that the program makes of it."""

    @abstractmethod
    def topic(self, configuration):
        """Where it sends to."""

    @abstractmethod
    def event(self, value):
        """What the program makes of a line."""

    def install(self):
        self.driver.install()
        actual = self.driver.actual_version()
        require(actual == self.driver.librdkafka, f"{self.driver.title} has librdkafka {actual} inside")

    def command(self):
        return self.driver.command()

    def variables(self):
        return self.driver.variables()

    def run(self, job):
        return self.send(self.configure(job), job)

    def run_printed(self, text, job):
        return self.send(self.parse(text), job)

    def send(self, configuration, job):
        """Everything but the values comes from the configuration."""
        values = [self.event(value) for value in job.values]
        settings = {key: str(value) for key, value in self.translate(configuration).items()}
        return super().run(replace(job, topic=self.topic(configuration), values=values, settings=settings))


class ConfluentKafka:
    """A wheel of PyPI with its own librdkafka."""

    def __init__(self, version, options=()):
        self.title = f"confluent-kafka {version}"
        self.librdkafka = self.version = version
        self.options = options
        self.package = None

    def install(self):
        self.package = install.install_confluent(self.version).package

    def actual_version(self):
        """What is really in the wheel."""
        code = "import confluent_kafka; print(confluent_kafka.libversion()[0])"
        return subprocess.check_output(
            [sys.executable, "-c", code], env={"PYTHONPATH": str(self.package)}, text=True
        ).strip()

    def command(self):
        return [sys.executable, str(HERE / "python" / "confluent_kafka_worker.py"), "--exact", *self.options]

    def variables(self):
        return {"PYTHONPATH": str(self.package)}


class RustRdkafka:
    """The crate, in a program of ours that cargo builds into the cache."""

    title = "rust-rdkafka 0.39.0"
    librdkafka = "2.12.1"

    def __init__(self):
        self.program = None

    def install(self):
        install.need("cargo", "cargo")
        install.need("cc", "build-essential")
        install.need("pkg-config", "pkg-config", "libssl-dev", "zlib1g-dev")
        target = install.cache_folder() / "rdkafka-0.39.0-target"
        words = ["cargo", "build", "--quiet", "--locked", "--target-dir", str(target)]
        # Cargo itself lets one build at a time into a folder.
        install.run(words, HERE / "rust")
        self.program = target / "debug" / "logboom-rdkafka-worker"

    def actual_version(self):
        """What was really built."""
        return subprocess.check_output([self.program, "--version"], text=True).strip()

    def command(self):
        return [str(self.program)]

    def variables(self):
        return {}


def patience(job):
    """Settings of librdkafka for a job that gives up sooner than usual."""
    if job.give_up_ms >= PROPAGATION_MS:
        return {}
    # Otherwise a record is given up before the library believes that a topic does not exist.
    return {"topic.metadata.propagation.max.ms": job.give_up_ms // 2}
