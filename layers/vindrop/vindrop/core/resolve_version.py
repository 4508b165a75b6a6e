"""Which upload an object is that somebody names without saying which version of it is meant.

A bucket does not tell all that an event tells: COS's event names the request that wrote the object,
S3's a sequencer. So where the ledger can be asked by place, an object that it knows keeps the
identity under which it is known, and is not paid for once more:

| bucket | the same object, when |
|---|---|
| S3 that keeps versions | the version's id is the same |
| S3 | the ETag is the same |
| COS | the ledger first saw it, or its event says that it was written, no earlier than the object's last change, and it has the same size |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from vindrop.clouds.storage import Storage
from vindrop.core.ledger import Catalogue, Ledger, Seen
from vindrop.domain.upload import Upload

CLOCKS: Final = 2.0
"""Seconds by which the clocks of bucket and ledger may differ."""
_ETAG: Final = r"[0-9a-f]{32}(?:-[0-9]{1,5})?"


def identify(storage: Storage, ledger: Ledger, upload: Upload) -> Upload:
    """Return ``upload`` under the identity that it has, where nobody said which version is meant.

    An ETag of S3, as its listings give it, says what is meant and still not which upload it is.

    :raises FailureError: it is not there, not ours to read, or the bucket is away.
    :raises StoreError: the ledger is away.
    """
    tagged = upload.cloud == "aws" and re.fullmatch(_ETAG, upload.version) is not None
    if upload.version and not tagged:
        return upload
    found = storage.stat(replace(upload, version=""))
    if tagged and upload.version != found.etag:
        return upload  # overwritten since: only that it was meant is known
    there = replace(
        upload,
        version=found.version,
        size=found.size,
        uploaded_at=upload.uploaded_at or found.changed,
    )
    if not hasattr(ledger, "seen"):
        return there
    from vindrop.core.ledger import place

    name = place(there.cloud, there.bucket, there.key)
    known = same(there, found.etag, cast("Catalogue", ledger).seen([name]).get(name, ()))
    return there if known is None else replace(there, version=known.version)


def same(there: Upload, etag: str, seen: Sequence[Seen]) -> Seen | None:
    """Return the latest of ``seen`` that is the object ``there``.

    :param there: as its bucket tells of it: with its last change as ``uploaded_at``, and the ETag as
        ``version`` where the bucket keeps no versions, or does not say.
    """
    known = [each for each in seen if _is_same(there, etag, each)]
    return max(known, key=lambda each: each.at, default=None)


def _is_same(there: Upload, etag: str, seen: Seen) -> bool:
    if seen.version == there.version:
        return True
    if there.cloud == "aws":
        written = seen.version.partition("+")[0]
        if re.fullmatch(_ETAG, written):
            return written == etag
        if there.version != etag:  # both are versions' ids, and not the same one
            return False
    if seen.size is not None and there.size is not None and seen.size != there.size:
        return False
    changed = there.uploaded_at.timestamp() if there.uploaded_at else float("inf")
    return seen.at >= changed - CLOCKS
