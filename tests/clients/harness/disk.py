"""Small file systems of our own: one in memory that can be filled, one whose power can be cut."""

import fcntl
import os
import shutil
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness import wait
from harness.report import NotAllowed

# From fs/ext4/ext4.h: the file system is shut down at once, as if the machine had lost its power.
EXT4_IOC_SHUTDOWN = 0x8004587D
# What is in memory of the journal is written before (LOGFLUSH), or not even that (NOLOGFLUSH).
FLUSH_JOURNAL, FLUSH_NOTHING = 1, 2
UNMOUNT_SECONDS = 20


@contextmanager
def in_memory(folder, mib):
    """A tmpfs of that size; only root can mount one."""
    folder.mkdir()
    mount(["-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)])
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class PowerCutDisk:
    """An ext4 in a file, mounted over a loop device."""

    def __init__(self, folder, mib, options):
        self.folder = folder
        self.image = image_folder(folder) / f"{os.getpid()}-{folder.parent.name}.img"
        self.options = options
        self.is_mounted = False
        folder.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)
        try:
            tool(["mkfs.ext4", "-q", "-F", "-m", "0", str(self.image)])
            self.mount()
        except BaseException:
            self.image.unlink()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self.image.unlink()

    def mount(self):
        """Mounts it; the file system recovers its journal."""
        mount(["-t", "ext4", "-o", f"loop,{self.options}", str(self.image), str(self.folder)])
        self.is_mounted = True

    def clear(self):
        """Removes everything, durably."""
        for path in self.folder.iterdir():
            if path.name != "lost+found":
                shutil.rmtree(path)
        tool(["sync", "--file-system", str(self.folder)])

    def cut(self, flag=FLUSH_NOTHING):
        """From now on nothing reaches the disk, and everything that would fails with EIO."""
        directory = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", flag))
        except OSError as problem:
            raise NotAllowed(f"ext4 cannot be shut down here: {problem.strerror}") from problem
        finally:
            os.close(directory)

    def power_on(self):
        """Forgets everything that is in memory, and mounts what is on the disk."""

        def unmounted():
            return subprocess.run(["umount", str(self.folder)], capture_output=True).returncode == 0

        wait.until(f"unmounting {self.folder}", unmounted, UNMOUNT_SECONDS)
        self.is_mounted = False
        self.mount()


def image_folder(folder):
    """Memory, if there is any: what counts is what ext4 has written into the image, not where that is kept."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else folder.parent


def mount(arguments):
    """Mounts something, or says why that is not possible here."""
    if os.geteuid() != 0:
        raise NotAllowed("only root can mount a small file system")
    done = tool(["mount", *arguments], check=False)
    if done.returncode != 0:
        raise NotAllowed(f"a small file system cannot be mounted here: {done.stderr.strip()}")


def tool(command, check=True):
    """Runs a tool of the system, or says that it is missing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=check)
    except FileNotFoundError as problem:
        raise NotAllowed(f"{command[0]} is not installed") from problem
