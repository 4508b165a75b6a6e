"""The bucket on the wire: COS's XML API as an ASGI application.

One application serves several buckets. A request says which by its host
(``<bucket>.cos.<region>.myqcloud.com``, as the official SDK sends it), or else by the port it
came in on, so that ``http://127.0.0.1:PORT/<key>`` can be fetched without any DNS.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vindrop_local.bucket import auth, handlers, keys, listing, multipart
from vindrop_local.bucket.call import Call, drain
from vindrop_local.bucket.errors import XML, CosError
from vindrop_local.bucket.objects import Objects
from vindrop_local.bucket.responses import respond, set_headers
from vindrop_local.bucket.spec import Account

_HOST: Final = re.compile(
    r"(?P<bucket>[a-z0-9-]+-\d+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn)"
)
_SERVICE: Final = re.compile(r"(?:service\.cos|cos\.[a-z0-9-]+)\.myqcloud\.com")
_log: Final = logging.getLogger(__name__)

Handler = Callable[[Call], Any]
"""Returns a `Response`, or an awaitable of one."""
Methods = Mapping[str, Handler]

# Sub-resource → method → what answers. The first that the query names decides.
_OBJECT: Final[Mapping[str, Methods]] = {
    "uploads": {"POST": multipart.initiate},
    "uploadId": {
        "PUT": handlers.put_part,
        "GET": multipart.list_parts,
        "POST": multipart.complete,
        "DELETE": multipart.abort,
    },
}
_PLAIN_OBJECT: Final[Methods] = {
    "GET": handlers.get_object,
    "HEAD": handlers.head_object,
    "PUT": handlers.put_object,
    "DELETE": handlers.delete_object,
}
_BUCKET: Final[Mapping[str, Methods]] = {
    "uploads": {"GET": multipart.list_uploads},
    "delete": {"POST": handlers.delete_objects},
    "versioning": {"GET": handlers.get_versioning},
    "location": {"GET": handlers.get_location},
}
_PLAIN_BUCKET: Final[Methods] = {
    "GET": listing.list_objects,
    "HEAD": handlers.head_bucket,
    "PUT": handlers.put_bucket,
    "DELETE": handlers.delete_bucket,
}
_NOT_IMPLEMENTED: Final = frozenset((
    "accelerate", "acl", "append", "callback", "ci-process", "cors", "domain", "encryption",
    "intelligenttiering", "inventory", "legal-hold", "lifecycle", "logging", "object-lock",
    "origin", "policy", "referer", "replication", "restore", "retention", "select", "symlink",
    "tagging", "torrent", "versionId", "versions", "website",
))  # fmt: skip
"""Sub-resources of COS that a bucket over a folder does not have."""


class BucketApp:
    """The ASGI application."""

    def __init__(
        self,
        buckets: Sequence[Objects],
        accounts: Callable[[], Sequence[Account]],
        ports: Mapping[int, str],
    ) -> None:
        """Serve ``buckets`` to ``accounts``.

        :param accounts: asked for at every request, so that keys can be changed under way.
        :param ports: local port → the bucket it stands for.
        """
        self._buckets = {each.bucket.name: each for each in buckets}
        self._accounts = accounts
        self._ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals and failures are COS's error XML."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        request_id = secrets.token_hex(16)
        headers = _headers(request)
        try:
            response = await self._answer(request, headers)
        except CosError as error:
            await drain(request)
            response = _refusal(error, request, headers, request_id)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets COS's XML
            # No exception of ours or of what we call is made of a query string, which may be signed.
            _log.error("the bucket failed: %s", type(error).__name__, exc_info=error)
            internal = CosError("InternalError", "The bucket failed: see its log, and try again.")
            response = _refusal(internal, request, headers, request_id)
        own = response.headers.get("x-cos-request-id", request_id)
        set_headers(response, {"x-cos-request-id": own, "Server": "tencent-cos"})
        await response(scope, receive, send)

    async def _answer(self, request: Request, headers: dict[str, str]) -> Response:
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        key = keys.decode(raw)
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked = auth.Asked(request.method, unquote(raw.decode("latin-1")), query, headers)
        host = headers.get("host", "").partition(":")[0].lower()
        named = dict(reversed(query))  # of a name written twice, the first counts
        auth.check(asked, self._accounts(), time.time())
        if _SERVICE.fullmatch(host):
            if request.method != "GET":
                raise CosError("MethodNotAllowed", "The service answers GET only.")
            return handlers.list_buckets(list(self._buckets.values()))
        call = Call(request, headers, named, key, self._bucket(request, host), self._buckets)
        handler = _handler(request.method, key, named)
        if inspect.iscoroutinefunction(handler):
            return cast("Response", await handler(call))
        return cast("Response", await run_in_threadpool(handler, call))

    def _bucket(self, request: Request, host: str) -> Objects:
        found = _HOST.fullmatch(host)
        if found is not None:
            objects = self._buckets.get(found["bucket"])
            if objects is not None and objects.bucket.region == found["region"]:
                return objects
        else:
            server = request.scope.get("server") or ("", 0)
            name = self._ports.get(server[1])
            if name is not None:
                return self._buckets[name]
        raise CosError(
            "NoSuchBucket",
            "The specified bucket does not exist here: check its name, number and region.",
        )


def _handler(method: str, key: str, query: Mapping[str, str]) -> Handler:
    special, plain = (_OBJECT, _PLAIN_OBJECT) if key else (_BUCKET, _PLAIN_BUCKET)
    methods = next((methods for name, methods in special.items() if name in query), None)
    if methods is None:
        unknown = sorted(_NOT_IMPLEMENTED & query.keys())
        if unknown:
            text = f"A bucket over a folder has no {unknown[0]}: only COS itself does."
            raise CosError("NotImplemented", text)
        methods = plain
    handler = methods.get(method)
    if handler is None:
        raise CosError("MethodNotAllowed", f"Allowed here: {', '.join(sorted(methods))}.")
    return handler


def _headers(request: Request) -> dict[str, str]:
    """Return the headers, names small, values as UTF-8 where they are that."""
    found: dict[str, str] = {}
    for name, value in request.headers.raw:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        found.setdefault(name.decode("latin-1").lower(), text)
    return found


def _refusal(
    error: CosError, request: Request, headers: Mapping[str, str], request_id: str
) -> Response:
    trace_id = hashlib.sha256(request_id.encode()).hexdigest()[:32]
    resource = headers.get("host", "") + request.scope.get("raw_path", b"/").decode("latin-1")
    body = error.body(resource, request_id, trace_id)
    if request.method == "HEAD" or error.status == 304:
        body = b""
    return respond(
        error.status,
        {"Content-Type": XML, "x-cos-request-id": request_id, "x-cos-trace-id": trace_id},
        body,
    )
