"""Producers that are a library: a small program in its language does the job and reports.

The program gets the path of a JSON file: `name` (the client id), `report`, `bootstrap`, `authority` (a
PEM file), `user`, `password`, `topic`, `values` (texts), `codec` and `idempotent` (null: leave it to the
library), `tls`, `mechanism`, `give_up_ms`, `settings`. It sends the values in order and appends to
`report` one line of JSON for each thing that happens:

    {"kind": "delivered", "index": 0, "shard": 1, "offset": 7}
    {"kind": "failed", "index": 0, "code": "...", "text": "...", "after_ms": 12}
    {"kind": "error", "code": "...", "text": "...", "after_ms": 12}      of a connection, or what the library logs
    {"kind": "end"}

`after_ms` counts from the start of the program. It exits with 0 when each value was delivered or failed.
"""

import json
import os
import subprocess
from abc import abstractmethod
from dataclasses import replace

from harness import wait
from harness.report import Failure
from producers.model import RUN_SECONDS, Outcome, Producer


class Worker(Producer):
    """A library in one version, driven by a program of ours."""

    @abstractmethod
    def command(self):
        """The program, without the job."""

    def variables(self):
        """Its environment besides ours."""
        return {}

    def run(self, job):
        """Runs the program to its end."""
        job.folder.mkdir(parents=True, exist_ok=True)
        report, log = job.folder / "report.jsonl", job.folder / "client.log"
        words = {
            "name": job.name,
            "report": str(report),
            "bootstrap": job.endpoint,
            "authority": str(job.authority),
            "user": job.project,
            "password": job.password,
            "topic": job.topic,
            "values": job.values,
            "codec": job.codec,
            "idempotent": job.idempotent,
            "tls": job.tls,
            "mechanism": job.mechanism,
            "give_up_ms": job.give_up_ms,
            "settings": job.settings,
        }
        job_file = job.folder / "job.json"
        job_file.write_text(json.dumps(words, indent=1))
        code = self.perform(job_file, log)
        outcome = read_report(report)
        if code != 0 and not (outcome.failed or outcome.errors):
            raise Failure(f"{self.name} exited with {code}: {log.read_text(errors='replace')[-300:]}")
        return outcome

    def perform(self, job_file, log):
        """Lets the program do a job; its exit code."""
        return execute([*self.command(), str(job_file)], log, self.variables(), job_file.parent)


def execute(command, log, variables=None, folder=None, stdin=subprocess.DEVNULL, seconds=RUN_SECONDS):
    """Runs a program to its end and returns its exit code; raises if it takes too long."""
    with open(log, "ab") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            stdin=stdin,
            stdout=said,
            stderr=said,
        )
        try:
            wait.until(f"the end of {command[0]}", lambda: process.poll() is not None, seconds)
        finally:
            process.kill()
            process.wait()
    return process.returncode


def read_report(path):
    """What a program of ours has reported."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    kinds = {
        kind: [line for line in lines if line["kind"] == kind] for kind in ("delivered", "failed", "error")
    }
    return Outcome(kinds["delivered"], kinds["failed"], kinds["error"])


def on_host(job, host):
    """The same job with another host name."""
    return replace(job, endpoint=f"{host}:{job.endpoint.rpartition(':')[2]}")
