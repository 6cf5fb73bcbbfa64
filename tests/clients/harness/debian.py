"""Programs of Debian, unpacked into the cache instead of installed.

Nothing on the machine changes: no service starts, and the system's own log daemon stays, which two of these
programs would replace, and each other too. Only libraries that the machine lacks are unpacked with them.
"""

import os
import shutil

from harness import install
from harness.report import Skip


def unpack(name, packages):
    """The folder that stands for `/` of these packages; complete or absent, as all of the cache."""
    root = install.cache_folder() / f"debian-{name}"
    if root.exists():
        return root
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Skip(f"{name} is taken from the packages of Debian 12; here is no apt-get")
    partial = root.with_name(f"{root.name}.{os.getpid()}.partial")
    download(packages, partial / "apt")
    for package in sorted((partial / "apt" / "archives").glob("*.deb")):
        install.run(["dpkg-deb", "--extract", str(package), str(partial / "root")])
    try:
        (partial / "root").rename(root)
    except OSError:  # Another run was faster; its folder is as good.
        pass
    shutil.rmtree(partial)
    return root


def download(packages, folder):
    """The packages and what they need, with lists and locks of our own, so no other apt is in the way."""
    for part in ["lists/partial", "archives/partial"]:
        (folder / part).mkdir(parents=True)
    settings = [
        f"Dir::State::lists={folder}/lists",
        f"Dir::Cache={folder}",
        # As root, apt would fetch as a user who may not write here.
        "APT::Sandbox::User=root",
        # The lock is for those who install.
        "Debug::NoLocking=true",
    ]
    apt = ["apt-get", "--quiet", *(word for setting in settings for word in ("-o", setting))]
    install.run([*apt, "update"])
    only_these = ["--yes", "--no-install-recommends", "--reinstall", "--download-only"]
    install.run([*apt, *only_these, "install", *packages])


def folder(root, pattern):
    """The folder of the packages that fits a pattern, as the name of the architecture differs."""
    return next(root.glob(pattern))


def environment(root):
    """Lets a program find the libraries that came with it before those of the machine."""
    patterns = ["usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/syslog-ng"]
    folders = [str(found) for pattern in patterns for found in root.glob(pattern)]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}
