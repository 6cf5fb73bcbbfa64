"""Writes that are cut short by the kernel's own doing: fewer bytes than asked for are written, and it says so.

strace can only pretend a result. Here the request itself is made smaller before the kernel sees it.
"""

import ctypes
import os
import platform
import random
import struct
import threading
from contextlib import contextmanager

from harness import tracing
from harness.report import NotAllowed

# From sys/ptrace.h, sys/user.h and asm/unistd_64.h of x86-64.
PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSCALL = 12, 13, 24
PTRACE_O_TRACESYSGOOD = 1
SYSCALL_STOP = 0x85
REGISTERS = 27
RDX, RSI, ORIG_RAX = 12, 13, 15
PWRITEV = 296
BLOCK = 4096


class Shortener(threading.Thread):
    """Cuts the next writes of a thread short, each somewhere else. `cut` counts them."""

    def __init__(self, tid, seed):
        super().__init__(daemon=True)
        self.tid = tid
        self.dice = random.Random(seed)
        self.cut = 0
        self.problem = None

    def run(self):
        try:
            self.trace()
        except (OSError, NotAllowed) as problem:
            self.problem = problem

    def trace(self):
        """Follows the thread from system call to system call until it ends."""
        if not tracing.call(tracing.PTRACE_SEIZE, self.tid, PTRACE_O_TRACESYSGOOD):
            return
        tracing.call(tracing.PTRACE_INTERRUPT, self.tid)
        with open(f"/proc/{self.tid}/mem", "r+b", buffering=0) as memory:
            entering = True
            restore = None
            while True:
                _, status = os.waitpid(self.tid, tracing.WAIT_FOR_ANY_THREAD)
                if not os.WIFSTOPPED(status):
                    return
                if os.WSTOPSIG(status) == SYSCALL_STOP:
                    restore = self.shorten(memory) if entering else restore and put_back(memory, *restore)
                    entering = not entering
                tracing.call(PTRACE_SYSCALL, self.tid)

    def shorten(self, memory):
        """Leaves a part of the first slice of a write. Returns where its length is, and what it was."""
        registers = (ctypes.c_ulonglong * REGISTERS)()
        tracing.call(PTRACE_GETREGS, self.tid, ctypes.addressof(registers))
        if registers[ORIG_RAX] != PWRITEV:
            return None
        place = registers[RSI] + 8
        memory.seek(place)
        (length,) = struct.unpack("Q", memory.read(8))
        if length < 2:
            return None
        part = self.dice.randrange(1, length)
        # Around the page cache only whole blocks can be written; a part of one is refused.
        if part > BLOCK and self.dice.random() < 0.5:
            part -= part % BLOCK
        put_back(memory, place, part)
        registers[RDX] = 1
        tracing.call(PTRACE_SETREGS, self.tid, ctypes.addressof(registers))
        self.cut += 1
        return place, length


def put_back(memory, place, length):
    """Writes the length of a slice."""
    memory.seek(place)
    memory.write(struct.pack("Q", length))


@contextmanager
def short_writes(server, seed):
    """Every write of the threads that commit is cut short. The server ends with the block: a thread that
    has nothing to do cannot be let go."""
    if platform.machine() != "x86_64":
        raise NotAllowed("writes can be cut short on x86-64 only")
    shorteners = [Shortener(tid, seed + tid) for tid in tracing.committers(server.process.pid)]
    for shortener in shorteners:
        shortener.start()
    try:
        yield shorteners
    finally:
        server.kill()
        for shortener in shorteners:
            shortener.join()
    for shortener in shorteners:
        if shortener.problem:
            raise shortener.problem
