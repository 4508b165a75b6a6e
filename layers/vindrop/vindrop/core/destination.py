"""What the pipeline asks of a destination: where records go.

Adding a destination: a file in `vindrop.destinations` with a class of this protocol, and one line in
its ``__init__``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from vindrop.core.ledger import Transactional
from vindrop.domain import records

if TYPE_CHECKING:
    from vindrop.domain.records import End
    from vindrop.domain.review import Review

Kind = Literal["readings", "dead_letters"]


class Destination(Protocol):
    """Where records go."""

    @property
    def database(self) -> Transactional | None:
        """Its SQL database, where it is one."""

    def put(self, record: records.Record, *, redelivered: bool = False) -> None:
        """Hand the record over; return only once it is safe there.

        Delivery is at-least-once. The same record twice leaves one, where the technology can
        promise that.

        :param redelivered: an earlier process may have handed it over and died before it said so.
            Where the technology cannot drop a second copy, the message carries ``redelivered``.
        :raises StoreError: it was not taken.
        """


class Readable(Destination, Protocol):
    """A destination that can be read back: what the command line lists."""

    def records(self, kind: Kind) -> Iterator[records.End]:
        """Yield the records of ``kind``, oldest first, as they were delivered."""

    def reviewed(self, kind: Kind) -> Iterator[tuple[End, Review | None]]:
        """Yield the same, each with the last review of its upload; `vindrop.domain.in_force` judges."""


@runtime_checkable
class Withdrawing(Protocol):
    """A destination that can take a dead letter back."""

    def withdraw(self, record_id: str) -> None:
        """Remove the dead letter of an upload that has ended otherwise, if there is one.

        :raises StoreError: it could not be done now.
        """


@runtime_checkable
class Retracting(Protocol):
    """A destination that can take a person's reading back."""

    def retract(self, upload_id: str) -> None:
        """Remove the reading with verdict ``reviewed`` of an upload, if there is one.

        For a review that is undone or corrected to "no VIN": the dead letter, which is handed over
        again after this, stands again.

        :raises StoreError: it could not be done now.
        """
