"""Puts an object that was made here into a bucket: an export that no answer could hold."""

from __future__ import annotations

import os
from typing import IO, Any, Final
from urllib.parse import urlsplit

from vindrop.clouds import UnansweredError, exact_session, reachable_by
from vindrop.core.object_store import ObjectStore
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload

_CONNECT_SECONDS: Final = 5.0


def put(store: ObjectStore, upload: Upload, file: IO[bytes], size: int, kind: str) -> None:
    """Put ``size`` bytes of ``file`` where ``upload`` says.

    :param kind: media type that the object gets.
    :raises FailureError: the bucket did not take it.
    """
    import requests

    signed = {"content-type": kind, "content-length": str(size)}
    url = store.upload_url(upload, signed)
    split = urlsplit(url)
    sent: Any = requests.Request("PUT", f"{split.scheme}://{split.netloc}/", signed).prepare()
    sent.url = url
    sent.body = file  # read as it is sent; its length is in the signed header
    try:
        with exact_session() as session:
            answer = session.send(
                sent,
                timeout=(_CONNECT_SECONDS, _CONNECT_SECONDS * 2),
                allow_redirects=False,
                proxies=reachable_by(url) if split.scheme == "https" else {},
                verify=os.environ.get("REQUESTS_CA_BUNDLE") or True,
            )
    except requests.RequestException as error:
        raise UnansweredError(f"the bucket did not answer ({type(error).__name__})") from error
    if answer.status_code not in {200, 201, 204}:
        raise FailureError(
            error_codes.OBJECT_FORBIDDEN, f"the bucket took no export (HTTP {answer.status_code})"
        )
