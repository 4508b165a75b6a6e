"""Delivers a record to every destination it is meant for: at least once, and once where possible.

Which destinations have it is checkpointed, so that a retry serves only the others.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from vindrop.core.destination import Destination, Retracting, Withdrawing
from vindrop.core.invocation import deadline
from vindrop.core.ledger import Transactional
from vindrop.core.store_errors import StoreError
from vindrop.domain import records
from vindrop.domain.vin import Verdict
from vindrop.telemetry import log

if TYPE_CHECKING:
    from vindrop.domain.review import Review

LEAST_SECONDS: Final = 1.0
"""That a destination gets however little time is left: the answer is paid for."""
LONGEST_SECONDS: Final = 900.0
"""For all of them, where nobody says how much time there is."""


class Delivery:
    """The destinations of readings and of dead letters."""

    def __init__(
        self, readings: Mapping[str, Destination], dead_letters: Mapping[str, Destination]
    ) -> None:
        self._readings = readings
        self._dead_letters = dead_letters

    @property
    def of_dead_letters(self) -> tuple[Destination, ...]:
        """Where dead letters went."""
        return tuple(self._dead_letters.values())

    def deliver(
        self,
        record: records.Record,
        delivered_to: frozenset[str],
        checkpoint: Callable[[frozenset[str]], None],
        *,
        redelivered: bool = False,
        redriven: bool = False,
        seconds: float = LONGEST_SECONDS,
    ) -> None:
        """Hand ``record`` to every destination that has not got it.

        One that fails does not keep the others from it: they are served, and only the failed one
        is tried again.

        :param delivered_to: names of destinations that have it.
        :param checkpoint: told the names that have it, where some but not all do.
        :param redelivered: an earlier process may have handed it over and died before it said so.
        :param redriven: the upload was a dead letter; its reading withdraws that where it can be.
        :param seconds: that there are for all of them: see `_run`.
        :raises StoreError: of the first destination that failed.
        """
        deliveries: dict[str, Callable[[], None]] = {
            name: partial(destination.put, record, redelivered=redelivered)
            for name, destination in self._for(record).items()
        }
        if redriven and isinstance(record, records.Reading):
            deliveries |= self._withdrawals(record.id)
        _run(deliveries, delivered_to, checkpoint, seconds)

    def deliver_review(
        self,
        review: Review,
        moved: records.End | None,
        delivered_to: frozenset[str],
        checkpoint: Callable[[frozenset[str]], None],
        *,
        redelivered: bool = False,
    ) -> None:
        """Hand a review over, and before it what it makes of the upload.

        :param moved: the reading that a person made of a dead letter; or the dead letter that
            stands again, whose reading is then retracted where it can be.
        :raises StoreError: as `deliver`.
        """
        done = delivered_to

        def noted(names: frozenset[str]) -> None:
            nonlocal done
            done = names
            checkpoint(names)

        for step in self._steps(review, moved, redelivered=redelivered):
            done = _run(step, done, noted)

    def _steps(
        self, review: Review, moved: records.End | None, *, redelivered: bool
    ) -> Iterator[dict[str, Callable[[], None]]]:
        """Yield what is done first, and what only once that is done everywhere."""
        if isinstance(moved, records.Reading):
            if (
                moved.verdict is not Verdict.REVIEWED
            ):  # the upload was read after all: see ReviewDesk
                yield self._retractions(review.upload.id)
            yield {
                **self._puts(self._readings, moved, "reading", redelivered=redelivered),
                **self._withdrawals(review.upload.id),
            }
        elif moved is not None:
            yield self._retractions(review.upload.id)
            yield self._puts(self._dead_letters, moved, "dead_letter", redelivered=redelivered)
        yield self._puts(self._for(review), review, "review", redelivered=redelivered)

    def _retractions(self, upload_id: str) -> dict[str, Callable[[], None]]:
        """Where the reading that a person made of a dead letter is taken back."""
        return {
            f"retracted:{name}": partial(each.retract, upload_id)
            for name, each in {**self._readings, **self._dead_letters}.items()
            if isinstance(each, Retracting)
        }

    def _puts(
        self,
        destinations: Mapping[str, Destination],
        record: records.Record,
        kind: str,
        *,
        redelivered: bool,
    ) -> dict[str, Callable[[], None]]:
        return {
            f"{kind}:{name}": partial(each.put, record, redelivered=redelivered)
            for name, each in destinations.items()
        }

    def withdraw(self, record_id: str) -> None:
        """Take a dead letter back that arrived after the reading of its upload.

        :raises StoreError: a destination could not do it now.
        """
        for act in self._withdrawals(record_id).values():
            act()

    def _withdrawals(self, record_id: str) -> dict[str, Callable[[], None]]:
        """Where a dead letter stands that no reading replaces by itself."""
        found: dict[str, Callable[[], None]] = {}
        for name, destination in self._dead_letters.items():
            if isinstance(destination, Withdrawing):
                if name not in self._readings:
                    found[f"withdrawn:{name}"] = partial(destination.withdraw, record_id)
            else:
                log("dead_letter_stands", level="warning", destination=name, id=record_id)
        return found

    def is_in(self, database: Transactional | None, record: records.Record) -> bool:
        """Whether ``record`` goes to ``database`` and nowhere else."""
        destinations = list(self._for(record).values())
        return database is not None and [d.database for d in destinations] == [database]

    def together(
        self, database: Transactional | None, record: records.Record
    ) -> contextlib.AbstractContextManager[None]:
        """Let what is written in the block commit at once, where ``record`` goes to ``database`` alone."""
        if database is None or not self.is_in(database, record):
            return contextlib.nullcontext()
        return database.transaction()

    def soon_synced(
        self, database: Transactional | None, record: records.Record
    ) -> contextlib.AbstractContextManager[None]:
        """Leave the sync of a commit to the delivery of ``record``, where that follows at once."""
        if database is None or not self.is_in(database, record):
            return contextlib.nullcontext()
        return database.relaxed()

    def _for(self, record: records.Record) -> Mapping[str, Destination]:
        if isinstance(record, records.Reading):
            return self._readings
        if records.is_review(record):
            # Without a VIN the dead letter stays, so whoever has it is told what a person says.
            stays = record.vin is None and record.before.code is not None
            return {**self._readings, **(self._dead_letters if stays else {})}
        if record.upload is not None and record.upload.cloud == "http":
            return {}  # its caller was told, and nobody else has the photo
        return self._dead_letters


def _run(
    deliveries: Mapping[str, Callable[[], None]],
    delivered_to: frozenset[str],
    checkpoint: Callable[[frozenset[str]], None],
    seconds: float = LONGEST_SECONDS,
) -> frozenset[str]:
    """Do what is not done yet; one that fails does not keep the others from it.

    Each may take its part of what is left of ``seconds``, and `LEAST_SECONDS` at least: so one that
    drips leaves the others their time. Those that heed a `deadline` do; a database has limits of its own.

    :returns: names of all that is done.
    :raises StoreError: of the first that failed.
    """
    failed: StoreError | None = None
    done, until = delivered_to, time.monotonic() + seconds
    waiting = len(deliveries.keys() - done)
    for name, act in deliveries.items():
        if name in done:
            continue
        part = (until - time.monotonic()) / waiting
        waiting -= 1
        try:
            with deadline(max(part, LEAST_SECONDS)):
                act()
        except StoreError as error:
            log("destination_failed", level="warning", destination=name, reason=str(error))
            failed = failed or error
            continue
        done |= {name}
    if failed is not None:
        if done != delivered_to:
            checkpoint(done)
        raise failed
    return done
