"""collectd of Debian 12 with write_kafka; metrics come in through its socket and go to its log as well."""

import json
import re
import socket

from harness.report import require
from producers.daemon import Daemon, librdkafka_settings
from producers.model import compare

HOST, PLUGIN = "host-a", "logboom"
# The metrics are as old as this; a second lies between two of them.
FIRST_TIME = 1_700_000_000
LOGGED = re.compile(r"write_log values:\s+(\[.*\])")


class Collectd(Daemon):
    """A value of the job becomes a metric; which one, only its names tell."""

    name = "collectd"
    version = "5.12.0"
    agent = "collectd"
    # The libraries of its plugins are only recommended by the package.
    packages = ["collectd-core", "librdkafka1", "libyajl2"]

    def __init__(self):
        # The values by the names of their metrics, of all runs.
        self.sent = {}

    def configuration(self, job):
        properties = librdkafka_settings(job) | {"metadata.broker.list": job.endpoint}
        lines = "\n".join(f'  Property "{name}" "{value}"' for name, value in properties.items())
        return f"""
LoadPlugin write_kafka
<Plugin write_kafka>
{lines}
  <Topic "{job.topic}">
    Format JSON
  </Topic>
</Plugin>
"""

    def start(self, text, job):
        before = f"""
Hostname "{HOST}"
FQDNLookup false
BaseDir "{job.folder}"
PIDFile "{job.folder}/pid"
PluginDir "{self.root}/usr/lib/collectd"
TypesDB "{self.root}/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File STDERR
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{job.folder}/socket"
</Plugin>
LoadPlugin write_log
<Plugin write_log>
  Format JSON
</Plugin>
"""
        config = job.folder / "collectd.conf"
        config.write_text(before + text)
        return [str(self.root / "usr" / "sbin" / "collectd"), "-f", "-C", str(config)]

    def feed(self, job):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(job.folder / "socket"))
            except (FileNotFoundError, ConnectionRefusedError):  # Not bound yet, or not listening.
                return False
            with connection.makefile("rw") as lines:
                for index, value in enumerate(job.values):
                    self.sent[job.folder.name, str(index)] = value
                    identifier = f"{HOST}/{PLUGIN}-{job.folder.name}/gauge-{index}"
                    lines.write(f'PUTVAL "{identifier}" interval=10 {FIRST_TIME + index}:{index + 0.5}\n')
                    lines.flush()
                    answer = lines.readline()
                    require(answer.startswith("0 "), f"collectd says {answer} of {identifier}")
        return True

    def line_of(self, log):
        """The value of the metric, if time and number are its own."""
        (metric,) = json.loads(super().line_of(log))
        index = metric["type_instance"]
        expected = [FIRST_TIME + int(index), [int(index) + 0.5], HOST, PLUGIN]
        if [metric["time"], metric["values"], metric["host"], metric["plugin"]] != expected:
            return None
        return self.sent.get((metric["plugin_instance"], index))

    def check_printed(self, logs, job):
        """Also that the texts are, byte by byte, what another plugin made of the same metrics."""
        logged = LOGGED.findall((job.folder / "client.log").read_text())
        return super().check_printed(logs, job) or compare(
            [dict(log.fields)["content"] for log in logs], logged
        )


PRODUCERS = [Collectd()]
