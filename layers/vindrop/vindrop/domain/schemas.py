"""Records as JSON, by pydantic: written, read back and checked, and described by JSON Schemas.

``docs/schemas/`` holds the schemas, checked in CI. A consumer may hold a structured event against
them; new fields may come under the same version, so none is forbidden.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import Any, Final

from pydantic import TypeAdapter

from vindrop.domain.records import EXTENSIONS, REVIEW, TYPES, class_of

_ID = "The upload's identity: the same event twice is the same upload."
_SEQUENCE = " Then a slash and the review's sequence: each review is an event of its own."


@functools.cache
def adapter(record: type) -> TypeAdapter[Any]:
    """Return what writes and reads records of a class."""
    return TypeAdapter(record)


def data_schema(record: type, ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """Return the schema of a record's fields, its parts under ``$defs``."""
    schema = adapter(record).json_schema(mode="serialization", ref_template=ref_template)
    for name in EXTENSIONS & schema["properties"].keys():
        del schema["properties"][name]
    return schema


def event_schema(kind: str) -> dict[str, Any]:
    """Return the schema (2020-12) of a structured CloudEvents event.

    :param kind: a type of `vindrop.domain.records`, such as ``vindrop.reading.v1``.
    """
    model = class_of(kind)
    data = data_schema(model)
    definitions = data.pop("$defs", {})
    _add_bounds(definitions["Upload"])
    for part in (data, *definitions.values()):
        _as_consumers_see_it(part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": f"{(model.__doc__ or '').partition(chr(10))[0]} A CloudEvents 1.0 event.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {
                "type": "string",
                "minLength": 1,
                "description": _ID + (_SEQUENCE if kind == REVIEW else ""),
            },
            "source": {"type": "string", "format": "uri-reference", "description": "The bucket."},
            "subject": {"type": "string", "description": "The object's key."},
            "type": {"const": kind},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "redelivered": {
                "const": "true",
                "description": "This may be a second copy (CMQ queues, which carry no attributes).",
            },
            "data": {"$ref": "#/$defs/data"},
        },
        "$defs": {"data": data, **definitions},
    }


def _add_bounds(upload: dict[str, Any]) -> None:
    """Say what `vindrop.domain.upload.Upload` checks by hand: pydantic does not see that."""
    for name in ("bucket", "region", "key"):
        upload["properties"][name] = {"minLength": 1, **upload["properties"][name]}
    upload["properties"]["size"]["anyOf"][0]["minimum"] = 0


def _as_consumers_see_it(part: dict[str, Any]) -> None:
    """Fields with a default are always written, but were not by older versions: not required."""
    part.pop("additionalProperties", None)
    if "description" in part:
        part["description"] = part["description"].partition("\n\n:")[0]
    properties = part.get("properties", {})
    if "required" in part:
        part["required"] = [
            name
            for name in part["required"]
            if name in properties and "default" not in properties[name]
        ]


for _type in TYPES.values():  # made while VinOCR answers, not when its answer must be written
    adapter(_type)


_TRACEPARENT: Final = r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
_LARGEST: Final = 2**31 - 1
"""What an INTEGER of every database holds."""


def data_of(event: dict[str, Any]) -> object:
    """Return an event's data with the trace context beside it, where that is one: it goes into headers."""
    data, trace = event.get("data"), event.get("traceparent")
    if not isinstance(data, dict):
        return data
    kept = {name: value for name, value in data.items() if name != "traceparent"}
    if isinstance(trace, str) and re.fullmatch(_TRACEPARENT, trace):
        kept["traceparent"] = trace
    return kept


def check(record: Any) -> None:
    """Refuse a foreign record that no store could keep; its own class has looked at its types.

    :raises ValueError: a moment outside of the calendar, half a surrogate pair in what names an
        object, a number that no column holds.
    """
    upload = record.upload
    numbers = [getattr(record, name, 0) for name in ("attempts", "billed", "redriven")]
    try:
        for name in ("time", "first_seen"):
            if (moment := getattr(record, name, None)) is not None:
                moment.astimezone(dt.timezone.utc).timestamp()
    except OverflowError:
        raise ValueError("a moment is outside of the calendar") from None
    if upload is not None:
        f"{upload.bucket}{upload.region}{upload.key}{upload.version}".encode()
        numbers.append((upload.size or 0) >> 32)
    if max(numbers) > _LARGEST:
        raise ValueError("a number is too large")
