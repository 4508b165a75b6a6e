"""What all object stores share: names are checked, URLs built and signed, objects read over HTTP.

What was signed is what is sent: nothing rewrites the path (a key may be ``x/../y``), adds a password
from ``~/.netrc``, follows a redirect, or asks a proxy for this machine.
"""

from __future__ import annotations

import abc
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from vindrop.clouds import (
    EMPTY,
    ETAG,
    Credentials,
    UnansweredError,
    Variables,
    exact_session,
    misnamed,
    of_role,
    quote_all,
    send_exactly,
    usable,
)
from vindrop.core.invocation import Platform
from vindrop.core.object_store import Peek, Stat, Told, unheard
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload
from vindrop.settings import Settings

PEEK_BYTES: Final = 65_536
"""How much of an object is read before a call: enough for the size in nearly every header."""
_CHUNK: Final = 262_144
_GIVEN: Final = frozenset({200, 206, 416})
_PATIENCE: Final = 3
"""Times ``storage_timeout`` that a whole answer may take, however steadily it drips."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be signed. With an empty key: a listing of the bucket."""

    method: str
    url: str
    """Without a query."""
    bucket: str
    region: str
    key: str
    parameters: Mapping[str, str]
    """Of the query."""
    headers: Mapping[str, str]
    """That the request must carry besides its host, names in small letters: they are signed."""


