"""A caller's own reference for a photo: by field, form or header; kept with the reading."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.http.conftest import Service
from tests.pipeline.conftest import SAMPLES
from tests.stores.fixtures import Servers, fresh_store
from vindrop.domain.upload import REFERENCE_LENGTH
from vindrop.stores import sql

PLATE = (SAMPLES / "plate-04.jpg").read_bytes()
ORDER = "订单 2026/11-車 №7"
FORM = "multipart/form-data; boundary=b"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        f"--b\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + data + b"\r\n"
        for name, data in parts
    )
    return body + b"--b--\r\n"


@pytest.mark.parametrize("way", ["header", "json", "json beside a header", "form", "form, late"])
def test_each_way_keeps_it_with_the_reading(service: Service, way: str) -> None:
    photo, named = ('name="photo"; filename="a.jpg"', PLATE), ('name="reference"', ORDER.encode())
    encoded = {"ImageBase64": b64encode(PLATE).decode(), "reference": f" {ORDER}\n"}
    given: dict[str, tuple[Any, str, dict[str, str]]] = {
        "header": (PLATE, "image/jpeg", {"X-Reference": quote(ORDER)}),
        "json": (json.dumps(encoded), "application/json", {}),
        "json beside a header": (json.dumps(encoded), "application/json", {"X-Reference": "no"}),
        "form": (form(named, photo), FORM, {}),
        "form, late": (form(photo, named), FORM, {}),
    }
    body, kind, headers = given[way]
    answer = service.post(body, kind, headers=headers)
    assert answer.status == 200, answer.text
    assert answer.json["upload"]["reference"] == ORDER
    (reading,) = service.world.readings()
    assert reading.upload.reference == ORDER


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_is_a_column_of_the_results(
    make_service: Any, servers: Servers, tmp_path: Path, kind: str
) -> None:
    url = fresh_store(servers, kind, tmp_path)
    service = make_service(VINDROP_RESULTS=url)
    service.post(PLATE, headers={"X-Reference": quote(ORDER)})
    rows = sql.open_database(url).execute("SELECT vin, reference FROM vindrop_readings").rows
    assert [tuple(row) for row in rows] == [("5NPEVYK97FD841835", ORDER)]
    sql.forget(url)


def test_without_one_the_field_is_null(service: Service) -> None:
    assert service.post(PLATE).json["upload"]["reference"] is None


def test_the_same_photo_again_is_answered_with_the_first_one_and_not_paid_again(
    service: Service,
) -> None:
    before = service.world.calls()
    first = service.post(PLATE, headers={"X-Reference": "A-17"})
    again = service.post(PLATE, headers={"X-Reference": "A-18"})
    assert first.json["id"] == again.json["id"]
    assert (again.json["new"], again.json["upload"]["reference"]) == (False, "A-17")
    assert (service.world.calls() - before).billed == 1


@pytest.mark.parametrize("way", ["header", "json", "form", "place"])
def test_one_that_is_too_long_is_refused_and_not_cut(make_service: Any, way: str) -> None:
    service = make_service(VINDROP_UPLOAD_BUCKET="photos-1250000000")
    long = "x" * (REFERENCE_LENGTH + 1)
    encoded = json.dumps({"ImageBase64": b64encode(PLATE).decode(), "reference": long})
    photo = ('name="photo"; filename="a.jpg"', PLATE)
    answer = {
        "header": lambda: service.post(PLATE, headers={"X-Reference": long}),
        "json": lambda: service.post(encoded, "application/json"),
        "form": lambda: service.post(form(photo, ('name="reference"', long.encode())), FORM),
        "place": lambda: service.post(
            json.dumps({"reference": long}), "application/json", path="/v1/uploads"
        ),
    }[way]()
    assert (answer.status, answer.problem) == (400, "bad-request")
    assert "eference" in answer.json["detail"]
    assert service.world.readings() == []


def test_a_large_photo_takes_it_along_through_the_bucket(make_service: Any) -> None:
    import requests

    service = make_service(VINDROP_UPLOAD_BUCKET="photos-1250000000")
    asked = json.dumps({"size": len(PLATE), "type": "image/jpeg", "reference": ORDER})
    place = service.post(asked, "application/json", path="/v1/uploads").json
    assert place["object"]["reference"] == ORDER
    put = requests.put(place["url"], data=PLATE, headers=place["headers"], timeout=60)
    assert put.status_code == 200, put.text
    answer = service.post(json.dumps(place["object"]), "application/json")
    assert answer.json["upload"]["reference"] == ORDER


def test_the_same_idempotency_key_names_the_same_object(make_service: Any) -> None:
    service = make_service(VINDROP_UPLOAD_BUCKET="photos-1250000000")
    body = json.dumps({"size": 9, "type": "image/jpeg"})

    def place(**headers: str) -> str:
        answer = service.post(body, "application/json", path="/v1/uploads", headers=headers)
        return str(answer.json["object"]["key"])

    first, again = (place(**{"Idempotency-Key": "../é 1"}) for _ in range(2))
    assert first == again
    assert first.startswith("vindrop-http/once/")
    assert first.count("/") == 2
    others = {place(**{"Idempotency-Key": "2"}), place(), place(), first}
    assert len(others) == 4
