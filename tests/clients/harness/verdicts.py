"""Tables of what clients do, as the documents in docs/clients keep them.

CI compares what it sees with the tables that are kept; `--write-docs` writes what was seen.
"""

import re
from pathlib import Path

from harness.report import require

DOCUMENTS = Path(__file__).resolve().parents[3] / "docs" / "clients"
# Which document has the tables of which scenario.
DOCUMENT_OF = {"mistakes": "errors.md", "faults": "errors.md", "producers": "README.md"}
SHORT = 150


def tells(text, pattern):
    """Whether a client's words name the mistake."""
    return re.search(pattern, text) is not None


def short(text):
    """One line, cut, without what differs from run to run."""
    text = " ".join(text.split())
    text = re.sub(r"(localhost|127\.0\.0\.1|::1)([:\]/]+)\d{4,5}", r"\1\2PORT", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


def escape(text):
    """Fit for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def grid(corner, rows, columns, cell):
    """A Markdown table."""
    lines = [[corner, *columns], ["---"] * (len(columns) + 1)]
    lines += [[row, *(cell(row, column) for column in columns)] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def families_of(cells):
    """In the order in which they were tried."""
    return list(dict.fromkeys(cell.family for cell in cells))


def fault_tables(cells, faults):
    """Verdicts, then words and times."""
    by_place = {(faults[cell.fault], cell.family): cell for cell in cells}
    verdict = grid(
        "error", faults.values(), families_of(cells), lambda row, column: by_place[row, column].verdict
    )
    words = "".join(
        f"| {faults[cell.fault]} | {cell.family} | {cell.after_ms} | {escape(cell.words)} |\n"
        for cell in cells
    )
    return verdict + "\n| error | family | after ms | words |\n| --- | --- | --- | --- |\n" + words


def mistake_tables(cells, mistakes):
    """Whether there are words, then the words."""
    by_place = {(cell.mistake.title, cell.family): cell for cell in cells}
    titles = [mistake.title for mistake in mistakes]
    told = grid("mistake", titles, families_of(cells), lambda row, column: by_place[row, column].verdict())
    words = "".join(
        f"| {cell.mistake.title} | {cell.family} | {cell.after_ms or ''} | {escape(cell.words)} |\n"
        for cell in cells
    )
    return told + "\n| mistake | family | after ms | words |\n| --- | --- | --- | --- |\n" + words


def keep(context, name, tables):
    """Writes the tables into the document between their marks, if that was asked for."""
    if context.write_docs:
        begin, end = marks(name)
        document = DOCUMENTS / DOCUMENT_OF[name]
        before, rest = document.read_text().split(begin)
        after = rest.split(end)[1]
        document.write_text(f"{before}{begin}\n{tables}{end}{after}")


def check(context, name, row, column, seen):
    """Fails if the document says something else about this cell."""
    if context.write_docs:
        return
    document = DOCUMENT_OF[name]
    kept = documented((DOCUMENTS / document).read_text(), name).get((row, column))
    require(kept == seen, f"docs/clients/{document} says `{kept}`, seen was `{seen}`")


def documented(text, name):
    """The first table between the marks, as {(row, column): cell}."""
    begin, end = marks(name)
    section = text.split(begin)[1].split(end)[0].strip()
    table = section.split("\n\n")[0].splitlines()
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table]
    columns = lines[0][1:]
    return {
        (line[0], column): cell for line in lines[2:] for column, cell in zip(columns, line[1:], strict=True)
    }


def marks(name):
    """Comments around the tables of one scenario."""
    return f"<!-- {name}: written by tests/clients/run -->", f"<!-- end of {name} -->"
