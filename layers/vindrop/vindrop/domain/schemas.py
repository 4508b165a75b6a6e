"""JSON Schemas of what leaves, made from the models. ``docs/schemas/`` holds them, checked in CI.

A consumer may hold a structured event against them; new fields may come under the same version,
so none is forbidden.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from vindrop.domain.records import DEAD_LETTER, READING, DeadLetter, Reading

MODELS: Final[dict[str, type[BaseModel]]] = {READING: Reading, DEAD_LETTER: DeadLetter}


def event_schema(kind: str) -> dict[str, Any]:
    """Return the schema (2020-12) of a structured CloudEvents event.

    :param kind: a type of `vindrop.domain.records`, such as ``vindrop.reading.v1``.
    """
    model = MODELS[kind]
    data = model.model_json_schema(mode="serialization")
    definitions = data.pop("$defs", {})
    for name, field in model.model_fields.items():
        if field.exclude:  # travels as an extension of the event
            data["properties"].pop(name, None)
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
                "description": "The upload's identity: the same event twice is the same upload.",
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
    """Say what `vindrop.domain.upload.Upload` checks by hand: it is no pydantic model."""
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
