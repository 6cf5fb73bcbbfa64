"""A Java program that does one job after another, since starting Java costs more than a job."""

import select
import subprocess
import threading

from harness.report import Failure
from producers.model import RUN_SECONDS


class Jvm:
    """Started for the first job, and again if it has ended. It ends with us, as its standard input does."""

    def __init__(self):
        self.process = None
        # Jobs wait for one another.
        self.lock = threading.Lock()

    def perform(self, command, job_file, log):
        """Does a job; the exit code of the program, 0 if it goes on."""
        with self.lock:
            if self.process is None:
                self.process = start(command, job_file.parent / "java.log")
            self.process.stdin.write(f"{job_file}\t{log}\n".encode())
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], RUN_SECONDS)[0]:
                self.process.kill()
            said = self.process.stdout.readline()
            if said == b"done\n":
                return 0
            process, self.process = self.process, None
            code = process.wait()
        if code < 0:
            raise Failure(f"{job_file} took more than {RUN_SECONDS} s")
        return code


def start(command, log):
    """The program; what Java itself complains about goes to a file."""
    with open(log, "ab") as file:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
