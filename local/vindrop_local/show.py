"""What the command line prints: tables, and one line per record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import JustifyMethod
from rich.table import Column, Table
from rich.text import Text

from vindrop.domain.columns import Field, fields
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import (
    DEAD_LETTER,
    READING,
    TYPES,
    DeadLetter,
    Reading,
    Record,
)
from vindrop.domain.review import Review
from vindrop.domain.vin import Verdict
from vindrop_local.language import said
from vindrop_local.rows import Row
from vindrop_local.terminal import Foreign, shown

COLOURS: Final = {
    Verdict.VERIFIED: "bold green",
    Verdict.PLAUSIBLE: "cyan",
    Verdict.DOUBTFUL: "bold yellow",
    Verdict.REVIEWED: "bold blue",
}

_NO_OBJECT: Final = "(an event without an object)"


_LAYOUT: Final[dict[str, dict[str, Any]]] = {
    "year": {"justify": "right"},
    "seconds": {"justify": "right"},
    "VIN": {"style": "bold"},
    "code": {"style": "red", "no_wrap": True},
    "reference": {"overflow": "fold"},
}
"""Heading → how its column is laid out, where it is not by the default."""
_KEPT: Final = ("", "VIN", "verdict")
"""Columns of readings that are shown whole, however narrow the terminal."""
_LEAST: Final = {"photo": 16, "maker": 6}
"""Columns that may be cut, and to how many characters; others are left out as a whole."""
_MOST: Final = {"maker": 22}
_SPARSE: Final = ("reference", "reviewed by", "machine read")
"""Columns that are left out where no row has a value there."""
_LEAST_NAME: Final = 8
"""Characters of a photo's name that a table of recognizers keeps."""
_LEAST_OUTCOME: Final = 12
"""Characters of what a photo came to in one: what is longer goes on in a second line."""
_BETWEEN: Final = 2
"""Blanks between two columns."""


def readings_table(
    readings: Iterable[Row], width: int, marks: dict[str, Text] | None = None
) -> Table:
    """Return a table of readings in which VIN and verdict are whole.

    :param width: characters of a line. What does not fit gives way: first the maker and the photo's
        name are cut, then columns are left out from the right.
    :param marks: key → a mark for the first column, such as a tick for one that is known right.
    """
    readings = list(readings)
    shown_fields = _fields(READING, readings)
    headings = [*([] if marks is None else [""]), *map(_heading, shown_fields)]
    rows = []
    for reading in readings:
        mark = (
            []
            if marks is None
            else [marks.get(reading.upload.key if reading.upload else "", Text(" "))]
        )
        rows.append([*mark, *(_cell(field, reading) for field in shown_fields)])
    fitted = _fit(headings, rows, width)
    table = _table([])
    for heading, wide in fitted.items():
        table.add_column(
            heading,
            **{"no_wrap": True, "overflow": "ellipsis", "width": wide, **_LAYOUT.get(heading, {})},
        )
    for row in rows:
        table.add_row(*(cell for name, cell in zip(headings, row, strict=True) if name in fitted))
    return table


def _fit(headings: list[str], rows: list[list[Text]], width: int) -> dict[str, int]:
    """Return heading → characters of each column that is shown."""
    wide = {
        name: max([cell_len(name), *(row[n].cell_len for row in rows)])
        for n, name in enumerate(headings)
    }
    wide = {name: min(size, _MOST.get(name, size)) for name, size in wide.items()}

    def over() -> int:
        return sum(wide.values()) + _BETWEEN * (len(wide) - 1) - width

    for name in ("maker", "photo"):
        if name in wide and over() > 0:
            wide[name] = max(wide[name] - over(), min(wide[name], _LEAST[name]))
    for name in reversed(headings):
        if over() > 0 and name not in _KEPT and name != "photo":
            del wide[name]
    if over() > 0 and wide.get("photo", 0) - over() >= 4:
        wide["photo"] -= over()
    elif over() > 0:
        wide.pop("photo", None)
        if over() > 0:
            wide.pop("", None)
    return wide


