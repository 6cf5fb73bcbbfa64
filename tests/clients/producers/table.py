"""The table of producers: what each spoke and how it went."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

CLOSED = re.compile(r"connection closed.*")
# What the server's debug log says of a connection that ends.
FIELD = re.compile(r'\b(project|apis|batches)="([^"]*)"')
TITLES = ["client", "version", "library", "APIs and versions seen", "batches seen", "result"]


@dataclass
class Row:
    """How one producer fared."""

    producer: object
    installed: bool = False
    tried: int = 0
    passed: list = field(default_factory=list)

    def result(self):
        """In a few words."""
        if not self.installed:
            return "not installed"
        return "ok" if len(self.passed) == self.tried else f"{len(self.passed)} of {self.tried} runs"


def seen(log):
    """What connections of each project spoke: (APIs, batches) by project, each a sorted list."""
    spoken = defaultdict(lambda: (set(), set()))
    for line in CLOSED.findall(log):
        facts = dict(FIELD.findall(line))
        if "project" in facts:
            apis, batches = spoken[facts["project"]]
            apis.update(facts.get("apis", "").split())
            batches.update(facts.get("batches", "").split())
    return spoken


def merge(words):
    """`Produce/7 Produce/9` as `Produce 7, 9`."""
    versions = defaultdict(list)
    for word in words:
        name, _, version = word.partition("/")
        versions[name].append(version)
    def order(version):
        return (len(version), version)

    return "; ".join(f"{name} {', '.join(sorted(versions[name], key=order))}" for name in sorted(versions))


def lines(rows, log):
    """The cells of each row."""
    spoken = seen(log)
    for row in rows:
        one = row.producer
        apis, batches = spoken[one.label()]
        library = one.library + (f" (stands for {one.stands_for})" if one.stands_for else "")
        yield [one.name, one.version, library, merge(apis), merge(batches), row.result()]


def text(rows, log):
    """For a terminal."""
    cells = [TITLES, *lines(rows, log)]
    widths = [min(max(len(row[column]) for row in cells), 44) for column in range(len(TITLES))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def markdown(rows, log):
    """For the documentation."""
    cells = [TITLES, ["---"] * len(TITLES), *lines(rows, log)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)
