"""What arrived and where; its identity. The word everything downstream speaks."""

import contextlib
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args
from urllib.parse import unquote

import msgspec

from vindrop.domain.columns import Column, Shown

BucketCloud = Literal["tencent", "aws", "alibaba"]
"""Clouds that an object store is registered for in `vindrop.clouds`."""
Cloud = Literal[BucketCloud, "http"]
"""Whose bucket; ``http``: no object at all, the photo came with a request (`vindrop.http`)."""
_CLOUDS: Final = frozenset(get_args(Cloud))
REFERENCE_LENGTH: Final = 128
"""Characters of a reference, at most."""
_REFERENCES: Final = tuple(f"x-{name}-meta-reference" for name in ("cos", "amz", "oss"))
"""The object metadata that holds it, as each cloud's headers name it."""


@dataclass(frozen=True)
class Upload:
    """An object that arrived in a bucket, or a photo that came with a request.

    :raises ValueError: a field that must not be empty is, a size below 0, no such cloud. It names
        the field, and holds no value.
    """

    cloud: Annotated[Cloud, Column("VARCHAR", 16)]
    bucket: Annotated[str, Column("VARCHAR", 255)]
    """As the cloud's API wants it: on Tencent with the account's number (``name-appid``).

    Where the cloud is ``http``: ``bytes``, and the key is their sha256 (hex); or ``url``, and the
    key is the address without its query.
    """
    region: str
    """Long form, such as ``ap-guangzhou`` or ``us-east-1``."""
    key: Annotated[str, Column("VARCHAR", 1024, "object_key"), Shown("photo")]
    """Object key, decoded, without a leading slash of the event's making."""
    version: str
    """What tells two uploads to one key apart: S3 versionId or eTag+sequencer, OSS eTag+request, COS request id or ETag."""
    size: int | None = None
    """Bytes, where the event says it."""
    uploaded_at: dt.datetime | None = None
    """When the object was written (UTC), where the event says it."""
    version_id: str | None = None
    """The version's id in a bucket that keeps versions, where the event says it: this one is read."""
    etag: str | None = None
    """The object's ETag without quotes, where the event says it: no other content is read."""
    reference: Annotated[str | None, Column("VARCHAR", REFERENCE_LENGTH), Shown("reference")] = None
    """The uploader's own: a stock or order number. It tells no two uploads apart."""

    def __post_init__(self) -> None:
        if self.cloud not in _CLOUDS:
            raise ValueError(f"cloud: takes {', '.join(sorted(_CLOUDS))}")
        for name in ("bucket", "region", "key"):
            if not getattr(self, name):
                raise ValueError(f"{name}: is empty")
        if self.size is not None and self.size < 0:
            raise ValueError("size: is below 0")
        if self.reference is not None and self.reference != clean_reference(self.reference):
            raise ValueError(f"reference: takes up to {REFERENCE_LENGTH} printable characters")

    @functools.cached_property
    def id(self) -> str:
        """sha256 (hex) over cloud, bucket, key and version: the same event twice is the same upload.

        Written as a JSON list, so that no two different uploads can run into one string.
        """
        parts = json.dumps([self.cloud, self.bucket, self.key, self.version], ensure_ascii=True)
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def object_id(self) -> str:
        """sha256 (hex) over cloud, bucket and key: the object, whatever its version."""
        return hashlib.sha256(f"{self.cloud}\n{self.bucket}\n{self.key}".encode()).hexdigest()

    def to_json(self) -> str:
        """Return it as a ledger keeps it: one line of JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "Upload":
        """Return what `to_json` wrote.

        :raises ValueError: it is something else.
        """
        return msgspec.json.decode(text, type=cls)


def clean_reference(text: str) -> str | None:
    """Return ``text`` as a reference is kept: one line of printable characters. None: it holds none.

    A longer one than `REFERENCE_LENGTH` is cut and ends in an ellipsis, so that nobody takes it
    for a whole number.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > REFERENCE_LENGTH:
        line = line[: REFERENCE_LENGTH - 1].rstrip() + "…"
    return line or None


def reference_in(metadata: Mapping[str, object]) -> str | None:
    """Return the reference in an object's metadata, or None.

    :param metadata: headers of the bucket's answer, or their likes in an event; in any case.
    """
    found = (metadata.get(name) for name in _REFERENCES)
    text = next((each for each in found if isinstance(each, str) and each), "")
    return clean_reference(header_text(text)) if text else None


def header_text(text: str) -> str:
    """Return a header's value as its writer meant it: UTF-8, percent-encoded UTF-8, or RFC 2047."""
    if text.startswith("=?") and text.endswith("?="):  # as S3 gives what is not ASCII
        from email.errors import HeaderParseError
        from email.header import decode_header, make_header

        try:
            return str(make_header(decode_header(text)))
        except (HeaderParseError, LookupError, ValueError):
            return text
    with contextlib.suppress(ValueError):
        text = text.encode("latin-1").decode()  # HTTP clients take bytes for Latin-1
    try:
        return unquote(text, errors="strict")  # as COS wants what is not ASCII
    except ValueError:
        return text
