"""What is printed and committed fits what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from tests import secrets
from tests.library.conftest import a_dead_letter, a_reading, a_review
from tests.stores.fixtures import Servers, fresh_store
from vindrop.destinations import open_destination
from vindrop.domain.records import KINDS, Record, to_cloudevent, type_of
from vindrop.domain.schemas import event_schema
from vindrop.stores import open_ledger, open_rate_limiter, sql
from vindrop_local import cli
from vindrop_local.commands.schema import cloudformation, migration

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


def records() -> list[Record]:
    malformed = replace(a_dead_letter(), upload=None, event_id="e-1")
    redriven = replace(a_dead_letter(), redriven=3, request_id=None)
    traced = replace(
        a_reading(), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    bare = replace(a_reading(), maker=None, model_year=None, region=None)
    no_vin = replace(a_review(), vin=None, reason="no_vin", seconds=None, check_digit=None)
    undone = replace(no_vin, reason="undone", sequence=2, correction_of=1)
    reviews = [a_review(), no_vin, undone]
    return [a_reading(), traced, bare, a_dead_letter(), malformed, redriven, *reviews]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_models(kind: str) -> None:
    committed = json.loads((SCHEMAS / f"{kind}.json").read_text())
    assert committed == event_schema(kind), (
        "run: vindrop schema records --write-to docs/schemas; a change that takes something away "
        "from consumers needs a new version of the type"
    )


@pytest.mark.parametrize("record", records())
def test_what_is_written_fits_its_schema(record: Record) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads((SCHEMAS / f"{type_of(record)}.json").read_text()),
        format_checker=jsonschema.FormatChecker(),
    )
    event = to_cloudevent(record)
    validator.validate(event)
    for broken in (
        event | {"specversion": "0.3"},
        event | {"type": "vindrop.reading.v2"},
        {name: value for name, value in event.items() if name != "id"},
        event | {"data": {}},
    ):
        assert not validator.is_valid(broken)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_the_printed_migration_makes_all_that_is_needed(
    kind: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh_store(servers, kind, tmp_path)
    database = sql.open_database(url)
    for _ in range(2):  # twice changes nothing
        for statement in migration(kind).split(";\n"):
            if statement:
                database.execute(statement)
    executed: list[str] = []
    execute = type(database).execute

    def watched(self: object, statement: str, **values: object) -> sql.Result:
        executed.append(statement)
        return execute(self, statement, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(type(database), "execute", watched)
    open_ledger(url, account="a")
    open_rate_limiter(url, account="a", rate=10).reserve(1)
    open_destination(url).put(a_reading())
    assert executed
    assert not [statement for statement in executed if statement.startswith(("CREATE", "ALTER"))]
    sql.forget(url)


def test_the_printed_template_makes_all_that_is_needed(servers: Servers) -> None:
    server = servers["aws"]
    client = server.client("dynamodb")
    for made in cloudformation("printed")["Resources"].values():
        client.create_table(**made["Properties"])
    tables = set(client.list_tables()["TableNames"])
    url = f"dynamodb://us-east-1/printed?endpoint={server.endpoint}"
    keys = secrets.AWS
    assert open_ledger(url, account="a", environment=keys).counts() == {}
    open_rate_limiter(url, account="a", rate=10, environment=keys).reserve(1)
    open_destination(url, keys).put(a_reading())
    assert set(client.list_tables()["TableNames"]) == tables


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql", "dynamodb", "records"])
def test_the_command_prints(kind: str) -> None:
    done = CliRunner().invoke(cli.app, ["schema", kind], catch_exceptions=False)
    assert done.exit_code == 0
    assert "vindrop" in done.output
