"""The uploader's own reference: told with the object, in the event or by a caller; kept with the record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import quote

import pytest
import requests

from tests import secrets
from tests.clouds.bucket import FakeBucket
from tests.library.conftest import a_reading, an_upload
from tests.pipeline.conftest import BUCKET, SAMPLES, World, a_call, make_due, process
from tests.stores.fixtures import Servers, fresh_store
from tests.triggers import payloads
from vindrop import settings as settings_module
from vindrop.core import sweep
from vindrop.core.photo import Photographer
from vindrop.destinations import open_destination
from vindrop.domain import records
from vindrop.domain.records import row_of
from vindrop.domain.upload import REFERENCE_LENGTH, BucketCloud, Upload, reference_in
from vindrop.stores import sql
from vindrop.triggers import read, step, upload_function
from vindrop.wiring import build
from vindrop_local import s3 as moto
from vindrop_local import show
from vindrop_local.sample_events import build as build_event

PLATE = (SAMPLES / "plate-04.jpg").read_bytes()
ORDER = "订单 2026/11-車 №7"
NAMES = {
    "tencent": "x-cos-meta-reference",
    "aws": "x-amz-meta-reference",
    "alibaba": "x-oss-meta-reference",
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("A-17", "A-17"),
        ("  two\twords ", "two words"),
        ("line\r\nbreak\x00end", "line break end"),
        (quote(ORDER), ORDER),
        (ORDER.encode().decode("latin-1"), ORDER),
        ("=?UTF-8?B?6K6i5Y2VIDc=?=", "订单 7"),
        ("=?UTF-8?Q?=E8=AE=A2_7?=", "订 7"),
        ("=?no-such-charset?B?6K6i?=", "=?no-such-charset?B?6K6i?="),
        ("100% new", "100% new"),
        ("%FF", "%FF"),
        ("\u202eright to left", "right to left"),
        ("x" * REFERENCE_LENGTH, "x" * REFERENCE_LENGTH),
        ("x" * 2000, "x" * (REFERENCE_LENGTH - 1) + "…"),
        (" \t ", None),
        ("", None),
    ],
)
def test_metadata_is_decoded_and_cleaned(written: str, meant: str | None) -> None:
    assert reference_in({"X-Amz-Meta-Reference".lower(): written}) == meant


@pytest.mark.parametrize("wrong", ["", " a", "a\nb", "x" * (REFERENCE_LENGTH + 1), "a\u2028b"])
def test_an_upload_takes_no_reference_that_is_not_clean(wrong: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        Upload(cloud="aws", bucket="b", region="r", key="k", version="v", reference=wrong)


def test_the_reference_is_no_part_of_the_identity_and_survives_the_ledgers_json() -> None:
    upload = Upload(cloud="aws", bucket="b", region="r", key="k", version="v", reference="A-17")
    plain = Upload(cloud="aws", bucket="b", region="r", key="k", version="v")
    assert upload.id == plain.id
    assert Upload.from_json(upload.to_json()) == upload
    before = {k: v for k, v in json.loads(upload.to_json()).items() if k != "reference"}
    assert Upload.from_json(json.dumps(before)).reference is None, "what older versions stored"


@pytest.mark.parametrize("form", ["url", "bytes"])
@pytest.mark.parametrize("cloud", get_args(BucketCloud))
def test_it_is_read_from_the_answer_that_is_asked_for_anyway(cloud: BucketCloud, form: Any) -> None:
    with FakeBucket(cloud) as bucket:
        bucket.put("a.jpg", PLATE)
        store = bucket.store()
        photographer = Photographer(store._settings, _Stores(store))

        def taken() -> tuple[list[str], list[str | None]]:
            bucket.targets.clear()
            told: list[Mapping[str, str]] = []
            photographer.take(bucket.upload("a.jpg"), form, told=told.append)
            return [target.partition("?")[0] for target in bucket.targets], [
                reference_in(headers) for headers in told
            ]

        without, none = taken()
        bucket.metadata = {NAMES[cloud]: quote(ORDER)}
        with_one, found = taken()
        assert with_one == without, "no request more"
        assert set(none) == {None}
        assert found[-1] == ORDER
        assert store.stat(bucket.upload("a.jpg")).reference == ORDER


class _Stores:
    def __init__(self, store: Any) -> None:
        self._store = store

    def of(self, _cloud: object) -> Any:
        return self._store


def put(world: World, key: str, data: bytes, reference: str) -> None:
    """Put an object with metadata, as an uploader does who was given a signed URL."""
    upload = Upload(cloud="tencent", bucket=BUCKET, region="ap-guangzhou", key=key, version="none")
    headers = {"x-cos-meta-reference": quote(reference)}
    url = world.app().storage.of("tencent").upload_url(upload, headers)
    answer = requests.put(url, data=data, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_objects_metadata_comes_out_in_a_column(
    world: World, servers: Servers, tmp_path: Path, kind: str
) -> None:
    url = fresh_store(servers, kind, tmp_path)
    app = world.app(
        VINDROP_RESULTS=url, VINDROP_DEAD_LETTERS=url, VINDROP_LEDGER=url, VINDROP_IMAGE="bytes"
    )
    put(world, "references/photo.jpg", PLATE, ORDER)
    put(world, "references/text.jpg", b"no photo at all", "A-18")
    for key in ("references/photo.jpg", "references/text.jpg"):
        upload = Upload(cloud="tencent", bucket=BUCKET, region="ap-guangzhou", key=key, version=key)
        process(app, upload)
    database = sql.open_database(url)
    reading = database.execute("SELECT vin, reference FROM vindrop_readings").rows
    letter = database.execute("SELECT code, reference FROM vindrop_dead_letters").rows
    assert [tuple(row) for row in reading] == [("5NPEVYK97FD841835", ORDER)]
    assert [row[1] for row in letter] == ["A-18"], "also where the photo is refused"
    (record,) = cast("Any", open_destination(url)).records("readings")
    assert record.upload.reference == ORDER
    sql.forget(url)


def test_an_event_of_cos_brings_it() -> None:
    event = payloads.cos(cos__cosObject__meta={"x-cos-meta-reference": quote(ORDER)})
    (arrival,) = read(event).arrivals
    assert isinstance(arrival, Upload)
    assert arrival.reference == ORDER


@pytest.mark.parametrize("base", ["cos", "eventbridge-tencent", "plain"])
def test_vindrop_event_tells_it(base: str) -> None:
    (arrival,) = read(build_event(base, key="vin/a.jpg", reference=ORDER)).arrivals
    assert isinstance(arrival, Upload)
    assert arrival.reference == ORDER
    with pytest.raises(ValueError, match="metadata"):
        build_event("s3", key="vin/a.jpg", reference=ORDER)


def test_an_event_of_s3_leaves_it_in_the_bucket_where_it_is_found(world: World) -> None:
    store = f"sqlite:///{world.folder}/vindrop.db"
    with moto.server() as endpoint:
        client = moto.client(endpoint, secrets.AWS_ID, secrets.AWS_KEY)
        client.create_bucket(Bucket="photos")
        client.put_object(Bucket="photos", Key="a.jpg", Body=PLATE, Metadata={"reference": "A-17"})
        given = {
            **dict.fromkeys(("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), store),
            **secrets.VINOCR,
            "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
            "VINDROP_STORAGE_ENDPOINT": endpoint,
            "VINDROP_RATE": "500",
        }
        app = build(settings_module.load(given), secrets.TENCENT_ROLE | secrets.AWS)
        etag = client.head_object(Bucket="photos", Key="a.jpg")["ETag"].strip('"')
        event = payloads.s3("a.jpg", eTag=etag)
        upload_function.process(app, event, a_call())
    assert [each.upload.reference for each in world.readings()] == ["A-17"]


def test_the_callers_own_comes_before_the_objects(world: World) -> None:
    app = world.app()
    put(world, "references/own.jpg", PLATE, "of the object")
    named = {"bucket": BUCKET, "key": "references/own.jpg", "region": "ap-guangzhou"}
    answer = step.process(app, {**named, "reference": "of the\ncaller"}, a_call())
    assert answer["upload"]["reference"] == "of the caller"
    (reading,) = world.readings()
    assert row_of(reading)["reference"] == "of the caller"


def test_a_retry_by_the_sweep_keeps_what_the_caller_said(world: World) -> None:
    app = world.app()
    world.faults.set({"code": "FailedOperation.UnKnowError"})
    upload = world.photo()
    named = {"bucket": BUCKET, "key": upload.key, "region": "ap-guangzhou", "reference": "A-17"}
    step.process(app, {**named, "failures": "return"}, a_call(12))
    world.faults.set()
    make_due(app)
    sweep.process(app, a_call())
    assert [each.upload.reference for each in world.readings()] == ["A-17"]


def test_the_command_line_shows_it_where_there_is_one() -> None:
    plain = a_reading(an_upload("a.jpg"))
    named = replace(plain, upload=replace(an_upload("b.jpg"), reference=ORDER))
    heading, *rows = show.lines(records.READING, [plain, named])
    at = heading.split("\t").index("reference")
    assert [row.split("\t")[at] for row in rows] == ["–", ORDER]
    headings = [
        [column.header for column in show.readings_table(listed, 200).columns]
        for listed in ([plain, named], [plain])
    ]
    assert ["reference" in found for found in headings] == [True, False]
