"""What every trigger file returns, and reading fields without trusting them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from vindrop.upload import Upload


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that is no upload, and why: a folder marker, a deletion, a test event."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record that ought to name an object and does not."""

    id: str
    """sha256 (hex) of the record, so that the same one twice is one dead letter."""
    why: str
    """Names the field; holds no value of the record."""


Arrival = Upload | Ignored | Malformed


class Fields(BaseModel):
    """Base of the payload models: strict in what is used, blind to the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def malformed(record: object, error: ValidationError | str) -> Malformed:
    """Return what stands for ``record`` where it cannot be understood."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        why = error
    canonical = json.dumps(record, sort_keys=True, default=str).encode()
    return Malformed(hashlib.sha256(canonical).hexdigest(), why)


def records_of(payload: Mapping[str, Any]) -> list[Any]:
    """Return ``Records``, or an empty list where there is no such list."""
    records = payload.get("Records")
    return records if isinstance(records, list) else []
