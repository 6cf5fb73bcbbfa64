"""The table of results, and the exit code that follows from it."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass

# The logs have the rest.
DETAIL_MAX = 400
PASSED, FAILED, SKIPPED = "ok", "FAILED", "skipped"


class Failure(Exception):
    """What a client or the server did is not what the scenario demands."""


class Skip(Exception):
    """This machine lacks something that the scenario needs."""


class NotAllowed(Skip):
    """This machine does not allow it, as a container without mounts: no fault of whoever set it up."""


def require(condition, message):
    """Fails the current check with `message` unless `condition` holds."""
    if not condition:
        raise Failure(message)


@dataclass
class Row:
    client: str
    version: str
    scenario: str
    result: str
    seconds: float
    detail: str


class Report:
    """Collects one row per check and prints it at once, so that a long run shows where it is."""

    def __init__(self):
        self.rows = []
        self.not_allowed = 0

    @contextmanager
    def check(self, client, version, scenario):
        """Runs one check; an exception inside becomes its result instead of ending the run.

        The block may add words to the row through the list that it is given.
        """
        started = time.monotonic()
        notes = []
        result = PASSED
        try:
            yield notes
        except Skip as reason:
            self.not_allowed += isinstance(reason, NotAllowed)
            result, notes = SKIPPED, [str(reason)]
        except Exception as problem:  # Whatever broke, the other checks still say something.
            result, notes = FAILED, [describe(problem)]
        seconds = time.monotonic() - started
        self.add(Row(client, version, scenario, result, seconds, "; ".join(notes)))

    def broken(self, scenario, problem):
        """Records that a scenario ended outside of its checks."""
        self.add(Row("all", "", scenario, FAILED, 0, describe(problem)))

    def add(self, row):
        """Adds a row and prints it."""
        self.rows.append(row)
        print(format_row(row), flush=True)

    def count(self, result):
        """How many checks ended with `result`."""
        return sum(row.result == result for row in self.rows)

    def exit_code(self):
        """0 if all passed. In CI a skipped check is a failure, unless the machine does not allow it:
        nobody reads there what could have been installed.
        """
        in_ci = os.environ.get("CI") == "true"
        bad = self.count(FAILED) + (self.count(SKIPPED) - self.not_allowed if in_ci else 0)
        return 1 if bad or not self.rows else 0

    def summary(self):
        """The closing line; CI systems read it."""
        line = f"{self.count(PASSED)} passed, {self.count(FAILED)} failed"
        skipped = self.count(SKIPPED)
        return f"{line}, {skipped} skipped" if skipped else line


def describe(problem):
    """The words of a failure on one line; anything unexpected also gets its type."""
    words = str(problem) if isinstance(problem, Failure) else f"{type(problem).__name__}: {problem}"
    words = " ".join(words.split())
    return words if len(words) <= DETAIL_MAX else f"{words[:DETAIL_MAX]} ..."


def header():
    """The first line of the table."""
    return f"{'client':<16} {'version':<8} {'scenario':<34} {'result':<8} {'s':>6}  detail"


def format_row(row):
    """One line of the table."""
    return (
        f"{row.client:<16} {row.version:<8} {row.scenario:<34} {row.result:<8}"
        f" {row.seconds:>6.1f}  {row.detail}"
    ).rstrip()
