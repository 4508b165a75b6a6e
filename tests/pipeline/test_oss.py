"""An upload to OSS through the whole pipeline, from a bucket that checks every signature."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from tests import needs, secrets
from tests.pipeline.conftest import SAMPLES, World, a_call
from tests.triggers.test_oss import event
from vindrop import settings as settings_module
from vindrop.core.app import App
from vindrop.core.backfill import Backfill
from vindrop.triggers import step, upload_function
from vindrop.wiring import build
from vindrop_local.sample_events import sample

BUCKET = "photos"
KEY = "in/车架号 a+b%20.jpg"
PLATE = (SAMPLES / "plate-04.jpg").read_bytes()


class OSSBucket(ThreadingHTTPServer):
    """Speaks as much of OSS as is needed: GET with Range, HEAD, a listing; V4 signatures in the query."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects
        self.asked: list[tuple[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: OSSBucket

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def answer(self) -> None:
        split = urlsplit(self.path)
        key = unquote(split.path).removeprefix(f"/{BUCKET}/")
        self.server.asked.append((self.command, key))
        if not self.is_signed(key):
            return self.give(403, b"<Code>SignatureDoesNotMatch</Code>")
        if not key:
            return self.give(200, self.listing(parse_qs(split.query)))
        data = self.server.objects.get(key)
        if data is None:
            return self.give(404, b"<Code>NoSuchKey</Code>")
        headers = {"ETag": f'"{etag(data)}"', "Last-Modified": formatdate(time.time(), usegmt=True)}
        wanted = self.headers.get("Range")
        if wanted is None:
            return self.give(200, data, headers)
        part = data[: int(wanted.rpartition("-")[2]) + 1]
        headers["Content-Range"] = f"bytes 0-{len(part) - 1}/{len(data)}"
        return self.give(206, part, headers)

    def is_signed(self, key: str) -> bool:
        """Whether the official signer makes the same signature of this request."""
        from alibabacloud_oss_v2.signer import SignerV4
        from alibabacloud_oss_v2.types import Credentials, HttpRequest, SigningContext

        given = parse_qs(urlsplit(self.path).query)
        if "x-oss-signature" not in given:
            return False
        unsigned = self.path.partition("&x-oss-signature=")[0]
        request = HttpRequest(self.command, unsigned)
        keys = Credentials(secrets.OSS_ID, secrets.OSS_KEY, secrets.OSS_TOKEN)
        moment = dt.datetime.strptime(given["x-oss-date"][0], "%Y%m%dT%H%M%SZ")
        moment = moment.replace(tzinfo=dt.timezone.utc)
        context = SigningContext(
            "oss", "cn-hangzhou", BUCKET, key, request, keys, signing_time=moment
        )
        context.auth_method_query = True
        context.expiration_time = moment + dt.timedelta(seconds=int(given["x-oss-expires"][0]))
        SignerV4().sign(context)
        theirs = parse_qs(urlsplit(str(request.url)).query)
        return given == theirs

    def listing(self, parameters: dict[str, list[str]]) -> bytes:
        """ListObjects, two keys a page."""
        marker = parameters.get("marker", [""])[0]
        left = sorted(key for key in self.server.objects if key > marker)
        rows = "".join(
            f"<Contents><Key>{escape(quote(key, safe=''))}</Key>"
            f"<ETag>&quot;{etag(self.server.objects[key])}&quot;</ETag>"
            f"<Size>{len(self.server.objects[key])}</Size>"
            "<LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents>"
            for key in left[:2]
        )
        more = len(left) > 2
        following = f"<NextMarker>{quote(left[1], safe='')}</NextMarker>" if more else ""
        return (
            f'<ListBucketResult xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">{rows}{following}'
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            "</ListBucketResult>"
        ).encode()

    def give(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the log would hold signed URLs."""


def etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest().upper()


@pytest.fixture
def bucket() -> Iterator[OSSBucket]:
    needs.module("alibabacloud_oss_v2", package="alibabacloud-oss-v2")
    server = OSSBucket({KEY: PLATE})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def an_app(world: World, bucket: OSSBucket, **keys: str) -> App:
    store = f"sqlite:///{world.folder}/vindrop.db"
    given = {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
        **secrets.VINOCR,
        "VINDROP_VINOCR_TIMEOUT": "60",
        "VINDROP_STORAGE_ENDPOINT": bucket.url,
        "VINDROP_RATE": "500",
        "VINDROP_MAX_ATTEMPTS": "1",
    }
    return build(settings_module.load(given), {**secrets.OSS, **keys})


def announced(key: str, data: bytes) -> dict[str, Any]:
    return event(
        key, oss__bucket__name=BUCKET, oss__object__eTag=etag(data), oss__object__size=len(data)
    )


def test_an_upload_to_oss_is_read_once_whoever_names_it(world: World, bucket: OSSBucket) -> None:
    app = an_app(world, bucket)
    before = world.calls()
    payload = announced(KEY, PLATE)
    assert upload_function.process(app, payload, a_call())["ended"] == {"reading": 1}
    (reading,) = world.readings()
    assert reading.vin == "5NPEVYK97FD841835"
    assert (reading.upload.cloud, reading.upload.key) == ("alibaba", KEY)
    assert ("GET", KEY) in bucket.asked  # the bytes were fetched: VinOCR was not sent abroad
    # The same event again, the object named plainly, and a backfill: nothing is paid once more.
    upload_function.process(app, payload, a_call())
    named = {"bucket": BUCKET, "key": KEY, "region": "cn-hangzhou"}
    assert step.process(app, named, a_call())["id"] == reading.id
    bucket.objects |= {"in/folder/": b"", "in/other.jpg": (SAMPLES / "label-01.jpg").read_bytes()}
    pages = app.storage.of("alibaba").pages
    survey = Backfill(app, lambda: pages(BUCKET, "cn-hangzhou", ""), before=time.time()).count()
    assert (survey.listed, survey.known, survey.left) == (2, 1, 1)
    assert (world.calls() - before).billed == 1


def test_the_sample_event_is_read(world: World, bucket: OSSBucket) -> None:
    """events/oss.json, as `vindrop event oss` prints it."""
    bucket.objects["plate-04.jpg"] = PLATE
    app = an_app(world, bucket)
    assert upload_function.process(app, sample("oss"), a_call())["ended"] == {"reading": 1}
    (reading,) = world.readings()
    assert (reading.vin, reading.upload.cloud) == ("5NPEVYK97FD841835", "alibaba")


def test_a_wrong_key_and_a_missing_object_say_so(
    world: World, bucket: OSSBucket, capsys: pytest.CaptureFixture[str]
) -> None:
    app = an_app(world, bucket, ALIBABA_CLOUD_ACCESS_KEY_SECRET=secrets.WRONG_KEY)
    ended = upload_function.process(app, announced(KEY, PLATE), a_call())["ended"]
    assert ended == {"retry_scheduled": 1}  # a person can mend the key
    app = an_app(world, bucket)
    upload_function.process(app, announced("in/gone.jpg", PLATE), a_call())
    assert [letter.code for letter in world.dead_letters()] == ["Vindrop.ObjectMissing"]
    assert f"oss://{BUCKET} " in capsys.readouterr().out
    assert world.readings() == []


def test_a_bucket_that_breaks_the_naming_rules_is_a_dead_letter_and_never_asked(
    world: World, bucket: OSSBucket
) -> None:
    app = an_app(world, bucket)
    payload = announced(KEY, PLATE)
    payload["events"][0]["oss"]["bucket"]["name"] = "evil.example/x?"
    assert upload_function.process(app, payload, a_call())["malformed"] == 1
    payload["events"][0]["oss"]["bucket"]["name"] = "photos.with.dots"  # OSS has none
    assert upload_function.process(app, payload, a_call())["ended"] == {"dead_letter": 1}
    assert [each.code for each in world.dead_letters()] == ["Vindrop.MalformedEvent"] * 2
    assert bucket.asked == []
