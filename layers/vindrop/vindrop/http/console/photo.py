"""``GET /v1/photos/{id}``: where a browser finds an upload's photo.

All answers of the function are text (a Function URL of SCF hands over nothing else), so a photo is
named rather than sent: by a signed URL of its bucket, or as a data URL where it was made here: small
ones for lists, and JPEGs of what no browser shows (HEIC, TIFF, JPEG 2000).
"""

from __future__ import annotations

import base64
import functools
import json
from typing import Any, Final

from vindrop.core import reencode
from vindrop.core.app import App
from vindrop.core.photo import check_size, read_header, survives_a_url
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.http.console import parts
from vindrop.http.console.asked import Asked
from vindrop.http.problems import ProblemError, of_failure
from vindrop.http.response import Response

SHOWN: Final = frozenset({"jpeg", "png", "webp", "gif", "bmp"})
"""Formats that every browser shows, upright by their metadata."""
_ENDS: Final = (".jpg", ".jpeg", ".png", ".webp")
SIZES: Final = {"thumb": (240, 24_000), "view": (reencode.LONGEST_SIDE, 3_300_000)}
"""Longest side in pixels, and bytes of a JPEG: with Base64 it fits into every gateway's answer."""


def at_once(asked: Asked, upload: Upload) -> dict[str, Any] | None:
    """Return the signed URL of a photo that a browser can most likely show, without a look at it.

    Where it cannot (another format, gone, expired meanwhile) the page asks `get`.
    """
    if upload.cloud == "http":
        return None
    if not upload.key.lower().endswith(_ENDS) or not survives_a_url(upload.key):
        return {"src": None}
    try:
        return {"src": asked.open_app().storage.of(upload.cloud).url(upload)}
    except FailureError:
        return {"src": None}


def get(asked: Asked) -> Response:
    """Answer with ``src``.

    In a list it is no error that something has no picture: a thumbnail is then null, and ``problem``
    says why.

    :raises ProblemError: the photo is not there any more, or is none; it says so.
    """
    size = asked.request.query.get("size", "view")
    if size not in SIZES:
        raise ProblemError("bad-request", f"size: takes one of {', '.join(SIZES)}")
    try:
        return _found(asked, size)
    except ProblemError as problem:
        if size != "thumb" or problem.name not in _NO_PICTURE:
            raise
        said = {"src": None, "problem": problem.name, "detail": problem.detail}
        return Response(200, json.dumps(said), {"Content-Type": "application/json"})


def _found(asked: Asked, size: str) -> Response:
    life = parts.console(asked).upload(asked.upload_id)
    if life is None:
        raise ProblemError("not-found", "the ledger never saw this upload")
    upload = life.entry.upload
    if upload.cloud == "http":
        raise ProblemError(
            "photo-gone", "the photo came with a request, and only its caller has it"
        )
    try:
        src = _src(asked.open_app(), upload, size)
    except FailureError as error:
        if error.failure.code in _GONE:
            raise ProblemError(
                "photo-gone", error.failure.message, code=error.failure.code
            ) from None
        raise of_failure(error.failure) from None
    # The photo of an upload never changes; a signed URL dies, so that is not kept.
    keep = {"Cache-Control": "private, max-age=86400"} if src.startswith("data:") else {}
    headers = {"Content-Type": "application/json", **keep}
    return Response(200, json.dumps({"src": src}), headers)


_NO_PICTURE: Final = frozenset(
    {
        *("photo-gone", "photo-refused", "photo-damaged", "photo-too-large", "not-a-photo"),
        *("empty-photo", "bucket-not-allowed", "object-missing", "object-archived"),
        *("object-changed", "no-vin"),
    }
)
"""Problems of the photo itself: asked for again it has no picture, either."""
_GONE: Final = frozenset({error_codes.OBJECT_MISSING, error_codes.SUPERSEDED})


def _src(app: App, upload: Upload, size: str) -> str:
    store = app.storage.of(upload.cloud)
    peek = store.peek(upload)
    if peek.size == 0:
        raise FailureError(error_codes.EMPTY_PHOTO, "the object is empty")
    shown = read_header(peek.head).format
    if shown is None:
        raise FailureError(error_codes.NOT_AN_IMAGE, "the object is not an image")
    if size == "view" and shown in SHOWN and survives_a_url(upload.key):
        return store.url(upload)
    side, most_bytes = SIZES[size]
    made = reencode.to_jpeg(
        store.fetch(upload),
        max_bytes=most_bytes,
        check_size=functools.partial(check_size, most=app.settings.max_megapixels),
        memory_mb=app.settings.memory_mb or app.photographer.memory_mb,
        longest=side,
    )
    return f"data:image/jpeg;base64,{base64.b64encode(made.data).decode()}"
