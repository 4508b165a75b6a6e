"""Reads objects from COS or S3 over signed URLs: one HTTP client for both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vindrop.clouds.credentials import Credentials, for_storage
from vindrop.clouds.signing import signed_url
from vindrop.domain import failures
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.settings import Settings

PEEK_BYTES: Final = 65_536
"""How much of an object is looked at before a call: enough for the size in nearly every header."""
_CHUNK: Final = 262_144


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


class Storage:
    """The buckets, as the function's role may read them."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._session: Any = None

    def url(self, upload: Upload) -> str:
        """Return a signed URL that VinOCR can fetch."""
        return signed_url(
            upload,
            self._credentials(upload),
            seconds=self._settings.url_seconds,
            endpoint=self._settings.storage_endpoint,
        )

    def peek(self, upload: Upload) -> Peek:
        """Return the object's first bytes and its size.

        :raises FailureError: it is not there, not ours to read, or the store is away.
        """
        with self._ask(upload, {"Range": f"bytes=0-{PEEK_BYTES - 1}"}) as response:
            if response.status_code == 416:  # a range of nothing: an empty object
                return Peek(b"", 0)
            head = self._read(response, PEEK_BYTES, cut=True)
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            if total.isdigit():
                return Peek(head, int(total))
            length = response.headers.get("Content-Length", "")
            return Peek(head, int(length) if length.isdigit() else len(head))

    def upload_url(self, upload: Upload) -> str:
        """Return a signed URL that the object can be put to."""
        return signed_url(
            upload,
            self._credentials(upload),
            seconds=self._settings.url_seconds,
            endpoint=self._settings.storage_endpoint,
            method="PUT",
        )

    def stat(self, upload: Upload) -> Stat:
        """Ask what is there, whatever version ``upload`` names.

        :raises FailureError: as `peek`.
        """
        with self._ask(upload, {}, method="HEAD") as response:
            given = response.headers.get
            length = given("Content-Length", "")
            etag = (given("ETag") or "").strip('"')
            version = given("x-cos-version-id") or given("x-amz-version-id") or etag
            return Stat(
                int(length) if length.isdigit() else None,
                etag if version == "null" else version,
                etag,
                _moment(given("Last-Modified")),
            )

    def fetch(self, upload: Upload) -> bytes:
        """Return the whole object.

        :raises FailureError: as `peek`, or larger than ``max_download_mb``.
        """
        with self._ask(upload, {}) as response:
            return self._read(response, int(self._settings.max_download_mb * 1_000_000), cut=False)

    def _credentials(self, upload: Upload) -> Credentials:
        return for_storage(upload.cloud, self._environment)

    def _ask(self, upload: Upload, headers: dict[str, str], *, method: str = "GET") -> Any:
        import requests

        if self._session is None:
            self._session = requests.Session()
        url = signed_url(
            upload,
            self._credentials(upload),
            seconds=max(int(self._settings.storage_timeout) * 3, 60),
            endpoint=self._settings.storage_endpoint,
            method=method,
        )
        timeout = self._settings.storage_timeout
        try:
            response = self._session.request(
                method,
                url,
                # Transfer compression would make the size unknown and a photo no smaller.
                headers={"Accept-Encoding": "identity", **headers},
                timeout=(min(timeout, 5.0), timeout),
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise FailureError(
                failures.STORAGE_UNAVAILABLE,
                f"the bucket did not answer ({type(error).__name__})",
            ) from error
        if response.status_code in {200, 206, 416}:
            return response
        with response:
            raise _refusal(response, upload)

    def _read(self, response: Any, limit: int, *, cut: bool) -> bytes:
        import requests

        data = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK):
                data += chunk
                if len(data) > limit:
                    if cut:
                        return bytes(data[:limit])
                    raise FailureError(
                        failures.TOO_LARGE,
                        f"the object is larger than {self._settings.max_download_mb:g} MB, the most "
                        "that is fetched (VINDROP_MAX_DOWNLOAD_MB)",
                    )
        except requests.RequestException as error:
            raise FailureError(
                failures.STORAGE_UNAVAILABLE,
                f"the bucket's answer broke off ({type(error).__name__})",
            ) from error
        return bytes(data)


def _moment(text: str | None) -> dt.datetime | None:
    from email.utils import parsedate_to_datetime  # only objects without a version need it

    try:
        return parsedate_to_datetime(text or "")
    except ValueError:
        return None


def _refusal(response: Any, upload: Upload) -> FailureError:
    status = response.status_code
    request_id = response.headers.get("x-cos-request-id") or response.headers.get(
        "x-amz-request-id"
    )
    if status in {404, 410}:
        return FailureError(
            failures.OBJECT_MISSING,
            "the object is no longer in the bucket: it was deleted or renamed before it was read",
            request_id,
        )
    if status in {400, 401, 403}:
        return FailureError(
            failures.OBJECT_FORBIDDEN,
            f"the function's role may not read {upload.place} (status {status}): let it GetObject there",
            request_id,
        )
    return FailureError(
        failures.STORAGE_UNAVAILABLE, f"the bucket answered with status {status}", request_id
    )
