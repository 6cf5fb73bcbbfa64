"""Starts confluent-kafka producers and follows what they report."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from harness import wait
from harness.report import Failure

HERE = Path(__file__).resolve().parent.parent
# librdkafka says with debug=msg how each batch left: "(... MsgVersion 2, ..., zstd)".
BATCH_SENT = re.compile(r"Produce MessageSet with (\d+) message\(s\).*MsgVersion (\d).* (\w+)\)")


class Producer:
    """One running producer process with its report."""

    # With idempotence, it keeps the order even of what it sends again.
    keeps_order = True

    def __init__(self, client, folder, name, config, logstore, **what):
        self.name = name
        self.report = folder / f"{name}.jsonl"
        self.log = folder / f"{name}.log"
        self.lines = {"sent": [], "delivered": [], "failed": [], "error": [], "end": []}
        self.read_until = 0
        job_file = folder / f"{name}.json"
        job = {"name": name, "report": str(self.report), "config": config, "logstore": logstore, **what}
        job_file.write_text(json.dumps(job, indent=1))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*self.command(client), str(job_file)],
                env={**os.environ, **self.variables(client)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def command(self, _client):
        """What to run, without the job."""
        return [sys.executable, "-m", "harness.confluent_worker"]

    def variables(self, client):
        """Its variables besides ours."""
        return {"PYTHONPATH": os.pathsep.join([str(client.package), str(HERE)])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def is_running(self):
        """Whether the process is still there."""
        return self.process.poll() is None

    def of_kind(self, kind):
        """The report lines of one kind so far: sent, delivered, failed, error or end."""
        self.read_on()
        return self.lines[kind]

    def read_on(self):
        """Reads what was reported since the last time; only whole lines."""
        if not self.report.exists():
            return
        with open(self.report, "rb") as file:
            file.seek(self.read_until)
            complete, newline, _ = file.read().rpartition(b"\n")
        self.read_until += len(complete) + len(newline)
        for line in complete.splitlines():
            report = json.loads(line)
            self.lines[report["kind"]].append(report)

    def wait_for_end(self, seconds):
        """Waits until the process has sent everything; raises with what it said if it broke."""
        wait.until(f"the end of {self.name}", lambda: not self.is_running(), seconds)
        if self.process.returncode != 0:
            said = self.of_kind("error")[:1] or self.log.read_text(errors="replace")[-300:]
            raise Failure(f"{self.name} broke: {said}")

    def stop(self, seconds):
        """Tells an endless producer to flush and end."""
        self.process.stdin.close()
        self.wait_for_end(seconds)


def check_batches_sent(log_text, codec):
    """Fails unless every batch went out as version 2 and, if it was asked for, compressed.

    A batch of one small record may be larger when compressed; the library then sends it plain.
    """
    sent = [match.groups() for match in BATCH_SENT.finditer(log_text)]
    if not sent:
        raise Failure("the client's log names no batch")
    wanted = "uncompressed" if codec == "none" else codec
    for count, version, used in sent:
        if version != "2":
            raise Failure(f"a batch went out in message format {version}")
        if used != wanted and not (used == "uncompressed" and int(count) <= 2):
            raise Failure(f"a batch of {count} records went out {used}, {codec} was asked for")
