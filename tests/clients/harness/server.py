"""One logboom server as a process: start, reload, stop, kill, and read what it has stored."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import stored, wait
from harness.report import Failure

READY_SECONDS = 30
ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):(\d+)")


class Server:
    """A server in its own working folder. Its log goes on across restarts, in one file."""

    def __init__(self, binary, folder, arguments, config=None):
        self.binary = str(binary)
        self.folder = Path(folder)
        self.arguments = arguments
        self.config = config
        self.log = self.folder / "server.log"
        self.process = None
        self.started_at = 0
        self.port = None
        # A listening socket that outlives the process; without it, the server binds its own.
        self.socket = None
        self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self, wrapper=()):
        """Starts the server and returns when it says that it is ready."""
        self.spawn(wrapper)
        self.wait_until_ready()

    def spawn(self, wrapper=()):
        """Starts the process, by a command that becomes it if there is a `wrapper`."""
        self.started_at = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, *inheriting(self.socket), self.binary, "serve", *self.arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                pass_fds=[self.socket.fileno()] if self.socket else [],
            )

    def wait_until_ready(self):
        """Returns when the server says that it is ready, and learns its port."""
        ready = wait.until(f"`ready` in {self.log}", self.ready_line, READY_SECONDS)
        address = ADDRESS.search(ready) or ADDRESS.search(self.log_text())
        if not address:
            raise Failure(f"the ready line names no address: {ready}")
        self.port = int(address.group(1))

    def ready_line(self):
        """The line that says that this start is over, once it is there."""
        if self.process.poll() is not None:
            raise Failure(f"serve exited with {self.process.returncode}: {self.log_text()[-2000:]}")
        complete = self.log_text().rpartition("\n")[0].splitlines()
        return next((line for line in complete if re.search(r"\bready\b", line)), None)

    def log_text(self):
        """What the server has printed since its last start."""
        with open(self.log, "rb") as log:
            log.seek(self.started_at)
            return log.read().decode(errors="replace")

    def signal(self, number):
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self):
        """kill -9, as a crash does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart_seconds(self):
        """Starts again after a kill; returns how long it took to be ready."""
        began = time.monotonic()
        self.start()
        return time.monotonic() - began

    def interrupt(self, seconds):
        """Ctrl-C; returns the exit code, or raises after `seconds`."""
        return self.end(signal.SIGINT, seconds)

    def end(self, number, seconds):
        """Ends it by a signal; returns the exit code, or raises after `seconds`."""
        self.signal(number)
        return self.wait_for_end(seconds)

    def wait_for_end(self, seconds):
        """The exit code of a server that ends by itself; raises after `seconds`."""
        return wait.until("the end of the server", lambda: exit_code(self.process), seconds)[0]

    def is_running(self):
        """Whether the process that was started is still there."""
        return self.process.poll() is None

    def command(self, *arguments, stdin=None, seconds=120):
        """Runs another command of the same binary in the server's folder."""
        return subprocess.run(
            [self.binary, *arguments],
            cwd=self.folder,
            input=stdin,
            env=environment(),
            capture_output=True,
            timeout=seconds,
        )

    def read(self, logstore):
        """Everything that is stored in `project/logstore`, in the order in which it is printed."""
        return list(self.read_each(logstore))

    def read_each(self, logstore):
        """As `read`, one log after the other, of which only one is held in memory."""
        where = ["--config", str(self.config)] if self.config else []
        options = ["--from", "earliest", "--format", "json", "--with-offsets"]
        command = [self.binary, "read", logstore, *options, *where]
        errors = self.folder / "read.log"
        with (
            open(errors, "wb") as said,
            subprocess.Popen(
                command, cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=said
            ) as process,
        ):
            for line in process.stdout:
                yield stored.parse(line)
        if process.returncode != 0:
            raise Failure(f"read {logstore} exited with {process.returncode}: {errors.read_text()[-500:]}")


def inheriting(listener):
    """What to put before a command so that it gets the socket by the protocol of systemd.

    LISTEN_PID must be the process that will run the command, so it is set behind the fork.
    """
    if not listener:
        return []
    place = f"3<&{listener.fileno()} {listener.fileno()}<&-"
    return ["bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" {place}', "bash"]


def listen():
    """A listening socket on any free port, for a server to inherit."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        # Away from 3, which is where the server finds it.
        return socket.socket(fileno=fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, 10))


def exit_code(process):
    """The exit code in a tuple, so that 0 counts as an answer; None while it runs."""
    code = process.poll()
    return None if code is None else (code,)


def environment():
    """The caller's environment without logboom's own variables, and without colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOGBOOM_")}
    return {**kept, "NO_COLOR": "1", "RUST_BACKTRACE": "1"}
