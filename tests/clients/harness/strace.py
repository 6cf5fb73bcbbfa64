"""Injecting faults into system calls of a server, with strace."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

from harness import tracing, wait
from harness.report import NotAllowed

ATTACH_SECONDS, INJECT_SECONDS = 10, 10
# A line begins with the name of the call, after the thread if there are several.
CALL = re.compile(r"^(\w+)\(")
INJECTED = "(INJECTED)"
# Calls that change what is on a disk, or decide about it, in the words of strace.
CHANGES = ["mkdir", "fallocate", "fdatasync", "fsync", "ftruncate", "pwritev", "rename", "unlink"]
READS = ["flock", "getdents64", "pread64"]
OPENS = ["openat"]


@dataclass(frozen=True)
class Point:
    """The `number`th call of that name that a thread makes, from 1.

    `text` is how strace shows it, with paths from the folder of interest on.
    """

    call: str
    number: int
    text: str

    def injection(self, fault):
        """What to tell strace: `fault` is error=EIO, signal=SIGKILL and the like."""
        return f"{self.call}:{fault}:when={self.number}"


def require_it():
    """Raises if there is no strace here, or it may not trace."""
    if not shutil.which("strace"):
        raise NotAllowed("strace is not installed")
    if subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True).returncode != 0:
        raise NotAllowed("strace cannot trace here")


def wrapper(log, *injections, all_threads=False):
    """The command before a command that injects faults into it from its start, and stays out of its way:
    the process that is started becomes the server itself.

    Without `all_threads` only into the first thread, which is the one that opens the store.
    """
    follow = ["-f", "--seccomp-bpf"] if all_threads else []
    return ["strace", "--daemonize", *follow, *options(log, injections)]


def recorder(log, calls):
    """The command before a command that writes down these calls of its first thread, with paths of files."""
    return ["strace", "--daemonize", "-qq", "-y", "-o", str(log), "-e", f"trace={','.join(calls)}"]


def options(log, injections):
    """Traces only what faults are injected into."""
    calls = sorted({injection.split(":")[0] for injection in injections})
    words = ["-qq", "-y", "-o", str(log), "-e", f"trace={','.join(calls)}"]
    for injection in injections:
        words += ["-e", f"inject={injection}"]
    return words


def points(log, folder):
    """The calls that a recorded thread made to what is in `folder`."""
    counts, found = {}, []
    for line in log.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if match:
            call = match.group(1)
            counts[call] = counts.get(call, 0) + 1
            if str(folder) in line:
                found.append(Point(call, counts[call], line.replace(str(folder), "")))
    return found


@contextmanager
def attached(server, log, injection, path=None):
    """Injects a fault into the threads of a running server that commit, as long as the block runs.

    With a `path` only into calls for that file.
    """
    committers = tracing.committers(server.process.pid)
    only = ["-P", str(path)] if path else []
    attach = [word for tid in committers for word in ("-p", str(tid))]
    command = ["strace", *options(log, [injection]), *only, *attach]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait.until(
            "the attaching of strace",
            lambda: (
                all(tracing.is_traced(server.process.pid, tid) for tid in committers)
                or tracer.poll() is not None
            ),
            ATTACH_SECONDS,
        )
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def was_injected(log):
    """Whether the fault has happened."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return INJECTED in text or "+++ killed by" in text


def require_injected(log, what, seconds=INJECT_SECONDS):
    """A case in which nothing was injected has shown nothing."""
    wait.until(f"injecting {what}", lambda: was_injected(log), seconds)
