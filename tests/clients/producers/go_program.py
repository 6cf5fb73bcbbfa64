"""Programs of Go modules, compiled into the cache."""

import re
import shutil

from harness import install
from harness.report import Skip


def need_go(minor):
    """`Skip` unless Go 1.`minor` or newer is here; Debian's may be older, and nobody else installs one."""
    install.need("go", "golang-go", "ca-certificates")
    found = re.search(r"go1\.(\d+)", install.run(["go", "version"]))
    if not found or int(found[1]) < minor:
        raise Skip(f"Go 1.{minor} or newer is needed to compile it")


def compiled(name, compile_into):
    """The program of that name in the cache, complete or absent: `compile_into` gets a folder of its own."""
    folder = install.cache_folder() / name
    if not folder.exists():
        # One at a time: each keeps all cores busy.
        with install.exclusive("go"):
            if not folder.exists():
                partial = folder.with_name(f"{name}.partial")
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                compile_into(partial)
                partial.rename(folder)
    return next(folder.iterdir())
