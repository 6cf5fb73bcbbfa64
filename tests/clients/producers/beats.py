"""The Kafka output of Beats, which all of them share: the library libbeat inside a program of ours.

Filebeat itself brings inputs for every cloud; compiling them would take longer than all other clients together.
"""

import hashlib
import json
from pathlib import Path

from harness import install
from harness.report import require
from producers import go_program
from producers.model import Producer
from producers.telegraf import field_of
from producers.worker import execute, read_report

SOURCE = Path(__file__).resolve().parent / "go" / "beats"


class Beats(Producer):
    """One version: it is told everything in the YAML that Filebeat reads."""

    name = "libbeat"
    family = "sarama of Beats"
    agent = "filebeat"
    codecs = ("none", "gzip", "snappy", "lz4")
    stands_for = ""

    def __init__(self, version, sarama, stands_for, module_file, go_minor, options=()):
        self.version = version
        self.library = f"sarama {sarama}"
        self.stands_for = stands_for
        self.module_file = module_file
        self.go_minor = go_minor
        self.options = list(options)
        self.program = None

    def install(self):
        go_program.need_go(self.go_minor)
        files = sorted(path for path in SOURCE.iterdir() if path.suffix in (".go", ".mod", ".sum"))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
        self.program = go_program.compiled(f"libbeat-{self.version}-{digest}", self.compile_into)

    def compile_into(self, folder):
        """Only what the Kafka output needs."""
        command = ["go", "build", "-buildvcs=false", "-ldflags=-s -w", f"-modfile={self.module_file}"]
        install.run([*command, *self.options, "-o", str(folder / "libbeat"), "."], SOURCE)

    def run_printed(self, text, job):
        return self.publish(text, job)

    def run(self, job):
        job.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "hosts": [job.endpoint],
            "client_id": job.name,
            "username": job.project,
            "password": job.password,
            "topic": job.topic,
        }
        if job.tls:
            settings["ssl.certificate_authorities"] = [str(job.authority)]
        if job.mechanism != "PLAIN" or not job.tls:
            settings["sasl.mechanism"] = job.mechanism
        if job.codec:
            settings["compression"] = job.codec
        # Its queue waits 10 s for more events, which only the printed run has time for. JSON is YAML as well.
        text = {"queue.mem.flush.timeout": "0s", "output.kafka": settings | job.settings}
        return self.publish(json.dumps(text, indent=1), job)

    def publish(self, text, job):
        """With that text as its configuration."""
        config, report = job.folder / "filebeat.yml", job.folder / "report.jsonl"
        config.write_text(text)
        words = {
            "config": str(config),
            "report": str(report),
            "version": self.version,
            "values": job.values,
            "give_up_ms": job.give_up_ms,
        }
        job_file = job.folder / "job.json"
        job_file.write_text(json.dumps(words, indent=1))
        log = job.folder / "client.log"
        code = execute([str(self.program), str(job_file)], log, folder=job.folder)
        said = log.read_text(errors="replace")
        require(code == 0, f"{self.name} exited with {code}: {said[-300:]}")
        outcome = read_report(report)
        for line in said.splitlines():
            if '"log.level":"error"' in line or "ERROR" in line:
                outcome.errors.append({"code": "", "text": line})
        return outcome

    def line_of(self, log):
        return field_of(super().line_of(log), "message")


PRODUCERS = [
    Beats(
        "7.17.29", "1.28.0, fork of Elastic, 2021-08", "all Beats 7.17", "beats7.mod", 23, ["-tags=beats7"]
    ),
    Beats("9.0.0-dev", "1.28.0, fork of Elastic, 2022-03", "all Beats 8.x and 9.0", "go.mod", 22),
]