def lines(kind: str, records: Iterable[Row]) -> Iterator[str]:
    """Yield the rows of a table for another program: tabs between, nothing cut, the id in full."""
    shown_fields = _fields(kind)
    ids = kind == DEAD_LETTER
    yield "\t".join([*(["id"] if ids else []), *map(_heading, shown_fields)])
    for record in records:
        cells = (shown(_cell(field, record).plain) for field in shown_fields)
        yield "\t".join([*([shown(record.id)] if isinstance(record, DeadLetter) else []), *cells])


def dead_letters_table(letters: Iterable[DeadLetter], *, ids: bool = False) -> Table:
    """Return a table of dead letters with their reasons.

    :param ids: with how each identity begins, enough to name one in a command.
    """
    letters = list(letters)
    shown_fields = _fields(DEAD_LETTER, letters)
    table = _table([Column("id", style="dim", no_wrap=True)] if ids else [])
    for field in shown_fields:
        heading = _heading(field)
        table.add_column(heading, **_LAYOUT.get(heading, {"overflow": "fold"}))
    for letter in letters:
        identity = [Text(shown(letter.id[:12]))] if ids else []
        table.add_row(*identity, *(_cell(field, letter) for field in shown_fields))
    return table


def _table(first: list[Column]) -> Table:
    return Table(*first, box=None, pad_edge=False, header_style="dim", title_justify="left")


def _fields(kind: str, listed: Sequence[Row] | None = None) -> list[Field]:
    """Return the fields that the record declares as shown, the photo ahead.

    :param listed: the rows of a table for people: columns that few uploads fill are left out where
        none of these does.
    """
    found = [field for field in fields(TYPES[kind]) if field.shown]
    if listed is not None:
        found = [
            field
            for field in found
            if _heading(field) not in _SPARSE or any(field.value(each) for each in listed)
        ]
    return sorted(found, key=lambda field: field.path != ("upload", "key"))


def _heading(field: Field) -> str:
    return field.shown.heading if field.shown else ""


def _cell(field: Field, record: Row) -> Text:
    value = field.value(record)
    # Of what a person alone read the recognizer has no seconds.
    by_person = (
        isinstance(record, Reading)
        and record.verdict is Verdict.REVIEWED
        and (record.reviewed is None or record.reviewed.machine_vin is None)
    )
    if value is None or (by_person and field.path == ("vinocr", "seconds")):
        return Text("–" if record.upload else _NO_OBJECT)
    if isinstance(value, float):
        return Text(f"{value:.2f}")
    if isinstance(record, Reading) and field.path == ("verdict",):
        return Text(shown(value), style=COLOURS[record.verdict])
    return (Text if field.path == ("message",) else Foreign)(shown(value))


def recognizers_table(
    records: Sequence[Reading | DeadLetter], prices: Mapping[str, float], width: int
) -> Table:
    """Return who read what on each photo, and what it would have cost.

    :param prices: of one billed call, by recognizer; one that is not named costs nothing.
    :param width: characters of a line. The photo's name is cut to fit; answers and costs are whole.
    """
    names = list(dict.fromkeys(call.name for record in records for call in record.recognizers))
    rows: list[list[Text]] = []
    for record in sorted(records, key=lambda each: each.upload.key if each.upload else ""):
        calls = {call.name: call for call in record.recognizers}
        cost = sum(call.billed * prices.get(call.name, 0.0) for call in record.recognizers)
        came_to = (
            Text(record.verdict.value, COLOURS[record.verdict])
            if isinstance(record, Reading)
            else _unread(record)
        )
        said_before: set[str] = set()
        cells = [_call(calls.get(name), said_before) for name in names]
        photo = Text(shown(record.upload.key) if record.upload else said(_NO_OBJECT))
        rows.append([photo, *cells, came_to, Text(f"{cost:.2f}" if cost else "–")])
    headings = ["photo", *names, "came to", "cost"]
    wide = [
        max([cell_len(name), *(row[at].cell_len for row in rows)])
        for at, name in enumerate(headings)
    ]
    over = sum(wide) + _BETWEEN * (len(wide) - 1) - width
    for at, least in ((0, _LEAST_NAME), (-2, _LEAST_OUTCOME)):
        given = min(max(over, 0), max(wide[at] - least, 0))
        wide[at], over = wide[at] - given, over - given
    table = _table([])
    for name, most in zip(headings, wide, strict=True):
        justify: JustifyMethod = "right" if name == "cost" else "left"
        table.add_column(name, overflow="fold", width=most, justify=justify)
    for row in rows:
        table.add_row(Foreign(_shortened(row[0].plain, wide[0])), *row[1:])
    return table


