"""Resolve which upload an object is that somebody names without its version.

A bucket does not tell all that an event tells: COS's event names the request that wrote the object,
S3's a sequencer. So an object that the ledger knows by its place keeps the identity under which it
is known, and is not paid for again. The object is the same, when:

| bucket | condition |
|---|---|
| it keeps versions | the version's id is the same |
| its events tell the ETag (S3, OSS) | the ETag is the same |
| its events do not (COS) | the ledger first saw it, or its event says that it was written, no earlier than the object's last change, and it has the same size |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from vindrop.core.ledger import Catalogue, Ledger, Seen
from vindrop.core.object_store import ObjectStore, ObjectStores
from vindrop.domain.upload import Upload

CLOCKS: Final = 2.0
"""Seconds by which the clocks of bucket and ledger may differ."""


def identify(storage: ObjectStores, ledger: Ledger, upload: Upload) -> Upload:
    """Return ``upload`` under the identity it has, where no version or only an ETag is given.

    :raises FailureError: it is not there, may not be read, or the bucket is away.
    :raises StoreError: the ledger is away.
    """
    store = storage.of(upload.cloud)
    # A listing's ETag says what is meant, but not which upload it is.
    tagged = bool(upload.version) and store.etag_of(upload.version) == upload.version
    if upload.version and not tagged:
        return upload
    found = store.stat(replace(upload, version=""))
    if tagged and upload.version != found.etag:
        return upload  # overwritten since: only that it was meant is known
    there = replace(
        upload,
        version=found.version,
        size=found.size,
        uploaded_at=upload.uploaded_at or found.changed,
        # What is there now is what is read, and nothing that is put in its place before that.
        version_id=found.version if found.version != found.etag else upload.version_id,
        etag=found.etag or None,
        reference=upload.reference or found.reference,
    )
    if not hasattr(ledger, "seen"):
        return there
    name = there.object_id
    known = same(store, there, found.etag, cast("Catalogue", ledger).seen([name]).get(name, ()))
    return there if known is None else replace(there, version=known.version)


def same(store: ObjectStore, there: Upload, etag: str, seen: Sequence[Seen]) -> Seen | None:
    """Return the latest of ``seen`` that is the object ``there``.

    :param there: as its bucket tells of it: with its last change as ``uploaded_at``, and the ETag as
        ``version`` where the bucket keeps no versions, or does not say.
    """
    known = [each for each in seen if _is_same(store, there, etag, each)]
    return max(known, key=lambda each: each.at, default=None)


def _is_same(store: ObjectStore, there: Upload, etag: str, seen: Seen) -> bool:
    if seen.version == there.version:
        return True
    if store.events_tell_etag:
        if written := store.etag_of(seen.version):
            return written == etag
        if there.version != etag:  # both are versions' ids, and not the same one
            return False
    if seen.size is not None and there.size is not None and seen.size != there.size:
        return False
    changed = there.uploaded_at.timestamp() if there.uploaded_at else float("inf")
    return seen.at >= changed - CLOCKS
