"""Tencent COS.

Signed here, in forty lines, since its SDK takes longer to import than a call to VinOCR takes and
leaves the session token out of the URL; the tests hold every signature against the SDK's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from vindrop.clouds import TENCENT, Credentials, query_of
from vindrop.clouds.http_store import HTTPStore, Request
from vindrop.core.invocation import Platform
from vindrop.domain.upload import BucketCloud, Upload

_LATE: Final = 3600.0
"""Seconds after its event's time from which a change is another upload's: an event may be as old as
the beginning of its upload, and the object's time is that of its end."""
_RECENT: Final = 7 * 86400.0
"""Seconds: older than any event that waits. Samples and consoles' templates are from years ago."""
_CLOCKS: Final = 2.0


class COS(HTTPStore):
    """Buckets are called ``name-appid``; an event's version is the request that wrote the object."""

    cloud: ClassVar[BucketCloud] = "tencent"
    scheme = "cos"
    bucket_example = "name-appid"
    role_variables = TENCENT
    region_variable = "TENCENTCLOUD_REGION"
    platforms: ClassVar[frozenset[Platform]] = frozenset({"scf", "local"})
    own_region_form = r"(?:ap|na|sa|eu)-(?!north|south|east|west|central)[a-z]+(?:-[a-z0-9]+)*"
    bucket_form = r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-\d{1,20}"
    version_header = "x-cos-version-id"
    request_id_header = "x-cos-request-id"
    sends_url = True
    path_style = False
    key_bytes = 850

    @staticmethod
    def host(bucket: str, region: str) -> tuple[str, bool]:
        """Return ``bucket.cos.region.myqcloud.com``."""
        return f"{bucket}.cos.{region}.myqcloud.com", True

    @staticmethod
    def is_version_id(version: str) -> bool:
        """Whether it is Base64 of a number; that of a request, which events name, holds letters."""
        try:
            return version == "null" or base64.b64decode(version, validate=True).isdigit()
        except ValueError:
            return False

    def overwritten(self, upload: Upload, headers: Mapping[str, str]) -> bool:
        """Whether the object was changed after the event: an hour later, or later and of another size.

        Events of buckets without versions name neither version nor ETag, but the request that wrote the
        object, whose id begins with its time. Only an event whose two times agree is held against the
        object. What cannot be told: the same size within an hour.
        """
        at = upload.uploaded_at.timestamp() if upload.uploaded_at else 0.0
        if upload.version_id or upload.etag or not 0 <= time.time() - at < _RECENT:
            return False
        if abs(at - _request_time(upload.version)) > _CLOCKS:
            return False
        from email.utils import parsedate_to_datetime

        try:
            late = parsedate_to_datetime(headers.get("Last-Modified", "")).timestamp() - at
        except (TypeError, ValueError):
            return False
        whole = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length")
        other = bool(upload.size and whole and whole.isdigit() and int(whole) != upload.size)
        return late > _LATE or (other and late > _CLOCKS)

    @staticmethod
    def sign(request: Request, credentials: Credentials, seconds: int) -> str:
        """Sign with version 5 (q-sign), doc 436/7778; COS does not ask for parameters to be signed.

        HMAC-SHA1 over method, decoded path, the session token and the host, under a key that itself
        is only good for the time given.
        """
        start = int(time.time()) - 60  # the bucket's clock may run behind ours
        window = f"{start};{start + 60 + seconds}"
        token = {"x-cos-security-token": credentials.token} if credentials.token else {}
        signed = {"host": urlsplit(request.url).netloc, **request.headers}
        headers = query_of(dict(sorted(signed.items())))
        text = f"{request.method.lower()}\n/{request.key}\n{query_of(token)}\n{headers}\n"
        hashed = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  # the provider's algorithm
        sign_key = hmac.new(credentials.key.encode(), window.encode(), hashlib.sha1).hexdigest()
        signature = hmac.new(
            sign_key.encode(), f"sha1\n{window}\n{hashed}\n".encode(), hashlib.sha1
        ).hexdigest()
        query = {
            "q-sign-algorithm": "sha1",
            "q-ak": credentials.id,
            "q-sign-time": window,
            "q-key-time": window,
            "q-header-list": ";".join(sorted(signed)),
            "q-url-param-list": ";".join(token),
            "q-signature": signature,
            **token,
            **request.parameters,
        }
        return f"{request.url}?{query_of(query)}"


def _request_time(request_id: str) -> float:
    """Return the time in the id of a request, seconds since 1970; 0 where it holds none.

    Base64 of ``<time>_<…>_<…>``, the time in hexadecimal.
    """
    try:
        found = re.match(rb"([0-9a-f]{8})_", base64.b64decode(request_id, validate=True))
    except ValueError:
        return 0.0
    return float(int(found[1], 16)) if found else 0.0
