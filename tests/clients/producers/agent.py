"""Real agents: a configuration, a log, and an end that somebody has to ask for."""

import os
import re
import subprocess
import time
from abc import abstractmethod

from harness import wait
from producers.ending import end
from producers.model import RUN_SECONDS, Outcome, Producer

END_SECONDS = 10


class Agent(Producer):
    """A program that runs until it is told to end."""

    # In its log: somebody should know of this.
    trouble = r"\sE!\s|\b(?:ERROR|WARN)\b"

    @abstractmethod
    def configuration(self, job):
        """In a run with other settings: what stands for the output of `client-config`."""

    @abstractmethod
    def start(self, text, job):
        """Writes `text` with an input before it, and what is to be read; returns the command."""

    @abstractmethod
    def finished(self, log, job):
        """Whether the log says that everything was sent."""

    def variables(self):
        """Its environment besides ours."""
        return {}

    def run_printed(self, text, job):
        return self.serve(self.start(text, job), job)

    def run(self, job):
        job.folder.mkdir(parents=True, exist_ok=True)
        return self.serve(self.start(self.configuration(job), job), job)

    def serve(self, command, job):
        """From its start until it has sent everything, has ended by itself, or the job's time is over."""
        log = job.folder / "client.log"
        started = time.monotonic()
        with open(log, "wb") as said:
            process = subprocess.Popen(
                command,
                cwd=job.folder,
                env={**os.environ, **self.variables()},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        done = False

        def over():
            nonlocal done
            done = self.finished(log.read_text(errors="replace"), job)
            return done or process.poll() is not None

        try:
            wait.until(f"{self.name} has sent everything", over, min(RUN_SECONDS, job.give_up_ms / 1000))
        except wait.Late:
            pass  # Its log says why.
        finally:
            end(process, END_SECONDS)
        after_ms = int((time.monotonic() - started) * 1000)
        lines = [
            line for line in log.read_text(errors="replace").splitlines() if re.search(self.trouble, line)
        ]
        errors = [{"code": "", "text": line, "after_ms": after_ms} for line in lines]
        silence = {"code": "", "text": "not everything was sent, without a word", "after_ms": after_ms}
        return Outcome(failed=[] if done else errors[-1:] or [silence], errors=errors)
