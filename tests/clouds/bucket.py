"""A bucket of any cloud on loopback that writes down what it was asked for, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests import secrets
from tests.http_server import Handler, HTTPThread
from vindrop import settings as settings_module
from vindrop.clouds import Stores, store_for
from vindrop.clouds.http_store import HTTPStore
from vindrop.domain.upload import BucketCloud, Upload

KEYS = {**secrets.TENCENT_ROLE, **secrets.AWS, **secrets.OSS}
PLACES: dict[BucketCloud, tuple[str, str]] = {
    "tencent": ("photos-1250000000", "ap-guangzhou"),
    "aws": ("photos", "us-east-1"),
    "alibaba": ("photos", "cn-hangzhou"),
}
VERSION_HEADERS = {
    "tencent": "x-cos-version-id",
    "aws": "x-amz-version-id",
    "alibaba": "x-oss-version-id",
}


def etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class FakeBucket(HTTPThread):
    """Keys are held as they came, after one decoding; nothing is normalised."""

    def __init__(self, cloud: BucketCloud) -> None:
        super().__init__(_Handler)
        self.cloud = cloud
        self.objects: dict[str, list[tuple[str, bytes | None]]] = {}
        """Key → versions, oldest first: id (``null`` without versioning) and content, or a marker."""
        self.refuses: tuple[int, bytes, Mapping[str, str]] | None = None
        self.without_versions = False
        """Whether the role may not read versions."""
        self.metadata: dict[str, str] = {}
        """Headers that every answer with an object carries, besides its own."""
        self.is_a_proxy = False
        """Whether what answers is no bucket."""
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []

    def put(self, key: str, data: bytes | None, version: str = "null") -> None:
        """Write a version; None: a delete marker."""
        kept = [each for each in self.objects.get(key, []) if each[0] != version]
        self.objects[key] = [*kept, (version, data)]

    def store(self, **settings: str) -> HTTPStore:
        given = {
            "VINDROP_LEDGER": "none",
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_STORAGE_ENDPOINT": self.url,
            **settings,
        }
        return Stores(settings_module.load(given), KEYS).of(self.cloud)

    def upload(self, key: str, **more: Any) -> Upload:
        bucket, region = PLACES[self.cloud]
        return Upload(
            cloud=self.cloud,
            bucket=bucket,
            region=region,
            key=key,
            **{"version": "of the event", **more},
        )


class _Handler(Handler):
    server: FakeBucket
    raw_requestline: bytes

    def parse_request(self) -> bool:
        # The standard library cuts ``//`` at the start of a target down to ``/``.
        raw = self.raw_requestline.decode("latin-1").split(" ")
        self.target = raw[1] if len(raw) > 1 else ""
        return super().parse_request()

    def do_GET(self) -> None:
        bucket = self.server
        bucket.targets.append(self.target)
        bucket.headers.append({name.lower(): value for name, value in self.headers.items()})
        if bucket.refuses is not None:
            status, body, headers = bucket.refuses
            self.answer(status, body, headers)
            return
        path, _, query = self.target.partition("?")
        name, _ = PLACES[bucket.cloud]
        in_path = store_for(bucket.cloud).path_style
        key = unquote(path[1:].removeprefix(f"{name}/") if in_path else path[1:])
        wanted = parse_qs(query).get("versionId", [""])[0]
        if wanted and bucket.without_versions:
            self.refuse(403, "AccessDenied")
            return
        self.give(bucket.objects.get(key, []), wanted)

    def do_HEAD(self) -> None:  # noqa: N802  # so called by the standard library
        self.do_GET()

    def give(self, versions: list[tuple[str, bytes | None]], wanted: str) -> None:
        found = [each for each in versions if wanted in ("", each[0])]
        if not found:
            self.refuse(404, "NoSuchVersion" if wanted and versions else "NoSuchKey")
            return
        version, data = found[-1]
        if data is None:
            self.refuse(405 if wanted else 404, "MethodNotAllowed" if wanted else "NoSuchKey")
            return
        match = self.headers.get("If-Match")
        if match is not None and match != f'"{etag(data)}"':
            self.refuse(412, "PreconditionFailed")
            return
        headers = {"ETag": f'"{etag(data)}"', "Last-Modified": formatdate(usegmt=True)}
        headers |= self.server.metadata
        if version != "null":
            headers[VERSION_HEADERS[self.server.cloud]] = version
        span = self.headers.get("Range")
        if span is None:
            self.answer(200, data, headers)
            return
        part = data[: int(span.rpartition("-")[2]) + 1]
        headers["Content-Range"] = f"bytes 0-{len(part) - 1}/{len(data)}"
        self.answer(206, part, headers)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        cloud = {"tencent": "cos", "aws": "amz", "alibaba": "oss"}[self.server.cloud]
        own = {} if self.server.is_a_proxy else {f"x-{cloud}-request-id": "R"}
        super().answer(status, body, {**own, **(headers or {})})

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode())


def meant(target: str) -> str:
    """Return the path of a target, without its signature."""
    return urlsplit(target).path
