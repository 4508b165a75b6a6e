"""What the command line prints: tables, and one line per record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from vindrop.domain.columns import Field, fields
from vindrop.domain.records import DEAD_LETTER, READING, TYPES, DeadLetter, Reading
from vindrop.domain.vin import Verdict

COLOURS: Final = {
    Verdict.VERIFIED: "bold green",
    Verdict.PLAUSIBLE: "cyan",
    Verdict.DOUBTFUL: "bold yellow",
}

_NO_OBJECT: Final = "(an event without an object)"


def console(*, error: bool = False) -> Console:
    """Return the console; colours and bars only where somebody is looking."""
    return Console(stderr=error, highlight=False)


_LAYOUT: Final[dict[str, dict[str, Any]]] = {
    "photo": {"overflow": "ellipsis", "no_wrap": True, "min_width": 16},
    "VIN": {"no_wrap": True, "style": "bold"},
    "verdict": {"no_wrap": True, "min_width": 9},
    "maker": {"overflow": "ellipsis", "max_width": 22},
    "year": {"justify": "right", "no_wrap": True, "min_width": 4},
    "seconds": {"justify": "right", "no_wrap": True, "min_width": 7},
    "code": {"style": "red", "overflow": "fold"},
}
"""Heading → how its column is laid out, where it is not by the default."""


def readings_table(readings: Iterable[Reading], marks: dict[str, str] | None = None) -> Table:
    """Return a table of readings.

    :param marks: key → a mark for the first column, such as a tick for one that is known right.
    """
    first = [] if marks is None else [Column("")]
    table, shown = _table(READING, first)
    for reading in readings:
        mark = [] if marks is None else [marks.get(reading.upload.key, " ")]
        table.add_row(*mark, *(_cell(field, reading) for field in shown))
    return table


def dead_letters_table(letters: Iterable[DeadLetter], *, ids: bool = False) -> Table:
    """Return a table of dead letters with their reasons.

    :param ids: with how each identity begins, enough to name one in a command.
    """
    table, shown = _table(DEAD_LETTER, [Column("id", style="dim", no_wrap=True)] if ids else [])
    for letter in letters:
        identity = [letter.id[:12]] if ids else []
        table.add_row(*identity, *(_cell(field, letter) for field in shown))
    return table


def _table(kind: str, first: list[Column]) -> tuple[Table, list[Field]]:
    """Return a table with the columns that the record declares as shown, the photo ahead."""
    table = Table(*first, box=None, pad_edge=False, header_style="dim", title_justify="left")
    found = [field for field in fields(TYPES[kind]) if field.shown]
    found.sort(key=lambda field: field.path != ("upload", "key"))
    for field in found:
        heading = field.shown.heading if field.shown else ""
        table.add_column(heading, **_LAYOUT.get(heading, {"overflow": "fold"}))
    return table, found


def _cell(field: Field, record: Reading | DeadLetter) -> str | Text:
    value = field.value(record)
    if value is None:
        return "–" if record.upload else _NO_OBJECT
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(record, Reading) and field.path == ("verdict",):
        return Text(str(value), style=COLOURS[record.verdict])
    return Text(str(value))


def reading_line(reading: Reading) -> Text:
    """Return one line for a reading that has just landed."""
    year = f" · {reading.model_year}" if reading.model_year else ""
    return Text.assemble(
        ("✓ ", "green") if reading.verdict is not Verdict.DOUBTFUL else ("? ", "yellow"),
        (reading.vin, "bold"),
        "  ",
        (f"{reading.verdict.value:<9}", COLOURS[reading.verdict]),
        "  ",
        reading.upload.key,
        (f"  {reading.maker or ''}{year}", "dim"),
    )


def dead_letter_line(letter: DeadLetter) -> Text:
    """Return one line for a dead letter that has just landed."""
    name = letter.upload.key if letter.upload else _NO_OBJECT
    return Text.assemble(
        ("✗ ", "red"), (letter.code, "red"), f"  {name}", (f"  {letter.message}", "dim")
    )


def totals_table(rows: Sequence[tuple[str, object]]) -> Table:
    """Return figures, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    for name, value in rows:
        table.add_row(name, str(value))
    return table


def settings_table(rows: Iterable[tuple[str, str, str]]) -> Table:
    """Return a table of settings: variable, default, what it is."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("variable", style="bold", no_wrap=True)
    table.add_column("default", overflow="fold", max_width=26)
    table.add_column("what it is", overflow="fold")
    for variable, default, about in rows:
        table.add_row(variable, default, Text(about))
    return table
