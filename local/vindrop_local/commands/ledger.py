"""``vindrop ledger copy``: a ledger moved to another database, with what was paid for."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from vindrop.stores.sql import SCHEMES, is_sql, open_database
from vindrop_local import show
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import there
from vindrop_local.errors import UserError
from vindrop_local.foreign import LEDGER, refuse_foreign
from vindrop_local.progress import Progress
from vindrop_local.terminal import console

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def default() -> None:
    """Move a ledger to another database."""


@app.command()
def copy(
    *,
    source: Annotated[str, typer.Option("--from", help="URL of the ledger that is there.")],
    target: Annotated[str, typer.Option("--to", help="URL of the ledger that is to be.")],
    as_json: Json = False,
) -> None:
    """Copy a ledger into another SQL database: uploads, reviews, circuits, calls of the day.

    Stop what uploads first. What is there already is left alone: interrupt it and run it again.
    """
    for option, url in (("--from", source), ("--to", target)):
        if not is_sql(url):
            raise UserError(
                f"{option} names no SQL database: a ledger is copied between such, and the URL of one "
                f"begins with {', '.join(f'{each}://' for each in SCHEMES)}"
            )
    if source == target:
        raise UserError("--from and --to name the same ledger")
    there(source)
    refuse_foreign(source, LEDGER)
    from vindrop.stores.ledger import sql_copy

    old = open_database(source)
    with Progress("copying", sql_copy.rows(old)) as progress:
        done = sql_copy.copy(old, open_database(target), progress.advance)
    if as_json:
        for table, (read, new) in done.items():
            sys.stdout.write(json.dumps({"table": table, "read": read, "new": new}) + "\n")
        return
    rows = [(table, f"{read} rows, {new} of them new") for table, (read, new) in done.items()]
    console().print(show.totals_table(rows))
