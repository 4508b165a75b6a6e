"""Which object a sample event tells of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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
        if base.startswith(TENCENT):
            named = bucket or f"photos-{APPID}"
            return cls(named, region or "ap-guangzhou", key, size or 97_280)
        return cls(bucket or "photos", region or "us-east-1", key, size or 97_280)

    @property
    def etag(self) -> str:
        """The same for the same place: a sample printed twice is one upload."""
        return hashlib.md5(f"{self.bucket}/{self.key}".encode(), usedforsecurity=False).hexdigest()
