"""The clients of npm: kafkajs, @platformatic/kafka, kafka-node, all from one lock file.

Debian's Node is too old for two of them, so it comes from npm as well; only npm itself must be there.
"""

import hashlib
import os
import shutil
from pathlib import Path

from harness import install
from producers.model import Outcome
from producers.worker import Worker, execute

SOURCES = Path(__file__).resolve().parent / "node"
HELLO = '{"msg": "Hello World"}'


class NodeClient(Worker):
    """One package."""

    def __init__(self, name, version, package, program, codecs, idempotence):
        self.name = self.family = self.agent = name
        self.version = version
        self.library = f"{package} {version}"
        self.program = program
        self.codecs = codecs
        self.idempotence = idempotence
        self.modules = None

    def install(self):
        self.modules = install_modules()

    def command(self):
        return [str(node(self.modules)), self.program]

    def run(self, job):
        job.folder.mkdir(parents=True, exist_ok=True)
        self.settle(job.folder)
        for source in SOURCES.glob("*.*js"):
            shutil.copy(source, job.folder)
        return super().run(job)

    def settle(self, folder):
        """Node looks for packages beside the program."""
        link = folder / "node_modules"
        if not link.exists():
            link.symlink_to(self.modules)

    def run_printed(self, text, job):
        self.settle(job.folder)
        program = job.folder / f"produce{Path(self.program).suffix}"
        program.write_text(text)
        execute([str(node(self.modules)), program.name], job.folder / "client.log", folder=job.folder)
        return Outcome()

    def check_printed(self, logs, job):
        said = (job.folder / "client.log").read_text()
        contents = [self.line_of(log) for log in logs]
        if contents == [HELLO] and "delivered" in said and job.topic in said:
            return None
        return f"stored {contents}, the program said {said[-200:]}"


def install_modules():
    """One folder for each lock file, complete or absent; returns its node_modules."""
    install.need("npm", "npm")
    lock_file = (SOURCES / "package-lock.json").read_bytes()
    folder = install.cache_folder() / f"npm-{hashlib.sha256(lock_file).hexdigest()[:12]}"
    with install.exclusive("npm"):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
            partial.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCES / name, partial)
            # None of them needs a script of a package, and scripts compile or load what no lock file knows.
            install.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], partial)
            partial.rename(folder)
    return folder / "node_modules"


def node(modules):
    """The program for this machine; npm has installed no other."""
    return next(modules.glob("node-linux-*/bin/node"))


PRODUCERS = [
    NodeClient(
        "kafkajs",
        "2.2.4",
        "kafkajs",
        "kafkajs.js",
        ("none", "gzip", "snappy", "lz4", "zstd"),
        idempotence=True,
    ),
    NodeClient(
        "platformatic",
        "1.35.0",
        "@platformatic/kafka",
        "platformatic.mjs",
        ("none", "gzip", "snappy", "lz4", "zstd"),
        idempotence=True,
    ),
    NodeClient("kafka-node", "5.0.0", "kafka-node", "kafka-node.js", ("none", "gzip"), idempotence=False),
]
