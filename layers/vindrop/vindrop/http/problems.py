"""What can go wrong, as RFC 9457 problem documents: one table of kinds.

A kind has a name that never changes (the end of the document's ``type``), a status, a title, and
a sentence that says what to do. VinOCR's own code and RequestId stand beside them, word for word.
Which kind an error code leads to is in the error table (`vindrop.domain.error_codes`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vindrop.domain.failures import Failure
from vindrop.domain.redaction import redact
from vindrop.http.response import Response

if TYPE_CHECKING:  # loaded with a body that it must read, not before
    from pydantic import ValidationError

TYPE_PREFIX: Final = "urn:vindrop:problem:"
CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem."""

    status: int
    title: str
    todo: str = ""
    """What the reader can do about it: a sentence without its full stop."""
    retry_after: int | None = None
    """Seconds, where trying again helps and nothing more is known."""


KINDS: Final[dict[str, Kind]] = {
    "bad-request": Kind(400, "The request cannot be understood"),
    "empty-photo": Kind(400, "There is no photo in the request", "Send the photo again"),
    "key-refused": Kind(
        401,
        "The API key is missing or wrong",
        "Send a key of VINDROP_API_KEYS as X-Api-Key or as Authorization: Bearer",
    ),
    "signed-out": Kind(
        401, "The session has ended", "Sign in again; nothing that was typed is lost"
    ),
    "cross-site": Kind(
        403,
        "The request did not come from a page of this function",
        "Load the page anew and try again; a program sends its key as X-Api-Key",
    ),
    "role-too-low": Kind(
        403,
        "The key may not do this",
        "Ask whoever keeps VINDROP_API_KEYS for another role: name:role:key",
    ),
    "bucket-not-allowed": Kind(
        403, "This bucket may not be read", "Name it in VINDROP_ALLOWED_BUCKETS"
    ),
    "object-forbidden": Kind(
        403, "The function may not read this object", "Let its role GetObject there"
    ),
    "not-found": Kind(404, "There is nothing at this address"),
    "object-missing": Kind(404, "There is no such object", "Check bucket, region and key"),
    "method-not-allowed": Kind(405, "This address does not take that method"),
    "object-archived": Kind(
        409, "The object is archived", "Restore it, then send the same request again"
    ),
    "object-changed": Kind(
        409,
        "The object was overwritten",
        "Send the request again, for the object that is there now",
    ),
    "already-decided": Kind(
        409,
        "Somebody else has decided this",
        "Look at it, and correct it if it is wrong",
    ),
    "not-decidable": Kind(409, "This cannot be decided now", "Go on with the next one"),
    "photo-gone": Kind(
        410,
        "The photo is not in its bucket any more",
        'It can still be decided, as "no photo"',
    ),
    "photo-too-large": Kind(
        413,
        "The photo is too large",
        "Send a smaller one, or put it into the bucket by POST /v1/uploads",
    ),
    "export-too-large": Kind(
        413,
        "The list is too long for one request",
        "Choose fewer days, or call `vindrop export`, which takes any number",
    ),
    "not-a-photo": Kind(
        415,
        "This is not a photo that can be read",
        "Send a JPEG, PNG, HEIC, WebP, TIFF, BMP or JPEG 2000",
    ),
    "no-vin": Kind(
        422,
        "No VIN was found on the photo",
        "Take it again: closer, straight on, in even light, all 17 characters in the picture",
    ),
    "not-a-vin": Kind(422, "This is not a VIN"),
    "decision-refused": Kind(422, "The decision cannot be kept so"),
    "photo-damaged": Kind(422, "The photo cannot be decoded", "Take or export it again"),
    "url-unreadable": Kind(
        422,
        "VinOCR could not fetch the photo from its URL",
        "Check that the URL is public and answers within 3 seconds, or send the photo itself",
    ),
    "photo-refused": Kind(422, "VinOCR refused the photo", "Take it again"),
    "too-many-requests": Kind(
        429, "Every call that the account may make is taken", "Try again in a moment", 2
    ),
    "internal": Kind(500, "The function failed", "Look into its log for the request id"),
    "wrong-settings": Kind(
        500, "The function's settings are wrong", "Its log names the setting and what it takes"
    ),
    "no-console": Kind(
        501,
        "The console is not installed here",
        "Install vindrop[console], or attach the layer console to the function",
    ),
    "vinocr-failed": Kind(502, "VinOCR gave no usable answer", "Try again", 2),
    "storage-failed": Kind(502, "The bucket gave no usable answer", "Try again", 2),
    "no-keys": Kind(
        503,
        "This function has no API keys",
        "Each call costs money: set VINDROP_API_KEYS, and send one of them with each request",
    ),
    "account-blocked": Kind(
        503,
        "The VinOCR account is blocked",
        "Somebody has to mend the account or its permissions; then the same request works",
        60,
    ),
    "no-ledger": Kind(
        503, "There is no ledger to look into", "Set VINDROP_LEDGER to a database or to DynamoDB"
    ),
    "vinocr-unavailable": Kind(503, "VinOCR is not available", "Try again", 5),
    "store-unavailable": Kind(503, "The ledger or the database is not available", "Try again", 5),
    "timeout": Kind(504, "There was no answer in time", "Send the same request again", 2),
}


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        name: str,
        detail: str = "",
        *,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the problem.

        :param name: one of `KINDS`.
        :param detail: what is wrong this time, without a full stop.
        :param code: VinOCR's error code word for word, or one of ours.
        :param request_id: VinOCR's RequestId, where a call was made.
        :param retry_after: seconds, where trying again helps.
        :param more: further members of the document.
        """
        self.name, self.kind = name, KINDS[name]
        self.code, self.request_id = code, request_id
        self.retry_after = self.kind.retry_after if retry_after is None else retry_after
        self.headers = headers or {}
        self.more = more or {}
        sentences = [redact(detail).strip().rstrip("."), self.kind.todo]
        self._sentences = [text for text in sentences if text]
        self.detail = " ".join(f"{text[0].upper()}{text[1:]}." for text in self._sentences)
        super().__init__(f"{name}: {self.detail}")

    def response(self, *, chinese: bool = False) -> Response:
        """Return the document.

        :param chinese: title and detail in Simplified Chinese, where they have a translation.
        """
        title, detail = self.told(chinese=chinese)
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.name,
            "title": title,
            "status": self.kind.status,
            "detail": detail,
            "code": self.code,
            "request_id": self.request_id,
            **self.more,
        }
        headers = {"Content-Type": CONTENT_TYPE, **self.headers}
        headers["Content-Language"] = "zh-CN" if chinese else "en"
        if self.kind.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="vindrop"'
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        found = {name: value for name, value in document.items() if value is not None}
        return Response(self.kind.status, json.dumps(found, ensure_ascii=False), headers)

    def told(self, *, chinese: bool) -> tuple[str, str]:
        """Return title and detail, in Simplified Chinese or in English."""
        if not chinese:
            return self.kind.title, self.detail
        from vindrop.domain import translation

        said = translation.chinese().translate
        return said(self.kind.title), "".join(f"{said(text)}。" for text in self._sentences)


def of_failure(
    failure: Failure,
    *,
    retry_after: float | None = None,
    more: str = "",
    members: Mapping[str, Any] | None = None,
) -> ProblemError:
    """Return the problem that stands for ``failure``.

    :param more: a further clause for the detail.
    :param members: further members of the document.
    """
    return ProblemError(
        failure.rule.http_problem,
        failure.message.rstrip(". ") + more,
        code=failure.code,
        request_id=failure.request_id,
        retry_after=retry_after,
        more=members,
    )


def of_validation(error: ValidationError) -> ProblemError:
    """Return the problem of a body that a model refuses: its first wrong field, without the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:80] or "the body"
    said = first["msg"]
    if first["type"] == "json_invalid":
        return ProblemError("bad-request", f"the body is no JSON: {said.rpartition(' at ')[2]}")
    if first["type"] in {"literal_error", "enum"}:  # its context lists what is taken, and no input
        listed = first["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        said = f"takes one of {listed}"
    return ProblemError("bad-request", f"{where}: {said}")
