"""COS, as far as code is brought there: every signature is checked."""

from __future__ import annotations

import hashlib
import re
import time
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.deploy.tencent.state import State
from vindrop_local.bucket import Account
from vindrop_local.bucket.auth import Asked, check
from vindrop_local.bucket.errors import CosError

_RULES = {
    "cors": "NoSuchCORSConfiguration",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "encryption": "NoSuchEncryptionConfiguration",
}
"""Configuration of a bucket → the code of COS where it has none."""


class COS:
    def __init__(self, state: State, account: Account) -> None:
        self._state = state
        self._account = account

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        split = urlsplit(target)
        path, query = unquote(split.path), parse_qsl(split.query, keep_blank_values=True)
        try:
            check(Asked(method, path, query, headers), [self._account], time.time())
        except CosError as error:
            self._state.refusals.append(f"COS {method} {target}: {error}")
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {}
        bucket, key = headers["host"].partition(".")[0], path.lstrip("/")
        names = dict(query)
        with self._state.lock:
            if not key and (rules := next((n for n in _RULES if n in names), None)):
                return self._rules(method, bucket, rules, body)
            if not key and method == "PUT":
                self._state.buckets.add(bucket)
            elif not key and method == "DELETE":
                self._state.buckets.discard(bucket)
                return 204, b"", {}
            elif not key and method == "GET":
                return 200, self._listing(bucket), {}
            elif not key and method == "POST" and "delete" in names:
                for name in re.findall(rb"<Key>(.*?)</Key>", body):
                    self._state.objects.pop((bucket, name.decode()), None)
                return 200, b"<DeleteResult></DeleteResult>", {}
            elif method == "PUT":
                if bucket not in self._state.buckets:
                    return 404, b"<Error><Code>NoSuchBucket</Code></Error>", {}
                self._state.objects[bucket, key] = body
                digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
                return 200, b"", {"ETag": f'"{digest}"'}
            elif method == "DELETE":
                self._state.objects.pop((bucket, key), None)
                return 204, b"", {}
        return 200, b"", {}

    def _rules(
        self, method: str, bucket: str, kind: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        """What stands in a configuration of the bucket, as it was put."""
        kept, at = self._state.rules, (kind, bucket)
        xml = {"Content-Type": "application/xml", "x-cos-request-id": "NjQ4"}
        if method == "PUT":
            kept[at] = body
        elif method == "DELETE":
            kept.pop(at, None)
            return 204, b"", {}
        elif at not in kept:
            code = f"<Error><Code>{_RULES[kind]}</Code></Error>"
            return 404, code.encode(), xml
        else:
            return 200, kept[at], xml
        return 200, b"", {}

    def _listing(self, bucket: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key></Contents>"
            for name, key in sorted(self._state.objects)
            if name == bucket
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
        )
