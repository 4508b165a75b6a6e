"""What the console asks for: lists of uploads, one upload's life, the review queue, the overview.

One interface with an implementation per kind of ledger (`vindrop.stores.open_console`); the ledger
holds every record, so whatever the destinations are, the console works. Decisions of people go
through `vindrop.core.review`, which also delivers them.

Pages go by cursor: a cursor names the last row seen, so a page costs the same wherever it lies, and
rows that arrive meanwhile shift nothing. A search that no index answers reads a bounded number of
rows per page: such a page may hold fewer items than asked for, or none, and still have a `Page.next`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from vindrop.core.ledger import OpenCircuit, State, Waiting
from vindrop.core.outcome import Queue, queue_of
from vindrop.core.rate_limiter import Rate
from vindrop.domain.failures import Failure
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.review import Review
from vindrop.domain.upload import Upload

SHORTEST_PART: Final = 3
"""Characters of a VIN, at least, that a search for a part of it takes."""
LARGEST_PAGE: Final = 200
Step = Literal[
    "uploaded",
    "received",
    "claimed",
    "called",
    "retry_scheduled",
    "answered",
    "dead_letter",
    "redriven",
    "delivered",
    "reviewed",
]


_MEANT: Final = {"I": "1", "O": "0", "Q": "0"}
"""The letters that no VIN holds, and the digits they are taken for."""


class ConsoleUnavailableError(Exception):
    """There is no ledger to look into; ``str()`` says what to set."""


class BadCursorError(ValueError):
    """A cursor that this console did not make, or that belongs to another filter or version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which uploads; what is empty selects all.

    :raises ValueError: a part of a VIN that is too short or holds what no VIN can; its sentence is
        for the user.
    """

    vin: str = ""
    """A VIN or a part of it, at least `SHORTEST_PART` characters; the reviewed VIN counts where there is one."""
    photo: str = ""
    """How the object key begins, or the photo's name (what follows the key's last slash)."""
    bucket: str = ""
    """Exactly."""
    reference: str = ""
    """How the stock or order number begins."""
    since: dt.datetime | None = None
    """First seen at this moment or later (with time zone)."""
    until: dt.datetime | None = None
    """First seen before this moment (with time zone)."""
    verdict: str = ""
    """A `vindrop.domain.vin.Verdict`; ``reviewed``: a person gave the VIN."""
    code: str = ""
    """Of a dead letter or of the last failure: the code, or a dotted prefix of it."""
    maker: str = ""
    """Exactly, as readings have it."""
    state: State | Literal["", "waiting", "ended"] = ""
    """``waiting``: not ended; ``ended``: delivered or dead."""

    def __post_init__(self) -> None:
        part = self.vin.strip().upper()
        if part and not SHORTEST_PART <= len(part) <= 17:
            raise ValueError(
                f"a VIN has 17 characters, and a part of it needs at least {SHORTEST_PART}"
            )
        if not part.isascii() or (part and not part.isalnum()):
            raise ValueError("a VIN holds digits and capital letters only")
        for letter in part:
            if digit := _MEANT.get(letter):
                raise ValueError(f"no VIN holds the letter {letter}: search for the digit {digit}")
        object.__setattr__(self, "vin", part)
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} needs a time zone")


EVERYTHING: Final = Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One upload in a list."""

    id: str
    upload: Upload
    state: State
    first_seen: dt.datetime
    last_seen: dt.datetime
    attempts: int
    billed: int
    maybe_billed: int
    redriven: int = 0
    record: Reading | DeadLetter | None = None
    """The answer, delivered or not. Of a dead letter that a person solved: the reading made of it."""
    failure: Failure | None = None
    """Of the last attempt that failed, where a retry was scheduled."""
    due_at: dt.datetime | None = None
    """When it is tried or delivered next, where it has not ended."""
    review: Review | None = None
    """The review in force; None also where the last one was undone."""
    sequence: int = 0
    """Of the last review of whatever kind, an undo included; 0: never reviewed. What a decision names."""

    @property
    def vin(self) -> str | None:
        """The VIN in force: the person's, else the machine's; None where either says there is none."""
        if self.review is not None:
            return self.review.vin
        return self.record.vin if isinstance(self.record, Reading) else None

    @property
    def verdict(self) -> str | None:
        """The verdict in force: ``reviewed`` where a person gave the VIN; None where there is no reading."""
        if self.review is not None and self.review.vin is not None:
            return "reviewed"
        return self.record.verdict.value if isinstance(self.record, Reading) else None

    @property
    def code(self) -> str | None:
        """Of the dead letter, else of the last failure while it waits."""
        if isinstance(self.record, DeadLetter):
            return self.record.code
        return self.failure.code if self.failure is not None and self.record is None else None

    @property
    def waits_for_review(self) -> Queue | None:
        """In which part of the review queue it stands."""
        ended = self.state in {"delivered", "dead"}
        return queue_of(self.record) if ended and self.review is None and self.record else None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    entries: tuple[Entry, ...]
    next: str | None
    """Cursor of the page after this one; None: this is the last. May be put into a URL as it is."""
    searched_to: dt.datetime | None = None
    """Where a search stopped before the page was full: what was first seen earlier is on the next pages."""


