"""``vindrop export``: uploads as a spreadsheet, of any number."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from vindrop.core.console import Entry, Filter
from vindrop.core.export import ExportUnavailableError, to_csv, write_xlsx
from vindrop_local.commands import sources
from vindrop_local.commands.filters import filtered
from vindrop_local.commands.options import Json
from vindrop_local.commands.sources import LedgerURL
from vindrop_local.commands.uploads import line_of
from vindrop_local.errors import UserError
from vindrop_local.progress import Progress
from vindrop_local.terminal import console, json_text


@filtered
def export(
    *,
    chosen: Filter,
    form: Annotated[Literal["csv", "xlsx"], typer.Option("--format", help="csv or xlsx.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: standard output.")
    ] = None,
    ledger: LedgerURL = "",
    as_json: Json = False,
) -> None:
    """Write the uploads that a filter selects as CSV or XLSX, newest first.

    With --json one object an upload instead; with --json and --out what was written where.
    """
    opened = sources.console(ledger)
    if out is None and form == "xlsx" and not as_json and sys.stdout.isatty():
        raise UserError("a workbook is no text: name a file with --out")
    scrolls = out is None and sys.stdout.isatty()
    with Progress("exporting", _most(ledger), shown=not scrolls) as progress:
        entries = _watched(opened.export(chosen), progress)
        if out is None:
            if as_json:
                for entry in entries:
                    sys.stdout.write(json_text(line_of(entry)) + "\n")
            else:
                _write(entries, sys.stdout.buffer, form)
                sys.stdout.buffer.flush()
            return
        try:
            with out.open("wb") as file:
                _write(entries, file, form)
        except OSError as error:
            raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    if as_json:
        line = {"uploads": progress.done, "file": str(out), "format": form}
        sys.stdout.write(json_text(line) + "\n")
    else:
        console(error=True).print(
            f"1 upload in {out}" if progress.done == 1 else f"{progress.done} uploads in {out}"
        )


def _most(ledger: str) -> int | None:
    """Return how many uploads there are: at most so many are in a filter. None: nobody looks."""
    book = sources.ledger(ledger) if console(error=True).is_terminal else None
    return sum(book.counts().values()) if book is not None else None


def _watched(entries: Iterable[Entry], progress: Progress) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        progress.advance()


def _write(entries: Iterable[Entry], file: BinaryIO, form: str) -> None:
    if form == "csv":
        file.writelines(to_csv(entries))
        return
    try:
        write_xlsx(entries, file)
    except ExportUnavailableError as error:
        raise UserError(str(error)) from None
