"""What the tables of the documentation say of one word: an alarm, an error code, a setting."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PAGES: Final = ("operations", "settings")
"""Pages whose tables say in a row each what a word in the first column means."""
_BETWEEN: Final = re.compile(r"(?<!\\)\|")
_NAME: Final = re.compile(r"`([^`]+)`")
_ABOVE: Final = ("as above", "同上")
"""What a cell says that means the one above it, which who sees one row does not see."""


@dataclass(frozen=True)
class Term:
    """One row of a table."""

    names: tuple[str, ...]
    """What its first cell has in code: the names of an alarm, or the error codes of one meaning."""
    heading: str
    first: str
    """The first cell, as Markdown."""
    cells: tuple[tuple[str, str], ...]
    """Name of the column → cell, as Markdown, without the first."""

    def markdown(self, colon: str) -> str:
        """Return the row as paragraphs: a table is wider than a terminal.

        :param colon: what stands behind the name of a column.
        """
        told = "\n\n".join(f"**{name}**{colon}{cell}" for name, cell in self.cells if cell)
        return f"# {self.first}\n{told}\n"


def find(word: str, text: str) -> list[Term]:
    """Return the rows of a page that tell of a word; of a dotted code, else those of its longest prefix.

    Capitals make no difference, and of a code what follows its last dot is enough.

    :param text: a page, as Markdown.
    """
    terms = list(_terms(text))
    wanted = word.casefold()
    told = [each for each in terms if wanted in map(str.casefold, each.names)]
    if not told:
        told = [each for each in terms if wanted in (_last(name) for name in each.names)]
    while not told and "." in wanted:
        wanted = wanted.rpartition(".")[0]
        told = [each for each in terms if wanted in map(str.casefold, each.names)]
    return told


def _last(name: str) -> str:
    return name.casefold().rpartition(".")[2]


def names(text: str) -> set[str]:
    """Return the words that a page's tables tell of."""
    return {name for each in _terms(text) for name in each.names}


def _terms(text: str) -> Iterator[Term]:
    heading, columns, above = "", list[str](), list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            columns, above = [], []
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in _BETWEEN.split(line.strip()[1:-1])]
        if not columns:
            columns = cells
            continue
        above = [_whole(*pair) for pair in itertools.zip_longest(cells, above, fillvalue="")]
        if cells[0].startswith("`") and (found := tuple(_NAME.findall(cells[0]))):
            yield Term(found, heading, cells[0], tuple(zip(columns[1:], above[1:], strict=False)))


def _whole(cell: str, above: str) -> str:
    """Return a cell with the one above it where it means that."""
    means = next((words for words in _ABOVE if words in cell), None)
    return cell if means is None else above + cell.rpartition(means)[2]
