"""The table of producers: what each spoke and how it went."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

CLOSED = re.compile(r"connection closed.*")
# What the server's debug log says of a connection that ends.
# In the log for people (`apis="..."`) or for machines (`"apis":"..."`).
FIELD = re.compile(r'\b(project|apis|batches)(?:=|":)"([^"]*)"')
TITLES = ["client", "library", "stands for", "APIs and versions", "batches"]
WIDTH_MAX = 60


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
    return "; ".join(f"{name} {', '.join(sorted(versions[name], key=order))}" for name in sorted(versions))


def order(version):
    """9 comes before 10, and none before gzip."""
    return (len(version), version) if version.isdigit() else (0, version)


def cells(row, spoken):
    """A row of the table; its first cell is unlike that of any other."""
    one = row.producer
    apis, batches = spoken[one.label()]
    return [f"{one.name} {one.version}", one.library, one.stands_for, merge(apis), merge(batches)]


def text(rows, spoken):
    """For a terminal, with the results."""
    lines = [[*TITLES, "result"], *([*cells(row, spoken), row.result()] for row in rows)]
    widths = [min(max(len(line[column]) for line in lines), WIDTH_MAX) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(rows, spoken):
    """For the documentation."""
    lines = [TITLES, ["---"] * len(TITLES), *(cells(row, spoken) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
