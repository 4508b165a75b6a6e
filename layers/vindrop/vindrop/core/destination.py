"""What the pipeline asks of a destination: where records go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol, runtime_checkable

from vindrop.core.ledger import Transactional
from vindrop.domain import records

Kind = Literal["readings", "dead_letters"]


class Destination(Protocol):
    """Where records go."""

    @property
    def database(self) -> Transactional | None:
        """Its SQL database, where it is one."""

    def put(self, record: records.Record, *, again: bool = False) -> None:
        """Hand the record over; return only once it is safe there.

        Bringing the same record twice leaves one, where the technology can promise that.

        :param again: it may have been handed over before, by a process that then died. Where the
            technology cannot tell, the message says so (``redelivered``).
        :raises StoreError: it was not taken.
        """


class Readable(Destination, Protocol):
    """A destination that can be read back: what the command line lists."""

    def records(self, kind: Kind) -> Iterator[records.Record]:
        """Yield the records of ``kind``, oldest first."""


@runtime_checkable
class Withdrawing(Protocol):
    """A destination that can take a dead letter back."""

    def withdraw(self, record_id: str) -> None:
        """Remove the dead letter of an upload that has ended otherwise, if there is one.

        :raises StoreError: it could not be done now.
        """
