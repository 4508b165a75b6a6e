"""Redrive: try again what ended as a dead letter.

A dead letter is found where dead letters went (a database, a file) or in the ledger, which keeps
them wherever they went. Redriving one is a single conditional write to the ledger: the upload's
retry is scheduled, and the sweep processes it like any other. So it is safe to run twice, at once, and
to be interrupted; the dead letter leaves its destination only when a reading arrives, or is
replaced by a newer one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from vindrop.core.destination import Destination, Withdrawing
from vindrop.core.ledger import Ledger, Redriven
from vindrop.domain.failures import Disposition
from vindrop.domain.records import DeadLetter

Result = Redriven | Literal["would_redrive", "names_no_object", "photo_gone"]
"""Beside what the ledger says: a dry run; an event too malformed to name an object; a photo that
came with a request, which only its caller has."""

DEFAULT_RATE: Final = 10.0
"""Retries per second that are scheduled: as many as calls are allowed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters; what is empty selects all."""

    ids: tuple[str, ...] = ()
    """Identities, or how they begin."""
    codes: tuple[str, ...] = ()
    """A code, or a dotted prefix of it: ``FailedOperation`` selects ``FailedOperation.OcrFailed``."""
    dispositions: frozenset[Disposition] = field(default_factory=frozenset)
    since: dt.datetime | None = None
    """Ended at this moment or later."""

    def takes(self, letter: DeadLetter) -> bool:
        """Whether ``letter`` is selected."""
        if self.ids and not letter.id.startswith(self.ids):
            return False
        if self.codes and not any(
            letter.code == code or letter.code.startswith(f"{code}.") for code in self.codes
        ):
            return False
        if self.dispositions and letter.disposition not in self.dispositions:
            return False
        return self.since is None or letter.last_seen >= self.since


@dataclass(frozen=True, slots=True)
class Redrive:
    """What became of one dead letter."""

    letter: DeadLetter
    result: Result


def redrive(
    letters: Iterable[DeadLetter],
    ledger: Ledger,
    *,
    destinations: Iterable[Destination] = (),
    rate: float = DEFAULT_RATE,
    dry_run: bool = False,
    before: int = 0,
) -> Iterator[Redrive]:
    """Redrive every one of ``letters``, and yield what became of each.

    :param destinations: where dead letters went. One whose upload has a reading after all is
        withdrawn there.
    :param rate: retries per second that are scheduled; the first is due at once.
    :param dry_run: change nothing.
    :param before: that were redriven by earlier calls of the same set: these come after them.
    :raises StoreError: a store is away; run it again, and it goes on where it was.
    """
    withdrawing = [d for d in destinations if isinstance(d, Withdrawing)]
    taken = before
    for letter in letters:
        result = _possible(letter, ledger, dry_run=dry_run)
        if result is None:
            found = ledger.redrive(letter, after=taken / rate)
            if found == "answered":
                for destination in withdrawing:
                    destination.withdraw(letter.id)
            result = found
        taken += result == "redriven"
        yield Redrive(letter, result)


def _possible(letter: DeadLetter, ledger: Ledger, *, dry_run: bool) -> Result | None:
    """Return why ``letter`` is not redriven, or None: it is."""
    if letter.upload is None:
        return "names_no_object"
    if letter.upload.cloud == "http":
        return "photo_gone"
    if not dry_run:
        return None
    standing = ledger.standing(letter.id)
    if standing is not None and standing.reviewed:
        return "reviewed"
    if standing is None or standing.state == "dead":
        return "would_redrive"
    return "answered" if standing.state == "delivered" else "under_way"
