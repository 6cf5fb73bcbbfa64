"""The command line: installs the clients, runs the scenarios, prints the table."""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import producers
from harness import install, names, report
from harness.context import Context

PRODUCERS = "producers"
SCENARIOS = [
    "newcomer",
    "produce",
    PRODUCERS,
    "mistakes",
    "errors",
    "refusals",
    "reload",
    "crash",
    "restart",
    "diskfull",
    "powercut",
    "crashpoints",
    "faults",
]
# Their clients are producers, which install themselves.
SELF_INSTALLING = {PRODUCERS, "mistakes", "errors"}
REPOSITORY = Path(__file__).resolve().parents[3]


def main():
    """Returns the exit code: 0 all passed, 1 something failed, 2 it could not start."""
    options = arguments()
    names.enter_namespace()
    binary = options.binary.resolve()
    if not os.access(binary, os.X_OK):
        print(
            f"{binary} is missing: cargo build --release, or name another one with --binary",
            file=sys.stderr,
        )
        return 2
    if not shutil.which("openssl"):
        print("openssl is missing: apt-get install openssl", file=sys.stderr)
        return 2

    folder = Path(tempfile.mkdtemp(prefix="logboom-clients-"))
    table = report.Report()
    print(report.header())
    scenarios, only = chosen(options.names)
    clients = install_clients(table) if not set(scenarios) <= SELF_INSTALLING else []
    for name in scenarios:
        context = Context(binary, clients, folder / name, table, options.cycles, only, options.write_docs)
        context.folder.mkdir()
        try:
            importlib.import_module(f"scenarios.{name}").run(context)
        except Exception as problem:  # Outside of any check, as when the server does not start.
            table.broken(name, problem)

    if table.exit_code() == 0 and not options.keep:
        shutil.rmtree(folder)
    else:
        print(f"\nlogs of servers and clients: {folder}")
    print(f"\n{table.summary()}")
    return table.exit_code()


def arguments():
    """The arguments, with the release binary as the default."""
    parser = argparse.ArgumentParser(prog="tests/clients/run", description=sys.modules[__name__].__doc__)
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="write the tables of docs/clients instead of comparing with them",
    )
    known = sorted({producer.name for producer in producers.every()})
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"scenarios: {', '.join(SCENARIOS)}; or producers of the table: {', '.join(known)}",
    )
    parser.add_argument(
        "--binary", type=Path, default=default_binary(), help="the server (default: %(default)s)"
    )
    parser.add_argument(
        "--cycles", type=int, metavar="N", help="how often to crash, cut the power or inject a fault"
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs even if everything passes")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in [*SCENARIOS, *known]]
    if unknown:
        parser.error(
            f"no such scenario or producer: {', '.join(unknown)}; there are {', '.join([*SCENARIOS, *known])}"
        )
    if options.write_docs and set(options.names) & set(known):
        parser.error("--write-docs writes whole tables: name scenarios only")
    return options


def chosen(wanted):
    """The scenarios to run, and the producers if only some are wanted."""
    scenarios = [name for name in wanted if name in SCENARIOS]
    only = tuple(name for name in wanted if name not in SCENARIOS)
    if only and not SELF_INSTALLING & set(scenarios):
        scenarios.append(PRODUCERS)
    return scenarios or SCENARIOS, only


def default_binary():
    """$LOGBOOM_BINARY, or what `cargo build --release` makes."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return Path(os.environ.get("LOGBOOM_BINARY", target / "release" / "logboom-smol"))


def install_clients(table):
    """All clients that can be had on this machine; the table tells of the others."""
    clients = []
    for name, version in install.names_and_versions():
        with table.check(name, version, "install") as notes:
            client = install.install(name, version)
            clients.append(client)
            notes.append(f"librdkafka {client.version}" if name == install.KCAT else str(client.package))
    return clients


if __name__ == "__main__":
    sys.exit(main())
