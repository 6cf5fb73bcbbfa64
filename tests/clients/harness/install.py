"""The real clients: which versions, and how they come onto this machine."""

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.report import Skip

# Each wheel bundles the librdkafka of that version: 2.0.2 is Debian's (collectd, rsyslog), 2.3.0 is
# Vector's, 2.11.1 the first that compresses whatever Produce versions a broker lists.
CONFLUENT_VERSIONS = ["2.0.2", "2.3.0", "2.6.1", "2.11.1", "2.16.1"]
# The last one that the Go of Debian 12 can build.
SARAMA_VERSION = "1.43.3"
# Agents in Go compile for minutes on a small machine that does other things as well.
INSTALL_SECONDS = 1_800
KCAT, CONFLUENT, SARAMA = "kcat", "confluent-kafka", "sarama"
SARAMA_SOURCE = Path(__file__).resolve().parent.parent / "sarama"


@dataclass(frozen=True)
class Client:
    """One client in one version."""

    name: str
    version: str
    # Where its Python package or its program is; None for an installed command.
    package: Path | None = None

    def label(self):
        """A name that is also a Logstore name."""
        return f"{self.name}-{self.version}".replace(".", "-")


def cache_folder():
    """Where downloads are kept between runs."""
    default = Path.home() / ".cache" / "logboom" / "clients"
    return Path(os.environ.get("LOGBOOM_CLIENT_CACHE", default))


def names_and_versions():
    """What the table of clients holds; an empty version is found out after installing."""
    confluent = [(CONFLUENT, version) for version in CONFLUENT_VERSIONS]
    return [(KCAT, ""), *confluent, (SARAMA, SARAMA_VERSION)]


def install(name, version):
    """Installs one client, unless the cache has it. `Skip` says why that is impossible."""
    if name == KCAT:
        return install_kcat()
    return install_sarama(version) if name == SARAMA else install_confluent(version)


def install_kcat():
    """kcat comes from Debian; only root can install it."""
    need("kcat", "kcat")
    banner = run(["kcat", "-V"])
    return Client(KCAT, banner.split("librdkafka ")[1].split()[0])


def install_confluent(version):
    """One folder for each version, complete or absent: pip writes beside it and a rename ends it."""
    folder = cache_folder() / f"{CONFLUENT}-{version}-python3.11"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--root-user-action=ignore", "--only-binary=:all:", "--target", str(partial)]
        run([*command, f"{CONFLUENT}=={version}"])
        try:
            partial.rename(folder)
        except OSError:  # Another run was faster; its folder is as good.
            shutil.rmtree(partial)
    return Client(CONFLUENT, version, folder)


def install_sarama(version):
    """A small program around the library, built with Go into the cache."""
    need("go", "golang-go", "ca-certificates")
    program = cache_folder() / f"{SARAMA}-{version}"
    # Go's own cache makes this short when nothing has changed.
    run(["go", "build", "-buildvcs=false", "-o", str(program), "."], SARAMA_SOURCE)
    return Client(SARAMA, version, program)


@contextmanager
def exclusive(name):
    """Keeps others out, in this process and in other ones."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / f"{name}.lock", "w") as file:
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
        run(["apt-get", "update"])
        run(["apt-get", "install", "--yes", "--no-install-recommends", *packages])


def run(command, folder=None):
    """Runs a command to its end, there if a folder is given, and returns what it printed, or raises with it."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout
