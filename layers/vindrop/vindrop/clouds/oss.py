"""Alibaba Cloud OSS.

Signed here: the official client would be another package in every function. The tests hold every
signature against that client (alibabacloud-oss-v2).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import ClassVar, Final

from vindrop.clouds import Credentials, query_of, quote_all
from vindrop.clouds.http_store import HTTPStore, Request
from vindrop.domain.upload import BucketCloud

_ALGORITHM: Final = "OSS4-HMAC-SHA256"


class OSS(HTTPStore):
    """An event's version is ``ETag+request``; ETags are in capitals.

    The signature of a PUT covers the Content-Type: it must be sent as it was signed, or not at all.
    """

    cloud: ClassVar[BucketCloud] = "alibaba"
    scheme = "oss"
    role_variables = (
        (
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
        ),
    )
    region_variable = "FC_REGION"
    own_region_form = r"cn-[a-z]+(?:-[a-z]+)*"
    bucket_form = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
    etag_form = r"[0-9A-F]{32}(?:-[0-9]{1,5})?"
    version_header = "x-oss-version-id"
    request_id_header = "x-oss-request-id"

    @staticmethod
    def host(bucket: str, region: str) -> tuple[str, bool]:
        """Return ``bucket.oss-region.aliyuncs.com``."""
        return f"{bucket}.oss-{region}.aliyuncs.com", True

    @staticmethod
    def sign(request: Request, credentials: Credentials, seconds: int) -> str:
        """Sign with version 4, in the query: HMAC-SHA256 over method, path and every parameter."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time()))
        scope = (now[:8], request.region, "oss", "aliyun_v4_request")
        token = {"x-oss-security-token": credentials.token} if credentials.token else {}
        # Its own x-oss-… headers and the content type are always signed, others where they are named.
        also = ";".join(sorted(request.headers.keys() - {"content-type"}))
        query = query_of(
            {
                **request.parameters,
                **({"x-oss-additional-headers": also} if also else {}),
                "x-oss-signature-version": _ALGORITHM,
                "x-oss-date": now,
                "x-oss-expires": str(seconds),
                "x-oss-credential": "/".join((credentials.id, *scope)),
                **token,
            }
        )
        path = quote_all(f"/{request.bucket}/{request.key}", safe="/")
        ordered = "&".join(sorted(query.split("&")))
        headers = "".join(f"{name}:{value}\n" for name, value in sorted(request.headers.items()))
        canonical = f"{request.method}\n{path}\n{ordered}\n{headers}\n{also}\nUNSIGNED-PAYLOAD"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"aliyun_v4{credentials.key}".encode()
        for part in (*scope, "\n".join((_ALGORITHM, now, "/".join(scope), hashed))):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return f"{request.url}?{query}&x-oss-signature={key.hex()}"
