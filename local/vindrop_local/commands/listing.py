"""``vindrop readings``: what came out."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from vindrop.domain.records import READING, Record, to_json
from vindrop_local import show
from vindrop_local.commands import sources
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import From
from vindrop_local.errors import UserError
from vindrop_local.rows import Row, row_of
from vindrop_local.terminal import console, json_shown


def readings(*, source: From = "", as_json: Json = False) -> None:
    """List the VINs in force, oldest first: what was read, and what a person made of it."""
    pairs = sources.in_force(sources.destinations(source, "VINDROP_RESULTS"), "readings")
    if pairs is None:
        raise UserError(
            "readings go to a queue or topic only, so they are with who read them: name a database "
            "or a file with --from"
        )
    if as_json:
        print_json(counts for _, counts in pairs)
        return
    out = console()
    rows = (row_of(end, counts) for end, counts in pairs)
    if not out.is_terminal:
        print_lines(READING, rows)
    elif listed := list(rows):
        out.print(show.readings_table(listed, out.width), crop=False)
    else:
        out.print("no readings yet")


def print_lines(kind: str, records: Iterable[Row]) -> None:
    """Write a heading, and one record a line with tabs between."""
    for line in show.lines(kind, records):
        sys.stdout.write(line + "\n")


def print_json(records: Iterable[Record]) -> None:
    """Write one event a line."""
    for record in records:
        sys.stdout.write(json_shown(to_json(record)) + "\n")
