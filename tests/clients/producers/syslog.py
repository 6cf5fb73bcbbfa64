"""rsyslog and syslog-ng of Debian 12: both follow a file and send each line with a header of their own."""

import re

from harness import debian
from producers.daemon import Daemon, librdkafka_settings

TAG = "logboom:"
# Time and host, and the tag that rsyslog has for a file.
LINE = re.compile(rf"\S+ \S+ (?:{TAG} )?(\{{.*)")


class Syslog(Daemon):
    """A log daemon that follows a file."""

    def line_of(self, log):
        match = LINE.fullmatch(super().line_of(log) or "")
        return match and match[1]

    def write(self, before, text, job):
        """The configuration and the file to follow."""
        (job.folder / "agent.conf").write_text(before + text)
        (job.folder / "input.log").write_text("".join(f"{value}\n" for value in job.values))


class Rsyslog(Syslog):
    """With omkafka."""

    name = "rsyslog"
    version = "8.2302.0"
    agent = "rsyslog"
    packages = ["rsyslog", "rsyslog-kafka"]

    def configuration(self, job):
        settings = ", ".join(f'"{name}={value}"' for name, value in librdkafka_settings(job).items())
        return f"""
template(name="line" type="string" string="%timestamp:::date-rfc3339% %hostname% %syslogtag% %msg%")
module(load="omkafka")
action(type="omkafka" broker=["{job.endpoint}"] topic="{job.topic}" partitions.auto="on" template="line"
  confParam=[{settings}])
"""

    def start(self, text, job):
        before = f"""
global(workDirectory="{job.folder}")
module(load="imfile")
input(type="imfile" File="{job.folder}/input.log" Tag="{TAG}")
"""
        self.write(before, text, job)
        modules = debian.folder(self.root, "usr/lib/*-linux-gnu*/rsyslog")
        program = self.root / "usr" / "sbin" / "rsyslogd"
        return [str(program), "-n", "-i", "NONE", "-M", str(modules), "-f", str(job.folder / "agent.conf")]


class SyslogNg(Syslog):
    """With the destination kafka-c."""

    name = "syslog-ng"
    version = "3.38.1"
    agent = "syslog-ng"
    packages = ["syslog-ng-core", "syslog-ng-mod-rdkafka"]

    def configuration(self, job):
        settings = ", ".join(f'"{name}" => "{value}"' for name, value in librdkafka_settings(job).items())
        return f"""
destination d_kafka {{
  kafka-c(bootstrap-servers("{job.endpoint}") topic("{job.topic}") config({settings}));
}};
log {{ source(s_src); destination(d_kafka); }};
"""

    def start(self, text, job):
        before = f"""@version: 3.38
source s_src {{ file("{job.folder}/input.log" flags(no-parse)); }};
"""
        self.write(before, text, job)
        modules = debian.folder(self.root, "usr/lib/syslog-ng/3.*")
        files = [("-f", "agent.conf"), ("-R", "persist"), ("-p", "pid"), ("-c", "control")]
        options = [word for option, name in files for word in (option, str(job.folder / name))]
        program = self.root / "usr" / "sbin" / "syslog-ng"
        return [str(program), "-F", "-e", "-v", "--no-caps", "--module-path", str(modules), *options]


PRODUCERS = [Rsyslog(), SyslogNg()]
