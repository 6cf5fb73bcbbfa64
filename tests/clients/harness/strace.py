"""Injecting faults into system calls of a server, with strace."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness import wait
from harness.report import Failure, NotAllowed

ATTACH_SECONDS = 10
# `12345 openat(...` or, with an error in the place of the result, the same: the name of the call.
CALL = re.compile(r"^(\d+)\s+(\w+)\(")


def require_it():
    """Raises if there is no strace here, or it may not trace."""
    if not shutil.which("strace"):
        raise NotAllowed("strace is not installed")
    if subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True).returncode != 0:
        raise NotAllowed("strace cannot trace here")


def wrapper(log, *injections):
    """The command before a command that injects faults into it from its start, and stays out of its way:
    the process that is started becomes the server itself.
    """
    return ["strace", "--daemonize", *options(log, injections)]


def options(log, injections):
    """Traces only what faults are injected into."""
    words = ["-f", "-qq", "--seccomp-bpf", "-o", str(log)]
    calls = sorted({call for injection in injections for call in injection.split(":")[0].split(",")})
    words += ["-e", f"trace={','.join(calls) or 'none'}"]
    for injection in injections:
        words += ["-e", f"inject={injection}"]
    return words


def recorder(log, calls):
    """The command before a command that writes down these calls, with the paths of files."""
    words = ["strace", "--daemonize", "-f", "-qq", "--seccomp-bpf", "-y", "-o", str(log)]
    return [*words, "-e", f"trace={','.join(calls)}"]
