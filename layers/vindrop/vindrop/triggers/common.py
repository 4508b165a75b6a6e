"""What every trigger file returns, and reading fields without trusting them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from vindrop.domain.arrivals import Arrival, Ignored, Malformed
from vindrop.domain.upload import Upload

MOST_BYTES: Final = 2**53
"""No object is larger."""


class Envelope(msgspec.Struct, frozen=True):
    """A message of a queue, topic or stream that holds another event: still closed."""

    id: str
    """sha256 (hex), the same whenever this message is delivered."""
    body: object
    """Text that is JSON, or an object."""
    receipt: str | None = None
    trace: str | None = None


class Fields(msgspec.Struct, frozen=True):
    """Base of the payload models: strict in what is used, blind to the rest.

    Read by msgspec: pydantic would be a third of a function's cold start.
    """


Filled = Annotated[str, Meta(min_length=1)]
"""A text that is not empty."""
Size = Annotated[int, Meta(ge=0, le=MOST_BYTES)]
"""An object's bytes."""


class Bucket(Fields, frozen=True):
    """A bucket that is told of by its name alone."""

    name: Filled


_MISSING: Final = r"Object missing required field `(?P<field>.+)`"
_F = TypeVar("_F", bound=Fields)


class FieldError(ValueError):
    """A record that ought to name an object does not. ``str()`` names the field, and no value."""


def read(record: object, kind: type[_F]) -> _F:
    """Return ``record`` as the model ``kind``. Numbers may be written as texts.

    :raises FieldError: a field is missing, or is not what it must be.
    """
    try:
        return msgspec.convert(record, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at `$")
        where = at.strip("`.")
        if missing := re.fullmatch(_MISSING, reason):
            reason, where = "is missing", f"{where}.{missing['field']}".strip(".")
        raise FieldError(f"{where or 'the record'}: {reason}") from None
    except (RecursionError, OverflowError, UnicodeError):
        raise FieldError("the record: holds what no platform writes") from None


def malformed(record: object, why: object) -> Malformed:
    """Return what stands for ``record`` where it cannot be understood."""
    return Malformed(identity(record), printable(str(why)))


def identity(record: object) -> str:
    """Return the sha256 (hex) of ``record``, whatever order its fields come in."""
    try:
        canonical = json.dumps(record, sort_keys=True, default=str)
    except (TypeError, ValueError):  # keys of several types, or a record inside itself
        canonical = repr(record)
    except RecursionError:
        canonical = "nested too deeply"
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def arrival(
    record: object,
    kind: type[_F],
    upload: Callable[[_F], Ignored | dict[str, Any]],
    *,
    given: object = None,
) -> Arrival:
    """Return what ``record`` tells of, or what stands for it where it cannot be understood.

    :param kind: its model.
    :param upload: returns the fields of its upload, or why it is none; raises `FieldError`.
    :param given: what is read as the model, where that is not the record itself.
    """
    try:
        fields = upload(read(record if given is None else given, kind))
        if isinstance(fields, Ignored):
            return fields
        found = Upload(**fields)
    except ValueError as error:
        return malformed(record, error)
    for name in ("bucket", "region", "key", "version"):
        if printable(value := str(getattr(found, name))) != value:
            return malformed(record, f"{name}: holds half a character, or NUL")
    if found.key.endswith("/"):
        return Ignored(what=found.key, why="a folder marker")
    return found


def printable(text: str) -> str:
    """Return ``text`` without what no file and no database takes: halves of characters, NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def records_of(payload: Mapping[str, Any]) -> list[Any]:
    """Return ``Records``, or an empty list where there is no such list."""
    records = payload.get("Records")
    return records if isinstance(records, list) else []


def every_has(records: object, *fields: str, **values: str) -> bool:
    """Whether ``records`` is a list, not empty, of objects with ``fields`` and just these ``values``."""
    return (
        isinstance(records, list)
        and bool(records)
        and all(
            isinstance(record, Mapping)
            and all(name in record for name in fields)
            and all(record.get(name) == value for name, value in values.items())
            for record in records
        )
    )


def mapping(value: object) -> Mapping[str, Any]:
    """Return ``value`` where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}
