"""``vindrop export``: uploads as a spreadsheet, of any number."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from vindrop.core.console import Entry, Filter
from vindrop.core.export import ExportUnavailableError, to_csv, write_xlsx
from vindrop_local.commands import sources
from vindrop_local.commands.filters import filtered
from vindrop_local.commands.sources import LedgerURL
from vindrop_local.errors import UserError
from vindrop_local.terminal import console


@filtered
def export(
    *,
    chosen: Filter,
    form: Annotated[Literal["csv", "xlsx"], typer.Option("--format", help="csv or xlsx.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: standard output.")
    ] = None,
    ledger: LedgerURL = "",
) -> None:
    """Write the uploads that a filter selects as CSV or XLSX, newest first."""
    entries = sources.console(ledger).export(chosen)
    if out is None:
        if form == "xlsx" and sys.stdout.isatty():
            raise UserError("a workbook is no text: name a file with --out")
        _write(entries, sys.stdout.buffer, form)
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("wb") as file:
            written = _write(entries, file, form)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    console(error=True).print(f"{written} uploads in {out}")


def _write(entries: Iterable[Entry], file: BinaryIO, form: str) -> int:
    if form == "xlsx":
        try:
            return write_xlsx(entries, file)
        except ExportUnavailableError as error:
            raise UserError(str(error)) from None
    count = 0

    def counted() -> Iterable[Entry]:
        nonlocal count
        for count, entry in enumerate(entries, 1):  # noqa: B007  # told at the end
            yield entry

    file.writelines(to_csv(counted()))
    return count
