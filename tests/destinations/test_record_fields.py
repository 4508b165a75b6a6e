"""One declaration of a record: a new field reaches tables, items, schema and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, cast

import jsonschema
import pytest

from tests import secrets
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.fixtures import Servers, fresh_store
from vindrop.core.destination import Readable
from vindrop.destinations import open_destination
from vindrop.domain import records
from vindrop.domain.columns import Column, Shown
from vindrop.domain.recognition import Alternative, Character, RecognizerCall
from vindrop.domain.records import READING, DeadLetter, Reading, Record
from vindrop.domain.schemas import event_schema
from vindrop.stores import sql
from vindrop_local import show, terminal

OLD = Path(__file__).parent / "version_0_1"
EVENTS: list[dict[str, Any]] = json.loads((OLD / "events.json").read_text())
"""A reading and a dead letter as 0.1 wrote them."""
TABLES: dict[str, list[str]] = json.loads((OLD / "tables.json").read_text())
"""Database → the statements by which 0.1 made its tables."""
CASCADE: dict[str, Any] = {
    "confidence": 0.61,
    "characters": (Character(character="L", confidence=0.9, alternatives=(("1", 0.05),)),),
    "alternatives": (Alternative(vin="LSGPC52H9GF125167", confidence=0.2),),
    "recognizers": (
        RecognizerCall(name="own", vin="LSGPC52H9GF125161", confidence=0.61, seconds=0.4),
        RecognizerCall(name="cloud", request_id="r-2", billed=1, code="FailedOperation.OcrFailed"),
    ),
}
"""What a reading says of the recognizers that were asked."""
BOX = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.3), (0.1, 0.3))


@dataclass(frozen=True, kw_only=True)
class PaintedReading(Reading):
    """A reading of a later version: one field more, and that is all there is to it."""

    paint: Annotated[str | None, Column("VARCHAR", 8), Shown("paint")] = None
    stickers: Annotated[int, Column("INTEGER")] = 0


def painted(key: str = "vin/a.jpg", paint: str | None = "red") -> PaintedReading:
    reading = a_reading(an_upload(key))
    given = {field.name: getattr(reading, field.name) for field in fields(reading)}
    return PaintedReading(**given, paint=paint, stickers=3)


@pytest.fixture
def later_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(records.TYPES, READING, PaintedReading)


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path
) -> Iterator[sql.Database]:
    """A database with the tables of 0.1 and one row in each."""
    url = fresh_store(servers, request.param, tmp_path)
    found = sql.open_database(url)
    for statement in TABLES[request.param]:
        found.execute(statement)
    insert_as_0_1(found, EVENTS[0])
    insert_as_0_1(found, EVENTS[1])
    yield found
    sql.forget(url)


def insert_as_0_1(database: sql.Database, event: dict[str, Any]) -> None:
    """Write a row as a process of 0.1 does, which knows no later column."""
    data = event["data"]
    row = {
        "id": event["id"],
        "cloud": data["upload"]["cloud"],
        "bucket": data["upload"]["bucket"],
        "object_key": data["upload"]["key"],
        "made_at": event["time"].replace("Z", ".000000+00:00"),
        "event": json.dumps(event),
    }
    if event["type"] == READING:
        row |= {name: data[name] for name in ("vin", "verdict", "maker", "model_year")}
    else:
        row |= {name: data[name] for name in ("code", "message", "disposition", "attempts")}
    table = "vindrop_readings" if event["type"] == READING else "vindrop_dead_letters"
    database.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{n}' for n in row)})", **row
    )


def opened(database: sql.Database) -> Readable:
    return cast("Readable", open_destination(database.url))


def as_of(earlier: Any, written: Any) -> Any:
    """Return ``written`` without the fields that an earlier version did not have."""
    if not isinstance(earlier, dict) or not isinstance(written, dict):
        return written
    return {name: as_of(earlier[name], value) for name, value in written.items() if name in earlier}


def test_events_of_0_1_are_read() -> None:
    reading, letter = (records.from_cloudevent(event) for event in EVENTS)
    assert isinstance(reading, Reading)
    assert isinstance(letter, DeadLetter)
    assert (reading.vin, reading.vin_box) == ("LSGPC52H9GF125161", None)
    assert reading.traceparent == EVENTS[0]["traceparent"]
    for record, event in zip((reading, letter), EVENTS, strict=True):
        written = records.to_cloudevent(cast("Reading | DeadLetter", record))
        assert as_of(event, written) == event, "what 0.1 wrote is still written, in the same words"


def test_an_event_of_a_later_version_is_read_without_what_it_added() -> None:
    event = records.to_cloudevent(painted())
    event["data"]["vinocr"]["engine"] = "ours"
    event["data"]["upload"]["camera"] = "front"
    later = {**event, "data": {**event["data"], "paint": "red"}}
    assert records.from_cloudevent(later) == a_reading()


@pytest.mark.parametrize(
    "wrong",
    [{"vin": "LSGPC52H9GF12516"}, {"vin": None}, {"attempts": 0}, {"read_at": "noon"},
     {"vin_box": [[0, 0]]}, {"vin_box": [[0, 0], [1, 0], [1, 2], [0, 1]]}, {"confidence": 1.01},
     {"characters": [{"character": "L"}]}, {"alternatives": [{"vin": "L", "confidence": -1}]},
     {"recognizers": [{"name": "own", "billed": -1}]}],
)  # fmt: skip
def test_what_breaks_a_records_limits_is_not_read(wrong: dict[str, Any]) -> None:
    event = records.to_cloudevent(a_reading())
    with pytest.raises(ValueError, match=next(iter(wrong))):
        records.from_cloudevent({**event, "data": {**event["data"], **wrong}})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event["type"]))
def test_events_of_0_1_fit_the_schema_of_today(event: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(event_schema(event["type"])).validate(event)


def test_a_table_of_0_1_gets_the_new_column_and_keeps_its_rows(database: sql.Database) -> None:
    destination = opened(database)
    (old,) = destination.records("readings")
    assert (old.id, cast("Reading", old).vin_box) == (EVENTS[0]["id"], None)
    assert [letter.id for letter in destination.records("dead_letters")] == [EVENTS[1]["id"]]

    new = Reading(**{**vars(a_reading(an_upload("new.jpg"))), "vin_box": BOX})
    destination.put(new)
    rows = database.execute("SELECT object_key, vin_box FROM vindrop_readings").rows
    boxes = {key: json.loads(box) if box else None for key, box in rows}
    assert boxes == {"vin/a.jpg": None, "new.jpg": [list(point) for point in BOX]}
    assert new in list(destination.records("readings"))


def test_a_process_of_0_1_writes_beside_a_new_one(database: sql.Database) -> None:
    """During a deployment both versions run, on a table that the new one has changed."""
    destination = opened(database)
    late = records.to_cloudevent(a_reading(an_upload("late.jpg")))
    del late["data"]["vin_box"]
    insert_as_0_1(database, late)
    insert_as_0_1(database, records.to_cloudevent(a_dead_letter(an_upload("dead.jpg"))))
    assert late["id"] in {record.id for record in destination.records("readings")}
    assert len(list(destination.records("dead_letters"))) == 2


def test_what_each_recognizer_said_comes_back_from_a_table_of_0_1(database: sql.Database) -> None:
    new = Reading(**{**vars(a_reading(an_upload("new.jpg"))), **CASCADE})
    opened(database).put(new)
    rows = database.execute("SELECT object_key, confidence, recognizers FROM vindrop_readings").rows
    found = {key: (confidence, calls) for key, confidence, calls in rows}
    assert found["vin/a.jpg"] == (None, None)
    assert found["new.jpg"][0] == 0.61
    assert [call["name"] for call in json.loads(found["new.jpg"][1])] == ["own", "cloud"]
    assert new in list(opened(database).records("readings"))
    assert records.from_json(records.to_json(new)) == new
    jsonschema.Draft202012Validator(event_schema(READING)).validate(records.to_cloudevent(new))


def test_what_each_recognizer_said_is_in_an_item(servers: Servers) -> None:
    server = servers["aws"]
    url = f"dynamodb://us-east-1/cascade?endpoint={server.endpoint}"
    destination = cast("Readable", open_destination(url, secrets.AWS))
    new = Reading(**{**vars(a_reading(an_upload("new.jpg"))), **CASCADE})
    destination.put(new)
    destination.put(a_reading(an_upload("old.jpg")))
    items = server.client("dynamodb").scan(TableName="cascade_readings")["Items"]
    assert {item["object_key"]["S"]: item.get("confidence") for item in items} == {
        "new.jpg": {"N": "0.61"},
        "old.jpg": None,
    }
    assert new in list(destination.records("readings"))


@pytest.mark.usefixtures("later_version")
def test_a_declared_field_is_a_column_of_an_old_table(database: sql.Database) -> None:
    for _ in range(2):  # another process, or the next start: nothing is left to add
        destination = opened(database)
    destination.put(painted("new.jpg", "vermilion"))
    rows = database.execute("SELECT object_key, paint, stickers FROM vindrop_readings").rows
    assert {key: rest for key, *rest in rows} == {
        "vin/a.jpg": [None, None],
        "new.jpg": ["vermilio", 3],  # cut to its column; whole in the event
    }
    assert painted("new.jpg", "vermilion") in list(destination.records("readings"))
    insert_as_0_1(database, records.to_cloudevent(a_dead_letter(an_upload("dead.jpg"))))


@pytest.mark.usefixtures("later_version")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_a_declared_field_is_a_column_of_a_new_table(
    kind: str, servers: Servers, tmp_path: Path
) -> None:
    """Optional there too: a process of an earlier version writes into it."""
    database = sql.open_database(fresh_store(servers, kind, tmp_path))
    opened(database)
    insert_as_0_1(database, EVENTS[0])
    rows = database.execute("SELECT paint, stickers, vin_box FROM vindrop_readings").rows
    assert [list(row) for row in rows] == [[None, None, None]]
    sql.forget(database.url)


@pytest.mark.usefixtures("later_version")
def test_a_declared_field_is_an_attribute_of_an_item(servers: Servers) -> None:
    server = servers["aws"]
    url = f"dynamodb://us-east-1/fields?endpoint={server.endpoint}"
    destination = cast("Readable", open_destination(url, secrets.AWS))
    destination.put(painted("a.jpg"))
    destination.put(painted("b.jpg", None))
    items = server.client("dynamodb").scan(TableName="fields_readings")["Items"]
    assert {item["object_key"]["S"]: item.get("paint") for item in items} == {
        "a.jpg": {"S": "red"},
        "b.jpg": None,
    }
    assert {item["stickers"]["N"] for item in items} == {"3"}
    assert painted("a.jpg") in list(destination.records("readings"))


@pytest.mark.usefixtures("later_version")
def test_a_declared_field_is_in_the_schema() -> None:
    schema = event_schema(READING)
    assert "paint" in schema["$defs"]["data"]["properties"]
    assert "paint" not in schema["$defs"]["data"]["required"], "events of before lack it"
    jsonschema.Draft202012Validator(schema).validate(records.to_cloudevent(painted()))


@pytest.mark.usefixtures("later_version")
def test_a_shown_field_is_in_the_table_of_the_command_line() -> None:
    lines = drawn([painted("vin/a.jpg", "red"), painted("vin/[b].jpg", None)])
    assert lines[0].split() == [
        "photo", "VIN", "verdict", "maker", "year", "paint", "seconds",
    ]  # fmt: skip
    assert lines[1].split() == [
        "vin/a.jpg", "LSGPC52H9GF125161", "verified", "SAIC", "General", "Motors", "2016", "red",
        "0.40",
    ]  # fmt: skip
    assert lines[2].split()[0] == "vin/[b].jpg", "a key is text, not markup"
    assert lines[2].split()[-2:] == ["–", "0.40"]


def test_the_table_of_today_shows_no_box() -> None:
    (heading, _) = drawn([Reading(**{**vars(a_reading()), "vin_box": BOX})])
    assert heading.split() == ["photo", "VIN", "verdict", "maker", "year", "seconds"]


def drawn(found: list[Record]) -> list[str]:
    console = terminal.console()
    console.width = 160
    with console.capture() as capture:
        console.print(show.readings_table(cast("list[Reading]", found), 160))
    return capture.get().splitlines()
