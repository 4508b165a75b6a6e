"""What every trigger file returns, and reading fields without trusting them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from vindrop.clouds import own_region, store_for, trimmed
from vindrop.domain.arrivals import Arrival, Ignored, Malformed
from vindrop.domain.failures import FailureError
from vindrop.domain.redaction import printable
from vindrop.domain.upload import BucketCloud, Upload

MOST_BYTES: Final = 2**53
"""No object is larger."""
_MILLISECONDS: Final = 10**11
"""A time above this is no number of seconds."""


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
Loose = Any
"""A field that is not needed to find the object: whatever stands in it, it refuses nothing."""


class Bucket(Fields, frozen=True):
    """A bucket that is told of by its name alone."""

    name: Filled


_MISSING: Final = r"Object missing required field `(?P<field>.+)`"
_F = TypeVar("_F", bound=Fields)
_UNREADABLE: Final = (msgspec.ValidationError, RecursionError, OverflowError, ValueError)
"""What msgspec raises where a value is not of a type; ValueError for half a character."""


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
        if found.cloud != "http":
            # What can be no name on any cloud ends here, whatever else may be wrong with it later.
            names = found.bucket, found.region, found.key, found.version_id or ""
            store_for(found.cloud).validate(*names, loosely=True)
    except FailureError as error:
        return malformed(record, error.failure.message)
    except ValueError as error:
        return malformed(record, error)
    if found.key.endswith("/"):
        return Ignored(what=found.key, why="a folder marker")
    return found


def text(value: Loose) -> str:
    """Return a text or a number as a text that can be written; an empty one for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    try:
        return writable(str(value))
    except ValueError:  # a number of thousands of digits
        return ""


def size(value: Loose) -> int | None:
    """Return a number of bytes, or None where none is said."""
    try:
        found = msgspec.convert(value, int, strict=False)
    except _UNREADABLE:
        return None
    return found if 0 <= found <= MOST_BYTES and not isinstance(value, bool) else None


def moment(value: Loose) -> dt.datetime | None:
    """Return a time given as ISO text, seconds or milliseconds since 1970, or None."""
    try:
        number = msgspec.convert(value, float, strict=False)
        value = number / 1000 if number > _MILLISECONDS else number
    except _UNREADABLE:
        pass
    try:
        found = msgspec.convert(value, dt.datetime, strict=False)
    except _UNREADABLE:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)


def region(value: Loose, cloud: BucketCloud | None, otherwise: str = "") -> str:
    """Return the region that an event says, else the function's own.

    :param value: a number, a list or the like says none.
    :param cloud: whose platform's region stands for it; where that says none, any platform's.
    :param otherwise: where nobody says one.
    :raises FieldError: nobody says one.
    """
    found = (
        region_said(value) or own_region(os.environ, cloud) or own_region(os.environ) or otherwise
    )
    if not found:
        raise FieldError(
            "region: is missing, and this machine has none of its own: add the bucket's region, such "
            "as ap-guangzhou or us-east-1"
        )
    return found


def region_said(value: Loose) -> str:
    """Return the region that a field says, as clouds write it, or an empty text."""
    return trimmed(value).lower() if isinstance(value, str) else ""


def compact(name: Loose) -> str:
    """Return the name of an event in small letters and without blanks, as consoles write them.

    ``cos: ObjectCreated: *`` is ``cos:objectcreated:*``. Empty: the event says none. It is taken for
    one of a new object then: an upload that is looked for in vain is told of, one left out is not.
    """
    return "".join(trimmed(name).split()).lower() if isinstance(name, str) else ""


def writable(text: str) -> str:
    """Return ``text`` without what no file and no database takes: halves of characters, NUL.

    All else stays: what tells two uploads apart must not become the same.
    """
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
