"""URL → where records go. One file per technology, imported only when a URL asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

from vindrop.records import Record
from vindrop.sql import SCHEMES, Database, open_database
from vindrop.stores import StoreSettingError

Kind = Literal["readings", "dead_letters"]


class Destination(Protocol):
    """Where records go."""

    @property
    def database(self) -> Database | None:
        """Its SQL database, where it is one."""

    def put(self, record: Record) -> None:
        """Hand the record over; return only once it is safe there.

        Bringing the same record twice leaves one, where the technology can promise that.

        :raises StoreError: it was not taken.
        """


class Readable(Destination, Protocol):
    """A destination that can be read back: what the command line lists."""

    def records(self, kind: Kind) -> Iterator[Record]:
        """Yield the records of ``kind``, oldest first."""


def open_destination(url: str) -> Destination:
    """Return the destination that ``url`` names.

    :raises StoreSettingError: no such kind, a wrong URL, or its client is not installed.
    """
    scheme = urlsplit(url).scheme
    opener = _OPENERS.get(scheme)
    if opener is None:
        known = ", ".join(f"{name}://" for name in _OPENERS)
        raise StoreSettingError(f"{url} is no destination: a URL begins with one of {known}")
    return opener(url)


def name_of(url: str) -> str:
    """Return a short name of a destination, the same for every run, that tells no secret."""
    split = urlsplit(url)
    host = split.netloc.rpartition("@")[2]
    bare = urlunsplit((split.scheme, host, split.path, "", ""))
    return f"{split.scheme}-{hashlib.sha256(bare.encode()).hexdigest()[:8]}"


def _sql(url: str) -> Destination:
    from vindrop.destinations.sql import SQLDestination

    return SQLDestination(open_database(url))


def _file(url: str) -> Destination:
    from vindrop.destinations.file import FileDestination

    return FileDestination(url)


_OPENERS: dict[str, Callable[[str], Destination]] = {
    **dict.fromkeys(SCHEMES, _sql),
    "file": _file,
}
