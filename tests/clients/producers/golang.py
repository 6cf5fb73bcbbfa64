"""Go libraries: one program for each, built in the module of its version."""

import hashlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

from harness import install
from harness.report import Skip
from producers.model import Outcome
from producers.worker import Worker, execute

SOURCE = Path(__file__).resolve().parent / "go"
NEEDED = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)
FLAGS = ["-buildvcs=false", "-modcacherw", "-mod=readonly"]


class Golang(Worker):
    """One library in one version."""

    def __init__(self, name, version, family, agent, codecs, *, settings=None, **others):
        self.name, self.version, self.family, self.agent = name, version, family, agent
        self.codecs = tuple(codecs.split())
        self.settings = settings or {}
        self.library = others.get("library", f"{name} {version}")
        self.stands_for = others.get("stands_for", "")
        self.idempotence = others.get("idempotence", True)
        self.further = others.get("further", ())
        self.module = SOURCE / "versions" / f"{name}-{version}.mod"
        self.program = None

    def install(self):
        """Builds the program, unless the cache has it."""
        sources = [self.module, self.module.with_suffix(".sum")]
        sources += sorted(SOURCE.glob("worker/*.go")) + sorted((SOURCE / self.name).glob("*.go"))
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
        self.program = install.cache_folder() / f"{self.name}-{self.version}-{digest}"
        if not self.program.exists():
            partial = self.program.with_name(f"{self.program.name}.{os.getpid()}.partial")
            self.build(f"./{self.name}", partial)
            partial.rename(self.program)

    def build(self, package, program):
        """Compiles with the versions of the module."""
        needed = tuple(map(int, NEEDED.search(self.module.read_text()).groups()))
        if go_version() < needed:
            raise Skip(f"{self.name} {self.version} needs Go {needed[0]}.{needed[1]} or newer")
        folder = install.cache_folder()
        variables = {
            "GOTOOLCHAIN": "local",
            "GOPATH": folder / "go",
            "GOCACHE": folder / "go-build",
            "GOFLAGS": "-p=2",
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        words += ["go", "build", *FLAGS, f"-modfile={self.module}", "-o", str(program), str(package)]
        install.run(["env", *words], SOURCE)

    def command(self):
        return [str(self.program)]

    def run(self, job):
        return super().run(replace(job, settings=self.settings | job.settings))

    def run_printed(self, text, job):
        source, program = job.folder / "produce.go", job.folder / "produce"
        source.write_text(text)
        self.build(source, program)
        execute([str(program)], job.folder / "client.log", folder=job.folder)
        return Outcome()

    def check_printed(self, logs, job):
        contents = sorted(self.line_of(log) for log in logs)
        if contents == [f'{{"msg": "Hello World {number}"}}' for number in (1, 2, 3)]:
            return None
        return f"stored {contents}, the program said {(job.folder / 'client.log').read_text()[-200:]}"


def go_version():
    """Major and minor version of the Go that is installed."""
    if not shutil.which("go"):
        raise Skip("Go is missing: apt-get install golang-go, or a newer one from its own site")
    found = re.search(r"go(\d+)\.(\d+)", install.run(["env", "GOTOOLCHAIN=local", "go", "version"]))
    return tuple(map(int, found.groups()))


OLD = "none gzip snappy"
ALL = "none gzip snappy lz4 zstd"
# Told of a newer broker, the oldest version sends message sets of format 1.
MESSAGE_SETS_1 = tuple(
    (f"{codec}, for 0.10.0", {"codec": codec, "settings": {"version": "0.10.0.0"}})
    for codec in f"{OLD} lz4".split()
)


def sarama(version, codecs, protocol=None, **others):
    """One version, with the version of the protocol that its embedder sets."""
    settings = {"version": protocol} if protocol else {}
    return Golang(
        "sarama",
        version,
        "sarama",
        "sarama",
        codecs,
        settings=settings,
        **others,
    )


PRODUCERS = [
    # Message sets of format 0, unlike all later versions.
    sarama(
        "1.22.1",
        OLD,
        stands_for="Telegraf until 1.14, Beats until 6.2",
        idempotence=False,
        further=MESSAGE_SETS_1,
    ),
    sarama("1.29.1", f"{OLD} lz4", "1.0.0", stands_for="Beats 7.16 to 8"),
    sarama("1.43.3", ALL, "2.1.0", stands_for="Beats 9, Telegraf 1.30 to 1.33"),
    sarama("1.60.1", ALL, stands_for="Telegraf 1.39"),
    Golang("franz-go", "1.21.5", "franz-go", "franz-go", ALL),
    Golang("kafka-go", "0.4.50", "kafka-go", "kafka-go", ALL, idempotence=False),
    Golang(
        "confluent-kafka-go",
        "1.9.2",
        "librdkafka",
        "go",
        ALL,
        library="librdkafka 1.9.2",
    ),
]
