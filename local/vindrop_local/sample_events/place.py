"""Which object a sample event tells of, and what the events of both clouds share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

TENCENT = ("cos", "eventbridge-tencent", "http-tencent")
"""How the names of events begin that tell of a bucket on Tencent."""
APPID = "1250000000"


@dataclass(frozen=True, slots=True)
class Place:
    """An object in a bucket."""

    bucket: str
    region: str
    key: str
    size: int

    @classmethod
    def of(cls, base: str, bucket: str, key: str, region: str, size: int) -> Place:
        """Return the place, with the defaults of the cloud whose event ``base`` is."""
        named, near = "photos", "us-east-1"
        if base.startswith(TENCENT):
            named, near = f"photos-{APPID}", "ap-guangzhou"
        return cls(bucket or named, region or near, key, size or 97_280)

    @property
    def etag(self) -> str:
        """The same for the same place: a sample printed twice is one upload."""
        return hashlib.md5(f"{self.bucket}/{self.key}".encode(), usedforsecurity=False).hexdigest()


def as_json(event: Any) -> str:
    """Return an event as the text that a message carries."""
    return json.dumps(event, ensure_ascii=False)


def records(record: dict[str, Any]) -> dict[str, Any]:
    """Return a batch of one record."""
    return {"Records": [record]}
