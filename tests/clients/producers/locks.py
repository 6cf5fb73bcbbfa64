"""What only one run at a time may do on this machine."""

import fcntl
import os
import shutil
from contextlib import contextmanager

from harness import install
from harness.report import Skip


@contextmanager
def exclusive(name):
    """Keeps others out, in this process and in other ones."""
    install.cache_folder().mkdir(parents=True, exist_ok=True)
    with open(install.cache_folder() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def need(command, *packages):
    """Installs packages of Debian if a command is missing; only root can."""
    if shutil.which(command):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        words = " ".join(packages)
        raise Skip(f"{command} is missing and only root on Debian can install it: apt-get install {words}")
    with exclusive("apt"):
        install.run(["apt-get", "update"])
        install.run(["apt-get", "install", "--yes", "--no-install-recommends", *packages])
