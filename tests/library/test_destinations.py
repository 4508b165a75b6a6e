"""What every destination promises: one record per upload, whoever brings it how often."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from vindrop.core.destination import Readable
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.destinations import name_of, open_destination
from vindrop.domain.records import Reading
from vindrop.stores import sql


@pytest.fixture(params=["sqlite", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/out.db"
    return f"file://{tmp_path}/out.jsonl"


def opened(url: str) -> Readable:
    return cast("Readable", open_destination(url))


def test_a_record_that_comes_twice_is_one(url: str) -> None:
    destination = opened(url)
    for _ in range(2):
        destination.put(a_reading())
        opened(url).put(a_dead_letter(an_upload("b.jpg")))
    assert list(destination.records("readings")) == [a_reading()]
    assert list(destination.records("dead_letters")) == [a_dead_letter(an_upload("b.jpg"))]


def _put_all(url: str, keys: list[str]) -> None:
    destination = open_destination(url)
    for key in keys:
        destination.put(a_reading(an_upload(key)))


def test_many_processes_at_once_lose_and_double_nothing(url: str) -> None:
    keys = [f"{n}.jpg" for n in range(50)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(_put_all, [(url, keys), (url, keys[::-1]), (url, keys), (url, keys)])
    found = [r.upload.key for r in opened(url).records("readings") if isinstance(r, Reading)]
    assert sorted(found) == sorted(keys)


def test_a_failure_never_stands_beside_a_success(tmp_path: Path) -> None:
    destination = opened(f"sqlite:///{tmp_path}/out.db")
    destination.put(a_dead_letter())
    destination.put(a_reading())
    destination.put(a_dead_letter())
    assert list(destination.records("dead_letters")) == []
    assert list(destination.records("readings")) == [a_reading()]


def test_rows_can_be_asked_for_in_sql(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/out.db"
    open_destination(url).put(a_reading(an_upload("车架号/a b.jpg")))
    rows = (
        sql.open_database(url)
        .execute("SELECT vin, verdict, maker, model_year, object_key FROM vindrop_readings")
        .rows
    )
    assert [tuple(row) for row in rows] == [
        ("LSGPC52H9GF125161", "verified", "SAIC General Motors", 2016, "车架号/a b.jpg")
    ]


def test_more_records_than_a_page(tmp_path: Path) -> None:
    destination = opened(f"sqlite:///{tmp_path}/out.db")
    for n in range(1203):
        destination.put(a_reading(an_upload(f"{n}.jpg")))
    assert len({r.id for r in destination.records("readings")}) == 1203


def test_a_line_that_a_crash_cut_short_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    open_destination(f"file://{path}").put(a_reading(an_upload("a.jpg")))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    open_destination(f"file://{path}").put(a_reading(an_upload("b.jpg")))
    lines = path.read_text().splitlines()
    assert [json.loads(line)["data"]["upload"]["key"] for line in lines] == ["a.jpg", "b.jpg"]


def test_lines_are_cloudevents(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    open_destination(f"file://{path}").put(a_reading())
    event = json.loads(path.read_text())
    assert event["specversion"] == "1.0"
    assert event["id"] == an_upload().id
    assert event["type"] == "vindrop.reading.v1"
    assert event["source"] == "/tencent/ap-guangzhou/photos-1250000000"
    assert event["subject"] == "vin/a.jpg"


@pytest.mark.parametrize(
    "url", ["ftp://x", "nothing", "sqlite://", "sqlite://host/x", "file://host/x", "file:///"]
)
def test_a_wrong_url_is_one_sentence(url: str) -> None:
    with pytest.raises(StoreSettingError) as error:
        open_destination(url)
    assert "\n" not in str(error.value)


def test_a_place_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file, not a folder")
    with pytest.raises(StoreError):
        open_destination(f"file://{tmp_path}/a/out.jsonl").put(a_reading())
    with pytest.raises(StoreError):
        open_destination(f"sqlite:///{tmp_path}/a/out.db").put(a_reading())


def test_a_name_tells_no_secret_and_is_stable() -> None:
    one = name_of("postgresql://user:PLANTED@db/x")
    assert one == name_of("postgresql://user:changed@db/x")
    assert one.startswith("postgresql-")


def test_sqlite_loads_no_other_client(tmp_path: Path) -> None:
    program = (
        "import sys; from vindrop.triggers import upload_function; from vindrop.core import sweep; from vindrop.destinations import open_destination;"
        "open_destination('sqlite:///' + sys.argv[1]);"
        "heavy = {'psycopg','pymysql','redis','pika','confluent_kafka','boto3','botocore','PIL','numpy',"
        "'qcloud_cos','tencentcloud','requests','vininfo','pydantic'};"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[]"
