"""What arrived and where; its identity. The word everything downstream speaks."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Cloud = Literal["tencent", "aws"]


class Upload(BaseModel):
    """An object that arrived in a bucket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: Cloud
    bucket: str = Field(min_length=1)
    """As the cloud's API wants it: on Tencent with the account's number (``name-appid``)."""
    region: str = Field(min_length=1)
    """Long form, such as ``ap-guangzhou`` or ``us-east-1``."""
    key: str = Field(min_length=1)
    """Object key, decoded, without a leading slash of the event's making."""
    version: str
    """What tells two uploads to one key apart: S3 versionId or eTag+sequencer, COS request id or ETag."""
    size: int | None = Field(default=None, ge=0)
    """Bytes, where the event says it."""
    uploaded_at: dt.datetime | None = None
    """When the object was written (UTC), where the event says it."""

    @functools.cached_property
    def id(self) -> str:
        """sha256 (hex) over cloud, bucket, key and version: the same event twice is the same upload.

        Written as a JSON list, so that no two different uploads can run into one string.
        """
        parts = json.dumps([self.cloud, self.bucket, self.key, self.version], ensure_ascii=True)
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def place(self) -> str:
        """``cos://bucket/key`` or ``s3://bucket/key``, for people."""
        scheme = "cos" if self.cloud == "tencent" else "s3"
        return f"{scheme}://{self.bucket}/{self.key}"