def _shortened(name: str, most: int) -> str:
    """Return a name with its middle left out: photos of one series differ at the end."""
    if cell_len(name) <= most:
        return name
    head, tail = name[: most // 3], ""
    while cell_len(head) > most // 3:
        head = head[:-1]
    for each in reversed(name):
        if cell_len(f"{head}…{each}{tail}") > most:
            break
        tail = each + tail
    return f"{head}…{tail}"


def _unread(letter: DeadLetter) -> Text:
    """Return why a photo has no VIN, where none of its recognizers' columns says it."""
    said = {call.code for call in letter.recognizers}
    return Text("no VIN found" if letter.code in said else letter.code.rpartition(".")[2], "red")


def _call(call: RecognizerCall | None, said_before: set[str]) -> Text:
    """Return what a recognizer said; a VIN that one before it gave is not written again."""
    if call is None:
        return Text("not asked", "dim")
    if call.vin is None:
        return Text(shown((call.code or "no VIN found").rpartition(".")[2]), "red")
    # Cut off, not rounded: 0.9996 is less than sure.
    sure = "" if call.confidence is None else f" {math.floor(call.confidence * 1000) / 1000:.3f}"
    again = call.vin in said_before
    said_before.add(call.vin)
    return Text.assemble(said("same VIN") if again else call.vin, (sure, "dim"))


def record_line(record: Record) -> Text:
    """Return one line for what has just landed."""
    if isinstance(record, Reading):
        return reading_line(record)
    return dead_letter_line(record) if isinstance(record, DeadLetter) else review_line(record)


def reading_line(reading: Reading) -> Text:
    """Return one line for a reading that has just landed, or been corrected."""
    year = f" · {reading.model_year}" if reading.model_year else ""
    verdict = said(reading.verdict.value)
    return Text.assemble(
        ("✓ ", "green") if reading.verdict is not Verdict.DOUBTFUL else ("? ", "yellow"),
        (reading.vin, "bold"),
        "  ",
        (verdict + " " * (9 - cell_len(verdict)), COLOURS[reading.verdict]),
        "  ",
        shown(reading.upload.key),
        (shown(f"  {reading.maker or ''}{year}"), "dim"),
        (shown(_by_whom(reading)), "dim"),
    )


def _by_whom(reading: Reading) -> str:
    """Return who gave the VIN, where a person did, and what the machine had read."""
    if reading.reviewed is None:
        return ""
    read = reading.reviewed.machine_vin or reading.reviewed.machine_code or "–"
    return "  " + said(f"given by {reading.reviewed.reviewer}; the machine: {read}")


def review_line(review: Review) -> Text:
    """Return one line for a decision that gives no VIN, or takes one back."""
    return Text.assemble(
        ("– ", "yellow"),
        (said((review.reason or "reviewed").replace("_", " ")), "bold blue"),
        f"  {shown(review.upload.key)}",
        (shown("  " + said(f"decided by {review.reviewer}")), "dim"),
    )


def dead_letter_line(letter: DeadLetter) -> Text:
    """Return one line for a dead letter that has just landed."""
    name = shown(letter.upload.key) if letter.upload else said(_NO_OBJECT)
    return Text.assemble(
        ("✗ ", "red"),
        (shown(letter.code), "red"),
        f"  {name}",
        (f"  {shown(said(letter.message))}", "dim"),
    )


def totals_table(rows: Sequence[tuple[str, object]]) -> Table:
    """Return figures, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    for name, value in rows:
        table.add_row(name, str(value))
    return table


def settings_table(rows: Iterable[tuple[str, str, str]], *, narrow: bool = True) -> Table:
    """Return a table of settings: variable, default, what it is.

    :param narrow: for a terminal: a long default goes on in a second line.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("variable", style="bold", no_wrap=True)
    table.add_column("default", overflow="fold", max_width=26 if narrow else None)
    table.add_column("what it is", overflow="fold")
    for variable, default, about in rows:
        table.add_row(variable, default, Text(said(about)))
    return table
