"""Telegraf, compiled with the plugins that logs take."""

import json
import re

from harness import install
from producers import go_program
from producers.agent import Agent

MODULE = "github.com/influxdata/telegraf/cmd/telegraf"
TAGS = "custom,inputs.tail,outputs.kafka,serializers.json,parsers.value,parsers.influx"
# As its option counts them.
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Telegraf(Agent):
    """One version. It reads lines of a file as they are."""

    name = "telegraf"
    family = "sarama"
    agent = "telegraf"
    codecs = CODECS
    idempotence = True

    def __init__(self, version, sarama, go_minor, beginning, kafka_for_zstd=None):
        self.version = version
        self.library = f"sarama {sarama}"
        self.go_minor = go_minor
        # How it is told to read a file from its beginning.
        self.beginning = beginning
        # Its option `version` when it shall use zstd, if its own default is too old for that.
        self.kafka_for_zstd = kafka_for_zstd
        self.program = None

    def install(self):
        go_program.need_go(self.go_minor)
        self.program = go_program.compiled(f"telegraf-{self.version}", self.compile_into)

    def compile_into(self, folder):
        """The unchanged source; the tags leave out what is not needed."""
        command = ["env", f"GOBIN={folder}", "go", "install", "-buildvcs=false", "-ldflags=-s -w"]
        install.run([*command, f"-tags={TAGS}", f"{MODULE}@v{self.version}"])

    def start(self, text, job):
        lines = job.folder / "lines.log"
        lines.write_text("".join(f"{value}\n" for value in job.values))
        config = job.folder / "telegraf.conf"
        # It says only with `debug` that a batch was written.
        config.write_text(
            f'[agent]\n  flush_interval = "1s"\n  debug = true\n[[inputs.tail]]\n  files = ["{lines}"]\n'
            f'  {self.beginning}\n  data_format = "value"\n  data_type = "string"\n{text}'
        )
        return [str(self.program), "--config", str(config)]

    def configuration(self, job):
        settings = {
            "brokers": [job.endpoint],
            "topic": job.topic,
            "client_id": job.name,
            "sasl_username": job.project,
            "sasl_password": job.password,
            "data_format": "json",
        }
        if job.tls:
            settings["tls_ca"] = str(job.authority)
        if job.mechanism != "PLAIN":
            settings["sasl_mechanism"] = job.mechanism
        if job.codec:
            settings["compression_codec"] = CODECS.index(job.codec)
        if job.codec == "zstd" and self.kafka_for_zstd:
            settings["version"] = self.kafka_for_zstd
        if job.idempotent:
            settings["idempotent_writes"] = True
        lines = [f"  {name} = {json.dumps(value)}\n" for name, value in (settings | job.settings).items()]
        return "[[outputs.kafka]]\n" + "".join(lines)

    def finished(self, log, job):
        return sum(map(int, re.findall(r"Wrote batch of (\d+) metrics", log))) >= len(job.values)

    def line_of(self, log):
        return field_of(super().line_of(log), "fields", "value")


def field_of(text, *names):
    """What is inside a JSON text under these names; None if there is no such thing."""
    try:
        found = json.loads(text)
        for name in names:
            found = found[name]
    except (TypeError, ValueError, KeyError):
        return None
    return found


PRODUCERS = [
    Telegraf("1.28.5", "1.38.1", 21, "from_beginning = true", kafka_for_zstd="2.1.0"),
    Telegraf("1.39.3", "1.60.1", 26, 'initial_read_offset = "beginning"'),
]
