"""What the core needs of object stores.

Adding an object store: a file in `vindrop.clouds`, and one line in its ``__init__`` (`clouds/oss.py` is
the example).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from vindrop.domain.upload import Cloud, Upload

Told = Callable[[Mapping[str, str]], None]
"""Is given the headers of a bucket's answer: the object's metadata is there, at no further request."""


def unheard(_headers: Mapping[str, str]) -> None:
    """Ignore what is told."""


@dataclass(frozen=True, slots=True)
class Peek:
    """The beginning of an object."""

    head: bytes
    size: int
    """Bytes of the whole object."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What a bucket says of an object without giving it."""

    size: int | None
    """Bytes."""
    version: str
    """The version's id where the bucket keeps versions, else the ETag; empty where neither is said."""
    etag: str = ""
    changed: dt.datetime | None = None
    """Its last change (UTC)."""
    reference: str | None = None
    """Of its metadata; see `Upload.reference`."""


class ObjectStore(Protocol):
    """The buckets of one cloud, as the function's role may read them.

    Every method that builds a URL raises `FailureError` with ``Vindrop.MalformedEvent`` where bucket
    or region break the cloud's naming rules, so that no host is built from an unchecked field.

    `peek`, `fetch` and `url` give the version that the upload names by its id; without one `peek` and
    `fetch` give no other content than that of its ETag (``Vindrop.Superseded``).
    """

    @property
    def sends_url(self) -> bool:
        """Whether VinOCR gets a signed URL by default; False: the photo's bytes."""

    @property
    def events_tell_etag(self) -> bool:
        """Whether the version that an event gives an upload is a version's id or begins with the ETag."""

    def etag_of(self, version: str) -> str:
        """Return the ETag in an upload's version, or an empty text where it holds none."""

    def url(self, upload: Upload) -> str:
        """Return a signed URL that VinOCR can fetch.

        :raises FailureError: there are no credentials.
        """

    def upload_url(self, upload: Upload, headers: Mapping[str, str]) -> str:
        """Return a signed URL that the object can be put to.

        :param headers: with which alone it can be put, names in small letters.
        :raises FailureError: there are no credentials.
        """

    def peek(self, upload: Upload, told: Told = unheard) -> Peek:
        """Return the object's first bytes and its size.

        :param told: is given the headers of the answer, before the body is read.
        :raises FailureError: it is not there, may not be read, or the store is away.
        """

    def stat(self, upload: Upload) -> Stat:
        """Ask what is there: the version that ``upload`` names by its id, else the latest.

        :raises FailureError: as `peek`.
        """

    def fetch(self, upload: Upload, told: Told = unheard) -> bytes:
        """Return the whole object.

        :param told: as in `peek`.
        :raises FailureError: as `peek`, or it is larger than ``max_download_mb``.
        """

    def pages(self, bucket: str, region: str, prefix: str) -> Iterator[list[Upload]]:
        """Yield the objects under ``prefix``, up to 1000 at a time, without folder markers.

        ``uploaded_at`` is the object's last change and ``version`` its ETag.

        :raises FailureError: no such bucket, no permission to list it, or the store is away.
        """


class ObjectStores(Protocol):
    """The object stores of every cloud."""

    def of(self, cloud: Cloud) -> ObjectStore:
        """Return the store of ``cloud``.

        :raises UnknownCloudError: no store is registered for it.
        """


class UnknownCloudError(ValueError):
    """No object store is registered under this name. ``str()`` names those that are."""
