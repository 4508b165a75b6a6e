"""Uploads as CSV or XLSX, of any number: a row is written and forgotten.

Texts come from strangers: no spreadsheet takes one for a formula (`vindrop.domain.printed`).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

from vindrop.core.console import Entry
from vindrop.domain.printed import spreadsheet_cell
from vindrop.domain.records import DeadLetter, Reading

Cell = str | int | float | dt.datetime | None
CSV_TYPE: Final = "text/csv; charset=utf-8; header=present"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_PER_SHEET: Final = 1_048_576 - 1
"""Excel's own limit, less the headings: what is more goes to further sheets."""
_TOGETHER: Final = 200
"""Rows per piece of CSV."""
_LONGEST: Final = 32_000
"""Characters of a cell; Excel takes 32,767."""


class ExportUnavailableError(Exception):
    """XLSX needs a package that is not installed; ``str()`` says which. CSV does not."""


def _reading(entry: Entry) -> Reading | None:
    return entry.record if isinstance(entry.record, Reading) else None


def _of_reading(name: str) -> Callable[[Entry], Cell]:
    return lambda entry: getattr(_reading(entry), name, None)


def _request_id(entry: Entry) -> str | None:
    record = entry.record
    if isinstance(record, DeadLetter):
        return record.request_id
    return record.vinocr.request_id if record is not None else None


def _machine(entry: Entry) -> Reading | None:
    reading = _reading(entry)
    return reading if reading is not None and reading.verdict.value != "reviewed" else None


def _maker(entry: Entry) -> str | None:
    if entry.review is not None and entry.review.vin is not None:
        return entry.review.maker
    reading = _reading(entry)
    return reading.maker if reading else None


def _message(entry: Entry) -> str | None:
    if isinstance(entry.record, DeadLetter):
        return entry.record.message
    return entry.failure.message if entry.failure is not None and entry.record is None else None


COLUMNS: Final[tuple[tuple[str, Callable[[Entry], Cell]], ...]] = (
    ("id", lambda e: e.id),
    ("vin", lambda e: e.vin),
    ("verdict", lambda e: e.verdict),
    ("state", lambda e: e.state),
    ("code", lambda e: e.code),
    ("message", _message),
    ("machine_vin", lambda e: getattr(_machine(e), "vin", None)),
    ("confidence", _of_reading("confidence")),
    ("reviewed_by", lambda e: e.review.reviewer if e.review else None),
    ("reviewed_at", lambda e: e.review.decided_at if e.review else None),
    ("review_reason", lambda e: e.review.reason if e.review else None),
    ("maker", _maker),
    ("model_year", _of_reading("model_year")),
    ("reference", lambda e: getattr((e.record or e).upload, "reference", None)),
    ("cloud", lambda e: e.upload.cloud),
    ("bucket", lambda e: e.upload.bucket),
    ("photo", lambda e: e.upload.key),
    ("uploaded_at", lambda e: e.upload.uploaded_at),
    ("first_seen", lambda e: e.first_seen),
    ("last_seen", lambda e: e.last_seen),
    ("attempts", lambda e: e.attempts),
    ("billed", lambda e: e.billed),
    ("maybe_billed", lambda e: e.maybe_billed),
    ("redriven", lambda e: e.redriven),
    ("vinocr_request_id", _request_id),
)
"""Heading → what stands in its column. Headings are stored words: one may be added at the end."""


def cells(entry: Entry) -> list[Cell]:
    """Return the row of an upload, its texts safe for a spreadsheet; moments are in UTC."""
    return [_safe(value(entry)) for _, value in COLUMNS]


def _safe(value: Cell) -> Cell:
    if isinstance(value, str):
        return spreadsheet_cell(value[:_LONGEST])
    return value


def to_csv(entries: Iterable[Entry], *, headed: bool = True) -> Iterator[bytes]:
    """Yield the list as CSV (RFC 4180), piece by piece: UTF-8 with the mark that Excel wants.

    :param headed: False: rows that follow others, without mark and headings.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if headed:
        text.write("\ufeff")
        writer.writerow([heading for heading, _ in COLUMNS])
    waiting = 0
    for entry in entries:
        writer.writerow([_text(cell) for cell in cells(entry)])
        waiting += 1
        if waiting == _TOGETHER:
            yield _taken(text)
            waiting = 0
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return found


def _text(cell: Cell) -> Cell:
    if isinstance(cell, dt.datetime):
        return cell.astimezone(dt.timezone.utc).isoformat(timespec="milliseconds")
    return cell


def write_xlsx(entries: Iterable[Entry], file: BinaryIO) -> int:
    """Write the list as a workbook and return the number of uploads.

    Rows go to a temporary file as they come (as large as the workbook unpacked), so memory stays
    flat; the workbook is packed beside them, and copied into ``file`` at the end.

    :raises ExportUnavailableError: the package is missing.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ExportUnavailableError(
            "XLSX needs the package xlsxwriter: install vindrop[console], or take CSV"
        ) from None
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    written = 0
    # Packed in a file of its own: an output that ends in the middle is then a plain OSError.
    with tempfile.TemporaryFile() as packed:
        with xlsxwriter.Workbook(packed, options) as book:
            date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            sheet: Any = None
            for written, entry in enumerate(entries, 1):
                row = (written - 1) % ROWS_PER_SHEET + 1
                if row == 1:
                    sheet = _sheet(book)
                _write_row(sheet, row, entry, date)
            if sheet is None:
                _sheet(book)
        packed.seek(0)
        shutil.copyfileobj(packed, file)
    return written


def _sheet(book: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for column, (heading, _) in enumerate(COLUMNS):
        sheet.set_column(column, column, 22 if heading in {"vin", "machine_vin", "photo"} else 14)
        sheet.write_string(0, column, heading, bold)
    return sheet


def _write_row(sheet: Any, row: int, entry: Entry, date: Any) -> None:
    for column, cell in enumerate(cells(entry)):
        if isinstance(cell, str):
            sheet.write_string(row, column, cell)
        elif isinstance(cell, dt.datetime):
            moment = cell.astimezone(dt.timezone.utc).replace(tzinfo=None)
            sheet.write_datetime(row, column, moment, date)
        elif cell is not None:
            sheet.write_number(row, column, cell)
