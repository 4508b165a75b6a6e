"""``vindrop readings`` and ``vindrop dead-letters``: what came out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast

import typer

from vindrop.destinations import Kind, Readable, open_destination
from vindrop.records import DeadLetter, Reading, Record, to_json
from vindrop_local import show
from vindrop_local.commands.options import STATE, Json
from vindrop_local.errors import UserError
from vindrop_local.show import console

From = Annotated[
    str,
    typer.Option(
        "--from",
        help="URL of the destination. Default: VINDROP_RESULTS or VINDROP_DEAD_LETTERS, else the "
        "local stack's, else the demo's.",
    ),
]


def readings(*, source: From = "", as_json: Json = False) -> None:
    """List the VINs that were read, oldest first."""
    found = _records(source, "readings", "VINDROP_RESULTS")
    if as_json:
        _print_json(found)
        return
    rows = [record for record in found if isinstance(record, Reading)]
    console().print(show.readings_table(rows) if rows else "no readings yet")


def dead_letters(*, source: From = "", as_json: Json = False) -> None:
    """List the uploads that ended without a reading, and why, oldest first."""
    found = _records(source, "dead_letters", "VINDROP_DEAD_LETTERS")
    if as_json:
        _print_json(found)
        return
    rows = [record for record in found if isinstance(record, DeadLetter)]
    console().print(show.dead_letters_table(rows) if rows else "no dead letters")


def _print_json(records: Iterator[Record]) -> None:
    for record in records:
        sys.stdout.write(to_json(record) + "\n")


def _records(source: str, kind: Kind, variable: str) -> Iterator[Record]:
    url = source or os.environ.get(variable, "").split(" ")[0] or _local()
    destination = open_destination(url)
    if not hasattr(destination, "records"):
        raise UserError(
            f"{url.partition(':')[0]} is a queue or topic: its records are with who read them, so "
            "they cannot be listed; name a database or a file with --from"
        )
    return cast("Readable", destination).records(kind)


def _local() -> str:
    for state in (STATE, STATE / "demo"):
        database = state / "vindrop.db"
        if database.is_file():
            return f"sqlite:///{Path(database).resolve()}"
    raise UserError(
        "nothing has been read here yet: run `vindrop demo` or `vindrop up`, or name a destination "
        "with --from"
    )
