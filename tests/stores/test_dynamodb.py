"""DynamoDB: uploads found by place, clocks that are wrong, tables of earlier versions."""

from __future__ import annotations

import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from tests.destinations.kinds import AWS_KEYS
from tests.library.conftest import a_reading, an_upload
from tests.stores.fixtures import Servers
from vindrop.clouds import aws_api
from vindrop.core.ledger import Claim, Standing
from vindrop.core.store_errors import StoreError
from vindrop.domain.upload import Upload
from vindrop.stores import dynamodb
from vindrop.stores.dynamodb import DynamoDB
from vindrop.stores.dynamodb_tables import tables
from vindrop.stores.ledger.dynamodb import DynamoDBLedger


@pytest.fixture
def name() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


def cold(servers: Servers, name: str) -> DynamoDBLedger:
    """The ledger of an instance that has just begun."""
    url = f"dynamodb://us-east-1/{name}?endpoint={servers['aws'].endpoint}"
    return DynamoDBLedger(DynamoDB(url, AWS_KEYS), "test")


def a_table_of_an_earlier_version(servers: Servers, name: str, *uploads: Upload) -> None:
    """Its uploads have no place, and it has no index by place."""
    before = cold(servers, name)
    client = servers["aws"].client("dynamodb")
    definition = tables(name)["uploads"]
    definition["GlobalSecondaryIndexes"] = definition["GlobalSecondaryIndexes"][:1]
    definition["AttributeDefinitions"] = definition["AttributeDefinitions"][:3]
    client.create_table(**definition)
    for upload in uploads:
        assert isinstance(before.claim(upload, 60), Claim)
        client.update_item(
            TableName=f"{name}_uploads",
            Key={"id": {"S": upload.id}},
            UpdateExpression="REMOVE place",
        )


def test_an_older_table_gets_its_index_and_its_uploads_their_places(
    servers: Servers, name: str
) -> None:
    uploads = [an_upload(f"{number}.jpg", version=f"v{number}") for number in range(5)]
    a_table_of_an_earlier_version(servers, name, *uploads)
    ledger = cold(servers, name)
    ledger.complete_catalogue()
    found = ledger.seen([each.object_id for each in uploads])
    assert {key: [seen.version for seen in all_] for key, all_ in found.items()} == {
        each.object_id: [each.version] for each in uploads
    }
    later = an_upload("later.jpg")
    ledger.claim(later, 60)
    assert cold(servers, name).seen([later.object_id])
    assert isinstance(ledger.claim(uploads[0], 60), Standing)  # nothing else of it has changed


def test_until_the_index_is_there_a_function_goes_on_as_before(servers: Servers, name: str) -> None:
    a_table_of_an_earlier_version(servers, name, an_upload())
    assert cold(servers, name).seen([an_upload().object_id]) == {}
    # And the index is made meanwhile, where that is allowed.
    later = an_upload("later.jpg")
    ledger = cold(servers, name)
    ledger.claim(later, 60)
    assert ledger.seen([later.object_id])


def test_a_role_that_may_not_add_the_index(
    servers: Servers, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_table_of_an_earlier_version(servers, name, an_upload())
    call = aws_api.Client.call

    def forbidding(self: aws_api.Client, operation: str, **parameters: object) -> dict[str, Any]:
        by_place = parameters.get("IndexName") == "by_place"
        if operation == "update_table" or by_place:
            raise aws_api.AWSError("no", "AccessDeniedException", {})
        return call(self, operation, **parameters)

    monkeypatch.setattr(aws_api.Client, "call", forbidding)
    ledger = cold(servers, name)
    assert ledger.seen([an_upload().object_id]) == {}
    with pytest.raises(StoreError, match="vindrop schema dynamodb"):
        ledger.complete_catalogue()


def off_by(seconds: float) -> Any:
    """A clock that is wrong; everything else of `time` is as it was."""
    return SimpleNamespace(
        time=lambda: time.time() + seconds, monotonic=time.monotonic, sleep=time.sleep
    )


@pytest.mark.parametrize("wrong", ["the first", "the second"])
@pytest.mark.parametrize("seconds", [-300.0, 300.0])
def test_a_wrong_clock_of_a_cold_instance_takes_nobodys_claim(
    servers: Servers, name: str, monkeypatch: pytest.MonkeyPatch, wrong: str, seconds: float
) -> None:
    cold(servers, name).claim(an_upload("other.jpg"), 60)  # the tables are there
    for who in ("the first", "the second"):
        monkeypatch.setattr(dynamodb, "time", off_by(seconds if who == wrong else 0.0))
        found = cold(servers, name).claim(an_upload(), 60)
        assert isinstance(found, Claim if who == "the first" else Standing)
    monkeypatch.setattr(dynamodb, "time", time)
    standing = cold(servers, name).standing(an_upload().id)
    assert standing is not None
    assert standing.retry_in is not None
    assert 30 < standing.retry_in < 65


def test_a_refusal_tells_the_time_as_well(
    servers: Servers, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = cold(servers, name)
    ledger.claim(an_upload(), 60)
    monkeypatch.setattr(dynamodb, "time", off_by(300.0))
    late = DynamoDB(f"dynamodb://us-east-1/{name}?endpoint={servers['aws'].endpoint}", AWS_KEYS)
    late.put_new("uploads", {"id": an_upload().id})
    assert late._offset == pytest.approx(-300, abs=5)


def test_halves_of_surrogate_pairs_are_replaced(servers: Servers, name: str) -> None:
    tables_ = cold(servers, name)._tables
    tables_.put_new("uploads", {"id": "x", "failure_message": "a\ud800b\0c"})
    item = tables_.get("uploads", "x")
    assert item is not None
    assert str(item["failure_message"]).startswith("a\ufffdb")


def test_a_reading_is_found_by_its_place_when_it_has_ended(servers: Servers, name: str) -> None:
    ledger, upload = cold(servers, name), an_upload()
    claim = ledger.claim(upload, 60)
    assert isinstance(claim, Claim)
    ledger.keep(upload.id, claim, a_reading(upload), attempts=1, billed=1, lease=60)
    ledger.delivered(upload.id, a_reading(upload))
    (seen,) = ledger.seen([upload.object_id])[upload.object_id]
    assert (seen.version, seen.size) == (upload.version, upload.size)


def test_a_service_on_this_machine_is_asked_without_a_proxy(
    servers: Servers, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    assert isinstance(cold(servers, name).claim(an_upload(), 60), Claim)
