"""What the daemons of Debian 12 share: real programs in the foreground, with files and folders of their own."""

import subprocess
from abc import abstractmethod
from pathlib import Path

from harness import debian, wait
from producers.ending import end
from producers.model import RUN_SECONDS, Outcome, Producer

END_SECONDS = 5


class Daemon(Producer):
    """A daemon that runs until the server has everything, or the time is over."""

    family = "librdkafka"
    library = "librdkafka 2.0.2"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    # What `apt-get install` would be given.
    packages: list
    root: Path | None = None

    def install(self):
        self.root = debian.unpack(self.name, self.packages)

    @abstractmethod
    def configuration(self, job):
        """In a run with other settings: what stands for the output of `client-config`."""

    @abstractmethod
    def start(self, text, job):
        """Writes `text` with an input around it, and what is to be read; returns the command."""

    def feed(self, job):
        """Hands over the values, if that needs a running agent; whether it has happened."""
        return True

    def run_printed(self, text, job):
        return self.serve(self.start(text, job), job)

    def run(self, job):
        job.folder.mkdir(parents=True, exist_ok=True)
        return self.serve(self.start(self.configuration(job), job), job)

    def serve(self, command, job):
        """From its start until all is stored; it tells nobody, so only the server knows."""
        before = job.stored()
        with open(job.folder / "client.log", "wb") as said:
            process = subprocess.Popen(
                command,
                cwd=job.folder,
                env=debian.environment(self.root),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            wait.until(f"{self.name} is ready", lambda: self.feed(job), RUN_SECONDS / 6)
            wait.until(
                f"{self.name} has delivered",
                lambda: process.poll() is not None or job.stored() >= before + len(job.values),
                RUN_SECONDS / 2,
                every_seconds=0.3,
            )
        except wait.Late as late:
            return Outcome(errors=[{"code": "", "text": str(late)}])
        finally:
            end(process, END_SECONDS)
        return Outcome()


def librdkafka_settings(job):
    """The settings of librdkafka that a job asks for, besides brokers and topic."""
    settings = {
        "client.id": job.name,
        "security.protocol": "SASL_SSL" if job.tls else "SASL_PLAINTEXT",
        "ssl.ca.location": str(job.authority),
        "sasl.mechanism": job.mechanism,
        "sasl.username": job.project,
        "sasl.password": job.password,
    }
    if job.codec:
        settings |= {"compression.codec": job.codec, "queue.buffering.max.ms": "50"}
    return settings | job.settings
