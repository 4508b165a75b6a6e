"""``vindrop schema``: the tables that a database needs, and the schemas of what leaves."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from vindrop_local.commands.options import a_folder
from vindrop_local.errors import UserError


class Kind(str, Enum):
    """What can be printed."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    DYNAMODB = "dynamodb"
    RECORDS = "records"


def schema(
    kind: Annotated[Kind, typer.Argument(help="A database, or `records`.")],
    *,
    prefix: Annotated[
        str, typer.Option("--prefix", help="dynamodb: what the tables' names begin with.")
    ] = "vindrop",
    folder: Annotated[
        Path | None,
        typer.Option("--write-to", help="records: folder to write one file per type into."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One object a line: a statement, template or schema each."),
    ] = False,
) -> None:
    """Print the tables of ledger, rate limiter and results: SQL, or a CloudFormation template (dynamodb).

    Functions make missing tables themselves; this is for accounts that may not. `records` prints
    the JSON Schemas of readings and dead letters.
    """
    if kind is Kind.RECORDS:
        _records(folder, as_json=as_json)
    elif kind is Kind.DYNAMODB:
        sys.stdout.write(json.dumps(cloudformation(prefix), indent=None if as_json else 2) + "\n")
    elif as_json:
        for statement in statements(kind.value):
            sys.stdout.write(json.dumps({"statement": statement}) + "\n")
    else:
        sys.stdout.write(migration(kind.value))


def migration(kind: str) -> str:
    """Return the SQL that makes every table; running it twice changes nothing."""
    return "".join(f"{statement};\n" for statement in statements(kind))


def statements(kind: str) -> list[str]:
    """Return the statements that make every table."""
    from vindrop.destinations import sql as results
    from vindrop.stores.ledger import sql_schema as ledger
    from vindrop.stores.rate_limiter import sql as rate_limiter
    from vindrop.stores.sql import mysql, postgresql, sqlite

    dialect = {"sqlite": sqlite.DIALECT, "postgresql": postgresql.DIALECT, "mysql": mysql.DIALECT}[
        kind
    ]
    return [
        statement
        for make in (ledger.schema, ledger.console_schema, rate_limiter.schema, results.schema)
        for made in make(dialect).values()
        for statement in made
    ]


def cloudformation(prefix: str) -> dict[str, Any]:
    """Return a template with the tables of DynamoDB."""
    from vindrop.stores.dynamodb_tables import tables

    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            name.title().replace("_", ""): {
                "Type": "AWS::DynamoDB::Table",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": definition,
            }
            for name, definition in tables(prefix).items()
        },
    }


def _records(folder: Path | None, *, as_json: bool) -> None:
    from vindrop.domain.records import KINDS
    from vindrop.domain.schemas import event_schema

    found = {kind: event_schema(kind) for kind in KINDS}
    if folder is None and as_json:
        for kind, content in found.items():
            line = {"type": kind, "schema": content}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        return
    if folder is None:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    a_folder(folder, "--write-to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, content in found.items():
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            (folder / f"{kind}.json").write_text(text)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
