"""What arrived and where; its identity. The word everything downstream speaks."""

import datetime as dt
import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

import msgspec

from vindrop.domain.columns import Column, Shown

BucketCloud = Literal["tencent", "aws", "alibaba"]
"""Clouds that an object store is registered for in `vindrop.clouds`."""
Cloud = Literal[BucketCloud, "http"]
"""Whose bucket; ``http``: no object at all, the photo came with a request (`vindrop.http`)."""
_CLOUDS: Final = frozenset(get_args(Cloud))


@dataclass(frozen=True)
class Upload:
    """An object that arrived in a bucket, or a photo that came with a request.

    :raises ValueError: a field that must not be empty is, a size below 0, no such cloud. It names
        the field, and holds no value.
    """

    cloud: Annotated[Cloud, Column("VARCHAR", 16)]
    bucket: Annotated[str, Column("VARCHAR", 255)]
    """As the cloud's API wants it: on Tencent with the account's number (``name-appid``).

    Where the cloud is ``http``: ``bytes``, and the key is their sha256 (hex); or ``url``, and the
    key is the address without its query.
    """
    region: str
    """Long form, such as ``ap-guangzhou`` or ``us-east-1``."""
    key: Annotated[str, Column("VARCHAR", 1024, "object_key"), Shown("photo")]
    """Object key, decoded, without a leading slash of the event's making."""
    version: str
    """What tells two uploads to one key apart: S3 versionId or eTag+sequencer, OSS eTag+request, COS request id or ETag."""
    size: int | None = None
    """Bytes, where the event says it."""
    uploaded_at: dt.datetime | None = None
    """When the object was written (UTC), where the event says it."""
    version_id: str | None = None
    """The version's id in a bucket that keeps versions, where the event says it: this one is read."""
    etag: str | None = None
    """The object's ETag without quotes, where the event says it: no other content is read."""

    def __post_init__(self) -> None:
        if self.cloud not in _CLOUDS:
            raise ValueError(f"cloud: takes {', '.join(sorted(_CLOUDS))}")
        for name in ("bucket", "region", "key"):
            if not getattr(self, name):
                raise ValueError(f"{name}: is empty")
        if self.size is not None and self.size < 0:
            raise ValueError("size: is below 0")

    @functools.cached_property
    def id(self) -> str:
        """sha256 (hex) over cloud, bucket, key and version: the same event twice is the same upload.

        Written as a JSON list, so that no two different uploads can run into one string.
        """
        parts = json.dumps([self.cloud, self.bucket, self.key, self.version], ensure_ascii=True)
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def object_id(self) -> str:
        """sha256 (hex) over cloud, bucket and key: the object, whatever its version."""
        return hashlib.sha256(f"{self.cloud}\n{self.bucket}\n{self.key}".encode()).hexdigest()

    def to_json(self) -> str:
        """Return it as a ledger keeps it: one line of JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "Upload":
        """Return what `to_json` wrote.

        :raises ValueError: it is something else.
        """
        return msgspec.json.decode(text, type=cls)
