"""How the declaration of a record says which of its fields have a column, and which are shown.

``maker: Annotated[str | None, Column("VARCHAR", 255), Shown("maker")]`` in `vindrop.domain.records`
is all that SQL tables, DynamoDB items and the tables of the command line know of the field.
The modules that declare records go without ``from __future__ import annotations``: every cold
start reads the marks, and evaluating annotations that are strings takes six times as long.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

Value = str | int | float
"""What a column holds."""


class Column(NamedTuple):
    """The field has a column in SQL and an attribute in DynamoDB.

    NOT NULL where the field takes no None and has no default: those of the first version. A tuple
    is stored as JSON, and so is a dataclass.
    """

    sql: Literal["CHAR", "VARCHAR", "INTEGER", "DOUBLE PRECISION", "TEXT"]
    length: int | None = None
    """Characters of CHAR and VARCHAR; SQL tables cut what is longer."""
    name: str = ""
    """Of the column, where it differs from the field's."""


class Shown(NamedTuple):
    """The field has a column in the tables that the command line prints."""

    heading: str


class Limits(NamedTuple):
    """What a value must keep to. Checked where records are read back; published in the schema."""

    ge: float | None = None
    le: float | None = None
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Hand the limits to pydantic, without importing it (cold start)."""
        kept = {
            name: value
            for name in ("ge", "le", "pattern")
            if (value := getattr(self, name)) is not None
        }
        return {**handler(source), **kept}


class Field(NamedTuple):
    """A field of a record, or of an object inside it (its upload, its call)."""

    path: tuple[str, ...]
    """Names of the attributes that lead to it, such as ``("upload", "key")``."""
    name: str
    """Of its column."""
    column: Column | None
    shown: Shown | None
    required: bool
    """Whether every record ever written has it."""

    def value(self, record: object) -> Value | None:
        """Return what ``record`` has there, as a column holds it."""
        found: Any = record
        for name in self.path:
            found = getattr(found, name, None)
        if isinstance(found, Enum):
            return str(found.value)
        if found is None or isinstance(found, str | int | float):
            return found
        return json.dumps(
            found, default=dataclasses.asdict, ensure_ascii=False, separators=(",", ":")
        )


@functools.cache
def fields(record: type) -> tuple[Field, ...]:
    """Return the fields of a record's class that have a column or are shown, its own ones first."""
    own: list[Field] = []
    inner: list[Field] = []
    hints: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(record)}
    if any(isinstance(hint, str) for hint in hints.values()):
        hints = get_type_hints(record, include_extras=True)
    for field in dataclasses.fields(record):
        kind = hints[field.name]
        marks = getattr(kind, "__metadata__", ())
        column = next((mark for mark in marks if isinstance(mark, Column)), None)
        shown = next((mark for mark in marks if isinstance(mark, Shown)), None)
        if column or shown:
            name = (column and column.name) or field.name
            required = field.default is dataclasses.MISSING and type(None) not in _members(kind)
            own.append(Field((field.name,), name, column, shown, required))
        for part in _members(kind):
            if dataclasses.is_dataclass(part) and isinstance(part, type):
                inner += [
                    found._replace(path=(field.name, *found.path), required=False)
                    for found in fields(part)
                ]
    return (*own, *inner)


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the types of ``A | B``; of any other type, itself."""
    if hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return get_args(kind) or (kind,)
