"""How people see it: tables, a progress bar, one line per reading. With ``--json``, one object a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.vin import Verdict

COLOURS: Final = {
    Verdict.VERIFIED: "bold green",
    Verdict.PLAUSIBLE: "cyan",
    Verdict.DOUBTFUL: "bold yellow",
}


def console(*, error: bool = False) -> Console:
    """Return the console; colours and bars only where somebody is looking."""
    return Console(stderr=error, highlight=False)


def readings_table(readings: Iterable[Reading], marks: dict[str, str] | None = None) -> Table:
    """Return a table of readings.

    :param marks: key → a mark for the first column, such as a tick for one that is known right.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    if marks is not None:
        table.add_column("")
    table.add_column("photo", overflow="ellipsis", no_wrap=True, min_width=16)
    table.add_column("VIN", no_wrap=True)
    table.add_column("verdict", no_wrap=True, min_width=9)
    table.add_column("maker", overflow="ellipsis", max_width=22)
    table.add_column("year", justify="right", no_wrap=True, min_width=4)
    table.add_column("seconds", justify="right", no_wrap=True, min_width=7)
    for reading in readings:
        key = reading.upload.key
        cells: list[str | Text] = [
            key,
            Text(reading.vin, style="bold"),
            Text(reading.verdict.value, style=COLOURS[reading.verdict]),
            reading.maker or "–",
            str(reading.model_year or "–"),
            f"{reading.vinocr.seconds:.2f}",
        ]
        if marks is not None:
            cells.insert(0, marks.get(key, " "))
        table.add_row(*cells)
    return table


def dead_letters_table(letters: Iterable[DeadLetter], *, ids: bool = False) -> Table:
    """Return a table of dead letters with their reasons.

    :param ids: with how each identity begins, enough to name one in a command.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    if ids:
        table.add_column("id", style="dim", no_wrap=True)
    table.add_column("photo", overflow="ellipsis", no_wrap=True)
    table.add_column("code", style="red", overflow="fold")
    table.add_column("reason", overflow="fold")
    for letter in letters:
        name = letter.upload.key if letter.upload else "(an event without an object)"
        table.add_row(*([letter.id[:12]] if ids else []), name, letter.code, letter.message)
    return table


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
    name = letter.upload.key if letter.upload else "(an event without an object)"
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
