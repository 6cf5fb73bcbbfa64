"""Python libraries, each version in a folder of its own."""

import os
import shutil
import sys

from harness import install


def packages(name, requirements):
    """The folder for PYTHONPATH; complete or absent: pip writes beside it and a rename ends it."""
    folder = install.cache_folder() / f"{name}-python3.11"
    if folder.exists():
        return folder
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install.run([*command, "--root-user-action=ignore", "--target", str(partial), *requirements])
    try:
        partial.rename(folder)
    except OSError:  # Another run was faster; its folder is as good.
        shutil.rmtree(partial)
    return folder
