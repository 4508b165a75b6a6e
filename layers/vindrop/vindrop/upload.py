"""What arrived and where; its identity. The word everything downstream speaks."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Cloud = Literal["tencent", "aws", "http"]
"""Whose bucket; ``http``: no object at all, the photo came with a request (`vindrop.http`)."""


class Upload(BaseModel):
    """An object that arrived in a bucket, or a photo that came with a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: Cloud
    bucket: str = Field(min_length=1)
    """As the cloud's API wants it: on Tencent with the account's number (``name-appid``).

    Where the cloud is ``http``: ``bytes``, and the key is their sha256 (hex); or ``url``, and the
    key is the address without its query.
    """
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
        scheme = {"tencent": "cos", "aws": "s3", "http": "http"}[self.cloud]
        return f"{scheme}://{self.bucket}/{self.key}"
