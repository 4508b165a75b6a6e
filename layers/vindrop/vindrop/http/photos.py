"""The photo in a request: its bytes, Base64, a form, a URL, or the name of an object.

What the bytes are counts for more than what the headers call them: `curl --data-binary` calls a
photo a form, and a gateway may have turned bytes into Base64 without saying so.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from vindrop.core.photo import Sent, read_header
from vindrop.domain import base64_text
from vindrop.domain.upload import REFERENCE_LENGTH, BucketCloud, clean_reference, header_text
from vindrop.http import multipart
from vindrop.http.problems import ProblemError, of_validation
from vindrop.http.request import Request

_DATA_URL: Final = re.compile(r"data:[\w.+/-]*(?:;[\w=.-]+)*;base64,", re.ASCII)
_FORMS: Final = (
    "an image as the body (image/*), as multipart/form-data, or JSON with ImageBase64, ImageUrl, or "
    "bucket and key"
)


REFERENCE: Final = Field(
    default=None,
    max_length=REFERENCE_LENGTH,
    description="The caller's own, such as a stock or order number: kept with the reading.",
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str | None = REFERENCE


class ObjectNamed(_Body):
    """An object in a bucket, as a caller names it."""

    bucket: str = Field(min_length=1, max_length=255)
    key: str = Field(min_length=1, max_length=1024)
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    cloud: BucketCloud | None = None
    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Of the storage event, where there is one: then both are one upload.",
    )


class Base64Image(_Body):
    """A photo, written in the JSON itself."""

    ImageBase64: str = Field(json_schema_extra={"contentEncoding": "base64"})


class ImageUrl(_Body):
    """A photo that VinOCR fetches."""

    # A signed URL is a secret: validation must not quote it.
    ImageUrl: SecretStr = Field(json_schema_extra={"format": "uri", "maxLength": 8192})


def read(request: Request) -> tuple[Sent | ObjectNamed, str | None]:
    """Find the photo in a request, and the caller's reference for it.

    :raises ProblemError: there is none, or it is not an image.
    """
    given = header_text(request.headers.get("x-reference", ""))
    if not request.body.strip():
        raise ProblemError("empty-photo", f"the request has no body: send {_FORMS}")
    kind = request.content_type
    if kind == "multipart/form-data":
        part, field = multipart.photo_and_reference(request.body, request.headers["content-type"])
        return Sent(data=_image(part)), reference(field or given)
    if kind == "application/json" or kind.endswith("+json") or request.body.lstrip()[:1] == b"{":
        photo, field = _from_json(request.body)
        return photo, reference(field or given)
    return Sent(data=_image(request.body)), reference(given)


def reference(text: str) -> str | None:
    """Return a reference as it is kept.

    :raises ProblemError: it is too long.
    """
    if len(" ".join(text.split())) > REFERENCE_LENGTH:
        raise ProblemError("bad-request", f"reference: takes up to {REFERENCE_LENGTH} characters")
    return clean_reference(text)


def _from_json(body: bytes) -> tuple[Sent | ObjectNamed, str]:
    import json

    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError("bad-request", "the body is no JSON") from None
    if not isinstance(given, dict):
        raise ProblemError("bad-request", "the JSON is no object")
    ways = [name for name in ("ImageUrl", "ImageBase64", "bucket") if given.get(name) is not None]
    if len(ways) != 1:
        found = f"has {' and '.join(ways)}" if ways else "names no photo"
        raise ProblemError(
            "bad-request",
            f"the JSON {found}: give exactly one of ImageBase64, ImageUrl, or bucket and key",
        )
    try:
        if ways[0] == "bucket":
            named = ObjectNamed.model_validate(given)
            return named, named.reference or ""
        if ways[0] == "ImageUrl":
            address = ImageUrl.model_validate(given)
            return Sent(url=_url(address.ImageUrl.get_secret_value())), address.reference or ""
        image = Base64Image.model_validate(given)
    except ValidationError as error:
        raise of_validation(error) from None
    text = image.ImageBase64
    if not text.strip():
        raise ProblemError("empty-photo", "ImageBase64 is empty")
    match = _DATA_URL.match(text[:200])
    data = _decoded((text[match.end() :] if match else text).encode("utf-8", "replace"))
    if data is None:
        raise ProblemError("bad-request", "ImageBase64 is not Base64")
    return Sent(data=_image(data)), image.reference or ""


def _url(url: str) -> str:
    try:
        split = urlsplit(url)
        fits = split.scheme in {"http", "https"} and bool(split.hostname)
        fits = fits and (split.port is None or split.port > 0)
    except ValueError:
        fits = False
    if not fits or len(url) > 8192 or any(map(_stands_in_no_url, url)):
        raise ProblemError("bad-request", "ImageUrl takes http://… or https://…, percent-encoded")
    return url


def _stands_in_no_url(character: str) -> bool:
    return character <= " " or character == "\x7f" or "\ud800" <= character <= "\udfff"


def _image(data: bytes) -> bytes:
    """Return the bytes of an image that may have come as Base64.

    :raises ProblemError: it is none.
    """
    if not data:
        raise ProblemError("empty-photo", "the photo has no bytes")
    if read_header(data[: 2**16]).format is None:
        decoded = _decoded(data)
        if decoded is None or read_header(decoded[: 2**16]).format is None:
            raise ProblemError(
                "not-a-photo", f"it does not begin as an image does; the request takes {_FORMS}"
            )
        return decoded
    return data


def _decoded(data: bytes) -> bytes | None:
    """Return what ``data`` says in Base64 (plain or URL-safe, padded or not), or None."""
    if not data.isascii():
        return None
    text = base64_text.without_layout(data.decode("ascii"))
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    bare = text.rstrip("=")
    if len(text) - len(bare) > 2:
        return None
    try:
        return base64_text.decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        return None
