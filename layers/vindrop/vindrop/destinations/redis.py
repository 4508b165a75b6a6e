"""Redis streams: ``redis://:password@host:6379/0?stream=name``, ``rediss://`` for TLS.

One script appends the record and sets a marker beside the stream, so a copy that comes within
``dedupe_seconds`` (default: a week) is dropped, whichever process brings it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vindrop.core.store_errors import StoreSettingError
from vindrop.core.store_url import TIMEOUT, parse
from vindrop.destinations.message import deduplication_key, headers
from vindrop.domain.records import Record, to_json
from vindrop.stores.redis import Scripts

DEDUPE_SECONDS: Final = 7 * 86_400

_APPEND: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('SET', KEYS[2], '1', 'EX', ARGV[1])
return 1
"""


class RedisDestination:
    """See `vindrop.core.destination.Destination`."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:  # noqa: ARG002  # as every opener
        where = parse(url, ("stream", "dedupe_seconds", TIMEOUT))
        self._stream = where.options.get("stream", "vindrop")
        self._seconds = max(1, round(where.seconds("dedupe_seconds", DEDUPE_SECONDS)))
        if not self._stream:
            raise StoreSettingError(f"{where.shown}: stream takes a name")
        self._redis = Scripts(url, where)

    def put(self, record: Record, *, redelivered: bool = False) -> None:
        """Append it, unless its marker is there."""
        fields = headers(record, redelivered=redelivered)
        fields |= {"id": record.id, "event": to_json(record)}
        flat = [part for pair in fields.items() for part in pair]
        # Braces: in a cluster the marker lives where the stream does.
        hashed = self._stream if "{" in self._stream else f"{{{self._stream}}}"
        marker = f"{hashed}:seen:{deduplication_key(record)}"
        self._redis.run(_APPEND, [self._stream, marker], self._seconds, *flat)
