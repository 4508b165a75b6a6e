"""The identity of a photo that came with a request, so that a request sent twice is paid once.

| photo | identity |
|---|---|
| bytes | their sha256: the same photo has the same VIN, whoever sends it and how often |
| URL | the URL and the caller's ``Idempotency-Key``; without one, this request alone, since what a URL shows may change |
| object | its bucket, key and version, as for any upload |
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import uuid
from typing import Final
from urllib.parse import urlsplit

from vindrop.clouds import own_region
from vindrop.core.photo import Sent
from vindrop.domain.upload import Upload

BYTES: Final = "bytes"
URL: Final = "url"
_LONGEST_KEY: Final = 1024


def of(sent: Sent, *, idempotency_key: str = "") -> Upload:
    """Return the upload that stands for a photo sent with a request.

    :param idempotency_key: the caller's, for a URL.
    """
    region = own_region(os.environ) or "local"
    now = dt.datetime.now(dt.timezone.utc)
    if sent.url is None:
        data = sent.data or b""
        return Upload(
            cloud="http",
            bucket=BYTES,
            region=region,
            key=hashlib.sha256(data).hexdigest(),
            version="",
            size=len(data),
            uploaded_at=now,
        )
    split = urlsplit(sent.url)
    host = split.netloc.rpartition("@")[2]  # neither password nor query is ever kept
    once = idempotency_key or uuid.uuid4().hex
    return Upload(
        cloud="http",
        bucket=URL,
        region=region,
        key=f"{split.scheme}://{host}{split.path}"[:_LONGEST_KEY],
        version=hashlib.sha256(f"{sent.url}\n{once}".encode()).hexdigest(),
        uploaded_at=now,
    )
