"""The servers that are measured side by side: how each is installed, configured and started."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(os.environ.get("LOGBOOM_PEERS_CACHE", Path.home() / ".cache" / "logboom" / "peers"))
KAFKA_VERSION = "4.4.0"
# The line of slf4j that this Kafka uses.
SLF4J_VERSION = "1.7.36"
CONFLUENT_KAFKA_VERSION = "2.11.1"
TANSU_VERSION = "0.6.0"

# The mock cluster of librdkafka gives every topic so many, so the others do, too.
PARTITIONS = 4
TOPIC = "logs"
USER, KEY_ID, SECRET = "bench", "bench-key", "Rw7kQ2mX9vB4nL6t"
PASSWORD = f"{KEY_ID}#{SECRET}"
# A run writes faster than disks grow, so what is stored is removed early, by all of them.
STORED_BYTES_MAX = 2 << 30
SEGMENT_BYTES = 128 << 20


class Failure(Exception):
    """Why there is nothing to report."""


@dataclass
class Peer:
    """A server in one configuration."""

    name: str
    # What it does with a batch, and what it leaves out: figures are worth little without that.
    note: str
    tls: bool
    login: bool = True
    partitions: int = PARTITIONS
    # So much longer takes each fdatasync, in microseconds; only logboom can be slowed down so.
    sync_delay_us: int = 0
    # A size, such as "100 GB", of the log that is there before, of 5,000 shards; only logboom's can be made.
    stored: str = ""
    # What it needs besides what every server does: all that it was sent, if it keeps that in memory.
    extra_memory_bytes: int = 0

    def command(self, folder, port):
        """Writes what the server needs into an empty folder. The command that starts it there."""
        raise NotImplementedError

    def port(self, folder, port):
        """Where it listens: as told, unless it chooses itself; None if that is not known yet."""
        del folder
        return port

    def prepare(self, folder, port):
        """What is left to do once it listens, such as to create the topic."""


@dataclass
class Logboom(Peer):
    """A binary of this repository."""

    binary: Path = field(default=Path())

    def command(self, folder, port):
        """With one project, one Logstore and one access key."""
        if not self.binary.exists():
            raise Failure(f"there is no {self.binary}: cargo build --release --workspace")
        tls = 'cert = "server.pem"\nkey = "server-key.pem"' if self.tls else "tls = false"
        if self.tls:
            write_certificate(folder)
        if self.stored:
            make = [self.binary.with_name("logboom-bench"), "open", "--dir", folder / "data", "--repeat", "1"]
            checked([*make, "--bytes", self.stored], folder)
        (folder / "logboom.toml").write_text(f"""\
[node]
data_dir = "data"

[node.limits]
connections_max = 4000
connections_per_address_max = 4000

[[listener]]
name = "load"
address = "127.0.0.1:{port}"
advertise = "localhost"
{tls}

[[project]]
name = "{USER}"

[[project.logstore]]
name = "{TOPIC}"
shards = {self.partitions}
retention_bytes = "{STORED_BYTES_MAX >> 30} GiB"

[[access_key]]
id = "{KEY_ID}"
project = "{USER}"
secrets = [{{ file = "key.secret" }}]
allow = "all"
""")
        write_private(folder / "key.secret", SECRET)
        return [*self._slow_disk(), self.binary, "serve", "--config", "logboom.toml"]

    def _slow_disk(self):
        """What starts a server so that its disk seems slower. The server is the process that was started."""
        if not self.sync_delay_us:
            return []
        inject = f"inject=fdatasync:delay_exit={self.sync_delay_us}"
        trace = ["--seccomp-bpf", "-f", "-D", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", inject]
        return ["strace", *trace]


@dataclass
class Kafka(Peer):
    """Apache Kafka, one node that is broker and controller."""

    # Whether it flushes each batch to the disk before the answer.
    flush: bool = False

    def command(self, folder, port):
        """With the memory and the collector that its own start script gives it."""
        jars = install_kafka()
        (folder / "server.properties").write_text(self._properties(folder, port))
        java = ["java", "-cp", f"{jars}/*"]
        tool = [*java, "kafka.tools.StorageTool", "format", "--config", "server.properties"]
        checked([*tool, "--cluster-id", "bG9nYm9vbS1iZW5jaC0wMQ"], folder)
        memory = ["-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
        memory += ["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
        memory += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return ["java", *memory, "-cp", f"{jars}/*", "kafka.Kafka", "server.properties"]

    def _properties(self, folder, port):
        controller = free_port()
        lines = f"""\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=LOAD://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=LOAD://localhost:{port}
