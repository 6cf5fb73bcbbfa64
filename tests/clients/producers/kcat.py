"""kcat of Debian 12."""

from harness import install, kcat
from producers.model import Outcome, Producer


class Kcat(Producer):
    """The command with the librdkafka of Debian, which collectd, rsyslog and syslog-ng use as well."""

    name = "kcat"
    version = "1.7.1"
    family = "librdkafka"
    agent = "kcat"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = True
    library = "librdkafka 2.0.2"

    def install(self):
        install.install_kcat()

    def run_printed(self, text, job):
        config = job.folder / "kcat.conf"
        config.write_text(text)
        return self.send(["kcat", "-F", str(config), "-P", "-t", job.topic, "-vvvv"], job)

    def run(self, job):
        job.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "client.id": job.name,
            "bootstrap.servers": job.endpoint,
            "security.protocol": "SASL_SSL" if job.tls else "SASL_PLAINTEXT",
            "ssl.ca.location": str(job.authority),
            "sasl.mechanism": job.mechanism,
            "sasl.username": job.project,
            "sasl.password": job.password,
            "message.timeout.ms": job.give_up_ms,
        }
        if job.codec:
            settings |= {"compression.type": job.codec, "linger.ms": 50}
        if job.idempotent is not None:
            settings["enable.idempotence"] = str(job.idempotent).lower()
        options = [
            word for pair in (settings | job.settings).items() for word in ("-X", "=".join(map(str, pair)))
        ]
        return self.send(["kcat", "-P", "-t", job.topic, "-vvvv", *options], job)

    def send(self, words, job):
        """One line of standard input for each value."""
        code, lines = kcat.run_timed(words, "".join(f"{value}\n" for value in job.values).encode())
        said = "".join(line for _, line in lines)
        (job.folder / "client.log").write_text(said)
        places = kcat.delivered(said)
        trouble = [
            {"code": "", "text": line.strip(), "after_ms": after_ms}
            for after_ms, line in lines
            if "%" in line[:2] or "ERROR" in line
        ]
        # It reports in the order in which the shards answer, and does not say of which record.
        delivered = [{"index": index, "shard": -1, "offset": -1} for index in range(len(places))]
        failed = trouble[-1:] if code != 0 else []
        return Outcome(delivered, failed, trouble)


PRODUCERS = [Kcat()]