@dataclass(frozen=True, slots=True)
class Event:
    """A step in an upload's life."""

    step: Step
    at: dt.datetime | None
    """None: that it happened is known, when is not."""
    detail: Mapping[str, str | int | float | None] = field(default_factory=dict)
    """Such as ``request_id``, ``seconds``, ``code``, ``message``, ``vin``, ``reviewer``, ``attempts``, ``billed``."""


@dataclass(frozen=True, slots=True)
class Life:
    """All that the ledger knows of one upload."""

    entry: Entry
    events: tuple[Event, ...]
    """Oldest first; those whose time is unknown where they belong."""
    dead_letter: DeadLetter | None
    """An earlier end, that a redrive, a late reading or a person replaced."""
    reviews: tuple[Review, ...]
    """The whole history, first to last, undone ones and undos included."""
    undelivered_reviews: int = 0
    """Reviews that are kept and wait for a destination that is away; the sweep delivers them."""


@dataclass(frozen=True, slots=True)
class Day:
    """Figures of the uploads that were first seen on one day (UTC)."""

    day: dt.date
    uploads: int = 0
    readings: Mapping[str, int] = field(default_factory=dict)
    """Verdict in force → readings."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Code → dead letters."""
    waiting: int = 0
    """Not ended yet."""
    reviewed: int = 0
    """With a review in force, whatever it says."""
    billed: int = 0
    maybe_billed: int = 0
    cost: float | None = None
    """Billed calls by ``price_per_call``; None where no price is set."""
    median_seconds: float | None = None
    """From first seen to reading; within 5 %. Redriven uploads are left out."""
    p95_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How things are."""

    days: tuple[Day, ...]
    """Oldest first, today last; days without uploads included."""
    total: Day
    """All of them together; its ``day`` is today."""
    waiting: Mapping[State, Waiting]
    """What has not ended, by state, and since when."""
    to_review: Mapping[Queue, int]
    """Length of the review queue; counted up to `COUNTED`."""
    oldest_to_review: float | None
    """Seconds since the oldest of them was first seen."""
    circuit: OpenCircuit | None
    """None: closed, calls are made."""
    rate: Rate | None
    """The rate limiter as it is; None while its store is away."""
    up_to_date: bool = True
    """False while older uploads are still being counted (the first minutes after an upgrade)."""


COUNTED: Final = 10_000
"""The review queue is counted to this number; more is shown as "10,000+"."""


class Console(Protocol):
    """What the pages and the command line ask. All methods raise `StoreError` when the store is away."""

    def uploads(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return uploads, newest first seen first.

        :raises BadCursorError: begin anew without a cursor.
        """

    def upload(self, upload_id: str) -> Life | None:
        """Return one upload's life; None: the ledger never saw it."""

    def find(self, beginning: str) -> tuple[str, ...]:
        """Return ids that begin so (at least 8 characters), ten at most: for the command line."""

    def review_queue(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return what waits for a person: doubtful readings, then dead letters a person may read.

        Oldest first within each. ``Filter.verdict`` and ``Filter.code`` narrow it to one part.

        :raises BadCursorError: begin anew without a cursor.
        """

    def overview(self, days: int = 30) -> Overview:
        """Return the figures of the last ``days`` days, today included (1 to 366)."""

    def export(self, chosen: Filter = EVERYTHING) -> Iterator[Entry]:
        """Yield every upload that `uploads` would list, in pages: memory does not grow."""

    def reviews(self, upload_id: str) -> tuple[Review, ...]:
        """Return the history of an upload, first to last."""
