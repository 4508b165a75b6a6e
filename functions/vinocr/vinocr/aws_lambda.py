"""VinOCR behind a Lambda function URL: ``awslambdaric vinocr.aws_lambda.handler``.

The server runs as it does everywhere else, as a child on loopback; the handler carries requests
to it and answers back, header by header, because signatures cover Host and the raw query.
A function URL takes requests of up to 6 MB, so images of up to 4.4 MB.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import os
from typing import Any, Final

from vinocr.launcher import ServerProcess
from vinocr.settings import PREFIX

_HOP_BY_HOP: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
_SECONDS: Final = 60


@functools.cache
def _server() -> ServerProcess:
    """Start the server once per execution environment; it ends with it."""
    settings = {k: v for k, v in os.environ.items() if k.startswith(PREFIX)}
    settings.setdefault("VINOCR_OPERATORS", "none")  # every request comes from loopback here
    return ServerProcess.start(settings | {"VINOCR_HOST": "127.0.0.1", "VINOCR_PORT": "0"})


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's form
    """Carry one request of a function URL (payload format 2.0) to the server.

    :returns: the answer in the same format.
    :raises KeyError: the event is not of a function URL or HTTP API.
    """
    about = event["requestContext"]["http"]
    body: bytes = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    query = event.get("rawQueryString")
    target = (event.get("rawPath") or "/") + (f"?{query}" if query else "")
    server = _server()
    line = http.client.HTTPConnection(server.host, server.port, timeout=_SECONDS)
    with contextlib.closing(line):
        line.putrequest(about["method"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in event["headers"].items():
            if name.lower() not in _HOP_BY_HOP:
                line.putheader(name, value)
        line.putheader("content-length", str(len(body)))
        line.endheaders(body)
        answer = line.getresponse()
        content = answer.read()
    headers = {k.lower(): v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
    return {
        "statusCode": answer.status,
        "headers": headers,
        "body": content.decode("utf-8"),
        "isBase64Encoded": False,
    }
