"""Records as JSON, by pydantic: written, read back and checked, and described by JSON Schemas.

``docs/schemas/`` holds the schemas, checked in CI. A consumer may hold a structured event against
them; new fields may come under the same version, so none is forbidden.
"""

from __future__ import annotations

import functools
from typing import Any

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
