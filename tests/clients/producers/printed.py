"""What producers share whose printed text is a small Python program."""

import sys

from producers.model import Outcome
from producers.worker import Worker, execute


class PythonProgram(Worker):
    """A Python library: `client-config` prints a program that sends one message and says where it went."""

    def run_printed(self, text, job):
        program = job.folder / "produce.py"
        program.write_text(text)
        execute([sys.executable, str(program)], job.folder / "client.log", self.variables(), job.folder)
        return Outcome()

    def check_printed(self, logs, job):
        said = (job.folder / "client.log").read_text()
        contents = [self.line_of(log) for log in logs]
        if contents == ['{"msg": "Hello World"}'] and f"Message delivered to {job.topic} [" in said:
            return None
        return f"stored {contents}, the program said {said[-200:]}"