listener.security.protocol.map=LOAD:{"SASL_SSL" if self.tls else "SASL_PLAINTEXT"},CONTROLLER:PLAINTEXT
inter.broker.listener.name=LOAD
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.load.sasl.enabled.mechanisms=PLAIN
listener.name.load.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";
log.dirs={folder}/data
num.partitions={self.partitions}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
message.max.bytes=33554432
socket.request.max.bytes=104857600
log.segment.bytes={SEGMENT_BYTES}
log.retention.bytes={STORED_BYTES_MAX // self.partitions}
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
"""
        if self.flush:
            lines += "log.flush.interval.messages=1\n"
        if self.tls:
            write_certificate(folder)
            key, certificate = folder / "server-key.pem", folder / "server.pem"
            write_private(folder / "both.pem", key.read_text() + certificate.read_text())
            lines += "listener.name.load.ssl.keystore.type=PEM\n"
            lines += f"listener.name.load.ssl.keystore.location={folder}/both.pem\n"
            # It tries at start whether it could connect to itself.
            lines += "listener.name.load.ssl.truststore.type=PEM\n"
            lines += f"listener.name.load.ssl.truststore.location={folder}/server.pem\n"
        return lines


@dataclass
class Mock(Peer):
    """The cluster that librdkafka has for its own tests, in a process of Python that does nothing else."""

    login: bool = False

    PROGRAM = """\
import signal, confluent_kafka
producer = confluent_kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
[broker] = producer.list_topics(timeout=10).brokers.values()
with open("port.new", "w") as file:
    file.write(str(broker.port))
import os
os.rename("port.new", "port")
signal.sigwait([signal.SIGTERM])
"""

    def command(self, folder, port):
        """It chooses its port itself, and writes it down."""
        del port
        (folder / "mock.py").write_text(self.PROGRAM)
        return [install_confluent_kafka(), "mock.py"]

    def port(self, folder, port):
        """Where the first broker listens."""
        del port
        file = folder / "port"
        return int(file.read_text()) if file.exists() else None


@dataclass
class Tansu(Peer):
    """Tansu, which keeps records in a store of somebody else."""

    login: bool = False
    # A URL; a path in it is relative to the folder.
    store: str = ""

    def command(self, folder, port):
        """Its subcommand `broker`, with no option that costs time."""
        del folder
        listener = f"tcp://127.0.0.1:{port}"
        command = [install_tansu(), "broker", "--silent", "--storage-engine", self.store]
        return [*command, "--listener-url", listener, "--advertised-listener-url", f"tcp://localhost:{port}"]

    def prepare(self, folder, port):
        """It creates no topic by itself."""
        command = [install_tansu(), "topic", "create", "--broker", f"tcp://127.0.0.1:{port}"]
        checked([*command, "--partitions", str(self.partitions), TOPIC], folder)


def all_peers(binaries, before=None):
    """Every server in every configuration, by name; an earlier build of logboom is in the folder `before`."""
    durable = "checks, decompresses and fsyncs every batch before the answer"
    peers = []
    builds = {runtime: binaries / f"logboom-{runtime}" for runtime in ["smol", "async-std", "blocking"]}
    if before:
        builds["before"] = before / "logboom-smol"
    for name, binary in builds.items():
        peers.append(Logboom(name, durable, tls=True, binary=binary))
        peers.append(Logboom(f"{name}-plaintext", f"{durable}; no encryption", tls=False, binary=binary))
    cached = "checks and decompresses every batch; answers before it is on the disk"
    flushed = "checks and decompresses every batch; flushes each before the answer"
    peers += [
        Kafka("kafka", f"{cached}; no encryption", tls=False),
        Kafka("kafka-tls", cached, tls=True),
        Kafka("kafka-flush", f"{flushed}; no encryption", tls=False, flush=True),
        Kafka("kafka-flush-tls", flushed, tls=True, flush=True),
        Mock("mock", "checks nothing, stores nothing on a disk; no login, no encryption", tls=False),
    ]
    # Read in its source: it has options for a certificate, but accepts connections without them; no CRC of
    # a batch is compared with anything; SQLite runs with `journal_mode = WAL` and `synchronous = normal`.
    unchecked = "no checksum is compared; no login (not configured), no encryption (its TLS is not wired up)"
    memory = f"keeps batches in memory as they came, and never removes them; {unchecked}"
    sqlite = (
        f"decompresses, and stores records as rows; fsyncs at checkpoints, not before answers; {unchecked}"
    )
    peers += [
        Tansu("tansu-memory", memory, tls=False, store="memory://tansu/", extra_memory_bytes=8 << 30),
        Tansu("tansu-sqlite", sqlite, tls=False, store="sqlite:///tansu.db"),
    ]
    return {peer.name: peer for peer in peers}


def dependency(group, artifact, version):
    """One entry of a Maven project."""
    names = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
    return f"<dependency>{names}<version>{version}</version></dependency>"


def install_kafka():
    """Its jars, from Maven Central."""
    for tool in ["java", "mvn"]:
        if not shutil.which(tool):
            raise Failure(f"{tool} is missing: apt-get install openjdk-17-jre-headless maven")

    def fetch(folder):
        (folder / "pom.xml").write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            "<groupId>org.example</groupId><artifactId>peer</artifactId><version>1</version>"
            "<packaging>pom</packaging><dependencies>"
            + dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)
            # Without it Kafka ends in silence if something is wrong.
            + dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION)
            + "</dependencies></project>"
        )
        checked(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"], folder)

    return installed(f"kafka-{KAFKA_VERSION}", fetch) / "jars"


def install_confluent_kafka():
    """A Python that has it, with the librdkafka inside."""

    def fetch(folder):
        venv.create(folder / "venv", with_pip=True)
        pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
        checked([*pip, f"confluent-kafka=={CONFLUENT_KAFKA_VERSION}"], folder)

    name = f"confluent-kafka-{CONFLUENT_KAFKA_VERSION}"
    return installed(name, fetch) / "venv" / "bin" / "python"


def install_tansu():
    """Its program, built from crates.io: `tansu-cli` there is a library, so that the program is one line."""
    if not shutil.which("cargo"):
        raise Failure("cargo is missing: https://rustup.rs")

    def fetch(folder):
        (folder / "src").mkdir()
        (folder / "src" / "main.rs").write_text(
            "#[tokio::main]\nasync fn main() -> tansu_cli::Result<()> {\n"
            "    tansu_cli::Cli::main().await.map(drop)\n}\n"
        )
        # The features of tansu-cli only name stores; those of the others bring them.
        crates = "".join(
            f'{name} = {{ version = "={TANSU_VERSION}", default-features = false, '
            'features = ["dynostore", "libsql"] }\n'
            for name in ["tansu-cli", "tansu-broker", "tansu-storage"]
        )
        (folder / "Cargo.toml").write_text(
            f'[package]\nname = "tansu"\nversion = "{TANSU_VERSION}"\nedition = "2024"\n[workspace]\n'
            f'[dependencies]\n{crates}tokio = {{ version = "1", features = ["full"] }}\n'
        )
        checked(["cargo", "build", "--quiet", "--release", "--target-dir", "target"], folder)
        (folder / "target" / "release" / "tansu").rename(folder / "tansu")
        shutil.rmtree(folder / "target")

    return installed(f"tansu-{TANSU_VERSION}", fetch) / "tansu"


def installed(name, fetch):
    """A folder of the cache: complete, or not there."""
    place = CACHE / name
    if not place.exists():
        print(f"installing {name} into {CACHE}", file=sys.stderr)
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
        try:
            fetch(unfinished)
            unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return place


def write_certificate(folder):
    """A certificate that signs itself, and its key."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout", "server-key.pem"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-out", "server.pem"]
    checked(command, folder)
    (folder / "server-key.pem").chmod(0o600)


def write_private(path, text):
    """A file that only its owner can read, as servers demand of secrets."""
    path.touch(mode=0o600)
    path.write_text(text)


def checked(command, folder):
    """Runs a command, which must succeed."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed:\n{done.stdout}")


def free_port():
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
