"""``GET /v1/export``: the filtered list as CSV or XLSX.

A small CSV is the answer itself. What is larger than an answer may be, and every workbook (answers
are text), is written to a file row by row, put into the bucket for large photos, and fetched from
there by a signed URL: memory stays flat. What is not written in the time of a request is left to
the command line, which has no such limit.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, Final, Literal, cast

from vindrop.clouds import putting
from vindrop.core.app import App
from vindrop.core.console import Entry
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


def get(asked: Asked) -> Response:
    """Answer with the file, or lead to it.

    :raises ProblemError: it is too large for one request, or there is no place for it.
    """
    form = asked.request.query.get("format", "csv")
    if form not in {"csv", "xlsx"}:
        raise ProblemError("bad-request", "format: takes csv or xlsx")
    chosen = filters.of(filters.given(asked.request.query))
    budget = Budget(min(asked.call.seconds, asked.settings.http_seconds), asked.call.started)
    entries = _in_time(parts.console(asked).export(chosen), budget)
    name = f"vindrop-uploads-{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}.{form}"
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        _write(entries, cast("BinaryIO", file), cast("Format", form))
        size = file.tell()
        file.seek(0)
        most = LARGEST_ANSWER_ALB if asked.request.shape == "aws_alb" else LARGEST_ANSWER
        if form == "csv" and size <= most:
            headers = {
                "Content-Type": CSV_TYPE,
                "Content-Disposition": f'attachment; filename="{name}"',
            }
            return Response(200, file.read().decode(), headers)
        kind = CSV_TYPE if form == "csv" else XLSX_TYPE
        return Response(303, "", {"Location": _put(asked, file, size, name, kind)})


def _in_time(entries: Iterable[Entry], budget: Budget) -> Iterator[Entry]:
    for entry in entries:
        if budget.left() < min(_LAST_SECONDS, budget.seconds / 4):
            raise ProblemError("export-too-large")
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
