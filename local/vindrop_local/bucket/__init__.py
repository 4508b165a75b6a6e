"""A bucket over a folder that speaks COS to COS's official SDK, and sends COS's event."""

from __future__ import annotations

from vindrop_local.bucket.server import BucketServer
from vindrop_local.bucket.spec import Account, Bucket

__all__ = ["Account", "Bucket", "BucketServer"]
