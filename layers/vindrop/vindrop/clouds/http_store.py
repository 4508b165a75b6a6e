"""What all object stores share: names are checked, URLs built and signed, objects read over HTTP."""

from __future__ import annotations

import abc
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

from vindrop.clouds import Credentials, Variables, of_role
from vindrop.core.invocation import Platform, bound
from vindrop.core.object_store import Peek, Stat
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload
from vindrop.settings import Settings

PEEK_BYTES: Final = 65_536
"""How much of an object is read before a call: enough for the size in nearly every header."""
LISTING_SECONDS: Final = 60
"""Seconds that the signed URL of a listing lives."""
_CHUNK: Final = 262_144
_UNRESERVED: Final = "-_.~"


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

    # The cloud's names

    @classmethod
    def is_bucket(cls, name: str) -> bool:
        """Whether ``name`` follows this cloud's rules for buckets."""
        return re.fullmatch(cls.bucket_form, name) is not None

    @classmethod
    def validate(cls, bucket: str, region: str) -> None:
        """Check names before a URL is built of them.

        :raises FailureError: one breaks the cloud's rules. It names the field, and holds no value.
        """
        if not cls.is_bucket(bucket):
            raise FailureError(
                error_codes.MALFORMED_EVENT,
                f"bucket: is not the name of a bucket on {cls.scheme}://",
            )
        # Clouds add regions; all of them are one label of a host's name.
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", region):
            raise FailureError(
                error_codes.MALFORMED_EVENT,
                f"region: is not the name of a region on {cls.scheme}://",
            )

    @classmethod
    def etag_of(cls, version: str) -> str:
        """Return the ETag in an upload's version, or an empty text where it holds none."""
        written = version.partition("+")[0]
        return written if cls.etag_form and re.fullmatch(cls.etag_form, written) else ""

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
        cls.validate(bucket, region)
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
    ) -> str:
        """Return a URL that opens the object for ``seconds``, or until the credentials' token dies."""
        bucket, region, key = upload.bucket, upload.region, upload.key
        url = cls.object_url(bucket, region, key, endpoint)
        return cls.sign(Request(method, url, bucket, region, key, {}), credentials, seconds)

    def listing_url(self, bucket: str, region: str, parameters: Mapping[str, str]) -> str:
        """Return a signed URL that lists a bucket.

        :param parameters: of the request (prefix, marker, …); those that are empty are left out.
        """
        url = self.object_url(bucket, region, "", self._settings.storage_endpoint)
        given = {name: value for name, value in parameters.items() if value}
        request = Request("GET", url, bucket, region, "", given)
        return self.sign(request, self.credentials(), LISTING_SECONDS)

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
        return found

    # Objects

    def url(self, upload: Upload) -> str:
        """Return a signed URL that VinOCR can fetch."""
        return self._signed(upload, "GET", self._settings.url_seconds)

    def upload_url(self, upload: Upload) -> str:
        """Return a signed URL that the object can be put to."""
        return self._signed(upload, "PUT", self._settings.url_seconds)

    def peek(self, upload: Upload) -> Peek:
        """Return the object's first bytes and its size."""
        with self._ask(upload, {"Range": f"bytes=0-{PEEK_BYTES - 1}"}) as response:
            if response.status_code == 416:  # a range of nothing: an empty object
                return Peek(b"", 0)
            head = self._read(response, PEEK_BYTES, cut=True)
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            if total.isdigit():
                return Peek(head, int(total))
            length = response.headers.get("Content-Length", "")
            return Peek(head, int(length) if length.isdigit() else len(head))

    def stat(self, upload: Upload) -> Stat:
        """Ask what is there, whatever version ``upload`` names."""
        with self._ask(upload, {}, method="HEAD") as response:
            given = response.headers.get
            length = given("Content-Length", "")
            etag = (given("ETag") or "").strip('"')
            version = given(self.version_header) or etag
            return Stat(
                int(length) if length.isdigit() else None,
                etag if version == "null" else version,
                etag,
                _moment(given("Last-Modified")),
            )

    def fetch(self, upload: Upload) -> bytes:
        """Return the whole object."""
        with self._ask(upload, {}) as response:
            return self._read(response, int(self._settings.max_download_mb * 1_000_000), cut=False)

    def pages(self, bucket: str, region: str, prefix: str) -> Iterator[list[Upload]]:
        """Yield the objects under ``prefix``, page by page."""
        from vindrop.clouds import listing  # XML is only for who lists

        return listing.pages(self, bucket, region, prefix, timeout=self._settings.storage_timeout)

    @staticmethod
    def decode_key(text: str) -> str:
        """Return a key of a listing that was asked for with ``encoding-type=url``."""
        from urllib.parse import unquote

        return unquote(text)

    def _signed(self, upload: Upload, method: str, seconds: int) -> str:
        return self.signed_url(
            upload,
            self.credentials(),
            seconds=seconds,
            endpoint=self._settings.storage_endpoint,
            method=method,
        )

    def _ask(self, upload: Upload, headers: dict[str, str], *, method: str = "GET") -> Any:
        import requests

        if self._session is None:
            self._session = requests.Session()
            bound(self._session)
        timeout = self._settings.storage_timeout
        url = self._signed(upload, method, max(int(timeout) * 3, 60))
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
                error_codes.STORAGE_UNAVAILABLE,
                f"the bucket did not answer ({type(error).__name__})",
            ) from error
        if response.status_code in {200, 206, 416}:
            return response
        with response:
            raise self._refusal(response, upload)

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
                        error_codes.TOO_LARGE,
                        f"the object is larger than {self._settings.max_download_mb:g} MB, the most "
                        "that is fetched (VINDROP_MAX_DOWNLOAD_MB)",
                    )
        except requests.RequestException as error:
            raise FailureError(
                error_codes.STORAGE_UNAVAILABLE,
                f"the bucket's answer broke off ({type(error).__name__})",
            ) from error
        return bytes(data)

    def _refusal(self, response: Any, upload: Upload) -> FailureError:
        status = response.status_code
        request_id = response.headers.get(self.request_id_header)
        if status in {404, 410}:
            return FailureError(
                error_codes.OBJECT_MISSING,
                "the object is no longer in the bucket: it was deleted or renamed before it was read",
                request_id,
            )
        if status in {400, 401, 403}:
            return FailureError(
                error_codes.OBJECT_FORBIDDEN,
                f"the function's role may not read {self.scheme}://{upload.bucket}/{upload.key} "
                f"(status {status}): let it GetObject there",
                request_id,
            )
        return FailureError(
            error_codes.STORAGE_UNAVAILABLE, f"the bucket answered with status {status}", request_id
        )


def quote_all(text: str, *, safe: str = "") -> str:
    """Return ``text`` percent-encoded as every signature wants it: all but RFC 3986's unreserved."""
    return quote(text, safe=safe + _UNRESERVED)


def query_of(parameters: Mapping[str, str]) -> str:
    """Return ``name=value`` pairs, encoded, in the order given."""
    return "&".join(f"{quote_all(name)}={quote_all(v)}" for name, v in parameters.items())


def _moment(text: str | None) -> dt.datetime | None:
    from email.utils import parsedate_to_datetime  # only objects without a version need it

    try:
        return parsedate_to_datetime(text or "")
    except ValueError:
        return None
