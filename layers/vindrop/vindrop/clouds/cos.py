"""Tencent COS.

Signed here, in forty lines, since its SDK takes longer to import than a call to VinOCR takes and
leaves the session token out of the URL; the tests hold every signature against the SDK's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import ClassVar
from urllib.parse import urlsplit

from vindrop.clouds import TENCENT, Credentials
from vindrop.clouds.http_store import HTTPStore, Request, query_of
from vindrop.core.invocation import Platform
from vindrop.domain.upload import BucketCloud


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
