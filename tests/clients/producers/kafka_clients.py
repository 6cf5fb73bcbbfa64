"""kafka-clients for Java, also with the settings that Logstash and Kafka Connect make of their configuration."""

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from harness.install import exclusive
from harness.report import require

from producers import logstash, maven
from producers.jvm import Jvm
from producers.model import Outcome
from producers.worker import Worker, execute

HERE = Path(__file__).resolve().parent / "java"
# The worker uses nothing that this version lacks, so one compilation serves all of them.
OLDEST = "2.1.0"
KEYTOOL = re.compile(r"^(?://|#) (keytool .*)$", re.MULTILINE)


class KafkaClients(Worker):
    """One version, that `client-config java` is printed for."""

    name = "kafka-clients"
    family = "java"
    agent = "java"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = True
    one_batch: ClassVar = {"linger.ms": "50"}

    def __init__(self, version, stands_for=""):
        self.version = version
        self.library = f"kafka-clients {version}"
        self.stands_for = stands_for
        self.jars = self.classes = None
        self.jvm = Jvm()

    def install(self):
        maven.need_java()
        oldest = jars_of(OLDEST)
        self.jars = jars_of(self.version)
        self.classes = maven.compiled(sorted(HERE.glob("*.java")), oldest, "kafka-clients-worker")

    def command(self):
        return [*maven.JAVA, "-cp", f"{self.classes}:{self.jars}/*", "KafkaClientsWorker"]

    def perform(self, job_file, log):
        return self.jvm.perform(self.command(), job_file, log)

    def run_printed(self, text, job):
        make_truststore(text, job)
        program = job.folder / "KafkaProduceExample.java"
        program.write_text(text)
        command = [*maven.JAVA, "-cp", f"{self.jars}/*", str(program)]
        execute(command, job.folder / "client.log", folder=job.folder)
        return Outcome()

    def check_printed(self, logs, job):
        said = (job.folder / "client.log").read_text()
        contents = [self.line_of(log) for log in logs]
        if contents == ['{"msg": "Hello World"}'] and f"sent successfully to topic: {job.topic}, " in said:
            return None
        return f"stored {contents}, the program said {said[-300:]}"


class LogstashOutput(KafkaClients):
    """One version with the producer that Logstash makes of its configuration."""

    agent = "logstash"

    def run_printed(self, text, job):
        make_truststore(text, job)
        options = logstash.kafka_options(text)
        require(options["topic_id"] == job.topic, f"the topic is {options['topic_id']}")
        return self.run(replace(job, settings=logstash.producer_settings(options)))

    def check_printed(self, logs, job):
        return Worker.check_printed(self, logs, job)


class ConnectProducer(LogstashOutput):
    """The producer that a worker of Kafka Connect makes for a source connector."""

    name = "kafka-connect"
    agent = "kafka-connect"
    codecs = ()
    # What a worker sets by itself; `producer.` of its properties goes over it.
    SETTINGS = {
        "acks": "all",
        "enable.idempotence": "false",
        "max.in.flight.requests.per.connection": "1",
        "delivery.timeout.ms": "2147483647",
        "request.timeout.ms": "2147483647",
        "max.block.ms": "9223372036854775807",
    }

    def run_printed(self, text, job):
        make_truststore(text, job)
        lines = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]
        properties = {name: value for name, _, value in lines}
        require(properties.pop("topic") == job.topic, "the topic is another one")
        ours = {name.removeprefix("producer."): value for name, value in properties.items()}
        return self.run(replace(job, settings=self.SETTINGS | ours))


def jars_of(version):
    """The class path of one version."""
    name = f"kafka-clients-{version}"
    return maven.class_path(HERE / "pom.xml", name, **{"kafka.version": version})


def make_truststore(text, job):
    """Runs the keytool command that the printed text has in a comment, as a user would."""
    command = KEYTOOL.search(text)
    require(command, "no keytool command is printed")
    # The authority is the same for all producers of a run.
    with exclusive("keytool"):
        if not job.authority.with_suffix(".p12").exists():
            execute(["sh", "-c", command[1]], job.folder / "keytool.log", folder=job.folder)


PRODUCERS = [
    ConnectProducer("3.9.2"),
    KafkaClients("2.1.0"),
    LogstashOutput("2.4.1", "Logstash 7.10"),
    LogstashOutput("3.4.1", "Logstash 8.11 to 8.17"),
    LogstashOutput("3.9.2", "Logstash 8.19.20, 9.1 to 9.3"),
    LogstashOutput("4.2.0", "Logstash 9.5"),
]
