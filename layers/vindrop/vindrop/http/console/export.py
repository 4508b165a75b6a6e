"""``GET /v1/export``: the filtered list as CSV or XLSX.

A small CSV is the answer itself. What is larger than an answer may be, and every workbook (answers
are text), is written to a file row by row, put into the bucket for large photos, and fetched from
there by a signed URL: memory stays flat. What is not written in the time of a request is refused
whole, and says how far it came: no file looks complete that is not.

``?part=1`` is what the page asks: a CSV of any size in parts, each an answer of its own with the
cursor of the next, which the page puts together; of a workbook where it is.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, Final, Literal, cast

from vindrop.clouds import putting
from vindrop.core.app import App
from vindrop.core.console import Entry, Filter
from vindrop.core.export import CSV_TYPE, XLSX_TYPE, ExportUnavailableError, to_csv, write_xlsx
from vindrop.core.invocation import Budget
from vindrop.domain.upload import Upload
from vindrop.http import objects
from vindrop.http.console import filters, parts
from vindrop.http.console.asked import Asked
from vindrop.http.problems import ProblemError
from vindrop.http.response import Response

Format = Literal["csv", "xlsx"]
LARGEST_ANSWER: Final = 2_000_000
"""Bytes: with the escapes that JSON makes of them they fit into every gateway's answer."""
LARGEST_ANSWER_ALB: Final = 500_000
_LAST_SECONDS: Final = 6.0
"""Kept back for putting the file into the bucket."""
_IN_MEMORY: Final = 8_000_000
_ROWS: Final = 50
"""Of which a part is made: few, since a message may be long."""


def get(asked: Asked) -> Response:
    """Answer with the file, with a part of it, or lead to it.

    :raises ProblemError: it is too large for one request, or there is no place for it.
    """
    form = asked.request.query.get("format", "csv")
    if form not in {"csv", "xlsx"}:
        raise ProblemError("bad-request", "format: takes csv or xlsx")
    chosen = filters.of(filters.given(asked.request.query))
    budget = Budget(min(asked.call.seconds, asked.settings.http_seconds), asked.call.started)
    by_part = bool(asked.request.query.get("part"))
    if by_part and form == "csv":
        return _part(asked, chosen, budget)
    entries = _in_time(parts.console(asked).export(chosen), budget)
    name = f"vindrop-uploads-{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}.{form}"
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        _write(entries, cast("BinaryIO", file), cast("Format", form))
        size = file.tell()
        file.seek(0)
        most = _most(asked)
        if form == "csv" and size <= most:
            headers = {
                "Content-Type": CSV_TYPE,
                "Content-Disposition": f'attachment; filename="{name}"',
            }
            return Response(200, file.read().decode(), headers)
        kind = CSV_TYPE if form == "csv" else XLSX_TYPE
        src = _put(asked, file, size, name, kind)
    if by_part:
        return Response(200, json.dumps({"src": src}), {"Content-Type": "application/json"})
    return Response(303, "", {"Location": src})


def _most(asked: Asked) -> int:
    return LARGEST_ANSWER_ALB if asked.request.shape == "aws_alb" else LARGEST_ANSWER


def _part(asked: Asked, chosen: Filter, budget: Budget) -> Response:
    """Answer with as many rows as fit, in CSV, and the cursor of those that follow.

    ``back_to``: when the last of them was first seen, or how far back a search has come.
    """
    console = parts.console(asked)
    cursor: str | None = asked.request.query.get("cursor", "")
    text, rows, first = "", 0, not cursor
    back_to: dt.datetime | None = None
    while cursor is not None:
        page = console.uploads(chosen, cursor, _ROWS)
        pieces = list(to_csv(page.entries, headed=first))
        text += b"".join(pieces).decode()
        first = False
        rows += len(page.entries)
        back_to = page.entries[-1].first_seen if page.entries else back_to
        back_to = page.searched_to or back_to
        cursor = page.next
        # Half of what an answer may hold: another page is never more than the other half.
        if len(text.encode()) > _most(asked) // 2 or budget.left() < budget.seconds / 2:
            break
    said = {
        "csv": text,
        "rows": rows,
        "next": cursor,
        "back_to": back_to.isoformat(timespec="seconds") if back_to else None,
    }
    headers = {"Content-Type": "application/json"}
    return Response(200, json.dumps(said, ensure_ascii=False), headers)


def _in_time(entries: Iterable[Entry], budget: Budget) -> Iterator[Entry]:
    """Yield them while there is time.

    :raises ProblemError: it is over; it says how far the list came.
    """
    for count, entry in enumerate(entries):
        if budget.left() < min(_LAST_SECONDS, budget.seconds / 4):
            raise ProblemError(
                "export-too-large",
                f"{count} uploads were written in its time, back to "
                f"{entry.first_seen:%Y-%m-%d %H:%M} UTC, and there are more; nothing was kept. Choose "
                "fewer days, export CSV from the list of uploads, which takes any number, or call "
                "`vindrop export`",
            )
        yield entry


def _write(entries: Iterable[Entry], file: BinaryIO, form: Format) -> None:
    if form == "csv":
        file.writelines(to_csv(entries))
        return
    try:
        write_xlsx(entries, file)
    except ExportUnavailableError as error:
        raise ProblemError("no-console", str(error)) from None
    file.seek(0, 2)


def _put(asked: Asked, file: IO[bytes], size: int, name: str, kind: str) -> str:
    """Put the file into the bucket and return a signed URL that opens it."""
    app: App = asked.open_app()
    if not app.settings.upload_bucket:
        raise ProblemError(
            "export-too-large",
            "a workbook or a long list needs a place: set VINDROP_UPLOAD_BUCKET",
        )
    key = f"{app.settings.upload_prefix}exports/{uuid.uuid4().hex}/{name}"
    upload: Upload = objects.in_upload_bucket(app.settings, asked.call.platform, key)
    store = app.storage.of(upload.cloud)
    putting.put(store, upload, file, size, kind)
    return store.url(upload)
