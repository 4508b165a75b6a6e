"""The events in ``events/``, read as templates; and which object an event tells of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from vindrop_local import clone

EVENTS: Final = clone.ROOT / "events"
TENCENT: Final = ("cos", "eventbridge-tencent", "http-tencent")
"""How the names of events begin that tell of a bucket on Tencent."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object in a bucket."""

    bucket: str
    region: str
    key: str
    size: int
    reference: str = ""
    """The uploader's own, such as a stock number."""

    @classmethod
    def of(
        cls, base: str, bucket: str, key: str, region: str, size: int, reference: str = ""
    ) -> Place:
        """Return the place, with the defaults of the cloud whose event ``base`` is."""
        named, near = "photos", "us-east-1"
        if base.startswith(TENCENT):
            named, near = "photos-1250000000", "ap-guangzhou"
        elif base == "oss":
            named, near = "photos", "cn-hangzhou"
        photo = EVENTS / "photos" / key
        known = photo.stat().st_size if "\0" not in key and photo.is_file() else 97_280
        return cls(bucket or named, region or near, key, size or known, reference)

    @property
    def etag(self) -> str:
        """That of the sample photo; for any other key a text that no store takes for an ETag.

        The same for the same place: a sample printed twice is one upload.
        """
        photo = EVENTS / "photos" / self.key
        if "\0" not in self.key and photo.is_file():
            return hashlib.md5(photo.read_bytes(), usedforsecurity=False).hexdigest()
        return (
            "sample-"
            + hashlib.md5(f"{self.bucket}/{self.key}".encode(), usedforsecurity=False).hexdigest()
        )


@cache
def _text(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> Any:
    """Return the event of ``events/<name>.json``, to be changed at will."""
    return json.loads(_text(name))


def as_json(event: Any) -> str:
    """Return an event as the text that a message carries."""
    return json.dumps(event, ensure_ascii=False)
