"""What every scenario is given."""

from dataclasses import dataclass, replace
from pathlib import Path

from harness.install import CONFLUENT, KCAT
from harness.report import Report


@dataclass(frozen=True)
class Context:
    """The binary under test, the clients that could be installed, a folder, and the table of results.

    `cycles` says how often to repeat what is worth repeating; None leaves it to the scenario.
    """

    binary: Path
    clients: list
    folder: Path
    report: Report
    cycles: int | None = None
    # Names of producers, if only some are wanted.
    only: tuple = ()
    # Whether to write the tables of docs/clients instead of comparing with them.
    write_docs: bool = False

    def of_name(self, name):
        """The clients of one name, in all their versions."""
        return [client for client in self.clients if client.name == name]

    def of_librdkafka(self):
        """The clients that stand on librdkafka, which take its settings and say what it says."""
        return self.of_name(KCAT) + self.of_name(CONFLUENT)

    def kcat(self):
        """kcat, or None if it could not be installed; the table then says so already."""
        return next(iter(self.of_name(KCAT)), None)

    def within(self, folder):
        """The same with another folder."""
        return replace(self, folder=folder)
