"""COS, as far as code is brought there: every signature is checked."""

from __future__ import annotations

import hashlib
import re
import time
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.deploy.tencent.state import APPID, State
from vindrop_local.bucket.auth import Asked, check
from vindrop_local.bucket.errors import CosError

_RULES = {
    "cors": "NoSuchCORSConfiguration",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "encryption": "NoSuchEncryptionConfiguration",
}
"""Configuration of a bucket → the code of COS where it has none."""


_BUCKET = {"GET": "GetBucket", "PUT": "PutBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
_RULE = {"cors": "CORS", "lifecycle": "Lifecycle", "encryption": "Encryption"}
# Without its id the client takes an answer for another host's, and asks again elsewhere.
_XML = {"Content-Type": "application/xml", "x-cos-request-id": "NjQ4"}
_VERB = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


def permission(method: str, key: str, names: dict[str, str]) -> str:
    """The action of CAM that a request needs (COS, doc 436/31923)."""
    if rules := next((name for name in _RULE if name in names), None):
        return f"{_VERB[method]}Bucket{_RULE[rules]}"
    if not key:
        if "delete" in names:
            return "DeleteMultipleObjects"
        if "uploads" in names:
            return "ListMultipartUploads"
        return _BUCKET[method]
    if "uploads" in names:
        return "InitiateMultipartUpload"
    if "uploadId" in names:
        return {
            "PUT": "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
            "GET": "ListParts",
        }[method]
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[
        method
    ]


def error(code: str) -> bytes:
    """As COS says it; its client takes it apart only with all five fields."""
    return (
        f"<Error><Code>{code}</Code><Message>no</Message><Resource>r</Resource>"
        "<RequestId>NjQ4</RequestId><TraceId>t</TraceId></Error>"
    ).encode()


class COS:
    def __init__(self, state: State) -> None:
        self._state = state

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        split = urlsplit(target)
        path, query = unquote(split.path), parse_qsl(split.query, keep_blank_values=True)
        try:
            who = check(Asked(method, path, query, headers), self._state.accounts(), time.time())
        except CosError as refusal:
            self._state.refusals.append(f"COS {method} {target}: {refusal}")
            return 403, error("SignatureDoesNotMatch"), _XML
        bucket, key = headers["host"].partition(".")[0], path.lstrip("/")
        names = dict(query)
        region = headers["host"].split(".")[2]
        service = bucket == "service"
        needed = "GetService" if service else permission(method, key, names)
        name = "" if service else f"qcs::cos:{region}:uid/{APPID}:{bucket}/{key}"
        with self._state.lock:
            if not self._state.may(who.secret_id, f"cos:{needed}", name):
                return 403, error("AccessDenied"), _XML
            if service:
                return 200, self._buckets(), _XML
            if rules := next((n for n in _RULES if n in names), None):
                return self._rules(method, bucket, rules, body)
            if key:
                return self._object(method, bucket, key, body)
            return self._bucket(method, bucket, region, body)

    def _bucket(
        self, method: str, bucket: str, region: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if method == "PUT":
            if bucket in self._state.buckets:
                return 409, error("BucketAlreadyOwnedByYou"), _XML
            self._state.buckets.add(bucket)
            self._state.regions[bucket] = region
        elif method == "DELETE":
            self._state.buckets.discard(bucket)
            return 204, b"", {}
        elif method == "GET":
            return 200, self._listing(bucket), {}
        elif method == "POST":
            for name in re.findall(rb"<Key>(.*?)</Key>", body):
                self._state.objects.pop((bucket, name.decode()), None)
            return 200, b"<DeleteResult></DeleteResult>", {}
        return 200, b"", {}

    def _object(
        self, method: str, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if method == "PUT":
            if bucket not in self._state.buckets:
                return 404, error("NoSuchBucket"), _XML
            self._state.objects[bucket, key] = body
            digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
            return 200, b"", {"ETag": f'"{digest}"'}
        if method == "DELETE":
            self._state.objects.pop((bucket, key), None)
            return 204, b"", {}
        return 200, b"", {}

    def _rules(
        self, method: str, bucket: str, kind: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        """What stands in a configuration of the bucket, as it was put."""
        kept, at = self._state.rules, (kind, bucket)
        if method == "PUT":
            kept[at] = body
        elif method == "DELETE":
            kept.pop(at, None)
            return 204, b"", {}
        elif at not in kept:
            return 404, error(_RULES[kind]), _XML
        else:
            return 200, kept[at], _XML
        return 200, b"", {}

    def _buckets(self) -> bytes:
        found = "".join(
            f"<Bucket><Name>{name}</Name><Location>{self._state.regions.get(name, 'ap-guangzhou')}"
            "</Location></Bucket>"
            for name in sorted(self._state.buckets)
        )
        return (
            "<ListAllMyBucketsResult><Owner><ID>1</ID></Owner>"
            f"<Buckets>{found}</Buckets></ListAllMyBucketsResult>"
        ).encode()

    def _listing(self, bucket: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key></Contents>"
            for name, key in sorted(self._state.objects)
            if name == bucket
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
        )
