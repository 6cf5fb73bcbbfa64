"""Holding threads of a server in place, with ptrace."""

import ctypes
import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.report import NotAllowed

# From sys/ptrace.h and bits/waitflags.h.
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WAIT_FOR_ANY_THREAD = 0x40000000
COMMITTER = "logboom-commit"

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def threads(pid):
    """The names of the threads of a process, by their ids."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = (task / "comm").read_text().strip()
        except FileNotFoundError:  # It has ended.
            continue
    return found


def committers(pid):
    """The threads of a server that commit."""
    return [tid for tid, name in threads(pid).items() if name == COMMITTER]


@contextmanager
def only_thread(name, process):
    """Stops all threads of a process but those of that name, and kills it in the end."""
    held = set()
    try:
        while new := [tid for tid, comm in threads(process.pid).items() if comm != name and tid not in held]:
            for tid in new:
                held.add(tid)
                if call(PTRACE_SEIZE, tid) and call(PTRACE_INTERRUPT, tid):
                    os.waitpid(tid, WAIT_FOR_ANY_THREAD)
        yield
    finally:
        process.kill()
        # A process is gone only when whoever traces its threads has taken note of the end of each.
        for tid in held - {process.pid}:
            with suppress(ChildProcessError):
                os.waitpid(tid, WAIT_FOR_ANY_THREAD)
        process.wait()


def call(request, tid, data=None):
    """One call of ptrace for a thread. False if the thread has ended."""
    if libc.ptrace(request, tid, None, data) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.ESRCH:
        return False
    if code == errno.EPERM:
        raise NotAllowed("threads cannot be traced here")
    raise OSError(code, os.strerror(code))


def is_stopped(pid):
    """Whether a signal has stopped every thread of a process."""
    states = [state(pid, tid) for tid in threads(pid)]
    return all(one in ("T", None) for one in states)


def state(pid, tid):
    """The letter for what a thread does, as in ps(1); None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/task/{tid}/stat").read_text()
    except FileNotFoundError:
        return None
    return stat.rpartition(")")[2].split()[0]


def is_traced(pid, tid):
    """Whether somebody traces a thread."""
    try:
        status = Path(f"/proc/{pid}/task/{tid}/status").read_text()
    except FileNotFoundError:
        return False
    return "TracerPid:\t0\n" not in status