class HTTPStore(abc.ABC):
    """One cloud's object store; see `vindrop.core.object_store.ObjectStore`.

    A new cloud is a subclass in a file of its own and one line in `vindrop.clouds`.
    """

    cloud: ClassVar[BucketCloud]
    scheme: ClassVar[str]
    """Of the URL for people: ``cos://bucket/key``."""
    bucket_example: ClassVar[str] = "name"
    role_variables: ClassVar[tuple[Variables, ...]]
    region_variable: ClassVar[str]
    """Environment variable in which the cloud's platform tells a function its region."""
    platforms: ClassVar[frozenset[Platform]] = frozenset()
    """Platforms whose own bucket this is."""
    own_region_form: ClassVar[str]
    """Regular expression of regions that belong to this cloud where nobody names the cloud."""
    bucket_form: ClassVar[str]
    """Regular expression of a bucket's name."""
    etag_form: ClassVar[str] = ""
    """Regular expression of the ETag at the start of an event's version; empty: it holds none."""
    key_bytes: ClassVar[int] = 1024
    """Longest key, in bytes of UTF-8."""
    version_header: ClassVar[str]
    request_id_header: ClassVar[str]
    sends_url: ClassVar[bool] = False
    """True only for the provider's own store: from elsewhere VinOCR's download would cross the world."""
    path_style: ClassVar[bool] = True
    """Whether a compatible store (``VINDROP_STORAGE_ENDPOINT``) takes the bucket in the path."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._session: Any = None

    @property
    def endpoint(self) -> str:
        """``http://host:port`` of a compatible store, or empty for the cloud's own."""
        return self._settings.storage_endpoint

    # The cloud's names

    @classmethod
    def is_bucket(cls, name: str) -> bool:
        """Whether ``name`` follows this cloud's rules for buckets."""
        return re.fullmatch(cls.bucket_form, name) is not None

    @classmethod
    def validate(
        cls, bucket: str, region: str, key: str = "", version_id: str = "", *, loosely: bool = False
    ) -> None:
        """Check names by the cloud's own rules, before anything is built of them.

        :param loosely: the bucket's name need only be one that some cloud could have.
        :raises FailureError: one breaks the rules. It names the field, and holds no value.
        """
        wrong = misnamed(cls, bucket, region, key, version_id, loosely=loosely)
        if wrong:
            raise FailureError(error_codes.MALFORMED_EVENT, wrong)

    @classmethod
    def etag_of(cls, version: str) -> str:
        """Return the ETag in an upload's version, or an empty text where it holds none."""
        written = version.partition("+")[0]
        return written if cls.etag_form and re.fullmatch(cls.etag_form, written) else ""

    @staticmethod
    def is_version_id(version: str) -> bool:
        """Whether what a caller calls a version, and is no ETag, can be a version's id."""
        return bool(version)

    @classmethod
    def is_its_own(cls, headers: Mapping[str, str]) -> bool:
        """Whether an answer has an ETag or headers of the cloud's name: a proxy's page has neither."""
        prefix = "-".join(cls.request_id_header.split("-", 2)[:2])
        return any(name.lower() == "etag" or name.lower().startswith(prefix) for name in headers)

    @property
    def events_tell_etag(self) -> bool:
        """Whether an event's version is a version's id or begins with the ETag."""
        return bool(self.etag_form)

    # URLs

    @staticmethod
    @abc.abstractmethod
    def host(bucket: str, region: str) -> tuple[str, bool]:
        """Return the cloud's own host, and whether it names the bucket (else the path does)."""

    @staticmethod
    @abc.abstractmethod
    def sign(request: Request, credentials: Credentials, seconds: int) -> str:
        """Return the URL of ``request`` with a signature that lives for ``seconds``."""

    @classmethod
    def object_url(cls, bucket: str, region: str, key: str, endpoint: str = "") -> str:
        """Return the unsigned URL of an object; with an empty key, of the bucket.

        :param endpoint: ``http://host:port`` of a compatible store, or empty for the cloud's own.
        :raises FailureError: bucket or region break the cloud's naming rules.
        """
        cls.validate(bucket, region, key)
        if not endpoint and "-" not in region:  # a word: compatible stores have such regions
            raise FailureError(
                error_codes.MALFORMED_EVENT, f"region: {cls.scheme}:// has none such"
            )
        host, in_host = cls.host(bucket, region)
        base = endpoint or f"https://{host}"
        in_path = cls.path_style if endpoint else not in_host
        folder = f"/{bucket}" if in_path else ""
        url = f"{base}{folder}/{quote_all(key, safe='/')}"
        meant = urlsplit(endpoint).netloc if endpoint else host
        if urlsplit(url).netloc != meant:
            raise FailureError(error_codes.MALFORMED_EVENT, "bucket: leads to another host")
        return url

    @classmethod
    def signed_url(
        cls,
        upload: Upload,
        credentials: Credentials,
        *,
        seconds: int,
        endpoint: str = "",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL that opens the object for ``seconds``, or until the credentials' token dies.

        :param headers: that the request must carry, names in small letters.
        """
        bucket, region, key = upload.bucket, upload.region, upload.key
        version_id = upload.version_id or ""
        cls.validate(bucket, region, key, version_id)
        url = cls.object_url(bucket, region, key, endpoint)
        parameters = {"versionId": version_id} if version_id else {}
        request = Request(method, url, bucket, region, key, parameters, headers or {})
        return cls.sign(request, credentials, seconds)

    # Credentials

    @classmethod
    def role(cls, environment: Mapping[str, str]) -> Credentials | None:
        """Return the execution role's credentials of this moment, or None."""
        return of_role(cls.role_variables, environment)

    def credentials(self) -> Credentials:
        """Return the credentials that buckets are read with: always the function's own role.

        :raises FailureError: there are none.
        """
        found = self.role(self._environment)
        if found is None:
            raise FailureError(
                error_codes.NO_CREDENTIALS,
                "no keys for the bucket: give the function an execution role that may read it "
                f"({' and '.join(self.role_variables[0][:2])})",
            )
        return usable(found, self.role_variables[0][0])

    # Objects

    def url(self, upload: Upload) -> str:
        """Return a signed URL that VinOCR can fetch."""
        return self._signed(upload, "GET", self._settings.url_seconds)

    def upload_url(self, upload: Upload, headers: Mapping[str, str]) -> str:
        """Return a signed URL that the object can be put to, with just these ``headers``."""
        return self._signed(upload, "PUT", self._settings.url_seconds, headers)

    def peek(self, upload: Upload, told: Told = unheard) -> Peek:
        """Return the object's first bytes and its size."""
        with self.ask(upload, {"Range": f"bytes=0-{PEEK_BYTES - 1}"}) as response:
            told(response.headers)
            if response.status_code == 416:  # a range of nothing: an empty object
                return Peek(b"", 0)
            head = self.read(response, PEEK_BYTES, cut=True)
            said = (response.headers.get(f"Content-{name}", "") for name in ("Range", "Length"))
            sizes = (each.rpartition("/")[2] for each in said)
            return Peek(head, next((int(each) for each in sizes if each.isdigit()), len(head)))

    def stat(self, upload: Upload) -> Stat:
        """Ask what is there: the version that ``upload`` names by its id, else the latest."""
        from vindrop.clouds import listing  # only an object that is named plainly needs it

        return listing.stat(self, upload)

    def fetch(self, upload: Upload, told: Told = unheard) -> bytes:
        """Return the whole object."""
        with self.ask(upload, {}) as response:
            told(response.headers)
            return self.read(response, int(self._settings.max_download_mb * 1_000_000), cut=False)

    def pages(self, bucket: str, region: str, prefix: str) -> Iterator[list[Upload]]:
        """Yield the objects under ``prefix``, page by page."""
        from vindrop.clouds import listing  # XML is only for who lists

        return listing.pages(self, bucket, region, prefix)

    def overwritten(self, upload: Upload, headers: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Whether an answer shows a later object than the event's, where no ETag tells."""
        return False

    @staticmethod
    def decode_key(text: str) -> str:
        """Return a key of a listing that was asked for with ``encoding-type=url``."""
        return unquote(text)

    def _signed(
        self, upload: Upload, method: str, seconds: int, headers: Mapping[str, str] | None = None
    ) -> str:
        return self.signed_url(
            upload,
            self.credentials(),
            seconds=seconds,
            endpoint=self.endpoint,
            method=method,
            headers=headers,
        )

    def ask(self, upload: Upload, headers: Mapping[str, str], *, method: str = "GET") -> Any:
        """Return the answer with the object that the event names, or a part of it.

        :raises FailureError: it is not there, it is another one, it may not be read, the store is away.
        """
        named = upload.etag or self.etag_of(upload.version)
        if named != EMPTY and re.fullmatch(ETAG, named):
            headers = {**headers, "If-Match": f'"{named}"'}
        seconds = max(int(self._settings.storage_timeout) * 3, 60)
        response = self.send(method, self._signed(upload, method, seconds), headers)
        given = response.status_code in _GIVEN and self.is_its_own(response.headers)
        if given and not self.overwritten(upload, response.headers):
            return response
        from vindrop.clouds import refusals  # most objects are there

        with response:
            refused = refusals.read(self, response)
        if response.status_code == 403 and upload.version_id:
            latest = replace(upload, version_id=None)  # a role that may not read versions
            response = self.send(method, self._signed(latest, method, seconds), headers)
            same = response.headers.get(self.version_header) == upload.version_id
            if response.status_code in _GIVEN and (same or "If-Match" in headers):
                return response
            response.close()
        raise refusals.of_object(self, refused, upload)

    def send(self, method: str, url: str, headers: Mapping[str, str]) -> Any:
        """Send the signed request, exactly, and return the answer as `requests` has it, unread.

        :raises FailureError: the store did not answer.
        """
        import requests

        if self._session is None:
            self._session = exact_session()
        timeout = self._settings.storage_timeout
        # Transfer compression would make the size unknown and a photo no smaller.
        given = {"Accept-Encoding": "identity", **headers}
        try:
            return send_exactly(self._session, method, url, given, (min(timeout, 5.0), timeout))
        except requests.RequestException as error:
            raise UnansweredError(f"the bucket did not answer ({type(error).__name__})") from error

    def read(self, response: Any, limit: int, *, cut: bool) -> bytes:
        """Return the answer's body.

        :param cut: no more than ``limit`` bytes are wanted; False: more are a failure.
        :raises FailureError: too large, or it broke off.
        """
        from urllib3.exceptions import HTTPError

        data = bytearray()
        ends = time.monotonic() + self._settings.storage_timeout * _PATIENCE
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                data += chunk
                if len(data) > limit:
                    if cut:
                        return bytes(data[:limit])
                    most = f"{self._settings.max_download_mb:g} MB, the most that is fetched"
                    raise FailureError(
                        error_codes.TOO_LARGE,
                        f"the object is larger than {most} (VINDROP_MAX_DOWNLOAD_MB)",
                    )
                if time.monotonic() > ends:
                    raise TimeoutError
        except (HTTPError, OSError) as error:
            name = type(error).__name__
            raise UnansweredError(f"the bucket's answer broke off ({name})") from error
        return bytes(data)
