"""What a producer of the table is, and what it is asked to do."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

RUN_SECONDS = 60


@dataclass(frozen=True)
class Job:
    """One run: what to send, where to, and what to set. `None` leaves a setting to the client."""

    # Also the client id, where a client lets one choose it.
    name: str
    folder: Path
    # host:port
    endpoint: str
    authority: Path
    project: str
    # AccessKeyID#AccessKeySecret
    password: str
    topic: str
    values: list
    codec: str | None = None
    idempotent: bool | None = None
    tls: bool = True
    mechanism: str = "PLAIN"
    # After this a client gives up on a record, where it has such a setting.
    give_up_ms: int = 30_000
    # How many logs the topic has, for clients that do not tell when all is delivered.
    stored: Callable = lambda: 0
    # Settings of one client that nothing above covers.
    settings: dict = field(default_factory=dict)


@dataclass
class Outcome:
    """What a producer said about a run. Programs that tell nobody leave `delivered` None."""

    # Index of the value, shard, offset; -1 where the client does not say.
    delivered: list | None = None
    # Words of the client about records that it gave up, and about connections.
    failed: list = field(default_factory=list)
    errors: list = field(default_factory=list)


class Producer(ABC):
    """One client in one version."""

    # As on the command line of `run`.
    name: str
    version: str
    # What speaks Kafka in it, with its version.
    library: str
    # Its column in the table of errors.
    family: str
    # Programs that embed the same library with the same settings and cannot be had here.
    stands_for: str = ""
    # Its argument of `client-config`.
    agent: str
    codecs: tuple = ()
    idempotence: bool = False
    # Settings with which a few records surely make one batch: where a batch that is too large is split,
    # the fate of its records depends on that.
    one_batch: ClassVar[dict] = {}
    # Further runs, as (name, changes of the job).
    further: tuple = ()

    def label(self):
        """Also the name of its project, so only lower case, digits and hyphens."""
        return re.sub(r"[^a-z0-9-]", "-", f"{self.name}-{self.version}".lower())

    @abstractmethod
    def install(self):
        """Brings it onto this machine, into the cache. `Skip` says why that is impossible."""

    @abstractmethod
    def run_printed(self, text, job):
        """Runs the output of `client-config`, word by word, and sends `job.values` if that can be chosen.

        Returns an Outcome, after everything was sent or `RUN_SECONDS` have passed.
        """

    def run(self, job):
        """One run with the settings of the job; only for clients with settings to try."""
        raise NotImplementedError

    def line_of(self, log):
        """The value that a stored log was made from; None if it is none of ours."""
        return dict(log.fields).get("content")

    def check_printed(self, logs, job):
        """Whether the logs of a printed run are what was to be sent: an error message, or None."""
        return compare([self.line_of(log) for log in logs], job.values)


def compare(stored, sent):
    """The first difference between two lists of values in any order, or None."""
    missing, extra = list(sent), []
    for value in stored:
        if value in missing:
            missing.remove(value)
        else:
            extra.append(value)
    if not missing and not extra:
        return None
    return (
        f"{len(missing)} of {len(sent)} are missing, as {str(missing[:1])[:200]}; "
        f"{len(extra)} are not ours, as {str(extra[:1])[:300]}"
    )
