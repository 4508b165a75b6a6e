"""Which buckets there are, and who may use them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

RESERVED: Final = ".vindrop"
"""The folder inside a bucket's folder that is ours and no object: temp files, parts, odd keys."""

_NAME: Final = re.compile(r"(?P<name>[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?)-(?P<appid>\d{1,20})")
_REGION: Final = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")

SHORT_REGIONS: Final = {
    "ap-guangzhou": "gz",
    "ap-shanghai": "sh",
    "ap-beijing": "bj",
    "ap-chengdu": "cd",
    "ap-chongqing": "cq",
    "ap-nanjing": "nj",
    "ap-hongkong": "hk",
}
"""What COS writes into ``cosBucket.region`` of an event (gz, bj, cd are seen in captured ones)."""


@dataclass(frozen=True)
class Account:
    """A key pair that may use the buckets."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """Set for temporary keys: requests must then carry it as ``x-cos-security-token``."""


@dataclass(frozen=True)
class Bucket:
    """One private bucket over one folder."""

    name: str
    """With the account's number, as COS's API wants it: ``photos-1250000000``."""
    region: str
    """Long form: ``ap-guangzhou``."""
    folder: Path
    port: int = 0
    """Port that stands for this bucket where a URL names no bucket; 0 takes a free one."""

    def __post_init__(self) -> None:
        """:raises ValueError: a name or region that COS would not have either."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} is not a bucket name: write it as COS does, small letters, digits "
                "and dashes, then a dash and the account's number (photos-1250000000)"
            )
        if not _REGION.fullmatch(self.region):
            raise ValueError(f"{self.region!r} is not a region: write it like ap-guangzhou")

    @property
    def short_name(self) -> str:
        """The name without the account's number, as events have it."""
        return self.name.rpartition("-")[0]

    @property
    def appid(self) -> str:
        """The account's number."""
        return self.name.rpartition("-")[2]

    @property
    def host(self) -> str:
        """The host that COS gives the bucket."""
        return f"{self.name}.cos.{self.region}.myqcloud.com"

    @property
    def short_region(self) -> str:
        """The region as events have it; the long form where the short one is not known."""
        return SHORT_REGIONS.get(self.region, self.region)
